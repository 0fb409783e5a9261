//! Jobs that modules queued, and tasks of theirs that are due: each runs as
//! the module itself, and what it writes commits with the note that it is done.

use std::sync::Arc;

use serde::Deserialize;
use serde_json::{Value as Json, json};

use super::jobs::{JobFault, JobRun};
use super::module_calls::{CallError, ModuleCall};
use super::unit_of_work::Cause;
use super::{App, AppError};
use crate::domain::caller::{Caller, Origin};
use crate::domain::id::TenantId;
use crate::domain::job::Progress;
use crate::domain::plugin::{Input, Output};
use crate::plugin::Failure;
use crate::store::{Further, JobRow};

/// A job that a module queued.
pub const JOB: &str = "module_job";
/// The first word to a module of a tenant that was made with it.
pub const FIRST_WORD: &str = "module_enable";
/// A task of a module that was due.
pub const TASK: &str = "module_task";

/// What such a job is about.
#[derive(Deserialize)]
struct Asked {
    plugin: String,
    #[serde(default)]
    name: String,
    #[serde(default)]
    payload: Json,
    #[serde(default)]
    due: String,
    #[serde(default)]
    chain: i32,
}

/// The module that a job belongs to, when it is one of these.
pub(super) fn module_of(row: &JobRow, origin: Option<Arc<Origin>>) -> Option<Caller> {
    if ![JOB, TASK, FIRST_WORD].contains(&row.kind.as_str()) {
        return None;
    }
    let plugin = row.payload["plugin"].as_str()?;
    Some(Caller::of_module(row.tenant, plugin, origin))
}

/// Does such a job.
pub(super) async fn run(run: &JobRun) -> Result<Json, JobFault> {
    // What an earlier attempt has committed is not done again.
    if let Some(done) = run.row.checkpoint.get("done") {
        return Ok(done.clone());
    }
    let payload: Asked =
        serde_json::from_value(run.row.payload.clone()).map_err(|error| AppError::Setup(error.to_string()))?;
    let input = match run.row.kind.as_str() {
        TASK => Input::Scheduled { name: payload.name, due: payload.due },
        FIRST_WORD => Input::Enable,
        _ => Input::Job { name: payload.name, payload: payload.payload.to_string() },
    };
    let cause = Cause::of(&format!("job:{}", run.row.id), payload.chain);
    // What came of it is told when it ends; that it is done has to be known before.
    let further = vec![run.advance(&Progress::default(), &json!({"done": null}))];
    let call = ModuleCall { caller: &run.caller, plugin: &payload.plugin, input, cause, further, is_dry: false };
    match run.app.call_module(&call).await {
        Ok(Output::Json(text)) => Ok(serde_json::from_str(&text).unwrap_or(Json::String(text))),
        Ok(_) => Ok(Json::Null),
        Err(CallError::Lost) => Err(JobFault::Lost),
        Err(CallError::App(error)) => Err(error.into()),
    }
}

impl App {
    /// The step that queues the first word to a module of a tenant that is about to be made.
    pub(super) fn first_word(&self, tenant: TenantId, plugin: &str) -> Further {
        let caller = Caller::of_module(tenant, plugin, None);
        let job = self.new_job(&caller, FIRST_WORD, json!({"plugin": plugin}), self.clock.now());
        self.store.queue_job(Self::work_permit(), &job)
    }

    /// Whether a failed call of a module may go well later.
    pub(super) fn may_pass(error: &AppError) -> bool {
        match error {
            AppError::Hook { failure, .. } => match failure {
                Failure::Fault(fault) => fault.retryable,
                Failure::Overloaded | Failure::HostSlow | Failure::HostFault | Failure::Suspended { .. } => true,
                _ => false,
            },
            AppError::Store(_) | AppError::Contended | AppError::NoOperatorKey => true,
            _ => false,
        }
    }
}
