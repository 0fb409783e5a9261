//! What a caller says of a webhook, read field by field.

use serde_json::{Map, Value as Json};

use crate::app::AppError;
use crate::domain::event_type::{MAX_PATTERNS, TypePattern};
use crate::domain::invalid::{FieldError, Unfit};
use crate::domain::signature::{SignatureKind, SigningKey};
use crate::outbound::Outbound;

/// Longest description, in characters.
const MAX_DESCRIPTION: usize = 255;

/// What was named, and is right.
#[derive(Default)]
pub struct Input {
    pub url: Option<String>,
    pub description: Option<String>,
    pub types: Option<Vec<String>>,
    pub enabled: Option<bool>,
    pub signature: Option<SignatureKind>,
    pub secret: Option<SigningKey>,
}

/// Reads the fields of a new webhook, or of a change; everything that is wrong is told at once.
pub fn read(fields: &Map<String, Json>, is_new: bool, outbound: &Outbound) -> Result<Input, AppError> {
    let mut input = Input::default();
    let mut faults = Vec::new();
    for (name, value) in fields {
        let done = match name.as_str() {
            "url" => url(value, outbound).map(|url| input.url = Some(url)),
            "description" => description(value).map(|text| input.description = Some(text)),
            "types" => types(value).map(|types| input.types = Some(types)),
            "enabled" => match value {
                Json::Bool(enabled) => {
                    input.enabled = Some(*enabled);
                    Ok(())
                }
                _ => Err(Unfit::wrong_type("true or false")),
            },
            "signature" if is_new => match value.as_str().and_then(SignatureKind::parse) {
                Some(kind) => {
                    input.signature = Some(kind);
                    Ok(())
                }
                None => Err(Unfit { code: "unknown_option", message: "is `v1` or `v1a`".to_owned() }),
            },
            "secret" if is_new => match value.as_str().and_then(SigningKey::parse) {
                Some(key) => {
                    input.secret = Some(key);
                    Ok(())
                }
                None => Err(Unfit::wrong_type("`whsec_` with 24 to 64 bytes, or `whsk_` with 32 bytes, in base64")),
            },
            "signature" | "secret" => Err(Unfit { code: "read_only", message: "stays as it was made".to_owned() }),
            _ => Err(Unfit { code: "unknown_field", message: "is no field of a webhook".to_owned() }),
        };
        if let Err(unfit) = done {
            faults.push(unfit.of(name));
        }
    }
    if is_new && !fields.contains_key("url") {
        faults.push(FieldError::new("url", "required", "may not be empty"));
    }
    if let (Some(kind), Some(key)) = (input.signature, &input.secret)
        && key.kind() != kind
    {
        faults.push(FieldError::new("secret", "wrong_type", "is of another kind than `signature`"));
    }
    if faults.is_empty() { Ok(input) } else { Err(AppError::Invalid(faults)) }
}

fn url(value: &Json, outbound: &Outbound) -> Result<String, Unfit> {
    let text = value.as_str().ok_or_else(|| Unfit::wrong_type("an https URL"))?;
    outbound.check(text).map_err(|bad| Unfit { code: "bad_address", message: bad.to_string() })
}

fn description(value: &Json) -> Result<String, Unfit> {
    let text = value.as_str().ok_or_else(|| Unfit::wrong_type("text"))?;
    if text.chars().count() > MAX_DESCRIPTION || text.chars().any(char::is_control) {
        return Err(Unfit::out_of_range(format!("is one line of at most {MAX_DESCRIPTION} characters")));
    }
    Ok(text.to_owned())
}

fn types(value: &Json) -> Result<Vec<String>, Unfit> {
    let list = value.as_array().ok_or_else(|| Unfit::wrong_type("a list of types such as `contact.*`"))?;
    if list.len() > MAX_PATTERNS {
        return Err(Unfit::out_of_range(format!("names more than {MAX_PATTERNS} types")));
    }
    list.iter()
        .map(|one| TypePattern::parse(one.as_str().unwrap_or_default()).map(|one| one.text().to_owned()))
        .collect()
}
