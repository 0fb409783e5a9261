//! The body of a request as what it is to be; what is wrong is told of its field, in words for a person.

use serde::de::DeserializeOwned;
use serde_json::{Map, Value as Json};

use super::AppError;
use crate::domain::invalid::FieldError;

/// Reads members into what they are to be.
pub fn read<T: DeserializeOwned>(fields: &Map<String, Json>) -> Result<T, AppError> {
    serde_path_to_error::deserialize(Json::Object(fields.clone())).map_err(|error| {
        let path = error.path().to_string();
        let path = if path == "." { String::new() } else { path };
        AppError::Invalid(vec![fault(path, &error.inner().to_string())])
    })
}

/// What the reader says of a place, as a fault of that field. What was sent is not said again: it may be a secret.
fn fault(path: String, said: &str) -> FieldError {
    let quoted = |rest: &str| rest.split('`').next().unwrap_or_default().to_owned();
    if let Some(name) = said.strip_prefix("unknown field `").map(quoted) {
        let known = expected(said).map(|known| format!("; expected {known}")).unwrap_or_default();
        return FieldError::new(below(path, &name), "unknown_field", format!("is not known{known}"));
    }
    if let Some(name) = said.strip_prefix("missing field `").map(quoted) {
        return FieldError::new(below(path, &name), "required", "is missing");
    }
    match (said.split([' ', ':']).nth(1), expected(said)) {
        (Some("variant"), Some(known)) => FieldError::new(path, "unknown_option", format!("is {known}")),
        (Some("value"), Some(form)) => FieldError::new(path, "out_of_range", format!("expects {}", in_words(form))),
        (Some("type"), Some(form)) => FieldError::new(path, "wrong_type", format!("expects {}", in_words(form))),
        _ => FieldError::new(path, "wrong_type", said),
    }
}

fn expected(said: &str) -> Option<&str> {
    said.rsplit_once(", expected ").map(|(_, form)| form)
}

/// The path of a member, which the reader may have added already.
fn below(path: String, name: &str) -> String {
    match path.as_str() {
        "" => name.to_owned(),
        whole if whole == name || whole.ends_with(&format!(".{name}")) => path,
        _ => format!("{path}.{name}"),
    }
}

/// What the reader expected, for who does not write Rust.
fn in_words(form: &str) -> String {
    match form {
        "u32" | "u64" | "usize" => "a whole number of at least 0".to_owned(),
        "a nonzero u32" => "a whole number of at least 1".to_owned(),
        "i32" | "i64" => "a whole number".to_owned(),
        "a sequence" => "a list".to_owned(),
        "a boolean" => "true or false".to_owned(),
        "a string" => "a text".to_owned(),
        "a map" => "an object".to_owned(),
        form if form.starts_with("struct ") => "an object".to_owned(),
        form => form.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::domain::tenant::{TenantLimits, TenantState};

    #[derive(Debug, serde::Deserialize)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "only what is wrong is looked at")]
    struct Input {
        name: String,
        #[serde(default)]
        limits: TenantLimits,
        state: Option<TenantState>,
        tags: Option<Vec<String>>,
    }

    #[test]
    fn what_is_wrong_is_told_of_its_field() {
        for (input, field, code, message) in [
            (json!({"name": 7}), "name", "wrong_type", "expects a text"),
            (json!({}), "name", "required", "is missing"),
            (json!({"name": "x", "surprise": 1}), "surprise", "unknown_field", "is not known; expected one of `name`"),
            (json!({"name": "x", "tags": [1]}), "tags[0]", "wrong_type", "expects a text"),
            (json!({"name": "x", "tags": "a"}), "tags", "wrong_type", "expects a list"),
            (json!({"name": "x", "state": "moon"}), "state", "unknown_option", "is one of `active`"),
            (json!({"name": "x", "limits": 1}), "limits", "wrong_type", "expects an object"),
            (json!({"name": "x", "limits": {"max_moons": 1}}), "limits.max_moons", "unknown_field", "is not known"),
            (
                json!({"name": "x", "limits": {"plugins": {"memory_mb": 0}}}),
                "limits.plugins.memory_mb",
                "out_of_range",
                "expects a whole number of at least 1",
            ),
            (
                json!({"name": "x", "limits": {"max_users": -1}}),
                "limits.max_users",
                "out_of_range",
                "expects a whole number of at least 0",
            ),
        ] {
            let Err(AppError::Invalid(faults)) = read::<Input>(input.as_object().unwrap()) else { panic!("{input}") };
            assert_eq!((&*faults[0].field, faults[0].code), (field, code), "{input}: {faults:?}");
            assert!(faults[0].message.starts_with(message), "{input}: {faults:?}");
        }
    }
}
