//! Lanes: where commands that lost a race for the same record queue up.
//!
//! Reads are optimistic, so two commands on one record cost one of them a
//! second run. With many, the losers would keep losing. A loser takes the
//! record's lane before it runs again, and a command that meets a record
//! whose lane is taken joins the queue at once. A lane is no database lock:
//! without it everything would still be right, only slower.

use std::collections::{BTreeSet, HashSet};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

use tokio::sync::{Mutex, OwnedMutexGuard};
use uuid::Uuid;

use crate::domain::id::TenantId;

/// Records share lanes; sharing one costs a little waiting and nothing else.
const LANES: usize = 1_024;

/// All lanes of this node.
pub struct Lanes(Vec<Arc<Mutex<()>>>);

/// The lanes that a command holds.
#[derive(Default)]
pub struct Held {
    wanted: BTreeSet<usize>,
    guards: Vec<OwnedMutexGuard<()>>,
}

impl Default for Lanes {
    fn default() -> Self {
        Self((0..LANES).map(|_| Arc::default()).collect())
    }
}

impl Lanes {
    /// Whether somebody holds the lane.
    pub fn is_taken(&self, lane: usize) -> bool {
        self.0[lane].try_lock().is_err()
    }

    /// Adds a lane to those held. All are given back and taken again in one
    /// order, so that nobody waits in a ring.
    pub async fn join(&self, held: &mut Held, lane: usize) {
        held.guards.clear();
        held.wanted.insert(lane);
        for &lane in &held.wanted {
            held.guards.push(Arc::clone(&self.0[lane]).lock_owned().await);
        }
    }
}

/// The lane of a record.
pub fn lane_of(tenant: TenantId, object: &str, id: Uuid) -> usize {
    let mut hasher = DefaultHasher::new();
    (tenant, object, id).hash(&mut hasher);
    usize::try_from(hasher.finish() % LANES as u64).unwrap_or(0)
}

impl Held {
    /// Which they are.
    pub fn lanes(&self) -> HashSet<usize> {
        self.wanted.iter().copied().collect()
    }
}
