//! What a caller asks of a list, read into a query: filter, order, place, fields, links.

use std::fmt::Write as _;
use std::sync::Arc;

use serde_json::Value as Json;

use super::{App, AppError, Catalog};
use crate::access::{Permit, Permits, Read, Sight};
use crate::domain::caller::Caller;
use crate::domain::cursor::Place;
use crate::domain::filter::{Filter, Scope, Target, from_pairs};
use crate::domain::invalid::FieldError;
use crate::domain::moment::Moment;
use crate::domain::object::Object;
use crate::domain::query::{DEFAULT_LIMIT, Query, check_limit, parse_fields, parse_sort};
use crate::domain::value::Value;
use crate::domain::view::Expand;

/// What a caller wants to see of a list.
#[derive(Clone, Debug, Default)]
pub struct ListRequest {
    /// The filter tree.
    pub filter: Option<Json>,
    /// The short form: a path of names with the operator at its end, and text.
    pub pairs: Vec<(Vec<String>, String)>,
    /// Field names with commas, `-` in front for descending.
    pub sort: String,
    /// Page size.
    pub limit: Option<u64>,
    /// Where the page before ended.
    pub cursor: Option<String>,
    /// The fields to answer, with commas; all when none.
    pub fields: Option<String>,
    /// Links to follow, with commas.
    pub expand: String,
    /// `exact` to count what the filter finds.
    pub count: Option<String>,
    /// Words to search for.
    pub text: Option<String>,
    /// Deleted records instead of those that are there.
    pub deleted: bool,
}

/// Somebody who asks about an object, and may.
pub(super) struct Asker {
    /// What the tenant has.
    pub catalog: Arc<Catalog>,
    /// What may be seen.
    pub sight: Sight,
    /// The permit for the object itself.
    pub permit: Permit<Read>,
}

/// A request that was read.
pub(super) struct Question {
    /// What it reaches.
    pub permits: Permits,
    /// Filter, order, page size, place, fields to read.
    pub query: Query,
    /// The fields to answer.
    pub shown: Option<Vec<Target>>,
    /// Links to follow.
    pub expand: Expand,
    /// Whether to count.
    pub counts: bool,
    /// What was asked, in words that are the same on every page.
    pub list: String,
    /// What `$now` means.
    pub moment: Moment,
    /// The place of the page before, as the cursor has it.
    pub place: Option<Place>,
}

impl Asker {
    /// Reads something against what the asker may ask about.
    pub fn scoped<T>(&self, moment: Moment, read: impl FnOnce(&Scope<'_>) -> T) -> T {
        let sees = |object: &Arc<Object>, field: Option<&str>| self.sight.sees(object, field);
        let caller = self.permit.caller();
        let scope = Scope {
            schema: &self.catalog.schema,
            object: self.permit.object(),
            moment,
            me: caller.me(),
            teams: &caller.teams,
            sees: &sees,
        };
        read(&scope)
    }

    /// The permits that a filter needs.
    pub fn permits(&self, filter: Option<&Filter>) -> Permits {
        let mut permits = Permits::new(self.permit.clone());
        for object in filter.map(Filter::reached).unwrap_or_default() {
            if let Some(permit) = self.sight.permit(object) {
                permits.add(permit);
            }
        }
        permits
    }

    /// Reads the filters of a request.
    pub fn filters(&self, moment: Moment, request: &ListRequest) -> Result<Vec<Filter>, Vec<FieldError>> {
        let mut filters = Vec::new();
        let mut faults = Vec::new();
        let mut keep = |read: Result<Filter, Vec<FieldError>>| match read {
            Ok(filter) => filters.push(filter),
            Err(wrong) => faults.extend(wrong),
        };
        if let Some(json) = request.filter.as_ref().filter(|json| !json.is_null()) {
            keep(self.scoped(moment, |scope| Filter::parse(scope, json)));
        }
        if !request.pairs.is_empty() {
            let short = from_pairs(&request.pairs).map_err(|wrong| vec![wrong]);
            keep(short.and_then(|json| self.scoped(moment, |scope| Filter::parse_loose(scope, &json))));
        }
        if faults.is_empty() { Ok(filters) } else { Err(faults) }
    }
}

impl App {
    /// The caller as one who asks about an object.
    pub(super) async fn asker(&self, caller: &Caller, object: &str) -> Result<Asker, AppError> {
        let catalog = self.catalog_of(caller).await?;
        let unknown = || AppError::UnknownObject(object.to_owned());
        let permit = self.access.check::<Read>(caller, catalog.schema.object(object).ok_or_else(unknown)?)?;
        let sight = self.access.sight(caller, None)?;
        Ok(Asker { catalog, sight, permit })
    }

    /// Reads a request; everything that is wrong with it is told at once. `within` narrows the list.
    pub(super) fn question(
        &self,
        asker: &Asker,
        request: &ListRequest,
        within: Option<Filter>,
    ) -> Result<Question, AppError> {
        let object = Arc::clone(asker.permit.object());
        let mut faults = Vec::new();
        let mut query = Query { deleted: request.deleted, ..Query::default() };
        match parse_sort(&object, request.sort.split(',').map(str::trim)) {
            Ok(sort) => query.sort = sort,
            Err(wrong) => faults.push(wrong),
        }
        let list = words(&object, request, &query, within.as_ref());
        let mut place = None;
        if let Some(cursor) = request.cursor.as_ref().filter(|_| faults.is_empty()) {
            place = self.cursors.open(asker.permit.tenant(), &list, cursor);
            if place.is_none() {
                faults.push(invalid_cursor());
            }
        }
        let at = place.as_ref().map_or_else(|| self.clock.now(), |place| place.moment);
        let moment = Moment { at, timezone: asker.catalog.timezone };
        match asker.filters(moment, request) {
            Ok(filters) => {
                let all: Vec<Filter> = within.into_iter().chain(filters).collect();
                query.filter = (!all.is_empty()).then_some(Filter::And(all));
            }
            Err(wrong) => faults.extend(wrong),
        }
        match check_limit(request.limit.unwrap_or(u64::from(DEFAULT_LIMIT))) {
            Ok(limit) => query.limit = limit,
            Err(wrong) => faults.push(wrong),
        }
        let counts = request.count.as_deref() == Some("exact");
        if request.count.is_some() && !counts {
            faults.push(FieldError::new("count", "unknown_option", "is `exact`, or is not given"));
        }
        let (mut shown, mut expand) = (None, Expand::default());
        match read_shape(asker, request.fields.as_deref(), &request.expand) {
            Ok(shape) => (shown, expand) = shape,
            Err(wrong) => faults.extend(wrong),
        }
        if !faults.is_empty() {
            return Err(AppError::Invalid(faults));
        }
        if let Some(shown) = &shown {
            let needed = shown.iter().copied().chain(query.sort.iter().map(|sort| sort.target));
            let places = needed.filter_map(|target| match target {
                Target::Field(place) => Some(place),
                _ => None,
            });
            query.fields = Some(places.chain(expand.0.keys().copied()).collect());
        } else if !object.hidden.is_empty() {
            // What a role does not show is not even read.
            query.fields = Some(object.shown().map(|(place, _)| place).collect());
        }
        let permits = asker.permits(query.filter.as_ref());
        Ok(Question { permits, query, shown, expand, counts, list, moment, place })
    }

    /// The cursor that stands behind a place of a list.
    pub(super) fn seal(&self, question: &Question, values: &[Value]) -> String {
        let values = values.iter().map(|value| serde_json::to_value(value).unwrap_or(Json::Null)).collect();
        let place = Place { moment: question.moment.at, values };
        self.cursors.seal(question.permits.own().tenant(), &question.list, &place)
    }
}

/// Reads which fields to answer, and which links to follow.
pub(super) fn read_shape(
    asker: &Asker,
    fields: Option<&str>,
    expand: &str,
) -> Result<(Option<Vec<Target>>, Expand), Vec<FieldError>> {
    let object = asker.permit.object();
    let shown = fields.map(|names| parse_fields(object, names)).transpose();
    let other_end = |name: &str| {
        let object = asker.catalog.schema.object(name)?;
        asker.sight.sees(object, None).then_some(object.as_ref())
    };
    match (shown, Expand::parse(object, expand, &other_end)) {
        (Ok(shown), Ok(expand)) => Ok((shown, expand)),
        (shown, expand) => Err(shown.err().into_iter().chain(expand.err()).collect()),
    }
}

/// The fault of a cursor that is not of this list.
pub(super) fn invalid_cursor() -> FieldError {
    FieldError::new(
        "cursor",
        "invalid_cursor",
        "is not a cursor of this list: keep filter, sort and text as they were, or begin again without it",
    )
}

/// What was asked, as it was written: `$now` stays `$now`.
fn words(object: &Object, request: &ListRequest, query: &Query, within: Option<&Filter>) -> String {
    let mut words = format!("{}|{:?}|{:?}|", object.name, query.sort, request.text);
    if let Some(Filter::Compare(target, _, value)) = within {
        let _ = write!(words, "{target:?} {value:?}");
    }
    let filter = request.filter.as_ref().map(ToString::to_string).unwrap_or_default();
    let _ = write!(words, "|{filter}|{:?}|{}", request.pairs, request.deleted);
    words
}
