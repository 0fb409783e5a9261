//! How much a key, and a tenant, may ask in a time: token buckets, in the memory of each node.

use std::collections::HashMap;
use std::num::NonZeroU32;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use governor::clock::{Clock as _, QuantaClock};
use governor::middleware::StateInformationMiddleware;
use governor::state::keyed::DashMapStateStore;
use governor::{Quota, RateLimiter};
use uuid::Uuid;

use super::{App, AppError, Operator, Settings};
use crate::domain::caller::Caller;

/// How many seconds' worth may be asked at once.
const BURST: u32 = 2;

type Buckets = RateLimiter<Uuid, DashMapStateStore<Uuid>, QuantaClock, StateInformationMiddleware>;

/// The buckets of one kind.
struct Limit {
    /// `key` or `tenant`.
    name: &'static str,
    /// Requests a second.
    rate: u32,
    buckets: Buckets,
}

/// What is left in a bucket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Allowance {
    /// Whose bucket: `key` or `tenant`.
    pub name: &'static str,
    /// Requests that it holds when it is full.
    pub quota: u32,
    /// Seconds in which an empty one fills.
    pub window: u32,
    /// Requests that are left now.
    pub remaining: u32,
    /// Seconds until it is full.
    pub reset: u32,
}

/// The limits of requests.
pub(super) struct Limits {
    clock: QuantaClock,
    keys: Option<Limit>,
    tenants: Option<Limit>,
    /// Of tenants that have a rate of their own, by the rate.
    own: RwLock<HashMap<NonZeroU32, Arc<Limit>>>,
}

impl Limit {
    fn new(name: &'static str, rate: Option<NonZeroU32>) -> Option<Self> {
        let rate = rate?;
        let burst = rate.saturating_mul(NonZeroU32::new(BURST)?);
        let quota = Quota::per_second(rate).allow_burst(burst);
        let buckets = RateLimiter::dashmap(quota).with_middleware();
        Some(Self { name, rate: rate.get(), buckets })
    }

    fn take(&self, whose: Uuid, clock: &QuantaClock) -> Result<Allowance, AppError> {
        let quota = self.rate.saturating_mul(BURST);
        match self.buckets.check_key(&whose) {
            Ok(left) => {
                let remaining = left.remaining_burst_capacity();
                let reset = quota.saturating_sub(remaining).div_ceil(self.rate);
                Ok(Allowance { name: self.name, quota, window: BURST, remaining, reset })
            }
            Err(not_yet) => {
                let wait = not_yet.wait_time_from(clock.now()).max(Duration::from_millis(1));
                Err(AppError::TooManyRequests { of: self.name, rate: self.rate, wait })
            }
        }
    }
}

impl Limits {
    pub fn new(settings: &Settings) -> Self {
        Self {
            clock: QuantaClock::default(),
            keys: Limit::new("key", settings.key_rate),
            tenants: Limit::new("tenant", settings.tenant_rate),
            own: RwLock::default(),
        }
    }

    /// The buckets of tenants that have this rate.
    fn own(&self, rate: NonZeroU32) -> Option<Arc<Limit>> {
        if let Some(limit) = self.own.read().unwrap_or_else(PoisonError::into_inner).get(&rate) {
            return Some(Arc::clone(limit));
        }
        let made = Arc::new(Limit::new("tenant", Some(rate))?);
        let mut own = self.own.write().unwrap_or_else(PoisonError::into_inner);
        Some(Arc::clone(own.entry(rate).or_insert(made)))
    }

    /// Forgets buckets that are full again.
    pub fn forget_full(&self) {
        let own: Vec<_> = self.own.read().unwrap_or_else(PoisonError::into_inner).values().cloned().collect();
        for limit in [&self.keys, &self.tenants].into_iter().flatten().chain(own.iter().map(|limit| &**limit)) {
            limit.buckets.retain_recent();
            limit.buckets.shrink_to_fit();
        }
    }
}

impl App {
    /// Takes one request from what the caller may ask; says what is left.
    pub async fn take_request(&self, caller: &Caller) -> Result<Vec<Allowance>, AppError> {
        let Limits { clock, keys, tenants, .. } = &self.limits;
        let own = self.served(caller.tenant).await?.limits.requests_per_second.and_then(|rate| self.limits.own(rate));
        let whose = [(keys.as_ref(), caller.asker()), (own.as_deref().or(tenants.as_ref()), caller.tenant.0)];
        let limits = whose.into_iter().filter_map(|(limit, whose)| limit.map(|limit| (limit, whose)));
        let left = limits.map(|(limit, whose)| limit.take(whose, clock)).collect();
        self.requests.count(caller.tenant);
        left
    }

    /// The same for an operator.
    pub fn take_operation(&self, operator: &Operator) -> Result<Vec<Allowance>, AppError> {
        let Limits { clock, keys, .. } = &self.limits;
        let whose = operator.key.unwrap_or_default();
        keys.iter().map(|limit| limit.take(whose, clock)).collect()
    }
}
