//! The files of a rendered commit.

use std::collections::BTreeMap;

use serde_json::Value;

/// One file a manifest: `namespace/kind-name.yaml`, with `cluster` for objects without a
/// namespace. The name depends on the object's identity alone, so that a rendered commit shows a
/// change as a change of one file; objects whose names would meet get their group as well.
#[must_use]
pub fn files(manifests: &[Value]) -> BTreeMap<String, String> {
    let mut names: BTreeMap<String, usize> = BTreeMap::new();
    for manifest in manifests {
        *names.entry(name(manifest, false)).or_default() += 1;
    }
    let mut files = BTreeMap::new();
    for manifest in manifests {
        let short = name(manifest, false);
        let name = if names[&short] > 1 { name(manifest, true) } else { short };
        let text = yaml::emit(std::slice::from_ref(manifest));
        // Equal identities are refused before this; should they meet, nothing may be lost.
        let file: &mut String = files.entry(format!("{name}.yaml")).or_default();
        if !file.is_empty() {
            file.push_str("---\n");
        }
        file.push_str(&text);
    }
    files
}

fn name(manifest: &Value, has_group: bool) -> String {
    let text =
        |pointer: &str| manifest.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
    let namespace = match text("/metadata/namespace") {
        "" => "cluster",
        namespace => namespace,
    };
    let group = match text("/apiVersion").split_once('/') {
        Some((group, _)) if has_group => format!(".{group}"),
        Some(_) | None => String::new(),
    };
    let kind = text("/kind").to_lowercase();
    format!("{}/{}{}-{}", safe(namespace), safe(&kind), safe(&group), safe(text("/metadata/name")))
}

/// RBAC names may hold colons and the like; a file's name may not.
fn safe(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for character in text.chars() {
        if character.is_ascii_alphanumeric() || matches!(character, '-' | '.') {
            safe.push(character);
        } else {
            safe.push_str(&format!("_{:x}_", u32::from(character)));
        }
    }
    if safe.starts_with('.') && !safe[1..].starts_with(|next: char| next.is_ascii_alphanumeric()) {
        return format!("_2e_{}", &safe[1..]);
    }
    safe
}
