//! An operation is done once: the same key with the same input is answered as the first time, and changes nothing.

use guildhall_sdk::{Fault, Query, Record, Value, clock, filter, records};
use sha2::{Digest as _, Sha256};

use crate::draws::hex;

const OBJECT: &str = "loyalty.operation";

/// Does it, unless the key was used before.
pub fn once(action: &str, input: &Value, act: impl FnOnce() -> Result<Value, Fault>) -> Result<Value, Fault> {
    let key = input["key"].as_str().unwrap_or_default();
    let fingerprint = fingerprint(action, input);
    let query = Query::new().filter(filter::eq("key", key)).limit(1);
    if let Some(done) = records::query(OBJECT, query)?.pop() {
        if done.text("fingerprint") != Some(&fingerprint) {
            return Err(Fault::new("key_reused", format!("The key `{key}` was used for something else.")));
        }
        return Ok(done.value("answer").cloned().unwrap_or_default());
    }
    let answer = act()?;
    let operation = Record::new()
        .set("key", key)
        .set("action", action)
        .set("fingerprint", fingerprint)
        .set("answer", answer.clone())
        .set("occurred_at", clock::now());
    records::create(OBJECT, operation)?;
    Ok(answer)
}

/// What the input is, whatever the order of its members.
fn fingerprint(action: &str, input: &Value) -> String {
    let mut text = action.to_owned();
    text.push('\n');
    write(input, &mut text);
    hex(&Sha256::digest(text.as_bytes()))
}

fn write(value: &Value, text: &mut String) {
    match value {
        Value::Object(members) => {
            let mut names: Vec<&String> = members.keys().collect();
            names.sort_unstable();
            text.push('{');
            for name in names {
                text.push_str(&Value::from(name.as_str()).to_string());
                text.push(':');
                write(&members[name], text);
                text.push(',');
            }
            text.push('}');
        }
        Value::Array(entries) => {
            text.push('[');
            for entry in entries {
                write(entry, text);
                text.push(',');
            }
            text.push(']');
        }
        other => text.push_str(&other.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use guildhall_sdk::json;

    use super::*;

    #[test]
    fn the_same_input_is_the_same_in_whatever_order() {
        let one = json!({"key": "k", "points": 5, "deep": {"a": [1, 2], "b": null}});
        let other = serde_json::from_str(r#"{"deep":{"b":null,"a":[1,2]},"points":5,"key":"k"}"#).unwrap();
        assert_eq!(fingerprint("redeem", &one), fingerprint("redeem", &other));
        for different in
            [json!({"key": "k", "points": 6}), json!({"key": "k", "points": "5"}), json!({"key": "k", "points": [5]})]
        {
            assert_ne!(fingerprint("redeem", &json!({"key": "k", "points": 5})), fingerprint("redeem", &different));
        }
        assert_ne!(fingerprint("redeem", &one), fingerprint("grant", &one));
    }
}
