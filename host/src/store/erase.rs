//! Erasing a tenant: every table that names one is emptied of it, a few rows at a time.
//!
//! Which tables these are, the database says, so that none is forgotten. A
//! commit removes so many rows that it is short; what is left is found again
//! by whoever goes on.

use std::collections::{BTreeMap, BTreeSet};

use sea_query::Value as Bound;

use super::db::{CommitError, Engine, Expect, Reach, Step, Stmt};
use super::tables::quote;
use super::{Store, StoreError};
use crate::access::HostPermit;
use crate::domain::clock::Timestamp;
use crate::domain::id::TenantId;

/// Rows that one commit removes.
const ROWS: i64 = 500;
/// Rows of the parts of files, which are large.
const PARTS: i64 = 64;
/// Goes first: without its keys, nothing that a tenant keeps sealed opens, wherever a copy of it may be.
const FIRST: &str = "data_key";

/// What became of emptying a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Emptied {
    /// Some rows went; there may be more.
    Some,
    /// There was nothing.
    Nothing,
}

impl Store {
    /// Begins to erase tenants whose time is over; says which ones are to be erased.
    pub async fn tenants_to_erase(&self, permit: HostPermit, now: Timestamp) -> Result<Vec<TenantId>, StoreError> {
        let stmt = Stmt::new(
            "update tenant set is_erasing = true where deleted_at is not null and erase_at <= $1 and not is_erasing",
            [self.db.engine().time(now)],
        );
        self.db.across(permit).run(vec![Step { stmt, expect: Expect::Nothing }]).await?;
        let stmt = Stmt::new("select id from tenant where is_erasing order by id", []);
        self.db.across(permit).all(Reach::List, stmt, |row| row.id(0).map(TenantId)).await
    }

    /// The tables that name a tenant: those that others point to come later.
    pub async fn tables_of_tenants(&self, permit: HostPermit) -> Result<Vec<String>, StoreError> {
        let (tables, links) = match self.db.engine() {
            Engine::Sqlite => (
                "select m.name from sqlite_schema m join pragma_table_info(m.name) c on c.name = 'tenant_id' \
                 where m.type = 'table' order by m.name",
                "select m.name, f.\"table\" from sqlite_schema m join pragma_foreign_key_list(m.name) f \
                 where m.type = 'table'",
            ),
            Engine::Postgres => (
                "select c.table_name::text from information_schema.columns c join information_schema.tables t \
                 on t.table_schema = c.table_schema and t.table_name = c.table_name and t.table_type = 'BASE TABLE' \
                 where c.table_schema = current_schema() and c.column_name = 'tenant_id' order by c.table_name",
                "select r.relname::text, f.relname::text from pg_constraint k join pg_class r on r.oid = k.conrelid \
                 join pg_class f on f.oid = k.confrelid where k.contype = 'f' \
                 and k.connamespace = current_schema()::regnamespace",
            ),
        };
        let tables = self.db.across(permit).all(Reach::List, Stmt::new(tables, []), |row| row.text(0)).await?;
        let links = self
            .db
            .across(permit)
            .all(Reach::List, Stmt::new(links, []), |row| Ok((row.text(0)?, row.text(1)?)))
            .await?;
        Ok(in_order(tables, &links))
    }

    /// Removes some rows of a tenant from a table.
    pub async fn empty_of(&self, _: HostPermit, tenant: TenantId, table: &str) -> Result<Emptied, StoreError> {
        self.remove_some(tenant, table, None).await
    }

    /// Removes some of the rows of a tenant that are about a plugin from a table.
    pub async fn empty_of_plugin(
        &self,
        _: HostPermit,
        tenant: TenantId,
        table: &str,
        plugin: &str,
    ) -> Result<Emptied, StoreError> {
        self.remove_some(tenant, table, Some(plugin)).await
    }

    async fn remove_some(&self, tenant: TenantId, table: &str, plugin: Option<&str>) -> Result<Emptied, StoreError> {
        let rows = if table == "blob_part" { PARTS } else { ROWS };
        let name = quote(table);
        let within = if plugin.is_some() { "tenant_id = $1 and plugin_id = $2" } else { "tenant_id = $1" };
        let mut values: Vec<Bound> = vec![tenant.0.into()];
        values.extend(plugin.map(Bound::from));
        let any = Stmt::new(format!("select 1 from {name} where {within} limit 1"), values.clone());
        if self.db.of(tenant).maybe(any, |_| Ok(())).await?.is_none() {
            return Ok(Emptied::Nothing);
        }
        let row = match self.db.engine() {
            Engine::Postgres => "ctid".to_owned(),
            Engine::Sqlite => {
                let sql = "select name from pragma_table_info($1) where pk > 0 order by pk";
                let keys =
                    self.db.of(tenant).all(Reach::Point, Stmt::new(sql, [table.into()]), |row| row.text(0)).await?;
                let keys: Vec<String> = keys.iter().map(|key| quote(key)).collect();
                if keys.is_empty() { "rowid".to_owned() } else { keys.join(", ") }
            }
        };
        let sql = match self.db.engine() {
            Engine::Postgres => format!(
                "delete from {name} where {row} = any (array(select {row} from {name} where {within} limit {rows}))"
            ),
            Engine::Sqlite => {
                format!("delete from {name} where ({row}) in (select {row} from {name} where {within} limit {rows})")
            }
        };
        let stmt = Stmt::new(sql, values);
        self.db.of(tenant).run(vec![Step { stmt, expect: Expect::Nothing }]).await?;
        Ok(Emptied::Some)
    }

    /// Removes the tenant itself, once nothing names it any more.
    pub async fn remove_tenant(&self, _: HostPermit, tenant: TenantId) -> Result<(), StoreError> {
        let stmt = Stmt::new("delete from tenant where id = $1 and is_erasing", [tenant.0.into()]);
        match self.db.of(tenant).commit(vec![Step { stmt, expect: Expect::Nothing }]).await {
            // Another node is at it, too.
            Ok(()) | Err(CommitError::Busy) => Ok(()),
            Err(error) => Err(super::db::store_error(error)),
        }
    }
}

/// Tables before those that they point to.
fn in_order(tables: Vec<String>, links: &[(String, String)]) -> Vec<String> {
    let mut pointed: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for (from, to) in links.iter().filter(|(from, to)| from != to) {
        pointed.entry(to).or_default().insert(from);
    }
    let mut ordered: Vec<String> = tables.iter().filter(|table| *table == FIRST).cloned().collect();
    let mut left: Vec<String> = tables.into_iter().filter(|table| table != FIRST).collect();
    while !left.is_empty() {
        let waits = |table: &str| {
            pointed.get(table).is_some_and(|from| from.iter().any(|from| left.iter().any(|other| other == from)))
        };
        let (later, now): (Vec<String>, Vec<String>) = left.iter().cloned().partition(|table| waits(table));
        // Tables that point to each other in a ring: the database decides.
        let (now, later) = if now.is_empty() { (later, now) } else { (now, later) };
        ordered.extend(now);
        left = later;
    }
    ordered
}

#[cfg(test)]
mod tests {
    use super::in_order;

    #[test]
    fn keys_go_first_and_what_others_point_to_last() {
        let text = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        let link = |from: &str, to: &str| (from.to_owned(), to.to_owned());
        let links = [link("session", "member"), link("member", "tenant"), link("device", "session")];
        let ordered = in_order(text(&["api_key", "data_key", "device", "member", "session"]), &links);
        assert_eq!(ordered, text(&["data_key", "api_key", "device", "session", "member"]));
        let ring = [link("a", "b"), link("b", "a")];
        assert_eq!(in_order(text(&["a", "b"]), &ring), text(&["a", "b"]));
    }
}
