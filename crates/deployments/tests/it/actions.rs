//! Actions on objects: which there are, what they write, and what they may not.

use std::collections::{BTreeMap, BTreeSet};

use deployments::project::{Project, Scope};
use deployments::{
    ActionInputs, ActionRefusal, ActionWrite, Application, Customizations, ObjectKey,
    decide_action, may_have_actions, offered_actions, tracked, without_values,
};
use ledger::Timestamp;
use serde_json::{Value, json};

/// 2026-01-02T03:04:05.678Z.
const NOW: Timestamp = Timestamp(1_767_323_045_678);

struct Case {
    live: Value,
    desired: Option<Value>,
    customizations: Customizations,
    application: Application,
    scope: Scope,
}

fn object(group_version: &str, kind: &str, spec: Value) -> Value {
    json!({
        "apiVersion": group_version, "kind": kind,
        "metadata": {
            "name": "web", "namespace": "shop", "uid": "u-1", "resourceVersion": "7",
            "managedFields": [],
        },
        "spec": spec,
    })
}

impl Case {
    fn of(live: Value) -> Self {
        Self {
            live,
            desired: None,
            customizations: Customizations::default(),
            application: crate::plan::application(""),
            scope: Scope::default(),
        }
    }

    /// With what Git wants of it.
    fn wanted(mut self, desired: Value) -> Self {
        let key = self.key();
        self.desired = Some(tracked(&desired, &key, self.application.name.as_str()));
        self
    }

    /// With a user's actions for its kind.
    fn with(mut self, kind: &str, actions: &str) -> Self {
        let key = format!("resource.customizations.actions.{kind}");
        self.customizations = Customizations::read(&[(key, actions.to_owned())].into()).unwrap();
        self
    }

    fn key(&self) -> ObjectKey {
        ObjectKey::of(&self.live, "").unwrap()
    }

    fn asked<T>(&self, ask: impl FnOnce(&ActionInputs<'_>) -> T) -> T {
        ask(&ActionInputs {
            application: &self.application,
            customizations: &self.customizations,
            scope: &self.scope,
            cluster_scoped: &BTreeSet::from(["a.example/Wide".to_owned()]),
            key: &self.key(),
            live: &self.live,
            desired: self.desired.as_ref(),
            as_of: NOW,
        })
    }

    /// The actions, with `-` before those that cannot be done now.
    #[track_caller]
    fn offers(&self, expected: &str) {
        let offered = self.asked(offered_actions).unwrap();
        let found = offered
            .iter()
            .map(|action| format!("{}{}", if action.is_disabled { "-" } else { "" }, action.name));
        assert_eq!(found.collect::<Vec<_>>().join(" "), expected);
    }

    fn run(&self, line: &str) -> Result<Vec<ActionWrite>, ActionRefusal> {
        let mut words = line.split(' ');
        let name = words.next().unwrap();
        let given = words.map(|word| word.split_once('=').unwrap());
        let given: BTreeMap<String, String> =
            given.map(|(name, value)| (name.into(), value.into())).collect();
        self.asked(|inputs| decide_action(inputs, name, &given))
    }

    #[track_caller]
    fn patches(&self, line: &str, expected: Value) {
        match self.run(line).unwrap().as_slice() {
            [ActionWrite::Patch { patch: Some(patch), status: None, .. }] => {
                assert_eq!(*patch, expected, "{line}");
            }
            other => panic!("{line}: {other:?}"),
        }
    }

    #[track_caller]
    fn refuses(&self, line: &str, needle: &str) {
        let refusal = self.run(line).unwrap_err().to_string();
        assert!(refusal.contains(needle), "{line}: {refusal}\nhas not: {needle}");
    }
}

fn deployment(spec: Value) -> Case {
    Case::of(object("apps/v1", "Deployment", spec))
}

fn restarted() -> Value {
    let annotations = json!({"kubectl.kubernetes.io/restartedAt": "2026-01-02T03:04:05Z"});
    json!({"spec": {"template": {"metadata": {"annotations": annotations}}}})
}

#[test]
fn workloads_have_the_actions_that_everybody_knows() {
    deployment(json!({})).offers("pause restart -resume scale");
    deployment(json!({"paused": true})).offers("-pause restart resume scale");
    Case::of(object("apps/v1", "StatefulSet", json!({}))).offers("restart scale");
    Case::of(object("apps/v1", "DaemonSet", json!({}))).offers("restart");
    let job = |spec| Case::of(object("batch/v1", "CronJob", spec));
    job(json!({})).offers("create-job -resume suspend");
    job(json!({"suspend": true})).offers("create-job resume -suspend");
    Case::of(object("v1", "ConfigMap", json!({}))).offers("");
    Case::of(object("a.example/v1", "Deployment", json!({}))).offers("");
    for kind in ["Deployment", "StatefulSet", "DaemonSet"] {
        let case = Case::of(object("apps/v1", kind, json!({"template": {"metadata": {}}})));
        case.patches("restart", restarted());
    }
    deployment(json!({})).patches("pause", json!({"spec": {"paused": true}}));
    deployment(json!({"paused": true})).patches("resume", json!({"spec": {"paused": null}}));
    deployment(json!({"replicas": 1}))
        .patches("scale replicas=3", json!({"spec": {"replicas": 3}}));
    job(json!({})).patches("suspend", json!({"spec": {"suspend": true}}));
    job(json!({"suspend": true})).patches("resume", json!({"spec": {"suspend": false}}));
}

#[test]
fn a_job_is_made_of_a_cron_job() {
    let template = json!({
        "metadata": {"labels": {"a": "b"}, "annotations": {"c": "d"}},
        "spec": {"template": {"spec": {"containers": []}}},
    });
    let case = Case::of(object("batch/v1", "CronJob", json!({"jobTemplate": template})));
    let writes = case.run("create-job").unwrap();
    let [ActionWrite::Create { manifest }] = writes.as_slice() else { panic!("{writes:?}") };
    assert_eq!(manifest["metadata"]["name"], "web-1767323045");
    assert_eq!(manifest["metadata"]["namespace"], "shop");
    assert_eq!(manifest["metadata"]["labels"], json!({"a": "b"}));
    let annotations = json!({"c": "d", "cronjob.kubernetes.io/instantiate": "manual"});
    assert_eq!(manifest["metadata"]["annotations"], annotations);
    assert_eq!(manifest["metadata"]["ownerReferences"][0]["uid"], "u-1");
    assert_eq!(manifest["spec"], template["spec"]);
    // What the project does not permit is not made either.
    let mut denied = case;
    let text = "apiVersion: argoproj.io/v1alpha1\nkind: AppProject\nmetadata: {name: p}\nspec:\n  \
                sourceRepos: ['*']\n  destinations: [{name: local, namespace: '*'}]\n  \
                namespaceResourceBlacklist: [{group: batch, kind: Job}]\n";
    denied.scope.project = Some(Project::parse("p.yaml", text).unwrap().into());
    denied.refuses("create-job", "`namespaceResourceBlacklist` denies");
    denied.scope.project = None;
    denied.refuses("create-job", "the project does not permit");
    denied.refuses("suspend", "the project does not permit");
}

#[test]
fn what_git_sets_is_changed_in_git() {
    let live = || object("apps/v1", "Deployment", json!({"replicas": 2, "paused": true}));
    let desired = |spec| object("apps/v1", "Deployment", spec);
    let scaled = Case::of(live()).wanted(desired(json!({"replicas": 2})));
    scaled.refuses("scale replicas=3", "Git sets /spec/replicas and would put it back");
    scaled.patches("restart", restarted());
    let free = Case::of(live()).wanted(desired(json!({})));
    free.patches("scale replicas=3", json!({"spec": {"replicas": 3}}));
    // One that differs already is set by Git nevertheless; back to Git's value is no difference.
    let drifted = Case::of(live()).wanted(desired(json!({"replicas": 5})));
    drifted.refuses("scale replicas=3", "Git sets /spec/replicas");
    drifted.patches("scale replicas=5", json!({"spec": {"replicas": 5}}));
    drifted.patches("restart", restarted());
    let template = json!({"template": {"metadata": {"annotations": {
        "kubectl.kubernetes.io/restartedAt": "yesterday",
    }}}});
    let mut both = live();
    both["spec"]["template"] = template["template"].clone();
    let pinned = Case::of(both).wanted(desired(template));
    pinned.refuses("restart", "kubectl.kubernetes.io~1restartedAt and would");
    // Git's own exceptions count here too.
    let mut ignoring = Case::of(live()).wanted(desired(json!({"replicas": 2})));
    ignoring.application = crate::plan::application(
        "\n  ignoreDifferences: [{group: apps, kind: Deployment, jsonPointers: [/spec/replicas]}]",
    );
    ignoring.patches("scale replicas=3", json!({"spec": {"replicas": 3}}));
}

#[test]
fn what_cannot_be_done_is_said() {
    let web = || deployment(json!({"replicas": 1}));
    web().refuses("resume", "`resume` cannot be done while");
    web().refuses("stop", "no action `stop` on this object; there are pause, restart");
    web().refuses("restart x=1", "takes no parameter, and was given `x`");
    web().refuses("scale x=1", "no parameter `x`; it takes replicas");
    web().refuses("scale replicas=-1", "must be a whole number");
    web().refuses("scale replicas=1", "the action changes nothing");
    deployment(json!({})).refuses("scale", "needs the parameter `replicas`");
    Case::of(object("v1", "ConfigMap", json!({}))).refuses("x", "nor any other");
    let kind = "Secret";
    let script = "definitions: [{name: leak, action.lua: error(obj.data.password)}]";
    let mut secret = object("v1", kind, json!({}));
    secret["data"] = json!({"password": "aHVudGVyMg=="});
    let secret = Case::of(secret).with(kind, script);
    secret.refuses("leak", "no action reads or makes a Secret");
    assert!(!may_have_actions(&secret.customizations, &secret.live, &secret.key()));
}

const THING: &str = "a.example_Thing";

fn thing(script: &str) -> Case {
    let definitions = json!({"definitions": [{"name": "do", "action.lua": script}]});
    let live = object("a.example/v1", "Thing", json!({"size": 1}));
    Case::of(live).with(THING, &definitions.to_string())
}

#[test]
fn scripts_change_their_own_object_and_make_others_beside_it() {
    thing("obj.spec.size = 2; return obj").patches("do", json!({"spec": {"size": 2}}));
    thing("obj.spec.size = nil; return obj").patches("do", json!({"spec": {"size": null}}));
    thing("return obj").refuses("do", "changes nothing");
    thing("error('no')").refuses("do", "the script of the action failed: line 1");
    thing("obj.metadata.name = 'x'; return obj")
        .refuses("do", "would change a.example/Thing shop/x");
    thing("obj.metadata.uid = 'x'; return obj")
        .refuses("do", "would change a.example/Thing shop/web");
    let made = |more: &str| {
        let object = "{apiVersion = 'v1', kind = 'ConfigMap', metadata = {name = 'x'}}";
        thing(&format!(
            "local made = {object} {more} return {{{{operation = 'create', resource = made}}}}"
        ))
    };
    let writes = made("").run("do").unwrap();
    let [ActionWrite::Create { manifest }] = writes.as_slice() else { panic!("{writes:?}") };
    assert_eq!(manifest["metadata"], json!({"name": "x", "namespace": "shop"}));
    made("made.metadata.namespace = 'other'").refuses("do", "would change x");
    made("made.apiVersion = 'a.example/v1' made.kind = 'Wide'").refuses("do", "would change x");
    made("made.kind = 'Namespace'").refuses("do", "would change x");
    made("made.kind = 'Secret'").refuses("do", "no action reads or makes a Secret");
    let tracking = "['argocd.argoproj.io/tracking-id'] = 'other:/ConfigMap:shop/x'";
    let writes = made(&format!("made.metadata.annotations = {{a = 'b', {tracking}}}")).run("do");
    let writes = writes.unwrap();
    let [ActionWrite::Create { manifest }] = writes.as_slice() else { panic!("{writes:?}") };
    assert_eq!(manifest["metadata"]["annotations"], json!({"a": "b"}));
    let taken = thing(&format!("obj.metadata.annotations = {{{tracking}}}; return obj"));
    taken.refuses("do", "would change argocd.argoproj.io/tracking-id");
    let mut lost = thing("obj.metadata.annotations = nil; return obj");
    lost.live["metadata"]["annotations"] = json!({"argocd.argoproj.io/tracking-id": "x"});
    lost.refuses("do", "would change argocd.argoproj.io/tracking-id");
    let writes = thing("obj.status = {phase = 'x'}; return obj").run("do").unwrap();
    let status = Some(json!({"phase": "x"}));
    let fields = vec!["/status/phase".to_owned()];
    assert_eq!(writes, [ActionWrite::Patch { patch: None, status, fields }]);
}

#[test]
fn own_actions_take_the_place_of_those_that_are_there() {
    let own = "{name: restart, action.lua: 'obj.spec.own = true; return obj'}";
    let replaced = deployment(json!({})).with("apps_Deployment", &format!("definitions: [{own}]"));
    replaced.offers("restart");
    replaced.patches("restart", json!({"spec": {"own": true}}));
    replaced.refuses("pause", "no action `pause`");
    let merged = format!("mergeBuiltinActions: true\ndefinitions: [{own}]");
    let merged = deployment(json!({})).with("apps_Deployment", &merged);
    merged.offers("pause restart -resume scale");
    merged.patches("restart", json!({"spec": {"own": true}}));
    merged.patches("pause", json!({"spec": {"paused": true}}));
}

#[test]
fn what_is_recorded_quotes_no_value_that_was_given() {
    let check = |text: &str, given: &[(&str, &str)], expected: &str| {
        let given = given.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        assert_eq!(without_values(text, &given.collect()), expected);
    };
    check("Invalid value: 12: no", &[("size", "12")], "Invalid value: (size): no");
    check("\"hunter2\" is hunter2", &[("p", "hunter2")], "\"(p)\" is (p)");
    check("hunter2", &[("a", "hunter"), ("b", "hunter2")], "(b)");
    check("é: a\\nb", &[("line", "a\nb")], "é: (line)");
    check("é: no", &[("empty", "")], "é: no");
    check("p", &[("pp", "p")], "(pp)");
}
