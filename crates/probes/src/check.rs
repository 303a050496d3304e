//! HTTP checks from outside: is it there, and what does it say. The last answers are kept.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};

use ledger::{ApplicationName, Timestamp};
use monitoring::ProbeObservation;
use tokio::sync::oneshot;

use crate::dialer::{AddressPolicy, Dialer, Excess, Request};
use crate::schedule::{now, ticks};

/// Answers that are kept of each check.
pub const ANSWERS_KEPT: usize = 5;

/// Bytes of an answer's body that are kept.
pub const BODY_BYTES_MAX: usize = 4096;

/// A check.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct HttpCheck {
    /// Its name, unique in the application.
    pub name: String,
    /// What it says something about.
    pub application: ApplicationName,
    /// What is asked with GET.
    pub url: String,
    /// Who named the address.
    pub policy: AddressPolicy,
    /// How often; at least 500.
    pub interval_ms: u64,
    /// How long an answer may take.
    pub timeout_ms: u64,
    /// Failures in a row that make it sick.
    pub failure_threshold: u64,
}

/// One answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckAnswer {
    /// When it was asked.
    pub at: Timestamp,
    /// How long it took.
    pub elapsed_ms: u64,
    /// What came.
    pub outcome: CheckOutcome,
}

/// What came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CheckOutcome {
    /// An HTTP answer.
    Answered {
        /// Its status; 200 to 399 is a success, as for Kubernetes' probes.
        status: u16,
        /// The start of its body as text.
        body: String,
    },
    /// No answer.
    Failed {
        /// A stable name.
        code: &'static str,
        /// A sentence for a person.
        message: String,
    },
}

impl CheckOutcome {
    /// Whether the service is there.
    #[must_use]
    pub fn is_success(&self) -> bool {
        match self {
            Self::Answered { status, .. } => (200..400).contains(status),
            Self::Failed { .. } => false,
        }
    }

    /// One line for a person.
    #[must_use]
    pub fn summary(&self) -> String {
        match self {
            Self::Answered { status, body } => {
                let line = body.lines().next().unwrap_or_default();
                let line: String = line.chars().take(120).collect();
                format!("status {status} {line}").trim_end().to_owned()
            }
            Self::Failed { message, .. } => message.clone(),
        }
    }
}

/// What is known of a check.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct CheckStatus {
    /// How many times it was asked.
    pub asked: u64,
    /// How many of the last answers in a row were failures.
    pub failures_in_a_row: u64,
    /// The last answers, the newest last.
    pub answers: VecDeque<CheckAnswer>,
}

impl CheckStatus {
    /// The same for an assessment.
    #[must_use]
    pub fn observation(&self, check: &HttpCheck) -> ProbeObservation {
        ProbeObservation {
            name: check.name.clone(),
            asked: self.asked,
            failures_in_a_row: self.failures_in_a_row,
            failure_threshold: check.failure_threshold,
            last_answer: self.answers.back().map(|answer| answer.outcome.summary()),
        }
    }

    fn take(&mut self, answer: CheckAnswer) {
        self.asked += 1;
        let success = answer.outcome.is_success();
        self.failures_in_a_row = if success { 0 } else { self.failures_in_a_row + 1 };
        if self.answers.len() == ANSWERS_KEPT {
            self.answers.pop_front();
        }
        self.answers.push_back(answer);
    }
}

/// Asks until it is dropped.
pub struct Checker {
    dialer: Dialer,
    statuses: Arc<Mutex<BTreeMap<HttpCheck, CheckStatus>>>,
    running: Mutex<BTreeMap<HttpCheck, oneshot::Sender<()>>>,
}

impl Checker {
    /// A checker without checks; needs a tokio runtime from [`Checker::set_checks`] on.
    #[must_use]
    pub fn new(dialer: Dialer) -> Self {
        Self { dialer, statuses: Arc::default(), running: Mutex::default() }
    }

    /// Replaces the list. A check that stays keeps its answers; to begin anew (a new revision) change it.
    pub fn set_checks(&self, checks: Vec<HttpCheck>) {
        let wanted: BTreeSet<HttpCheck> = checks.into_iter().collect();
        let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        let mut statuses = self.statuses.lock().unwrap_or_else(PoisonError::into_inner);
        running.retain(|check, _| wanted.contains(check));
        statuses.retain(|check, _| wanted.contains(check));
        for check in wanted {
            if !running.contains_key(&check) {
                let (stop, stopped) = oneshot::channel();
                running.insert(check.clone(), stop);
                statuses.insert(check.clone(), CheckStatus::default());
                let shared = self.statuses.clone();
                tokio::spawn(check_loop(self.dialer.clone(), shared, check, stopped));
            }
        }
    }

    /// Begins the counts of an application's checks anew: another revision is there now.
    pub fn forget_answers(&self, application: &ApplicationName) {
        let mut statuses = self.statuses.lock().unwrap_or_else(PoisonError::into_inner);
        for (check, status) in statuses.iter_mut() {
            if check.application == *application {
                *status = CheckStatus::default();
            }
        }
    }

    /// What is known of each check.
    #[must_use]
    pub fn statuses(&self) -> Vec<(HttpCheck, CheckStatus)> {
        let statuses = self.statuses.lock().unwrap_or_else(PoisonError::into_inner);
        statuses.iter().map(|(check, status)| (check.clone(), status.clone())).collect()
    }
}

async fn check_loop(
    dialer: Dialer,
    statuses: Arc<Mutex<BTreeMap<HttpCheck, CheckStatus>>>,
    check: HttpCheck,
    mut stopped: oneshot::Receiver<()>,
) {
    let mut ticks = ticks(check.interval_ms, &check);
    loop {
        tokio::select! {
            _ = &mut stopped => return,
            _ = ticks.tick() => {}
        }
        let answer = ask(&dialer, &check).await;
        let mut statuses = statuses.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(status) = statuses.get_mut(&check) {
            status.take(answer);
        }
    }
}

/// Asks once.
pub async fn ask(dialer: &Dialer, check: &HttpCheck) -> CheckAnswer {
    let at = now();
    let request = Request {
        timeout_ms: check.timeout_ms,
        body_bytes_max: BODY_BYTES_MAX,
        excess: Excess::Cut,
        ..Request::get(&check.url, check.policy)
    };
    let started = std::time::Instant::now();
    let outcome = match dialer.send(&request).await {
        Ok(answer) => CheckOutcome::Answered {
            status: answer.status,
            body: String::from_utf8_lossy(&answer.body).into_owned(),
        },
        Err(error) => CheckOutcome::Failed { code: error.code(), message: error.to_string() },
    };
    let elapsed_ms = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
    CheckAnswer { at, elapsed_ms, outcome }
}
