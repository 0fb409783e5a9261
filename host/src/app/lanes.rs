//! Lanes: where commands that lost a race for the same record queue up.
//!
//! Reads are optimistic, so two commands on one record cost one of them a
//! second run. With many, the losers would keep losing. A loser takes the
//! record's lane before it runs again, and a command that meets a record
//! whose lane is taken joins the queue at once. A lane is no database lock:
//! without it everything would still be right, only slower.

use std::collections::{BTreeSet, HashMap};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, MutexGuard, PoisonError};

use tokio::sync::{Mutex, OwnedMutexGuard};
use uuid::Uuid;

use crate::domain::id::TenantId;

/// The record that a lane is for.
pub type LaneKey = (TenantId, String, Uuid);

type Open = HashMap<LaneKey, Arc<Mutex<()>>>;

/// The lanes of this node that somebody holds or waits for.
#[derive(Default)]
pub struct Lanes {
    open: std::sync::Mutex<Open>,
    /// Number of open lanes: nearly always none, and then nobody has to look.
    count: AtomicUsize,
}

/// The lanes that a command holds, until it ends.
pub struct Held<'a> {
    lanes: &'a Lanes,
    wanted: BTreeSet<LaneKey>,
    guards: Vec<OwnedMutexGuard<()>>,
}

impl Lanes {
    /// No lanes yet.
    pub fn hold_none(&self) -> Held<'_> {
        Held { lanes: self, wanted: BTreeSet::new(), guards: Vec::new() }
    }

    /// Whether somebody holds the lane or waits for it.
    pub fn is_taken(&self, lane: &LaneKey) -> bool {
        self.count.load(Ordering::Relaxed) > 0 && self.open().contains_key(lane)
    }

    fn open(&self) -> MutexGuard<'_, Open> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Held<'_> {
    /// Adds a lane to those held. All are given back and taken again in one
    /// order, so that nobody waits in a ring.
    pub async fn join(&mut self, lane: LaneKey) {
        self.guards.clear();
        self.wanted.insert(lane);
        for lane in &self.wanted {
            let mutex = {
                let mut open = self.lanes.open();
                let mutex = Arc::clone(open.entry(lane.clone()).or_default());
                self.lanes.count.store(open.len(), Ordering::Relaxed);
                mutex
            };
            self.guards.push(mutex.lock_owned().await);
        }
    }

    /// Which they are.
    pub fn lanes(&self) -> BTreeSet<LaneKey> {
        self.wanted.clone()
    }
}

impl Drop for Held<'_> {
    fn drop(&mut self) {
        if self.wanted.is_empty() {
            return;
        }
        self.guards.clear();
        let mut open = self.lanes.open();
        for lane in &self.wanted {
            // Nobody else holds it or waits for it.
            if open.get(lane).is_some_and(|mutex| Arc::strong_count(mutex) == 1) {
                open.remove(lane);
            }
        }
        self.lanes.count.store(open.len(), Ordering::Relaxed);
    }
}
