//! Problems (RFC 9457): the only table of status codes.

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde_json::{Map, Value as Json, json};

use super::conditions::etag;
use crate::app::{AppError, Denied, Failure, StoreError};
use crate::domain::invalid::FieldError;

/// Most faults that one problem tells; an answer must not outgrow its question.
const MAX_ERRORS: usize = 100;

/// What went wrong, as callers see it.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct Problem {
    /// Names the kind of problem; the same as `code`, as a URI.
    #[serde(rename = "type")]
    kind: String,
    /// The kind of problem in a few words.
    title: &'static str,
    /// The status code of the answer.
    status: u16,
    /// Stable code, for programs.
    code: &'static str,
    /// One sentence about this very case.
    detail: String,
    /// Names this request in the logs; not in an outcome of one of several operations.
    #[serde(skip_serializing_if = "String::is_empty")]
    request_id: String,
    /// Fields or parameters that are wrong.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    errors: Vec<FieldError>,
    /// Further facts, by kind of problem.
    #[serde(flatten)]
    #[schema(value_type = Object)]
    facts: Map<String, Json>,
    /// Seconds until it can be asked again, where that is known.
    #[serde(skip)]
    retry_after: Option<u64>,
}

impl Problem {
    /// The stable code.
    pub fn code(&self) -> &'static str {
        self.code
    }

    /// A problem of this kind.
    pub fn new(status: StatusCode, code: &'static str, title: &'static str, detail: impl Into<String>) -> Self {
        Self {
            kind: format!("urn:guildhall:problem:{code}"),
            title,
            status: status.as_u16(),
            code,
            detail: detail.into(),
            request_id: String::new(),
            errors: Vec::new(),
            facts: Map::new(),
            retry_after: None,
        }
    }

    /// There is no such thing.
    pub fn not_found(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, "not_found", "Not found", detail)
    }

    /// The path knows other methods.
    pub fn wrong_method() -> Self {
        Self::new(
            StatusCode::METHOD_NOT_ALLOWED,
            "method_not_allowed",
            "Method not allowed",
            "this path does not know this method",
        )
    }

    /// The request cannot be read, in a way that the server found before any handler.
    pub fn unreadable(status: StatusCode) -> Self {
        Self::new(status, "bad_request", "Bad request", "the request cannot be read: look at its path and headers")
    }

    /// The request cannot be read.
    pub fn bad_request(code: &'static str, detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, code, "Bad request", detail)
    }

    /// The host failed; what happened is in the log under the request id.
    pub fn internal() -> Self {
        Self::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "host_fault",
            "Host fault",
            "the host failed; the request id names the entry in its log",
        )
    }

    /// The status code of the answer.
    pub fn status(&self) -> u16 {
        self.status
    }

    fn fact(mut self, name: &str, value: impl Into<Json>) -> Self {
        self.facts.insert(name.to_owned(), value.into());
        self
    }

    /// The same, to be asked again after a while.
    fn after(mut self, wait: std::time::Duration) -> Self {
        self.retry_after = Some(wait.as_secs() + u64::from(wait.subsec_nanos() > 0));
        self
    }

    fn errors(mut self, mut errors: Vec<FieldError>) -> Self {
        let left_off = errors.len().saturating_sub(MAX_ERRORS);
        errors.truncate(MAX_ERRORS);
        self.errors = errors;
        if left_off == 0 { self } else { self.fact("errors_left_off", left_off) }
    }

    /// The finished answer, once the request has its id.
    pub fn finish(mut self, request_id: &str) -> Response {
        request_id.clone_into(&mut self.request_id);
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let body = serde_json::to_vec(&self).unwrap_or_default();
        let mut response = (status, [(header::CONTENT_TYPE, "application/problem+json")], body).into_response();
        // Whoever named an old version is told the current one, ready to be sent again.
        let current = self.facts.get("current_version").and_then(Json::as_i64);
        if let Some(tag) = current.and_then(|version| HeaderValue::try_from(etag(version)).ok()) {
            response.headers_mut().insert(header::ETAG, tag);
        }
        if status == StatusCode::UNAUTHORIZED {
            response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        let is_passing = matches!(status, StatusCode::SERVICE_UNAVAILABLE | StatusCode::TOO_MANY_REQUESTS);
        if let Some(wait) = self.retry_after.or(is_passing.then_some(1)) {
            response.headers_mut().insert(header::RETRY_AFTER, wait.into());
        }
        response
    }
}

impl IntoResponse for Problem {
    /// Only a marker: [`super::request_id::layer`] knows the id and finishes it.
    fn into_response(self) -> Response {
        let mut response = StatusCode::from_u16(self.status).unwrap_or_default().into_response();
        response.extensions_mut().insert(self);
        response
    }
}

impl From<Problem> for Response {
    fn from(problem: Problem) -> Self {
        problem.into_response()
    }
}

impl From<AppError> for Problem {
    fn from(error: AppError) -> Self {
        Self::of(&error)
    }
}

impl Problem {
    /// The problem that an error is to callers.
    pub fn of(error: &AppError) -> Self {
        let detail = error.to_string();
        let new = |status, code, title| Self::new(status, code, title, detail.clone());
        match error {
            AppError::Unauthenticated => new(StatusCode::UNAUTHORIZED, "unauthenticated", "No valid credential"),
            AppError::UnknownObject(_) => new(StatusCode::NOT_FOUND, "unknown_object", "Unknown object"),
            AppError::NotFound { .. } => new(StatusCode::NOT_FOUND, "not_found", "Not found"),
            AppError::Denied(Denied::Policy(cause)) => internal(cause),
            AppError::Denied(Denied::Resting { .. }) => new(StatusCode::CONFLICT, "module_disabled", "Switched off"),
            AppError::Denied(_) => new(StatusCode::FORBIDDEN, "permission_denied", "Not allowed"),
            AppError::Invalid(errors) => {
                new(StatusCode::UNPROCESSABLE_ENTITY, "validation_failed", "Wrong input").errors(errors.clone())
            }
            AppError::Stale { current, given } => {
                new(StatusCode::PRECONDITION_FAILED, "stale_version", "The record has changed")
                    .fact("current_version", *current)
                    .fact("given_version", *given)
            }
            AppError::Duplicate { field, existing, .. } => {
                let error = FieldError::new(field, "taken", "belongs to another record");
                let problem = new(StatusCode::CONFLICT, "duplicate", "The value is taken").errors(vec![error]);
                match existing {
                    Some(id) => problem.fact("existing_id", id.to_string()),
                    None => problem,
                }
            }
            AppError::PossibleDuplicate { candidates, .. } => {
                new(StatusCode::CONFLICT, "possible_duplicate", "Possibly there already")
                    .fact("candidates", json!(candidates))
            }
            AppError::Merged { into, .. } => {
                new(StatusCode::NOT_FOUND, "not_found", "Not found").fact("merged_into", into.to_string())
            }
            AppError::Explained { error, calls } => Self::of(error).fact("plugins", json!(calls)),
            AppError::Operation { at, error } => Self::of(error).of_operation(*at),
            AppError::NotReached => new(StatusCode::SERVICE_UNAVAILABLE, "not_reached", "Not reached"),
            AppError::Contended => new(StatusCode::CONFLICT, "conflict", "Conflicting changes"),
            AppError::KeyReused => {
                new(StatusCode::UNPROCESSABLE_ENTITY, "idempotency_key_reused", "Idempotency key reused")
            }
            AppError::Hook { plugin, failure } => hook(plugin, failure),
            AppError::Cascade(_) => new(StatusCode::UNPROCESSABLE_ENTITY, "cascade_limit", "Endless changes"),
            AppError::InvalidPlugin(_) | AppError::IncompatiblePlugin(_) | AppError::WrongSignature(_) => {
                let (code, title) = of_plugin(error);
                new(StatusCode::UNPROCESSABLE_ENTITY, code, title)
            }
            AppError::Compiling => new(StatusCode::TOO_MANY_REQUESTS, "overloaded", "Too much at once"),
            AppError::BrokenOff => new(StatusCode::BAD_REQUEST, "unreadable_body", "Bad request"),
            AppError::TooLarge(_) => new(StatusCode::PAYLOAD_TOO_LARGE, "payload_too_large", "Body too large"),
            AppError::MediaType(_) => {
                new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported_media_type", "Unsupported media type")
            }
            AppError::ConsentRequired { plugin, asks } => {
                new(StatusCode::CONFLICT, "consent_required", "Consent is needed")
                    .fact("plugin", plugin.clone())
                    .fact("asks", serde_json::json!(asks))
            }
            AppError::Refused(_) | AppError::ModuleRevoked { .. } => new(StatusCode::CONFLICT, "refused", "Refused"),
            AppError::TenantSuspended(_) => new(StatusCode::FORBIDDEN, "tenant_suspended", "The tenant is suspended"),
            AppError::TenantDeleted => new(StatusCode::FORBIDDEN, "tenant_deleted", "The tenant is deleted"),
            AppError::LimitReached { limit, most } => new(StatusCode::CONFLICT, "limit_reached", "A limit is reached")
                .fact("limit", *limit)
                .fact("most", *most),
            AppError::TooManyStreams(_) => new(StatusCode::TOO_MANY_REQUESTS, "too_many_streams", "Too many streams"),
            AppError::TooManyRequests { wait, .. } => {
                new(StatusCode::TOO_MANY_REQUESTS, "rate_limited", "Too many requests").after(*wait)
            }
            AppError::TooManyTries { wait } => {
                new(StatusCode::TOO_MANY_REQUESTS, "too_many_tries", "Too many tries").after(*wait)
            }
            AppError::SignInFailed => new(StatusCode::UNAUTHORIZED, "sign_in_failed", "Not signed in"),
            AppError::CodeRequired => new(StatusCode::UNAUTHORIZED, "code_required", "A code is needed"),
            AppError::WrongCode => new(StatusCode::UNAUTHORIZED, "wrong_code", "Wrong code"),
            AppError::ProviderFailed(_) => new(StatusCode::UNAUTHORIZED, "provider_failed", "Not signed in"),
            AppError::UnknownLink => new(StatusCode::NOT_FOUND, "unknown_link", "The link does not hold"),
            AppError::SessionRequired => new(StatusCode::FORBIDDEN, "session_required", "A session is needed"),
            AppError::CrossSite => new(StatusCode::FORBIDDEN, "cross_site", "Not from this site"),
            AppError::Unopened => new(StatusCode::INTERNAL_SERVER_ERROR, "cannot_decrypt", "Cannot be decrypted"),
            AppError::NoOperatorKey => {
                tracing::error!("a request needs a key of the operator that is not there");
                new(StatusCode::INTERNAL_SERVER_ERROR, "no_operator_key", "No key to encrypt or decrypt with")
            }
            AppError::Store(StoreError::Unavailable(cause)) => {
                tracing::error!(cause, "the database is not available");
                Self::new(
                    StatusCode::SERVICE_UNAVAILABLE,
                    "unavailable",
                    "Not available",
                    "the database does not answer; try again",
                )
            }
            AppError::Store(StoreError::TooLong) => Self::new(
                StatusCode::UNPROCESSABLE_ENTITY,
                "query_too_expensive",
                "Too expensive",
                "the query takes too long: filter by an indexed field, or sort by one",
            ),
            AppError::Store(cause) => internal(cause),
            AppError::Setup(cause) => internal(cause),
        }
    }

    /// The same, told of one operation of several.
    fn of_operation(mut self, at: usize) -> Self {
        for error in &mut self.errors {
            let inside = if error.field == "match" { "" } else { "fields." };
            error.field = format!("operations[{at}].{inside}{}", error.field);
        }
        self.fact("operation", at)
    }
}

/// Why a plugin cannot be used: the code, and a few words.
fn of_plugin(error: &AppError) -> (&'static str, &'static str) {
    match error {
        AppError::IncompatiblePlugin(_) => ("incompatible_api", "Built for another host"),
        AppError::WrongSignature(_) => ("signature_invalid", "Not signed as it has to be"),
        _ => ("invalid_component", "Not a usable plugin"),
    }
}

/// What a module said or how it failed. Its own words are its own: they come
/// under `plugin_code` and `detail`.
fn hook(plugin: &str, failure: &Failure) -> Problem {
    let code = failure.code();
    let status = match failure {
        Failure::Overloaded | Failure::HostSlow => StatusCode::TOO_MANY_REQUESTS,
        Failure::HostFault => StatusCode::INTERNAL_SERVER_ERROR,
        _ => StatusCode::UNPROCESSABLE_ENTITY,
    };
    let title = match failure {
        Failure::Fault(_) => "Refused by a module",
        _ => "A module failed",
    };
    let problem = Problem::new(status, code, title, failure.to_string()).fact("plugin", plugin);
    match failure {
        Failure::Fault(fault) => {
            let details = fault.details.as_deref().and_then(|text| serde_json::from_str(text).ok());
            let details: Json = details.unwrap_or_else(|| json!({}));
            problem.fact("plugin_code", fault.code.as_str()).fact("plugin_details", details)
        }
        Failure::Suspended { wait } => problem.after(*wait),
        _ => problem,
    }
}

fn internal(cause: &dyn std::fmt::Display) -> Problem {
    tracing::error!(%cause, "a request failed");
    Problem::internal()
}
