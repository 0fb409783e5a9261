//! What came of a call, as people read it, and how it differs from what was expected.

use serde_json::{Map, Value as Json, json};

use crate::domain::plugin::{Fault, HostCall, Output, RouteResponse};
use crate::plugin::Failure;

/// Members that are bytes, and mostly text.
const BYTES: [&str; 4] = ["body", "value", "data", "signature"];

/// How a call ended.
pub fn result(result: &Result<Output, Failure>) -> Json {
    match result {
        Ok(output) => json!({"answered": output_of(output)}),
        Err(Failure::Fault(fault)) => json!({"refused": fault_of(fault)}),
        Err(failure) => json!({"failed": {"code": failure.code(), "message": failure.to_string()}}),
    }
}

fn output_of(output: &Output) -> Json {
    let judged = |fault: &Fault| json!({"refuse": fault_of(fault)});
    match output {
        Output::Outcomes(outcomes) => {
            let told = outcomes.iter().map(|outcome| match outcome {
                Ok(None) => json!("accept"),
                Ok(Some(fields)) => json!({"amend": text(fields)}),
                Err(fault) => judged(fault),
            });
            told.collect()
        }
        Output::Verdicts(verdicts) => {
            verdicts.iter().map(|verdict| verdict.as_ref().map_or_else(judged, |()| json!("accept"))).collect()
        }
        Output::Computed(records) => records.iter().map(|record| text(record)).collect(),
        Output::Done => json!("done"),
        Output::Response(response) => response_of(response),
        Output::Json(value) => text(value),
        Output::Received(response, messages) => {
            let messages: Vec<Json> = messages.iter().map(|message| text(message)).collect();
            json!({"response": response_of(response), "messages": messages})
        }
    }
}

fn response_of(response: &RouteResponse) -> Json {
    json!({"status": response.status, "headers": response.headers, "body": bytes(&response.body)})
}

fn fault_of(fault: &Fault) -> Json {
    let mut told = Map::new();
    told.insert("code".to_owned(), json!(fault.code));
    told.insert("message".to_owned(), json!(fault.message));
    if fault.retryable {
        told.insert("retryable".to_owned(), json!(true));
    }
    if let Some(details) = &fault.details {
        told.insert("details".to_owned(), text(details));
    }
    Json::Object(told)
}

/// A host call.
pub fn call(call: &HostCall) -> Json {
    let Ok(Json::Object(members)) = serde_json::to_value(call) else { return Json::Null };
    let told = members.into_iter().map(|(name, value)| {
        let told = match &value {
            Json::Array(_) if BYTES.contains(&name.as_str()) => {
                serde_json::from_value::<Vec<u8>>(value.clone()).map_or(value, |value| bytes(&value))
            }
            // A message of the log is a sentence, whatever it looks like.
            Json::String(value) if name != "message" => text(value),
            _ => value,
        };
        (name, told)
    });
    Json::Object(told.collect())
}

/// A text that is a JSON object or list, as that.
fn text(text: &str) -> Json {
    serde_json::from_str::<Json>(text)
        .ok()
        .filter(|json| json.is_object() || json.is_array())
        .unwrap_or_else(|| json!(text))
}

fn bytes(bytes: &[u8]) -> Json {
    std::str::from_utf8(bytes).map_or_else(|_| json!(bytes), text)
}

/// Where two values differ, each with its path.
pub fn differences(path: &str, expected: &Json, got: &Json, found: &mut Vec<String>) {
    match (expected, got) {
        (Json::Object(expected), Json::Object(got)) => {
            for name in expected.keys().chain(got.keys().filter(|name| !expected.contains_key(*name))) {
                different(&format!("{path}.{name}"), expected.get(name), got.get(name), found);
            }
        }
        (Json::Array(expected), Json::Array(got)) => {
            for at in 0..expected.len().max(got.len()) {
                different(&format!("{path}[{at}]"), expected.get(at), got.get(at), found);
            }
        }
        _ if expected == got => {}
        _ => found.push(format!("{path}: expected {expected}, got {got}")),
    }
}

fn different(path: &str, expected: Option<&Json>, got: Option<&Json>, found: &mut Vec<String>) {
    match (expected, got) {
        (Some(expected), Some(got)) => differences(path, expected, got, found),
        (Some(expected), None) => found.push(format!("{path}: expected {expected}, got nothing")),
        (None, Some(got)) => found.push(format!("{path}: expected nothing, got {got}")),
        (None, None) => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_in_text_and_bytes_is_told_as_json() {
        let told = call(&HostCall::KvSet { key: "a".to_owned(), value: br#"{"count":1}"#.to_vec() });
        assert_eq!(told, json!({"call": "kv_set", "key": "a", "value": {"count": 1}}));
        let told = call(&HostCall::KvSet { key: "a".to_owned(), value: vec![255, 0] });
        assert_eq!(told["value"], json!([255, 0]));
        let log = HostCall::Log { level: "info".to_owned(), message: "[]".to_owned(), fields: Vec::new() };
        assert_eq!(call(&log)["message"], "[]");
        let output = Output::Outcomes(vec![Ok(None), Ok(Some(r#"{"a":1}"#.to_owned())), Err(Fault::new("no", "No."))]);
        let refuse = json!({"refuse": {"code": "no", "message": "No."}});
        assert_eq!(result(&Ok(output)), json!({"answered": ["accept", {"amend": {"a": 1}}, refuse]}));
    }

    #[test]
    fn every_difference_has_its_path() {
        let mut found = Vec::new();
        let (expected, got) = (json!({"a": [1, 2], "b": {"c": "x"}}), json!({"a": [1], "b": {"c": "y"}, "d": null}));
        differences("result", &expected, &got, &mut found);
        assert_eq!(
            found,
            [
                "result.a[1]: expected 2, got nothing",
                r#"result.b.c: expected "x", got "y""#,
                "result.d: expected nothing, got null"
            ]
        );
    }
}
