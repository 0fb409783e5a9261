//! What a tenant uses of what it may: for its admins, and for the operator.

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{PoisonError, RwLock};
use std::time::Duration;

use serde::Serialize;
use utoipa::ToSchema;

use super::operators::Operator;
use super::tenants::{TenantView, Term};
use super::{App, AppError};
use crate::access::{Chore, HostPermit, Read};
use crate::domain::caller::Caller;
use crate::domain::id::TenantId;
use crate::domain::permission::Area;
use crate::domain::tenant::{TenantLimits, TenantState};
use crate::store::TenantRow;

/// How long before its end a term is said to end soon.
const SOON: Duration = Duration::from_hours(14 * 24);
/// Days of requests that are told.
const DAYS: Duration = Duration::from_hours(30 * 24);

/// Requests by tenant, until they are written down.
#[derive(Default)]
pub(super) struct Requests(RwLock<HashMap<TenantId, AtomicI64>>);

/// What a tenant uses.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct UsageView {
    /// Active users.
    pub users: i64,
    /// API keys that work.
    pub keys: i64,
    /// Modules that are switched on.
    pub modules: i64,
    /// Records by object, without deleted ones.
    pub records: BTreeMap<String, i64>,
    /// Bytes of files, with those of imports and exports.
    pub file_bytes: i64,
    /// Requests of this day, in UTC.
    pub requests_today: i64,
    /// Requests of this day and the 30 before.
    pub requests_30_days: i64,
    /// Calls of modules of this day and the 30 before.
    pub module_calls_30_days: i64,
    /// Microseconds of CPU time that they took.
    pub module_cpu_us_30_days: i64,
    /// Where the tenant stands.
    pub state: TenantState,
    /// What it is sold as.
    pub plan: Option<String>,
    /// For how long it may be used.
    pub term: Term,
    /// How much it may have.
    pub limits: TenantLimits,
    /// What should be known: `term_ends_soon` within 14 days of its end, `users_at_limit`, `modules_at_limit`.
    pub notices: Vec<String>,
}

impl Requests {
    /// One more.
    pub fn count(&self, tenant: TenantId) {
        let known = self.0.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = known.get(&tenant) {
            count.fetch_add(1, Ordering::Relaxed);
            return;
        }
        drop(known);
        let mut all = self.0.write().unwrap_or_else(PoisonError::into_inner);
        all.entry(tenant).or_default().fetch_add(1, Ordering::Relaxed);
    }

    fn take(&self) -> Vec<(TenantId, i64)> {
        let mut all = self.0.write().unwrap_or_else(PoisonError::into_inner);
        all.drain().map(|(tenant, count)| (tenant, count.into_inner())).collect()
    }
}

impl App {
    /// What the caller's tenant uses.
    pub async fn usage(&self, caller: &Caller) -> Result<UsageView, AppError> {
        let permit = self.access.check_area::<Read>(caller, Area::Tenant)?;
        let row = self.store.tenant(HostPermit::new(Chore::Serve), permit.tenant()).await?;
        self.usage_view(&row.ok_or(AppError::Unauthenticated)?).await
    }

    /// What a tenant uses, for the operator.
    pub async fn usage_of(&self, _: &Operator, name: &str) -> Result<UsageView, AppError> {
        let row = self.tenant_row(name).await?;
        self.usage_view(&row).await
    }

    async fn usage_view(&self, row: &TenantRow) -> Result<UsageView, AppError> {
        let (permit, now, tenant) = (HostPermit::new(Chore::Serve), self.clock.now(), row.id);
        self.note_requests().await?;
        self.note_costs().await?;
        let used = self.store.used(permit, tenant, now).await?;
        let mut records = BTreeMap::new();
        for object in self.catalog(tenant).await?.schema.objects() {
            let count = self.store.count_records(permit, tenant, object).await?;
            records.insert(object.name.clone(), count);
        }
        let TenantView { plan, term, state, .. } = TenantView::from(row);
        let limits = self.limits_of(&row.tenancy).await?;
        let is_at = |most: Option<u32>, has: i64| most.is_some_and(|most| has >= i64::from(most));
        let notices = [
            ("term_ends_soon", row.tenancy.ends_at.is_some_and(|end| end <= now.plus(SOON))),
            ("users_at_limit", is_at(limits.max_users, used.users)),
            ("modules_at_limit", is_at(limits.max_modules, used.modules)),
        ];
        let (calls, cpu) = self.store.plugin_calls_since(permit, tenant, &day(now.minus(DAYS))).await?;
        Ok(UsageView {
            users: used.users,
            keys: used.keys,
            modules: used.modules,
            records,
            file_bytes: used.file_bytes,
            requests_today: self.store.requests_since(permit, tenant, &day(now)).await?,
            requests_30_days: self.store.requests_since(permit, tenant, &day(now.minus(DAYS))).await?,
            module_calls_30_days: calls,
            module_cpu_us_30_days: cpu,
            state,
            plan,
            term,
            limits,
            notices: notices.into_iter().filter(|(_, is_so)| *is_so).map(|(code, _)| code.to_owned()).collect(),
        })
    }

    /// Writes down how many requests there were since the last time.
    pub async fn note_requests(&self) -> Result<(), AppError> {
        let counts = self.requests.take();
        Ok(self.store.add_requests(HostPermit::new(Chore::Serve), &day(self.clock.now()), &counts).await?)
    }
}

/// The day of a moment, in UTC.
pub(super) fn day(at: crate::domain::clock::Timestamp) -> String {
    at.to_string().chars().take(10).collect()
}
