//! What may stand below `on`: every event of GitHub's language with its activity types and filters.

use super::schema::{
    Definition, NON_EMPTY_TEXT, NULL, Shape, TEXT_OR_TEXTS, WORKFLOW_CALL, WORKFLOW_DISPATCH, key,
    mapping, plain, required,
};

/// An event that takes activity types, and filters beside them.
macro_rules! event {
    ($types:expr $(, $filter:literal)*) => {{
        static TYPE: Definition = plain(Shape::Constant($types));
        static TYPE_LIST: Definition = plain(Shape::Sequence(&TYPE));
        static TYPES: Definition = plain(Shape::OneOf(&[&TYPE, &TYPE_LIST]));
        static SETTINGS: Definition =
            plain(mapping(&[key("types", &TYPES) $(, key($filter, &TEXT_OR_TEXTS))*]));
        plain(Shape::OneOf(&[&NULL, &SETTINGS]))
    }};
}

/// `on`.
pub(super) static ON: Definition = plain(Shape::OneOf(&[&EVENT_NAME, &EVENT_NAMES, &EVENTS]));
static EVENT_NAMES: Definition = plain(Shape::Sequence(&EVENT_NAME));
static EVENT_NAME: Definition = plain(Shape::Constant(&[
    "branch_protection_rule",
    "check_run",
    "check_suite",
    "create",
    "delete",
    "deployment",
    "deployment_status",
    "discussion",
    "discussion_comment",
    "fork",
    "gollum",
    "image_version",
    "issue_comment",
    "issues",
    "label",
    "merge_group",
    "milestone",
    "page_build",
    "project",
    "project_card",
    "project_column",
    "public",
    "pull_request",
    "pull_request_comment",
    "pull_request_review",
    "pull_request_review_comment",
    "pull_request_target",
    "push",
    "registry_package",
    "release",
    "repository_dispatch",
    "schedule",
    "status",
    "watch",
    "workflow_call",
    "workflow_dispatch",
    "workflow_run",
]));
static EVENTS: Definition = plain(mapping(&[
    key("branch_protection_rule", &BRANCH_PROTECTION_RULE),
    key("check_run", &CHECK_RUN),
    key("check_suite", &CHECK_SUITE),
    key("create", &NULL),
    key("delete", &NULL),
    key("deployment", &NULL),
    key("deployment_status", &NULL),
    key("discussion", &DISCUSSION),
    key("discussion_comment", &DISCUSSION_COMMENT),
    key("fork", &NULL),
    key("gollum", &NULL),
    key("image_version", &IMAGE_VERSION),
    key("issue_comment", &ISSUE_COMMENT),
    key("issues", &ISSUES),
    key("label", &LABEL),
    key("merge_group", &MERGE_GROUP),
    key("milestone", &MILESTONE),
    key("page_build", &NULL),
    key("project", &PROJECT),
    key("project_card", &PROJECT_CARD),
    key("project_column", &PROJECT_COLUMN),
    key("public", &NULL),
    key("pull_request", &PULL_REQUEST),
    key("pull_request_comment", &PULL_REQUEST_COMMENT),
    key("pull_request_review", &PULL_REQUEST_REVIEW),
    key("pull_request_review_comment", &PULL_REQUEST_REVIEW_COMMENT),
    key("pull_request_target", &PULL_REQUEST_TARGET),
    key("push", &PUSH),
    key("registry_package", &REGISTRY_PACKAGE),
    key("release", &RELEASE),
    key("repository_dispatch", &REPOSITORY_DISPATCH),
    key("schedule", &SCHEDULE),
    key("status", &NULL),
    key("watch", &WATCH),
    key("workflow_call", &WORKFLOW_CALL),
    key("workflow_dispatch", &WORKFLOW_DISPATCH),
    key("workflow_run", &WORKFLOW_RUN),
]));

static PUSH: Definition = plain(Shape::OneOf(&[&NULL, &PUSH_MAPPING]));
static PUSH_MAPPING: Definition = plain(mapping(&[
    key("branches", &TEXT_OR_TEXTS),
    key("branches-ignore", &TEXT_OR_TEXTS),
    key("tags", &TEXT_OR_TEXTS),
    key("tags-ignore", &TEXT_OR_TEXTS),
    key("paths", &TEXT_OR_TEXTS),
    key("paths-ignore", &TEXT_OR_TEXTS),
]));
static SCHEDULE: Definition = plain(Shape::Sequence(&SCHEDULE_ITEM));
static SCHEDULE_ITEM: Definition =
    plain(mapping(&[required("cron", &NON_EMPTY_TEXT), key("timezone", &NON_EMPTY_TEXT)]));
static REPOSITORY_DISPATCH: Definition =
    plain(Shape::OneOf(&[&NULL, &REPOSITORY_DISPATCH_MAPPING]));
static REPOSITORY_DISPATCH_MAPPING: Definition = plain(mapping(&[key("types", &TEXT_OR_TEXTS)]));

const CREATED_EDITED_DELETED: &[&str] = &["created", "edited", "deleted"];
const PULL_REQUEST_TYPES: &[&str] = &[
    "assigned",
    "unassigned",
    "labeled",
    "unlabeled",
    "opened",
    "edited",
    "closed",
    "reopened",
    "synchronize",
    "converted_to_draft",
    "locked",
    "unlocked",
    "enqueued",
    "dequeued",
    "milestoned",
    "demilestoned",
    "ready_for_review",
    "review_requested",
    "review_request_removed",
    "auto_merge_enabled",
    "auto_merge_disabled",
];
static BRANCH_PROTECTION_RULE: Definition = event!(CREATED_EDITED_DELETED);
static CHECK_RUN: Definition = event!(&["created", "rerequested", "completed", "requested_action"]);
static CHECK_SUITE: Definition = event!(&["completed"]);
static DISCUSSION: Definition = event!(&[
    "created",
    "edited",
    "deleted",
    "transferred",
    "pinned",
    "unpinned",
    "labeled",
    "unlabeled",
    "locked",
    "unlocked",
    "category_changed",
    "answered",
    "unanswered"
]);
static DISCUSSION_COMMENT: Definition = event!(CREATED_EDITED_DELETED);
static IMAGE_VERSION: Definition = event!(&["created", "ready", "deleted"], "names", "versions");
static ISSUE_COMMENT: Definition = event!(CREATED_EDITED_DELETED);
static ISSUES: Definition = event!(&[
    "opened",
    "edited",
    "deleted",
    "transferred",
    "pinned",
    "unpinned",
    "closed",
    "reopened",
    "assigned",
    "unassigned",
    "labeled",
    "unlabeled",
    "locked",
    "unlocked",
    "milestoned",
    "demilestoned",
    "typed",
    "untyped"
]);
static LABEL: Definition = event!(CREATED_EDITED_DELETED);
static MERGE_GROUP: Definition = event!(&["checks_requested"], "branches", "branches-ignore");
static MILESTONE: Definition = event!(&["created", "closed", "opened", "edited", "deleted"]);
static PROJECT: Definition = event!(&["created", "closed", "reopened", "edited", "deleted"]);
static PROJECT_CARD: Definition = event!(&["created", "moved", "converted", "edited", "deleted"]);
static PROJECT_COLUMN: Definition = event!(&["created", "updated", "moved", "deleted"]);
static PULL_REQUEST: Definition =
    event!(PULL_REQUEST_TYPES, "branches", "branches-ignore", "paths", "paths-ignore");
static PULL_REQUEST_COMMENT: Definition = event!(CREATED_EDITED_DELETED);
static PULL_REQUEST_REVIEW: Definition = event!(&["submitted", "edited", "dismissed"]);
static PULL_REQUEST_REVIEW_COMMENT: Definition = event!(CREATED_EDITED_DELETED);
static PULL_REQUEST_TARGET: Definition =
    event!(PULL_REQUEST_TYPES, "branches", "branches-ignore", "paths", "paths-ignore");
static REGISTRY_PACKAGE: Definition = event!(&["published", "updated"]);
static RELEASE: Definition = event!(&[
    "published",
    "unpublished",
    "created",
    "edited",
    "deleted",
    "prereleased",
    "released"
]);
static WATCH: Definition = event!(&["started"]);
static WORKFLOW_RUN: Definition =
    event!(&["completed", "requested", "in_progress"], "workflows", "branches", "branches-ignore");
