//! An operator's session: a script of commands in, what a person would see out.
//!
//! One command a line; `#` begins a comment. The world has no faults, so a script gives one answer.
//!
//! - `push good|bad|bad-everywhere|untested`: a person pushes new source; how its build behaves.
//! - `push note`: a person pushes a file that nothing reads.
//! - `set ENVIRONMENT replicas|objects|version VALUE`: a person changes an overlay.
//! - `run SECONDS`: time goes by.
//! - `silence SECONDS`: no metrics and no answers of probes for so long.
//! - `mode ENVIRONMENT automatic|freeze|ask`, `approval ENVIRONMENT`: the configuration.
//! - `approve ENVIRONMENT VERSION`, `approve-rollback ENVIRONMENT`, `rollback ENVIRONMENT`,
//!   `resume ENVIRONMENT`, `confirm ENVIRONMENT`: what a person may do.
//! - `race`: the next rollback meets a person's push.
//! - `status`: what runs, what Git says, and why they differ.

#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "only a few kinds of facts are told or checked"
)]

use control::ControlFact;
use control::configuration::{Approval, RollbackMode};
use deployments::{BlockReason, DeploymentFact};
use ledger::{Actor, ArtifactDigest, Fact, decode};
use monitoring::MonitoringFact;
use pipelines::facts::PipelineFact;
use repositories::RepositoryFact;

use crate::deciders::TASKS;
use crate::options::Options;
use crate::simulation::{
    ENVIRONMENTS, Quality, Simulation, application, environment_name, repository,
};
use crate::world::{digest_of, version_of};

/// A line that is no command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScenarioError {
    /// From 1.
    pub line: usize,
    /// The line.
    pub text: String,
}

impl std::fmt::Display for ScenarioError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "line {}: `{}` is no command", self.line, self.text)
    }
}

impl std::error::Error for ScenarioError {}

/// Plays a script; each command is followed by what happened.
pub fn play(script: &str) -> Result<String, ScenarioError> {
    let mut session = Session {
        simulation: Simulation::new(0, Options::default()),
        told: 0,
        race: false,
        output: String::new(),
    };
    session.simulation.calm = true;
    session.told = session.simulation.ledger.facts().len();
    for (index, line) in script.lines().enumerate() {
        let command = line.split('#').next().unwrap_or_default().trim();
        if command.is_empty() {
            continue;
        }
        session.output.push_str(&format!("> {command}\n"));
        let words: Vec<&str> = command.split_whitespace().collect();
        if session.command(&words).is_none() {
            return Err(ScenarioError { line: index + 1, text: command.into() });
        }
        session.tell();
    }
    session.simulation.check_end();
    for violation in &session.simulation.violations {
        session.output.push_str(&format!("VIOLATION {violation}\n"));
    }
    Ok(session.output)
}

struct Session {
    simulation: Simulation,
    told: usize,
    race: bool,
    output: String,
}

impl Session {
    fn command(&mut self, words: &[&str]) -> Option<()> {
        let simulation = &mut self.simulation;
        match words {
            ["push", "note"] => drop(simulation.push(Default::default())),
            ["push", quality] => {
                let quality = match *quality {
                    "good" => Quality::Good,
                    "bad" => Quality::BadInProduction,
                    "bad-everywhere" => Quality::BadEverywhere,
                    "untested" => Quality::FailsTests,
                    _ => return None,
                };
                simulation.push_source(quality);
            }
            ["set", environment, name @ ("replicas" | "objects" | "version"), value] => {
                let name = format!("{}/{name}", known(environment)?);
                simulation.push([(name, (*value).to_owned())].into());
            }
            ["run", seconds] => self.run(seconds.parse().ok()?),
            ["silence", seconds] => {
                simulation.silent_until = simulation.tick + seconds.parse::<u64>().ok()?
            }
            ["race"] => self.race = true,
            ["status"] => self.status(),
            ["mode", environment, mode] => {
                let mode = match *mode {
                    "automatic" => RollbackMode::Automatic,
                    "freeze" => RollbackMode::Freeze,
                    "ask" => RollbackMode::Ask,
                    _ => return None,
                };
                let place = ENVIRONMENTS.iter().position(|name| name == environment)?;
                simulation.configuration.environments[place].rollback.mode = mode;
            }
            ["approval", environment] => {
                let place = ENVIRONMENTS.iter().position(|name| name == environment)?;
                simulation.configuration.environments[place].approval = Approval::Required;
            }
            [verb, environment, rest @ ..] => return self.person(verb, known(environment)?, rest),
            _ => return None,
        }
        Some(())
    }

    fn person(&mut self, verb: &str, name: &'static str, rest: &[&str]) -> Option<()> {
        let simulation = &mut self.simulation;
        let (repository, environment) = (repository(), environment_name(name));
        let application = application(name);
        let fact = match (verb, rest) {
            ("resume", []) => {
                simulation.resume(name);
                return Some(());
            }
            ("confirm", []) => return self.confirm(name),
            ("approve", [version]) => {
                let digest = digest_of(version.parse().ok()?);
                ControlFact::PromotionApproved { repository, environment, digest }
            }
            ("rollback", []) => {
                ControlFact::RollbackRequested { repository, environment, application }
            }
            ("approve-rollback", []) => {
                let asked = simulation
                    .views
                    .control
                    .environment(&repository, &environment)?
                    .asked
                    .clone()?;
                let commit = asked.1.into_iter().next()?;
                ControlFact::RollbackApproved { repository, environment, application, commit }
            }
            _ => return None,
        };
        let draft = fact.draft(simulation.now(), Actor::person("grace"));
        simulation.record(vec![draft]);
        Some(())
    }

    /// Confirms exactly the deletions that were stopped.
    fn confirm(&mut self, name: &'static str) -> Option<()> {
        let simulation = &mut self.simulation;
        let application = application(name);
        let blocked = &simulation.views.deployments.applications.get(&application)?.blocked;
        let objects = blocked.iter().find_map(|reason| match reason {
            BlockReason::MassDeletion { deletions, .. } => Some(deletions.clone()),
            _ => None,
        })?;
        let until = simulation.now().plus_ms(600_000);
        let fact = DeploymentFact::DeletionConfirmed { application, objects, until };
        let draft = fact.draft(simulation.now(), Actor::person("grace"));
        simulation.record(vec![draft]);
        Some(())
    }

    fn run(&mut self, seconds: u64) {
        for _ in 0..seconds {
            self.simulation.step();
            for task in TASKS {
                self.simulation.decide(0, task, 0);
                let reverts = |draft: &ledger::Draft| draft.kind == "control.rolled_back";
                let reverting = self
                    .simulation
                    .pending
                    .iter()
                    .any(|pending| pending.drafts.iter().any(reverts));
                if reverting && std::mem::take(&mut self.race) {
                    self.simulation.push(Default::default());
                }
                self.simulation.record_now();
            }
            self.simulation.check_now();
            self.tell();
        }
    }

    fn status(&mut self) {
        for name in ENVIRONMENTS {
            let target = &self.simulation.targets[name];
            let runs = target.running.as_ref().and_then(|overlay| overlay.version);
            let wanted = self.simulation.overlay(name);
            let version = |version: Option<u64>| {
                version.map_or("nothing".into(), |version| format!("v{version}"))
            };
            let verdict = self.simulation.views.monitoring.assessment(&application(name));
            let verdict = verdict.map_or("not assessed", |found| found.verdict.code());
            self.output.push_str(&format!(
                "  {name} runs {} at generation {}, Git says {}, {verdict}\n",
                version(runs),
                target.generation,
                version(wanted.version),
            ));
            if let Some(state) =
                self.simulation.views.deployments.applications.get(&application(name))
            {
                for reason in &state.blocked {
                    self.output.push_str(&format!("  {name} is blocked: {reason}\n"));
                }
            }
            let of_loop =
                self.simulation.views.control.environment(&repository(), &environment_name(name));
            for (digest, (reason, _)) in of_loop.iter().flat_map(|state| &state.held) {
                self.output.push_str(&format!("  {name} holds {}: {reason}\n", short(digest)));
            }
            if let Some((reason, _)) = of_loop.and_then(|state| state.hold.as_ref()) {
                self.output.push_str(&format!("  {name} takes nothing: {reason}\n"));
            }
        }
        for file in &self.simulation.acknowledged {
            if !self.simulation.git.tree(&self.simulation.git.tip).contains_key(file) {
                self.output.push_str(&format!("  LOST {file}\n"));
            }
        }
    }

    /// The facts since last time, a line each.
    fn tell(&mut self) {
        let facts = &self.simulation.ledger.facts()[self.told..];
        for fact in facts {
            if let Some(text) = sentence(fact) {
                let seconds = self.simulation.tick;
                self.output
                    .push_str(&format!("{seconds:>4}s {:<16} {text}\n", fact.actor.to_string()));
            }
        }
        self.told += facts.len();
    }
}

fn known(environment: &str) -> Option<&'static str> {
    ENVIRONMENTS.into_iter().find(|name| *name == environment)
}

fn short(digest: &ArtifactDigest) -> String {
    format!("v{}", version_of(digest))
}

fn sentence(fact: &Fact) -> Option<String> {
    decode::<ControlFact>(fact)
        .map(of_control)
        .or_else(|| decode(fact).and_then(of_deployments))
        .or_else(|| decode(fact).and_then(of_monitoring))
        .or_else(|| match decode::<PipelineFact>(fact) {
            Some(PipelineFact::ArtifactPublished { digest, .. }) => {
                Some(format!("published {}", short(&digest)))
            }
            Some(PipelineFact::GateFailed { run, .. }) => Some(format!("gate failed in run {run}")),
            Some(PipelineFact::GatePassed { run, .. }) => Some(format!("gate passed in run {run}")),
            _ => None,
        })
        .or_else(|| match decode::<RepositoryFact>(fact) {
            Some(RepositoryFact::RefMoved { by, .. }) => {
                let by = serde_json::to_value(&by).ok()?;
                let name = by
                    .as_str()
                    .map(str::to_owned)
                    .or_else(|| by.as_object()?.keys().next().cloned())?;
                Some(format!("main moved by {name}"))
            }
            Some(RepositoryFact::PullRequestClosed { number, .. }) => {
                Some(format!("pull request #{number} closed"))
            }
            _ => None,
        })
}

fn codes<'a>(codes: impl Iterator<Item = &'a str>) -> String {
    codes.collect::<Vec<_>>().join(", ")
}

fn of_control(fact: ControlFact) -> String {
    let (_, environment) = fact.place();
    let environment = environment.clone();
    match fact {
        ControlFact::Promoted { digest, pull_request, .. } => {
            let by =
                pull_request.map_or("a commit".into(), |number| format!("pull request #{number}"));
            format!("promoted {} to {environment} by {by}", short(&digest))
        }
        ControlFact::PromotionProposed { digest, pull_request, .. } => {
            format!("opened pull request #{pull_request} for {} in {environment}", short(&digest))
        }
        ControlFact::PromotionWaiting { digest, reasons, .. } => {
            let reasons = codes(reasons.iter().map(|reason| reason.code()));
            format!("{} waits before {environment}: {reasons}", short(&digest))
        }
        ControlFact::PromotionHeld { digest, reason, .. } => {
            format!("{} is kept out of {environment}: {}", short(&digest), reason.code())
        }
        ControlFact::RolledBack { rule, .. } => {
            let rule = serde_json::to_value(rule).unwrap_or_default();
            format!("rolled {environment} back ({})", rule.as_str().unwrap_or_default())
        }
        ControlFact::RollbackRefused { reasons, .. } => {
            let reasons = codes(reasons.iter().map(|reason| reason.code()));
            format!("does not roll {environment} back: {reasons}")
        }
        ControlFact::RollbackAsked { commits, .. } => {
            format!("asks whether to roll {environment} back ({} suspects)", commits.len())
        }
        ControlFact::RollbackApproved { .. } => format!("approved the rollback of {environment}"),
        ControlFact::RollbackRequested { .. } => format!("asked for a rollback of {environment}"),
        ControlFact::PromotionApproved { digest, .. } => {
            format!("approved {} for {environment}", short(&digest))
        }
        ControlFact::Quarantined { digest, .. } => digest
            .map_or("a commit is in quarantine".into(), |digest| {
                format!("{} is in quarantine", short(&digest))
            }),
        ControlFact::QuarantineLifted { digest, .. } => {
            format!("{} is out of quarantine", short(&digest))
        }
        ControlFact::AutomationHeld { reason, .. } => {
            format!("promotions into {environment} stop: {}", reason.code())
        }
        ControlFact::AutomationResumed { .. } => format!("promotions into {environment} go on"),
    }
}

fn of_deployments(fact: DeploymentFact) -> Option<String> {
    match fact {
        DeploymentFact::Planned { application, generation, summary, .. } => Some(format!(
            "planned {application} generation {generation}: {} create, {} update, {} delete, {} restarts",
            summary.create,
            summary.update,
            summary.delete,
            summary.restarts.len()
        )),
        DeploymentFact::PlanBlocked { application, reasons, .. } => Some(format!(
            "{application} is blocked: {}",
            codes(reasons.iter().map(BlockReason::code))
        )),
        DeploymentFact::Applied { application, generation, .. } => {
            Some(format!("applied {application} generation {generation}"))
        }
        DeploymentFact::DeletionConfirmed { objects, .. } => {
            Some(format!("confirmed {} deletions", objects.len()))
        }
        _ => None,
    }
}

fn of_monitoring(fact: MonitoringFact) -> Option<String> {
    match fact {
        MonitoringFact::Assessed { application, generation, verdict, cases, .. } => {
            let cases = codes(cases.iter().map(monitoring::Case::code));
            Some(format!("{application} generation {generation} is {verdict} [{cases}]"))
        }
        MonitoringFact::IncidentOpened { incident, application, .. } => {
            Some(format!("incident {incident} opened for {application}"))
        }
        MonitoringFact::IncidentResolved { incident, .. } => {
            Some(format!("incident {incident} resolved"))
        }
        _ => None,
    }
}
