//! All objects that one tenant has: the core's, those of its modules, its own.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use chrono_tz::Tz;
use serde_json::Value as Json;
use uuid::Uuid;

use super::clock::Timestamp;
use super::field::{Calculation, FieldType, Source, is_name};
use super::filter::{Filter, Scope};
use super::moment::Moment;
use super::object::{OWN_NAMESPACE, Object, SYSTEM_FIELDS};
use super::own_schema::OwnSchema;

/// A tenant's objects by name.
#[derive(Debug, Default)]
pub struct Schema {
    objects: BTreeMap<String, Arc<Object>>,
    gathers: BTreeMap<String, Vec<Gathering>>,
    inverses: BTreeMap<String, BTreeMap<String, Inverse>>,
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

/// A link seen from its other end: the records of `object` whose link at `place` names a record.
#[derive(Clone, Debug)]
pub struct Inverse {
    /// The object whose records link.
    pub object: Arc<Object>,
    /// The place of the link among its fields.
    pub place: usize,
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
        let inverses = inverses(&by_name)?;
        let mut schema = Self { objects: by_name, gathers: BTreeMap::new(), inverses };
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

    /// What a name stands for at an object when it is the other end of a link:
    /// the name that the link gives it, or that of the object whose records link.
    pub fn inverse(&self, object: &str, name: &str) -> Option<&Inverse> {
        self.inverses.get(object)?.get(name)
    }

    /// All links that end at an object and can be followed from there, by name.
    pub fn inverses(&self, object: &str) -> impl Iterator<Item = (&str, &Inverse)> {
        self.inverses.get(object).into_iter().flatten().map(|(name, inverse)| (name.as_str(), inverse))
    }

    /// The same schema for somebody who does not see some fields, and does not
    /// write some: by object, the names of both. What is computed from a hidden
    /// field is hidden, too; so is a roll-up of records that they do not see.
    #[must_use]
    pub fn masked(
        &self,
        masks: &BTreeMap<String, (BTreeSet<String>, BTreeSet<String>)>,
        sees: impl Fn(&Gathering, &Object) -> bool,
    ) -> Self {
        let mut masks = masks.clone();
        self.add_told(&mut masks, sees);
        let mask = |object: &Arc<Object>| match masks.get(&object.name) {
            Some((hidden, locked)) => Arc::new(object.masked(hidden, locked)),
            None => Arc::clone(object),
        };
        let objects: BTreeMap<_, _> = self.objects.iter().map(|(name, object)| (name.clone(), mask(object))).collect();
        let seen = |inverse: &Inverse| {
            let object = Arc::clone(&objects[&inverse.object.name]);
            (!object.hidden.contains(&inverse.place)).then_some(Inverse { object, place: inverse.place })
        };
        let inverses = self.inverses.iter().map(|(object, named)| {
            let named = named.iter().filter_map(|(name, inverse)| Some((name.clone(), seen(inverse)?)));
            (object.clone(), named.collect())
        });
        Self { inverses: inverses.collect(), gathers: self.gathers.clone(), objects }
    }

    /// Adds the fields whose values would tell those of hidden ones.
    fn add_told(
        &self,
        masks: &mut BTreeMap<String, (BTreeSet<String>, BTreeSet<String>)>,
        sees: impl Fn(&Gathering, &Object) -> bool,
    ) {
        let unseen = self.gathers.iter().filter_map(|(name, all)| Some((self.objects.get(name)?, all)));
        for (from, gathering) in unseen.flat_map(|(from, all)| all.iter().map(move |one| (from, one))) {
            if !sees(gathering, from) {
                let name = gathering.object.fields[gathering.at].name().to_owned();
                masks.entry(gathering.object.name.clone()).or_default().0.insert(name);
            }
        }
        // Each round hides what is computed from what the one before hid.
        loop {
            let is_hidden =
                |(object, field): &(&str, &str)| masks.get(*object).is_some_and(|(hidden, _)| hidden.contains(*field));
            let mut told = Vec::new();
            for object in self.objects.values() {
                for field in object.fields.iter().filter(|field| field.is_computed()) {
                    let node = (object.name.as_str(), field.name());
                    let reads = super::dependency::reads(self, node).unwrap_or_default();
                    if !is_hidden(&node) && reads.iter().any(is_hidden) {
                        told.push((object.name.clone(), field.name().to_owned()));
                    }
                }
            }
            if told.is_empty() {
                return;
            }
            for (object, field) in told {
                masks.entry(object).or_default().0.insert(field);
            }
        }
    }

    /// Whether anything is gathered.
    pub fn has_gatherings(&self) -> bool {
        !self.gathers.is_empty()
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

    /// Which records a roll-up gathers. What it looks at changes only with the
    /// records themselves: no other records, no time, nobody who asks.
    fn gathered_filter(&self, from: &Arc<Object>, json: &Json) -> Result<Filter, String> {
        let scope = Scope {
            schema: self,
            object: from,
            moment: Moment { at: Timestamp::from_micros(0), timezone: Tz::UTC },
            me: Uuid::nil(),
            teams: &[],
            sees: &|_, _| true,
        };
        if json.to_string().contains("\"$") {
            return Err("its filter depends on the time, or on who asks".to_owned());
        }
        let filter = Filter::parse(&scope, json).map_err(|faults| {
            let fault = faults.into_iter().next();
            fault.map(|fault| format!("`{}` {}", fault.field, fault.message)).unwrap_or_default()
        })?;
        if filter.reached().is_empty() { Ok(filter) } else { Err("its filter goes across links".to_owned()) }
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
                if !matches!(from.fields[link].kind, FieldType::Link(_)) {
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
                    && from.fields[place].kind.is_sealed()
                {
                    return Err(format!("{name} gathers the encrypted field `{}`", from.fields[place].name()));
                }
                if let Some(place) = gathered
                    && !rollup.takes(&from.fields[place], field)
                {
                    return Err(format!("{name} does not fit `{}.{}`", from.name, from.fields[place].name()));
                }
                let filter = match &rollup.def.filter {
                    None => None,
                    Some(json) => Some(self.gathered_filter(from, json).map_err(|reason| format!("{name}: {reason}"))?),
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

/// The other ends of links by object and name. A name that something else has is an error.
fn inverses(objects: &BTreeMap<String, Arc<Object>>) -> Result<BTreeMap<String, BTreeMap<String, Inverse>>, String> {
    let mut all: BTreeMap<String, BTreeMap<String, Inverse>> = BTreeMap::new();
    for object in objects.values() {
        for (place, field, to) in object.links() {
            let Some(name) = &field.def.inverse else { continue };
            let what = format!("`{}.{}` is seen from `{to}` as `{name}`", object.name, field.name());
            if !is_name(name) {
                return Err(format!("{what}, which is no lower snake case of at most 40 letters"));
            }
            let target = objects.get(to).ok_or_else(|| format!("there is no object `{to}`"))?;
            if SYSTEM_FIELDS.contains(&name.as_str()) || target.position(name).is_some() {
                return Err(format!("{what}, which is a field there"));
            }
            let inverse = Inverse { object: Arc::clone(object), place };
            if let Some(other) = all.entry(to.to_owned()).or_default().insert(name.clone(), inverse) {
                let other = format!("{}.{}", other.object.name, other.object.fields[other.place].name());
                return Err(format!("{what}, and so is `{other}`"));
            }
        }
    }
    for object in objects.values() {
        for (place, field, to) in object.links() {
            if field.def.inverse.is_some() || !matches!(field.kind, FieldType::Link(_)) || !object.is_found_by(place) {
                continue;
            }
            let Some(target) = objects.get(to) else { continue };
            let named = all.entry(to.to_owned()).or_default();
            let is_taken = named.contains_key(&object.name) || target.position(&object.name).is_some();
            let name = if is_taken { format!("{}.{}", object.name, field.name()) } else { object.name.clone() };
            named.entry(name).or_insert_with(|| Inverse { object: Arc::clone(object), place });
        }
    }
    Ok(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn object(name: &str, fields: &str) -> Arc<Object> {
        let text = format!(r#"{{"name":"{name}","label":"x","plural":"x","fields":[{fields}]}}"#);
        Arc::new(Object::check(serde_json::from_str(&text).unwrap(), None).unwrap())
    }

    fn link(name: &str, inverse: &str) -> String {
        format!(r#"{{"name":"{name}","label":"x","type":"link","to":"town","indexed":true,"inverse":"{inverse}"}}"#)
    }

    #[test]
    fn names_of_other_ends_are_found_and_do_not_clash() {
        let town = || object("town", r#"{"name":"name","label":"x","type":"text"}"#);
        let good = Schema::new([town(), object("house", &link("town", "houses"))]).unwrap();
        assert_eq!(good.inverse("town", "houses").unwrap().object.name, "house");
        assert!(good.inverse("house", "houses").is_none());
        let plain = |name: &str, indexed: bool| {
            format!(r#"{{"name":"{name}","label":"x","type":"link","to":"town","indexed":{indexed}}}"#)
        };
        let fields = format!("{},{},{}", plain("town", true), plain("second", true), plain("slow", false));
        let unnamed = Schema::new([town(), object("house", &fields)]).unwrap();
        let names: Vec<_> = unnamed.inverses("town").map(|(name, inverse)| (name, inverse.place)).collect();
        assert_eq!(names, [("house", 0), ("house.second", 1)]);
        let wrong = |fields: &str| Schema::new([town(), object("house", fields)]).unwrap_err();
        assert!(wrong(&link("town", "name")).contains("is a field there"));
        assert!(wrong(&link("town", "id")).contains("is a field there"));
        assert!(wrong(&link("town", "No")).contains("no lower snake case"));
        assert!(wrong(&format!("{},{}", link("town", "houses"), link("other", "houses"))).contains("and so is"));
    }
}
