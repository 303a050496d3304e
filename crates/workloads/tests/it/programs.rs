//! The programs that the tests run, compiled by `rustc` once per test run.

use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::sync::OnceLock;

/// A web server: `/env/NAME`, `/file/PATH`, `/slow`, `/exit/CODE`, `/ready` (503 when
/// `NEVER_READY` is set), `/version`, `/metrics`.
const HELLO: &str = r#"
use std::io::{Read, Write};
use std::time::Duration;
fn main() {
    let variable = |name: &str| std::env::var(name).unwrap_or_default();
    println!("hello {} starts", variable("VERSION"));
    eprintln!("to standard error");
    if variable("CRASH") == "1" { std::process::exit(3); }
    let listener = std::net::TcpListener::bind(("127.0.0.1", variable("PORT").parse::<u16>().unwrap())).unwrap();
    for stream in listener.incoming() {
        let Ok(mut stream) = stream else { continue };
        std::thread::spawn(move || {
            let mut head = Vec::new();
            let mut buffer = [0; 1024];
            while !head.windows(4).any(|w| w == b"\r\n\r\n") {
                match stream.read(&mut buffer) { Ok(0) | Err(_) => return, Ok(n) => head.extend(&buffer[..n]) }
            }
            let text = String::from_utf8_lossy(&head).into_owned();
            let path = text.split(' ').nth(1).unwrap_or("/").to_owned();
            let variable = |name: &str| std::env::var(name).unwrap_or_default();
            let mut status = "200 OK";
            let body = if let Some(name) = path.strip_prefix("/env/") { variable(name) }
                else if let Some(file) = path.strip_prefix("/file") { std::fs::read_to_string(file).unwrap_or_else(|e| format!("error: {e}")) }
                else if let Some(code) = path.strip_prefix("/exit/") { std::process::exit(code.parse().unwrap()) }
                else if path == "/slow" { std::thread::sleep(Duration::from_millis(300)); "slow".to_owned() }
                else if path == "/ready" && variable("NEVER_READY") == "1" { status = "503 Busy"; "warming up".to_owned() }
                else { variable("VERSION") };
            let _ = write!(stream, "HTTP/1.1 {status}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}", body.len());
        });
    }
}
"#;

static FOLDER: OnceLock<PathBuf> = OnceLock::new();

/// The folder of the unpacked image.
pub fn image() -> PathBuf {
    FOLDER
        .get_or_init(|| {
            let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("hello-image");
            let program = folder.join("app/hello");
            fs::create_dir_all(folder.join("app")).unwrap();
            let source = folder.with_extension("rs");
            let unchanged =
                program.exists() && fs::read_to_string(&source).is_ok_and(|before| before == HELLO);
            if !unchanged {
                fs::write(&source, HELLO).unwrap();
                let built = Command::new("rustc")
                    .args(["--edition", "2021", "-o"])
                    .args([&program, &source])
                    .status()
                    .unwrap();
                assert!(built.success());
            }
            folder
        })
        .clone()
}

/// The sandbox's helper program.
pub fn helper() -> PathBuf {
    PathBuf::from(env!("CARGO_BIN_EXE_workloads-sandbox-helper"))
}
