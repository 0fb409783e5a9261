//! Calls of modules that are a unit of work of their own: routes, jobs, tasks
//! that are due, events. What the module writes commits with what the host
//! has to note, and runs again when it lost a race.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::catalog::{Catalog, Module};
use super::settle::settle_all;
use super::unit_of_work::{Cause, Work};
use super::{App, AppError};
use crate::access::{Chore, Create, HostPermit};
use crate::domain::caller::Caller;
use crate::domain::id::TenantId;
use crate::domain::permission::Area;
use crate::domain::plugin::{Fault, Input, Output};
use crate::plugin::Failure;
use crate::store::{Conflict, Further};

/// Most runs of one call.
const MAX_RUNS: usize = 64;
/// Most runs because something that a module made was there already.
const MAX_TAKEN: usize = 4;
/// Longest wait for others who change the same records.
const DEADLINE: Duration = Duration::from_secs(10);

/// A call of a module.
pub(super) struct ModuleCall<'a> {
    /// With whose rights.
    pub caller: &'a Caller,
    /// The plugin.
    pub plugin: &'a str,
    /// What it is called with.
    pub input: Input,
    /// What it is a part of.
    pub cause: Cause,
    /// What is committed with it.
    pub further: Vec<Further>,
    /// Do everything but the commit.
    pub is_dry: bool,
}

/// Why a call came to nothing.
#[derive(Debug, thiserror::Error)]
pub(super) enum CallError {
    /// What was to be committed with it does not hold any more: somebody else is at it.
    #[error("somebody else is at it")]
    Lost,
    /// It failed.
    #[error(transparent)]
    App(#[from] AppError),
}

/// What follows from one run.
enum Next {
    Done(Output),
    /// Once more, after queueing for this record.
    Again(Option<(String, uuid::Uuid)>),
}

impl App {
    /// Calls a module, and commits what it did.
    pub(super) async fn call_module(self: &Arc<Self>, call: &ModuleCall<'_>) -> Result<Output, CallError> {
        let catalog = self.catalog_of(call.caller).await?;
        let Some(module) = catalog.module(call.plugin) else {
            return Err(self.why_off(call.caller.tenant, call.plugin).await?.into());
        };
        let mut held = self.lanes.hold_none();
        let deadline = Instant::now() + DEADLINE;
        let mut taken = 0;
        for _ in 0..MAX_RUNS {
            let work = Work::begin(self, call.caller, &catalog, held.lanes());
            let work = work.dry(call.is_dry).of(call.cause.clone());
            match self.run_once(&Arc::new(work), module, call, &mut taken).await? {
                Next::Done(output) => return Ok(output),
                Next::Again(None) => {}
                Next::Again(Some((object, id))) => {
                    let queue = held.join((call.caller.tenant, object, id));
                    if tokio::time::timeout_at(deadline, queue).await.is_err() {
                        break;
                    }
                }
            }
        }
        Err(AppError::Contended.into())
    }

    /// Why a module does not run.
    async fn why_off(&self, tenant: TenantId, plugin: &str) -> Result<AppError, AppError> {
        let rows = self.store.modules_of(HostPermit::new(Chore::Serve), tenant).await?;
        let row = rows.into_iter().find(|row| row.plugin == plugin && row.enabled);
        Ok(match row.and_then(|row| row.revoked) {
            Some(reason) => AppError::ModuleRevoked { plugin: plugin.to_owned(), reason },
            None => AppError::Refused(format!("{plugin} is not switched on")),
        })
    }

    async fn run_once(
        &self,
        work: &Arc<Work>,
        module: &Module,
        call: &ModuleCall<'_>,
        taken: &mut usize,
    ) -> Result<Next, CallError> {
        let told = |failure| AppError::Hook { plugin: call.plugin.to_owned(), failure };
        let ended = match self.invoke(work, module, None, call.input.clone()).await {
            Ok(output) => settle_all(work).await.map(|()| output),
            Err(failure) => Err(told(failure)),
        };
        if let Some(record) = work.contended().await {
            return Ok(Next::Again(Some(record)));
        }
        if matches!(ended, Err(AppError::Hook { .. }))
            && let Some(record) = work.overtaken().await?
        {
            return Ok(Next::Again(Some(record)));
        }
        let output = ended?;
        let mut unit = work.finish(None).await;
        unit.further.extend(call.further.iter().cloned());
        if unit.is_empty() {
            return Ok(Next::Done(output));
        }
        let duplicate = || {
            let fault = Fault::new("duplicate", "a unique value belongs to another record");
            CallError::from(told(Failure::Fault(fault)))
        };
        if call.is_dry {
            let taken = super::taken::find(self, call.caller, &unit.writes).await?;
            return if taken.is_empty() { Ok(Next::Done(output)) } else { Err(duplicate()) };
        }
        match self.store.commit(&unit).await {
            Ok(()) => {
                self.job_queued();
                Ok(Next::Done(output))
            }
            Err(Conflict::Changed { object, id }) => Ok(Next::Again(Some((object, id)))),
            Err(Conflict::Busy | Conflict::Answered) => Ok(Next::Again(None)),
            Err(Conflict::Superseded(_)) => Err(CallError::Lost),
            Err(Conflict::Duplicate) => {
                *taken += 1;
                if *taken < MAX_TAKEN { Ok(Next::Again(None)) } else { Err(duplicate()) }
            }
            Err(Conflict::Store(error)) => Err(AppError::from(error).into()),
        }
    }

    /// Has a module show something: what it would write is thrown away.
    pub(super) async fn ask_module(
        self: &Arc<Self>,
        caller: &Caller,
        catalog: &Arc<Catalog>,
        module: &Module,
        input: Input,
    ) -> Result<Output, AppError> {
        let looks_only = self.access.check_area::<Create>(caller, Area::Actions).is_err();
        for _ in 0..MAX_TAKEN {
            let held = std::collections::BTreeSet::new();
            let work = Work::begin(self, caller, catalog, held).dry(true);
            let cause = Cause { looks_only, ..work.cause.clone() };
            let work = Arc::new(work.of(cause));
            let shown = self.invoke(&work, module, None, input.clone()).await;
            if work.contended().await.is_none() {
                return shown.map_err(|failure| AppError::Hook { plugin: module.manifest.id.clone(), failure });
            }
        }
        Err(AppError::Contended)
    }
}
