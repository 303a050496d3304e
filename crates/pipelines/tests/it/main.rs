//! What the pipelines' language and its triggers promise, by data.

mod expressions;
mod triggers;
mod workflows;
