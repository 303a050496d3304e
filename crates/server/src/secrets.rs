//! The hand that keeps the values of secrets: one private file each, given to jobs of trusted runs and
//! to signatures, never to an interface.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::DirBuilder;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

use anyhow::Context;
use ledger::RepositoryName;
use repositories::secrets::SecretName;
use repositories::view::RepositoriesView;
use sha2::{Digest, Sha256};

use crate::private;

/// Where the values are.
pub struct Secrets {
    folder: PathBuf,
}

impl Secrets {
    /// In a folder of its own. What no fact names any more is forgotten: a kill between the fact and
    /// the file leaves such.
    pub fn open(folder: PathBuf, known: &RepositoriesView) -> anyhow::Result<Self> {
        let made = DirBuilder::new().recursive(true).mode(0o700).create(&folder);
        made.context("the folder of secrets cannot be made")?;
        let secrets = Self { folder };
        let kept: BTreeSet<PathBuf> = known
            .secrets
            .iter()
            .flat_map(|(repository, names)| names.keys().map(move |name| (repository, name)))
            .map(|(repository, name)| secrets.path(repository, name))
            .collect();
        let listed = std::fs::read_dir(&secrets.folder).context("secrets cannot be listed")?;
        for entry in listed {
            let path = entry.context("secrets cannot be listed")?.path();
            if !kept.contains(&path) {
                std::fs::remove_file(&path)
                    .with_context(|| format!("cannot remove {}", path.display()))?;
            }
        }
        Ok(secrets)
    }

    /// Keeps a value; it is on disk when this returns.
    pub fn keep(
        &self,
        repository: &RepositoryName,
        name: &SecretName,
        value: &str,
    ) -> anyhow::Result<()> {
        private::write(&self.path(repository, name), value.as_bytes())
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
        let read = std::fs::read_to_string(self.path(repository, name));
        read.with_context(|| {
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

    /// Hashed, so that no name is a path and a listing of the folder tells none.
    fn path(&self, repository: &RepositoryName, name: &SecretName) -> PathBuf {
        let mut hash = Sha256::new();
        hash.update(repository.as_str());
        hash.update(b"\0");
        hash.update(name.as_str());
        self.folder.join(hex::encode(hash.finalize()))
    }
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
    use ledger::Timestamp;
    use repositories::secrets::SecretRecord;

    use super::*;

    #[test]
    fn values_are_private_and_what_no_fact_names_is_forgotten() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("values");
        let repository = RepositoryName::new("team/shop").expect("a name");
        let name = |text: &str| SecretName::new(text).expect("a name");
        let mut known = RepositoriesView::default();
        let secrets = Secrets::open(path.clone(), &known).expect("opens");
        for text in ["KEPT", "GONE"] {
            secrets.keep(&repository, &name(text), &format!("value of {text}")).expect("keeps");
        }
        for entry in std::fs::read_dir(&path).expect("lists") {
            let entry = entry.expect("an entry");
            assert_eq!(entry.metadata().expect("its data").permissions().mode() & 0o777, 0o600);
            assert!(!entry.file_name().to_string_lossy().contains("KEPT"));
        }
        let record = SecretRecord {
            set_at: Timestamp(0),
            set_by: ledger::Actor::system("test"),
            used_by: Default::default(),
        };
        let of_shop = known.secrets.entry(repository.clone()).or_default();
        of_shop.insert(name("kept"), record);
        let secrets = Secrets::open(path, &known).expect("opens again");
        let values = secrets.of_repository(&repository, [name("kept")]).expect("reads");
        assert_eq!(values, [("KEPT".to_owned(), "value of KEPT".to_owned())].into());
        assert!(secrets.value(&repository, &name("gone")).is_err());
        secrets.forget(&repository, &name("kept")).expect("forgets");
        secrets.forget(&repository, &name("kept")).expect("forgets twice");
        assert!(secrets.of_repository(&repository, [name("kept")]).is_err());
    }
}
