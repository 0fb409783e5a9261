//! Calls of modules under way: whose turn it is, and who has failed too often.

use std::collections::HashMap;
use std::num::NonZeroU32;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore, SemaphorePermit};

use crate::domain::clock::Timestamp;
use crate::domain::id::TenantId;
use crate::domain::plugin::caps;
use crate::domain::tenant::PluginLimits;
use crate::plugin::{Failure, Queue};

/// Calls of one tenant at the same time, when nothing else is said.
const OF_TENANT: usize = 32;
/// The same for one module.
const OF_MODULE: usize = 8;
/// Runs at the same time that only try a version.
const TRIALS: usize = 1;
/// Longest wait for a turn.
const QUEUE_DEADLINE: Duration = Duration::from_secs(2);
/// So many failures within this time suspend a module.
const FAILURES: usize = 5;
const WINDOW: Duration = Duration::from_mins(1);
/// How long the first time; each further time in a row doubles it, up to the longest.
const FIRST: Duration = Duration::from_mins(1);
const LONGEST: Duration = Duration::from_mins(30);

/// The modules that this node calls.
#[derive(Default)]
pub(super) struct Runs {
    tenants: Mutex<HashMap<TenantId, Arc<OfTenant>>>,
    trials: Trials,
}

/// Places for trying versions of modules.
struct Trials(Semaphore);

impl Default for Trials {
    fn default() -> Self {
        Self(Semaphore::new(TRIALS))
    }
}

/// Those of one tenant.
struct OfTenant {
    places: Places,
    /// Where its calls wait that take long.
    queue: Queue,
    modules: Mutex<HashMap<String, Arc<OfModule>>>,
}

/// How many places there are, and those that are free.
struct Places(Mutex<(usize, Arc<Semaphore>)>);

impl Places {
    fn new(count: usize) -> Self {
        Self(Mutex::new((count, Arc::new(Semaphore::new(count)))))
    }

    /// So many places. When there were others, calls that have one of those keep it.
    fn of(&self, count: usize) -> Arc<Semaphore> {
        let mut places = lock(&self.0);
        if places.0 != count {
            *places = (count, Arc::new(Semaphore::new(count)));
        }
        Arc::clone(&places.1)
    }
}

/// One module.
struct OfModule {
    places: Places,
    queue: Queue,
    health: Mutex<Health>,
}

/// How a module has done lately.
#[derive(Default)]
struct Health {
    failures: Vec<Timestamp>,
    /// Suspensions in a row.
    strikes: u32,
    until: Option<Timestamp>,
}

/// A turn: as long as it is there, the call counts.
pub(super) struct Turn {
    pub queue: Queue,
    module: Arc<OfModule>,
    _places: Option<(OwnedSemaphorePermit, OwnedSemaphorePermit)>,
}

impl Runs {
    /// Waits for a turn of this module; a call inside another one has that one's.
    pub async fn turn(
        &self,
        tenant: TenantId,
        plugin: &str,
        is_inner: bool,
        allowed: &PluginLimits,
        now: Timestamp,
    ) -> Result<Turn, Failure> {
        let of_tenant = self.of_tenant(tenant);
        let count = |own: Option<NonZeroU32>, usual, most: u32| own.map_or(usual, |own| own.get().min(most) as usize);
        let module = of_tenant.of_module(plugin);
        if let Some(until) = lock(&module.health).until.filter(|until| *until > now) {
            let wait = Duration::from_micros(u64::try_from(until.micros() - now.micros()).unwrap_or(0));
            return Err(Failure::Suspended { wait });
        }
        let queue = module.queue.clone();
        if is_inner {
            return Ok(Turn { queue, module, _places: None });
        }
        let turn = async {
            let own = module.places.of(count(allowed.module_at_once, OF_MODULE, caps::MODULE_AT_ONCE));
            let own = own.acquire_owned().await.ok()?;
            let all = of_tenant.places.of(count(allowed.at_once, OF_TENANT, caps::AT_ONCE));
            Some((own, all.acquire_owned().await.ok()?))
        };
        let places = tokio::time::timeout(QUEUE_DEADLINE, turn).await.map_err(|_| Failure::Overloaded)?;
        Ok(Turn { queue, module, _places: places })
    }

    /// Waits for a place to try a version of a module.
    pub async fn trial(&self) -> Result<SemaphorePermit<'_>, Failure> {
        let place = tokio::time::timeout(QUEUE_DEADLINE, self.trials.0.acquire()).await;
        place.map_err(|_| Failure::Overloaded)?.map_err(|_| Failure::HostFault)
    }

    /// Until when a module is suspended here.
    pub fn suspended_until(&self, tenant: TenantId, plugin: &str, now: Timestamp) -> Option<Timestamp> {
        let module = self.of_tenant(tenant).of_module(plugin);
        let until = lock(&module.health).until;
        until.filter(|until| *until > now)
    }

    /// How many modules are suspended here.
    pub fn suspended(&self, now: Timestamp) -> usize {
        let tenants: Vec<_> = lock(&self.tenants).values().cloned().collect();
        let is_suspended = |module: &Arc<OfModule>| lock(&module.health).until.is_some_and(|until| until > now);
        tenants.iter().map(|tenant| lock(&tenant.modules).values().filter(|module| is_suspended(module)).count()).sum()
    }

    /// Has a module begin anew, because somebody has looked at it.
    pub fn forgive(&self, tenant: TenantId, plugin: &str) {
        *lock(&self.of_tenant(tenant).of_module(plugin).health) = Health::default();
    }

    /// Suspends a module at once.
    pub fn suspend(&self, tenant: TenantId, plugin: &str, now: Timestamp) {
        lock(&self.of_tenant(tenant).of_module(plugin).health).suspend(now);
    }

    fn of_tenant(&self, tenant: TenantId) -> Arc<OfTenant> {
        let new = || OfTenant { places: Places::new(OF_TENANT), queue: Queue::default(), modules: Mutex::default() };
        Arc::clone(lock(&self.tenants).entry(tenant).or_insert_with(|| Arc::new(new())))
    }
}

impl OfTenant {
    fn of_module(&self, plugin: &str) -> Arc<OfModule> {
        let mut modules = lock(&self.modules);
        if let Some(known) = modules.get(plugin) {
            return Arc::clone(known);
        }
        let new = Arc::new(OfModule {
            places: Places::new(OF_MODULE),
            queue: self.queue.of_another(),
            health: Mutex::default(),
        });
        modules.insert(plugin.to_owned(), Arc::clone(&new));
        new
    }
}

impl Turn {
    /// Keeps how a call went. Says until when the module is suspended, when this was one failure too many.
    pub fn judge(&self, failure: Option<&Failure>, now: Timestamp) -> Option<Timestamp> {
        let mut health = lock(&self.module.health);
        if !failure.is_some_and(Failure::is_breakage) {
            let is_quiet = health.until.is_some_and(|until| until.plus(WINDOW) <= now);
            if failure.is_none() && is_quiet {
                // It has worked again for a while: one good call between bad ones is none.
                *health = Health::default();
            }
            return None;
        }
        health.failures.retain(|at| *at > now.minus(WINDOW));
        health.failures.push(now);
        // One that comes back from a suspension has no further tries.
        let most = if health.strikes > 0 { 1 } else { FAILURES };
        (health.failures.len() >= most).then(|| health.suspend(now))
    }
}

impl Health {
    fn suspend(&mut self, now: Timestamp) -> Timestamp {
        let until = now.plus(FIRST.saturating_mul(1 << self.strikes.min(5)).min(LONGEST));
        self.failures.clear();
        self.strikes += 1;
        self.until = Some(until);
        until
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
