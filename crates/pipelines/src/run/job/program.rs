//! The steps of a job in the order in which they come: those of its composite actions in their place,
//! between an entry that opens the action's scope and one that closes it.

use std::sync::Arc;

use crate::workflow::action::{Action, ActionRuns};
use crate::workflow::model::{Job, Step, StepAction};

/// One thing to do.
#[derive(Debug, Clone)]
pub(super) struct Entry {
    /// The place of the job's own step that it belongs to, from 0.
    pub top: u32,
    /// The composite action that it is in.
    pub scope: Option<usize>,
    /// What to do.
    pub what: What,
}

#[derive(Debug, Clone)]
pub(super) enum What {
    /// A step that is no composite action.
    Step(Step),
    /// The step that opens a scope; `after` is the entry after the one that closes it.
    Enter { step: Step, action: Arc<Action>, inner: usize, after: usize },
    /// The end of a scope.
    Leave { inner: usize },
}

/// The program of a job and the number of its scopes.
pub(super) fn of(job: Option<&Job>) -> (Arc<[Entry]>, usize) {
    let mut writer = Writer { entries: Vec::new(), scopes: 0 };
    for (place, step) in job.map(|job| job.steps.as_slice()).unwrap_or_default().iter().enumerate()
    {
        writer.step(step, u32::try_from(place).unwrap_or(u32::MAX), None);
    }
    (writer.entries.into(), writer.scopes)
}

struct Writer {
    entries: Vec<Entry>,
    scopes: usize,
}

impl Writer {
    fn step(&mut self, step: &Step, top: u32, scope: Option<usize>) {
        if let StepAction::Uses { local: Some(action), .. } = &step.action
            && let ActionRuns::Composite { steps } = &action.runs
        {
            let (inner, place) = (self.scopes, self.entries.len());
            self.scopes += 1;
            let enter = |after| What::Enter {
                step: step.clone(),
                action: Arc::clone(action),
                inner,
                after,
            };
            self.entries.push(Entry { top, scope, what: enter(0) });
            for step in steps {
                self.step(step, top, Some(inner));
            }
            self.entries.push(Entry { top, scope, what: What::Leave { inner } });
            self.entries[place].what = enter(self.entries.len());
            return;
        }
        self.entries.push(Entry { top, scope, what: What::Step(step.clone()) });
    }
}
