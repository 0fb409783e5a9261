//! Writes a filter down in its JSON form: reading that again must give the same filter.

use std::sync::Arc;

use serde_json::{Map, Value as Json, json};

use crate::domain::filter::{Comparison, Filter, Target, TextPlace, TextTest};
use crate::domain::object::Object;
use crate::world::SCHEMA;

/// The JSON form; `sees` is told of every object and field that is named across links.
pub fn print(object: &Arc<Object>, filter: &Filter, sees: &dyn Fn(&Arc<Object>, Option<&str>)) -> Json {
    let parts = |parts: &[Filter]| -> Vec<Json> { parts.iter().map(|part| print(object, part, sees)).collect() };
    let term = |target: &Target, operator: &str, value: Json| member(name(object, *target), member(operator, value));
    let across = |to: &Arc<Object>, filter: &Filter| {
        sees(to, None);
        print(to, filter, &|inner, field| sees(inner, field))
    };
    if let Some(target) = looked_at(filter) {
        sees(object, Some(name(object, target)));
    }
    match filter {
        // A group of one is that one.
        Filter::And(all) | Filter::Or(all) if all.len() == 1 => print(object, &all[0], sees),
        Filter::And(all) => json!({"_and": parts(all)}),
        Filter::Or(all) => json!({"_or": parts(all)}),
        Filter::Not(part) => json!({"_not": print(object, part, sees)}),
        Filter::Missing(target) => term(target, "_null", json!(true)),
        Filter::Shared { .. } => unreachable!("only rights make it, and no text is read as it"),
        Filter::Compare(target, comparison, value) => term(target, operator(*comparison), json!(value)),
        Filter::In(target, values) => term(target, "_in", json!(values)),
        Filter::Text(target, test, text) => term(target, text_operator(*test), json!(text)),
        Filter::Has(place, value) => term(&Target::Field(*place), "_has", json!(value)),
        Filter::Linked { place, object: to, filter } => member(object.fields[*place].name(), across(to, filter)),
        Filter::LinkedMany { place, object: to, filter } => {
            member(object.fields[*place].name(), member("_some", across(to, filter)))
        }
        Filter::Linking { object: from, place, filter } => {
            let mut inverses = SCHEMA.inverses(&object.name);
            let found = inverses.find(|(_, inverse)| inverse.object.name == from.name && inverse.place == *place);
            let (name, _) = found.expect("a link that was followed has a name");
            sees(from, Some(from.fields[*place].name()));
            member(name, member("_some", across(from, filter)))
        }
    }
}

/// What of the record itself a condition looks at.
fn looked_at(filter: &Filter) -> Option<Target> {
    match filter {
        Filter::Missing(target) | Filter::Compare(target, ..) | Filter::In(target, _) | Filter::Text(target, ..) => {
            Some(*target)
        }
        Filter::Has(place, _) | Filter::Linked { place, .. } | Filter::LinkedMany { place, .. } => {
            Some(Target::Field(*place))
        }
        _ => None,
    }
}

fn member(name: &str, value: Json) -> Json {
    Json::Object(Map::from_iter([(name.to_owned(), value)]))
}

fn name(object: &Object, target: Target) -> &str {
    match target {
        Target::Id => "id",
        Target::Version => "version",
        Target::CreatedAt => "created_at",
        Target::UpdatedAt => "updated_at",
        Target::Field(at) => object.fields[at].name(),
    }
}

fn operator(comparison: Comparison) -> &'static str {
    match comparison {
        Comparison::Equal => "_eq",
        Comparison::Less => "_lt",
        Comparison::LessOrEqual => "_lte",
        Comparison::Greater => "_gt",
        Comparison::GreaterOrEqual => "_gte",
    }
}

fn text_operator(test: TextTest) -> &'static str {
    match (test.place, test.ignores_case) {
        (TextPlace::Inside, false) => "_contains",
        (TextPlace::Inside, true) => "_icontains",
        (TextPlace::Start, false) => "_starts_with",
        (TextPlace::Start, true) => "_istarts_with",
        (TextPlace::End, false) => "_ends_with",
        (TextPlace::End, true) => "_iends_with",
    }
}
