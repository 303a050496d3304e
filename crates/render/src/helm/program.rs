//! The real `helm`.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use super::HelmOrder;
use crate::error::RenderError;
use crate::process::{COMPLAINT_BYTES_MAX, Identity, Key, Outcome, WORK, Words, Work, Workshop};

/// The `helm` program of this machine, or its absence.
#[derive(Debug)]
pub(crate) struct Helm {
    program: Option<PathBuf>,
    /// What it said of itself, and which file that was.
    version: Mutex<Option<(Identity, String)>>,
}

impl Helm {
    pub(crate) fn new(program: Option<PathBuf>) -> Self {
        Self { program, version: Mutex::default() }
    }

    /// What the program prints for an order. Blocks: not for a thread that polls futures.
    pub(crate) fn run(&self, workshop: &Workshop, order: &HelmOrder) -> Outcome {
        let version = self.version(workshop, &order.chart)?;
        let work = self.work(workshop, &order.arguments, &order.files, &order.chart)?;
        workshop.answer(key(order, &version), &work, |complaint| said(complaint, order))
    }

    /// Its version, asked once for each file that it was.
    fn version(&self, workshop: &Workshop, chart: &str) -> Result<String, RenderError> {
        let identity = self.program.as_deref().and_then(Identity::of);
        let known = self.version.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some((of, version)) = known
            && identity.as_ref() == Some(&of)
        {
            return Ok(version);
        }
        let arguments = ["version", "--template", "{{.Version}}"].map(str::to_owned);
        let files = BTreeMap::new();
        let ended = workshop.execute(&self.work(workshop, &arguments, &files, chart)?)?;
        let version = String::from_utf8_lossy(&ended.output).trim().to_owned();
        if !version.starts_with("v3.") {
            let program = self.program.as_deref().unwrap_or(Path::new("helm")).display();
            let end = version.floor_char_boundary(100);
            let message = format!(
                "charts are rendered by Helm 3, and `{program}` says that it is `{}`; install Helm 3 \
                 and start `boucle up --helm FILE`",
                &version[..end]
            );
            return Err(RenderError::whole("helm-version", chart, message));
        }
        let mut known = self.version.lock().unwrap_or_else(PoisonError::into_inner);
        *known = identity.map(|identity| (identity, version.clone()));
        Ok(version)
    }

    fn work<'a>(
        &'a self,
        workshop: &Workshop,
        arguments: &'a [String],
        files: &'a BTreeMap<String, Vec<u8>>,
        chart: &'a str,
    ) -> Result<Work<'a>, RenderError> {
        let Some(program) = &self.program else {
            let message = "this is a Helm chart, and the server has no `helm`; install Helm 3 so that \
                           it is on the PATH of `boucle up`, or start it with `--helm FILE`";
            return Err(RenderError::whole("helm-missing", chart, message));
        };
        let variables = [
            ("HOME", "/tmp"),
            ("HELM_CACHE_HOME", "/tmp/cache"),
            ("HELM_CONFIG_HOME", "/tmp/config"),
            ("HELM_DATA_HOME", "/tmp/data"),
            ("HELM_PLUGINS", "/tmp/plugins"),
            ("KUBECONFIG", "/dev/null"),
        ];
        let mut environment: BTreeMap<String, String> =
            variables.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
        // Memory is collected before the limit is met, which would end it.
        let soft_bytes = workshop.limits.memory_bytes / 4 * 3;
        environment.insert("GOMEMLIMIT".into(), soft_bytes.to_string());
        let words = Words {
            program: "`helm`",
            subject: "the chart",
            endless: "a template may repeat without end: try `helm template` on the chart",
            greedy: "a template may repeat without end, or the chart is too large",
            budget: "helm-budget",
            failed: "helm-failed",
            folder: chart,
        };
        Ok(Work { program, arguments, environment, files, input: None, words })
    }
}

/// All that decides what is printed.
fn key(order: &HelmOrder, version: &str) -> String {
    let mut key = Key::default();
    key.put(version.as_bytes());
    key.put(order.chart.as_bytes());
    key.put(&(order.arguments.len() as u64).to_be_bytes());
    order.arguments.iter().for_each(|argument| key.put(argument.as_bytes()));
    for (place, content) in &order.files {
        key.put(place.as_bytes());
        key.put(order.names.get(place).map(String::as_bytes).unwrap_or_default());
        key.put(content);
    }
    key.end()
}

/// Helm's own words, with the names that files have in Git.
fn said(complaint: &str, order: &HelmOrder) -> String {
    let lines: Vec<&str> = complaint
        .lines()
        .filter(|line| !line.starts_with("WARNING:") && !line.contains("--debug flag"))
        .collect();
    let mut text = lines.join("\n");
    for (place, name) in &order.names {
        text = text.replace(&format!("{WORK}/{place}"), name).replace(place.as_str(), name);
    }
    text = text.replace(&format!("{WORK}/chart"), &order.chart);
    let text = text.trim().trim_start_matches("Error: ");
    let end = text.floor_char_boundary(COMPLAINT_BYTES_MAX);
    let more = if end < text.len() { " …" } else { "" };
    if text.is_empty() {
        return "`helm template` failed and said nothing".into();
    }
    format!("`helm template` says: {}{more}", &text[..end])
}
