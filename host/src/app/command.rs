//! Commands: every change of records goes through here. A command is a list
//! of operations. They run as one unit of work, which runs again from the
//! start when it lost a race.

use super::actions::ActionCall;
use super::execution::Execution;
use super::explain::ExplainedCall;
use super::operation::{Operation, Outcome};
use super::{App, AppError};
use crate::domain::caller::Caller;
use crate::domain::record::Record;
use crate::store::{Answer, IdempotencyKey};

use std::sync::Arc;

/// Most operations of one command.
pub const MAX_OPERATIONS: usize = 1_000;

/// What becomes of the others when an operation is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// There are no others; a problem is told without its place.
    One,
    /// All are refused.
    Atomic,
    /// They are done; each operation has an outcome of its own.
    Each,
}

/// Operations that are asked for together.
#[derive(Clone, Debug)]
pub struct Command {
    /// What to do, in this order.
    pub operations: Vec<Operation>,
    /// What becomes of the others when one is refused.
    pub form: Form,
    /// Do everything but the commit.
    pub is_dry: bool,
    /// Say of a dry run what each call of a module did.
    pub explains: bool,
    /// Refuse new records that are likely there already.
    pub checks_duplicates: bool,
}

/// What a command did.
#[derive(Debug)]
pub struct Report {
    /// One outcome for each operation. Refused ones are there only when the others were done.
    pub outcomes: Vec<Result<Outcome, AppError>>,
    /// Everything that it would write; for a dry run only.
    pub changes: Vec<PlannedChange>,
    /// What modules did, call by call; when that was asked for.
    pub calls: Vec<ExplainedCall>,
}

/// One write of a dry run.
#[derive(Clone, Debug)]
pub struct PlannedChange {
    /// `created`, `updated` and so on, as the event would say.
    pub kind: &'static str,
    /// The object.
    pub object: String,
    /// The record; a new one will have another id.
    pub id: uuid::Uuid,
    /// The record as it is stored.
    pub before: Option<Record>,
    /// The record as it would be stored.
    pub after: Option<Record>,
    /// The plugin that wants it, when it is not the caller.
    pub plugin: Option<String>,
}

/// How a command ended well.
#[derive(Clone, Debug)]
pub enum Done {
    /// It was done now.
    Now(Answer),
    /// It had been done before; this is the answer that was given then.
    Before(Answer),
}

/// Makes the answer that is kept for a retry. It is part of the commit, so it
/// is made before it.
pub type Render = dyn Fn(&Report) -> Answer + Send + Sync;

impl Command {
    /// A command of one operation.
    pub fn one(operation: Operation) -> Self {
        Self { operations: vec![operation], form: Form::One, is_dry: false, explains: false, checks_duplicates: false }
    }

    /// A command of many.
    pub fn many(operations: Vec<Operation>, form: Form) -> Self {
        Self { operations, form, is_dry: false, explains: false, checks_duplicates: false }
    }

    /// A command of one action of a module.
    pub fn action(call: ActionCall) -> Self {
        Self::one(Operation::Call(call))
    }

    /// The same, without the commit when that is said.
    #[must_use]
    pub fn dry(self, is_dry: bool) -> Self {
        Self { is_dry, ..self }
    }

    /// The same, with a word on each call of a module when it is a dry run and that is said.
    #[must_use]
    pub fn explaining(self, explains: bool) -> Self {
        Self { explains, ..self }
    }

    /// The same, looking for duplicates of new records when that is said.
    #[must_use]
    pub fn checking_duplicates(self, checks_duplicates: bool) -> Self {
        Self { checks_duplicates, ..self }
    }
}

impl App {
    /// Runs a command. With a key, a repeated request gets the first answer.
    pub async fn execute(
        self: &Arc<Self>,
        caller: &Caller,
        command: &Command,
        key: Option<IdempotencyKey>,
        render: &Render,
    ) -> Result<Done, AppError> {
        if let Some(answer) = self.given_answer(key.as_ref()).await? {
            return Ok(Done::Before(answer));
        }
        let catalog = self.catalog_of(caller).await?;
        Execution::new(self, caller, command, catalog, key, render).explained().await
    }
}
