//! Health of kinds that Kubernetes does not bring, by the conventions that their controllers follow.

use deployments::{HealthStatus, assess_health};
use serde_json::{Value, json};

use HealthStatus::{Degraded, Healthy, Missing, Progressing, Suspended, Unknown};

fn assessed(kind: &str, spec: &Value, status: &Value) -> Option<deployments::Health> {
    let (version, kind) = kind.rsplit_once('/').unwrap();
    let object = json!({"apiVersion": version, "kind": kind, "spec": spec, "status": status,
        "metadata": {"name": "a", "generation": 3}});
    assess_health(&object)
}

/// `group/version/Kind` with a specification and a status has this status and message.
#[track_caller]
fn check(kind: &str, spec: Value, status: Value, expected: HealthStatus, message: &str) {
    let health = assessed(kind, &spec, &status).expect("a kind with health");
    assert_eq!((health.status, health.message.as_str()), (expected, message), "{kind} {status}");
}

/// As [`check`], by conditions of the form `Type=Status/Reason: message`.
#[track_caller]
fn met(kind: &str, conditions: &[&str], expected: HealthStatus, message: &str) {
    check(kind, json!({}), json!({"conditions": listed(conditions)}), expected, message);
}

fn listed(conditions: &[&str]) -> Value {
    let of = |text: &&str| {
        let (head, message) = text.split_once(": ").unwrap_or((text, ""));
        let (kind, rest) = head.split_once('=').unwrap();
        let (status, reason) = rest.split_once('/').unwrap_or((rest, ""));
        json!({"type": kind, "status": status, "reason": reason, "message": message})
    };
    conditions.iter().map(of).collect()
}

/// As [`check`], by a phase alone; the message is the phase.
#[track_caller]
fn phase(kind: &str, name: &str, phases: &[(&str, HealthStatus)]) {
    for (phase, expected) in phases {
        check(kind, json!({}), json!({name: phase}), *expected, phase);
    }
}

#[test]
fn ready_sums_up() {
    let kind = "cert-manager.io/v1/Certificate";
    met(kind, &["Ready=True/Ready: up to date"], Healthy, "up to date");
    met(kind, &["Ready=False/Failed: refused"], Degraded, "refused");
    met(kind, &["Ready=False/DoesNotExist: m"], Degraded, "m");
    met(
        kind,
        &["Ready=False/DoesNotExist: m", "Issuing=True: being made"],
        Progressing,
        "being made",
    );
    met(kind, &["Ready=Unknown/Pending: m"], Progressing, "m");
    met(kind, &["Approved=True"], Progressing, "Certificate Ready condition is missing");
    check(kind, json!({}), json!({}), Progressing, "Waiting for Certificate");
    check(kind, json!({}), Value::Null, Progressing, "Waiting for Certificate");
    met("karpenter.sh/v1/NodeClaim", &["Ready=True", "Drifted=True"], Healthy, "");
    met("keda.sh/v1alpha1/ScaledObject", &["Ready=True: m", "Active=False"], Healthy, "m");
    met(
        "keda.sh/v1alpha1/ScaledObject",
        &["Ready=True", "Paused=True: by hand"],
        Suspended,
        "by hand",
    );
    met("external-secrets.io/v1/ClusterSecretStore", &["Ready=False: m"], Degraded, "m");
    met("k8s.mariadb.com/v1/Backup", &["Complete=True/JobComplete: Success"], Healthy, "Success");
    met(
        "k8s.mariadb.com/v1/Restore",
        &["Complete=False/JobRunning: Running"],
        Progressing,
        "Running",
    );
}

#[test]
fn what_was_said_of_an_older_specification_does_not_count() {
    let kind = "trust.cert-manager.io/v1alpha1/Bundle";
    let said = |observed: i64| {
        json!({"conditions": [{"type": "Synced", "status": "True", "message": "m",
            "observedGeneration": observed}]})
    };
    let waits = "Waiting for Bundle spec update to be observed";
    check(kind, json!({}), said(3), Healthy, "m");
    check(kind, json!({}), said(2), Progressing, waits);
    let mut older = said(3);
    older["observedGeneration"] = json!(2);
    check(kind, json!({}), older, Progressing, waits);
    check(kind, json!({}), json!({"observedGeneration": "2"}), Progressing, waits);
}

#[test]
fn flux_says_it_by_reasons() {
    let kind = "kustomize.toolkit.fluxcd.io/v1/Kustomization";
    met(kind, &["Ready=True/ReconciliationSucceeded: m"], Healthy, "ReconciliationSucceeded");
    met(kind, &["Ready=False/BuildFailed: m"], Degraded, "BuildFailed");
    met(
        kind,
        &["Reconciling=True/Progressing", "Ready=Unknown/Progressing"],
        Progressing,
        "Progressing",
    );
    let again = ["Reconciling=True/ProgressingWithRetry", "Ready=False/HealthCheckFailed"];
    met(kind, &again, Degraded, "HealthCheckFailed");
    check(kind, json!({"suspend": true}), json!({}), Suspended, "Kustomization is paused");
    met("infra.contrib.fluxcd.io/v1/Terraform", &["Ready=True/Applied"], Healthy, "Applied");
    met(
        "source.toolkit.fluxcd.io/v1/GitRepository",
        &["Stalled=True/URLInvalid"],
        Degraded,
        "URLInvalid",
    );
}

#[test]
fn crossplane_and_clouds() {
    let kind = "s3.aws.upbound.io/v1beta1/Bucket";
    met(kind, &["Synced=True/ReconcileSuccess", "Ready=True/Available"], Healthy, "Available");
    met(kind, &["Synced=True/ReconcileSuccess", "Ready=False/Creating"], Progressing, "Creating");
    met(kind, &["Synced=False/ReconcileError: no", "Ready=True/Available"], Degraded, "no");
    met(kind, &["Synced=False/ReconcilePaused", "Ready=True"], Suspended, "ReconcilePaused");
    met(kind, &["LastAsyncOperation=False/ApplyFailure: no", "Synced=True"], Degraded, "no");
    met(
        "pkg.crossplane.io/v1/Provider",
        &["Healthy=True/HealthyPackage", "Installed=True/Active"],
        Healthy,
        "HealthyPackage",
    );
    met("pkg.crossplane.io/v1/Provider", &["Healthy=False/UnhealthyPackage: m"], Degraded, "m");
    met(
        "apiextensions.crossplane.io/v1/CompositeResourceDefinition",
        &["Established=True/Watching: a", "Offered=True: b"],
        Healthy,
        "a",
    );
    check(
        "aws.upbound.io/v1/ProviderConfig",
        json!({}),
        Value::Null,
        Healthy,
        "Waiting for ProviderConfig",
    );
    let kind = "s3.services.k8s.aws/v1alpha1/Bucket";
    met(kind, &["ACK.ResourceSynced=True: m"], Healthy, "m");
    met(kind, &["ACK.ResourceSynced=False: m"], Progressing, "m");
    met(kind, &["ACK.Terminal=True: denied", "ACK.ResourceSynced=True"], Degraded, "denied");
    let kind = "sql.cnrm.cloud.google.com/v1beta1/SQLDatabase";
    met(kind, &["Ready=False/DependencyNotReady: m"], Suspended, "m");
    met(kind, &["Ready=False/Updating: m"], Progressing, "m");
    let kind = "cluster.x-k8s.io/v1beta1/MachinePool";
    phase(
        kind,
        "phase",
        &[
            ("Provisioning", Progressing),
            ("Running", Healthy),
            ("ScalingUp", Progressing),
            ("Failed", Degraded),
            ("Unknown", Unknown),
        ],
    );
    check(
        kind,
        json!({"paused": true}),
        json!({"phase": "Running"}),
        Suspended,
        "MachinePool is paused",
    );
}

#[test]
fn phases_are_read_by_their_words() {
    phase(
        "velero.io/v1/Backup",
        "phase",
        &[
            ("New", Progressing),
            ("InProgress", Progressing),
            ("Completed", Healthy),
            ("PartiallyFailed", Degraded),
            ("FailedValidation", Degraded),
        ],
    );
    phase(
        "velero.io/v1/Schedule",
        "phase",
        &[("Enabled", Healthy), ("FailedValidation", Degraded)],
    );
    phase(
        "kubevirt.io/v1/VirtualMachine",
        "printableStatus",
        &[
            ("Running", Healthy),
            ("Starting", Progressing),
            ("Provisioning", Progressing),
            ("Stopped", Suspended),
            ("CrashLoopBackOff", Degraded),
            ("ErrorUnschedulable", Degraded),
            ("Paused", Suspended),
        ],
    );
    phase(
        "pxc.percona.com/v1/PerconaXtraDBCluster",
        "phase",
        &[("ready", Healthy), ("error", Degraded)],
    );
    phase(
        "postgresql.cnpg.io/v1/Cluster",
        "phase",
        &[
            ("Cluster in healthy state", Healthy),
            ("Setting up primary", Progressing),
            ("Creating a new replica", Progressing),
            ("Upgrading cluster", Progressing),
        ],
    );
}

#[test]
fn phases_of_workloads() {
    phase(
        "ray.io/v1/RayCluster",
        "state",
        &[("ready", Healthy), ("suspended", Suspended), ("failed", Degraded)],
    );
    phase(
        "flink.apache.org/v1beta1/FlinkDeployment",
        "jobManagerDeploymentStatus",
        &[("READY", Healthy), ("DEPLOYING", Progressing), ("ERROR", Degraded)],
    );
    phase(
        "install.istio.io/v1alpha1/IstioOperator",
        "status",
        &[("HEALTHY", Healthy), ("RECONCILING", Progressing), ("ERROR", Degraded)],
    );
    phase(
        "camel.apache.org/v1/Integration",
        "phase",
        &[("Running", Healthy), ("Building Kit", Progressing), ("Error", Degraded)],
    );
    phase(
        "clickhouse.altinity.com/v1/ClickHouseInstallation",
        "status",
        &[("Completed", Healthy), ("InProgress", Progressing), ("Aborted", Degraded)],
    );
    phase(
        "core.humio.com/v1alpha1/HumioParser",
        "state",
        &[("Exists", Healthy), ("NotFound", Missing)],
    );
    phase(
        "k6.io/v1alpha1/TestRun",
        "stage",
        &[("started", Progressing), ("finished", Healthy), ("error", Degraded)],
    );
    phase("sparkoperator.k8s.io/v1beta2/SparkApplication", "phase", &[("SUBMITTED", Progressing)]);
}

#[test]
fn phases_beside_other_fields() {
    check(
        "ceph.rook.io/v1/CephCluster",
        json!({}),
        json!({"phase": "Ready", "ceph": {"health": "HEALTH_ERR"}}),
        Degraded,
        "HEALTH_ERR",
    );
    check(
        "minio.min.io/v2/Tenant",
        json!({}),
        json!({"currentState": "Initialized"}),
        Healthy,
        "Initialized",
    );
    check("velero.io/v1/Restore", json!({}), json!({"phase": "Running"}), Progressing, "Running");
    check(
        "velero.io/v1/Restore",
        json!({}),
        json!({"phase": "Failed", "message": "m"}),
        Degraded,
        "m",
    );
    check(
        "snapshot.storage.k8s.io/v1/VolumeSnapshot",
        json!({}),
        json!({"error": {"message": "m"}}),
        Degraded,
        "m",
    );
}

#[test]
fn bad_and_under_way_conditions() {
    let kind = "config.openshift.io/v1/ClusterOperator";
    met(kind, &["Available=True: m", "Progressing=False", "Degraded=False"], Healthy, "m");
    met(kind, &["Available=True", "Progressing=True: m", "Degraded=False"], Progressing, "m");
    met(kind, &["Available=True", "Progressing=True", "Degraded=True: m"], Degraded, "m");
    met(
        "nmstate.io/v1/NodeNetworkConfigurationPolicy",
        &["Available=True/Ok: m", "Degraded=False"],
        Healthy,
        "m",
    );
    met(
        "argoproj.io/v1alpha1/ApplicationSet",
        &["ErrorOccurred=True: m", "ResourcesUpToDate=False"],
        Degraded,
        "m",
    );
    met(
        "argoproj.io/v1alpha1/ApplicationSet",
        &["ErrorOccurred=False", "ResourcesUpToDate=True: m"],
        Healthy,
        "m",
    );
    met("tekton.dev/v1/PipelineRun", &["Succeeded=Unknown/Running: m"], Progressing, "m");
    met("tekton.dev/v1/PipelineRun", &["Succeeded=False/Failed: m"], Degraded, "m");
    met("tekton.dev/v1/PipelineRun", &["Succeeded=True/Completed: m"], Healthy, "m");
    met("kafka.strimzi.io/v1/KafkaTopic", &["Ready=True: m"], Healthy, "");
    met("kafka.strimzi.io/v1/KafkaTopic", &["NotReady=True/Invalid: m"], Degraded, "m");
    met("k8s.keycloak.org/v2/Keycloak", &["Ready=True", "HasErrors=True: m"], Degraded, "m");
    met(
        "k8s.keycloak.org/v2/KeycloakRealmImport",
        &["Started=True: m", "Done=False"],
        Progressing,
        "m",
    );
    met(
        "monitoring.coreos.com/v1/Alertmanager",
        &["Available=Degraded/SomePodsNotReady: m", "Reconciled=True"],
        Progressing,
        "m",
    );
    met(
        "monitoring.coreos.com/v1/Alertmanager",
        &["Available=False/NoPodReady: m", "Reconciled=True"],
        Degraded,
        "m",
    );
    met("rabbitmq.com/v1beta1/Vhost", &["Ready=False/FailedCreateOrUpdate: m"], Degraded, "m");
    met("infinispan.org/v1/Infinispan", &["WellFormed=True: m"], Healthy, "m");
}

#[test]
fn gateways_routes_and_lists() {
    let kind = "gateway.networking.k8s.io/v1/Gateway";
    met(kind, &["Accepted=True", "Programmed=True: m"], Healthy, "Gateway is healthy");
    met(kind, &["Accepted=True", "Programmed=False/Pending: m"], Progressing, "m");
    met(kind, &["Accepted=False/Invalid: m"], Degraded, "m");
    let listener = |condition: &str| {
        json!({"conditions": listed(&["Accepted=True"]),
            "listeners": [{"name": "http", "conditions": listed(&[condition])}]})
    };
    check(
        kind,
        json!({}),
        listener("ResolvedRefs=False: no certificate"),
        Degraded,
        "Parent http: no certificate",
    );
    check(kind, json!({}), listener("Programmed=True"), Healthy, "Gateway is healthy");
    let route = |status: &str| {
        json!({"ingress": [{"routerName": "default",
            "conditions": listed(&[&format!("Admitted={status}/HostAlreadyClaimed: taken")])}]})
    };
    check("route.openshift.io/v1/Route", json!({}), route("True"), Healthy, "Route is healthy");
    check(
        "route.openshift.io/v1/Route",
        json!({}),
        route("False"),
        Degraded,
        "Parent default: taken",
    );
    check(
        "gateway.solo.io/v1/VirtualService",
        json!({}),
        json!({"statuses": {"a": {"state": "Accepted"},
        "b": {"state": 2, "reason": "no upstream"}}}),
        Degraded,
        "no upstream",
    );
    check(
        "projectcontour.io/v1/HTTPProxy",
        json!({}),
        json!({"currentStatus": "invalid",
        "conditions": listed(&["Valid=False: m"])}),
        Degraded,
        "m",
    );
}

#[test]
fn rollouts_are_counted() {
    let kind = "argoproj.io/v1alpha1/Rollout";
    check(kind, json!({}), json!({"phase": "Healthy"}), Healthy, "");
    check(kind, json!({}), json!({"phase": "Progressing", "message": "m"}), Progressing, "m");
    check(kind, json!({}), json!({"phase": "Paused", "message": "m"}), Suspended, "m");
    check(kind, json!({}), json!({"phase": "Degraded", "message": "m"}), Degraded, "m");
    check(kind, json!({}), json!({"conditions": listed(&["InvalidSpec=True: m"])}), Degraded, "m");
    check(
        kind,
        json!({}),
        json!({"pauseConditions": [{"reason": "CanaryPauseStep"}]}),
        Suspended,
        "Rollout is paused",
    );
    let counts = json!({"replicas": 2, "updatedReplicas": 2, "availableReplicas": 2});
    check(kind, json!({"replicas": 2}), counts.clone(), Healthy, "");
    check(
        kind,
        json!({"replicas": 3}),
        counts,
        Progressing,
        "Waiting for rollout to finish: 2 out of 3 new replicas have been updated",
    );
    let kind = "apps.kruise.io/v1beta1/StatefulSet";
    let counts = json!({"replicas": 4, "updatedReplicas": 2, "updatedAvailableReplicas": 2});
    let partition = json!({"updateStrategy": {"rollingUpdate": {"partition": 2}}});
    check(
        kind,
        partition,
        counts.clone(),
        Suspended,
        "StatefulSet stands at its partition and waits for a person",
    );
    check(kind, json!({}), counts, Degraded, "2 of 4 updated pods are available");
    check(
        "zookeeper.pravega.io/v1/ZookeeperCluster",
        json!({}),
        json!({"replicas": 3, "readyReplicas": 2}),
        Progressing,
        "2 of 3 replicas are ready",
    );
}

#[test]
fn what_only_some_families_say() {
    let kind = "cert-manager.io/v1/Certificate";
    met(kind, &["Ready=False/Expired: m", "Issuing=True: again"], Progressing, "again");
    let kind = "apps.kruise.io/v1alpha1/AdvancedCronJob";
    check(kind, json!({}), json!({"active": [{"name": "a"}]}), Progressing, "1 jobs run");
    check(kind, json!({}), json!({"lastScheduleTime": "t"}), Healthy, "last started at t");
    check(kind, json!({"paused": true}), json!({}), Suspended, "AdvancedCronJob is paused");
    let kind = "k8s.keycloak.org/v2/Keycloak";
    met(kind, &["Ready=False: more replicas", "HasErrors=False"], Progressing, "more replicas");
    let kind = "minio.min.io/v2/Tenant";
    let refused = "Another MinIO Tenant already exists in the namespace";
    check(kind, json!({}), json!({"currentState": refused}), Degraded, refused);
    let kind = "postgresql.cnpg.io/v1/Cluster";
    met(kind, &["cnpg.io/hibernation=True: asleep"], Suspended, "asleep");
    let kind = "volsync.backube/v1alpha1/ReplicationSource";
    met(kind, &["Synchronizing=True/SyncInProgress: m"], Progressing, "m");
    met(kind, &["Synchronizing=False/WaitingForSchedule: m"], Healthy, "m");
    met(kind, &["Synchronizing=False/Error: m"], Degraded, "m");
    let kind = "grafana.integreatly.org/v1beta1/GrafanaDatasource";
    check(kind, json!({}), json!({"hash": "a", "lastMessage": ""}), Healthy, "");
    check(kind, json!({}), json!({"hash": "a", "lastMessage": "m"}), Degraded, "m");
    let kind = "promoter.argoproj.io/v1alpha1/ChangeTransferPolicy";
    let moved = |active: &str| {
        json!({"conditions": listed(&["Ready=True"]), "active": {"dry": {"sha": active}},
            "proposed": {"dry": {"sha": "b"}}})
    };
    check(kind, json!({}), moved("b"), Healthy, "all environments are at b");
    check(kind, json!({}), moved("a"), Progressing, " goes from a to b");
    met(
        "argoproj.io/v1alpha1/ApplicationSet",
        &["ErrorOccurred=True: m", "ResourcesUpToDate=True"],
        Degraded,
        "m",
    );
    phase(
        "operators.coreos.com/v1alpha1/ClusterServiceVersion",
        "phase",
        &[
            ("InstallReady", Progressing),
            ("Succeeded", Healthy),
            ("Failed", Degraded),
            ("Installing", Progressing),
        ],
    );
}

#[test]
fn unknown_kinds_speak_only_by_the_conventions() {
    let none =
        |status: Value| assert_eq!(assessed("a.example/v1/Thing", &json!({}), &status), None);
    none(json!({}));
    none(Value::Null);
    none(json!({"address": "a"}));
    let kind = "a.example/v1/Thing";
    met(kind, &["Ready=True: m"], Healthy, "m");
    met(kind, &["Ready=False/Waits: m"], Progressing, "m");
    met(kind, &["Ready=False/ReconcileError: m"], Degraded, "m");
    met(kind, &["Stalled=True: m"], Degraded, "m");
    met(kind, &["Reconciling=True: m"], Progressing, "m");
    check(
        kind,
        json!({}),
        json!({"observedGeneration": 2}),
        Progressing,
        "Waiting for Thing spec update to be observed",
    );
    phase(kind, "phase", &[("Active", Healthy), ("Failed", Degraded), ("Deploying", Progressing)]);
    // Kubernetes' own kinds without a state have no health.
    for kind in ["core/v1/ConfigMap", "batch/v1/CronJob", "storage.k8s.io/v1/StorageClass"] {
        assert_eq!(assessed(kind, &json!({"suspend": true}), &json!({"phase": "Active"})), None);
    }
}
