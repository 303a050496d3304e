//! Every permission against every role and scope.

use ledger::{Actor, RepositoryName, Timestamp};
use repositories::access::{
    DenialReason, Grant, Permission, Resource, Role, Scope, Visibility, may_render_from, permit,
};

fn name(text: &str) -> RepositoryName {
    RepositoryName::new(text).unwrap()
}

fn repository(visibility: Visibility) -> Resource {
    Resource::Repository { name: name("demo/hello"), visibility }
}

fn grant(role: Option<Role>, scope: Scope) -> Grant {
    Grant { actor: Actor::person("ada"), role, scope, expires_at: None }
}

fn denial(grant: &Grant, permission: Permission, resource: &Resource) -> Option<DenialReason> {
    permit(grant, permission, resource, Timestamp(1_000)).err().map(|denied| denied.reason)
}

#[test]
fn a_role_has_what_is_at_most_its_own() {
    let private = repository(Visibility::Private);
    for permission in Permission::ALL {
        for role in [Role::Read, Role::Write, Role::Admin] {
            let expected = (role < permission.role())
                .then_some(DenialReason::RoleTooSmall { needed: permission.role() });
            let actual = denial(&grant(Some(role), Scope::Server), permission, &private);
            assert_eq!(actual, expected, "{permission} {role:?}");
        }
    }
    // The smallest role that may push and the one that may change rules are fixed by name.
    assert_eq!(Permission::PushRepository.role(), Role::Write);
    assert_eq!(Permission::ManageTokens.role(), Role::Admin);
    assert_eq!(Permission::ReadAudit.role(), Role::Admin);
}

#[test]
fn a_scope_ends_at_its_repository() {
    let own = grant(Some(Role::Admin), Scope::Repository(name("demo/hello")));
    let other = grant(Some(Role::Admin), Scope::Repository(name("demo/other")));
    let private = repository(Visibility::Private);
    assert_eq!(denial(&own, Permission::Merge, &private), None);
    let out = Some(DenialReason::OutOfScope);
    assert_eq!(denial(&other, Permission::Merge, &private), out);
    assert_eq!(denial(&own, Permission::ManageTokens, &Resource::Server), out);
    assert_eq!(denial(&own, Permission::ReadAudit, &Resource::Server), out);
    assert_eq!(denial(&own, Permission::ReadServer, &Resource::Server), None);
}

#[test]
fn nobody_reads_what_is_public_and_nothing_else() {
    let nobody = Grant::nobody();
    for permission in Permission::ALL {
        for visibility in [Visibility::Public, Visibility::Private] {
            let open = permission == Permission::ReadRepository && visibility == Visibility::Public;
            let expected = (!open).then_some(DenialReason::NotAuthenticated);
            let actual = denial(&nobody, permission, &repository(visibility));
            assert_eq!(actual, expected, "{permission} {visibility:?}");
        }
    }
}

#[test]
fn a_grant_ends_at_its_time() {
    let mut grant = grant(Some(Role::Admin), Scope::Server);
    let private = repository(Visibility::Private);
    grant.expires_at = Some(Timestamp(1_000));
    assert_eq!(denial(&grant, Permission::Merge, &private), Some(DenialReason::Expired));
    grant.expires_at = Some(Timestamp(1_001));
    assert_eq!(denial(&grant, Permission::Merge, &private), None);
}

#[test]
fn a_permit_says_who_may_what() {
    let grant = grant(Some(Role::Write), Scope::Server);
    let resource = repository(Visibility::Private);
    let permit = permit(&grant, Permission::Merge, &resource, Timestamp(0)).unwrap();
    assert_eq!(permit.actor(), &Actor::person("ada"));
    assert_eq!((permit.permission(), permit.resource()), (Permission::Merge, &resource));
}

#[test]
fn an_application_reads_other_repositories_only_when_all_its_readers_may() {
    let (app, source) = (name("me/app"), name("me/source"));
    let cases = [
        (&app, Some(Visibility::Private), vec![], true),
        (&source, Some(Visibility::Public), vec![], true),
        // The same owner is no proof: a token may be for one repository alone.
        (&source, Some(Visibility::Private), vec![], false),
        (&source, Some(Visibility::Private), vec![name("me/other")], false),
        (&source, Some(Visibility::Private), vec![name("me/app")], true),
        (&source, None, vec![name("me/app")], false),
    ];
    for (of, visibility, consents, expected) in cases {
        let may = may_render_from(&app, of, visibility, &consents);
        assert_eq!(may, expected, "{of} {visibility:?} {consents:?}");
    }
}
