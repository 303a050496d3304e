//! Sets that go by steps: whose turn it is among their applications.

use std::collections::BTreeMap;

use deployments::{Member, Standing, StepWait};
use ledger::RepositoryName;

use crate::renderings::Rendering;
use crate::state::Server;

/// A set, by its repository and its name.
pub(super) type SetKey = (RepositoryName, String);

/// How the steps of sets stand.
pub(super) struct Standings(BTreeMap<SetKey, OfSet>);

struct OfSet {
    declared: Standing,
    going: Standing,
}

/// The set by whose steps an application goes.
pub(super) fn set_of(rendering: &Rendering) -> Option<SetKey> {
    let rollout = rendering.application.rollout.as_ref()?;
    Some((rendering.repository.clone(), rollout.set.clone()))
}

impl Standings {
    /// As all stand now.
    pub(super) fn now(server: &Server) -> Self {
        Self::of(server, |_, _| true)
    }

    /// As the sets stand that are asked for.
    fn of(server: &Server, is_asked: impl Fn(&RepositoryName, &str) -> bool) -> Self {
        let mut members: BTreeMap<SetKey, (Vec<Member>, Vec<Member>)> = BTreeMap::new();
        let views = server.recorder.views();
        for (name, state) in &views.deployments.applications {
            let Some(declared) = state.declared() else { continue };
            let (Some(set), Some(step)) = (&declared.set, declared.step) else { continue };
            if !is_asked(&declared.repository, set) {
                continue;
            }
            let (own, going) =
                members.entry((declared.repository.clone(), set.clone())).or_default();
            if state.removal.is_some() {
                going.push(Member::going(name, step));
            } else {
                let newest = server.renderings.of(name);
                let rendered = newest.as_ref().map(|newest| &newest.rendered_commit);
                own.push(Member::of(name, step, state, rendered));
            }
        }
        let stands = |(own, going): (Vec<Member>, Vec<Member>)| OfSet {
            declared: own.into_iter().collect(),
            going: going.into_iter().collect(),
        };
        Self(members.into_iter().map(|(set, members)| (set, stands(members))).collect())
    }

    /// For whom an application waits; `None`: its turn has come, or there are no steps.
    pub(super) fn wait_of(&self, rendering: &Rendering, is_removed: bool) -> Option<StepWait> {
        let rollout = rendering.application.rollout.as_ref()?;
        let standing = self.0.get(&set_of(rendering)?)?;
        match is_removed {
            true => standing.going.removal_wait_of(rollout),
            false => standing.declared.wait_of(&rendering.application.name, rollout),
        }
    }
}

/// For whom an application waits at this moment.
pub(super) fn wait_of(server: &Server, rendering: &Rendering) -> Option<StepWait> {
    let (repository, set) = set_of(rendering)?;
    let is_asked = |of: &RepositoryName, name: &str| *of == repository && name == set;
    let is_removed = super::remove::removal_of(server, &rendering.application.name).is_some();
    Standings::of(server, is_asked).wait_of(rendering, is_removed)
}
