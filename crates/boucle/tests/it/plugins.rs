//! Sets whose parameters a service gives: who is asked, with which token, and what becomes of bad answers.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::json;

use crate::charts::{CONFIGURATION, World};
use crate::harness::{Outcome, Server, command, run_with_input, wait_for};
use crate::kubernetes::CONFIG_MAP;

const TOKEN: &str = "correct-horse";

/// What the service does.
#[derive(Clone)]
enum Answer {
    Given(&'static [&'static str]),
    /// Nothing of a question that has this.
    Except(&'static str, &'static [&'static str]),
    Raw(&'static str, Vec<u8>),
    Silence,
    /// A byte now and then, without end.
    Drops,
}

/// A service on loopback that says what it is told to, and remembers what it was asked.
struct Service {
    address: String,
    says: Arc<Mutex<Answer>>,
    asked: Arc<Mutex<Vec<String>>>,
    count: Arc<AtomicUsize>,
}

impl Service {
    fn start(first: Answer) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = format!("http://{}", listener.local_addr().expect("an address"));
        let service = Self {
            address,
            says: Arc::new(Mutex::new(first)),
            asked: Arc::default(),
            count: Arc::default(),
        };
        let (says, asked) = (Arc::clone(&service.says), Arc::clone(&service.asked));
        let count = Arc::clone(&service.count);
        // It ends with the process of the tests.
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (says, asked) = (says.lock().expect("it").clone(), Arc::clone(&asked));
                let count = Arc::clone(&count);
                // A client that hangs up is its own affair.
                std::thread::spawn(move || drop(answer(stream, &says, &asked, &count)));
            }
        });
        service
    }

    fn say(&self, answer: Answer) {
        *self.says.lock().expect("it") = answer;
    }

    fn count(&self) -> usize {
        self.count.load(Ordering::SeqCst)
    }
}

fn answer(
    mut stream: TcpStream,
    says: &Answer,
    asked: &Mutex<Vec<String>>,
    count: &AtomicUsize,
) -> std::io::Result<()> {
    let (mut bytes, mut piece) = (Vec::new(), [0; 4096]);
    // The server sends the head and the small body in a moment.
    stream.set_read_timeout(Some(Duration::from_secs(5)))?;
    while !String::from_utf8_lossy(&bytes).ends_with("}}") {
        match stream.read(&mut piece)? {
            0 => break,
            read => bytes.extend_from_slice(&piece[..read]),
        }
    }
    let text = String::from_utf8_lossy(&bytes).into_owned();
    let is_allowed = text.contains(&format!("authorization: Bearer {TOKEN}\r\n"));
    let given = |names: &[&str]| {
        let sets: Vec<_> = names.iter().map(|name| json!({ "name": name })).collect();
        ("200 OK", json!({"output": {"parameters": sets}}).to_string().into_bytes())
    };
    let is_about = |needle: &str| text.contains(needle);
    asked.lock().expect("it").push(text.clone());
    count.fetch_add(1, Ordering::SeqCst);
    let (status, body) = match says {
        _ if !is_allowed => ("401 Unauthorized", Vec::new()),
        Answer::Except(needle, _) if is_about(needle) => ("500 Internal Server Error", Vec::new()),
        Answer::Given(names) | Answer::Except(_, names) => given(names),
        Answer::Raw(status, body) => (*status, body.clone()),
        Answer::Silence => {
            std::thread::sleep(Duration::from_secs(60));
            return Ok(());
        }
        Answer::Drops => {
            write!(stream, "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")?;
            loop {
                stream.write_all(b" ")?;
                std::thread::sleep(Duration::from_millis(200));
            }
        }
    };
    let length = body.len();
    write!(stream, "HTTP/1.1 {status}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n")?;
    stream.write_all(&body)
}

fn plugin(input: &str) -> String {
    format!(
        "{{plugin: {{configMapRef: {{name: shops}}, input: {{parameters: {{region: {input}}}}}, \
         requeueAfterSeconds: 30}}}}"
    )
}

fn set(input: &str) -> String {
    set_of(&plugin(input))
}

fn set_of(generator: &str) -> String {
    format!(
        "apiVersion: argoproj.io/v1alpha1
kind: ApplicationSet
metadata: {{name: told}}
spec:
  goTemplate: true
  generators:
  - {generator}
  template:
    metadata: {{name: '{{{{.name}}}}'}}
    spec:
      source: {{repoURL: me/one, path: deploy, targetRevision: main}}
      destination: {{name: local, namespace: '{{{{.name}}}}'}}
      syncPolicy: {{automated: {{prune: true}}}}
"
    )
}

fn config_map(address: &str) -> String {
    format!(
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: shops}}\ndata:\n  baseUrl: {address}\n  token: \
         $shops:token\n  requestTimeout: '2'\n"
    )
}

fn give(world: &World, address: &str, token: &str) -> Outcome {
    let set = ["secret", "set", "me/one", "SHOPS_TOKEN", "--plugin", address, "-o", "json"];
    run_with_input(command(world.data.path()).args(set), token)
}

/// Lets the service be asked again at once: a new value of its token is tried.
fn ask_again(world: &World, service: &Service) {
    let before = service.count();
    assert_eq!(give(world, &service.address, TOKEN).code, 0);
    wait_for("the question", || service.count() > before);
}

fn applications(world: &World) -> Vec<String> {
    let all = world.server.boucle(&["app", "list"]).json();
    let names = all.as_array().expect("a list").iter();
    names.map(|one| one["name"].as_str().expect("a name").to_owned()).collect()
}

fn problems(world: &World) -> String {
    world.server.boucle(&["repo", "show", "me/one"]).json()["configuration_problems"].to_string()
}

fn wait_problem(world: &World, needle: &str) {
    wait_for(needle, || problems(world).contains(needle));
}

fn merge(world: &World, number: u64) {
    world.push_to("one", "refs/for/main");
    let merged = world.server.boucle(&["pr", "merge", "me/one", &number.to_string()]);
    assert_eq!(merged.code, 0, "{}{}", merged.out, merged.err);
}

const FIVE: &[&str] = &["a", "b", "c", "d", "e"];

/// With the set, and five applications of it.
fn told(service: &Service) -> World {
    let world = asking(service, &set("eu"), &[]);
    wait_for("the applications", || applications(&world) == FIVE);
    world
}

/// With the set and some files.
fn asking(service: &Service, set: &str, files: &[(&str, &str)]) -> World {
    let world = World::with(&["one"], &[]);
    files.iter().for_each(|(path, text)| world.write("one", path, text));
    world.write("one", "boucle.yaml", CONFIGURATION);
    world.write("one", "deploy/map.yaml", CONFIG_MAP);
    world.write("one", "apps/shops.yaml", &config_map(&service.address));
    world.write("one", "apps/told.yaml", set);
    let given = give(&world, &service.address, TOKEN);
    assert_eq!(given.code, 0, "{}{}", given.out, given.err);
    world.push("one");
    world
}

#[test]
fn what_a_service_gives_runs_and_nothing_is_asked_for_a_proposal() {
    let service = Service::start(Answer::Given(FIVE));
    let stranger = Service::start(Answer::Given(&["stolen"]));
    let world = told(&service);
    let asked = service.asked.lock().expect("it").concat();
    assert!(asked.starts_with("POST /api/v1/getparams.execute HTTP/1.1\r\n"), "{asked}");
    let body = "{\"applicationSetName\":\"told\",\"input\":{\"parameters\":{\"region\":\"eu\"}}}";
    assert!(asked.ends_with(body), "{asked}");
    let listed = world.server.boucle(&["secret", "list", "me/one"]).json();
    assert_eq!(listed[0]["plugin"], json!(service.address));

    // Neither another address nor another question is asked for before it is merged.
    world.write("one", "apps/shops.yaml", &config_map(&stranger.address));
    world.write("one", "apps/told.yaml", &set("us"));
    world.push_to("one", "refs/for/main");
    let before = service.count();
    let shown = world.server.boucle(&["pr", "show", "me/one", "1"]);
    assert_eq!(shown.code, 0, "{}", shown.err);
    let merged = world.server.boucle(&["pr", "merge", "me/one", "1"]);
    assert_eq!(merged.code, 0, "a question alone is nothing wrong: {}{}", merged.out, merged.err);
    // Merged, it gets no token of another address, and what there is stays.
    wait_problem(&world, "was given for");
    assert_eq!((service.count(), stranger.count()), (before, 0));
    assert_eq!(applications(&world), FIVE);
    // Who asks for it by the name of nothing is told at review.
    world.write("one", "apps/told.yaml", &set("us").replace("name: shops", "name: nothing"));
    world.push_to("one", "refs/for/main");
    let merged = world.server.boucle(&["pr", "merge", "me/one", "2"]);
    let said = merged.out + &merged.err;
    assert!(merged.code != 0 && said.contains("no ConfigMap `nothing`"), "{said}");

    world.write("one", "apps/told.yaml", &set("us"));
    world.write("one", "apps/shops.yaml", &config_map(&service.address));
    service.say(Answer::Given(&["a", "b", "c", "d", "e", "f"]));
    merge(&world, 2);
    wait_for("the new question", || applications(&world).len() == 6);
    assert_eq!(stranger.count(), 0);
    assert_eq!(world.server.boucle(&["admin", "rebuild-views"]).code, 0);
    let kept = world.server.boucle(&["audit", "export"]).out + &world.server.printed();
    assert!(!kept.contains("-horse"), "no token is on record");
}

#[test]
fn no_bad_answer_removes_anything() {
    let service = Service::start(Answer::Given(FIVE));
    let world = told(&service);
    let redirect = b"".to_vec();
    let large = vec![b' '; 10 << 20];
    for (says, needle) in [
        (Answer::Silence, "did not answer within 2000 ms"),
        (Answer::Drops, "did not answer within 2000 ms"),
        (Answer::Raw("200 OK", large), "answers more than 1048576 bytes"),
        (Answer::Raw("200 OK", b"<html>".to_vec()), "the answer is not"),
        (Answer::Raw("200 OK", b"{\"output\": {}}".to_vec()), "the answer is not"),
        (
            Answer::Raw("302 Found\r\nLocation: http://127.0.0.1:1/", redirect),
            "no redirect is followed with a token",
        ),
        (Answer::Raw("500 Internal Server Error", b"secret".to_vec()), "answers 500"),
    ] {
        service.say(says);
        ask_again(&world, &service);
        wait_problem(&world, needle);
        let said = problems(&world);
        assert!(said.contains("plugin-unheard") && said.contains("its last one counts"), "{said}");
        assert!(!said.contains("secret\""), "what the service says is nobody's: {said}");
        assert_eq!(applications(&world), FIVE, "{needle}");
    }
    assert_eq!(give(&world, &service.address, "wrong-horse").code, 0);
    wait_problem(&world, "refuses the token (401)");
    // A start knows the last answer though nobody gives one.
    let World { server, work, data } = world;
    drop(server);
    let server = Server::start(data.path(), &[]);
    let world = World { server, work, data };
    wait_problem(&world, "refuses the token (401)");
    assert!(problems(&world).contains("plugin-unheard"));
    // Files that a set does not ask for are followed all the same.
    world.write("one", "deploy/map.yaml", &CONFIG_MAP.replace("settings", "newer"));
    merge(&world, 1);
    let shown = || world.server.boucle(&["app", "show", "a"]).json()["resources"].to_string();
    wait_for("the new file", || shown().contains("\"newer\""));

    // Less than before is an answer, but no reason to remove half by itself.
    service.say(Answer::Given(&["a", "b"]));
    ask_again(&world, &service);
    for name in ["c", "d", "e"] {
        wait_for("the hold", || {
            world.reasons(name).iter().any(|one| one["code"] == "set-removes-many")
        });
    }
    service.say(Answer::Given(&[]));
    ask_again(&world, &service);
    wait_for("the hold of all", || {
        world.reasons("a").iter().any(|one| one["code"] == "set-removes-many")
    });
    assert_eq!(applications(&world), FIVE);
    // One of five goes.
    service.say(Answer::Given(&["a", "b", "c", "d"]));
    ask_again(&world, &service);
    wait_for("the end of one", || applications(&world) == ["a", "b", "c", "d"]);
    assert_eq!(world.server.boucle(&["audit", "verify"]).code, 0);
}

#[test]
fn a_commit_mends_what_a_service_refuses() {
    let service = Service::start(Answer::Except("eu1", &["a", "b"]));
    let files = "{git: {repoURL: me/one, revision: HEAD, files: [{path: 'regions/*.yaml'}]}}";
    let plugin = plugin("'{{.region}}'");
    let matrix = set_of(&format!("{{matrix: {{generators: [{files}, {plugin}]}}}}"));
    let world = asking(&service, &matrix, &[("regions/one.yaml", "region: eu1\n")]);
    wait_problem(&world, "answers 500");
    assert!(problems(&world).contains("plugin-unanswered"));
    // Nothing else of the repository changes, least of all the folder of applications.
    world.write("one", "regions/one.yaml", "region: eu2\n");
    merge(&world, 1);
    wait_for("the applications of the other region", || applications(&world) == ["a", "b"]);
}
