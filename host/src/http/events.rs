//! `/events`: the log of events, as pages or as a live stream; the timeline of a record.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, Uri, header};
use axum::response::sse::{Event, Sse};
use axum::response::{IntoResponse, Response};
use futures_util::stream;
use serde::Serialize;
use serde_json::Value;
use tokio::sync::mpsc::Receiver;
use uuid::Uuid;

use super::Problem;
use super::answers::Reading;
use super::credential::Authenticated;
use super::parameters::{limit, parameters};
use crate::app::{App, AppError, EventRequest, StreamItem};
use crate::domain::event::PastEvent;

/// How long a client waits before it comes again.
const RETRY: Duration = Duration::from_secs(2);
/// Sent by a client that comes again.
const LAST_EVENT_ID: &str = "last-event-id";

/// A page of the log.
#[derive(Serialize)]
struct PageBody<'a> {
    data: &'a [PastEvent],
    next: &'a str,
    has_more: bool,
}

/// A page of a timeline.
#[derive(Serialize)]
struct TimelineBody<'a> {
    data: &'a [PastEvent],
    next_cursor: Option<&'a str>,
}

/// A change that was committed, in the form of `CloudEvents` 1.0.
#[derive(utoipa::ToSchema)]
#[schema(as = Event)]
#[expect(dead_code, reason = "describes the form in the OpenAPI document; `PastEvent` writes it")]
pub struct EventForm {
    /// `1.0`.
    specversion: String,
    /// Id of the event; in webhooks the `webhook-id`.
    id: Uuid,
    /// The object and what happened.
    #[schema(rename = "type", example = "contact.created")]
    kind: String,
    /// The tenant, as `urn:guildhall:tenant:…`.
    source: String,
    /// The object and the id of the record, with `/` between.
    subject: String,
    /// When it was committed.
    #[schema(format = DateTime)]
    time: String,
    /// `application/json`.
    datacontenttype: String,
    data: EventData,
}

/// What changed.
#[derive(utoipa::ToSchema)]
#[expect(dead_code, reason = "describes the form in the OpenAPI document; `PastEvent` writes it")]
pub struct EventData {
    /// Name of the object.
    object: String,
    /// Id of the record.
    record: Uuid,
    /// Version of the record after the change.
    version: i64,
    /// Who asked for it, such as `key:…`.
    actor: String,
    /// The plugin that wrote it on the actor's behalf.
    plugin: Option<String>,
    /// The changed fields before.
    #[schema(value_type = Object)]
    before: Value,
    /// The changed fields after.
    #[schema(value_type = Object)]
    after: Value,
}

/// A page of the log.
#[derive(utoipa::ToSchema)]
#[expect(dead_code, reason = "describes the answer in the OpenAPI document")]
pub struct Events {
    /// In the order of commits.
    data: Vec<EventForm>,
    /// The place behind this page, for `after`; also when there is no event.
    next: String,
    /// Whether there are more already.
    has_more: bool,
}

/// A page of a timeline.
#[derive(utoipa::ToSchema)]
#[expect(dead_code, reason = "describes the answer in the OpenAPI document")]
pub struct Timeline {
    /// The newest first.
    data: Vec<EventForm>,
    /// Where the next page begins; none on the last page.
    next_cursor: Option<String>,
}

/// Read the log of events, or follow it live.
///
/// Events of objects that the key may read, in the order in which they were committed.
/// With `Accept: text/event-stream` the answer is a stream of server-sent events that
/// goes on: behind `Last-Event-ID` or `after`, or from now on. Otherwise it is a page,
/// from the oldest event on when `after` is not given; it may be short, or empty,
/// while `has_more` is true.
#[utoipa::path(
    get, path = "/api/v1/events", tag = "events", operation_id = "events",
    params(
        ("after" = Option<String>, Query, description = "A place in the log: `next` of a page, or the `id` of an event of a stream"),
        ("limit" = Option<u32>, Query, description = "Events on the page, 1 to 500; 50 when not given. Not for a stream", minimum = 1, maximum = 500),
        ("object" = Option<String>, Query, description = "Names of objects, with commas between"),
        ("type" = Option<String>, Query, description = "Types with commas between, `*` for any run of characters", example = "contact.*"),
        ("Last-Event-ID" = Option<String>, Header, description = "The `id` of the last event of a stream that broke; goes before `after`"),
    ),
    responses(
        (status = 200, description = "A page, or a stream", content((Events = "application/json"), (String = "text/event-stream"))),
        Reading,
    ),
    security(("key" = []))
)]
pub async fn list(
    State(app): State<Arc<App>>,
    Authenticated(caller): Authenticated,
    headers: HeaderMap,
    uri: Uri,
) -> Result<Response, Problem> {
    let mut parameters = parameters(&uri, &["after", "limit", "object", "type"])?;
    let mut request = EventRequest {
        after: parameters.remove("after"),
        after_name: "after",
        limit: limit(parameters.remove("limit"))?,
        objects: names(parameters.remove("object")),
        types: names(parameters.remove("type")),
    };
    let accepts = headers.get(header::ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or_default();
    if !accepts.contains("text/event-stream") {
        let page = app.events(&caller, &request).await?;
        return Ok(json(&PageBody { data: &page.events, next: &page.next, has_more: page.has_more }));
    }
    if let Some(last) = headers.get(LAST_EVENT_ID).filter(|last| !last.is_empty()) {
        request.after = Some(last.to_str().unwrap_or_default().to_owned());
        request.after_name = "Last-Event-ID";
    }
    let items = app.stream(&caller, &request).await?;
    // Proxies that gather answers would hold events back.
    let headers = [(header::CACHE_CONTROL, "no-store"), (header::HeaderName::from_static("x-accel-buffering"), "no")];
    Ok((headers, Sse::new(stream::unfold((items, true), next))).into_response())
}

/// Read what happened to a record.
///
/// The newest first. A deleted record still has its timeline.
#[utoipa::path(
    get, path = "/api/v1/records/{object}/{id}/timeline", tag = "records", operation_id = "timeline",
    params(
        ("object" = String, Path, description = "Name of the object"),
        ("id" = Uuid, Path, description = "Id of the record"),
        ("type" = Option<String>, Query, description = "Types with commas between, `*` for any run of characters", example = "*.updated"),
        ("limit" = Option<u32>, Query, description = "Events on the page, 1 to 500; 50 when not given", minimum = 1, maximum = 500),
        ("cursor" = Option<String>, Query, description = "`next_cursor` of the page before, with the same `type`"),
    ),
    responses(
        (status = 200, description = "A page", body = Timeline),
        Reading,
    ),
    security(("key" = []))
)]
pub async fn timeline(
    State(app): State<Arc<App>>,
    Authenticated(caller): Authenticated,
    Path((object, id)): Path<(String, String)>,
    uri: Uri,
) -> Result<Response, Problem> {
    let mut parameters = parameters(&uri, &["type", "limit", "cursor"])?;
    let id = Uuid::parse_str(&id).map_err(|_| AppError::no_record(&object, &id))?;
    let types = names(parameters.remove("type"));
    let limit = limit(parameters.remove("limit"))?;
    let cursor = parameters.remove("cursor");
    let page = app.timeline(&caller, &object, id, &types, (limit, cursor.as_deref())).await?;
    Ok(json(&TimelineBody { data: &page.events, next_cursor: page.next.as_deref() }))
}

/// The next piece of a stream; the first one says how to come again.
async fn next(
    (mut items, is_first): (Receiver<StreamItem>, bool),
) -> Option<(Result<Event, Infallible>, (Receiver<StreamItem>, bool))> {
    let event = match items.recv().await? {
        StreamItem::Event(place, event) => {
            let data = serde_json::to_string(&event).unwrap_or_default();
            Event::default().id(place).event(event.event_type()).data(data)
        }
        // A place without data moves the client on, and is no event for it.
        StreamItem::Beat(place) => Event::default().comment("").id(place),
    };
    let event = if is_first { event.retry(RETRY) } else { event };
    Some((Ok(event), (items, false)))
}

fn names(text: Option<String>) -> Vec<String> {
    text.map(|text| text.split(',').map(|name| name.trim().to_owned()).filter(|name| !name.is_empty()).collect())
        .unwrap_or_default()
}

fn json(body: &impl Serialize) -> Response {
    Json(body).into_response()
}
