//! Gives each request an id, finishes problems with it, and survives panics; the headers of every answer.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue};
use axum::middleware::Next;
use axum::response::Response;
use futures_util::FutureExt;
use tracing::Instrument;

use super::Problem;
use super::allowance::Left;
use crate::app::App;
use crate::domain::caller::Trace;

const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
const OPENER_POLICY: HeaderName = HeaderName::from_static("cross-origin-opener-policy");

/// The id of a request, for who handles it.
#[derive(Clone)]
pub struct RequestId(pub String);

/// Marks an answer that is whole, whatever its status.
#[derive(Clone)]
pub struct Finished;

/// Wraps every request.
pub async fn layer(State(app): State<Arc<App>>, mut request: Request, next: Next) -> Response {
    let uuid = app.ids().make();
    let id = uuid.to_string();
    let span = tracing::debug_span!(
        "request", id, method = %request.method(), path = request.uri().path(), trace = tracing::field::Empty
    );
    let trace = trace_of(request.headers()).unwrap_or_else(|| Trace::beginning(uuid));
    span.record("trace", &trace.id);
    request.extensions_mut().insert(trace);
    request.extensions_mut().insert(RequestId(id.clone()));
    let left = Left::default();
    request.extensions_mut().insert(left.clone());
    let answer = AssertUnwindSafe(next.run(request)).catch_unwind().instrument(span);
    let mut response = match answer.await {
        Ok(response) => response,
        Err(_panic) => {
            tracing::error!(id, "a request panicked");
            Problem::internal().into()
        }
    };
    let is_whole = response.extensions_mut().remove::<Finished>().is_some();
    let is_failure = !is_whole && (response.status().is_client_error() || response.status().is_server_error());
    let problem = response.extensions_mut().remove::<Problem>();
    // What the framework refuses before a handler sees it becomes a problem too.
    let problem = problem.or_else(|| is_failure.then(|| Problem::unreadable(response.status())));
    if let Some(problem) = problem {
        let status = response.status();
        // What is wrong in detail may repeat what was sent, and that is for its sender alone.
        tracing::debug!(id, %status, code = problem.code(), "a problem");
        let unfinished = std::mem::replace(&mut response, problem.finish(&id));
        // Headers that were set beside the problem, such as `Allow`, stay.
        for (name, value) in unfinished.headers() {
            if !response.headers().contains_key(name) && *name != axum::http::header::CONTENT_LENGTH {
                response.headers_mut().insert(name, value.clone());
            }
        }
    }
    // No page of another site keeps a hold of a window that shows one of ours.
    response.headers_mut().insert(OPENER_POLICY, HeaderValue::from_static("same-origin"));
    left.tell(response.headers_mut());
    if let Ok(value) = HeaderValue::from_str(&id) {
        response.headers_mut().insert(X_REQUEST_ID, value);
    }
    response
}

/// The trace that a request is part of, by its `traceparent` (W3C Trace Context); none when it is not of that form.
fn trace_of(headers: &HeaderMap) -> Option<Trace> {
    let text = headers.get("traceparent")?.to_str().ok()?;
    let mut parts = text.split('-');
    let is_hex = |text: &str, length: usize| {
        text.len() == length && text.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte))
    };
    let (version, trace, parent) = (parts.next()?, parts.next()?, parts.next()?);
    let is_form = is_hex(version, 2) && version != "ff" && is_hex(trace, 32) && is_hex(parent, 16);
    let flags = parts.next().filter(|flags| is_hex(flags, 2)).and_then(|flags| u8::from_str_radix(flags, 16).ok());
    let trace = Trace { id: trace.to_owned(), is_sampled: flags.is_some_and(|flags| flags & 1 == 1) };
    (is_form && trace.id.bytes().any(|byte| byte != b'0')).then_some(trace)
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderMap;

    use super::trace_of;

    #[test]
    fn only_a_trace_of_the_right_form_is_taken_over() {
        let of = |text: &str| {
            let mut headers = HeaderMap::new();
            headers.insert("traceparent", text.parse().unwrap());
            trace_of(&headers).map(|trace| (trace.id, trace.is_sampled))
        };
        let trace = "4bf92f3577b34da6a3ce929d0e0e4736";
        assert_eq!(of(&format!("00-{trace}-00f067aa0ba902b7-01")), Some((trace.to_owned(), true)));
        assert_eq!(of(&format!("00-{trace}-00f067aa0ba902b7-00")), Some((trace.to_owned(), false)));
        for wrong in ["", "00", "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"] {
            assert_eq!(of(wrong), None, "{wrong}");
        }
        assert_eq!(of(&format!("00-{}-00f067aa0ba902b7-01", "0".repeat(32))), None);
        assert_eq!(of(&format!("00-{}-00f067aa0ba902b7-01", "Z".repeat(32))), None);
    }
}
