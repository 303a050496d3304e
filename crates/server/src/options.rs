//! How the server is started.

use std::path::PathBuf;

/// What `boucle up` was told.
#[derive(Debug, Clone)]
pub struct Options {
    /// The data folder; made when it does not exist.
    pub data: PathBuf,
    /// The port on 127.0.0.1; the next free one is taken when it is in use, 0 takes any.
    pub port: u16,
    /// Host the example service and send it visitors.
    pub demo: bool,
    /// The cluster that the example service runs on; `None`: local processes.
    pub demo_cluster: Option<String>,
    /// A Prometheus server to query instead of the embedded store.
    pub metrics_url: Option<String>,
    /// A kubeconfig whose contexts are destinations.
    pub kubeconfig: Option<PathBuf>,
    /// The cluster that this process runs on is a destination, too.
    pub in_cluster: bool,
    /// The namespace of Argo CD's `Application` objects that are answered.
    pub argocd_namespace: Option<String>,
    /// The namespace of Flux's objects that are answered.
    pub flux_namespace: Option<String>,
    /// The `helm` program; otherwise the first on the `PATH`.
    pub helm: Option<PathBuf>,
    /// The hosts that are asked for charts, `HOST` or `HOST:PORT`.
    pub charts_from: Vec<String>,
    /// Programs that render what names them, by name.
    pub renderers: Vec<(String, PathBuf)>,
    /// The file with the key that secrets are sealed with; otherwise `secrets.key` of the data folder.
    pub secrets_key: Option<PathBuf>,
    /// Refuse to run jobs with less than full isolation.
    pub require_sandbox: bool,
    /// Print in French.
    pub french: bool,
}
