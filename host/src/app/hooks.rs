//! Runs the `before-write` hooks of the tenant's modules over what is staged.
//!
//! Hooks run in rounds: the first over the caller's change, the next over what
//! hooks of the first wrote, and so on, bounded. A staged record is shown once.

use std::collections::HashSet;
use std::sync::Arc;

use serde_json::{Map, Value as Json};

use super::AppError;
use super::catalog::Module;
use super::guest::{unsettable, visible};
use super::staging::{Key, Staged};
use super::unit_of_work::Work;
use crate::domain::permission::Action;
use crate::domain::plugin::{Fault, HookChange, HookOutcome, Input, Manifest, OnFailure, Output, WriteHook};
use crate::domain::record::Hand;
use crate::plugin::Failure;

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
            for hook in &module.manifest.hooks.before_write {
                run_hook(work, module, hook, &new).await?;
            }
        }
        compute(work, &new).await?;
        judge(work, &new).await?;
        shown.extend(new);
    }
    // What the last round wrote counts too, unless no hook would want to see it.
    let buffer = work.buffer().await;
    let is_wanted = |staged: &Staged| {
        let record = staged.after().or(staged.before());
        record.is_some_and(|record| {
            let hooks = work.catalog.modules.iter().flat_map(|module| &module.manifest.hooks.before_write);
            hooks.into_iter().any(|hook| hook.wants(&record.object.name, staged.operation()))
        })
    };
    if buffer.staged.iter().any(|(key, staged)| !shown.contains(key) && is_wanted(staged)) {
        return Err(AppError::Cascade(MAX_ROUNDS).into());
    }
    Ok(())
}

async fn run_hook(work: &Arc<Work>, module: &Module, hook: &WriteHook, keys: &[Key]) -> Result<(), Refused> {
    let manifest = &module.manifest;
    let (keys, changes) = changes_for(work, manifest, hook, keys).await;
    if changes.is_empty() {
        return Ok(());
    }
    let terms = Terms { module, timeout_ms: hook.timeout_ms, on_failure: hook.on_failure, keys: &keys };
    terms.call(work, Input::BeforeWrite(changes)).await
}

/// On which terms a hook is called.
struct Terms<'a> {
    module: &'a Module,
    timeout_ms: Option<u64>,
    on_failure: OnFailure,
    /// The records that it is called about.
    keys: &'a [Key],
}

impl Terms<'_> {
    /// Calls the hook, carries out what it said, and does what is to be done when it fails.
    async fn call(&self, work: &Arc<Work>, input: Input) -> Result<(), Refused> {
        let Self { module, on_failure, .. } = *self;
        let manifest = &module.manifest;
        // Only a hook that may fail without harm needs a way back.
        let before = match on_failure {
            OnFailure::Reject => None,
            OnFailure::Allow | OnFailure::Disable | OnFailure::Retry => Some(work.buffer().await.clone()),
        };
        let again = (on_failure == OnFailure::Retry).then(|| input.clone());
        let Some(mut failure) = self.call_once(work, input).await? else { return Ok(()) };
        if let (Some(input), Some(before), true) = (again, &before, failure.is_breakage()) {
            *work.buffer().await = before.clone();
            match self.call_once(work, input).await? {
                None => return Ok(()),
                Some(second) => failure = second,
            }
        }
        match (before, on_failure) {
            (Some(before), OnFailure::Allow | OnFailure::Disable) if !matches!(failure, Failure::Fault(_)) => {
                tracing::warn!(plugin = %manifest.id, code = failure.code(), "a hook failed and was passed over");
                *work.buffer().await = before;
                if on_failure == OnFailure::Disable && failure.is_breakage() {
                    work.app.runs.suspend(work.caller.tenant, &manifest.id, work.app.clock.now());
                    work.app.note_suspension(work.caller.tenant, &manifest.id, &failure).await;
                }
                Ok(())
            }
            _ => Err(AppError::Hook { plugin: manifest.id.clone(), failure }.into()),
        }
    }

    /// One call, and what follows from it; or how it failed.
    async fn call_once(&self, work: &Arc<Work>, input: Input) -> Result<Option<Failure>, Refused> {
        let manifest = &self.module.manifest;
        let before = work.before_call().await;
        let output = match work.app.invoke(work, self.module, self.timeout_ms, input).await {
            Ok(output) => output,
            Err(failure) => return Ok(Some(failure)),
        };
        let verdict = match output {
            Output::Outcomes(outcomes) => apply(work, manifest, self.keys, outcomes).await?,
            Output::Computed(values) => {
                apply(work, manifest, self.keys, values.into_iter().map(|text| Ok(Some(text))).collect()).await?
            }
            Output::Verdicts(verdicts) => {
                let refused = self.keys.iter().cloned().zip(verdicts);
                let refused: Vec<_> = refused.filter_map(|(key, verdict)| Some((key, verdict.err()?))).collect();
                if refused.is_empty() { Verdict::Passed } else { Verdict::Refused(refused) }
            }
            _ => Verdict::Failed(Failure::HostFault),
        };
        if let Some(before) = before {
            let vetoes = if let Verdict::Refused(faults) = &verdict { faults.as_slice() } else { &[] };
            work.explain_effects(manifest, before, self.keys, vetoes).await;
            if let Verdict::Failed(failure) = &verdict {
                work.explain_failure(manifest, failure);
            }
        }
        match verdict {
            Verdict::Passed => Ok(None),
            Verdict::Failed(failure) => Ok(Some(failure)),
            Verdict::Refused(faults) => {
                let told = |fault| AppError::Hook { plugin: manifest.id.clone(), failure: Failure::Fault(fault) };
                Err(Refused::Records(faults.into_iter().map(|(key, fault)| (key, told(fault))).collect()))
            }
        }
    }
}

/// Has the fields computed that modules compute.
async fn compute(work: &Arc<Work>, keys: &[Key]) -> Result<(), Refused> {
    for module in &work.catalog.modules {
        for hook in &module.manifest.hooks.computed_field {
            let (keys, records): (Vec<Key>, Vec<String>) = {
                let buffer = work.buffer().await;
                let of_hook = keys.iter().filter(|key| key.0 == hook.object);
                let left = of_hook.filter_map(|key| {
                    let record = buffer.staged.get(key)?.after()?;
                    let grant = module.manifest.grants(&hook.object, Action::Read)?;
                    Some((key.clone(), visible(record, grant)))
                });
                left.unzip()
            };
            if keys.is_empty() {
                continue;
            }
            let input = Input::ComputedField { object: hook.object.clone(), fields: hook.fields.clone(), records };
            let terms = Terms { module, timeout_ms: hook.timeout_ms, on_failure: hook.on_failure, keys: &keys };
            terms.call(work, input).await?;
        }
    }
    Ok(())
}

/// Has changes judged as hooks have left them.
async fn judge(work: &Arc<Work>, keys: &[Key]) -> Result<(), Refused> {
    for module in &work.catalog.modules {
        for hook in &module.manifest.hooks.validate {
            let (keys, changes) = changes_for(work, &module.manifest, hook, keys).await;
            if changes.is_empty() {
                continue;
            }
            let terms = Terms { module, timeout_ms: hook.timeout_ms, on_failure: hook.on_failure, keys: &keys };
            terms.call(work, Input::Validate(changes)).await?;
        }
    }
    Ok(())
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
async fn changes_for(work: &Work, manifest: &Manifest, hook: &WriteHook, keys: &[Key]) -> (Vec<Key>, Vec<HookChange>) {
    let buffer = work.buffer().await;
    let wanted = keys.iter().filter_map(|key| buffer.staged.get(key).map(|staged| (key, staged)));
    let shown = wanted.filter(|(key, staged)| hook.wants(&key.0, staged.operation())).filter_map(|(key, staged)| {
        let grant = manifest.grants(&key.0, Action::Read)?;
        let change = HookChange {
            operation: staged.operation().name().to_owned(),
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
            return Ok(Verdict::Failed(Failure::HostFault));
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
    if let Some(fault) = unsettable(manifest, work.object(&key.0)?, Action::Update, fields) {
        return Ok(Some(fault));
    }
    match work.amend(key, fields, manifest, hand(manifest, &key.0)).await {
        Ok(()) => Ok(None),
        Err(AppError::Invalid(faults)) => Ok(Some(super::guest::validation_fault(&faults))),
        Err(error) => Err(error),
    }
}

/// The plugin that brings an object sets its read-only fields too.
pub fn hand(manifest: &Manifest, object: &str) -> Hand {
    if manifest.is_own(object) { Hand::Owner } else { Hand::Caller }
}
