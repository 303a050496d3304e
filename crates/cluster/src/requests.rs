//! The one door to an API server: bounded, patient when asked to be, and never for ever.

use std::time::Duration;

use http::{HeaderMap, Method, StatusCode};
use kube::client::Body;
use serde_json::Value;
use tokio::sync::Semaphore;

use crate::error::RequestError;
use crate::identity::Identity;
use crate::reachability::Observer;

/// Requests at once: enough to keep a server busy, too few to starve its other clients.
const IN_FLIGHT_MAX: usize = 20;
/// Admission webhooks may take 30 s by their own limit.
const ANSWER_MAX: Duration = Duration::from_secs(35);
/// The version is in no store and behind no webhook.
const PING_MAX: Duration = Duration::from_secs(10);
/// How often a server may ask for patience.
const ATTEMPTS_MAX: u32 = 6;
/// A server that asks for more is told by the caller's own wait.
const RETRY_AFTER_MAX: Duration = Duration::from_secs(10);

/// Asks one cluster.
pub(crate) struct Requests {
    client: kube::Client,
    cluster: String,
    in_flight: Semaphore,
    observer: Observer,
}

/// One request.
pub(crate) struct Ask<'a> {
    pub identity: &'a Identity,
    pub method: Method,
    /// The path with its query.
    pub path: String,
    pub content_type: &'static str,
    pub body: Option<&'a Value>,
}

impl<'a> Ask<'a> {
    pub fn get(identity: &'a Identity, path: String) -> Self {
        Self { identity, method: Method::GET, path, content_type: JSON, body: None }
    }

    pub fn post(identity: &'a Identity, path: String, body: &'a Value) -> Self {
        Self { identity, method: Method::POST, path, content_type: JSON, body: Some(body) }
    }
}

pub(crate) const JSON: &str = "application/json";
/// JSON is YAML, and every server since server-side apply exists reads it.
pub(crate) const APPLY: &str = "application/apply-patch+yaml";
pub(crate) const MERGE: &str = "application/merge-patch+json";

/// A good answer.
pub(crate) struct Answer {
    pub status: StatusCode,
    pub body: Value,
}

impl Requests {
    pub fn new(client: kube::Client, cluster: String) -> Self {
        Self {
            client,
            cluster,
            in_flight: Semaphore::new(IN_FLIGHT_MAX),
            observer: Observer::new(),
        }
    }

    /// For watches, which are bounded by the number of kinds and not by time.
    pub const fn client(&self) -> &kube::Client {
        &self.client
    }

    pub fn cluster(&self) -> &str {
        &self.cluster
    }

    pub fn observer(&self) -> &Observer {
        &self.observer
    }

    /// Asks for the version, beside all other requests: a cluster that is busy is there.
    pub async fn ping(&self) {
        let ask = Ask::get(&Identity::Own, "/version".to_owned());
        match tokio::time::timeout(PING_MAX, self.once(&ask)).await {
            Ok(Ok((status, _, body))) if status.is_success() => {
                self.observer.answered(body["gitVersion"].as_str());
            }
            // It is noted where it failed.
            Ok(Ok(_) | Err(_)) => {}
            Err(_) => {
                let seconds = PING_MAX.as_secs();
                self.observer.failed(format!("it did not say its version within {seconds} s"));
            }
        }
    }

    /// Asks, and asks again while the server says when to.
    pub async fn ask(&self, ask: &Ask<'_>) -> Result<Answer, RequestError> {
        // The semaphore is never closed.
        let _permit = self.in_flight.acquire().await;
        let mut attempts = 0;
        loop {
            attempts += 1;
            let (status, headers, body) = self.once(ask).await?;
            if status.is_success() {
                return Ok(Answer { status, body });
            }
            match patience(status, &headers, attempts) {
                Some(_) if attempts == ATTEMPTS_MAX => {
                    return Err(RequestError::Busy { cluster: self.cluster.clone(), attempts });
                }
                Some(wait) => tokio::time::sleep(wait).await,
                None => {
                    let code = status.as_u16();
                    return Err(RequestError::of_status(code, &body, ask.identity, &self.cluster));
                }
            }
        }
    }

    async fn once(&self, ask: &Ask<'_>) -> Result<(StatusCode, HeaderMap, Value), RequestError> {
        let bytes = ask.body.map(Value::to_string).unwrap_or_default().into_bytes();
        let mut request = http::Request::builder()
            .method(ask.method.clone())
            .uri(&ask.path)
            .header(http::header::CONTENT_TYPE, ask.content_type)
            .header(http::header::ACCEPT, JSON);
        if let Some(user) = ask.identity.user() {
            request = request.header("Impersonate-User", user);
        }
        let unreachable = |error: kube::Error| self.unreachable(error);
        let request = request
            .body(Body::from(bytes))
            .map_err(|error| unreachable(kube::Error::HttpError(error)))?;
        let answered = tokio::time::timeout(ANSWER_MAX, async {
            let (head, body) = self.client.send(request).await?.into_parts();
            Ok((head, body.collect_bytes().await?))
        });
        let (head, bytes) = match answered.await {
            Ok(answered) => answered.map_err(unreachable)?,
            Err(_) => {
                let cluster = self.cluster.clone();
                let error = RequestError::TimedOut { cluster, after: ANSWER_MAX };
                self.observer.failed(error.to_string());
                return Err(error);
            }
        };
        if head.status == StatusCode::UNAUTHORIZED {
            self.unauthorized();
        } else {
            self.observer.answered(None);
        }
        let body = if bytes.is_empty() {
            Value::Null
        } else {
            match serde_json::from_slice(&bytes) {
                Ok(body) => body,
                // Errors of proxies and of the server's outer layers are plain texts.
                Err(_) if !head.status.is_success() => {
                    serde_json::json!({ "message": String::from_utf8_lossy(&bytes) })
                }
                Err(source) => {
                    let cluster = self.cluster.clone();
                    return Err(RequestError::Unreadable { cluster, source });
                }
            }
        };
        Ok((head.status, head.headers, body))
    }

    /// Notes that nobody there knows us any more: such a cluster says as much as one that is silent.
    pub fn unauthorized(&self) {
        let error = RequestError::Unauthorized { cluster: self.cluster.clone() };
        self.observer.failed(error.to_string());
    }

    /// Notes that nothing came back.
    pub fn unreachable(&self, error: kube::Error) -> RequestError {
        self.observer.failed(chain(&error));
        RequestError::Unreachable { cluster: self.cluster.clone(), source: Box::new(error) }
    }
}

/// How long to wait before the next attempt; `None`: another attempt is no use.
fn patience(status: StatusCode, headers: &HeaderMap, attempts: u32) -> Option<Duration> {
    let busy = status == StatusCode::TOO_MANY_REQUESTS || status == StatusCode::SERVICE_UNAVAILABLE;
    let asked = headers.get(http::header::RETRY_AFTER)?.to_str().ok()?.parse::<u64>().ok();
    // Without the header the server did not ask for another attempt.
    busy.then(|| {
        let asked = Duration::from_secs(asked.unwrap_or(1)).min(RETRY_AFTER_MAX);
        // All who were refused at once must not come back at once.
        asked + jittered(Duration::from_millis(100) * attempts)
    })
}

/// A random time up to this one.
pub(crate) fn jittered(longest: Duration) -> Duration {
    longest.mul_f64(rand::random::<f64>())
}

/// The error with all its causes, which kube's own text leaves out.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let next = error.to_string();
        if !text.contains(&next) {
            text = format!("{text}: {next}");
        }
        cause = error.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::{TcpListener, TcpStream};

    use super::*;

    /// A server that counts connections and answers each by this.
    async fn server<F>(
        answer: impl Fn(usize, TcpStream) -> F + Send + 'static,
    ) -> (Requests, Arc<AtomicUsize>)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let asked = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&asked);
        tokio::spawn(async move {
            while let Ok((mut socket, _)) = listener.accept().await {
                let mut head = [0; 4096];
                let _ = socket.read(&mut head).await;
                let number = count.fetch_add(1, Ordering::SeqCst);
                tokio::spawn(answer(number, socket));
            }
        });
        let mut config = kube::Config::new(format!("http://{address}").parse().unwrap());
        config.default_retry = false;
        let client = kube::Client::try_from(config).unwrap();
        (Requests::new(client, "test".into()), asked)
    }

    async fn say(mut socket: TcpStream, head: &str) {
        let text = format!("HTTP/1.1 {head}\r\nConnection: close\r\nContent-Length: 2\r\n\r\n{{}}");
        let _ = socket.write_all(text.as_bytes()).await;
    }

    async fn ask(requests: &Requests) -> Result<Answer, RequestError> {
        requests.ask(&Ask::get(&Identity::Own, "/".into())).await
    }

    #[tokio::test]
    async fn a_busy_server_is_asked_again_when_it_says_so() {
        let (requests, asked) = server(|number, socket| async move {
            let busy = "429 Too Many Requests\r\nRetry-After: 0";
            say(socket, if number < 3 { busy } else { "200 OK" }).await;
        })
        .await;
        assert_eq!(ask(&requests).await.unwrap().status, StatusCode::OK);
        assert_eq!(asked.load(Ordering::SeqCst), 4);
    }

    #[tokio::test]
    async fn a_server_that_stays_busy_is_left_alone_in_the_end() {
        let (requests, asked) =
            server(|_, socket| say(socket, "429 Too Many Requests\r\nRetry-After: 0")).await;
        assert_eq!(ask(&requests).await.err().map(|error| error.code()), Some("cluster-busy"));
        assert_eq!(asked.load(Ordering::SeqCst), ATTEMPTS_MAX as usize);
    }

    #[tokio::test]
    async fn a_refusal_without_a_time_is_not_tried_again() {
        let (requests, asked) = server(|_, socket| say(socket, "503 Service Unavailable")).await;
        let code = ask(&requests).await.err().map(|error| error.code());
        assert_eq!(code, Some("refused-by-cluster"));
        assert_eq!(asked.load(Ordering::SeqCst), 1);
    }

    #[tokio::test]
    async fn no_more_requests_are_made_at_once_than_are_good_for_a_server() {
        let gate = Arc::new(tokio::sync::Barrier::new(IN_FLIGHT_MAX));
        let (requests, asked) = server(move |_, socket| {
            let gate = Arc::clone(&gate);
            async move {
                // Answered only in full rounds: fewer at once would wait for ever, and more would
                // be counted before the first round was answered.
                gate.wait().await;
                say(socket, "200 OK").await;
            }
        })
        .await;
        let mut all = futures::stream::FuturesUnordered::new();
        for _ in 0..IN_FLIGHT_MAX * 3 {
            all.push(ask(&requests));
        }
        let mut answered = 0;
        while let Some(answer) = futures::StreamExt::next(&mut all).await {
            assert_eq!(answer.unwrap().status, StatusCode::OK);
            answered += 1;
            assert!(asked.load(Ordering::SeqCst) < answered + IN_FLIGHT_MAX + 1);
        }
    }
}
