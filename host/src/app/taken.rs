//! Unique values that a unit of work wants and others have: which write it
//! was, which field, and who has the value. The database's constraint is the
//! judge; this finds out what it judged about.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use uuid::Uuid;

use super::attempt::Refusal;
use super::command::Command;
use super::staging::{Key, key_of};
use super::{App, AppError};
use crate::access::{Denied, OwnObjects, Read};
use crate::domain::caller::Caller;
use crate::domain::filter::{Filter, MAX_LIST, Target};
use crate::domain::plugin::Fault;
use crate::domain::query::Query;
use crate::domain::record::Record;
use crate::domain::value::Value;
use crate::plugin::Failure;
use crate::store::{Change, Write};

/// A value that a write cannot have.
pub(super) struct Taken {
    /// Place of the write in its unit.
    pub write: usize,
    /// Place of the field.
    pub place: usize,
    /// Who has the value, when whoever writes may know of it.
    pub holder: Option<Uuid>,
}

/// The writes that want a value, by the value as text.
type Wanted = HashMap<String, Vec<usize>>;

/// Finds everything that is taken, at most one value of each write, in the order of the writes.
pub(super) async fn find(app: &App, caller: &Caller, writes: &[Write]) -> Result<Vec<Taken>, AppError> {
    let mut wanted: BTreeMap<(&str, usize), Wanted> = BTreeMap::new();
    for (at, write) in writes.iter().enumerate() {
        let record = &write.record;
        for (place, _) in record.object.fields.iter().enumerate().filter(|(_, field)| field.def.unique) {
            if is_set(write, place) && !record.values[place].is_null() {
                let by_value = wanted.entry((&record.object.name, place)).or_default();
                by_value.entry(record.values[place].to_string()).or_default().push(at);
            }
        }
    }
    let own: HashMap<Key, &Write> = writes.iter().map(|write| (key_of(&write.record), write)).collect();
    let mut taken = Vec::new();
    for ((_, place), by_value) in &wanted {
        for sharing in by_value.values() {
            let holder = writes[sharing[0]].record.id;
            taken.extend(sharing[1..].iter().map(|&write| Taken { write, place: *place, holder: Some(holder) }));
        }
        let (holders, seen) = holders(app, caller, writes, *place, by_value).await?;
        for record in holders {
            let gives_up = own.get(&key_of(&record)).is_some_and(|write| {
                matches!(write.change, Change::Delete { .. }) || write.record.values[*place] != record.values[*place]
            });
            let Some(sharing) = by_value.get(&record.values[*place].to_string()).filter(|_| !gives_up) else {
                continue;
            };
            let others = sharing.iter().filter(|&&write| writes[write].record.id != record.id);
            let holder = seen.contains(&record.id).then_some(record.id);
            taken.extend(others.map(|&write| Taken { write, place: *place, holder }));
        }
    }
    taken.sort_by_key(|taken| taken.write);
    taken.dedup_by_key(|taken| taken.write);
    Ok(taken)
}

/// The operations whose values are taken. None when it is worth another run,
/// because an upsert will find the other record now, or the other has gone.
pub(super) fn blame(command: &Command, keys: &[(usize, Key)], writes: &[Write], found: Vec<Taken>) -> Option<Refusal> {
    let mut refused = Vec::new();
    let (mut yields, mut nobodys) = (false, None);
    for taken in found {
        let write = &writes[taken.write];
        let object = &write.record.object;
        let is_shown = !object.hidden.contains(&taken.place);
        let field = if is_shown { object.fields[taken.place].name() } else { "value" };
        if let Some(plugin) = write.plugin() {
            let message = format!("a unique value of its `{}` belongs to another record", object.name);
            let failure = Failure::Fault(Fault::new("duplicate", message));
            nobodys.get_or_insert(AppError::Hook { plugin: plugin.id.clone(), failure });
            continue;
        }
        let error =
            AppError::Duplicate { object: object.name.clone(), field: field.to_owned(), existing: taken.holder };
        let key = key_of(&write.record);
        match keys.iter().find(|(_, own)| *own == key) {
            Some((at, _)) if command.operations[*at].yields_to(field) => yields = true,
            Some((at, _)) => refused.push((*at, error)),
            None => {
                nobodys.get_or_insert(error);
            }
        }
    }
    if !refused.is_empty() {
        return Some(Refusal::Operations(refused));
    }
    // What modules made beside an upsert that has to run again is made anew.
    if yields { None } else { nobodys.map(Refusal::All) }
}

/// The records that have one of the values now, and the ids of those that whoever writes may see: that a value is
/// taken shows as soon as it is written; who has it is told to those who may read it.
async fn holders(
    app: &App,
    caller: &Caller,
    writes: &[Write],
    place: usize,
    by_value: &Wanted,
) -> Result<(Vec<Record>, BTreeSet<Uuid>), AppError> {
    let first: Vec<&Write> = by_value.values().map(|sharing| &writes[sharing[0]]).collect();
    let Some(write) = first.first() else { return Ok(Default::default()) };
    let object = &write.record.object;
    let seeing = match write.plugin() {
        Some(plugin) => app.access.check_plugin::<Read>(caller, plugin, object, OwnObjects::Manifest),
        None => app.access.check::<Read>(caller, object),
    };
    let seeing = match seeing {
        Ok(permit) => Some(permit),
        Err(Denied::Policy(error)) => return Err(Denied::Policy(error).into()),
        Err(_) => None,
    };
    let all = app.access.for_computing::<Read>(caller, object);
    let (mut found, mut seen) = (Vec::new(), BTreeSet::new());
    for some in first.chunks(MAX_LIST) {
        let values: Vec<Value> = some.iter().map(|write| write.record.values[place].clone()).collect();
        let limit = u32::try_from(values.len()).unwrap_or(u32::MAX);
        let query = Query { filter: Some(Filter::In(Target::Field(place), values)), limit, ..Query::default() };
        let holders = app.store.list(&all.alone(), &query).await?;
        match seeing.as_ref().filter(|_| !object.hidden.contains(&place)) {
            None => {}
            Some(permit) if permit.rows().filter().is_none() => seen.extend(holders.iter().map(|record| record.id)),
            Some(permit) => seen.extend(app.store.list(&permit.alone(), &query).await?.iter().map(|record| record.id)),
        }
        found.extend(holders);
    }
    Ok((found, seen))
}

/// Whether the write puts a value there.
fn is_set(write: &Write, place: usize) -> bool {
    match &write.change {
        Change::Create(_) | Change::Restore { .. } => true,
        Change::Update { places, .. } => places.contains(&place),
        Change::Delete { .. } => false,
    }
}
