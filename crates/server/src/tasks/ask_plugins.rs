//! Asks the services that sets are given parameters by. Only what the default branches ask is asked, so that
//! nothing that is merely proposed chooses whom this server calls.

use std::collections::BTreeSet;
use std::sync::Arc;

use ledger::{RepositoryName, Timestamp};

use crate::plugins::{RETRY_FIRST_MS, RETRY_MAX_MS, Turn};
use crate::state::Server;
use crate::tasks::Next;

/// So many questions of one repository are asked.
const QUESTIONS_MAX: usize = 100;

/// One activation: every question whose time has come.
pub async fn reconcile(server: Arc<Server>) -> anyhow::Result<Next> {
    let repositories: Vec<RepositoryName> =
        server.recorder.views().repositories.repositories.keys().cloned().collect();
    // Whose last answers still count, though it is not known now what all of its sets ask.
    let mut unclear = BTreeSet::new();
    let (mut asked, mut next) = (BTreeSet::new(), Next::OnChange);
    let in_ms = |wait_ms: i64| Next::At(Timestamp(server.clock.now().0.saturating_add(wait_ms)));
    for repository in repositories {
        let configured = server.configurations.of_default_branch(&server, &repository).await;
        let configured = match configured {
            Ok(Some(configured)) => configured,
            Ok(None) => {
                unclear.insert(repository);
                continue;
            }
            Err(error) => {
                let error = format!("{error:#}");
                tracing::warn!(%repository, error, "what its sets ask cannot be read");
                unclear.insert(repository);
                next = next.earlier(in_ms(RETRY_MAX_MS));
                continue;
            }
        };
        if configured.may_hide_applications() {
            unclear.insert(repository.clone());
        }
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
                // It wakes this task when it ends with something new; otherwise it is due no sooner.
                Turn::Now => {
                    drop(tokio::spawn(Arc::clone(&server).ask_plugin(asking, with, every_s)));
                    next = next.earlier(in_ms(RETRY_FIRST_MS));
                }
                Turn::UnderWay => next = next.earlier(in_ms(RETRY_FIRST_MS)),
                Turn::At(time) => next = next.earlier(Next::At(time)),
            }
        }
    }
    server.plugins.keep_only(&asked, &unclear)?;
    Ok(next)
}
