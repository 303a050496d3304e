//! Digests spliced into kustomization files.

use kustomize::edit::{ImageEdit, image_digest, set_image};

const DIGEST: &str = "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

fn edit(new_name: Option<&str>) -> ImageEdit {
    ImageEdit {
        name: "registry.example/web".into(),
        new_name: new_name.map(str::to_owned),
        digest: DIGEST.into(),
    }
}

/// `D` stands for the digest.
#[track_caller]
fn check(before: &str, expected: &str) {
    let expected = expected.replace("=D", &format!(": {DIGEST}"));
    let edited = set_image("k.yaml", before, &edit(None)).expect("edited");
    assert_eq!(edited, expected);
    let digest = image_digest("k.yaml", &edited, "registry.example/web").expect("read");
    assert_eq!(digest.as_deref(), Some(DIGEST));
    let again = set_image("k.yaml", &edited, &edit(None)).expect("edited again");
    assert_eq!(again, edited, "a second edit changes nothing");
}

#[test]
fn a_tag_becomes_a_digest_in_its_place() {
    check(
        "# top\nimages:   # mine\n- name: registry.example/web  # the web\n  newTag: v1 # why\n- name: x\n  newTag: y\nresources: [a] # end\n",
        "# top\nimages:   # mine\n- name: registry.example/web  # the web\n  digest=D # why\n- name: x\n  newTag: y\nresources: [a] # end\n",
    );
}

#[test]
fn a_digest_is_replaced_and_a_tag_beside_it_goes() {
    check(
        "images:\n  - newName: b\n    name: registry.example/web\n    digest: \"sha256:aa\" # old\n    newTag: v1\n    # kept\nx: 1\n"
            .replace("x: 1\n", "namePrefix: a\n")
            .as_str(),
        "images:\n  - newName: b\n    name: registry.example/web\n    digest=D # old\n    # kept\nnamePrefix: a\n",
    );
    check(
        "images:\n- newTag: v1\n  name: registry.example/web\n  digest: sha256:aa\n",
        "images:\n- digest=D\n  name: registry.example/web\n",
    );
}

#[test]
fn an_entry_without_either_gets_a_line() {
    check(
        "images:\n- name: registry.example/web # c\n  newName: other\nnamePrefix: a\n",
        "images:\n- name: registry.example/web # c\n  digest=D\n  newName: other\nnamePrefix: a\n",
    );
}

#[test]
fn an_entry_is_added_behind_the_last() {
    check(
        "images:\n- name: x\n  newTag: '1' # one\n\n# about resources\nresources:\n- a\n",
        "images:\n- name: x\n  newTag: '1' # one\n- name: registry.example/web\n  digest=D\n\n# about resources\nresources:\n- a\n",
    );
    check(
        "images:\n  - name: x",
        "images:\n  - name: x\n  - name: registry.example/web\n    digest=D",
    );
}

#[test]
fn the_key_is_added_when_it_is_absent_or_empty() {
    check(
        "resources:\n- a",
        "resources:\n- a\nimages:\n- name: registry.example/web\n  digest=D\n",
    );
    check(
        "images: # none yet\nresources:\n- a\n",
        "images: # none yet\n- name: registry.example/web\n  digest=D\nresources:\n- a\n",
    );
    check("", "images:\n- name: registry.example/web\n  digest=D\n");
    check("images: []\n", "images: [{name: registry.example/web, digest=D}]\n");
}

#[test]
fn flow_style_stays_flow_style() {
    check(
        "images: [{name: x}, {name: registry.example/web, newTag: v1}] # c\n",
        "images: [{name: x}, {name: registry.example/web, digest=D}] # c\n",
    );
    check(
        "images:\n- {name: registry.example/web, newTag: v1, newName: z}\n- {name: x}\n",
        "images:\n- {name: registry.example/web, newName: z, digest=D}\n- {name: x}\n",
    );
    check("images: [{name: x}]\n", "images: [{name: x}, {name: registry.example/web, digest=D}]\n");
}

#[test]
fn windows_line_ends_stay() {
    check(
        "images:\r\n- name: registry.example/web\r\n  newName: z\r\n",
        "images:\r\n- name: registry.example/web\r\n  digest=D\r\n  newName: z\r\n",
    );
}

#[test]
fn a_new_name_is_set_or_added() {
    let before = "images:\n- name: registry.example/web\n  newTag: v1\n";
    let edited = set_image("k.yaml", before, &edit(Some("host:5000/web"))).expect("edited");
    let expected = format!(
        "images:\n- name: registry.example/web\n  newName: host:5000/web\n  digest: {DIGEST}\n"
    );
    assert_eq!(edited, expected);
    let edited = set_image("k.yaml", &edited, &edit(Some("z"))).expect("edited");
    assert_eq!(edited, expected.replace("host:5000/web", "z"));
}

#[test]
fn what_cannot_be_edited_is_refused() {
    for before in [
        "images:\n- name: registry.example/web\n- name: registry.example/web\n",
        "{resources: [a]}\n",
        "images: text\n",
        "images: {a: b}\n",
        "images:\n- just text\n",
        "a: &x [b]\nimages: *x\n",
        "a: [\n",
        "a: 1\n---\nb: 2\n",
    ] {
        let outcome = set_image("k.yaml", before, &edit(None));
        assert!(outcome.is_err(), "{before:?} became {outcome:?}");
    }
}
