//! A record, or a part of one.

use serde_json::{Map, Value};

use crate::{Decimal, Fault, Money};

/// The fields of a record by name.
///
/// A record that the host hands out also holds `id`, `version`, `created_at`
/// and `updated_at`. One that a plugin puts together for a write holds the
/// fields to write.
///
/// A getter answers `None` when the field is absent, empty, or of another type.
///
/// ```
/// use guildhall_sdk::Record;
///
/// let record = Record::new().set("name", "Ann").set("points", 12);
/// assert_eq!(record.text("name"), Some("Ann"));
/// assert_eq!(record.integer("points"), Some(12));
/// assert_eq!(record.text("email"), None);
/// ```
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Record(Map<String, Value>);

impl Record {
    /// A record without fields.
    pub fn new() -> Self {
        Self::default()
    }

    /// The record with this field set; `()` empties it.
    #[must_use]
    pub fn set(mut self, field: &str, value: impl Into<Value>) -> Self {
        self.0.insert(field.to_owned(), value.into());
        self
    }

    /// The id; the empty text for a record that is not stored yet.
    pub fn id(&self) -> &str {
        self.text("id").unwrap_or_default()
    }

    /// The value of a field as it travelled.
    pub fn value(&self, field: &str) -> Option<&Value> {
        self.0.get(field)
    }

    /// A field of any kind that is written as text: text, select, e-mail, phone, URL.
    pub fn text(&self, field: &str) -> Option<&str> {
        self.value(field)?.as_str()
    }

    /// An integer.
    pub fn integer(&self, field: &str) -> Option<i64> {
        self.value(field)?.as_i64()
    }

    /// A boolean.
    pub fn boolean(&self, field: &str) -> Option<bool> {
        self.value(field)?.as_bool()
    }

    /// A decimal number, exact.
    pub fn decimal(&self, field: &str) -> Option<Decimal> {
        self.text(field)?.parse().ok()
    }

    /// An amount of money, exact.
    pub fn money(&self, field: &str) -> Option<Money> {
        Money::from_value(self.value(field)?)
    }

    /// The id of the record that a link points to.
    pub fn link(&self, field: &str) -> Option<&str> {
        self.text(field)
    }

    /// A day, `2026-11-21`.
    pub fn date(&self, field: &str) -> Option<&str> {
        self.text(field)
    }

    /// A moment in UTC by RFC 3339, `2026-11-21T09:30:00.000000Z`.
    pub fn datetime(&self, field: &str) -> Option<&str> {
        self.text(field)
    }

    /// Reads the JSON text of a record that the host hands out.
    pub(crate) fn from_json(json: &str) -> Result<Self, Fault> {
        serde_json::from_str(json)
            .map(Self)
            .map_err(|error| Fault::internal(format!("The host sent no record: {error}")))
    }

    /// The JSON text in which a record travels.
    pub(crate) fn into_json(self) -> String {
        Value::Object(self.0).to_string()
    }
}

impl From<Map<String, Value>> for Record {
    fn from(fields: Map<String, Value>) -> Self {
        Self(fields)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn typed_getters_read_what_the_host_sends() {
        let record =
            Record::from_json(r#"{"id":"7","total":{"amount":"29.33","currency":"USD"},"rate":"1.50","note":null}"#)
                .unwrap();
        assert_eq!(record.id(), "7");
        assert_eq!(record.money("total").unwrap().to_string(), "29.33 USD");
        assert_eq!(record.decimal("rate"), Some("1.5".parse().unwrap()));
        assert_eq!(record.text("note"), None);
    }

    #[test]
    fn what_is_not_an_object_is_no_record() {
        assert_eq!(Record::from_json("[]").unwrap_err().code(), "plugin_error");
    }
}
