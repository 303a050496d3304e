//! Which `AppProject` files are read, and what they permit.

use deployments::ObjectKey;
use deployments::project::{
    DestinationNames, Permission, Project, ProjectRefusal, Projects, WindowKind, permits,
    synchronises,
};
use ledger::{ApplicationName, Timestamp};

fn text(spec: &str) -> String {
    let spec: String = spec.lines().map(|line| format!("  {line}\n")).collect();
    format!(
        "apiVersion: argoproj.io/v1alpha1\nkind: AppProject\nmetadata: {{name: team}}\nspec:\n{spec}"
    )
}

#[track_caller]
fn project(spec: &str) -> Project {
    Project::parse("p.yaml", &text(spec)).unwrap()
}

fn place(name: &str, server: &str, namespace: &str) -> DestinationNames {
    DestinationNames {
        server: Some(server.into()).filter(|text: &String| !text.is_empty()),
        name: Some(name.into()).filter(|text: &String| !text.is_empty()),
        namespace: namespace.into(),
    }
}

/// `group/Kind namespace/name` or `Kind name`.
fn object(text: &str) -> ObjectKey {
    let (kind, name) = text.split_once(' ').unwrap();
    let (group, kind) = kind.split_once('/').unwrap_or(("", kind));
    let (namespace, name) = name.split_once('/').unwrap_or(("", name));
    ObjectKey {
        group: group.into(),
        kind: kind.into(),
        namespace: namespace.into(),
        name: name.into(),
    }
}

/// Asks for a source, a destination (`name server namespace`) and objects; the refusals' beginnings.
#[track_caller]
fn check(spec: &str, source: &[&str], to: (&str, &str, &str), objects: &[&str], expected: &[&str]) {
    let sources = [source.iter().map(ToString::to_string).collect::<Vec<_>>()];
    let objects: Vec<ObjectKey> = objects.iter().map(|text| object(text)).collect();
    let asked = Permission {
        sources: &sources,
        place: &place(to.0, to.1, to.2),
        objects: &objects,
        cluster_scoped: None,
    };
    let refusals = permits(&project(spec), &asked);
    let texts: Vec<String> = refusals.iter().map(ToString::to_string).collect();
    assert_eq!(texts.len(), expected.len(), "{texts:?}");
    for (text, expected) in texts.iter().zip(expected) {
        assert!(text.contains(expected), "{text}\nhas not: {expected}");
    }
}

const EAST: (&str, &str, &str) = ("east", "https://east:6443", "shop");
const ANYWHERE: &str = "destinations: [{server: '*', namespace: '*'}]\n";

#[test]
fn a_source_needs_a_rule_and_no_denial() {
    let check = |rules: &str, source: &[&str], expected: &[&str]| {
        check(&format!("sourceRepos: {rules}\n{ANYWHERE}"), source, EAST, &[], expected);
    };
    check("['*']", &["https://git.example/a/b"], &[]);
    check("[]", &["me/a"], &["no entry of its `sourceRepos` matches the repository me/a"]);
    check("['https://git.example/team/*']", &["https://git.example/Team/a.git"], &[]);
    check("['https://git.example/*']", &["https://git.example/team/a"], &["no entry"]);
    check("['https://git.example/**']", &["https://git.example/team/a"], &[]);
    check("['*', '!me/secret']", &["me/secret.git"], &["denied by `!me/secret`"]);
    check("['!me/secret', '*']", &["me/open"], &[]);
    // A denial alone permits nothing.
    check("['!me/secret']", &["me/open"], &["no entry"]);
    // One name that matches is enough to permit, and enough to deny.
    check("['me/*']", &["http://here/me/a", "me/a"], &[]);
    check("['*', '!me/a']", &["http://here/me/a", "me/a"], &["denied by `!me/a`"]);
}

#[test]
fn a_destination_needs_an_entry_and_no_denial() {
    let check = |rules: &str, to: (&str, &str, &str), expected: &[&str]| {
        check(&format!("sourceRepos: ['*']\ndestinations: {rules}\n"), &["x"], to, &[], expected);
    };
    check("[{server: 'https://east:6443', namespace: shop}]", EAST, &[]);
    check("[{name: east, namespace: 'sh*'}]", EAST, &[]);
    check("[{name: west, namespace: '*'}]", EAST, &["matches east (https://east:6443), namespace"]);
    check("[]", EAST, &["no entry of its `destinations`"]);
    // Without a namespace an entry is for applications without one.
    check("[{name: east}]", EAST, &["no entry"]);
    check("[{name: east}]", ("east", "", ""), &[]);
    let denials = "[{server: '*', namespace: '!kube-system'}, {namespace: '*', server: \
                   '!https://team1-*'}, {namespace: '*', server: '*'}]";
    check(denials, EAST, &[]);
    check(denials, ("", "https://x", "kube-system"), &["denied by `!kube-system`"]);
    check(denials, ("", "https://team1-a", "shop"), &["denied by `!https://team1-*`"]);
    check("[{name: '*', namespace: '*'}, {name: '!prod', namespace: '*'}]", EAST, &[]);
    // What is not known of a destination may be what is denied.
    check(
        "[{server: '*', namespace: '*'}, {name: '!prod', namespace: '*'}]",
        ("", "https://x", "shop"),
        &["denied by `!prod`"],
    );
    check("[{server: 'process://local', namespace: '*'}]", ("local", "process://local", "a"), &[]);
}

#[test]
fn kinds_without_namespace_are_listed_others_are_open() {
    let check = |rules: &str, objects: &[&str], expected: &[&str]| {
        let destinations = "destinations: [{server: '*', namespace: shop}]";
        let spec = format!("sourceRepos: ['*']\n{destinations}\n{rules}\n");
        check(&spec, &["x"], EAST, objects, expected);
    };
    check("", &["ConfigMap shop/a", "apps/Deployment shop/b"], &[]);
    check("", &["Namespace shop"], &["`clusterResourceWhitelist` does not have"]);
    check("clusterResourceWhitelist: [{group: '', kind: Namespace}]", &["Namespace shop"], &[]);
    let named = "clusterResourceWhitelist: [{group: '', kind: Namespace, name: 'shop-*'}]";
    check(named, &["Namespace shop-a", "Namespace other"], &["Namespace other is of a kind"]);
    let all = "clusterResourceWhitelist: [{group: '*', kind: '*'}]\nclusterResourceBlacklist: \
               [{group: rbac.authorization.k8s.io, kind: 'ClusterRole*'}]";
    check(
        all,
        &["rbac.authorization.k8s.io/ClusterRoleBinding a", "Namespace a"],
        &["`clusterResourceBlacklist` denies"],
    );
    let denied = "namespaceResourceBlacklist: [{group: '', kind: ResourceQuota}]";
    check(denied, &["ResourceQuota shop/a", "Secret shop/a"], &["ResourceQuota shop/a"]);
    let listed = "namespaceResourceWhitelist: [{group: apps, kind: Deployment}]";
    check(listed, &["apps/Deployment shop/a", "Secret shop/a"], &["Secret shop/a"]);
    check("namespaceResourceWhitelist: []", &["Secret shop/a"], &["does not have"]);
    // An object's own namespace is a destination too.
    check("", &["ConfigMap other/a"], &["ConfigMap other/a is not in a namespace"]);
}

#[test]
fn a_service_account_is_the_first_that_matches_and_nobody_else() {
    let accounts = "sourceRepos: ['*']\ndestinations: [{server: '*', namespace: '*'}]\n\
        destinationServiceAccounts:\n\
        - {server: 'https://east:*', namespace: shop, defaultServiceAccount: deployer}\n\
        - {server: east, namespace: '*', defaultServiceAccount: 'ops:guest'}\n\
        - {server: east, namespace: shop, defaultServiceAccount: never}\n";
    let account = |name: &str, server: &str, namespace: &str| {
        let found = project(accounts).service_account(&place(name, server, namespace));
        found.map(|found| found.map(|one| format!("{}/{}", one.namespace, one.name)))
    };
    assert_eq!(account("east", "https://east:6443", "shop"), Ok(Some("shop/deployer".into())));
    assert_eq!(account("east", "https://east:6443", "other"), Ok(Some("ops/guest".into())));
    let refused = account("west", "https://west:6443", "shop");
    assert!(matches!(refused, Err(ProjectRefusal::ServiceAccount { .. })), "{refused:?}");
    assert_eq!(account("local", "process://local", "shop"), Ok(None));
    let none = project("sourceRepos: ['*']").service_account(&place("east", "", "shop"));
    assert_eq!(none, Ok(None));
    check(accounts, &["x"], ("west", "https://w", "shop"), &[], &["and nobody else may act"]);
}

/// What the windows say at `at` (RFC 3339) to an application `shop-web`: `ok`, or the kind, whether
/// a person may, and until when.
#[track_caller]
fn window(windows: &str, at: &str, by_person: bool, expected: &str) {
    let project = project(&format!("syncWindows:\n{windows}"));
    let at: jiff::Timestamp = at.parse().unwrap();
    let application = ApplicationName::new("shop-web").unwrap();
    let place = place(EAST.0, EAST.1, EAST.2);
    let now = Timestamp(at.as_millisecond());
    let said = match synchronises(&project, &application, &place, by_person, now) {
        Ok(()) => "ok".to_owned(),
        Err(wait) => {
            let kind = match wait.kind {
                WindowKind::Allow => "allow",
                WindowKind::Deny => "deny",
            };
            let until = wait.until.map_or("never".to_owned(), |until| until.to_string());
            format!("{kind} {until}{}", if wait.manual { " manual" } else { "" })
        }
    };
    assert_eq!(said, expected, "{windows} {at}");
}

const ALL: &str = "applications: ['*']";

#[test]
fn windows_allow_and_deny() {
    let allow = format!("- {{kind: allow, schedule: '0 22 * * *', duration: 1h30m, {ALL}}}\n");
    window(&allow, "2026-03-02T22:00:00Z", false, "ok");
    window(&allow, "2026-03-02T23:29:59Z", false, "ok");
    window(&allow, "2026-03-02T23:30:00Z", false, "allow 2026-03-03T22:00:00.000Z");
    window(&allow, "2026-03-02T23:30:00Z", true, "allow 2026-03-03T22:00:00.000Z");
    let deny = format!("- {{kind: deny, schedule: '0 22 * * *', duration: 2h, {ALL}}}\n");
    window(&deny, "2026-03-02T21:59:59Z", false, "ok");
    window(&deny, "2026-03-03T00:00:00Z", false, "ok");
    // Across midnight; and a denial goes before what allows.
    window(&deny, "2026-03-02T23:59:59Z", false, "deny 2026-03-03T00:00:00.000Z");
    window(
        &format!("{allow}{deny}"),
        "2026-03-02T22:30:00Z",
        false,
        "deny 2026-03-03T00:00:00.000Z",
    );
    // Another allowed window that is open is enough.
    let always = format!("- {{kind: allow, schedule: '* * * * *', duration: 1h, {ALL}}}\n");
    window(&format!("{allow}{always}"), "2026-03-02T12:00:00Z", false, "ok");
}

#[test]
fn a_person_may_where_every_window_in_the_way_says_so() {
    let window_of = |kind: &str, manual: bool| {
        format!(
            "- {{kind: {kind}, schedule: '0 22 * * *', duration: 1h, manualSync: {manual}, {ALL}}}\n"
        )
    };
    let (inside, outside) = ("2026-03-02T22:30:00Z", "2026-03-02T12:00:00Z");
    let (closes, opens) = ("2026-03-02T23:00:00.000Z", "2026-03-02T22:00:00.000Z");
    window(&window_of("deny", true), inside, true, "ok");
    window(&window_of("deny", true), inside, false, &format!("deny {closes} manual"));
    window(&window_of("allow", true), outside, true, "ok");
    window(&window_of("allow", true), outside, false, &format!("allow {opens} manual"));
    let both = format!("{}{}", window_of("deny", true), window_of("deny", false));
    window(&both, inside, true, &format!("deny {closes}"));
    let both = format!("{}{}", window_of("allow", false), window_of("allow", true));
    window(&both, outside, true, &format!("allow {opens}"));
}

#[test]
fn windows_are_for_whom_they_name() {
    let (at, held) = ("2026-03-02T22:30:00Z", "deny 2026-03-02T23:00:00.000Z");
    let deny =
        |whom: &str| format!("- {{kind: deny, schedule: '0 22 * * *', duration: 1h, {whom}}}\n");
    window(&deny("applications: ['shop-*']"), at, false, held);
    window(&deny("applications: [other]"), at, false, "ok");
    window(&deny("namespaces: [shop]"), at, false, held);
    window(&deny("clusters: [east]"), at, false, held);
    window(&deny("clusters: ['https://east:*']"), at, false, held);
    window(&deny("applications: [other], namespaces: [shop]"), at, false, held);
    let and = |whom: &str| deny(&format!("{whom}, andOperator: true"));
    window(&and("applications: [other], namespaces: [shop]"), at, false, "ok");
    window(&and("applications: ['*'], namespaces: [shop], clusters: [east]"), at, false, held);
}

#[test]
fn schedules_are_read_in_their_time_zone() {
    let deny = |zone: &str| {
        format!(
            "- {{kind: deny, schedule: '0 2 * * 1-5', duration: 1h, timeZone: {zone}, {ALL}}}\n"
        )
    };
    // 2026-03-02 is a Monday; Paris is one hour ahead in winter and two in summer.
    window(&deny("Europe/Paris"), "2026-03-02T01:30:00Z", false, "deny 2026-03-02T02:00:00.000Z");
    window(&deny("Europe/Paris"), "2026-03-01T01:30:00Z", false, "ok");
    window(&deny("Europe/Paris"), "2026-07-06T00:30:00Z", false, "deny 2026-07-06T01:00:00.000Z");
    window(
        &deny("America/New_York"),
        "2026-03-02T07:30:00Z",
        false,
        "deny 2026-03-02T08:00:00.000Z",
    );
    // Either day will do when both are restricted; and a window may always be open.
    let days = format!("- {{kind: deny, schedule: '0 0 1 * 1', duration: 24h, {ALL}}}\n");
    window(&days, "2026-03-01T12:00:00Z", false, "deny 2026-03-03T00:00:00.000Z");
    window(&days, "2026-03-04T12:00:00Z", false, "ok");
    let never = format!("- {{kind: allow, schedule: '0 0 30 2 *', duration: 1h, {ALL}}}\n");
    window(&never, "2026-03-01T12:00:00Z", false, "allow never");
}

#[test]
fn nothing_is_told_of_a_namespace_that_is_not_permitted() {
    let check = |spec: &str, namespace: &str, expected: bool| {
        let place = place("east", "https://east", namespace);
        assert_eq!(project(spec).warns_of(&place, namespace), expected, "{spec} {namespace}");
    };
    let of_shop = "orphanedResources: {}\ndestinations: [{name: east, namespace: shop}]";
    check(of_shop, "shop", true);
    check(of_shop, "kube-system", false);
    check("orphanedResources: {}", "shop", false);
    check(
        "orphanedResources: {warn: false}\ndestinations: [{name: '*', namespace: '*'}]",
        "a",
        false,
    );
    check("destinations: [{name: '*', namespace: '*'}]", "a", false);
}

/// Which of these objects a project warns of.
#[track_caller]
fn check_orphans(spec: &str, objects: &[&str], expected: &[&str]) {
    let objects = objects.iter().map(|text| object(text)).collect();
    let expected: Vec<ObjectKey> = expected.iter().map(|text| object(text)).collect();
    assert_eq!(project(spec).orphans(objects), expected, "{spec}");
}

#[test]
fn what_belongs_to_nobody_is_warned_of_unless_it_is_ignored() {
    let all = [
        "Secret shop/sh.helm.release.v1",
        "ConfigMap shop/a",
        "apps/Deployment shop/web",
        "batch/Job shop/web-1",
    ];
    let [secret, map, deployment, job] = all;
    let sorted = [map, secret, deployment, job];
    check_orphans("sourceRepos: []", &all, &[]);
    check_orphans("orphanedResources: {warn: false}", &all, &[]);
    check_orphans("orphanedResources: {}", &all, &sorted);
    check_orphans("orphanedResources: {warn: true}", &all, &sorted);
    let ignore = |fields: &str| format!("orphanedResources: {{ignore: [{fields}]}}");
    check_orphans(&ignore("{kind: Secret, name: 'sh.helm.*'}"), &all, &[map, deployment, job]);
    check_orphans(&ignore("{kind: Secret, name: other}"), &all, &sorted);
    check_orphans(&ignore("{group: apps}"), &all, &[map, secret, job]);
    check_orphans(&ignore("{group: '*', name: 'web*'}"), &all, &[map, secret]);
    // Without a group it is the core group's.
    check_orphans(&ignore("{name: 'web*'}"), &all, &sorted);
    check_orphans(&ignore("{kind: '{Secret,ConfigMap}'}, {group: batch}"), &all, &[deployment]);
    check_orphans(&ignore("{group: '*'}"), &all, &[]);
    // What the project does not permit is not its own to look after.
    let denied = "orphanedResources: {}\nnamespaceResourceBlacklist: [{group: '', kind: '*'}]";
    check_orphans(denied, &all, &[deployment, job]);
    let listed = "orphanedResources: {}\nnamespaceResourceWhitelist: [{group: batch, kind: Job}]";
    check_orphans(listed, &all, &[job]);
    // What a cluster makes by itself.
    check_orphans(
        "orphanedResources: {}",
        &[
            "ServiceAccount shop/default",
            "ServiceAccount shop/other",
            "ConfigMap shop/kube-root-ca.crt",
            "Endpoints shop/web",
            "events.k8s.io/Event shop/web.1",
            "Service default/kubernetes",
            "Service shop/kubernetes",
        ],
        &["Service shop/kubernetes", "ServiceAccount shop/other"],
    );
}

/// Refused at this line, with these words.
#[track_caller]
fn refused(spec: &str, line: u64, needle: &str) {
    let error = Project::parse("p.yaml", &text(spec)).unwrap_err();
    assert!(error.message.contains(needle), "{error}");
    assert_eq!(error.line, line, "{error}");
}

#[test]
fn what_cannot_hold_is_refused_by_name_and_place() {
    refused("sourceRepo: []", 5, "sourceRepo");
    refused(
        "sourceRepos: ['a']\nroles: [{name: x, policies: ['p, a, b']}]",
        6,
        "`write` to synchronise",
    );
    refused("roles: [{name: x, groups: [y]}]", 5, "no groups of people");
    refused(
        "roles: [{name: x, jwtTokens: [{iat: 1}]}]",
        5,
        "boucle token create NAME --repository",
    );
    refused("orphanedResources: {warns: true}", 5, "warns");
    refused("orphanedResources: {ignore: [{namespace: a}]}", 5, "namespace");
    refused("orphanedResources: {ignore: [{kind: '[a'}]}", 5, "no pattern");
    refused("signatureKeys: [{keyID: A}]", 5, "required reviews");
    refused("sourceIntegrity: {git: {}}", 5, "required reviews");
    refused("permitOnlyProjectScopedClusters: true", 5, "permitOnlyProjectScopedClusters");
    refused("destinations: [{name: '!*', namespace: a}]", 5, "deny everything");
    refused("sourceRepos: ['[a']", 5, "no pattern");
    refused("namespaceResourceBlacklist: [{group: a, kind: b, name: c}]", 5, "name");
    refused(
        "destinationServiceAccounts: [{server: a, namespace: b, defaultServiceAccount: 'a/b'}]",
        5,
        "no service account",
    );
    let window = |fields: &str| format!("syncWindows:\n- {{{fields}}}");
    let good = "kind: allow, schedule: '0 1 * * *', duration: 1h, namespaces: [a]";
    assert_eq!(project(&window(good)).windows.len(), 1);
    for (from, to, needle) in [
        ("allow", "sometimes", "sometimes"),
        ("0 1 * * *", "@daily", "five fields"),
        ("0 1 * * *", "0 0 1 * * *", "five fields"),
        ("0 1 * * *", "0 1 L * *", "not cron's"),
        ("0 1 * * *", "0 1 * * 5L", "names no day"),
        ("0 1 * * *", "0 25 * * *", "no schedule"),
        ("1h", "1", "no duration"),
        ("1h", "-1h", "no duration"),
        ("1h", "9999h", "no duration"),
        (", namespaces: [a]", "", "`applications`, `namespaces` or `clusters`"),
        ("namespaces: [a]", "namespaces: [a], timeZone: Mars/Base", "no time zone"),
        ("namespaces: [a]", "namespaces: [a], syncOverrun: false", "syncOverrun"),
    ] {
        refused(&window(&good.replace(from, to)), 6, needle);
    }
    let accepted = "description: ours\nroles: [{name: x, description: y}]\nsourceNamespaces: [a]\n\
                    permitOnlyProjectScopedClusters: false\nsignatureKeys: []";
    assert!(project(accepted).source_repos.is_empty());
}

#[test]
fn the_default_project_permits_everything_unless_somebody_may_have_restricted_it() {
    let mut projects = Projects::default();
    assert!(projects.find("default").is_some() && projects.find("team").is_none());
    projects.add(project("sourceRepos: [a]")).unwrap();
    assert!(projects.find("team").is_some());
    assert_eq!(projects.add(project("sourceRepos: []")), Err("team".into()));
    projects.incomplete();
    assert!(projects.find("default").is_none() && projects.find("team").is_some());
}
