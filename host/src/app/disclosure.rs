//! The one place where records become answers: encrypted values are opened for who may see them, and the
//! audit trail says who saw what before the answer goes out.

use super::sealing::open_value;
use super::vault::Opener;
use super::{App, AppError};
use crate::access::{Chore, HostPermit};
use crate::domain::audit::{Deed, Note};
use crate::domain::caller::Caller;
use crate::domain::filter::Target;
use crate::domain::record::Record;
use crate::domain::view::Expanded;
use crate::store::Further;

/// Records on their way into one answer.
pub(super) struct Disclosure<'a> {
    app: &'a App,
    caller: &'a Caller,
    opener: Opener<'a>,
    notes: Vec<Note>,
}

impl<'a> Disclosure<'a> {
    /// For an answer to this caller.
    pub fn new(app: &'a App, caller: &'a Caller) -> Self {
        Self { app, caller, opener: Opener::new(app, caller.tenant), notes: Vec::new() }
    }

    /// A record of which these fields are shown; all when none are named.
    pub async fn show(&mut self, record: &mut Record, shown: Option<&[Target]>) -> Result<(), AppError> {
        if record.object.audited.is_empty() {
            return Ok(());
        }
        let is_shown = |place: usize| shown.is_none_or(|shown| shown.contains(&Target::Field(place)));
        self.notes.extend(Note::of(Deed::Read, &record.object, Some(record.id), is_shown, None));
        for at in 0..record.object.audited.len() {
            let place = record.object.audited[at];
            if is_shown(place) {
                open_value(&mut self.opener, self.caller.tenant, record, place).await?;
            }
        }
        Ok(())
    }

    /// A record of which all fields are shown, but not what is encrypted.
    pub fn show_outside(&mut self, record: &Record) {
        let is_plain = |place: usize| !record.object.fields[place].kind.is_sealed();
        self.notes.extend(Note::of(Deed::Read, &record.object, Some(record.id), is_plain, None));
    }

    /// Something else that shows fields.
    pub fn note(&mut self, note: Option<Note>) {
        self.notes.extend(note);
    }

    /// What the audit trail is to say, for who writes it with something else.
    pub fn into_notes(self) -> Vec<Note> {
        self.notes
    }

    /// Writes the audit trail; the answer may go out then.
    pub async fn finish(self) -> Result<(), AppError> {
        self.app.note(self.caller, self.notes).await
    }

    /// Records of which all fields are shown.
    pub async fn show_all(&mut self, records: Vec<&mut Record>) -> Result<(), AppError> {
        for record in records {
            self.show(record, None).await?;
        }
        Ok(())
    }

    /// Records that were put beside others.
    pub async fn show_expanded(&mut self, expanded: &mut Expanded) -> Result<(), AppError> {
        let mut left = vec![expanded];
        while let Some(expanded) = left.pop() {
            for (records, beyond) in expanded.0.values_mut() {
                self.show_all(records.values_mut().collect()).await?;
                left.push(beyond);
            }
        }
        Ok(())
    }
}

impl App {
    /// The steps that write into the audit trail what this caller does, as a part of its commit.
    pub(super) fn noted(&self, caller: &Caller, note: Note) -> Vec<Further> {
        self.store.note(HostPermit::new(Chore::Serve), caller.tenant, &[note.by(caller, self.clock.now())])
    }

    /// Writes into the audit trail what this caller did.
    pub(super) async fn note(&self, caller: &Caller, notes: Vec<Note>) -> Result<(), AppError> {
        if notes.is_empty() {
            return Ok(());
        }
        let at = self.clock.now();
        let entries: Vec<_> = notes.into_iter().map(|note| note.by(caller, at)).collect();
        Ok(self.store.add_audit(HostPermit::new(Chore::Serve), caller.tenant, &entries).await?)
    }
}
