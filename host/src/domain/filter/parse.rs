//! Reads filters: the JSON tree, and the short form of a URL.

use serde_json::{Map, Value as Json};

use super::{Comparison, Filter, MAX_DEPTH, MAX_GROUPS, MAX_LIST, MAX_TERMS, Target};
use crate::domain::field::FieldType;
use crate::domain::invalid::FieldError;
use crate::domain::object::Object;
use crate::domain::value::Value;

impl Filter {
    /// Reads the JSON form; the errors name the path of what is wrong.
    pub fn parse(object: &Object, json: &Json) -> Result<Self, Vec<FieldError>> {
        let mut reader = Reader { object, terms: 0, groups: 0, values: 0 };
        reader.tree(json, "filter", 0).map_err(|fault| vec![fault])
    }
}

struct Reader<'a> {
    object: &'a Object,
    terms: usize,
    groups: usize,
    values: usize,
}

impl Reader<'_> {
    fn tree(&mut self, json: &Json, path: &str, depth: usize) -> Result<Filter, FieldError> {
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
                name => self.field(name, value, &path)?,
            });
        }
        Ok(match <[Filter; 1]>::try_from(parts) {
            Ok([only]) => only,
            Err(parts) => Filter::And(parts),
        })
    }

    fn list(&mut self, json: &Json, path: &str, depth: usize) -> Result<Vec<Filter>, FieldError> {
        let Json::Array(items) = json else {
            return Err(FieldError::new(path, "wrong_type", "expects a list of filters"));
        };
        items.iter().enumerate().map(|(at, item)| self.tree(item, &format!("{path}[{at}]"), depth + 1)).collect()
    }

    fn field(&mut self, name: &str, json: &Json, path: &str) -> Result<Filter, FieldError> {
        let target = Target::find(self.object, name).ok_or_else(|| {
            FieldError::new(path, "unknown_field", format!("`{}` has no field `{name}`", self.object.name))
        })?;
        let Json::Object(operators) = json else {
            return Err(FieldError::new(path, "wrong_type", "expects an operator, {\"_eq\": …}"));
        };
        if operators.is_empty() {
            return Err(FieldError::new(path, "wrong_type", "expects at least one operator, {\"_eq\": …}"));
        }
        let parts = operators
            .iter()
            .map(|(operator, value)| self.term(target, operator, value, &format!("{path}.{operator}")))
            .collect::<Result<Vec<_>, _>>()?;
        Ok(match <[Filter; 1]>::try_from(parts) {
            Ok([only]) => only,
            Err(parts) => Filter::And(parts),
        })
    }

    fn term(&mut self, target: Target, operator: &str, json: &Json, path: &str) -> Result<Filter, FieldError> {
        self.terms += 1;
        if self.terms > MAX_TERMS {
            return Err(FieldError::new(path, "filter_too_large", format!("has more than {MAX_TERMS} comparisons")));
        }
        let comparison = match operator {
            "_eq" | "_neq" => Comparison::Equal,
            "_lt" => Comparison::Less,
            "_lte" => Comparison::LessOrEqual,
            "_gt" => Comparison::Greater,
            "_gte" => Comparison::GreaterOrEqual,
            "_in" => return self.values(target, json, path).map(|values| Filter::In(target, values)),
            "_nin" => {
                let values = self.values(target, json, path)?;
                return Ok(Filter::Not(Box::new(Filter::In(target, values))));
            }
            "_null" => {
                return match json {
                    Json::Bool(true) => Ok(Filter::Missing(target)),
                    Json::Bool(false) => Ok(Filter::Not(Box::new(Filter::Missing(target)))),
                    _ => Err(FieldError::new(path, "wrong_type", "expects true or false")),
                };
            }
            _ => {
                return Err(FieldError::new(
                    path,
                    "unknown_operator",
                    "expects one of _eq, _neq, _lt, _lte, _gt, _gte, _in, _nin, _null",
                ));
            }
        };
        if !target.is_sortable(self.object) {
            return Err(FieldError::new(path, "unknown_operator", "a JSON field only knows `_null`"));
        }
        let value = self.value(target, json, path)?;
        let compare = Filter::Compare(target, comparison, value);
        Ok(if operator == "_neq" { Filter::Not(Box::new(compare)) } else { compare })
    }

    fn values(&mut self, target: Target, json: &Json, path: &str) -> Result<Vec<Value>, FieldError> {
        let Json::Array(items) = json else {
            return Err(FieldError::new(path, "wrong_type", "expects a list of values"));
        };
        self.values += items.len();
        if self.values > MAX_LIST {
            return Err(FieldError::new(path, "filter_too_large", format!("has more than {MAX_LIST} values")));
        }
        if !target.is_sortable(self.object) {
            return Err(FieldError::new(path, "unknown_operator", "a JSON field only knows `_null`"));
        }
        items.iter().map(|item| self.value(target, item, path)).collect()
    }

    fn value(&self, target: Target, json: &Json, path: &str) -> Result<Value, FieldError> {
        match target.parse(self.object, json) {
            Ok(Value::Null) => Err(FieldError::new(path, "wrong_type", "use {\"_null\": true} to find missing values")),
            Ok(value) => Ok(value),
            Err(unfit) => Err(unfit.of(path)),
        }
    }
}

/// Builds the JSON form from `filter[field][_op]=value` pairs, which are all strings.
pub fn from_pairs(object: &Object, pairs: &[(String, String, String)]) -> Json {
    let mut members: Map<String, Json> = Map::new();
    for (field, operator, text) in pairs {
        let value = match operator.as_str() {
            "_in" | "_nin" => text.split(',').map(|item| loose(object, field, item)).collect(),
            "_null" => serde_json::from_str(text).unwrap_or_else(|_| Json::String(text.clone())),
            _ => loose(object, field, text),
        };
        let entry = members.entry(field.clone()).or_insert_with(|| Json::Object(Map::new()));
        if let Json::Object(operators) = entry {
            operators.insert(operator.clone(), value);
        }
    }
    Json::Object(members)
}

/// What a bare string stands for in a field: numbers and booleans have no quotes in a URL.
fn loose(object: &Object, field: &str, text: &str) -> Json {
    let is_plain = match Target::find(object, field) {
        Some(Target::Version) => true,
        Some(Target::Field(at)) => matches!(object.fields[at].kind, FieldType::Integer | FieldType::Boolean),
        _ => false,
    };
    let parsed = if is_plain { serde_json::from_str(text).ok() } else { None };
    parsed.unwrap_or_else(|| Json::String(text.to_owned()))
}
