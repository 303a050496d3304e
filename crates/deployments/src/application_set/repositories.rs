//! `scmProvider` and `pullRequest`: what the repositories of the server and their pull requests give.

use regex::Regex;
use serde_json::{Map, Value, json};

use super::functions::{normalized, pattern, slug};
use super::generators::{Expansion, Given, ParameterSet};
use super::parameters::Parameters;
use super::providers::{
    Asked, PullRequestFilter, PullRequestGenerator, RepositoryFilter, ScmProviderGenerator,
};
use super::{KnownPullRequest, KnownRepository, LeftOut, Origin, PullRequestId, WhyLeftOut};

/// The longest `branch_slug`: room is left for something before and behind it.
const SLUG_LENGTH: usize = 50;

impl Expansion<'_> {
    /// Each repository of an owner, or each branch of each.
    pub(super) fn repositories(
        &self,
        generator: &ScmProviderGenerator,
        outer: &Parameters,
    ) -> Result<Vec<ParameterSet>, String> {
        let asked = self.of_this_server(generator.asked()?)?;
        let filters = compiled(&generator.filters, RepositoryConditions::new)?;
        let known = (self.inputs.repositories)(&asked.name, asked.all_branches)?;
        let mut sets = Vec::new();
        for repository in &known {
            for branch in repository.branches.keys() {
                let mut is_wanted = filters.is_empty();
                for one in &filters {
                    is_wanted = is_wanted || one.hold(self, repository, branch)?;
                }
                if !is_wanted {
                    continue;
                }
                let mut parameters = of_branch(repository, branch);
                self.add_values(&generator.values, outer, &mut parameters)?;
                let (repository, branch) = (repository.name.clone(), branch.clone());
                sets.push(named(Origin::Branch { repository, branch }, parameters));
            }
        }
        Ok(sets)
    }

    /// Each open pull request of a repository that comes from somebody who may write to it.
    pub(super) fn pull_requests(
        &self,
        generator: &PullRequestGenerator,
        outer: &Parameters,
    ) -> Result<Vec<ParameterSet>, String> {
        let asked = self.of_this_server(generator.asked()?)?;
        let filters = compiled(&generator.filters, PullRequestConditions::new)?;
        let mut sets = Vec::new();
        for known in (self.inputs.pull_requests)(&asked.name)? {
            if !filters.is_empty() && !filters.iter().any(|one| one.hold(&known)) {
                continue;
            }
            if let Some(actor) = known.untrusted {
                let (of, why) = (Origin::PullRequest(known.id), WhyLeftOut::Untrusted(actor));
                self.left_out.borrow_mut().insert(LeftOut { of, why });
                continue;
            }
            let mut parameters = self.of_pull_request(&known);
            self.add_values(&generator.values, outer, &mut parameters)?;
            sets.push(named(Origin::PullRequest(known.id), parameters));
        }
        Ok(sets)
    }

    fn of_this_server<'a>(&self, asked: Asked<'a>) -> Result<Asked<'a>, String> {
        let own = self.inputs.server_url.trim_end_matches('/');
        match asked.api.trim_end_matches('/') {
            "" => Ok(asked),
            api if api == own => Ok(asked),
            api => Err(format!(
                "`api: {api}` is another server, which is not asked; push {} here and remove `api`, \
                 which then means {own}",
                asked.name
            )),
        }
    }

    fn of_pull_request(&self, known: &KnownPullRequest) -> Parameters {
        let head = known.head.as_str();
        let mut set = texts([
            ("number", known.id.number.to_string()),
            ("title", known.title.clone()),
            ("author", known.author.clone()),
            ("branch", known.branch.clone()),
            ("branch_slug", slug(&known.branch, SLUG_LENGTH, true)),
            ("target_branch", known.target.clone()),
            ("target_branch_slug", slug(&known.target, SLUG_LENGTH, true)),
            ("head_sha", head.to_owned()),
            ("head_short_sha", head.chars().take(8).collect()),
            ("head_short_sha_7", head.chars().take(7).collect()),
        ]);
        if self.renderer.templates.are_go() {
            set.insert("labels".into(), json!([]));
        }
        set
    }
}

fn named(of: Origin, parameters: Parameters) -> ParameterSet {
    let origin = Some(Given { of, parameters: parameters.clone() });
    ParameterSet { parameters, origin }
}

fn of_branch(repository: &KnownRepository, branch: &str) -> Parameters {
    let KnownRepository { name, id, url, branches } = repository;
    let tip = branches.get(branch).map_or("", |tip| tip.as_str());
    texts([
        ("organization", name.owner().to_owned()),
        ("repository", name.name().to_owned()),
        ("repository_id", id.clone()),
        ("url", url.clone()),
        ("branch", branch.to_owned()),
        ("branchNormalized", normalized(branch)),
        ("sha", tip.to_owned()),
        ("short_sha", tip.chars().take(8).collect()),
        ("short_sha_7", tip.chars().take(7).collect()),
        ("labels", String::new()),
    ])
}

fn texts<const N: usize>(fields: [(&str, String); N]) -> Parameters {
    let fields = fields.into_iter().map(|(name, text)| (name.to_owned(), Value::from(text)));
    fields.collect::<Map<_, _>>()
}

/// The filters with what they compile to. One whose conditions all hold is enough.
fn compiled<'a, Filter, Conditions>(
    filters: &'a [Filter],
    compile: fn(&'a Filter) -> Result<Conditions, String>,
) -> Result<Vec<Conditions>, String> {
    let compiled = filters
        .iter()
        .enumerate()
        .map(|(index, filter)| compile(filter).map_err(|why| format!("`filters[{index}]`: {why}")));
    compiled.collect()
}

struct RepositoryConditions<'a> {
    repository: Option<Regex>,
    branch: Option<Regex>,
    paths: &'a [String],
    no_paths: &'a [String],
}

impl<'a> RepositoryConditions<'a> {
    fn new(filter: &'a RepositoryFilter) -> Result<Self, String> {
        Ok(Self {
            repository: filter.repository_match.as_deref().map(pattern).transpose()?,
            branch: filter.branch_match.as_deref().map(pattern).transpose()?,
            paths: &filter.paths_exist,
            no_paths: &filter.paths_do_not_exist,
        })
    }

    fn hold(
        &self,
        expansion: &Expansion<'_>,
        known: &KnownRepository,
        branch: &str,
    ) -> Result<bool, String> {
        let is_named =
            met(self.repository.as_ref(), known.name.name()) && met(self.branch.as_ref(), branch);
        let Some(tip) = known.branches.get(branch).filter(|_| is_named) else { return Ok(false) };
        let has =
            |path: &str| (expansion.inputs.has_path)(&known.name, tip, path.trim_end_matches('/'));
        for (paths, wanted) in [(self.paths, true), (self.no_paths, false)] {
            for path in paths {
                if has(path)? != wanted {
                    return Ok(false);
                }
            }
        }
        Ok(true)
    }
}

struct PullRequestConditions {
    branch: Option<Regex>,
    target: Option<Regex>,
    title: Option<Regex>,
}

impl PullRequestConditions {
    fn new(filter: &PullRequestFilter) -> Result<Self, String> {
        Ok(Self {
            branch: filter.branch_match.as_deref().map(pattern).transpose()?,
            target: filter.target_branch_match.as_deref().map(pattern).transpose()?,
            title: filter.title_match.as_deref().map(pattern).transpose()?,
        })
    }

    fn hold(&self, known: &KnownPullRequest) -> bool {
        met(self.branch.as_ref(), &known.branch)
            && met(self.target.as_ref(), &known.target)
            && met(self.title.as_ref(), &known.title)
    }
}

fn met(condition: Option<&Regex>, text: &str) -> bool {
    condition.is_none_or(|condition| condition.is_match(text))
}

impl std::fmt::Display for PullRequestId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} of {}", self.number, self.repository)
    }
}
