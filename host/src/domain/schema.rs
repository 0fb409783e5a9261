//! All objects that one tenant has: the core's, those of its modules, its own.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::field::{Calculation, Source};
use super::filter::Filter;
use super::object::{OWN_NAMESPACE, Object};
use super::own_schema::OwnSchema;

/// A tenant's objects by name.
#[derive(Debug, Default)]
pub struct Schema {
    objects: BTreeMap<String, Arc<Object>>,
    gathers: BTreeMap<String, Vec<Gathering>>,
}

/// A roll-up, seen from the object whose records it gathers.
#[derive(Clone, Debug)]
pub struct Gathering {
    /// The object that has the roll-up.
    pub object: Arc<Object>,
    /// The place of the roll-up in it.
    pub at: usize,
    /// The place of the link in the gathered object.
    pub link: usize,
    /// The place of the gathered field; none for a count.
    pub field: Option<usize>,
    /// Which of the records count.
    pub filter: Option<Filter>,
}

impl Schema {
    /// From checked objects. A link to an object that is not there is an error.
    pub fn new(objects: impl IntoIterator<Item = Arc<Object>>) -> Result<Self, String> {
        let mut by_name = BTreeMap::new();
        for object in objects {
            if let Some(other) = by_name.insert(object.name.clone(), object) {
                return Err(format!("the object `{}` is defined twice", other.name));
            }
        }
        for object in by_name.values() {
            for (_, field, to) in object.links() {
                if !by_name.contains_key(to) {
                    return Err(format!("`{}.{}` links to the unknown object `{to}`", object.name, field.name()));
                }
            }
        }
        let mut schema = Self { objects: by_name, gathers: BTreeMap::new() };
        schema.gathers = schema.find_gathers()?;
        super::dependency::check(&schema)?;
        Ok(schema)
    }

    /// The same objects, with what a tenant made for itself.
    pub fn with_own(objects: Vec<Arc<Object>>, own: &OwnSchema) -> Result<Self, String> {
        let mut all = Vec::with_capacity(objects.len() + own.objects.len());
        for object in objects {
            all.push(match own.fields.get(&object.name) {
                Some(fields) => Arc::new(object.with_own_fields(fields)?),
                None => object,
            });
        }
        for def in own.objects.iter().filter(|def| !def.retired) {
            all.push(Arc::new(Object::check(def.clone(), Some(OWN_NAMESPACE))?));
        }
        Self::new(all)
    }

    /// The object of that name.
    pub fn object(&self, name: &str) -> Option<&Arc<Object>> {
        self.objects.get(name)
    }

    /// All objects, by name.
    pub fn objects(&self) -> impl Iterator<Item = &Arc<Object>> {
        self.objects.values()
    }

    /// The roll-ups that gather records of this object.
    pub fn gatherings(&self, object: &str) -> &[Gathering] {
        self.gathers.get(object).map_or(&[], Vec::as_slice)
    }

    fn find_gathers(&self) -> Result<BTreeMap<String, Vec<Gathering>>, String> {
        let mut gathers: BTreeMap<String, Vec<Gathering>> = BTreeMap::new();
        for object in self.objects.values() {
            for (at, field) in object.fields.iter().enumerate() {
                let Source::Calculation(Calculation::RollUp(rollup)) = &field.source else { continue };
                let name = format!("`{}.{}`", object.name, field.name());
                let from = self.objects.get(&rollup.def.object);
                let from = from.ok_or_else(|| format!("{name} gathers the unknown object `{}`", rollup.def.object))?;
                let links = from.links().find(|(_, field, to)| field.name() == rollup.def.link && *to == object.name);
                let link = links.map(|(link, ..)| link).ok_or_else(|| {
                    format!("{name}: `{}.{}` is no link to `{}`", from.name, rollup.def.link, object.name)
                })?;
                if !matches!(from.fields[link].kind, super::field::FieldType::Link(_)) {
                    return Err(format!("{name} gathers along a link to one record"));
                }
                let gathered = match &rollup.def.field {
                    None => None,
                    Some(gathered) => Some(
                        from.position(gathered)
                            .ok_or_else(|| format!("{name}: `{}` has no field `{gathered}`", from.name))?,
                    ),
                };
                if let Some(place) = gathered
                    && !rollup.takes(&from.fields[place], field)
                {
                    return Err(format!("{name} does not fit `{}.{}`", from.name, from.fields[place].name()));
                }
                let filter = match &rollup.def.filter {
                    None => None,
                    Some(json) => Some(Filter::parse(from, json).map_err(|faults| {
                        let fault = faults.into_iter().next();
                        let text = fault.map(|fault| format!("`{}` {}", fault.field, fault.message));
                        format!("{name}: {}", text.unwrap_or_default())
                    })?),
                };
                gathers.entry(from.name.clone()).or_default().push(Gathering {
                    object: Arc::clone(object),
                    at,
                    link,
                    field: gathered,
                    filter,
                });
            }
        }
        Ok(gathers)
    }
}
