//! Keys and values of modules.
//!
//! A key that a unit of work saw is checked when it commits: by its version,
//! or by its absence. How much a module keeps is counted beside its keys, in
//! the same commit.

use sea_query::Value as Bound;

use super::commit::Further;
use super::db::{Expect, Reach, Row, Step, Stmt};
use super::{Store, StoreError};
use crate::access::HostPermit;
use crate::domain::clock::Timestamp;
use crate::domain::id::TenantId;

/// A value, and the version that it has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KvRow {
    /// The value.
    pub value: Vec<u8>,
    /// Counts its changes.
    pub version: i64,
}

/// What a unit of work relies on, or does, of one key.
#[derive(Clone, Debug)]
pub struct KvStep<'a> {
    /// The plugin.
    pub plugin: &'a str,
    /// The key.
    pub key: &'a [u8],
    /// The version that was seen; none when the key was not there.
    pub seen: Option<i64>,
    /// What becomes of it.
    pub change: KvChange<'a>,
}

/// What becomes of a key.
#[derive(Clone, Copy, Debug)]
pub enum KvChange<'a> {
    /// It stays, and has to be what was seen.
    Stays,
    /// It has this value.
    Set(&'a [u8]),
    /// It is removed.
    Removed,
}

impl Store {
    /// The value under a key.
    pub async fn kv_get(
        &self,
        _: HostPermit,
        (tenant, plugin): (TenantId, &str),
        key: &[u8],
    ) -> Result<Option<KvRow>, StoreError> {
        let stmt = Stmt::new(
            "select value, version from kv where tenant_id = $1 and plugin_id = $2 and key = $3",
            [tenant.0.into(), plugin.into(), key.to_vec().into()],
        );
        let read = |row: &Row<'_>| Ok(KvRow { value: row.bytes(0)?, version: row.integer(1)? });
        self.db.of(tenant).maybe(stmt, read).await
    }

    /// Keys from this one on, without it when said so, up to before another, in the order of their bytes.
    pub async fn kv_keys(
        &self,
        _: HostPermit,
        (tenant, plugin): (TenantId, &str),
        (from, excluded): (&[u8], bool),
        before: Option<&[u8]>,
        limit: u32,
    ) -> Result<Vec<Vec<u8>>, StoreError> {
        let compare = if excluded { ">" } else { ">=" };
        let mut values: Vec<Bound> = vec![tenant.0.into(), plugin.into(), from.to_vec().into()];
        let mut end = "";
        if let Some(before) = before {
            values.push(before.to_vec().into());
            end = " and key < $4";
        }
        values.push(i64::from(limit).into());
        let sql = format!(
            "select key from kv where tenant_id = $1 and plugin_id = $2 and key {compare} $3{end} \
             order by key limit ${}",
            values.len()
        );
        self.db.of(tenant).all(Reach::List, Stmt::new(sql, values), |row| row.bytes(0)).await
    }

    /// How many bytes a module keeps.
    pub async fn kv_used(&self, _: HostPermit, tenant: TenantId, plugin: &str) -> Result<i64, StoreError> {
        let stmt = Stmt::new(
            "select bytes from kv_use where tenant_id = $1 and plugin_id = $2",
            [tenant.0.into(), plugin.into()],
        );
        Ok(self.db.of(tenant).maybe(stmt, |row| row.integer(0)).await?.unwrap_or(0))
    }

    /// The step for one key.
    pub fn kv_step(&self, tenant: TenantId, step: &KvStep<'_>, at: Timestamp) -> Further {
        let at = self.db.engine().time(at);
        let own: [Bound; 3] = [tenant.0.into(), step.plugin.into(), step.key.to_vec().into()];
        let (stmt, expect) = match (step.change, step.seen) {
            (KvChange::Stays | KvChange::Removed, None) => {
                let sql = "select 1 from kv where tenant_id = $1 and plugin_id = $2 and key = $3";
                (Stmt::new(sql, own), Expect::Rows(0))
            }
            (KvChange::Stays, Some(version)) => {
                let sql = format!(
                    "select 1 from kv where tenant_id = $1 and plugin_id = $2 and key = $3 and version = $4{}",
                    self.db.engine().hold()
                );
                (Stmt::new(sql, [own.to_vec(), vec![version.into()]].concat()), Expect::Rows(1))
            }
            (KvChange::Set(value), None) => {
                let sql = "insert into kv (tenant_id, plugin_id, key, value, version, updated_at) \
                           values ($1, $2, $3, $4, 1, $5) on conflict do nothing";
                (Stmt::new(sql, [own.to_vec(), vec![value.to_vec().into(), at]].concat()), Expect::OneChange)
            }
            (KvChange::Set(value), Some(version)) => {
                let sql = "update kv set value = $1, version = version + 1, updated_at = $2 \
                           where tenant_id = $3 and plugin_id = $4 and key = $5 and version = $6";
                let head = vec![value.to_vec().into(), at];
                (Stmt::new(sql, [head, own.to_vec(), vec![version.into()]].concat()), Expect::OneChange)
            }
            (KvChange::Removed, Some(version)) => {
                let sql = "delete from kv where tenant_id = $1 and plugin_id = $2 and key = $3 and version = $4";
                (Stmt::new(sql, [own.to_vec(), vec![version.into()]].concat()), Expect::OneChange)
            }
        };
        Further(Step { stmt, expect })
    }

    /// The step that counts bytes more, or less; not beyond what the module may keep.
    pub fn kv_count(&self, tenant: TenantId, plugin: &str, more: i64, most: i64) -> Further {
        let stmt = Stmt::new(
            "insert into kv_use (tenant_id, plugin_id, bytes) values ($1, $2, $3) \
             on conflict (tenant_id, plugin_id) do update set bytes = kv_use.bytes + excluded.bytes \
             where excluded.bytes <= 0 or kv_use.bytes + excluded.bytes <= $4",
            [tenant.0.into(), plugin.into(), more.into(), most.into()],
        );
        Further(Step { stmt, expect: Expect::OneChange })
    }
}
