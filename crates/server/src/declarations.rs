//! The folder of applications of a commit: what its files declare, and what is wrong with them.

use std::collections::{BTreeMap, BTreeSet};

use deployments::application_set::{
    ApplicationSet, Expanded, LeftOut, Obstacle, SetError, SetInputs, Unheard, Upkeep, WhyLeftOut,
};
use deployments::project::Projects;
use deployments::{
    Application, BlockReason, ChartAccess, Customizations, Declared, DeclaredCluster, DeclaredKind,
    DeclaredPlugin, Steps, dependency_problems,
};
use ledger::ApplicationName;

use crate::configurations::{whole_file, yaml_problem};
use crate::outlook::Onlooker;
use crate::plugins::undeclared;
use crate::scopes::{Surroundings, refusals};
use crate::words::{ConfigurationProblem, Trouble};

/// What the files of a folder declare.
#[derive(Debug, Default)]
pub struct Declarations {
    /// Applications with the files that declare them.
    pub applications: Vec<(String, Application)>,
    /// Projects.
    pub projects: Projects,
    /// The sets, by name.
    pub sets: BTreeMap<String, DeclaredSet>,
    /// Clusters.
    pub clusters: Vec<DeclaredCluster>,
    /// Charts behind credentials.
    pub charts: Vec<ChartAccess>,
    /// How objects of its applications are judged, and the file that says so.
    pub customizations: Option<(String, Customizations)>,
    /// Services that sets are given parameters by.
    pub plugins: Vec<DeclaredPlugin>,
    /// What sets leave out, and services that did not answer, which is wrong of nobody's file.
    pub notes: Vec<ConfigurationProblem>,
    /// What is wrong, with places.
    pub problems: Vec<ConfigurationProblem>,
}

/// A set of applications.
#[derive(Debug, Clone)]
pub struct DeclaredSet {
    /// Its file.
    pub file: String,
    /// What becomes of applications that it has generated.
    pub upkeep: Upkeep,
    /// The steps by which they change.
    pub steps: Option<Steps>,
    /// Whether it looks at the files of its commit.
    pub reads_files: bool,
    /// Whether it looks at more of the server than its commit.
    pub looks_further: bool,
    /// Whether services give it parameters.
    pub is_told: bool,
    /// What it generates.
    pub applications: BTreeSet<ApplicationName>,
}

/// Reads the files of the folder, each with its path.
pub fn read(
    files: Vec<(String, String)>,
    surroundings: &Surroundings,
    onlooker: &Onlooker<'_>,
) -> Declarations {
    let mut declarations = Declarations::default();
    let (mut texts, mut sets, mut clusters) = (BTreeMap::new(), Vec::new(), Vec::new());
    for (path, text) in files {
        match Declared::parse(&path, &text) {
            Ok(Declared::Application(application)) => declarations.add(&path, *application),
            Ok(Declared::Project(project)) => {
                if let Err(name) = declarations.projects.add(*project) {
                    let what = Trouble::ProjectDeclaredTwice { project: name };
                    declarations.problems.push(whole_file("duplicate-project", &path, what));
                    // Nobody can tell which of the two is meant.
                    declarations.projects.incomplete();
                }
            }
            // After the applications that files name themselves, whose names they may not take.
            Ok(Declared::Set(set)) => sets.push((path.clone(), *set)),
            Ok(Declared::Customizations(read)) => declarations.customize(&path, *read),
            Ok(Declared::Cluster(cluster)) => clusters.push((path.clone(), *cluster)),
            Ok(Declared::Charts(access)) => declarations.add_charts(&path, *access),
            Ok(Declared::Plugin(plugin)) => declarations.add_plugin(&path, *plugin),
            Err(error) => {
                let code = match DeclaredKind::of(&path, &text) {
                    DeclaredKind::Application => "invalid-application",
                    DeclaredKind::Project => {
                        declarations.projects.incomplete();
                        "invalid-project"
                    }
                    DeclaredKind::Set => "invalid-application-set",
                    DeclaredKind::Customizations => "invalid-customizations",
                    DeclaredKind::Cluster => "invalid-cluster",
                    DeclaredKind::Charts => "invalid-charts",
                    DeclaredKind::Plugin => "invalid-plugin",
                };
                declarations.problems.push(yaml_problem(code, &error));
            }
        }
        texts.insert(path, text);
    }
    let surroundings = &declarations.add_clusters(clusters, surroundings);
    // Of two that claim a name the first has it: none that somebody chose who proposes something.
    sets.sort_by_key(|(_, set)| set.makes_previews());
    for (path, set) in sets {
        declarations.expand(&path, &set, surroundings, onlooker);
    }
    if let Some((_, customizations)) = &declarations.customizations {
        let ignored = customizations.ignore_differences();
        for (_, application) in &mut declarations.applications {
            application.shared_ignore_differences = ignored.to_vec();
        }
    }
    declarations.check_projects(&texts, surroundings);
    declarations.check_dependencies();
    declarations
}

impl Declarations {
    fn expand(
        &mut self,
        path: &str,
        set: &ApplicationSet,
        surroundings: &Surroundings,
        onlooker: &Onlooker<'_>,
    ) {
        if let Some(known) = self.sets.get(&set.name) {
            let (application, other) = (set.name.clone(), known.file.clone());
            let what = Trouble::DeclaredTwice { application, other };
            self.problems.push(whole_file("duplicate-application-set", path, what));
            return;
        }
        let is_declared = |name: &str| self.plugins.iter().any(|one| one.name == name);
        let inputs = SetInputs {
            clusters: surroundings.clusters(),
            server_url: onlooker.server_url(),
            files: &|url, revision| onlooker.files(url, revision),
            repositories: &|owner, all_branches| onlooker.repositories(owner, all_branches),
            pull_requests: &|name| onlooker.pull_requests(name),
            plugin: &|question, every_s| match is_declared(&question.plugin) {
                true => onlooker.answer(question, every_s),
                false => Err(Obstacle::Wrong(undeclared(&question.plugin))),
            },
            has_path: &|name, commit, path| onlooker.has_path(name, commit, path),
        };
        let expanded = set.expand(path, &inputs);
        let looks_further = onlooker.looked_further();
        match expanded {
            Ok(Expanded { applications, left_out, unheard }) => {
                let names = applications.iter().map(|one| one.name.clone()).collect();
                applications.into_iter().for_each(|application| self.add(path, application));
                self.note(path, &set.name, left_out, unheard);
                let declared = DeclaredSet {
                    file: path.into(),
                    upkeep: set.upkeep,
                    steps: set.steps.clone(),
                    reads_files: set.reads_files(),
                    looks_further,
                    is_told: set.asks_plugins(),
                    applications: names,
                };
                self.sets.insert(set.name.clone(), declared);
            }
            // Nobody's file is wrong, and a proposal may be merged; what there is of the set stays.
            Err(error @ SetError::Unanswered { .. }) => {
                let (set, problem) = (set.name.clone(), error.to_string());
                let what = Trouble::Unanswered { set, problem };
                self.notes.push(whole_file("plugin-unanswered", path, what));
            }
            Err(
                error @ (SetError::Generator { .. }
                | SetError::Template { .. }
                | SetError::Twice { .. }
                | SetError::TooMany),
            ) => {
                let what = Trouble::Refused(error.to_string());
                self.problems.push(whole_file("invalid-application-set", path, what));
            }
        }
    }

    /// What is no fault of the file: who is left out, and services that are not heard.
    fn note(
        &mut self,
        path: &str,
        set: &str,
        left_out: BTreeSet<LeftOut>,
        unheard: BTreeSet<Unheard>,
    ) {
        self.notes.extend(left_out.into_iter().map(|left_out| {
            let code = match left_out.why {
                WhyLeftOut::Untrusted(_) => "pull-request-left-out",
                WhyLeftOut::NoName(_) => "application-left-out",
            };
            whole_file(code, path, Trouble::LeftOut { set: set.to_owned(), left_out })
        }));
        self.notes.extend(unheard.into_iter().map(|Unheard { plugin, problem }| {
            let what = Trouble::Unheard { set: set.to_owned(), plugin, problem };
            whole_file("plugin-unheard", path, what)
        }));
    }

    fn add_plugin(&mut self, path: &str, plugin: DeclaredPlugin) {
        if self.plugins.iter().any(|one| one.name == plugin.name) {
            let what = Trouble::PluginDeclaredTwice { plugin: plugin.name };
            self.problems.push(whole_file("duplicate-plugin", path, what));
        } else {
            self.plugins.push(plugin);
        }
    }

    fn add(&mut self, path: &str, application: Application) {
        let known = self.applications.iter().find(|(_, known)| known.name == application.name);
        if let Some((other, _)) = known {
            let name = application.name.to_string();
            let what = Trouble::DeclaredTwice { application: name, other: other.clone() };
            self.problems.push(whole_file("duplicate-application", path, what));
        } else {
            self.applications.push((path.into(), application));
        }
    }

    /// Gives the surroundings with the clusters.
    fn add_clusters(
        &mut self,
        clusters: Vec<(String, DeclaredCluster)>,
        surroundings: &Surroundings,
    ) -> Surroundings {
        let (surroundings, taken) = surroundings.with(clusters.iter().map(|(_, cluster)| cluster));
        for (path, cluster) in &clusters {
            if taken.iter().any(|one| std::ptr::eq(*one, cluster)) {
                let what = Trouble::ClusterKnown { cluster: cluster.name.clone() };
                self.problems.push(whole_file("duplicate-cluster", path, what));
            } else {
                self.clusters.push(cluster.clone());
            }
        }
        surroundings
    }

    fn add_charts(&mut self, path: &str, access: ChartAccess) {
        let is_same =
            |one: &ChartAccess| one.url == access.url && one.is_prefix == access.is_prefix;
        if self.charts.iter().any(is_same) {
            let what = Trouble::ChartsDeclaredTwice { url: access.url };
            self.problems.push(whole_file("duplicate-charts", path, what));
        } else {
            self.charts.push(access);
        }
    }

    fn customize(&mut self, path: &str, customizations: Customizations) {
        if let Some((other, _)) = &self.customizations {
            let what = Trouble::CustomizedTwice { other: other.clone() };
            self.problems.push(whole_file("duplicate-customizations", path, what));
        } else {
            self.customizations = Some((path.into(), customizations));
        }
    }

    fn check_dependencies(&mut self) {
        let all = self.applications.iter().map(|(_, application)| application);
        for (name, problem) in dependency_problems(all) {
            let declared = self.applications.iter().find(|(_, known)| known.name == name);
            let path = declared.map_or("", |(path, _)| path.as_str());
            let what = Trouble::Dependency(problem);
            self.problems.push(whole_file("invalid-dependency", path, what));
        }
    }

    /// What a project does not permit whatever the application renders to is said at review.
    fn check_projects(&mut self, texts: &BTreeMap<String, String>, surroundings: &Surroundings) {
        for (path, application) in &self.applications {
            let scope = surroundings.scope(application, &self.projects);
            let project = application.project.clone();
            let reasons: Vec<BlockReason> = match scope.project {
                None => vec![BlockReason::ProjectMissing { project }],
                Some(_) => {
                    let refuses = |refusal| {
                        let project = project.clone();
                        BlockReason::ProjectRefuses { project, refusal }
                    };
                    refusals(&scope).into_iter().map(refuses).collect()
                }
            };
            let text = texts.get(path).map_or("", String::as_str);
            self.problems.extend(reasons.into_iter().map(|reason| {
                let (code, place) = (reason.code(), place_of(text, &reason));
                let what = Trouble::NotPermitted(reason);
                ConfigurationProblem { place, ..whole_file(code, path, what) }
            }));
        }
    }
}

/// The line and the column of the field that a reason is about.
fn place_of(text: &str, reason: &BlockReason) -> Option<(u64, u64)> {
    use deployments::project::ProjectRefusal;
    #[expect(clippy::wildcard_enum_match_arm, reason = "only these are about a field of the file")]
    let field = match reason {
        BlockReason::ProjectMissing { .. } => "project:",
        BlockReason::ProjectRefuses { refusal, .. } => match refusal {
            ProjectRefusal::Source { .. } => "repoURL:",
            ProjectRefusal::Destination { .. } | ProjectRefusal::ServiceAccount { .. } => {
                "destination:"
            }
            ProjectRefusal::Namespace { .. } | ProjectRefusal::Kind { .. } => return None,
        },
        _ => return None,
    };
    let (line, column) = text
        .lines()
        .enumerate()
        .find_map(|(line, content)| content.find(field).map(|column| (line, column)))?;
    Some((line as u64 + 1, column as u64 + 1))
}
