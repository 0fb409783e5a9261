//! The audit trail: what it says of changes, and how admins look at it.

mod export;

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use uuid::Uuid;

use super::staging::{Key, Staged, key_of};
use super::unit_of_work::Work;
use super::{App, AppError};
use crate::access::Configure;
use crate::domain::audit::{Deed, Entry, Note};
use crate::domain::caller::Caller;
use crate::domain::clock::Timestamp;
use crate::domain::invalid::FieldError;
use crate::domain::permission::Area;
use crate::domain::plugin::Manifest;
use crate::domain::query::{DEFAULT_LIMIT, check_limit};
use crate::store::AuditFilter;

/// Which entries a caller wants to see, as it was written.
#[derive(Clone, Debug, Default)]
pub struct AuditRequest {
    /// Only of this object.
    pub object: Option<String>,
    /// Only of this record.
    pub record: Option<String>,
    /// Only by this key or plugin.
    pub subject: Option<String>,
    /// Only of this request, or of this job.
    pub request: Option<String>,
    /// Only of this kind.
    pub action: Option<String>,
    /// Only with this field.
    pub field: Option<String>,
    /// Only from then on.
    pub since: Option<String>,
    /// Only before then.
    pub until: Option<String>,
    /// Page size.
    pub limit: Option<u64>,
    /// Where the page before ended.
    pub cursor: Option<String>,
}

/// An entry as callers see it.
#[derive(Clone, Debug, serde::Serialize, utoipa::ToSchema)]
pub struct AuditView {
    /// When.
    pub at: String,
    /// Who.
    pub subject: SubjectView,
    /// Whom a plugin did it for: `key:` and its id.
    pub on_behalf_of: Option<String>,
    /// The address at the other end of the connection: a proxy's, when there is one in between.
    pub peer: Option<String>,
    /// The `X-Request-Id`, or `job:` and the id of the job.
    pub request: Option<String>,
    /// What was done.
    pub action: Deed,
    /// The object, or the area of the host with `#` in front.
    pub object: String,
    /// The record, or the thing of the area; none when it was of many at once: figures, or the file of an export.
    pub record: Option<Uuid>,
    /// Names of the fields, or of what it was about. Values are never kept.
    pub fields: Vec<String>,
}

/// Who did something.
#[derive(Clone, Debug, serde::Serialize, utoipa::ToSchema)]
pub struct SubjectView {
    /// `user`, `key`, `plugin`, `operator` or `host`, or `nobody` for a sign-in that failed.
    pub kind: String,
    /// Id of the user, of the key, or of the plugin; empty for nobody.
    pub id: String,
}

/// A page of the trail, the newest first.
#[derive(Clone, Debug, serde::Serialize, utoipa::ToSchema)]
pub struct AuditPage {
    /// The entries.
    pub data: Vec<AuditView>,
    /// Where the next page begins; none when this is the last one.
    pub next_cursor: Option<String>,
}

impl Work {
    /// What the trail says of a change: who gave noted fields their values, a plugin or the caller.
    pub(super) fn entries(
        &self,
        staged: &Staged,
        reworded: &HashMap<Key, HashMap<usize, Arc<Manifest>>>,
    ) -> Vec<Entry> {
        let Some(record) = staged.after().or(staged.before()) else { return Vec::new() };
        let changed = |place: usize| match staged {
            Staged::Update { places, .. } => places.contains(&place),
            _ => !record.values[place].is_null(),
        };
        let reworded = reworded.get(&key_of(record));
        let mut by: BTreeMap<Option<&str>, Vec<usize>> = BTreeMap::new();
        for &place in record.object.audited.iter().filter(|&&place| changed(place)) {
            let plugin = reworded.and_then(|places| places.get(&place)).or(staged.plugin());
            by.entry(plugin.map(|plugin| plugin.id.as_str())).or_default().push(place);
        }
        let note = |(plugin, places): (Option<&str>, Vec<usize>)| {
            Note::of(Deed::Change, &record.object, Some(record.id), |place| places.contains(&place), plugin)
        };
        by.into_iter().filter_map(note).map(|note| note.by(&self.caller, self.at)).collect()
    }
}

impl App {
    /// A page of the tenant's audit trail.
    pub async fn audit(&self, caller: &Caller, request: &AuditRequest) -> Result<AuditPage, AppError> {
        let permit = self.access.check_area::<Configure>(caller, Area::Audit)?;
        let (filter, limit) = self.read_audit(caller, request)?;
        let mut entries = self.store.audit(permit, &filter, limit + 1).await?;
        let has_more = entries.len() > limit as usize;
        entries.truncate(limit as usize);
        let last = entries.last().filter(|_| has_more);
        let next_cursor = last.map(|(seq, _)| self.cursors.seal_bytes(&scope(caller), &seq.to_be_bytes()));
        Ok(AuditPage { data: entries.into_iter().map(|(_, entry)| view(entry)).collect(), next_cursor })
    }

    /// Reads which entries are asked for, and how many; everything that is wrong is told at once.
    fn read_audit(&self, caller: &Caller, request: &AuditRequest) -> Result<(AuditFilter, u32), AppError> {
        let mut faults = Vec::new();
        let mut wrong = |name: &str, code, message: &str| faults.push(FieldError::new(name, code, message));
        let mut filter = AuditFilter {
            object: request.object.clone(),
            subject: request.subject.clone(),
            field: request.field.clone(),
            request: request.request.clone(),
            ..AuditFilter::default()
        };
        if let Some(text) = &request.record {
            filter.record = Uuid::parse_str(text).ok();
            if filter.record.is_none() {
                wrong("record", "wrong_type", "is the id of a record");
            }
        }
        if let Some(text) = &request.action {
            filter.deed = Deed::find(text);
            if filter.deed.is_none() {
                let all = Deed::ALL.map(Deed::name).join(", ");
                wrong("action", "unknown_option", &format!("is one of {all}"));
            }
        }
        for (name, text, at) in
            [("since", &request.since, &mut filter.since), ("until", &request.until, &mut filter.until)]
        {
            let Some(text) = text else { continue };
            *at = Timestamp::parse(text);
            if at.is_none() {
                wrong(name, "wrong_type", "is a time in RFC 3339, \"2026-11-21T09:30:00Z\"");
            }
        }
        if let Some(cursor) = &request.cursor {
            let place = self.cursors.open_bytes(&scope(caller), cursor).and_then(|place| place.try_into().ok());
            filter.before = place.map(i64::from_be_bytes);
            if filter.before.is_none() {
                wrong("cursor", "invalid_cursor", "is not a cursor of this list");
            }
        }
        let limit = check_limit(request.limit.unwrap_or(u64::from(DEFAULT_LIMIT))).unwrap_or_else(|fault| {
            faults.push(fault);
            DEFAULT_LIMIT
        });
        if faults.is_empty() { Ok((filter, limit)) } else { Err(AppError::Invalid(faults)) }
    }
}

/// Which list a cursor is of.
fn scope(caller: &Caller) -> String {
    format!("audit|{}|", caller.tenant)
}

pub(super) fn view(entry: Entry) -> AuditView {
    AuditView {
        at: entry.at.to_string(),
        subject: SubjectView { kind: entry.subject_kind, id: entry.subject },
        on_behalf_of: entry.on_behalf_of,
        peer: entry.peer,
        request: entry.request,
        action: entry.note.deed,
        object: entry.note.object,
        record: entry.note.record,
        fields: entry.note.fields,
    }
}
