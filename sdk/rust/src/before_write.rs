//! The hook that sees changes before they are committed.

use std::marker::PhantomData;

use crate::bindings::before_write::exports::guildhall::hooks::before_write as wit;
use crate::bindings::imports::guildhall::core::types;
use crate::{Fault, Record, log};

/// A plugin that amends or refuses changes, or writes further records beside them.
///
/// The call may be repeated from the beginning when something that it read has
/// changed meanwhile; then nothing of the first run remains.
pub trait BeforeWrite {
    /// Judges all changes of one command: one outcome for each, in the same
    /// order. A fault refuses the whole command.
    fn before_write(changes: &[Change]) -> Result<Vec<Outcome>, Fault>;
}

/// One change that is about to be committed.
#[derive(Debug, Clone, PartialEq)]
pub struct Change {
    /// What is done to the record.
    pub operation: Operation,
    /// Name of the object, `order`.
    pub object: String,
    /// Id of the record.
    pub id: String,
    /// The record as it is stored; none for a create.
    pub before: Option<Record>,
    /// The record as it would be stored; none for a delete.
    pub after: Option<Record>,
}

/// What a change does to a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operation {
    /// The record is new.
    Create,
    /// Fields of the record change.
    Update,
    /// The record goes.
    Delete,
}

/// What becomes of a change.
#[derive(Debug, Clone, PartialEq)]
pub enum Outcome {
    /// It passes as it is.
    Accept,
    /// It passes with these fields set.
    Amend(Record),
    /// It does not pass.
    Refuse(Fault),
}

/// The export of a plugin's hook; [`crate::register!`] uses it.
#[doc(hidden)]
pub struct BeforeWriteExport<P>(PhantomData<P>);

impl<P: BeforeWrite> BeforeWriteExport<P> {
    /// Compiles only for a plugin that has the hook.
    pub fn check() {}
}

impl<P: BeforeWrite> wit::Guest for BeforeWriteExport<P> {
    fn run(changes: Vec<wit::Change>) -> Result<Vec<wit::Outcome>, types::Fault> {
        log::report_panics();
        let changes = changes.into_iter().map(Change::try_from).collect::<Result<Vec<_>, _>>()?;
        let outcomes = P::before_write(&changes)?;
        Ok(outcomes.into_iter().map(wit::Outcome::from).collect())
    }
}

impl TryFrom<wit::Change> for Change {
    type Error = Fault;

    fn try_from(change: wit::Change) -> Result<Self, Fault> {
        let wit::Change { operation, object, id, before, after } = change;
        Self::new(&operation, object, id, [before, after])
    }
}

impl Change {
    /// From what crosses the border.
    pub(crate) fn new(
        operation: &str,
        object: String,
        id: String,
        [before, after]: [Option<String>; 2],
    ) -> Result<Self, Fault> {
        let record = |json: Option<String>| json.as_deref().map(Record::from_json).transpose();
        Ok(Self {
            operation: Operation::try_from(operation)?,
            object,
            id,
            before: record(before)?,
            after: record(after)?,
        })
    }
}

impl TryFrom<&str> for Operation {
    type Error = Fault;

    fn try_from(operation: &str) -> Result<Self, Fault> {
        match operation {
            "create" => Ok(Self::Create),
            "update" => Ok(Self::Update),
            "delete" => Ok(Self::Delete),
            _ => Err(Fault::internal(format!("The plugin's SDK does not know the operation {operation}."))),
        }
    }
}

impl From<Outcome> for wit::Outcome {
    fn from(outcome: Outcome) -> Self {
        match outcome {
            Outcome::Accept => Ok(None),
            Outcome::Amend(fields) => Ok(Some(fields.into_json())),
            Outcome::Refuse(fault) => Err(fault.into()),
        }
    }
}
