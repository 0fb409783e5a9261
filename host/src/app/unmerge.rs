//! Taking a merge back: the records that went are there again, links lead to
//! them again, and the one that was left gives up what it got. What others
//! changed since stays as they made it, and is told.

use std::sync::Arc;

use serde::Serialize;
use serde_json::Value as Json;
use uuid::Uuid;

use super::AppError;
use super::merge::{Account, LinkOf, told};
use super::staging::key_of;
use super::unit_of_work::Work;
use crate::access::{Access, Create, Delete, Merge, Permit, Read, Update};
use crate::domain::object::Object;
use crate::domain::record::{Changes, Record};
use crate::domain::value::{Reference, Value};
use crate::store::MergeNote;

/// Something that could not be put back.
#[derive(Clone, Debug, Serialize)]
pub struct Left {
    /// The object.
    pub object: String,
    /// The record.
    pub id: Uuid,
    /// The field; none when it is the record itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub field: Option<String>,
    /// Why.
    pub reason: &'static str,
}

/// What taking a merge back did.
#[derive(Clone, Debug, Default, Serialize)]
pub struct UnmergeReport {
    /// The records that are there again.
    pub restored: Vec<Uuid>,
    /// How many links lead back.
    pub moved: usize,
    /// What stays as it is.
    pub not_put_back: Vec<Left>,
}

/// Stages it; returns the record that the merge had left.
pub(super) async fn unmerge(
    work: &Work,
    object: &Arc<Object>,
    merge: Uuid,
) -> Result<(Record, UnmergeReport), AppError> {
    let (access, caller) = (&work.app.access, &work.caller);
    let may_read = access.check::<Read>(caller, object)?;
    let may_update = access.check::<Update>(caller, object)?;
    let may_create = access.check::<Create>(caller, object)?;
    let may_delete = access.check::<Delete>(caller, object)?;
    let may_merge = access.check::<Merge>(caller, object)?;
    let no_merge = || AppError::NotFound { what: "merge".to_owned(), id: merge.to_string() };
    let row = work.app.store.merge(&may_read, merge).await?.ok_or_else(no_merge)?;
    let account: Account =
        serde_json::from_value(row.account).map_err(|error| AppError::Setup(format!("merge {merge}: {error}")))?;
    // Who does not see one of the records knows of no merge; all of them may be merged by who takes it back.
    for id in account.losers.iter().chain([&row.winner]) {
        if !work.app.store.is_within(&may_read, *id).await? {
            return Err(no_merge());
        }
        if !work.app.store.is_within(&may_merge, *id).await? {
            return Err(Access::not_this(&may_merge).into());
        }
    }
    if row.is_undone {
        return Err(AppError::Refused("this merge was taken back already".to_owned()));
    }
    let mut report = UnmergeReport::default();
    let left = |id, field: Option<&str>, reason| Left {
        object: object.name.clone(),
        id,
        field: field.map(str::to_owned),
        reason,
    };

    let Some(winner) = work.get(&may_read, row.winner).await? else {
        return Err(AppError::Refused(format!("{} {} is gone: restore it first", object.name, row.winner)));
    };
    let mut changes = Changes::new();
    for (place, field) in object.fields.iter().enumerate() {
        let (name, kind) = (field.name(), &field.kind);
        let Some(after) = account.after.get(name) else { continue };
        let parse = |json: Option<&Json>| json.map_or(Value::Null, |json| kind.of_kept(json));
        if winner.values[place] == parse(Some(after)) {
            changes.push((place, parse(account.before.get(name))));
        } else if !object.hidden.contains(&place) {
            report.not_put_back.push(left(winner.id, Some(name), "changed_since"));
        }
    }
    let winner = work.apply(may_update, winner, changes).await?;
    work.buffer().await.kinds.insert(key_of(&winner), "unmerged");

    for id in &account.losers {
        match put_back(work, &may_read, &may_create, *id).await? {
            Some(given_up) => {
                report.restored.push(*id);
                let shown = given_up.iter().filter(|field| object.position(field).is_some());
                report.not_put_back.extend(shown.map(|field| left(*id, Some(field), "taken")));
            }
            None => report.not_put_back.push(left(*id, None, "not_deleted")),
        }
    }
    let (mut moved, mut stay) = (Vec::new(), Vec::new());
    for link in account.moved {
        let is_back = move_back(work, &may_delete, row.winner, &link).await?;
        if is_back { moved.push(link) } else { stay.push(link) }
    }
    report.moved = told(work, moved).await?.len();
    for LinkOf { object, id, field, .. } in told(work, stay).await? {
        report.not_put_back.push(Left { object, id, field: Some(field), reason: "changed_since" });
    }
    work.buffer().await.merges.push(MergeNote::Undone { id: merge });
    Ok((winner, report))
}

/// Restores a record; returns the fields that it has to give up, because
/// others have their values by now. None when it is not deleted.
async fn put_back(
    work: &Work,
    may_read: &Permit<Read>,
    may_create: &Permit<Create>,
    id: Uuid,
) -> Result<Option<Vec<String>>, AppError> {
    let mut record = match work.restore(may_read, may_create.clone(), id).await {
        Ok(record) => record,
        Err(AppError::Refused(_) | AppError::NotFound { .. } | AppError::Merged { .. }) => return Ok(None),
        Err(error) => return Err(error),
    };
    let key = key_of(&record);
    let mut given_up = Vec::new();
    let object = Arc::clone(&record.object);
    for (place, field) in object.fields.iter().enumerate().filter(|(_, field)| field.def.unique) {
        let value = record.values[place].clone();
        if value.is_null() {
            continue;
        }
        if work.find_other(may_read, place, &value, id).await? {
            given_up.push(field.name().to_owned());
            record.values[place] = Value::Null;
        }
    }
    let mut buffer = work.buffer().await;
    buffer.replace(&key, record);
    buffer.kinds.insert(key, "unmerged");
    Ok(Some(given_up))
}

/// Leads a link back, if it still leads to the winner.
async fn move_back(work: &Work, may_delete: &Permit<Delete>, winner: Uuid, link: &LinkOf) -> Result<bool, AppError> {
    let Some(object) = work.catalog.schema.object(&link.object) else { return Ok(false) };
    let Some(place) = object.place_of(&link.field) else { return Ok(false) };
    let (may_read, may_update) = work.app.access.follow(may_delete, object);
    let Some(record) = work.get(&may_read, link.id).await? else { return Ok(false) };
    let back = match &record.values[place] {
        Value::Id(id) if *id == winner => Value::Id(link.to),
        Value::Reference(reference) if reference.id == winner => {
            Value::Reference(Reference { id: link.to, ..reference.clone() })
        }
        Value::Ids(ids) if ids.contains(&winner) => {
            // The winner stays where it was linked to before the merge too.
            let stays = |id: &&Uuid| **id != winner || link.beside.contains(&winner);
            let mut back: Vec<Uuid> = ids.iter().filter(stays).copied().collect();
            let merged = link.beside.iter().filter(|id| **id != winner).chain([&link.to]);
            for id in merged {
                if !back.contains(id) {
                    back.push(*id);
                }
            }
            Value::Ids(back)
        }
        _ => return Ok(false),
    };
    work.apply(may_update, record, vec![(place, back)]).await?;
    Ok(true)
}
