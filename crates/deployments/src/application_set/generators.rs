//! What generators give: sets of parameters.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use serde_json::{Map, Value, json};

use super::file::{
    ClustersGenerator, Expression, Generator, GitGenerator, GitPath, ListGenerator,
    NestedGenerator, Operator, Selector,
};
use super::functions::normalized;
use super::parameters::{Parameters, fill, flat, overlay, text_of};
use super::plugin::PluginGenerator;
use super::template::Renderer;
use super::{CommitFiles, KnownCluster, LeftOut, Origin, SetInputs, Templates, Unheard};
use crate::glob::Glob;

/// How deep generators are nested: a matrix or merge in a matrix or merge, as Argo CD has it.
pub(super) const DEPTH_MAX: usize = 3;
/// The most sets of parameters of a generator, before those of others select among them.
const SETS_MAX: usize = 20_000;
/// The largest file that a generator reads.
const FILE_BYTES_MAX: usize = 1_000_000;
/// The label by which Argo CD's files select all clusters that were added.
const CLUSTER_LABEL: (&str, &str) = ("argocd.argoproj.io/secret-type", "cluster");

/// What one generator of the set gives.
pub(super) struct Generated {
    pub(super) sets: Vec<ParameterSet>,
    /// Its own template, which goes over the set's.
    pub(super) template: Option<Value>,
}

/// The parameters of one application.
#[derive(Debug, Clone)]
pub(super) struct ParameterSet {
    pub(super) parameters: Parameters,
    /// The pull request or the branch that they are of.
    pub(super) origin: Option<Given>,
}

/// What other people name, with those of the parameters that have their names.
#[derive(Debug, Clone)]
pub(super) struct Given {
    pub(super) of: Origin,
    pub(super) parameters: Parameters,
}

/// Why a generator gives nothing that can be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Obstacle {
    /// Something is wrong with it.
    Wrong(String),
    /// A service that it asks has not answered yet.
    Unanswered(String),
}

impl From<String> for Obstacle {
    fn from(message: String) -> Self {
        Self::Wrong(message)
    }
}

impl From<&str> for Obstacle {
    fn from(message: &str) -> Self {
        Self::Wrong(message.into())
    }
}

/// What generators are expanded with.
pub(super) struct Expansion<'a> {
    pub(super) inputs: &'a SetInputs<'a>,
    pub(super) renderer: &'a Renderer,
    /// The name of the set.
    pub(super) set: &'a str,
    /// Pull requests that were found and of which nothing is made.
    pub(super) left_out: &'a RefCell<BTreeSet<LeftOut>>,
    /// Services whose last answer counts because they give no other.
    pub(super) unheard: &'a RefCell<BTreeSet<Unheard>>,
    /// What `git` found, by the generator without its `values`: a matrix asks once for each other set.
    pub(super) found: &'a RefCell<BTreeMap<String, Rc<Vec<Parameters>>>>,
}

/// The names of all generators.
const KINDS: [&str; 8] =
    ["list", "clusters", "git", "scmProvider", "pullRequest", "plugin", "matrix", "merge"];
/// What of a generator is no template of the parameters of another one around it: it is filled later,
/// and what was filled in is not read as a template again.
const FILLED_LATER: [&str; 3] = ["generators", "values", "template"];

/// Whether a generator looks at files.
pub(super) fn has(generator: &Value, kind: &str) -> bool {
    let nested = ["/matrix/generators", "/merge/generators"];
    let mut within = nested
        .into_iter()
        .filter_map(|pointer| generator.pointer(pointer).and_then(Value::as_array))
        .flatten();
    generator.get(kind).is_some() || within.any(|one| has(one, kind))
}

/// Whether a generator can give something at all: its fields, its nesting, its templates.
pub(super) fn check(generator: &Value, templates: Templates, depth: usize) -> Result<(), String> {
    let read = read(generator)?;
    let kinds = [
        read.list.is_some(),
        read.clusters.is_some(),
        read.git.is_some(),
        read.scm_provider.is_some(),
        read.pull_request.is_some(),
        read.plugin.is_some(),
        read.matrix.is_some(),
        read.merge.is_some(),
    ];
    if kinds.into_iter().filter(|is_there| *is_there).count() != 1 {
        return Err(format!("a generator has exactly one of `{}`", KINDS.join("`, `")));
    }
    read.scm_provider.iter().try_for_each(|one| one.asked().map(drop))?;
    read.pull_request.iter().try_for_each(|one| one.asked().map(drop))?;
    read.plugin.iter().try_for_each(PluginGenerator::check)?;
    if let Some(git) = &read.git {
        if git.directories.is_empty() == git.files.is_empty() {
            return Err("`git` needs either `directories` or `files`".into());
        }
        for entry in git.directories.iter().chain(&git.files) {
            templates.check(&entry.path)?;
        }
    }
    let Some(nested) = read.matrix.as_ref().or(read.merge.as_ref()) else { return Ok(()) };
    if depth <= 1 {
        return Err("`matrix` and `merge` are nested too deeply".into());
    }
    if read.matrix.is_some() && nested.generators.len() != 2 {
        return Err("`matrix` needs exactly two generators".into());
    }
    if read.merge.is_some() && nested.generators.len() < 2 {
        return Err("`merge` needs two generators or more".into());
    }
    if read.merge.is_some() == nested.merge_keys.is_empty() {
        return Err("`mergeKeys` belongs to `merge`, which needs one or more".into());
    }
    nested.generators.iter().try_for_each(|one| check(one, templates, depth - 1))
}

fn read(generator: &Value) -> Result<Generator, String> {
    serde_json::from_value(generator.clone()).map_err(|error| error.to_string())
}

impl Expansion<'_> {
    /// What a generator gives.
    pub(super) fn of(&self, generator: &Value) -> Result<Generated, Obstacle> {
        let sets = self.sets(generator, &Parameters::new(), DEPTH_MAX)?;
        let template = KINDS.into_iter().find_map(|kind| {
            let own = generator.get(kind)?.get("template")?;
            own.as_object().is_some_and(|own| !own.is_empty()).then(|| own.clone())
        });
        Ok(Generated { sets, template })
    }

    /// `outer` are the parameters of the generators around it.
    fn sets(
        &self,
        generator: &Value,
        outer: &Parameters,
        depth: usize,
    ) -> Result<Vec<ParameterSet>, Obstacle> {
        if depth == 0 {
            return Err("`matrix` and `merge` are nested too deeply".into());
        }
        let mut read = read(&self.filled(generator, outer)?)?;
        let selector = read.selector.take();
        let mut sets = match read {
            Generator { list: Some(list), .. } => alone(self.list(list)?),
            Generator { clusters: Some(clusters), .. } => alone(self.clusters(&clusters, outer)?),
            Generator { git: Some(git), .. } => alone(self.git(&git, outer)?),
            Generator { scm_provider: Some(asked), .. } => self.repositories(&asked, outer)?,
            Generator { pull_request: Some(asked), .. } => self.pull_requests(&asked, outer)?,
            Generator { plugin: Some(asked), .. } => alone(self.plugin(&asked, outer)?),
            Generator { matrix: Some(matrix), .. } => self.matrix(&matrix, outer, depth - 1)?,
            Generator { merge: Some(merge), .. } => self.merge(&merge, outer, depth - 1)?,
            _ => return Err("a generator is empty".into()),
        };
        if let Some(selector) = selector {
            sets.retain(|set| {
                let known = flat(&set.parameters);
                selector.matches(&|key| known.get(key).map(text_of))
            });
        }
        if sets.len() > SETS_MAX {
            return Err(format!("it gives more than {SETS_MAX} sets of parameters").into());
        }
        Ok(sets)
    }

    /// A generator with the parameters of those around it.
    fn filled(&self, generator: &Value, outer: &Parameters) -> Result<Value, String> {
        let Some(kinds) = generator.as_object().filter(|_| !outer.is_empty()) else {
            return Ok(generator.clone());
        };
        let mut filled = Map::new();
        for (kind, fields) in kinds {
            let Some(fields) = fields.as_object() else {
                filled.insert(kind.clone(), fields.clone());
                continue;
            };
            let mut own = Map::new();
            for (name, value) in fields {
                let value = match FILLED_LATER.contains(&name.as_str()) {
                    true => value.clone(),
                    false => self.renderer.render_all(value, outer)?,
                };
                own.insert(name.clone(), value);
            }
            filled.insert(kind.clone(), Value::Object(own));
        }
        Ok(Value::Object(filled))
    }

    fn list(&self, list: ListGenerator) -> Result<Vec<Parameters>, String> {
        let mut elements = list.elements;
        if let Some(text) = list.elements_yaml.filter(|text| !text.trim().is_empty()) {
            let more: Vec<Map<String, Value>> = yaml::document("elementsYaml", &text)
                .map_err(|error| format!("`elementsYaml`: {}", error.message))?;
            elements.extend(more);
        }
        if self.renderer.templates.are_go() {
            return Ok(elements);
        }
        // The short form knows texts only, and nothing within anything but `values`.
        elements
            .into_iter()
            .map(|element| {
                let mut set = Parameters::new();
                for (name, value) in element {
                    if let (Value::Object(values), "values") = (&value, name.as_str()) {
                        for (name, value) in values {
                            set.insert(format!("values.{name}"), plain(name, value)?);
                        }
                    } else {
                        set.insert(name.clone(), plain(&name, &value)?);
                    }
                }
                Ok(set)
            })
            .collect()
    }

    fn clusters(
        &self,
        generator: &ClustersGenerator,
        outer: &Parameters,
    ) -> Result<Vec<Parameters>, String> {
        let mut sets = Vec::new();
        for cluster in self.inputs.clusters {
            let label = |key: &str| {
                let known = cluster.labels.get(key).cloned();
                known.or_else(|| (key == CLUSTER_LABEL.0).then(|| CLUSTER_LABEL.1.to_owned()))
            };
            if generator.selector.as_ref().is_none_or(|selector| selector.matches(&label)) {
                let mut set = self.of_cluster(cluster);
                self.add_values(&generator.values, outer, &mut set)?;
                sets.push(set);
            }
        }
        Ok(sets)
    }

    fn of_cluster(&self, cluster: &KnownCluster) -> Parameters {
        let KnownCluster { name, server, labels, annotations } = cluster;
        let mut set = Parameters::new();
        set.insert("name".into(), json!(name));
        set.insert("nameNormalized".into(), json!(normalized(name)));
        set.insert("server".into(), json!(server));
        set.insert("project".into(), json!(""));
        if self.renderer.templates.are_go() {
            set.insert("metadata".into(), json!({"labels": labels, "annotations": annotations}));
        } else {
            for (label, value) in labels {
                set.insert(format!("metadata.labels.{label}"), json!(value));
            }
            for (annotation, value) in annotations {
                set.insert(format!("metadata.annotations.{annotation}"), json!(value));
            }
        }
        set
    }

    fn git(&self, git: &GitGenerator, outer: &Parameters) -> Result<Vec<Parameters>, String> {
        let known = self.found.borrow().get(&git.key()).cloned();
        let found = match known {
            Some(found) => found,
            None => {
                let found = Rc::new(self.find(git)?);
                self.found.borrow_mut().insert(git.key(), Rc::clone(&found));
                found
            }
        };
        let mut sets = Vec::clone(&found);
        sets.iter_mut().try_for_each(|set| self.add_values(&git.values, outer, set))?;
        Ok(sets)
    }

    fn find(&self, git: &GitGenerator) -> Result<Vec<Parameters>, String> {
        let files = (self.inputs.files)(&git.repo_url, &git.revision)?;
        let mut sets = Vec::new();
        if git.files.is_empty() {
            let directories = directories(&files.paths);
            let matches = matcher(&git.directories, is_folder)?;
            for directory in directories.iter().filter(|path| matches(path)) {
                let mut set = Parameters::new();
                self.add_path(git, directory, None, &mut set);
                sets.push(set);
            }
            return Ok(sets);
        }
        let matches = matcher(&git.files, Glob::matches)?;
        for path in files.paths.iter().filter(|path| matches(path)) {
            for content in contents(&files, path)? {
                let mut set =
                    if self.renderer.templates.are_go() { content } else { flat(&content) };
                let (folder, file) = path.rsplit_once('/').unwrap_or((".", path));
                self.add_path(git, folder, Some(file), &mut set);
                sets.push(set);
            }
        }
        Ok(sets)
    }

    fn add_path(&self, git: &GitGenerator, path: &str, file: Option<&str>, set: &mut Parameters) {
        let base = path.rsplit('/').next().unwrap_or(path);
        let segments: Vec<&str> = path.split('/').collect();
        let prefix = &git.path_param_prefix;
        if self.renderer.templates.are_go() {
            let mut fields = json!({
                "path": path,
                "basename": base,
                "basenameNormalized": normalized(base),
                "segments": segments,
            });
            if let Some(file) = file {
                fields["filename"] = json!(file);
                fields["filenameNormalized"] = json!(normalized(file));
            }
            match prefix.as_str() {
                "" => drop(set.insert("path".into(), fields)),
                prefix => drop(set.insert(prefix.into(), json!({"path": fields}))),
            }
            return;
        }
        let name = match prefix.as_str() {
            "" => "path".to_owned(),
            prefix => format!("{prefix}.path"),
        };
        set.insert(format!("{name}.basename"), json!(base));
        set.insert(format!("{name}.basenameNormalized"), json!(normalized(base)));
        if let Some(file) = file {
            set.insert(format!("{name}.filename"), json!(file));
            set.insert(format!("{name}.filenameNormalized"), json!(normalized(file)));
        }
        for (index, segment) in segments.into_iter().enumerate() {
            set.insert(format!("{name}[{index}]"), json!(segment));
        }
        set.insert(name, json!(path));
    }

    /// `values`, which are templates of the parameters around it and of its own.
    pub(super) fn add_values(
        &self,
        values: &BTreeMap<String, String>,
        outer: &Parameters,
        set: &mut Parameters,
    ) -> Result<(), String> {
        if values.is_empty() {
            return Ok(());
        }
        let mut all = outer.clone();
        fill(&mut all, set);
        let mut rendered = Map::new();
        for (name, text) in values {
            rendered.insert(name.clone(), Value::from(self.renderer.render(text, &all)?));
        }
        if self.renderer.templates.are_go() {
            set.insert("values".into(), Value::Object(rendered));
        } else {
            set.extend(rendered.into_iter().map(|(name, value)| (format!("values.{name}"), value)));
        }
        Ok(())
    }

    /// Each set of the first with each of the second, whose fields are templates of the first's.
    fn matrix(
        &self,
        matrix: &NestedGenerator,
        outer: &Parameters,
        depth: usize,
    ) -> Result<Vec<ParameterSet>, Obstacle> {
        let [first, second] = matrix.generators.as_slice() else {
            return Err("`matrix` needs exactly two generators".into());
        };
        let is_filled = has_templates(second);
        let mut sets = Vec::new();
        for one in self.sets(first, outer, depth)? {
            let mut around = outer.clone();
            fill(&mut around, &one.parameters);
            for inner in self.sets(second, &around, depth)? {
                let mut set = one.clone();
                // What is filled with names of others has them too.
                let named = match is_filled {
                    true => Some(&inner.parameters),
                    false => inner.origin.as_ref().map(|given| &given.parameters),
                };
                if let (Some(given), Some(named)) = (&mut set.origin, named) {
                    fill(&mut given.parameters, named);
                }
                if self.renderer.templates.are_go() {
                    fill(&mut set.parameters, &inner.parameters);
                } else {
                    add_same(&mut set.parameters, inner.parameters)?;
                }
                set.origin = set.origin.or(inner.origin);
                sets.push(set);
            }
            if sets.len() > SETS_MAX {
                let why = format!("`matrix` gives more than {SETS_MAX} sets of parameters");
                return Err(why.into());
            }
        }
        Ok(sets)
    }

    /// The sets of the first, with what the others have for the same keys on top.
    fn merge(
        &self,
        merge: &NestedGenerator,
        outer: &Parameters,
        depth: usize,
    ) -> Result<Vec<ParameterSet>, Obstacle> {
        let mut generated = Vec::new();
        for generator in &merge.generators {
            let sets = self.sets(generator, outer, depth)?;
            let mut seen = BTreeSet::new();
            for set in &sets {
                let key = keys_of(merge, set);
                if !seen.insert(key.clone()) {
                    let why = format!("`mergeKeys` do not tell the sets apart: twice {key:?}");
                    return Err(why.into());
                }
            }
            generated.push(sets);
        }
        let mut generated = generated.into_iter();
        let mut base = generated.next().unwrap_or_default();
        for others in generated {
            let by_key: BTreeMap<Vec<String>, ParameterSet> =
                others.into_iter().map(|set| (keys_of(merge, &set), set)).collect();
            for set in &mut base {
                let Some(over) = by_key.get(&keys_of(merge, set)) else { continue };
                if self.renderer.templates.are_go() {
                    overlay(&mut set.parameters, &over.parameters);
                } else {
                    set.parameters.extend(over.parameters.clone());
                }
                match (&mut set.origin, &over.origin) {
                    (Some(given), Some(more)) => overlay(&mut given.parameters, &more.parameters),
                    (Some(_), None) => {}
                    (None, over) => set.origin = over.clone(),
                }
            }
        }
        Ok(base)
    }
}

impl GitGenerator {
    /// What tells it from others that find something else.
    fn key(&self) -> String {
        let paths = |paths: &[GitPath]| -> Vec<Value> {
            paths.iter().map(|one| json!([one.path, one.exclude])).collect()
        };
        let (directories, files) = (paths(&self.directories), paths(&self.files));
        let Self { repo_url, revision, path_param_prefix, .. } = self;
        json!([repo_url, revision, directories, files, path_param_prefix]).to_string()
    }
}

/// Sets of parameters that neither a pull request nor a branch gave.
fn alone(sets: Vec<Parameters>) -> Vec<ParameterSet> {
    sets.into_iter().map(|parameters| ParameterSet { parameters, origin: None }).collect()
}

/// Whether anything of a generator is a template.
fn has_templates(generator: &Value) -> bool {
    match generator {
        Value::String(text) => text.contains("{{"),
        Value::Array(items) => items.iter().any(has_templates),
        Value::Object(fields) => {
            fields.iter().any(|(name, value)| name.contains("{{") || has_templates(value))
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => false,
    }
}

/// In the short form both generators of a matrix may give the same, and nothing else of one name.
fn add_same(set: &mut Parameters, more: Parameters) -> Result<(), String> {
    for (name, value) in more {
        if set.get(&name).is_some_and(|known| *known != value) {
            return Err(format!(
                "both generators of `matrix` give `{name}`, with different values"
            ));
        }
        set.insert(name, value);
    }
    Ok(())
}

/// A file's one map, or its list of them.
fn contents(files: &CommitFiles, path: &str) -> Result<Vec<Map<String, Value>>, String> {
    let text = (files.read)(path).ok_or_else(|| format!("{path} cannot be read"))?;
    if text.len() > FILE_BYTES_MAX {
        return Err(format!("{path} is larger than {FILE_BYTES_MAX} bytes"));
    }
    if text.trim().is_empty() {
        return Ok(vec![Map::new()]);
    }
    let value: Value = yaml::document(path, &text).map_err(|error| error.to_string())?;
    let wrong = || format!("{path} is neither a map nor a list of maps");
    match value {
        Value::Object(fields) => Ok(vec![fields]),
        Value::Null => Ok(vec![Map::new()]),
        Value::Array(items) => items
            .into_iter()
            .map(|item| match item {
                Value::Object(fields) => Ok(fields),
                Value::Null
                | Value::Bool(_)
                | Value::Number(_)
                | Value::String(_)
                | Value::Array(_) => Err(wrong()),
            })
            .collect(),
        Value::Bool(_) | Value::Number(_) | Value::String(_) => Err(wrong()),
    }
}

fn keys_of(merge: &NestedGenerator, set: &ParameterSet) -> Vec<String> {
    let flat = flat(&set.parameters);
    let of = |key: &String| flat.get(key).map(text_of).unwrap_or_default();
    merge.merge_keys.iter().map(of).collect()
}

fn plain(name: &str, value: &Value) -> Result<Value, String> {
    match value {
        Value::String(_) => Ok(value.clone()),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => {
            Err(format!("`{name}` of an element is no text; quote it, or use `goTemplate: true`"))
        }
    }
}

/// All folders, by path; those that begin with a dot, and what is in them, are left out.
fn directories(paths: &[String]) -> BTreeSet<&str> {
    let mut directories = BTreeSet::new();
    for path in paths {
        let mut folder = path.as_str();
        while let Some((parent, _)) = folder.rsplit_once('/') {
            folder = parent;
            if !directories.insert(folder) {
                break;
            }
        }
    }
    directories.retain(|path| !path.split('/').any(|part| part.starts_with('.')));
    directories
}

/// Whether a path is included and not excluded.
fn matcher(
    entries: &[GitPath],
    matches: fn(&Glob, &str) -> bool,
) -> Result<impl Fn(&str) -> bool, String> {
    let globs = entries
        .iter()
        .map(|entry| Ok((Glob::try_from(entry.path.clone())?, entry.exclude)))
        .collect::<Result<Vec<(Glob, bool)>, String>>()?;
    Ok(move |path: &str| {
        let any = |wanted: bool| {
            globs.iter().any(|(glob, excludes)| *excludes == wanted && matches(glob, path))
        };
        any(false) && !any(true)
    })
}

/// A star alone is one folder, not everything.
fn is_folder(glob: &Glob, path: &str) -> bool {
    match glob.as_str() {
        "*" => !path.contains('/'),
        _ => glob.matches_path(path),
    }
}

impl Selector {
    fn matches(&self, label: &dyn Fn(&str) -> Option<String>) -> bool {
        let equal = |(key, value): (&String, &String)| label(key).as_ref() == Some(value);
        let holds = |expression: &Expression| {
            let found = label(&expression.key);
            let listed = found.as_ref().is_some_and(|found| expression.values.contains(found));
            match expression.operator {
                Operator::In => listed,
                Operator::NotIn => !listed,
                Operator::Exists => found.is_some(),
                Operator::DoesNotExist => found.is_none(),
            }
        };
        self.match_labels.iter().all(equal) && self.match_expressions.iter().all(holds)
    }
}
