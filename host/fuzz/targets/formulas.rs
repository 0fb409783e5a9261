//! Formulas: what is accepted ends within its budget of work, on large fields too, and gives
//! a value of the type that was asked for.
#![no_main]

use std::sync::LazyLock;

use guildhall_fuzz::domain::clock::Timestamp;
use guildhall_fuzz::domain::field::FieldType;
use guildhall_fuzz::domain::formula::{Expression, WORK};
use guildhall_fuzz::domain::money::{Currency, Money};
use guildhall_fuzz::domain::value::Value;
use libfuzzer_sys::fuzz_target;
use rust_decimal::Decimal;

/// As long as a text may be, and as many values as a list may have.
static LONG: LazyLock<String> = LazyLock::new(|| "Ann \u{df} ".repeat(100_000 / 6));
static MANY: LazyLock<Vec<String>> = LazyLock::new(|| (0..200).map(|at| format!("value {at}")).collect());

fuzz_target!(|input: (bool, u8, &str)| {
    let (is_large, kind, text) = input;
    let Ok(expression) = Expression::parse(text) else { return };
    assert!(expression.names().count() <= text.len());
    let kinds = [
        FieldType::Text(255),
        FieldType::LongText,
        FieldType::Integer,
        FieldType::Decimal { precision: 18, scale: 4 },
        FieldType::Money,
        FieldType::Boolean,
        FieldType::Date,
        FieldType::Datetime,
        FieldType::Url,
    ];
    let kind = &kinds[usize::from(kind) % kinds.len()];
    let (value, work) = expression.measured(kind, |name| value_of(name, is_large));
    // The last value that was read may go over it.
    assert!(work <= WORK * 2, "{work}");
    if let Ok(value) = value {
        let json = serde_json::to_value(&value).expect("every value is JSON");
        // Text is trimmed of nothing and numbers of no digit: what was computed is a value of the field.
        assert_eq!(kind.parse(&json).ok(), Some(value), "{json}");
    }
});

fn value_of(name: &str, is_large: bool) -> Value {
    let euros = |minor| Value::Money(Money { minor, currency: Currency::parse("EUR").expect("it is one") });
    match name {
        "name" => Value::Text("Ann".to_owned()),
        "note" if is_large => Value::Text(LONG.clone()),
        "note" => Value::Text("note".to_owned()),
        "tags" if is_large => Value::List(MANY.clone()),
        "tags" => Value::List(vec!["red".to_owned(), "blue".to_owned()]),
        "n" if is_large => Value::Integer(i64::MIN),
        "n" => Value::Integer(3),
        "rate" if is_large => Value::Decimal(Decimal::MAX),
        "rate" => Value::Decimal(Decimal::new(75, 1)),
        "total" if is_large => euros(i64::MAX),
        "total" => euros(1_000),
        "vip" => Value::Boolean(true),
        "day" => Value::Date(chrono::NaiveDate::from_ymd_opt(2026, 2, 28).expect("it is a day")),
        "at" => Value::Datetime(Timestamp::from_micros(1_780_000_000_000_000)),
        _ => Value::Null,
    }
}
