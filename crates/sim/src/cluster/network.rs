//! The hand and the network: wishes become requests or nothing, requests arrive late, twice, after
//! whoever sent them has given up or was killed, and answers are lost.

use std::sync::Arc;

use deployments::ownership::{Comparison, difference, prepared, without};
use deployments::{ObjectKey, Propagation};
use ledger::ApplicationName;
use serde_json::Value;

use super::api::{Precondition, Refusal, version_of};
use super::cache::{Freshness, Seen};
use super::object::Writer;
use super::operate::identity;
use super::simulation::{Rendering, Simulation};
use crate::world::fnv;

/// The field manager of everything that Git says.
const BOUCLE: Writer<'static> = Writer::named(deployments::ownership::FIELD_MANAGER);
/// After so long an answer is no longer waited for.
const ANSWER_TICKS_MAX: u64 = 8;
/// How often a deletion looks again at an object that changes all the time.
const LOOKS_MAX: usize = 4;

/// What a plan wants of the hand.
#[derive(Debug, Clone)]
pub(crate) struct Wish {
    pub number: u64,
    pub name: ApplicationName,
    pub rendering: Arc<Rendering>,
    pub generation: u64,
    pub due: u64,
    pub what: What,
    /// Whether a synchronisation waits for its outcome.
    pub is_act: bool,
}

#[derive(Debug, Clone)]
pub(crate) enum What {
    Put { manifest: Value },
    Delete { object: ObjectKey, propagation: Propagation },
}

/// On its way to a cluster.
#[derive(Debug, Clone)]
pub(crate) struct Request {
    pub wish: Wish,
    /// The process that sent it.
    pub process: u64,
    pub due: u64,
    /// When its answer is no longer waited for.
    pub expires: u64,
    pub is_answered: bool,
    pub verb: Verb,
}

#[derive(Debug, Clone)]
pub(crate) enum Verb {
    Apply { key: ObjectKey, sent: Value, hash: u64 },
    Delete { key: ObjectKey, looked: Precondition, propagation: Propagation },
}

impl Verb {
    pub(crate) fn key(&self) -> &ObjectKey {
        match self {
            Self::Apply { key, .. } | Self::Delete { key, .. } => key,
        }
    }
}

impl Simulation {
    /// The hand takes the wishes that have come.
    pub(crate) fn take_wishes(&mut self) {
        let (due, later): (Vec<Wish>, Vec<Wish>) = std::mem::take(&mut self.process.wishes)
            .into_iter()
            .partition(|wish| wish.due <= self.tick);
        self.process.wishes = later;
        for wish in due {
            let newest = self.process.generations.get(&wish.name).copied().unwrap_or(0);
            if self.options.rules.generations && wish.generation < newest {
                self.statistics.refused_wishes += 1;
                self.answer(&wish, Err(format!("generation {newest} was seen before")));
                continue;
            }
            self.process.generations.insert(wish.name.clone(), newest.max(wish.generation));
            match wish.what.clone() {
                What::Put { manifest } => self.put(wish, &manifest),
                What::Delete { object, propagation } => self.delete(wish, &object, propagation),
            }
        }
    }

    fn put(&mut self, wish: Wish, manifest: &Value) {
        let desired = prepared(manifest);
        let Some(key) = ObjectKey::of(&desired, "") else { return };
        let cache = &self.process.caches[wish.rendering.cluster];
        let application = &wish.rendering.application;
        let (ignored, yields_to) =
            (application.ignored_fields(&key), application.ignored_managers(&key));
        let how = Comparison { ignored: &ignored, yields_to: &yields_to, ..Comparison::default() };
        let hash = fnv(desired.to_string().as_bytes());
        // Nothing of what another made is known but its name.
        let live = cache.get(&key).filter(|live| {
            live.application.is_some() && cache.freshness_of(&key) == Freshness::Current
        });
        let found = live.map(|live| difference(&desired, &live.object, &how));
        let same = |live: &Seen| {
            let applied = live.applied == Some(hash);
            found
                .as_ref()
                .is_some_and(|found| found.is_empty() && (found.unsure.is_empty() || applied))
        };
        if let Some(live) = live.filter(|live| same(live)) {
            let object = Arc::clone(&live.object);
            self.note_written(&wish, &object);
            self.answer(&wish, Ok(()));
            return;
        }
        let yielded = found.iter().flat_map(|found| found.yielded.keys()).map(String::as_str);
        let sent = without(&desired, yielded);
        self.check_sent(&wish, &key, &sent);
        self.send(wish, Verb::Apply { key, sent, hash });
    }

    fn delete(&mut self, wish: Wish, object: &ObjectKey, propagation: Propagation) {
        let cache = &self.process.caches[wish.rendering.cluster];
        if cache.freshness_of(object) != Freshness::Current {
            return self.answer(&wish, Err(format!("{object} is not seen as it is now")));
        }
        let Some(live) = cache.get(object) else { return self.answer(&wish, Ok(())) };
        if live.application.as_ref() != Some(&wish.name) {
            return self.answer(&wish, Err(format!("{object} is not of {}", wish.name)));
        }
        let uid = live.object["metadata"]["uid"].as_str().unwrap_or_default().to_owned();
        let looked = Precondition { uid, version: live.version };
        self.check_deletion_sent(&wish, object);
        self.send(wish, Verb::Delete { key: object.clone(), looked, propagation });
    }

    fn send(&mut self, wish: Wish, verb: Verb) {
        self.check_order(&wish);
        let (process, expires) = (self.process.number, self.tick + ANSWER_TICKS_MAX);
        let network = &mut self.chances.network;
        let late = match self.storms.requests {
            false => 1,
            true if network.once_in(25) => ANSWER_TICKS_MAX + 1 + network.below(12),
            true => 1 + network.below(3),
        };
        let twice =
            self.storms.requests && matches!(wish.what, What::Delete { .. }) && network.once_in(15);
        let due = self.tick + late;
        let request = Request { wish, process, due, expires, is_answered: false, verb };
        if twice {
            let due = due + 1 + network.below(10);
            self.network.push(Request { due, is_answered: true, ..request.clone() });
        }
        self.network.push(request);
    }

    /// What has come to the clusters is done; what takes too long is given up, and comes all the same.
    pub(crate) fn deliver(&mut self) {
        let mut requests = std::mem::take(&mut self.network);
        for request in &mut requests {
            if !request.is_answered && request.expires <= self.tick && request.due > self.tick {
                request.is_answered = true;
                self.answer_request(request, Err("the cluster did not answer in time".into()));
            }
        }
        let (due, later): (Vec<Request>, Vec<Request>) =
            requests.into_iter().partition(|request| request.due <= self.tick);
        self.network = later;
        for request in due {
            self.arrive(&request);
        }
    }

    fn arrive(&mut self, request: &Request) {
        if request.is_answered || request.process != self.process.number {
            self.statistics.late_requests += 1;
        }
        let server = &self.clusters[request.wish.rendering.cluster].server;
        let refusal = if !server.is_reachable() {
            Some(Refusal::Unreachable)
        } else if self.tick < server.busy_until {
            Some(Refusal::Busy)
        } else {
            None
        };
        let outcome = match (refusal, &request.verb) {
            (Some(refusal), _) => Err(refusal),
            (None, Verb::Apply { key, sent, hash }) => self.arrive_apply(request, key, sent, *hash),
            (None, Verb::Delete { key, looked, propagation }) => {
                self.arrive_delete(request, key, looked.clone(), *propagation)
            }
        };
        let lost = self.storms.requests && self.chances.network.once_in(30);
        let outcome = match outcome {
            _ if lost => Err("the cluster did not answer in time".to_owned()),
            Ok(()) => Ok(()),
            Err(refusal) => Err(format!("{}: {refusal}", request.verb.key())),
        };
        self.answer_request(request, outcome);
    }

    fn arrive_apply(
        &mut self,
        request: &Request,
        key: &ObjectKey,
        sent: &Value,
        hash: u64,
    ) -> Result<(), Refusal> {
        let server = &mut self.clusters[request.wish.rendering.cluster].server;
        let (object, is_new) = server.apply(sent, BOUCLE, true, false)?;
        self.statistics.writes += 1;
        let is_late = request.is_answered || request.process != self.process.number;
        let name = &request.wish.name;
        if (is_late || !request.wish.is_act) && !self.git.applications[name].is_declared {
            self.left_behind.insert((name.clone(), key.clone()));
        }
        self.statistics.hooks += u64::from(is_new && key.kind == "Job");
        if !is_late {
            self.note_written(&request.wish, &object);
            if self.options.rules.own_writes {
                let cache = &mut self.process.caches[request.wish.rendering.cluster];
                cache.remember(key, &object, hash);
            }
        }
        Ok(())
    }

    fn arrive_delete(
        &mut self,
        request: &Request,
        key: &ObjectKey,
        mut looked: Precondition,
        propagation: Propagation,
    ) -> Result<(), Refusal> {
        let server = &mut self.clusters[request.wish.rendering.cluster].server;
        let rules = self.options.rules;
        for _ in 0..LOOKS_MAX {
            let before = server.get(key).cloned();
            let precondition = rules.preconditions.then_some(&looked);
            match server.delete(key, precondition, propagation) {
                Ok(()) => {
                    self.check_deleted(request, key, before.as_deref());
                    return Ok(());
                }
                Err(Refusal::NotFound) => return Ok(()),
                Err(Refusal::Conflict) => {}
                Err(refusal) => return Err(refusal),
            }
            if request.is_answered || request.process != self.process.number {
                break;
            }
            // Its status may have changed; whether it is still the same and still ours decides.
            let Some(now) = before else { return Ok(()) };
            let ours = now.application(key) == Some(request.wish.name.as_str());
            if now.uid() != looked.uid || !ours {
                break;
            }
            looked.version = version_of(now.body());
        }
        self.statistics.changed_meanwhile += 1;
        Err(Refusal::Conflict)
    }

    fn answer_request(&mut self, request: &Request, outcome: Result<(), String>) {
        if request.process == self.process.number {
            self.answer(&request.wish, outcome);
        }
    }

    /// The synchronisation that waits for it hears it, once.
    fn answer(&mut self, wish: &Wish, outcome: Result<(), String>) {
        let Some(running) = self.process.operations.get_mut(&wish.name) else { return };
        if !wish.is_act || running.plan.generation != wish.generation {
            return;
        }
        if let Some((act, _)) = running.outstanding.remove(&wish.number) {
            running.answers.push((act, outcome));
        }
    }

    /// What the cluster made of a step, so that it can be told whether that became healthy.
    fn note_written(&mut self, wish: &Wish, object: &Value) {
        let Some(running) = self.process.operations.get_mut(&wish.name) else { return };
        let act = running.outstanding.get(&wish.number).map(|(act, _)| *act);
        if let (true, Some(deployments::Act::Apply(index))) = (wish.is_act, act) {
            running.written.insert(index, identity(object));
        }
    }
}
