//! When the tasks of modules are due.

use std::fmt::Write as _;

use sea_query::Value as Bound;

use super::commit::Further;
use super::db::{Expect, Reach, Row, Step, Stmt};
use super::tenants::is_served;
use super::{Store, StoreError};
use crate::access::HostPermit;
use crate::domain::clock::Timestamp;
use crate::domain::id::TenantId;

/// Tasks that are looked at together.
const AT_ONCE: i64 = 100;

/// A task of a module, and when it is due.
#[derive(Clone, Debug)]
pub struct ScheduleRow {
    /// The tenant.
    pub tenant: TenantId,
    /// The plugin.
    pub plugin: String,
    /// What the task is called.
    pub name: String,
    /// Its cron line.
    pub cron: String,
    /// When it is due; none when it never is again.
    pub next_at: Option<Timestamp>,
}

impl Store {
    /// The step that takes the tasks of a module away, but for those of these names. They are left alone, since the
    /// steps of a commit may be done at once.
    pub fn drop_schedules(&self, _: HostPermit, tenant: TenantId, plugin: &str, but: &[&str]) -> Further {
        let mut values: Vec<Bound> = vec![tenant.0.into(), plugin.into()];
        let mut sql = "delete from module_schedule where tenant_id = $1 and plugin_id = $2".to_owned();
        for name in but {
            values.push((*name).into());
            let _ = write!(sql, " and name <> ${}", values.len());
        }
        Further(Step { stmt: Stmt::new(sql, values), expect: Expect::Nothing })
    }

    /// The step that sets a task.
    pub fn put_schedule(&self, _: HostPermit, row: &ScheduleRow) -> Further {
        let stmt = Stmt::new(
            "insert into module_schedule (tenant_id, plugin_id, name, cron, next_at) values ($1, $2, $3, $4, $5) \
             on conflict (tenant_id, plugin_id, name) do update set cron = excluded.cron, next_at = excluded.next_at",
            [
                row.tenant.0.into(),
                row.plugin.as_str().into(),
                row.name.as_str().into(),
                row.cron.as_str().into(),
                self.db.engine().maybe_time(row.next_at),
            ],
        );
        Further(Step { stmt, expect: Expect::OneChange })
    }

    /// Tasks that are due, those of tenants that rest left out.
    pub async fn due_schedules(&self, permit: HostPermit, now: Timestamp) -> Result<Vec<ScheduleRow>, StoreError> {
        let sql = format!(
            "select tenant_id, plugin_id, name, cron, next_at from module_schedule \
             where next_at is not null and next_at <= $1 and {} order by next_at limit $2",
            is_served("module_schedule.tenant_id")
        );
        let read = |row: &Row<'_>| {
            Ok(ScheduleRow {
                tenant: TenantId(row.id(0)?),
                plugin: row.text(1)?,
                name: row.text(2)?,
                cron: row.text(3)?,
                next_at: row.maybe_time(4)?,
            })
        };
        let values = [self.db.engine().time(now), AT_ONCE.into()];
        self.db.across(permit).all(Reach::List, Stmt::new(sql, values), read).await
    }

    /// The step that says when a task is due next, unless somebody else said so before.
    pub fn move_schedule(&self, row: &ScheduleRow, next_at: Option<Timestamp>) -> Further {
        let engine = self.db.engine();
        let stmt = Stmt::new(
            "update module_schedule set next_at = $1 where tenant_id = $2 and plugin_id = $3 and name = $4 \
             and next_at = $5",
            [
                engine.maybe_time(next_at),
                row.tenant.0.into(),
                row.plugin.as_str().into(),
                row.name.as_str().into(),
                engine.maybe_time(row.next_at),
            ],
        );
        Further(Step { stmt, expect: Expect::OneChange })
    }
}
