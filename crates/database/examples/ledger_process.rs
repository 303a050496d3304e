//! A process that the tests kill or starve: `append FILE`, `fill FOLDER`, `measure FOLDER`.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail, ensure};
use database::{AppendError, Database};
use ledger::{Actor, Draft, Expected, RunId, Sequence, Subject, Timestamp};

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [mode, path] = arguments.as_slice() else { bail!("expected a mode and a path") };
    let path = PathBuf::from(path);
    match mode.as_str() {
        "append" => append(&path).await,
        "fill" => fill(&path).await,
        "measure" => measure(&path).await,
        other => bail!("unknown mode `{other}`"),
    }
}

fn draft(number: u64, text: &str) -> Draft {
    Draft {
        at: Timestamp(0),
        actor: Actor::system("test"),
        subject: Subject::run(RunId(number % 7)),
        expected: Expected::Anything,
        causes: Vec::new(),
        reason: String::new(),
        kind: "test.noted".into(),
        body: serde_json::json!({ "number": number, "text": text }),
    }
}

/// Appends without end, from several callers, printing the sequences of each append that was
/// acknowledged.
async fn append(path: &Path) -> anyhow::Result<()> {
    let database = Database::open(path).await?;
    let mut callers = tokio::task::JoinSet::new();
    for caller in 0..4 {
        let database = database.clone();
        callers.spawn(async move {
            loop {
                let drafts = (0..=caller).map(|number| draft(number, "acknowledged")).collect();
                let facts = database.append(drafts).await?;
                let sequences: Vec<String> =
                    facts.iter().map(|fact| fact.sequence.to_string()).collect();
                // One write per line, so that a killed process leaves no half line but the last.
                let line = format!("{}\n", sequences.join(" "));
                std::io::stdout().lock().write_all(line.as_bytes())?;
            }
        });
    }
    match callers.join_next().await {
        Some(result) => result?,
        None => Ok(()),
    }
}

/// On a small disk: appends until it is full, reads, makes space, appends again.
async fn fill(folder: &Path) -> anyhow::Result<()> {
    let ballast = folder.join("ballast");
    std::fs::write(&ballast, vec![0; 1 << 20])?;
    let database = Database::open(&folder.join("ledger.sqlite")).await?;
    let text = "x".repeat(10_000);
    let mut acknowledged = 0;
    loop {
        match database.append(vec![draft(1, &text), draft(2, &text)]).await {
            Ok(facts) => acknowledged = facts.last().context("no facts")?.sequence.0,
            Err(AppendError::Full) => break,
            Err(error) => return Err(error).context("not the error of a full disk"),
        }
        ensure!(acknowledged < 10_000, "the disk does not fill");
    }
    ensure!(acknowledged > 0, "nothing was appended before the disk was full");
    ensure!(database.head().await?.0 == Sequence(acknowledged), "half a request was kept");
    ensure!(database.facts(Sequence(0), 20_000).await?.len() as u64 == acknowledged, "lost facts");
    let again = database.append(vec![draft(3, &text)]).await;
    ensure!(matches!(again, Err(AppendError::Full) | Ok(_)), "{again:?}");
    let kept = database.head().await?.0.0;
    std::fs::remove_file(ballast)?;
    let facts = database.append(vec![draft(4, &text)]).await.context("after making space")?;
    ensure!(facts[0].sequence.0 == kept + 1, "the order has a gap");
    database.close().await;
    let reopened = Database::open(&folder.join("ledger.sqlite")).await?;
    ensure!(reopened.head().await?.0 == Sequence(kept + 1), "facts were lost when opening again");
    Ok(())
}

/// Appends per second and their median, with one caller and with many, beside the plainest fsync.
async fn measure(folder: &Path) -> anyhow::Result<()> {
    let mut results = vec![("fsync_p50_us", fsync_median(folder)?.as_micros())];
    let database = Database::open(&folder.join("ledger.sqlite")).await?;
    for (callers, rate_name, median_name) in [
        (1, "callers_1_appends_per_s", "callers_1_p50_us"),
        (64, "callers_64_appends_per_s", "callers_64_p50_us"),
    ] {
        let start = Instant::now();
        let mut tasks = tokio::task::JoinSet::new();
        for _ in 0..callers {
            let database = database.clone();
            tasks.spawn(async move {
                let mut times = Vec::new();
                while start.elapsed() < Duration::from_secs(3) {
                    let began = Instant::now();
                    database.append(vec![draft(1, "measured")]).await?;
                    times.push(began.elapsed());
                }
                anyhow::Ok(times)
            });
        }
        let mut times = Vec::new();
        while let Some(result) = tasks.join_next().await {
            times.extend(result??);
        }
        results.push((rate_name, times.len() as u128 * 1000 / start.elapsed().as_millis()));
        results.push((median_name, median(times).as_micros()));
    }
    for (name, value) in results {
        writeln!(std::io::stdout().lock(), "{name} {value}")?;
    }
    Ok(())
}

fn fsync_median(folder: &Path) -> anyhow::Result<Duration> {
    let mut file = std::fs::File::create(folder.join("fsync"))?;
    let mut times = Vec::new();
    for _ in 0..200 {
        let began = Instant::now();
        file.write_all(&[1; 4096])?;
        file.sync_data()?;
        times.push(began.elapsed());
    }
    Ok(median(times))
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort();
    times.get(times.len() / 2).copied().unwrap_or_default()
}
