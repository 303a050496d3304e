//! Shows that something goes on when it takes longer than people like to wait, and only at a terminal.

use std::future::Future;
use std::io::IsTerminal;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

/// Below this, a sign of work would only flicker.
const UNNOTICED: Duration = Duration::from_millis(500);

/// Whether and how progress is shown.
#[derive(Debug, Clone, Copy)]
pub struct Progress {
    shown: bool,
}

impl Progress {
    /// Shown when somebody sees it and did not ask for silence.
    #[must_use]
    pub fn new(quiet: bool) -> Self {
        Self { shown: !quiet && std::io::stderr().is_terminal() }
    }

    /// Not shown, whoever is there.
    #[must_use]
    pub fn hidden() -> Self {
        Self { shown: false }
    }

    /// Does something, with a sign when it takes long.
    pub async fn during<T>(self, text: &str, work: impl Future<Output = T>) -> T {
        if !self.shown {
            return work.await;
        }
        tokio::pin!(work);
        if let Ok(done) = tokio::time::timeout(UNNOTICED, &mut work).await {
            return done;
        }
        let spinner = self.spinner();
        spinner.set_message(text.to_owned());
        let done = work.await;
        spinner.finish_and_clear();
        done
    }

    /// A sign that is there until it is dropped; its text changes as the work goes on.
    #[must_use]
    pub fn spinner(self) -> ProgressBar {
        if !self.shown {
            return ProgressBar::hidden();
        }
        let spinner = ProgressBar::new_spinner();
        if let Ok(style) = ProgressStyle::with_template("{spinner} {msg} ({elapsed})") {
            spinner.set_style(style);
        }
        spinner.enable_steady_tick(Duration::from_millis(120));
        spinner
    }
}
