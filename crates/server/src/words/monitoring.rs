//! What the watching found, in French.

use monitoring::{Case, Severity, UnknownReason};

use super::{Coded, Said, count, kept};

impl Said for Case {
    fn french(&self) -> String {
        match self {
            // Reasons, answers and problems are quoted from the target, the probe and the scrape.
            Self::WorkloadDegraded { reason } => {
                format!("la charge est dégradée : {}", kept::french(reason))
            }
            Self::RestartsTooMany { restarts, allowed } => format!(
                "{} de répliques, {allowed} toléré",
                count(*restarts, "redémarrage", "redémarrages")
            ),
            Self::ProbeFailing { probe, failures, last_answer } => format!(
                "{probe} a échoué {failures} fois de suite, dernière réponse : {last_answer}"
            ),
            Self::ObjectiveBurning {
                objective,
                severity,
                burn_thousandths,
                factor_thousandths,
                long_window_ms,
                short_window_ms,
                query: _,
            } => format!(
                "l’objectif {objective} use son budget {} fois plus vite que permis sur {} et {} ({} à partir de {})",
                decimal(*burn_thousandths),
                span(*long_window_ms),
                span(*short_window_ms),
                urgency(*severity),
                decimal(*factor_thousandths),
            ),
            Self::BurningBefore { objective, since } => format!(
                "l’objectif {objective} brûle depuis {since}, avant cette révision ; il est jugé quand la fenêtre courte ne contient plus qu’elle"
            ),
            Self::WorkloadProgressing => "la charge est encore en cours de changement".into(),
            Self::WorkloadUnknown { reason } => {
                format!("la santé de la charge n’est pas connue : {reason}")
            }
            Self::ProbeSilent { probe } => format!("{probe} n’a pas encore répondu"),
            Self::ObjectiveUnknown { objective, reason } => {
                format!("l’objectif {objective} ne peut pas être jugé : {}", reason.french())
            }
            Self::ScrapeFailing { target, problem } => {
                format!("pas de métriques de {target} : {problem}")
            }
            Self::LittleTraffic { requests: Some(requests), needed } => format!(
                "{} jusqu’ici, il en faut {needed} pour juger",
                count(*requests, "requête", "requêtes")
            ),
            Self::LittleTraffic { requests: None, needed } => {
                format!("rien ne compte les requêtes, il en faut {needed} pour juger")
            }
            Self::WindowOpen { until } => format!("observation jusqu’à {until}"),
            Self::ClockBehind { deployed_at } => format!(
                "l’horloge est en retard sur le déploiement de {deployed_at} ; elle est attendue"
            ),
        }
    }
}

impl Coded for Case {
    fn code(&self) -> &'static str {
        self.code()
    }
}

impl Said for UnknownReason {
    fn french(&self) -> String {
        match self {
            Self::NoData => {
                "la requête n’a pas de réponse ; vérifiez que les métriques du service sont lues"
            }
            Self::NotAShare => "la réponse n’est pas une part entre 0 et 1 ; vérifiez les requêtes",
            Self::LittleTraffic => "trop peu de requêtes dans la fenêtre",
            Self::QueryFailed => "le magasin de métriques a refusé la requête ou n’a pas répondu",
            Self::NoRules => {
                "sa fenêtre de temps est trop courte pour une règle à cet intervalle de lecture"
            }
        }
        .into()
    }
}

impl Coded for UnknownReason {
    fn code(&self) -> &'static str {
        UnknownReason::code(*self)
    }
}

/// A verdict, which some facts keep as its code.
pub fn verdict(code: &str) -> &str {
    match code {
        "healthy" => "saine",
        "inconclusive" => "indécise",
        "sick" => "malade",
        other => other,
    }
}

fn urgency(severity: Severity) -> &'static str {
    match severity {
        Severity::Ticket => "ticket",
        Severity::Page => "alerte",
    }
}

/// `14,4`.
fn decimal(thousandths: u64) -> String {
    let (whole, rest) = (thousandths / 1000, format!("{:03}", thousandths % 1000));
    match rest.trim_end_matches('0') {
        "" => whole.to_string(),
        rest => format!("{whole},{rest}"),
    }
}

/// `1 h`, `90 s`, `500 ms`: the largest unit that divides.
fn span(milliseconds: u64) -> String {
    const UNITS: [(u64, &str); 4] =
        [(86_400_000, "j"), (3_600_000, "h"), (60_000, "min"), (1_000, "s")];
    let unit =
        UNITS.iter().find(|(size, _)| milliseconds > 0 && milliseconds.is_multiple_of(*size));
    let (size, name) = unit.copied().unwrap_or((1, "ms"));
    format!("{}\u{a0}{name}", milliseconds / size)
}
