//! Argo CD's `ApplicationSet`: one file, many applications. What it expands to is a function of the
//! file, the commit that has it, the clusters that are known and what is seen of other repositories.

mod calls;
mod changes;
mod file;
mod functions;
mod generators;
mod parameters;
mod plugin;
mod providers;
mod repositories;
mod strategy;
mod template;
mod upkeep;

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use ledger::{Actor, ApplicationName, CommitId, PullRequestNumber, RepositoryName};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::application::Application;
use crate::rollout::Steps;
use crate::sync_options::Propagation;

pub use changes::{Removals, SetRemovals, removals};
pub use generators::Obstacle;
pub use plugin::{Answered, PluginAnswer, PluginQuestion, plugin_parameters};
pub use template::Templates;
pub use upkeep::Upkeep;

use generators::{Expansion, Given, ParameterSet};
use parameters::Parameters;
use template::Renderer;

/// The most applications of one set: a server has a few thousand.
const APPLICATIONS_MAX: usize = 5_000;

/// A set, as a file of Git declares it.
#[derive(Debug, Clone, PartialEq)]
pub struct ApplicationSet {
    /// `metadata.name`.
    pub name: String,
    /// `spec.goTemplate` with its options, or the short form `{{name}}`.
    pub templates: Templates,
    /// `spec.generators`, checked, with what is templated in them still as written.
    generators: Vec<Value>,
    /// `spec.template`.
    template: Value,
    /// `spec.templatePatch`.
    patch: Option<String>,
    /// What becomes of applications that it has generated.
    pub upkeep: Upkeep,
    /// Whether they change step by step: `strategy`.
    pub steps: Option<Steps>,
    /// `preserveResourcesOnDeletion`: what a removed application runs stays.
    pub preserves: bool,
}

/// A cluster that applications may go to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct KnownCluster {
    /// Its name.
    pub name: String,
    /// Its address.
    pub server: String,
    /// Its labels.
    pub labels: BTreeMap<String, String>,
    /// Its annotations.
    pub annotations: BTreeMap<String, String>,
}

/// A repository of the server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnownRepository {
    /// Its name.
    pub name: RepositoryName,
    /// What stays the same when it is called otherwise.
    pub id: String,
    /// Where it is cloned from.
    pub url: String,
    /// The tips of its branches: of all, or of the default branch alone.
    pub branches: BTreeMap<String, CommitId>,
}

/// A pull request of the server.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct PullRequestId {
    /// Its repository.
    pub repository: RepositoryName,
    /// Its number.
    pub number: PullRequestNumber,
}

/// An open pull request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnownPullRequest {
    /// Which.
    pub id: PullRequestId,
    /// One line.
    pub title: String,
    /// The name of whoever opened it.
    pub author: String,
    /// Its branch, or the ref that means its head.
    pub branch: String,
    /// The branch that it asks to change.
    pub target: String,
    /// Its newest commit.
    pub head: CommitId,
    /// Who of those that it comes from may not write to the repository: nothing is made of it then.
    pub untrusted: Option<Actor>,
}

/// What was seen, or why it could not be.
pub type Seen<T> = Result<T, String>;

/// Reads a file by its path; `None` when there is none.
pub type ReadFile = Box<dyn Fn(&str) -> Option<String>>;

/// The files of a commit.
pub struct CommitFiles {
    /// All of them, by path.
    pub paths: Vec<String>,
    /// One of them.
    pub read: ReadFile,
}

/// What a set is expanded with.
pub struct SetInputs<'a> {
    /// The clusters.
    pub clusters: &'a [KnownCluster],
    /// The address of this server.
    pub server_url: &'a str,
    /// The files of a repository at a revision, of the commit that has the set too.
    pub files: &'a dyn Fn(&str, &str) -> Seen<Rc<CommitFiles>>,
    /// The repositories of an owner, with all branches or only the default one.
    pub repositories: &'a dyn Fn(&str, bool) -> Seen<Vec<KnownRepository>>,
    /// The open pull requests of a repository.
    pub pull_requests: &'a dyn Fn(&str) -> Seen<Vec<KnownPullRequest>>,
    /// What a service answered to a question that is to be asked again after so many seconds; an error
    /// while there is no answer.
    pub plugin: &'a dyn Fn(&PluginQuestion, Option<i64>) -> Answered,
    /// Whether a commit of a repository has something at a path.
    pub has_path: &'a dyn Fn(&RepositoryName, &CommitId, &str) -> Seen<bool>,
}

/// What a set expands to.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Expanded {
    /// Its applications, in the order of the generators.
    pub applications: Vec<Application>,
    /// Pull requests and branches that would have one.
    pub left_out: BTreeSet<LeftOut>,
    /// Services whose last answer counts because they give no other.
    pub unheard: BTreeSet<Unheard>,
}

/// What other people name, and parameters are of.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Origin {
    /// A pull request.
    PullRequest(PullRequestId),
    /// A branch that a set found.
    Branch {
        /// The repository.
        repository: RepositoryName,
        /// Its branch.
        branch: String,
    },
}

/// Something of which nothing is made.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct LeftOut {
    /// Which.
    pub of: Origin,
    /// Why.
    pub why: WhyLeftOut,
}

/// Why nothing is made of it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum WhyLeftOut {
    /// Who of those that it comes from may not write to its repository.
    Untrusted(Actor),
    /// The template makes this of it, which is no name of an application.
    NoName(String),
}

/// A service that gives no new answer.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Unheard {
    /// The ConfigMap that names it.
    pub plugin: String,
    /// Why there is none.
    pub problem: String,
}

/// Why a set cannot be expanded. Nothing is taken as gone then.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SetError {
    /// A generator gives nothing that can be used.
    #[error("`spec.generators[{index}]`: {message}; nothing of the set is changed or removed")]
    Generator {
        /// Which, from 0.
        index: usize,
        /// What is wrong.
        message: String,
    },
    /// A service that a generator asks has not answered yet.
    #[error("`spec.generators[{index}]`: {message}; nothing of the set is changed or removed")]
    Unanswered {
        /// Which, from 0.
        index: usize,
        /// What is awaited, or why it is in vain.
        message: String,
    },
    /// The template does not make an application of the parameters.
    #[error("the template makes no application of {parameters}: {message}")]
    Template {
        /// The parameters, in short.
        parameters: String,
        /// What is wrong.
        message: String,
    },
    /// Two applications have one name.
    #[error(
        "two applications of the set are called `{name}`; make `metadata.name` of the template \
             depend on what differs"
    )]
    Twice {
        /// The name.
        name: String,
    },
    /// Too many.
    #[error("the set has more than {APPLICATIONS_MAX} applications")]
    TooMany,
}

/// What bounds an application: no text that somebody proposes may become a part of it. In a template such
/// a text is a value and nothing else; a patch is read after its texts were put in.
const WHERE_IT_GOES: [&str; 4] =
    ["/spec/project", "/spec/destination", "/spec/source/repoURL", "/spec/sources"];

impl ApplicationSet {
    /// Reads the one `ApplicationSet` of a file. What Argo CD knows and Boucle does not is refused by
    /// name and reason, what nobody knows by name; both with line and column.
    pub fn parse(file: &str, text: &str) -> Result<Self, yaml::YamlError> {
        file::parse(file, text)
    }

    /// Whether expanding it looks at the files of its commit.
    #[must_use]
    pub fn reads_files(&self) -> bool {
        self.generators.iter().any(|generator| generators::has(generator, "git"))
    }

    /// Whether it makes applications of pull requests, whose names and titles their authors choose.
    #[must_use]
    pub fn makes_previews(&self) -> bool {
        self.generators.iter().any(|generator| generators::has(generator, "pullRequest"))
    }

    /// Whether it asks services for parameters.
    #[must_use]
    pub fn asks_plugins(&self) -> bool {
        self.generators.iter().any(|generator| generators::has(generator, "plugin"))
    }

    /// Its applications. `file` is where errors of an application are said to be.
    pub fn expand(&self, file: &str, inputs: &SetInputs<'_>) -> Result<Expanded, SetError> {
        let mut applications: Vec<Application> = Vec::new();
        let mut names = BTreeSet::new();
        let renderer = Renderer::new(self.templates);
        let (left_out, unheard, found) =
            (RefCell::default(), RefCell::default(), RefCell::default());
        let expansion = Expansion {
            inputs,
            renderer: &renderer,
            set: &self.name,
            left_out: &left_out,
            unheard: &unheard,
            found: &found,
        };
        for (index, generator) in self.generators.iter().enumerate() {
            let generated = expansion.of(generator).map_err(|obstacle| match obstacle {
                Obstacle::Wrong(message) => SetError::Generator { index, message },
                Obstacle::Unanswered(message) => SetError::Unanswered { index, message },
            })?;
            let template = match &generated.template {
                Some(over) => merged(&self.template, over),
                None => self.template.clone(),
            };
            for set in generated.sets {
                if let Some(unnamed) = unnamed(&template, &set, &renderer) {
                    left_out.borrow_mut().insert(unnamed);
                    continue;
                }
                let application = self.application(file, &template, set, &renderer)?;
                if !names.insert(application.name.clone()) {
                    return Err(SetError::Twice { name: application.name.to_string() });
                }
                if applications.len() == APPLICATIONS_MAX {
                    return Err(SetError::TooMany);
                }
                applications.push(application);
            }
        }
        let (left_out, unheard) = (left_out.into_inner(), unheard.into_inner());
        Ok(Expanded { applications, left_out, unheard })
    }

    fn application(
        &self,
        file: &str,
        template: &Value,
        set: ParameterSet,
        renderer: &Renderer,
    ) -> Result<Application, SetError> {
        let ParameterSet { parameters, origin } = set;
        let pull_request = match origin.map(|given| given.of) {
            Some(Origin::PullRequest(id)) => Some(id),
            Some(Origin::Branch { .. }) | None => None,
        };
        let parameters = &parameters;
        let wrong = |message: String| SetError::Template {
            parameters: parameters::describe(parameters),
            message,
        };
        let mut object = renderer.render_all(template, parameters).map_err(wrong)?;
        if let Some(patch) = &self.patch {
            let text = renderer.render(patch, parameters).map_err(wrong)?;
            let patch: Value = yaml::document("templatePatch", &text)
                .map_err(|error| wrong(format!("`templatePatch`: {}", error.message)))?;
            if let Some(field) = patched_identity(&patch) {
                return Err(wrong(format!("`templatePatch` may not change `{field}`")));
            }
            let before = object.clone();
            object = patched(object, &patch);
            if pull_request.is_some()
                && let Some(field) = WHERE_IT_GOES
                    .iter()
                    .find(|field| object.pointer(field) != before.pointer(field))
            {
                let field = field.trim_start_matches('/').replace('/', ".");
                return Err(wrong(format!(
                    "`templatePatch` may not change `{field}` of a pull request's application: a title \
                     in it could; put it into the template"
                )));
            }
        }
        if let Some(fields) = object.as_object_mut() {
            fields.insert("apiVersion".into(), Value::from("argoproj.io/v1alpha1"));
            fields.insert("kind".into(), Value::from("Application"));
        }
        let text = yaml::emit(&[object]);
        let mut application =
            Application::parse(file, &text).map_err(|error| wrong(error.message))?;
        application.pull_request = pull_request;
        application.rollout =
            self.steps.as_ref().map(|steps| steps.place(&self.name, &application.labels));
        // Argo CD gives its finalizer to what it generates, unless the set preserves.
        if !self.preserves {
            application.delete_objects_on_removal.get_or_insert(Propagation::Foreground);
        }
        Ok(application)
    }
}

/// A branch or a pull request of which no application can be called: its author chose its name, and one
/// name must not stop the applications of all others. It never had one, so that nothing is lost by it. What
/// the file itself makes no name of is wrong with the file.
fn unnamed(template: &Value, set: &ParameterSet, renderer: &Renderer) -> Option<LeftOut> {
    let Given { of, parameters: given } = set.origin.as_ref()?;
    let name = template.pointer("/metadata/name")?.as_str()?;
    // What is wrong with the template is said with everything else of it.
    let rendered = renderer.render(name, &set.parameters).ok()?;
    let is_name = |text: &str| ApplicationName::new(text).is_ok();
    if is_name(&rendered) {
        return None;
    }
    let plain = plain(&set.parameters, given);
    if !is_name(&renderer.render(name, &plain).ok()?) {
        return None;
    }
    Some(LeftOut { of: of.clone(), why: WhyLeftOut::NoName(rendered) })
}

/// The same parameters, where those that were given are texts of which every name can be made.
fn plain(parameters: &Parameters, given: &Parameters) -> Parameters {
    fn plain_value(value: &Value, given: &Value) -> Value {
        match (value, given) {
            (Value::String(text), Value::String(given)) if text == given => Value::from("x"),
            (Value::Array(items), Value::Array(given)) if items == given => {
                items.iter().map(|item| plain_value(item, item)).collect()
            }
            (Value::Object(fields), Value::Object(given)) => Value::Object(plain(fields, given)),
            (value, _) => value.clone(),
        }
    }
    let values = parameters.iter().map(|(name, value)| {
        let value = given.get(name).map_or_else(|| value.clone(), |one| plain_value(value, one));
        (name.clone(), value)
    });
    values.collect()
}

/// What a patch says of who the application is.
fn patched_identity(patch: &Value) -> Option<&'static str> {
    let fields = [
        ("/metadata/name", "metadata.name"),
        ("/metadata/namespace", "metadata.namespace"),
        ("/kind", "kind"),
        ("/apiVersion", "apiVersion"),
    ];
    fields.into_iter().find(|(pointer, _)| patch.pointer(pointer).is_some()).map(|(_, name)| name)
}

/// A template with another on top: what the other leaves empty stays.
fn merged(base: &Value, over: &Value) -> Value {
    match (base, over) {
        (Value::Object(base), Value::Object(over)) => {
            let mut fields = base.clone();
            for (name, value) in over {
                let value = match fields.get(name) {
                    Some(known) => merged(known, value),
                    None => value.clone(),
                };
                fields.insert(name.clone(), value);
            }
            Value::Object(fields)
        }
        (base, over) if is_empty(over) => base.clone(),
        (_, over) => over.clone(),
    }
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(false) => true,
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Object(fields) => fields.is_empty(),
        Value::Bool(true) | Value::Number(_) => false,
    }
}

/// A merge patch (RFC 7396), which is what Argo CD's patch of an application comes to.
fn patched(object: Value, patch: &Value) -> Value {
    let Value::Object(changes) = patch else { return patch.clone() };
    let mut fields = match object {
        Value::Object(fields) => fields,
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => {
            serde_json::Map::new()
        }
    };
    for (name, change) in changes {
        if change.is_null() {
            fields.remove(name);
        } else {
            let known = fields.remove(name).unwrap_or(Value::Null);
            fields.insert(name.clone(), patched(known, change));
        }
    }
    Value::Object(fields)
}
