//! Charts: which files Helm gets and with which arguments, decided from trees alone; and what its
//! output says.

mod dependencies;
mod glob;
mod lock;
mod output;
mod program;
mod substitute;
mod values;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use deployments::{Chart, ChartProblem};
use kustomize::Tree;

pub(crate) use output::manifests;
pub(crate) use program::Helm;
pub(crate) use substitute::Variables;

use crate::charts::{ChartArchive, FindChart};
use crate::error::RenderError;
use crate::file_set::FileSet;
use crate::request::{HelmOptions, Request};
use dependencies::add_dependencies;
use values::Resolver;

/// The file that makes a folder a chart.
pub(crate) const CHART_FILE: &str = "Chart.yaml";

/// What Helm is asked: files below a folder of its own, and arguments that name them.
#[derive(Debug, Default)]
pub(crate) struct HelmOrder {
    /// By path: `chart/…`, `values/…`, `files/…`.
    pub(crate) files: BTreeMap<String, Vec<u8>>,
    /// The arguments of `helm`.
    pub(crate) arguments: Vec<String>,
    /// What the files outside of the chart are called in their trees.
    pub(crate) names: BTreeMap<String, String>,
    /// The chart's folder in its tree.
    pub(crate) chart: String,
}

/// What an order was made of.
pub(crate) struct Planned {
    pub(crate) order: HelmOrder,
    /// What was looked at, by source.
    pub(crate) opened: BTreeMap<usize, BTreeSet<String>>,
    /// The charts that it depends on and that were fetched, each with its digest.
    pub(crate) charts: BTreeMap<String, String>,
}

/// The trees that a chart's value files may come from.
pub(crate) struct Sources<'a> {
    /// Every source's tree, in the application's order.
    pub(crate) trees: Vec<&'a dyn Tree>,
    /// The sources that have a name.
    pub(crate) named: BTreeMap<&'a str, usize>,
}

/// Decides what Helm gets for the chart in `folder` of the source `own`.
pub(crate) fn plan(
    sources: &Sources<'_>,
    own: usize,
    folder: &str,
    request: &Request,
    charts: &FindChart<'_>,
) -> Result<Planned, RenderError> {
    let variables = Variables { application: &request.application, path: &request.path };
    let mut load = Load::new(folder, charts);
    load.chart(sources.trees[own], folder)?;
    let mut opened: BTreeMap<usize, BTreeSet<String>> = BTreeMap::new();
    let options = &request.helm;
    let mut resolver =
        Resolver { sources, own, folder, variables: &variables, opened: &mut opened };
    let value_files = resolver.value_files(options)?;
    let file_parameters = resolver.file_parameters(options)?;
    let (mut values, mut texts) = (Vec::new(), Vec::new());
    for (index, (source, path)) in value_files.into_iter().enumerate() {
        let place = format!("values/{index}.yaml");
        load.file(sources.trees[source], &path, &place)?;
        values.push(place);
    }
    if !options.values.is_empty() {
        let place = "values/application.yaml".to_owned();
        let origin = "the application's `spec.source.helm`";
        load.set.add(origin, place.clone(), options.values.clone().into_bytes())?;
        load.order.names.insert(place.clone(), origin.into());
        values.push(place);
    }
    for (index, (name, (source, path))) in file_parameters.into_iter().enumerate() {
        let place = format!("files/{index}");
        load.file(sources.trees[source], &path, &place)?;
        texts.push((name, place));
    }
    load.order.arguments = arguments(request, &variables, &values, &texts)?;
    load.order.files = load.set.files;
    opened.entry(own).or_default().extend(load.opened);
    Ok(Planned { order: load.order, opened, charts: load.charts })
}

/// In Argo CD's order; which value wins is Helm's: files in order, then parameters.
fn arguments(
    request: &Request,
    variables: &Variables<'_>,
    values: &[String],
    texts: &[(String, String)],
) -> Result<Vec<String>, RenderError> {
    let (options, asker) = (&request.helm, &request.application);
    let HelmOptions { release_name, namespace, kube_version, .. } = options;
    let mut arguments: Vec<String> = Vec::new();
    let mut put = |flag: &str, value: String| arguments.extend([flag.to_owned(), value]);
    put("template", "chart".into());
    let first = |one: &String, other: &String| if one.is_empty() { other } else { one }.clone();
    put("--name-template", first(release_name, &asker.name));
    let namespace = first(namespace, &asker.namespace);
    if !namespace.is_empty() {
        put("--namespace", namespace);
    }
    if !kube_version.is_empty() {
        put("--kube-version", kube_version.clone());
    }
    for (flag, is_text) in [("--set", false), ("--set-string", true)] {
        // One name has one value: the last one.
        let mut named = BTreeMap::new();
        for one in options.parameters.iter().filter(|one| one.force_string == is_text) {
            named.insert(&one.name, variables.substitute(&one.value)?);
        }
        for (name, value) in named {
            put(flag, format!("{name}={}", escaped(&value)));
        }
    }
    for (name, place) in texts {
        put("--set-file", format!("{name}={place}"));
    }
    for place in values {
        put("--values", place.clone());
    }
    for version in &options.api_versions {
        put("--api-versions", version.clone());
    }
    let flags = [
        ("--include-crds", !options.skip_crds),
        ("--skip-schema-validation", options.skip_schema_validation),
        ("--skip-tests", options.skip_tests),
    ];
    arguments.extend(flags.iter().filter(|(_, is)| *is).map(|(flag, _)| (*flag).to_owned()));
    Ok(arguments)
}

/// A comma in a value is one, unless the value is a list in Helm's form.
fn escaped(value: &str) -> String {
    if value.starts_with('{') && value.ends_with('}') {
        return value.to_owned();
    }
    let mut escaped = String::with_capacity(value.len());
    let mut before = None;
    for character in value.chars() {
        if character == ',' && before != Some('\\') {
            escaped.push('\\');
        }
        escaped.push(character);
        before = Some(character);
    }
    escaped
}

/// Collects the files of an order within its budget.
struct Load<'a> {
    order: HelmOrder,
    set: FileSet,
    opened: BTreeSet<String>,
    find: &'a FindChart<'a>,
    /// What was found of charts that are in no Git repository, and what was not.
    charts: BTreeMap<String, String>,
    missing: Vec<RenderError>,
}

impl<'a> Load<'a> {
    fn new(folder: &str, find: &'a FindChart<'a>) -> Self {
        let order = HelmOrder { chart: folder.into(), ..HelmOrder::default() };
        let (charts, missing) = (BTreeMap::new(), Vec::new());
        Self { order, set: FileSet::default(), opened: BTreeSet::new(), find, charts, missing }
    }

    fn find(&mut self, chart: &Chart) -> Result<Arc<ChartArchive>, ChartProblem> {
        let archive = (self.find)(chart)?;
        if !archive.is_chart() {
            let message = "it is an artifact with other files and no chart".to_owned();
            return Err(ChartProblem::Refused { chart: chart.clone(), message });
        }
        self.charts.insert(chart.to_string(), archive.digest.clone());
        Ok(archive)
    }

    /// A file outside of the chart.
    fn file(&mut self, tree: &dyn Tree, path: &str, place: &str) -> Result<(), RenderError> {
        self.order.names.insert(place.to_owned(), path.to_owned());
        self.set.read(tree, path, place.to_owned()).map(drop)
    }

    /// The chart with what it depends on.
    fn chart(&mut self, tree: &dyn Tree, folder: &str) -> Result<(), RenderError> {
        // The whole folder's tree stands for all that is in it.
        self.opened.insert(format!("{folder}/"));
        self.set.read_folder(tree, folder, "chart", 0)?;
        add_dependencies(self, tree, folder, "chart", 0)?;
        RenderError::first(std::mem::take(&mut self.missing))
    }
}

/// A name in a folder as a path.
pub(crate) fn below(folder: &str, name: &str) -> String {
    if folder.is_empty() { name.to_owned() } else { format!("{folder}/{name}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commas_are_values_unless_they_are_lists() {
        for (value, expected) in [
            ("a,b", "a\\,b"),
            ("a\\,b", "a\\,b"),
            ("{a,b}", "{a,b}"),
            (",a", "\\,a"),
            ("a,,b", "a\\,\\,b"),
        ] {
            assert_eq!(escaped(value), expected, "{value}");
        }
    }
}
