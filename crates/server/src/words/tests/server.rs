//! What the server itself says: refusals, notes, findings.

use deployments::application_set::{LeftOut, Origin, PullRequestId, WhyLeftOut};
use deployments::{DependencyProblem, ObjectKey};
use std::io;

use database::AppendError;
use git_store::{RefUpdateError, StoreError};
use ledger::{
    AppendRefusal, ApplicationName, ArtifactDigest, CommitId, EnvironmentName, InvalidId, ObjectId,
    PullRequestNumber, RefName, RepositoryName, Subject, Timestamp, TreeId,
};
use monitoring::EvidenceContent;
use pipelines::workflow::{Problem, ProblemCode};
use render::sops::AgeKeysError;
use repositories::secrets::NoBoundSecret;

use super::super::files::Unplaced;
use super::super::{
    CheckNote, ClusterLacks, ClusterRefuses, ConfigurationProblem, Finding, Malformed, Missing,
    Next, NotTried, Note, Obstacle, Orphans, PasskeyObstacle, RenderFailed, RepeatedObject, Said,
    Step, Trouble, WaitsForRoom, WhyNotTried, workflow_reason,
};
use super::{check, check_all};
use crate::http::problem::Refusal;
use crate::language::{Language, speaking};

#[test]
fn requests_that_are_malformed() {
    let (parameter, one, other, given) = ("order", "newest", "oldest", "x");
    for said in [
        Malformed::OldProtocol,
        Malformed::ContentType { expected: "x" },
        Malformed::GitData(&"x"),
        Malformed::BodyTooLarge { bytes_max: 1 },
        Malformed::Body(&"x"),
        Malformed::Address(&"x"),
        Malformed::Query(&"x"),
        Malformed::ClusterAddress("x"),
        Malformed::ChartsAddress("x"),
        Malformed::TwoUses,
        Malformed::AgeKeys(&AgeKeysError::Empty),
        Malformed::AgeKeys(&AgeKeysError::Line { line: 2 }),
        Malformed::Limit { max: 1, given: 2 },
        Malformed::Cursor,
        Malformed::Days { max: 1, given: 2 },
        Malformed::Neither { parameter, one, other, given },
        Malformed::SearchedTooShort { min: 2 },
        Malformed::Time("x"),
        Malformed::ActorName("x"),
        Malformed::SubjectName("x"),
        Malformed::AccountName("x"),
        Malformed::InvitationWithoutWayIn,
        Malformed::Password { characters_min: 8, bytes_max: 72 },
        Malformed::EmptyComment,
        Malformed::PathWithoutLine,
        Malformed::LineZero,
        Malformed::Edit { title_max: 200 },
        Malformed::NoFile("x"),
        Malformed::NotHeldBack("x"),
    ] {
        check(&said);
    }
}

#[test]
fn obstacles() {
    let action_failed = |written: Option<&'static dyn std::fmt::Display>, is_unknown| {
        Obstacle::ActionFailed { object: &"x", written, is_unknown, error: &"y" }
    };
    let (number, paths) = (PullRequestNumber(3), ["a".to_owned(), "b".to_owned()]);
    for said in [
        Obstacle::SignInWaits { name: "ada", until: Timestamp(0) },
        Obstacle::WrongPassword,
        Obstacle::AccountExists("ada"),
        Obstacle::OtherMachine,
        Obstacle::SetupUsed,
        Obstacle::ForeignName("x"),
        Obstacle::ForeignPage("x"),
        Obstacle::NoPage,
        Obstacle::TooManySecrets { max: 100 },
        Obstacle::NotDelivered { url: "http://x", error: &"x" },
        Obstacle::NoSigningSecret { name: "X", repository: &"a/b" },
        Obstacle::RepositoryExists(&"x"),
        Obstacle::FileChanged("x"),
        Obstacle::ProtectedSource(&"main"),
        Obstacle::NotOpen(number),
        Obstacle::NotQueued(number),
        Obstacle::NewerPatchSet { number, head: &"x" },
        Obstacle::MergeWaits { number, things: 1 },
        Obstacle::MergeWaits { number, things: 2 },
        Obstacle::NothingToMerge(number),
        Obstacle::MergeConflicts { number, paths: &paths },
        Obstacle::UnrelatedHistory(&"x"),
        Obstacle::NothingNew(&"x"),
        Obstacle::RunNotEnded(1),
        Obstacle::WorkflowCannotRun,
        Obstacle::Overlay(&"x"),
        Obstacle::CannotBePromoted { artifact: "x", environment: &"y" },
        Obstacle::NotRendered(&"x"),
        Obstacle::NoEnvironment(&"x"),
        Obstacle::NothingUnderWay(&"x"),
        Obstacle::NoActionsHere(&"x"),
        Obstacle::ObjectChanged(&"x"),
        Obstacle::AmbiguousObject { object: &"x", names: &"y" },
        action_failed(None, false),
        action_failed(None, true),
        action_failed(Some(&"z"), false),
        action_failed(Some(&"z"), true),
        Obstacle::ClusterSilent(&"x"),
        Obstacle::NothingRuns,
        Obstacle::CannotRollBack(&"x"),
        Obstacle::NotRolledBack(&"x"),
        Obstacle::NotRolledBackYet(&"x"),
        Obstacle::NothingToRevert,
        Obstacle::RevertConflicts(&paths),
        Obstacle::DiskFull(&"x"),
        Obstacle::Internal(&"x"),
    ] {
        check(&said);
    }
    check(&Next::ReadAgain);
    // A command is the same in every language.
    assert_eq!(Next::Status.french(), Next::Status.to_string());
}

#[test]
fn obstacles_of_passkeys() {
    for said in [
        PasskeyObstacle::WithPassword,
        PasskeyObstacle::Label { characters_max: 60 },
        PasskeyObstacle::NeedsName("127.0.0.1"),
        PasskeyObstacle::ChallengeOver,
        PasskeyObstacle::Unknown,
        PasskeyObstacle::Unproven(&"x"),
        PasskeyObstacle::Known,
        PasskeyObstacle::Full { max: 50 },
        PasskeyObstacle::LastWayIn("x"),
        PasskeyObstacle::NoAccount,
    ] {
        check(&said);
    }
}

#[test]
fn things_that_are_not_here() {
    for said in [
        Missing::Repository(&"x"),
        Missing::Cluster(&"x"),
        Missing::Reference(&"x"),
        Missing::Branch(&"x"),
        Missing::Revision(&"x"),
        Missing::Folder(&"x"),
        Missing::File(&"x"),
        Missing::Object { wanted: "commit", name: &"x" },
        Missing::Workflow(&"x"),
        Missing::Environment(&"x"),
        Missing::AnyEnvironment,
        Missing::Application(&"x"),
        Missing::Generation { generation: 1, application: &"x" },
        Missing::Replica(&"x"),
        Missing::PullRequest(&1),
        Missing::PatchSet { patch_set: 2, number: &1 },
        Missing::Run(1),
        Missing::Job { job: &"x", run: 1 },
        Missing::Attempt { attempt: 2, run: 1 },
        Missing::RunArtifact { name: &"x", run: 1 },
        Missing::Secret { name: &"X", repository: &"a/b" },
        Missing::NotificationRoute(&"x"),
        Missing::Incident(&1),
        Missing::Evidence,
        Missing::Token,
        Missing::Account,
        Missing::Passkey,
        Missing::Address(&"x"),
        Missing::Anything(&"x"),
    ] {
        check(&said);
    }
}

#[test]
fn errors_of_the_crates_below() {
    let io = || io::Error::other("x");
    for said in [
        StoreError::GitMissing(io()),
        StoreError::GitTooOld { found: "1.0".into() },
        StoreError::Git { command: "x".into(), complaint: "y".into() },
        StoreError::Files { what: "x".into(), source: io() },
        StoreError::Read { what: "x".into(), source: "y".into() },
        StoreError::NotFound { wanted: "commit", name: "x".into() },
        StoreError::InvalidPath { path: "..".into(), reason: "its link leaves the tree" },
        StoreError::TooLarge { what: "the file with the id x".into(), limit_bytes: 1 },
    ] {
        check(&said);
    }
    let name = || RefName::new("refs/heads/main").expect("a name");
    check(&RefUpdateError::Race { name: name(), expected: None, actual: None });
    check(&RefUpdateError::NameTaken { name: name(), existing: name() });
    let subject = Subject::server();
    let moved =
        || AppendRefusal::ParentMoved { subject: subject.clone(), expected: None, actual: None };
    check(&moved());
    check(&AppendError::Refused(moved()));
    check(&AppendError::Full);
    check(&AppendError::Closed);
}

/// The phrases belong to the types: one that changes there is missed here.
#[test]
fn what_an_id_looks_like_is_known_of_every_type() {
    for invalid in [
        ObjectId::new("?").expect_err("an id"),
        CommitId::new("?").expect_err("an id"),
        TreeId::new("?").expect_err("an id"),
        RepositoryName::new("?").expect_err("a name"),
        RefName::new("?").expect_err("a name"),
        EnvironmentName::new("?").expect_err("a name"),
        ApplicationName::new("?").expect_err("a name"),
        ArtifactDigest::new("?").expect_err("a digest"),
    ] {
        let french = InvalidId { text: "x".into(), expected: invalid.expected };
        check(&french);
        assert!(!french.french().contains(invalid.expected), "{}", invalid.expected);
    }
}

#[test]
fn a_pull_request_that_is_left_out() {
    let pull_request = PullRequestId {
        repository: RepositoryName::new("team/shop").expect("a name"),
        number: ledger::PullRequestNumber(7),
    };
    let (repository, branch) = (pull_request.repository.clone(), "A_B".to_owned());
    for (of, why) in [
        (Origin::PullRequest(pull_request), WhyLeftOut::Untrusted(ledger::Actor::person("kim"))),
        (Origin::Branch { repository, branch }, WhyLeftOut::NoName("x-A_B".into())),
    ] {
        let what = Trouble::LeftOut { set: "x".into(), left_out: LeftOut { of, why } };
        let (code, file) = ("pull-request-left-out", "apps/set.yaml".into());
        check_all(&[ConfigurationProblem { code, file, place: None, what }]);
    }
}

#[test]
fn services_that_give_no_parameters() {
    let said = |code, what| {
        let file = "apps/set.yaml".to_owned();
        check_all(&[ConfigurationProblem { code, file, place: None, what }]);
    };
    let (set, plugin, problem) = ("x".to_owned(), "z".to_owned(), "y".to_owned());
    said("duplicate-plugin", Trouble::PluginDeclaredTwice { plugin: plugin.clone() });
    let (waits, why) = (set.clone(), problem.clone());
    said("plugin-unanswered", Trouble::Unanswered { set: waits, problem: why });
    said("plugin-unheard", Trouble::Unheard { set, plugin, problem });
}

#[test]
fn files_that_are_wrong() {
    let file = "boucle.yaml".to_owned();
    let problem =
        |code, what| ConfigurationProblem { code, file: file.clone(), place: Some((3, 5)), what };
    let (application, other) = ("hello".to_owned(), "b.yaml".to_owned());
    let (environment, path) = ("staging".to_owned(), "x".to_owned());
    let hello = || ledger::ApplicationName::new("hello").expect("a name");
    let no_name = DependencyProblem::NoName { text: "x".into() };
    let unknown = DependencyProblem::Unknown { name: hello() };
    let cycle = DependencyProblem::Cycle { path: vec![hello(), hello()] };
    let steps = DependencyProblem::Steps { path: vec![hello(), hello()], set: "x".into() };
    check_all(&[
        problem("invalid-configuration", Trouble::Refused("x".into())),
        problem("duplicate-application", Trouble::DeclaredTwice { application, other }),
        problem("invalid-dependency", Trouble::Dependency(no_name)),
        problem("invalid-dependency", Trouble::Dependency(unknown)),
        problem("invalid-dependency", Trouble::Dependency(cycle)),
        problem("invalid-dependency", Trouble::Dependency(steps)),
        problem("duplicate-project", Trouble::ProjectDeclaredTwice { project: "x".into() }),
        problem("duplicate-application", Trouble::NameTaken { application: "x".into() }),
        problem("duplicate-cluster", Trouble::ClusterKnown { cluster: "x".into() }),
        problem("duplicate-charts", Trouble::ChartsDeclaredTwice { url: "x".into() }),
        problem("duplicate-customizations", Trouble::CustomizedTwice { other: "x".into() }),
        problem("overlay-missing", Trouble::OverlayMissing { environment, path }),
    ]);
    let placed = problem("invalid-configuration", Trouble::Refused("x".into())).reason();
    assert_eq!(placed.to_string(), "boucle.yaml:3:5: x [invalid-configuration]");
    check_all(&[RenderFailed(&"x")]);
    for problem in [
        NoBoundSecret::Missing,
        NoBoundSecret::ForOthers,
        NoBoundSecret::Elsewhere { given: "a".into() },
    ] {
        let repository = RepositoryName::new("team/fleet").expect("a name");
        let (secret, server) = ("EAST".into(), "b".into());
        check_all(&[ClusterLacks::Secret { repository, secret, server, problem }]);
    }
    check_all(&[ClusterLacks::Sense { problem: "x".into() }]);
    check_all(&[ClusterRefuses { cluster: "a", application: &"b", refusal: &"c" }]);
    check_all(&[WaitsForRoom { cluster: "a" }]);
    for why in [
        WhyNotTried::Silent { cluster: "a" },
        WhyNotTried::Slow { cluster: "a", patience_s: 5 },
        WhyNotTried::TooMany { limit: 100 },
    ] {
        check_all(&[NotTried { objects: 2, why }]);
    }
    let workflow =
        |code| Problem { code, path: file.clone(), line: 2, column: 4, message: "x".into() };
    let problems: Vec<Problem> = [
        ProblemCode::WorkflowYaml,
        ProblemCode::WorkflowTooLarge,
        ProblemCode::WorkflowAnchor,
        ProblemCode::WorkflowUnexpectedValue,
        ProblemCode::WorkflowDuplicateKey,
        ProblemCode::WorkflowMissingKey,
        ProblemCode::WorkflowAmbiguous,
        ProblemCode::WorkflowExpression,
        ProblemCode::WorkflowExpressionNotAllowed,
        ProblemCode::WorkflowIdentifier,
        ProblemCode::WorkflowNeeds,
        ProblemCode::WorkflowMatrix,
        ProblemCode::WorkflowCall,
        ProblemCode::WorkflowContradiction,
        ProblemCode::Unsupported,
    ]
    .map(workflow)
    .into();
    check_all(&problems.iter().map(Unplaced).collect::<Vec<_>>());
    let reason = workflow_reason(&problems[0]);
    assert_eq!(reason.to_string(), "boucle.yaml:2:4: x [workflow-yaml]");
}

#[test]
fn reviews_incidents_and_findings() {
    let application = ApplicationName::new("hello").expect("a name");
    let restart = render::Restart { fields: vec!["spec.containers".into()] };
    check(&Note::NewBuild { artifact: "hello", paths: &["src".to_owned()] });
    check(&Note::Restart { object: "Deployment hello", restart: &restart });
    let repeated = render::Repeated { object: "Deployment shop/hello".into(), times: 2 };
    check(&RepeatedObject(&repeated));
    let object = ObjectKey {
        group: String::new(),
        kind: "ConfigMap".into(),
        namespace: "shop".into(),
        name: "a".into(),
    };
    let objects: Vec<_> = std::iter::repeat_n(object, 12).collect();
    check(&Orphans { namespace: "shop", objects: &objects });
    check(&CheckNote::NotReported);
    check(&CheckNote::Filtered("x"));
    check(&CheckNote::Unreadable("x"));
    check(&Step::Correct);
    let (log_lines, probe_answers, events) = (1, 2, 0);
    let workload = "hello".to_owned();
    check(&EvidenceContent::Workload { workload, log_lines, probe_answers, events });
    check(&EvidenceContent::Metrics { series: 3, minutes: 5 });
    check(&Step::Logs(&application));
    check(&Step::RollBack(&application));
    check(&Finding::Signed);
    check(&Finding::Enforced);
    check(&Finding::Free { folder: "/data", mebibytes: 1 });
    check(&Finding::ClockRight);
    check(&Finding::ClockBehind { seconds: 2 });
    assert_eq!(Finding::Verbatim("git 2.40").french(), Finding::Verbatim("git 2.40").to_string());
}

#[test]
fn a_refusal_is_in_one_language() {
    let refuse = || {
        let refusal = Refusal::new("moved-on", &Obstacle::FileChanged("a.txt"));
        refusal.with_next(Next::ReadAgain).problem().clone()
    };
    let (english, french) =
        (speaking(Language::English, refuse), speaking(Language::French, refuse));
    assert_eq!((english.code, english.status), (french.code, french.status));
    assert_eq!(english.title, "Somebody was faster");
    assert_eq!(french.title, "Quelqu’un a été plus rapide");
    assert_eq!(english.detail, "a.txt was changed by somebody else since you read it");
    assert_eq!(french.detail, "quelqu’un d’autre a changé a.txt depuis que vous l’avez lu");
    assert_eq!(french.next.as_deref(), Some("relisez-le et refaites votre changement"));
    assert_eq!(refuse().title, english.title);
}
