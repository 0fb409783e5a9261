//! People: which records are a person's, which only mention one, and what is left of values once it is erased.

use std::sync::Arc;

use serde_json::{Value as Json, json};

use super::object::Object;
use super::schema::Schema;

/// What stands in events in the place of values that were erased. No field can have this name.
const ERASED: &str = "_erased";

/// A link by which records hang on those of another object.
#[derive(Clone, Debug)]
pub struct Bond {
    /// The object whose records link.
    pub object: Arc<Object>,
    /// The place of the link among its fields.
    pub place: usize,
    /// Whether they go with what they link to; otherwise they only let go of it.
    pub belongs: bool,
}

/// All links that lead to records of an object.
pub fn bonds(schema: &Schema, to: &str) -> Vec<Bond> {
    let links = schema.objects().flat_map(|object| {
        let places = object.links().filter(|(_, _, target)| *target == to).map(|(place, ..)| place);
        places.map(|place| Bond {
            object: Arc::clone(object),
            place,
            belongs: object.fields[place].belongs_to_person(),
        })
    });
    links.collect()
}

/// The places of what is emptied in a record that lets go of a person.
pub fn personal(object: &Object) -> Vec<usize> {
    (0..object.fields.len()).filter(|&place| object.fields[place].def.personal).collect()
}

/// What stands in the place of all values of an event.
pub fn erased() -> Json {
    json!({ERASED: true})
}

/// Takes what is personal out of the values of an event; says whether there was something.
pub fn redact(object: &Object, values: &mut Json) -> bool {
    let Some(members) = values.as_object_mut() else { return false };
    let mut has_some = false;
    for field in object.fields.iter().filter(|field| field.def.personal) {
        has_some |= members.remove(field.name()).is_some_and(|value| !value.is_null());
    }
    if has_some {
        members.insert(ERASED.to_owned(), Json::Bool(true));
    }
    has_some
}

/// The name of something in the digest of a certificate.
pub fn named(object: &str, record: uuid::Uuid, is_removed: bool) -> String {
    format!("{} {object} {record}\n", if is_removed { "removed" } else { "kept" })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn object(text: &str) -> Arc<Object> {
        Arc::new(Object::check(serde_json::from_str(text).unwrap(), None).unwrap())
    }

    #[test]
    fn what_has_to_link_belongs_and_what_may_only_mentions() {
        let person = r#"{"name":"client","label":"x","plural":"x","person":true,"fields":[]}"#;
        let other = r#"{"name":"visit","label":"x","plural":"x","fields":[
            {"name":"client","label":"x","type":"link","to":"client","required":true},
            {"name":"guest","label":"x","type":"link","to":"client"},
            {"name":"host","label":"x","type":"link","to":"client","belongs_to_person":true},
            {"name":"note","label":"x","type":"text","personal":true}]}"#;
        let schema = Schema::new([object(person), object(other)]).unwrap();
        let found: Vec<_> = bonds(&schema, "client").iter().map(|bond| (bond.place, bond.belongs)).collect();
        assert_eq!(found, [(0, true), (1, false), (2, true)]);
        let visit = schema.object("visit").unwrap();
        assert_eq!(personal(visit), [3]);
        let mut values = json!({"guest": "id", "note": "tall"});
        assert!(redact(visit, &mut values));
        assert_eq!(values, json!({"guest": "id", "_erased": true}));
        assert!(!redact(visit, &mut json!({"note": null})));
        for wrong in [
            r#"{"name":"a","label":"x","type":"text","belongs_to_person":true}"#,
            r#"{"name":"a","label":"x","type":"link","to":"b","required":true,"belongs_to_person":false}"#,
            r#"{"name":"a","label":"x","type":"text","required":true,"personal":true}"#,
        ] {
            assert!(crate::domain::field::Field::check(serde_json::from_str(wrong).unwrap()).is_err(), "{wrong}");
        }
    }
}
