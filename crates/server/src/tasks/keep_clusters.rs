//! Opens the clusters that repositories declare, and closes those that they declare no more.

use std::sync::Arc;

use cluster::{Connection, Credential, Secret};
use deployments::{DeclaredCluster, DeclaredCredential};
use ledger::RepositoryName;
use repositories::secrets::{NoBoundSecret, SecretName, SecretRecord};

use crate::clusters::Wanted;
use crate::state::Server;
use crate::tasks::Next;
use crate::words::ClusterLacks;

/// One activation: what the default branch of each repository declares.
pub async fn reconcile(server: Arc<Server>) -> anyhow::Result<Next> {
    let repositories: Vec<RepositoryName> =
        server.recorder.views().repositories.repositories.keys().cloned().collect();
    let mut wanted = Vec::new();
    for repository in repositories {
        let configured = server.configurations.of_default_branch(&server, &repository).await?;
        let declared = configured.iter().flat_map(|configured| &configured.clusters);
        wanted.extend(declared.map(|cluster| Wanted {
            repository: repository.clone(),
            cluster: cluster.clone(),
            secret: secret(&server, &repository, cluster),
        }));
    }
    server.clusters.declare(wanted, |wanted| connection(&server, wanted)).await;
    Ok(Next::OnChange)
}

fn secret(
    server: &Server,
    repository: &RepositoryName,
    cluster: &DeclaredCluster,
) -> Result<SecretRecord, ClusterLacks> {
    let lacks = |problem| ClusterLacks::Secret {
        repository: repository.clone(),
        secret: cluster.credential.secret().to_owned(),
        server: cluster.server.clone(),
        problem,
    };
    let name = SecretName::new(cluster.credential.secret());
    let name = name.map_err(|_| lacks(NoBoundSecret::Missing))?;
    let views = server.recorder.views();
    let found = views.repositories.cluster_secret(repository, &name, &cluster.server);
    found.cloned().map_err(lacks)
}

fn connection(server: &Server, wanted: &Wanted) -> Result<Connection, ClusterLacks> {
    wanted.secret.as_ref().map_err(Clone::clone)?;
    let cluster = &wanted.cluster;
    let sense = |problem: String| ClusterLacks::Sense { problem };
    let name = SecretName::new(cluster.credential.secret());
    let name = name.map_err(|error| sense(error.to_string()))?;
    let value = server.secrets.value(&wanted.repository, &name);
    let value = Secret::new(value.map_err(|error| sense(format!("{error:#}")))?.trim());
    Ok(Connection::Address {
        server: cluster.server.clone(),
        credential: match &cluster.credential {
            DeclaredCredential::Token { .. } => Credential::Token(value),
            DeclaredCredential::Certificate { certificate, .. } => {
                Credential::Certificate { certificate: certificate.clone(), key: value }
            }
        },
        certificate_authority: cluster.certificate_authority.clone(),
        server_name: cluster.server_name.clone(),
    })
}
