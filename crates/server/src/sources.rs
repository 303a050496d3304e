//! Where the sources of applications stand, whether they may be read, and what is asked of the
//! renderer.

use std::collections::BTreeMap;
use std::sync::Arc;

use deployments::{
    Application, HelmOptions, JsonnetOptions, JsonnetVariable, PluginOptions, Source,
};
use git_store::TreeReader;
use ledger::{CommitId, PullRequestNumber, RefName, RepositoryName};
use repositories::access::{Visibility, may_render_from};
use serde_json::Value;

use crate::configurations::branch_ref;
use crate::http::repository_of_url;
use crate::renderings::CommitTree;
use crate::state::Server;
use crate::views::Views;

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
    standings: BTreeMap<(RepositoryName, String, bool), Option<Standing>>,
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
                // What a set makes of a pull request stands where that does.
                None => match self.one(source, application.pull_request.is_some()).await? {
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

    async fn one(
        &mut self,
        source: &Source,
        is_pinned: bool,
    ) -> anyhow::Result<Result<Standing, String>> {
        let address = &source.repo_url;
        let Some(repository) = repository_of_url(address, &self.server.url) else {
            return Ok(Err(not_here(address)));
        };
        if !self.may_read(&repository).await? {
            return Ok(Err(unreadable(&self.home, &repository)));
        }
        let missing = || no_revision(address, &source.target_revision);
        let wanted = (repository, source.target_revision.clone(), is_pinned);
        if let Some(known) = self.standings.get(&wanted) {
            return Ok(known.clone().ok_or_else(missing));
        }
        let standing = self.standing(&wanted.0, &wanted.1, is_pinned)?;
        self.standings.insert(wanted, standing.clone());
        Ok(standing.ok_or_else(missing))
    }

    fn standing(
        &mut self,
        repository: &RepositoryName,
        revision: &str,
        is_pinned: bool,
    ) -> anyhow::Result<Option<Standing>> {
        let store = self.server.repository(repository)?;
        let is_own = *repository == self.home;
        let is_here = is_default(revision) || (self.is_proposal && !is_pinned);
        let commit = match is_own && is_here {
            true => Some(self.commit.clone()),
            false => {
                let resolved = resolve(self.server, repository, revision)?;
                let tips = resolved.tips.into_iter();
                self.tips.extend(tips.map(|(name, tip)| ((repository.clone(), name), tip)));
                resolved.commit
            }
        };
        let Some(commit) = commit else { return Ok(None) };
        let reader = Arc::new(store.reader(&store.tree_of(&commit)?));
        Ok(Some(Standing { repository: repository.clone(), commit, reader }))
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

/// What a revision means.
pub struct Resolved {
    /// Its commit, if there is one.
    pub commit: Option<CommitId>,
    /// The refs that were looked at.
    pub tips: Vec<(RefName, Option<CommitId>)>,
}

/// A branch, a tag, a commit or `refs/pull/<number>/head`; `HEAD` is the default branch.
pub fn resolve(
    server: &Server,
    repository: &RepositoryName,
    revision: &str,
) -> anyhow::Result<Resolved> {
    let store = server.repository(repository)?;
    let mut references = Vec::new();
    if is_default(revision) {
        let views = server.recorder.views();
        let known = views.repositories.repository(repository);
        references.extend(known.map(|known| known.default_branch.clone()));
    } else {
        references.extend(branch_ref(revision));
        references.extend(RefName::new(format!("refs/tags/{revision}")));
    }
    let mut tips = Vec::new();
    for reference in references {
        let tip = match pull_request_of(&reference) {
            Some(number) => head_of(&server.recorder.views(), repository, number).cloned(),
            None => store.resolve(&reference)?,
        };
        tips.push((reference, tip.clone()));
        if tip.is_some() {
            return Ok(Resolved { commit: tip, tips });
        }
    }
    let commit = CommitId::new(revision).ok();
    Ok(Resolved { commit: commit.filter(|commit| store.tree_of(commit).is_ok()), tips })
}

/// Where a ref is, as far as facts say.
#[must_use]
pub fn tip<'views>(
    views: &'views Views,
    repository: &RepositoryName,
    reference: &RefName,
) -> Option<&'views CommitId> {
    match pull_request_of(reference) {
        Some(number) => head_of(views, repository, number),
        None => {
            let known = views.repositories.repository(repository)?;
            known.refs.get(reference).map(|state| &state.commit)
        }
    }
}

/// The pull request whose head a name means that other servers have refs for.
fn pull_request_of(reference: &RefName) -> Option<PullRequestNumber> {
    let number = reference.as_str().strip_prefix("refs/pull/")?.strip_suffix("/head")?;
    number.parse().ok().map(PullRequestNumber)
}

fn head_of<'views>(
    views: &'views Views,
    repository: &RepositoryName,
    number: PullRequestNumber,
) -> Option<&'views CommitId> {
    let known = views.repositories.pull_request(repository, number)?;
    Some(&known.current().head)
}

fn is_default(revision: &str) -> bool {
    revision.is_empty() || revision == "HEAD"
}

/// What is said of an address that is none of this server.
pub fn not_here(address: &str) -> String {
    format!(
        "the repository {address} is not on this server; push it here and name it by owner/name"
    )
}

/// What is said of a revision that a repository has not.
pub fn no_revision(address: &str, revision: &str) -> String {
    match is_default(revision) {
        true => format!("the repository {address} is empty"),
        false => format!("there is no revision {revision} in {address}"),
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
