//! Brings events to webhooks: beside requests, on every node, one node at a
//! time for each webhook.

mod attempt;

use std::collections::{BTreeSet, HashSet};
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use futures_util::{StreamExt, stream};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::Instant;
use uuid::Uuid;

use super::{App, AppError};
use crate::access::{Chore, HostPermit};
use crate::domain::clock::Timestamp;
use crate::domain::event_type::{TypePattern, any_matches};
use crate::domain::id::TenantId;
use crate::store::{DueDelivery, NewDelivery, WebhookRow};

/// Webhooks that one node works on at the same time.
const WEBHOOKS: usize = 64;
/// Requests to one webhook at the same time, each about another record.
const REQUESTS: usize = 8;
/// Deliveries taken at once.
const BATCH: u32 = 64;
/// Events put into deliveries at once.
const WINDOW: u32 = 500;
/// Deliveries of a webhook that wait; what comes later stays in the log until there is room.
const MAX_WAITING: i64 = 10_000;
/// How often a node looks for work even without news.
const LOOK: Duration = Duration::from_secs(5);
/// How often a node says that it is still at work: well within the lease.
const RENEW: Duration = Duration::from_secs(2);
/// Wait for something that is open and may come before what is there.
const UNSETTLED: Duration = Duration::from_millis(20);
/// How long deliveries that ended are kept: well, and badly.
const KEPT: (Duration, Duration) = (Duration::from_hours(3 * 24), Duration::from_hours(30 * 24));

const PERMIT: Chore = Chore::Deliver;

/// Names a webhook.
type Key = (TenantId, Uuid);

/// What work on a webhook came to.
#[derive(Default)]
struct Rest {
    /// Something was done.
    progress: bool,
    /// When there is more to do.
    next: Option<Timestamp>,
}

/// What moving on in the log came to.
#[derive(PartialEq)]
enum Fanned {
    /// Moved on.
    Moved,
    /// There is nothing more, or no room.
    Stands,
    /// Another node has the webhook.
    Lost,
}

impl App {
    /// Does what goes on beside requests, until the host closes.
    pub async fn work(self: Arc<Self>) {
        let permit = HostPermit::new(PERMIT);
        if let Err(error) = self.store.free_leases(permit).await {
            tracing::warn!(%error, "the work of a process that has ended is not free yet");
        }
        let mut beside = JoinSet::new();
        beside.spawn(Arc::clone(&self).tell_others());
        beside.spawn(Arc::clone(&self).hear_others());
        let mut closing = self.news.closing();
        let mut jobs: JoinSet<(Key, Rest)> = JoinSet::new();
        let mut running: HashSet<Key> = HashSet::new();
        let places = Arc::new(Semaphore::new(WEBHOOKS));
        let mut look_at = Instant::now();
        // Moments before the next look at which something will be due.
        let mut due_at: BTreeSet<Instant> = BTreeSet::new();
        loop {
            let wake_at = due_at.first().map_or(look_at, |due| look_at.min(*due));
            let tenants = tokio::select! {
                () = async { drop(closing.wait_for(|closes| *closes).await) } => break,
                tenants = self.news.to_deliver() => tenants.into_iter().collect(),
                Some(done) = jobs.join_next() => {
                    let Ok((key, rest)) = done else { continue };
                    running.remove(&key);
                    if let Some(next) = rest.next {
                        let wait = u64::try_from(next.micros() - self.clock.now().micros()).unwrap_or(0);
                        let wait = Duration::from_micros(wait).max(UNSETTLED);
                        // What is further away, a later look finds.
                        if wait <= 2 * LOOK {
                            due_at.insert(Instant::now() + wait);
                        }
                    }
                    // News that came meanwhile found it taken.
                    if rest.progress { vec![key.0] } else { continue }
                }
                () = tokio::time::sleep_until(wake_at) => {
                    look_at = Instant::now() + LOOK;
                    due_at = due_at.split_off(&Instant::now());
                    match self.store.tenants_with_webhooks(permit).await {
                        Ok(tenants) => {
                            self.news.set_receivers(tenants.clone());
                            tenants
                        }
                        Err(error) => {
                            tracing::warn!(%error, "webhooks cannot be looked at");
                            continue;
                        }
                    }
                }
            };
            for tenant in tenants {
                let idle = match self.store.idle_webhooks(permit, tenant, self.clock.now()).await {
                    Ok(idle) => idle,
                    Err(error) => {
                        tracing::warn!(%error, "webhooks cannot be looked at");
                        continue;
                    }
                };
                for (id, is_ready) in idle {
                    if !is_ready {
                        due_at.insert(Instant::now() + UNSETTLED);
                    } else if running.insert((tenant, id)) {
                        let (app, places) = (Arc::clone(&self), Arc::clone(&places));
                        jobs.spawn(async move {
                            let _place = places.acquire_owned().await;
                            ((tenant, id), app.work_on_or_log((tenant, id)).await)
                        });
                    }
                }
            }
        }
        // What is under way may end; what is not sent is sent by the next process.
        while jobs.join_next().await.is_some() {}
    }

    /// Brings everything to webhooks that can be brought now.
    pub async fn deliver_due(&self) -> Result<(), AppError> {
        loop {
            let permit = HostPermit::new(PERMIT);
            let mut progress = false;
            for tenant in self.store.tenants_with_webhooks(permit).await? {
                for (id, is_ready) in self.store.idle_webhooks(permit, tenant, self.clock.now()).await? {
                    if is_ready {
                        progress |= self.work_on((tenant, id)).await?.progress;
                    } else {
                        progress = true;
                        tokio::time::sleep(UNSETTLED).await;
                    }
                }
            }
            if !progress {
                return Ok(());
            }
        }
    }

    pub(super) async fn forget_deliveries(&self) -> Result<(), AppError> {
        let now = self.clock.now();
        Ok(self.store.forget_deliveries(HostPermit::new(PERMIT), now.minus(KEPT.0), now.minus(KEPT.1)).await?)
    }

    async fn work_on_or_log(&self, key: Key) -> Rest {
        self.work_on(key).await.unwrap_or_else(|error| {
            tracing::warn!(%error, webhook = %key.1, "the work on a webhook stopped");
            Rest::default()
        })
    }

    /// Works on a webhook until there is nothing more to do now.
    async fn work_on(&self, key: Key) -> Result<Rest, AppError> {
        let permit = HostPermit::new(PERMIT);
        let lease = self.ids.make();
        let Some(row) = self.store.lease_webhook(permit, key, lease, self.clock.now()).await? else {
            return Ok(Rest::default());
        };
        let work = pin!(self.drain(row, lease));
        let rest = tokio::select! {
            rest = work => rest,
            () = self.keep(key, lease) => Ok(Rest::default()),
        };
        self.store.release_webhook(permit, key, lease).await?;
        rest
    }

    /// Renews the lease; ends when it is lost.
    async fn keep(&self, key: Key, lease: Uuid) {
        loop {
            tokio::time::sleep(RENEW).await;
            match self.store.renew_webhook(HostPermit::new(PERMIT), key, lease, self.clock.now()).await {
                Ok(Some(_)) => {}
                Ok(None) => return,
                Err(error) => tracing::warn!(%error, "a lease was not renewed"),
            }
        }
    }

    async fn drain(&self, row: WebhookRow, lease: Uuid) -> Result<Rest, AppError> {
        let mut row = self.with_secrets(row).await?;
        let permit = HostPermit::new(PERMIT);
        let key = (row.tenant, row.id);
        let closing = self.news.closing();
        let mut progress = false;
        while !*closing.borrow() {
            let fanned = self.fan_out(&mut row, lease).await?;
            if fanned == Fanned::Lost {
                break;
            }
            progress |= fanned == Fanned::Moved;
            let due = self.store.due(permit, key, self.clock.now(), BATCH).await?;
            if due.is_empty() {
                if fanned == Fanned::Stands {
                    break;
                }
                continue;
            }
            progress = true;
            self.attempt_all(&row, lease, &due).await?;
            // What it has become meanwhile: another address, switched off, paused.
            match self.store.renew_webhook(permit, key, lease, self.clock.now()).await? {
                Some(now) => row = self.with_secrets(now).await?,
                None => break,
            }
            if row.paused_until.is_some_and(|until| until > self.clock.now()) {
                break;
            }
        }
        let next = self.store.next_due(permit, key).await?;
        Ok(Rest { progress, next: next.max(next.and(row.paused_until)) })
    }

    async fn attempt_all(&self, row: &WebhookRow, lease: Uuid, due: &[DueDelivery]) -> Result<(), AppError> {
        let batch = attempt::Batch::new(self, row, lease);
        let attempts: Vec<_> = due.iter().map(|delivery| batch.attempt(delivery)).collect();
        let mut sent = pin!(stream::iter(attempts).buffer_unordered(REQUESTS));
        while let Some(attempted) = sent.next().await {
            attempted?;
        }
        Ok(())
    }

    /// Puts the next events of the log into deliveries.
    async fn fan_out(&self, row: &mut WebhookRow, lease: Uuid) -> Result<Fanned, AppError> {
        let permit = HostPermit::new(PERMIT);
        let key = (row.tenant, row.id);
        if self.store.waiting(permit, key, MAX_WAITING).await? >= MAX_WAITING {
            return Ok(Fanned::Stands);
        }
        let window = self.store.events_to_deliver(permit, row.tenant, row.cursor, WINDOW).await?;
        let Some(last) = window.events.last().map(|event| event.position) else { return Ok(Fanned::Stands) };
        let types: Vec<TypePattern> = row.types.iter().filter_map(|text| TypePattern::parse(text).ok()).collect();
        let wanted = window.events.iter().filter(|event| any_matches(&types, &event.event_type()));
        let deliveries: Vec<NewDelivery> = wanted
            .map(|event| NewDelivery {
                event: event.id,
                position: event.position,
                event_type: event.event_type(),
                record: event.record,
            })
            .collect();
        if !self.store.fan_out(permit, key, lease, last, &deliveries, self.clock.now()).await? {
            return Ok(Fanned::Lost);
        }
        row.cursor = last;
        Ok(Fanned::Moved)
    }
}
