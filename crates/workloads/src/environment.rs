//! The environment of a container: what the image, the manifest, ConfigMaps, Secrets and Services
//! say, with Kubernetes' `$(NAME)` filled in.

use std::collections::BTreeMap;

use ledger::ApplicationName;

use crate::event::ObjectKey;
use crate::images::UnpackedImage;
use crate::model::{Body, Container, ValueFrom};
use crate::state::{Replica, State};

/// What a program finds when neither image nor manifest say otherwise.
const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// Everything, or the sentence that says what is missing.
pub(crate) fn resolve(
    state: &State,
    replica: &Replica,
    container: &Container,
    image: &UnpackedImage,
) -> Result<BTreeMap<String, String>, String> {
    let mut all = BTreeMap::from([
        ("PATH".to_owned(), PATH.to_owned()),
        ("HOME".to_owned(), "/root".to_owned()),
        ("HOSTNAME".to_owned(), replica.name.clone()),
    ]);
    all.extend(image.environment.clone());
    all.extend(services(state, replica));
    all.extend(ports(replica, container));
    let namespace = &replica.workload.namespace;
    let find = |kind: &str, name: &str| data(state, &replica.application, kind, namespace, name);
    for source in &container.env_from {
        let references = [("ConfigMap", &source.config_map_ref), ("Secret", &source.secret_ref)];
        for (kind, reference) in references {
            let Some(reference) = reference else { continue };
            match find(kind, &reference.name) {
                Some(entries) => all.extend(
                    entries
                        .iter()
                        .map(|(key, value)| (format!("{}{key}", source.prefix), text(value))),
                ),
                None if reference.optional => {}
                None => {
                    return Err(format!(
                        "the {kind} `{}` of `envFrom` is not there",
                        reference.name
                    ));
                }
            }
        }
    }
    for variable in &container.env {
        let value = match (&variable.value, &variable.value_from) {
            (_, Some(from)) => match value_from(from, replica, &find)? {
                Some(value) => value,
                None => continue,
            },
            (Some(value), None) => expand(value, &all),
            (None, None) => String::new(),
        };
        all.insert(variable.name.clone(), value);
    }
    Ok(all)
}

fn value_from<'a>(
    from: &ValueFrom,
    replica: &Replica,
    find: &impl Fn(&str, &str) -> Option<&'a BTreeMap<String, Vec<u8>>>,
) -> Result<Option<String>, String> {
    let (kind, reference) = match from {
        ValueFrom::ConfigMapKey(reference) => ("ConfigMap", reference),
        ValueFrom::SecretKey(reference) => ("Secret", reference),
        ValueFrom::Field { field_path } => {
            return Ok(Some(match field_path.as_str() {
                "metadata.namespace" => replica.workload.namespace.clone(),
                _ => replica.name.clone(),
            }));
        }
    };
    let value = find(kind, &reference.name).and_then(|entries| entries.get(&reference.key));
    match value {
        Some(value) => Ok(Some(text(value))),
        None if reference.optional => Ok(None),
        None => Err(format!(
            "the key `{}` of the {kind} `{}` is not there",
            reference.key, reference.name
        )),
    }
}

/// `PORT` is the first declared port, `PORT_<NAME>` each that has a name.
fn ports(replica: &Replica, container: &Container) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    for declared in &container.ports {
        let Some(real) = replica.ports.get(&declared.container_port) else { continue };
        found.entry("PORT".to_owned()).or_insert_with(|| real.to_string());
        if let Some(name) = &declared.name {
            found.insert(format!("PORT_{}", upper(name)), real.to_string());
        }
    }
    found
}

/// Kubernetes' variables for each Service of the namespace.
fn services(state: &State, replica: &Replica) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    for (application, held) in objects(state, &replica.application) {
        for (key, held) in &held.objects {
            let Body::Service(service) = &held.body else { continue };
            if key.namespace != replica.workload.namespace {
                continue;
            }
            let prefix = upper(&key.name);
            for port in &service.ports {
                let place = crate::service::place(application, key, port.port);
                let Some(real) = state.service_ports.get(&place) else { continue };
                // Another application's service of the same name does not hide our own.
                found
                    .entry(format!("{prefix}_SERVICE_HOST"))
                    .or_insert_with(|| "127.0.0.1".to_owned());
                found.entry(format!("{prefix}_SERVICE_PORT")).or_insert_with(|| real.to_string());
                if let Some(name) = &port.name {
                    found
                        .entry(format!("{prefix}_SERVICE_PORT_{}", upper(name)))
                        .or_insert_with(|| real.to_string());
                }
            }
        }
    }
    found
}

/// The application's own objects first, then those of others.
fn objects<'a>(
    state: &'a State,
    own: &'a ApplicationName,
) -> impl Iterator<Item = (&'a ApplicationName, &'a crate::state::Application)> {
    let first = state.applications.get_key_value(own);
    first.into_iter().chain(state.applications.iter().filter(move |(name, _)| *name != own))
}

/// The entries of a ConfigMap or Secret of the namespace.
pub(crate) fn data<'a>(
    state: &'a State,
    own: &'a ApplicationName,
    kind: &str,
    namespace: &str,
    name: &str,
) -> Option<&'a BTreeMap<String, Vec<u8>>> {
    let key =
        ObjectKey { kind: kind.to_owned(), namespace: namespace.to_owned(), name: name.to_owned() };
    objects(state, own).find_map(|(_, application)| match &application.objects.get(&key)?.body {
        Body::Data(entries) => Some(entries),
        Body::Deployment(_) | Body::Job(_) | Body::Service(_) | Body::Ingress(_) => None,
    })
}

fn text(value: &[u8]) -> String {
    String::from_utf8_lossy(value).into_owned()
}

fn upper(name: &str) -> String {
    name.to_uppercase().replace(['-', '.'], "_")
}

/// `$(NAME)` is the variable's value, `$$(NAME)` is `$(NAME)`; an unknown name stays as it is.
pub(crate) fn expand(text: &str, variables: &BTreeMap<String, String>) -> String {
    let mut result = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('$') {
        result.push_str(&rest[..at]);
        rest = &rest[at..];
        if let Some(after) = rest.strip_prefix("$$") {
            result.push('$');
            rest = after;
            continue;
        }
        let name = rest.strip_prefix("$(").and_then(|after| after.split_once(')'));
        match name.and_then(|(name, after)| Some((variables.get(name)?, after))) {
            Some((value, after)) => {
                result.push_str(value);
                rest = after;
            }
            None => {
                result.push('$');
                rest = &rest[1..];
            }
        }
    }
    result.push_str(rest);
    result
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_are_filled_in() {
        let variables = BTreeMap::from([("A".to_owned(), "1".to_owned())]);
        for (text, expected) in [
            ("", ""),
            ("plain $5", "plain $5"),
            ("$(A)", "1"),
            ("x$(A)$(A)y", "x11y"),
            ("$$(A)", "$(A)"),
            ("$(B)", "$(B)"),
            ("$(A", "$(A"),
            ("$$$(A)", "$1"),
        ] {
            assert_eq!(expand(text, &variables), expected, "{text}");
        }
    }
}
