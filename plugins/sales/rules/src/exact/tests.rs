//! Rounding and division by examples and against whole numbers.

use proptest::prelude::*;

use super::*;

fn decimal(text: &str) -> Decimal {
    text.parse().unwrap()
}

#[test]
fn half_goes_to_the_even_neighbour() {
    for (number, places, rounded) in [
        ("0.125", 2, "0.12"),
        ("0.135", 2, "0.14"),
        ("-0.125", 2, "-0.12"),
        ("-0.135", 2, "-0.14"),
        ("2.5", 0, "2"),
        ("-3.5", 0, "-4"),
        ("0.1251", 2, "0.13"),
        ("7", 2, "7"),
    ] {
        assert_eq!(round(decimal(number), places).to_string(), rounded, "{number}");
    }
    assert_eq!(divide(decimal("1"), decimal("8"), 2), Some(decimal("0.12")));
    assert_eq!(divide(decimal("1"), decimal("-8"), 2), Some(decimal("-0.12")));
    assert_eq!(divide(decimal("2"), decimal("3"), 4), Some(decimal("0.6667")));
    assert_eq!(divide(decimal("1"), Decimal::ZERO, 4), None);
    assert_eq!(share(1, 3), Some(decimal("0.3333")));
    assert_eq!(share(1, 0), None);
}

#[test]
fn money_is_written_with_its_digits() {
    assert_eq!(written(decimal("7"), 2).unwrap().to_string(), "7.00");
    assert_eq!(written(decimal("7.500"), 2).unwrap().to_string(), "7.50");
    assert_eq!(written(decimal("7.505"), 2), None);
    for (number, as_shown) in [("7", "7.00"), ("7.50200", "7.502"), ("0.00000", "0.00"), ("-1.2", "-1.20")] {
        assert_eq!(shown(decimal(number), 2).to_string(), as_shown);
    }
    assert_eq!(written(decimal("7.0"), 0).unwrap().to_string(), "7");
}

proptest! {
    #[test]
    fn a_rounded_number_is_at_most_half_a_unit_away(
        units in -1_000_000_000_000_i64..1_000_000_000_000,
        places in 0_u32..5,
    ) {
        let number = divide(Decimal::from(units), Decimal::from(100_000), 5).unwrap();
        let distance = number.checked_sub(round(number, places)).unwrap();
        let half = divide(Decimal::from(5), Decimal::from(10_i64.pow(places + 1)), places + 1).unwrap();
        prop_assert!(distance <= half && half.checked_mul(Decimal::from(-1)).unwrap() <= distance);
    }

    #[test]
    fn what_is_divided_and_multiplied_again_is_the_same(number in -1_000_000_i64..1_000_000, by in 1_i64..1000) {
        let product = Decimal::from(number).checked_mul(Decimal::from(by)).unwrap();
        prop_assert_eq!(divide(product, Decimal::from(by), 4), Some(Decimal::from(number)));
        prop_assert_eq!(divide(product, Decimal::from(-by), 4), Some(Decimal::from(-number)));
    }
}
