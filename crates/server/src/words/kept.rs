//! Sentences that come as text: what Kubernetes, the local workloads, a step or the sandbox said, kept
//! in facts and shown as it is. In French where it is one that this program makes itself; what comes
//! from elsewhere (a log line, a condition's message) stays in its own words.

/// The English, with `{}` where something is put in, and the French with the same parts in order.
type Pair = (&'static str, &'static str);

/// The sentence in French as far as it is known, else as it is.
pub fn french(text: &str) -> String {
    for pairs in [HEALTH, WORKLOADS, STEPS, SANDBOX] {
        let found = pairs
            .iter()
            .find_map(|(english, french)| parts(english, text).map(|parts| filled(french, &parts)));
        if let Some(found) = found {
            return found;
        }
    }
    // `Deployment/hello: …`, `CrashLoopBackOff: …`
    if let Some((of, rest)) = text.split_once(": ")
        && !of.is_empty()
        && !of.contains(' ')
    {
        return format!("{of}\u{a0}: {}", french(rest));
    }
    if text.contains("; ") {
        return text.split("; ").map(french).collect::<Vec<_>>().join("\u{202f}; ");
    }
    text.to_owned()
}

/// What stands in the places of a sentence; `None` when the text is another one.
fn parts<'text>(sentence: &str, text: &'text str) -> Option<Vec<&'text str>> {
    let mut pieces = sentence.split("{}");
    let mut rest = text.strip_prefix(pieces.next()?)?;
    let mut found = Vec::new();
    let mut pieces = pieces.peekable();
    while let Some(piece) = pieces.next() {
        let end = match pieces.peek() {
            // The last piece ends the text, so that a part may hold the same words.
            None => rest.strip_suffix(piece)?.len(),
            Some(_) => rest.find(piece)?,
        };
        found.push(&rest[..end]);
        rest = &rest[end + piece.len()..];
    }
    rest.is_empty().then_some(found)
}

fn filled(sentence: &str, parts: &[&str]) -> String {
    let mut pieces = sentence.split("{}");
    let mut text = pieces.next().unwrap_or_default().to_owned();
    for (piece, part) in pieces.zip(parts) {
        text.push_str(&french(part));
        text.push_str(piece);
    }
    text
}

/// `deployments::health`: Kubernetes' own words, as `kubectl rollout status` says them.
const HEALTH: &[Pair] = &[
    ("Pending deletion", "suppression en cours"),
    ("Deployment is paused", "le Deployment est en pause"),
    (
        "Deployment \"{}\" exceeded its progress deadline",
        "le Deployment «\u{a0}{}\u{a0}» a dépassé son délai",
    ),
    ("Waiting for rollout to finish: {}", "mise en place en cours\u{a0}: {}"),
    (
        "observed deployment generation less than desired generation",
        "le Deployment n’a pas encore été lu",
    ),
    (
        "observed replica set generation less than desired generation",
        "le ReplicaSet n’a pas encore été lu",
    ),
    (
        "observed daemon set generation less than desired generation",
        "le DaemonSet n’a pas encore été lu",
    ),
    (
        "{} out of {} new replicas have been updated...",
        "{} nouvelles répliques sur {} sont à jour…",
    ),
    (
        "{} out of {} new replicas are available...",
        "{} nouvelles répliques sur {} sont disponibles…",
    ),
    ("{} of {} updated replicas are available...", "{} répliques à jour sur {} sont disponibles…"),
    ("{} old replicas are pending termination...", "{} anciennes répliques s’arrêtent…"),
    (
        "Waiting for statefulset spec update to be observed...",
        "le StatefulSet n’a pas encore été lu…",
    ),
    ("Waiting for {} pods to be ready...", "{} pods ne sont pas encore prêts…"),
    (
        "Waiting for partitioned roll out to finish: {} out of {} new pods have been updated...",
        "mise en place partielle en cours\u{a0}: {} nouveaux pods sur {} sont à jour…",
    ),
    (
        "partitioned roll out complete: {} new pods have been updated...",
        "mise en place partielle terminée\u{a0}: {} nouveaux pods sont à jour",
    ),
    ("statefulset has {} ready pods", "le StatefulSet a {} pods prêts"),
    (
        "waiting for statefulset rolling update to complete {} pods at revision {}...",
        "mise à jour du StatefulSet en cours\u{a0}: {} pods à la révision {}…",
    ),
    (
        "statefulset rolling update complete {} pods at revision {}...",
        "mise à jour du StatefulSet terminée\u{a0}: {} pods à la révision {}",
    ),
    (
        "daemon set {} out of {} new pods have been updated",
        "DaemonSet\u{a0}: {} nouveaux pods sur {} sont à jour",
    ),
    (
        "Waiting for daemon set \"{}\" rollout to finish: {} out of {} new pods have been updated...",
        "mise en place du DaemonSet «\u{a0}{}\u{a0}» en cours\u{a0}: {} nouveaux pods sur {} sont à jour…",
    ),
    (
        "Waiting for daemon set \"{}\" rollout to finish: {} of {} updated pods are available...",
        "mise en place du DaemonSet «\u{a0}{}\u{a0}» en cours\u{a0}: {} pods à jour sur {} sont disponibles…",
    ),
    (
        "container \"{}\" failed with exit code {}",
        "le conteneur «\u{a0}{}\u{a0}» a échoué avec le code {}",
    ),
    ("Waiting to Autoscale", "l’ajustement automatique n’a pas encore eu lieu"),
    // Kinds of others, after Kubernetes' own.
    (
        "Waiting for {} spec update to be observed",
        "la nouvelle spécification de {} n’a pas encore été lue",
    ),
    ("{} condition is missing", "il manque la condition {}"),
    ("{} is paused", "{} est en pause"),
    ("{} of {} replicas are ready", "{} répliques sur {} sont prêtes"),
    ("the health script of {}: {}", "le script de santé de {}\u{a0}: {}"),
    (
        "it runs for longer than it may ({} instructions)",
        "il dure plus longtemps que permis ({} instructions)",
    ),
    (
        "it needs more memory than it may have ({} bytes)",
        "il demande plus de mémoire que permis ({} octets)",
    ),
];

/// Crate `workloads`: what the engine tells of replicas.
const WORKLOADS: &[Pair] = &[
    ("the container `{}` ended {} times", "le conteneur `{}` s’est arrêté {} fois"),
    ("the next start is in {} s", "prochain démarrage dans {} s"),
    (
        "neither the image `{}` nor the manifest names a program",
        "ni l’image `{}` ni le manifeste ne nomme de programme",
    ),
    (
        "the {} probe of the container `{}` failed too often; it is started again: {}",
        "la sonde {} du conteneur `{}` a échoué trop souvent\u{202f}; il redémarre\u{a0}: {}",
    ),
    ("the container `{}` is not ready: {}", "le conteneur `{}` n’est pas prêt\u{a0}: {}"),
    ("the container `{}` is no longer ready: {}", "le conteneur `{}` n’est plus prêt\u{a0}: {}"),
    (
        "{} of {} new replicas became available within {} s; {}",
        "{} nouvelles répliques sur {} sont devenues disponibles en {} s\u{202f}; {}",
    ),
    ("no replica is left to ask", "il ne reste aucune réplique à interroger"),
    ("no probe was answered", "aucune sonde n’a eu de réponse"),
    ("last probe answer: status {}, {}", "dernière réponse à la sonde\u{a0}: statut {}, {}"),
    ("last probe answer: {}", "dernière réponse à la sonde\u{a0}: {}"),
    ("it wrote nothing", "elle n’a rien écrit"),
    ("last lines: {}", "dernières lignes\u{a0}: {}"),
    ("{} replicas succeeded", "{} répliques ont réussi"),
    (
        "it failed {} times, and its `backoffLimit` is {}",
        "il a échoué {} fois, et son `backoffLimit` est {}",
    ),
];

/// `pipelines::run::job`: how a step ended.
const STEPS: &[Pair] = &[
    (
        "exit code {} (killed; often because of the memory limit)",
        "code de sortie {} (tuée, souvent à cause de la limite de mémoire)",
    ),
    ("exit code {}", "code de sortie {}"),
    ("killed by signal {}", "tuée par le signal {}"),
    (
        "it needed more memory than a job may have, and was killed",
        "il lui fallait plus de mémoire qu’une tâche n’en a, et elle a été tuée",
    ),
    (
        "it ran longer than its `timeout-minutes`",
        "elle a duré plus longtemps que son `timeout-minutes`",
    ),
    ("cancelled", "annulée"),
];

/// Crate `sandbox`: why a protection does not hold, or need not.
const SANDBOX: &[Pair] = &[
    ("{} instead: {}", "{} à la place\u{a0}: {}"),
    ("the server runs as root", "le serveur tourne en root"),
    ("the spec asks for the machine's network", "le réseau de la machine est demandé"),
    ("this kernel does not have it or disables it", "ce noyau ne l’a pas ou l’a désactivée"),
    (
        "this kernel has version {} of it, version 6 is complete",
        "ce noyau en a la version {}, la version 6 est complète",
    ),
    (
        "/proc is empty, a new one was refused: {}",
        "/proc est vide, un nouveau a été refusé\u{a0}: {}",
    ),
    ("no filter for {}", "aucun filtre pour {}"),
];

#[cfg(test)]
mod tests {
    use deployments::{Health, assess_health};
    use serde_json::{Value, json};

    use super::*;

    #[test]
    fn each_sentence_has_the_same_places_in_both_languages() {
        for (english, french) in [HEALTH, WORKLOADS, STEPS, SANDBOX].concat() {
            let places = |text: &str| text.matches("{}").count();
            assert_eq!(places(english), places(french), "{english}");
        }
    }

    #[test]
    fn what_is_known_is_french_and_the_rest_stays() {
        for (text, expected) in [
            ("", ""),
            ("exit code 2", "code de sortie 2"),
            (
                "exit code 137 (killed; often because of the memory limit)",
                "code de sortie 137 (tuée, souvent à cause de la limite de mémoire)",
            ),
            (
                "rlimits instead: this kernel does not have it or disables it",
                "rlimits à la place\u{a0}: ce noyau ne l’a pas ou l’a désactivée",
            ),
            ("connection refused", "connection refused"),
            (
                "Thing/a: the health script of a.example/Thing: it runs for longer than it may (5 instructions)",
                "Thing/a\u{a0}: le script de santé de a.example/Thing\u{a0}: il dure plus longtemps que permis (5 instructions)",
            ),
            ("a; b", "a\u{202f}; b"),
            (
                "Deployment/hello: Waiting for rollout to finish: 0 of 1 updated replicas are available...",
                "Deployment/hello\u{a0}: mise en place en cours\u{a0}: 0 répliques à jour sur 1 sont disponibles…",
            ),
            (
                "1 of 2 new replicas became available within 3 s; CrashLoopBackOff: the container `a` ended 2 times; the next start is in 1.0 s; no probe was answered; last lines: it wrote nothing | x",
                "1 nouvelles répliques sur 2 sont devenues disponibles en 3 s\u{202f}; CrashLoopBackOff\u{a0}: le conteneur `a` s’est arrêté 2 fois\u{202f}; prochain démarrage dans 1.0 s\u{202f}; aucune sonde n’a eu de réponse\u{202f}; dernières lignes\u{a0}: it wrote nothing | x",
            ),
        ] {
            assert_eq!(french(text), expected);
        }
    }

    /// The sentences are those that are really made: one that changes there is found here.
    #[test]
    fn what_kubernetes_says_of_a_rollout_is_known() {
        let object = |kind: &str, spec: Value, status: Value| {
            json!({
                "apiVersion": "apps/v1", "kind": kind, "spec": spec, "status": status,
                "metadata": {"name": "a", "generation": 1},
            })
        };
        let seen = json!({"observedGeneration": 1, "replicas": 2, "updatedReplicas": 1});
        let objects = [
            object("Deployment", json!({"paused": true}), json!({})),
            object("Deployment", json!({"replicas": 2}), json!({"observedGeneration": 0})),
            object("Deployment", json!({"replicas": 2}), seen.clone()),
            object("Deployment", json!({"replicas": 1}), seen.clone()),
            object("ReplicaSet", json!({"replicas": 2}), seen.clone()),
            object("StatefulSet", json!({"replicas": 2}), json!({})),
            object("StatefulSet", json!({"replicas": 2}), seen.clone()),
            object("DaemonSet", json!({}), json!({"observedGeneration": 0})),
        ];
        for object in &objects {
            let Some(Health { message, .. }) = assess_health(object) else { panic!("{object}") };
            assert!(!message.is_empty(), "{object}");
            let said = french(&message);
            assert!(said != message && !said.contains("aiting"), "{message}: {said}");
        }
    }
}
