//! Settings that are secret: which ones a JSON Schema marks, taken out of settings and put back.

use serde_json::{Map, Value as Json};

/// Deepest property that is looked at.
const MAX_DEPTH: usize = 16;

/// The names that lead to one setting.
pub type Path = Vec<String>;

/// The settings that a schema marks as secret, with `"writeOnly": true` or `"format": "password"`. A list with
/// something secret in its items is secret as a whole.
pub fn secret_paths(schema: &Json) -> Vec<Path> {
    let mut paths = Vec::new();
    walk(schema, &mut Vec::new(), &mut paths);
    paths
}

fn walk(schema: &Json, at: &mut Path, paths: &mut Vec<Path>) {
    let Some(properties) = schema.get("properties").and_then(Json::as_object) else { return };
    if at.len() == MAX_DEPTH {
        return;
    }
    for (name, property) in properties {
        at.push(name.clone());
        if is_secret(property) || property.get("items").is_some_and(has_secret) {
            paths.push(at.clone());
        } else {
            walk(property, at, paths);
        }
        at.pop();
    }
}

fn is_secret(property: &Json) -> bool {
    property["writeOnly"] == true || property["format"] == "password"
}

fn has_secret(items: &Json) -> bool {
    is_secret(items) || !secret_paths(items).is_empty() || items.get("items").is_some_and(has_secret)
}

/// Takes a setting out; none when it is not there.
pub fn take(settings: &mut Json, path: &[String]) -> Option<Json> {
    let (last, above) = path.split_last()?;
    let mut members = settings.as_object_mut()?;
    for name in above {
        members = members.get_mut(name)?.as_object_mut()?;
    }
    members.remove(last)
}

/// Puts a setting where it belongs; not where something else than an object stands above it.
pub fn put(settings: &mut Json, path: &[String], value: Json) {
    let Some((last, above)) = path.split_last() else { return };
    let Some(mut members) = settings.as_object_mut() else { return };
    for name in above {
        let below = members.entry(name.clone()).or_insert_with(|| Json::Object(Map::new()));
        let Some(below) = below.as_object_mut() else { return };
        members = below;
    }
    members.insert(last.clone(), value);
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn secrets_are_found_taken_out_and_put_back() {
        let schema = json!({"properties": {
            "rate": {"type": "integer"},
            "token": {"type": "string", "writeOnly": true},
            "mail": {"properties": {"host": {}, "password": {"format": "password"}}},
            "accounts": {"items": {"properties": {"key": {"writeOnly": true}}}},
        }});
        let paths = secret_paths(&schema);
        assert_eq!(paths, [vec!["token"], vec!["mail", "password"], vec!["accounts"]]);
        let all = json!({"rate": 1, "token": "t", "mail": {"host": "h", "password": "p"}, "accounts": [{"key": "k"}]});
        let mut settings = all.clone();
        let taken: Vec<_> = paths.iter().map(|path| take(&mut settings, path).unwrap()).collect();
        assert_eq!(settings, json!({"rate": 1, "mail": {"host": "h"}}));
        assert_eq!(take(&mut settings, &paths[1]), None);
        for (path, value) in paths.iter().zip(taken) {
            put(&mut settings, path, value);
        }
        assert_eq!(settings, all);
        // What is no object is for the schema to refuse.
        put(&mut settings, &["rate".to_owned(), "x".to_owned()], json!(1));
        assert_eq!(settings, all);
    }
}
