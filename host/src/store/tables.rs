//! Real tables for objects: the texts to use them, and how they come to be.

mod change;

use std::collections::BTreeSet;
use std::sync::Arc;

pub use change::TableChange;
use change::{check_evolution, difference};

use super::custom::CUSTOM;
use super::db::{CommitError, Engine, Expect, Reach, Step, Stmt};
use super::{Store, StoreError};
use crate::access::HostPermit;
use crate::domain::field::Field;
use crate::domain::object::{Object, ObjectDef};
use crate::domain::slot;

/// The table of all objects that tenants made for themselves.
pub(super) const OWN_TABLE: &str = "x_record";

/// The SQL texts of one object.
pub(super) struct TableSql {
    /// Name of the table, quoted.
    pub table: String,
    /// One record by tenant and id.
    pub get: Arc<str>,
    /// The same of a deleted one.
    pub get_deleted: Arc<str>,
    /// A new record: tenant, id, created, updated, then the fields.
    pub insert: Arc<str>,
    /// Finds a row if it has this version still: tenant, id, version.
    pub is_version: Arc<str>,
    /// Finds a row if it is there: tenant, id.
    pub is_there: Arc<str>,
    /// The same, and keeps it there until the commit.
    pub stays: Arc<str>,
}

/// Why tables cannot become what an object needs.
#[derive(Debug, thiserror::Error)]
pub enum TableError {
    /// Only what adds is done; this would retype or break.
    #[error("{0}")]
    Refused(String),
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl TableSql {
    pub(super) fn new(engine: Engine, object: &Object) -> Self {
        let table = quote(&table_name(object));
        let scope = scope(object);
        let columns = record_columns(object).iter().map(|name| quote(name)).collect::<Vec<_>>().join(", ");
        let there = format!("from {table} where tenant_id = $1 and id = $2{scope} and deleted_at is null");
        let own = object.is_own().then(|| format!("'{}'", object.name));
        let mut fields: Vec<String> = field_columns(object).iter().map(|name| quote(name)).collect();
        if object.has_custom_fields() {
            fields.push(quote(CUSTOM));
            fields.extend(slot::slots().map(quote));
        }
        let names = own.iter().map(|_| ", object".to_owned()).chain(fields.iter().map(|name| format!(", {name}")));
        let names = names.collect::<String>();
        let places = own
            .iter()
            .map(|name| format!(", {name}"))
            .chain((0..fields.len()).map(|at| format!(", ${}", at + 5)))
            .collect::<String>();
        Self {
            get: format!("select {columns} {there}").into(),
            get_deleted: format!(
                "select {columns} from {table} where tenant_id = $1 and id = $2{scope} and deleted_at is not null"
            )
            .into(),
            insert: format!(
                "insert into {table} (tenant_id, id, version, created_at, updated_at{names}) \
                 values ($1, $2, 1, $3, $4{places})"
            )
            .into(),
            is_version: format!("select 1 {there} and version = $3{}", engine.hold()).into(),
            is_there: format!("select 1 {there}").into(),
            stays: format!("select 1 {there}{}", engine.hold()).into(),
            table,
        }
    }
}

impl Store {
    /// What would have to be added for these objects; nothing is done.
    pub async fn table_changes(
        &self,
        permit: HostPermit,
        objects: &[Arc<Object>],
    ) -> Result<Vec<TableChange>, StoreError> {
        let mut changes = Vec::new();
        for object in objects {
            let there = self.existing(permit, &table_name(object)).await?;
            changes.extend(difference(self.db.engine(), object, &there));
        }
        Ok(changes)
    }

    /// Adds what these objects need, and remembers their definitions.
    pub async fn prepare_tables(
        &self,
        permit: HostPermit,
        owner: &str,
        defs: &[ObjectDef],
        objects: &[Arc<Object>],
    ) -> Result<Vec<TableChange>, TableError> {
        for (def, object) in defs.iter().zip(objects) {
            let known = self
                .db
                .across(permit)
                .maybe(
                    Stmt::new(
                        "select owner, definition from object_definition where name = $1",
                        [object.name.as_str().into()],
                    ),
                    |row| Ok((row.text(0)?, row.json(1)?)),
                )
                .await?;
            if let Some((known_owner, known)) = known {
                let known =
                    serde_json::from_value(known).map_err(|error| StoreError::Inconsistent(error.to_string()))?;
                check_evolution(owner, &known_owner, &known, def)?;
            }
        }
        let changes = self.table_changes(permit, objects).await?;
        let mut steps: Vec<Step> =
            self.db.engine().before_table_changes().map(|sql| plain(Stmt::new(sql, []))).collect();
        steps.extend(changes.iter().map(|change| plain(Stmt::new(change.sql(self.db.engine()), []))));
        if self.db.engine() == Engine::Sqlite {
            steps.extend(statistics(&changes));
        }
        for def in defs {
            let json = serde_json::to_value(def).map_err(|error| StoreError::Inconsistent(error.to_string()))?;
            steps.push(plain(Stmt::new(
                "insert into object_definition (name, owner, definition) values ($1, $2, $3) \
                 on conflict (name) do update set definition = excluded.definition",
                [def.name.as_str().into(), owner.into(), json.into()],
            )));
        }
        match self.db.across(permit).commit(steps).await {
            Ok(()) => Ok(changes),
            Err(CommitError::Store(error)) => Err(error.into()),
            Err(other) => Err(StoreError::Driver(other.to_string()).into()),
        }
    }

    /// Names of the columns and of the indexes that a table has.
    async fn existing(&self, permit: HostPermit, table: &str) -> Result<BTreeSet<String>, StoreError> {
        let sql = match self.db.engine() {
            Engine::Sqlite => "select name from pragma_table_info($1) union all select name from pragma_index_list($1)",
            Engine::Postgres => {
                "select column_name::text from information_schema.columns \
                 where table_schema = current_schema() and table_name = $1 \
                 union all select indexname::text from pg_indexes \
                 where schemaname = current_schema() and tablename = $1 \
                 union all select policyname::text from pg_policies \
                 where schemaname = current_schema() and tablename = $1"
            }
        };
        let names = self.db.across(permit).all(Reach::Point, Stmt::new(sql, [table.into()]), |row| row.text(0)).await?;
        Ok(names.into_iter().collect())
    }
}

/// Tells SQLite's planner about new tables and indexes.
fn statistics(changes: &[TableChange]) -> Vec<Step> {
    let rows: Vec<[String; 3]> = changes.iter().filter_map(TableChange::statistics).collect();
    if rows.is_empty() {
        return Vec::new();
    }
    let mut steps = vec![plain(Stmt::new("analyze sqlite_schema", []))];
    steps.extend(rows.into_iter().map(|[table, index, stat]| {
        let sql = "insert into sqlite_stat1 (tbl, idx, stat) values ($1, $2, $3)";
        plain(Stmt::new(sql, [table.into(), index.into(), stat.into()]))
    }));
    steps
}

/// Name of the table of an object: `o_contact`, `o_loyalty__member`. What
/// tenants made for themselves shares one.
pub(super) fn table_name(object: &Object) -> String {
    if object.is_own() { OWN_TABLE.to_owned() } else { format!("o_{}", object.name.replace('.', "__")) }
}

/// What tells the rows of an object from others of its table. Names are
/// checked when they are defined, so that there is nothing to escape.
pub(super) fn scope(object: &Object) -> String {
    if object.is_own() { format!(" and object = '{}'", object.name) } else { String::new() }
}

/// The columns of the fields that have some.
fn field_columns(object: &Object) -> Vec<String> {
    object.fields.iter().filter(|field| !field.is_custom).flat_map(Field::columns).collect()
}

/// The columns of a record, in the order in which it is read.
pub(super) fn record_columns(object: &Object) -> Vec<String> {
    let mut columns: Vec<String> = ["id", "version", "created_at", "updated_at"].map(str::to_owned).into();
    columns.extend(field_columns(object));
    if object.has_custom_fields() {
        columns.push(CUSTOM.to_owned());
    }
    columns
}

/// A name as an identifier. Names are checked when they are defined, so that
/// there is nothing to escape.
pub(super) fn quote(name: &str) -> String {
    format!("\"{name}\"")
}

fn plain(stmt: Stmt) -> Step {
    Step { stmt, expect: Expect::Nothing }
}
