//! Decimal numbers by examples.

use super::*;

fn decimal(text: &str) -> Decimal {
    text.parse().unwrap()
}

#[test]
fn reads_and_writes_the_same_text() {
    for text in ["0", "-12", "29.33", "0.050", "-0.5", "123456789012345678.123456789012345678"] {
        assert_eq!(decimal(text).to_string(), text);
    }
    for text in ["", "-", ".5", "5.", "1e3", "+1", "1,5", " 1", "0.1234567890123456789"] {
        assert_eq!(text.parse::<Decimal>(), Err(InvalidDecimal), "{text}");
    }
}

#[test]
fn compares_by_value() {
    assert_eq!(decimal("1.50"), decimal("1.5"));
    assert!(decimal("-0.5") < decimal("-0.25"));
    assert!(decimal("2") > decimal("1.999999999999999999"));
}

#[test]
fn calculates_exactly_or_not_at_all() {
    assert_eq!(decimal("0.1").checked_add(decimal("0.2")), Some(decimal("0.3")));
    assert_eq!(decimal("1").checked_sub(decimal("1.01")), Some(decimal("-0.01")));
    assert_eq!(decimal("-29.99").trunc(), Some(-29));
    assert_eq!(decimal("9223372036854775808").trunc(), None);
    let small = decimal("0.000000000000000001");
    assert_eq!(small.checked_mul(decimal("0.1")), None);
    assert_eq!(small.checked_mul(decimal("10.0")), Some(decimal("0.00000000000000001")));
}
