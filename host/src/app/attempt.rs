//! One run of a group of operations, up to what would be committed.

use std::sync::Arc;

use super::AppError;
use super::command::{Command, Form};
use super::hooks::Refused;
use super::operation::{Did, Outcome};
use super::settle::settle;
use super::staging::Key;
use super::unit_of_work::Work;

/// Why a run cannot be committed.
pub(super) enum Refusal {
    /// These operations are refused, each for its own reason.
    Operations(Vec<(usize, AppError)>),
    /// Nobody can say whose fault it is.
    All(AppError),
}

impl Refusal {
    /// Whether a module had its say in it.
    pub fn is_of_a_module(&self) -> bool {
        let is_of_a_module = |error: &AppError| matches!(error, AppError::Hook { .. });
        match self {
            Self::Operations(refused) => refused.iter().any(|(_, error)| is_of_a_module(error)),
            Self::All(error) => is_of_a_module(error),
        }
    }
}

/// A run that can be committed.
pub(super) struct Attempt {
    /// The record that each operation is about.
    pub keys: Vec<(usize, Key)>,
    /// What each operation did, or why it was left out.
    pub outcomes: Vec<(usize, Result<Outcome, AppError>)>,
}

impl Attempt {
    /// Stages the operations and lets the tenant's modules look at them.
    pub async fn run(work: &Arc<Work>, command: &Command, group: &[usize]) -> Result<Self, Refusal> {
        let mut keys = Vec::with_capacity(group.len());
        let mut outcomes = Vec::with_capacity(group.len());
        if group.len() > 1 {
            let operations: Vec<_> = group.iter().map(|&at| &command.operations[at]).collect();
            work.prefetch(&operations).await.map_err(Refusal::All)?;
        }
        for &at in group {
            let staged = match command.operations[at].stage(work).await {
                Ok(did) if command.checks_duplicates => check_new(work, did).await,
                staged => staged,
            };
            match staged {
                Ok(did) => {
                    keys.push((at, did.key));
                    outcomes.push((at, Ok(did.outcome)));
                }
                Err(error) => {
                    let is_end = command.form != Form::Each || error.is_of_the_host();
                    if is_end || work.contended().await.is_some() {
                        return Err(Refusal::Operations(vec![(at, error)]));
                    }
                    outcomes.push((at, Err(error)));
                }
            }
        }
        settle(work).await.map_err(|refused| blame(&keys, refused))?;
        let buffer = work.buffer().await;
        let mut keys_in_order = keys.iter();
        for outcome in outcomes.iter_mut().filter_map(|(_, outcome)| outcome.as_mut().ok()) {
            if let Some((_, key)) = keys_in_order.next() {
                outcome.refresh(buffer.staged.get(key));
            }
        }
        drop(buffer);
        Ok(Self { keys, outcomes })
    }
}

/// Lets a new record pass when it is not likely there already.
async fn check_new(work: &Work, did: Did) -> Result<Did, AppError> {
    let Outcome::Created(record) = &did.outcome else { return Ok(did) };
    if let Err(error) = work.app.check_new(&work.caller, record).await {
        work.buffer().await.staged.shift_remove(&did.key);
        return Err(error);
    }
    Ok(did)
}

/// The operations that asked for the refused records. A record that a module
/// wrote is nobody's operation.
fn blame(keys: &[(usize, Key)], refused: Refused) -> Refusal {
    let records = match refused {
        Refused::All(error) => return Refusal::All(error),
        Refused::Records(records) => records,
    };
    let mut operations = Vec::with_capacity(records.len());
    for (key, error) in records {
        match keys.iter().find(|(_, own)| *own == key) {
            Some((at, _)) => operations.push((*at, error)),
            None => return Refusal::All(error),
        }
    }
    Refusal::Operations(operations)
}
