//! Sets that go by steps: whose turn it is among their applications.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, PoisonError};

use deployments::{Member, Standing, StepWait};
use ledger::{ApplicationName, RepositoryName, Sequence};

use crate::renderings::Rendering;
use crate::state::Server;

/// A set, by its repository and its name.
pub(super) type SetKey = (RepositoryName, String);

/// How the steps of sets stand. Each question first takes in what changed since the one before, so that
/// hundreds of applications of a set are not counted again for each of them.
#[derive(Default)]
pub struct Rollouts(Mutex<Known>);

#[derive(Default)]
struct Known {
    sets: BTreeMap<SetKey, OfSet>,
    /// The set that each application is counted in.
    of: BTreeMap<ApplicationName, SetKey>,
    /// Up to which fact; `None`: nothing was counted yet.
    upto_fact: Option<Sequence>,
    /// Up to which change of the renderings.
    upto_rendering: u64,
}

#[derive(Default)]
struct OfSet {
    declared: Standing,
    going: Standing,
}

/// The set by whose steps an application goes.
pub(super) fn set_of(rendering: &Rendering) -> Option<SetKey> {
    let rollout = rendering.application.rollout.as_ref()?;
    Some((rendering.repository.clone(), rollout.set.clone()))
}

/// For whom an application waits at this moment; `None`: its turn has come, or there are no steps.
/// Nobody may hold the views meanwhile.
pub(super) fn wait_of(server: &Server, rendering: &Rendering) -> Option<StepWait> {
    let rollout = rendering.application.rollout.as_ref()?;
    let is_removed = super::remove::removal_of(server, &rendering.application.name).is_some();
    let mut known = server.rollouts.0.lock().unwrap_or_else(PoisonError::into_inner);
    known.update(server);
    let standing = known.sets.get(&set_of(rendering)?)?;
    match is_removed {
        true => standing.going.removal_wait_of(rollout),
        false => standing.declared.wait_of(&rendering.application.name, rollout),
    }
}

impl Known {
    fn update(&mut self, server: &Server) {
        // What changes from here on is looked at by the next question.
        let (mut changed, upto_rendering) = {
            let (names, upto) = server.renderings.changed_since(self.upto_rendering);
            (names.into_iter().collect::<BTreeSet<_>>(), upto)
        };
        let views = server.recorder.views();
        let deployments = &views.deployments;
        match self.upto_fact {
            Some(upto) => changed.extend(deployments.changed_since(upto).cloned()),
            None => changed.extend(deployments.applications.keys().cloned()),
        }
        (self.upto_fact, self.upto_rendering) = (Some(views.sequence), upto_rendering);
        for name in changed {
            self.leave(&name);
            let state = deployments.applications.get(&name);
            let declared = state.and_then(|state| Some((state, state.declared()?)));
            let Some((state, declared)) = declared else { continue };
            let (Some(set), Some(step)) = (&declared.set, declared.step) else { continue };
            let key = (declared.repository.clone(), set.clone());
            let of_set = self.sets.entry(key.clone()).or_default();
            if state.removal.is_some() {
                of_set.going.put(Member::going(&name, step));
            } else {
                let newest = server.renderings.of(&name);
                let rendered = newest.as_ref().map(|newest| &newest.rendered_commit);
                of_set.declared.put(Member::of(&name, step, state, rendered));
            }
            self.of.insert(name, key);
        }
    }

    fn leave(&mut self, name: &ApplicationName) {
        let Some(key) = self.of.remove(name) else { return };
        let Some(of_set) = self.sets.get_mut(&key) else { return };
        of_set.declared.remove(name);
        of_set.going.remove(name);
        if of_set.declared.is_empty() && of_set.going.is_empty() {
            self.sets.remove(&key);
        }
    }
}
