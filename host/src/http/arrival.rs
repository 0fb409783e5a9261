//! Where a request comes from: the other end of the connection, or who a trusted proxy says is behind it.

use std::convert::Infallible;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use axum::extract::{ConnectInfo, FromRequestParts};
use axum::http::header::USER_AGENT;
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName};

use super::cookies::{DEVICE, SESSION, cookie};
use super::request_id::RequestId;
use crate::app::{App, Arrival};
use crate::domain::caller::{Origin, Trace};

const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// Who asks without, or beside, a credential.
pub struct From(pub Arrival);

impl FromRequestParts<Arc<App>> for From {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, Infallible> {
        let text = |value: Option<&str>| value.map(str::to_owned);
        Ok(Self(Arrival {
            origin: Arc::new(origin(parts, app)),
            agent: text(parts.headers.get(USER_AGENT).and_then(|value| value.to_str().ok())),
            device: text(cookie(&parts.headers, DEVICE)),
            former: text(cookie(&parts.headers, SESSION)),
        }))
    }
}

/// Where the request came from, for the audit trail.
pub fn origin(parts: &Parts, app: &App) -> Origin {
    let peer = parts.extensions.get::<ConnectInfo<SocketAddr>>().map(|peer| peer.0.ip().to_canonical());
    let peer = peer.map(|peer| behind(peer, app.trusted_proxies(), &parts.headers).to_string());
    let trace = parts.extensions.get::<Trace>().cloned().unwrap_or_default();
    Origin { peer, request: parts.extensions.get::<RequestId>().map(|id| id.0.clone()), trace }
}

/// The last address that no trusted proxy wrote of another trusted proxy. What stands before it, anybody can write.
fn behind(peer: IpAddr, trusted: &[IpAddr], headers: &HeaderMap) -> IpAddr {
    if !trusted.contains(&peer) {
        return peer;
    }
    let lines: Vec<&str> =
        headers.get_all(FORWARDED_FOR).iter().map(|line| line.to_str().unwrap_or_default()).collect();
    let mut last = peer;
    for one in lines.iter().rev().flat_map(|line| line.rsplit(',')) {
        let Ok(address) = one.trim().parse::<IpAddr>() else { return last };
        last = address.to_canonical();
        if !trusted.contains(&last) {
            return last;
        }
    }
    last
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_a_trusted_proxy_wrote_counts() {
        let address = |text: &str| text.parse::<IpAddr>().unwrap();
        let seen = |peer: &str, lines: &[&str]| {
            let mut headers = HeaderMap::new();
            for line in lines {
                headers.append(FORWARDED_FOR, line.parse().unwrap());
            }
            behind(address(peer), &[address("10.0.0.1"), address("10.0.0.2")], &headers).to_string()
        };
        assert_eq!(seen("192.0.2.7", &["198.51.100.1"]), "192.0.2.7");
        assert_eq!(seen("10.0.0.1", &["198.51.100.1"]), "198.51.100.1");
        assert_eq!(seen("10.0.0.1", &["203.0.113.5, 198.51.100.1"]), "198.51.100.1");
        assert_eq!(seen("10.0.0.1", &["203.0.113.5, 198.51.100.1, 10.0.0.2"]), "198.51.100.1");
        assert_eq!(seen("10.0.0.1", &["203.0.113.5", "198.51.100.1"]), "198.51.100.1");
        assert_eq!(seen("10.0.0.1", &["nonsense"]), "10.0.0.1");
        assert_eq!(seen("10.0.0.1", &[]), "10.0.0.1");
    }
}
