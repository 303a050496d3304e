//! Why an action on an object is not done, in French.

use deployments::{ActionRefusal, TRACKING_ANNOTATION};

use super::{Said, kept};

impl Said for ActionRefusal {
    fn french(&self) -> String {
        match self {
            Self::Secret => "aucune action ne lit ni ne crée un Secret : ce qu’elle fait des valeurs pourrait être lu ensuite".into(),
            Self::Unknown { action, offered } if offered.is_empty() => {
                format!("il n’y a ni action `{action}` ni aucune autre sur cet objet")
            }
            Self::Unknown { action, offered } => format!(
                "il n’y a pas d’action `{action}` sur cet objet ; il y a {}",
                offered.join(", ")
            ),
            Self::Disabled { action } => {
                format!("l’action `{action}` est impossible tant que l’objet est dans cet état")
            }
            Self::UnknownParameter { parameter, known } if known.is_empty() => {
                format!("l’action ne prend aucun paramètre, et a reçu `{parameter}`")
            }
            Self::UnknownParameter { parameter, known } => format!(
                "l’action n’a pas de paramètre `{parameter}` ; elle prend {}",
                known.join(", ")
            ),
            Self::MissingParameter { parameter } => {
                format!("l’action exige le paramètre `{parameter}`")
            }
            Self::NoWholeNumber { parameter } => {
                format!("le paramètre `{parameter}` doit être un nombre entier à partir de 0")
            }
            Self::Script { problem } => {
                format!("le script de l’action a échoué : {}", kept(problem))
            }
            Self::SetByGit { fields } => format!(
                "Git fixe {} et le rétablirait ; changez-le là",
                fields.join(", ")
            ),
            Self::OtherObject { object } => format!(
                "l’action changerait {object} ; elle peut changer son propre objet et en créer d’autres dans le même namespace"
            ),
            Self::Tracking => format!(
                "l’action changerait {TRACKING_ANNOTATION}, qui dit à qui est l’objet ; laissez-la parmi ses annotations"
            ),
            Self::NotPermitted { refusal } => {
                format!("le projet ne permet pas ce qu’elle écrirait : {}", refusal.french())
            }
            Self::NoChange => "l’action ne change rien".into(),
        }
    }
}
