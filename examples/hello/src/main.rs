//! A small web service with nothing but the standard library: the example that Boucle deploys.
//!
//! `GET /hello/NAME` greets; `/healthz` says whether it can serve; `/metrics` counts the answers in
//! Prometheus' text format. The address comes from `HOST` and `PORT`.

mod greeting;
mod http;
mod metrics;

use std::env;
use std::io;
use std::net::{TcpListener, TcpStream};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::thread;

use metrics::Metrics;

fn main() -> io::Result<()> {
    let port = env::var("PORT").unwrap_or_else(|_| "8080".into());
    let host = env::var("HOST").unwrap_or_else(|_| "127.0.0.1".into());
    let listener = TcpListener::bind(format!("{host}:{port}"))?;
    println!("listening on port {port}");
    let metrics = Arc::new(Metrics::default());
    for stream in listener.incoming() {
        let metrics = Arc::clone(&metrics);
        thread::spawn(move || serve(&mut stream?, &metrics));
    }
    Ok(())
}

/// Answers one request; a panic in a handler becomes status 500, as in most web frameworks.
fn serve(stream: &mut TcpStream, metrics: &Metrics) -> io::Result<()> {
    let path = http::read_path(stream)?;
    let answer = catch_unwind(AssertUnwindSafe(|| answer(&path, metrics)))
        .unwrap_or_else(|_| (500, format!("failed to answer {path}\n")));
    if path.starts_with("/hello") {
        metrics.count(answer.0);
    }
    http::write_answer(stream, answer.0, &answer.1)
}

fn answer(path: &str, metrics: &Metrics) -> (u16, String) {
    match path {
        "/healthz" => (200, "ok\n".into()),
        "/metrics" => (200, metrics.text()),
        _ => match path.strip_prefix("/hello/") {
            Some(name) => (200, greeting::greet(&http::decode(name))),
            None => (404, "try /hello/NAME\n".into()),
        },
    }
}
