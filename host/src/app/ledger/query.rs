//! What admins see of calls of modules.

use uuid::Uuid;

use super::call::spot;
use super::kept::KeptCall;
use super::views::{
    AccessPage, AccessRequest, CallsRequest, FailurePage, LogPage, ModuleUsageView, access_view, failure_view,
    log_view, sum, usage_day,
};
use crate::access::{Chore, Configure, Export, HostPermit, Read};
use crate::app::usage::day;
use crate::app::{App, AppError};
use crate::domain::accountability::Cost;
use crate::domain::audit::{Deed, Note};
use crate::domain::caller::Caller;
use crate::domain::clock::Timestamp;
use crate::domain::invalid::FieldError;
use crate::domain::permission::Area;
use crate::domain::query::{DEFAULT_LIMIT, check_limit};
use crate::store::{AccessFilter, CallFilter};

/// Most days of figures at once.
const MOST_DAYS: i64 = 366;

impl App {
    /// A page of what modules of the caller's tenant read, and where they sent.
    pub async fn plugin_access(&self, caller: &Caller, request: &AccessRequest) -> Result<AccessPage, AppError> {
        let permit = self.access.check_area::<Configure>(caller, Area::Audit)?;
        let mut faults = Vec::new();
        let mut filter =
            AccessFilter { plugin: request.plugin.clone(), host: request.host.clone(), ..AccessFilter::default() };
        if let Some(text) = &request.record {
            let parts = text.split_once('/');
            filter.record = parts.and_then(|(object, id)| Some((object.to_owned(), Uuid::parse_str(id).ok()?)));
            if filter.record.is_none() {
                faults.push(FieldError::new("record", "wrong_type", "is an object and an id: \"contact/…\""));
            }
        }
        filter.from = time(request.from.as_deref(), &mut faults);
        let scope = format!("plugin-access|{}|", caller.tenant);
        let place = self.point_of(request.cursor.as_deref(), &scope, &mut faults);
        filter.before = place.and_then(|place| place.try_into().ok()).map(i64::from_be_bytes);
        let limit = limit(request.limit, &mut faults);
        if !faults.is_empty() {
            return Err(AppError::Invalid(faults));
        }
        self.flush_ledger().await?;
        let mut rows = self.store.plugin_access(permit, &filter, limit + 1).await?;
        let has_more = rows.len() > limit as usize;
        rows.truncate(limit as usize);
        let next_cursor = rows.last().filter(|_| has_more);
        let next_cursor = next_cursor.map(|row| self.cursors.seal_bytes(&scope, &row.seq.to_be_bytes()));
        let asked = filter.record.map(|(_, id)| id);
        Ok(AccessPage { data: rows.into_iter().map(|row| access_view(row, asked)).collect(), next_cursor })
    }

    /// A page of what a module said.
    pub async fn module_logs(
        &self,
        caller: &Caller,
        plugin: &str,
        request: &CallsRequest,
    ) -> Result<LogPage, AppError> {
        let permit = self.access.check_area::<Configure>(caller, Area::Modules)?;
        let read = self.access.check_area::<Read>(caller, Area::Modules)?;
        let scope = format!("module-logs|{}|{plugin}|", permit.tenant());
        let (filter, place, limit) = self.read_calls(plugin, request, &scope)?;
        let before = place.and_then(|place| place.try_into().ok()).map(i64::from_be_bytes);
        self.is_module(read, plugin).await?;
        self.flush_ledger().await?;
        let mut rows = self.store.plugin_log(read, &filter, before, limit + 1).await?;
        let has_more = rows.len() > limit as usize;
        rows.truncate(limit as usize);
        let next_cursor = rows.last().filter(|_| has_more);
        let next_cursor = next_cursor.map(|row| self.cursors.seal_bytes(&scope, &row.seq.to_be_bytes()));
        Ok(LogPage { data: rows.into_iter().map(log_view).collect(), next_cursor })
    }

    /// A page of calls of a module that failed.
    pub async fn module_failures(
        &self,
        caller: &Caller,
        plugin: &str,
        request: &CallsRequest,
    ) -> Result<FailurePage, AppError> {
        let permit = self.access.check_area::<Configure>(caller, Area::Modules)?;
        let read = self.access.check_area::<Read>(caller, Area::Modules)?;
        let scope = format!("module-failures|{}|{plugin}|", permit.tenant());
        let (filter, place, limit) = self.read_calls(plugin, request, &scope)?;
        let before = place.and_then(|place| place.try_into().ok()).map(Uuid::from_bytes);
        self.is_module(read, plugin).await?;
        self.flush_ledger().await?;
        let mut rows = self.store.plugin_failures(read, &filter, before, limit + 1).await?;
        let has_more = rows.len() > limit as usize;
        rows.truncate(limit as usize);
        let next_cursor = rows.last().filter(|_| has_more);
        let next_cursor = next_cursor.map(|row| self.cursors.seal_bytes(&scope, row.invocation.id.as_bytes()));
        Ok(FailurePage { data: rows.into_iter().map(failure_view).collect(), next_cursor })
    }

    /// A failed call as a file, to be run again. It holds what the module saw of records, so it takes the right to
    /// have the tenant as a file; and that is noted.
    pub async fn failure_replay(&self, caller: &Caller, plugin: &str, id: Uuid) -> Result<String, AppError> {
        self.access.check_area::<Configure>(caller, Area::Modules)?;
        self.access.check_area::<Export>(caller, Area::Tenant)?;
        let read = self.access.check_area::<Read>(caller, Area::Modules)?;
        self.flush_ledger().await?;
        let kept = self.store.plugin_transcript(read, plugin, id).await?;
        let kept = kept.ok_or_else(|| AppError::no_record("failure", &id))?;
        let text = self.open_text(caller.tenant, &spot(caller.tenant, id), kept).await?;
        let mut call: KeptCall = serde_json::from_str(&text).map_err(|_| AppError::Unopened)?;
        let installed = self.store.plugins(HostPermit::new(Chore::Serve)).await?;
        let same = installed.iter().find(|row| row.manifest.id == call.plugin && row.manifest.version == call.version);
        call.digest = same.map(|row| row.digest.iter().map(|byte| format!("{byte:02x}")).collect());
        self.note(caller, vec![Note::of_all(Deed::Export, Area::Modules.name(), Some(id), "replay")]).await?;
        serde_json::to_string_pretty(&call).map_err(|error| AppError::Setup(error.to_string()))
    }

    /// What a module of the caller's tenant cost, by day.
    pub async fn module_usage(
        &self,
        caller: &Caller,
        plugin: &str,
        from: Option<&str>,
        to: Option<&str>,
    ) -> Result<ModuleUsageView, AppError> {
        let read = self.access.check_area::<Read>(caller, Area::Modules)?;
        let (from, to) = days(from, to, self.clock.now())?;
        self.is_module(read, plugin).await?;
        self.note_costs().await?;
        let rows = self.store.plugin_usage(read, plugin, &from, &to).await?;
        let mut total = Cost::default();
        for row in &rows {
            total.add(&row.cost);
        }
        let data = rows.into_iter().map(usage_day).collect();
        Ok(ModuleUsageView { plugin: plugin.to_owned(), from, to, data, total: sum(&total) })
    }

    /// Whether the tenant has the module, switched on or off.
    pub(in crate::app) async fn is_module(
        &self,
        read: crate::access::AreaPermit<Read>,
        plugin: &str,
    ) -> Result<(), AppError> {
        let rows = self.store.modules(read).await?;
        let is_there = rows.iter().any(|row| row.plugin == plugin);
        if is_there { Ok(()) } else { Err(AppError::no_record("module", &plugin)) }
    }

    fn read_calls(
        &self,
        plugin: &str,
        request: &CallsRequest,
        scope: &str,
    ) -> Result<(CallFilter, Option<Vec<u8>>, u32), AppError> {
        let mut faults = Vec::new();
        let mut invocation = None;
        if let Some(text) = &request.invocation {
            invocation = Uuid::parse_str(text).ok();
            if invocation.is_none() {
                faults.push(FieldError::new("invocation", "wrong_type", "is the id of a call"));
            }
        }
        let from = time(request.from.as_deref(), &mut faults);
        let filter = CallFilter { plugin: plugin.to_owned(), word: request.word.clone(), invocation, from };
        let place = self.point_of(request.cursor.as_deref(), scope, &mut faults);
        let limit = limit(request.limit, &mut faults);
        if faults.is_empty() { Ok((filter, place, limit)) } else { Err(AppError::Invalid(faults)) }
    }

    fn point_of(&self, cursor: Option<&str>, scope: &str, faults: &mut Vec<FieldError>) -> Option<Vec<u8>> {
        let place = self.cursors.open_bytes(scope, cursor?);
        if place.is_none() {
            faults.push(FieldError::new("cursor", "invalid_cursor", "is not a cursor of this list"));
        }
        place
    }
}

fn time(text: Option<&str>, faults: &mut Vec<FieldError>) -> Option<Timestamp> {
    let at = Timestamp::parse(text?);
    if at.is_none() {
        let message = "is a time in RFC 3339, \"2026-11-21T09:30:00Z\"";
        faults.push(FieldError::new("from", "wrong_type", message));
    }
    at
}

fn limit(asked: Option<u64>, faults: &mut Vec<FieldError>) -> u32 {
    check_limit(asked.unwrap_or(u64::from(DEFAULT_LIMIT))).unwrap_or_else(|fault| {
        faults.push(fault);
        DEFAULT_LIMIT
    })
}

/// The days from one to another, both included, as they were asked for; 31 up to today when nothing was said.
pub(in crate::app) fn days(from: Option<&str>, to: Option<&str>, now: Timestamp) -> Result<(String, String), AppError> {
    let mut faults = Vec::new();
    let mut date = |name: &str, text: Option<&str>, or: Timestamp| match text {
        None => or,
        Some(text) => Timestamp::parse(text).filter(|_| text.len() == 10).unwrap_or_else(|| {
            faults.push(FieldError::new(name, "wrong_type", "is a date, \"2026-11-26\""));
            or
        }),
    };
    let to = date("to", to, now);
    let from = date("from", from, to.minus(std::time::Duration::from_hours(30 * 24)));
    if to.micros() - from.micros() > MOST_DAYS * 86_400_000_000 || from > to {
        faults.push(FieldError::new("from", "out_of_range", format!("is at most {MOST_DAYS} days before `to`")));
    }
    if faults.is_empty() { Ok((day(from), day(to))) } else { Err(AppError::Invalid(faults)) }
}
