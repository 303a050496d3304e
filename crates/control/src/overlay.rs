//! Writing a digest into an overlay's kustomization, as a person would.

use ledger::ArtifactDigest;
use serde_json::{Map, Value};

/// Why a digest cannot be written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OverlayError {
    /// The file cannot be read.
    #[error("the kustomization cannot be read")]
    Unreadable(#[source] yaml::YamlError),
    /// The file is no mapping, or its `images` is no list.
    #[error("{file} is not a kustomization with a list of `images`")]
    NotAKustomization {
        /// The file.
        file: String,
    },
}

/// The digest that a kustomization gives to an image, when it gives one.
pub fn image_digest(
    file: &str,
    text: &str,
    image: &str,
) -> Result<Option<ArtifactDigest>, OverlayError> {
    let document = read(file, text)?;
    let entry = entries(&document)
        .iter()
        .find(|entry| entry.get("name").and_then(Value::as_str) == Some(image));
    let digest = entry.and_then(|entry| entry.get("digest")).and_then(Value::as_str);
    Ok(digest.and_then(|digest| ArtifactDigest::new(digest).ok()))
}

/// The text with `digest` (and `new_name`, when given) for `image`. Only the lines that must change
/// do: comments and order stay, unless the file is written in a way that a line cannot be changed in.
pub fn set_image(
    file: &str,
    text: &str,
    image: &str,
    new_name: Option<&str>,
    digest: &ArtifactDigest,
) -> Result<String, OverlayError> {
    let mut wanted = read(file, text)?;
    let not_one = || OverlayError::NotAKustomization { file: file.into() };
    let fields = wanted.as_object_mut().ok_or_else(not_one)?;
    let images = fields.entry("images").or_insert_with(|| Value::Array(Vec::new()));
    let images = images.as_array_mut().ok_or_else(not_one)?;
    let position =
        images.iter().position(|entry| entry.get("name").and_then(Value::as_str) == Some(image));
    let position = position.unwrap_or_else(|| {
        images.push(Value::Object(Map::from_iter([("name".into(), Value::from(image))])));
        images.len() - 1
    });
    let entry = images[position].as_object_mut().ok_or_else(not_one)?;
    // A tag beside a digest would be a second answer to one question.
    entry.shift_remove("newTag");
    if let Some(new_name) = new_name {
        entry.insert("newName".into(), Value::from(new_name));
    }
    entry.insert("digest".into(), Value::from(digest.as_str()));
    let edited = edit_digest_line(text, digest);
    let same = edited.as_deref().is_some_and(|edited| read(file, edited).as_ref() == Ok(&wanted));
    Ok(if same { edited.unwrap_or_default() } else { yaml::emit(&[wanted]) })
}

/// The text with its only `digest:` line changed.
fn edit_digest_line(text: &str, digest: &ArtifactDigest) -> Option<String> {
    let is_digest = |line: &&str| line.trim_start().trim_start_matches("- ").starts_with("digest:");
    if text.lines().filter(is_digest).count() != 1 {
        return None;
    }
    let lines = text.lines().map(|line| {
        if is_digest(&line) {
            let start = line.find("digest:").unwrap_or(0);
            format!("{}digest: {digest}\n", &line[..start])
        } else {
            format!("{line}\n")
        }
    });
    Some(lines.collect())
}

fn read(file: &str, text: &str) -> Result<Value, OverlayError> {
    yaml::document(file, text).map_err(OverlayError::Unreadable)
}

fn entries(document: &Value) -> &[Value] {
    document.get("images").and_then(Value::as_array).map_or(&[], Vec::as_slice)
}
