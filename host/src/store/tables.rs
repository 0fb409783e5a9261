//! Real tables for objects: the texts to use them, and the computed
//! difference between what an object needs and what is there.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use super::db::{CommitError, Engine, Expect, Reach, Step, Stmt};
use super::{Store, StoreError};
use crate::access::HostPermit;
use crate::domain::field::Field;
use crate::domain::object::{Object, ObjectDef};

/// The SQL texts of one object.
pub(super) struct TableSql {
    /// Name of the table, quoted.
    pub table: String,
    /// One record by tenant and id.
    pub get: Arc<str>,
    /// A new record: tenant, id, created, updated, then the fields.
    pub insert: Arc<str>,
    /// Finds a row if it has this version still: tenant, id, version.
    pub is_version: Arc<str>,
    /// Finds a row if it is there: tenant, id.
    pub is_there: Arc<str>,
}

/// One step from the tables as they are to the tables that an object needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TableChange {
    /// A new table with these columns.
    CreateTable { table: String, columns: Vec<(String, String)> },
    /// A new column.
    AddColumn { table: String, column: String, definition: String },
    /// A new index.
    CreateIndex { name: String, table: String, columns: Vec<String>, unique: bool },
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
        let table = quote(&table_name(&object.name));
        let fields: Vec<String> = object.fields.iter().flat_map(Field::columns).map(|name| quote(&name)).collect();
        let columns = ["id", "version", "created_at", "updated_at"]
            .into_iter()
            .map(str::to_owned)
            .chain(fields.iter().cloned())
            .collect::<Vec<_>>()
            .join(", ");
        let there = format!("from {table} where tenant_id = $1 and id = $2 and deleted_at is null");
        let names = fields.iter().map(|name| format!(", {name}")).collect::<String>();
        let places = (0..fields.len()).map(|at| format!(", ${}", at + 5)).collect::<String>();
        Self {
            get: format!("select {columns} {there}").into(),
            insert: format!(
                "insert into {table} (tenant_id, id, version, created_at, updated_at{names}) \
                 values ($1, $2, 1, $3, $4{places})"
            )
            .into(),
            is_version: format!("select 1 {there} and version = $3{}", engine.hold()).into(),
            is_there: format!("select 1 {there}{}", engine.hold()).into(),
            table,
        }
    }
}

impl Store {
    /// What would have to be added for these objects; nothing is done.
    pub async fn table_changes(&self, _: HostPermit, objects: &[Arc<Object>]) -> Result<Vec<TableChange>, StoreError> {
        let mut changes = Vec::new();
        for object in objects {
            let there = self.existing_columns(&table_name(&object.name)).await?;
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
            changes.iter().map(|change| plain(Stmt::new(change.sql(self.db.engine()), []))).collect();
        for def in defs {
            let json = serde_json::to_value(def).map_err(|error| StoreError::Inconsistent(error.to_string()))?;
            steps.push(plain(Stmt::new(
                "insert into object_definition (name, owner, definition) values ($1, $2, $3) \
                 on conflict (name) do update set definition = excluded.definition",
                [def.name.as_str().into(), owner.into(), json.into()],
            )));
        }
        match self.db.commit(steps).await {
            Ok(()) => Ok(changes),
            Err(CommitError::Store(error)) => Err(error.into()),
            Err(other) => Err(StoreError::Driver(other.to_string()).into()),
        }
    }

    async fn existing_columns(&self, table: &str) -> Result<BTreeSet<String>, StoreError> {
        let sql = match self.db.engine() {
            Engine::Sqlite => "select name from pragma_table_info($1)",
            Engine::Postgres => {
                "select column_name::text from information_schema.columns \
                 where table_schema = current_schema() and table_name = $1"
            }
        };
        let names = self.db.all(Reach::Point, Stmt::new(sql, [table.into()]), |row| row.text(0)).await?;
        Ok(names.into_iter().collect())
    }
}

impl TableChange {
    /// The statement that does it.
    fn sql(&self, engine: Engine) -> String {
        match self {
            Self::CreateTable { table, columns } => {
                let columns: Vec<String> =
                    columns.iter().map(|(name, definition)| format!("{} {definition}", quote(name))).collect();
                let form = match engine {
                    Engine::Sqlite => " strict, without rowid",
                    Engine::Postgres => "",
                };
                format!(
                    "create table if not exists {} ({}, primary key (tenant_id, id)){form}",
                    quote(table),
                    columns.join(", ")
                )
            }
            Self::AddColumn { table, column, definition } => {
                format!("alter table {} add column {} {definition}", quote(table), quote(column))
            }
            Self::CreateIndex { name, table, columns, unique } => {
                let columns: Vec<String> = columns.iter().map(|name| quote(name)).collect();
                format!(
                    "create {}index if not exists {} on {} (tenant_id, {}) where deleted_at is null",
                    if *unique { "unique " } else { "" },
                    quote(name),
                    quote(table),
                    columns.join(", ")
                )
            }
        }
    }
}

impl fmt::Display for TableChange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::CreateTable { table, columns } => write!(f, "+ table {table} with {} columns", columns.len()),
            Self::AddColumn { table, column, definition } => write!(f, "+ column {table}.{column} {definition}"),
            Self::CreateIndex { table, columns, unique, .. } => {
                write!(f, "+ {}index on {table} ({})", if *unique { "unique " } else { "" }, columns.join(", "))
            }
        }
    }
}

/// What has to be added to a table with these columns.
fn difference(engine: Engine, object: &Object, there: &BTreeSet<String>) -> Vec<TableChange> {
    let table = table_name(&object.name);
    let mut changes = Vec::new();
    let mut wanted = vec![
        ("tenant_id".to_owned(), format!("{} not null", engine.id_type())),
        ("id".to_owned(), format!("{} not null", engine.id_type())),
        ("version".to_owned(), format!("{} not null", engine.integer_type())),
        ("created_at".to_owned(), format!("{} not null", engine.time_type())),
        ("updated_at".to_owned(), format!("{} not null", engine.time_type())),
        ("deleted_at".to_owned(), engine.time_type().to_owned()),
    ];
    for field in &object.fields {
        // A table that has rows cannot get a column that may not be empty.
        let not_null = if field.def.required && there.is_empty() { " not null" } else { "" };
        for (name, kind) in field.columns().into_iter().zip(engine.column_types(field)) {
            wanted.push((name, format!("{kind}{not_null}")));
        }
    }
    if there.is_empty() {
        changes.push(TableChange::CreateTable { table: table.clone(), columns: wanted });
    } else {
        let missing = wanted.into_iter().filter(|(name, _)| !there.contains(name));
        changes.extend(missing.map(|(column, definition)| TableChange::AddColumn {
            table: table.clone(),
            column,
            definition,
        }));
    }
    for field in &object.fields {
        if !(field.def.unique || field.def.indexed) || field.columns().iter().all(|name| there.contains(name)) {
            continue;
        }
        let (kind, columns) = if field.def.unique {
            ("u", vec![field.name().to_owned()])
        } else {
            ("i", vec![field.name().to_owned(), "id".to_owned()])
        };
        changes.push(TableChange::CreateIndex {
            name: format!("{kind}_{table}__{}", field.name()),
            table: table.clone(),
            columns,
            unique: field.def.unique,
        });
    }
    changes
}

/// A definition may grow. It may not take a field away, give it another type,
/// or change hands.
fn check_evolution(owner: &str, known_owner: &str, known: &ObjectDef, new: &ObjectDef) -> Result<(), TableError> {
    if owner != known_owner {
        return Err(TableError::Refused(format!("the object `{}` belongs to {known_owner}", new.name)));
    }
    for old in &known.fields {
        let name = format!("`{}.{}`", new.name, old.name);
        let Some(field) = new.fields.iter().find(|field| field.name == old.name) else {
            return Err(TableError::Refused(format!("{name} would be dropped: its data would be lost")));
        };
        if (&field.kind, field.precision, field.scale, &field.to) != (&old.kind, old.precision, old.scale, &old.to) {
            return Err(TableError::Refused(format!("{name} would change its type: add a new field instead")));
        }
        if (field.unique, field.indexed) != (old.unique, old.indexed) {
            return Err(TableError::Refused(format!("{name} would change its index: add a new field instead")));
        }
    }
    for field in &new.fields {
        if field.required && !known.fields.iter().any(|old| old.name == field.name && old.required) {
            return Err(TableError::Refused(format!(
                "`{}.{}` cannot be required: records without it exist",
                new.name, field.name
            )));
        }
    }
    Ok(())
}

/// Name of the table of an object: `o_contact`, `o_loyalty__member`.
pub(super) fn table_name(object: &str) -> String {
    format!("o_{}", object.replace('.', "__"))
}

/// A name as an identifier. Names are checked when they are defined, so that
/// there is nothing to escape.
pub(super) fn quote(name: &str) -> String {
    format!("\"{name}\"")
}

fn plain(stmt: Stmt) -> Step {
    Step { stmt, expect: Expect::Nothing }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn object(fields: &str) -> (ObjectDef, Object) {
        let text = format!(r#"{{"name":"thing","label":"Thing","plural":"Things","fields":[{fields}]}}"#);
        let def: ObjectDef = serde_json::from_str(&text).unwrap();
        (def.clone(), Object::check(def, None).unwrap())
    }

    const NAME: &str = r#"{"name":"name","label":"Name","type":"text","required":true,"indexed":true}"#;
    const PRICE: &str = r#"{"name":"price","label":"Price","type":"money"}"#;

    #[test]
    fn a_new_object_gets_a_table_and_its_indexes() {
        let (_, thing) = object(NAME);
        let changes = difference(Engine::Sqlite, &thing, &BTreeSet::new());
        let lines: Vec<String> = changes.iter().map(ToString::to_string).collect();
        assert_eq!(lines, ["+ table o_thing with 7 columns", "+ index on o_thing (name, id)"]);
    }

    #[test]
    fn a_grown_object_gets_only_what_is_missing() {
        let (_, thing) = object(&format!("{NAME},{PRICE}"));
        let there = ["tenant_id", "id", "version", "created_at", "updated_at", "deleted_at", "name"];
        let changes = difference(Engine::Postgres, &thing, &there.map(str::to_owned).into());
        let lines: Vec<String> = changes.iter().map(ToString::to_string).collect();
        assert_eq!(lines, ["+ column o_thing.price bigint", "+ column o_thing.price_currency text collate \"C\""]);
    }

    #[test]
    fn dropping_retyping_and_taking_over_are_refused() {
        let (both, _) = object(&format!("{NAME},{PRICE}"));
        let (one, _) = object(NAME);
        let (retyped, _) = object(&format!("{NAME},{}", PRICE.replace("money", "integer")));
        let refused =
            |owner: &str, new: &ObjectDef| check_evolution(owner, "core", &both, new).unwrap_err().to_string();
        assert!(refused("core", &one).contains("dropped"));
        assert!(refused("core", &retyped).contains("type"));
        assert!(refused("other", &both).contains("belongs to core"));
        assert!(check_evolution("core", "core", &one, &both).is_ok());
    }
}
