//! The server's event stream, resumed by sequence number when the connection breaks.

use anyhow::Context;
use api::audit::Fact;
use reqwest::Response;

use crate::client::Client;
use crate::failure::Failure;

/// Facts as they are recorded.
pub struct Events {
    client: Client,
    response: Response,
    buffer: Vec<u8>,
    last: Option<u64>,
}

impl Events {
    /// Opens the stream; facts after `after`, or only new ones.
    pub async fn open(client: &Client, after: Option<u64>) -> Result<Self, Failure> {
        let response = client.stream(&path(after)).await?;
        Ok(Self { client: client.clone(), response, buffer: Vec::new(), last: after })
    }

    /// The next fact; a broken connection is opened again behind the last fact seen.
    pub async fn next(&mut self) -> Result<Fact, Failure> {
        loop {
            if let Some(event) = self.take_event() {
                if let Some(fact) = parse(&event)? {
                    self.last = Some(fact.sequence);
                    return Ok(fact);
                }
                continue;
            }
            match self.response.chunk().await {
                Ok(Some(bytes)) => self.buffer.extend_from_slice(&bytes),
                Ok(None) | Err(_) => {
                    self.buffer.clear();
                    self.response = self.client.stream(&path(self.last)).await?;
                }
            }
        }
    }

    /// Cuts one event (up to an empty line) off the buffer.
    fn take_event(&mut self) -> Option<String> {
        let end = self.buffer.windows(2).position(|pair| pair == b"\n\n")?;
        let event: Vec<u8> = self.buffer.drain(..end + 2).collect();
        Some(String::from_utf8_lossy(&event).into_owned())
    }
}

fn path(after: Option<u64>) -> String {
    after.map_or_else(|| "/events".into(), |after| format!("/events?after={after}"))
}

/// The fact in an event; comments and heartbeats have none.
fn parse(event: &str) -> Result<Option<Fact>, Failure> {
    let data: String = event.lines().filter_map(|line| line.strip_prefix("data:")).collect();
    if data.is_empty() {
        return Ok(None);
    }
    let fact = serde_json::from_str(&data).context("an event is not a fact")?;
    Ok(Some(fact))
}
