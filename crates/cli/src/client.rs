//! Speaks to the server's HTTP interface, and to nothing else.

use std::time::Duration;

use anyhow::Context;
use api::page::Page;
use api::problem::Problem;
use reqwest::{Method, RequestBuilder, Response, StatusCode};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::connection::Connection;
use crate::failure::Failure;
use crate::language::Language;
use crate::progress::Progress;

/// A client of one server.
#[derive(Clone)]
pub struct Client {
    http: reqwest::Client,
    connection: Connection,
    progress: Progress,
    language: Language,
}

impl Client {
    /// A client for this connection, which asks for what the server says in a language.
    pub fn new(connection: Connection, language: Language) -> Result<Self, Failure> {
        let http = reqwest::Client::builder()
            .connect_timeout(Duration::from_secs(5))
            .build()
            .context("failed to set up HTTP")?;
        let progress = Progress::hidden();
        Ok(Self { http, connection, progress, language })
    }

    /// The same, with a sign at a terminal when an answer takes long.
    #[must_use]
    pub fn showing(self, progress: Progress) -> Self {
        Self { progress, ..self }
    }

    /// The same without that sign, for requests that are held open on purpose.
    #[must_use]
    pub fn silent(&self) -> Self {
        Self { progress: Progress::hidden(), ..self.clone() }
    }

    /// The server's address.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.connection.url
    }

    /// The token, when there is one.
    #[must_use]
    pub fn token(&self) -> Option<&str> {
        self.connection.token.as_deref()
    }

    /// The same server, as somebody else.
    #[must_use]
    pub fn with_token(&self, token: &str) -> Self {
        let connection =
            Connection { url: self.connection.url.clone(), token: Some(token.to_owned()) };
        Self { connection, ..self.clone() }
    }

    /// Reads one thing below `/api/v1`.
    pub async fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, Failure> {
        self.parse(self.send(self.request(Method::GET, path)).await?).await
    }

    /// Reads every page of a list, up to `limit` items.
    pub async fn list<T: DeserializeOwned>(
        &self,
        path: &str,
        limit: usize,
    ) -> Result<Vec<T>, Failure> {
        let mut items = Vec::new();
        let mut cursor: Option<String> = None;
        let separator = if path.contains('?') { '&' } else { '?' };
        while items.len() < limit {
            let size = (limit - items.len()).min(500);
            let mut page_path = format!("{path}{separator}limit={size}");
            if let Some(cursor) = &cursor {
                page_path.push_str(&format!("&cursor={cursor}"));
            }
            let page: Page<T> = self.get(&page_path).await?;
            items.extend(page.items);
            cursor = page.next_cursor;
            if cursor.is_none() {
                break;
            }
        }
        Ok(items)
    }

    /// Sends one thing below `/api/v1`.
    pub async fn post<B: Serialize, T: DeserializeOwned>(
        &self,
        path: &str,
        body: &B,
    ) -> Result<T, Failure> {
        self.parse(self.send(self.request(Method::POST, path).json(body)).await?).await
    }

    /// Puts one thing at its address below `/api/v1`.
    pub async fn put<B: Serialize, T: DeserializeOwned>(
        &self,
        path: &str,
        body: &B,
    ) -> Result<T, Failure> {
        self.parse(self.send(self.request(Method::PUT, path).json(body)).await?).await
    }

    /// Asks for something that answers nothing but that it was done.
    pub async fn act(&self, path: &str) -> Result<(), Failure> {
        self.send(self.request(Method::POST, path)).await.map(|_| ())
    }

    /// Reads bytes below `/api/v1`, chunk by chunk.
    pub async fn bytes(&self, path: &str) -> Result<Response, Failure> {
        self.send(self.request(Method::GET, path)).await
    }

    /// Removes one thing below `/api/v1`.
    pub async fn delete(&self, path: &str) -> Result<(), Failure> {
        self.send(self.request(Method::DELETE, path)).await.map(|_| ())
    }

    /// Opens a stream below `/api/v1`; the caller reads it chunk by chunk.
    pub async fn stream(&self, path: &str) -> Result<Response, Failure> {
        self.send(self.request(Method::GET, path).header("accept", "text/event-stream")).await
    }

    fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let request = self.http.request(method, format!("{}/api/v1{path}", self.connection.url));
        let request = request.header("accept-language", self.language.tag());
        match &self.connection.token {
            Some(token) => request.bearer_auth(token),
            None => request,
        }
    }

    async fn send(&self, request: RequestBuilder) -> Result<Response, Failure> {
        let sent = self.progress.during(self.language.words().asking(), request.send());
        let response = sent
            .await
            .map_err(|source| Failure::Unreachable { url: self.connection.url.clone(), source })?;
        if response.status().is_success() {
            return Ok(response);
        }
        Err(problem_of(response).await)
    }

    async fn parse<T: DeserializeOwned>(&self, response: Response) -> Result<T, Failure> {
        let bytes = response.bytes().await.context("the answer broke off")?;
        let text = if bytes.is_empty() { b"null".as_slice() } else { bytes.as_ref() };
        serde_json::from_slice(text)
            .context("the answer is not what this version expects; are both of one version?")
            .map_err(Failure::Other)
    }
}

async fn problem_of(response: Response) -> Failure {
    let status = response.status();
    let text = response.text().await.unwrap_or_default();
    match serde_json::from_str::<Problem>(&text) {
        Ok(problem) => Failure::Problem(Box::new(problem)),
        Err(_) => Failure::Problem(Box::new(bare_problem(status, &text))),
    }
}

/// A problem for an answer that is no problem document, from a proxy for example.
fn bare_problem(status: StatusCode, text: &str) -> Problem {
    Problem {
        kind: "about:blank".into(),
        title: status.canonical_reason().unwrap_or("unknown").into(),
        status: status.as_u16(),
        detail: text.chars().take(300).collect(),
        code: format!("http-{}", status.as_u16()),
        next: None,
        reasons: Vec::new(),
    }
}
