//! One comparison: its operator, and the values it compares with.

use serde_json::Value as Json;

use super::parse::Reader;
use super::{Comparison, Filter, MAX_LIST, MAX_TERMS, MAX_TEXT, Target, TextTest};
use crate::domain::field::FieldType;
use crate::domain::invalid::{FieldError, Unfit};
use crate::domain::value::Value;

/// What a comparison may be, for the one who wrote another.
const OPERATORS: &str = "expects one of _eq, _neq, _lt, _lte, _gt, _gte, _in, _nin, _between, _nbetween, _null, \
    _nnull, _empty, _nempty; for lists _has, _nhas; for text also _contains, _starts_with, _ends_with, with `i` (_icontains) to ignore \
    the case of A to Z, and with `n` (_ncontains) for the opposite";

impl Reader<'_> {
    pub fn term(&mut self, target: Target, operator: &str, json: &Json, path: &str) -> Result<Filter, FieldError> {
        self.terms += 1;
        if self.terms > MAX_TERMS {
            return Err(FieldError::new(path, "filter_too_large", format!("has more than {MAX_TERMS} comparisons")));
        }
        let compare = |comparison, value| Filter::Compare(target, comparison, value);
        let (filter, negated) = match operator {
            "_null" | "_empty" => (Filter::Missing(target), !self.truth(json, path)?),
            "_nnull" | "_nempty" => (Filter::Missing(target), self.truth(json, path)?),
            _ if target.kind(&self.object).is_sealed() => {
                return Err(FieldError::new(path, "encrypted", "is encrypted: it only knows `_null`"));
            }
            "_has" | "_nhas" => (self.has(target, json, path)?, operator == "_nhas"),
            _ if !is_known(operator) => return Err(FieldError::new(path, "unknown_operator", OPERATORS)),
            _ if !target.is_sortable(&self.object) => {
                return Err(FieldError::new(
                    path,
                    "unknown_operator",
                    "has no order: it knows `_null`, lists know `_has`",
                ));
            }
            "_in" | "_nin" => (Filter::In(target, self.list_of_values(target, json, path)?), operator == "_nin"),
            "_between" | "_nbetween" => {
                let bounds = <[Value; 2]>::try_from(self.list_of_values(target, json, path)?);
                let Ok([low, high]) = bounds else {
                    return Err(FieldError::new(path, "wrong_type", "expects a list of two values, the lower first"));
                };
                let both = vec![compare(Comparison::GreaterOrEqual, low), compare(Comparison::LessOrEqual, high)];
                (Filter::And(both), operator == "_nbetween")
            }
            _ => match (comparison(operator), TextTest::find(operator)) {
                (Some((comparison, negated)), _) => (compare(comparison, self.value(target, json, path)?), negated),
                (None, Some((test, negated))) => (Filter::Text(target, test, self.text(target, json, path)?), negated),
                (None, None) => return Err(FieldError::new(path, "unknown_operator", OPERATORS)),
            },
        };
        Ok(if negated { Filter::Not(Box::new(filter)) } else { filter })
    }

    /// Whether a list has a value.
    fn has(&self, target: Target, json: &Json, path: &str) -> Result<Filter, FieldError> {
        let one = |json: &Json| Json::Array(vec![json.clone()]);
        let (Target::Field(place), kind) = (target, target.kind(&self.object)) else {
            return Err(FieldError::new(path, "unknown_operator", OPERATORS));
        };
        let value = match kind {
            FieldType::MultiSelect(_) => kind.parse(&one(json)).map(|value| match value {
                Value::List(items) => items.into_iter().next().map_or(Value::Null, Value::Text),
                _ => Value::Null,
            }),
            FieldType::LinkMany(_) => kind.parse(&one(json)).map(|value| match value {
                Value::Ids(ids) => ids.first().map_or(Value::Null, |id| Value::Id(*id)),
                _ => Value::Null,
            }),
            FieldType::LinkAny(_) => kind.parse(json),
            _ => return Err(FieldError::new(path, "unknown_operator", OPERATORS)),
        };
        match value.map_err(|unfit| unfit.of(path))? {
            Value::Null => Err(FieldError::new(path, "wrong_type", "expects one value")),
            value => Ok(Filter::Has(place, value)),
        }
    }

    fn list_of_values(&mut self, target: Target, json: &Json, path: &str) -> Result<Vec<Value>, FieldError> {
        if json == "$my_teams" && matches!(target.kind(&self.object), FieldType::Link(_) | FieldType::User) {
            return Ok(self.scope.teams.iter().copied().map(Value::Id).collect());
        }
        let Json::Array(items) = json else {
            return Err(FieldError::new(path, "wrong_type", "expects a list of values"));
        };
        self.values += items.len();
        if self.values > MAX_LIST {
            let message = format!("has more than {MAX_LIST} values: ask in several steps");
            return Err(FieldError::new(path, "filter_too_large", message));
        }
        items.iter().map(|item| self.value(target, item, path)).collect()
    }

    fn value(&self, target: Target, json: &Json, path: &str) -> Result<Value, FieldError> {
        let read = match self.word(target, json) {
            Some(read) => read,
            None => target.parse(&self.object, self.plain(target, json).as_ref().unwrap_or(json)),
        };
        match read {
            Ok(Value::Null) => Err(FieldError::new(path, "wrong_type", "use {\"_null\": true} to find missing values")),
            Ok(value) => Ok(value),
            Err(unfit) => Err(unfit.of(path)),
        }
    }

    /// What a word with `$` in front stands for, in a field where it has a meaning.
    fn word(&self, target: Target, json: &Json) -> Option<Result<Value, Unfit>> {
        let word = json.as_str().filter(|text| text.starts_with('$'))?;
        let moment = &self.scope.moment;
        match target.kind(&self.object) {
            FieldType::Datetime => Some(moment.time_of(word).map(Value::Datetime)),
            FieldType::Date => Some(moment.day_of(word).map(Value::Date)),
            FieldType::Link(_) | FieldType::User if word == "$me" => Some(Ok(Value::Id(self.scope.me))),
            _ => None,
        }
    }

    /// A piece of text to look for, in the form in which such texts are kept.
    fn text(&self, target: Target, json: &Json, path: &str) -> Result<String, FieldError> {
        let kind = target.kind(&self.object);
        if !kind.is_text() {
            return Err(FieldError::new(path, "unknown_operator", "only looks into text"));
        }
        let text = match (json, kind) {
            (Json::String(text), FieldType::Email) => text.trim().to_lowercase(),
            (Json::String(text), FieldType::Phone) => {
                text.chars().filter(|c| !matches!(c, ' ' | '-' | '.' | '(' | ')' | '/')).collect()
            }
            (Json::String(text), _) => text.clone(),
            _ => return Err(FieldError::new(path, "wrong_type", "expects text")),
        };
        if text.is_empty() {
            return Err(FieldError::new(path, "wrong_type", "expects some text"));
        }
        if text.contains('\0') {
            return Err(FieldError::new(path, "out_of_range", "holds a NUL character"));
        }
        if text.chars().nth(MAX_TEXT).is_some() {
            return Err(FieldError::new(path, "too_long", format!("is longer than {MAX_TEXT} characters")));
        }
        Ok(text)
    }
}

fn is_known(operator: &str) -> bool {
    matches!(operator, "_in" | "_nin" | "_between" | "_nbetween")
        || comparison(operator).is_some()
        || TextTest::find(operator).is_some()
}

fn comparison(operator: &str) -> Option<(Comparison, bool)> {
    Some(match operator {
        "_eq" => (Comparison::Equal, false),
        "_neq" => (Comparison::Equal, true),
        "_lt" => (Comparison::Less, false),
        "_lte" => (Comparison::LessOrEqual, false),
        "_gt" => (Comparison::Greater, false),
        "_gte" => (Comparison::GreaterOrEqual, false),
        _ => return None,
    })
}
