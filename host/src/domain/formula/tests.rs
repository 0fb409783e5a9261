//! Formulas over a small record.

use rust_decimal::Decimal;

use super::*;
use crate::domain::money::Currency;

fn value_of(name: &str) -> Value {
    let euros = |minor| Value::Money(Money { minor, currency: Currency::parse("EUR").unwrap() });
    match name {
        "name" => Value::Text("Ann".to_owned()),
        "quantity" => Value::Integer(3),
        "rate" => Value::Decimal(Decimal::new(75, 1)),
        "total" => euros(1_000),
        "paid" => euros(333),
        "vip" => Value::Boolean(true),
        "day" => Value::Date("2026-02-28".parse().unwrap()),
        "at" => Value::Datetime(Timestamp::parse("2026-03-02T12:00:00Z").unwrap()),
        "colours" => Value::List(vec!["red".to_owned(), "blue".to_owned()]),
        _ => Value::Null,
    }
}

fn text(kind: &FieldType, expression: &str) -> String {
    match Expression::parse(expression).and_then(|expression| expression.compute(kind, value_of)) {
        Ok(value) => serde_json::to_string(&value).unwrap(),
        Err(reason) => format!("! {reason}"),
    }
}

#[test]
fn numbers_are_exact() {
    let decimal = FieldType::Decimal { precision: 18, scale: 4 };
    for (expression, expected) in [
        ("0.1 + 0.2", "\"0.3000\""),
        ("2 * rate", "\"15.0000\""),
        ("rate * quantity - 1", "\"21.5000\""),
        ("1 / 3", "\"0.3333\""),
        ("9007199254740993 + 0", "\"9007199254740993.0000\""),
        ("-rate", "\"-7.5000\""),
        ("size(name) * rate", "\"22.5000\""),
        ("round(2.345, 2)", "\"2.3500\""),
        ("max(floor(7.9), 2)", "\"7.0000\""),
        ("days(at - day)", "\"2.0000\""),
        ("colours.exists_one(c, c == 'red') ? 1 : 0", "\"1.0000\""),
    ] {
        if expression.starts_with("900") {
            let wide = FieldType::Decimal { precision: 18, scale: 0 };
            assert_eq!(text(&wide, expression), "\"9007199254740993\"");
        } else {
            assert_eq!(text(&decimal, expression), expected, "{expression}");
        }
    }
    assert_eq!(text(&FieldType::Integer, "2.5 + 0"), "3");
}

#[test]
fn money_keeps_its_currency() {
    for (expression, expected) in [
        ("total - paid", r#"{"amount":"6.67","currency":"EUR"}"#),
        ("total * 1.195", r#"{"amount":"11.95","currency":"EUR"}"#),
        ("money(total.amount / 3, 'USD')", r#"{"amount":"3.33","currency":"USD"}"#),
    ] {
        assert_eq!(text(&FieldType::Money, expression), expected, "{expression}");
    }
    assert_eq!(text(&FieldType::Boolean, "total > paid"), "true");
    assert_eq!(text(&FieldType::Decimal { precision: 9, scale: 2 }, "paid / total"), "\"0.33\"");
    assert!(text(&FieldType::Money, "total + 1").starts_with('!'));
    assert!(text(&FieldType::Money, "total * paid").starts_with('!'));
    assert!(text(&FieldType::Boolean, "total > money(1, 'USD')").starts_with('!'));
}

#[test]
fn text_logic_and_time() {
    let line = FieldType::Text(20);
    assert_eq!(text(&line, "vip ? 'Dear ' + name : name"), "\"Dear Ann\"");
    assert_eq!(text(&line, "missing == null ? 'none' : missing"), "\"none\"");
    assert_eq!(text(&line, "upper(name) + text(quantity)"), "\"ANN3\"");
    assert_eq!(text(&FieldType::Boolean, "'red' in colours && !('green' in colours)"), "true");
    assert_eq!(text(&FieldType::Date, "day"), "\"2026-02-28\"");
    assert_eq!(text(&FieldType::Integer, "year(day) * 100 + month(at)"), "202603");
}

#[test]
fn what_cannot_be_computed_is_empty() {
    for expression in ["quantity / 0", "missing + 1", "name + 1", "colours[7]", "round(1, 99)"] {
        let parsed = Expression::parse(expression).unwrap();
        assert_eq!(parsed.evaluate(&FieldType::Integer, value_of), Value::Null, "{expression}");
    }
    assert_eq!(text(&FieldType::Text(5), "name + name + name"), "! yields a string");
}

#[test]
fn hostile_expressions_are_refused_or_end_soon() {
    for expression in [
        String::new(),
        "1 +".to_owned(),
        "a.b(".to_owned(),
        "x".repeat(3_000),
        "(".repeat(1_000),
        format!("{}1{}", "(".repeat(900), ")".repeat(900)),
        format!("{}true", "!".repeat(1_900)),
        format!("{}1", "-".repeat(1_900)),
        format!("{}1", "true?1:".repeat(280)),
        format!("{}1{}", "[".repeat(990), "]".repeat(990)),
        "a.all(x, a.all(y, a.all(z, x == y)))".to_owned(),
        "Message{a: 1}".to_owned(),
    ] {
        assert!(Expression::parse(&expression).is_err(), "{expression:.60}");
    }
    let many = format!("1{}", "+1".repeat(900));
    assert!(Expression::parse(&many).unwrap_err().contains("deeper"));
}

#[test]
fn names_are_the_fields_that_are_read() {
    let expression = Expression::parse("a + b.exists(x, x == c) + size(d) + 1").unwrap();
    assert_eq!(expression.names().collect::<Vec<_>>(), ["a", "b", "c", "d"]);
}

/// Each would keep a processor busy for minutes: two loops over long texts, lists
/// put together, and loops hidden in the keys of a map.
#[test]
fn work_is_bounded() {
    let long = |name: &str| match name {
        "note" => Value::Text("ab ".repeat(33_000)),
        "tags" => Value::List((0..200).map(|at| format!("tag {at}")).collect()),
        _ => value_of(name),
    };
    let sum = |name: &str, times: usize| vec![name; times].join("+");
    let number = FieldType::Integer;
    for expression in [
        "size(tags.filter(a, tags.exists(b, lower(note).contains(b + 'x'))))".to_owned(),
        format!("size(({0}).map(a, ({0}).map(b, a + b)))", sum("tags", 20)),
        format!("size(tags.map(a, tags.map(b, {})))", sum("note", 20)),
        format!("size([note].map(a, tags.map(b, {})))", sum("a", 20)),
        format!("size([{{'a': note}}].map(a, tags.map(b, {})))", sum("a.a", 20)),
        "size(tags.map(a, tags.map(b, [note, note].map(c, c)[0])))"
            .replace("[note, note].map(c, c)[0]", "[note, note][0]"),
    ] {
        let (value, work) = Expression::parse(&expression).unwrap().measured(&number, long);
        assert!(value.unwrap_err().contains("more work"), "{expression}");
        assert!((WORK..WORK * 2).contains(&work), "{work}: {expression}");
    }
    let hidden = "{tags.map(a, tags.map(b, tags.map(c, 1))) == []: 1}.size()";
    assert_eq!(Expression::parse(hidden).unwrap_err(), "loops are nested deeper than 2");
    // What a person would write is far from that.
    for (expression, most) in [
        ("rate * quantity - 1", 1_000),
        ("size(tags.filter(a, tags.exists(b, b != a)))", 3_000_000),
        ("size(tags.filter(tag, lower(note).contains('x')))", 4_000_000_000),
        ("note.contains('zz') ? 1 : 2", 200_000),
    ] {
        let (_, work) = Expression::parse(expression).unwrap().measured(&number, long);
        assert!(work < most, "{work}: {expression}");
    }
}
