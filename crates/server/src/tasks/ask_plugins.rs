//! Asks the services that sets are given parameters by. Only what the default branches ask is asked, so that
//! nothing that is merely proposed makes this server call anybody.

use std::collections::BTreeSet;
use std::sync::Arc;

use ledger::RepositoryName;

use crate::plugins::Turn;
use crate::state::Server;
use crate::tasks::Next;

/// So many questions of one repository are asked.
const QUESTIONS_MAX: usize = 100;

/// One activation: every question whose time has come.
pub async fn reconcile(server: Arc<Server>) -> anyhow::Result<Next> {
    let repositories: Vec<RepositoryName> =
        server.recorder.views().repositories.repositories.keys().cloned().collect();
    let (mut asked, mut next) = (BTreeSet::new(), Next::OnChange);
    for repository in repositories {
        let configured = server.configurations.of_default_branch(&server, &repository).await?;
        let Some(configured) = configured else { continue };
        for (place, (question, every_s)) in configured.outlook.questions().enumerate() {
            let asking = (repository.clone(), question.clone());
            asked.insert(asking.clone());
            if place >= QUESTIONS_MAX {
                let why =
                    format!("the sets of {repository} ask more than {QUESTIONS_MAX} questions");
                server.plugins.lacks(&asking, &why);
                continue;
            }
            let with = match server.plugin_access(&asking, &configured.plugins) {
                Ok(with) => with,
                Err(why) => {
                    server.plugins.lacks(&asking, &why);
                    continue;
                }
            };
            match server.plugins.turn(&asking, &with, server.clock.now()) {
                // It wakes this task when it ends.
                Turn::Now => {
                    drop(tokio::spawn(Arc::clone(&server).ask_plugin(asking, with, every_s)))
                }
                Turn::UnderWay => {}
                Turn::At(time) => next = next.earlier(Next::At(time)),
            }
        }
    }
    server.plugins.keep_only(&asked)?;
    Ok(next)
}
