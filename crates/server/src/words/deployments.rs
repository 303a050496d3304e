//! Why an application is not changed now, and what a change does to it, in French.

use std::fmt::{self, Display};

use deployments::project::{ProjectRefusal, WindowKind, WindowWait};
use deployments::{
    BlockReason, Chart, ChartProblem, CredentialOf, CredentialTrouble, DEPENDS_ON,
    DependencyProblem, DependencyWait, HealthStatus, Holder, ObjectKey, Removal, StepWait, Wait,
    WaitReason,
};

use super::{Coded, Said, count, kept};

/// An application whose file is gone and whose objects are not yet.
pub struct BeingRemoved<'a>(pub &'a Removal);

impl Display for BeingRemoved<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Removal { commit, .. } = self.0;
        write!(f, "{commit} removed its file, and its objects are being deleted")
    }
}

impl Said for BeingRemoved<'_> {
    fn french(&self) -> String {
        let Removal { commit, .. } = self.0;
        format!("{commit} a enlevé son fichier, et ses objets sont en cours de suppression")
    }
}

impl Coded for BeingRemoved<'_> {
    fn code(&self) -> &'static str {
        "being-removed"
    }
}

impl Said for BlockReason {
    #[expect(clippy::too_many_lines, reason = "one sentence for each variant")]
    fn french(&self) -> String {
        match self {
            Self::ClusterUnavailable { address } => format!(
                "la destination `{address}` n’est pas un cluster que ce serveur connaît ; déclarez-le dans Git avec `boucle cluster add`, démarrez le serveur avec un kubeconfig qui l’a, ou donnez `name: local` pour des processus de cette machine ; `boucle cluster list` dit ce qui manque à un cluster déclaré"
            ),
            // What is missing is a phrase of the target's and is kept as it is.
            Self::InventoryMissing { what } => format!(
                "ce qui tourne sur la cible n’est pas connu ({what}), donc rien n’est changé ; la prochaine observation décide"
            ),
            Self::InventoryStale { as_of } => format!(
                "la cible a été observée pour la dernière fois à {as_of}, avant la fin du dernier déploiement ; la prochaine observation décide"
            ),
            Self::NotAnObject { document } => format!(
                "le document {document} du rendu n’a pas d’apiVersion, de kind ou de metadata.name ; ajoutez-les"
            ),
            Self::DuplicateObject { object } => {
                format!("{object} est rendu deux fois ; enlevez-en un")
            }
            Self::UnknownKind { object } => format!(
                "{object} : cette cible n’exécute pas le type {} ; rien n’a été écrit ; enlevez l’objet ou déployez-le ailleurs",
                object.group_kind()
            ),
            Self::InvalidManifest { object, message } => {
                format!("{object} : {message} ; rien n’a été écrit")
            }
            Self::InvalidOrder { object, message } => {
                format!("l’ordre de {object} est faux : {message}")
            }
            Self::NamespaceMissing { object } => format!(
                "{object} va dans un namespace qui n’existe pas ou n’est pas nommé ; donnez `spec.destination.namespace`, ajoutez un Namespace, ou mettez `CreateNamespace=true`"
            ),
            Self::OwnedByAnother { object, application } => format!(
                "{object} appartient à l’application {application} ; enlevez-le de l’une des deux"
            ),
            Self::MassDeletion { deletions, existing, allowed } => format!(
                "{} sur {existing} seraient supprimés et {allowed} peuvent l’être sans une personne : {} ; confirmez la suppression ou remettez-les dans Git",
                count(deletions.len() as u64, "objet", "objets"),
                list(deletions)
            ),
            Self::WouldDeleteEverything { deletions } => format!(
                "le rendu est vide et supprimerait tous les objets : {} ; confirmez la suppression, ou mettez `allowEmpty`",
                list(deletions)
            ),
            Self::MassRemoval { deletions, together, of } => format!(
                "un commit a enlevé {together} applications sur {of} avec leurs objets ; confirmez la suppression de {}, ou remettez les fichiers dans Git",
                list(deletions)
            ),
            Self::DeletionNeedsConfirmation { deletions } => format!(
                "`Prune=confirm` ou `Delete=confirm` retient la suppression de {} ; confirmez-la",
                list(deletions)
            ),
            Self::ManualSync { changes } => format!(
                "l’automatisme est coupé, en attente : {} ; demandez une synchronisation",
                count(*changes as u64, "changement", "changements")
            ),
            Self::Held { holder: Holder { kind, namespace, name, cluster }, by } => format!(
                "rien n’est écrit de soi-même tant que le {kind} {namespace}/{name} du cluster {cluster} est suspendu (par `{by}`) ; reprenez cet objet, ou demandez une synchronisation"
            ),
            Self::SelfHealOff { objects } => format!(
                "{} a changé sur la cible et `selfHeal` est coupé ; demandez une synchronisation ou activez-le",
                list(objects)
            ),
            Self::RepairLater { objects, until } => format!(
                "{} change à nouveau chaque fois que Boucle le rétablit ; prochain rétablissement à {until} ; cherchez qui l’écrit, ou citez le champ dans `ignoreDifferences`",
                list(objects)
            ),
            Self::RetryLater { failures, until, problem } => format!(
                "déployer ce rendu a échoué ({failures}), un nouvel essai suit à {until} ; la dernière fois : {}",
                kept(problem)
            ),
            Self::RetriesExhausted { failures, problem } => format!(
                "déployer ce rendu a échoué {failures} fois, ce qui est la limite ; poussez un changement ou demandez une synchronisation ; la dernière fois : {}",
                kept(problem)
            ),
            Self::ArtifactNotPromoted { artifact, environment } => format!(
                "rien de `{artifact}` n’a encore été promu en {environment} ; la première construction publiée le sera"
            ),
            Self::ProjectMissing { project } => format!(
                "le projet `{project}` n’est déclaré dans aucun fichier lisible, donc rien n’est permis ; ajoutez un AppProject de ce nom à côté de l’application, ou nommez-en un autre dans `spec.project`"
            ),
            Self::ProjectRefuses { project, refusal } => {
                format!("le projet `{project}` ne le permet pas : {}", refusal.french())
            }
            Self::SetRemovesMany { set, removals, existing } => format!(
                "l’ensemble `{set}` ne produit plus {} sur {existing} : {} ; rien n’est enlevé ; confirmez la suppression de toutes ou remettez-les dans Git",
                count(removals.len() as u64, "application", "applications"),
                list(removals)
            ),
            Self::WaitsForDependency { application, wait } => format!(
                "elle attend l’application {application}, dont elle dépend : {} ; la suite vient quand celle-ci est synchronisée et saine",
                wait.french()
            ),
            Self::WaitsForStep { wait } => wait.french(),
            Self::SyncWindow { wait } => wait.french(),
        }
    }
}

impl Said for ProjectRefusal {
    fn french(&self) -> String {
        match self {
            Self::Source { repository, denied_by: Some(rule) } => {
                format!("`{rule}` de ses `sourceRepos` refuse le dépôt {repository}")
            }
            Self::Source { repository, denied_by: None } => format!(
                "aucune entrée de ses `sourceRepos` ne correspond au dépôt {repository} ; ajoutez-en une"
            ),
            Self::Destination { place, namespace, denied_by: Some(rule) } => format!(
                "`{rule}` de ses `destinations` refuse la destination {place}, namespace `{namespace}`"
            ),
            Self::Destination { place, namespace, denied_by: None } => format!(
                "aucune entrée de ses `destinations` ne correspond à {place}, namespace `{namespace}` ; ajoutez-en une"
            ),
            Self::Namespace { object } => format!(
                "{object} n’est pas dans un namespace de ses `destinations` ; ajoutez le namespace ou déplacez l’objet"
            ),
            Self::Kind { object, is_denied, cluster_scoped } => {
                let scope = if *cluster_scoped { "cluster" } else { "namespace" };
                if *is_denied {
                    format!("`{scope}ResourceBlacklist` refuse le type de {object}")
                } else {
                    format!(
                        "`{scope}ResourceWhitelist` n’a pas le type de {object} ; ajoutez `{{group: '{}', kind: {}}}`",
                        object.group, object.kind
                    )
                }
            }
            Self::ServiceAccount { place, namespace } => format!(
                "ses `destinationServiceAccounts` n’ont pas de compte pour {place}, namespace `{namespace}`, et personne d’autre ne peut agir ; ajoutez une entrée"
            ),
        }
    }
}

impl Said for DependencyWait {
    fn french(&self) -> String {
        match self {
            Self::Missing => "rien ne la déclare".into(),
            Self::BeingRemoved => "ses objets sont encore là".into(),
            Self::NotRendered => "elle n’a pas de rendu".into(),
            Self::Blocked => "quelque chose la retient elle-même".into(),
            Self::NotSynchronised => "son dernier rendu n’est pas déployé".into(),
            Self::NotHealthy { status } => format!("elle est en l’état {}", health(*status)),
        }
    }
}

impl Said for StepWait {
    fn french(&self) -> String {
        let Self { set, step, application, wait } = self;
        format!(
            "elle attend l’étape {step} de l’ensemble `{set}`, dont l’application {application} n’est pas prête : {} ; la suite vient après elle, ou quand une personne demande une synchronisation",
            wait.french()
        )
    }
}

impl Said for DependencyProblem {
    fn french(&self) -> String {
        match self {
            Self::NoName { text } => {
                format!("`{DEPENDS_ON}` a `{text}`, qui n’est pas le nom d’une application")
            }
            Self::Unknown { name } => {
                format!("`{DEPENDS_ON}` nomme {name}, qu’aucun fichier de ce dépôt ne déclare")
            }
            Self::Cycle { path } => {
                let names: Vec<&str> = path.iter().map(|name| name.as_str()).collect();
                format!(
                    "`{DEPENDS_ON}` fait un cercle : {} s’attend elle-même par {} ; enlevez-en une",
                    names.first().copied().unwrap_or_default(),
                    names.join(" → ")
                )
            }
            Self::Steps { path, set } => {
                let names: Vec<&str> = path.iter().map(|name| name.as_str()).collect();
                format!(
                    "`{DEPENDS_ON}` va contre les étapes de l’ensemble `{set}`\u{a0}: {} s’attend elle-même par {}\u{202f}; enlevez la dépendance, ou mettez ce qu’elle nomme dans une étape qui ne vient pas plus tard",
                    names.first().copied().unwrap_or_default(),
                    names.join(" → ")
                )
            }
        }
    }
}

impl Said for WindowWait {
    fn french(&self) -> String {
        let Self { project, kind, schedule, until, manual } = self;
        let held = match kind {
            WindowKind::Deny => format!(
                "une fenêtre du projet `{project}` interdit les changements en ce moment ({schedule})"
            ),
            WindowKind::Allow => format!(
                "aucune fenêtre du projet `{project}` qui permet les changements n’est ouverte ({schedule})"
            ),
        };
        let until = match until {
            Some(until) => format!("la suite vient à {until}"),
            None => "cela ne finira pas de soi-même".to_owned(),
        };
        let person = if *manual {
            "ou quand une personne demande une synchronisation"
        } else {
            "la demande d’une personne attend aussi"
        };
        format!("{held} ; {until} ; {person}")
    }
}

impl Said for ChartProblem {
    // What a host answers is quoted, as readers' own messages are.
    fn french(&self) -> String {
        let Chart { place, name, version } = self.chart();
        let chart = format!("le chart {name} {version} de {place}");
        match self {
            Self::Fetching { .. } => format!("{chart} est en cours de téléchargement"),
            Self::HostNotNamed { host, .. } => format!(
                "{chart} vient de {host}, que ce serveur n’a pas reçu l’ordre d’interroger ; démarrez-le avec `boucle up --charts-from {host}`, ou déposez le chart dans un dossier de Git et nommez-le par `path`"
            ),
            Self::Unavailable { message, .. } => format!(
                "{chart} ne peut pas être téléchargé en ce moment : {message} ; un nouvel essai suit, et ce qui est déployé reste"
            ),
            Self::Refused { message, .. } => {
                format!("{chart} n’est pas pris : {message} ; ce qui est déployé reste")
            }
            Self::Changed { known, found, .. } => format!(
                "{chart} était {known} et est maintenant {found} ; ce qu’une version contient ne change jamais ici : nommez une autre version, ou déposez le chart dans un dossier de Git"
            ),
            Self::CredentialUndeclared { .. } => format!(
                "{chart} n’est pas public, et le dépôt qui le demande ne déclare aucun accès ; `boucle charts add {place} --repository OWNER/NAME` le fait"
            ),
            Self::Credential { of, trouble, .. } => {
                let CredentialOf { repository, secret, url } = of;
                let bound = format!(" --charts {url}");
                let (what, uses) = match trouble {
                    CredentialTrouble::Missing => (
                        format!("{repository} n’a pas de secret {secret} ; donnez-le"),
                        Some(bound),
                    ),
                    CredentialTrouble::ForOthers => (
                        format!("le secret {secret} est pour autre chose ; donnez-en un"),
                        Some(bound),
                    ),
                    CredentialTrouble::Elsewhere { given } => (
                        format!(
                            "le secret {secret} a été donné pour {given}, pas pour {url} ; donnez-le"
                        ),
                        None,
                    ),
                    CredentialTrouble::Tokens { host } => (
                        format!(
                            "ses jetons viennent de {host}, pour qui le secret {secret} n’a pas été donné ; s’il peut y aller, donnez-le à nouveau"
                        ),
                        Some(format!("{bound} --tokens-from {host}")),
                    ),
                    CredentialTrouble::Refused { host, status } => (
                        format!(
                            "{host} refuse le secret {secret} (réponse {status}), et ce qui est déployé reste ; renouvelez-le"
                        ),
                        // A new value goes where the old one went.
                        None,
                    ),
                };
                let uses = uses.unwrap_or_default();
                format!(
                    "{chart} demande un accès : {what} par `boucle secret set {repository} {secret}{uses}`"
                )
            }
        }
    }
}

impl Coded for ChartProblem {
    fn code(&self) -> &'static str {
        self.code()
    }
}

impl Coded for BlockReason {
    fn code(&self) -> &'static str {
        self.code()
    }
}

impl Said for Wait {
    fn french(&self) -> String {
        let after = |message: &str| match message {
            "" => String::new(),
            message => format!(" : {}", kept::french(message)),
        };
        let reason = match &self.reason {
            WaitReason::Health { status, message } => {
                format!("il est {}{}", health(*status), after(message))
            }
            WaitReason::Hook { message } => {
                format!("le crochet n’a pas fini{}", after(message))
            }
            WaitReason::Deletion => {
                "sa suppression est en cours ; ses finaliseurs peuvent la retenir".into()
            }
        };
        format!("la vague {} attend {} : {reason}", self.wave, self.object)
    }
}

impl Coded for Wait {
    fn code(&self) -> &'static str {
        self.code()
    }
}

fn health(status: HealthStatus) -> &'static str {
    match status {
        HealthStatus::Healthy => "sain",
        HealthStatus::Suspended => "suspendu",
        HealthStatus::Progressing => "en cours",
        HealthStatus::Missing => "absent",
        HealthStatus::Degraded => "dégradé",
        HealthStatus::Unknown => "inconnu",
    }
}

fn list(objects: &[ObjectKey]) -> String {
    objects.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}
