//! Incidents and notifications over folded facts: opened, acted on, resolved, told once.

use std::collections::BTreeSet;

use ledger::{
    Actor, ApplicationName, ArtifactDigest, CommitId, EnvironmentName, IncidentId, MemoryLedger,
    PullRequestNumber, RepositoryName, Subject, Timestamp, View,
};
use monitoring::incident::{NothingReason, decide};
use monitoring::notification::{due, next_retry_at};
use monitoring::{
    Assessment, Case, IncidentAction, IncidentDecision, IncidentInputs, MonitoringFact,
    MonitoringView, Notification, NotificationEvent, NotificationInputs, NotificationTarget,
    Resolution, Suspect, Verdict,
};

fn application() -> ApplicationName {
    ApplicationName::new("hello-production").unwrap()
}

fn environment() -> EnvironmentName {
    EnvironmentName::new("production").unwrap()
}

fn commit(letter: &str) -> CommitId {
    CommitId::new(letter.repeat(40)).unwrap()
}

fn sick() -> Vec<Case> {
    vec![Case::RestartsTooMany { restarts: 9, allowed: 2 }]
}

fn suspect() -> Suspect {
    Suspect {
        repository: RepositoryName::new("demo/hello").unwrap(),
        commit: commit("b"),
        author: Some("Ada".into()),
        pull_request: Some(PullRequestNumber(3)),
        digest: None,
        previous: Some(commit("a")),
    }
}

/// A ledger with the view folded from it.
#[derive(Default)]
struct World {
    ledger: MemoryLedger,
    view: MonitoringView,
    /// What receivers want to know.
    events: BTreeSet<NotificationEvent>,
}

impl World {
    fn new() -> Self {
        Self { events: NotificationEvent::all(), ..Self::default() }
    }

    fn record(&mut self, at: i64, fact: &MonitoringFact) {
        let actor = Actor::system("monitoring");
        let draft = ledger::Draft::new(Timestamp(at), actor, Subject::server(), fact);
        for fact in self.ledger.append(vec![draft]).expect("appended") {
            self.view.apply(fact);
        }
        let mut folded = MonitoringView::default();
        self.ledger.facts().iter().for_each(|fact| folded.apply(fact));
        assert_eq!(folded, self.view, "a view is a fold");
        let stored = serde_json::to_string(&self.view).expect("stored");
        assert_eq!(serde_json::from_str::<MonitoringView>(&stored).expect("read"), self.view);
    }

    fn decide(&self, revision: &str, verdict: Verdict, cases: Vec<Case>) -> IncidentDecision {
        decide(&IncidentInputs {
            application: application(),
            environment: environment(),
            revision: Some(commit(revision)),
            assessment: Some(Assessment { verdict, cases, until: Timestamp(0) }),
            suspect: Some(suspect()),
            view: &self.view,
        })
    }

    fn due(&self, at: i64) -> Vec<Notification> {
        let target = |name: &str, applications| NotificationTarget {
            name: name.into(),
            applications,
            events: self.events.clone(),
        };
        let other = ApplicationName::new("other").unwrap();
        due(&NotificationInputs {
            view: &self.view,
            targets: vec![target("team", Vec::new()), target("others", vec![other])],
            as_of: Timestamp(at),
            base_url: "http://127.0.0.1:1".into(),
        })
    }

    #[track_caller]
    fn deliver(&mut self, at: i64, change: &str) -> Notification {
        let due = self.due(at);
        let [notification] = due.as_slice() else { panic!("one is due: {due:?}") };
        assert_eq!(notification.body.change, change);
        let fact = MonitoringFact::NotificationDelivered {
            target: notification.target.clone(),
            change: notification.change,
        };
        self.record(at, &fact);
        assert_eq!(self.due(at), [], "once is enough");
        due[0].clone()
    }
}

#[test]
fn missing_data_takes_back_no_verdict() {
    let mut world = World::new();
    let mut check = |at, generation, verdict, conclusion| {
        world.record(
            at,
            &MonitoringFact::Assessed {
                application: application(),
                environment: environment(),
                revision: commit("a"),
                generation,
                verdict,
                cases: Vec::new(),
            },
        );
        let newest = world.view.assessment(&application()).expect("it was assessed");
        assert_eq!(newest.conclusion(), conclusion, "at {at}");
    };
    check(1, 1, Verdict::Inconclusive, None);
    check(2, 1, Verdict::Healthy, Some(Verdict::Healthy));
    check(3, 1, Verdict::Inconclusive, Some(Verdict::Healthy));
    check(4, 1, Verdict::Inconclusive, Some(Verdict::Healthy));
    check(5, 2, Verdict::Inconclusive, None);
    check(6, 1, Verdict::Sick, Some(Verdict::Sick));
    check(7, 1, Verdict::Inconclusive, Some(Verdict::Sick));
}

#[test]
fn an_incident_from_its_beginning_to_its_end() {
    let mut world = World::new();
    let nothing = IncidentDecision::Nothing;
    for verdict in [Verdict::Healthy, Verdict::Inconclusive] {
        assert_eq!(world.decide("b", verdict, vec![]), nothing(NothingReason::NothingSick));
    }
    let IncidentDecision::Open(opened) = world.decide("b", Verdict::Sick, sick()) else {
        panic!("a sick deployment opens an incident")
    };
    world.record(1000, &opened);
    let told = world.deliver(1000, "incident-opened");
    assert_eq!(told.body.suspect.as_ref().unwrap().pull_request, Some(3));
    assert!(told.body.cases[0].contains("restarted 9 times"), "{:?}", told.body.cases);
    let links: Vec<_> = told.body.links.iter().map(|link| link.url.as_str()).collect();
    assert_eq!(
        links,
        [
            "http://127.0.0.1:1/incidents/1",
            "http://127.0.0.1:1/repositories/demo/hello/pull-requests/3"
        ]
    );

    // The same cases are no news; other cases are, but nobody is told again.
    assert_eq!(world.decide("b", Verdict::Sick, sick()), nothing(NothingReason::NothingNew));
    let more = vec![Case::WorkloadDegraded { reason: "gone".into() }];
    let IncidentDecision::Update(updated) = world.decide("b", Verdict::Sick, more) else {
        panic!("new cases update it")
    };
    world.record(2000, &updated);
    assert_eq!(world.due(2000), []);

    let action = Some(IncidentAction::Reverted { commit: commit("c") });
    let incident = IncidentId(1);
    world.record(3000, &MonitoringFact::IncidentUpdated { incident, cases: sick(), action });
    world.deliver(3000, "incident-reverted");

    // Not knowing ends nothing.
    assert_eq!(
        world.decide("c", Verdict::Inconclusive, vec![]),
        nothing(NothingReason::NotYetHealthy)
    );
    let resolution = Resolution::HealthyRevision { revision: commit("c") };
    let expected = MonitoringFact::IncidentResolved { incident, resolution };
    let resolved = world.decide("c", Verdict::Healthy, vec![]);
    assert_eq!(resolved, IncidentDecision::Resolve(expected.clone()));
    world.record(9000, &expected);
    let told = world.deliver(9000, "incident-resolved");
    assert_eq!(told.body.text, "hello-production is healthy again in production after 8 s");
    assert_eq!(told.body.actions, ["reverted"]);
    assert_eq!(world.view.next_incident(), IncidentId(2));
}

#[test]
fn an_incident_ends_with_its_application_or_by_itself() {
    let mut world = World::new();
    let IncidentDecision::Open(opened) = world.decide("b", Verdict::Sick, sick()) else {
        panic!("opens")
    };
    world.record(1000, &opened);
    let incident = IncidentId(1);
    let resolution = Resolution::Recovered;
    assert_eq!(
        world.decide("b", Verdict::Healthy, vec![]),
        IncidentDecision::Resolve(MonitoringFact::IncidentResolved { incident, resolution })
    );
    let gone = decide(&IncidentInputs {
        application: application(),
        environment: environment(),
        revision: None,
        assessment: None,
        suspect: None,
        view: &world.view,
    });
    let resolution = Resolution::ApplicationRemoved;
    let removed = MonitoringFact::IncidentResolved { incident, resolution };
    assert_eq!(gone, IncidentDecision::Resolve(removed));
}

#[test]
fn a_receiver_that_is_away_is_asked_again_and_then_given_up() {
    let mut world = World::new();
    let IncidentDecision::Open(opened) = world.decide("b", Verdict::Sick, sick()) else {
        panic!("opens")
    };
    world.record(0, &opened);
    let mut at = 0;
    let mut waits = Vec::new();
    while let Some(notification) = world.due(at).pop() {
        assert_eq!(notification.body.id, "change-1", "the receiver can drop repetitions");
        let fact = MonitoringFact::NotificationFailed {
            target: notification.target,
            change: notification.change,
            attempt: notification.attempt,
            problem: "away".into(),
        };
        world.record(at, &fact);
        assert_eq!(world.due(at), [], "not at once");
        let Some(next) = next_retry_at(&world.view) else { break };
        assert_eq!(world.due(next.0 - 1), [], "not early");
        waits.push((next.0 - at) / 1000);
        at = next.0;
    }
    assert_eq!(waits, [5, 10, 20, 40, 80, 160, 300, 300, 300]);
}

#[test]
fn old_news_is_not_told() {
    let mut world = World::new();
    let IncidentDecision::Open(opened) = world.decide("b", Verdict::Sick, sick()) else {
        panic!("opens")
    };
    world.record(0, &opened);
    assert_eq!(world.due(3_600_000).len(), 1);
    assert_eq!(world.due(3_600_001).len(), 0);
}

#[test]
fn evidence_follows_the_revision_into_the_incident() {
    let mut world = World::new();
    let assessed = |verdict, at: i64| {
        (
            at,
            MonitoringFact::Assessed {
                application: application(),
                environment: environment(),
                revision: commit("b"),
                generation: 4,
                verdict,
                cases: Vec::new(),
            },
        )
    };
    for (at, fact) in [
        assessed(Verdict::Inconclusive, 100),
        assessed(Verdict::Sick, 200),
        assessed(Verdict::Sick, 300),
    ] {
        world.record(at, &fact);
    }
    let kept = world.view.assessment_of(&application(), &commit("b")).expect("kept");
    assert_eq!((kept.since, kept.at), (Timestamp(200), Timestamp(300)));
    assert_eq!(world.view.assessments[&application()].len(), 1);

    let digest = ArtifactDigest::new(format!("sha256:{}", "1".repeat(64))).unwrap();
    let save = MonitoringFact::EvidenceSaved {
        application: application(),
        environment: environment(),
        revision: commit("b"),
        digest: digest.clone(),
        summary: vec!["3 probe answers".into()],
        contents: vec![],
    };
    world.record(400, &save);
    let IncidentDecision::Open(opened) = world.decide("b", Verdict::Sick, sick()) else {
        panic!("opens")
    };
    world.record(500, &opened);
    let (_, incident) = world.view.open_incident(&application()).expect("open");
    assert_eq!(incident.evidence[0].digest, digest);
    assert_eq!(world.due(500)[0].body.evidence, [digest.to_string()]);
}

#[test]
fn a_receiver_hears_only_what_it_asked_for() {
    for (wanted, expected) in [
        (NotificationEvent::Incident, "incident-opened"),
        (NotificationEvent::Recovery, "incident-resolved"),
    ] {
        let mut world = World { events: [wanted].into(), ..World::default() };
        let IncidentDecision::Open(opened) = world.decide("b", Verdict::Sick, sick()) else {
            panic!("a sick deployment opens an incident")
        };
        world.record(1000, &opened);
        let IncidentDecision::Resolve(resolved) = world.decide("b", Verdict::Healthy, vec![])
        else {
            panic!("a healthy one resolves it")
        };
        world.record(2000, &resolved);
        world.deliver(3000, expected);
    }
}
