//! Where the sources of applications stand, whether they may be read, and what is asked of the
//! renderer.

use std::collections::BTreeMap;
use std::sync::Arc;

use deployments::{
    Application, HelmOptions, JsonnetOptions, JsonnetVariable, PluginOptions, Source,
};
use git_store::TreeReader;
use ledger::{CommitId, RefName, RepositoryName};
use repositories::access::{Visibility, may_render_from};
use serde_json::Value;

use crate::configurations::branch_ref;
use crate::http::repository_of_url;
use crate::renderings::CommitTree;
use crate::state::Server;

/// A source as it stands.
#[derive(Clone)]
pub struct Standing {
    /// Its repository.
    pub repository: RepositoryName,
    /// The commit that it names.
    pub commit: CommitId,
    /// The files.
    pub reader: Arc<TreeReader>,
}

/// What another repository is, as far as it matters here: who sees it, and which commit says for whom
/// it is a source. `None`: it is not there.
pub type Other = Option<(Visibility, Option<CommitId>)>;

/// Finds the sources of the applications of one repository, each once.
pub struct Finder<'a> {
    server: &'a Arc<Server>,
    home: RepositoryName,
    commit: CommitId,
    /// Whether every source in the same repository is read at `commit`: a change is looked at before
    /// its branch has it.
    is_proposal: bool,
    standings: BTreeMap<(RepositoryName, String), Option<Standing>>,
    /// Other repositories that may be read.
    allowed: BTreeMap<RepositoryName, bool>,
    /// The refs that were looked at.
    pub tips: BTreeMap<(RepositoryName, RefName), Option<CommitId>>,
    /// The other repositories that were looked at.
    pub others: BTreeMap<RepositoryName, Other>,
}

impl<'a> Finder<'a> {
    /// For the applications that the repository declares at its commit.
    #[must_use]
    pub fn new(server: &'a Arc<Server>, home: &RepositoryName, commit: &CommitId) -> Self {
        Self {
            server,
            home: home.clone(),
            commit: commit.clone(),
            is_proposal: false,
            standings: BTreeMap::new(),
            allowed: BTreeMap::new(),
            tips: BTreeMap::new(),
            others: BTreeMap::new(),
        }
    }

    /// For a commit that no branch may have yet.
    #[must_use]
    pub fn for_proposal(server: &'a Arc<Server>, home: &RepositoryName, commit: &CommitId) -> Self {
        Self { is_proposal: true, ..Self::new(server, home, commit) }
    }

    /// Every source of the application that is in Git, in order; an error inside is the application's
    /// own.
    pub async fn find(
        &mut self,
        application: &Application,
    ) -> anyhow::Result<Result<Vec<Standing>, String>> {
        let mut found = Vec::new();
        for source in application.sources() {
            let problem = match &source.chart {
                None => match self.one(source).await? {
                    Ok(standing) => {
                        found.push(standing);
                        continue;
                    }
                    Err(problem) => problem,
                },
                // Of this server's registry it is a source like any other repository.
                Some(chart) => match self.server.own_image(chart) {
                    None => continue,
                    Some(Err(problem)) => problem.to_string(),
                    Some(Ok(image)) if self.may_read(image.repository()).await? => continue,
                    Some(Ok(image)) => unreadable(&self.home, image.repository()),
                },
            };
            return Ok(Err(problem));
        }
        Ok(Ok(found))
    }

    async fn one(&mut self, source: &Source) -> anyhow::Result<Result<Standing, String>> {
        let address = &source.repo_url;
        let Some(repository) = repository_of_url(address, &self.server.url) else {
            return Ok(Err(format!(
                "the repository {address} is not on this server; push it here and name it by \
                 owner/name"
            )));
        };
        if !self.may_read(&repository).await? {
            return Ok(Err(unreadable(&self.home, &repository)));
        }
        let wanted = (repository, source.target_revision.clone());
        if let Some(known) = self.standings.get(&wanted) {
            return Ok(known.clone().ok_or_else(|| no_revision(source)));
        }
        let standing = self.standing(&wanted.0, &wanted.1)?;
        self.standings.insert(wanted, standing.clone());
        Ok(standing.ok_or_else(|| no_revision(source)))
    }

    fn standing(
        &mut self,
        repository: &RepositoryName,
        revision: &str,
    ) -> anyhow::Result<Option<Standing>> {
        let store = self.server.repository(repository)?;
        let Some(commit) = self.revision(&store, repository, revision)? else { return Ok(None) };
        let reader = Arc::new(store.reader(&store.tree_of(&commit)?));
        Ok(Some(Standing { repository: repository.clone(), commit, reader }))
    }

    /// A branch, a tag or a commit; `HEAD` is the default branch.
    fn revision(
        &mut self,
        store: &git_store::Repository,
        repository: &RepositoryName,
        revision: &str,
    ) -> anyhow::Result<Option<CommitId>> {
        let is_own = *repository == self.home;
        let is_default = revision.is_empty() || revision == "HEAD";
        if is_own && (self.is_proposal || is_default) {
            return Ok(Some(self.commit.clone()));
        }
        let mut references = Vec::new();
        if is_default {
            let views = self.server.recorder.views();
            let known = views.repositories.repository(repository);
            references.extend(known.map(|known| known.default_branch.clone()));
        } else {
            references.extend(branch_ref(revision));
            references.extend(RefName::new(format!("refs/tags/{revision}")));
        }
        for reference in references {
            let tip = store.resolve(&reference)?;
            self.tips.insert((repository.clone(), reference), tip.clone());
            if tip.is_some() {
                return Ok(tip);
            }
        }
        let commit = CommitId::new(revision).ok();
        Ok(commit.filter(|commit| store.tree_of(commit).is_ok()))
    }

    async fn may_read(&mut self, source: &RepositoryName) -> anyhow::Result<bool> {
        if *source == self.home {
            return Ok(true);
        }
        if let Some(known) = self.allowed.get(source) {
            return Ok(*known);
        }
        let (may, other) = may_read(self.server, &self.home, source).await?;
        self.others.insert(source.clone(), other);
        self.allowed.insert(source.clone(), may);
        Ok(may)
    }
}

/// Whether applications of a repository may be rendered from another one, and what that one is.
pub async fn may_read(
    server: &Arc<Server>,
    home: &RepositoryName,
    source: &RepositoryName,
) -> anyhow::Result<(bool, Other)> {
    let other = other(server, source);
    let visibility = other.as_ref().map(|(visibility, _)| *visibility);
    let configured = match visibility {
        // Only its own word opens it.
        Some(Visibility::Private) if source != home => {
            server.configurations.of_default_branch(server, source).await?
        }
        Some(Visibility::Private | Visibility::Public) | None => None,
    };
    let consents =
        configured.as_ref().map(|one| one.configuration.source_of.as_slice()).unwrap_or_default();
    let may = source == home || may_render_from(home, source, visibility, consents);
    Ok((may, other))
}

/// One sentence for both, so that it does not tell which private repositories there are.
pub fn unreadable(home: &RepositoryName, source: &RepositoryName) -> String {
    format!(
        "the repository {source} is not there, or applications of {home} may not be rendered from it: \
         make it public, or name {home} in `sourceOf` of its boucle.yaml"
    )
}

/// What another repository is now.
#[must_use]
pub fn other(server: &Server, name: &RepositoryName) -> Other {
    let views = server.recorder.views();
    let repository = views.repositories.repository(name)?;
    let tip = repository.refs.get(&repository.default_branch).map(|state| state.commit.clone());
    Some((repository.visibility, tip))
}

fn no_revision(source: &Source) -> String {
    match source.target_revision.as_str() {
        "" | "HEAD" => format!("the repository {} is empty", source.repo_url),
        revision => format!("there is no revision {revision} in {}", source.repo_url),
    }
}

/// Renders an application of a repository from where its sources stand. Blocks.
pub fn render(
    server: &Arc<Server>,
    home: &RepositoryName,
    application: &Application,
    standings: &[Standing],
) -> Result<render::Rendering, render::RenderError> {
    let trees: Vec<CommitTree<'_>> =
        standings.iter().map(|standing| CommitTree(&standing.reader)).collect();
    let lays: Vec<_> =
        application.sources().map(|source| overridden(application, source)).collect();
    let mut in_git = trees.iter();
    let inputs: Vec<render::SourceInput<'_>> = application
        .sources()
        .zip(&lays)
        .filter_map(|(source, lay)| {
            let content = match &source.chart {
                Some(chart) => render::Content::Chart(chart),
                None => render::Content::Tree(in_git.next()?),
            };
            let request = source.is_rendered().then(|| request(application, source));
            let name = source.reference.as_deref();
            Some(render::SourceInput { content, name, request, overridden: Some(lay) })
        })
        .collect();
    render::render(&inputs, &server.renderers, &|chart| server.chart(home, chart))
}

/// What is asked of the renderer for a source when files beside it are laid over it.
fn overridden<'a>(
    application: &'a Application,
    source: &'a Source,
) -> impl Fn(&[Value]) -> Result<render::Request, (usize, String)> + 'a {
    move |files| {
        let mut changed = source.clone();
        for (index, file) in files.iter().enumerate() {
            changed = changed.overridden(file).map_err(|message| (index, message))?;
        }
        Ok(request(application, &changed))
    }
}

/// What is asked of the renderer for a source.
fn request(application: &Application, source: &Source) -> render::Request {
    let named = [
        (source.plugin.is_some(), render::Tool::Plugin),
        (source.kustomize.is_some(), render::Tool::Kustomize),
        (source.helm.is_some(), render::Tool::Helm),
        (source.directory.is_some(), render::Tool::Directory),
    ];
    let tool = named.into_iter().find(|(is_named, _)| *is_named).map(|(_, tool)| tool);
    let kustomize = source.kustomize.clone().unwrap_or_default();
    let directory = source.directory.clone().unwrap_or_default();
    render::Request {
        path: source.path.clone(),
        tool,
        kustomize: render::KustomizeOverrides {
            name_prefix: kustomize.name_prefix,
            name_suffix: kustomize.name_suffix,
            namespace: kustomize.namespace,
            images: kustomize.images,
            common_labels: kustomize.common_labels,
            common_annotations: kustomize.common_annotations,
            replicas: kustomize
                .replicas
                .into_iter()
                .map(|replica| (replica.name, i64::from(replica.count)))
                .collect(),
            expands_annotations: kustomize.common_annotations_envsubst,
            forces_labels: kustomize.force_common_labels,
            forces_annotations: kustomize.force_common_annotations,
            labels_without_selector: kustomize.label_without_selector,
            labels_in_templates: kustomize.label_include_templates,
            patches: kustomize.patches,
            components: kustomize.components,
            ignores_missing_components: kustomize.ignore_missing_components,
        },
        directory: render::DirectoryOptions {
            recurse: directory.recurse,
            include: directory.include,
            exclude: directory.exclude,
            jsonnet: jsonnet(directory.jsonnet),
        },
        plugin: plugin(source.plugin.clone().unwrap_or_default()),
        helm: helm(source.helm.clone().unwrap_or_default()),
        application: render::Asker {
            name: application.name.to_string(),
            namespace: application.destination.namespace.clone(),
            project: application.project.clone(),
            repo_url: source.repo_url.clone(),
            target_revision: source.target_revision.clone(),
        },
    }
}

fn jsonnet(options: JsonnetOptions) -> render::JsonnetOptions {
    let variables = |list: Vec<JsonnetVariable>| {
        let one = |JsonnetVariable { name, value, code }| render::JsonnetVariable {
            name,
            value,
            is_code: code,
        };
        list.into_iter().map(one).collect()
    };
    render::JsonnetOptions {
        external: variables(options.ext_vars),
        arguments: variables(options.tlas),
        libraries: options.libs,
    }
}

fn plugin(options: PluginOptions) -> render::PluginOptions {
    let environment = options.env.into_iter().map(|one| (one.name, one.value)).collect();
    render::PluginOptions { name: options.name, environment, parameters: options.parameters }
}

fn helm(options: HelmOptions) -> render::HelmOptions {
    render::HelmOptions {
        release_name: options.release_name,
        namespace: options.namespace,
        value_files: options.value_files,
        ignore_missing_value_files: options.ignore_missing_value_files,
        values: options.values,
        parameters: options
            .parameters
            .into_iter()
            .map(|one| render::Parameter {
                name: one.name,
                value: one.value,
                force_string: one.force_string,
            })
            .collect(),
        file_parameters: options
            .file_parameters
            .into_iter()
            .map(|one| (one.name, one.path))
            .collect(),
        skip_crds: options.skip_crds,
        skip_tests: options.skip_tests,
        skip_schema_validation: options.skip_schema_validation,
        kube_version: options.kube_version,
        api_versions: options.api_versions,
    }
}
