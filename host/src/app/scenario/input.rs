//! What a plugin is called with, as people write it: JSON as JSON, where it travels as text.

use serde_json::{Map, Value as Json, json};

use crate::domain::plugin::Input;

/// Id of a record that has none, but for its place at the end.
const ID: &str = "01900000-0000-7000-8000-";

/// The input for an extension point.
pub fn read(point: &str, written: &Json) -> Result<Input, String> {
    let input = match (point, written) {
        ("before-write" | "validate", Json::Array(changes)) => changes.iter().enumerate().map(change).collect(),
        ("on-events", Json::Array(events)) => events.iter().map(text).collect(),
        ("computed-field", Json::Object(members)) => {
            let mut members = members.clone();
            if let Some(Json::Array(records)) = members.get_mut("records") {
                *records = records.iter().map(text).collect();
            }
            Json::Object(members)
        }
        ("action" | "view", Json::Object(members)) => with_text(members, "input"),
        ("job", Json::Object(members)) => with_text(members, "payload"),
        ("http-route" | "channel-receive", Json::Object(members)) => request(members),
        ("channel-send", message) => text(message),
        (_, other) => other.clone(),
    };
    let whole = if written.is_null() { json!({"point": point}) } else { json!({"point": point, "input": input}) };
    serde_json::from_value(whole).map_err(|error| format!("`input` is none of `{point}`: {error}"))
}

/// A change; what is not said is the usual.
fn change((at, written): (usize, &Json)) -> Json {
    let Json::Object(members) = written else { return written.clone() };
    let mut members = members.clone();
    members.entry("id").or_insert_with(|| json!(format!("{ID}{:012}", at + 1)));
    for name in ["before", "after"] {
        let record = members.get(name).map_or(Json::Null, text);
        members.insert(name.to_owned(), record);
    }
    Json::Object(members)
}

fn request(members: &Map<String, Json>) -> Json {
    let mut members = members.clone();
    if let Some(Json::Object(headers)) = members.get("headers") {
        let pairs = headers.iter().map(|(name, value)| json!([name, value])).collect();
        members.insert("headers".to_owned(), pairs);
    }
    let body = members.get("body").cloned().unwrap_or_else(|| json!(""));
    if !body.is_array() {
        let text = body.as_str().map_or_else(|| body.to_string(), str::to_owned);
        members.insert("body".to_owned(), json!(text.into_bytes()));
    }
    for (name, usual) in [("query", json!("")), ("headers", json!([]))] {
        members.entry(name).or_insert(usual);
    }
    Json::Object(members)
}

fn with_text(members: &Map<String, Json>, name: &str) -> Json {
    let mut members = members.clone();
    let value = members.get(name).cloned().unwrap_or_else(|| json!({}));
    members.insert(name.to_owned(), text(&value));
    Json::Object(members)
}

/// JSON as the text that travels; what is text already is taken for it.
fn text(value: &Json) -> Json {
    if value.is_null() || value.is_string() { value.clone() } else { json!(value.to_string()) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::plugin::HookChange;

    #[test]
    fn json_becomes_the_text_that_travels() {
        let written = json!([{"operation": "create", "object": "contact", "after": {"name": "Ann"}}]);
        let change = HookChange {
            operation: "create".to_owned(),
            object: "contact".to_owned(),
            id: "01900000-0000-7000-8000-000000000001".to_owned(),
            before: None,
            after: Some(r#"{"name":"Ann"}"#.to_owned()),
        };
        assert_eq!(read("before-write", &written), Ok(Input::BeforeWrite(vec![change])));
        let written = json!({"name": "greet", "input": {"a": 1}});
        let action = Input::Action { name: "greet".to_owned(), input: r#"{"a":1}"#.to_owned() };
        assert_eq!(read("action", &written), Ok(action));
        let Ok(Input::HttpRoute(request)) =
            read("http-route", &json!({"method": "GET", "path": "/", "body": {"a": 1}}))
        else {
            panic!("no request")
        };
        assert_eq!((request.body.as_slice(), request.query.as_str()), (br#"{"a":1}"#.as_slice(), ""));
        assert_eq!(read("enable", &Json::Null), Ok(Input::Enable));
    }

    #[test]
    fn what_is_no_input_is_told() {
        assert!(read("before-write", &json!([{"object": "contact"}])).unwrap_err().contains("operation"));
        assert!(read("sometimes", &Json::Null).unwrap_err().contains("sometimes"));
    }
}
