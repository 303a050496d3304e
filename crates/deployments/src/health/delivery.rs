//! Families of platforms and of delivery: Argo, Flux, Crossplane, Cluster API, gateways, certificates.

use super::HealthStatus::{Healthy, Progressing, Suspended, Unknown};
use super::families::Family;
use super::general::{COMMON, Says, Traits};
use super::{lists, policies, replicas};

const READY: Traits = Traits { decisive: &["Ready"], ..COMMON };

/// Crossplane: `Synced` says whether the wish was passed on, `Ready` whether it came true.
const CROSSPLANE: Traits = Traits {
    decisive: &["Ready", "Healthy", "Installed", "Established", "Offered"],
    strict: &["Synced", "LastAsyncOperation"],
    reasons: &[("ReconcilePaused", Suspended), ("ReconcileSuccess", Healthy)],
    when_false: Progressing,
    ..COMMON
};

/// Kinds of Crossplane that only configure and get no status.
const CROSSPLANE_SETTINGS: &[&str] = &[
    "ClusterProviderConfig",
    "Composition",
    "CompositionRevision",
    "ControllerConfig",
    "DeploymentRuntimeConfig",
    "EnvironmentConfig",
    "ImageConfig",
    "ManagedResourceActivationPolicy",
    "ProviderConfig",
    "ProviderConfigUsage",
    "StoreConfig",
];

/// Flux names what happened in the reason; the message is a log line.
const FLUX: Traits = Traits { decisive: &["Ready"], says: Says::Reason, ..COMMON };

const NUMAPLANE: Traits =
    Traits { first: Some(lists::paused_pipeline), vocabulary: &[("Deployed", Healthy)], ..COMMON };

pub(super) const FAMILIES: &[Family] = &[
    // Argo.
    Family::new(
        &["argoproj.io"],
        &["Rollout"],
        Traits { first: Some(replicas::rollout), ..COMMON },
    ),
    Family::new(
        &["argoproj.io"],
        &["AnalysisRun", "Experiment"],
        Traits { only_state: true, ..COMMON },
    ),
    Family::new(
        &["argoproj.io"],
        &["ApplicationSet"],
        Traits { decisive: &["ResourcesUpToDate"], when_false: Progressing, ..COMMON },
    ),
    Family::new(&["argoproj.io"], &["EventSource", "Sensor", "EventBus"], COMMON),
    Family::new(
        &["promoter.argoproj.io"],
        &[],
        Traits { first: Some(lists::promotion), decisive: &["Ready"], ..COMMON },
    ),
    Family::new(
        &["numaflow.numaproj.io"],
        &[],
        Traits {
            first: Some(lists::failed_progress),
            vocabulary: &[("Paused", Healthy), ("Deleting", Progressing)],
            strict: &[
                "ChildrenResourcesHealthy",
                "DaemonHealthy",
                "PodsHealthy",
                "VerticesHealthy",
                "DaemonServiceHealthy",
                "SideInputsManagersHealthy",
                "Configured",
                "Deployed",
            ],
            ..COMMON
        },
    ),
    Family::new(&["numaplane.numaproj.io"], &[], NUMAPLANE),
    // Flux and what follows its conventions.
    Family::new(&["*.toolkit.fluxcd.io", "*.contrib.fluxcd.io"], &[], FLUX),
    Family::new(&["flagger.app"], &["Canary"], Traits { only_state: true, ..COMMON }),
    Family::new(&["pulumi.com"], &[], READY),
    Family::new(&["openfaas.com"], &["Function"], Traits { first: Some(replicas::idle), ..READY }),
    // Crossplane, cloud resources, clusters.
    Family::new(
        &["*.crossplane.io", "*.upbound.io"],
        CROSSPLANE_SETTINGS,
        Traits { when_silent: Some(Healthy), ..CROSSPLANE },
    ),
    Family::new(&["*.crossplane.io", "*.upbound.io"], &[], CROSSPLANE),
    Family::new(
        &["*.cnrm.cloud.google.com"],
        &[],
        Traits { reasons: &[("DependencyNotReady", Suspended)], ..COMMON },
    ),
    Family::new(
        &["*.services.k8s.aws"],
        &[],
        Traits { decisive: &["ACK.ResourceSynced"], when_false: Progressing, ..COMMON },
    ),
    Family::new(&["*.cluster.x-k8s.io", "cluster.x-k8s.io"], &[], COMMON),
    Family::new(
        &["core.gardener.cloud"],
        &["Shoot"],
        Traits {
            states: &["/metadata/labels/shoot.gardener.cloud~1status"],
            only_state: true,
            ..COMMON
        },
    ),
    Family::new(&["karpenter.sh", "karpenter.k8s.aws"], &[], READY),
    Family::new(
        &["work.karmada.io"],
        &["ResourceBinding", "ClusterResourceBinding"],
        Traits { first: Some(lists::binding), ..COMMON },
    ),
    Family::new(
        &["policy.open-cluster-management.io"],
        &[],
        Traits { first: Some(policies::compliance), ..COMMON },
    ),
    Family::new(
        &["operators.coreos.com"],
        &["Subscription"],
        Traits { first: Some(policies::subscription), ..COMMON },
    ),
    Family::new(
        &["operators.coreos.com"],
        &["ClusterServiceVersion", "InstallPlan", "CatalogSource"],
        Traits {
            states: &["/status/connectionState/lastObservedState"],
            vocabulary: &[("RequiresApproval", Suspended), ("InstallReady", Progressing)],
            ..COMMON
        },
    ),
    Family::new(
        &["apps.openshift.io"],
        &["DeploymentConfig"],
        Traits { first: Some(replicas::deployment_config), ..COMMON },
    ),
    Family::new(
        &["route.openshift.io"],
        &["Route"],
        Traits { first: Some(lists::parents), ..COMMON },
    ),
    Family::new(
        &["config.openshift.io", "ocs.openshift.io", "operator.openshift.io", "hco.kubevirt.io"],
        &["ClusterOperator", "StorageCluster", "StorageSystem", "HyperConverged"],
        Traits { decisive: &["Available"], ..COMMON },
    ),
    // Gateways.
    Family::new(
        &["gateway.networking.k8s.io"],
        &[
            "BackendTLSPolicy",
            "Gateway",
            "GatewayClass",
            "GRPCRoute",
            "HTTPRoute",
            "ListenerSet",
            "TCPRoute",
            "TLSRoute",
            "UDPRoute",
        ],
        Traits { first: Some(lists::parents), decisive: &["Accepted", "Programmed"], ..COMMON },
    ),
    Family::new(
        &["gateway.solo.io", "gloo.solo.io", "graphql.gloo.solo.io", "enterprise.gloo.solo.io"],
        &[],
        Traits { first: Some(lists::reports), ..COMMON },
    ),
    Family::new(
        &["projectcontour.io"],
        &["ExtensionService", "HTTPProxy"],
        Traits { states: &["/status/currentStatus"], decisive: &["Valid"], ..COMMON },
    ),
    Family::new(&["getambassador.io"], &["Host", "Mapping"], COMMON),
    Family::new(
        &["networking.gke.io"],
        &["ManagedCertificate"],
        Traits { first: Some(lists::domains), ..COMMON },
    ),
    Family::new(
        &["proclaim.dogmatiq.io"],
        &[],
        Traits {
            decisive: &["Adopted", "Advertised", "Discoverable"],
            reasons: &[
                ("DiscoveryError", Unknown),
                ("NegativeBrowseResult", Progressing),
                ("NegativeLookupResult", Progressing),
            ],
            ..COMMON
        },
    ),
    // Certificates and secrets.
    Family::new(
        &["cert-manager.io", "certmanager.k8s.io"],
        &["Certificate", "CertificateRequest", "ClusterIssuer", "Issuer"],
        Traits { first: Some(lists::issuing), ..READY },
    ),
    Family::new(
        &["trust.cert-manager.io"],
        &["Bundle"],
        Traits { decisive: &["Synced"], ..COMMON },
    ),
    Family::new(&["bitnami.com"], &["SealedSecret"], Traits { decisive: &["Synced"], ..COMMON }),
    Family::new(&["external-secrets.io"], &[], COMMON),
    // Policies.
    Family::new(&["kyverno.io"], &["ClusterPolicy", "Policy"], COMMON),
    Family::new(&["redhatcop.redhat.io", "kro.run"], &[], COMMON),
    Family::new(
        &["operator.open-cluster-management.io", "multicluster.openshift.io"],
        &["MultiClusterEngine", "MultiClusterHub"],
        COMMON,
    ),
    Family::new(&["*.azure.com"], &[], READY),
    Family::new(&["nmstate.io"], &["NodeNetworkConfigurationPolicy"], COMMON),
    // Knative.
    Family::new(&["serving.knative.dev"], &[], Traits { first: Some(policies::knative), ..READY }),
    Family::new(
        &["operator.knative.dev"],
        &[],
        Traits { first: Some(policies::knative_operator), ..READY },
    ),
    Family::new(&["serving.kserve.io"], &["InferenceService"], READY),
    Family::new(
        &["tekton.dev"],
        &["PipelineRun", "TaskRun"],
        Traits { decisive: &["Succeeded"], ..COMMON },
    ),
];
