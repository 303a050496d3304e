//! Reading a workflow file: text in, a typed [`Workflow`] or every problem with its place out.
//!
//! Text → YAML nodes (`yaml`) → values that the language allows (`template_reader` by `schema`) →
//! the typed workflow (`convert`), with what it calls (`calls`). Whether Boucle can run it is another
//! question: `supported` notes what it cannot in the workflow and its jobs.

pub mod action;
mod calls;
mod convert;
mod convert_events;
mod convert_steps;
pub mod filters;
pub mod matrix;
pub mod model;
mod normal_form;
mod problem;
pub mod schedule;
mod schema;
mod schema_action;
mod schema_events;
mod supported;
mod template_reader;
mod yaml;

use crate::expressions::TemplateValue;

pub use calls::{Rules, Texts};
pub use model::Workflow;
pub use normal_form::normal_form;
pub use problem::{Problem, ProblemCode};

use problem::{Problems, WHOLE_FILE};

/// UTF-16 units of a workflow file. GitHub's.
const FILE_LENGTH_MAX: usize = 1024 * 1024;

/// Reads a workflow file alone, without those that it calls. `path` is the file's path in its
/// repository and only names it.
pub fn read(path: &str, text: &str) -> Result<Workflow, Vec<Problem>> {
    read_with(path, text, &Rules::new(&|_| None))
}

/// Reads a workflow file with those that it calls, as far as they are at hand.
pub fn read_with(path: &str, text: &str, rules: &Rules<'_>) -> Result<Workflow, Vec<Problem>> {
    calls::load(path, text, rules).map(|(document, _)| document.workflow)
}

/// Reads a workflow file of a repository, with the workflows and actions of that repository that it
/// uses; `file` gives the text of another file of the same tree.
pub fn read_in_repository(
    path: &str,
    text: &str,
    file: Texts<'_>,
) -> Result<Workflow, Vec<Problem>> {
    let called = |uses: &str| file(&action::folder_of(uses.strip_prefix("./")?)?);
    let mut rules = Rules::new(&called);
    rules.file = Some(file);
    let workflow = read_with(path, text, &rules)?;
    let mut problems = Problems::new(path);
    for call in workflow.jobs.iter().filter_map(|job| job.call.as_ref()) {
        if call.workflow.is_none() && calls::is_local(&call.uses) {
            let message = format!("The workflow '{}' is not in this repository", call.uses);
            problems.add(ProblemCode::WorkflowCall, call.at, message);
        }
    }
    if problems.is_empty() { Ok(workflow) } else { Err(problems.into_vec()) }
}

/// The values of a file and the workflow that they make, by GitHub's language as a whole.
fn read_language(
    path: &str,
    text: &str,
    length_max: usize,
) -> Result<(TemplateValue, Workflow), Vec<Problem>> {
    let mut problems = Problems::new(path);
    if text.encode_utf16().count() > length_max {
        let message = format!("The maximum file size of {length_max} characters has been exceeded");
        problems.add(ProblemCode::WorkflowTooLarge, WHOLE_FILE, message);
        return Err(problems.into_vec());
    }
    let Some(node) = yaml::parse(text, &mut problems) else { return Err(problems.into_vec()) };
    let root = template_reader::read(&node, &schema::WORKFLOW, &mut problems);
    if !problems.is_empty() {
        return Err(problems.into_vec());
    }
    let workflow = convert::workflow(path, &root, &mut problems);
    if problems.is_empty() { Ok((root, workflow)) } else { Err(problems.into_vec()) }
}
