//! The one way out: every request that Boucle makes by HTTP passes here, with an address policy, a
//! deadline and a limit for the answer.
//!
//! A name is resolved by the client's own resolver, which refuses when *any* address is not allowed;
//! the connection goes to those very addresses, so a name that changes its mind gains nothing.
//! Redirects are followed by hand and each is held against the policy again.

use std::collections::BTreeSet;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::header::{CONTENT_TYPE, HeaderName, HeaderValue, LOCATION, WWW_AUTHENTICATE};
use reqwest::{Client, Method, Url};

/// Who named the address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum AddressPolicy {
    /// Boucle itself: its own workloads and itself. Loopback only.
    Own,
    /// A cluster: the address of a pod. What a person may name, without this machine.
    Pod,
    /// A person: webhooks, mirrors, a Prometheus server. Anything but link-local addresses, the
    /// metadata services of clouds, what is not an address of one machine, and this server's ports.
    UserGiven,
}

/// What happens when an answer is longer than allowed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Excess {
    /// The rest is not read; [`Answer::cut`] says so.
    Cut,
    /// [`DialError::TooLarge`].
    Refuse,
}

/// A request.
#[derive(Clone, PartialEq, Eq)]
pub struct Request {
    /// The address, `http` or `https`, without a password in it.
    pub url: String,
    /// Who named it.
    pub policy: AddressPolicy,
    /// The body of a POST; `None`: a GET.
    pub body: Option<Vec<u8>>,
    /// Names and values; not sent on to another host by a redirect.
    pub headers: Vec<(String, String)>,
    /// For everything together, redirects and body included.
    pub timeout_ms: u64,
    /// Bytes of the answer's body at most.
    pub body_bytes_max: usize,
    /// What happens above that.
    pub excess: Excess,
    /// Redirects that are followed; a POST follows none.
    pub redirects_max: usize,
}

impl Request {
    /// A GET: 10 s, 1 MiB, no redirect.
    #[must_use]
    pub fn get(url: impl Into<String>, policy: AddressPolicy) -> Self {
        Self {
            url: url.into(),
            policy,
            body: None,
            headers: Vec::new(),
            timeout_ms: 10_000,
            body_bytes_max: 1 << 20,
            excess: Excess::Refuse,
            redirects_max: 0,
        }
    }

    /// A POST with the same limits.
    #[must_use]
    pub fn post(url: impl Into<String>, policy: AddressPolicy, body: Vec<u8>) -> Self {
        Self { body: Some(body), ..Self::get(url, policy) }
    }

    /// The same request with a header more.
    #[must_use]
    pub fn header(mut self, name: &str, value: impl Into<String>) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }
}

/// Without the values of headers, of which one may be a credential.
impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { url, policy, body, headers, timeout_ms, body_bytes_max, excess, redirects_max } =
            self;
        let headers: Vec<&str> = headers.iter().map(|(name, _)| name.as_str()).collect();
        f.debug_struct("Request")
            .field("url", url)
            .field("policy", policy)
            .field("body_bytes", &body.as_ref().map(Vec::len))
            .field("headers", &headers)
            .field("timeout_ms", timeout_ms)
            .field("body_bytes_max", body_bytes_max)
            .field("excess", excess)
            .field("redirects_max", redirects_max)
            .finish()
    }
}

/// An answer, whatever its status.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// The header of that name.
    pub content_type: Option<String>,
    /// Where a redirect that was not followed leads.
    pub location: Option<String>,
    /// What a registry asks for before it answers (`WWW-Authenticate`).
    pub challenge: Option<String>,
    /// The body, perhaps cut.
    pub body: Vec<u8>,
    /// Whether there was more.
    pub cut: bool,
    /// From the start of the request to the last byte that was read.
    pub elapsed_ms: u64,
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum DialError {
    /// Not an address that can be asked.
    #[error("`{url}` cannot be asked: {reason}")]
    UrlInvalid {
        /// The address as it came.
        url: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The policy forbids it.
    #[error("{0}")]
    Denied(#[from] DeniedAddress),
    /// No connection.
    #[error("no connection to {url}: {reason}")]
    Connect {
        /// The address.
        url: String,
        /// The last cause, such as "Connection refused".
        reason: String,
    },
    /// The deadline passed.
    #[error("{url} did not answer within {timeout_ms} ms")]
    Timeout {
        /// The address.
        url: String,
        /// The deadline.
        timeout_ms: u64,
    },
    /// A longer answer than allowed.
    #[error("{url} answers more than {limit_bytes} bytes")]
    TooLarge {
        /// The address.
        url: String,
        /// The limit.
        limit_bytes: usize,
    },
    /// Too many redirects, or one that cannot be followed.
    #[error("{url} redirects {reason}")]
    Redirect {
        /// The address.
        url: String,
        /// Where, or how often.
        reason: String,
    },
    /// The connection ended in the middle, or was not HTTP.
    #[error("the answer of {url} broke off: {reason}")]
    Broken {
        /// The address.
        url: String,
        /// The last cause.
        reason: String,
    },
}

impl DialError {
    /// A stable name.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::UrlInvalid { .. } => "url-invalid",
            Self::Denied(_) => "address-denied",
            Self::Connect { .. } => "connection-failed",
            Self::Timeout { .. } => "request-timeout",
            Self::TooLarge { .. } => "answer-too-large",
            Self::Redirect { .. } => "redirect-refused",
            Self::Broken { .. } => "answer-broken",
        }
    }

    /// The same with the host alone for an address, whose path and query may open what they are of.
    #[must_use]
    pub fn of_host(self) -> Self {
        match self {
            Self::UrlInvalid { url, reason } => Self::UrlInvalid { url: host_of(&url), reason },
            Self::Denied(denied) => Self::Denied(denied),
            Self::Connect { url, reason } => Self::Connect { url: host_of(&url), reason },
            Self::Timeout { url, timeout_ms } => Self::Timeout { url: host_of(&url), timeout_ms },
            Self::TooLarge { url, limit_bytes } => {
                Self::TooLarge { url: host_of(&url), limit_bytes }
            }
            // Its reason is another address.
            Self::Redirect { url, reason: _ } => {
                Self::Redirect { url: host_of(&url), reason: "where it is not followed".into() }
            }
            Self::Broken { url, reason } => Self::Broken { url: host_of(&url), reason },
        }
    }
}

fn host_of(url: &str) -> String {
    let parsed = Url::parse(url).ok();
    match parsed.as_ref().and_then(|url| Some((url.host_str()?, url.port()))) {
        Some((host, Some(port))) => format!("{host}:{port}"),
        Some((host, None)) => host.to_owned(),
        None => "an address without a host".to_owned(),
    }
}

/// An address that the policy forbids.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{host} is {address}, {reason}")]
pub struct DeniedAddress {
    /// The host as written.
    pub host: String,
    /// What it resolves to.
    pub address: IpAddr,
    /// Why it is forbidden.
    pub reason: &'static str,
}

/// What a client may connect to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Reach {
    Loopback,
    World,
    /// For ports of this server and for pods: the world without this machine.
    WorldWithoutLoopback,
}

impl Reach {
    fn denies(self, address: IpAddr) -> Option<&'static str> {
        let address = canonical(address);
        match self {
            Self::Loopback if address.is_loopback() => None,
            Self::Loopback => Some("and only loopback is allowed here"),
            Self::WorldWithoutLoopback if address.is_loopback() => {
                Some("and this machine may not be reached so")
            }
            Self::World | Self::WorldWithoutLoopback => never_allowed(address),
        }
    }
}

fn canonical(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(_) => address,
        IpAddr::V6(v6) => v6.to_ipv4_mapped().map_or(address, IpAddr::V4),
    }
}

fn never_allowed(address: IpAddr) -> Option<&'static str> {
    // Metadata services outside the link-local ranges: Amazon over IPv6, Alibaba, Oracle.
    const METADATA: [IpAddr; 3] = [
        IpAddr::V6(Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254)),
        IpAddr::V4(Ipv4Addr::new(100, 100, 100, 200)),
        IpAddr::V4(Ipv4Addr::new(192, 0, 0, 192)),
    ];
    let link_local = match address {
        IpAddr::V4(v4) => v4.is_link_local(),
        IpAddr::V6(v6) => v6.is_unicast_link_local(),
    };
    let broadcast = matches!(address, IpAddr::V4(v4) if v4.is_broadcast());
    // 0.0.0.0/8 reaches this machine on Linux.
    let unspecified =
        address.is_unspecified() || matches!(address, IpAddr::V4(v4) if v4.octets()[0] == 0);
    if link_local {
        Some("a link-local address; metadata services live there")
    } else if METADATA.contains(&address) {
        Some("a cloud's metadata service")
    } else if unspecified || broadcast || address.is_multicast() {
        Some("not the address of one machine")
    } else {
        None
    }
}

struct Resolver(Reach);

impl Resolve for Resolver {
    fn resolve(&self, name: Name) -> Resolving {
        let reach = self.0;
        Box::pin(async move {
            let host = name.as_str().to_owned();
            let found: Vec<SocketAddr> =
                tokio::net::lookup_host((host.as_str(), 0)).await?.collect();
            for address in &found {
                if let Some(reason) = reach.denies(address.ip()) {
                    let denied = DeniedAddress { host, address: address.ip(), reason };
                    return Err(denied.into());
                }
            }
            Ok(Box::new(found.into_iter()) as Addrs)
        })
    }
}

/// Makes requests. Cheap to clone; connections are shared.
#[derive(Clone)]
pub struct Dialer {
    own: Client,
    world: Client,
    world_without_loopback: Client,
    own_ports: Arc<BTreeSet<u16>>,
}

impl Dialer {
    /// A dialer that never reaches `own_ports` of this machine for a person. A TLS provider must be
    /// installed in the process (`rustls`, ring).
    pub fn new(own_ports: impl IntoIterator<Item = u16>) -> Result<Self, anyhow::Error> {
        Ok(Self {
            own: client(Reach::Loopback)?,
            world: client(Reach::World)?,
            world_without_loopback: client(Reach::WorldWithoutLoopback)?,
            own_ports: Arc::new(own_ports.into_iter().collect()),
        })
    }

    /// Makes a request; any status is an answer.
    pub async fn send(&self, request: &Request) -> Result<Answer, DialError> {
        let deadline = Duration::from_millis(request.timeout_ms);
        match tokio::time::timeout(deadline, self.follow(request)).await {
            Ok(result) => result,
            Err(_) => {
                Err(DialError::Timeout { url: request.url.clone(), timeout_ms: request.timeout_ms })
            }
        }
    }

    async fn follow(&self, request: &Request) -> Result<Answer, DialError> {
        let started = Instant::now();
        let mut url = checked_url(&request.url)?;
        let origin = url.origin();
        let mut redirects = 0;
        loop {
            let with_headers = url.origin() == origin;
            let response = self.once(request, &url, with_headers).await?;
            let status = response.status();
            let location = response.headers().get(LOCATION).and_then(|to| to.to_str().ok());
            let Some(location) = location.filter(|_| {
                status.is_redirection() && request.body.is_none() && request.redirects_max > 0
            }) else {
                return read(request, &url, response, started).await;
            };
            let refuse = |reason: String| DialError::Redirect { url: request.url.clone(), reason };
            redirects += 1;
            if redirects > request.redirects_max {
                return Err(refuse(format!("more than {} times", request.redirects_max)));
            }
            let next = url.join(location).map_err(|_| refuse(format!("to `{location}`")))?;
            url = checked_url(next.as_str())?;
        }
    }

    async fn once(
        &self,
        request: &Request,
        url: &Url,
        with_headers: bool,
    ) -> Result<reqwest::Response, DialError> {
        let (client, reach) = self.client_for(request.policy, url);
        // An address in digits never meets the resolver.
        let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']);
        if let Ok(address) = host.parse::<IpAddr>()
            && let Some(reason) = reach.denies(address)
        {
            return Err(DeniedAddress { host: host.into(), address, reason }.into());
        }
        let method = if request.body.is_some() { Method::POST } else { Method::GET };
        let mut builder = client.request(method, url.clone());
        if with_headers {
            for (name, value) in &request.headers {
                builder = match HeaderValue::try_from(value) {
                    Ok(mut value) => {
                        value.set_sensitive(name.eq_ignore_ascii_case("authorization"));
                        builder.header(name, value)
                    }
                    // It is the client that refuses it.
                    Err(_) => builder.header(name, value),
                };
            }
        }
        if let Some(body) = &request.body {
            builder = builder.body(body.clone());
        }
        // Its own sentence would repeat the whole address.
        builder.send().await.map_err(|error| describe(url, &error.without_url()))
    }

    fn client_for(&self, policy: AddressPolicy, url: &Url) -> (&Client, Reach) {
        let own_port =
            url.port_or_known_default().is_some_and(|port| self.own_ports.contains(&port));
        match policy {
            AddressPolicy::Own => (&self.own, Reach::Loopback),
            AddressPolicy::Pod => (&self.world_without_loopback, Reach::WorldWithoutLoopback),
            AddressPolicy::UserGiven if own_port => {
                (&self.world_without_loopback, Reach::WorldWithoutLoopback)
            }
            AddressPolicy::UserGiven => (&self.world, Reach::World),
        }
    }
}

fn client(reach: Reach) -> Result<Client, anyhow::Error> {
    Ok(Client::builder()
        .user_agent("boucle")
        .dns_resolver(Arc::new(Resolver(reach)))
        .redirect(reqwest::redirect::Policy::none())
        .connect_timeout(Duration::from_secs(5))
        .pool_max_idle_per_host(2)
        .pool_idle_timeout(Duration::from_secs(30))
        // A proxy would connect to addresses that were never checked.
        .no_proxy()
        .build()?)
}

fn checked_url(text: &str) -> Result<Url, DialError> {
    let invalid = |reason: &str| DialError::UrlInvalid { url: text.into(), reason: reason.into() };
    let url = Url::parse(text).map_err(|error| invalid(&error.to_string()))?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(invalid("only http and https are allowed"));
    }
    if url.host_str().is_none_or(str::is_empty) {
        return Err(invalid("there is no host in it"));
    }
    if !url.username().is_empty() || url.password().is_some() {
        // The text is not repeated: it holds a secret.
        return Err(DialError::UrlInvalid {
            url: url.host_str().unwrap_or_default().into(),
            reason: "a name or password in an address is not allowed; use a header".into(),
        });
    }
    Ok(url)
}

fn describe(url: &Url, error: &reqwest::Error) -> DialError {
    let mut cause: &(dyn std::error::Error + 'static) = error;
    loop {
        if let Some(denied) = cause.downcast_ref::<DeniedAddress>() {
            return denied.clone().into();
        }
        match cause.source() {
            Some(next) => cause = next,
            None => break,
        }
    }
    let (url, reason) = (url.to_string(), cause.to_string());
    if error.is_connect() {
        DialError::Connect { url, reason }
    } else {
        DialError::Broken { url, reason }
    }
}

async fn read(
    request: &Request,
    url: &Url,
    mut response: reqwest::Response,
    started: Instant,
) -> Result<Answer, DialError> {
    let status = response.status().as_u16();
    let header = |name: HeaderName| {
        let value = response.headers().get(name).and_then(|value| value.to_str().ok());
        value.map(ToOwned::to_owned)
    };
    let (content_type, location) = (header(CONTENT_TYPE), header(LOCATION));
    let challenge = header(WWW_AUTHENTICATE);
    let (mut body, mut cut) = (Vec::new(), false);
    let limit = request.body_bytes_max;
    let broken = |error: reqwest::Error| describe(url, &error.without_url());
    while let Some(chunk) = response.chunk().await.map_err(broken)? {
        let room = limit - body.len();
        if chunk.len() <= room {
            body.extend_from_slice(&chunk);
            continue;
        }
        match request.excess {
            Excess::Refuse => {
                return Err(DialError::TooLarge { url: url.to_string(), limit_bytes: limit });
            }
            Excess::Cut => {
                body.extend_from_slice(&chunk[..room]);
                cut = true;
                break;
            }
        }
    }
    let elapsed_ms = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
    Ok(Answer { status, content_type, location, challenge, body, cut, elapsed_ms })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(reach: Reach, address: &str, allowed: bool) {
        let address: IpAddr = address.parse().unwrap();
        assert_eq!(reach.denies(address).is_none(), allowed, "{reach:?} {address}");
    }

    #[test]
    fn an_error_tells_the_host_alone() {
        let url = || "https://c.example:8443/x?signature=abc".to_owned();
        let reason = || "broken pipe".to_owned();
        let address = IpAddr::V4(Ipv4Addr::LOCALHOST);
        let denied = DeniedAddress { host: "c.example".into(), address, reason: "not one" };
        for (error, expected) in [
            (
                DialError::UrlInvalid { url: url(), reason: reason() },
                "`c.example:8443` cannot be asked: broken pipe",
            ),
            (denied.into(), "c.example is 127.0.0.1, not one"),
            (
                DialError::Connect { url: url(), reason: reason() },
                "no connection to c.example:8443: broken pipe",
            ),
            (
                DialError::Timeout { url: url(), timeout_ms: 5 },
                "c.example:8443 did not answer within 5 ms",
            ),
            (
                DialError::TooLarge { url: "http://[::1]/?a".into(), limit_bytes: 5 },
                "[::1] answers more than 5 bytes",
            ),
            (
                DialError::Redirect { url: url(), reason: format!("to `{}`", url()) },
                "c.example:8443 redirects where it is not followed",
            ),
            (
                DialError::Broken { url: "c?signature=abc".into(), reason: reason() },
                "the answer of an address without a host broke off: broken pipe",
            ),
        ] {
            assert_eq!(error.of_host().to_string(), expected);
        }
    }

    #[test]
    fn a_request_is_shown_without_its_credential() {
        let request = Request::get("https://c.example", AddressPolicy::UserGiven);
        let shown = format!("{:?}", request.header("Authorization", "Basic abc"));
        assert!(shown.contains("Authorization") && !shown.contains("abc"), "{shown}");
    }

    #[test]
    fn holds_addresses_against_the_policy() {
        check(Reach::Loopback, "127.0.0.1", true);
        check(Reach::Loopback, "::1", true);
        check(Reach::Loopback, "10.0.0.1", false);
        check(Reach::World, "127.0.0.1", true);
        check(Reach::World, "10.0.0.1", true);
        check(Reach::World, "8.8.8.8", true);
        check(Reach::World, "169.254.169.254", false);
        check(Reach::World, "::ffff:169.254.169.254", false);
        check(Reach::World, "fe80::1", false);
        check(Reach::World, "fd00:ec2::254", false);
        check(Reach::World, "100.100.100.200", false);
        check(Reach::World, "0.0.0.0", false);
        check(Reach::World, "0.1.2.3", false);
        check(Reach::World, "::", false);
        check(Reach::World, "224.0.0.1", false);
        check(Reach::World, "255.255.255.255", false);
        check(Reach::WorldWithoutLoopback, "127.0.0.2", false);
        check(Reach::WorldWithoutLoopback, "::ffff:127.0.0.1", false);
        check(Reach::WorldWithoutLoopback, "8.8.8.8", true);
    }
}
