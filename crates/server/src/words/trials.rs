//! What clusters say to a proposed change, and why they were not asked.

use std::fmt::{self, Display};

use super::{Coded, Said};

/// An object that a cluster would not take if a proposed change were merged.
pub struct ClusterRefuses<'a> {
    /// The cluster's name.
    pub cluster: &'a str,
    /// Whose object.
    pub application: &'a dyn Display,
    /// What the cluster says.
    pub refusal: &'a dyn Display,
}

/// Objects of a proposed change that no cluster was asked about.
pub struct NotTried<'a> {
    /// How many.
    pub objects: usize,
    /// Why.
    pub why: WhyNotTried<'a>,
}

/// Why a cluster was not asked about an object.
pub enum WhyNotTried<'a> {
    /// It does not answer.
    Silent {
        /// The cluster's name.
        cluster: &'a str,
    },
    /// It took too long.
    Slow {
        /// The cluster's name.
        cluster: &'a str,
        /// How long was waited.
        patience_s: u64,
    },
    /// The change has more objects than are tried.
    TooMany {
        /// How many are.
        limit: usize,
    },
}

impl Display for ClusterRefuses<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { cluster, application, refusal } = self;
        write!(f, "{application}: the cluster {cluster} would refuse this now: {refusal}")
    }
}

impl Said for ClusterRefuses<'_> {
    fn french(&self) -> String {
        let Self { cluster, application, refusal } = self;
        format!("{application} : le cluster {cluster} refuserait ceci maintenant : {refusal}")
    }
}

impl Coded for ClusterRefuses<'_> {
    fn code(&self) -> &'static str {
        "cluster-refuses"
    }
}

impl Display for NotTried<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { objects, why } = self;
        match why {
            WhyNotTried::Silent { cluster } => write!(
                f,
                "the cluster {cluster} does not answer now, so nobody knows what it would say to \
                 {objects} of the objects that change"
            ),
            WhyNotTried::Slow { cluster, patience_s } => write!(
                f,
                "the cluster {cluster} did not say within {patience_s} seconds whether it would \
                 take {objects} of the objects that change; look again in a moment"
            ),
            WhyNotTried::TooMany { limit } => write!(
                f,
                "{limit} objects of this change were tried on their clusters, {objects} were not"
            ),
        }
    }
}

impl Said for NotTried<'_> {
    fn french(&self) -> String {
        let Self { objects, why } = self;
        match why {
            WhyNotTried::Silent { cluster } => format!(
                "le cluster {cluster} ne répond pas en ce moment : personne ne sait ce qu’il dirait \
                 de {objects} des objets qui changent"
            ),
            WhyNotTried::Slow { cluster, patience_s } => format!(
                "le cluster {cluster} n’a pas dit en {patience_s} secondes s’il accepterait \
                 {objects} des objets qui changent ; regardez à nouveau dans un instant"
            ),
            WhyNotTried::TooMany { limit } => format!(
                "{limit} objets de ce changement ont été essayés sur leurs clusters, {objects} ne \
                 l’ont pas été"
            ),
        }
    }
}

impl Coded for NotTried<'_> {
    fn code(&self) -> &'static str {
        "cluster-not-asked"
    }
}
