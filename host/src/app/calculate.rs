//! Computed fields: formulas when a record is staged, roll-ups when all that
//! a command writes is known. Both are part of the same commit.

use std::collections::HashMap;
use std::sync::Arc;

use indexmap::IndexMap;
use uuid::Uuid;

use super::AppError;
use super::staging::{Key, Staged};
use super::unit_of_work::{Alone, Work};
use crate::access::{Permit, Read, Update};
use crate::domain::field::{Calculation, Gathered, RollUp, Source};
use crate::domain::money::Currency;
use crate::domain::record::Record;
use crate::domain::schema::Gathering;
use crate::domain::value::Value;

/// Deepest chain of roll-ups of roll-ups.
const MAX_ROUNDS: usize = 5;

/// Computes the formulas of a record.
pub fn formulas(record: &mut Record) {
    let object = Arc::clone(&record.object);
    for &at in &object.formulas {
        let field = &object.fields[at];
        let Source::Calculation(Calculation::Formula(formula)) = &field.source else { continue };
        // Who does not see a field may still change another one of the same formula.
        let value_of = |name: &str| object.place_of(name).map_or(Value::Null, |at| record.values[at].clone());
        record.values[at] = formula.expression.evaluate(&field.kind, value_of);
    }
}

/// Brings the roll-ups up to date that what is staged touches.
pub async fn rollups(work: &Work) -> Result<(), AppError> {
    let mut done: HashMap<Key, Option<Record>> = HashMap::new();
    for _ in 0..MAX_ROUNDS {
        let touched = touched(work, &mut done).await;
        if touched.is_empty() {
            return Ok(());
        }
        for ((object, id), places) in touched {
            update(work, &object, id, &places).await?;
        }
    }
    Err(AppError::Cascade(MAX_ROUNDS))
}

/// The records whose roll-ups change with what was staged since the last look.
async fn touched(work: &Work, done: &mut HashMap<Key, Option<Record>>) -> IndexMap<Key, Vec<usize>> {
    let buffer = work.buffer().await;
    let mut touched: IndexMap<Key, Vec<usize>> = IndexMap::new();
    for (key, staged) in &buffer.staged {
        let gatherings = work.catalog.schema.gatherings(&key.0);
        if gatherings.is_empty() {
            continue;
        }
        let seen = done.insert(key.clone(), staged.after().cloned());
        let before = seen.as_ref().map_or(staged.before(), Option::as_ref);
        for gathering in gatherings {
            if !differs(gathering, before, staged.after()) {
                continue;
            }
            for record in [before, staged.after()].into_iter().flatten() {
                if let Value::Id(parent) = record.values[gathering.link] {
                    let places = touched.entry((gathering.object.name.clone(), parent)).or_default();
                    if !places.contains(&gathering.at) {
                        places.push(gathering.at);
                    }
                }
            }
        }
    }
    touched
}

/// Whether a change of a record matters to a roll-up.
fn differs(gathering: &Gathering, before: Option<&Record>, after: Option<&Record>) -> bool {
    let seen = |record: Option<&Record>| {
        let record = record?;
        let counts = gathering.filter.as_ref().is_none_or(|filter| filter.matches(record, &Alone));
        counts.then(|| (record.values[gathering.link].clone(), gathering.field.map(|at| record.values[at].clone())))
    };
    seen(before) != seen(after)
}

async fn update(work: &Work, object: &str, id: Uuid, places: &[usize]) -> Result<(), AppError> {
    let object = Arc::clone(work.object(object)?);
    let access = &work.app.access;
    // Its version is checked at the commit, and counts up even when the values
    // stay: so two commands never overlook each other's records.
    let permit = access.for_computing::<Read>(&work.caller, &object);
    let Some(current) = work.get(&permit, id).await? else { return Ok(()) };
    let after = computed(work, &current, |at| places.contains(&at)).await?;
    let permit = access.for_computing::<Update>(&work.caller, &object);
    work.buffer().await.touch(permit, current, after);
    Ok(())
}

/// Stages a record with all its computed fields computed anew.
pub async fn anew(work: &Work, permit: &Permit<Update>, current: Record) -> Result<(), AppError> {
    let after = computed(work, &current, |_| true).await?;
    work.buffer().await.update(permit.clone(), current, after);
    Ok(())
}

/// A record with its formulas, and the roll-ups at these places, as they are now.
async fn computed(work: &Work, current: &Record, is_wanted: impl Fn(usize) -> bool) -> Result<Record, AppError> {
    let object = Arc::clone(&current.object);
    let mut after = current.clone();
    for (at, field) in object.fields.iter().enumerate().filter(|(at, _)| is_wanted(*at)) {
        let Source::Calculation(Calculation::RollUp(rollup)) = &field.source else { continue };
        let gatherings = work.catalog.schema.gatherings(&rollup.def.object);
        let own = gatherings.iter().find(|gathering| gathering.object.name == object.name && gathering.at == at);
        let Some(gathering) = own else { continue };
        let gathered = gather(work, gathering, rollup, current.id).await?;
        after.values[at] = rollup.result(&field.kind, &gathered);
    }
    formulas(&mut after);
    after.updated_at = work.at;
    Ok(after)
}

/// What the stored records give, and then those that are staged.
async fn gather(work: &Work, gathering: &Gathering, rollup: &RollUp, parent: Uuid) -> Result<Gathered, AppError> {
    let from = Arc::clone(work.object(&rollup.def.object)?);
    let permit = work.app.access.for_computing::<Read>(&work.caller, &from);
    let is_linked = |record: &Record| record.values[gathering.link] == Value::Id(parent);
    let (staged, own): (Vec<Uuid>, Vec<Record>) = {
        let buffer = work.buffer().await;
        let all = buffer.staged.iter().filter(|((name, _), _)| *name == from.name);
        let near = all.filter(|(_, staged)| [staged.before(), staged.after()].into_iter().flatten().any(is_linked));
        let near: Vec<_> = near.collect();
        (
            near.iter().map(|((_, id), _)| *id).collect(),
            near.iter()
                .filter_map(|(_, staged)| Staged::after(staged))
                .filter(|record| is_linked(record))
                .cloned()
                .collect(),
        )
    };
    let mut gathered = work.app.store.gather(&permit, gathering, rollup.currency, parent, &staged).await?;
    for record in own {
        if gathering.filter.as_ref().is_none_or(|filter| filter.matches(&record, &Alone)) {
            gathered.add(gathering.field.map(|at| &record.values[at]).filter(|value| is_of(rollup.currency, value)));
        }
    }
    Ok(gathered)
}

/// Whether a value is of the currency that counts, when one does.
fn is_of(currency: Option<Currency>, value: &Value) -> bool {
    match value {
        Value::Money(money) => currency == Some(money.currency),
        _ => true,
    }
}
