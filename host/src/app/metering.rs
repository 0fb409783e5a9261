//! What calls of modules cost: counted in memory, per tenant, module, extension point and day, and written down now
//! and then; what several nodes count adds up.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use super::catalog::Module;
use super::usage::day;
use super::{App, AppError};
use crate::access::{Chore, HostPermit};
use crate::domain::accountability::Cost;
use crate::domain::id::TenantId;
use crate::domain::plugin::ExtensionPoint;
use crate::plugin::{Failure, Spent};
use crate::store::UsageRow;

/// Microseconds of a day.
const DAY: i64 = 86_400_000_000;

/// Whose calls, where and when: tenant, plugin, version, extension point, and the day counted from 1970.
type Account = (TenantId, String, String, ExtensionPoint, i64);

/// What is not written down yet.
#[derive(Default)]
pub(super) struct Meters(Mutex<HashMap<Account, Cost>>);

impl App {
    /// Counts a call; `cost` is what it read and wrote.
    pub(super) fn account(
        &self,
        tenant: TenantId,
        module: &Module,
        point: ExtensionPoint,
        spent: &Spent,
        cost: Cost,
        failure: Option<&Failure>,
    ) {
        let manifest = &module.manifest;
        self.metrics.sent(module, point, cost.bytes_sent);
        let micros = |time: std::time::Duration| u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
        let cost = Cost {
            calls: 1,
            failures: u64::from(failure.is_some_and(Failure::is_breakage)),
            cpu_us: micros(spent.cpu),
            wall_us: micros(spent.wall),
            peak_memory: spent.memory as u64,
            host_calls: u64::from(spent.host_calls),
            ..cost
        };
        let today = self.clock.now().micros().div_euclid(DAY);
        self.meters.add((tenant, manifest.id.clone(), manifest.version.clone(), point, today), &cost);
    }

    /// Writes down what calls cost since the last time.
    pub async fn note_costs(&self) -> Result<(), AppError> {
        let mut by_tenant: HashMap<TenantId, Vec<(Account, Cost)>> = HashMap::new();
        for (account, cost) in self.meters.take() {
            by_tenant.entry(account.0).or_default().push((account, cost));
        }
        let mut failed = None;
        for (tenant, accounts) in by_tenant {
            let row = |((_, plugin, version, point, at), cost): &(Account, Cost)| UsageRow {
                day: day(crate::domain::clock::Timestamp::from_micros(at * DAY)),
                plugin: plugin.clone(),
                version: version.clone(),
                point: point.name().to_owned(),
                cost: *cost,
            };
            let rows: Vec<UsageRow> = accounts.iter().map(row).collect();
            let added = self.store.add_plugin_usage(HostPermit::new(Chore::Serve), tenant, &rows).await;
            if let Err(error) = added {
                // Counted again the next time.
                for (account, cost) in accounts {
                    self.meters.add(account, &cost);
                }
                failed = Some(error);
            }
        }
        failed.map_or(Ok(()), |error| Err(error.into()))
    }
}

impl Meters {
    fn add(&self, account: Account, cost: &Cost) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).entry(account).or_default().add(cost);
    }

    fn take(&self) -> HashMap<Account, Cost> {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
