//! What may stand where: one table of the language, which [`super::template_reader`] walks.
//!
//! The table is GitHub's whole workflow language; what Boucle does not do yet is refused by
//! [`super::supported`], so that widening means code there and not here.

use super::schema_events::ON;
use crate::expressions::FunctionSignature;

/// What a value may be, and what its expressions may use (with what the values around it may use).
#[derive(Debug)]
pub(super) struct Definition {
    pub contexts: &'static [&'static str],
    pub functions: &'static [FunctionSignature<'static>],
    pub shape: Shape,
}

#[derive(Debug)]
pub(super) enum Shape {
    Null,
    Boolean,
    Number,
    Text,
    NonEmptyText,
    /// A text that is an expression even without `${{ }}`.
    Condition,
    /// One of these texts.
    Constant(&'static [&'static str]),
    Any,
    Sequence(&'static Definition),
    Mapping(Mapping),
    OneOf(&'static [&'static Definition]),
}

/// Known keys, then the kind of the others; without `loose` there are no others.
#[derive(Debug)]
pub(super) struct Mapping {
    pub properties: &'static [Property],
    pub loose: Option<&'static Definition>,
}

#[derive(Debug)]
pub(super) struct Property {
    pub name: &'static str,
    pub definition: &'static Definition,
    pub required: bool,
}

pub(super) const fn plain(shape: Shape) -> Definition {
    Definition { contexts: &[], functions: &[], shape }
}

pub(super) const fn with(contexts: &'static [&'static str], shape: Shape) -> Definition {
    Definition { contexts, functions: &[], shape }
}

const fn in_step(shape: Shape) -> Definition {
    Definition { contexts: STEP, functions: HASH_FILES, shape }
}

pub(super) const fn mapping(properties: &'static [Property]) -> Shape {
    Shape::Mapping(Mapping { properties, loose: None })
}

pub(super) const fn loose(definition: &'static Definition) -> Shape {
    Shape::Mapping(Mapping { properties: &[], loose: Some(definition) })
}

pub(super) const fn key(name: &'static str, definition: &'static Definition) -> Property {
    Property { name, definition, required: false }
}

pub(super) const fn required(name: &'static str, definition: &'static Definition) -> Property {
    Property { name, definition, required: true }
}

const fn function(
    name: &'static str,
    minimum: usize,
    maximum: usize,
) -> FunctionSignature<'static> {
    FunctionSignature { name, minimum, maximum }
}

const RUN: &[&str] = &["github", "inputs", "vars"];
const RUN_SECRETS: &[&str] = &["github", "inputs", "vars", "secrets"];
const NEEDS: &[&str] = &["github", "inputs", "vars", "needs"];
const JOB: &[&str] = &["github", "inputs", "vars", "needs", "strategy", "matrix"];
const JOB_ENV: &[&str] = &["github", "inputs", "vars", "needs", "strategy", "matrix", "env"];
const JOB_SECRETS: &[&str] =
    &["github", "inputs", "vars", "needs", "strategy", "matrix", "secrets"];
const STEP_IF_CONTEXTS: &[&str] =
    &["github", "inputs", "vars", "needs", "strategy", "matrix", "steps", "job", "runner", "env"];
const STEP: &[&str] = &[
    "github", "inputs", "vars", "needs", "strategy", "matrix", "secrets", "steps", "job", "runner",
    "env",
];
const HASH_FILES: &[FunctionSignature<'static>] = &[function("hashFiles", 1, 255)];
const STEP_STATUS: &[FunctionSignature<'static>] = &[
    function("always", 0, 0),
    function("failure", 0, 0),
    function("cancelled", 0, 0),
    function("success", 0, 0),
    function("hashFiles", 1, 255),
];
const JOB_STATUS: &[FunctionSignature<'static>] = &[
    function("always", 0, 0),
    function("failure", 0, usize::MAX),
    function("cancelled", 0, 0),
    function("success", 0, usize::MAX),
];

pub(super) static NULL: Definition = plain(Shape::Null);
static ANY: Definition = plain(Shape::Any);
static BOOLEAN: Definition = plain(Shape::Boolean);
static NUMBER: Definition = plain(Shape::Number);
pub(super) static TEXT: Definition = plain(Shape::Text);
pub(super) static NON_EMPTY_TEXT: Definition = plain(Shape::NonEmptyText);
static NON_EMPTY_TEXTS: Definition = plain(Shape::Sequence(&NON_EMPTY_TEXT));
pub(super) static TEXT_OR_TEXTS: Definition =
    plain(Shape::OneOf(&[&NON_EMPTY_TEXT, &NON_EMPTY_TEXTS]));
static SCALAR: Definition = plain(Shape::OneOf(&[&TEXT, &BOOLEAN, &NUMBER]));
static ANY_SEQUENCE: Definition = plain(Shape::Sequence(&ANY));

/// A workflow file.
pub(super) static WORKFLOW: Definition = plain(mapping(&[
    required("on", &ON),
    key("name", &TEXT),
    key("description", &TEXT),
    key("run-name", &RUN_NAME),
    key("defaults", &WORKFLOW_DEFAULTS),
    key("env", &WORKFLOW_ENV),
    key("permissions", &PERMISSIONS),
    key("concurrency", &WORKFLOW_CONCURRENCY),
    required("jobs", &JOBS),
]));

static RUN_NAME: Definition = with(RUN, Shape::Text);
static WORKFLOW_ENV: Definition = with(RUN_SECRETS, loose(&TEXT));
static WORKFLOW_DEFAULTS: Definition = plain(mapping(&[key("run", &WORKFLOW_DEFAULTS_RUN)]));
static WORKFLOW_DEFAULTS_RUN: Definition =
    plain(mapping(&[key("shell", &NON_EMPTY_TEXT), key("working-directory", &NON_EMPTY_TEXT)]));
static WORKFLOW_CONCURRENCY: Definition = with(RUN, Shape::OneOf(&[&TEXT, &CONCURRENCY_MAPPING]));
static CONCURRENCY_MAPPING: Definition = plain(mapping(&[
    required("group", &NON_EMPTY_TEXT),
    key("cancel-in-progress", &BOOLEAN),
    key("queue", &CONCURRENCY_QUEUE),
]));
static CONCURRENCY_QUEUE: Definition = plain(Shape::Constant(&["single", "max"]));

pub(super) static WORKFLOW_DISPATCH: Definition =
    plain(Shape::OneOf(&[&NULL, &WORKFLOW_DISPATCH_MAPPING]));
static WORKFLOW_DISPATCH_MAPPING: Definition = plain(mapping(&[key("inputs", &DISPATCH_INPUTS)]));
static DISPATCH_INPUTS: Definition = plain(Shape::OneOf(&[&NULL, &DISPATCH_INPUTS_MAPPING]));
static DISPATCH_INPUTS_MAPPING: Definition = plain(loose(&DISPATCH_INPUT));
static DISPATCH_INPUT: Definition = plain(Shape::OneOf(&[&NULL, &DISPATCH_INPUT_MAPPING]));
static DISPATCH_INPUT_MAPPING: Definition = plain(mapping(&[
    key("description", &TEXT),
    key("type", &DISPATCH_INPUT_TYPE),
    key("required", &BOOLEAN),
    key("default", &SCALAR),
    key("options", &NON_EMPTY_TEXTS),
    key("deprecationMessage", &TEXT),
]));
static DISPATCH_INPUT_TYPE: Definition =
    plain(Shape::Constant(&["string", "boolean", "number", "environment", "choice"]));

pub(super) static WORKFLOW_CALL: Definition = plain(Shape::OneOf(&[&NULL, &WORKFLOW_CALL_MAPPING]));
static WORKFLOW_CALL_MAPPING: Definition = plain(mapping(&[
    key("inputs", &CALL_INPUTS),
    key("secrets", &CALL_SECRETS),
    key("outputs", &CALL_OUTPUTS),
]));
static CALL_INPUTS: Definition = plain(loose(&CALL_INPUT));
static CALL_INPUT: Definition = plain(mapping(&[
    key("description", &TEXT),
    required("type", &CALL_INPUT_TYPE),
    key("required", &BOOLEAN),
    key("default", &CALL_INPUT_DEFAULT),
]));
static CALL_INPUT_TYPE: Definition = plain(Shape::Constant(&["string", "boolean", "number"]));
static CALL_INPUT_DEFAULT: Definition = with(RUN, Shape::OneOf(&[&TEXT, &BOOLEAN, &NUMBER]));
static CALL_SECRETS: Definition = plain(loose(&CALL_SECRET));
static CALL_SECRET: Definition = plain(Shape::OneOf(&[&NULL, &CALL_SECRET_MAPPING]));
static CALL_SECRET_MAPPING: Definition =
    plain(mapping(&[key("description", &TEXT), key("required", &BOOLEAN)]));
static CALL_OUTPUTS: Definition = plain(loose(&CALL_OUTPUT));
static CALL_OUTPUT: Definition =
    plain(mapping(&[key("description", &TEXT), required("value", &CALL_OUTPUT_VALUE)]));
static CALL_OUTPUT_VALUE: Definition = with(&["github", "inputs", "vars", "jobs"], Shape::Text);

static PERMISSIONS: Definition =
    plain(Shape::OneOf(&[&PERMISSIONS_MAPPING, &PERMISSIONS_SHORTHAND]));
static PERMISSIONS_SHORTHAND: Definition = plain(Shape::Constant(&["read-all", "write-all"]));
static PERMISSIONS_MAPPING: Definition = plain(mapping(&[
    key("actions", &PERMISSION),
    key("artifact-metadata", &PERMISSION),
    key("attestations", &PERMISSION),
    key("checks", &PERMISSION),
    key("contents", &PERMISSION),
    key("copilot-requests", &PERMISSION_TO_WRITE),
    key("deployments", &PERMISSION),
    key("discussions", &PERMISSION),
    key("id-token", &PERMISSION_TO_WRITE),
    key("issues", &PERMISSION),
    key("models", &PERMISSION_TO_READ),
    key("packages", &PERMISSION),
    key("pages", &PERMISSION),
    key("pull-requests", &PERMISSION),
    key("repository-projects", &PERMISSION),
    key("security-events", &PERMISSION),
    key("statuses", &PERMISSION),
    key("vulnerability-alerts", &PERMISSION_TO_READ),
]));
static PERMISSION: Definition = plain(Shape::Constant(&["read", "write", "none"]));
static PERMISSION_TO_READ: Definition = plain(Shape::Constant(&["read", "none"]));
static PERMISSION_TO_WRITE: Definition = plain(Shape::Constant(&["write", "none"]));

static JOBS: Definition = plain(loose(&JOB_OR_CALL));
static JOB_OR_CALL: Definition = plain(Shape::OneOf(&[&JOB_DEFINITION, &CALLING_JOB]));
static JOB_DEFINITION: Definition = plain(mapping(&[
    key("needs", &TEXT_OR_TEXTS),
    key("if", &JOB_IF),
    key("strategy", &STRATEGY),
    key("name", &JOB_TEXT),
    required("runs-on", &RUNS_ON),
    key("timeout-minutes", &JOB_NUMBER),
    key("cancel-timeout-minutes", &JOB_NUMBER),
    key("continue-on-error", &JOB_BOOLEAN),
    key("container", &CONTAINER),
    key("services", &SERVICES),
    key("env", &JOB_ENVIRONMENT_VARIABLES),
    key("environment", &JOB_ENVIRONMENT),
    key("permissions", &PERMISSIONS),
    key("concurrency", &JOB_CONCURRENCY),
    key("outputs", &JOB_OUTPUTS),
    key("defaults", &JOB_DEFAULTS),
    key("steps", &STEPS),
    key("snapshot", &SNAPSHOT),
]));
static CALLING_JOB: Definition = plain(mapping(&[
    key("name", &JOB_TEXT),
    required("uses", &NON_EMPTY_TEXT),
    key("with", &CALL_WITH),
    key("secrets", &CALL_WITH_SECRETS),
    key("needs", &TEXT_OR_TEXTS),
    key("if", &JOB_IF),
    key("permissions", &PERMISSIONS),
    key("concurrency", &JOB_CONCURRENCY),
    key("strategy", &STRATEGY),
]));
static CALL_WITH: Definition = plain(loose(&CALL_ARGUMENT));
static CALL_ARGUMENT: Definition = with(JOB, Shape::OneOf(&[&TEXT, &BOOLEAN, &NUMBER]));
static CALL_WITH_SECRETS: Definition =
    plain(Shape::OneOf(&[&CALL_WITH_SECRETS_MAPPING, &CALL_INHERIT]));
static CALL_WITH_SECRETS_MAPPING: Definition = plain(loose(&CALL_SECRET_ARGUMENT));
static CALL_SECRET_ARGUMENT: Definition =
    with(JOB_SECRETS, Shape::OneOf(&[&TEXT, &BOOLEAN, &NUMBER]));
static CALL_INHERIT: Definition = plain(Shape::Constant(&["inherit"]));

static JOB_TEXT: Definition = with(JOB, Shape::Text);
static JOB_NUMBER: Definition = with(JOB, Shape::Number);
static JOB_BOOLEAN: Definition = with(JOB, Shape::Boolean);
static JOB_IF: Definition =
    Definition { contexts: NEEDS, functions: JOB_STATUS, shape: Shape::Condition };
static STRATEGY: Definition = with(
    NEEDS,
    mapping(&[key("fail-fast", &BOOLEAN), key("max-parallel", &NUMBER), key("matrix", &MATRIX)]),
);
static MATRIX: Definition = plain(Shape::Mapping(Mapping {
    properties: &[key("include", &MATRIX_FILTER), key("exclude", &MATRIX_FILTER)],
    loose: Some(&ANY_SEQUENCE),
}));
static MATRIX_FILTER: Definition = plain(Shape::Sequence(&MATRIX_FILTER_ITEM));
static MATRIX_FILTER_ITEM: Definition = plain(loose(&ANY));
static RUNS_ON: Definition =
    with(JOB, Shape::OneOf(&[&NON_EMPTY_TEXT, &NON_EMPTY_TEXTS, &RUNS_ON_MAPPING]));
static RUNS_ON_MAPPING: Definition =
    plain(mapping(&[key("group", &NON_EMPTY_TEXT), key("labels", &TEXT_OR_TEXTS)]));
static JOB_ENVIRONMENT_VARIABLES: Definition = with(JOB_SECRETS, loose(&TEXT));
static JOB_CONCURRENCY: Definition =
    with(JOB, Shape::OneOf(&[&NON_EMPTY_TEXT, &CONCURRENCY_MAPPING]));
static JOB_ENVIRONMENT: Definition = with(JOB, Shape::OneOf(&[&TEXT, &JOB_ENVIRONMENT_MAPPING]));
static JOB_ENVIRONMENT_MAPPING: Definition = plain(mapping(&[
    required("name", &JOB_TEXT),
    key("url", &ENVIRONMENT_URL),
    key("deployment", &BOOLEAN),
]));
static ENVIRONMENT_URL: Definition = with(STEP_IF_CONTEXTS, Shape::Text);
static JOB_DEFAULTS: Definition = plain(mapping(&[key("run", &JOB_DEFAULTS_RUN)]));
static JOB_DEFAULTS_RUN: Definition = with(
    JOB_ENV,
    mapping(&[key("shell", &NON_EMPTY_TEXT), key("working-directory", &NON_EMPTY_TEXT)]),
);
static JOB_OUTPUTS: Definition = plain(loose(&JOB_OUTPUT));
static JOB_OUTPUT: Definition = with(STEP, Shape::Text);
static SNAPSHOT: Definition = with(JOB, Shape::OneOf(&[&NON_EMPTY_TEXT, &SNAPSHOT_MAPPING]));
static SNAPSHOT_MAPPING: Definition = plain(mapping(&[
    required("image-name", &NON_EMPTY_TEXT),
    key("version", &NON_EMPTY_TEXT),
    key("if", &SNAPSHOT_IF),
]));
static SNAPSHOT_IF: Definition = with(JOB, Shape::Text);

static CONTAINER: Definition = with(JOB, Shape::OneOf(&[&TEXT, &CONTAINER_MAPPING]));
static CONTAINER_MAPPING: Definition = plain(mapping(&[
    key("image", &NON_EMPTY_TEXT),
    key("options", &NON_EMPTY_TEXT),
    key("env", &CONTAINER_ENV),
    key("ports", &NON_EMPTY_TEXTS),
    key("volumes", &NON_EMPTY_TEXTS),
    key("credentials", &CREDENTIALS),
    key("entrypoint", &NON_EMPTY_TEXT),
    key("command", &NON_EMPTY_TEXT),
]));
static CONTAINER_ENV: Definition = plain(loose(&CONTAINER_ENV_VALUE));
static CONTAINER_ENV_VALUE: Definition = with(STEP, Shape::Text);
static CREDENTIALS: Definition = with(
    &["github", "inputs", "vars", "secrets", "env"],
    mapping(&[key("username", &NON_EMPTY_TEXT), key("password", &NON_EMPTY_TEXT)]),
);
static SERVICES: Definition = with(JOB, loose(&SERVICE));
static SERVICE: Definition = with(JOB, Shape::OneOf(&[&NON_EMPTY_TEXT, &CONTAINER_MAPPING]));

static STEPS: Definition = plain(Shape::Sequence(&STEP_ITEM));
static STEP_ITEM: Definition = plain(Shape::OneOf(&[
    &RUN_STEP,
    &ACTION_STEP,
    &PARALLEL_STEP,
    &WAIT_STEP,
    &WAIT_ALL_STEP,
    &CANCEL_STEP,
]));
static RUN_STEP: Definition = plain(mapping(&[
    key("name", &STEP_TEXT),
    key("id", &NON_EMPTY_TEXT),
    key("if", &STEP_IF),
    key("timeout-minutes", &STEP_NUMBER),
    required("run", &STEP_TEXT),
    key("continue-on-error", &STEP_BOOLEAN),
    key("env", &STEP_ENV),
    key("working-directory", &STEP_TEXT),
    key("shell", &NON_EMPTY_TEXT),
    key("background", &BOOLEAN),
]));
static ACTION_STEP: Definition = plain(mapping(&[
    key("name", &STEP_TEXT),
    key("id", &NON_EMPTY_TEXT),
    key("if", &STEP_IF),
    key("continue-on-error", &STEP_BOOLEAN),
    key("timeout-minutes", &STEP_NUMBER),
    required("uses", &NON_EMPTY_TEXT),
    key("with", &STEP_ENV),
    key("env", &STEP_ENV),
    key("background", &BOOLEAN),
]));
static PARALLEL_STEP: Definition = plain(mapping(&[required("parallel", &STEPS)]));
static WAIT_STEP: Definition = plain(mapping(&[
    key("name", &STEP_TEXT),
    key("id", &NON_EMPTY_TEXT),
    key("continue-on-error", &STEP_BOOLEAN),
    required("wait", &TEXT_OR_TEXTS),
]));
static WAIT_ALL_STEP: Definition = plain(mapping(&[
    key("name", &STEP_TEXT),
    key("id", &NON_EMPTY_TEXT),
    key("continue-on-error", &STEP_BOOLEAN),
    required("wait-all", &NULL_OR_BOOLEAN),
]));
static CANCEL_STEP: Definition = plain(mapping(&[
    key("name", &STEP_TEXT),
    key("id", &NON_EMPTY_TEXT),
    key("continue-on-error", &STEP_BOOLEAN),
    required("cancel", &NON_EMPTY_TEXT),
]));
static NULL_OR_BOOLEAN: Definition = plain(Shape::OneOf(&[&NULL, &BOOLEAN]));
static STEP_TEXT: Definition = in_step(Shape::Text);
static STEP_NUMBER: Definition = in_step(Shape::Number);
static STEP_BOOLEAN: Definition = in_step(Shape::Boolean);
static STEP_ENV: Definition = in_step(loose(&TEXT));
static STEP_IF: Definition =
    Definition { contexts: STEP_IF_CONTEXTS, functions: STEP_STATUS, shape: Shape::Condition };
