//! Conditions on records at the other end of a link.

use std::sync::Arc;

use serde_json::Value as Json;

use super::parse::Reader;
use super::{Filter, MAX_LINK_DEPTH, MAX_LINKS};
use crate::domain::field::FieldType;
use crate::domain::invalid::FieldError;
use crate::domain::object::Object;

impl Reader<'_> {
    /// A condition on the record that the link at this place names.
    pub fn linked(&mut self, place: usize, json: &Json, path: &str, depth: usize) -> Result<Filter, FieldError> {
        let FieldType::Link(to) = &self.object.fields[place].kind else {
            return Err(FieldError::new(path, "unknown_operator", "is no link"));
        };
        let to = self.scope.schema.object(to).cloned();
        // A link can be read where its other end cannot: then that end has no fields.
        let seen = to.filter(|to| (self.scope.sees)(to, None));
        let Some(object) = seen else {
            let name = json.as_object().and_then(|members| members.keys().next()).cloned().unwrap_or_default();
            let FieldType::Link(to) = &self.object.fields[place].kind else { return Err(self.unknown(&name, path)) };
            let message = format!("`{to}` has no field `{name}`");
            return Err(FieldError::new(format!("{path}.{name}"), "unknown_field", message));
        };
        let filter = self.across(&object, json, path, depth)?;
        Ok(Filter::Linked { place, object, filter: Box::new(filter) })
    }

    /// Conditions on the records that the links at this place name.
    pub fn linked_many(
        &mut self,
        place: usize,
        operator: &str,
        json: &Json,
        path: &str,
        depth: usize,
    ) -> Result<Filter, FieldError> {
        let FieldType::LinkMany(to) = &self.object.fields[place].kind else {
            return Err(FieldError::new(path, "unknown_operator", "is no link to many"));
        };
        let seen = self.scope.schema.object(to).cloned().filter(|to| (self.scope.sees)(to, None));
        let Some(object) = seen else {
            return Err(FieldError::new(path, "unknown_operator", "leads to nothing that may be seen"));
        };
        let filter = self.across(&object, json, path, depth)?;
        let filter = if operator == "_every" { Filter::Not(Box::new(filter)) } else { filter };
        let some = Filter::LinkedMany { place, object, filter: Box::new(filter) };
        Ok(if operator == "_some" { some } else { Filter::Not(Box::new(some)) })
    }

    /// Conditions on the records that link to this one.
    pub fn inverse(&mut self, name: &str, json: &Json, path: &str, depth: usize) -> Result<Filter, FieldError> {
        let inverse = self.scope.schema.inverse(&self.object.name, name).filter(|inverse| {
            let field = inverse.object.fields[inverse.place].name();
            (self.scope.sees)(&inverse.object, None) && (self.scope.sees)(&inverse.object, Some(field))
        });
        let Some(inverse) = inverse.cloned() else { return Err(self.unknown(name, path)) };
        let members = json.as_object().filter(|members| !members.is_empty());
        let Some(members) = members else {
            return Err(FieldError::new(path, "wrong_type", "expects `_some`, `_none` or `_every`"));
        };
        let mut parts = Vec::with_capacity(members.len());
        for (operator, value) in members {
            let path = format!("{path}.{operator}");
            if !matches!(operator.as_str(), "_some" | "_none" | "_every") {
                return Err(FieldError::new(path, "unknown_operator", "expects `_some`, `_none` or `_every`"));
            }
            let filter = self.across(&inverse.object, value, &path, depth)?;
            // That every one is so means that none is not.
            let filter = if operator == "_every" { Filter::Not(Box::new(filter)) } else { filter };
            let some =
                Filter::Linking { object: Arc::clone(&inverse.object), place: inverse.place, filter: Box::new(filter) };
            parts.push(if operator == "_some" { some } else { Filter::Not(Box::new(some)) });
        }
        Ok(Filter::And(parts))
    }

    fn across(&mut self, to: &Arc<Object>, json: &Json, path: &str, depth: usize) -> Result<Filter, FieldError> {
        self.links += 1;
        if self.links > MAX_LINKS {
            let message = format!("goes through more than {MAX_LINKS} links: ask in two steps, by ids");
            return Err(FieldError::new(path, "filter_too_large", message));
        }
        if self.link_depth == MAX_LINK_DEPTH {
            let message = format!("goes through more than {MAX_LINK_DEPTH} links in a row: ask in two steps, by ids");
            return Err(FieldError::new(path, "filter_too_deep", message));
        }
        let outer = std::mem::replace(&mut self.object, Arc::clone(to));
        self.link_depth += 1;
        let filter = self.tree(json, path, depth + 1);
        self.link_depth -= 1;
        self.object = outer;
        filter
    }
}
