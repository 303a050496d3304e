//! The ledger's contract in memory: what the simulator runs on and the database must equal.

use std::collections::BTreeMap;

use crate::fact::{AppendRefusal, Draft, Expected, Fact};
use crate::ids::{Sequence, Subject};

/// An append-only list of facts with the newest fact of each subject.
#[derive(Debug, Clone, Default)]
pub struct MemoryLedger {
    facts: Vec<Fact>,
    tips: BTreeMap<Subject, Sequence>,
}

impl MemoryLedger {
    /// Appends all drafts or none.
    pub fn append(&mut self, drafts: Vec<Draft>) -> Result<&[Fact], AppendRefusal> {
        let start = self.facts.len();
        let tips_before = self.tips.clone();
        for draft in drafts {
            if let Err(refusal) = self.append_one(draft) {
                self.facts.truncate(start);
                self.tips = tips_before;
                return Err(refusal);
            }
        }
        Ok(&self.facts[start..])
    }

    /// Every fact, oldest first.
    #[must_use]
    pub fn facts(&self) -> &[Fact] {
        &self.facts
    }

    /// The newest fact on a subject.
    #[must_use]
    pub fn tip(&self, subject: &Subject) -> Option<Sequence> {
        self.tips.get(subject).copied()
    }

    fn append_one(&mut self, draft: Draft) -> Result<(), AppendRefusal> {
        let parent = self.tip(&draft.subject);
        if let Expected::Parent(expected) = draft.expected
            && expected != parent
        {
            return Err(AppendRefusal::ParentMoved {
                subject: draft.subject,
                expected,
                actual: parent,
            });
        }
        let sequence = Sequence(self.facts.len() as u64 + 1);
        self.tips.insert(draft.subject.clone(), sequence);
        self.facts.push(Fact {
            sequence,
            at: draft.at,
            actor: draft.actor,
            subject: draft.subject,
            parent,
            causes: draft.causes,
            reason: draft.reason,
            kind: draft.kind,
            body: draft.body,
        });
        Ok(())
    }
}
