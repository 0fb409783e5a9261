//! Tasks of modules that are due: each becomes a job, once for each time over
//! all nodes, since one commit both queues it and says when it is due next.
//! Times that were missed come to one.

use std::sync::Arc;
use std::time::Duration;

use chrono_tz::Tz;
use serde_json::json;

use super::catalog::Module;
use super::module_jobs::TASK;
use super::{App, AppError};
use crate::access::{Chore, HostPermit};
use crate::domain::caller::Caller;
use crate::domain::cron::CronLine;
use crate::domain::id::TenantId;
use crate::store::{Conflict, Further, ScheduleRow};

/// Longest time until a task that is due is noticed.
const LOOK: Duration = Duration::from_secs(1);

impl App {
    /// Queues tasks that are due, until the future is dropped.
    pub async fn keep_schedules(self: &Arc<Self>) {
        loop {
            if let Err(error) = self.queue_due_tasks().await {
                tracing::warn!(%error, "tasks of modules cannot be looked at");
            }
            tokio::time::sleep(LOOK).await;
        }
    }

    /// Queues the tasks that are due now.
    pub async fn queue_due_tasks(&self) -> Result<(), AppError> {
        let permit = HostPermit::new(Chore::Work);
        loop {
            let due = self.store.due_schedules(permit, self.clock.now()).await?;
            if due.is_empty() {
                return Ok(());
            }
            for row in due {
                self.queue_task(&row).await?;
            }
        }
    }

    async fn queue_task(&self, row: &ScheduleRow) -> Result<(), AppError> {
        let now = self.clock.now();
        let catalog = self.catalog(row.tenant).await?;
        let next = row.cron.parse().ok().and_then(|line: CronLine| line.after(now, catalog.timezone));
        let due = row.next_at.unwrap_or(now);
        let caller = Caller::of_module(row.tenant, &row.plugin, None);
        let payload = json!({"plugin": row.plugin, "name": row.name, "due": due.to_string()});
        let job = self.new_job(&caller, TASK, payload, now);
        let mut steps = vec![self.store.move_schedule(row, next)];
        // One whose version was revoked rests until there is another.
        if catalog.module(&row.plugin).is_some() {
            steps.push(self.store.queue_job(Self::work_permit(), &job));
        }
        match self.commit_steps(row.tenant, steps).await {
            Ok(()) => {
                self.job_queued();
                Ok(())
            }
            // Another node was faster.
            Err(Conflict::Superseded(_) | Conflict::Busy) => Ok(()),
            Err(other) => Err(super::jobs::of_conflict(other)),
        }
    }

    /// The steps after which the tasks of a module are those of its manifest; none, when it is switched off.
    pub(super) fn schedule_steps(&self, tenant: TenantId, plugin: &str, on: Option<(&Module, Tz)>) -> Vec<Further> {
        let permit = HostPermit::new(Chore::Work);
        let now = self.clock.now();
        let tasks = on.iter().flat_map(|(module, _)| &module.manifest.hooks.scheduled);
        let names: Vec<&str> = tasks.map(|task| task.name.as_str()).collect();
        let mut steps = vec![self.store.drop_schedules(permit, tenant, plugin, &names)];
        if let Some((module, timezone)) = on {
            for task in &module.manifest.hooks.scheduled {
                let next_at = task.cron.parse().ok().and_then(|line: CronLine| line.after(now, timezone));
                let row = ScheduleRow {
                    tenant,
                    plugin: plugin.to_owned(),
                    name: task.name.clone(),
                    cron: task.cron.clone(),
                    next_at,
                };
                steps.push(self.store.put_schedule(permit, &row));
            }
        }
        steps
    }
}
