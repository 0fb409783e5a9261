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

/// The name of an action, a view, a task.
pub fn name<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    checked(deserializer, is_name, "`settle_up`: lower case, digits and `_`")
}

/// When a task is due.
pub fn cron<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    let has_parts = |text: &str| (5..=6).contains(&text.split_whitespace().count());
    checked(deserializer, has_parts, "`0 */15 * * * *`: five parts, or six with seconds in front")
}

/// The path of a route.
pub fn path<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    checked(deserializer, |text| text.starts_with('/'), "`/files/*`")
}

/// The names of secrets.
pub fn secrets<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    let names = Vec::<String>::deserialize(deserializer)?;
    let is_plain = |byte: u8| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_';
    match names.iter().find(|name| name.is_empty() || !name.bytes().all(is_plain)) {
        Some(name) => Err(de::Error::custom(format!("`{name}` is not of the form `EXAMPLE_KEY`"))),
        None => Ok(names),
    }
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

/// Whether a text is the id of a plugin.
pub fn is_id(text: &str) -> bool {
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
