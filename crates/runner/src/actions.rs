//! The native actions: checkout, artifacts, publishing, and `hashFiles`.
//!
//! Files go into the sandbox by a folder that the job can only read, and come out of it as a tar
//! stream on the agent's output: the runner never opens a path that the job could have changed.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail, ensure};
use ledger::CommitId;
use pipelines::facts::PublishedKind;
use pipelines::run::actions::NativeAction;
use pipelines::run::job::ActionStep;
use pipelines::workflow::model::Access;
use sha2::{Digest as _, Sha256};

use crate::agent::quote;
use crate::archive;
use crate::glob::Patterns;
use crate::job::Job;
use crate::request::{JobEvent, PublishRequest};

type Outputs = BTreeMap<String, String>;

/// Does a native action; its outputs.
pub(crate) async fn run(job: &mut Job, step: &ActionStep) -> anyhow::Result<Outputs> {
    match step.action {
        NativeAction::Checkout => checkout(job, step).await,
        NativeAction::UploadArtifact => upload(job, step).await,
        NativeAction::DownloadArtifact => download(job, step).await,
        NativeAction::Publish => publish(job, step).await,
    }
}

fn need(job: &Job, scope: &str, access: Access, action: NativeAction) -> anyhow::Result<()> {
    if job.plan.permissions.access(scope) >= access {
        return Ok(());
    }
    let level = format!("{access:?}").to_lowercase();
    let name = action.name();
    if !job.plan.source.trusted && access == Access::Write {
        bail!("{name} needs `{scope}: {level}`, which code that was not merged yet never gets");
    }
    bail!("{name} needs `permissions: {{{scope}: {level}}}` on the job or the workflow");
}

fn input<'a>(step: &'a ActionStep, name: &str) -> Option<&'a str> {
    step.inputs.get(name).map(|text| text.trim()).filter(|text| !text.is_empty())
}

fn flag(step: &ActionStep, name: &str, default: bool) -> anyhow::Result<bool> {
    match input(step, name).map(str::to_ascii_lowercase).as_deref() {
        None => Ok(default),
        Some("true") => Ok(true),
        Some("false") => Ok(false),
        Some(other) => bail!("`{name}` must be true or false, not `{other}`"),
    }
}

/// A path below the workspace, without `.` and `..`; empty for the workspace itself.
fn below_workspace(job: &Job, path: &str) -> anyhow::Result<String> {
    let workspace = job.layout.inside.workspace.as_str();
    let relative = match path.strip_prefix(workspace) {
        Some(rest) if rest.is_empty() || rest.starts_with('/') => rest.trim_start_matches('/'),
        _ => path,
    };
    ensure!(!relative.starts_with('/'), "`{path}` is not below the workspace");
    let mut parts = Vec::new();
    for part in relative.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                ensure!(parts.pop().is_some(), "`{path}` leaves the workspace");
            }
            part => parts.push(part),
        }
    }
    Ok(parts.join("/"))
}

fn inside(job: &Job, relative: &str) -> String {
    let workspace = &job.layout.inside.workspace;
    if relative.is_empty() { workspace.clone() } else { format!("{workspace}/{relative}") }
}

async fn checkout(job: &mut Job, step: &ActionStep) -> anyhow::Result<Outputs> {
    need(job, "contents", Access::Read, step.action)?;
    let source = job.plan.source.clone();
    if let Some(other) = input(step, "repository")
        && !other.eq_ignore_ascii_case(source.repository.as_str())
    {
        bail!("only {} itself can be checked out, not `{other}`", source.repository);
    }
    if let Some(depth) = input(step, "fetch-depth") {
        ensure!(depth.parse::<u64>().is_ok(), "`fetch-depth` must be a number, not `{depth}`");
    }
    let clean = flag(step, "clean", true)?;
    let path = below_workspace(job, input(step, "path").unwrap_or_default())?;
    let sources = std::sync::Arc::clone(&job.shared.sources);
    let (commit, key) = match input(step, "ref") {
        None => (source.commit.clone(), source.tree.to_string()),
        Some(reference) => {
            let (repository, reference) = (source.repository.clone(), reference.to_owned());
            let resolver = std::sync::Arc::clone(&sources);
            let resolve = move || resolver.resolve(&repository, &reference);
            let commit: CommitId = tokio::task::spawn_blocking(resolve).await??;
            let key = format!("commit-{commit}");
            (commit, key)
        }
    };
    let trees = job.shared.trees.clone();
    let (repository, wanted) = (source.repository.clone(), commit.clone());
    let write = move |into: &Path| sources.materialise(&repository, &wanted, into);
    let lease = tokio::task::spawn_blocking(move || trees.lease(&key, write))
        .await?
        .with_context(|| format!("the tree of {commit} cannot be read"))?;
    let untouched = job.agents == 0 && job.lower.is_none();
    if untouched && path.is_empty() && job.shared.protections.overlay {
        job.lower = Some(lease);
    } else if untouched && job.agents == 0 {
        // Nothing of the job has run: there is no link that could lead elsewhere.
        let (from, to) = (lease.folder.clone(), job.layout.upper.join(&path));
        tokio::task::spawn_blocking(move || crate::layout::copy(&from, &to)).await??;
    } else {
        let clean = clean || path.is_empty() && job.lower.is_none() && job.agents == 0;
        hand_in(job, &lease.folder.clone(), &path, clean).await?;
    }
    let place = if path.is_empty() { "the workspace".to_owned() } else { format!("`{path}`") };
    job.say(
        Some(step.step),
        &format!("{} at {commit} is in {place}; there is no .git folder", source.repository),
    )?;
    let reference = input(step, "ref").unwrap_or(source.reference.as_str()).to_owned();
    Ok(Outputs::from([("ref".to_owned(), reference), ("commit".to_owned(), commit.to_string())]))
}

/// Puts a copy of a folder into the workspace; with `clean` in the place of what was there.
async fn hand_in(job: &mut Job, from: &Path, path: &str, clean: bool) -> anyhow::Result<()> {
    let name = format!("incoming_{}", unique(job));
    let to = job.layout.exchange.join(&name);
    let (from, copied) = (from.to_owned(), to.clone());
    tokio::task::spawn_blocking(move || crate::layout::copy(&from, &copied)).await??;
    let (target, source) = (inside(job, path), format!("{}/{name}", job.layout.inside.exchange));
    let (target, source) = (quote(&target), quote(&source));
    let mut script = format!("mkdir -p {target} || exit 1\n");
    if clean {
        script.push_str(&format!("find {target} -mindepth 1 -delete || exit 1\n"));
    }
    script.push_str(&format!(
        "cp -R --preserve=mode,links --no-target-directory {source} {target}\n"
    ));
    let script_name = format!("hand_{name}");
    let (code, printed) = job.ensure_agent().await?.run_plain(&script_name, &script).await?;
    crate::layout::remove(&to)?;
    ensure!(code == 0, "the files cannot be copied: {}", String::from_utf8_lossy(&printed).trim());
    Ok(())
}

/// The files of the workspace that the patterns mean, written into a new folder of the machine.
async fn take_out(
    job: &mut Job,
    root: &str,
    keep: impl Fn(&str) -> bool + Send + 'static,
) -> anyhow::Result<(PathBuf, usize)> {
    let name = format!("outgoing_{}", unique(job));
    let into = job.layout.folder.join(&name);
    let limit_bytes = job.shared.config.limits.artifact_bytes;
    let target = quote(&inside(job, root));
    // A single file has no folder to go into; tar names it alone.
    let script = format!(
        "if test -d {target}; then exec tar -C {target} -cf - . 2>/dev/null; fi\n\
         if test -e {target}; then exec tar -C \"$(dirname {target})\" -cf - -- \"$(basename {target})\" 2>/dev/null; fi\n\
         exit 44\n"
    );
    let spool = job.layout.folder.join(format!("{name}.tar"));
    let agent = job.ensure_agent().await?;
    let code = agent.run_to_file(&format!("take_{name}"), &script, &spool, limit_bytes).await?;
    if code == 44 {
        std::fs::create_dir_all(&into)?;
        return Ok((into, 0));
    }
    ensure!(code == 0, "the files cannot be read (tar ended with exit code {code})");
    let unpacked = into.clone();
    let count =
        tokio::task::spawn_blocking(move || archive::unpack(&spool, &unpacked, keep)).await??;
    Ok((into, count))
}

fn unique(job: &mut Job) -> u32 {
    job.handed += 1;
    job.handed
}

async fn upload(job: &mut Job, step: &ActionStep) -> anyhow::Result<Outputs> {
    let name = input(step, "name").unwrap_or("artifact").to_owned();
    check_artifact_name(&name)?;
    let hidden = flag(step, "include-hidden-files", false)?;
    let overwrite = flag(step, "overwrite", false)?;
    let services = std::sync::Arc::clone(&job.shared.services);
    let run = job.plan.run;
    if !overwrite && services.artifacts(run).await?.contains(&name) && job.plan.attempt == 1 {
        bail!("the run has an artifact `{name}` already; give another name or `overwrite: true`");
    }
    let mut lines = Vec::new();
    for line in input(step, "path").unwrap_or_default().lines() {
        let line = line.trim();
        let (sign, path) = line.strip_prefix('!').map_or(("", line), |rest| ("!", rest));
        lines.push(format!("{sign}{}", below_workspace(job, path)?));
    }
    // Patterns of the whole workspace: an empty line would be dropped.
    let lines: Vec<_> =
        lines.into_iter().map(|it| if it.is_empty() { ".".to_owned() } else { it }).collect();
    let patterns = Patterns::parse(&lines).map_err(anyhow::Error::msg)?;
    let root = patterns.root();
    let prefix = if root.is_empty() { String::new() } else { format!("{root}/") };
    let file_name = root.rsplit('/').next().unwrap_or_default().to_owned();
    let whole = root.clone();
    let keep = move |path: &str| {
        let is_hidden = path.split('/').any(|part| part.starts_with('.'));
        let wanted = patterns.matches(&format!("{prefix}{path}"))
            || (path == file_name && patterns.matches(&whole));
        wanted && (hidden || !is_hidden)
    };
    let (folder, count) = take_out(job, &root, keep).await?;
    if count == 0 {
        let message = format!("no file matches `{}`", input(step, "path").unwrap_or_default());
        match input(step, "if-no-files-found").unwrap_or("warn") {
            "warn" => job.say(Some(step.step), &format!("##[warning]{message}"))?,
            "ignore" => job.say(Some(step.step), &message)?,
            "error" => bail!("{message}"),
            other => bail!("`if-no-files-found` must be warn, error or ignore, not `{other}`"),
        }
        return Ok(Outputs::new());
    }
    let uploaded = services.upload_artifact(run, &name, &folder).await?;
    crate::layout::remove(&folder)?;
    let (digest, size_bytes) = (uploaded.digest.to_string(), uploaded.size_bytes);
    job.say(Some(step.step), &format!("{name}: {count} files, {size_bytes} bytes, {digest}"))?;
    job.report(JobEvent::Uploaded { name, uploaded });
    Ok(Outputs::from([("artifact-digest".to_owned(), digest)]))
}

fn check_artifact_name(name: &str) -> anyhow::Result<()> {
    let bad = |c: char| c.is_control() || "\"':<>|*?\\/".contains(c);
    ensure!(
        name.len() <= 200 && name != "." && name != ".." && !name.contains(bad),
        "`{name}` is no name of an artifact: at most 200 bytes, without \" ' : < > | * ? \\ /"
    );
    Ok(())
}

async fn download(job: &mut Job, step: &ActionStep) -> anyhow::Result<Outputs> {
    let services = std::sync::Arc::clone(&job.shared.services);
    let run = job.plan.run;
    let path = below_workspace(job, input(step, "path").unwrap_or_default())?;
    let available = services.artifacts(run).await?;
    let merge = flag(step, "merge-multiple", false)?;
    let (names, apart): (Vec<String>, bool) = match (input(step, "name"), input(step, "pattern")) {
        (Some(_), Some(_)) => bail!("`name` and `pattern` cannot be used together"),
        (Some(name), None) => {
            ensure!(
                available.iter().any(|it| it == name),
                "the run has no artifact `{name}`; it has {}",
                if available.is_empty() { "none".to_owned() } else { available.join(", ") }
            );
            (vec![name.to_owned()], false)
        }
        (None, pattern) => {
            let lines = [pattern.unwrap_or("*").to_owned()];
            let patterns = Patterns::parse(&lines).map_err(anyhow::Error::msg)?;
            (available.into_iter().filter(|name| patterns.matches(name)).collect(), !merge)
        }
    };
    for name in &names {
        let number = unique(job);
        let folder = job.layout.folder.join(format!("download_{number}"));
        std::fs::create_dir_all(&folder)?;
        services.download_artifact(run, name, &folder).await?;
        let separate = [path.as_str(), name.as_str()].join("/");
        let target = if apart { separate.trim_start_matches('/') } else { path.as_str() };
        hand_in(job, &folder, target, false).await?;
        crate::layout::remove(&folder)?;
        job.say(Some(step.step), &format!("{name} is in `{target}`"))?;
    }
    Ok(Outputs::from([("download-path".to_owned(), inside(job, &path))]))
}

async fn publish(job: &mut Job, step: &ActionStep) -> anyhow::Result<Outputs> {
    need(job, "packages", Access::Write, step.action)?;
    let kind = match input(step, "kind").unwrap_or("image") {
        "image" => PublishedKind::Image,
        "artifact" => PublishedKind::Artifact,
        other => bail!("`kind` must be image or artifact, not `{other}`"),
    };
    let name = input(step, "name").unwrap_or_default().to_owned();
    let valid = |part: &str| {
        let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
        part.bytes().all(|b| plain(b) || b"._-".contains(&b))
            && part.bytes().next().is_some_and(plain)
            && part.bytes().last().is_some_and(plain)
    };
    ensure!(
        name.len() <= 128 && name.split('/').all(valid),
        "`{name}` is no name in a registry: lower-case letters, digits, `.`, `_`, `-`, in parts \
         separated by `/`"
    );
    let path = below_workspace(job, input(step, "path").unwrap_or_default())?;
    let (folder, count) = take_out(job, &path, |_| true).await?;
    ensure!(count > 0, "`{path}` has no files");
    let request = PublishRequest {
        run: job.plan.run,
        commit: job.plan.source.commit.clone(),
        name: name.clone(),
        folder,
        kind,
        entrypoint: words(input(step, "entrypoint"), "entrypoint")?,
        command: words(input(step, "command"), "command")?,
        environment: pairs(input(step, "env"), "env")?,
        ports: ports(input(step, "ports"))?,
        labels: pairs(input(step, "labels"), "labels")?,
        working_directory: input(step, "working-directory").map(str::to_owned),
    };
    let folder = request.folder.clone();
    let services = std::sync::Arc::clone(&job.shared.services);
    let published = services.publish(&job.plan.source.repository, request).await?;
    crate::layout::remove(&folder)?;
    job.say(Some(step.step), &format!("published {}", published.reference))?;
    let outputs = Outputs::from([
        ("digest".to_owned(), published.digest.to_string()),
        ("reference".to_owned(), published.reference.clone()),
    ]);
    job.report(JobEvent::Published { name, kind, published });
    Ok(outputs)
}

/// A JSON list of texts, or words separated by blanks.
fn words(text: Option<&str>, name: &str) -> anyhow::Result<Vec<String>> {
    let Some(text) = text else { return Ok(Vec::new()) };
    if text.starts_with('[') {
        return serde_json::from_str(text)
            .with_context(|| format!("`{name}` is no JSON list of texts"));
    }
    Ok(text.split_whitespace().map(str::to_owned).collect())
}

/// `NAME=VALUE`, one a line.
fn pairs(text: Option<&str>, name: &str) -> anyhow::Result<BTreeMap<String, String>> {
    let lines = text.unwrap_or_default().lines().map(str::trim).filter(|line| !line.is_empty());
    lines
        .map(|line| {
            let pair = line.split_once('=').filter(|(key, _)| !key.is_empty());
            let (key, value) =
                pair.with_context(|| format!("`{line}` in `{name}` is not NAME=VALUE"))?;
            Ok((key.to_owned(), value.to_owned()))
        })
        .collect()
}

/// Numbers separated by blanks or commas.
fn ports(text: Option<&str>) -> anyhow::Result<Vec<u16>> {
    let words = text.unwrap_or_default().split([',', ' ', '\n', '\t']).map(str::trim);
    words
        .filter(|word| !word.is_empty())
        .map(|word| {
            let number = word.strip_suffix("/tcp").unwrap_or(word).parse::<u16>().ok();
            number.filter(|it| *it > 0).with_context(|| format!("`{word}` is no TCP port"))
        })
        .collect()
}

/// GitHub's `hashFiles`: SHA-256 over the SHA-256 of each file, in the order of their paths; empty
/// when no file matches.
pub(crate) async fn hash_files(job: &mut Job, patterns: &[String]) -> anyhow::Result<String> {
    let patterns = Patterns::parse(patterns).map_err(anyhow::Error::msg)?;
    let workspace = quote(&job.layout.inside.workspace);
    let number = unique(job);
    let list = format!("cd {workspace} && find . -type f -print0 2>/dev/null\n");
    let agent = job.ensure_agent().await?;
    let (code, printed) = agent.run_plain(&format!("find_{number}"), &list).await?;
    ensure!(code == 0, "the workspace cannot be listed");
    let text = String::from_utf8_lossy(&printed);
    let mut files: Vec<_> = text
        .split('\0')
        .filter_map(|path| path.strip_prefix("./"))
        .filter(|path| patterns.matches(path))
        .collect();
    files.sort_unstable();
    if files.is_empty() {
        return Ok(String::new());
    }
    let name = format!("files_{number}");
    std::fs::write(job.layout.exchange.join(&name), files.join("\0"))?;
    let path = quote(&format!("{}/{name}", job.layout.inside.exchange));
    let sums = format!("cd {workspace} && xargs -0 sha256sum -b -z -- <{path}\n");
    let agent = job.ensure_agent().await?;
    let (code, printed) = agent.run_plain(&format!("hash_{number}"), &sums).await?;
    ensure!(code == 0, "a file cannot be read: {}", String::from_utf8_lossy(&printed).trim());
    let mut whole = Sha256::new();
    let text = String::from_utf8_lossy(&printed);
    for sum in text.split('\0').filter_map(|line| line.get(..64)) {
        whole.update(hex::decode(sum).context("sha256sum printed something else")?);
    }
    Ok(hex::encode(whole.finalize()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_and_pairs() {
        let words = |text| words(Some(text), "entrypoint").ok();
        assert_eq!(
            words("/app/hello --port 1"),
            Some(vec!["/app/hello".into(), "--port".into(), "1".into()])
        );
        assert_eq!(words(r#"["/a b", "c"]"#), Some(vec!["/a b".into(), "c".into()]));
        assert_eq!(words("[1]"), None);
        assert_eq!(ports(Some("80, 443/tcp\n8080")).ok(), Some(vec![80, 443, 8080]));
        assert!(ports(Some("0")).is_err() && ports(Some("http")).is_err());
        assert_eq!(
            pairs(Some("A=1\n\nB=x=y"), "env").ok(),
            Some(BTreeMap::from([
                ("A".to_owned(), "1".to_owned()),
                ("B".to_owned(), "x=y".to_owned()),
            ]))
        );
        assert!(pairs(Some("A"), "env").is_err());
    }
}
