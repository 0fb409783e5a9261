//! The least that a server has to do: a bare route, and rusqlite behind axum with nothing between.

use std::cell::RefCell;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use axum::extract::{Path as PathPart, Query, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::serve::ListenerExt as _;
use axum::{Json, Router};
use rusqlite::{Connection, OpenFlags, Row, params};
use serde::{Deserialize, Serialize};
use tokio::net::TcpListener;
use uuid::Uuid;

use super::Result;
use super::writer::{NewContact, Writer};

const COLUMNS: &str =
    "id, version, created_at, updated_at, name, email, phone, company, city, birthday, external_id, note";

type Answer = std::result::Result<Response, Failure>;

/// What the handlers share.
pub struct Limit {
    file: PathBuf,
    tenant: Uuid,
    writer: Writer,
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

thread_local! {
    static READER: RefCell<Option<Connection>> = const { RefCell::new(None) };
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
    let limit = Limit { file: file.to_owned(), tenant, writer: Writer::start(connection, tenant)? };
    let routes = Router::new()
        .route("/contacts/{id}", get(point))
        .route("/contacts", get(list))
        .route("/contacts", post(insert));
    serve(routes.with_state(Arc::new(limit))).await
}

async fn serve(routes: Router) -> Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    println!("listening on http://{}", listener.local_addr()?);
    let listener = listener.tap_io(|stream| {
        // As the host does; without it the answers would wait longer, not shorter.
        let _ = stream.set_nodelay(true);
    });
    Ok(axum::serve(listener, routes).await?)
}

async fn point(State(limit): State<Arc<Limit>>, PathPart(id): PathPart<Uuid>) -> Answer {
    let sql = format!("select {COLUMNS} from o_contact where tenant_id = ?1 and id = ?2 and deleted_at is null");
    let contact =
        limit.read(|connection| connection.prepare_cached(&sql)?.query_row(params![limit.tenant, id], contact))?;
    json(&contact)
}

async fn list(State(limit): State<Arc<Limit>>, Query(query): Query<OfCity>) -> Answer {
    let sql = format!(
        "select {COLUMNS} from o_contact where tenant_id = ?1 and city = ?2 and deleted_at is null order by name limit 50"
    );
    let data = limit.read(|connection| {
        let mut statement = connection.prepare_cached(&sql)?;
        let rows = statement.query_map(params![limit.tenant, query.city], contact)?;
        rows.collect::<rusqlite::Result<Vec<_>>>()
    })?;
    json(&Page { data })
}

async fn insert(State(limit): State<Arc<Limit>>, Json(contact): Json<NewContact>) -> Answer {
    let id = limit.writer.insert(contact).await?;
    Ok((StatusCode::CREATED, Json(serde_json::json!({ "id": id }))).into_response())
}

impl Limit {
    fn read<T>(&self, read: impl FnOnce(&Connection) -> rusqlite::Result<T>) -> rusqlite::Result<T> {
        READER.with_borrow_mut(|reader| {
            let connection = match reader {
                Some(connection) => connection,
                None => reader.insert(self.connect()?),
            };
            read(connection)
        })
    }

    fn connect(&self) -> rusqlite::Result<Connection> {
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(&self.file, flags)?;
        connection.execute_batch("pragma busy_timeout = 10000; pragma mmap_size = 268435456;")?;
        Ok(connection)
    }
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

fn json(body: &impl Serialize) -> Answer {
    Ok(([(header::CONTENT_TYPE, "application/json")], serde_json::to_vec(body)?).into_response())
}

/// Any error, as a 500 that the load generator will count.
struct Failure(Box<dyn std::error::Error + Send + Sync>);

impl<E: Into<Box<dyn std::error::Error + Send + Sync>>> From<E> for Failure {
    fn from(error: E) -> Self {
        Self(error.into())
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        (StatusCode::INTERNAL_SERVER_ERROR, self.0.to_string()).into_response()
    }
}
