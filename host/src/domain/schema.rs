//! All objects that one tenant has: the core's and those of its modules.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::field::is_name;
use super::object::{Object, SYSTEM_FIELDS};

/// A tenant's objects by name.
#[derive(Debug, Default)]
pub struct Schema {
    objects: BTreeMap<String, Arc<Object>>,
    inverses: BTreeMap<String, BTreeMap<String, Inverse>>,
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
        Ok(Self { objects: by_name, inverses })
    }

    /// What a name of an object stands for when it is the other end of a link.
    pub fn inverse(&self, object: &str, name: &str) -> Option<&Inverse> {
        self.inverses.get(object)?.get(name)
    }

    /// All links that end at an object and are named there.
    pub fn inverses(&self, object: &str) -> impl Iterator<Item = (&str, &Inverse)> {
        self.inverses.get(object).into_iter().flatten().map(|(name, inverse)| (name.as_str(), inverse))
    }

    /// The object of that name.
    pub fn object(&self, name: &str) -> Option<&Arc<Object>> {
        self.objects.get(name)
    }

    /// All objects, by name.
    pub fn objects(&self) -> impl Iterator<Item = &Arc<Object>> {
        self.objects.values()
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
        let wrong = |fields: &str| Schema::new([town(), object("house", fields)]).unwrap_err();
        assert!(wrong(&link("town", "name")).contains("is a field there"));
        assert!(wrong(&link("town", "id")).contains("is a field there"));
        assert!(wrong(&link("town", "No")).contains("no lower snake case"));
        assert!(wrong(&format!("{},{}", link("town", "houses"), link("other", "houses"))).contains("and so is"));
    }
}
