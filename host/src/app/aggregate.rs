//! Figures over records: counts, sums and their like, in groups.

use chrono::NaiveDate;
use serde_json::{Map, Value as Json};

use super::question::{Asker, ListRequest};
use super::{App, AppError};
use crate::domain::aggregate::{Aggregate, Key, MAX_GROUPS};
use crate::domain::audit::{Deed, Note};
use crate::domain::caller::Caller;
use crate::domain::field::FieldType;
use crate::domain::filter::{Filter, Target};
use crate::domain::invalid::FieldError;
use crate::domain::moment::{Moment, Unit};
use crate::domain::value::Value;
use crate::store::Cell;

/// What a caller wants to know: the members of the body.
pub type AggregateRequest = Map<String, Json>;

impl App {
    /// The groups that a caller asks for, each as a JSON object.
    pub async fn aggregate(
        &self,
        caller: &Caller,
        object: &str,
        request: &AggregateRequest,
    ) -> Result<Vec<Map<String, Json>>, AppError> {
        let asker = self.asker(caller, object).await?;
        self.aggregate_for(caller, &asker, None, &|_| true, request).await
    }

    /// The same, for who may name only some fields.
    pub(super) async fn aggregate_for(
        &self,
        caller: &Caller,
        asker: &Asker,
        plugin: Option<&str>,
        may_name: &(dyn Fn(&str) -> bool + Sync),
        request: &AggregateRequest,
    ) -> Result<Vec<Map<String, Json>>, AppError> {
        let object = asker.permit.object();
        let moment = Moment { at: self.clock.now(), timezone: asker.catalog.timezone };
        let mut faults = Vec::new();
        let filters = ListRequest { filter: request.get("filter").cloned(), ..ListRequest::default() };
        let filter = asker.filters(moment, &filters).unwrap_or_else(|wrong| {
            faults.extend(wrong);
            Vec::new()
        });
        let filter = (!filter.is_empty()).then_some(Filter::And(filter));
        let aggregate = match Aggregate::parse(object, request) {
            Ok(aggregate) => aggregate,
            Err(wrong) => {
                faults.push(wrong);
                return Err(AppError::Invalid(faults));
            }
        };
        if !faults.is_empty() {
            return Err(AppError::Invalid(faults));
        }
        let named: Vec<Target> = aggregate
            .keys
            .iter()
            .map(|key| key.target)
            .chain(aggregate.measures.iter().filter_map(|one| one.target))
            .collect();
        let asked = named.iter().copied().chain(filter.iter().flat_map(Filter::targets));
        for target in asked {
            let Target::Field(place) = target else { continue };
            let name = object.fields[place].name();
            if !may_name(name) {
                faults.push(FieldError::new(name, "unknown_field", format!("`{}` has no such field", object.name)));
            }
        }
        if !faults.is_empty() {
            return Err(AppError::Invalid(faults));
        }
        let is_named = |place: usize| named.contains(&Target::Field(place));
        self.note(caller, Note::of(Deed::Read, object, None, is_named, plugin).into_iter().collect()).await?;
        let permits = asker.permits(filter.as_ref());
        let mut days = Vec::with_capacity(aggregate.keys.len());
        for key in &aggregate.keys {
            days.push(match key.bucket {
                None => None,
                Some(unit) => {
                    let extent = self.store.extent(&permits, filter.as_ref(), key.target).await?;
                    Some(stretches(&moment, key, unit, extent)?)
                }
            });
        }
        let bounds: Vec<Option<Vec<Value>>> = aggregate
            .keys
            .iter()
            .zip(&days)
            .map(|(key, days)| {
                let is_day = matches!(key.target.kind(object), FieldType::Date);
                let bound = |day: &NaiveDate| {
                    if is_day { Value::Date(*day) } else { Value::Datetime(moment.start_of_day(*day)) }
                };
                days.as_ref().map(|days| days.iter().map(bound).collect())
            })
            .collect();
        let mut groups = self.store.aggregate(&permits, filter.as_ref(), &aggregate, &bounds).await?;
        if groups.len() > MAX_GROUPS {
            return Err(AppError::Invalid(vec![too_many()]));
        }
        for group in &mut groups {
            name_stretches(group, &days);
        }
        groups.sort_by(|a, b| {
            let asked = aggregate.sort.iter().map(|(at, descending)| (*at, *descending));
            let keys = (0..a.len()).map(|at| (at, false));
            asked
                .chain(keys)
                .map(|(at, descending)| match (&a[at], &b[at]) {
                    // Missing values come last both ways.
                    (Cell::Value(Value::Null), _) | (_, Cell::Value(Value::Null)) => a[at].order(&b[at]),
                    (a, b) if descending => b.order(a),
                    (a, b) => a.order(b),
                })
                .find(|order| order.is_ne())
                .unwrap_or(std::cmp::Ordering::Equal)
        });
        groups.truncate(aggregate.limit);
        let names = aggregate.keys.iter().map(|key| &key.name).chain(aggregate.measures.iter().map(|one| &one.name));
        let named = |group: &Vec<Cell>| names.clone().cloned().zip(group.iter().map(Cell::to_json)).collect();
        Ok(groups.iter().map(named).collect())
    }
}

/// The first days of the stretches that values are in, and of the one behind them.
fn stretches(
    moment: &Moment,
    key: &Key,
    unit: Unit,
    extent: Option<(Value, Value)>,
) -> Result<Vec<NaiveDate>, AppError> {
    let day = |value: Value| match value {
        Value::Date(day) => day,
        Value::Datetime(at) => Moment { at, ..*moment }.day(),
        _ => moment.day(),
    };
    let (first, last) = extent.map_or((moment.day(), moment.day()), |(first, last)| (day(first), day(last)));
    let mut days = vec![unit.start(first)];
    while let Some(next) = days.last().copied() {
        if next > last {
            break;
        }
        if days.len() > MAX_GROUPS {
            return Err(AppError::Invalid(vec![too_many()]));
        }
        let next = unit.step(next, 1).ok_or_else(|| {
            AppError::invalid("group_by", "out_of_range", format!("`{}` goes beyond the year 9999", key.name))
        })?;
        days.push(next);
    }
    Ok(days)
}

/// Puts the first day of its stretch where a group has the number of it.
fn name_stretches(group: &mut [Cell], days: &[Option<Vec<NaiveDate>>]) {
    for (cell, days) in group.iter_mut().zip(days) {
        let Some(days) = days else { continue };
        let Cell::Value(Value::Integer(number)) = cell else { continue };
        let day = usize::try_from(*number).ok().and_then(|number| days.get(number));
        *cell = Cell::Value(day.map_or(Value::Null, |day| Value::Date(*day)));
    }
}

fn too_many() -> FieldError {
    let message = format!(
        "makes more than {MAX_GROUPS} groups: filter further, group by a field with fewer values, or take a longer bucket"
    );
    FieldError::new("group_by", "too_many_groups", message)
}
