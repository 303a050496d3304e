//! The loop's reasons in French.

use control::reasons::{HoldReason, PromotionRefusal, RollbackRefusal, WaitReason};
use ledger::IncidentId;

use super::monitoring::verdict;
use super::{Coded, Said};

impl Said for WaitReason {
    fn french(&self) -> String {
        match self {
            Self::GateOpen { gate } => format!(
                "la condition `{gate}` n’est pas remplie pour cette construction ; voyez son exécution"
            ),
            Self::NotDeployedBefore { environment } => {
                format!("{environment} ne l’exécute pas encore ; la suite vient quand c’est fait")
            }
            Self::NotVerifiedBefore { environment, verdict: found } => format!(
                "{environment} l’exécute et sa vérification est : {} ; la suite vient quand elle est saine",
                verdict(found)
            ),
            Self::ApprovalMissing { environment } => {
                format!("{environment} exige l’approbation d’une personne ; approuvez la promotion")
            }
            // Why is kept as English text; the pull request says it in the language of who asks.
            Self::PullRequestWaiting { number, why: _ } => format!(
                "la demande de changement nº {number} ne peut pas encore être fusionnée ; elle dit pourquoi"
            ),
            Self::EarlierPromotionRunning { digest } => {
                format!("{digest} a été promue avant et n’est pas encore vérifiée")
            }
        }
    }
}

impl Coded for WaitReason {
    fn code(&self) -> &'static str {
        self.code()
    }
}

impl Said for HoldReason {
    fn french(&self) -> String {
        match self {
            Self::Quarantined { incident } => format!(
                "elle est en quarantaine{} ; publiez une construction corrigée ou levez la quarantaine",
                in_brackets(*incident)
            ),
            Self::ChosenByPerson { actor } => format!(
                "{actor} a choisi une version plus ancienne ; reprenez l’automatisme pour continuer"
            ),
            Self::Frozen { incident } => format!(
                "les promotions sont gelées{} ; reprenez l’automatisme quand c’est résolu",
                in_brackets(*incident)
            ),
        }
    }
}

impl Coded for HoldReason {
    fn code(&self) -> &'static str {
        self.code()
    }
}

impl Said for PromotionRefusal {
    fn french(&self) -> String {
        match self {
            Self::NotPublished => {
                "aucune exécution n’a publié une telle construction ; voyez `boucle env list`"
                    .into()
            }
            Self::Quarantined { incident } => {
                HoldReason::Quarantined { incident: *incident }.french()
            }
            Self::AlreadyThere => "l’environnement l’a déjà".into(),
            Self::OnItsWay => {
                "elle est déjà en cours de promotion ; voyez sa demande de changement".into()
            }
            Self::NotYet(reason) => reason.french(),
        }
    }
}

impl Coded for PromotionRefusal {
    fn code(&self) -> &'static str {
        self.code()
    }
}

impl Said for RollbackRefusal {
    fn french(&self) -> String {
        match self {
            Self::NotSick => "elle n’est pas malade ; il n’y a rien à retirer".into(),
            Self::Inconclusive => {
                "ce qui a été vu ne permet pas de décider ; l’observation continue".into()
            }
            Self::NotDeployed { assessed, running } => format!(
                "la génération {assessed} a été évaluée et la génération {running} tourne ; la prochaine évaluation décide"
            ),
            Self::NewerChangeOnItsWay { commit } => format!(
                "le commit {commit} change l’application et n’est pas encore déployé ; son évaluation décide"
            ),
            Self::RollbackOfRollback { commit } => format!(
                "le commit {commit} est lui-même un retour arrière ; une personne doit regarder"
            ),
            Self::NoHealthyRevision => {
                "aucun état antérieur n’est connu comme sain ; une personne doit regarder".into()
            }
            Self::WindowUsed { until } => format!(
                "il y a eu un retour arrière récemment ; le prochain automatique est possible à {until} ; une personne peut en demander un maintenant"
            ),
            Self::AlreadyFrozen => {
                "les promotions sont déjà gelées ; une personne doit regarder".into()
            }
            Self::AwaitingAnswer => {
                "une personne a été consultée ; approuvez le retour arrière ou poussez une correction"
                    .into()
            }
            Self::ChangedElsewhere { commit } => format!(
                "le commit {commit} a déjà été déployé et était rendu autrement : une source d’un autre dépôt a changé, ou l’outil de rendu ; corrigez-la là-bas"
            ),
        }
    }
}

impl Coded for RollbackRefusal {
    fn code(&self) -> &'static str {
        self.code()
    }
}

fn in_brackets(incident: Option<IncidentId>) -> String {
    incident.map_or_else(String::new, |incident| format!(" (incident {incident})"))
}
