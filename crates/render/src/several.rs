//! All sources of an application, in order: an object of a later one wins.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use deployments::Chart;
use kustomize::{EntryKind, FILE_NAMES, Tree};
use serde_json::Value;

use crate::charts::{ChartArchive, FindChart};
use crate::compact::compact;
use crate::error::RenderError;
use crate::helm::{self, Sources, Variables};
use crate::renderers::Renderers;
use crate::request::{Request, Tool};
use crate::{Folder, overrides, plain, tool};

/// One source of an application.
pub struct SourceInput<'a> {
    /// Where its files are.
    pub content: Content<'a>,
    /// The name by which value files of other sources mean it.
    pub name: Option<&'a str>,
    /// What is rendered of it; `None`: it only has a name.
    pub request: Option<Request>,
    /// What files beside the source make of it; `None`: there are none.
    pub overridden: Option<&'a Overridden<'a>>,
}

/// What is rendered when these files are laid over the source, one after the other; a refusal says
/// which of them is wrong.
pub type Overridden<'a> = dyn Fn(&[Value]) -> Result<Request, (usize, String)> + 'a;

/// Where the files of a source are.
#[derive(Clone, Copy)]
pub enum Content<'a> {
    /// In a tree, as in Git.
    Tree(&'a dyn Tree),
    /// In a chart, or among other files, that are in no Git repository.
    Chart(&'a Chart),
}

/// The longest file of changes beside a source.
const OVERRIDES_BYTES_MAX: usize = 1 << 20;

/// What an application rendered to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rendering {
    /// The manifests, lists unfolded; each has `apiVersion`, `kind` and `metadata.name`.
    pub manifests: Vec<Value>,
    /// By source, every path that was asked for, also absent ones; a path that ends in `/` stands
    /// for the names in that folder, or for all that is in it. Equal content at all of them renders
    /// to the same manifests.
    pub opened: Vec<BTreeSet<String>>,
    /// The charts that are in no Git repository, each with the digest of its archive.
    pub charts: BTreeMap<String, String>,
    /// Objects that came more than once.
    pub repeated: Vec<Repeated>,
}

/// An object that several sources have, or one several times; the last one counts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Repeated {
    /// `Deployment production/hello`.
    pub object: String,
    /// How often it came.
    pub times: usize,
}

/// Renders every source.
pub fn render(
    inputs: &[SourceInput<'_>],
    renderers: &Renderers,
    find: &FindChart<'_>,
) -> Result<Rendering, RenderError> {
    let mut charts = BTreeMap::new();
    let archives = archives(inputs, find, &mut charts)?;
    let sources = Sources {
        trees: inputs
            .iter()
            .zip(&archives)
            .map(|(input, archive)| match (&input.content, archive) {
                (_, Some(archive)) => &archive.files as &dyn Tree,
                (Content::Tree(tree), None) => *tree,
                (Content::Chart(_), None) => &NOTHING,
            })
            .collect(),
        named: inputs
            .iter()
            .enumerate()
            .filter_map(|(index, input)| input.name.map(|name| (name, index)))
            .collect(),
    };
    let mut opened = vec![BTreeSet::new(); inputs.len()];
    let mut manifests = Manifests::default();
    for (index, input) in inputs.iter().enumerate() {
        if input.request.is_none() {
            continue;
        }
        let mut looked = Looked { opened: &mut opened, charts: &mut charts };
        let is_chart = archives[index].as_ref().is_some_and(|archive| archive.is_chart());
        let folder = one(&sources, (input, is_chart), index, (renderers, find), &mut looked);
        let (folder, namespace) = folder.map_err(|error| {
            let mut message = error.message;
            if let Content::Chart(chart) = input.content {
                let kind = if is_chart { "chart" } else { "artifact" };
                message.push_str(&format!(" (in the {kind} {chart})"));
            } else if inputs.len() > 1 {
                message.push_str(&format!(" (in `spec.sources[{index}]`)"));
            }
            RenderError { message, ..error }
        })?;
        opened[index].extend(folder.opened);
        manifests.add(folder.manifests, &namespace);
    }
    let (manifests, repeated) = manifests.end();
    let manifests = manifests.into_iter().map(compact).collect();
    Ok(Rendering { manifests, opened, charts, repeated })
}

/// Stands for an archive that is not there, of which nothing is rendered.
static NOTHING: BTreeMap<String, Vec<u8>> = BTreeMap::new();

/// The sources that are charts. All of them are asked for before the first refusal is told.
fn archives(
    inputs: &[SourceInput<'_>],
    find: &FindChart<'_>,
    charts: &mut BTreeMap<String, String>,
) -> Result<Vec<Option<Arc<ChartArchive>>>, RenderError> {
    let (mut archives, mut missing) = (Vec::new(), Vec::new());
    for input in inputs {
        archives.push(match input.content {
            Content::Tree(_) => None,
            Content::Chart(chart) => match find(chart) {
                Ok(archive) => {
                    charts.insert(chart.to_string(), archive.digest.clone());
                    Some(archive)
                }
                Err(problem) => {
                    missing.push(RenderError::chart("", problem));
                    None
                }
            },
        });
    }
    RenderError::first(missing).map(|()| archives)
}

/// What a rendering depends on, as it is noted.
struct Looked<'a> {
    opened: &'a mut [BTreeSet<String>],
    charts: &'a mut BTreeMap<String, String>,
}

/// A source's manifests, and the namespace for those that name none.
fn one(
    sources: &Sources<'_>,
    (input, is_chart): (&SourceInput<'_>, bool),
    index: usize,
    (renderers, find): (&Renderers, &FindChart<'_>),
    looked: &mut Looked<'_>,
) -> Result<(Folder, String), RenderError> {
    let opened = &mut *looked.opened;
    let tree = sources.trees[index];
    let request = input.request.clone().unwrap_or_default();
    let folder = request.folder()?;
    let request = overridden(tree, &folder, request, input.overridden, &mut opened[index])?;
    let tool = if is_chart {
        whole_chart(&folder, &request)?
    } else {
        let (tool, asked) = tool(tree, &folder, &request);
        opened[index].extend(asked);
        tool
    };
    let rendered = by_tool(tool, sources, index, (&folder, &request), (renderers, find), looked)?;
    Ok((rendered, request.application.namespace))
}

/// A chart that is in no Git repository is not looked into.
fn whole_chart(folder: &str, request: &Request) -> Result<Tool, RenderError> {
    match request.tool {
        None | Some(Tool::Helm) if folder.is_empty() => Ok(Tool::Helm),
        None | Some(Tool::Helm) => Err(RenderError::whole(
            "chart-refused",
            folder,
            "a chart is taken whole: leave out `path`",
        )),
        Some(Tool::Kustomize | Tool::Directory | Tool::Plugin) => {
            let message = "it is a chart, which Helm renders; leave out `kustomize`, `directory` and \
                           `plugin`";
            Err(RenderError::whole("chart-refused", folder, message))
        }
    }
}

/// What the files beside the source make of it: first the one for every application, then its own.
fn overridden(
    tree: &dyn Tree,
    folder: &str,
    request: Request,
    lay: Option<&Overridden<'_>>,
    opened: &mut BTreeSet<String>,
) -> Result<Request, RenderError> {
    let Some(lay) = lay else { return Ok(request) };
    let own = format!(".argocd-source-{}.yaml", request.application.name);
    let (mut paths, mut files) = (Vec::new(), Vec::new());
    for name in [".argocd-source.yaml", own.as_str()] {
        let path = helm::below(folder, name);
        match tree.kind(&path) {
            EntryKind::File => {
                let text = tree.read(&path).filter(|text| text.len() <= OVERRIDES_BYTES_MAX);
                let text = text.and_then(|text| String::from_utf8(text).ok()).ok_or_else(|| {
                    let message = format!(
                        "the file is larger than {} KiB or not UTF-8",
                        OVERRIDES_BYTES_MAX >> 10
                    );
                    RenderError::whole("too-large", &path, message)
                })?;
                files.push(yaml::document::<Value>(&path, &text)?);
                paths.push(path.clone());
            }
            EntryKind::Symlink => return Err(RenderError::link(&path)),
            EntryKind::Directory | EntryKind::Absent => {}
        }
        opened.insert(path);
    }
    if files.is_empty() {
        return Ok(request);
    }
    lay(&files).map_err(|(index, message)| {
        RenderError::whole("source-overrides", &paths[index.min(paths.len() - 1)], message)
    })
}

fn by_tool(
    tool: Tool,
    sources: &Sources<'_>,
    index: usize,
    (folder, request): (&str, &Request),
    (renderers, find): (&Renderers, &FindChart<'_>),
    looked: &mut Looked<'_>,
) -> Result<Folder, RenderError> {
    let tree = sources.trees[index];
    let variables = Variables { application: &request.application, path: &request.path };
    match tool {
        Tool::Kustomize => {
            let is_there = |name| tree.kind(&helm::below(folder, name)) != EntryKind::Absent;
            if !FILE_NAMES.into_iter().any(is_there) {
                return Err(RenderError::no_kustomization(folder));
            }
            overrides::build(tree, folder, &request.kustomize, &variables)
        }
        Tool::Directory => {
            plain::read(tree, folder, &request.directory, Some(&(renderers, variables)))
        }
        Tool::Plugin => renderers.plugins.run(&renderers.workshop, tree, folder, request),
        Tool::Helm => {
            let planned = helm::plan(sources, index, folder, request, find)?;
            looked.charts.extend(planned.charts);
            for (source, paths) in planned.opened {
                looked.opened[source].extend(paths);
            }
            let output = renderers.helm.run(&renderers.workshop, &planned.order)?;
            let manifests = helm::manifests(&planned.order, &output)?;
            Ok(Folder { manifests, opened: BTreeSet::new() })
        }
    }
}

/// Group, kind, namespace and name.
type Key = (String, String, String, String);

/// Manifests by what they are, each once.
#[derive(Default)]
struct Manifests {
    manifests: Vec<Value>,
    places: BTreeMap<Key, (usize, usize)>,
}

impl Manifests {
    fn add(&mut self, manifests: Vec<Value>, namespace: &str) {
        for manifest in manifests {
            let next = self.manifests.len();
            let (place, times) = self.places.entry(key(&manifest, namespace)).or_insert((next, 0));
            *times += 1;
            if *place == next {
                self.manifests.push(manifest);
            } else {
                self.manifests[*place] = manifest;
            }
        }
    }

    fn end(self) -> (Vec<Value>, Vec<Repeated>) {
        let repeated = self.places.into_iter().filter(|(_, (_, times))| *times > 1);
        let repeated = repeated.map(|((_, kind, namespace, name), (_, times))| {
            let object = match namespace.as_str() {
                "" => format!("{kind} {name}"),
                namespace => format!("{kind} {namespace}/{name}"),
            };
            Repeated { object, times }
        });
        (self.manifests, repeated.collect())
    }
}

/// An object without a namespace goes to the destination's.
fn key(manifest: &Value, namespace: &str) -> Key {
    let text =
        |pointer: &str| manifest.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
    let group = text("/apiVersion").split_once('/').map_or("", |(group, _)| group);
    let own = match text("/metadata/namespace") {
        "" => namespace,
        own => own,
    };
    (group.into(), text("/kind").into(), own.into(), text("/metadata/name").into())
}
