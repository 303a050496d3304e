//! What is wrong with files of a repository: its configuration, workflows and manifests. The readers'
//! own messages are quoted, as compilers' are.

use std::fmt::{self, Display};

use api::problem::Reason;
use deployments::application_set::{LeftOut, Origin, PullRequestId, WhyLeftOut};
use deployments::{BlockReason, DependencyProblem, ObjectKey};
use ledger::RepositoryName;
use pipelines::workflow::{Problem, ProblemCode};

use super::{Coded, Said, reason};

/// One thing that is wrong with a repository's configuration, with its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigurationProblem {
    /// The stable code.
    pub code: &'static str,
    /// The file.
    pub file: String,
    /// The line and the column, from 1; absent when the whole file is meant.
    pub place: Option<(u64, u64)>,
    /// What is wrong.
    pub what: Trouble,
}

/// What is wrong with a configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Trouble {
    /// A reader refuses the file.
    Refused(String),
    /// Two files declare one application.
    DeclaredTwice {
        /// The application.
        application: String,
        /// The other file.
        other: String,
    },
    /// Another repository has an application of this name.
    NameTaken {
        /// The application.
        application: String,
    },
    /// Two files declare one project.
    ProjectDeclaredTwice {
        /// The project.
        project: String,
    },
    /// Two files customize how objects are judged.
    CustomizedTwice {
        /// The other file.
        other: String,
    },
    /// A cluster has the name or the address of another one.
    ClusterKnown {
        /// The cluster.
        cluster: String,
    },
    /// Two files say who asks for the charts at an address.
    ChartsDeclaredTwice {
        /// The address.
        url: String,
    },
    /// Two files name one service of a generator `plugin`.
    PluginDeclaredTwice {
        /// The ConfigMap.
        plugin: String,
    },
    /// A service has not answered a set yet.
    Unanswered {
        /// The set.
        set: String,
        /// What is awaited, or why it is in vain.
        problem: String,
    },
    /// A service gives a set no new answer.
    Unheard {
        /// The set.
        set: String,
        /// The ConfigMap that names the service.
        plugin: String,
        /// Why there is none.
        problem: String,
    },
    /// A set makes nothing of a pull request or a branch.
    LeftOut {
        /// The set.
        set: String,
        /// Which, and because of whom.
        left_out: LeftOut,
    },
    /// The applications that one depends on.
    Dependency(DependencyProblem),
    /// A project does not permit an application.
    NotPermitted(BlockReason),
    /// An environment names a folder without a kustomization.
    OverlayMissing {
        /// The environment.
        environment: String,
        /// The file that should be there.
        path: String,
    },
}

/// Manifests that cannot be rendered, with what the renderer says.
pub struct RenderFailed<'a>(pub &'a dyn Display);

/// An object that an application's sources have more than once; Argo CD's `RepeatedResourceWarning`.
pub struct RepeatedObject<'a>(pub &'a render::Repeated);

/// Objects of a namespace that belong to no application; Argo CD's `OrphanedResourceWarning`.
pub struct Orphans<'a> {
    /// The namespace.
    pub namespace: &'a str,
    /// The objects.
    pub objects: &'a [ObjectKey],
}

/// So many orphans are named.
const ORPHANS_NAMED: usize = 10;

impl ConfigurationProblem {
    /// Whether an application may be declared all the same, so that nothing may be taken as gone.
    #[must_use]
    pub fn may_hide_applications(&self) -> bool {
        match &self.what {
            Trouble::Refused(_)
            | Trouble::DeclaredTwice { .. }
            | Trouble::ProjectDeclaredTwice { .. }
            | Trouble::CustomizedTwice { .. }
            | Trouble::ClusterKnown { .. }
            | Trouble::PluginDeclaredTwice { .. }
            | Trouble::Unanswered { .. }
            | Trouble::OverlayMissing { .. } => true,
            Trouble::NotPermitted(_)
            | Trouble::Dependency(_)
            | Trouble::NameTaken { .. }
            | Trouble::ChartsDeclaredTwice { .. }
            | Trouble::Unheard { .. }
            | Trouble::LeftOut { .. } => false,
        }
    }

    /// The problem as the interface shows it, in the language of the request.
    #[must_use]
    pub fn reason(&self) -> Reason {
        Reason {
            file: Some(self.file.clone()),
            line: self.place.map(|(line, _)| line),
            column: self.place.map(|(_, column)| column),
            ..reason(self)
        }
    }
}

impl Display for ConfigurationProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.what {
            Trouble::Refused(message) => f.write_str(message),
            Trouble::DeclaredTwice { application, other } => {
                write!(f, "{application} is declared in {other} too")
            }
            Trouble::NameTaken { application } => write!(
                f,
                "another repository of this server has an application {application}, so this one is not looked at; choose another name"
            ),
            Trouble::ProjectDeclaredTwice { project } => {
                write!(f, "the project {project} is declared in another file too")
            }
            Trouble::CustomizedTwice { other } => {
                write!(f, "`argocd-cm` is declared in {other} too; only that one counts")
            }
            Trouble::ClusterKnown { cluster } => write!(
                f,
                "another cluster of this repository or of the server has the name or the address of {cluster}; rename this one, or remove its file"
            ),
            Trouble::ChartsDeclaredTwice { url } => write!(
                f,
                "another file says who asks for the charts at {url}; only that one counts: remove one"
            ),
            Trouble::PluginDeclaredTwice { plugin } => write!(
                f,
                "the ConfigMap `{plugin}` is in another file too; only that one counts: remove one"
            ),
            Trouble::Unanswered { set, problem } => {
                write!(f, "the set `{set}` waits for its parameters: {problem}")
            }
            Trouble::Unheard { set, plugin, problem } => write!(
                f,
                "the service of the ConfigMap `{plugin}` gives the set `{set}` no new answer, so that its last one counts and nothing is removed: {problem}"
            ),
            Trouble::LeftOut { set, left_out: LeftOut { of, why } } => {
                write!(f, "the set `{set}` makes nothing of {}: ", english(of))?;
                match why {
                    WhyLeftOut::Untrusted(actor) => write!(
                        f,
                        "{actor}, whom it comes from, may not write to {}; somebody who may can push the same commits as a pull request of their own",
                        repository(of)
                    ),
                    WhyLeftOut::NoName(name) => write!(
                        f,
                        "`{name}` is no name of an application; name the branch otherwise, or use `branch_slug` or `branchNormalized` in the name"
                    ),
                }
            }
            Trouble::Dependency(problem) => problem.fmt(f),
            Trouble::NotPermitted(reason) => reason.fmt(f),
            Trouble::OverlayMissing { environment, path } => {
                write!(f, "the environment {environment} has no {path}")
            }
        }
    }
}

impl Said for ConfigurationProblem {
    fn french(&self) -> String {
        match &self.what {
            Trouble::Refused(message) => format!("le fichier n’est pas accepté : {message}"),
            Trouble::DeclaredTwice { application, other } => {
                format!("{application} est déclarée aussi dans {other}")
            }
            Trouble::NameTaken { application } => format!(
                "un autre dépôt de ce serveur a une application {application}, donc celle-ci n’est pas regardée ; choisissez un autre nom"
            ),
            Trouble::ProjectDeclaredTwice { project } => {
                format!("le projet {project} est déclaré aussi dans un autre fichier")
            }
            Trouble::CustomizedTwice { other } => {
                format!("`argocd-cm` est déclaré aussi dans {other} ; seul celui-là compte")
            }
            Trouble::ClusterKnown { cluster } => format!(
                "un autre cluster de ce dépôt ou du serveur a le nom ou l’adresse de {cluster} ; renommez celui-ci, ou supprimez son fichier"
            ),
            Trouble::ChartsDeclaredTwice { url } => format!(
                "un autre fichier dit qui demande les charts de {url} ; seul celui-là compte : supprimez l’un des deux"
            ),
            Trouble::PluginDeclaredTwice { plugin } => format!(
                "la ConfigMap `{plugin}` est aussi dans un autre fichier ; seul celui-là compte : supprimez l’un des deux"
            ),
            Trouble::Unanswered { set, problem } => {
                format!("l’ensemble `{set}` attend ses paramètres : {problem}")
            }
            Trouble::Unheard { set, plugin, problem } => format!(
                "le service de la ConfigMap `{plugin}` ne donne pas de nouvelle réponse à l’ensemble `{set}` ; sa dernière compte donc, et rien n’est supprimé : {problem}"
            ),
            Trouble::LeftOut { set, left_out: LeftOut { of, why } } => {
                let why = match why {
                    WhyLeftOut::Untrusted(actor) => format!(
                        "{actor}, de qui elle vient, n’a pas le droit d’écrire dans {} ; quelqu’un qui l’a peut pousser les mêmes commits dans sa propre demande",
                        repository(of)
                    ),
                    WhyLeftOut::NoName(name) => format!(
                        "`{name}` n’est pas un nom d’application ; nommez la branche autrement, ou employez `branch_slug` ou `branchNormalized` dans le nom"
                    ),
                };
                format!("l’ensemble `{set}` ne fait rien de {} : {why}", french(of))
            }
            Trouble::Dependency(problem) => problem.french(),
            Trouble::NotPermitted(reason) => reason.french(),
            Trouble::OverlayMissing { environment, path } => {
                format!("l’environnement {environment} n’a pas de {path}")
            }
        }
    }
}

fn repository(of: &Origin) -> &RepositoryName {
    match of {
        Origin::PullRequest(PullRequestId { repository, .. })
        | Origin::Branch { repository, .. } => repository,
    }
}

fn english(of: &Origin) -> String {
    match of {
        Origin::PullRequest(of) => format!("the pull request {of}"),
        Origin::Branch { repository, branch } => format!("the branch {branch} of {repository}"),
    }
}

fn french(of: &Origin) -> String {
    match of {
        Origin::PullRequest(PullRequestId { repository, number }) => {
            format!("la demande de changement nº {number} de {repository}")
        }
        Origin::Branch { repository, branch } => format!("la branche {branch} de {repository}"),
    }
}

impl Coded for ConfigurationProblem {
    fn code(&self) -> &'static str {
        self.code
    }
}

/// A problem of a workflow as the interface shows it, in the language of the request.
pub fn workflow_reason(problem: &Problem) -> Reason {
    let placed = problem.line > 0;
    Reason {
        file: Some(problem.path.clone()),
        line: placed.then_some(u64::from(problem.line)),
        column: placed.then_some(u64::from(problem.column)),
        ..reason(&Unplaced(problem))
    }
}

/// A problem of a workflow without its place, which the reason has beside it.
pub struct Unplaced<'a>(pub &'a Problem);

impl Display for Unplaced<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.message)
    }
}

impl Said for Unplaced<'_> {
    fn french(&self) -> String {
        let what = match self.0.code {
            ProblemCode::WorkflowYaml => "ce n’est pas du YAML valable",
            ProblemCode::WorkflowTooLarge => "c’est plus grand que permis",
            ProblemCode::WorkflowAnchor => "cette ancre ou cette fusion n’est pas permise",
            ProblemCode::WorkflowUnexpectedValue => "cette clé ou cette valeur n’est pas attendue",
            ProblemCode::WorkflowDuplicateKey => "cette clé est là deux fois",
            ProblemCode::WorkflowMissingKey => "il manque une clé",
            ProblemCode::WorkflowAmbiguous => "cela pourrait être plusieurs choses",
            ProblemCode::WorkflowExpression => "cette expression est fausse",
            ProblemCode::WorkflowExpressionNotAllowed => "aucune expression n’est permise ici",
            ProblemCode::WorkflowIdentifier => "cet identifiant n’est pas valable",
            ProblemCode::WorkflowNeeds => "les dépendances entre tâches sont fausses",
            ProblemCode::WorkflowMatrix => "cette matrice n’a pas de valeurs",
            ProblemCode::WorkflowCall => "cet appel ne correspond pas au workflow appelé",
            ProblemCode::WorkflowContradiction => "ces clés se contredisent",
            ProblemCode::Unsupported => "Boucle ne fait pas cela",
        };
        format!("{what} : {}", self.0.message)
    }
}

impl Coded for Unplaced<'_> {
    fn code(&self) -> &'static str {
        self.0.code.code()
    }
}

impl Display for RenderFailed<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Said for RenderFailed<'_> {
    fn french(&self) -> String {
        format!("les manifestes n’ont pas pu être produits : {}", self.0)
    }
}

impl Coded for RenderFailed<'_> {
    fn code(&self) -> &'static str {
        "render-failed"
    }
}

impl Display for RepeatedObject<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let render::Repeated { object, times } = self.0;
        write!(f, "{object} is rendered {times} times and the last one is used; remove the others")
    }
}

impl Said for RepeatedObject<'_> {
    fn french(&self) -> String {
        let render::Repeated { object, times } = self.0;
        format!("{object} est produit {times} fois et le dernier compte ; retirez les autres")
    }
}

impl Coded for RepeatedObject<'_> {
    fn code(&self) -> &'static str {
        "repeated-resource"
    }
}

impl Orphans<'_> {
    fn names(&self) -> String {
        let names = self.objects.iter().take(ORPHANS_NAMED);
        let names: Vec<String> =
            names.map(|one| format!("{} {}", one.group_kind(), one.name)).collect();
        names.join(", ")
    }

    fn unnamed(&self) -> usize {
        self.objects.len().saturating_sub(ORPHANS_NAMED)
    }
}

impl Display for Orphans<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "in the namespace {} belongs to no application: {}",
            self.namespace,
            self.names()
        )?;
        if self.unnamed() > 0 {
            write!(f, " and {} more", self.unnamed())?;
        }
        f.write_str(
            "; commit what is wanted, delete what is not, or name it in `orphanedResources.ignore` of the \
             project (nothing of it is deleted by itself)",
        )
    }
}

impl Said for Orphans<'_> {
    fn french(&self) -> String {
        let more = match self.unnamed() {
            0 => String::new(),
            more => format!(" et {more} de plus"),
        };
        format!(
            "dans le namespace {} n’appartient à aucune application\u{a0}: {}{more}\u{202f}; committez ce qui est voulu, supprimez le reste, ou nommez-le dans `orphanedResources.ignore` du projet (rien n’en est supprimé de soi-même)",
            self.namespace,
            self.names()
        )
    }
}

impl Coded for Orphans<'_> {
    fn code(&self) -> &'static str {
        "orphaned-resources"
    }
}
