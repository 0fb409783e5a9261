//! What calls of modules cost: counted in memory, per tenant, module and extension point.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use super::App;
use super::catalog::Module;
use crate::domain::id::TenantId;
use crate::domain::plugin::ExtensionPoint;
use crate::plugin::{Failure, Spent};

/// Whose calls, and where: tenant, plugin, version and extension point.
pub type Account = (TenantId, String, String, ExtensionPoint);

/// What they came to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cost {
    /// How many.
    pub calls: u64,
    /// Those that failed by the plugin's doing, its refusals not among them.
    pub failures: u64,
    /// CPU time in microseconds.
    pub cpu_us: u64,
    /// Wall time in microseconds.
    pub wall_us: u64,
    /// Most memory of one call in bytes.
    pub peak_memory: u64,
    /// Host calls.
    pub host_calls: u64,
}

/// What is not written down yet.
#[derive(Default)]
pub(super) struct Meters(Mutex<HashMap<Account, Cost>>);

impl App {
    /// Counts a call.
    pub(super) fn account(
        &self,
        tenant: TenantId,
        module: &Module,
        point: ExtensionPoint,
        spent: &Spent,
        failure: Option<&Failure>,
    ) {
        let manifest = &module.manifest;
        let mut meters = self.meters.0.lock().unwrap_or_else(PoisonError::into_inner);
        let cost = meters.entry((tenant, manifest.id.clone(), manifest.version.clone(), point)).or_default();
        let micros = |time: std::time::Duration| u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
        cost.calls += 1;
        cost.failures += u64::from(failure.is_some_and(Failure::is_breakage));
        cost.cpu_us += micros(spent.cpu);
        cost.wall_us += micros(spent.wall);
        cost.peak_memory = cost.peak_memory.max(spent.memory as u64);
        cost.host_calls += u64::from(spent.host_calls);
    }
}
