//! The hand that keeps the values of secrets: one private, sealed file each, given to jobs of trusted
//! runs and to signatures, never to an interface.

mod seal;

use std::collections::BTreeMap;
use std::fs::DirBuilder;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

use anyhow::Context;
use ledger::RepositoryName;
use repositories::secrets::SecretName;
use repositories::view::RepositoriesView;
use sha2::{Digest, Sha256};

use self::seal::Seal;
use crate::private;

/// A file beside the values that says whether a key is theirs. Theirs have 64 digits.
const CHECK: &str = "check";

/// Where the values are.
pub struct Secrets {
    folder: PathBuf,
    seal: Seal,
}

impl Secrets {
    /// In a folder of its own, sealed with the key of `key_file`, which is made with the first start.
    /// What no fact names any more is forgotten: a kill between the fact and the file leaves such.
    pub fn open(
        folder: PathBuf,
        key_file: &Path,
        known: &RepositoriesView,
    ) -> anyhow::Result<Self> {
        let made = DirBuilder::new().recursive(true).mode(0o700).create(&folder);
        made.context("the folder of secrets cannot be made")?;
        let check = folder.join(CHECK);
        let is_sealed = check.try_exists().context("secrets cannot be listed")?;
        let names = known.secrets.iter();
        let names = names.flat_map(|(of, names)| names.keys().map(move |name| (of, name)));
        let kept: BTreeMap<PathBuf, String> = names
            .map(|(repository, name)| {
                (path_in(&folder, repository, name), sealed_for(repository, name))
            })
            .collect();
        let seal = match Seal::read(key_file) {
            Err(seal::KeyError::Missing { .. }) if !is_sealed && !is_any_sealed(&kept)? => {
                Seal::make(key_file)?
            }
            read => read?,
        };
        let secrets = Self { folder, seal };
        if is_sealed {
            let read = std::fs::read(&check).context("secrets cannot be read")?;
            secrets.seal.open(CHECK, &read).map_err(|_| another_key(key_file))?;
        } else {
            secrets.seal_all(&kept, key_file)?;
            private::write(&check, &secrets.seal.close(CHECK, b"")?)?;
        }
        let listed = std::fs::read_dir(&secrets.folder).context("secrets cannot be listed")?;
        for entry in listed {
            let path = entry.context("secrets cannot be listed")?.path();
            if path != check && !kept.contains_key(&path) {
                std::fs::remove_file(&path)
                    .with_context(|| format!("cannot remove {}", path.display()))?;
            }
        }
        Ok(secrets)
    }

    /// Seals values of a time when they lay open. A kill on the way leaves some that are sealed already.
    fn seal_all(&self, kept: &BTreeMap<PathBuf, String>, key_file: &Path) -> anyhow::Result<()> {
        for (path, name) in kept {
            match read_kept(path)? {
                Some(value) if seal::is_sealed(&value) => {
                    self.seal.open(name, &value).map_err(|_| another_key(key_file))?;
                }
                Some(value) => private::write(path, &self.seal.close(name, &value)?)?,
                None => {}
            }
        }
        Ok(())
    }

    /// Keeps a value; it is on disk when this returns.
    pub fn keep(
        &self,
        repository: &RepositoryName,
        name: &SecretName,
        value: &str,
    ) -> anyhow::Result<()> {
        let sealed = self.seal.close(&sealed_for(repository, name), value.as_bytes())?;
        private::write(&self.path(repository, name), &sealed)
    }

    /// Forgets a value.
    pub fn forget(&self, repository: &RepositoryName, name: &SecretName) -> anyhow::Result<()> {
        match std::fs::remove_file(self.path(repository, name)) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                Err(error).with_context(|| format!("the secret {name} cannot be removed"))
            }
            Ok(()) | Err(_) => Ok(()),
        }
    }

    /// The value of a secret that a fact names; without it what needs it must not go on.
    pub fn value(&self, repository: &RepositoryName, name: &SecretName) -> anyhow::Result<String> {
        let read = || -> anyhow::Result<String> {
            let sealed = std::fs::read(self.path(repository, name))?;
            Ok(String::from_utf8(self.seal.open(&sealed_for(repository, name), &sealed)?)?)
        };
        read().with_context(|| {
            format!("the value of the secret {name} of {repository} cannot be read; set it again")
        })
    }

    /// All values of a repository by name.
    pub fn of_repository(
        &self,
        repository: &RepositoryName,
        names: impl IntoIterator<Item = SecretName>,
    ) -> anyhow::Result<BTreeMap<String, String>> {
        let pair = |name: SecretName| Ok((name.to_string(), self.value(repository, &name)?));
        names.into_iter().map(pair).collect()
    }

    fn path(&self, repository: &RepositoryName, name: &SecretName) -> PathBuf {
        path_in(&self.folder, repository, name)
    }
}

/// Hashed, so that no name is a path and a listing of the folder tells none.
fn path_in(folder: &Path, repository: &RepositoryName, name: &SecretName) -> PathBuf {
    folder.join(hex::encode(Sha256::digest(sealed_for(repository, name))))
}

/// Without the file that says whose the key is: values that are sealed have a key already.
fn is_any_sealed(kept: &BTreeMap<PathBuf, String>) -> anyhow::Result<bool> {
    for path in kept.keys() {
        if read_kept(path)?.is_some_and(|value| seal::is_sealed(&value)) {
            return Ok(true);
        }
    }
    Ok(false)
}

fn read_kept(path: &Path) -> anyhow::Result<Option<Vec<u8>>> {
    match std::fs::read(path) {
        Ok(value) => Ok(Some(value)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error).context("a secret cannot be read"),
    }
}

fn another_key(key_file: &Path) -> anyhow::Error {
    let file = key_file.display();
    anyhow::anyhow!("the secrets were not sealed with the key in {file}; start with theirs")
}

/// What a value is bound to: no name of a repository or a secret has this byte.
fn sealed_for(repository: &RepositoryName, name: &SecretName) -> String {
    format!("{repository}\0{name}")
}

/// A secret of the whole server: a file that its operator put into `secrets/` of the data folder.
pub fn of_server(data: &Path, name: &SecretName, written: &str) -> anyhow::Result<Vec<u8>> {
    let text = std::fs::read(data.join("secrets").join(written));
    let text = text.with_context(|| {
        format!("there is no secret {name}; set it with `boucle secret set REPOSITORY {name}`")
    })?;
    Ok(text.trim_ascii_end().to_vec())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use ledger::Timestamp;
    use repositories::secrets::SecretRecord;

    use super::*;

    struct World {
        folder: tempfile::TempDir,
        repository: RepositoryName,
        known: RepositoriesView,
    }

    impl World {
        /// The facts name these secrets.
        fn new(names: &[&str]) -> Self {
            let folder = tempfile::tempdir().expect("a folder");
            let repository = RepositoryName::new("team/shop").expect("a name");
            let mut known = RepositoriesView::default();
            for name in names {
                let record = SecretRecord {
                    set_at: Timestamp(0),
                    set_by: ledger::Actor::system("test"),
                    used_by: Default::default(),
                };
                known
                    .secrets
                    .entry(repository.clone())
                    .or_default()
                    .insert(self::name(name), record);
            }
            Self { folder, repository, known }
        }

        fn values(&self) -> PathBuf {
            self.folder.path().join("values")
        }

        fn key(&self) -> PathBuf {
            self.folder.path().join("secrets.key")
        }

        fn open(&self) -> anyhow::Result<Secrets> {
            Secrets::open(self.values(), &self.key(), &self.known)
        }

        /// The reason why it does not open.
        fn refusal(&self) -> String {
            self.open().err().map(|error| error.to_string()).unwrap_or_default()
        }

        fn value(&self, secrets: &Secrets, of: &str) -> Option<String> {
            secrets.value(&self.repository, &name(of)).ok()
        }
    }

    fn name(text: &str) -> SecretName {
        SecretName::new(text).expect("a name")
    }

    #[test]
    fn values_are_private_and_what_no_fact_names_is_forgotten() {
        let world = World::new(&["kept"]);
        let secrets = world.open().expect("opens");
        for text in ["KEPT", "GONE"] {
            let kept = secrets.keep(&world.repository, &name(text), &format!("value of {text}"));
            kept.expect("keeps");
        }
        for entry in std::fs::read_dir(world.values()).expect("lists") {
            let entry = entry.expect("an entry");
            assert_eq!(entry.metadata().expect("its data").permissions().mode() & 0o777, 0o600);
            assert!(!entry.file_name().to_string_lossy().contains("KEPT"));
            let content = std::fs::read(entry.path()).expect("reads");
            assert!(!String::from_utf8_lossy(&content).contains("value"));
        }
        let secrets = world.open().expect("opens again");
        let values = secrets.of_repository(&world.repository, [name("kept")]).expect("reads");
        assert_eq!(values, [("KEPT".to_owned(), "value of KEPT".to_owned())].into());
        assert_eq!(world.value(&secrets, "gone"), None);
        secrets.forget(&world.repository, &name("kept")).expect("forgets");
        secrets.forget(&world.repository, &name("kept")).expect("forgets twice");
        assert!(secrets.of_repository(&world.repository, [name("kept")]).is_err());
    }

    #[test]
    fn a_value_in_the_place_of_another_or_in_plain_text_is_not_given() {
        let world = World::new(&["one", "two"]);
        let secrets = world.open().expect("opens");
        secrets.keep(&world.repository, &name("one"), "first").expect("keeps");
        let [one, two] = ["one", "two"].map(|of| secrets.path(&world.repository, &name(of)));
        std::fs::copy(&one, &two).expect("copies");
        assert_eq!(world.value(&secrets, "one").as_deref(), Some("first"));
        assert_eq!(world.value(&secrets, "two"), None);
        std::fs::write(&two, "planted").expect("writes");
        assert_eq!(world.value(&world.open().expect("opens"), "two"), None);
        let mut changed = std::fs::read(&one).expect("reads");
        *changed.last_mut().expect("a byte") ^= 1;
        std::fs::write(&one, changed).expect("writes");
        assert_eq!(world.value(&secrets, "one"), None);
    }

    #[test]
    fn values_that_lay_open_are_sealed_with_the_first_start_also_behind_a_kill() {
        let world = World::new(&["one", "two"]);
        let secrets = world.open().expect("opens");
        secrets.keep(&world.repository, &name("one"), "first").expect("keeps");
        // As it was before, and as a kill in the middle leaves it.
        std::fs::write(secrets.path(&world.repository, &name("two")), "second").expect("writes");
        std::fs::remove_file(world.values().join(CHECK)).expect("removes");
        let secrets = world.open().expect("opens");
        assert_eq!(world.value(&secrets, "one").as_deref(), Some("first"));
        assert_eq!(world.value(&secrets, "two").as_deref(), Some("second"));
        let two = std::fs::read(secrets.path(&world.repository, &name("two"))).expect("reads");
        assert!(seal::is_sealed(&two));
    }

    #[test]
    fn a_key_that_is_gone_wrong_or_open_to_everybody_is_refused() {
        let world = World::new(&[]);
        world.open().expect("opens");
        let key = std::fs::read_to_string(world.key()).expect("reads");
        std::fs::remove_file(world.key()).expect("removes");
        assert!(world.refusal().contains("is gone"), "{}", world.refusal());
        private::write(&world.key(), "ab".repeat(32).as_bytes()).expect("writes");
        assert!(world.refusal().contains("were not sealed with the key"), "{}", world.refusal());
        private::write(&world.key(), b"no key").expect("writes");
        assert!(world.refusal().contains("holds no key"), "{}", world.refusal());
        private::write(&world.key(), key.as_bytes()).expect("writes");
        let everybody = std::fs::Permissions::from_mode(0o604);
        std::fs::set_permissions(world.key(), everybody).expect("is ours");
        assert!(world.refusal().contains("chmod 600"), "{}", world.refusal());
        let only_us = std::fs::Permissions::from_mode(0o600);
        std::fs::set_permissions(world.key(), only_us).expect("is ours");
        world.open().expect("opens with its own");
    }

    #[test]
    fn without_the_check_no_second_key_is_made_and_no_other_one_taken() {
        let world = World::new(&["one"]);
        let secrets = world.open().expect("opens");
        secrets.keep(&world.repository, &name("one"), "first").expect("keeps");
        let key = std::fs::read_to_string(world.key()).expect("reads");
        std::fs::remove_file(world.values().join(CHECK)).expect("removes");
        std::fs::remove_file(world.key()).expect("removes");
        assert!(world.refusal().contains("is gone"), "{}", world.refusal());
        private::write(&world.key(), "ab".repeat(32).as_bytes()).expect("writes");
        assert!(world.refusal().contains("were not sealed with the key"), "{}", world.refusal());
        private::write(&world.key(), key.as_bytes()).expect("writes");
        let secrets = world.open().expect("opens with its own");
        assert_eq!(world.value(&secrets, "one").as_deref(), Some("first"));
    }
}
