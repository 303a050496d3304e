//! Families of operators that run databases, brokers, observability and machines.

use super::HealthStatus::{Degraded, Healthy, Missing, Progressing, Suspended, Unknown};
use super::families::Family;
use super::general::{COMMON, Says, Traits};
use super::{lists, replicas};

const READY: Traits = Traits { decisive: &["Ready"], ..COMMON };

/// Percona's operators: a state, and how many of how many nodes are ready.
const PERCONA: Traits = Traits { first: Some(replicas::nodes), ..COMMON };

pub(super) const FAMILIES: &[Family] = &[
    // Databases.
    Family::new(
        &["acid.zalan.do"],
        &["postgresql"],
        Traits { states: &["/status/PostgresClusterStatus"], ..COMMON },
    ),
    Family::new(
        &["postgresql.cnpg.io"],
        &["Cluster", "Backup", "Database", "Pooler"],
        Traits {
            paused: &["Paused", "cnpg.io/hibernation"],
            vocabulary: &[("Not enough disk space", Degraded)],
            ..COMMON
        },
    ),
    Family::new(
        &["k8s.mariadb.com"],
        &[],
        Traits { when_false: Progressing, says: Says::Message, ..COMMON },
    ),
    Family::new(
        &["psmdb.percona.com", "pxc.percona.com", "ps.percona.com", "pgv2.percona.com"],
        &["PerconaServerMongoDB", "PerconaXtraDBCluster", "PerconaServerMySQL", "PerconaPGCluster"],
        PERCONA,
    ),
    Family::new(
        &["db.atlasgo.io"],
        &["AtlasMigration", "AtlasSchema"],
        Traits { says: Says::Reason, ..READY },
    ),
    Family::new(
        &["clickhouse.altinity.com", "clickhouse-keeper.altinity.com"],
        &["ClickHouseInstallation", "ClickHouseKeeperInstallation"],
        COMMON,
    ),
    Family::new(
        &["cassandra.rook.io"],
        &["Cluster"],
        Traits { first: Some(replicas::racks), ..COMMON },
    ),
    Family::new(&["ceph.rook.io"], &[], Traits { states: &["/status/ceph/health"], ..COMMON }),
    Family::new(&["*.k8s.elastic.co"], &[], Traits { first: Some(replicas::elastic), ..COMMON }),
    Family::new(
        &["infinispan.org"],
        &["Infinispan"],
        Traits { decisive: &["WellFormed"], ..COMMON },
    ),
    Family::new(
        &["minio.min.io"],
        &["Tenant"],
        Traits {
            states: &["/status/currentState", "/status/healthStatus"],
            vocabulary: &[
                ("Another MinIO Tenant already exists in the namespace", Degraded),
                ("Different versions across MinIO Pools", Degraded),
                ("Pool Decommissioning Not Allowed", Degraded),
                ("Statefulset not controlled by operator", Degraded),
            ],
            ..COMMON
        },
    ),
    Family::new(&["zookeeper.pravega.io"], &["ZookeeperCluster"], COMMON),
    Family::new(&["redis.redis.opstreelabs.in", "dragonflydb.io"], &[], COMMON),
    Family::new(
        &["mysql.oracle.com"],
        &["InnoDBCluster"],
        Traits { states: &["/status/cluster/status"], ..COMMON },
    ),
    Family::new(
        &[
            "mongodb.com",
            "mongodbcommunity.mongodb.com",
            "atlas.mongodb.com",
            "scylla.scylladb.com",
        ],
        &[],
        COMMON,
    ),
    Family::new(&["opensearch.opster.io", "apps.kubeblocks.io", "pingcap.com"], &[], COMMON),
    // Brokers.
    Family::new(
        &["kafka.strimzi.io", "core.strimzi.io"],
        &[],
        Traits { says: Says::Trouble, decisive: &["Ready"], ..COMMON },
    ),
    Family::new(
        &["kafka.banzaicloud.io"],
        &["KafkaCluster"],
        Traits { first: Some(lists::brokers), ..COMMON },
    ),
    Family::new(
        &["platform.confluent.io"],
        &[],
        Traits { first: Some(lists::failed_tasks), states: &["/status/connectorState"], ..COMMON },
    ),
    Family::new(
        &["rabbitmq.com"],
        &["RabbitmqCluster"],
        Traits {
            decisive: &["AllReplicasReady", "ClusterAvailable"],
            strict: &["ReconcileSuccess"],
            when_false: Progressing,
            ..COMMON
        },
    ),
    Family::new(&["rabbitmq.com"], &[], Traits { when_silent: Some(Unknown), ..READY }),
    // Observability.
    Family::new(
        &["monitoring.coreos.com"],
        &["Alertmanager", "Prometheus", "PrometheusAgent", "ThanosRuler"],
        Traits { decisive: &["Available", "Reconciled"], ..COMMON },
    ),
    Family::new(
        &["operator.victoriametrics.com"],
        &[],
        Traits { states: &["/status/updateStatus"], ..COMMON },
    ),
    Family::new(
        &["opentelemetry.io"],
        &["OpenTelemetryCollector"],
        Traits { first: Some(replicas::collector), ..COMMON },
    ),
    Family::new(&["jaegertracing.io"], &["Jaeger"], COMMON),
    Family::new(&["kiali.io"], &["Kiali"], COMMON),
    Family::new(&["awx.ansible.com"], &[], COMMON),
    Family::new(
        &["grafana.integreatly.org"],
        &["Grafana"],
        Traits { first: Some(lists::stages), ..COMMON },
    ),
    Family::new(
        &["grafana.integreatly.org"],
        &["GrafanaDashboard", "GrafanaDatasource"],
        Traits { first: Some(lists::written), ..COMMON },
    ),
    Family::new(
        &["loki.grafana.com", "tempo.grafana.com", "dynatrace.com"],
        &["DynaKube", "LokiStack", "TempoMonolithic", "TempoStack"],
        COMMON,
    ),
    Family::new(
        &["grafana.integreatly.org", "grafana-org-operator.kubitus-project.gitlab.io"],
        &[],
        COMMON,
    ),
    Family::new(
        &["datadoghq.com"],
        &["DatadogMetric"],
        Traits { decisive: &["Active", "Valid", "Updated"], ..COMMON },
    ),
    Family::new(&["coralogix.com"], &[], COMMON),
    Family::new(&["sloth.slok.dev"], &["PrometheusServiceLevel"], COMMON),
    Family::new(
        &["core.humio.com"],
        &[],
        Traits { vocabulary: &[("NotFound", Missing)], ..COMMON },
    ),
    // Workloads beside Kubernetes' own.
    Family::new(
        &["apps.kruise.io"],
        &["CloneSet", "DaemonSet", "StatefulSet"],
        Traits { first: Some(replicas::kruise), ..COMMON },
    ),
    Family::new(
        &["apps.kruise.io"],
        &["AdvancedCronJob"],
        Traits { first: Some(replicas::scheduled), ..COMMON },
    ),
    Family::new(&["apps.kruise.io"], &["BroadcastJob"], COMMON),
    Family::new(
        &["autoscaling.k8s.io"],
        &["VerticalPodAutoscaler"],
        Traits { decisive: &["RecommendationProvided"], when_false: Progressing, ..COMMON },
    ),
    Family::new(
        &["rollouts.kruise.io"],
        &["Rollout"],
        Traits {
            first: Some(replicas::stepwise),
            vocabulary: &[
                ("Disabled", Degraded),
                ("Terminating", Degraded),
                ("Initial", Progressing),
            ],
            only_state: true,
            ..COMMON
        },
    ),
    Family::new(&["spot.io"], &["SpotDeployment"], COMMON),
    Family::new(&["keda.sh"], &["ScaledJob", "ScaledObject"], READY),
    Family::new(&["jobset.x-k8s.io"], &["JobSet"], COMMON),
    Family::new(
        &["ray.io"],
        &["RayCluster", "RayJob", "RayService"],
        Traits {
            states: &["/status/jobDeploymentStatus", "/status/serviceStatus", "/status/jobStatus"],
            ..COMMON
        },
    ),
    Family::new(
        &["sparkoperator.k8s.io"],
        &["SparkApplication"],
        Traits { states: &["/status/applicationState/state"], ..COMMON },
    ),
    Family::new(
        &["flink.apache.org", "flinkoperator.k8s.io"],
        &[],
        Traits {
            states: &["/status/jobManagerDeploymentStatus", "/status/lifecycleState"],
            vocabulary: &[("MISSING", Progressing), ("DEPLOYED_NOT_READY", Progressing)],
            ..COMMON
        },
    ),
    Family::new(&["core.spinkube.dev", "core.spinoperator.dev"], &["SpinApp"], COMMON),
    Family::new(&["camel.apache.org"], &[], COMMON),
    Family::new(&["machinelearning.seldon.io"], &["SeldonDeployment"], COMMON),
    Family::new(&["k6.io"], &["K6", "TestRun"], Traits { states: &["/status/stage"], ..COMMON }),
    // Machines and their disks.
    Family::new(
        &["kubevirt.io"],
        &["VirtualMachine", "VirtualMachineInstance"],
        Traits {
            states: &["/status/printableStatus"],
            vocabulary: &[("Succeeded", Suspended), ("Halted", Suspended)],
            ..COMMON
        },
    ),
    Family::new(&["cdi.kubevirt.io"], &["DataVolume"], COMMON),
    Family::new(&["snapshot.storage.k8s.io"], &["VolumeSnapshot", "VolumeSnapshotContent"], COMMON),
    Family::new(
        &["velero.io"],
        &["Backup", "BackupStorageLocation", "Restore", "Schedule"],
        COMMON,
    ),
    Family::new(
        &["astra.netapp.io"],
        &["Schedule"],
        Traits { when_silent: Some(Healthy), ..COMMON },
    ),
    Family::new(&["astra.netapp.io"], &[], COMMON),
    Family::new(
        &["trident.netapp.io"],
        &["TridentBackendConfig", "TridentOrchestrator"],
        Traits { states: &["/status/lastOperationStatus"], ..COMMON },
    ),
    // Interfaces of services, tests, automation.
    Family::new(&["apps.3scale.net"], &[], Traits { when_false: Progressing, ..COMMON }),
    Family::new(
        &["capabilities.3scale.net"],
        &[],
        Traits { states: &["/status/developerUserState"], paused: &["Waiting"], ..COMMON },
    ),
    Family::new(&["services.cloud.sap.com"], &[], READY),
    // What is wrong has a condition of its own.
    Family::new(
        &["k8s.keycloak.org", "keycloak.org"],
        &[],
        Traits { when_false: Progressing, ..COMMON },
    ),
    Family::new(
        &["lifecycle.keptn.sh"],
        &[],
        Traits { states: &["/status/status", "/status/overallStatus"], only_state: true, ..COMMON },
    ),
    Family::new(
        &["metrics.keptn.sh"],
        &["Analysis"],
        Traits { first: Some(lists::verdict), ..COMMON },
    ),
    Family::new(
        &["tower.ansible.com"],
        &[],
        Traits { states: &["/status/ansibleJobResult/status"], ..COMMON },
    ),
    Family::new(
        &["mirrors.kts.studio"],
        &["SecretMirror"],
        Traits { states: &["/status/mirrorStatus"], ..COMMON },
    ),
    Family::new(
        &["volsync.backube"],
        &[],
        Traits {
            decisive: &["Synchronizing"],
            reasons: &[("WaitingForManual", Healthy), ("WaitingForSchedule", Healthy)],
            ..COMMON
        },
    ),
    Family::new(&["install.istio.io"], &["IstioOperator"], COMMON),
    Family::new(
        &["hazelcast.com", "clustertemplate.openshift.io", "hive.openshift.io"],
        &[],
        COMMON,
    ),
];
