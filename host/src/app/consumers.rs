//! Has modules hear of events: each at its own pace, one node at a time.
//!
//! A module sees a batch of events from behind its place in the log. What it
//! writes commits together with the new place, so that an event that was
//! handled does not come again. A fault that may pass has the batch shown
//! again later. Another one, or a crash, has its events shown one by one; an
//! event that fails three times is set aside, and the rest goes on.

mod shown;

use std::collections::HashSet;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::Instant;

pub(super) use shown::Hears;

use super::module_calls::{CallError, ModuleCall};
use super::unit_of_work::Cause;
use super::{App, AppError};
use crate::access::{Chore, HostPermit};
use crate::domain::caller::Caller;
use crate::domain::event::PastEvent;
use crate::domain::id::TenantId;
use crate::domain::plugin::Input;
use crate::domain::plugin::caps::EVENTS;
use crate::domain::position::Position;
use crate::store::{ConsumerRow, SetAside};

/// Modules that one node works on at the same time.
const MODULES: usize = 8;
/// Events looked at in one query.
const WINDOW: u32 = 500;
/// Events of one call for a module that does not say.
const BATCH: u32 = 100;
/// Tries of one event that fails, before it is set aside.
const TRIES: i32 = 3;
/// The wait after the first failure; it doubles with each further one, up to the longest.
const FIRST: Duration = Duration::from_secs(1);
const LONGEST: Duration = Duration::from_mins(10);
/// How often a node looks for events.
const LOOK: Duration = Duration::from_secs(5);
/// How often a node says that it is still at work.
const RENEW: Duration = Duration::from_secs(2);
/// Wait for something that is open and may come before what is there.
const UNSETTLED: Duration = Duration::from_millis(20);
/// Longest reason that is kept of an event that was set aside.
const MAX_DETAIL: usize = 500;

const PERMIT: Chore = Chore::Work;

/// What working on a module came to.
enum Came {
    /// There is nothing more now.
    End,
    /// There is more, which is still open.
    Open,
    /// It failed, and is tried again later.
    Failed,
    /// Somebody else has it.
    Nothing,
}

impl App {
    /// Brings events to modules until the future is dropped.
    pub async fn feed_modules(self: Arc<Self>) {
        if let Err(error) = self.store.free_consumers(HostPermit::new(PERMIT)).await {
            tracing::warn!(%error, "the work of a process that has ended is not free yet");
        }
        let places = Arc::new(Semaphore::new(MODULES));
        let mut running: HashSet<(TenantId, String)> = HashSet::new();
        let mut tasks: JoinSet<(TenantId, String)> = JoinSet::new();
        let mut look_at = Instant::now();
        loop {
            let tenants = tokio::select! {
                tenants = self.news.to_feed() => tenants,
                Some(done) = tasks.join_next() => match done {
                    Ok(key) => {
                        running.remove(&key);
                        // News that came meanwhile found it taken.
                        vec![key.0]
                    }
                    Err(_) => continue,
                },
                () = tokio::time::sleep_until(look_at) => {
                    look_at = Instant::now() + LOOK;
                    match self.store.tenants_with_consumers(HostPermit::new(PERMIT)).await {
                        Ok(tenants) => {
                            self.news.set_hearers(tenants.clone());
                            tenants
                        }
                        Err(error) => {
                            tracing::warn!(%error, "modules that hear of events cannot be looked at");
                            continue;
                        }
                    }
                }
            };
            for tenant in tenants {
                let idle = match self.store.idle_consumers(HostPermit::new(PERMIT), tenant, self.clock.now()).await {
                    Ok(idle) => idle,
                    Err(error) => {
                        tracing::warn!(%error, "modules that hear of events cannot be looked at");
                        continue;
                    }
                };
                for plugin in idle {
                    if !running.insert((tenant, plugin.clone())) {
                        continue;
                    }
                    let (app, places) = (Arc::clone(&self), Arc::clone(&places));
                    tasks.spawn(async move {
                        let _place = places.acquire_owned().await;
                        let key = (tenant, plugin);
                        match app.feed(&key).await {
                            // What is open is over soon; it would be looked for at once and for nothing otherwise.
                            Ok(Came::Open) => tokio::time::sleep(UNSETTLED).await,
                            Ok(_) => {}
                            Err(error) => {
                                tracing::warn!(%error, plugin = key.1, "events do not come to a module");
                                tokio::time::sleep(RENEW).await;
                            }
                        }
                        key
                    });
                }
            }
        }
    }

    /// Brings everything to modules that can be brought now.
    pub async fn feed_due(self: &Arc<Self>) -> Result<(), AppError> {
        let mut failed = HashSet::new();
        loop {
            let permit = HostPermit::new(PERMIT);
            let mut is_over = true;
            for tenant in self.store.tenants_with_consumers(permit).await? {
                for plugin in self.store.idle_consumers(permit, tenant, self.clock.now()).await? {
                    let key = (tenant, plugin);
                    if failed.contains(&key) {
                        continue;
                    }
                    match self.feed(&key).await? {
                        Came::Nothing => {}
                        Came::End => is_over = false,
                        Came::Open => {
                            is_over = false;
                            tokio::time::sleep(UNSETTLED).await;
                        }
                        Came::Failed => drop(failed.insert(key)),
                    }
                }
            }
            if is_over {
                return Ok(());
            }
        }
    }

    /// Works on a module until there is nothing more to do now.
    async fn feed(self: &Arc<Self>, (tenant, plugin): &(TenantId, String)) -> Result<Came, AppError> {
        let permit = HostPermit::new(PERMIT);
        let lease = self.ids.make();
        let row = self.store.lease_consumer(permit, (*tenant, plugin), lease, self.clock.now()).await?;
        let Some(mut row) = row else { return Ok(Came::Nothing) };
        let kept = row.clone();
        let came = {
            let work = pin!(self.drain_log(&mut row));
            tokio::select! {
                came = work => came,
                () = self.keep_consumer(&kept) => Ok(Came::Nothing),
            }
        };
        let failures = row.failures.clamp(1, 20).unsigned_abs();
        let wait = FIRST.saturating_mul(1 << (failures - 1)).min(LONGEST);
        let retry_at = matches!(came, Ok(Came::Failed)).then(|| self.clock.now().plus(wait));
        self.store.release_consumer(permit, &row, retry_at).await?;
        came
    }

    /// Renews the lease; ends when it is lost.
    async fn keep_consumer(&self, row: &ConsumerRow) {
        loop {
            tokio::time::sleep(RENEW).await;
            match self.store.renew_consumer(HostPermit::new(PERMIT), row, self.clock.now()).await {
                Ok(true) => {}
                Ok(false) => return,
                Err(error) => tracing::warn!(%error, "a lease was not renewed"),
            }
        }
    }

    async fn drain_log(self: &Arc<Self>, row: &mut ConsumerRow) -> Result<Came, AppError> {
        // Where a batch failed: up to there, events come one by one.
        let mut singly_until: Option<Position> = None;
        loop {
            self.prepare_policy(row.tenant).await?;
            let catalog = self.catalog(row.tenant).await?;
            let Some(module) = catalog.module(&row.plugin) else { return Ok(Came::Nothing) };
            let Some(hears) = Hears::of(&catalog, module) else { return Ok(Came::Nothing) };
            let window = self.store.events_to_deliver(HostPermit::new(PERMIT), row.tenant, row.cursor, WINDOW).await?;
            let Some(last) = window.events.last().map(|event| event.position) else {
                return Ok(if window.has_unsettled { Came::Open } else { Came::End });
            };
            if singly_until.is_some_and(|until| row.cursor >= until) {
                singly_until = None;
            }
            let most = if singly_until.is_some() || row.failures > 0 { 1 } else { hears.batch(BATCH, EVENTS) };
            let mut batch: Vec<&PastEvent> = window.events.iter().filter(|event| hears.wants(event)).collect();
            batch.truncate(most as usize);
            // What is not for it is passed over together with what is.
            let is_whole = window.events.iter().filter(|event| hears.wants(event)).count() == batch.len();
            let to = batch.last().filter(|_| !is_whole).map_or(last, |event| event.position);
            match self.show(row, &hears, &batch, to).await {
                Ok(()) => {
                    row.cursor = to;
                    row.failures = 0;
                }
                Err(CallError::Lost) => return Ok(Came::Nothing),
                Err(CallError::App(error)) if batch.len() > 1 && !Self::may_pass(&error) => {
                    singly_until = batch.last().map(|event| event.position);
                }
                Err(CallError::App(error)) => {
                    if self.has_failed(row, &batch, &error).await? {
                        continue;
                    }
                    return Ok(Came::Failed);
                }
            }
        }
    }

    /// Shows events to a module, and moves it on.
    async fn show(
        self: &Arc<Self>,
        row: &ConsumerRow,
        hears: &Hears<'_>,
        batch: &[&PastEvent],
        to: Position,
    ) -> Result<(), CallError> {
        let moved = vec![self.store.move_consumer(row, to, self.clock.now())];
        let Some(first) = batch.first() else {
            return match self.commit_steps(row.tenant, moved).await {
                Ok(()) => Ok(()),
                Err(crate::store::Conflict::Superseded(_)) => Err(CallError::Lost),
                Err(other) => Err(super::jobs::of_conflict(other).into()),
            };
        };
        let chain = batch.iter().map(|event| event.depth).max().unwrap_or(0) + 1;
        let caller = Caller::of_module(row.tenant, &row.plugin, None);
        let call = ModuleCall {
            caller: &caller,
            plugin: &row.plugin,
            input: Input::OnEvents(batch.iter().map(|event| hears.shown(event)).collect()),
            cause: Cause::of(&format!("event:{}:{}", first.id, batch.len()), chain),
            further: moved,
            is_dry: false,
        };
        self.call_module(&call).await.map(drop)
    }

    /// Counts a failure; true when the event was set aside, so that the rest goes on.
    async fn has_failed(
        &self,
        row: &mut ConsumerRow,
        batch: &[&PastEvent],
        error: &AppError,
    ) -> Result<bool, AppError> {
        row.failures += 1;
        let [event] = batch else { return Ok(false) };
        if Self::may_pass(error) || row.failures < TRIES {
            return Ok(false);
        }
        let (code, mut detail) = match error {
            AppError::Hook { failure, .. } => (failure.code(), failure.to_string()),
            other => ("refused", other.to_string()),
        };
        let end = detail.char_indices().map(|(at, _)| at).find(|&at| at > MAX_DETAIL).unwrap_or(detail.len());
        detail.truncate(end);
        let now = self.clock.now();
        tracing::warn!(plugin = row.plugin, event = %event.id, code, "an event was set aside");
        let aside = SetAside { event, attempts: row.failures, code, detail: &detail };
        let steps = vec![self.store.set_aside(row, &aside, now), self.store.move_consumer(row, event.position, now)];
        self.commit_steps(row.tenant, steps).await.map_err(super::jobs::of_conflict)?;
        row.cursor = event.position;
        row.failures = 0;
        Ok(true)
    }
}
