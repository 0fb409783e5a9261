//! Queries inside a unit of work: what the database finds, with what is staged in its place.

use std::collections::HashSet;

use futures_util::future::BoxFuture;
use uuid::Uuid;

use super::{AppError, Work};
use crate::access::Permits;
use crate::domain::filter::{Around, Comparison, Filter, Target};
use crate::domain::object::Object;
use crate::domain::query::Query;
use crate::domain::record::Record;
use crate::domain::value::Value;

/// Nothing beside a record: for filters whose links are settled.
pub struct Alone;

impl Around for Alone {
    fn linked(&self, _: &Object, _: Uuid) -> Option<Record> {
        None
    }

    fn linking(&self, _: &Object, _: usize, _: Uuid) -> Vec<Record> {
        Vec::new()
    }
}

impl Work {
    /// The records that a query finds, as this unit of work sees them.
    pub async fn query(&self, permits: &Permits, query: &Query) -> Result<Vec<Record>, AppError> {
        let object = permits.own().object();
        let reached = query.filter.as_ref().map(Filter::reached).unwrap_or_default();
        let mut ids = HashSet::new();
        let own: Vec<Record> = {
            let buffer = self.buffer.lock().await;
            // The database cannot see through links to what is not committed yet.
            if let Some((name, _)) =
                buffer.staged.keys().find(|(name, _)| reached.iter().any(|object| object.name == *name))
            {
                return Err(AppError::Refused(format!(
                    "a query cannot reach `{name}` through a link, because this command changes records of it: \
                     ask for them by themselves"
                )));
            }
            let staged = buffer.staged.iter().filter(|((name, _), _)| *name == object.name);
            let staged = staged.inspect(|((_, id), _)| {
                ids.insert(*id);
            });
            let may_match = |record: &&Record| {
                !reached.is_empty() || query.filter.as_ref().is_none_or(|filter| filter.matches(record, &Alone))
            };
            staged.filter_map(|(_, staged)| staged.after()).filter(may_match).cloned().collect()
        };
        // Staged records may fall out of the page; so many more are asked for.
        let mut wider = query.clone();
        wider.limit += u32::try_from(ids.len()).unwrap_or(u32::MAX - query.limit);
        let mut found = self.app.store.list(permits, &wider).await?;
        for record in &found {
            self.remember(permits.own(), record).await?;
        }
        if ids.is_empty() {
            return Ok(found);
        }
        found.retain(|record| !ids.contains(&record.id));
        for record in own {
            let is_met = match &query.filter {
                Some(filter) if !reached.is_empty() => {
                    self.settle(permits, filter, &record).await?.matches(&record, &Alone)
                }
                _ => true,
            };
            if is_met {
                found.push(record);
            }
        }
        found.sort_by(|a, b| query.order(a, b));
        found.truncate(query.limit as usize);
        Ok(found)
    }

    /// Whether a record that is not stored yet meets a rule; a rule sees every record.
    pub(in super::super) async fn fits(&self, rule: &Filter, record: &Record) -> Result<bool, AppError> {
        let mut permits = Permits::new(self.app.access.for_computing(&self.caller, &record.object));
        for object in rule.reached() {
            permits.add(self.app.access.for_computing(&self.caller, object));
        }
        Ok(self.settle(&permits, rule, record).await?.matches(record, &Alone))
    }

    /// A filter with its conditions on linked records decided for one record.
    fn settle<'a>(
        &'a self,
        permits: &'a Permits,
        filter: &'a Filter,
        record: &'a Record,
    ) -> BoxFuture<'a, Result<Filter, AppError>> {
        Box::pin(async move {
            Ok(match filter {
                Filter::And(parts) | Filter::Or(parts) => {
                    let mut settled = Vec::with_capacity(parts.len());
                    for part in parts {
                        settled.push(self.settle(permits, part, record).await?);
                    }
                    if matches!(filter, Filter::And(_)) { Filter::And(settled) } else { Filter::Or(settled) }
                }
                Filter::Not(part) => Filter::Not(Box::new(self.settle(permits, part, record).await?)),
                Filter::Linked { place, object, filter } => {
                    let (Value::Id(id), Some(permit)) = (&record.values[*place], permits.of(object)) else {
                        return Ok(constant(false));
                    };
                    match self.get(permit, *id).await? {
                        None => constant(false),
                        Some(linked) => constant(self.settle(permits, filter, &linked).await?.matches(&linked, &Alone)),
                    }
                }
                Filter::LinkedMany { place, object, filter } => {
                    let (Value::Ids(ids), Some(permit)) = (&record.values[*place], permits.of(object)) else {
                        return Ok(constant(false));
                    };
                    let mut is_met = false;
                    for id in ids {
                        if let Some(linked) = self.get(permit, *id).await? {
                            is_met |= self.settle(permits, filter, &linked).await?.matches(&linked, &Alone);
                        }
                    }
                    constant(is_met)
                }
                Filter::Linking { object, place, filter } => {
                    let Some(towards) = permits.towards(object) else { return Ok(constant(false)) };
                    let link = Filter::Compare(Target::Field(*place), Comparison::Equal, Value::Id(record.id));
                    let filter = Some(Filter::And(vec![link, filter.as_ref().clone()]));
                    let query = Query { filter, limit: 1, ..Query::default() };
                    constant(!self.query(&towards, &query).await?.is_empty())
                }
                other => other.clone(),
            })
        })
    }
}

fn constant(truth: bool) -> Filter {
    if truth { Filter::And(Vec::new()) } else { Filter::Or(Vec::new()) }
}
