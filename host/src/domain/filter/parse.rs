//! Reads filters: the JSON tree, and the short form of a URL.

use std::sync::Arc;

use serde_json::{Map, Value as Json};

use super::{Filter, MAX_DEPTH, MAX_GROUPS, MAX_TERMS, Scope, Target};
use crate::domain::field::FieldType;
use crate::domain::invalid::FieldError;
use crate::domain::object::Object;

impl Filter {
    /// Reads the JSON form; the errors name the path of what is wrong.
    pub fn parse(scope: &Scope<'_>, json: &Json) -> Result<Self, Vec<FieldError>> {
        Reader::new(scope, false).tree(json, "filter", 0).map_err(|fault| vec![fault])
    }

    /// Reads what [`from_pairs`] made, where numbers and booleans are text.
    pub fn parse_loose(scope: &Scope<'_>, json: &Json) -> Result<Self, Vec<FieldError>> {
        Reader::new(scope, true).tree(json, "filter", 0).map_err(|fault| vec![fault])
    }
}

/// Reads one filter, and counts what it is made of.
pub(super) struct Reader<'a> {
    pub scope: &'a Scope<'a>,
    /// The object that the part being read is about.
    pub object: Arc<Object>,
    /// Links between the records that are filtered and that object.
    pub link_depth: usize,
    pub links: usize,
    pub terms: usize,
    pub values: usize,
    groups: usize,
    is_loose: bool,
}

impl<'a> Reader<'a> {
    fn new(scope: &'a Scope<'a>, is_loose: bool) -> Self {
        let object = Arc::clone(scope.object);
        Self { scope, object, link_depth: 0, links: 0, terms: 0, values: 0, groups: 0, is_loose }
    }

    pub fn tree(&mut self, json: &Json, path: &str, depth: usize) -> Result<Filter, FieldError> {
        if depth > MAX_DEPTH {
            return Err(FieldError::new(path, "filter_too_deep", format!("is nested deeper than {MAX_DEPTH}")));
        }
        self.groups += 1;
        if self.groups > MAX_GROUPS + MAX_TERMS {
            return Err(FieldError::new(path, "filter_too_large", format!("has more than {MAX_GROUPS} groups")));
        }
        let Json::Object(members) = json else {
            return Err(FieldError::new(path, "wrong_type", "a filter is a JSON object"));
        };
        let mut parts = Vec::with_capacity(members.len());
        for (name, value) in members {
            let path = format!("{path}.{name}");
            parts.push(match name.as_str() {
                "_and" => Filter::And(self.list(value, &path, depth)?),
                "_or" => Filter::Or(self.list(value, &path, depth)?),
                "_not" => Filter::Not(Box::new(self.tree(value, &path, depth + 1)?)),
                name if name.starts_with('_') => {
                    return Err(FieldError::new(path, "unknown_operator", "expects `_and`, `_or`, `_not` or a field"));
                }
                name => self.field(name, value, &path, depth)?,
            });
        }
        Ok(all_of(parts))
    }

    fn list(&mut self, json: &Json, path: &str, depth: usize) -> Result<Vec<Filter>, FieldError> {
        let Json::Array(items) = json else {
            return Err(FieldError::new(path, "wrong_type", "expects a list of filters"));
        };
        items.iter().enumerate().map(|(at, item)| self.tree(item, &format!("{path}[{at}]"), depth + 1)).collect()
    }

    fn field(&mut self, name: &str, json: &Json, path: &str, depth: usize) -> Result<Filter, FieldError> {
        // What is filtered itself is checked by who asks; what links lead to is hidden here.
        let is_seen = self.link_depth == 0 || (self.scope.sees)(&self.object, Some(name));
        let Some(target) = Target::find(&self.object, name).filter(|_| is_seen) else {
            return self.inverse(name, json, path, depth);
        };
        let Json::Object(operators) = json else {
            return Err(FieldError::new(path, "wrong_type", "expects an operator, {\"_eq\": …}"));
        };
        if operators.is_empty() {
            return Err(FieldError::new(path, "wrong_type", "expects at least one operator, {\"_eq\": …}"));
        }
        let mut parts = Vec::with_capacity(operators.len());
        let mut beyond = Map::new();
        let is_link = matches!((target, target.kind(&self.object)), (Target::Field(_), FieldType::Link(_)));
        let is_many = matches!((target, target.kind(&self.object)), (Target::Field(_), FieldType::LinkMany(_)));
        for (operator, value) in operators {
            let path_of = || format!("{path}.{operator}");
            if let (true, Target::Field(place)) = (is_many, target)
                && matches!(operator.as_str(), "_some" | "_none" | "_every")
            {
                parts.push(self.linked_many(place, operator, value, &path_of(), depth)?);
                continue;
            }
            let is_beyond = !operator.starts_with('_') || matches!(operator.as_str(), "_and" | "_or" | "_not");
            if is_link && is_beyond {
                beyond.insert(operator.clone(), value.clone());
            } else {
                parts.push(self.term(target, operator, value, &format!("{path}.{operator}"))?);
            }
        }
        if let (false, Target::Field(place)) = (beyond.is_empty(), target) {
            parts.push(self.linked(place, &Json::Object(beyond), path, depth)?);
        }
        Ok(all_of(parts))
    }

    /// The fault of a name that the object does not have, or that may not be seen.
    pub fn unknown(&self, name: &str, path: &str) -> FieldError {
        FieldError::new(path, "unknown_field", format!("`{}` has no field `{name}`", self.object.name))
    }

    /// What a bare text stands for: numbers and booleans have no quotes in a URL.
    pub fn plain(&self, target: Target, json: &Json) -> Option<Json> {
        let Json::String(text) = json else { return None };
        let is_bare = matches!(target.kind(&self.object), FieldType::Integer | FieldType::Boolean);
        if self.is_loose && is_bare { serde_json::from_str(text).ok() } else { None }
    }

    /// True or false, which a URL writes without quotes too.
    pub fn truth(&self, json: &Json, path: &str) -> Result<bool, FieldError> {
        match json {
            Json::Bool(truth) => Ok(*truth),
            Json::String(text) if self.is_loose && text == "true" => Ok(true),
            Json::String(text) if self.is_loose && text == "false" => Ok(false),
            _ => Err(FieldError::new(path, "wrong_type", "expects true or false")),
        }
    }
}

fn all_of(parts: Vec<Filter>) -> Filter {
    match <[Filter; 1]>::try_from(parts) {
        Ok([only]) => only,
        Err(parts) => Filter::And(parts),
    }
}

/// Builds the JSON form from `filter[field][_op]=value` pairs, which are all strings.
/// None when a path is longer than a filter may be deep.
pub fn from_pairs(pairs: &[(Vec<String>, String)]) -> Result<Json, FieldError> {
    let mut tree = Json::Object(Map::new());
    for (path, text) in pairs {
        if path.len() > MAX_DEPTH {
            return Err(FieldError::new("filter", "filter_too_deep", format!("is nested deeper than {MAX_DEPTH}")));
        }
        let Some((operator, names)) = path.split_last() else { continue };
        let value = match operator.as_str() {
            "_in" | "_nin" if text.starts_with('$') => Json::String(text.clone()),
            "_in" | "_nin" | "_between" | "_nbetween" => text.split(',').map(Json::from).collect(),
            _ => Json::String(text.clone()),
        };
        let mut place = &mut tree;
        for name in names {
            let Json::Object(members) = place else { break };
            place = members.entry(name.clone()).or_insert_with(|| Json::Object(Map::new()));
        }
        if let Json::Object(members) = place {
            members.insert(operator.clone(), value);
        } else {
            return Err(FieldError::new("filter", "wrong_type", "two parameters contradict each other"));
        }
    }
    Ok(tree)
}
