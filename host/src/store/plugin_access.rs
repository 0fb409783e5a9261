//! What modules read and where they sent: one row for each object and each host of a call.

use std::fmt::Write as _;

use sea_query::Value as Bound;
use serde_json::json;
use uuid::Uuid;

use super::db::{Engine, Expect, Reach as Effort, Row, Step, Stmt};
use super::plugin_calls::inserts;
use super::{Store, StoreError};
use crate::access::{AreaPermit, Configure, HostPermit};
use crate::domain::accountability::{CallAccount, Invocation, Reach, records_json};
use crate::domain::clock::Timestamp;
use crate::domain::id::TenantId;

const COLUMNS: &str = "tenant_id, at, invocation, plugin_id, version, point, actor_kind, actor, request, object, sets, \
                       records, host, requests, bytes_out, bytes_in";

/// Which rows are asked for.
#[derive(Clone, Debug, Default)]
pub struct AccessFilter {
    /// Of this record.
    pub record: Option<(String, Uuid)>,
    /// Of this plugin.
    pub plugin: Option<String>,
    /// Of this host.
    pub host: Option<String>,
    /// From then on.
    pub from: Option<Timestamp>,
    /// Before this one.
    pub before: Option<i64>,
}

/// A row as it is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccessRow {
    /// Its number.
    pub seq: i64,
    /// The call.
    pub invocation: Invocation,
    /// What it read, or where it sent.
    pub reach: Reach,
}

impl Store {
    /// The steps that keep what calls read and where they sent.
    pub(super) fn access_steps(&self, tenant: TenantId, accounts: &[CallAccount]) -> Vec<Step> {
        let rows = accounts.iter().flat_map(|account| {
            account.reaches.iter().map(|reach| self.access_values(tenant, &account.invocation, reach))
        });
        inserts("plugin_access", COLUMNS, rows.collect())
    }

    fn access_values(&self, tenant: TenantId, call: &Invocation, reach: &Reach) -> Vec<Bound> {
        let count = |count: &u64| i64::try_from(*count).unwrap_or(i64::MAX);
        let (object, sets, records, host, figures) = match reach {
            Reach::Records { object, sets, records } => {
                (Some(object.as_str()), Some(json!(sets)), Some(records_json(records)), None, [None; 3])
            }
            Reach::Host { host, requests, bytes_out, bytes_in } => {
                let figures = [requests, bytes_out, bytes_in].map(|figure| Some(count(figure)));
                (None, None, None, Some(host.as_str()), figures)
            }
        };
        let mut values: Vec<Bound> = vec![
            tenant.0.into(),
            self.db.engine().time(call.at),
            call.id.into(),
            call.plugin.as_str().into(),
            call.version.as_str().into(),
            call.point.as_str().into(),
            call.actor_kind.as_str().into(),
            call.actor.as_str().into(),
            call.request.as_deref().into(),
            object.into(),
            Bound::Json(sets.map(Box::new)),
            Bound::Json(records.map(Box::new)),
            host.into(),
        ];
        values.extend(figures.map(Bound::BigInt));
        values
    }

    /// What modules of the caller's tenant read and where they sent, the newest first.
    pub async fn plugin_access(
        &self,
        permit: AreaPermit<Configure>,
        filter: &AccessFilter,
        limit: u32,
    ) -> Result<Vec<AccessRow>, StoreError> {
        let engine = self.db.engine();
        let mut sql = format!("select seq, {COLUMNS} from plugin_access where tenant_id = $1");
        let mut values: Vec<Bound> = vec![permit.tenant().0.into()];
        let has_record = match engine {
            Engine::Sqlite => "json_extract(records, '$.\"' || ? || '\"') is not null",
            Engine::Postgres => "jsonb_exists(records, ?)",
        };
        let mut add = |condition: &str, value: Option<Bound>| {
            if let Some(value) = value {
                values.push(value);
                sql.push_str(" and ");
                sql.push_str(&condition.replace('?', &format!("${}", values.len())));
            }
        };
        add("object = ?", filter.record.as_ref().map(|(object, _)| object.as_str().into()));
        add(has_record, filter.record.as_ref().map(|(_, id)| id.to_string().into()));
        add("plugin_id = ?", filter.plugin.as_deref().map(Into::into));
        add("host = ?", filter.host.as_deref().map(Into::into));
        add("at >= ?", filter.from.map(|at| engine.time(at)));
        add("seq < ?", filter.before.map(Into::into));
        values.push(i64::from(limit).into());
        let _ = write!(sql, " order by seq desc limit ${}", values.len());
        self.db.of(permit.tenant()).all(Effort::List, Stmt::new(sql, values), access_row).await
    }

    /// Rows of a tenant behind a number, for looking through all of them.
    pub async fn plugin_access_after(
        &self,
        _: HostPermit,
        tenant: TenantId,
        after: i64,
        limit: u32,
    ) -> Result<Vec<AccessRow>, StoreError> {
        let sql =
            format!("select seq, {COLUMNS} from plugin_access where tenant_id = $1 and seq > $2 order by seq limit $3");
        let stmt = Stmt::new(sql, [tenant.0.into(), after.into(), i64::from(limit).into()]);
        self.db.of(tenant).all(Effort::List, stmt, access_row).await
    }

    /// Forgets what was kept of a tenant before then.
    pub async fn forget_plugin_access(
        &self,
        _: HostPermit,
        tenant: TenantId,
        before: Timestamp,
    ) -> Result<(), StoreError> {
        let values = [tenant.0.into(), self.db.engine().time(before)];
        let stmt = Stmt::new("delete from plugin_access where tenant_id = $1 and at < $2", values);
        self.db.of(tenant).run(vec![Step { stmt, expect: Expect::Nothing }]).await
    }
}

fn access_row(row: &Row<'_>) -> Result<AccessRow, StoreError> {
    let wrong = |error: serde_json::Error| StoreError::Inconsistent(format!("what a module read: {error}"));
    let count = |at: usize| -> Result<u64, StoreError> {
        Ok(row.maybe_integer(at)?.and_then(|count| u64::try_from(count).ok()).unwrap_or_default())
    };
    let reach = match (row.maybe_text(10)?, row.maybe_text(13)?) {
        (_, Some(host)) => Reach::Host { host, requests: count(14)?, bytes_out: count(15)?, bytes_in: count(16)? },
        (object, None) => {
            let records: std::collections::BTreeMap<Uuid, usize> =
                serde_json::from_value(row.json(12)?).map_err(wrong)?;
            Reach::Records {
                object: object.unwrap_or_default(),
                sets: serde_json::from_value(row.json(11)?).map_err(wrong)?,
                records: records.into_iter().collect(),
            }
        }
    };
    let invocation = Invocation {
        at: row.time(2)?,
        id: row.id(3)?,
        plugin: row.text(4)?,
        version: row.text(5)?,
        point: row.text(6)?,
        actor_kind: row.text(7)?,
        actor: row.text(8)?,
        request: row.maybe_text(9)?,
    };
    Ok(AccessRow { seq: row.integer(0)?, invocation, reach })
}
