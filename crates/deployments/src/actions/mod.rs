//! Actions on objects of a cluster: which there are, and what one changes. What Git sets no action
//! changes: it would be put back, so that the action is refused with the field.

mod builtin;
mod patch;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use ledger::Timestamp;
use serde_json::Value;

use crate::application::Application;
use crate::compare::is_below_any;
use crate::lua::{Action, Change, ChangeOperation, Customizations, ScriptError};
use crate::objects::{ObjectKey, TRACKING_ANNOTATION, annotation, is_cluster_scoped, text};
use crate::planner::differing_fields;
use crate::project::{Permission, ProjectRefusal, Scope, permits};

/// What is known of the object.
#[derive(Debug, Clone, Copy)]
pub struct ActionInputs<'a> {
    /// The application whose object it is.
    pub application: &'a Application,
    /// The user's own actions.
    pub customizations: &'a Customizations,
    /// What the application's project permits.
    pub scope: &'a Scope,
    /// The kinds without namespace that the cluster tells of.
    pub cluster_scoped: &'a BTreeSet<String>,
    /// Which object.
    pub key: &'a ObjectKey,
    /// The object as it is now, the owners of its fields included.
    pub live: &'a Value,
    /// The object as Git wants it; `None`: Git has it not.
    pub desired: Option<&'a Value>,
    /// When that was true.
    pub as_of: Timestamp,
}

/// What an action writes.
#[derive(Debug, Clone, PartialEq)]
pub enum ActionWrite {
    /// A merge patch of the object, good for its version alone.
    Patch {
        /// What becomes of it but for its status.
        patch: Option<Value>,
        /// What becomes of its status.
        status: Option<Value>,
        /// JSON pointers of what changes.
        fields: Vec<String>,
    },
    /// A new object in the object's namespace.
    Create {
        /// The whole of it.
        manifest: Value,
    },
}

/// Why an action is not done; nothing was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ActionRefusal {
    /// What an action does with a Secret's values could be read afterwards.
    Secret,
    /// There is no such action.
    Unknown {
        /// Its name.
        action: String,
        /// Those that there are.
        offered: Vec<String>,
    },
    /// It cannot be done while the object is as it is.
    Disabled {
        /// Its name.
        action: String,
    },
    /// It does not ask for this.
    UnknownParameter {
        /// The name.
        parameter: String,
        /// What it asks for.
        known: Vec<String>,
    },
    /// It asks for this and was not given it.
    MissingParameter {
        /// The name.
        parameter: String,
    },
    /// A value is no whole number from 0 on.
    NoWholeNumber {
        /// The name of the parameter.
        parameter: String,
    },
    /// The user's script does not do it.
    Script {
        /// What is wrong with it.
        problem: String,
    },
    /// Git sets what it would change.
    SetByGit {
        /// JSON pointers.
        fields: Vec<String>,
    },
    /// It would patch another object, or make one in another namespace.
    OtherObject {
        /// Which.
        object: String,
    },
    /// It would change whose object it is.
    Tracking,
    /// The project does not permit what it would change or make.
    NotPermitted {
        /// Why.
        refusal: ProjectRefusal,
    },
    /// It changes nothing.
    NoChange,
}

/// Whether there may be actions on an object; cheap, for lists.
#[must_use]
pub fn may_have_actions(customizations: &Customizations, object: &Value, key: &ObjectKey) -> bool {
    !is_secret(key) && (builtin::has(key) || customizations.has_actions(object))
}

/// What may be done to the object: by the user's actions for its kind, else by Boucle's own.
pub fn offered_actions(inputs: &ActionInputs<'_>) -> Result<Vec<Action>, ActionRefusal> {
    if is_secret(inputs.key) {
        return Err(ActionRefusal::Secret);
    }
    let object = patch::as_scripts_see_it(inputs.live);
    if !inputs.customizations.has_actions(&object) {
        return Ok(builtin::offered(inputs.key, &object));
    }
    let own = inputs.customizations.actions(&object, seconds(inputs.as_of)).map_err(failed)?;
    if !inputs.customizations.keeps_builtin_actions(&object) {
        return Ok(own);
    }
    let names: BTreeSet<String> = own.iter().map(|action| action.name.clone()).collect();
    let others = builtin::offered(inputs.key, &object).into_iter();
    let mut all: Vec<Action> = others.filter(|one| !names.contains(&one.name)).chain(own).collect();
    all.sort_by(|one, other| one.name.cmp(&other.name));
    Ok(all)
}

/// What an action writes now. Equal inputs, equal answer.
pub fn decide_action(
    inputs: &ActionInputs<'_>,
    name: &str,
    given: &BTreeMap<String, String>,
) -> Result<Vec<ActionWrite>, ActionRefusal> {
    let offered = offered_actions(inputs)?;
    let Some(action) = offered.iter().find(|action| action.name == name) else {
        let offered = offered.into_iter().map(|action| action.name).collect();
        return Err(ActionRefusal::Unknown { action: name.into(), offered });
    };
    if action.is_disabled {
        return Err(ActionRefusal::Disabled { action: name.into() });
    }
    let parameters = parameters(action, given)?;
    let object = patch::as_scripts_see_it(inputs.live);
    let now = inputs.as_of;
    let own = inputs.customizations;
    let is_builtin = !own.has_actions(&object)
        || (own.keeps_builtin_actions(&object) && !own.defines_action(&object, name));
    let changes = if is_builtin {
        builtin::run(inputs.key, &object, name, &parameters, now)?.into_iter().collect()
    } else {
        own.run_action(&object, name, &parameters, seconds(now)).map_err(failed)?
    };
    let writes = changes.into_iter().map(|change| write(inputs, &object, change));
    let writes: Vec<ActionWrite> =
        writes.filter_map(Result::transpose).collect::<Result<_, _>>()?;
    if writes.is_empty() { Err(ActionRefusal::NoChange) } else { Ok(writes) }
}

/// A text without the values that an action was given: clusters quote what they refuse.
#[must_use]
pub fn without_values(text: &str, given: &BTreeMap<String, String>) -> String {
    // The longest first, so that none leaves its end behind.
    let mut values: Vec<(String, &String)> = given
        .iter()
        .flat_map(|(name, value)| {
            let quoted = Value::from(value.as_str()).to_string();
            [(value.clone(), name), (quoted.trim_matches('"').to_owned(), name)]
        })
        .filter(|(value, _)| !value.is_empty())
        .collect();
    values.sort_by_key(|(value, _)| std::cmp::Reverse(value.len()));
    let (mut masked, mut rest) = (String::new(), text);
    while let Some(first) = rest.chars().next() {
        match values.iter().find(|(value, _)| rest.starts_with(value)) {
            Some((value, name)) => {
                masked.push_str(&format!("({name})"));
                rest = &rest[value.len()..];
            }
            None => {
                masked.push(first);
                rest = &rest[first.len_utf8()..];
            }
        }
    }
    masked
}

fn is_secret(key: &ObjectKey) -> bool {
    key.group.is_empty() && key.kind == "Secret"
}

fn seconds(at: Timestamp) -> i64 {
    at.0.div_euclid(1_000)
}

fn failed(error: ScriptError) -> ActionRefusal {
    ActionRefusal::Script { problem: error.to_string() }
}

/// What was given, and what the action takes when nothing is.
fn parameters(
    action: &Action,
    given: &BTreeMap<String, String>,
) -> Result<BTreeMap<String, String>, ActionRefusal> {
    let known = || action.parameters.iter().map(|one| one.name.clone());
    if let Some(parameter) = given.keys().find(|name| !known().any(|known| known == **name)) {
        let (parameter, known) = (parameter.clone(), known().collect());
        return Err(ActionRefusal::UnknownParameter { parameter, known });
    }
    let value = |parameter: &crate::lua::ActionParameter| {
        let value = given.get(&parameter.name).cloned().or_else(|| parameter.default.clone());
        let missing = || ActionRefusal::MissingParameter { parameter: parameter.name.clone() };
        Ok((parameter.name.clone(), value.ok_or_else(missing)?))
    };
    action.parameters.iter().map(value).collect()
}

/// What one change comes to; `None`: nothing.
fn write(
    inputs: &ActionInputs<'_>,
    object: &Value,
    change: Change,
) -> Result<Option<ActionWrite>, ActionRefusal> {
    let key = ObjectKey::of(&change.object, &inputs.key.namespace);
    match change.operation {
        ChangeOperation::Create => create(inputs, change.object, key).map(Some),
        ChangeOperation::Patch => {
            let uid = |object: &Value| text(object, "/metadata/uid").map(str::to_owned);
            if key.as_ref() != Some(inputs.key) || uid(&change.object) != uid(object) {
                let object = key.map_or_else(String::new, |key| key.to_string());
                return Err(ActionRefusal::OtherObject { object });
            }
            let Some(whole) = patch::merge_patch(object, &change.object) else { return Ok(None) };
            let patched = patch::patched(inputs.live, &whole);
            let tracking = |object| annotation(object, TRACKING_ANNOTATION);
            if tracking(&patched) != tracking(inputs.live) {
                return Err(ActionRefusal::Tracking);
            }
            permitted(inputs, inputs.key)?;
            let fields = patch::fields(&whole);
            let set_by_git = set_by_git(inputs, &patched, &fields);
            if !set_by_git.is_empty() {
                return Err(ActionRefusal::SetByGit { fields: set_by_git });
            }
            let (patch, status) = patch::without_status(whole);
            Ok(Some(ActionWrite::Patch { patch, status, fields }))
        }
    }
}

/// Changed fields that Git sets and that would differ from it afterwards: what a plan would put back.
/// One that differs already is no exception.
fn set_by_git(inputs: &ActionInputs<'_>, patched: &Value, fields: &[String]) -> Vec<String> {
    let Some(desired) = inputs.desired else { return Vec::new() };
    let changed = |differing: &String| {
        let above = is_below_any(differing, fields);
        above || fields.iter().any(|field| is_below_any(field, std::slice::from_ref(differing)))
    };
    let after = differing_fields(inputs.application, inputs.key, desired, patched, None);
    after.into_iter().filter(changed).collect()
}

/// Whether the project permits to write this object.
fn permitted(inputs: &ActionInputs<'_>, key: &ObjectKey) -> Result<(), ActionRefusal> {
    let Some(project) = &inputs.scope.project else {
        let (place, namespace) = (inputs.scope.place.to_string(), key.namespace.clone());
        let refusal = ProjectRefusal::ServiceAccount { place, namespace };
        return Err(ActionRefusal::NotPermitted { refusal });
    };
    let asked = Permission {
        sources: &[],
        place: &inputs.scope.place,
        objects: std::slice::from_ref(key),
        cluster_scoped: Some(inputs.cluster_scoped),
    };
    match permits(project, &asked).into_iter().next() {
        Some(refusal) => Err(ActionRefusal::NotPermitted { refusal }),
        None => Ok(()),
    }
}

fn create(
    inputs: &ActionInputs<'_>,
    mut manifest: Value,
    key: Option<ObjectKey>,
) -> Result<ActionWrite, ActionRefusal> {
    // One that leaves its name to the cluster has no key yet.
    let key = key.or_else(|| {
        let mut named = manifest.clone();
        named["metadata"]["name"] = named["metadata"]["generateName"].clone();
        ObjectKey::of(&named, &inputs.key.namespace)
    });
    let namespace = text(inputs.live, "/metadata/namespace").unwrap_or_default();
    // Only what lies beside the object: a kind without namespace is everybody's.
    let is_beside = |key: &ObjectKey| {
        let is_cluster_scoped = is_cluster_scoped(&key.group, &key.kind)
            || inputs.cluster_scoped.contains(&key.group_kind());
        match text(&manifest, "/metadata/namespace").filter(|named| !named.is_empty()) {
            _ if is_cluster_scoped => namespace.is_empty(),
            Some(named) => named == namespace,
            None => !namespace.is_empty(),
        }
    };
    let Some(key) = key.filter(is_beside) else {
        let object = text(&manifest, "/metadata/name").unwrap_or_default().to_owned();
        return Err(ActionRefusal::OtherObject { object });
    };
    // A Secret would carry away what the script read.
    if is_secret(&key) {
        return Err(ActionRefusal::Secret);
    }
    if !namespace.is_empty() {
        manifest["metadata"]["namespace"] = Value::from(namespace);
    }
    // What it makes is nobody's by Git: a plan would prune it.
    let annotations = manifest.pointer_mut("/metadata/annotations");
    if let Some(annotations) = annotations.and_then(Value::as_object_mut) {
        annotations.shift_remove(TRACKING_ANNOTATION);
    }
    permitted(inputs, &key)?;
    Ok(ActionWrite::Create { manifest })
}

/// What is in the way, and what to do.
impl fmt::Display for ActionRefusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Secret => f.write_str(
                "no action reads or makes a Secret: what it does with the values could be read afterwards",
            ),
            Self::Unknown { action, offered } if offered.is_empty() => {
                write!(f, "there is no action `{action}`, nor any other, on this object")
            }
            Self::Unknown { action, offered } => write!(
                f,
                "there is no action `{action}` on this object; there are {}",
                offered.join(", ")
            ),
            Self::Disabled { action } => {
                write!(f, "the action `{action}` cannot be done while the object is as it is")
            }
            Self::UnknownParameter { parameter, known } if known.is_empty() => {
                write!(f, "the action takes no parameter, and was given `{parameter}`")
            }
            Self::UnknownParameter { parameter, known } => write!(
                f,
                "the action has no parameter `{parameter}`; it takes {}",
                known.join(", ")
            ),
            Self::MissingParameter { parameter } => {
                write!(f, "the action needs the parameter `{parameter}`")
            }
            Self::NoWholeNumber { parameter } => {
                write!(f, "the parameter `{parameter}` must be a whole number from 0 on")
            }
            Self::Script { problem } => write!(f, "the script of the action failed: {problem}"),
            Self::SetByGit { fields } => write!(
                f,
                "Git sets {} and would put it back; change it there",
                fields.join(", ")
            ),
            Self::OtherObject { object } => write!(
                f,
                "the action would change {object}; it may change its own object and make others in the same namespace"
            ),
            Self::Tracking => write!(
                f,
                "the action would change {TRACKING_ANNOTATION}, which says whose object it is; leave it in its annotations"
            ),
            Self::NotPermitted { refusal } => {
                write!(f, "the project does not permit what it would write: {refusal}")
            }
            Self::NoChange => f.write_str("the action changes nothing"),
        }
    }
}
