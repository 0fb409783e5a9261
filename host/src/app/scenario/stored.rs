//! The records of a scenario: a few in memory, read, found and written by the rules of every tenant's.

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono_tz::Tz;
use serde_json::{Map, Value as Json};
use uuid::Uuid;

use crate::app::AppError;
use crate::app::guest::{GuestQuery, fault, is_encrypted, missing, read_query, settable, shown, validation_fault};
use crate::app::hooks::hand;
use crate::domain::clock::Timestamp;
use crate::domain::core_objects::CORE_OBJECTS;
use crate::domain::filter::{Around, Filter, Scope};
use crate::domain::invalid::FieldError;
use crate::domain::moment::Moment;
use crate::domain::object::{Object, ObjectDef};
use crate::domain::permission::Action;
use crate::domain::plugin::{Fault, Manifest};
use crate::domain::record::{Changes, Hand, Record, defaults, read_fields};
use crate::domain::schema::Schema;

/// Ids of records that are made, but for their number.
const MADE: u128 = 0x0191_0000_0000_7000_8000_0000_0000_0000;

/// Records in memory.
pub struct Stored {
    schema: Schema,
    records: BTreeMap<String, Vec<Record>>,
    at: Timestamp,
    made: u128,
}

impl Stored {
    /// Records as a scenario has them, by their objects: the core's, and those that the plugin and others bring.
    pub fn new(
        manifest: &Manifest,
        others: &[Manifest],
        written: &BTreeMap<String, Vec<Map<String, Json>>>,
        at: Timestamp,
    ) -> Result<Self, String> {
        let core = CORE_OBJECTS.iter().map(|text| {
            let def = serde_json::from_str(text).map_err(|error| format!("an object of the core: {error}"))?;
            Object::check(def, None)
        });
        let own = |manifest: &'_ Manifest| {
            let check = |def: &ObjectDef| Object::check(def.clone(), Some(&manifest.namespace));
            manifest.objects.iter().map(check).collect::<Vec<_>>()
        };
        let brought = std::iter::once(manifest).chain(others).flat_map(own);
        let objects = core.chain(brought).map(|object| object.map(Arc::new));
        let schema = Schema::new(objects.collect::<Result<Vec<_>, _>>()?)?;
        let mut stored = Self { schema, records: BTreeMap::new(), at, made: 0 };
        for (name, records) in written {
            for (place, fields) in records.iter().enumerate() {
                let wrong = |why: String| format!("`records.{name}[{place}]`: {why}");
                let record = stored.read(name, fields).map_err(wrong)?;
                stored.records.entry(name.clone()).or_default().push(record);
            }
        }
        Ok(stored)
    }

    fn read(&self, name: &str, fields: &Map<String, Json>) -> Result<Record, String> {
        let object = self
            .schema
            .object(name)
            .ok_or("neither the core nor the plugin has this object; `--with` names the component of one that has")?;
        let mut fields = fields.clone();
        let id = fields.remove("id").and_then(|id| Uuid::parse_str(id.as_str()?).ok()).ok_or("`id` is no UUID")?;
        let version = fields.remove("version").map_or(Some(1), |version| version.as_i64());
        let version = version.ok_or("`version` is no number")?;
        let told = |faults: Vec<FieldError>| {
            let faults: Vec<String> =
                faults.iter().map(|fault| format!("`{}` {}", fault.field, fault.message)).collect();
            faults.join(", ")
        };
        let changes = read_fields(object, &fields, Hand::Owner).map_err(told)?;
        let mut record = self.empty(object, id);
        record.version = version;
        record.apply(changes);
        Ok(record)
    }

    fn empty(&self, object: &Arc<Object>, id: Uuid) -> Record {
        let values = defaults(object);
        Record { object: Arc::clone(object), id, version: 1, created_at: self.at, updated_at: self.at, values }
    }

    fn object(&self, name: &str) -> Result<&Arc<Object>, Fault> {
        self.schema.object(name).ok_or_else(|| fault(AppError::UnknownObject(name.to_owned())))
    }

    fn all(&self, object: &str) -> &[Record] {
        self.records.get(object).map_or(&[], Vec::as_slice)
    }

    fn place(&self, object: &str, id: &str) -> Option<usize> {
        let id = Uuid::parse_str(id).ok()?;
        self.all(object).iter().position(|record| record.id == id)
    }

    /// The record with this id, as the plugin sees it.
    pub fn get(&self, manifest: &Manifest, object: &str, id: &str) -> Result<Option<String>, Fault> {
        self.object(object)?;
        Ok(self.place(object, id).map(|place| shown(manifest, &self.all(object)[place])))
    }

    /// The records that a query finds.
    pub fn query(&self, manifest: &Manifest, object: &str, query: &str) -> Result<Vec<String>, Fault> {
        let known = self.object(object)?;
        let grant = manifest.grants(object, Action::Read);
        let sees = |object: &Arc<Object>, field: Option<&str>| {
            let grant = manifest.grants(&object.name, Action::Read);
            grant.is_some_and(|grant| field.is_none_or(|field| grant.covers(field) && !is_encrypted(object, field)))
        };
        let scope = Scope {
            schema: &self.schema,
            object: known,
            moment: Moment { at: self.at, timezone: Tz::UTC },
            me: Uuid::nil(),
            teams: &[],
            sees: &sees,
        };
        let query = read_query(known, grant, &GuestQuery::parse(query)?, |filter| Filter::parse(&scope, filter))?;
        let meets = |record: &&Record| query.filter.as_ref().is_none_or(|filter| filter.matches(record, self));
        let mut found: Vec<&Record> = self.all(object).iter().filter(meets).collect();
        found.sort_by(|left, right| query.order(left, right));
        Ok(found.into_iter().take(query.limit as usize).map(|record| shown(manifest, record)).collect())
    }

    /// Adds a record.
    pub fn create(&mut self, manifest: &Manifest, object: &str, fields: &str) -> Result<String, Fault> {
        let known = Arc::clone(self.object(object)?);
        self.made += 1;
        let mut record = self.empty(&known, Uuid::from_u128(MADE + self.made));
        record.apply(changes(manifest, &known, Action::Create, fields)?);
        whole(&record)?;
        let answer = shown(manifest, &record);
        self.records.entry(object.to_owned()).or_default().push(record);
        Ok(answer)
    }

    /// Changes a record.
    pub fn update(&mut self, manifest: &Manifest, object: &str, id: &str, fields: &str) -> Result<String, Fault> {
        let known = Arc::clone(self.object(object)?);
        let changes = changes(manifest, &known, Action::Update, fields)?;
        let place = self.place(object, id).ok_or_else(|| missing(object, id))?;
        let mut record = self.all(object)[place].clone();
        record.apply(changes);
        whole(&record)?;
        record.version += 1;
        record.updated_at = self.at;
        let answer = shown(manifest, &record);
        if let Some(records) = self.records.get_mut(object) {
            records[place] = record;
        }
        Ok(answer)
    }

    /// Removes a record.
    pub fn delete(&mut self, object: &str, id: &str) -> Result<(), Fault> {
        self.object(object)?;
        let place = self.place(object, id).ok_or_else(|| missing(object, id))?;
        if let Some(records) = self.records.get_mut(object) {
            records.remove(place);
        }
        Ok(())
    }
}

impl Stored {
    /// Why a host would not take an amendment of a record of this object.
    pub fn refuses(&self, manifest: &Manifest, object: &str, amendment: &str) -> Option<Fault> {
        let object = match self.object(object) {
            Ok(object) => object,
            Err(fault) => return Some(fault),
        };
        changes(manifest, object, Action::Update, amendment).err()
    }
}

impl Around for Stored {
    fn linked(&self, object: &Object, id: Uuid) -> Option<Record> {
        self.all(&object.name).iter().find(|record| record.id == id).cloned()
    }

    fn linking(&self, object: &Object, place: usize, id: Uuid) -> Vec<Record> {
        let names = |record: &&Record| {
            object.fields[place].linked(&record.values[place]).iter().any(|(_, linked)| *linked == id)
        };
        self.all(&object.name).iter().filter(names).cloned().collect()
    }
}

/// What a plugin wants to set, when it may and when it fits.
fn changes(manifest: &Manifest, object: &Object, action: Action, text: &str) -> Result<Changes, Fault> {
    let fields = settable(manifest, object, action, text)?;
    read_fields(object, &fields, hand(manifest, &object.name)).map_err(|faults| validation_fault(&faults))
}

fn whole(record: &Record) -> Result<(), Fault> {
    let missing = record.missing();
    if missing.is_empty() { Ok(()) } else { Err(validation_fault(&missing)) }
}
