//! What belongs to a person and what mentions it: found by following links to it, deleted records included.

use std::collections::BTreeMap;

use uuid::Uuid;

use crate::access::Read;
use crate::app::{App, AppError, Catalog};
use crate::domain::caller::Caller;
use crate::domain::field::FieldType;
use crate::domain::filter::{Comparison, Filter, Target};
use crate::domain::person::{Bond, bonds};
use crate::domain::query::Query;
use crate::domain::value::{Reference, Value};
use crate::store::ErasureRow;

/// Records whose links are followed at once.
const AT_ONCE: usize = 100;
/// Records of one page.
const PAGE: u32 = 500;

/// What is done with a record that was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fate {
    /// Whether it goes for good; otherwise it lets go of what it links to.
    pub is_removed: bool,
    /// Whether it is deleted already.
    pub is_deleted: bool,
}

/// All records that were found.
#[derive(Debug, Default)]
pub struct Found(pub BTreeMap<(String, Uuid), Fate>);

impl Found {
    /// As they are put on the list of an erasure.
    pub fn rows(&self) -> Vec<ErasureRow> {
        let row = |((object, record), fate): (&(String, Uuid), &Fate)| ErasureRow {
            object: object.clone(),
            record: *record,
            is_removed: fate.is_removed,
        };
        self.0.iter().map(row).collect()
    }
}

impl App {
    /// Finds everything that hangs on a person.
    pub(super) async fn gather(
        &self,
        caller: &Caller,
        catalog: &Catalog,
        object: &str,
        person: Uuid,
    ) -> Result<Found, AppError> {
        let mut found = Found::default();
        let mut left = vec![(object.to_owned(), vec![person])];
        while let Some((name, ids)) = left.pop() {
            let object = super::object_of(catalog, &name)?;
            let permit = self.access.for_computing::<Read>(caller, object);
            let mut new = Vec::new();
            for id in ids {
                let fate = found.0.get(&(name.clone(), id));
                if fate.is_some_and(|fate| fate.is_removed) {
                    continue;
                }
                let is_deleted = self.store.get(&permit, id).await?.is_none();
                if is_deleted && self.store.get_deleted(&permit, id).await?.is_none() {
                    // It is gone for good; what hung on it may still be there.
                    new.push(id);
                    continue;
                }
                found.0.insert((name.clone(), id), Fate { is_removed: true, is_deleted });
                new.push(id);
            }
            for ids in new.chunks(AT_ONCE) {
                let merged = self.store.merged_records(Self::work_permit(), caller.tenant, &name, ids).await?;
                if !merged.is_empty() {
                    left.push((name.clone(), merged));
                }
                for bond in bonds(&catalog.schema, &name) {
                    let linking = self.linking(caller, &bond, &name, ids).await?;
                    let of = bond.object.name.clone();
                    if bond.belongs {
                        let known = |(id, _): &(Uuid, bool)| {
                            found.0.get(&(of.clone(), *id)).is_some_and(|fate| fate.is_removed)
                        };
                        let fresh: Vec<Uuid> = linking.iter().filter(|one| !known(one)).map(|(id, _)| *id).collect();
                        if !fresh.is_empty() {
                            left.push((of, fresh));
                        }
                        continue;
                    }
                    for (id, is_deleted) in linking {
                        found.0.entry((of.clone(), id)).or_insert(Fate { is_removed: false, is_deleted });
                    }
                }
            }
        }
        Ok(found)
    }

    /// The records that link to these, and whether they are deleted.
    async fn linking(
        &self,
        caller: &Caller,
        bond: &Bond,
        to: &str,
        ids: &[Uuid],
    ) -> Result<Vec<(Uuid, bool)>, AppError> {
        let permit = self.access.for_computing::<Read>(caller, &bond.object);
        let each = |value: fn(&str, Uuid) -> Value| {
            Filter::Or(ids.iter().map(|id| Filter::Has(bond.place, value(to, *id))).collect())
        };
        let wanted = match &bond.object.fields[bond.place].kind {
            FieldType::LinkMany(_) => each(|_, id| Value::Id(id)),
            FieldType::LinkAny(_) => each(|object, id| Value::Reference(Reference { object: object.to_owned(), id })),
            _ => Filter::In(Target::Field(bond.place), ids.iter().copied().map(Value::Id).collect()),
        };
        let mut found = Vec::new();
        for deleted in [false, true] {
            let mut last: Option<Uuid> = None;
            loop {
                let behind = last.map(|id| Filter::Compare(Target::Id, Comparison::Greater, Value::Id(id)));
                let filter = Filter::And([wanted.clone()].into_iter().chain(behind).collect());
                let fields = Some(Vec::new());
                let query = Query { filter: Some(filter), limit: PAGE, deleted, fields, ..Query::default() };
                let page = self.store.list(&permit.alone(), &query).await?;
                found.extend(page.iter().map(|record| (record.id, deleted)));
                last = page.last().map(|record| record.id);
                if page.len() < PAGE as usize {
                    break;
                }
            }
        }
        Ok(found)
    }
}
