//! Questions beyond a plain list: search, figures, and what links lead to.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::Uri;
use axum::response::Response;
use serde::Serialize;
use serde_json::{Map, Value as Json};
use utoipa::ToSchema;

use super::answers::{Asking, Reading};
use super::body::ObjectBody;
use super::credential::Authenticated;
use super::parameters::{limit, parameters};
use super::records::{json, record_id};
use super::{Problem, listing};
use crate::app::{App, Hit, Page};
use crate::domain::view::View;

/// A page of records.
#[derive(Serialize)]
pub struct PageBody<'a> {
    data: Vec<View<'a>>,
    next_cursor: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    total: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    complete: Option<bool>,
}

impl<'a> PageBody<'a> {
    /// As it is answered.
    pub fn of(page: &'a Page) -> Self {
        Self { data: page.views(), next_cursor: page.next.as_deref(), total: page.total, complete: page.complete }
    }
}

/// A page of records of whatever object.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes the form of an answer")]
pub struct RecordPage {
    /// The records.
    data: Vec<Map<String, Json>>,
    /// Where the next page begins; `null` on the last one.
    next_cursor: Option<String>,
    /// Records on all pages, when `count` asks for it.
    total: Option<i64>,
}

/// What is searched for.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes the form of a body")]
pub struct Question {
    /// Words; a record has all of them. Without words it is a list.
    text: Option<String>,
    /// A filter tree.
    filter: Option<Map<String, Json>>,
    /// Field names, `-` in front for descending. The best records come first when words are given and this is not.
    sort: Option<Vec<String>>,
    /// Records on the page.
    limit: Option<u32>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
    /// Fields to answer.
    fields: Option<Vec<String>>,
    /// Links to follow.
    expand: Option<Vec<String>>,
    /// `exact` to have `total`.
    count: Option<String>,
}

/// Which figures are wanted.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes the form of a body")]
pub struct Figures {
    /// A filter tree.
    filter: Option<Map<String, Json>>,
    /// Field names, or `{"field":…, "bucket":"day|week|month|quarter|year", "as":…}`; at most 4.
    group_by: Option<Vec<Json>>,
    /// `{"fn":"count|count_distinct|sum|avg|min|max", "field":…, "as":…}`; at most 10; a count when not given.
    measures: Option<Vec<Map<String, Json>>>,
    /// Names of groups and measures, `-` in front for descending.
    sort: Option<Vec<String>>,
    /// Groups to answer, 1 to 1,000.
    limit: Option<u32>,
}

/// Groups, each with its keys and measures by name.
#[derive(Serialize, ToSchema)]
pub struct Groups {
    /// The groups.
    #[schema(value_type = Vec<Map<String, Json>>)]
    data: Vec<Map<String, Json>>,
}

/// Records of several objects.
#[derive(Serialize, ToSchema)]
pub struct Hits {
    /// The best records: `{"object":…, "record":{…}}`.
    #[schema(value_type = Vec<Map<String, Json>>)]
    data: Vec<Hit>,
    /// Whether all records with these words were looked at.
    complete: bool,
}

/// Search records.
///
/// The same as a list, asked for in a body; with `text`, records that have all of its words, the best first:
/// a word itself before words that begin with it, the first searchable field before others, the newest first.
#[utoipa::path(
    post, path = "/api/v1/records/{object}/search", tag = "records", operation_id = "search",
    params(("object" = String, Path, description = "Name of the object")),
    request_body(content = Question, example = json!({"text": "ann 4567", "filter": {"city": {"_eq": "Bern"}}, "limit": 20})),
    responses((status = 200, description = "A page", body = serde_json::Value), Asking),
    security(("key" = []))
)]
pub async fn search(
    State(app): State<Arc<App>>,
    Authenticated(caller): Authenticated,
    Path(object): Path<String>,
    body: ObjectBody,
) -> Result<Response, Problem> {
    let page = app.list(&caller, &object, &listing::from_body(body.members)?).await?;
    Ok(json(&PageBody::of(&page)))
}

/// Count, add up, compare.
///
/// Groups of the records that meet a filter, with what is measured in each. Amounts of money are grouped by their currency.
#[utoipa::path(
    post, path = "/api/v1/records/{object}/aggregate", tag = "records", operation_id = "aggregate",
    params(("object" = String, Path, description = "Name of the object")),
    request_body(content = Figures, example = json!({"group_by": [{"field": "created_at", "bucket": "month"}], "measures": [{"fn": "count"}]})),
    responses((status = 200, description = "The groups", body = Groups), Asking),
    security(("key" = []))
)]
pub async fn aggregate(
    State(app): State<Arc<App>>,
    Authenticated(caller): Authenticated,
    Path(object): Path<String>,
    body: ObjectBody,
) -> Result<Response, Problem> {
    let data = app.aggregate(&caller, &object, &body.members).await?;
    Ok(json(&Groups { data }))
}

/// List what a link leads to.
///
/// The record that a link field names, or the records that name this one, by the name of the link's other end. Takes the parameters of a list.
#[utoipa::path(
    get, path = "/api/v1/records/{object}/{id}/links/{field}", tag = "records", operation_id = "linked",
    params(
        ("object" = String, Path, description = "Name of the object"),
        ("id" = Uuid, Path, description = "Id of the record"),
        ("field" = String, Path, description = "A link, or the name of the other end of one"),
        ("filter" = Option<String>, Query, description = "Filter tree as JSON"),
        ("sort" = Option<String>, Query, description = "Field names with commas between, `-` in front for descending"),
        ("limit" = Option<u32>, Query, description = "Records on the page", minimum = 1, maximum = 500),
        ("cursor" = Option<String>, Query, description = "`next_cursor` of the page before"),
        ("fields" = Option<String>, Query, description = "Fields to answer, with commas between"),
        ("expand" = Option<String>, Query, description = "Links to follow, with commas between"),
        ("count" = Option<String>, Query, description = "`exact` to have `total`"),
    ),
    responses((status = 200, description = "A page", body = RecordPage), Reading),
    security(("key" = []))
)]
pub async fn linked(
    State(app): State<Arc<App>>,
    Authenticated(caller): Authenticated,
    Path((object, id, field)): Path<(String, String, String)>,
    uri: Uri,
) -> Result<Response, Problem> {
    let request = listing::parse(&uri)?;
    let page = app.linked(&caller, &object, record_id(&object, &id)?, &field, &request).await?;
    Ok(json(&PageBody::of(&page)))
}

/// Search in several objects.
///
/// The best records of all searchable objects, or of those that are named.
#[utoipa::path(
    get, path = "/api/v1/search", tag = "records", operation_id = "search_all",
    params(
        ("q" = String, Query, description = "Words; a record has all of them"),
        ("objects" = Option<String>, Query, description = "Names of objects with commas between; all when not given"),
        ("limit" = Option<u32>, Query, description = "Records, 1 to 500; 20 when not given", minimum = 1, maximum = 500),
    ),
    responses((status = 200, description = "The best records", body = Hits), Reading),
    security(("key" = []))
)]
pub async fn search_all(
    State(app): State<Arc<App>>,
    Authenticated(caller): Authenticated,
    uri: Uri,
) -> Result<Response, Problem> {
    let mut parameters = parameters(&uri, &["q", "objects", "limit"])?;
    let text = parameters.remove("q").unwrap_or_default();
    let objects = parameters.remove("objects").unwrap_or_default();
    let limit = limit(parameters.remove("limit"))?;
    let objects: Vec<&str> = objects.split(',').map(str::trim).filter(|name| !name.is_empty()).collect();
    let found = app.search(&caller, &text, &objects, limit).await?;
    Ok(json(&Hits { data: found.hits, complete: found.complete }))
}
