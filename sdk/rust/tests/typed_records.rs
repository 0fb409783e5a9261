//! Typed records: every type there and back, what is left out, and what is said of records that do not fit.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on ends there")]

use guildhall_sdk::{AnyLink, Decimal, FieldValue, Money, Record, TypedRecord, Value, json};

/// A select, as an enum.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Level {
    Gold,
    Silver,
}

impl FieldValue for Level {
    fn expected() -> String {
        "gold or silver".to_owned()
    }

    fn read(value: Option<&Value>) -> Option<Self> {
        match value?.as_str()? {
            "gold" => Some(Self::Gold),
            "silver" => Some(Self::Silver),
            _ => None,
        }
    }

    fn write(&self) -> Option<Value> {
        Some(json!(if *self == Self::Gold { "gold" } else { "silver" }))
    }
}

#[derive(Debug, PartialEq, Record)]
#[record(object = "x.everything")]
struct Everything {
    id: String,
    version: i64,
    created_at: String,
    name: String,
    visits: i64,
    is_vip: bool,
    rate: Decimal,
    total: Money,
    company: String,
    birthday: String,
    seen_at: String,
    tags: Vec<String>,
    about: AnyLink,
    extra: Value,
    #[record(field = "x_level")]
    level: Level,
    r#type: String,
}

#[derive(Debug, Default, PartialEq, Record)]
#[record(object = "contact")]
struct Contact {
    id: Option<String>,
    version: Option<i64>,
    name: Option<String>,
    visits: Option<i64>,
    rate: Option<Decimal>,
    total: Option<Money>,
    tags: Option<Vec<String>>,
    extra: Option<Value>,
    #[expect(clippy::option_option, reason = "not named, empty and set are three things")]
    note: Option<Option<String>>,
}

fn record(json: Value) -> Record {
    match json {
        Value::Object(fields) => Record::from(fields),
        other => panic!("{other}"),
    }
}

fn everything() -> Value {
    json!({
        "id": "01a2", "version": 3, "created_at": "2026-11-21T09:30:00.000000Z", "name": "Ann", "visits": i64::MAX,
        "is_vip": true, "rate": "0.100000000000000001", "total": {"amount": "29.30", "currency": "EUR"},
        "company": "01a1", "birthday": "2000-02-29", "seen_at": "2026-11-21T09:30:00.000000Z",
        "tags": ["a", "b"], "about": {"object": "order", "id": "01a3"}, "extra": {"a": [1, null]},
        "x_level": "gold", "type": "person",
    })
}

#[test]
fn every_type_goes_there_and_back() {
    let read = Everything::from_record(&record(everything())).unwrap();
    assert_eq!(Everything::OBJECT, "x.everything");
    assert_eq!((read.id.as_str(), read.version, read.visits, read.is_vip), ("01a2", 3, i64::MAX, true));
    assert_eq!(
        (read.rate.to_string().as_str(), read.total.to_string().as_str()),
        ("0.100000000000000001", "29.30 EUR")
    );
    assert_eq!((read.tags.join(" ").as_str(), read.about.object.as_str(), read.level), ("a b", "order", Level::Gold));
    // All of it is written, but what the host sets.
    let mut expected = everything();
    for field in ["id", "version", "created_at"] {
        expected.as_object_mut().unwrap().remove(field);
    }
    assert_eq!(read.to_record(), record(expected));
}

#[test]
fn nothing_is_read_as_none_and_none_is_left_out() {
    let empty =
        json!({"id": "01a2", "name": null, "visits": null, "rate": null, "total": null, "extra": null, "note": null});
    let read = Contact::from_record(&record(empty)).unwrap();
    assert_eq!(read, Contact { id: Some("01a2".to_owned()), note: Some(None), ..Contact::default() });
    // What was not in the record is left out; what is emptied is said.
    assert_eq!(read.to_record(), Record::new().set("note", ()));
    assert_eq!(Contact::default().to_record(), Record::new());
    let named = Contact { name: Some("Ann".to_owned()), note: Some(Some("n".to_owned())), ..Contact::default() };
    assert_eq!(named.to_record(), Record::new().set("name", "Ann").set("note", "n"));
    assert_eq!(named.to_record().set("visits", ()).value("visits"), Some(&Value::Null));
    // A list without entries is one, whichever way that is written.
    for tags in [json!(null), json!([])] {
        let read = Contact::from_record(&record(json!({ "tags": tags }))).unwrap();
        assert_eq!(read.tags, Some(Vec::new()));
    }
}

/// The message for a record in which a field has this value; nothing when the value is.
fn misfit(field: &str, value: Option<Value>) -> String {
    let mut fields = everything();
    match value {
        Some(value) => fields[field] = value,
        None => drop(fields.as_object_mut().unwrap().remove(field)),
    }
    let fault = Everything::from_record(&record(fields)).unwrap_err();
    assert_eq!((fault.code(), fault.is_retryable()), ("plugin_error", false));
    assert_eq!((&fault.details()["object"], &fault.details()["field"]), (&json!("x.everything"), &json!(field)));
    assert!(fault.message().contains(fault.details()["expected"].as_str().unwrap()), "{fault}");
    fault.message().to_owned()
}

#[test]
fn what_does_not_fit_is_said_with_its_place() {
    for (field, value, message) in [
        ("name", json!(7), "`x.everything.name` is a number, but text is expected."),
        ("visits", json!("7"), "`x.everything.visits` is text, but an integer is expected."),
        ("visits", json!(7.5), "`x.everything.visits` is a number, but an integer is expected."),
        ("is_vip", json!([]), "`x.everything.is_vip` is a list, but true or false is expected."),
        ("rate", json!(1), "`x.everything.rate` is a number, but a decimal number, as text is expected."),
        ("rate", json!("1e3"), "`x.everything.rate` is text, but a decimal number, as text is expected."),
        ("total", json!({"amount": 1}), "`x.everything.total` is an object, but an amount of money is expected."),
        ("tags", json!("a"), "`x.everything.tags` is text, but a list, each entry text is expected."),
        ("tags", json!([1]), "`x.everything.tags` is a list, but a list, each entry text is expected."),
        ("about", json!(true), "`x.everything.about` is true or false, but a link with its object is expected."),
        ("x_level", json!("tin"), "`x.everything.x_level` is text, but gold or silver is expected."),
        (
            "name",
            json!(null),
            "`x.everything.name` is empty, but text is expected. A field that may be empty is an `Option`.",
        ),
        (
            "extra",
            json!(null),
            "`x.everything.extra` is empty, but JSON is expected. A field that may be empty is an `Option`.",
        ),
    ] {
        assert_eq!(misfit(field, Some(value)), message);
    }
    assert_eq!(
        misfit("id", None),
        "`x.everything.id` is not in the record, but text is expected. The manifest may not let it be read; a field that \
         may be missing is an `Option`."
    );
    let fault = Contact::from_record(&Record::new().set("visits", "7")).unwrap_err();
    assert_eq!(fault.message(), "`contact.visits` is text, but an integer or nothing is expected.");
}
