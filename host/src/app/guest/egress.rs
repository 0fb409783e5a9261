//! Requests to other servers, as a plugin sends them: what it asks for, with
//! the secrets that it does not see, and under a key that stays when it asks again.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use sha2::{Digest, Sha256};

use super::GuestPort;
use crate::domain::caller::Trace;
use crate::domain::plugin::{Fault, HttpRequest, HttpResponse, Need};
use crate::outbound::{Refused, Visit};

/// Most headers of a request, and most bytes of them.
const MAX_HEADERS: usize = 50;
const MAX_HEADER_BYTES: usize = 16 << 10;
/// Most bytes of the headers of an answer.
const MAX_ANSWER_HEADERS: usize = 64 << 10;
/// What stands around the name of a secret.
const SECRET: (&str, &str) = ("{{secret:", "}}");
const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");
const TRACE_PARENT: HeaderName = HeaderName::from_static("traceparent");
const TRACE_STATE: HeaderName = HeaderName::from_static("tracestate");

impl GuestPort {
    pub(super) async fn send(&self, request: HttpRequest) -> Result<HttpResponse, Fault> {
        let method = match request.method.as_str() {
            "GET" => Method::GET,
            "HEAD" => Method::HEAD,
            "POST" => Method::POST,
            "PUT" => Method::PUT,
            "PATCH" => Method::PATCH,
            "DELETE" => Method::DELETE,
            other => return Err(Fault::new("egress_denied", format!("`{other}` is no method"))),
        };
        let is_read = [Method::GET, Method::HEAD].contains(&method);
        if self.work.is_dry && !is_read {
            return Err(Fault::new("not_allowed_here", "a dry run changes nothing elsewhere"));
        }
        let (mut headers, secret) = self.headers(&request.headers).await?;
        if !is_read && !headers.contains_key(IDEMPOTENCY_KEY) {
            headers.insert(IDEMPOTENCY_KEY, self.idempotency_key(&request));
        }
        // Whoever is asked sees what it is a part of, as this host knows it, whatever the plugin says.
        headers.remove(TRACE_STATE);
        let trace = self.work.caller.origin.as_ref().map(|origin| origin.trace.clone());
        let parent = trace.unwrap_or_else(|| Trace::beginning(self.id)).parent(self.work.app.ids().make());
        if let Ok(parent) = HeaderValue::from_str(&parent) {
            headers.insert(TRACE_PARENT, parent);
        }
        let timeout = match request.timeout_ms {
            0 => Duration::MAX,
            millis => Duration::from_millis(millis.into()),
        };
        let visit = Visit { method, url: request.url, headers, secret, body: request.body.into(), timeout };
        let manifest = &self.module.manifest;
        let allowed = |method: &Method, host: &str| manifest.allows(&Need::Http { host, method: method.as_str() });
        let visited = self.work.app.outbound.visit(visit, &allowed, &*self.trail).await.map_err(refused)?;
        let mut room = MAX_ANSWER_HEADERS;
        let mut shown = Vec::new();
        for (name, value) in &visited.headers {
            let Ok(value) = value.to_str() else { continue };
            let size = name.as_str().len() + value.len();
            if size <= room {
                room -= size;
                shown.push((name.as_str().to_owned(), value.to_owned()));
            }
        }
        Ok(HttpResponse { status: visited.status.as_u16(), headers: shown, body: visited.body.to_vec() })
    }

    /// Headers with secrets in their places, and the names of those that have one.
    async fn headers(&self, given: &[(String, String)]) -> Result<(HeaderMap, Vec<HeaderName>), Fault> {
        let size: usize = given.iter().map(|(name, value)| name.len() + value.len()).sum();
        if given.len() > MAX_HEADERS || size > MAX_HEADER_BYTES {
            let text = format!("a request has at most {MAX_HEADERS} headers, of {MAX_HEADER_BYTES} bytes together");
            return Err(Fault::new("egress_denied", text));
        }
        let (mut headers, mut secret) = (HeaderMap::new(), Vec::new());
        for (name, value) in given {
            let wrong = || Fault::new("egress_denied", format!("{name:?} is no header that can be sent"));
            let read = HeaderName::try_from(name.as_str()).map_err(|_| wrong())?;
            let filled = self.filled(value).await?;
            let mut value = HeaderValue::try_from(filled.as_deref().unwrap_or(value)).map_err(|_| wrong())?;
            if filled.is_some() {
                value.set_sensitive(true);
                secret.push(read.clone());
            }
            headers.append(read, value);
        }
        Ok((headers, secret))
    }

    /// A value with secrets in their places; none when there is no place for one.
    async fn filled(&self, value: &str) -> Result<Option<String>, Fault> {
        let mut filled = String::new();
        let mut rest = value;
        while let Some((before, after)) = rest.split_once(SECRET.0) {
            let Some((name, after)) = after.split_once(SECRET.1) else { break };
            let need = Need::Secret { name };
            if !self.module.manifest.allows(&need) {
                return Err(Fault::new("permission_denied", need.refusal()));
            }
            filled.push_str(before);
            filled.push_str(&self.set_secret(name).await?);
            rest = after;
        }
        if rest.len() == value.len() {
            return Ok(None);
        }
        filled.push_str(rest);
        Ok(Some(filled))
    }

    /// Names a request: the same again when what it is a part of runs again.
    fn idempotency_key(&self, request: &HttpRequest) -> HeaderValue {
        let HttpRequest { method, url, body, .. } = request;
        let mut digest = Sha256::new();
        let work = &self.work;
        let tenant = work.caller.tenant.0;
        let parts = [work.cause.seed.as_bytes(), self.module.manifest.id.as_bytes(), method.as_bytes(), url.as_bytes()];
        for part in [tenant.as_bytes().as_slice(), body].into_iter().chain(parts) {
            digest.update((part.len() as u64).to_le_bytes());
            digest.update(part);
        }
        let said = digest.clone().finalize().into();
        digest.update(work.count_sent(said).to_le_bytes());
        let key = URL_SAFE_NO_PAD.encode(digest.finalize());
        HeaderValue::try_from(key).unwrap_or_else(|_| HeaderValue::from_static("0"))
    }
}

fn refused(refused: Refused) -> Fault {
    let text = refused.to_string();
    match refused {
        Refused::Timeout => Fault::passing("timeout", text),
        Refused::Failed => Fault::passing("unreachable", text),
        Refused::TooLarge => Fault::new("response_too_large", text),
        _ => Fault::new("egress_denied", text),
    }
}
