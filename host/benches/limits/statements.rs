//! A file of SQL statements behind axum: the database doing a figure's work with nothing between.
//!
//! `GET /{n}` runs the n-th statement, from 0, and answers its rows; `POST /{n}` runs it durably,
//! together with those that wait. A mark `?1` in a statement becomes a number that is never used again.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use axum::Router;
use axum::extract::{Path as PathPart, State};
use axum::http::StatusCode;
use axum::response::IntoResponse as _;
use axum::routing::get;
use rusqlite::Connection;
use rusqlite::types::ValueRef;
use serde_json::Value;

use super::Result;
use super::answer::{Answer, json, serve};
use super::reader::Reader;
use super::writer::Writer;

struct Statements {
    all: Vec<String>,
    reader: Reader,
    writer: Writer,
    number: AtomicI64,
}

/// Serves the statements of a file, one on a line, until the process is killed.
pub async fn run(database: &Path, file: &Path) -> Result<()> {
    let all: Vec<String> = std::fs::read_to_string(file)?.lines().map(str::to_owned).collect();
    let connection = Connection::open(database)?;
    connection.execute_batch("pragma busy_timeout = 10000;")?;
    let statements =
        Statements { all, reader: Reader::of(database), writer: Writer::start(connection)?, number: AtomicI64::new(1) };
    serve(Router::new().route("/{number}", get(rows).post(write)).with_state(Arc::new(statements))).await
}

async fn rows(State(statements): State<Arc<Statements>>, PathPart(number): PathPart<usize>) -> Answer {
    let sql = statements.all.get(number).ok_or("no such statement")?;
    let rows = statements.reader.read(|connection| {
        let mut statement = connection.prepare_cached(sql)?;
        let columns = statement.column_count();
        let values = statement.query_map([], |row| {
            (0..columns).map(|at| Ok(value(row.get_ref(at)?))).collect::<rusqlite::Result<Vec<_>>>()
        })?;
        values.collect::<rusqlite::Result<Vec<_>>>()
    })?;
    json(&rows)
}

async fn write(State(statements): State<Arc<Statements>>, PathPart(number): PathPart<usize>) -> Answer {
    let shared = Arc::clone(&statements);
    let fresh = statements.number.fetch_add(1, Ordering::Relaxed);
    let work = move |connection: &Connection| {
        let sql = shared.all.get(number).map_or("select no such statement", String::as_str);
        let mut statement = connection.prepare_cached(sql)?;
        match statement.parameter_count() {
            0 => statement.execute([]),
            _ => statement.execute([fresh]),
        }
        .map(drop)
    };
    statements.writer.write(work).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

fn value(value: ValueRef<'_>) -> Value {
    match value {
        ValueRef::Null => Value::Null,
        ValueRef::Integer(number) => number.into(),
        ValueRef::Real(number) => number.into(),
        ValueRef::Text(text) => String::from_utf8_lossy(text).into(),
        ValueRef::Blob(bytes) => uuid::Uuid::from_slice(bytes).map_or(Value::Null, |id| id.to_string().into()),
    }
}
