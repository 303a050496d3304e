//! Why jobs wait, end or do not start, in French.

use pipelines::facts::Conclusion;
use pipelines::gate::GateReason;
use pipelines::run::reasons::{CancelReason, EndReason, WaitReason};
use pipelines::trigger::SkipReason;

use super::{Coded, Said, kept};

impl Said for WaitReason {
    fn french(&self) -> String {
        match self {
            Self::Needs { jobs } => {
                format!("attend la fin de {}, dont elle a besoin", jobs.join(", "))
            }
            Self::ConcurrencyGroup { group, holder, holder_job: None } => format!(
                "attend le groupe de concurrence `{group}`, que tient l’exécution {holder} ; elle commence quand celle-ci se termine, ou annulez celle-ci"
            ),
            Self::ConcurrencyGroup { group, holder, holder_job: Some(job) } => format!(
                "attend le groupe de concurrence `{group}`, que tient la tâche {job} de l’exécution {holder} ; elle commence quand cette tâche se termine, ou annulez cette exécution"
            ),
            Self::MaxParallel { limit } => format!(
                "attend parce que sa matrice en exécute {limit} à la fois (`max-parallel`) ; elle commence quand l’une d’elles se termine"
            ),
            Self::Runner => {
                "est en file ; l’exécuteur la commence dès qu’il a une place libre".into()
            }
        }
    }
}

impl Coded for WaitReason {
    fn code(&self) -> &'static str {
        self.code()
    }
}

/// Said beside the state, so that the state is not said again.
impl Said for EndReason {
    fn french(&self) -> String {
        match self {
            Self::NeedsNotSucceeded { ancestors } => {
                let ended = ancestors.iter();
                let ended = ended.map(|one| format!("{} est {}", one.job, conclusion(one.result)));
                format!(
                    "elle ne s’exécute qu’après un succès, et {} ; ajoutez `if: always()` ou une autre fonction d’état pour l’exécuter quand même",
                    ended.collect::<Vec<_>>().join(", ")
                )
            }
            Self::ConditionFalse { condition } => {
                format!("sa condition `{condition}` est fausse")
            }
            // Details and messages are quoted from the step, the expression and the runner.
            Self::StepFailed { step, name, detail } => {
                format!("l’étape {} ({name}) a échoué : {}", step + 1, kept::french(detail))
            }
            Self::Cancelled { reason } => reason.french(),
            Self::TimedOut { minutes } => format!(
                "arrêtée après {minutes} min ; relevez `timeout-minutes` s’il lui faut plus longtemps"
            ),
            Self::FailFast { failed } => format!(
                "{failed} de la même matrice a échoué ; `fail-fast: false` laisse continuer les autres"
            ),
            Self::Interrupted => {
                "le serveur s’est arrêté deux fois pendant qu’elle s’exécutait ; relancez-la quand il est stable"
                    .into()
            }
            Self::InvalidExpression { key, message } => {
                format!("`{key}` n’a pas pu être évaluée : {message}")
            }
            Self::InvalidJob { message } => format!("ne peut pas être exécutée : {message}"),
            Self::CalledJobs { jobs } => {
                let ended = jobs.iter();
                let ended = ended.map(|one| format!("{} est {}", one.job, conclusion(one.result)));
                format!("dans le workflow appelé, {}", ended.collect::<Vec<_>>().join(", "))
            }
            Self::NotSupported { parts } => format!(
                "n’a pas été exécutée, car Boucle ne fait pas tout ce qu’elle demande : {}",
                parts.join(" ; ")
            ),
            Self::RunnerProblem { message } => {
                format!("l’exécuteur n’a pas pu l’exécuter : {message}")
            }
        }
    }
}

impl Coded for EndReason {
    fn code(&self) -> &'static str {
        self.code()
    }
}

impl Said for CancelReason {
    fn french(&self) -> String {
        match self {
            Self::Requested { by } => format!("{by} l’a annulée"),
            Self::Superseded { group, by } => {
                format!("l’exécution {by} du groupe de concurrence `{group}` est plus récente")
            }
            Self::Outdated => "son commit a été remplacé".into(),
        }
    }
}

impl Coded for CancelReason {
    fn code(&self) -> &'static str {
        self.code()
    }
}

impl Said for SkipReason {
    fn french(&self) -> String {
        match self {
            Self::EventNotListed { event } => {
                format!("`on` ne nomme pas {event} ; ajoutez-le pour que le workflow en parte")
            }
            Self::ActivityNotListed { activity } => {
                format!("`types` de pull_request ne nomme pas {activity}")
            }
            Self::RefDeleted { reference } => {
                format!("{reference} a été supprimée, il n’y a donc rien à exécuter")
            }
            Self::BranchFiltered { branch } => {
                format!("la branche {branch} ne passe pas le filtre de branches du workflow")
            }
            Self::TagFiltered { tag } => {
                format!("l’étiquette {tag} ne passe pas le filtre d’étiquettes du workflow")
            }
            Self::PathsFiltered { changed } => format!(
                "aucun des chemins changés ({changed}) ne passe le filtre de chemins du workflow"
            ),
            Self::NotAskedFor => "un autre workflow a été demandé".into(),
            Self::InputUnknown { input } => {
                format!("le workflow n’a pas d’entrée `{input}` ; omettez-la")
            }
            Self::InputMissing { input } => {
                format!("l’entrée `{input}` est exigée et n’a pas de valeur par défaut ; donnez-la")
            }
            // What it takes is a phrase of the workflow language's and is kept as it is.
            Self::InputInvalid { input, expected } => {
                format!("l’entrée `{input}` attend : {expected}")
            }
        }
    }
}

impl Coded for SkipReason {
    fn code(&self) -> &'static str {
        self.code()
    }
}

impl Said for GateReason {
    fn french(&self) -> String {
        match self {
            Self::NoRun { check } => format!(
                "aucune exécution n’a rendu `{check}` pour ces fichiers ; elle l’est quand un workflow qui a cette tâche s’exécute pour eux"
            ),
            Self::Unfinished { check, run } => format!(
                "`{check}` n’est pas terminée dans l’exécution {run} ; la décision vient quand elle l’est"
            ),
            Self::NotSucceeded { check, run, conclusion: ended } => format!(
                "`{check}` est {} dans l’exécution {run} ; poussez un changement ou relancez-la",
                conclusion(*ended)
            ),
        }
    }
}

impl Coded for GateReason {
    fn code(&self) -> &'static str {
        self.code()
    }
}

fn conclusion(conclusion: Conclusion) -> &'static str {
    match conclusion {
        Conclusion::Success => "réussie",
        Conclusion::Failure => "échouée",
        Conclusion::Cancelled => "annulée",
        Conclusion::Skipped => "sautée",
    }
}
