//! The connections, each with whom it is set for.
//!
//! The policies of the tables compare `guildhall.tenant`, a setting of the
//! session, with each row (decision 0019). Whoever takes a connection names a
//! scope, and gets one that is set for it: at no cost when one was used for the
//! same scope before, else after one more round trip.
//!
//! A connection is put back here only by whoever knows that it is sound and
//! still set. In any other case (an error, a request that was cancelled while it
//! waited) it falls back to the pool of sqlx, which cleans it up, and from which
//! it comes as one that is set for nobody.
//!
//! Of the reads of one tenant only some run at the same time (decision 0029):
//! more would make none of them faster, and the reads of others slower.

use std::collections::HashMap;
use std::io;
use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use sqlx::pool::PoolConnection;
use sqlx::postgres::{PgConnection, PgPool, Postgres};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, SemaphorePermit};

use super::super::Scope;
use super::{CONNECTIONS, WAIT, answered};
use crate::domain::id::TenantId;

/// Connections that may stay idle while another one is opened: so that one tenant and the chores beside it do not
/// take turns on one connection.
const SPARE: u32 = 4;
/// Connections that are used at the same time. Those that are spare have room beside them.
const AT_ONCE: u32 = CONNECTIONS - SPARE;
/// Reads of one tenant at the same time for each processor of the node, and at least.
const READS: usize = 2;
const LEAST_READS: usize = 4;
/// Tenants whose reads are counted, before those are forgotten that read nothing.
const READERS: usize = 1_000;
/// What a chore of the host is set for.
const HOST: &str = "*";
/// How long a connection is kept here; the pool closes one that has lived for that long.
const KEPT: Duration = Duration::from_mins(30);
/// How long one is kept that nobody uses.
const UNUSED: Duration = Duration::from_mins(10);

/// The connections of one node.
pub struct Connections {
    pool: PgPool,
    places: Semaphore,
    /// Places of reads of each tenant that reads.
    readers: Mutex<HashMap<TenantId, Arc<Semaphore>>>,
    /// Those that nobody uses now, the least recently used first.
    idle: Mutex<Vec<Idle>>,
}

struct Idle {
    connection: PoolConnection<Postgres>,
    scope: Scope,
    since: Instant,
    taken_from_pool: Instant,
}

/// A connection that is set for a scope. Dropped, it goes back to the pool.
pub struct Taken<'a> {
    of: &'a Connections,
    idle: Idle,
    _place: SemaphorePermit<'a>,
    _turn: Option<OwnedSemaphorePermit>,
}

impl Connections {
    /// Those of this pool.
    pub fn new(pool: PgPool) -> Self {
        Self { pool, places: Semaphore::new(AT_ONCE as usize), readers: Mutex::default(), idle: Mutex::default() }
    }

    /// The pool behind them.
    pub fn pool(&self) -> &PgPool {
        &self.pool
    }

    /// A connection that is set for this scope, for one statement that only reads: when it is the tenant's turn.
    pub async fn take_to_read(&self, scope: Scope) -> Result<Taken<'_>, sqlx::Error> {
        let Scope::Tenant(tenant) = scope else { return self.take(scope).await };
        let readers = self.readers(tenant);
        let turn = if let Ok(turn) = Arc::clone(&readers).try_acquire_owned() {
            turn
        } else {
            let turn = tokio::time::timeout(WAIT, readers.acquire_owned()).await;
            turn.map_err(|_| sqlx::Error::PoolTimedOut)?.map_err(|_| sqlx::Error::PoolClosed)?
        };
        Ok(Taken { _turn: Some(turn), ..self.take(scope).await? })
    }

    /// The places of a tenant's reads.
    fn readers(&self, tenant: TenantId) -> Arc<Semaphore> {
        let mut readers = self.readers.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = readers.get(&tenant) {
            return Arc::clone(known);
        }
        if readers.len() >= READERS {
            readers.retain(|_, places| Arc::strong_count(places) > 1);
        }
        let processors = std::thread::available_parallelism().map_or(1, NonZeroUsize::get);
        let places = Arc::new(Semaphore::new((READS * processors).clamp(LEAST_READS, AT_ONCE as usize)));
        readers.insert(tenant, Arc::clone(&places));
        places
    }

    /// A connection that is set for this scope.
    pub async fn take(&self, scope: Scope) -> Result<Taken<'_>, sqlx::Error> {
        let place = if let Ok(place) = self.places.try_acquire() {
            place
        } else {
            let place = tokio::time::timeout(WAIT, self.places.acquire()).await;
            place.map_err(|_| sqlx::Error::PoolTimedOut)?.map_err(|_| sqlx::Error::PoolClosed)?
        };
        let idle = match self.pick(scope) {
            Some(idle) if idle.scope == scope => idle,
            Some(idle) => Idle { connection: set(idle.connection, scope).await?, scope, ..idle },
            None => {
                let connection = set(Box::pin(self.pool.acquire()).await?, scope).await?;
                let now = Instant::now();
                Idle { connection, scope, since: now, taken_from_pool: now }
            }
        };
        Ok(Taken { of: self, idle, _place: place, _turn: None })
    }

    /// One that is set for the scope already, or, when there are some, the one that was not used for the longest time.
    fn pick(&self, scope: Scope) -> Option<Idle> {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        let has_some = idle.len() >= SPARE as usize;
        let at = idle.iter().rposition(|one| one.scope == scope).or_else(|| has_some.then_some(0))?;
        Some(idle.remove(at))
    }
}

impl Taken<'_> {
    /// To run statements. None of them may change what it is set for.
    pub fn connection(&mut self) -> &mut PgConnection {
        &mut self.idle.connection
    }

    /// Keeps it for whoever comes next: all its statements were answered, and no transaction is open.
    pub fn put_back(mut self) {
        let now = Instant::now();
        if now - self.idle.taken_from_pool > KEPT {
            return;
        }
        self.idle.since = now;
        let Self { of, idle: back, _place, _turn } = self;
        let unused = {
            let mut idle = of.idle.lock().unwrap_or_else(PoisonError::into_inner);
            idle.push(back);
            let is_unused = idle.first().is_some_and(|first| now - first.since > UNUSED);
            is_unused.then(|| idle.remove(0))
        };
        drop(unused);
    }

    /// Gives it up after an error. One whose server is silent is no use to the
    /// pool, which would wait for it, and keep its place until then.
    pub fn give_up(self, error: sqlx::Error) -> sqlx::Error {
        if is_silence(&error) {
            drop(self.idle.connection.detach());
        }
        error
    }
}

impl Drop for Connections {
    fn drop(&mut self) {
        // The pool would want to clean them up, and there may be no runtime any more.
        for idle in self.idle.get_mut().unwrap_or_else(PoisonError::into_inner).drain(..) {
            drop(idle.connection.detach());
        }
    }
}

/// Sets a connection for a scope, outside of any transaction: the end of one could take it back.
async fn set(mut connection: PoolConnection<Postgres>, scope: Scope) -> Result<PoolConnection<Postgres>, sqlx::Error> {
    let value = match scope {
        Scope::Tenant(tenant) => tenant.0.to_string(),
        Scope::Host => HOST.to_owned(),
    };
    let query = sqlx::query("select set_config('guildhall.tenant', $1, false)").bind(value);
    match answered(Box::pin(query.execute(&mut *connection))).await {
        Ok(_) => Ok(connection),
        Err(error) => {
            if is_silence(&error) {
                drop(connection.detach());
            }
            Err(error)
        }
    }
}

fn is_silence(error: &sqlx::Error) -> bool {
    matches!(error, sqlx::Error::Io(cause) if cause.kind() == io::ErrorKind::TimedOut)
}
