//! What Git declares: three applications on two clusters, and what each renders to.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use deployments::{Application, ObjectKey, Role, role};
use ledger::{ApplicationName, CommitId};
use serde_json::{Value, json};

use super::controllers::SLOW_FINALIZER;
use crate::world::fnv;

/// The clusters, by the address that applications name.
pub(crate) const CLUSTERS: [&str; 2] = ["https://east", "https://west"];
/// The namespace of all objects; two applications share one, and may claim the same object in it.
pub(crate) const NAMESPACE: &str = "town";

/// The applications: name, cluster, options of their file.
const APPLICATIONS: [(&str, usize, &str); 3] = [
    ("shop", 0, "[]"),
    ("blog", 0, "[PrunePropagationPolicy=background]"),
    ("tools", 1, "[PruneLast=true, CreateNamespace=true]"),
];

/// What the files of an application say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Files {
    pub version: u64,
    /// Its pods never become ready.
    pub is_bad: bool,
    /// `None`: Git does not say.
    pub replicas: Option<u64>,
    pub parts: BTreeSet<u64>,
    pub has_waves: bool,
    pub has_hooks: bool,
    pub hook_fails: bool,
    pub is_scaled: bool,
    /// Declares an object that another application may declare too.
    pub claims_shared: bool,
}

/// What an application renders to.
#[derive(Debug, PartialEq)]
pub(crate) struct Rendered {
    pub commit: CommitId,
    pub manifests: Arc<Vec<Value>>,
    /// What is kept equal to Git; without hooks.
    pub keys: BTreeSet<ObjectKey>,
}

/// An application at the tip.
#[derive(Debug, Clone)]
pub(crate) struct Tip {
    pub application: Arc<Application>,
    pub cluster: usize,
    pub files: Files,
    /// Whether its file is there.
    pub is_declared: bool,
    pub commit: CommitId,
    pub rendered: Arc<Rendered>,
    /// Since when each object is declared.
    pub since: BTreeMap<ObjectKey, u64>,
}

/// The repository.
#[derive(Debug)]
pub(crate) struct Git {
    pub applications: BTreeMap<ApplicationName, Tip>,
    /// Every rendering that ever was.
    pub renderings: BTreeMap<CommitId, Arc<Rendered>>,
    commits: u64,
}

impl Git {
    pub(crate) fn new() -> Self {
        let mut git =
            Self { applications: BTreeMap::new(), renderings: BTreeMap::new(), commits: 0 };
        for (name, cluster, options) in APPLICATIONS {
            let application = Arc::new(application(name, CLUSTERS[cluster], options));
            let files = Files {
                version: 1,
                is_bad: false,
                replicas: Some(2),
                parts: [1, 2, 3].into(),
                has_waves: name != "blog",
                has_hooks: name == "shop",
                hook_fails: false,
                is_scaled: name == "shop",
                claims_shared: name == "blog",
            };
            let rendered = Arc::new(rendered(name, &files));
            git.renderings.insert(rendered.commit.clone(), Arc::clone(&rendered));
            let (name, since) = (application.name.clone(), BTreeMap::new());
            let (is_declared, commit) = (true, commit_id(0, 0));
            git.applications.insert(
                name,
                Tip { application, cluster, files, is_declared, commit, rendered, since },
            );
        }
        git
    }

    /// A person's commit: changes the files of an application, or takes its own file away.
    pub(crate) fn push(
        &mut self,
        name: &ApplicationName,
        tick: u64,
        change: impl FnOnce(&mut Files, &mut bool),
    ) {
        self.commits += 1;
        let Some(tip) = self.applications.get_mut(name) else { return };
        change(&mut tip.files, &mut tip.is_declared);
        tip.commit = commit_id(0, self.commits);
        let new = rendered(name.as_str(), &tip.files);
        let new = self.renderings.entry(new.commit.clone()).or_insert_with(|| Arc::new(new));
        tip.rendered = Arc::clone(new);
        let is_declared = tip.is_declared;
        tip.since.retain(|key, _| is_declared && new.keys.contains(key));
        for key in new.keys.iter().filter(|_| is_declared) {
            tip.since.entry(key.clone()).or_insert(tick);
        }
    }

    /// Since when Git declares an object, in whichever application.
    pub(crate) fn declares_since(&self, name: &ApplicationName, key: &ObjectKey) -> Option<u64> {
        self.applications.get(name)?.since.get(key).copied()
    }
}

fn rendered(name: &str, files: &Files) -> Rendered {
    let manifests = manifests(name, files);
    let text = serde_json::to_vec(&manifests).unwrap_or_default();
    let objects = manifests.iter().filter(|manifest| matches!(role(manifest), Ok(Role::Object)));
    let keys = objects.filter_map(|manifest| ObjectKey::of(manifest, NAMESPACE)).collect();
    Rendered { commit: commit_id(fnv(&text) | 1, 0), manifests: Arc::new(manifests), keys }
}

fn manifests(name: &str, files: &Files) -> Vec<Value> {
    let wave = |wave: i32| if files.has_waves { wave.to_string() } else { "0".to_owned() };
    let metadata = |suffix: &str, at: i32| {
        json!({
            "name": format!("{name}-{suffix}"),
            "annotations": {"argocd.argoproj.io/sync-wave": wave(at)},
        })
    };
    let mut all = vec![
        json!({
            "apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata("settings", -1),
            "data": {"version": files.version.to_string()},
        }),
        deployment(name, files, metadata("app", 0)),
        json!({
            "apiVersion": "v1", "kind": "Service", "metadata": metadata("app", 0),
            "spec": {"selector": {"app": name}, "ports": [{"name": "http", "port": 80}]},
        }),
    ];
    for part in &files.parts {
        let mut config = json!({
            "apiVersion": "v1", "kind": "ConfigMap",
            "metadata": metadata(&format!("part-{part}"), (part % 3) as i32),
            "data": {"part": part.to_string()},
        });
        if *part == 4 {
            config["metadata"]["finalizers"] = json!([SLOW_FINALIZER]);
        }
        all.push(config);
    }
    if files.is_scaled {
        all.push(json!({
            "apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler",
            "metadata": metadata("app", 1),
            "spec": {"minReplicas": 2, "maxReplicas": 5,
                "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": format!("{name}-app")}},
        }));
    }
    if files.claims_shared {
        all.push(json!({
            "apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "shared"},
            "data": {"owner": name},
        }));
    }
    if files.has_hooks {
        let fails = if files.hook_fails { "bad" } else { "" };
        all.push(hook(&format!("{name}-migrate"), "PreSync", "BeforeHookCreation", ""));
        all.push(hook(
            &format!("{name}-notify"),
            "PostSync",
            "BeforeHookCreation,HookSucceeded",
            fails,
        ));
        all.push(hook(&format!("{name}-repent"), "SyncFail", "HookSucceeded,HookFailed", ""));
        all.push(hook(&format!("{name}-farewell"), "PreDelete", "HookSucceeded,HookFailed", ""));
    }
    all
}

fn deployment(name: &str, files: &Files, metadata: Value) -> Value {
    let image = format!("{name}:{}{}", files.version, if files.is_bad { "bad" } else { "" });
    let template = json!({
        "metadata": {"labels": {"app": name}},
        "spec": {"containers": [{
            "name": "app", "image": image, "args": ["--serve", files.version.to_string()],
            "env": [{"name": "VERSION", "value": files.version.to_string()}],
        }]},
    });
    let mut deployment = json!({
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": metadata,
        "spec": {"selector": {"matchLabels": {"app": name}}, "template": template},
    });
    if let Some(replicas) = files.replicas {
        deployment["spec"]["replicas"] = json!(replicas);
    }
    deployment
}

fn hook(name: &str, phase: &str, deletion: &str, suffix: &str) -> Value {
    json!({
        "apiVersion": "batch/v1", "kind": "Job",
        "metadata": {"name": name, "annotations": {
            "argocd.argoproj.io/hook": phase, "argocd.argoproj.io/hook-delete-policy": deletion,
        }},
        "spec": {"template": {"spec": {"containers": [{"name": "job", "image": format!("job:1{suffix}")}]}}},
    })
}

fn application(name: &str, cluster: &str, options: &str) -> Application {
    let text = format!(
        "apiVersion: argoproj.io/v1alpha1\nkind: Application\nmetadata:\n  name: {name}\n  \
         finalizers: [resources-finalizer.argocd.argoproj.io]\nspec:\n  \
         source: {{repoURL: demo/town, path: {name}}}\n  \
         destination: {{server: \"{cluster}\", namespace: {NAMESPACE}}}\n  \
         syncPolicy:\n    automated: {{prune: true, selfHeal: true}}\n    syncOptions: {options}\n    \
         retry: {{limit: 5, backoff: {{duration: 2s, factor: 2, maxDuration: 10s}}}}\n"
    );
    Application::parse("application.yaml", &text)
        .expect("the simulation's own applications are right")
}

fn commit_id(content: u64, number: u64) -> CommitId {
    CommitId::new(format!("{content:016x}{number:024x}")).expect("40 hexadecimal digits")
}
