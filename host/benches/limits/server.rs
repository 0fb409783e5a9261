//! The least that a server has to do: a bare route, and rusqlite behind axum with nothing between.

use std::path::Path;
use std::sync::Arc;

use axum::extract::{Path as PathPart, Query, State};
use axum::http::StatusCode;
use axum::response::IntoResponse as _;
use axum::routing::{get, post};
use axum::{Json, Router};
use rusqlite::{Connection, Row, params};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::Result;
use super::answer::{Answer, json, serve};
use super::reader::Reader;
use super::writer::Writer;

const COLUMNS: &str =
    "id, version, created_at, updated_at, name, email, phone, company, city, birthday, external_id, note";

/// What the handlers share.
pub struct Limit {
    tenant: Uuid,
    reader: Reader,
    writer: Writer,
}

/// A contact to insert.
#[derive(Deserialize)]
struct NewContact {
    name: String,
    email: String,
    city: String,
    external_id: String,
}

/// A contact in the form of the host's API.
#[derive(Serialize)]
struct Contact {
    id: Uuid,
    version: i64,
    created_at: i64,
    updated_at: i64,
    name: String,
    email: Option<String>,
    phone: Option<String>,
    company: Option<Uuid>,
    city: Option<String>,
    birthday: Option<String>,
    external_id: Option<String>,
    note: Option<String>,
}

#[derive(Deserialize)]
struct OfCity {
    city: String,
}

#[derive(Serialize)]
struct Page {
    data: Vec<Contact>,
}

/// Serves a bare route until the process is killed.
pub async fn hello() -> Result<()> {
    serve(Router::new().route("/", get(async || "hello"))).await
}

/// Serves a copy of the host's database until the process is killed.
pub async fn sqlite(file: &Path, tenant: Uuid, index: bool) -> Result<()> {
    let connection = Connection::open(file)?;
    if index {
        connection.execute_batch("create index limit_city_name on o_contact (tenant_id, city, name)")?;
    }
    let limit = Limit { tenant, reader: Reader::of(file), writer: Writer::start(connection)? };
    let routes = Router::new()
        .route("/contacts/{id}", get(point))
        .route("/contacts", get(list))
        .route("/contacts", post(insert));
    serve(routes.with_state(Arc::new(limit))).await
}

async fn point(State(limit): State<Arc<Limit>>, PathPart(id): PathPart<Uuid>) -> Answer {
    let sql = format!("select {COLUMNS} from o_contact where tenant_id = ?1 and id = ?2 and deleted_at is null");
    let contact = limit
        .reader
        .read(|connection| connection.prepare_cached(&sql)?.query_row(params![limit.tenant, id], contact))?;
    json(&contact)
}

async fn list(State(limit): State<Arc<Limit>>, Query(query): Query<OfCity>) -> Answer {
    let sql = format!(
        "select {COLUMNS} from o_contact where tenant_id = ?1 and city = ?2 and deleted_at is null order by name limit 50"
    );
    let data = limit.reader.read(|connection| {
        let mut statement = connection.prepare_cached(&sql)?;
        let rows = statement.query_map(params![limit.tenant, query.city], contact)?;
        rows.collect::<rusqlite::Result<Vec<_>>>()
    })?;
    json(&Page { data })
}

async fn insert(State(limit): State<Arc<Limit>>, Json(contact): Json<NewContact>) -> Answer {
    let (tenant, id) = (limit.tenant, Uuid::now_v7());
    let write = move |connection: &Connection| {
        let mut insert = connection.prepare_cached(
            "insert into o_contact (tenant_id, id, version, created_at, updated_at, name, email, city, external_id) \
             values (?1, ?2, 1, 0, 0, ?3, ?4, ?5, ?6)",
        )?;
        insert.execute(params![tenant, id, contact.name, contact.email, contact.city, contact.external_id]).map(drop)
    };
    limit.writer.write(write).await?;
    Ok((StatusCode::CREATED, Json(serde_json::json!({ "id": id }))).into_response())
}

fn contact(row: &Row<'_>) -> rusqlite::Result<Contact> {
    Ok(Contact {
        id: row.get(0)?,
        version: row.get(1)?,
        created_at: row.get(2)?,
        updated_at: row.get(3)?,
        name: row.get(4)?,
        email: row.get(5)?,
        phone: row.get(6)?,
        company: row.get(7)?,
        city: row.get(8)?,
        birthday: row.get(9)?,
        external_id: row.get(10)?,
        note: row.get(11)?,
    })
}
