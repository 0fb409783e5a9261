//! Requests of modules: to named hosts over https, redirects followed only
//! where each step is allowed, bodies read no further than their limit.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response, StatusCode, header};
use http_body_util::{BodyExt, Full};
use hyper_util::client::legacy::connect::{CaptureConnection, capture_connection};
use url::{Host, Url};

use super::{AGENT, Outbound, is_private};
use crate::domain::address::{BadAddress, parse_receiver};

/// Longest wait for an answer, redirects and body included.
pub const LONGEST: Duration = Duration::from_secs(5);
/// Most bytes of a body.
const MAX_BODY: usize = 1 << 20;
/// Most redirects that are followed.
const MAX_REDIRECTS: usize = 3;
/// Headers that belong to the connection, or to the host.
const REFUSED: &[&str] = &[
    "accept-encoding",
    "connection",
    "content-length",
    "expect",
    "host",
    "keep-alive",
    "proxy-authenticate",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "user-agent",
    "via",
    "forwarded",
];
/// Headers that say who asks: not for another host than the one that they were meant for.
const PERSONAL: &[&str] = &["authorization", "cookie", "traceparent"];

/// A request.
pub struct Visit {
    /// The method.
    pub method: Method,
    /// Where to.
    pub url: String,
    /// Headers.
    pub headers: HeaderMap,
    /// Names of headers that hold something secret.
    pub secret: Vec<HeaderName>,
    /// The body.
    pub body: Bytes,
    /// Longest wait.
    pub timeout: Duration,
}

/// An answer.
#[derive(Clone, Debug)]
pub struct Visited {
    /// Its status.
    pub status: StatusCode,
    /// Its headers, without those of the connection.
    pub headers: HeaderMap,
    /// Its body.
    pub body: Bytes,
}

/// Why there was no answer. The texts say nothing of what the host's network looks like.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// The address may not be talked to.
    #[error("the address {0}")]
    Address(#[from] BadAddress),
    /// An address in numbers.
    #[error("the address has to be a name")]
    NoName,
    /// The host is not one that was agreed to.
    #[error("a redirect leads to a host that the plugin may not reach")]
    NotAllowed,
    /// Too many redirects.
    #[error("there are more than {MAX_REDIRECTS} redirects")]
    Redirects,
    /// The plugin may not set this header.
    #[error("a header is one of the host's own")]
    Header,
    /// The body is too large.
    #[error("the body has more than {MAX_BODY} bytes")]
    Body,
    /// Nobody answered in time.
    #[error("there was no whole answer in time")]
    Timeout,
    /// The body of the answer is too large.
    #[error("the answer has more than {MAX_BODY} bytes")]
    TooLarge,
    /// The name, the connection, TLS or the answer was no good.
    #[error("no connection, or no readable answer")]
    Failed,
    /// Nobody is there any more who would note what is sent.
    #[error("nobody waits for the answer any more")]
    GivenUp,
}

/// Whether requests of a method may go to a host.
pub type Allowed<'a> = dyn Fn(&Method, &str) -> bool + Send + Sync + 'a;

/// Is told what goes to which host and what comes back, while it does: whatever becomes of the answer, the bytes have
/// left.
pub trait Trail: Send + Sync {
    /// A request is about to go to a host. False when this can be noted no more: then it does not go.
    fn sends(&self, host: &str, bytes: usize) -> bool;
    /// There was no connection that it could have gone over.
    fn unsent(&self, host: &str, bytes: usize);
    /// So much came back.
    fn received(&self, host: &str, bytes: usize);
}

impl Outbound {
    /// Sends a request, and follows redirects to hosts that are allowed.
    pub async fn visit(&self, visit: Visit, allowed: &Allowed<'_>, trail: &dyn Trail) -> Result<Visited, Refused> {
        if visit.body.len() > MAX_BODY {
            return Err(Refused::Body);
        }
        if visit.headers.keys().any(|name| REFUSED.contains(&name.as_str()) || name.as_str().starts_with("x-forwarded"))
        {
            return Err(Refused::Header);
        }
        let timeout = visit.timeout.min(LONGEST);
        tokio::time::timeout(timeout, self.follow(visit, allowed, trail)).await.map_err(|_| Refused::Timeout)?
    }

    async fn follow(&self, visit: Visit, allowed: &Allowed<'_>, trail: &dyn Trail) -> Result<Visited, Refused> {
        let Visit { mut method, url, mut headers, secret, mut body, .. } = visit;
        let mut url = self.named(&url)?;
        for _ in 0..=MAX_REDIRECTS {
            let host = url.host_str().unwrap_or_default();
            if !allowed(&method, host) {
                return Err(Refused::NotAllowed);
            }
            let request = request(&method, &url, &headers, &body)?;
            let bytes = method.as_str().len() + url.as_str().len() + size_of(request.headers()) + body.len();
            let (head, answer) = self.step(request, bytes, host, trail).await?.into_parts();
            let Some(next) = redirect(&head, &url) else {
                let body = read(answer, host, trail).await?;
                let mut headers = head.headers;
                for name in REFUSED {
                    headers.remove(*name);
                }
                return Ok(Visited { status: head.status, headers, body });
            };
            let next = self.named(&next)?;
            if next.origin() != url.origin() {
                for name in secret.iter().map(HeaderName::as_str).chain(PERSONAL.iter().copied()) {
                    headers.remove(name);
                }
            }
            let becomes_get = match head.status {
                StatusCode::SEE_OTHER => method != Method::HEAD,
                StatusCode::MOVED_PERMANENTLY | StatusCode::FOUND => method == Method::POST,
                _ => false,
            };
            if becomes_get {
                method = Method::GET;
                body = Bytes::new();
                headers.remove(header::CONTENT_TYPE);
            }
            url = next;
        }
        Err(Refused::Redirects)
    }

    /// Sends one of the requests that redirects make of one, to a host that may be reached.
    async fn step(
        &self,
        mut request: Request<Full<Bytes>>,
        bytes: usize,
        host: &str,
        trail: &dyn Trail,
    ) -> Result<Response<impl BodyExt<Data = Bytes> + Unpin + use<>>, Refused> {
        let connection = capture_connection(&mut request);
        if !trail.sends(host, bytes) {
            return Err(Refused::GivenUp);
        }
        let noted = Noted { trail, host, bytes, connection };
        let answer = self.client.request(request).await;
        drop(noted);
        let answer = answer.map_err(|error| {
            tracing::debug!(?error, "a request of a module failed");
            if is_private(&error) { Refused::Address(BadAddress::Private) } else { Refused::Failed }
        })?;
        trail.received(host, size_of(answer.headers()));
        Ok(answer)
    }

    /// An address as far as its text goes: a name, over https.
    fn named(&self, url: &str) -> Result<Url, Refused> {
        let url = parse_receiver(url, self.allow_private)?;
        match url.host() {
            Some(Host::Domain(_)) => Ok(url),
            _ => Err(Refused::NoName),
        }
    }
}

/// A request that was noted before it went: given up at whatever point, it takes the note back when it had no
/// connection by then.
struct Noted<'a> {
    trail: &'a dyn Trail,
    host: &'a str,
    bytes: usize,
    connection: CaptureConnection,
}

impl Drop for Noted<'_> {
    fn drop(&mut self) {
        if self.connection.connection_metadata().is_none() {
            self.trail.unsent(self.host, self.bytes);
        }
    }
}

/// The body of an answer, as far as it may go.
async fn read(mut body: impl BodyExt<Data = Bytes> + Unpin, host: &str, trail: &dyn Trail) -> Result<Bytes, Refused> {
    let mut whole = BytesMut::new();
    while let Some(frame) = body.frame().await {
        let Ok(piece) = frame.map_err(|_| Refused::Failed)?.into_data() else { continue };
        trail.received(host, piece.len());
        if whole.len() + piece.len() > MAX_BODY {
            return Err(Refused::TooLarge);
        }
        whole.extend_from_slice(&piece);
    }
    Ok(whole.freeze())
}

/// Bytes of headers, without what stands between them.
fn size_of(headers: &HeaderMap) -> usize {
    headers.iter().map(|(name, value)| name.as_str().len() + value.len()).sum()
}

/// One request of those that redirects make of one.
fn request(method: &Method, url: &Url, headers: &HeaderMap, body: &Bytes) -> Result<Request<Full<Bytes>>, Refused> {
    let mut request = Request::new(Full::new(body.clone()));
    *request.method_mut() = method.clone();
    *request.uri_mut() = url.as_str().parse().map_err(|_| Refused::Address(BadAddress::NoUrl))?;
    *request.headers_mut() = headers.clone();
    request.headers_mut().insert(header::USER_AGENT, HeaderValue::from_static(AGENT));
    request.headers_mut().insert(header::ACCEPT_ENCODING, HeaderValue::from_static("identity"));
    Ok(request)
}

/// Where a redirect leads; none when it is none.
fn redirect(head: &http::response::Parts, from: &Url) -> Option<String> {
    if !matches!(head.status.as_u16(), 301 | 302 | 303 | 307 | 308) {
        return None;
    }
    let location = head.headers.get(header::LOCATION)?.to_str().ok()?;
    from.join(location).ok().map(String::from)
}
