//! All objects that one tenant has: the core's and those of its modules.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::object::Object;

/// A tenant's objects by name.
#[derive(Debug, Default)]
pub struct Schema {
    objects: BTreeMap<String, Arc<Object>>,
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
        Ok(Self { objects: by_name })
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
