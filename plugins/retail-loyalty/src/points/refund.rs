//! What is taken back when a part of an order is paid back.

use guildhall_sdk::Decimal;

use super::exact::share;

/// The points that an order still carries when so much of its total was paid back: of what it earned, the share of
/// all refunds together is cut off once. So the last refund takes the rest exactly.
pub fn left(earned: i64, refunded: Decimal, total: Decimal) -> Option<i64> {
    if refunded <= Decimal::ZERO {
        return Some(earned);
    }
    Some(earned - share(earned, refunded, total)?)
}

#[cfg(test)]
mod tests {
    use guildhall_sdk::Value;
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn published_refunds_take_back_what_they_should() {
        let vectors: Value = serde_json::from_str(include_str!("../../tests/vectors/loyalty.json")).unwrap();
        let case = &vectors["refund_cases"][1];
        let total: Decimal = case["order_total"].as_str().unwrap().parse().unwrap();
        let earned = case["earned"].as_i64().unwrap();
        let (mut refunded, mut carried, mut reversed) = (Decimal::ZERO, earned, Vec::new());
        for refund in case["refunds"].as_array().unwrap() {
            refunded = refunded.checked_add(refund.as_str().unwrap().parse().unwrap()).unwrap();
            let now = left(earned, refunded, total).unwrap();
            reversed.push(Value::from(carried - now));
            carried = now;
        }
        assert_eq!(&Value::from(reversed), &case["expect_reversals"]);
        assert_eq!(carried, 0);
    }

    proptest! {
        #[test]
        fn refunds_together_take_back_exactly_what_was_earned(
            earned in 0_i64..1_000_000,
            parts in proptest::collection::vec(0_i64..100_000, 1..12),
        ) {
            let total: i64 = parts.iter().sum();
            prop_assume!(total > 0);
            let (mut refunded, mut carried) = (0, earned);
            for part in &parts {
                refunded += part;
                let now = left(earned, Decimal::from(refunded), Decimal::from(total)).unwrap();
                prop_assert!(now <= carried && now >= 0);
                carried = now;
            }
            prop_assert_eq!(carried, 0);
        }
    }
}
