//! A ConfigMap `argocd-cm` in Git: how objects are judged, and which of their differences do not
//! count, in all applications of its repository.

use crate::core_file::{ConfigMapFile, refused_at};
use crate::lua::Customizations;

/// The name that the ConfigMap must have.
pub(crate) const NAME: &str = "argocd-cm";

/// Reads the file. Settings of Argo CD's own server are refused by name: nothing would follow them.
pub(crate) fn parse(file: &str, text: &str) -> Result<Customizations, yaml::YamlError> {
    let ConfigMapFile { name, data } = yaml::document(file, text)?;
    let refused = |word: &str, message: String| refused_at(file, text, word, message);
    if name != NAME {
        let message = format!(
            "the ConfigMap `{name}` declares nothing here; `{NAME}` does, and one with `baseUrl` for the \
             generator `plugin`"
        );
        return Err(refused("name:", message));
    }
    let is_foreign = |key: &&String| {
        let rest = key.strip_prefix("resource.customizations");
        !rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
    };
    if let Some(key) = data.keys().find(is_foreign) {
        let message = format!(
            "`{key}` is a setting of Argo CD's server; keep only `resource.customizations` in this file"
        );
        return Err(refused(key, message));
    }
    Customizations::read(&data).map_err(|error| refused(&error.key, error.to_string()))
}
