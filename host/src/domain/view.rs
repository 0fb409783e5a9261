//! A record as it is answered: with the fields that were asked for, and with
//! the records that its links name put beside them.

use std::collections::{BTreeMap, HashMap};

use serde::ser::{Serialize, SerializeMap, Serializer};
use uuid::Uuid;

use super::field::FieldType;
use super::filter::Target;
use super::invalid::FieldError;
use super::object::Object;
use super::record::Record;
use super::value::{Reference, Value};

/// Most links to follow in one request.
pub const MAX_EXPAND: usize = 10;
/// Most links to follow in a row.
pub const MAX_EXPAND_DEPTH: usize = 3;

/// Links to follow from an object: the place of each, and those to follow from there.
#[derive(Clone, Debug, Default)]
pub struct Expand(pub BTreeMap<usize, Expand>);

/// Records that links were followed to, by link.
#[derive(Clone, Debug, Default)]
pub struct Expanded(pub BTreeMap<usize, (HashMap<Uuid, Record>, Expanded)>);

/// How a record is answered.
#[derive(Clone, Copy, Debug)]
pub struct View<'a> {
    /// The record.
    pub record: &'a Record,
    /// The fields that were asked for; all when none.
    pub fields: Option<&'a [Target]>,
    /// What its links name.
    pub expanded: &'a Expanded,
}

impl Expand {
    /// Reads paths with commas between, such as `company,company.parent`.
    /// `other_end` finds the object of a link, and says none for one that may not be seen.
    pub fn parse<'a>(
        object: &'a Object,
        paths: &str,
        other_end: &dyn Fn(&str) -> Option<&'a Object>,
    ) -> Result<Self, FieldError> {
        let mut expand = Self::default();
        let mut count = 0;
        for path in paths.split(',').map(str::trim).filter(|path| !path.is_empty()) {
            let (mut here, mut at) = (&mut expand, object);
            for (depth, name) in path.split('.').enumerate() {
                if depth == MAX_EXPAND_DEPTH {
                    let message = format!("follows more than {MAX_EXPAND_DEPTH} links in a row");
                    return Err(FieldError::new("expand", "out_of_range", message));
                }
                let link = at.position(name).and_then(|place| match &at.fields[place].kind {
                    FieldType::Link(to) => other_end(to).map(|object| (place, object)),
                    _ => None,
                });
                let Some((place, object)) = link else {
                    let message = format!("`{}` has no link `{name}`", at.name);
                    return Err(FieldError::new("expand", "unknown_field", message));
                };
                if !here.0.contains_key(&place) {
                    count += 1;
                }
                if count > MAX_EXPAND {
                    let message = format!("follows more than {MAX_EXPAND} links");
                    return Err(FieldError::new("expand", "out_of_range", message));
                }
                (here, at) = (here.0.entry(place).or_default(), object);
            }
        }
        Ok(expand)
    }
}

impl Serialize for View<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self { record, fields, expanded } = self;
        let shows = |target: Target| fields.is_none_or(|fields| fields.contains(&target));
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("id", &record.id)?;
        map.serialize_entry("version", &record.version)?;
        if shows(Target::CreatedAt) {
            map.serialize_entry("created_at", &Value::Datetime(record.created_at))?;
        }
        if shows(Target::UpdatedAt) {
            map.serialize_entry("updated_at", &Value::Datetime(record.updated_at))?;
        }
        for (place, field) in record.object.shown() {
            if shows(Target::Field(place)) {
                map.serialize_entry(field.name(), &record.values[place])?;
            }
        }
        if !expanded.0.is_empty() {
            map.serialize_entry("expanded", &Linked { record, expanded })?;
        }
        map.end()
    }
}

/// The records that the links of a record name, by the name of the link.
struct Linked<'a> {
    record: &'a Record,
    expanded: &'a Expanded,
}

impl Serialize for Linked<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.expanded.0.len()))?;
        for (place, (records, further)) in &self.expanded.0 {
            let linked = match self.record.values[*place] {
                Value::Id(id) | Value::Reference(Reference { id, .. }) => records.get(&id),
                _ => None,
            };
            let view = linked.map(|record| View { record, fields: None, expanded: further });
            map.serialize_entry(self.record.object.fields[*place].name(), &view)?;
        }
        map.end()
    }
}
