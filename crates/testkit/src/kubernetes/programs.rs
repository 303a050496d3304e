//! The programs that tests need: of a Kubernetes control plane, and those that Boucle is judged by. Where
//! they are, and how they are built once.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};

/// The version that everything is tested against. Kubelets from 1.35 on refuse cgroup v1.
pub const KUBERNETES_VERSION: &str = "1.34.3";
const ETCD_VERSION: &str = "3.6.13";
const KWOK_VERSION: &str = "0.7.0";
const HELM_VERSION: &str = "3.19.5";
const KUSTOMIZE_VERSION: &str = "5.7.1";
/// It has no releases of its own.
const DISTRIBUTION_VERSION: &str = "0.0.0-20260831232431-97274622c111";

/// The modules that live in Kubernetes' own tree: its `go.mod` points to them by path, so whoever
/// builds it from outside has to name their versions.
const STAGING: &[&str] = &[
    "api",
    "apiextensions-apiserver",
    "apimachinery",
    "apiserver",
    "cli-runtime",
    "client-go",
    "cloud-provider",
    "cluster-bootstrap",
    "code-generator",
    "component-base",
    "component-helpers",
    "controller-manager",
    "cri-api",
    "cri-client",
    "csi-translation-lib",
    "dynamic-resource-allocation",
    "endpointslice",
    "externaljwt",
    "kms",
    "kube-aggregator",
    "kube-controller-manager",
    "kube-proxy",
    "kube-scheduler",
    "kubectl",
    "kubelet",
    "metrics",
    "mount-utils",
    "pod-security-admission",
    "sample-apiserver",
    "sample-cli-plugin",
    "sample-controller",
];

/// A program that tests need.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Program {
    /// The store of the API server.
    Etcd,
    /// Kubernetes' interface.
    ApiServer,
    /// Makes replica sets of deployments, pods of replica sets, and so on.
    ControllerManager,
    /// Gives pods a node.
    Scheduler,
    /// Runs pods on this machine.
    Kubelet,
    /// Pretends to be nodes and the pods on them.
    Kwok,
    /// The real Helm, to compare with.
    Helm,
    /// The real Kustomize, to compare with.
    Kustomize,
    /// What judges registries: the conformance program of the OCI distribution specification.
    Distribution,
}

impl Program {
    /// What runs in a control plane, in the order of starting.
    pub const CONTROL_PLANE: [Self; 5] =
        [Self::Etcd, Self::ApiServer, Self::ControllerManager, Self::Scheduler, Self::Kwok];

    /// The same with a node that is none of kwok's.
    pub const WITH_NODE: [Self; 5] =
        [Self::Etcd, Self::ApiServer, Self::ControllerManager, Self::Scheduler, Self::Kubelet];

    /// What renders manifests.
    pub const RENDERERS: [Self; 2] = [Self::Helm, Self::Kustomize];

    /// Its file's name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Etcd => "etcd",
            Self::ApiServer => "kube-apiserver",
            Self::ControllerManager => "kube-controller-manager",
            Self::Scheduler => "kube-scheduler",
            Self::Kubelet => "kubelet",
            Self::Kwok => "kwok",
            Self::Helm => "helm",
            Self::Kustomize => "kustomize",
            // As its package is called.
            Self::Distribution => "conformance",
        }
    }

    /// Its version.
    #[must_use]
    pub const fn version(self) -> &'static str {
        match self {
            Self::Etcd => ETCD_VERSION,
            Self::ApiServer | Self::ControllerManager | Self::Scheduler | Self::Kubelet => {
                KUBERNETES_VERSION
            }
            Self::Kwok => KWOK_VERSION,
            Self::Helm => HELM_VERSION,
            Self::Kustomize => KUSTOMIZE_VERSION,
            Self::Distribution => DISTRIBUTION_VERSION,
        }
    }

    /// What of Go's packages it is built from.
    const fn package(self) -> &'static str {
        match self {
            Self::Etcd => "go.etcd.io/etcd/server/v3",
            Self::ApiServer => "k8s.io/kubernetes/cmd/kube-apiserver",
            Self::ControllerManager => "k8s.io/kubernetes/cmd/kube-controller-manager",
            Self::Scheduler => "k8s.io/kubernetes/cmd/kube-scheduler",
            Self::Kubelet => "k8s.io/kubernetes/cmd/kubelet",
            Self::Kwok => "sigs.k8s.io/kwok/cmd/kwok",
            Self::Helm => "helm.sh/helm/v3/cmd/helm",
            Self::Kustomize => "sigs.k8s.io/kustomize/kustomize/v5",
            Self::Distribution => "github.com/opencontainers/distribution-spec/conformance",
        }
    }

    /// Where it is, built first when it is nowhere. Progress goes to the standard error.
    pub fn find_or_build(self) -> Result<PathBuf> {
        if let Some(found) = self.find()? {
            return Ok(found);
        }
        let home = home()?;
        fs::create_dir_all(home.join("bin"))
            .with_context(|| format!("make {}", home.join("bin").display()))?;
        // Test programs run side by side: one builds, the others wait and find it done.
        let lock = File::create(home.join("build.lock")).context("make the lock of builds")?;
        lock.lock().context("wait for another build")?;
        if let Some(found) = self.find()? {
            return Ok(found);
        }
        self.build(&home)
    }

    /// Where it is: in the folder that `KUBEBUILDER_ASSETS` names, or among those built earlier.
    pub fn find(self) -> Result<Option<PathBuf>> {
        let assets = std::env::var_os("KUBEBUILDER_ASSETS").filter(|folder| !folder.is_empty());
        let folders = assets.map(PathBuf::from).into_iter().chain([home()?.join("bin")]);
        Ok(folders.map(|folder| folder.join(self.name())).find(|file| file.is_file()))
    }

    fn build(self, home: &Path) -> Result<PathBuf> {
        let (name, version) = (self.name(), self.version());
        say(&format!("building {name} {version}: minutes, once"));
        let started = std::time::Instant::now();
        let unfinished = home.join("unfinished");
        fs::create_dir_all(&unfinished).context("make the folder of unfinished builds")?;
        let mut go = Command::new(go_program());
        match self {
            Self::Etcd => {
                let module = format!("require {} v{version}\n", self.package());
                self.build_in(&mut go, &home.join("source/etcd"), &module, &unfinished)?;
            }
            Self::ApiServer | Self::ControllerManager | Self::Scheduler | Self::Kubelet => {
                let folder = home.join("source/kubernetes");
                self.build_in(&mut go, &folder, &kubernetes_module(), &unfinished)?;
            }
            Self::Kwok | Self::Helm | Self::Kustomize | Self::Distribution => {
                go.args(["install", "-ldflags", "-s -w"]);
                go.arg(format!("{}@v{version}", self.package()));
                go.current_dir(&unfinished).env("GOBIN", &unfinished);
            }
        }
        let status = go.status().context(
            "`go` cannot be started; install Go 1.24 or newer, or set KUBEBUILDER_ASSETS to a folder with the programs",
        )?;
        ensure!(status.success(), "go could not build {name} {version}; what it said is above");
        let built = home.join("bin").join(name);
        fs::rename(unfinished.join(name), &built)
            .with_context(|| format!("move {name} to {}", built.display()))?;
        say(&format!("built {name} in {} s", started.elapsed().as_secs()));
        Ok(built)
    }

    fn build_in(self, go: &mut Command, folder: &Path, module: &str, to: &Path) -> Result<()> {
        fs::create_dir_all(folder).with_context(|| format!("make {}", folder.display()))?;
        let file = folder.join("go.mod");
        if !file.is_file() {
            fs::write(&file, format!("module boucle.test/programs\n\ngo 1.24.0\n\n{module}"))
                .with_context(|| format!("write {}", file.display()))?;
        }
        go.current_dir(folder).args(["build", "-mod=mod", "-buildvcs=false", "-ldflags"]);
        go.arg(linker_flags()).arg("-o").arg(to.join(self.name())).arg(self.package());
        Ok(())
    }
}

/// `go`, also where Go's own installation puts it without telling the `PATH`.
fn go_program() -> PathBuf {
    let installed = Path::new("/usr/local/go/bin/go");
    let on_path = on_path("go");
    if on_path.is_none() && installed.is_file() {
        installed.to_owned()
    } else {
        PathBuf::from("go")
    }
}

/// Where a program of the machine is.
pub(super) fn on_path(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).map(|folder| folder.join(name)).find(|file| file.is_file())
}

/// Where built programs are kept: outside of the tree, by version.
pub fn home() -> Result<PathBuf> {
    Ok(cache()?.join(format!("kubernetes-{KUBERNETES_VERSION}")))
}

/// The project's folder among the caches of whoever runs this.
pub fn cache() -> Result<PathBuf> {
    let variable = |name| std::env::var_os(name).filter(|value| !value.is_empty());
    let cache = match variable("XDG_CACHE_HOME") {
        Some(cache) => PathBuf::from(cache),
        None => PathBuf::from(variable("HOME").context("HOME is not set")?).join(".cache"),
    };
    Ok(cache.join("boucle"))
}

/// Without these a client cannot read the server's version.
fn linker_flags() -> String {
    let [major, minor, _] = KUBERNETES_VERSION.split('.').collect::<Vec<_>>()[..] else {
        return "-s -w".to_owned();
    };
    let base = "k8s.io/component-base/version";
    format!(
        "-s -w -X {base}.gitVersion=v{KUBERNETES_VERSION} -X {base}.gitMajor={major} -X {base}.gitMinor={minor}"
    )
}

fn kubernetes_module() -> String {
    let staged = KUBERNETES_VERSION.trim_start_matches("1.");
    let mut module = format!("require k8s.io/kubernetes v{KUBERNETES_VERSION}\n\nreplace (\n");
    for name in STAGING {
        module.push_str(&format!("\tk8s.io/{name} => k8s.io/{name} v0.{staged}\n"));
    }
    module.push_str(")\n");
    module
}

#[expect(clippy::print_stderr, reason = "a build of ten minutes must say that it runs")]
pub(super) fn say(line: &str) {
    eprintln!("test cluster: {line}");
}
