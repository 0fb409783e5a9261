//! News: that something was committed, for those who wait for it. What it
//! was they read from the log, so that news may be lost, or come twice.

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::hash::Hash;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::Duration;

use tokio::sync::{Notify, watch};
use uuid::Uuid;

use super::App;
use crate::access::{Chore, HostPermit};
use crate::domain::id::TenantId;

/// Wait before the connection that hears other nodes is tried again.
const AGAIN: Duration = Duration::from_secs(1);
/// Words of one message: PostgreSQL takes 8,000 bytes.
const TOLD_PER_MESSAGE: usize = 100;
/// Before a tenant whose schema, modules or policy have changed.
const CATALOG: char = '!';

/// What of a tenant other nodes are told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Told {
    /// It has new events.
    Events(TenantId),
    /// Its schema, its modules, or who may do what has changed.
    Catalog(TenantId),
}

/// What there is news of.
struct Heap<T> {
    all: Mutex<HashSet<T>>,
    bell: Notify,
}

/// Who waits for news, and what there is to pass on.
pub struct News {
    node: String,
    streams: Mutex<HashMap<TenantId, watch::Sender<u64>>>,
    /// Tenants whose events go to webhooks; of the others the worker hears nothing.
    receivers: RwLock<HashSet<TenantId>>,
    to_deliver: Heap<TenantId>,
    /// Tenants with modules that hear of events.
    hearers: RwLock<HashSet<TenantId>>,
    to_feed: Heap<TenantId>,
    to_tell: Heap<Told>,
    closing: watch::Sender<bool>,
}

impl News {
    /// Of a node that calls itself so.
    pub fn new(node: Uuid) -> Self {
        Self {
            node: node.to_string(),
            streams: Mutex::default(),
            receivers: RwLock::default(),
            to_deliver: Heap::default(),
            hearers: RwLock::default(),
            to_feed: Heap::default(),
            to_tell: Heap::default(),
            closing: watch::Sender::new(false),
        }
    }

    /// Something of this tenant was committed here.
    pub fn committed(&self, tenant: TenantId) {
        self.to_tell.add(Told::Events(tenant));
        self.heard(tenant);
    }

    /// The schema, the modules or the policy of this tenant were changed here.
    pub fn catalog_changed(&self, tenant: TenantId) {
        self.to_tell.add(Told::Catalog(tenant));
    }

    /// Something of this tenant was committed, here or elsewhere.
    pub fn heard(&self, tenant: TenantId) {
        let mut streams = lock(&self.streams);
        if let Some(stream) = streams.get(&tenant) {
            if stream.receiver_count() == 0 {
                streams.remove(&tenant);
            } else {
                stream.send_modify(|count| *count += 1);
            }
        }
        drop(streams);
        if self.receivers.read().unwrap_or_else(PoisonError::into_inner).contains(&tenant) {
            self.to_deliver.add(tenant);
        }
        if self.hearers.read().unwrap_or_else(PoisonError::into_inner).contains(&tenant) {
            self.to_feed.add(tenant);
        }
    }

    /// Something may have been missed.
    fn missed(&self) {
        let tenants: HashSet<TenantId> = lock(&self.streams).keys().copied().collect();
        let receivers = self.receivers.read().unwrap_or_else(PoisonError::into_inner).clone();
        let hearers = self.hearers.read().unwrap_or_else(PoisonError::into_inner).clone();
        let all: HashSet<TenantId> = tenants.into_iter().chain(receivers).chain(hearers).collect();
        for tenant in all {
            self.heard(tenant);
        }
    }

    /// A webhook of this tenant was made or changed.
    pub fn webhook_changed(&self, tenant: TenantId) {
        self.receivers.write().unwrap_or_else(PoisonError::into_inner).insert(tenant);
        self.committed(tenant);
    }

    /// Which tenants have webhooks.
    pub fn set_receivers(&self, tenants: Vec<TenantId>) {
        *self.receivers.write().unwrap_or_else(PoisonError::into_inner) = tenants.into_iter().collect();
    }

    /// Which tenants have modules that hear of events.
    pub fn set_hearers(&self, tenants: Vec<TenantId>) {
        *self.hearers.write().unwrap_or_else(PoisonError::into_inner) = tenants.into_iter().collect();
    }

    /// Waits for tenants whose modules are to hear of something.
    pub async fn to_feed(&self) -> Vec<TenantId> {
        self.to_feed.take().await
    }

    /// Changes whenever there is news of this tenant.
    pub fn subscribe(&self, tenant: TenantId) -> watch::Receiver<u64> {
        lock(&self.streams).entry(tenant).or_insert_with(|| watch::Sender::new(0)).subscribe()
    }

    /// Waits for tenants whose events are to be sent.
    pub async fn to_deliver(&self) -> Vec<TenantId> {
        self.to_deliver.take().await
    }

    /// Becomes true when the host closes.
    pub fn closing(&self) -> watch::Receiver<bool> {
        self.closing.subscribe()
    }

    /// The host closes.
    pub fn close(&self) {
        self.closing.send_replace(true);
    }
}

impl<T> Default for Heap<T> {
    fn default() -> Self {
        Self { all: Mutex::default(), bell: Notify::default() }
    }
}

impl<T: Eq + Hash> Heap<T> {
    fn add(&self, one: T) {
        if lock(&self.all).insert(one) {
            self.bell.notify_one();
        }
    }

    async fn take(&self) -> Vec<T> {
        loop {
            let all: Vec<T> = lock(&self.all).drain().collect();
            if !all.is_empty() {
                return all;
            }
            self.bell.notified().await;
        }
    }
}

/// One word of a message.
impl fmt::Display for Told {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Events(tenant) => write!(formatter, "{tenant}"),
            Self::Catalog(tenant) => write!(formatter, "{CATALOG}{tenant}"),
        }
    }
}

impl Told {
    fn parse(word: &str) -> Option<Self> {
        let tenant = |text: &str| Uuid::parse_str(text).ok().map(TenantId);
        match word.strip_prefix(CATALOG) {
            Some(rest) => tenant(rest).map(Self::Catalog),
            None => tenant(word).map(Self::Events),
        }
    }
}

impl App {
    /// Tells other nodes what was committed here. Not part of the commits:
    /// one message serves many of them, and a lost one only delays.
    pub(super) async fn tell_others(self: Arc<Self>) {
        loop {
            let told = self.news.to_tell.take().await;
            for part in told.chunks(TOLD_PER_MESSAGE) {
                let words: Vec<String> = part.iter().map(ToString::to_string).collect();
                let text = format!("{} {}", self.news.node, words.join(" "));
                if let Err(error) = self.store.tell(HostPermit::new(Chore::Serve), &text).await {
                    tracing::warn!(%error, "other nodes were not told of a commit");
                }
            }
        }
    }

    /// Hears what was committed on other nodes; returns where there is one node.
    pub(super) async fn hear_others(self: Arc<Self>) {
        loop {
            match self.store.hear(HostPermit::new(Chore::Serve)).await {
                Ok(None) => return,
                Ok(Some(mut listener)) => {
                    self.news.missed();
                    loop {
                        match listener.next().await {
                            Ok(Some(text)) => {
                                for told in self.news.read(&text) {
                                    match told {
                                        Told::Events(tenant) => self.news.heard(tenant),
                                        Told::Catalog(tenant) => {
                                            self.catalogs.forget(tenant);
                                            self.forget_policy(tenant).await;
                                            // Streams of a tenant that rests now end.
                                            self.news.heard(tenant);
                                        }
                                    }
                                }
                            }
                            Ok(None) => self.news.missed(),
                            Err(error) => {
                                tracing::warn!(%error, "other nodes are not heard");
                                break;
                            }
                        }
                    }
                }
                Err(error) => tracing::warn!(%error, "other nodes are not heard"),
            }
            tokio::time::sleep(AGAIN).await;
        }
    }
}

impl News {
    /// What another node tells.
    fn read(&self, text: &str) -> Vec<Told> {
        let mut words = text.split(' ');
        if words.next() == Some(self.node.as_str()) {
            return Vec::new();
        }
        words.filter_map(Told::parse).collect()
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_node_reads_what_was_told_and_this_one_does_not() {
        let (one, other) = (News::new(Uuid::from_u128(1)), News::new(Uuid::from_u128(2)));
        let told = [Told::Events(TenantId(Uuid::from_u128(7))), Told::Catalog(TenantId(Uuid::from_u128(8)))];
        let text = format!("{} {} {}", one.node, told[0], told[1]);
        assert_eq!(other.read(&text), told);
        assert!(one.read(&text).is_empty());
        assert!(other.read(&format!("{} !nothing", one.node)).is_empty());
    }
}
