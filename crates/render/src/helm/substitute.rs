//! `$ARGOCD_APP_NAME` and its like in values and paths.

use crate::error::RenderError;
use crate::request::Asker;

/// What the variables stand for.
pub(crate) struct Variables<'a> {
    pub(crate) application: &'a Asker,
    pub(crate) path: &'a str,
}

impl Variables<'_> {
    fn value(&self, name: &str) -> Option<&str> {
        let application = self.application;
        Some(match name {
            "ARGOCD_APP_NAME" => &application.name,
            "ARGOCD_APP_NAMESPACE" => &application.namespace,
            "ARGOCD_APP_PROJECT_NAME" => &application.project,
            "ARGOCD_APP_SOURCE_REPO_URL" => &application.repo_url,
            "ARGOCD_APP_SOURCE_PATH" => self.path,
            "ARGOCD_APP_SOURCE_TARGET_REVISION" => &application.target_revision,
            _ => return None,
        })
    }

    /// The text with `$NAME` and `${NAME}` replaced, `$$` as one `$`. Argo CD puts nothing in the
    /// place of a name that it does not know; here it is refused.
    pub(crate) fn substitute(&self, text: &str) -> Result<String, RenderError> {
        let mut replaced = String::with_capacity(text.len());
        let mut rest = text;
        while let Some(dollar) = rest.find('$') {
            replaced.push_str(&rest[..dollar]);
            rest = &rest[dollar + 1..];
            if let Some(after) = rest.strip_prefix('$') {
                replaced.push('$');
                rest = after;
                continue;
            }
            let (name, after) = variable(rest).ok_or_else(|| unclear(text))?;
            let value = self.value(name).ok_or_else(|| unknown(name, text))?;
            replaced.push_str(value);
            rest = after;
        }
        replaced.push_str(rest);
        Ok(replaced)
    }
}

/// The name behind a dollar and what follows it.
fn variable(text: &str) -> Option<(&str, &str)> {
    if let Some(braced) = text.strip_prefix('{') {
        return braced.split_once('}').filter(|(name, _)| !name.is_empty());
    }
    let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let end = text.find(|c| !is_name(c)).unwrap_or(text.len());
    (end > 0).then(|| text.split_at(end))
}

fn unclear(text: &str) -> RenderError {
    let message = format!("`{text}` has a `$` without a name; write `$$` for one `$`");
    RenderError::whole("unknown-variable", "", message)
}

fn unknown(name: &str, text: &str) -> RenderError {
    let message = if name.starts_with("ARGOCD_APP_REVISION") {
        format!(
            "`{text}` uses `${name}`, which each commit changes, so that each would be deployed \
             again; name the version in Git instead"
        )
    } else {
        format!(
            "`{text}` uses `${name}`, which is neither a variable nor the `ref` of a source; write \
             `$$` for one `$`"
        )
    };
    RenderError::whole("unknown-variable", "", message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: Result<&str, &str>) {
        let application =
            Asker { name: "web".into(), namespace: "shop".into(), ..Asker::default() };
        let variables = Variables { application: &application, path: "charts/web" };
        match (variables.substitute(text), expected) {
            (Ok(found), Ok(expected)) => assert_eq!(found, expected, "{text}"),
            (Err(error), Err(needle)) => assert!(error.message.contains(needle), "{error}"),
            (found, expected) => panic!("{text}: {found:?}, not {expected:?}"),
        }
    }

    #[test]
    fn variables_are_replaced_or_refused() {
        check("plain", Ok("plain"));
        check("$ARGOCD_APP_NAME-$ARGOCD_APP_NAMESPACE", Ok("web-shop"));
        check("a${ARGOCD_APP_SOURCE_PATH}b", Ok("acharts/webb"));
        check("$$HOME", Ok("$HOME"));
        check("$HOME", Err("$HOME"));
        check("${ARGOCD_APP_REVISION_SHORT}", Err("each commit changes"));
        check("5$", Err("without a name"));
        check("${", Err("without a name"));
    }
}
