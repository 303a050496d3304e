//! A real node runs real pods: an image made here, a Deployment, its log, an answer, its end.

use std::collections::BTreeSet;
use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, TcpStream};
use std::time::Duration;

use serde_json::{Value, json};
use testkit::TestCluster;
use testkit::kubernetes::{image, node};

const PATIENCE: Duration = Duration::from_secs(120);
const IMAGE: &str = "boucle.test/answers:1";
const PORT: u16 = 8080;

/// Answers every request on its port and says in its log that it is there.
const PROGRAM: &str = r#"
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

int main(void) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(8080)};
    const char answer[] = "HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\nhere\n";
    char request[4096];
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    signal(SIGTERM, _exit);
    if (bind(listener, (struct sockaddr *)&address, sizeof address) || listen(listener, 16)) return 1;
    puts("waiting for requests");
    fflush(stdout);
    for (;;) {
        int connection = accept(listener, 0, 0);
        if (read(connection, request, sizeof request) > 0) write(connection, answer, sizeof answer - 1);
        close(connection);
    }
}
"#;

#[test]
fn a_real_node_runs_a_deployment() {
    if node::is_left_out() {
        return;
    }
    let cluster = testkit::cluster_with_node();
    load_image(&cluster);

    let deployments = format!("/apis/apps/v1/namespaces/{}/deployments", cluster.namespace());
    let made = cluster.ask("POST", &deployments, Some(&deployment()));
    assert_eq!(made.status, 201, "{}", made.body);
    watch(&cluster, &deployments, |_, found| {
        let conditions = found["status"]["conditions"].as_array();
        let is_wanted = |one: &Value| one["type"] == "Available" && one["status"] == "True";
        found["status"]["readyReplicas"] == 2
            && conditions.is_some_and(|list| list.iter().any(is_wanted))
    });

    let path = format!("/api/v1/namespaces/{}/pods", cluster.namespace());
    let pods = cluster.ask("GET", &path, None).body["items"].clone();
    let pods = pods.as_array().expect("a list of pods");
    assert_eq!(pods.len(), 2, "{pods:?}");
    for pod in pods {
        assert_eq!(pod["spec"]["nodeName"], "real");
        let name = pod["metadata"]["name"].as_str().expect("a name");
        let log = cluster.ask("GET", &format!("{path}/{name}/log"), None);
        assert_eq!((log.status, log.body), (200, json!("waiting for requests\n")));
        assert_eq!(answer(&pod["status"]["podIP"]), "here\n");
    }
    // The keepers of containers, and what holds a pod's namespaces, are among them, too.
    let processes = cluster.state().pods_processes();
    for name in ["answers", "pause", "containerd-shim-runc-v2"] {
        let count = processes.iter().filter(|one| one.name == name).count();
        assert!(count >= 2, "{count} of {name} among {processes:?}");
    }

    let mut left: BTreeSet<String> =
        pods.iter().map(|pod| pod["metadata"]["name"].to_string()).collect();
    let body = json!({ "propagationPolicy": "Foreground" });
    let deleted = cluster.ask("DELETE", &format!("{deployments}/answers"), Some(&body));
    assert_eq!(deleted.status, 200, "{}", deleted.body);
    let from = format!("{path}?resourceVersion={}", pods_version(&pods[0]));
    watch(&cluster, &from, |event, pod| {
        if event == "DELETED" {
            left.remove(&pod["metadata"]["name"].to_string());
        }
        left.is_empty()
    });
}

fn deployment() -> Value {
    let labels = json!({ "app": "answers" });
    json!({
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": { "name": "answers" },
        "spec": {
            "replicas": 2,
            "selector": { "matchLabels": labels },
            "template": {
                "metadata": { "labels": labels },
                "spec": { "containers": [{
                    "name": "answers", "image": IMAGE, "imagePullPolicy": "Never",
                    "readinessProbe": {
                        "httpGet": { "path": "/", "port": PORT },
                        "periodSeconds": 1,
                    },
                }]},
            },
        },
    })
}

fn load_image(cluster: &TestCluster) {
    let folder = testkit::temporary_folder();
    let program = folder.path().join("answers");
    image::compile(PROGRAM, &program).expect("a program");
    let archive = image::archive(IMAGE, &program).expect("an archive");
    let node = cluster.state().node.as_ref();
    node.expect("a node").load(&archive).expect("the image is loaded");
}

fn watch(cluster: &TestCluster, path: &str, is_wanted: impl FnMut(&str, &Value) -> bool) {
    let asker = cluster.state().asker().expect("an API server");
    let seen = asker.watch(path, PATIENCE, is_wanted).expect("a watch");
    assert!(seen, "nothing of {path} was as awaited in time");
}

fn answer(address: &Value) -> String {
    let address: Ipv4Addr =
        address.as_str().and_then(|text| text.parse().ok()).expect("an address");
    let mut stream = TcpStream::connect((address, PORT)).expect("a connection to the pod");
    stream.write_all(b"GET / HTTP/1.0\r\n\r\n").expect("a request");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("an answer");
    answer.split_once("\r\n\r\n").expect("a head and a body").1.to_owned()
}

fn pods_version(pod: &Value) -> &str {
    pod["metadata"]["resourceVersion"].as_str().expect("a version")
}
