//! The computed difference between what an object needs and what is there.

use std::collections::BTreeSet;
use std::fmt;
use std::hash::{DefaultHasher, Hash, Hasher};

use super::super::db::Engine;
use super::{TableError, quote, table_name};
use crate::domain::field::{Field, FieldType};
use crate::domain::object::{Object, ObjectDef};
use crate::domain::slot;
use crate::store::custom::CUSTOM;

/// Name of the policy that keeps tenants apart, and of the function that makes it.
const WALL: &str = "guildhall_wall";
/// Longest name that PostgreSQL keeps whole.
const LONGEST_NAME: usize = 63;

/// Rows of a table, as SQLite's planner is told.
const ROWS: u32 = 1_000_000;
/// Rows of one tenant.
const ROWS_PER_TENANT: u32 = 10_000;
/// Rows of one tenant that share a value of an indexed field.
const ROWS_PER_VALUE: u32 = 100;

/// One step from the tables as they are to the tables that an object needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TableChange {
    /// A new table with these columns.
    CreateTable { table: String, columns: Vec<(String, String)> },
    /// A new column.
    AddColumn { table: String, column: String, definition: String },
    /// A new index.
    CreateIndex { name: String, table: String, columns: Vec<String>, unique: bool, is_sparse: bool },
    /// The index of the records that are deleted.
    IndexDeleted { name: String, table: String },
    /// The policy that keeps tenants apart, on PostgreSQL.
    Wall { table: String },
}

impl TableChange {
    /// What SQLite's planner is told of it, as a row of `sqlite_stat1`: the
    /// table, the index, and how many rows share a value of its first columns.
    /// Fixed figures of a busy installation keep the plans the same from the
    /// first record on; without any, SQLite walks a tenant by its primary key.
    pub fn statistics(&self) -> Option<[String; 3]> {
        match self {
            Self::CreateTable { table, .. } => {
                // An index without rowids is called by the name of its table.
                Some([table.clone(), table.clone(), format!("{ROWS} {ROWS_PER_TENANT} 1")])
            }
            Self::AddColumn { .. } | Self::Wall { .. } => None,
            Self::IndexDeleted { name, table } => {
                Some([table.clone(), name.clone(), format!("{ROWS_PER_TENANT} {ROWS_PER_VALUE} 1")])
            }
            Self::CreateIndex { name, table, columns, unique, .. } => {
                let mut share = ROWS_PER_VALUE * 10;
                let shares = columns.iter().map(|column| {
                    share = (share / 10).max(2);
                    if *unique || column == "id" { " 1".to_owned() } else { format!(" {share}") }
                });
                let stat = format!("{ROWS} {ROWS_PER_TENANT}{}", shares.collect::<String>());
                Some([table.clone(), name.clone(), stat])
            }
        }
    }

    /// The statement that does it.
    pub fn sql(&self, engine: Engine) -> String {
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
                format!("alter table {} add column{} {} {definition}", quote(table), engine.if_missing(), quote(column))
            }
            Self::IndexDeleted { name, table } => format!(
                "create index if not exists {} on {} (tenant_id, id) where deleted_at is not null",
                quote(name),
                quote(table)
            ),
            Self::Wall { table } => format!("select {WALL}('{}')", quote(table)),
            Self::CreateIndex { name, table, columns, unique, is_sparse } => {
                let columns: Vec<String> = columns.iter().map(|name| quote(name)).collect();
                // Most rows have nothing there, and cost nothing then.
                let filled = if *is_sparse { format!(" and {} is not null", columns[0]) } else { String::new() };
                format!(
                    "create {}index if not exists {} on {} (tenant_id, {}) where deleted_at is null{filled}",
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
            Self::IndexDeleted { table, .. } => write!(f, "+ index on the deleted of {table}"),
            Self::Wall { table } => write!(f, "+ row-level security on {table}"),
            Self::CreateIndex { table, columns, unique, .. } => {
                write!(f, "+ {}index on {table} ({})", if *unique { "unique " } else { "" }, columns.join(", "))
            }
        }
    }
}

/// What has to be added to a table with these columns and indexes.
pub fn difference(engine: Engine, object: &Object, there: &BTreeSet<String>) -> Vec<TableChange> {
    let table = table_name(object);
    let mut changes = Vec::new();
    let mut wanted = vec![
        ("tenant_id".to_owned(), format!("{} not null", engine.id_type())),
        ("id".to_owned(), format!("{} not null", engine.id_type())),
        ("version".to_owned(), format!("{} not null", engine.integer_type())),
        ("created_at".to_owned(), format!("{} not null", engine.time_type())),
        ("updated_at".to_owned(), format!("{} not null", engine.time_type())),
        ("deleted_at".to_owned(), engine.time_type().to_owned()),
    ];
    wanted.push((CUSTOM.to_owned(), engine.json_type().to_owned()));
    wanted.extend(slot::slots().map(|slot| (slot.to_owned(), engine.slot_type(slot).to_owned())));
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
    if engine == Engine::Postgres && !there.contains(WALL) {
        changes.push(TableChange::Wall { table: table.clone() });
    }
    let single = object.fields.iter().filter(|field| field.def.unique || field.def.indexed).map(|field| {
        let name = vec![field.name().to_owned()];
        (field.def.unique, name, !field.def.unique && is_mostly_empty(field))
    });
    let several = object.indexes.iter().map(|names| (false, names.clone(), false));
    for (unique, mut columns, is_sparse) in single.chain(several) {
        let name = index_name(if unique { "u" } else { "i" }, &table, &columns.join("__"));
        if there.contains(&name) {
            continue;
        }
        if !unique {
            columns.push("id".to_owned());
        }
        changes.push(TableChange::CreateIndex { name, table: table.clone(), columns, unique, is_sparse });
    }
    for slot in slot::slots() {
        let unique = slot::UNIQUE_SLOTS.contains(&slot);
        let name = index_name(if unique { "u" } else { "i" }, &table, slot);
        if !there.contains(&name) {
            let mut columns = vec![slot.to_owned()];
            columns.extend((!unique).then(|| "id".to_owned()));
            changes.push(TableChange::CreateIndex { name, table: table.clone(), columns, unique, is_sparse: true });
        }
    }
    let name = index_name("d", &table, "id");
    if !there.contains(&name) {
        changes.push(TableChange::IndexDeleted { name, table });
    }
    changes
}

/// Whether lists look for values of the field, hardly ever through its order:
/// then records without one need no place in the index.
fn is_mostly_empty(field: &Field) -> bool {
    let is_looked_for = matches!(field.kind, FieldType::Link(_) | FieldType::User | FieldType::Select(_));
    is_looked_for && !field.def.required
}

/// Name of an index. PostgreSQL cuts names of more than 63 bytes, so that two
/// could become one; longer ones end with a hash.
fn index_name(kind: &str, table: &str, field: &str) -> String {
    let name = format!("{kind}_{table}__{field}");
    if name.len() <= LONGEST_NAME {
        return name;
    }
    let mut hasher = DefaultHasher::new();
    name.hash(&mut hasher);
    format!("{}_{:016x}", &name[..LONGEST_NAME - 17], hasher.finish())
}

/// A definition may grow. It may not take a field away, give it another type,
/// or change hands.
pub fn check_evolution(owner: &str, known_owner: &str, known: &ObjectDef, new: &ObjectDef) -> Result<(), TableError> {
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
        if field.encrypted != old.encrypted {
            return Err(TableError::Refused(format!(
                "{name} would change whether it is encrypted: add a new field instead"
            )));
        }
        if field.required != old.required {
            return Err(TableError::Refused(format!("{name} would change whether it is required")));
        }
        let has = |value: &str| field.options.iter().any(|choice| choice.value == value);
        if let Some(gone) = old.options.iter().find(|choice| !has(&choice.value)) {
            return Err(TableError::Refused(format!("{name} would lose its option `{}`", gone.value)));
        }
        if field.max_length.unwrap_or(u32::MAX) < old.max_length.unwrap_or(u32::MAX) {
            return Err(TableError::Refused(format!("{name} would become shorter than what it may hold")));
        }
        if field.unique != old.unique {
            return Err(TableError::Refused(format!(
                "{name} would change whether it is unique: add a new field instead"
            )));
        }
    }
    for field in &new.fields {
        if field.required && !known.fields.iter().any(|old| old.name == field.name) {
            return Err(TableError::Refused(format!(
                "`{}.{}` cannot be required: records without it exist",
                new.name, field.name
            )));
        }
    }
    Ok(())
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
        let of_tenants = lines.iter().filter(|line| line.contains("(x_"));
        assert_eq!(of_tenants.count(), slot::slots().count());
        for line in
            ["+ table o_thing with 18 columns", "+ index on o_thing (name, id)", "+ index on the deleted of o_thing"]
        {
            assert!(lines.iter().any(|known| known == line), "{lines:?}");
        }
    }

    #[test]
    fn on_postgres_every_table_gets_its_wall() {
        let (_, thing) = object(NAME);
        let walls = |engine| {
            let changes = difference(engine, &thing, &BTreeSet::new()).into_iter();
            changes.filter(|change| matches!(change, TableChange::Wall { .. })).collect::<Vec<_>>()
        };
        assert!(walls(Engine::Sqlite).is_empty());
        assert_eq!(walls(Engine::Postgres)[0].sql(Engine::Postgres), r#"select guildhall_wall('"o_thing"')"#);
    }

    #[test]
    fn a_grown_object_gets_only_what_is_missing() {
        let (_, thing) = object(&format!("{NAME},{PRICE}"));
        let there = [
            "tenant_id",
            "id",
            "version",
            "created_at",
            "updated_at",
            "deleted_at",
            "name",
            "i_o_thing__name",
            "d_o_thing__id",
            WALL,
        ];
        let changes = difference(Engine::Postgres, &thing, &there.map(str::to_owned).into());
        let lines: Vec<String> = changes.iter().map(ToString::to_string).filter(|line| !line.contains("x_")).collect();
        assert_eq!(lines, ["+ column o_thing.price bigint", "+ column o_thing.price_currency text collate \"C\""]);
    }

    #[test]
    fn long_names_stay_apart() {
        let table = format!("o_{}", "t".repeat(54));
        let (a, b) = (index_name("u", &table, "reference_a"), index_name("u", &table, "reference_b"));
        assert!(a != b && a.len() == 63 && b.len() == 63, "{a} {b}");
    }

    #[test]
    fn translations_come_and_go() {
        let (plain, _) = object(NAME);
        let mut translated = plain.clone();
        let zh = r#"{"zh":{"label":"物","fields":{"name":{"label":"名称"}}}}"#;
        translated.translations = serde_json::from_str(zh).unwrap();
        assert!(check_evolution("core", "core", &plain, &translated).is_ok());
        assert!(check_evolution("core", "core", &translated, &plain).is_ok());
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
        let (optional, _) = object(&format!("{},{PRICE}", NAME.replace(r#""required":true,"#, "")));
        assert!(refused("core", &optional).contains("required"));
        assert!(check_evolution("core", "core", &one, &both).is_ok());
    }
}
