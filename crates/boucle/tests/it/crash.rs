//! The server is killed at random instants while people push, review and merge, runs go on and
//! deployments move. Whatever was acknowledged is there afterwards, and the loop ends without help.

mod checks;
mod flight;
mod jobs;
mod people;
pub mod repository;

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crate::harness::{Server, command};
use checks::Acknowledged;
use flight::{Flight, KINDS, Kind};

/// How often the server is killed.
const KILLS: u32 = 50;

/// Everything that the people and the test share.
struct World {
    data: PathBuf,
    owner: String,
    reviewer: String,
    url: Mutex<String>,
    flight: Flight,
    acknowledged: Mutex<Acknowledged>,
}

#[test]
fn fifty_kills_lose_nothing_that_was_acknowledged() {
    let seed = std::env::var("BOUCLE_CRASH_SEED").ok().and_then(|text| text.parse().ok());
    let seed: u64 = seed.unwrap_or_else(|| u64::from(std::process::id()));
    println!("BOUCLE_CRASH_SEED={seed}");
    let data = folder("data");
    let folder = folder("work");
    let work = folder.path().join("first");
    std::fs::create_dir(&work).expect("a folder");
    let mut server = start(data.path());
    let world = Arc::new(begin(&server, data.path(), &work));
    let people =
        [spawn(&world, people::Merger::new(&work)), spawn(&world, people::Writer::new(&work))];
    world.learn(&server);
    let mut random = Random(seed);
    let mut restarts = Vec::new();
    for kill in 1..=KILLS {
        let kind = KINDS[usize::try_from(random.below(KINDS.len() as u64)).expect("small")];
        let thousandths = random.below(1_000);
        world.flight.wait_for_begin(kind, || people.iter().all(|one| !one.is_finished()));
        // The moment is what is drawn by chance; no state is waited for.
        std::thread::sleep(world.flight.lasts(kind).mul_f64(thousandths as f64 / 1_000.0));
        world.flight.goes_down();
        server.kill();
        let killed_at = Instant::now();
        server = start(data.path());
        restarts.push(killed_at.elapsed());
        *world.lock(&world.url) = server.url();
        world.flight.is_up();
        world.check(&server, &format!("kill {kill}, {thousandths} ‰ of a {kind:?}"));
    }
    world.flight.stop();
    people.into_iter().for_each(|one| one.join().expect("a person was refused"));
    world.check_end(&server, &work);
    restarts.sort();
    println!("restarts: median {:?}, longest {:?}", restarts[25], restarts[49]);
    println!("done: {}", world.summary(&server));
}

/// A folder for this test; it is kept when a place for it is named.
fn folder(name: &str) -> tempfile::TempDir {
    let Some(place) = std::env::var_os("BOUCLE_CRASH_FOLDER") else {
        return tempfile::tempdir().expect("a folder");
    };
    let kept = tempfile::Builder::new().prefix(name).disable_cleanup(true).tempdir_in(place);
    kept.expect("a folder")
}

/// Starts a server whose log is kept over its restarts.
fn start(data: &Path) -> Server {
    let _ = std::fs::remove_file(data.join("server.json"));
    let log = std::fs::OpenOptions::new().create(true).append(true).open(data.join("log.txt"));
    let mut up = command(data);
    up.args(["up", "--port", "0"]).stdout(Stdio::null()).stderr(log.expect("a file"));
    let data = data.to_path_buf();
    Server::start_with(up, |_| data)
}

fn begin(server: &Server, data: &Path, work: &Path) -> World {
    repository::host(server, work, "500ms");
    let reviewer = server.boucle(&["token", "create", "reviewer"]).json();
    World {
        data: data.to_path_buf(),
        owner: std::fs::read_to_string(data.join("token")).expect("a token").trim().to_owned(),
        reviewer: reviewer["token"].as_str().expect("a token").to_owned(),
        url: Mutex::new(server.url()),
        flight: Flight::default(),
        acknowledged: Mutex::default(),
    }
}

fn spawn(world: &Arc<World>, mut person: impl people::Person + 'static) -> JoinHandle<()> {
    let world = Arc::clone(world);
    std::thread::spawn(move || {
        while world.flight.wait_until_up() {
            person.round(&world);
        }
    })
}

impl World {
    /// A lock; a person's panic is reported by its thread and must not hide behind a poisoned lock.
    fn lock<'a, T>(&self, mutex: &'a Mutex<T>) -> std::sync::MutexGuard<'a, T> {
        mutex.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// One undisturbed turn of the loop, so that it is known how long each thing takes.
    fn learn(&self, server: &Server) {
        let begun = Instant::now();
        crate::harness::wait_for("everything once", || self.flight.has_seen_all_but_the_loop());
        repository::wait_for_production(server, "a merged version", |commit| {
            self.is_merged(commit)
        });
        self.flight.learn(Kind::Loop, begun.elapsed());
    }
}

/// SplitMix64: small, and the same for every run with one seed.
struct Random(u64);

impl Random {
    fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % end
    }
}

/// However slow the machine is, a kill does not wait longer than this.
const LONGEST: Duration = Duration::from_secs(4);
