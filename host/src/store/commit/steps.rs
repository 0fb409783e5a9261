//! The statements of a commit.

use std::fmt::Write as _;
use std::sync::Arc;

use sea_query::Value as Bound;
use uuid::Uuid;

use super::super::Store;
use super::super::custom;
use super::super::db::{Engine, Expect, Step, Stmt};
use super::super::tables::{quote, scope};
use super::{Change, Read, Unit, Write};
use crate::domain::event::Event;
use crate::domain::field::Field;
use crate::domain::id::TenantId;
use crate::domain::object::Object;
use crate::domain::record::Record;
use crate::domain::slot::slots;

/// Rows of one statement, largest first: few sizes, so that each text is prepared once.
const SIZES: &[usize] = &[512, 64, 8, 7, 6, 5, 4, 3, 2, 1];
/// Most values of one statement; PostgreSQL takes 65,535.
const MAX_VALUES: usize = 60_000;

impl Store {
    /// Checks that a record is still what was seen.
    pub(super) fn check(&self, read: &Read) -> Step {
        let texts = self.texts(read.permit.object());
        let mut values: Vec<Bound> = vec![read.permit.tenant().0.into(), read.id.into()];
        let sql = match read.version {
            Some(version) => {
                values.push(version.into());
                &texts.is_version
            }
            None => &texts.stays,
        };
        Step { stmt: Stmt::new(Arc::clone(sql), values), expect: Expect::Rows(1) }
    }

    /// Checks many records of one object at once, and holds them; in the order
    /// of their ids. Only for PostgreSQL: SQLite has nothing to gain.
    pub(super) fn check_many(
        &self,
        tenant: TenantId,
        object: &Object,
        records: &[(Uuid, Option<i64>)],
        for_change: bool,
    ) -> Step {
        let engine = self.db.engine();
        let mut values: Vec<Bound> = vec![tenant.0.into()];
        let mut seen = String::with_capacity(records.len() * 32);
        for (id, version) in records {
            values.push((*id).into());
            values.push((*version).into());
            let separator = if seen.is_empty() { "" } else { ", " };
            let _ = write!(seen, "{separator}(${}::uuid, ${}::bigint)", values.len() - 1, values.len());
        }
        let hold = if for_change { engine.hold_for_change() } else { engine.hold() };
        // The tenant is asked for inside the join's condition, so that its placeholder comes first.
        let sql = format!(
            "select 1 from {} as t join (values {seen}) as seen (id, version) on t.tenant_id = $1 and t.id = seen.id \
             and (seen.version is null or t.version = seen.version) \
             where t.deleted_at is null{} order by t.id{hold} of t",
            self.texts(object).table,
            scope(object)
        );
        Step { stmt: Stmt::new(sql, values), expect: Expect::Rows(records.len()) }
    }

    /// Asks for the versions that records have now.
    pub(super) fn versions(&self, tenant: TenantId, object: &Object, ids: impl Iterator<Item = Uuid>) -> Stmt {
        let mut values: Vec<Bound> = vec![tenant.0.into()];
        values.extend(ids.map(Bound::from));
        let places: Vec<String> = (2..=values.len()).map(|at| format!("${at}")).collect();
        let sql = format!(
            "select id, version from {} where tenant_id = $1 and id in ({}){} and deleted_at is null",
            self.texts(object).table,
            places.join(", "),
            scope(object)
        );
        Stmt::new(sql, values)
    }

    /// One write.
    pub(super) fn write(&self, unit: &Unit, write: &Write) -> Step {
        let engine = self.db.engine();
        let record = &write.record;
        let texts = self.texts(&record.object);
        let set = |what: &str| format!("update {} set version = version + 1, {what}", texts.table);
        let stmt = match &write.change {
            Change::Create(permit) => {
                let mut values = Vec::with_capacity(record.object.fields.len() + 5);
                self.bind_new(permit.tenant(), record, &mut values);
                Stmt::new(Arc::clone(&texts.insert), values)
            }
            Change::Update { permit, from, places } => {
                let (sql, values) = self.set_fields(set("updated_at = $1"), record, places);
                finish(sql, values, permit.tenant(), record, *from, "is null")
            }
            Change::Restore { permit, from, places } => {
                let (sql, values) = self.set_fields(set("deleted_at = null, updated_at = $1"), record, places);
                finish(sql, values, permit.tenant(), record, *from, "is not null")
            }
            Change::Delete { permit, from } => {
                let values = vec![engine.time(unit.at)];
                finish(set("deleted_at = $1"), values, permit.tenant(), record, *from, "is null")
            }
        };
        Step { stmt, expect: Expect::OneChange }
    }

    /// Many new records of one object. PostgreSQL takes many in one statement,
    /// to save round trips; SQLite is quicker with one text that it has prepared.
    pub(super) fn insert_all(&self, tenant: TenantId, writes: &[&Write]) -> impl Iterator<Item = Step> {
        let object = &writes[0].record.object;
        let columns = value_count(object);
        let texts = self.texts(object);
        chunks(writes, at_once(self.db.engine(), columns))
            .map(move |writes| {
                let mut values = Vec::with_capacity(writes.len() * columns);
                for write in writes {
                    self.bind_new(tenant, &write.record, &mut values);
                }
                let stmt = if writes.len() == 1 {
                    Stmt::new(Arc::clone(&texts.insert), values)
                } else {
                    let mut sql = texts.insert.to_string();
                    for row in 1..writes.len() {
                        let first = row * columns + 1;
                        let _ = write!(sql, ", (${first}, ${}, 1", first + 1);
                        for at in first + 2..first + columns {
                            if at == first + 4 && object.is_own() {
                                let _ = write!(sql, ", '{}'", object.name);
                            }
                            let _ = write!(sql, ", ${at}");
                        }
                        sql.push(')');
                    }
                    Stmt::new(sql, values)
                };
                Step { stmt, expect: Expect::Changes(writes.len()) }
            })
            .collect::<Vec<_>>()
            .into_iter()
    }

    /// Appends the events.
    pub(super) fn append_all(&self, tenant: TenantId, events: &[Event]) -> impl Iterator<Item = Step> {
        chunks(events, at_once(self.db.engine(), 14)).map(move |events| self.append(tenant, events))
    }

    fn bind_new(&self, tenant: TenantId, record: &Record, values: &mut Vec<Bound>) {
        let engine = self.db.engine();
        values.push(tenant.0.into());
        values.push(record.id.into());
        values.push(engine.time(record.created_at));
        values.push(engine.time(record.updated_at));
        for (field, value) in record.object.fields.iter().zip(&record.values).filter(|(field, _)| !field.is_custom) {
            engine.bind(field, value, values);
        }
        if record.object.has_custom_fields() {
            values.extend(custom::row(record));
        }
    }

    pub(in crate::store) fn set_fields(
        &self,
        mut sql: String,
        record: &Record,
        places: &[usize],
    ) -> (String, Vec<Bound>) {
        let engine = self.db.engine();
        let mut values: Vec<Bound> = vec![engine.time(record.updated_at)];
        for &place in places.iter().filter(|&&place| !record.object.fields[place].is_custom) {
            let field = &record.object.fields[place];
            for (offset, name) in field.columns().iter().enumerate() {
                let _ = write!(sql, ", {} = ${}", quote(name), values.len() + 1 + offset);
            }
            engine.bind(field, &record.values[place], &mut values);
        }
        sql.push_str(&custom::set(engine, record, places, &mut values));
        (sql, values)
    }

    fn append(&self, tenant: TenantId, events: &[Event]) -> Step {
        let engine = self.db.engine();
        let mut sql = "insert into event (tenant_id, id, kind, object, record_id, version, actor, plugin, at, \
                       before_values, after_values, type, cause, depth) values "
            .to_owned();
        let mut values: Vec<Bound> = Vec::with_capacity(events.len() * 14);
        for event in events {
            sql.push_str(if values.is_empty() { "(" } else { ", (" });
            let row: [Bound; 14] = [
                tenant.0.into(),
                event.id.into(),
                event.kind.as_ref().into(),
                event.object.as_str().into(),
                event.record.into(),
                event.version.into(),
                event.actor.as_str().into(),
                event.plugin.as_deref().into(),
                engine.time(event.at),
                event.before.clone().into(),
                event.after.clone().into(),
                event.own_type.as_deref().into(),
                event.cause.as_deref().into(),
                event.depth.into(),
            ];
            for (at, value) in row.into_iter().enumerate() {
                values.push(value);
                let _ = write!(sql, "{}${}", if at == 0 { "" } else { ", " }, values.len());
            }
            sql.push(')');
        }
        // What is expected is looked at in order, and so events keep theirs.
        Step { stmt: Stmt::new(sql, values), expect: Expect::Changes(events.len()) }
    }
}

/// How many values a new row binds.
fn value_count(object: &Object) -> usize {
    let fields = object.fields.iter().filter(|field| !field.is_custom).flat_map(Field::columns).count();
    fields + 4 + if object.has_custom_fields() { 1 + slots().count() } else { 0 }
}

/// Rows of so many columns that one statement adds; SQLite has no round trips to spare.
fn at_once(engine: Engine, columns: usize) -> usize {
    match engine {
        Engine::Sqlite => 1,
        Engine::Postgres => MAX_VALUES / columns.max(1),
    }
}

/// Cuts rows into the sizes that statements come in, with so many rows at most.
pub fn chunks<T>(mut rows: &[T], most: usize) -> impl Iterator<Item = &[T]> {
    std::iter::from_fn(move || {
        let size = *SIZES.iter().find(|&&size| size <= rows.len() && size <= most.max(1))?;
        let (chunk, rest) = rows.split_at(size);
        rows = rest;
        Some(chunk)
    })
}

/// Ends a change of one record that must have this version still.
fn finish(
    mut sql: String,
    mut values: Vec<Bound>,
    tenant: TenantId,
    record: &Record,
    version: i64,
    deleted: &str,
) -> Stmt {
    let at = values.len();
    let _ = write!(
        sql,
        " where tenant_id = ${} and id = ${} and version = ${}{} and deleted_at {deleted}",
        at + 1,
        at + 2,
        at + 3,
        scope(&record.object)
    );
    values.extend([tenant.0.into(), record.id.into(), version.into()]);
    Stmt::new(sql, values)
}
