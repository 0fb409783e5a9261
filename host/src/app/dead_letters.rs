//! Events that a module could not handle: which they are, and what is to become of them.

use std::sync::Arc;

use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::consumers::Hears;
use super::module_calls::{CallError, ModuleCall};
use super::unit_of_work::Cause;
use super::{App, AppError};
use crate::access::{AreaPermit, Chore, Configure, HostPermit, Read};
use crate::domain::audit::Note;
use crate::domain::caller::Caller;
use crate::domain::permission::Area;
use crate::domain::plugin::Input;
use crate::domain::position::Position;
use crate::store::{Further, SetAsideRow};

/// Most of them that are shown.
const SHOWN: u32 = 500;

/// An event that a module could not handle.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct DeadLetterView {
    /// The event.
    pub event: Uuid,
    /// Its type.
    #[serde(rename = "type")]
    pub event_type: String,
    /// Object of the record that it is about.
    pub object: String,
    /// The record.
    pub record: Uuid,
    /// How often it was shown to the module.
    pub attempts: i32,
    /// The code of what went wrong the last time.
    pub code: String,
    /// What went wrong.
    pub detail: String,
    /// When it was set aside.
    pub at: String,
}

/// Events that a module could not handle.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct DeadLetters {
    /// The oldest first; at most 500.
    pub data: Vec<DeadLetterView>,
}

impl App {
    /// The events that a module of the caller's tenant could not handle.
    pub async fn dead_letters(&self, caller: &Caller, plugin: &str) -> Result<DeadLetters, AppError> {
        self.access.check_area::<Configure>(caller, Area::Modules)?;
        let read = self.access.check_area::<Read>(caller, Area::Modules)?;
        self.is_module(read, plugin).await?;
        let rows = self.store.events_set_aside(read, plugin, None, SHOWN).await?;
        Ok(DeadLetters { data: rows.into_iter().map(view).collect() })
    }

    /// Shows one of them to the module again, as it is now. What it does commits together with the end of the entry.
    pub async fn retry_dead_letter(
        self: &Arc<Self>,
        caller: &Caller,
        plugin: &str,
        event: Uuid,
    ) -> Result<(), AppError> {
        let (permit, row) = self.dead_letter(caller, plugin, event).await?;
        let refused = |why: &str| AppError::Refused(format!("{plugin} {why}"));
        let catalog = self.catalog(caller.tenant).await?;
        let module = catalog.module(plugin).ok_or_else(|| refused("is not switched on"))?;
        let before = Position { seq: row.position.seq - 1, ..row.position };
        let work = HostPermit::new(Chore::Work);
        let window = self.store.events_to_deliver(work, caller.tenant, before, 1).await?;
        let past = window.events.into_iter().find(|past| past.id == event);
        let past = past.ok_or_else(|| AppError::no_record("event", &event))?;
        let hears = Hears::of(&catalog, module).filter(|hears| hears.wants(&past));
        let hears = hears.ok_or_else(|| refused("does not hear of such events any more"))?;
        let itself = Caller::of_module(caller.tenant, plugin, None);
        let call = ModuleCall {
            caller: &itself,
            plugin,
            input: Input::OnEvents(vec![hears.shown(&past)]),
            cause: Cause::of(&format!("event:{}:1", past.id), past.depth + 1),
            further: self.end_of(permit, caller, plugin, event, "retry"),
            is_dry: false,
        };
        match self.call_module(&call).await {
            Ok(_) => Ok(()),
            Err(CallError::Lost) => Err(AppError::no_record("event", &event)),
            Err(CallError::App(error)) => Err(error),
        }
    }

    /// Lets one of them be.
    pub async fn drop_dead_letter(&self, caller: &Caller, plugin: &str, event: Uuid) -> Result<(), AppError> {
        let (permit, _) = self.dead_letter(caller, plugin, event).await?;
        let steps = self.end_of(permit, caller, plugin, event, "drop");
        self.commit_steps(caller.tenant, steps).await.map_err(super::jobs::of_conflict)
    }

    async fn dead_letter(
        &self,
        caller: &Caller,
        plugin: &str,
        event: Uuid,
    ) -> Result<(AreaPermit<Configure>, SetAsideRow), AppError> {
        let permit = self.access.check_area::<Configure>(caller, Area::Modules)?;
        let read = self.access.check_area::<Read>(caller, Area::Modules)?;
        let rows = self.store.events_set_aside(read, plugin, Some(event), 1).await?;
        let row = rows.into_iter().next();
        Ok((permit, row.ok_or_else(|| AppError::no_record("event", &event))?))
    }

    fn end_of(
        &self,
        permit: AreaPermit<Configure>,
        caller: &Caller,
        plugin: &str,
        event: Uuid,
        deed: &str,
    ) -> Vec<Further> {
        let note = Note::of_area(Area::Modules, Some(event), vec![plugin.to_owned(), deed.to_owned()]);
        let entry = note.by(caller, self.clock.now());
        let notes = self.store.note(HostPermit::new(Chore::Work), caller.tenant, &[entry]);
        std::iter::once(self.store.end_set_aside(permit, plugin, event)).chain(notes).collect()
    }
}

fn view(row: SetAsideRow) -> DeadLetterView {
    DeadLetterView {
        event: row.event,
        event_type: row.event_type,
        object: row.object,
        record: row.record,
        attempts: row.attempts,
        code: row.code,
        detail: row.detail,
        at: row.at.to_string(),
    }
}
