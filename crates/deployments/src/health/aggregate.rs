//! The health of an application: that of its worst object.

use serde_json::Value;

use super::{Health, HealthStatus, assess};
use crate::objects::{annotation, text};

/// What stands in the way of a roll-out and does not pass by itself: the deadline that it exceeded
/// with what is known of its replicas; else what the first replica by name waits for (an image that
/// is not there, a reference to nothing, a process that ends again and again). `None` when all is on
/// its way.
#[must_use]
pub fn waits_for(objects: &[Value]) -> Option<String> {
    let pods = objects.iter().filter(|object| object["kind"] == "Pod");
    let waiting = pods.flat_map(|pod| {
        let name = pod["metadata"]["name"].as_str().unwrap_or_default();
        let containers = pod.pointer("/status/containerStatuses").and_then(Value::as_array);
        containers.into_iter().flatten().filter_map(move |container| {
            let waiting = container.pointer("/state/waiting")?;
            let reason = waiting["reason"].as_str().filter(|reason| !PASSING.contains(reason))?;
            let message = waiting["message"].as_str().unwrap_or_default();
            Some((name, format!("{reason}: {message}")))
        })
    });
    let exceeded = objects.iter().find_map(|object| {
        let conditions = object.pointer("/status/conditions").and_then(Value::as_array)?;
        let exceeded = |one: &&Value| one["reason"] == "ProgressDeadlineExceeded";
        conditions.iter().find(exceeded)?["message"].as_str().map(str::to_owned)
    });
    exceeded.or_else(|| waiting.min().map(|(_, sentence)| sentence))
}

/// Reasons of waiting that pass by themselves.
const PASSING: [&str; 2] = ["ContainerCreating", "PodInitializing"];

/// The application's health: its worst object; `expected` is how many objects Git asks for. Objects
/// that ask to be left out (`argocd.argoproj.io/ignore-healthcheck: "true"`) and hooks do not count,
/// and what is missing alone does not make the application worse.
#[must_use]
pub fn aggregate(objects: &[Value], expected: usize) -> Health {
    aggregate_by(objects, expected, assess)
}

/// As [`aggregate`], with the health of each object as `assess` gives it: for users' own scripts.
#[must_use]
pub fn aggregate_by<'a>(
    objects: impl IntoIterator<Item = &'a Value>,
    expected: usize,
    assess: impl Fn(&Value) -> Option<Health>,
) -> Health {
    let mut objects = objects.into_iter().peekable();
    if objects.peek().is_none() && expected > 0 {
        return Health::new(HealthStatus::Missing, "none of its objects is on the target");
    }
    let named = |object: &Value| {
        let mut health = assess(object).filter(|health| worsens(object, health.status))?;
        let kind = text(object, "/kind").unwrap_or_default();
        let name = text(object, "/metadata/name").unwrap_or_default();
        health.message = format!("{kind}/{name}: {}", health.message);
        Some(health)
    };
    objects
        .filter(|object| counts(object))
        .filter_map(named)
        // The first of the worst, so that equal inputs give an equal message.
        .reduce(|worst, next| if next.status > worst.status { next } else { worst })
        .unwrap_or_else(|| Health::healthy(""))
}

fn counts(object: &Value) -> bool {
    annotation(object, "argocd.argoproj.io/ignore-healthcheck") != Some("true")
        && annotation(object, "argocd.argoproj.io/hook").is_none()
        && annotation(object, "helm.sh/hook").is_none()
}

/// A child application that nobody has looked at yet says nothing of its parent.
fn worsens(object: &Value, status: HealthStatus) -> bool {
    let is_application = text(object, "/kind") == Some("Application")
        && text(object, "/apiVersion").is_some_and(|it| it.starts_with("argoproj.io/"));
    match status {
        HealthStatus::Healthy | HealthStatus::Missing => false,
        HealthStatus::Unknown => !is_application,
        HealthStatus::Suspended | HealthStatus::Progressing | HealthStatus::Degraded => true,
    }
}
