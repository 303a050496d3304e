//! `boucle status --watch`: the whole screen, drawn again when the ledger grows.

use std::io::IsTerminal;
use std::time::Duration;

use api::status::Status;
use ratatui::Frame;
use ratatui::crossterm::event::{self, Event, KeyCode, KeyModifiers};
use ratatui::layout::{Constraint, Layout};
use ratatui::style::{Color, Modifier, Style};
use ratatui::text::{Line, Text};
use ratatui::widgets::{Cell, Row, Table, TableState};
use tokio::sync::mpsc::{Receiver, channel};

use super::Context;
use super::status::{COLUMNS, row};
use crate::events::Events;
use crate::failure::{Exit, Failure};
use crate::output;
use crate::words::Words;

/// Facts come in bursts; the screen is drawn once for all that came within this time.
const BURST: Duration = Duration::from_millis(100);

/// What a key means here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Key {
    Up,
    Down,
    Quit,
    Other,
}

/// Takes the screen, and gives it back however it ends.
pub async fn execute(context: &Context) -> Result<Exit, Failure> {
    if !std::io::stdout().is_terminal() || !std::io::stdin().is_terminal() {
        return Err(Failure::Usage(context.out.words().needs_terminal().into()));
    }
    let mut events = Events::open(&context.client, None).await?;
    let mut status: Status = context.client.get("/status").await?;
    let mut keys = keys();
    let mut selected = TableState::default().with_selected(0);
    let words = context.out.words();
    let mut terminal = ratatui::init();
    let ended = loop {
        if let Err(error) = terminal.draw(|frame| draw(frame, &status, &mut selected, words)) {
            break Err(Failure::Other(error.into()));
        }
        let came = tokio::select! {
            key = keys.recv() => match key {
                Some(Key::Up) => { selected.select_previous(); Ok(false) }
                Some(Key::Down) => { selected.select_next(); Ok(false) }
                Some(Key::Other) => Ok(false),
                Some(Key::Quit) | None => break Ok(Exit::Ok),
            },
            fact = events.next() => fact.map(|_| true),
        };
        match came {
            Ok(false) => {}
            Err(failure) => break Err(failure),
            Ok(true) => {
                while tokio::time::timeout(BURST, events.next()).await.is_ok_and(|one| one.is_ok())
                {
                }
                match context.client.get("/status").await {
                    Ok(newer) => status = newer,
                    Err(failure) => break Err(failure),
                }
            }
        }
    };
    ratatui::restore();
    ended
}

/// Keys and changes of size, read by a thread of their own because reading them blocks.
fn keys() -> Receiver<Key> {
    let (sender, receiver) = channel(16);
    std::thread::spawn(move || {
        while let Ok(event) = event::read() {
            if sender.blocking_send(meaning(&event)).is_err() {
                return;
            }
        }
    });
    receiver
}

fn meaning(event: &Event) -> Key {
    let Event::Key(key) = event else { return Key::Other };
    let control = key.modifiers.contains(KeyModifiers::CONTROL);
    if key.code == KeyCode::Char('q')
        || key.code == KeyCode::Esc
        || (control && key.code == KeyCode::Char('c'))
    {
        Key::Quit
    } else if key.code == KeyCode::Up || key.code == KeyCode::Char('k') {
        Key::Up
    } else if key.code == KeyCode::Down || key.code == KeyCode::Char('j') {
        Key::Down
    } else {
        Key::Other
    }
}

fn draw(frame: &mut Frame<'_>, status: &Status, selected: &mut TableState, words: &dyn Words) {
    let areas = Layout::vertical([
        Constraint::Length(3),
        Constraint::Min(3),
        Constraint::Length(4),
        Constraint::Length(1),
    ]);
    let [head, body, detail, foot] = areas.areas(frame.area());
    let counts = words.counts(status.runs_active, status.incidents_open, status.sequence);
    frame.render_widget(
        Text::from(vec![
            Line::styled(words.status(&status.version, &status.url), Modifier::BOLD),
            Line::raw(counts),
        ]),
        head,
    );
    let rows = status.environments.iter().map(|environment| {
        Row::new(row(environment).into_iter().zip(COLUMNS).map(|(text, column)| {
            if column.holds_states() {
                Cell::new(words.state(&text).to_owned()).style(style(&text))
            } else {
                Cell::new(text)
            }
        }))
    });
    let header = COLUMNS.map(|column| words.column(column).to_uppercase());
    let widths = [
        Constraint::Fill(2),
        Constraint::Fill(2),
        Constraint::Length(13),
        Constraint::Length(13),
        Constraint::Length(18),
        Constraint::Fill(4),
    ];
    let table = Table::new(rows, widths)
        .header(Row::new(header).style(Modifier::DIM))
        .row_highlight_style(Modifier::REVERSED);
    frame.render_stateful_widget(table, body, selected);
    let chosen = selected.selected().and_then(|place| status.environments.get(place));
    let waits = chosen.into_iter().flat_map(|one| &one.waiting_on);
    let lines: Vec<Line<'_>> = waits.map(|reason| Line::raw(reason.to_string())).collect();
    frame.render_widget(Text::from(lines), detail);
    frame.render_widget(Line::styled(words.watch_keys(), Modifier::DIM), foot);
}

fn style(state: &str) -> Style {
    match output::tone(state).filter(|_| output::colours_wanted()) {
        Some(output::Tone::Good) => Style::new().fg(Color::Green),
        Some(output::Tone::Bad) => Style::new().fg(Color::Red),
        Some(output::Tone::Busy) => Style::new().fg(Color::Yellow),
        None => Style::new(),
    }
}

#[cfg(test)]
mod tests {
    use api::environments::{Environment, EnvironmentArtifact};
    use api::problem::Reason;
    use ratatui::Terminal;
    use ratatui::backend::TestBackend;

    use super::*;
    use crate::language::Language;

    fn environment(name: &str, health: &str, waiting_on: Vec<Reason>) -> Environment {
        Environment {
            repository: "demo/hello".into(),
            name: name.into(),
            order: 0,
            application: format!("hello-{name}"),
            health: health.into(),
            verdict: Some("healthy".into()),
            artifacts: vec![EnvironmentArtifact {
                name: "hello".into(),
                digest: Some(format!("sha256:{}", "1f2e".repeat(16))),
                commit: None,
                since: None,
            }],
            quarantined: Vec::new(),
            waiting_on,
        }
    }

    #[track_caller]
    fn check(language: Language, expected: &[&str]) {
        let reason: Reason = serde_json::from_value(serde_json::json!({
            "code": "not-verified", "message": "staging is not verified yet"
        }))
        .unwrap();
        let status = Status {
            url: "http://127.0.0.1:7070".into(),
            version: "1.0.0".into(),
            process_id: 1,
            sequence: 42,
            ready_after_ms: 90,
            environments: vec![
                environment("staging", "progressing", Vec::new()),
                environment("production", "healthy", vec![reason]),
            ],
            runs_active: 1,
            incidents_open: 0,
        };
        let mut terminal = Terminal::new(TestBackend::new(110, 12)).unwrap();
        let mut selected = TableState::default().with_selected(1);
        let words = language.words();
        terminal.draw(|frame| draw(frame, &status, &mut selected, words)).unwrap();
        let drawn = terminal.backend().to_string();
        for text in expected {
            assert!(drawn.contains(text), "`{text}` is not in\n{drawn}");
        }
    }

    #[test]
    fn shows_what_runs_where_and_why_the_chosen_one_waits() {
        check(
            Language::English,
            &[
                "boucle 1.0.0 at http://127.0.0.1:7070",
                "1 run active, 0 incidents open, 42 facts",
                "REPOSITORY",
                "progressing",
                "sha256:1f2e1f2e1f",
                "staging is not verified yet [not-verified]",
                "q quit",
            ],
        );
    }

    #[test]
    fn speaks_french() {
        check(Language::French, &["DÉPÔT", "en cours", "saine", "1 exécution active", "q quitter"]);
    }

    #[test]
    fn keys_have_their_usual_meaning() {
        for (code, expected) in [
            (KeyCode::Char('q'), Key::Quit),
            (KeyCode::Esc, Key::Quit),
            (KeyCode::Char('j'), Key::Down),
            (KeyCode::Up, Key::Up),
            (KeyCode::Char('x'), Key::Other),
        ] {
            assert_eq!(meaning(&Event::Key(code.into())), expected, "{code}");
        }
    }
}
