//! Floor 1, sole owner of hyper's client: sends requests to addresses that
//! tenants name, and only to those of the public internet.
//!
//! A name is resolved here, what it leads to is checked, and the connection
//! goes to exactly the addresses that were checked: a second look-up, which
//! might answer otherwise, does not happen. Redirects are not followed here.

mod visit;

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, StatusCode, Uri, header};
use http_body_util::{BodyExt, Full, Limited};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::connect::dns::Name;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use tower::Service;

use crate::domain::address::{BadAddress, is_public, parse_receiver};

pub use visit::{Refused, Trail, Visit, Visited};

/// Longest wait for the head of an answer, the connection included.
pub const TIMEOUT: Duration = Duration::from_secs(15);
/// Longest wait for a connection.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// Longest wait for the body of an answer, which nobody reads.
const BODY_TIMEOUT: Duration = Duration::from_secs(1);
/// Most bytes of a body that are taken, so that the connection can be used again.
const BODY_LIMIT: usize = 16 << 10;
/// Most bytes of a body that matters.
const FETCH_LIMIT: usize = 256 << 10;
/// What the host calls itself.
const AGENT: &str = concat!("guildhall/", env!("CARGO_PKG_VERSION"));
/// Most bytes of the head of an answer.
const HEAD_LIMIT: usize = 64 << 10;
/// Longest time that a connection is kept for the next request.
const IDLE: Duration = Duration::from_secs(20);

/// The head of an answer.
#[derive(Clone, Debug)]
pub struct Reply {
    /// Its status.
    pub status: u16,
    /// `Retry-After`, as it came.
    pub retry_after: Option<String>,
}

/// An answer with its body.
#[derive(Clone, Debug)]
pub struct Fetched {
    /// Its status.
    pub status: StatusCode,
    /// Its headers.
    pub headers: HeaderMap,
    /// Its body.
    pub body: Bytes,
}

/// Why there was no answer. The texts are for the tenant: they say nothing of
/// what the host's network looks like.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SendError {
    /// The address may not be talked to.
    #[error("the address {0}")]
    Address(#[from] BadAddress),
    /// Nobody answered in time.
    #[error("there was no answer within {} s", TIMEOUT.as_secs())]
    Timeout,
    /// The name, the connection, TLS or the answer was no good.
    #[error("no connection, or no readable answer")]
    Failed,
}

/// Who says where names lead, when it is not the system: for tests.
#[derive(Clone)]
pub struct Names(pub std::sync::Arc<Lookup>);

/// Says where a name leads.
pub type Lookup = dyn Fn(&str) -> Vec<std::net::IpAddr> + Send + Sync;

impl std::fmt::Debug for Names {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Names")
    }
}

/// Sends requests to the outside.
pub struct Outbound {
    client: Client<HttpsConnector<HttpConnector<Guarded>>, Full<Bytes>>,
    allow_private: bool,
}

impl Outbound {
    /// A sender; `allow_private` lets it talk to anything, over http too.
    pub fn new(allow_private: bool, names: Option<Names>) -> Self {
        let mut connector = HttpConnector::new_with_resolver(Guarded { allow_private, names });
        connector.enforce_http(false);
        connector.set_nodelay(true);
        connector.set_connect_timeout(Some(CONNECT_TIMEOUT));
        let connector =
            HttpsConnectorBuilder::new().with_webpki_roots().https_or_http().enable_http1().wrap_connector(connector);
        let client = Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(IDLE)
            .http1_max_buf_size(HEAD_LIMIT)
            .build(connector);
        Self { client, allow_private }
    }

    /// Checks an address as far as its text goes.
    pub fn check(&self, url: &str) -> Result<String, BadAddress> {
        parse_receiver(url, self.allow_private).map(String::from)
    }

    /// Sends a request whose answer matters, body and all: at most 256 KiB in 15 seconds.
    pub async fn fetch(&self, request: Request<Vec<u8>>) -> Result<Fetched, SendError> {
        let url = parse_receiver(&request.uri().to_string(), self.allow_private)?;
        let (mut parts, body) = request.into_parts();
        parts.uri = url.as_str().parse().map_err(|_| SendError::Address(BadAddress::NoUrl))?;
        parts.headers.insert(header::USER_AGENT, HeaderValue::from_static(AGENT));
        let request = Request::from_parts(parts, Full::new(Bytes::from(body)));
        let answer = async {
            let response = self.client.request(request).await.map_err(|error| refused(&error))?;
            let (head, body) = response.into_parts();
            let body = Limited::new(body, FETCH_LIMIT).collect().await.map_err(|_| SendError::Failed)?;
            Ok(Fetched { status: head.status, headers: head.headers, body: body.to_bytes() })
        };
        tokio::time::timeout(TIMEOUT, answer).await.map_err(|_| SendError::Timeout)?
    }

    /// Posts a JSON body.
    pub async fn post(&self, url: &str, headers: &[(&'static str, String)], body: Vec<u8>) -> Result<Reply, SendError> {
        // The rule may have become stricter since the address was taken.
        let url = parse_receiver(url, self.allow_private)?;
        let uri: Uri = url.as_str().parse().map_err(|_| SendError::Address(BadAddress::NoUrl))?;
        let mut request = Request::new(Full::new(Bytes::from(body)));
        *request.method_mut() = Method::POST;
        *request.uri_mut() = uri;
        let map = request.headers_mut();
        map.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        map.insert(header::USER_AGENT, HeaderValue::from_static(AGENT));
        for (name, value) in headers {
            let value = HeaderValue::from_str(value).map_err(|_| SendError::Failed)?;
            map.insert(HeaderName::from_static(name), value);
        }
        let answer = tokio::time::timeout(TIMEOUT, self.client.request(request)).await;
        let response = answer.map_err(|_| SendError::Timeout)?.map_err(|error| refused(&error))?;
        let retry_after = response.headers().get(header::RETRY_AFTER).and_then(|value| value.to_str().ok());
        let reply = Reply { status: response.status().as_u16(), retry_after: retry_after.map(str::to_owned) };
        // What is not read in time or size is dropped together with its connection.
        let _ = tokio::time::timeout(BODY_TIMEOUT, Limited::new(response.into_body(), BODY_LIMIT).collect()).await;
        Ok(reply)
    }
}

fn refused(error: &hyper_util::client::legacy::Error) -> SendError {
    tracing::debug!(?error, "a request to the outside failed");
    if is_private(error) { SendError::Address(BadAddress::Private) } else { SendError::Failed }
}

/// Resolves names, and refuses those that lead to a private address.
#[derive(Clone)]
struct Guarded {
    allow_private: bool,
    names: Option<Names>,
}

impl Service<Name> for Guarded {
    type Response = std::vec::IntoIter<SocketAddr>;
    type Error = io::Error;
    type Future = Pin<Box<dyn Future<Output = io::Result<Self::Response>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, name: Name) -> Self::Future {
        let Self { allow_private, names } = self.clone();
        Box::pin(async move {
            let found: Vec<SocketAddr> = match names {
                Some(names) => names.0(name.as_str()).into_iter().map(|ip| SocketAddr::new(ip, 0)).collect(),
                None => tokio::net::lookup_host((name.as_str(), 0)).await?.collect(),
            };
            checked(found, allow_private).map(Vec::into_iter)
        })
    }
}

/// All of the addresses of a name, or none when one of them is private.
fn checked(found: Vec<SocketAddr>, allow_private: bool) -> io::Result<Vec<SocketAddr>> {
    if allow_private || found.iter().all(|address| is_public(address.ip())) {
        return Ok(found);
    }
    Err(io::Error::new(io::ErrorKind::PermissionDenied, BadAddress::Private))
}

/// Whether our own refusal is somewhere among the causes.
fn is_private(error: &(dyn std::error::Error + 'static)) -> bool {
    let mut cause = Some(error);
    while let Some(error) = cause {
        let inner = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
        if inner.is_some_and(<dyn std::error::Error + Send + Sync>::is::<BadAddress>) {
            return true;
        }
        cause = error.source();
    }
    false
}

#[cfg(test)]
mod tests {
    use std::str::FromStr;

    use super::*;

    fn addresses(list: &[&str]) -> Vec<SocketAddr> {
        list.iter().map(|text| SocketAddr::new(text.parse().unwrap(), 0)).collect()
    }

    #[test]
    fn one_private_address_spoils_a_name() {
        assert_eq!(checked(addresses(&["8.8.8.8", "2606:4700::1"]), false).unwrap().len(), 2);
        for private in ["10.0.0.1", "::1", "::ffff:10.0.0.1", "169.254.169.254"] {
            assert!(checked(addresses(&["8.8.8.8", private]), false).is_err(), "{private}");
            assert!(checked(addresses(&["8.8.8.8", private]), true).is_ok(), "{private}");
        }
    }

    #[tokio::test]
    async fn names_are_checked_by_what_they_lead_to() {
        let name = || Name::from_str("localhost").unwrap();
        assert!(Guarded { allow_private: true, names: None }.call(name()).await.unwrap().next().is_some());
        let refused = Guarded { allow_private: false, names: None }.call(name()).await.unwrap_err();
        assert!(is_private(&refused));
    }

    #[tokio::test]
    async fn an_address_is_looked_at_again_before_it_is_used() {
        let sent = Outbound::new(false, None).post("http://127.0.0.1:9/", &[], Vec::new()).await;
        assert_eq!(sent.unwrap_err(), SendError::Address(BadAddress::NoHttps));
        let sent = Outbound::new(false, None).post("https://127.0.0.1:9/", &[], Vec::new()).await;
        assert_eq!(sent.unwrap_err(), SendError::Address(BadAddress::Private));
    }
}
