//! Objects: record types, as written in files and in their checked form.

use std::collections::{HashMap, HashSet};
use std::hash::{DefaultHasher, Hash, Hasher};

use serde::{Deserialize, Serialize};

use super::field::{Field, FieldDef, FieldType, is_name};

/// Names that every record has anyway, or that the tables need.
pub const SYSTEM_FIELDS: &[&str] = &["id", "version", "created_at", "updated_at", "deleted_at", "tenant_id"];

/// Longest name of an object, so that its table has a name on every engine.
const MAX_NAME: usize = 56;

/// An object as written in a definition file.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
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
    /// Its fields, in the order people see them.
    pub fields: Vec<FieldDef>,
    /// Fields that lists are filtered by and sorted by together, each a list
    /// of names: the ones compared with `_eq` first, the one sorted by last.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub indexes: Vec<Vec<String>>,
}

/// An object in its checked form.
#[derive(Debug)]
pub struct Object {
    /// Its name.
    pub name: String,
    /// What people read for one.
    pub label: String,
    /// What it is for.
    pub description: String,
    /// The plugin namespace that owns it; none for the core's own.
    pub namespace: Option<String>,
    /// Callers only read.
    pub read_only: bool,
    /// Its fields.
    pub fields: Vec<Field>,
    /// Fields that are indexed together.
    pub indexes: Vec<Vec<String>>,
    /// Two objects with the same fingerprint have the same definition.
    pub fingerprint: u64,
    by_name: HashMap<String, usize>,
}

impl Object {
    /// Checks a definition; `namespace` is the plugin's, or none for the core.
    pub fn check(def: ObjectDef, namespace: Option<&str>) -> Result<Self, String> {
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
        let mut hasher = DefaultHasher::new();
        serde_json::to_string(&def).map_err(|error| error.to_string())?.hash(&mut hasher);
        let mut fields = Vec::with_capacity(def.fields.len());
        let mut columns = HashSet::new();
        for field in def.fields {
            let field = Field::check(field).map_err(|message| format!("object `{name}`: {message}"))?;
            for column in field.columns() {
                if SYSTEM_FIELDS.contains(&column.as_str()) || columns.contains(&column) {
                    return Err(format!("object `{name}`: the name `{column}` is taken"));
                }
                columns.insert(column);
            }
            fields.push(field);
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
        let is_first = |name: &str| def.indexes.iter().any(|index| index.first().is_some_and(|first| first == name));
        let slow = fields.iter().find(|field: &&Field| {
            field.def.inverse.is_some() && !field.def.indexed && !field.def.unique && !is_first(field.name())
        });
        if let Some(slow) = slow {
            return Err(format!("object `{name}`: `{}` has an inverse and so has to be indexed", slow.name()));
        }
        let by_name = fields.iter().enumerate().map(|(at, field)| (field.name().to_owned(), at)).collect();
        Ok(Self {
            name,
            label: def.label,
            description: def.description,
            namespace: namespace.map(str::to_owned),
            read_only: def.read_only,
            fields,
            indexes: def.indexes,
            fingerprint: hasher.finish(),
            by_name,
        })
    }

    /// Place of a field by its name.
    pub fn position(&self, field: &str) -> Option<usize> {
        self.by_name.get(field).copied()
    }

    /// The fields that link to another object.
    pub fn links(&self) -> impl Iterator<Item = (usize, &Field, &str)> {
        self.fields.iter().enumerate().filter_map(|(at, field)| match &field.kind {
            FieldType::Link(to) => Some((at, field, to.as_str())),
            _ => None,
        })
    }
}

impl Field {
    /// Names of the columns that hold it: money takes two.
    pub fn columns(&self) -> Vec<String> {
        match self.kind {
            FieldType::Money => vec![self.name().to_owned(), format!("{}_currency", self.name())],
            _ => vec![self.name().to_owned()],
        }
    }
}
