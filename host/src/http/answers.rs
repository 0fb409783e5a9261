//! Answers that are kept for a retry; the problems that operations can answer
//! with, described once for the OpenAPI document.

use std::collections::BTreeMap;

use axum::http::StatusCode;
use serde::Serialize;
use utoipa::IntoResponses;
use utoipa::openapi::header::HeaderBuilder;
use utoipa::openapi::schema::Type;
use utoipa::openapi::{ContentBuilder, ObjectBuilder, Ref, RefOr, Response, ResponseBuilder};

use crate::app::{Answer, JobView};

/// An answer that can be kept for a retry.
pub fn kept<T: Serialize>(status: StatusCode, location: Option<String>, body: Option<&T>) -> Answer {
    let body = body.map(|body| serde_json::to_string(body).unwrap_or_default()).unwrap_or_default();
    let headers = location.map(|location| ("location".to_owned(), location)).into_iter().collect();
    Answer { status: status.as_u16(), headers, body }
}

/// The answer to who asked for a job: that it is queued, and where it is.
pub fn queued(job: &JobView) -> Answer {
    kept(StatusCode::ACCEPTED, Some(format!("/api/v1/jobs/{}", job.id)), Some(job))
}

type Responses = BTreeMap<String, RefOr<Response>>;

/// What 429 means to whoever has come in.
const TOO_MUCH: &str = "More than the key or its tenant may ask in a time, or too much at once";

/// What can be wrong with a question.
const READING: &[(u16, &str)] = &[
    (400, "A parameter, a header or the body cannot be read"),
    (401, "No valid key or session"),
    (403, "Not allowed"),
    (404, "No such thing, or not for this caller"),
    (422, "Something in it is wrong; `errors` says what"),
    (429, TOO_MUCH),
    (503, "The database does not answer"),
];

/// What can be wrong with a change beyond that.
const WRITING: &[(u16, &str)] = &[
    (409, "Something that is there stands against it, or others kept changing the same"),
    (412, "The record has changed"),
    (413, "The body is too large"),
    (415, "The body is of another media type"),
    (422, "Something in it is wrong, or a module refused or failed"),
];

/// What can be wrong with a sign-in.
const OPENING: &[(u16, &str)] = &[
    (400, "The body cannot be read"),
    (401, "Not signed in; `code` says why"),
    (403, "The request comes from another site"),
    (404, "The link does not hold, or there is no such provider"),
    (409, "Something stands against it"),
    (413, "The body is too large"),
    (415, "The body is of another media type"),
    (422, "Something in it is wrong; `errors` says what"),
    (429, "Too many tries; `Retry-After` says when the next one counts"),
    (503, "The database does not answer"),
];

/// The problems of an operation that reads.
pub struct Reading;

/// The problems of an operation that opens a session.
pub struct Opening;

/// The problems of an operation that reads, and takes its question in a body.
pub struct Asking;

/// The problems of an operation that writes.
pub struct Writing;

impl IntoResponses for Reading {
    fn responses() -> Responses {
        problems(READING)
    }
}

impl IntoResponses for Opening {
    fn responses() -> Responses {
        problems(OPENING)
    }
}

impl IntoResponses for Asking {
    fn responses() -> Responses {
        let body = problems(WRITING).into_iter().filter(|(status, _)| ["413", "415"].contains(&status.as_str()));
        let mut all = problems(READING);
        all.extend(body);
        all
    }
}

impl IntoResponses for Writing {
    fn responses() -> Responses {
        let mut all = problems(READING);
        all.extend(problems(WRITING));
        all
    }
}

fn problems(list: &[(u16, &str)]) -> Responses {
    let problem = || ContentBuilder::new().schema(Some(Ref::from_schema_name("Problem"))).build();
    let wait = || {
        let seconds = ObjectBuilder::new().schema_type(Type::Integer).minimum(Some(0_u32));
        HeaderBuilder::new().schema(Some(seconds)).description(Some("Seconds until it can be asked again")).build()
    };
    let one = |(status, description): &(u16, &str)| {
        let response = ResponseBuilder::new().description(*description).content("application/problem+json", problem());
        let response = if [429, 503].contains(status) { response.header("Retry-After", wait()) } else { response };
        (status.to_string(), RefOr::T(response.build()))
    };
    list.iter().map(one).collect()
}
