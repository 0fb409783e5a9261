//! What is kept of calls of modules: what they read and for whom, where bytes went, what they said, how they failed.
//!
//! It is collected in memory while a call runs and written behind it, in bulk. A call has a place in the queue
//! before it begins: where the database cannot follow, calls wait, and nothing is dropped unsaid.

mod call;
mod kept;
mod observed;
mod query;
mod recorder;
mod redaction;
mod views;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};

use super::{App, AppError};
use crate::access::{Chore, HostPermit};
use crate::domain::accountability::CallAccount;
use crate::domain::id::TenantId;
use crate::plugin::Failure;
use crate::store::StoreError;

pub(super) use call::{Watch, spent_of, spot};
pub use kept::{KeptCall, KeptResult};
pub(super) use query::days;
pub(super) use recorder::Recorder;
pub(super) use views::sum;
pub use views::{AccessPage, AccessRequest, CallsRequest, FailurePage, LogPage, ModuleUsageView, UsageSum};

/// Calls whose account is not written yet, and calls that run.
const ROOM: usize = 256;
/// Longest wait for a place.
const PATIENCE: Duration = Duration::from_secs(5);
/// How long until a database that is away is tried again.
const PAUSE: Duration = Duration::from_millis(500);
/// How long what was read is kept.
const ACCESS_KEPT: Duration = Duration::from_hours(90 * 24);
/// How long failures are kept.
const FAILURES_KEPT: Duration = Duration::from_hours(30 * 24);
/// How long figures of days are kept.
const USAGE_KEPT: Duration = Duration::from_hours(400 * 24);

/// The queue of what is to be written.
pub(super) struct Ledger {
    queue: mpsc::Sender<Entry>,
    waiting: Mutex<Option<mpsc::Receiver<Entry>>>,
}

/// Something in the queue.
pub(super) enum Entry {
    /// What a call came to.
    Call(TenantId, Box<CallAccount>),
    /// Somebody who waits until everything before is written.
    Told(oneshot::Sender<()>),
}

/// A place in the queue.
pub(super) type Place = mpsc::OwnedPermit<Entry>;

impl Default for Ledger {
    fn default() -> Self {
        let (queue, waiting) = mpsc::channel(ROOM);
        Self { queue, waiting: Mutex::new(Some(waiting)) }
    }
}

impl Ledger {
    /// Waits for a place.
    pub async fn place(&self) -> Result<Place, Failure> {
        let place = tokio::time::timeout(PATIENCE, self.queue.clone().reserve_owned()).await;
        place.map_err(|_| Failure::Overloaded)?.map_err(|_| Failure::HostFault)
    }

    /// Begins to write, for as long as the application is there.
    pub fn start(app: &Arc<App>) {
        let waiting = app.ledger.waiting.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(waiting) = waiting {
            tokio::spawn(write(Arc::downgrade(app), waiting));
        }
    }
}

/// Writes what comes, until nobody can send anything any more.
async fn write(app: Weak<App>, mut waiting: mpsc::Receiver<Entry>) {
    let mut entries = Vec::with_capacity(ROOM);
    while waiting.recv_many(&mut entries, ROOM).await > 0 {
        let Some(app) = app.upgrade() else { return };
        let mut by_tenant: HashMap<TenantId, Vec<CallAccount>> = HashMap::new();
        let mut told = Vec::new();
        for entry in entries.drain(..) {
            match entry {
                Entry::Call(tenant, account) => by_tenant.entry(tenant).or_default().push(*account),
                Entry::Told(who) => told.push(who),
            }
        }
        for (tenant, accounts) in by_tenant {
            app.keep_accounts(tenant, &accounts).await;
        }
        for who in told {
            let _ = who.send(());
        }
    }
}

impl App {
    /// Writes accounts of calls, however long the database is away.
    async fn keep_accounts(&self, tenant: TenantId, accounts: &[CallAccount]) {
        let permit = HostPermit::new(Chore::Serve);
        loop {
            match self.store.keep_calls(permit, tenant, accounts).await {
                Ok(()) => return,
                Err(StoreError::Unavailable(cause)) => {
                    tracing::warn!(cause, "what modules did cannot be written down yet");
                    tokio::time::sleep(PAUSE).await;
                }
                Err(error) if accounts.len() == 1 => {
                    // The tenant may be gone; or something is wrong that will not be right the next time.
                    let invocation = accounts[0].invocation.id;
                    tracing::error!(%tenant, %invocation, %error, "what a module did is not written down");
                    return;
                }
                Err(_) => break,
            }
        }
        for account in accounts {
            Box::pin(self.keep_accounts(tenant, std::slice::from_ref(account))).await;
        }
    }

    /// Waits until what calls came to is written down, and writes down what they cost.
    pub async fn flush_ledger(&self) -> Result<(), AppError> {
        let (told, is_told) = oneshot::channel();
        let flushed = async {
            if self.ledger.queue.send(Entry::Told(told)).await.is_ok() {
                let _ = is_told.await;
            }
        };
        if tokio::time::timeout(PATIENCE, flushed).await.is_err() {
            tracing::warn!("what modules did is not all written down yet");
        }
        self.note_costs().await
    }

    /// Throws away what has had its time.
    pub(super) async fn forget_calls(&self) -> Result<(), AppError> {
        let (permit, now) = (HostPermit::new(Chore::Operate), self.clock.now());
        for tenant in self.store.tenants_with_modules(permit).await? {
            self.store.forget_plugin_access(permit, tenant, now.minus(ACCESS_KEPT)).await?;
            self.store.forget_failures(permit, tenant, now.minus(FAILURES_KEPT)).await?;
        }
        self.store.forget_plugin_usage(permit, &super::usage::day(now.minus(USAGE_KEPT))).await?;
        Ok(())
    }
}
