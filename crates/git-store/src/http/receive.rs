//! Push: commands and options are read here, the pack goes into a quarantine.

use std::collections::BTreeSet;
use std::io;

use bytes::Bytes;
use ledger::{CommitId, ObjectId, RefName};
use repositories::push::{Command, CommandFacts, LargeFile};

use super::ByteStream;
use super::body::{BodyReader, reader};
use super::facts;
use super::pack::{Problem, disk_full, drain, read_pack};
use super::report::{CommandReport, Reading, Report};
use crate::error::StoreError;
use crate::history::merge_base;
use crate::packet::{self, Packet};
use crate::program;
use crate::quarantine::Quarantine;
use crate::store::Repository;

/// More commands than anybody means, so that a push cannot fill the memory.
const COMMANDS_MAX: usize = 50_000;

/// Push options beyond this, in number, are refused.
const OPTIONS_MAX: usize = 100;

/// How much a push may bring.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReceiveLimits {
    /// The pack, in bytes as it is sent.
    pub pack_bytes_max: u64,
    /// One file, in bytes; only named by this function, judged by the caller.
    pub file_bytes_max: u64,
}

/// What was pushed: read well, in a quarantine, and not visible to anybody. Dropping it leaves
/// nothing behind.
#[derive(Debug)]
pub struct Received {
    repository: Repository,
    commands: Vec<(Command, CommandFacts)>,
    options: Vec<String>,
    atomic: bool,
    reading: Reading,
    branches: BTreeSet<RefName>,
    largest_file: Option<LargeFile>,
    quarantine: Option<Quarantine>,
}

/// A push that could not be received. Nothing of it is left.
#[derive(Debug, thiserror::Error)]
pub enum ReceiveRefusal {
    /// The request is not what the protocol says: HTTP 400.
    #[error("the push is not understood: {0}")]
    Malformed(String),
    /// The objects are not taken; the client reads why in `response`: HTTP 200.
    #[error("{sentence}")]
    Objects {
        /// Stable: `corrupt-pack`, `pack-too-large`, `dangerous-path`, `missing-objects`,
        /// `disk-full`.
        code: &'static str,
        /// What, why and what to do next.
        sentence: String,
        /// The commands that came to nothing.
        commands: Vec<Command>,
        /// The body of the answer.
        response: Bytes,
    },
    /// The repository could not be read or written: HTTP 500.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The lines before the pack.
struct Head {
    commands: Vec<Command>,
    options: Vec<String>,
    capabilities: BTreeSet<String>,
}

/// Reads a push. Objects are checked to be whole, well formed and connected.
pub async fn receive(
    repository: &Repository,
    body: ByteStream,
    limits: ReceiveLimits,
) -> Result<Received, ReceiveRefusal> {
    let mut body = reader(body);
    let head = read_head(&mut body).await?;
    let reading = Reading {
        status: head.has("report-status") || head.has("report-status-v2"),
        options: head.has("report-status-v2"),
        side_band: head.has("side-band-64k"),
    };
    let refuse = |problem: Problem| {
        let response = refusal(&problem, &head.commands, reading);
        let Problem { code, sentence } = problem;
        ReceiveRefusal::Objects { code, sentence, commands: head.commands.clone(), response }
    };
    let brings = head.commands.iter().any(|command| command.new.is_some());
    let quarantine = if brings {
        match read_pack(repository, &mut body, limits).await.or_else(full)? {
            Ok(quarantine) => quarantine,
            Err(problem) => {
                drain(&mut body).await;
                return Err(refuse(problem));
            }
        }
    } else {
        None
    };
    let (repository, commands) = (repository.clone(), head.commands.clone());
    let inspected =
        tokio::task::spawn_blocking(move || inspect(&repository, commands, quarantine, limits));
    let inspected =
        inspected.await.map_err(|error| StoreError::read("the pushed objects", error))?;
    match inspected.or_else(full)? {
        Ok(received) => {
            let atomic = head.has("atomic");
            Ok(Received { options: head.options, atomic, reading, ..received })
        }
        Err(problem) => Err(refuse(problem)),
    }
}

impl Received {
    /// The commands with what the objects say about them. For a proposal, `fast_forward` says
    /// nothing: the caller knows the last version and asks [`Received::contains`].
    #[must_use]
    pub fn commands(&self) -> &[(Command, CommandFacts)] {
        &self.commands
    }

    /// The push options in their order.
    #[must_use]
    pub fn options(&self) -> &[String] {
        &self.options
    }

    /// Whether the client asked for all or nothing.
    #[must_use]
    pub fn is_atomic(&self) -> bool {
        self.atomic
    }

    /// The branches that were there when the push was read.
    #[must_use]
    pub fn branches(&self) -> &BTreeSet<RefName> {
        &self.branches
    }

    /// The largest file among the new objects; its path is known when it is above the limit.
    #[must_use]
    pub fn largest_file(&self) -> Option<&LargeFile> {
        self.largest_file.as_ref()
    }

    /// Whether `descendant`, which may be a new commit, contains `ancestor`.
    pub fn contains(&self, descendant: &CommitId, ancestor: &CommitId) -> Result<bool, StoreError> {
        let reader = self.object_reader()?;
        Ok(merge_base(&reader, ancestor, descendant)?.as_ref() == Some(ancestor))
    }

    /// The merge base of a new commit and another one.
    pub fn merge_base(
        &self,
        one: &CommitId,
        other: &CommitId,
    ) -> Result<Option<CommitId>, StoreError> {
        merge_base(&self.object_reader()?, one, other)
    }

    /// Takes the new objects into the repository; they are on disk when this returns. Blocks. Refs
    /// are moved afterwards.
    pub fn accept(&mut self) -> Result<(), StoreError> {
        let Some(quarantine) = self.quarantine.take() else { return Ok(()) };
        quarantine.accept()?;
        self.repository.grown();
        Ok(())
    }

    /// The body of the answer.
    #[must_use]
    pub fn report(&self, report: &Report) -> Bytes {
        if self.commands.is_empty() { Bytes::new() } else { report.encode(self.reading) }
    }

    fn object_reader(&self) -> Result<gix::Repository, StoreError> {
        self.quarantine.as_ref().map_or_else(|| Ok(self.repository.local()), Quarantine::reader)
    }
}

impl Head {
    fn has(&self, capability: &str) -> bool {
        self.capabilities.contains(capability)
    }
}

async fn read_head(body: &mut BodyReader) -> Result<Head, ReceiveRefusal> {
    let malformed = |text: &str| ReceiveRefusal::Malformed(text.into());
    let broken = |error: io::Error| ReceiveRefusal::Malformed(error.to_string());
    let (commands, options) = (Vec::new(), Vec::new());
    let mut head = Head { commands, options, capabilities: BTreeSet::new() };
    loop {
        match packet::read(body).await.map_err(broken)? {
            Some(Packet::Flush) => break,
            None if head.commands.is_empty() => break,
            None => return Err(malformed("it ends among its commands")),
            Some(Packet::Delimiter | Packet::ResponseEnd) => {
                return Err(malformed("it has a packet of another protocol"));
            }
            Some(Packet::Data(content)) => {
                let text = packet::text(&content);
                let (line, capabilities) = text.split_once('\0').unwrap_or((&text, ""));
                let named = capabilities.split_whitespace().map(str::to_owned);
                head.capabilities.extend(named);
                // A client with a shallow clone says where it ends; the check of the links that
                // follows finds out whether what is missing there is here.
                if !line.starts_with("shallow ") {
                    head.commands.push(read_command(line)?);
                }
            }
        }
        if head.commands.len() > COMMANDS_MAX {
            return Err(malformed("it has more commands than the limit of 50000"));
        }
    }
    if head.has("push-options") && !head.commands.is_empty() {
        while let Some(Packet::Data(content)) = packet::read(body).await.map_err(broken)? {
            head.options.push(packet::text(&content));
            if head.options.len() > OPTIONS_MAX {
                return Err(malformed("it has more push options than the limit of 100"));
            }
        }
    }
    if head.has("push-cert") || head.has("object-format=sha256") {
        return Err(malformed("it uses a capability that was not offered"));
    }
    Ok(head)
}

fn read_command(line: &str) -> Result<Command, ReceiveRefusal> {
    let parse = || {
        let (old, rest) = line.split_once(' ')?;
        let (new, reference) = rest.split_once(' ')?;
        let id = |text: &str| {
            let id = ObjectId::new(text).ok()?;
            Some(Some(id).filter(|id| id.as_str().bytes().any(|digit| digit != b'0')))
        };
        Some(Command { reference: reference.into(), old: id(old)?, new: id(new)? })
    };
    let shown: String = line.chars().take(200).collect();
    parse().ok_or_else(|| ReceiveRefusal::Malformed(format!("`{shown}` is not a command")))
}

/// A disk without room is told to the client, which would show nothing but a number otherwise.
fn full<T>(error: StoreError) -> Result<Result<T, Problem>, StoreError> {
    if error.is_disk_full() { Ok(Err(disk_full())) } else { Err(error) }
}

/// Checks that nothing is missing and gathers what the commands mean. Blocks.
fn inspect(
    repository: &Repository,
    commands: Vec<Command>,
    quarantine: Option<Quarantine>,
    limits: ReceiveLimits,
) -> Result<Result<Received, Problem>, StoreError> {
    if let Some(problem) = check_links(repository, &commands, quarantine.as_ref())? {
        return Ok(Err(problem));
    }
    let reader = quarantine.as_ref().map_or_else(|| Ok(repository.local()), Quarantine::reader)?;
    let branches: BTreeSet<RefName> =
        repository.references("refs/heads/")?.into_iter().map(|one| one.name).collect();
    let largest_file = match &quarantine {
        None => None,
        Some(quarantine) => {
            let limit = limits.file_bytes_max;
            facts::largest_file(repository, quarantine, &reader, &commands, limit)?
        }
    };
    let mut known = Vec::new();
    for command in commands {
        let facts = facts::of_command(repository, &reader, &branches, &command)?;
        known.push((command, facts));
    }
    Ok(Ok(Received {
        repository: repository.clone(),
        commands: known,
        options: Vec::new(),
        atomic: false,
        reading: Reading::default(),
        branches,
        largest_file,
        quarantine,
    }))
}

/// Whether everything that the new tips need is there, by Git's own walk.
fn check_links(
    repository: &Repository,
    commands: &[Command],
    quarantine: Option<&Quarantine>,
) -> Result<Option<Problem>, StoreError> {
    let input: String =
        commands.iter().filter_map(|one| one.new.as_ref()).map(|new| format!("{new}\n")).collect();
    if input.is_empty() {
        return Ok(None);
    }
    let folders = quarantine.map(Quarantine::folders);
    let mut command = repository.command(folders.as_ref());
    command.args(["rev-list", "--objects", "--stdin", "--not", "--all", "--quiet"]);
    let output = program::run(command, input.as_bytes())?;
    if output.status.success() {
        return Ok(None);
    }
    let complaint = program::complaint(&output.stderr);
    let sentence = format!(
        "objects that the pushed commits need are missing ({complaint}); push again from a complete clone"
    );
    Ok(Some(Problem { code: "missing-objects", sentence }))
}

fn refusal(problem: &Problem, commands: &[Command], reading: Reading) -> Bytes {
    let refused = |command: &Command| CommandReport::Refused {
        reference: command.reference.clone(),
        reason: format!("[{}] the objects were not taken", problem.code),
    };
    let report = Report {
        unpack_problem: Some(problem.sentence.clone()),
        commands: commands.iter().map(refused).collect(),
        messages: vec![format!("error [{}]: {}", problem.code, problem.sentence)],
    };
    report.encode(reading)
}
