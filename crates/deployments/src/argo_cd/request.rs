//! What tools ask for: the field `operation` of an object, read strictly. What cannot be done as asked
//! is refused and never done halfway.

use ledger::CommitId;
use serde::Deserialize;
use serde_json::Value;

/// Options of a synchronisation that are always so.
const ALWAYS: [&str; 4] = [
    "ServerSideApply=true",
    "ApplyOutOfSyncOnly=true",
    "RespectIgnoreDifferences=true",
    "FailOnSharedResource=true",
];

/// A synchronisation that an object asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// Whether it may delete what left Git.
    pub prune: bool,
    /// Who asks, as the object says; nobody has checked it.
    pub by: String,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
struct Operation {
    #[serde(rename = "info")]
    _info: Value,
    initiated_by: InitiatedBy,
    retry: Value,
    sync: Option<Sync>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
struct InitiatedBy {
    username: String,
    automated: bool,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
struct Sync {
    #[serde(rename = "autoHealAttemptsCount")]
    _attempts: Value,
    dry_run: bool,
    manifests: Vec<Value>,
    prune: bool,
    resources: Vec<Value>,
    revision: String,
    revisions: Vec<String>,
    source: Value,
    sources: Value,
    sync_options: Vec<String>,
    sync_strategy: Strategy,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
struct Strategy {
    apply: Option<Value>,
    hook: Option<Value>,
}

/// The synchronisation that an object asks for, or why it is not done; `None`: it asks for none.
/// `revision` is the commit that Git asks for now.
#[must_use]
pub fn request(object: &Value, revision: &CommitId) -> Option<Result<Request, String>> {
    let operation = object.get("operation").filter(|operation| !operation.is_null())?;
    Some(read(operation, object, revision))
}

/// Whether a tool asks that the operation under way ends.
#[must_use]
pub fn is_ending(object: &Value) -> bool {
    object.pointer("/status/operationState/phase").is_some_and(|phase| phase == "Terminating")
}

fn read(operation: &Value, object: &Value, revision: &CommitId) -> Result<Request, String> {
    let operation = Operation::deserialize(operation)
        .map_err(|error| format!("the operation cannot be read: {error}"))?;
    let spec = &object["spec"];
    let retry = spec.pointer("/syncPolicy/retry").unwrap_or(&Value::Null);
    let retries = operation.retry["limit"].as_i64().unwrap_or(0) != 0;
    if retries && operation.retry != *retry {
        return Err("an operation has no `retry` of its own: the application's counts".into());
    }
    let sync = operation.sync.ok_or("only a `sync` can be asked for")?;
    if sync.dry_run {
        return Err("a dry run is not done here: `boucle app diff` shows what would change".into());
    }
    if !sync.manifests.is_empty() {
        return Err("manifests come from Git alone: `manifests` is refused".into());
    }
    if !sync.resources.is_empty() {
        return Err("an application is synchronised as a whole: leave out `resources`".into());
    }
    for (name, value) in [("source", &sync.source), ("sources", &sync.sources)] {
        if !value.is_null() && spec.get(name) != Some(value) {
            return Err(format!("`{name}` differs from the application's: {GO_BACK}"));
        }
    }
    let target = |source: &Value| source["targetRevision"].as_str().unwrap_or("HEAD").to_owned();
    let sources = spec["sources"].as_array().into_iter().flatten();
    let targets: Vec<String> = spec.get("source").into_iter().chain(sources).map(target).collect();
    let asked = std::iter::once(&sync.revision).chain(&sync.revisions);
    let mut asked = asked.filter(|asked| !asked.is_empty());
    if let Some(other) = asked.find(|one| *one != revision.as_str() && !targets.contains(one)) {
        return Err(format!("Git asks for {revision} and not for `{other}`: {GO_BACK}"));
    }
    strategy(&sync.sync_strategy)?;
    let own: Vec<&str> = spec
        .pointer("/syncPolicy/syncOptions")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect();
    let mut options = sync.sync_options.iter().map(String::as_str);
    if let Some(other) = options.find(|one| !own.contains(one) && !ALWAYS.contains(one)) {
        return Err(format!("write the option `{other}` into the application's file"));
    }
    let InitiatedBy { username, automated } = operation.initiated_by;
    let by = match (username.is_empty(), automated) {
        (false, _) => username,
        (true, true) => "an automation".into(),
        (true, false) => "somebody".into(),
    };
    Ok(Request { prune: sync.prune, by })
}

const GO_BACK: &str =
    "to go back, revert the commit or use `boucle app rollback`; another revision is pushed";

fn strategy(strategy: &Strategy) -> Result<(), String> {
    if strategy.apply.as_ref().is_some_and(|apply| !apply.is_null()) {
        return Err("hooks always run: leave out `syncStrategy.apply`".into());
    }
    let forces = |hook: &Value| hook["force"] == true;
    if strategy.hook.as_ref().is_some_and(forces) {
        return Err("`force` is an option of the application: `Force=true`".into());
    }
    Ok(())
}
