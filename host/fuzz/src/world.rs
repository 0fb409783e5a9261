//! The objects and the records that inputs are about: the core's, and one that has a field of every type.

use std::sync::{Arc, LazyLock};

use uuid::Uuid;

use crate::domain::clock::Timestamp;
use crate::domain::core_objects::CORE_OBJECTS;
use crate::domain::filter::{Around, Scope};
use crate::domain::moment::Moment;
use crate::domain::object::{Object, ObjectDef};
use crate::domain::record::Record;
use crate::domain::schema::Schema;

/// An object that has a field of every type.
const EVERY: &str = include_str!("every.json");

/// The object, and the field of another one, that some askers may not see.
const HIDDEN: (&str, &str, &str) = ("order", "contact", "email");

/// All objects.
pub static SCHEMA: LazyLock<Schema> = LazyLock::new(|| {
    let object = |text: &str| {
        let def: ObjectDef = serde_json::from_str(text).expect("a definition is JSON");
        Arc::new(Object::check(def, None).expect("a definition is sound"))
    };
    Schema::new(CORE_OBJECTS.into_iter().chain([EVERY]).map(object)).expect("the objects fit together")
});

/// Somebody.
pub const ME: Uuid = Uuid::from_u128(7);
static TEAMS: [Uuid; 2] = [Uuid::from_u128(8), Uuid::from_u128(9)];

/// One of the objects.
pub fn object(chosen: u8) -> &'static Arc<Object> {
    let all: Vec<_> = SCHEMA.objects().collect();
    all[usize::from(chosen) % all.len()]
}

/// Whether an asker with limited sight may see an object, or a field of it.
pub fn is_shown(object: &Arc<Object>, field: Option<&str>) -> bool {
    let (hidden, of, name) = HIDDEN;
    object.name != hidden && !(object.name == of && field == Some(name))
}

/// A question about records of an object, by somebody who sees everything or not.
pub fn scope(object: &'static Arc<Object>, sees_all: bool) -> Scope<'static> {
    Scope {
        schema: &SCHEMA,
        object,
        moment: Moment { at: Timestamp::from_micros(1_780_000_000_000_000), timezone: chrono_tz::Europe::Berlin },
        me: ME,
        teams: &TEAMS,
        sees: if sees_all { &|_, _| true } else { &is_shown },
    }
}

/// A typical record.
pub fn record(object: &Arc<Object>) -> Record {
    let at = Timestamp::from_micros(1_780_000_000_000_000);
    let values = object.fields.iter().map(|field| field.kind.sample()).collect();
    Record { object: Arc::clone(object), id: Uuid::nil(), version: 1, created_at: at, updated_at: at, values }
}

/// Every link leads to one typical record.
pub struct Neighbours;

impl Around for Neighbours {
    fn linked(&self, object: &Object, id: Uuid) -> Option<Record> {
        let object = SCHEMA.object(&object.name).filter(|_| id == Uuid::nil())?;
        Some(record(object))
    }

    fn linking(&self, object: &Object, _: usize, _: Uuid) -> Vec<Record> {
        SCHEMA.object(&object.name).map(record).into_iter().collect()
    }
}
