//! Objects: record types, as written in files and in their checked form.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::hash::{DefaultHasher, Hash, Hasher};

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::dependency;
use super::duplicate::DuplicateRule;
use super::field::{Field, FieldDef, FieldType, is_name};
use super::translation::{self, Translations};
use super::value::Value;

/// Names that every record has anyway, or that the tables need.
pub const SYSTEM_FIELDS: &[&str] = &["id", "version", "created_at", "updated_at", "deleted_at", "tenant_id"];

/// The namespace of what a tenant makes for itself.
pub const OWN_NAMESPACE: &str = "x";
/// What names of fields that a tenant adds begin with.
pub const OWN_PREFIX: &str = "x_";

/// Longest name of an object, so that its table has a name on every engine.
const MAX_NAME: usize = 56;

/// An object as written in a definition file.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
#[expect(clippy::struct_excessive_bools, reason = "each is a member of a definition file")]
pub struct ObjectDef {
    /// `contact`, or `namespace.member` when a plugin brings it.
    pub name: String,
    /// What people read for one.
    pub label: String,
    /// What people read for many.
    pub plural: String,
    /// What it is for.
    #[serde(default)]
    pub description: String,
    /// Callers only read; the plugin that brings it writes.
    #[serde(default)]
    pub read_only: bool,
    /// No longer shown or used; its records are kept.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub retired: bool,
    /// Its records are people: what the host keeps of one can be exported and erased.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub person: bool,
    /// Everybody works with its records: whose scope is `own`, `team` or `team_tree` reads all of them.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub common: bool,
    /// Its fields, in the order people see them.
    pub fields: Vec<FieldDef>,
    /// Fields that lists are filtered by and sorted by together, each a list
    /// of names: the ones compared with `_eq` first, the one sorted by last.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub indexes: Vec<Vec<String>>,
    /// When two records may be the same thing.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub duplicates: Vec<DuplicateRule>,
    /// Fields that say whose a record is: users, or links to records that are somebody's.
    /// When none is named, the user field `owner`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub owned_by: Vec<String>,
    /// What people read of it in other languages.
    #[serde(default, skip_serializing_if = "Translations::is_empty")]
    pub translations: Translations,
}

/// An object in its checked form.
#[derive(Clone, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is said of an object by itself")]
pub struct Object {
    /// Its name.
    pub name: String,
    /// What people read for one.
    pub label: String,
    /// What people read for many.
    pub plural: String,
    /// What it is for.
    pub description: String,
    /// The plugin namespace that owns it; none for the core's own.
    pub namespace: Option<String>,
    /// Callers only read.
    pub read_only: bool,
    /// The module that brings it is switched off.
    pub rests: bool,
    /// Its records are people.
    pub person: bool,
    /// Who reads the object in the scope of people or teams reads all of it.
    pub common: bool,
    /// Its fields.
    pub fields: Vec<Field>,
    /// Fields that are indexed together.
    pub indexes: Vec<Vec<String>>,
    /// When two records may be the same thing.
    pub duplicates: Vec<DuplicateRule>,
    /// The places of its formulas, in the order in which they are computed.
    pub formulas: Vec<usize>,
    /// The places of fields whose reads and changes are noted.
    pub audited: Vec<usize>,
    /// The places of fields that say whose a record is.
    pub owned_by: Vec<usize>,
    /// The places of fields that are not shown to whom this object is given.
    pub hidden: BTreeSet<usize>,
    /// The places of fields that they do not write.
    pub locked: BTreeSet<usize>,
    /// What people read of it in other languages.
    pub translations: Translations,
    /// Objects with the same fingerprint are kept in the same columns.
    pub fingerprint: u64,
    by_name: HashMap<String, usize>,
}

impl Object {
    /// The same while the module that brings it is switched off: its records are only read.
    #[must_use]
    pub fn resting(&self) -> Self {
        Self { read_only: true, rests: true, ..self.clone() }
    }

    /// Checks a definition; `namespace` is the plugin's, or none for the core.
    pub fn check(mut def: ObjectDef, namespace: Option<&str>) -> Result<Self, String> {
        let name = def.name.clone();
        let local = match namespace {
            None => name.as_str(),
            Some(namespace) => name
                .strip_prefix(namespace)
                .and_then(|rest| rest.strip_prefix('.'))
                .ok_or_else(|| format!("object `{name}` is not in the namespace `{namespace}`"))?,
        };
        if name.len() > MAX_NAME {
            return Err(format!("object name `{name}` is longer than {MAX_NAME} letters"));
        }
        if !is_name(local) {
            return Err(format!("object name `{name}` is not lower snake case of at most 40 letters"));
        }
        translation::check(&def).map_err(|message| format!("object `{name}`: {message}"))?;
        let translations = std::mem::take(&mut def.translations);
        let is_own = namespace == Some(OWN_NAMESPACE);
        let mut hasher = DefaultHasher::new();
        if is_own {
            // All of them live in one table.
            name.hash(&mut hasher);
        } else {
            serde_json::to_string(&def).map_err(|error| error.to_string())?.hash(&mut hasher);
        }
        let mut fields = Vec::with_capacity(def.fields.len());
        let mut columns = HashSet::new();
        for field in def.fields {
            if field.retired {
                continue;
            }
            let mut field = Field::check(field).map_err(|message| format!("object `{name}`: {message}"))?;
            field.is_custom = is_own;
            if field.name().starts_with(OWN_PREFIX) != is_own {
                return Err(format!("object `{name}`: names that begin with `{OWN_PREFIX}` are a tenant's own"));
            }
            for column in field.columns() {
                if SYSTEM_FIELDS.contains(&column.as_str()) || columns.contains(&column) {
                    return Err(format!("object `{name}`: the name `{column}` is taken"));
                }
                columns.insert(column);
            }
            fields.push(field);
        }
        let is_sealed = |name: &str| fields.iter().any(|field| field.name() == name && field.kind.is_sealed());
        let used = def.indexes.iter().flatten().chain(def.duplicates.iter().flat_map(|rule| &rule.fields));
        if let Some(used) = used.into_iter().find(|name| is_sealed(name)) {
            return Err(format!(
                "object `{name}`: `{used}` is encrypted, so that no index and no rule for duplicates can use it"
            ));
        }
        for index in &def.indexes {
            let unknown = index.iter().find(|name| !fields.iter().any(|field: &Field| field.name() == name.as_str()));
            if let Some(unknown) = unknown {
                return Err(format!("object `{name}`: an index names the unknown field `{unknown}`"));
            }
            if !(2..=4).contains(&index.len()) {
                return Err(format!("object `{name}`: an index over several fields has 2 to 4 of them"));
            }
        }
        DuplicateRule::check(&def.duplicates, |name| {
            let field = fields.iter().find(|field: &&Field| field.name() == name)?;
            Some(field.def.indexed || field.def.unique)
        })
        .map_err(|message| format!("object `{name}`: {message}"))?;
        let is_first = |name: &str| def.indexes.iter().any(|index| index.first().is_some_and(|first| first == name));
        let slow = fields.iter().find(|field: &&Field| {
            field.def.inverse.is_some() && !field.def.indexed && !field.def.unique && !is_first(field.name())
        });
        if let Some(slow) = slow {
            return Err(format!("object `{name}`: `{}` has an inverse and so has to be indexed", slow.name()));
        }
        let owned_by = owned_by(&def.owned_by, &fields).map_err(|message| format!("object `{name}`: {message}"))?;
        let by_name = fields.iter().enumerate().map(|(at, field)| (field.name().to_owned(), at)).collect();
        Ok(Self {
            owned_by,
            hidden: BTreeSet::new(),
            locked: BTreeSet::new(),
            name,
            label: def.label,
            plural: def.plural,
            description: def.description,
            namespace: namespace.map(str::to_owned),
            read_only: def.read_only,
            rests: false,
            person: def.person,
            common: def.common,
            formulas: dependency::order(&fields),
            audited: audited(&fields),
            fields,
            indexes: def.indexes,
            duplicates: def.duplicates,
            translations,
            fingerprint: hasher.finish(),
            by_name,
        })
    }

    /// The same object with fields that a tenant added.
    pub fn with_own_fields(&self, fields: &[FieldDef]) -> Result<Self, String> {
        let mut object = self.clone();
        for def in fields.iter().filter(|def| !def.retired) {
            let mut field =
                Field::check(def.clone()).map_err(|message| format!("object `{}`: {message}", self.name))?;
            if !field.name().starts_with(OWN_PREFIX) || object.position(field.name()).is_some() {
                return Err(format!("object `{}`: the name `{}` is taken", self.name, field.name()));
            }
            field.is_custom = true;
            object.by_name.insert(field.name().to_owned(), object.fields.len());
            object.fields.push(field);
        }
        object.formulas = dependency::order(&object.fields);
        object.audited = audited(&object.fields);
        let mut hasher = DefaultHasher::new();
        (self.fingerprint, OWN_PREFIX).hash(&mut hasher);
        object.fingerprint = hasher.finish();
        Ok(object)
    }

    /// Whether it has encrypted fields.
    pub fn has_sealed_fields(&self) -> bool {
        self.audited.iter().any(|&at| self.fields[at].kind.is_sealed())
    }

    /// Whether a tenant made it for itself.
    pub fn is_own(&self) -> bool {
        self.namespace.as_deref() == Some(OWN_NAMESPACE)
    }

    /// Whether records of it carry values that have no column of their own.
    pub fn has_custom_fields(&self) -> bool {
        self.is_own() || self.fields.iter().any(|field| field.is_custom)
    }

    /// Place of a field by its name; of none that is hidden.
    pub fn position(&self, field: &str) -> Option<usize> {
        self.by_name.get(field).copied().filter(|place| !self.hidden.contains(place))
    }

    /// Place of a field by its name, whether it is shown or not: for what the host does itself.
    pub fn place_of(&self, field: &str) -> Option<usize> {
        self.by_name.get(field).copied()
    }

    /// The fields that are shown, and their places.
    pub fn shown(&self) -> impl Iterator<Item = (usize, &Field)> {
        self.fields.iter().enumerate().filter(|(place, _)| !self.hidden.contains(place))
    }

    /// The same object for somebody who does not see some of its fields, and does not write some.
    #[must_use]
    pub fn masked(&self, hidden: &BTreeSet<String>, locked: &BTreeSet<String>) -> Self {
        let place = |name: &String| self.place_of(name);
        let mut object = self.clone();
        object.hidden.extend(hidden.iter().filter_map(place));
        object.locked.extend(locked.union(hidden).filter_map(place));
        object
    }

    /// Whether records are found by the value of the field at this place through an index.
    pub fn is_found_by(&self, place: usize) -> bool {
        let field = &self.fields[place];
        let is_first = |index: &Vec<String>| index.first().is_some_and(|first| first == field.name());
        field.def.indexed || field.def.unique || self.indexes.iter().any(is_first)
    }

    /// The fields that link to other objects, once for each object.
    pub fn links(&self) -> impl Iterator<Item = (usize, &Field, &str)> {
        self.fields.iter().enumerate().flat_map(|(at, field)| {
            let to: Vec<&str> = match &field.kind {
                FieldType::Link(to) | FieldType::LinkMany(to) => vec![to],
                FieldType::LinkAny(to) => to.iter().map(String::as_str).collect(),
                _ => Vec::new(),
            };
            to.into_iter().map(move |to| (at, field, to))
        })
    }
}

/// The places of the fields that say whose a record is.
fn owned_by(names: &[String], fields: &[Field]) -> Result<Vec<usize>, String> {
    let place = |name: &str| {
        let place = fields.iter().position(|field| field.name() == name);
        place.filter(|&at| matches!(fields[at].kind, FieldType::User | FieldType::Link(_)))
    };
    if names.is_empty() {
        return Ok(place("owner").into_iter().filter(|&at| matches!(fields[at].kind, FieldType::User)).collect());
    }
    let wrong = |name: &String| format!("`owned_by` names `{name}`, which is no user and no link to one record");
    names.iter().map(|name| place(name).ok_or_else(|| wrong(name))).collect()
}

/// The places of fields whose reads and changes are noted.
fn audited(fields: &[Field]) -> Vec<usize> {
    (0..fields.len()).filter(|&at| fields[at].is_audited()).collect()
}

impl Field {
    /// The records that a value of it links to: their objects and ids.
    pub fn linked<'a>(&'a self, value: &'a Value) -> Vec<(&'a str, Uuid)> {
        match (&self.kind, value) {
            (FieldType::Link(to), Value::Id(id)) => vec![(to, *id)],
            (FieldType::LinkMany(to), Value::Ids(ids)) => ids.iter().map(|id| (to.as_str(), *id)).collect(),
            (_, Value::Reference(reference)) => vec![(&reference.object, reference.id)],
            _ => Vec::new(),
        }
    }

    /// Names of the columns that hold it: money takes two.
    pub fn columns(&self) -> Vec<String> {
        match self.kind {
            FieldType::Money => vec![self.name().to_owned(), format!("{}_currency", self.name())],
            FieldType::LinkAny(_) => vec![self.name().to_owned(), format!("{}_object", self.name())],
            _ => vec![self.name().to_owned()],
        }
    }
}
