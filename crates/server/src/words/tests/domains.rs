//! The reasons of the domains.

use control::reasons::{HoldReason, PromotionRefusal, RollbackRefusal, WaitReason};
use deployments::project::{ProjectRefusal, WindowKind, WindowWait};
use deployments::{
    ActionRefusal, BlockReason, Chart, ChartProblem, CredentialOf, CredentialTrouble,
    DependencyWait, ObjectKey,
};
use ledger::{
    Actor, ApplicationName, ArtifactDigest, CommitId, EnvironmentName, IncidentId,
    PullRequestNumber, RefName, RepositoryName, RunId, Timestamp,
};
use monitoring::{Case, Severity, UnknownReason};
use pipelines::facts::{Conclusion, JobKey};
use pipelines::gate::GateReason;
use pipelines::run::reasons::{AncestorResult, CancelReason, EndReason, WaitReason as RunWait};
use pipelines::trigger::SkipReason;
use repositories::access::{DenialReason, Denied, Permission, Resource, Role};
use repositories::facts::CheckState;
use repositories::policy::MergeMethod;
use repositories::push::PushReason;
use repositories::reasons::{MergeReason, Resolver};

use super::super::{PushNote, Said, Who};
use super::{check, check_all};

fn environment() -> EnvironmentName {
    EnvironmentName::new("staging").expect("a name")
}

fn commit() -> CommitId {
    CommitId::new("4b82".repeat(10)).expect("an id")
}

fn digest() -> ArtifactDigest {
    ArtifactDigest::new(format!("sha256:{}", "ab".repeat(32))).expect("a digest")
}

fn branch() -> RefName {
    RefName::new("refs/heads/main").expect("a name")
}

fn object() -> ObjectKey {
    let manifest = serde_json::json!({
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "hello"},
    });
    ObjectKey::of(&manifest, "production").expect("an object")
}

fn text() -> String {
    "x".into()
}

#[test]
fn the_loop() {
    check_all(&[
        WaitReason::GateOpen { gate: text() },
        WaitReason::NotDeployedBefore { environment: environment() },
        WaitReason::NotVerifiedBefore { environment: environment(), verdict: text() },
        WaitReason::ApprovalMissing { environment: environment() },
        WaitReason::PullRequestWaiting {
            number: PullRequestNumber(3),
            why: "it is a draft".into(),
        },
        WaitReason::EarlierPromotionRunning { digest: digest() },
    ]);
    check_all(&[
        HoldReason::Quarantined { incident: Some(IncidentId(2)) },
        HoldReason::Quarantined { incident: None },
        HoldReason::ChosenByPerson { actor: Actor::person("ada") },
        HoldReason::Frozen { incident: Some(IncidentId(2)) },
    ]);
    check_all(&[
        PromotionRefusal::NotPublished,
        PromotionRefusal::Quarantined { incident: None },
        PromotionRefusal::AlreadyThere,
        PromotionRefusal::OnItsWay,
        PromotionRefusal::NotYet(WaitReason::GateOpen { gate: text() }),
    ]);
    check_all(&[
        RollbackRefusal::NotSick,
        RollbackRefusal::Inconclusive,
        RollbackRefusal::NotDeployed { assessed: 1, running: 2 },
        RollbackRefusal::NewerChangeOnItsWay { commit: commit() },
        RollbackRefusal::RollbackOfRollback { commit: commit() },
        RollbackRefusal::NoHealthyRevision,
        RollbackRefusal::WindowUsed { until: Timestamp(0) },
        RollbackRefusal::AlreadyFrozen,
        RollbackRefusal::AwaitingAnswer,
        RollbackRefusal::ChangedElsewhere { commit: commit() },
    ]);
}

#[test]
fn verdicts_are_words() {
    for (verdict, expected) in
        [("healthy", "saine"), ("inconclusive", "indécise"), ("sick", "malade"), ("odd", "odd")]
    {
        let reason =
            WaitReason::NotVerifiedBefore { environment: environment(), verdict: verdict.into() };
        let french = reason.french();
        assert!(
            french.contains(&format!("vérification est\u{a0}: {expected}\u{202f};")),
            "{french}"
        );
    }
}

#[test]
fn actions() {
    let (action, parameter) = (text, text);
    let known = || vec![text(), text()];
    for refusal in [
        ActionRefusal::Secret,
        ActionRefusal::Unknown { action: action(), offered: Vec::new() },
        ActionRefusal::Unknown { action: action(), offered: known() },
        ActionRefusal::Disabled { action: action() },
        ActionRefusal::UnknownParameter { parameter: parameter(), known: Vec::new() },
        ActionRefusal::UnknownParameter { parameter: parameter(), known: known() },
        ActionRefusal::MissingParameter { parameter: parameter() },
        ActionRefusal::NoWholeNumber { parameter: parameter() },
        ActionRefusal::Script { problem: text() },
        ActionRefusal::SetByGit { fields: known() },
        ActionRefusal::OtherObject { object: text() },
        ActionRefusal::NoChange,
    ] {
        check(&refusal);
    }
    for refusal in refusals() {
        check(&ActionRefusal::NotPermitted { refusal });
    }
}

#[test]
fn charts() {
    let chart = Chart::of_dependency("https://c.example", "web", "1.2.3").expect("a chart");
    check_all(&[
        ChartProblem::Fetching { chart: chart.clone() },
        ChartProblem::HostNotNamed { chart: chart.clone(), host: text() },
        ChartProblem::Unavailable { chart: chart.clone(), message: text() },
        ChartProblem::Refused { chart: chart.clone(), message: text() },
        ChartProblem::Changed { chart: chart.clone(), known: text(), found: text() },
        ChartProblem::CredentialUndeclared { chart: chart.clone() },
    ]);
    for trouble in [
        CredentialTrouble::Missing,
        CredentialTrouble::ForOthers,
        CredentialTrouble::Elsewhere { given: text() },
        CredentialTrouble::Tokens { host: text() },
        CredentialTrouble::Refused { host: text(), status: 401 },
    ] {
        let repository = RepositoryName::new("team/fleet").expect("a name");
        let of = CredentialOf { repository, secret: text(), url: text() };
        check(&ChartProblem::Credential { chart: chart.clone(), of, trouble });
    }
}

fn refusals() -> [ProjectRefusal; 9] {
    let source = |denied_by| ProjectRefusal::Source { repository: text(), denied_by };
    let destination = |denied_by| {
        let (place, namespace) = (text(), text());
        ProjectRefusal::Destination { place, namespace, denied_by }
    };
    let kind = |is_denied, cluster_scoped| {
        let object = object();
        ProjectRefusal::Kind { object, is_denied, cluster_scoped }
    };
    [
        source(Some(text())),
        source(None),
        destination(Some(text())),
        destination(None),
        ProjectRefusal::Namespace { object: object() },
        kind(true, true),
        kind(false, false),
        kind(false, true),
        ProjectRefusal::ServiceAccount { place: text(), namespace: text() },
    ]
}

fn holder() -> deployments::Holder {
    let [kind, namespace, name, cluster] = [text(), text(), text(), text()];
    deployments::Holder { kind, namespace, name, cluster }
}

fn waits_for(wait: DependencyWait) -> BlockReason {
    let application = ApplicationName::new("hello").expect("a name");
    BlockReason::WaitsForDependency { application, wait }
}

#[test]
fn deployments() {
    let objects = || vec![object(), object()];
    check_all(&[
        BlockReason::ClusterUnavailable { address: text() },
        BlockReason::InventoryMissing { what: text() },
        BlockReason::InventoryStale { as_of: Timestamp(0) },
        BlockReason::NotAnObject { document: 1 },
        BlockReason::DuplicateObject { object: object() },
        BlockReason::UnknownKind { object: object() },
        BlockReason::InvalidManifest { object: object(), message: text() },
        BlockReason::InvalidOrder { object: object(), message: text() },
        BlockReason::NamespaceMissing { object: object() },
        BlockReason::OwnedByAnother { object: object(), application: text() },
        BlockReason::MassDeletion { deletions: objects(), existing: 3, allowed: 1 },
        BlockReason::WouldDeleteEverything { deletions: objects() },
        BlockReason::MassRemoval { deletions: objects(), together: 2, of: 3 },
        BlockReason::DeletionNeedsConfirmation { deletions: objects() },
        BlockReason::ManualSync { changes: 1 },
        BlockReason::Held { holder: holder(), by: text() },
        BlockReason::SelfHealOff { objects: objects() },
        BlockReason::RepairLater { objects: objects(), until: Timestamp(0) },
        BlockReason::RetryLater { failures: 2, until: Timestamp(0), problem: text() },
        BlockReason::RetriesExhausted { failures: 5, problem: text() },
        BlockReason::ArtifactNotPromoted { artifact: text(), environment: environment() },
        BlockReason::ProjectMissing { project: text() },
        waits_for(DependencyWait::Missing),
        waits_for(DependencyWait::BeingRemoved),
        BlockReason::WaitsForStep {
            wait: deployments::StepWait {
                set: text(),
                step: 2,
                application: ApplicationName::new("hello").expect("a name"),
                wait: DependencyWait::NotSynchronised,
            },
        },
        waits_for(DependencyWait::NotRendered),
        waits_for(DependencyWait::Blocked),
        waits_for(DependencyWait::NotSynchronised),
        waits_for(DependencyWait::NotHealthy { status: deployments::HealthStatus::Degraded }),
        BlockReason::SetRemovesMany { set: text(), removals: objects(), existing: 3 },
    ]);
    let window = |kind, until, manual| BlockReason::SyncWindow {
        wait: WindowWait { project: text(), kind, schedule: text(), until, manual },
    };
    let mut reasons = vec![
        window(WindowKind::Deny, Some(Timestamp(0)), true),
        window(WindowKind::Deny, None, false),
        window(WindowKind::Allow, Some(Timestamp(0)), false),
    ];
    let refused = |refusal| BlockReason::ProjectRefuses { project: text(), refusal };
    reasons.extend(refusals().map(refused));
    check_all(&reasons);
    let wait = |reason| deployments::Wait {
        object: object(),
        phase: deployments::Phase::Sync,
        wave: 1,
        reason,
    };
    check_all(&[
        wait(deployments::WaitReason::Health {
            status: deployments::HealthStatus::Progressing,
            message: text(),
        }),
        wait(deployments::WaitReason::Hook { message: text() }),
        wait(deployments::WaitReason::Deletion),
    ]);
}

#[test]
fn watching() {
    check_all(&[
        Case::WorkloadDegraded { reason: text() },
        Case::RestartsTooMany { restarts: 4, allowed: 3 },
        Case::ProbeFailing { probe: text(), failures: 3, last_answer: text() },
        Case::ObjectiveBurning {
            objective: text(),
            severity: Severity::Page,
            burn_thousandths: 14_400,
            factor_thousandths: 6_000,
            long_window_ms: 3_600_000,
            short_window_ms: 90_000,
            query: text(),
        },
        Case::BurningBefore { objective: text(), since: Timestamp(0) },
        Case::WorkloadProgressing,
        Case::WorkloadUnknown { reason: text() },
        Case::ProbeSilent { probe: text() },
        Case::ObjectiveUnknown { objective: text(), reason: UnknownReason::NoData },
        Case::ScrapeFailing { target: text(), problem: text() },
        Case::LittleTraffic { requests: Some(1), needed: 20 },
        Case::LittleTraffic { requests: None, needed: 20 },
        Case::WindowOpen { until: Timestamp(0) },
        Case::ClockBehind { deployed_at: Timestamp(0) },
    ]);
    check_all(&[
        UnknownReason::NoData,
        UnknownReason::NotAShare,
        UnknownReason::LittleTraffic,
        UnknownReason::QueryFailed,
        UnknownReason::NoRules,
    ]);
}

#[test]
fn numbers_and_spans_are_french() {
    for (burn_thousandths, long_window_ms, expected) in [
        (14_400, 3_600_000, "14,4 fois plus vite que permis sur 1\u{a0}h"),
        (6_000, 90_000, "6 fois plus vite que permis sur 90\u{a0}s"),
        (1_050, 300_000, "1,05 fois plus vite que permis sur 5\u{a0}min"),
        (250, 172_800_000, "0,25 fois plus vite que permis sur 2\u{a0}j"),
        (1_000, 1_500, "1 fois plus vite que permis sur 1500\u{a0}ms"),
    ] {
        let case = Case::ObjectiveBurning {
            objective: text(),
            severity: Severity::Ticket,
            burn_thousandths,
            factor_thousandths: 1_000,
            long_window_ms,
            short_window_ms: 1_000,
            query: text(),
        };
        assert!(case.french().contains(expected), "{}", case.french());
    }
}

#[test]
fn merges() {
    let (run, state) = (Some(RunId(7)), CheckState::Failure);
    let many: Vec<String> = (0..7).map(|number| format!("file-{number}")).collect();
    check_all(&[
        MergeReason::AlreadyMerged,
        MergeReason::Closed,
        MergeReason::Draft,
        MergeReason::MethodNotAllowed {
            method: MergeMethod::Squash,
            allowed: vec![MergeMethod::Merge],
        },
        MergeReason::UnrelatedHistory { target: branch() },
        MergeReason::NothingToMerge,
        MergeReason::OutOfDate { target: branch() },
        MergeReason::Conflicts { target: branch(), paths: many.clone() },
        MergeReason::InvalidConfiguration { file: text(), line: 3, column: 1, problem: text() },
        MergeReason::InvalidConfiguration { file: text(), line: 0, column: 0, problem: text() },
        MergeReason::ApprovalsMissing { have: 0, need: 1, stale: vec![] },
        MergeReason::ApprovalsMissing { have: 1, need: 2, stale: vec![text()] },
        MergeReason::ProtectedPathApprovals { paths: many.clone(), have: 2, need: 3 },
        MergeReason::ChangesRequested { by: text() },
        MergeReason::CodeOwnerMissing {
            pattern: text(),
            line: 2,
            owners: vec![text(), text()],
            paths: many,
        },
        MergeReason::CheckMissing { name: text() },
        MergeReason::CheckPending { name: text(), state: CheckState::Running, run: None },
        MergeReason::CheckFailed { name: text(), state, run },
    ]);
    for resolver in [
        Resolver::Author,
        Resolver::Reviewers,
        Resolver::CodeOwners,
        Resolver::Pipeline,
        Resolver::Merger,
        Resolver::Nobody,
    ] {
        check(&Who(resolver));
    }
}

#[test]
fn long_lists_say_how_many_more() {
    let paths: Vec<String> = (1..=7).map(|number| number.to_string()).collect();
    let french = MergeReason::Conflicts { target: branch(), paths }.french();
    assert!(french.contains("dans 1, 2, 3, 4, 5 et 2 de plus\u{202f};"), "{french}");
}

#[test]
fn pushes() {
    let denied = |reason| Denied {
        actor: Actor::person("ada"),
        permission: Permission::Merge,
        resource: Resource::Server,
        reason,
    };
    let needed = Role::Admin;
    let reasons = [
        PushReason::AccessDenied { denied: denied(DenialReason::RoleTooSmall { needed }) },
        PushReason::InvalidRefName { name: text() },
        PushReason::RefNotOpenToPush { name: text() },
        PushReason::ProtectedBranch { branch: text() },
        PushReason::DefaultBranchDeletion { branch: text() },
        PushReason::NonFastForward { name: text() },
        PushReason::TagExists { name: text() },
        PushReason::Stale { name: text() },
        PushReason::NotACommit { name: text() },
        PushReason::UnknownTarget { name: text() },
        PushReason::UnrelatedHistory { target: branch() },
        PushReason::NothingNew { target: branch() },
        PushReason::PatchSetNotAsked { number: PullRequestNumber(4) },
        PushReason::DuplicateRef { name: text() },
        PushReason::FileTooLarge { path: text(), bytes: 2, limit_bytes: 1 },
        PushReason::UnknownOption { option: text() },
        PushReason::AtomicPushRefused,
    ];
    check_all(&reasons);
    check_all(&[
        DenialReason::NotAuthenticated,
        DenialReason::Expired,
        DenialReason::OutOfScope,
        DenialReason::RoleTooSmall { needed },
    ]);
    check(&PushNote::Opened { number: PullRequestNumber(4), title: "x" });
    check(&PushNote::PatchSet { number: PullRequestNumber(4), patch_set: 2 });
    for reason in &reasons {
        check(&PushNote::Refused { reference: "refs/heads/main", reason });
    }
}

#[test]
fn runs() {
    let job = || JobKey::new("test", Some(1));
    check_all(&[
        RunWait::Needs { jobs: vec![text()] },
        RunWait::ConcurrencyGroup { group: text(), holder: RunId(1), holder_job: None },
        RunWait::ConcurrencyGroup { group: text(), holder: RunId(1), holder_job: Some(job()) },
        RunWait::MaxParallel { limit: 2 },
        RunWait::Runner,
    ]);
    let ancestors = [Conclusion::Failure, Conclusion::Cancelled, Conclusion::Skipped];
    let ancestors = ancestors.map(|result| AncestorResult { job: text(), result }).to_vec();
    check_all(&[
        EndReason::NeedsNotSucceeded { ancestors: ancestors.clone() },
        EndReason::ConditionFalse { condition: text() },
        EndReason::StepFailed { step: 0, name: text(), detail: text() },
        EndReason::Cancelled { reason: CancelReason::Outdated },
        EndReason::TimedOut { minutes: 5 },
        EndReason::FailFast { failed: job() },
        EndReason::Interrupted,
        EndReason::InvalidExpression { key: text(), message: text() },
        EndReason::InvalidJob { message: text() },
        EndReason::CalledJobs { jobs: ancestors },
        EndReason::NotSupported { parts: vec![text()] },
        EndReason::RunnerProblem { message: text() },
    ]);
    check_all(&[
        CancelReason::Requested { by: text() },
        CancelReason::Superseded { group: text(), by: RunId(2) },
        CancelReason::Outdated,
    ]);
    check_all(&[
        SkipReason::EventNotListed { event: text() },
        SkipReason::ActivityNotListed { activity: text() },
        SkipReason::RefDeleted { reference: text() },
        SkipReason::BranchFiltered { branch: text() },
        SkipReason::TagFiltered { tag: text() },
        SkipReason::PathsFiltered { changed: 2 },
        SkipReason::NotAskedFor,
        SkipReason::InputUnknown { input: text() },
        SkipReason::InputMissing { input: text() },
        SkipReason::InputInvalid { input: text(), expected: text() },
    ]);
    check_all(&[
        GateReason::NoRun { check: text() },
        GateReason::Unfinished { check: text(), run: RunId(1) },
        GateReason::NotSucceeded { check: text(), run: RunId(1), conclusion: Conclusion::Failure },
    ]);
}

#[test]
fn an_application_is_named() {
    let application = ApplicationName::new("hello").expect("a name");
    let worst = Case::WorkloadProgressing;
    let title = super::super::Title { application: &application, worst: Some(&worst) };
    assert_eq!(title.french(), format!("hello est malade\u{a0}: {}", worst.french()));
    check(&title);
}
