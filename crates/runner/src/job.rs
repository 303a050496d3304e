//! One job from start to end: asks the machine what is next, does it, keeps the log.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use pipelines::facts::{Annotation, AnnotationLevel, Conclusion};
use pipelines::run::files::{COMMAND_FILE_BYTES_MAX, CommandFiles, SUMMARY_BYTES_MAX};
use pipelines::run::job::{
    ActionStep, JobContexts, JobEnd, JobMachine, ScriptStep, StepCount, StepEffect, StepExit,
    StepResult,
};
use pipelines::run::reasons::EndReason;
use pipelines::run::{JobNetwork, JobPlan, contexts};
use sandbox::{Bind, Limits, Network, Overlay, Protection, Root, Spec};
use tokio::sync::{mpsc, watch};
use tokio::time::Instant;

use crate::agent::{Agent, Progress, TERMINATE_GRACE, write_step};
use crate::layout::Layout;
use crate::logs::{LogKey, LogWriter};
use crate::masks::{Masks, SECRET_BYTES_MIN};
use crate::output::StepOutput;
use crate::request::{JobEvent, JobRequest};
use crate::runner::Shared;
use crate::trees::TreeLease;

/// How long steps with `if: always()` may still run after a cancellation: GitHub's limit.
const CLEAN_UP: Duration = Duration::from_secs(300);

/// One job that runs.
pub(crate) struct Job {
    pub shared: Arc<Shared>,
    pub plan: Arc<JobPlan>,
    pub layout: Layout,
    pub masks: Masks,
    pub agent: Option<Agent>,
    /// How many agents were started; the workspace is untouched as long as there was none.
    pub agents: u32,
    /// How often something was handed in or out.
    pub handed: u32,
    /// The tree below the workspace, when it is an overlay.
    pub lower: Option<TreeLease>,
    log: LogWriter,
    events: mpsc::UnboundedSender<JobEvent>,
    cancelled: watch::Receiver<Option<EndReason>>,
    deadline: Instant,
    clean_up_until: Option<Instant>,
}

/// A step as it is told of.
struct Reported {
    place: u32,
    name: String,
    nested: bool,
}

fn reported(place: u32, name: &str, nested: bool) -> Reported {
    Reported { place, name: name.to_owned(), nested }
}

/// Why the step that runs must end.
enum Stop {
    Job(EndReason),
    Step,
    CleanUpOver,
}

/// Names the log of a job.
pub(crate) fn log_key(plan: &JobPlan) -> LogKey {
    LogKey { run: plan.run, attempt: plan.attempt, job: plan.key.clone() }
}

/// Runs a job and reports how it ended, whatever happens.
pub(crate) async fn run(
    shared: Arc<Shared>,
    request: JobRequest,
    events: mpsc::UnboundedSender<JobEvent>,
    mut cancelled: watch::Receiver<Option<EndReason>>,
) {
    let place = tokio::select! {
        place = Arc::clone(&shared.places).acquire_owned() => place,
        reason = cancellation(&mut cancelled) => {
            report(&events, JobEvent::Ended {
                conclusion: Conclusion::Cancelled,
                reason: Some(reason),
                outputs: std::collections::BTreeMap::new(),
                annotations: Vec::new(),
            });
            return;
        }
    };
    report(&events, JobEvent::Started);
    let end = match Job::prepare(&shared, &request, events.clone(), cancelled) {
        Ok(job) => job.work(request).await,
        Err(error) => Err(error),
    };
    let end = end.unwrap_or_else(|error| JobEnd {
        conclusion: Conclusion::Failure,
        reason: Some(EndReason::RunnerProblem { message: format!("{error:#}") }),
        outputs: std::collections::BTreeMap::new(),
        annotations: Vec::new(),
    });
    let JobEnd { conclusion, reason, outputs, annotations } = end;
    drop(place);
    report(&events, JobEvent::Ended { conclusion, reason, outputs, annotations });
}

fn report(events: &mpsc::UnboundedSender<JobEvent>, event: JobEvent) {
    // Whoever stopped listening does not want to know.
    let _ = events.send(event);
}

/// Waits for a cancellation; for ever when nobody can cancel any more.
async fn cancellation(cancelled: &mut watch::Receiver<Option<EndReason>>) -> EndReason {
    loop {
        if let Some(reason) = cancelled.borrow_and_update().clone() {
            return reason;
        }
        if cancelled.changed().await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}

impl Job {
    fn prepare(
        shared: &Arc<Shared>,
        request: &JobRequest,
        events: mpsc::UnboundedSender<JobEvent>,
        cancelled: watch::Receiver<Option<EndReason>>,
    ) -> anyhow::Result<Self> {
        let plan = Arc::clone(&request.plan);
        let log = shared.logs.open(&log_key(&plan))?;
        let name = format!("{}-{}-{}", plan.run, plan.attempt, plan.key);
        let folder = shared.config.data.join("jobs").join(name);
        crate::layout::remove(&folder)?;
        let mounts = shared.protections.sandbox.enforced(Protection::MountNamespace);
        let layout = Layout::create(folder, mounts)?;
        let minutes = u64::from(plan.timeout_minutes);
        let deadline = Instant::now() + Duration::from_secs(minutes * 60);
        let mut job = Self {
            shared: Arc::clone(shared),
            plan,
            layout,
            masks: Masks::default(),
            agent: None,
            agents: 0,
            handed: 0,
            lower: None,
            log,
            events,
            cancelled,
            deadline,
            clean_up_until: None,
        };
        job.introduce(request)?;
        Ok(job)
    }

    /// The log's first lines: what this job may do, and what does not hold.
    fn introduce(&mut self, request: &JobRequest) -> anyhow::Result<()> {
        let plan = Arc::clone(&self.plan);
        self.say(None, &format!("{}: run {}, attempt {}", plan.name, plan.run, plan.attempt))?;
        self.say(
            None,
            match plan.network {
                JobNetwork::Isolated => "network: none but its own loopback",
                JobNetwork::Host => "network: THE MACHINE'S, because the job asks for it",
            },
        )?;
        let permissions: Vec<_> = plan
            .permissions
            .iter()
            .map(|(scope, access)| format!("{scope}: {access:?}").to_lowercase())
            .collect();
        self.say(None, &format!("permissions: {}", permissions.join(", ")))?;
        if !plan.source.trusted {
            self.say(None, "this code was not accepted yet: it gets no secrets and may only read")?;
        }
        let missing: Vec<_> = self
            .shared
            .protections
            .sandbox
            .missing()
            .map(|(protection, reason)| format!("PROTECTION MISSING: {protection}: {reason}"))
            .collect();
        for line in missing {
            self.say(None, &line)?;
        }
        if plan.source.trusted {
            for (name, value) in &request.secrets {
                if !self.masks.add(value) && !value.is_empty() {
                    let line = format!(
                        "the secret {name} is not hidden: it has less than {SECRET_BYTES_MIN} bytes"
                    );
                    self.say(None, &line)?;
                }
            }
        }
        Ok(())
    }

    async fn work(mut self, request: JobRequest) -> anyhow::Result<JobEnd> {
        let mut machine = JobMachine::new(Arc::clone(&self.plan), self.contexts(request));
        for secret in machine.secrets() {
            self.masks.add(secret);
        }
        let event = serde_json::to_vec(&contexts::event(&self.plan.source))?;
        std::fs::write(self.layout.exchange.join("event.json"), event)?;
        let result = self.steps(&mut machine).await;
        if let Some(agent) = self.agent.take() {
            agent.kill().await;
        }
        if let Ok(end) = &result
            && let Some(reason) = &end.reason
        {
            self.say(None, &self.masks.hide_text(&reason.to_string()))?;
        }
        let folder = self.layout.folder.clone();
        let removed = tokio::task::spawn_blocking(move || crate::layout::remove(&folder)).await?;
        if let Err(error) = removed {
            tracing::warn!(%error, "cannot remove a job's folder");
        }
        result
    }

    fn contexts(&self, request: JobRequest) -> JobContexts {
        let inside = &self.layout.inside;
        JobContexts {
            secrets: if self.plan.source.trusted { request.secrets } else { Default::default() },
            variables: request.variables,
            runner_name: self.shared.config.name.clone(),
            architecture: match std::env::consts::ARCH {
                "aarch64" => "ARM64".to_owned(),
                "x86_64" => "X64".to_owned(),
                other => other.to_uppercase(),
            },
            workspace: inside.workspace.clone(),
            temporary: inside.temporary.clone(),
            tool_cache: format!("{}/_tool", inside.home),
            home: inside.home.clone(),
            command_files: inside.commands.clone(),
            event_path: format!("{}/event.json", inside.exchange),
            path: self.shared.tools.path.clone(),
        }
    }

    async fn steps(&mut self, machine: &mut JobMachine) -> anyhow::Result<JobEnd> {
        let mut entered = Instant::now();
        loop {
            self.look_at_the_clock(machine);
            match machine.next() {
                StepEffect::RunScript(step) => {
                    let reported = reported(step.step, &step.name, step.nested);
                    let minutes = step.timeout_minutes;
                    let begun = self.begin_step(&reported)?;
                    let result = self.script(machine, &step, minutes).await?;
                    self.end_step(machine, &reported, begun, result)?;
                }
                StepEffect::RunAction(step) => {
                    let reported = reported(step.step, &step.name, step.nested);
                    let begun = self.begin_step(&reported)?;
                    let result = self.action(machine, &step).await?;
                    self.end_step(machine, &reported, begun, result)?;
                }
                StepEffect::Enter { step, name, nested } => {
                    let begun = self.begin_step(&reported(step, &name, nested))?;
                    if !nested {
                        entered = begun;
                    }
                }
                StepEffect::Leave { step, name, count, nested } => {
                    self.step_ended(&reported(step, &name, nested), count, entered);
                }
                StepEffect::Skip { step, name, nested, reason } => {
                    self.say(Some(step), &format!("skipped: {name}: {reason}"))?;
                    let (conclusion, outcome) = (Conclusion::Skipped, Conclusion::Skipped);
                    let count = StepCount { conclusion, outcome };
                    self.step_ended(&reported(step, &name, nested), count, Instant::now());
                }
                StepEffect::Reject { step, name, nested, count, detail } => {
                    let reported = reported(step, &name, nested);
                    let begun = self.begin_step(&reported)?;
                    self.say(Some(step), &format!("##[error]{detail}"))?;
                    self.step_ended(&reported, count, begun);
                }
                StepEffect::HashFiles { patterns } => {
                    let answer = crate::actions::hash_files(self, &patterns).await;
                    machine.hashed(answer.map_err(|error| format!("{error:#}")));
                }
                StepEffect::Finish(end) => return Ok(self.masked(end)),
            }
        }
    }

    /// Between steps: a cancellation or a limit that nobody waited for.
    fn look_at_the_clock(&mut self, machine: &mut JobMachine) {
        let asked = self.cancelled.borrow_and_update().clone();
        let minutes = self.plan.timeout_minutes;
        let late = (Instant::now() >= self.deadline).then_some(EndReason::TimedOut { minutes });
        if let Some(reason) = asked.or(late) {
            self.cancel(machine, reason);
        }
        if self.clean_up_until.is_some_and(|until| Instant::now() >= until) {
            machine.give_up();
        }
    }

    fn cancel(&mut self, machine: &mut JobMachine, reason: EndReason) {
        machine.cancel(reason);
        self.clean_up_until.get_or_insert_with(|| Instant::now() + CLEAN_UP);
    }

    /// The steps of a composite action are lines in its log, and no steps of the job.
    fn begin_step(&mut self, step: &Reported) -> anyhow::Result<Instant> {
        let name = self.masks.hide_text(&step.name);
        if !step.nested {
            report(&self.events, JobEvent::StepStarted { step: step.place, name: name.clone() });
        }
        self.say(Some(step.place), &format!("# {name}"))?;
        Ok(Instant::now())
    }

    fn step_ended(&self, step: &Reported, count: StepCount, begun: Instant) {
        if step.nested {
            return;
        }
        let StepCount { conclusion, outcome } = count;
        let duration_ms = u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX);
        let (step, name) = (step.place, self.masks.hide_text(&step.name));
        let ended = JobEvent::StepEnded { step, name, conclusion, outcome, duration_ms };
        report(&self.events, ended);
    }

    fn end_step(
        &mut self,
        machine: &mut JobMachine,
        reported: &Reported,
        begun: Instant,
        result: StepResult,
    ) -> anyhow::Result<()> {
        let step = reported.place;
        match &result.exit {
            StepExit::Code(0) => {}
            StepExit::Code(code) => self.say(Some(step), &format!("##[error]exit code {code}"))?,
            StepExit::Signal(signal) => {
                self.say(Some(step), &format!("##[error]killed by signal {signal}"))?;
            }
            StepExit::OutOfMemory => {
                let memory_bytes = self.shared.config.limits.memory_bytes;
                let line = format!("##[error]killed: more than {memory_bytes} bytes of memory");
                self.say(Some(step), &line)?;
            }
            StepExit::TimedOut => {
                self.say(Some(step), "##[error]stopped at the step's timeout-minutes")?;
            }
            StepExit::Cancelled => self.say(Some(step), "##[error]stopped")?,
            StepExit::Failed(detail) => {
                let detail = self.masks.hide_text(detail);
                self.say(Some(step), &format!("##[error]{detail}"))?;
            }
        }
        let count = machine.ended(result);
        self.step_ended(reported, count, begun);
        Ok(())
    }

    async fn script(
        &mut self,
        machine: &mut JobMachine,
        step: &ScriptStep,
        timeout_minutes: Option<u32>,
    ) -> anyhow::Result<StepResult> {
        if let Err(error) = self.ensure_agent().await {
            return Ok(failed(format!("{error:#}")));
        }
        let wrapper = match write_step(&self.layout, step) {
            Ok(wrapper) => wrapper,
            Err(error) => return Ok(failed(format!("the step cannot be prepared: {error}"))),
        };
        let mut output = StepOutput::new(self.shared.config.limits.step_log_bytes);
        let limit = step_deadline(timeout_minutes);
        let mut exit = self.watch_script(machine, step.step, &wrapper, limit, &mut output).await?;
        for line in output.finish(&mut self.masks) {
            self.keep(step.step, &line)?;
        }
        if let (StepExit::Code(0), Some(refused)) = (&exit, &output.refused) {
            exit = StepExit::Failed(refused.clone());
        }
        self.summarise(step.step)?;
        let read = |name: &str| {
            let name = format!("{name}_{}", step.step);
            self.layout.read_command_file(&name, COMMAND_FILE_BYTES_MAX)
        };
        let files = CommandFiles {
            env: read("env")?,
            output: read("output")?,
            path: read("path")?,
            state: read("state")?,
        };
        for annotation in &output.annotations {
            report(&self.events, JobEvent::Annotated { annotation: annotation.clone() });
        }
        let (annotations, masks) = (output.annotations, output.masks);
        Ok(StepResult { exit, files, outputs: Default::default(), annotations, masks })
    }

    /// Follows a script to its end, or ends it.
    async fn watch_script(
        &mut self,
        machine: &mut JobMachine,
        step: u32,
        wrapper: &str,
        limit: Option<Instant>,
        output: &mut StepOutput,
    ) -> anyhow::Result<StepExit> {
        let Some(mut agent) = self.agent.take() else {
            return Ok(StepExit::Failed("the job has no sandbox".to_owned()));
        };
        agent.begin(wrapper).await?;
        let mut stopped: Option<(StepExit, Instant)> = None;
        loop {
            let progress = tokio::select! {
                progress = agent.progress() => Some(progress?),
                stop = self.stop(limit), if stopped.is_none() => {
                    agent.handle().terminate();
                    let exit = match stop {
                        Stop::Job(reason) => { self.cancel(machine, reason); StepExit::Cancelled }
                        Stop::Step => StepExit::TimedOut,
                        Stop::CleanUpOver => { machine.give_up(); StepExit::Cancelled }
                    };
                    stopped = Some((exit, Instant::now() + TERMINATE_GRACE));
                    continue;
                }
                () = sleep_until(stopped.as_ref().map(|(_, until)| *until)) => None,
            };
            let (piece, ended) = match progress {
                Some(Progress::Output(piece)) => (piece, None),
                Some(Progress::Ended { output, code }) => (output, Some(StepExit::Code(code))),
                Some(Progress::Lost { output: last, exit }) => {
                    let lines = output_lines(&self.masks, &last);
                    self.write(step, &lines)?;
                    return Ok(stopped.map_or_else(|| lost(exit), |(exit, _)| exit));
                }
                None => {
                    agent.kill().await;
                    return Ok(stopped.map_or(StepExit::Cancelled, |(exit, _)| exit));
                }
            };
            let lines = output.push(&piece, &mut self.masks);
            self.write(step, &lines)?;
            if let Some(exit) = ended {
                self.agent = Some(agent);
                return Ok(stopped.map_or(exit, |(exit, _)| exit));
            }
        }
    }

    /// Waits until the step that runs must end.
    async fn stop(&mut self, limit: Option<Instant>) -> Stop {
        let minutes = self.plan.timeout_minutes;
        if let Some(until) = self.clean_up_until {
            return tokio::select! {
                () = tokio::time::sleep_until(until) => Stop::CleanUpOver,
                () = sleep_until(limit) => Stop::Step,
            };
        }
        tokio::select! {
            reason = cancellation(&mut self.cancelled) => Stop::Job(reason),
            () = tokio::time::sleep_until(self.deadline) => {
                Stop::Job(EndReason::TimedOut { minutes })
            }
            () = sleep_until(limit) => Stop::Step,
        }
    }

    async fn action(
        &mut self,
        machine: &mut JobMachine,
        step: &ActionStep,
    ) -> anyhow::Result<StepResult> {
        let limit = step_deadline(step.timeout_minutes);
        // The action and the clock both need the job; the clock's half is taken out of it.
        let (mut cancelled, deadline) = (self.cancelled.clone(), self.deadline);
        let (clean_up_until, minutes) = (self.clean_up_until, self.plan.timeout_minutes);
        let stop = async move {
            tokio::select! {
                reason = cancellation(&mut cancelled), if clean_up_until.is_none() => Stop::Job(reason),
                () = tokio::time::sleep_until(deadline), if clean_up_until.is_none() => {
                    Stop::Job(EndReason::TimedOut { minutes })
                }
                () = sleep_until(clean_up_until) => Stop::CleanUpOver,
                () = sleep_until(limit) => Stop::Step,
            }
        };
        let stopped = tokio::select! {
            done = crate::actions::run(self, step) => {
                let outputs = match done {
                    Ok(outputs) => outputs,
                    Err(error) => return Ok(failed(format!("{error:#}"))),
                };
                return Ok(StepResult { outputs, exit: StepExit::Code(0), ..failed(String::new()) });
            }
            stop = stop => stop,
        };
        // What the action began in the sandbox would mix with the next step.
        if let Some(agent) = self.agent.take() {
            agent.kill().await;
        }
        let exit = match stopped {
            Stop::Job(reason) => {
                self.cancel(machine, reason);
                StepExit::Cancelled
            }
            Stop::Step => StepExit::TimedOut,
            Stop::CleanUpOver => {
                machine.give_up();
                StepExit::Cancelled
            }
        };
        Ok(StepResult { exit, ..failed(String::new()) })
    }

    /// The job's sandbox, started when it is needed first and again after it was lost.
    pub async fn ensure_agent(&mut self) -> anyhow::Result<&mut Agent> {
        if self.agent.is_none() {
            self.agents += 1;
            let spec = self.spec()?;
            let (launcher, path) = (&self.shared.config.launcher, &self.shared.tools.path);
            let agent = Agent::start(&self.layout, spec, launcher, path, self.agents).await?;
            let weaker: Vec<_> = agent
                .protections()
                .missing()
                .filter(|(it, _)| self.shared.protections.sandbox.enforced(*it))
                .map(|(it, reason)| format!("PROTECTION MISSING: {it}: {reason}"))
                .collect();
            self.agent = Some(agent);
            for line in weaker {
                self.say(None, &line)?;
            }
        }
        self.agent.as_mut().ok_or_else(|| anyhow::anyhow!("the job has no sandbox"))
    }

    fn spec(&self) -> anyhow::Result<Spec> {
        let (layout, inside) = (&self.layout, &self.layout.inside);
        let limits = &self.shared.config.limits;
        let mut spec = Spec::new("sh");
        spec.root = Root::System;
        spec.hostname = "boucle-job".to_owned();
        spec.network = match self.plan.network {
            JobNetwork::Isolated => Network::Isolated,
            JobNetwork::Host => Network::Host,
        };
        spec.limits = Limits {
            memory_bytes: Some(limits.memory_bytes),
            processes: Some(limits.processes),
            ..Limits::default()
        };
        spec.binds.extend(self.shared.tools.folders.iter().map(Bind::read_only));
        let bind = |source: &PathBuf, target: &str, writable| Bind {
            source: source.clone(),
            target: PathBuf::from(target),
            writable,
        };
        spec.binds.push(bind(&layout.home, &inside.home, true));
        spec.binds.push(bind(&layout.temporary, &inside.temporary, true));
        spec.binds.push(bind(&layout.exchange, &inside.exchange, false));
        spec.binds.push(bind(&layout.commands, &inside.commands, true));
        match &self.lower {
            None => spec.binds.push(bind(&layout.upper, &inside.workspace, true)),
            Some(lease) => {
                // A kernel folder of an earlier mount may be left in it.
                let work = layout.work.join(self.agents.to_string());
                std::fs::create_dir_all(&work)?;
                spec.overlays.push(Overlay {
                    lower: vec![lease.folder.clone()],
                    upper: layout.upper.clone(),
                    work,
                    target: PathBuf::from(&inside.workspace),
                });
            }
        }
        spec.working_directory = PathBuf::from(&inside.workspace);
        Ok(spec)
    }

    fn summarise(&mut self, step: u32) -> anyhow::Result<()> {
        let text = self.layout.read_command_file(&format!("summary_{step}"), SUMMARY_BYTES_MAX)?;
        if text.len() > SUMMARY_BYTES_MAX {
            let line =
                format!("##[warning]the summary is left out: over {SUMMARY_BYTES_MAX} bytes");
            self.say(Some(step), &line)?;
        } else if !text.is_empty() {
            let hidden = self.masks.hide(text.as_bytes());
            self.shared.logs.append_summary(&log_key(&self.plan), &hidden)?;
        }
        Ok(())
    }

    /// A line of the runner's own.
    pub fn say(&mut self, step: Option<u32>, text: &str) -> anyhow::Result<()> {
        let hidden = self.masks.hide(text.as_bytes());
        let end_offset = self.log.line(step, &hidden)?;
        report(&self.events, JobEvent::LogAppended { end_offset });
        Ok(())
    }

    pub fn report(&self, event: JobEvent) {
        report(&self.events, event);
    }

    fn keep(&mut self, step: u32, line: &[u8]) -> anyhow::Result<()> {
        self.write(step, std::slice::from_ref(&line.to_vec()))
    }

    fn write(&mut self, step: u32, lines: &[Vec<u8>]) -> anyhow::Result<()> {
        if lines.is_empty() {
            return Ok(());
        }
        let end_offset = self.log.lines(Some(step), lines)?;
        report(&self.events, JobEvent::LogAppended { end_offset });
        Ok(())
    }

    /// What leaves the job for the ledger holds no secret.
    fn masked(&self, mut end: JobEnd) -> JobEnd {
        let hide = |annotation: &mut Annotation| {
            annotation.message = self.masks.hide_text(&annotation.message);
        };
        end.annotations.iter_mut().for_each(hide);
        end.annotations.sort_by_key(|annotation| match annotation.level {
            AnnotationLevel::Error => 0,
            AnnotationLevel::Warning => 1,
            AnnotationLevel::Notice => 2,
        });
        if let Some(EndReason::StepFailed { name, detail, .. }) = &mut end.reason {
            *name = self.masks.hide_text(name);
            *detail = self.masks.hide_text(detail);
        }
        end
    }
}

fn failed(detail: String) -> StepResult {
    StepResult {
        exit: StepExit::Failed(detail),
        files: CommandFiles::default(),
        outputs: Default::default(),
        annotations: Vec::new(),
        masks: Vec::new(),
    }
}

fn output_lines(masks: &Masks, output: &[u8]) -> Vec<Vec<u8>> {
    let lines = output.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
    lines.map(|line| masks.hide(line)).collect()
}

fn lost(exit: Option<sandbox::Exit>) -> StepExit {
    match exit {
        Some(exit) if exit.out_of_memory => StepExit::OutOfMemory,
        Some(sandbox::Exit { signal: Some(signal), .. }) => StepExit::Signal(signal),
        Some(_) | None => StepExit::Failed("the sandbox of the job ended during the step".into()),
    }
}

fn step_deadline(timeout_minutes: Option<u32>) -> Option<Instant> {
    timeout_minutes.map(|minutes| Instant::now() + Duration::from_secs(u64::from(minutes) * 60))
}

/// Sleeps until then; for ever when there is no such time.
async fn sleep_until(until: Option<Instant>) {
    match until {
        Some(until) => tokio::time::sleep_until(until).await,
        None => std::future::pending().await,
    }
}
