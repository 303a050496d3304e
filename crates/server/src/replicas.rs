//! The replicas that run, whatever runs them: where their metrics are, which services they answer
//! for, how often they were started again.
//!
//! Processes of this machine listen on loopback. Pods are asked at their own addresses, so this
//! server must be able to reach the network of its clusters' pods to watch them.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use cluster::Pod;
use ledger::ApplicationName;
use probes::dialer::AddressPolicy;
use serde_json::Value;

use crate::clusters::Known;
use crate::cursor::Cursor;
use crate::renderings::Rendering;
use crate::state::Server;
use crate::targets::Place;

/// Where a replica's metrics are.
pub struct Exposed {
    /// Whose.
    pub application: ApplicationName,
    /// The replica's (pod's) name.
    pub replica: String,
    /// Where it listens.
    pub address: SocketAddr,
    /// `/metrics`, unless the annotation `prometheus.io/path` says otherwise.
    pub path: String,
    /// What may be reached there.
    pub policy: AddressPolicy,
}

/// A Service, and who answers for it.
pub struct Endpoint {
    /// Whose Service.
    pub application: ApplicationName,
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// Where requests for it go; the replicas that take requests, or any when none does.
    pub addresses: Vec<SocketAddr>,
    /// Whether any of them takes requests.
    pub is_ready: bool,
    /// What may be reached there.
    pub policy: AddressPolicy,
}

/// The pods of all applications on clusters, as they were at one moment.
pub struct Pods(Vec<Arc<Vec<Replica>>>);

/// What was found last: looked at again only where something changed.
#[derive(Default)]
pub struct KnownPods(Mutex<Found>);

#[derive(Default)]
struct Found {
    cursor: Cursor,
    /// Those of each application that has any.
    found: BTreeMap<ApplicationName, Arc<Vec<Replica>>>,
}

/// A pod with what Git says of it.
struct Replica {
    application: ApplicationName,
    cluster: String,
    pod: Pod,
    template: Value,
}

impl Server {
    /// Every replica that offers metrics.
    pub fn exposed(&self, pods: &Pods) -> Vec<Exposed> {
        let processes = self.engine.scrape_targets().into_iter().map(|target| Exposed {
            application: target.application,
            replica: target.replica,
            address: target.address,
            path: target.path,
            policy: AddressPolicy::Own,
        });
        processes.chain(pods.all().filter_map(exposed)).collect()
    }

    /// Every Service that something runs for, of this machine and of all clusters; of those on
    /// clusters only the ones whose manifests are wanted.
    pub fn endpoints(&self, pods: &Pods, wanted: impl Fn(&Value) -> bool) -> Vec<Endpoint> {
        let processes = self.engine.services().into_iter().map(|service| Endpoint {
            application: service.application,
            namespace: service.namespace,
            name: service.name,
            addresses: vec![service.address],
            is_ready: service.ready_replicas > 0,
            policy: AddressPolicy::Own,
        });
        processes.chain(self.endpoints_on_clusters(pods, wanted)).collect()
    }

    /// The pods of all applications on clusters.
    pub fn pods(&self) -> Pods {
        let KnownPods(known) = &self.watched.pods;
        let mut known = known.lock().unwrap_or_else(PoisonError::into_inner);
        let changed = known.cursor.advance(self);
        if changed.everything {
            known.found.clear();
            let all = self.renderings.all();
            all.iter().for_each(|rendering| known.look(self, &rendering.application.name));
        } else {
            changed.applications.iter().for_each(|name| known.look(self, name));
        }
        Pods(known.found.values().cloned().collect())
    }

    /// A Service takes the pods of its namespace by their labels, whichever application has them:
    /// that is how a canary gets its share.
    fn endpoints_on_clusters(&self, pods: &Pods, wanted: impl Fn(&Value) -> bool) -> Vec<Endpoint> {
        let mut by_place: BTreeMap<(&str, &str), Vec<&Replica>> = BTreeMap::new();
        for one in pods.all() {
            by_place.entry((&one.cluster, &one.pod.namespace)).or_default().push(one);
        }
        if by_place.is_empty() {
            return Vec::new();
        }
        let mut endpoints = Vec::new();
        for rendering in self.renderings.all() {
            let Place::Cluster(known) = self.place_of(&rendering) else { continue };
            let services = rendering.manifests.iter().filter(|one| one["kind"] == "Service");
            for service in services.filter(|service| wanted(service)) {
                let namespace = namespace_of(service, &rendering);
                let here = by_place.get(&(known.name.as_str(), namespace)).into_iter().flatten();
                let selected = here.copied().filter(|one| selects(service, &one.template));
                let name = &rendering.application.name;
                endpoints.extend(endpoint(name, namespace, service, selected));
            }
        }
        endpoints
    }
}

impl Found {
    fn look(&mut self, server: &Server, name: &ApplicationName) {
        let replicas =
            server.renderings.of(name).map(|rendering| match server.place_of(&rendering) {
                Place::Cluster(known) => replicas(&rendering, &known),
                Place::Processes | Place::Nowhere => Vec::new(),
            });
        let replicas = replicas.unwrap_or_default();
        if replicas.is_empty() {
            self.found.remove(name);
        } else {
            self.found.insert(name.clone(), Arc::new(replicas));
        }
    }
}

fn replicas(rendering: &Rendering, known: &Known) -> Vec<Replica> {
    let templates = templates(rendering);
    let name = &rendering.application.name;
    let pods = known.cluster.pods(name).into_iter().filter_map(|pod| {
        let template = templates.get(&(pod.owner.kind.as_str(), pod.owner.name.as_str()))?;
        let template = (*template).clone();
        let (application, cluster) = (name.clone(), known.name.clone());
        Some(Replica { application, cluster, pod, template })
    });
    pods.collect()
}

impl Pods {
    /// How often the containers of each were started again.
    pub fn restarts(&self) -> impl Iterator<Item = (ApplicationName, String, u64)> {
        self.all()
            .map(|one| (one.application.clone(), one.pod.name.clone(), one.pod.state.restarts))
    }

    fn all(&self) -> impl Iterator<Item = &Replica> {
        self.0.iter().flat_map(|replicas| replicas.iter())
    }
}

/// The pod templates of a rendering by kind and name of the object that has them.
pub fn templates(rendering: &Rendering) -> BTreeMap<(&str, &str), &Value> {
    let named = rendering.manifests.iter().filter_map(|manifest| {
        let (kind, name) = (manifest["kind"].as_str()?, manifest["metadata"]["name"].as_str()?);
        Some(((kind, name), pod_template(kind, manifest)?))
    });
    named.collect()
}

fn pod_template<'a>(kind: &str, manifest: &'a Value) -> Option<&'a Value> {
    match kind {
        "Pod" => Some(manifest),
        "CronJob" => manifest.pointer("/spec/jobTemplate/spec/template"),
        _ => manifest.pointer("/spec/template"),
    }
}

fn exposed(replica: &Replica) -> Option<Exposed> {
    let annotation = |name: &str| {
        let annotations = replica.template.pointer("/metadata/annotations")?;
        annotations.get(name)?.as_str()
    };
    if annotation("prometheus.io/scrape") != Some("true") {
        return None;
    }
    let port = match annotation("prometheus.io/port") {
        Some(text) => text.parse().ok()?,
        None => ports(&replica.template).next()?.1,
    };
    let path = annotation("prometheus.io/path").unwrap_or("/metrics");
    Some(Exposed {
        application: replica.application.clone(),
        replica: replica.pod.name.clone(),
        address: address(&replica.pod, port)?,
        path: format!("/{}", path.trim_start_matches('/')),
        policy: AddressPolicy::Pod,
    })
}

fn endpoint<'a>(
    application: &ApplicationName,
    namespace: &str,
    service: &Value,
    replicas: impl Iterator<Item = &'a Replica>,
) -> Option<Endpoint> {
    let port = service.pointer("/spec/ports/0")?;
    let mut addresses = BTreeMap::from([(true, Vec::new()), (false, Vec::new())]);
    for replica in replicas {
        let Some(port) = target_port(port, &replica.template) else { continue };
        let of_state = addresses.entry(replica.pod.state.ready).or_default();
        of_state.extend(address(&replica.pod, port));
    }
    let ready = addresses.remove(&true).unwrap_or_default();
    let is_ready = !ready.is_empty();
    let addresses = if is_ready { ready } else { addresses.remove(&false).unwrap_or_default() };
    (!addresses.is_empty()).then(|| Endpoint {
        application: application.clone(),
        namespace: namespace.to_owned(),
        name: service["metadata"]["name"].as_str().unwrap_or_default().to_owned(),
        addresses,
        is_ready,
        policy: AddressPolicy::Pod,
    })
}

/// A Service without a selector takes nobody by itself.
fn selects(service: &Value, template: &Value) -> bool {
    let Some(selector) = service.pointer("/spec/selector").and_then(Value::as_object) else {
        return false;
    };
    let labels = template.pointer("/metadata/labels");
    let has = |(name, value): (&String, &Value)| {
        labels.and_then(|labels| labels.get(name)) == Some(value)
    };
    !selector.is_empty() && selector.iter().all(has)
}

/// The port of a pod that a Service's port leads to: `targetPort`, a number or a container port's
/// name, else the port itself.
fn target_port(port: &Value, template: &Value) -> Option<u16> {
    let number = |value: &Value| value.as_u64().and_then(|number| u16::try_from(number).ok());
    match port.get("targetPort") {
        None | Some(Value::Null) => number(&port["port"]),
        Some(Value::String(name)) => {
            let named = ports(template).find(|(known, _)| *known == Some(name.as_str()));
            named.map(|(_, port)| port).or_else(|| name.parse().ok())
        }
        Some(value) => number(value),
    }
}

/// The names and numbers of all container ports.
fn ports(template: &Value) -> impl Iterator<Item = (Option<&str>, u16)> {
    let containers = template.pointer("/spec/containers").and_then(Value::as_array);
    containers.into_iter().flatten().flat_map(|container| {
        let ports = container["ports"].as_array().into_iter().flatten();
        ports.filter_map(|port| {
            let number = u16::try_from(port["containerPort"].as_u64()?).ok()?;
            Some((port["name"].as_str(), number))
        })
    })
}

fn address(pod: &Pod, port: u16) -> Option<SocketAddr> {
    Some(SocketAddr::new(pod.state.address?, port))
}

fn namespace_of<'a>(manifest: &'a Value, rendering: &'a Rendering) -> &'a str {
    let own = manifest["metadata"]["namespace"].as_str();
    own.unwrap_or(&rendering.application.destination.namespace)
}

#[cfg(test)]
mod tests {
    use cluster::PodState;
    use deployments::ObjectKey;
    use serde_json::json;

    use super::*;

    fn replica(template: Value, ready: bool, address: &str) -> Replica {
        let ready = if ready { "True" } else { "False" };
        let status = json!({ "status": {
            "podIP": address, "conditions": [{ "type": "Ready", "status": ready }],
        } });
        let owner = ObjectKey {
            group: "apps".into(),
            kind: "Deployment".into(),
            namespace: "live".into(),
            name: "web".into(),
        };
        let state = PodState::of(&status);
        let pod = Pod { namespace: "live".into(), name: "web-1".into(), owner, state };
        let application = ApplicationName::new("web").expect("a name");
        Replica { application, cluster: "test".into(), pod, template }
    }

    fn template(annotations: Value) -> Value {
        json!({
            "metadata": { "annotations": annotations, "labels": { "app": "web", "track": "stable" } },
            "spec": { "containers": [
                { "ports": [{ "name": "http", "containerPort": 8080 }] },
                { "ports": [{ "name": "admin", "containerPort": 9000 }] },
            ] },
        })
    }

    #[test]
    fn metrics_are_where_the_annotations_say() {
        let check = |annotations: Value, expected: Option<&str>| {
            let found = exposed(&replica(template(annotations), true, "10.1.0.7"));
            let url = found.map(|one| format!("{}{}", one.address, one.path));
            assert_eq!(url.as_deref(), expected);
        };
        check(json!({}), None);
        check(json!({ "prometheus.io/scrape": "false" }), None);
        check(json!({ "prometheus.io/scrape": "true" }), Some("10.1.0.7:8080/metrics"));
        check(
            json!({ "prometheus.io/scrape": "true", "prometheus.io/port": "9000",
                    "prometheus.io/path": "stats" }),
            Some("10.1.0.7:9000/stats"),
        );
        check(json!({ "prometheus.io/scrape": "true", "prometheus.io/port": "http" }), None);
        // A pod that has no address yet cannot be asked.
        let without = replica(template(json!({ "prometheus.io/scrape": "true" })), false, "");
        assert!(exposed(&without).is_none());
    }

    #[test]
    fn a_service_takes_the_ready_pods_that_it_selects() {
        let service = |selector: Value, port: Value| json!({ "metadata": { "name": "web" }, "spec": { "selector": selector, "ports": [port] } });
        let application = ApplicationName::new("web").expect("a name");
        let check = |service: &Value, states: &[bool], expected: &[&str], is_ready: bool| {
            let replicas: Vec<Replica> = (1..)
                .zip(states)
                .map(|(n, ready)| replica(template(json!({})), *ready, &format!("10.1.0.{n}")))
                .collect();
            let here = replicas.iter().filter(|one| selects(service, &one.template));
            let found = endpoint(&application, "live", service, here);
            let addresses: Vec<String> = found
                .iter()
                .flat_map(|one| one.addresses.iter().map(SocketAddr::to_string))
                .collect();
            assert_eq!(addresses, expected);
            assert_eq!(found.is_some_and(|one| one.is_ready), is_ready);
        };
        let by_name = service(json!({ "app": "web" }), json!({ "port": 80, "targetPort": "http" }));
        check(&by_name, &[true, false, true], &["10.1.0.1:8080", "10.1.0.3:8080"], true);
        // Nobody is ready: whoever is there is asked, and found wanting.
        check(&by_name, &[false], &["10.1.0.1:8080"], false);
        check(&by_name, &[], &[], false);
        let by_number = service(json!({ "app": "web" }), json!({ "port": 80, "targetPort": 9000 }));
        check(&by_number, &[true], &["10.1.0.1:9000"], true);
        let same_port = service(json!({ "app": "web" }), json!({ "port": 8080 }));
        check(&same_port, &[true], &["10.1.0.1:8080"], true);
        let other = service(json!({ "app": "web", "track": "canary" }), json!({ "port": 80 }));
        check(&other, &[true], &[], false);
        check(&service(json!({}), json!({ "port": 80 })), &[true], &[], false);
        check(&json!({ "spec": { "ports": [{ "port": 80 }] } }), &[true], &[], false);
    }
}
