//! What a tenant made for itself, and how it may change: it grows; what is
//! there is never retyped or dropped, only retired.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as Json};

use super::field::{Choice, Field, FieldDef, FieldType};
use super::object::{OWN_NAMESPACE, OWN_PREFIX, ObjectDef};
use super::schema::Schema;
use super::slot::slots_for;
use super::translation;

/// Most objects of one tenant.
const MAX_OBJECTS: usize = 100;
/// Most fields that a tenant has in one object, retired ones too.
const MAX_FIELDS: usize = 200;
/// Most options of one field.
const MAX_OPTIONS: usize = 500;

/// A tenant's own objects and fields.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
pub struct OwnSchema {
    /// Its objects.
    #[serde(default)]
    pub objects: Vec<ObjectDef>,
    /// The fields that it added to objects of others, by object.
    #[serde(default)]
    pub fields: BTreeMap<String, Vec<FieldDef>>,
}

/// A wish to change it.
#[derive(Clone, Debug)]
pub enum SchemaChange {
    /// Add an object.
    AddObject(ObjectDef),
    /// Change what is said about an object.
    ChangeObject { object: String, patch: Map<String, Json> },
    /// Add a field to an object.
    AddField { object: String, field: Box<FieldDef> },
    /// Change what is said about a field.
    ChangeField { object: String, field: String, patch: Map<String, Json> },
}

/// Why it cannot be changed so.
#[derive(Debug, PartialEq, Eq)]
pub enum Refusal {
    /// There is no such object or field of the tenant's own.
    Unknown { what: &'static str, name: String },
    /// The definition is wrong.
    Wrong(String),
    /// It would break what is there.
    Breaks(String),
}

/// What a change comes to.
#[derive(Clone, Debug, Default)]
pub struct SchemaDiff {
    /// One line for each difference.
    pub lines: Vec<String>,
    /// Object and field whose values have to be put into their slot.
    pub fill: Option<(String, String)>,
    /// Object and field that have to be computed for the records that are there.
    pub compute: Option<String>,
}

impl OwnSchema {
    /// Makes the change; `schema` is what the tenant has so far.
    pub fn apply(&mut self, schema: &Schema, change: SchemaChange) -> Result<SchemaDiff, Refusal> {
        match change {
            SchemaChange::AddObject(def) => self.add_object(schema, def),
            SchemaChange::ChangeObject { object, patch } => self.change_object(&object, patch),
            SchemaChange::AddField { object, field } => self.add_field(schema, &object, *field),
            SchemaChange::ChangeField { object, field, patch } => self.change_field(&object, &field, patch),
        }
    }

    fn add_object(&mut self, schema: &Schema, mut def: ObjectDef) -> Result<SchemaDiff, Refusal> {
        if !def.name.starts_with(&format!("{OWN_NAMESPACE}.")) {
            return Err(Refusal::Wrong(format!("the name of an own object begins with `{OWN_NAMESPACE}.`")));
        }
        let is_known = self.objects.iter().any(|object| object.name == def.name);
        if is_known || schema.object(&def.name).is_some() {
            return Err(Refusal::Breaks(format!("there is an object `{}` already", def.name)));
        }
        if self.objects.len() == MAX_OBJECTS {
            return Err(Refusal::Breaks(format!("a tenant has at most {MAX_OBJECTS} objects of its own")));
        }
        if def.retired || def.read_only || !def.indexes.is_empty() {
            return Err(Refusal::Wrong("an own object is not retired or read-only, and has no `indexes`".to_owned()));
        }
        translation::check(&def).map_err(Refusal::Wrong)?;
        let fields = std::mem::take(&mut def.fields);
        let mut diff = SchemaDiff { lines: vec![format!("+ object {}", def.name)], ..SchemaDiff::default() };
        for mut field in fields {
            field.slot = None;
            give_slot(&mut field, &def.fields)?;
            diff.lines.push(line(&def.name, &field));
            def.fields.push(field);
        }
        self.objects.push(def);
        Ok(diff)
    }

    fn change_object(&mut self, name: &str, patch: Map<String, Json>) -> Result<SchemaDiff, Refusal> {
        let def = self.objects.iter_mut().find(|object| object.name == name);
        let def = def.ok_or_else(|| Refusal::Unknown { what: "own object", name: name.to_owned() })?;
        let mut diff = SchemaDiff::default();
        for (key, value) in patch {
            diff.lines.push(format!("~ object {name} {key} {value}"));
            match (key.as_str(), value) {
                ("label", Json::String(text)) => def.label = text,
                ("plural", Json::String(text)) => def.plural = text,
                ("description", Json::String(text)) => def.description = text,
                ("translations", value) => def.translations = translation::read(value).map_err(Refusal::Wrong)?,
                ("retired", Json::Bool(retired)) => def.retired = retired,
                ("person", Json::Bool(person)) => def.person = person,
                ("common", Json::Bool(common)) => def.common = common,
                (key, _) => {
                    let names = ["label", "plural", "description", "translations", "person", "common", "retired"];
                    return Err(cannot_change(key, &names));
                }
            }
        }
        translation::check(def).map_err(Refusal::Wrong)?;
        Ok(diff)
    }

    fn add_field(&mut self, schema: &Schema, name: &str, mut field: FieldDef) -> Result<SchemaDiff, Refusal> {
        let object = schema.object(name);
        let object = object.ok_or_else(|| Refusal::Unknown { what: "object", name: name.to_owned() })?;
        if object.read_only {
            return Err(Refusal::Breaks(format!("`{name}` is written by its module only")));
        }
        if !field.name.starts_with(OWN_PREFIX) {
            return Err(Refusal::Wrong(format!("the name of an own field begins with `{OWN_PREFIX}`")));
        }
        if field.required {
            return Err(Refusal::Breaks(format!("`{}` cannot be required: records without it may exist", field.name)));
        }
        field.slot = None;
        let is_own = object.is_own();
        let fields = self.fields_mut(name, is_own)?;
        if fields.iter().any(|known| known.name == field.name) {
            return Err(Refusal::Breaks(format!("`{name}` has a field `{}` already", field.name)));
        }
        if fields.len() == MAX_FIELDS {
            return Err(Refusal::Breaks(format!("an object has at most {MAX_FIELDS} own fields")));
        }
        give_slot(&mut field, fields)?;
        let diff = SchemaDiff {
            lines: vec![line(name, &field)],
            compute: ["formula", "rollup"].contains(&field.kind.as_str()).then(|| name.to_owned()),
            fill: None,
        };
        fields.push(field);
        Ok(diff)
    }

    fn change_field(&mut self, object: &str, name: &str, patch: Map<String, Json>) -> Result<SchemaDiff, Refusal> {
        let is_own = self.objects.iter().any(|known| known.name == object);
        let fields = self.fields_mut(object, is_own)?;
        let at = fields.iter().position(|field| field.name == name);
        let at = at.ok_or_else(|| Refusal::Unknown { what: "own field", name: format!("{object}.{name}") })?;
        let mut field = fields.remove(at);
        let mut diff = SchemaDiff::default();
        for (key, value) in patch {
            diff.lines.push(format!("~ field {object}.{name} {key} {value}"));
            match (key.as_str(), value) {
                ("label", Json::String(text)) => field.label = text,
                ("description", Json::String(text)) => field.description = text,
                ("default", value) => field.default = Some(value).filter(|value| !value.is_null()),
                ("retired", Json::Bool(retired)) => field.retired = retired,
                ("audited", Json::Bool(audited)) => field.audited = audited,
                ("personal", Json::Bool(personal)) => field.personal = personal,
                ("belongs_to_person", Json::Bool(belongs)) => field.belongs_to_person = Some(belongs),
                ("encrypted", Json::Bool(encrypted)) if encrypted != field.encrypted => {
                    let reason = "what is there would have to be written anew, and stays readable in the log and in \
                        copies: add a new field instead";
                    return Err(Refusal::Breaks(format!("a field does not become encrypted or plain: {reason}")));
                }
                ("max_length", Json::Number(length)) => {
                    let length = length.as_u64().and_then(|length| u32::try_from(length).ok());
                    match length {
                        Some(length) if length >= field.max_length.unwrap_or(u32::MAX) => {
                            field.max_length = Some(length);
                        }
                        _ => return Err(Refusal::Breaks("a field does not become shorter than it is".to_owned())),
                    }
                }
                ("options", value) => {
                    let options: Vec<Choice> =
                        serde_json::from_value(value).map_err(|error| Refusal::Wrong(format!("`options`: {error}")))?;
                    let has = |value: &str| options.iter().any(|choice| choice.value == value);
                    if let Some(gone) = field.options.iter().find(|choice| !has(&choice.value)) {
                        return Err(Refusal::Breaks(format!("the option `{}` would be lost", gone.value)));
                    }
                    field.options = options;
                }
                ("indexed", Json::Bool(true)) => {
                    field.indexed = true;
                    diff.fill = Some((object.to_owned(), name.to_owned()));
                }
                (key, _) => {
                    let can = [
                        "label",
                        "description",
                        "default",
                        "options",
                        "max_length",
                        "indexed",
                        "audited",
                        "personal",
                        "belongs_to_person",
                        "retired",
                    ];
                    return Err(cannot_change(key, &can));
                }
            }
        }
        give_slot(&mut field, fields)?;
        fields.insert(at, field);
        Ok(diff)
    }

    fn fields_mut(&mut self, object: &str, is_own: bool) -> Result<&mut Vec<FieldDef>, Refusal> {
        if !is_own {
            return Ok(self.fields.entry(object.to_owned()).or_default());
        }
        let def = self.objects.iter_mut().find(|known| known.name == object);
        def.map(|def| &mut def.fields).ok_or_else(|| Refusal::Unknown { what: "own object", name: object.to_owned() })
    }
}

fn cannot_change(key: &str, can: &[&str]) -> Refusal {
    Refusal::Breaks(format!("`{key}` cannot change: data would be lost or broken. What can: {}", can.join(", ")))
}

fn line(object: &str, field: &FieldDef) -> String {
    let flags = [
        (field.unique, " unique"),
        (field.indexed, " indexed"),
        (field.encrypted, " encrypted"),
        (field.audited, " audited"),
    ];
    let flags = flags.iter().filter(|(is_set, _)| *is_set).map(|(_, word)| *word).collect::<String>();
    format!("+ field {object}.{} {}{flags}", field.name, field.kind)
}

impl OwnSchema {
    /// The same with nothing retired: for what has to reach all that was ever kept.
    #[must_use]
    pub fn whole(mut self) -> Self {
        let own = self.objects.iter_mut().flat_map(|object| {
            object.retired = false;
            &mut object.fields
        });
        own.chain(self.fields.values_mut().flatten()).for_each(|field| field.retired = false);
        self
    }
}

/// Checks a definition, and gives it an indexed place when it needs one.
fn give_slot(field: &mut FieldDef, others: &[FieldDef]) -> Result<(), Refusal> {
    if field.slot.is_some() {
        return Ok(());
    }
    if field.options.len() > MAX_OPTIONS {
        return Err(Refusal::Wrong(format!("field `{}` has more than {MAX_OPTIONS} options", field.name)));
    }
    if field.name == OWN_PREFIX {
        return Err(Refusal::Wrong(format!("`{OWN_PREFIX}` is only the beginning of a name")));
    }
    let checked = Field::check(field.clone()).map_err(Refusal::Wrong)?;
    let is_link = matches!(checked.kind, FieldType::Link(_) | FieldType::User);
    if !field.unique && !field.indexed && !is_link {
        return Ok(());
    }
    if matches!(checked.kind, FieldType::LongText) {
        return Err(Refusal::Wrong(format!("field `{}`: a {} cannot be indexed so", field.name, field.kind)));
    }
    let places = slots_for(&checked);
    let is_free = |slot: &&&str| !others.iter().any(|other| other.slot.as_deref() == Some(**slot));
    match places.iter().find(is_free) {
        Some(slot) => {
            field.slot = Some((*slot).to_owned());
            field.indexed |= is_link;
            Ok(())
        }
        // A link works without an index too, only slower.
        None if is_link && !field.indexed => Ok(()),
        None => Err(Refusal::Breaks(format!(
            "field `{}` cannot be indexed: an object has {} such places for own fields",
            field.name,
            places.len()
        ))),
    }
}
