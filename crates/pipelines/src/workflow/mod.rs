//! Reading a workflow file: text in, a typed [`Workflow`] or every problem with its place out.
//!
//! Text → YAML nodes (`yaml`) → values that the language allows (`template_reader` by `schema`) →
//! the typed workflow (`convert`), without what Boucle does not do yet (`supported`).

mod convert;
mod convert_events;
mod convert_steps;
pub mod filters;
pub mod matrix;
pub mod model;
mod normal_form;
mod problem;
mod schema;
mod supported;
mod template_reader;
mod yaml;

use crate::expressions::TemplateValue;

pub use model::Workflow;
pub use normal_form::normal_form;
pub use problem::{Problem, ProblemCode};

use problem::{Problems, WHOLE_FILE};

/// UTF-16 units of a workflow file. GitHub's.
const FILE_LENGTH_MAX: usize = 1024 * 1024;

/// Reads a workflow file. `path` is the file's path in its repository and only names it.
///
/// What is valid on GitHub and not done by Boucle yet is refused too, with
/// [`ProblemCode::Unsupported`] and only when there is no other problem.
pub fn read(path: &str, text: &str) -> Result<Workflow, Vec<Problem>> {
    let (root, workflow) = read_language(path, text, FILE_LENGTH_MAX)?;
    let mut problems = Problems::new(path);
    supported::check(&root, &workflow, &mut problems);
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
