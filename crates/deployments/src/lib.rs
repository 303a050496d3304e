//! Applications: what Git asks for, what runs, and the plan between them.
//!
//! A hand observes the target and renders Git; [`plan`] compares and answers with steps, "up to
//! date" or the reasons why nothing is written. The target refuses a generation older than the
//! newest that it has seen, so a late plan never overwrites a newer one.
//!
//! Absent on purpose: rendering (crate `render`), the target itself (crate `workloads`), clocks.

mod actions;
mod application;
mod application_file;
pub mod application_set;
pub mod argo_cd;
mod argo_cd_file;
mod chart;
mod chart_access;
mod cluster_file;
mod compare;
mod core_file;
mod customizations_file;
mod declared;
mod dependencies;
mod drift;
mod excerpt;
mod facts;
pub mod flux;
mod glob;
mod health;
mod hold;
mod hook;
mod jq;
mod live_change;
mod lua;
pub mod migration;
mod objects;
mod operation;
mod order;
pub mod ownership;
mod planner;
mod plugin_file;
pub mod project;
mod reasons;
mod rollout;
mod secret_file;
mod source;
mod source_file;
mod source_overrides;
mod sync_options;
mod view;
pub mod windows;

pub use actions::{
    ActionInputs, ActionRefusal, ActionWrite, decide_action, may_have_actions, offered_actions,
    without_values,
};
pub use application::{
    Application, Automated, Destination, IgnoreDifference, NamespaceMetadata, Retry, SyncPolicy,
    Target,
};
pub use chart::{Chart, ChartPlace, ChartProblem, CredentialOf, CredentialTrouble, is_loopback};
pub use chart_access::{ChartAccess, ChartLogin, charts_address};
pub use cluster_file::{DeclaredCluster, DeclaredCredential};
pub use compare::{changed_fields, quantity_milli, without_status};
pub use declared::{Declared, DeclaredKind};
pub use dependencies::{
    DEPENDS_ON, Dependencies, DependencyProblem, DependencyWait, dependencies, dependency_order,
    dependency_problems, dependency_wait, has_dependencies,
};
pub use drift::{Drift, DriftChange, drifts, is_drift};
pub use excerpt::excerpt;
pub use facts::DeploymentFact;
pub use health::{
    Health, HealthStatus, aggregate as aggregate_health, aggregate_by as aggregate_health_by,
    assess as assess_health, waits_for,
};
pub use hold::{Hold, Holder};
pub use hook::{Hook, HookDeletion, Role, role};
pub use jq::{IgnoredFields, JqPath};
pub use live_change::live_change;
pub use lua::{
    Action as ObjectAction, ActionParameter, Change, ChangeOperation, CustomizationError,
    Customizations, ScriptError,
};
pub use objects::{
    ObjectKey, TRACKING_ANNOTATION, annotation, annotation_lists, is_cluster_scoped, owner, tracked,
};
pub use operation::{Act, Failure, Next, Observed, Operation, Wait, WaitReason};
pub use order::Phase;
pub use planner::{
    Action, ClusterFacts, Decision, Inventory, LiveObject, Plan, PlanInputs, PlanPolicy,
    PlanSummary, PreviousPlan, RemovalDecision, Step, SyncRequest, compare, differing_fields, plan,
    plan_removal,
};
pub use plugin_file::{DeclaredPlugin, plugin_address};
pub use reasons::BlockReason;
pub use rollout::{AtOnce, LabelRule, Member, Rollout, Standing, StepRule, StepWait, Steps};
pub use source::{
    DirectoryOptions, HelmFileParameter, HelmOptions, HelmParameter, JsonnetOptions,
    JsonnetVariable, KustomizeOptions, PluginOptions, PluginVariable, ReplicaCount, Source,
};
pub use sync_options::{Consent, Propagation, SyncOptions};
pub use view::{
    Answer, ApplicationState, Asked, Declaration, Deployment, DeploymentsView, HealthState,
    Outcome, Removal, Rendering,
};
