//! Why a merge waits and who can change that, in French.

use std::fmt;

use ledger::RunId;
use repositories::facts::CheckState;
use repositories::reasons::{MergeReason, Resolver};

use super::{Coded, Said, count, some};

impl Said for MergeReason {
    #[expect(clippy::too_many_lines, reason = "one sentence for each variant")]
    fn french(&self) -> String {
        match self {
            Self::AlreadyMerged => "elle est déjà fusionnée".into(),
            Self::Closed => "elle est fermée ; rouvrez-la par une nouvelle poussée".into(),
            Self::Draft => "c’est un brouillon ; son auteur la marque comme prête".into(),
            Self::MethodNotAllowed { method, allowed } => {
                let allowed: Vec<_> = allowed.iter().map(|method| method.code()).collect();
                format!(
                    "la méthode {} n’est pas permise ici ; prenez l’une de : {}",
                    method.code(),
                    allowed.join(", ")
                )
            }
            Self::UnrelatedHistory { target } => format!(
                "elle n’a pas d’histoire commune avec {target} ; fondez-la sur cette branche"
            ),
            Self::NothingToMerge => "sa cible a déjà tous ses commits ; fermez-la".into(),
            Self::OutOfDate { target } => {
                format!("{target} a avancé ; rebasez dessus ou fusionnez-la, et poussez")
            }
            Self::Conflicts { target, paths } => format!(
                "elle est en conflit avec {target} dans {} ; rebasez dessus, résolvez les conflits et poussez",
                some(paths)
            ),
            Self::InvalidConfiguration { file, line, column, problem } if *line > 0 => {
                format!("{file}:{line}:{column} : {problem} ; corrigez et poussez")
            }
            Self::InvalidConfiguration { file, problem, .. } => {
                format!("{file} : {problem} ; corrigez et poussez")
            }
            Self::ApprovalsMissing { have, need, stale } => {
                let next = if stale.is_empty() {
                    "demandez une relecture".to_owned()
                } else {
                    format!("elle a changé depuis l’approbation de {}, redemandez-la", some(stale))
                };
                format!(
                    "elle a {} sur {need} par d’autres que son auteur ; {next}",
                    approvals(*have)
                )
            }
            Self::ProtectedPathApprovals { paths, have, need } => format!(
                "elle change des chemins protégés ({}) et a {} sur {need} ; demandez une relecture",
                some(paths),
                approvals(*have)
            ),
            Self::ChangesRequested { by } => format!(
                "{by} a demandé des changements ; faites-les et demandez à {by} de regarder à nouveau"
            ),
            Self::CodeOwnerMissing { pattern, line, owners, paths } => format!(
                "{} doit approuver, à qui appartient {} par `{pattern}` à la ligne {line} de CODEOWNERS ; demandez-le-lui",
                if owners.len() == 1 {
                    some(owners)
                } else {
                    format!("l’un de {}", some(owners))
                },
                some(paths)
            ),
            Self::CheckMissing { name } => format!(
                "la vérification exigée {name} n’a pas été rendue pour ce commit ; une exécution de son workflow le fera, ou corrigez son nom dans boucle.yaml"
            ),
            Self::CheckPending { name, state, run } => format!(
                "la vérification exigée {name} est {}{} ; attendez-la",
                check_state(*state),
                in_run(*run)
            ),
            Self::CheckFailed { name, state, run } => format!(
                "la vérification exigée {name} est {}{} ; regardez son journal, corrigez la cause et poussez",
                check_state(*state),
                in_run(*run)
            ),
        }
    }
}

impl Coded for MergeReason {
    fn code(&self) -> &'static str {
        self.code()
    }
}

/// Who can change what a merge waits for.
#[derive(Debug)]
pub struct Who(pub Resolver);

impl fmt::Display for Who {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.0 {
            Resolver::Author => "the author",
            Resolver::Reviewers => "somebody else who may write",
            Resolver::CodeOwners => "a code owner",
            Resolver::Pipeline => "the pipeline",
            Resolver::Merger => "whoever merges",
            Resolver::Nobody => "nobody",
        })
    }
}

impl Said for Who {
    fn french(&self) -> String {
        match self.0 {
            Resolver::Author => "l’auteur",
            Resolver::Reviewers => "une autre personne qui peut écrire",
            Resolver::CodeOwners => "un propriétaire du code",
            Resolver::Pipeline => "le pipeline",
            Resolver::Merger => "qui fusionne",
            Resolver::Nobody => "personne",
        }
        .into()
    }
}

fn approvals(number: u32) -> String {
    count(u64::from(number), "approbation", "approbations")
}

fn check_state(state: CheckState) -> &'static str {
    match state {
        CheckState::Queued => "en attente",
        CheckState::Running => "en cours",
        CheckState::Success => "réussie",
        CheckState::Failure => "échouée",
        CheckState::Skipped => "sautée",
        CheckState::SkippedByCondition => "sautée par sa condition",
        CheckState::Cancelled => "annulée",
        CheckState::Neutral => "neutre",
    }
}

fn in_run(run: Option<RunId>) -> String {
    run.map_or_else(String::new, |run| format!(" dans l’exécution {run}"))
}
