//! `/records/{object}/{id}/profile`: a record and what is around it.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::Uri;
use axum::response::Response;
use serde::Serialize;
use serde_json::{Map, Value as Json};
use utoipa::ToSchema;

use super::Problem;
use super::answers::Reading;
use super::credential::Authenticated;
use super::parameters::parameters;
use super::records::{json, record_id};
use crate::app::{App, Profile};
use crate::domain::record::Record;
use crate::domain::view::View;

#[derive(Serialize)]
struct ProfileBody<'a> {
    record: View<'a>,
    many: &'a BTreeMap<String, Vec<Record>>,
    lists: BTreeMap<&'a str, ListBody<'a>>,
    left_out: &'a [String],
}

#[derive(Serialize)]
struct ListBody<'a> {
    object: &'a str,
    label: &'a str,
    data: &'a [Record],
    more: bool,
    total: Option<i64>,
    path: String,
}

/// A record and what is around it.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes the form of an answer")]
pub struct ProfileForm {
    /// The record; under `expanded` those that its links name.
    record: Map<String, Json>,
    /// The records that each link to many names, tags for one.
    many: BTreeMap<String, Vec<Json>>,
    /// What links to the record, by the name of the link's other end.
    lists: BTreeMap<String, ProfileListForm>,
    /// Links and lists beyond what one profile holds.
    left_out: Vec<String>,
}

/// The newest of the records that link to one.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes the form of an answer")]
pub struct ProfileListForm {
    /// Their object.
    object: String,
    /// What people read for the list.
    label: String,
    /// At most 10 records, those that were added last first.
    data: Vec<Map<String, Json>>,
    /// Whether there are more.
    more: bool,
    /// How many there are; `null` beyond 1,000.
    total: Option<i64>,
    /// Where all of them are.
    path: String,
}

/// Get a record and what is around it.
///
/// The record with those that its links name, and the newest of the records that link to it, of every object that
/// the key may read.
#[utoipa::path(
    get, path = "/api/v1/records/{object}/{id}/profile", tag = "records", operation_id = "profile",
    params(
        ("object" = String, Path, description = "Name of the object"),
        ("id" = Uuid, Path, description = "Id of the record"),
    ),
    responses(
        (status = 200, description = "The profile", body = ProfileForm),
        Reading,
    ),
    security(("key" = []))
)]
pub async fn get(
    State(app): State<Arc<App>>,
    Authenticated(caller): Authenticated,
    Path((object, id)): Path<(String, String)>,
    uri: Uri,
) -> Result<Response, Problem> {
    parameters(&uri, &[])?;
    let profile = app.profile(&caller, &object, record_id(&object, &id)?).await?;
    Ok(json(&body(&profile)))
}

fn body(profile: &Profile) -> ProfileBody<'_> {
    let record = profile.view();
    let at = format!("/api/v1/records/{}/{}/links", record.record.object.name, record.record.id);
    let lists = profile.lists.iter().map(|(name, list)| {
        let body = ListBody {
            object: &list.object,
            label: &list.label,
            data: &list.records,
            more: list.more,
            total: list.total,
            path: format!("{at}/{name}"),
        };
        (name.as_str(), body)
    });
    ProfileBody { record, many: &profile.many, lists: lists.collect(), left_out: &profile.left_out }
}
