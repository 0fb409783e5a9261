//! The words of a manifest that have a form: each is checked where it is read, so that an error names its line.

use serde::{Deserialize, Deserializer, de};

/// The version of the manifest's format.
pub fn schema<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u32, D::Error> {
    match u32::deserialize(deserializer)? {
        1 => Ok(1),
        other => Err(de::Error::custom(format!("schema {other} is unknown; this is a tool for schema 1"))),
    }
}

/// Who made the plugin, and its name; never changed.
pub fn id<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    checked(deserializer, is_id, "`publisher.name`, in lower case, digits and `-`")
}

/// What the names of the plugin's objects begin with.
pub fn namespace<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    checked(deserializer, is_name, "`loyalty`: lower case, digits and `_`")
}

/// The name of an object: the host's own, or with a namespace.
pub fn object<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    checked(deserializer, is_object, "`order` or `loyalty.member`")
}

/// The plugin's version.
pub fn version<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    checked(deserializer, |text| are_numbers(text, 3), "`1.4.2`")
}

/// The least API that the plugin needs.
pub fn api<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    checked(deserializer, |text| are_numbers(text, 2), "`1.0`")
}

fn checked<'de, D: Deserializer<'de>>(
    deserializer: D,
    passes: impl Fn(&str) -> bool,
    form: &str,
) -> Result<String, D::Error> {
    let text = String::deserialize(deserializer)?;
    if passes(&text) {
        return Ok(text);
    }
    Err(de::Error::custom(format!("`{text}` is not of the form {form}")))
}

fn is_id(text: &str) -> bool {
    let part = |part: &str| begins_with_letter(part) && part.bytes().all(|byte| is_plain(byte) || byte == b'-');
    text.split_once('.').is_some_and(|(publisher, name)| part(publisher) && part(name))
}

fn is_name(text: &str) -> bool {
    begins_with_letter(text) && text.bytes().all(|byte| is_plain(byte) || byte == b'_')
}

fn is_object(text: &str) -> bool {
    match text.split_once('.') {
        Some((namespace, name)) => is_name(namespace) && is_name(name),
        None => is_name(text),
    }
}

fn are_numbers(text: &str, count: usize) -> bool {
    text.split('.').count() == count && text.split('.').all(is_number)
}

fn is_number(text: &str) -> bool {
    let has_leading_zero = text.len() > 1 && text.starts_with('0');
    !has_leading_zero && !text.starts_with('+') && text.parse::<u32>().is_ok()
}

fn begins_with_letter(text: &str) -> bool {
    text.starts_with(|first: char| first.is_ascii_lowercase())
}

fn is_plain(byte: u8) -> bool {
    byte.is_ascii_lowercase() || byte.is_ascii_digit()
}
