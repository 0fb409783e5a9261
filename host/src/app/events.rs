//! The log of events: a page of it, the timeline of a record, and who sees what.

use std::collections::{BTreeSet, HashMap};

use uuid::Uuid;

use super::{App, AppError};
use crate::access::{AreaPermit, Denied, Permit, Read};
use crate::domain::audit::{Deed, Note};
use crate::domain::caller::Caller;
use crate::domain::event::PastEvent;
use crate::domain::event_type::{MAX_PATTERNS, TypePattern, any_matches};
use crate::domain::id::TenantId;
use crate::domain::invalid::FieldError;
use crate::domain::object::Object;
use crate::domain::permission::Area;
use crate::domain::position::Position;
use crate::domain::query::{DEFAULT_LIMIT, check_limit};

/// Events looked at in one query when some of them may be left out.
const WINDOW: u32 = 500;
/// Queries for one page: a page may come back short rather than late.
const WINDOWS: usize = 10;

/// Which events a caller wants.
#[derive(Clone, Debug, Default)]
pub struct EventRequest {
    /// The place behind which to begin.
    pub after: Option<String>,
    /// What `after` is called where it came from.
    pub after_name: &'static str,
    /// Most events on the page.
    pub limit: Option<u64>,
    /// Names of objects; all when there is none.
    pub objects: Vec<String>,
    /// Patterns of types; all when there is none.
    pub types: Vec<String>,
}

/// A page of the log.
#[derive(Debug)]
pub struct EventPage {
    /// The events, in the order of commits.
    pub events: Vec<PastEvent>,
    /// The place behind this page.
    pub next: String,
    /// Whether there are more already.
    pub has_more: bool,
}

/// A page of a timeline.
#[derive(Debug)]
pub struct TimelinePage {
    /// The events, the newest first.
    pub events: Vec<PastEvent>,
    /// Where the next page begins; none when this is the last one.
    pub next: Option<String>,
}

/// Which events are wanted, read and checked.
#[derive(Clone, Debug)]
pub(super) struct EventFilter {
    objects: Vec<String>,
    types: Vec<TypePattern>,
}

/// What a look at the log found.
pub(super) struct Scan {
    pub events: Vec<PastEvent>,
    pub next: Position,
    pub has_more: bool,
    pub has_unsettled: bool,
}

/// Decides which events a caller sees: the one place where that is said.
pub(super) struct Sight {
    pub caller: Caller,
    known: HashMap<String, Option<Permit<Read>>>,
    /// Records of objects of which the caller sees some only, as they are now.
    records: HashMap<(String, Uuid), bool>,
}

impl Sight {
    pub fn of(caller: Caller) -> Self {
        Self { caller, known: HashMap::new(), records: HashMap::new() }
    }

    /// Finds out which of the records that these events are about the caller sees now.
    pub async fn look(&mut self, app: &App, events: &[PastEvent]) -> Result<(), AppError> {
        self.records.clear();
        let mut ids: HashMap<&str, BTreeSet<Uuid>> = HashMap::new();
        for event in events.iter().filter(|event| event.has_record()) {
            ids.entry(&event.object).or_default().insert(event.record);
        }
        for (object, ids) in ids {
            let Some(permit) = self.permit(app, object).await?.filter(|permit| permit.rows().filter().is_some()) else {
                continue;
            };
            for id in ids {
                let sees = app.store.is_within(&permit, id).await?;
                self.records.insert((object.to_owned(), id), sees);
            }
        }
        Ok(())
    }

    /// Whether the caller sees an event: who may read the record may. Values of fields that the caller does
    /// not see are taken out.
    pub async fn sees(&mut self, app: &App, event: &mut PastEvent) -> Result<bool, AppError> {
        // What a module published about no record is for everybody who reads the log.
        if event.own_type.is_some() && !event.has_record() {
            return Ok(true);
        }
        let Some(permit) = self.permit(app, &event.object).await? else { return Ok(false) };
        hide(permit.object(), event);
        let known = || self.records.get(&(event.object.clone(), event.record)).copied();
        Ok(permit.rows().filter().is_none() || known().unwrap_or(false))
    }

    async fn permit(&mut self, app: &App, name: &str) -> Result<Option<Permit<Read>>, AppError> {
        if let Some(known) = self.known.get(name) {
            return Ok(known.clone());
        }
        let catalog = app.catalog_of(&self.caller).await?;
        let permit = match catalog.schema.object(name) {
            None => None,
            Some(object) => match app.access.check::<Read>(&self.caller, object) {
                Ok(permit) => Some(permit),
                Err(Denied::Policy(error)) => return Err(Denied::Policy(error).into()),
                Err(_) => None,
            },
        };
        self.known.insert(name.to_owned(), permit.clone());
        Ok(permit)
    }
}

/// Takes values of hidden fields out of an event.
fn hide(object: &Object, event: &mut PastEvent) {
    for place in &object.hidden {
        for values in [&mut event.before, &mut event.after] {
            if let Some(values) = values.as_object_mut() {
                values.shift_remove(object.fields[*place].name());
            }
        }
    }
}

impl EventFilter {
    fn wants(&self, event: &PastEvent) -> bool {
        (self.objects.is_empty() || self.objects.contains(&event.object))
            && any_matches(&self.types, &event.event_type())
    }
}

impl App {
    /// A page of the log, onwards from a place.
    pub async fn events(&self, caller: &Caller, request: &EventRequest) -> Result<EventPage, AppError> {
        let permit = self.access.check_area::<Read>(caller, Area::Events)?;
        let limit = limit(request.limit)?;
        let filter = self.event_filter(caller, request).await?;
        let after = self.event_place(caller.tenant, request)?.unwrap_or(Position::START);
        let scan = self.scan(permit, &mut Sight::of(caller.clone()), &filter, after, limit).await?;
        self.note_events(caller, &scan.events).await?;
        let next = scan.next.seal(&self.cursors, caller.tenant);
        Ok(EventPage { events: scan.events, next, has_more: scan.has_more })
    }

    /// What happened to one record, the newest first; to a deleted one too.
    pub async fn timeline(
        &self,
        caller: &Caller,
        object: &str,
        record: Uuid,
        types: &[String],
        page: (Option<u64>, Option<&str>),
    ) -> Result<TimelinePage, AppError> {
        let permit = self.reader(caller, object).await?;
        if !self.store.is_within(&permit, record).await? {
            return Err(AppError::no_record(object, &record));
        }
        let types = patterns(types)?;
        let limit = limit(page.0)? as usize;
        let scope = format!("timeline|{}|{object}|{record}|{types:?}|", caller.tenant);
        let mut before = None;
        if let Some(cursor) = page.1 {
            let place = self.cursors.open_bytes(&scope, cursor).and_then(|place| place.try_into().ok());
            let place = place.ok_or_else(|| {
                AppError::invalid("cursor", "invalid_cursor", "is not a cursor of this timeline: keep `type` as it was")
            })?;
            before = Some(i64::from_be_bytes(place));
        }
        let is_first = before.is_none();
        let mut events = Vec::new();
        let mut next = None;
        for turn in 0..WINDOWS {
            let window = self.store.timeline(&permit, record, before, WINDOW).await?;
            if window.is_empty() && is_first && turn == 0 {
                return Err(AppError::no_record(object, &record));
            }
            let is_last = window.len() < WINDOW as usize;
            let count = window.len();
            for (at, mut event) in window.into_iter().enumerate() {
                before = Some(event.position.seq);
                hide(permit.object(), &mut event);
                if any_matches(&types, &event.event_type()) {
                    events.push(event);
                }
                if events.len() == limit {
                    next = before.filter(|_| !is_last || at + 1 < count);
                    let next = next.map(|seq| self.cursors.seal_bytes(&scope, &seq.to_be_bytes()));
                    self.note_events(caller, &events).await?;
                    return Ok(TimelinePage { events, next });
                }
            }
            next = before.filter(|_| !is_last);
            if is_last {
                break;
            }
        }
        let next = next.map(|seq| self.cursors.seal_bytes(&scope, &seq.to_be_bytes()));
        self.note_events(caller, &events).await?;
        Ok(TimelinePage { events, next })
    }

    /// Writes into the audit trail that events showed values of fields. Encrypted ones they do not show.
    pub(super) async fn note_events(&self, caller: &Caller, events: &[PastEvent]) -> Result<(), AppError> {
        let catalog = self.catalog_of(caller).await?;
        let notes = events.iter().filter_map(|event| {
            let object = catalog.schema.object(&event.object)?;
            let is_told = |place: usize| {
                let field = &object.fields[place];
                let has = |values: &serde_json::Value| values.get(field.name()).is_some_and(|value| !value.is_null());
                !field.kind.is_sealed() && (has(&event.before) || has(&event.after))
            };
            Note::of(Deed::Read, object, Some(event.record), is_told, None)
        });
        self.note(caller, notes.collect()).await
    }

    /// Reads which events are wanted; an object has to be there, and readable.
    pub(super) async fn event_filter(&self, caller: &Caller, request: &EventRequest) -> Result<EventFilter, AppError> {
        for object in &request.objects {
            self.reader(caller, object).await?;
        }
        Ok(EventFilter { objects: request.objects.clone(), types: patterns(&request.types)? })
    }

    /// The place that a request names.
    pub(super) fn event_place(&self, tenant: TenantId, request: &EventRequest) -> Result<Option<Position>, AppError> {
        let Some(after) = &request.after else { return Ok(None) };
        let place = Position::open(&self.cursors, tenant, after);
        place.map(Some).ok_or_else(|| {
            AppError::invalid(request.after_name, "invalid_cursor", "is not a place in the log that was given out")
        })
    }

    /// Looks through the log for events that are wanted and may be seen.
    pub(super) async fn scan(
        &self,
        permit: AreaPermit<Read>,
        sight: &mut Sight,
        filter: &EventFilter,
        after: Position,
        limit: u32,
    ) -> Result<Scan, AppError> {
        let takes_all = filter.objects.is_empty() && filter.types.is_empty();
        let width = if takes_all { (limit + 1).min(WINDOW) } else { WINDOW };
        let mut scan = Scan { events: Vec::new(), next: after, has_more: true, has_unsettled: false };
        for _ in 0..WINDOWS {
            let window = self.store.events_after(permit, scan.next, width).await?;
            let count = window.events.len();
            let is_last = count < width as usize;
            sight.look(self, &window.events).await?;
            for (at, mut event) in window.events.into_iter().enumerate() {
                scan.next = event.position;
                if filter.wants(&event) && sight.sees(self, &mut event).await? {
                    scan.events.push(event);
                }
                if scan.events.len() == limit as usize {
                    scan.has_more = !is_last || at + 1 < count;
                    return Ok(scan);
                }
            }
            if is_last {
                scan.has_more = false;
                scan.has_unsettled = window.has_unsettled;
                break;
            }
        }
        Ok(scan)
    }
}

/// Reads patterns of types; everything that is wrong is told at once.
pub(super) fn patterns(types: &[String]) -> Result<Vec<TypePattern>, AppError> {
    if types.len() > MAX_PATTERNS {
        let message = format!("names more than {MAX_PATTERNS} types");
        return Err(AppError::invalid("type", "out_of_range", message));
    }
    let mut faults: Vec<FieldError> = Vec::new();
    let mut read = Vec::new();
    for text in types {
        match TypePattern::parse(text) {
            Ok(pattern) => read.push(pattern),
            Err(unfit) => faults.push(unfit.of("type")),
        }
    }
    if faults.is_empty() { Ok(read) } else { Err(AppError::Invalid(faults)) }
}

pub(super) fn limit(asked: Option<u64>) -> Result<u32, AppError> {
    check_limit(asked.unwrap_or(u64::from(DEFAULT_LIMIT))).map_err(|wrong| AppError::Invalid(vec![wrong]))
}
