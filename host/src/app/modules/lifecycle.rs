//! What follows when a module is switched on or off, or changes its version:
//! the module is told inside the same commit, its tasks are set, and it hears
//! of events from then on.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::plan::last_told;
use crate::access::{Chore, HostPermit};
use crate::app::catalog::{Catalog, Module};
use crate::app::settle::settle_all;
use crate::app::unit_of_work::Work;
use crate::app::{App, AppError};
use crate::domain::caller::Caller;
use crate::domain::plugin::{ExtensionPoint, Input, Manifest};
use crate::store::{Further, ModuleRow, Unit};

/// What happens to a module.
enum Turn {
    /// It is switched on; the version that ran before, when that was another one.
    On {
        from: Option<String>,
    },
    Off,
    Onto {
        from: String,
    },
}

impl Turn {
    fn of(before: Option<&ModuleRow>, after: &ModuleRow) -> Option<Self> {
        let last = before.and_then(last_told).filter(|last| *last != after.version);
        match before.filter(|before| before.enabled) {
            None => (after.enabled && after.revoked.is_none()).then_some(Self::On { from: last }),
            Some(_) if !after.enabled => Some(Self::Off),
            // One whose version was revoked was never switched off: it goes on with the next version.
            Some(before) if before.version != after.version => {
                Some(Self::Onto { from: last.unwrap_or_else(|| before.version.clone()) })
            }
            Some(_) => None,
        }
    }

    /// What the module is told, in this order.
    fn words(&self, to: &str) -> Vec<Input> {
        let upgrade = |from: &String| Input::Upgrade { from: from.clone(), to: to.to_owned() };
        match self {
            Self::On { from } => from.iter().map(upgrade).chain([Input::Enable]).collect(),
            Self::Off => vec![Input::Disable],
            Self::Onto { from } => vec![upgrade(from)],
        }
    }
}

impl App {
    /// What is committed with a change of modules: what they wrote when they were told of it, and what the host
    /// notes of them.
    pub(super) async fn consequences(self: &Arc<Self>, caller: &Caller, rows: &[ModuleRow]) -> Result<Unit, AppError> {
        let permit = HostPermit::new(Chore::Serve);
        let before = self.store.modules_of(permit, caller.tenant).await?;
        let old = self.catalog(caller.tenant).await?;
        let (own_version, own) = self.own_schema(caller.tenant).await?;
        let is_other = |row: &&ModuleRow| !rows.iter().any(|new| new.plugin == row.plugin);
        let all: Vec<ModuleRow> = before.iter().filter(is_other).chain(rows).cloned().collect();
        let new = self.build_catalog(caller.tenant, all, own_version, own).await?;
        let new = Arc::new(Catalog { timezone: old.timezone, ..new });
        let work = Arc::new(Work::begin(self, caller, &new, BTreeSet::new()));
        let mut steps = Vec::new();
        for row in rows {
            let known = before.iter().find(|known| known.plugin == row.plugin);
            let Some(turn) = Turn::of(known, row) else { continue };
            let catalog = if matches!(turn, Turn::Off) { &old } else { &new };
            // One that must not run is told nothing, and yet leaves no task behind.
            if let Some(module) = catalog.module(&row.plugin) {
                self.tell(&work, module, turn.words(&row.version)).await?;
            }
            steps.extend(self.notes(&new, known, &turn, caller, row).await?);
        }
        settle_all(&work).await?;
        let mut unit = work.finish(None).await;
        unit.further.extend(steps);
        Ok(unit)
    }

    /// Tells a module what happens to it; its fault stops it.
    async fn tell(&self, work: &Arc<Work>, module: &Module, words: Vec<Input>) -> Result<(), AppError> {
        if !module.plugin.compiled.has(ExtensionPoint::Lifecycle) {
            return Ok(());
        }
        for input in words {
            let told = self.invoke(work, module, None, input).await;
            told.map_err(|failure| AppError::Hook { plugin: module.manifest.id.clone(), failure })?;
        }
        Ok(())
    }

    /// The steps by which its tasks come, and events do.
    async fn notes(
        &self,
        new: &Catalog,
        before: Option<&ModuleRow>,
        turn: &Turn,
        caller: &Caller,
        row: &ModuleRow,
    ) -> Result<Vec<Further>, AppError> {
        let permit = HostPermit::new(Chore::Serve);
        let (tenant, plugin) = (caller.tenant, row.plugin.as_str());
        let on = new.module(plugin).map(|module| (module, new.timezone));
        let mut steps = self.schedule_steps(tenant, plugin, on);
        let hears = |manifest: &Manifest| manifest.hooks.on_events.is_some();
        let heard = match before {
            Some(before) if matches!(turn, Turn::Onto { .. }) => {
                hears(&self.plugin(plugin, &before.version).await?.compiled.manifest)
            }
            _ => false,
        };
        if !on.is_some_and(|(module, _)| hears(&module.manifest)) {
            steps.push(self.store.end_consumer(permit, tenant, plugin));
        } else if !heard {
            let end = self.store.end_of_events(tenant).await?;
            steps.push(self.store.begin_consumer(permit, tenant, plugin, end));
        }
        Ok(steps)
    }

    /// The same steps for a module of a tenant that is about to be made.
    pub(in crate::app) fn first_notes(
        &self,
        tenant: crate::domain::id::TenantId,
        module: &Module,
        timezone: chrono_tz::Tz,
    ) -> Vec<Further> {
        let plugin = module.manifest.id.as_str();
        let mut steps = self.schedule_steps(tenant, plugin, Some((module, timezone)));
        if module.manifest.hooks.on_events.is_some() {
            let start = crate::domain::position::Position::START;
            steps.push(self.store.begin_consumer(HostPermit::new(Chore::Serve), tenant, plugin, start));
        }
        if module.plugin.compiled.has(ExtensionPoint::Lifecycle) {
            steps.push(self.first_word(tenant, plugin));
        }
        steps
    }
}
