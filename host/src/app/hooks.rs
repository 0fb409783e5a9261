//! Runs the `before-write` hooks of the tenant's modules over what is staged.
//!
//! Hooks run in rounds: the first over the caller's change, the next over what
//! hooks of the first wrote, and so on, bounded. A staged record is shown once.

use std::collections::HashSet;
use std::sync::Arc;

use serde_json::{Map, Value as Json};

use super::AppError;
use super::catalog::Module;
use super::guest::{GuestPort, is_encrypted, visible};
use super::staging::{Key, Staged};
use super::unit_of_work::Work;
use crate::domain::permission::Action;
use crate::domain::plugin::{BeforeWrite, Fault, Manifest, OnFailure};
use crate::domain::record::Hand;
use crate::plugin::{Failure, HookChange, HookOutcome, Limits};

/// Deepest chain of changes that cause changes.
const MAX_ROUNDS: usize = 5;

/// Why hooks did not let a unit of work pass.
#[derive(Debug)]
pub enum Refused {
    /// A hook refused these records.
    Records(Vec<(Key, AppError)>),
    /// A hook refused everything that it saw, or failed.
    All(AppError),
}

impl Refused {
    /// The first reason, whichever record it is about.
    pub fn into_error(self) -> AppError {
        match self {
            Self::Records(refused) => refused.into_iter().next().map_or(AppError::Contended, |(_, error)| error),
            Self::All(error) => error,
        }
    }
}

impl From<AppError> for Refused {
    fn from(error: AppError) -> Self {
        Self::All(error)
    }
}

/// Runs all hooks that want to see what is staged.
pub async fn run(work: &Arc<Work>) -> Result<(), Refused> {
    if work.catalog.modules.is_empty() {
        return Ok(());
    }
    let mut shown = HashSet::new();
    for _ in 0..MAX_ROUNDS {
        let new: Vec<Key> = {
            let buffer = work.buffer().await;
            buffer.staged.keys().filter(|key| !shown.contains(*key)).cloned().collect()
        };
        if new.is_empty() {
            return Ok(());
        }
        for module in &work.catalog.modules {
            for hook in &module.plugin.compiled.manifest.hooks.before_write {
                run_hook(work, module, hook, &new).await?;
            }
        }
        shown.extend(new);
    }
    // What the last round wrote counts too, unless no hook would want to see it.
    let buffer = work.buffer().await;
    let is_wanted = |staged: &Staged| {
        let record = staged.after().or(staged.before());
        record.is_some_and(|record| {
            let hooks =
                work.catalog.modules.iter().flat_map(|module| &module.plugin.compiled.manifest.hooks.before_write);
            hooks.into_iter().any(|hook| hook.wants(&record.object.name, staged.operation()))
        })
    };
    if buffer.staged.iter().any(|(key, staged)| !shown.contains(key) && is_wanted(staged)) {
        return Err(AppError::Cascade(MAX_ROUNDS).into());
    }
    Ok(())
}

async fn run_hook(work: &Arc<Work>, module: &Module, hook: &BeforeWrite, keys: &[Key]) -> Result<(), Refused> {
    let manifest = &module.plugin.compiled.manifest;
    let (keys, changes) = changes_for(work, manifest, hook, keys).await;
    if changes.is_empty() {
        return Ok(());
    }
    // Only a hook that may fail without harm needs a way back.
    let before = match hook.on_failure {
        OnFailure::Allow => Some(work.buffer().await.clone()),
        OnFailure::Reject => None,
    };
    let port = Arc::new(GuestPort::new(Arc::clone(work), Arc::clone(manifest), Arc::clone(&module.config)));
    let limits = Limits::of_hook(manifest, hook, changes.len());
    let ended = work.app.engine.before_write(&module.plugin.compiled, &limits, port, changes).await;
    let failure = match ended {
        Ok(outcomes) => match apply(work, manifest, &keys, outcomes).await? {
            Verdict::Passed => return Ok(()),
            Verdict::Refused(faults) => {
                let told = |fault| AppError::Hook { plugin: manifest.id.clone(), failure: Failure::Fault(fault) };
                return Err(Refused::Records(faults.into_iter().map(|(key, fault)| (key, told(fault))).collect()));
            }
            Verdict::Failed(failure) => failure,
        },
        Err(failure) => failure,
    };
    match before {
        Some(before) if !matches!(failure, Failure::Fault(_)) => {
            tracing::warn!(plugin = %manifest.id, code = failure.code(), "a hook failed and was passed over");
            *work.buffer().await = before;
            Ok(())
        }
        _ => {
            if let Failure::Trap { trap, frames } = &failure {
                tracing::warn!(plugin = %manifest.id, trap, ?frames, "a hook crashed");
            }
            Err(AppError::Hook { plugin: manifest.id.clone(), failure }.into())
        }
    }
}

/// What a hook's outcomes come to.
enum Verdict {
    /// Everything may go on, as amended.
    Passed,
    /// These records may not.
    Refused(Vec<(Key, Fault)>),
    /// The hook answered wrongly.
    Failed(Failure),
}

/// The staged changes that the hook wants to see, as it may see them.
async fn changes_for(
    work: &Work,
    manifest: &Manifest,
    hook: &BeforeWrite,
    keys: &[Key],
) -> (Vec<Key>, Vec<HookChange>) {
    let buffer = work.buffer().await;
    let wanted = keys.iter().filter_map(|key| buffer.staged.get(key).map(|staged| (key, staged)));
    let shown = wanted.filter(|(key, staged)| hook.wants(&key.0, staged.operation())).filter_map(|(key, staged)| {
        let grant = manifest.grants(&key.0, Action::Read)?;
        let change = HookChange {
            operation: staged.operation().name(),
            object: key.0.clone(),
            id: key.1.to_string(),
            before: staged.before().map(|record| visible(record, grant)),
            after: staged.after().map(|record| visible(record, grant)),
        };
        Some((key.clone(), change))
    });
    shown.unzip()
}

/// Carries out what the hook said; all refusals are told.
async fn apply(
    work: &Work,
    manifest: &Arc<Manifest>,
    keys: &[Key],
    outcomes: Vec<HookOutcome>,
) -> Result<Verdict, AppError> {
    let mut faults = Vec::new();
    for (key, outcome) in keys.iter().zip(outcomes) {
        let amended = match outcome {
            Ok(None) => continue,
            Ok(Some(fields)) => fields,
            Err(fault) => {
                faults.push((key.clone(), fault));
                continue;
            }
        };
        let Ok(Json::Object(fields)) = serde_json::from_str::<Json>(&amended) else {
            return Ok(Verdict::Failed(Failure::BadAnswer("an amendment is not a JSON object".to_owned())));
        };
        if let Some(fault) = amend(work, manifest, key, &fields).await? {
            faults.push((key.clone(), fault));
        }
    }
    Ok(if faults.is_empty() { Verdict::Passed } else { Verdict::Refused(faults) })
}

async fn amend(
    work: &Work,
    manifest: &Arc<Manifest>,
    key: &Key,
    fields: &Map<String, Json>,
) -> Result<Option<Fault>, AppError> {
    // The caller's right to the change itself was checked; to reword it is the plugin's.
    let allowed = manifest.grants(&key.0, Action::Update);
    let object = work.object(&key.0)?;
    let may_set = |name: &str| !is_encrypted(object, name) && allowed.is_some_and(|grant| grant.covers(name));
    if let Some(name) = fields.keys().find(|name| !may_set(name)) {
        let message = format!("the plugin may not set `{}.{name}`", key.0);
        return Ok(Some(Fault::new("permission_denied", message)));
    }
    match work.amend(key, fields, manifest, hand(manifest, &key.0)).await {
        Ok(()) => Ok(None),
        Err(AppError::Invalid(faults)) => Ok(Some(super::guest::validation_fault(&faults))),
        Err(error) => Err(error),
    }
}

/// The plugin that brings an object sets its read-only fields too.
pub fn hand(manifest: &Manifest, object: &str) -> Hand {
    let is_own = object.strip_prefix(manifest.namespace.as_str()).is_some_and(|rest| rest.starts_with('.'));
    if is_own { Hand::Owner } else { Hand::Caller }
}
