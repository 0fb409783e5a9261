//! Encrypted fields: which types can be encrypted, and how their values are written before they are sealed.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value as Json, json};
use zeroize::Zeroizing;

use super::{FieldDef, FieldType, Source};
use crate::domain::value::Value;

impl FieldType {
    /// The encrypted form of a type, if the definition asks for it.
    pub(super) fn sealed(self, def: &FieldDef, source: &Source) -> Result<Self, String> {
        if !def.encrypted {
            return Ok(self);
        }
        let wrong = |why: &str| Err(format!("field `{}`: an encrypted field {why}", def.name));
        if !matches!(source, Source::Input) {
            return wrong("is not computed: the host would have to read it to compute");
        }
        match self {
            Self::Link(_) | Self::LinkMany(_) | Self::LinkAny(_) | Self::User => {
                return wrong("is no link: the database could not follow it");
            }
            Self::Boolean | Self::Select(_) | Self::MultiSelect(_) | Self::Sealed(_) => {
                return wrong("has more than a few possible values: their length would tell them apart");
            }
            Self::Text(_)
            | Self::LongText
            | Self::Email
            | Self::Phone
            | Self::Url
            | Self::Json
            | Self::Integer
            | Self::Decimal { .. }
            | Self::Money
            | Self::Date
            | Self::Datetime => {}
        }
        if def.unique {
            return wrong("is not unique: equal values are not equal once they are encrypted");
        }
        if def.indexed {
            return wrong("is not indexed: what is encrypted has no order");
        }
        if def.searchable {
            return wrong("is not searchable: its words would stand beside it in plain text");
        }
        if def.default.is_some() {
            return wrong("has no default: it would stand in the definition in plain text");
        }
        Ok(Self::Sealed(Box::new(self)))
    }

    /// Whether values are kept encrypted.
    pub fn is_sealed(&self) -> bool {
        matches!(self, Self::Sealed(_))
    }

    /// The type of values once they are opened.
    pub fn opened(&self) -> &Self {
        match self {
            Self::Sealed(inner) => inner,
            other => other,
        }
    }

    /// A value of an encrypted field from what was sealed; none when it is no value of the field.
    pub fn of_plain(&self, plain: &[u8]) -> Option<Value> {
        self.opened().parse(&serde_json::from_slice(plain).ok()?).ok()
    }

    /// A value as [`Value::kept`] wrote it; what is no value any more is empty.
    pub fn of_kept(&self, json: &Json) -> Value {
        if !self.is_sealed() {
            return self.parse(json).unwrap_or_default();
        }
        let bytes = json["sealed"].as_str().and_then(|text| STANDARD.decode(text).ok());
        bytes.map_or(Value::Null, Value::Sealed)
    }
}

impl Value {
    /// What is sealed of it.
    pub fn plain(&self) -> Zeroizing<Vec<u8>> {
        Zeroizing::new(serde_json::to_vec(self).unwrap_or_default())
    }

    /// As it is kept to be put back later: what is sealed stays so.
    pub fn kept(&self) -> Json {
        match self {
            Self::Sealed(bytes) => json!({"sealed": STANDARD.encode(bytes)}),
            other => serde_json::to_value(other).unwrap_or(Json::Null),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::field::Field;

    fn check(kind: &str, change: impl FnOnce(&mut FieldDef)) -> Result<Field, String> {
        let mut def = FieldDef { name: "pin".into(), kind: kind.into(), encrypted: true, ..FieldDef::default() };
        change(&mut def);
        Field::check(def)
    }

    #[test]
    fn values_of_every_type_that_can_be_encrypted_come_back() {
        for (kind, value) in [
            ("text", json!("a")),
            ("long_text", json!("a\nb")),
            ("integer", json!(i64::MIN)),
            ("decimal", json!("-12.50")),
            ("money", json!({"amount": "29.33", "currency": "USD"})),
            ("date", json!("2026-11-21")),
            ("datetime", json!("2026-11-21T09:30:00.000001Z")),
            ("email", json!("ann@x.com")),
            ("phone", json!("+49301234567")),
            ("url", json!("https://x.com")),
            ("json", json!({"a": [1, null, ""]})),
            ("json", json!("")),
        ] {
            let field = check(kind, |def| (def.precision, def.scale) = (Some(9), Some(2))).unwrap();
            let read = field.kind.parse(&value).unwrap();
            assert_eq!(field.kind.of_plain(&read.plain()), Some(read), "{kind}");
        }
    }

    #[test]
    fn what_the_database_would_have_to_read_is_refused() {
        for (reason, tried) in [
            ("few possible values", check("boolean", |_| {})),
            ("no link", check("user", |_| {})),
            ("not computed", check("autonumber", |def| def.format = Some("T-{000}".into()))),
            ("not unique", check("text", |def| def.unique = true)),
            ("not indexed", check("text", |def| def.indexed = true)),
            ("not searchable", check("text", |def| def.searchable = true)),
            ("no default", check("text", |def| def.default = Some(json!("x")))),
        ] {
            assert!(tried.is_err_and(|error| error.contains(reason)), "{reason}");
        }
    }

    #[test]
    fn what_is_kept_to_be_put_back_stays_sealed() {
        let field = check("text", |_| {}).unwrap();
        let sealed = Value::Sealed(vec![1, 2, 3]);
        assert_eq!(field.kind.of_kept(&sealed.kept()), sealed);
        assert_eq!(field.kind.of_kept(&Value::Null.kept()), Value::Null);
        assert_eq!(serde_json::to_value(&sealed).unwrap(), json!({"encrypted": true}));
    }
}
