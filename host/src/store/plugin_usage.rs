//! What modules cost, by day in UTC.

use std::collections::BTreeMap;

use super::db::{Expect, Reach, Row, Step, Stmt};
use super::{Store, StoreError};
use crate::access::{AreaPermit, HostPermit, Read};
use crate::domain::accountability::Cost;
use crate::domain::id::TenantId;

/// What calls at one extension point came to on one day.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UsageRow {
    /// The day.
    pub day: String,
    /// The plugin.
    pub plugin: String,
    /// Its version.
    pub version: String,
    /// The extension point.
    pub point: String,
    /// What they came to.
    pub cost: Cost,
}

/// The counted columns, in their order.
const COUNTED: [&str; 10] = [
    "calls",
    "failures",
    "cpu_us",
    "wall_us",
    "peak_memory",
    "host_calls",
    "rows_read",
    "bytes_read",
    "bytes_written",
    "bytes_sent",
];

fn counts(cost: &Cost) -> [u64; 10] {
    [
        cost.calls,
        cost.failures,
        cost.cpu_us,
        cost.wall_us,
        cost.peak_memory,
        cost.host_calls,
        cost.rows_read,
        cost.bytes_read,
        cost.bytes_written,
        cost.bytes_sent,
    ]
}

impl Store {
    /// Adds to what a tenant's modules cost. A tenant that has gone meanwhile is left out.
    pub async fn add_plugin_usage(&self, _: HostPermit, tenant: TenantId, rows: &[UsageRow]) -> Result<(), StoreError> {
        let sums: Vec<String> = COUNTED
            .iter()
            .map(|name| match *name {
                "peak_memory" => format!(
                    "{name} = case when excluded.{name} > plugin_usage.{name} then excluded.{name} \
                     else plugin_usage.{name} end"
                ),
                _ => format!("{name} = plugin_usage.{name} + excluded.{name}"),
            })
            .collect();
        let places: Vec<String> = (1..=14).map(|at| format!("${at}")).collect();
        let sql: std::sync::Arc<str> = format!(
            "insert into plugin_usage (tenant_id, day, plugin_id, version, point, {}) \
             select id, {} from tenant where id = $15 \
             on conflict (tenant_id, day, plugin_id, version, point) do update set {}",
            COUNTED.join(", "),
            places.join(", "),
            sums.join(", ")
        )
        .into();
        let step = |row: &UsageRow| {
            let mut values: Vec<sea_query::Value> =
                [&row.day, &row.plugin, &row.version, &row.point].map(|text| text.as_str().into()).into();
            values.extend(counts(&row.cost).map(|count| i64::try_from(count).unwrap_or(i64::MAX).into()));
            values.push(tenant.0.into());
            Step { stmt: Stmt::new(std::sync::Arc::clone(&sql), values), expect: Expect::Nothing }
        };
        self.db.of(tenant).run(rows.iter().map(step).collect()).await
    }

    /// What a module of the caller's tenant cost, from one day to another, both included.
    pub async fn plugin_usage(
        &self,
        permit: AreaPermit<Read>,
        plugin: &str,
        from: &str,
        to: &str,
    ) -> Result<Vec<UsageRow>, StoreError> {
        let sql = format!(
            "select day, plugin_id, version, point, {} from plugin_usage \
             where tenant_id = $1 and plugin_id = $2 and day >= $3 and day <= $4 order by day, version, point",
            COUNTED.join(", ")
        );
        let stmt = Stmt::new(sql, [permit.tenant().0.into(), plugin.into(), from.into(), to.into()]);
        self.db.of(permit.tenant()).all(Reach::List, stmt, usage_row).await
    }

    /// Calls, and microseconds of CPU time, of a tenant's modules since a day, that day included.
    pub async fn plugin_calls_since(
        &self,
        _: HostPermit,
        tenant: TenantId,
        day: &str,
    ) -> Result<(i64, i64), StoreError> {
        let stmt = Stmt::new(
            "select cast(coalesce(sum(calls), 0) as bigint), cast(coalesce(sum(cpu_us), 0) as bigint) \
             from plugin_usage where tenant_id = $1 and day >= $2",
            [tenant.0.into(), day.into()],
        );
        let both = self.db.of(tenant).maybe(stmt, |row| Ok((row.integer(0)?, row.integer(1)?))).await?;
        Ok(both.unwrap_or_default())
    }

    /// What each version of a plugin came to with all tenants, from one day to another, both included.
    pub async fn plugin_costs(
        &self,
        permit: HostPermit,
        id: &str,
        from: &str,
        to: &str,
    ) -> Result<BTreeMap<String, Cost>, StoreError> {
        let sums = COUNTED.map(|name| match name {
            "peak_memory" => format!("max({name})"),
            _ => format!("cast(sum({name}) as bigint)"),
        });
        let sql = format!(
            "select version, {} from plugin_usage \
             where plugin_id = $1 and day >= $2 and day <= $3 group by version",
            sums.join(", ")
        );
        let stmt = Stmt::new(sql, [id.into(), from.into(), to.into()]);
        let read = |row: &Row<'_>| Ok((row.text(0)?, cost(row, 1)?));
        Ok(self.db.across(permit).all(Reach::List, stmt, read).await?.into_iter().collect())
    }

    /// Forgets days before this one.
    pub async fn forget_plugin_usage(&self, permit: HostPermit, day: &str) -> Result<(), StoreError> {
        let stmt = Stmt::new("delete from plugin_usage where day < $1", [day.into()]);
        self.db.across(permit).run(vec![Step { stmt, expect: Expect::Nothing }]).await
    }
}

fn usage_row(row: &Row<'_>) -> Result<UsageRow, StoreError> {
    let [day, plugin, version, point] = [0, 1, 2, 3].map(|at| row.text(at));
    Ok(UsageRow { day: day?, plugin: plugin?, version: version?, point: point?, cost: cost(row, 4)? })
}

/// The counted columns, from this one on.
fn cost(row: &Row<'_>, first: usize) -> Result<Cost, StoreError> {
    let count = |at: usize| row.integer(first + at).map(|count| u64::try_from(count).unwrap_or_default());
    Ok(Cost {
        calls: count(0)?,
        failures: count(1)?,
        cpu_us: count(2)?,
        wall_us: count(3)?,
        peak_memory: count(4)?,
        host_calls: count(5)?,
        rows_read: count(6)?,
        bytes_read: count(7)?,
        bytes_written: count(8)?,
        bytes_sent: count(9)?,
    })
}
