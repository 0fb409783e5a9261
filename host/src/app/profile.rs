//! The profile of a record: itself, what its links name, and the newest of
//! what links to it, in a bounded number of queries.

use std::collections::BTreeMap;

use uuid::Uuid;

use super::disclosure::Disclosure;
use super::question::Asker;
use super::{App, AppError};
use crate::access::{Permit, Permits, Read};
use crate::domain::caller::Caller;
use crate::domain::field::FieldType;
use crate::domain::filter::{Comparison, Filter, Target};
use crate::domain::query::{Query, Sort};
use crate::domain::record::Record;
use crate::domain::schema::Inverse;
use crate::domain::value::Value;
use crate::domain::view::{Expanded, View};

/// Records of each list.
const NEWEST: u32 = 10;
/// Most links to one record that are followed.
const MAX_LINKS: usize = 20;
/// Most links to many records that are followed.
const MAX_MANY: usize = 10;
/// Most lists of records that link to this one.
const MAX_LISTS: usize = 30;
/// How far a list is counted.
const MAX_COUNT: u32 = 1_000;
/// Most queries for one profile: the record, its links, and two for each list.
const MAX_QUERIES: usize = 1 + MAX_LINKS + MAX_MANY + 2 * MAX_LISTS;
const _: () = assert!(MAX_QUERIES <= 100, "a profile asks too much of the database");

/// A record and what is around it.
#[derive(Debug)]
pub struct Profile {
    record: Record,
    expanded: Expanded,
    /// The records that links to many name, by link.
    pub many: BTreeMap<String, Vec<Record>>,
    /// What links to the record, by the name of the link's other end.
    pub lists: BTreeMap<String, ProfileList>,
    /// Links and lists beyond what one profile holds.
    pub left_out: Vec<String>,
}

/// The newest of the records that link to one.
#[derive(Debug)]
pub struct ProfileList {
    /// Their object.
    pub object: String,
    /// What people read for the list.
    pub label: String,
    /// The records, the newest first.
    pub records: Vec<Record>,
    /// Whether there are more.
    pub more: bool,
    /// How many there are; none when they are too many to count.
    pub total: Option<i64>,
}

impl Profile {
    /// The record, with what its links name beside it.
    pub fn view(&self) -> View<'_> {
        View { record: &self.record, fields: None, expanded: &self.expanded }
    }
}

impl App {
    /// The profile of a record, of objects that the caller may read.
    pub async fn profile(&self, caller: &Caller, object: &str, id: Uuid) -> Result<Profile, AppError> {
        let asker = self.asker(caller, object).await?;
        let record = self.existing(&asker.permit, id).await?;
        let mut profile = Profile {
            record,
            expanded: Expanded::default(),
            many: BTreeMap::new(),
            lists: BTreeMap::new(),
            left_out: Vec::new(),
        };
        self.follow_links(&asker, &mut profile).await?;
        for (name, inverse) in asker.catalog.schema.inverses(object) {
            let Some(permit) = asker.sight.permit(&inverse.object) else { continue };
            if profile.lists.len() == MAX_LISTS {
                profile.left_out.push(name.to_owned());
                continue;
            }
            let list = self.newest(permit, inverse, id).await?;
            profile.lists.insert(name.to_owned(), list);
        }
        let mut disclosure = Disclosure::new(self, caller);
        disclosure.show(&mut profile.record, None).await?;
        disclosure.show_expanded(&mut profile.expanded).await?;
        disclosure.show_all(profile.many.values_mut().flatten().collect()).await?;
        disclosure.show_all(profile.lists.values_mut().flat_map(|list| &mut list.records).collect()).await?;
        disclosure.finish().await?;
        Ok(profile)
    }

    /// Reads the records that the links of the record name.
    async fn follow_links(&self, asker: &Asker, profile: &mut Profile) -> Result<(), AppError> {
        let object = asker.permit.object();
        let permit = |to: &str| asker.catalog.schema.object(to).and_then(|object| asker.sight.permit(object));
        for (place, field) in object.shown() {
            let value = profile.record.values[place].clone();
            let (to, ids) = match (&field.kind, &value) {
                (FieldType::Link(to), Value::Id(id)) => (to, vec![*id]),
                (FieldType::LinkMany(to), Value::Ids(ids)) => (to, ids.clone()),
                (FieldType::LinkAny(_), Value::Reference(reference)) => (&reference.object, vec![reference.id]),
                _ => continue,
            };
            let Some(permit) = permit(to) else { continue };
            let is_many = matches!(field.kind, FieldType::LinkMany(_));
            let (count, most) =
                if is_many { (profile.many.len(), MAX_MANY) } else { (profile.expanded.0.len(), MAX_LINKS) };
            if count == most {
                profile.left_out.push(field.name().to_owned());
                continue;
            }
            let mut found = self.by_ids(&Permits::new(permit), ids.clone(), None).await?;
            if is_many {
                // In the order in which the link names them.
                found.sort_by_key(|record| ids.iter().position(|id| *id == record.id));
                profile.many.insert(field.name().to_owned(), found);
            } else {
                let by_id = found.into_iter().map(|record| (record.id, record)).collect();
                profile.expanded.0.insert(place, (by_id, Expanded::default()));
            }
        }
        Ok(())
    }

    /// The newest records of the other end of a link.
    async fn newest(&self, permit: Permit<Read>, inverse: &Inverse, id: Uuid) -> Result<ProfileList, AppError> {
        let permits = Permits::new(permit);
        let filter = Filter::Compare(Target::Field(inverse.place), Comparison::Equal, Value::Id(id));
        let query = Query {
            filter: Some(filter),
            sort: vec![Sort { target: Target::Id, descending: true }],
            limit: NEWEST + 1,
            ..Query::default()
        };
        let mut records = self.store.list(&permits, &query).await?;
        let more = records.len() > NEWEST as usize;
        records.truncate(NEWEST as usize);
        let total = if more {
            let count = self.store.count_up_to(&permits, query.filter.as_ref(), MAX_COUNT + 1).await?;
            (count <= i64::from(MAX_COUNT)).then_some(count)
        } else {
            i64::try_from(records.len()).ok()
        };
        let field = &inverse.object.fields[inverse.place];
        let label = field.def.inverse_label.clone().unwrap_or_else(|| inverse.object.plural.clone());
        Ok(ProfileList { object: inverse.object.name.clone(), label, records, more, total })
    }
}
