//! What may stand in an action's file.

use super::schema::{
    Definition, Mapping, NON_EMPTY_TEXT, NULL, Shape, TEXT, key, loose, mapping, plain, required,
    with,
};
use crate::expressions::FunctionSignature;

const CONTEXTS: &[&str] =
    &["github", "inputs", "strategy", "matrix", "job", "runner", "env", "steps", "vars", "needs"];
const OUTSIDE: &[&str] = &["github", "strategy", "matrix", "job", "runner"];
const HASH_FILES: &[FunctionSignature<'static>] =
    &[FunctionSignature { name: "hashFiles", minimum: 1, maximum: 255 }];
const STATUS: &[FunctionSignature<'static>] = &[
    FunctionSignature { name: "always", minimum: 0, maximum: 0 },
    FunctionSignature { name: "failure", minimum: 0, maximum: 0 },
    FunctionSignature { name: "cancelled", minimum: 0, maximum: 0 },
    FunctionSignature { name: "success", minimum: 0, maximum: 0 },
    FunctionSignature { name: "hashFiles", minimum: 1, maximum: 255 },
];

const fn in_step(shape: Shape) -> Definition {
    Definition { contexts: CONTEXTS, functions: HASH_FILES, shape }
}

/// An action's file. Keys beside these (`author`, `branding`) say nothing to a runner.
pub(super) static ACTION: Definition = plain(Shape::Mapping(Mapping {
    properties: &[
        key("name", &TEXT),
        key("description", &TEXT),
        key("inputs", &INPUTS),
        key("outputs", &OUTPUTS),
        required("runs", &RUNS),
    ],
    loose: Some(&ANY),
}));
static ANY: Definition = plain(Shape::Any);
static INPUTS: Definition = plain(loose(&INPUT));
static INPUT: Definition = plain(Shape::OneOf(&[&NULL, &INPUT_MAPPING]));
static INPUT_MAPPING: Definition = plain(Shape::Mapping(Mapping {
    properties: &[key("default", &INPUT_DEFAULT)],
    loose: Some(&ANY),
}));
static INPUT_DEFAULT: Definition = with(OUTSIDE, Shape::Any);
static OUTPUTS: Definition = plain(loose(&OUTPUT));
static OUTPUT: Definition =
    plain(mapping(&[key("description", &TEXT), key("value", &OUTPUT_VALUE)]));
static OUTPUT_VALUE: Definition = with(CONTEXTS, Shape::Text);

static RUNS: Definition = plain(Shape::OneOf(&[&COMPOSITE, &PLUGIN_OR_NODE, &CONTAINER]));
static COMPOSITE: Definition =
    plain(mapping(&[required("using", &NON_EMPTY_TEXT), required("steps", &STEPS)]));
static PLUGIN_OR_NODE: Definition = plain(mapping(&[
    required("using", &NON_EMPTY_TEXT),
    required("main", &NON_EMPTY_TEXT),
    key("pre", &NON_EMPTY_TEXT),
    key("pre-if", &NON_EMPTY_TEXT),
    key("post", &NON_EMPTY_TEXT),
    key("post-if", &NON_EMPTY_TEXT),
]));
static CONTAINER: Definition = plain(mapping(&[
    required("using", &NON_EMPTY_TEXT),
    required("image", &NON_EMPTY_TEXT),
    key("args", &ARGUMENTS),
    key("entrypoint", &NON_EMPTY_TEXT),
    key("pre-entrypoint", &NON_EMPTY_TEXT),
    key("post-entrypoint", &NON_EMPTY_TEXT),
    key("env", &CONTAINER_ENV),
]));
static ARGUMENTS: Definition = with(&["inputs"], Shape::Sequence(&TEXT));
static CONTAINER_ENV: Definition = with(&["inputs"], loose(&TEXT));

static STEPS: Definition = plain(Shape::Sequence(&STEP));
static STEP: Definition = plain(Shape::OneOf(&[&RUN_STEP, &ACTION_STEP]));
static RUN_STEP: Definition = plain(mapping(&[
    key("name", &STEP_TEXT),
    key("id", &NON_EMPTY_TEXT),
    key("if", &STEP_IF),
    required("run", &STEP_TEXT),
    key("env", &STEP_ENV),
    key("continue-on-error", &STEP_BOOLEAN),
    key("working-directory", &STEP_TEXT),
    required("shell", &STEP_TEXT),
]));
static ACTION_STEP: Definition = plain(mapping(&[
    key("name", &STEP_TEXT),
    key("id", &NON_EMPTY_TEXT),
    key("if", &STEP_IF),
    required("uses", &NON_EMPTY_TEXT),
    key("continue-on-error", &STEP_BOOLEAN),
    key("with", &STEP_ENV),
    key("env", &STEP_ENV),
]));
static STEP_TEXT: Definition = in_step(Shape::Text);
static STEP_BOOLEAN: Definition = in_step(Shape::Boolean);
static STEP_ENV: Definition = in_step(loose(&TEXT));
static STEP_IF: Definition =
    Definition { contexts: CONTEXTS, functions: STATUS, shape: Shape::Condition };
