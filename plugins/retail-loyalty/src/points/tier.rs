//! Tiers: what a member's qualifying points make of the member.

use guildhall_sdk::Decimal;
use serde::Deserialize;

/// A tier, from so many qualifying points on.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Tier {
    pub name: String,
    /// The least qualifying points.
    pub from: i64,
    /// What it makes of the points of an order.
    #[serde(default = "one")]
    pub multiplier: Decimal,
}

/// What becomes of a tier when its time is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fall {
    /// One tier down, but never below what the points are worth.
    OneDown,
    /// To what the points are worth.
    ToBalance,
}

fn one() -> Decimal {
    Decimal::from(1)
}

/// Place of the tier that so many points are worth; `None` below the first one.
pub fn worth(tiers: &[Tier], qualifying: i64) -> Option<usize> {
    let reached = tiers.iter().enumerate().filter(|(_, tier)| tier.from <= qualifying);
    reached.max_by_key(|(_, tier)| tier.from).map(|(place, _)| place)
}

/// Place of the tier with this name.
pub fn place(tiers: &[Tier], name: Option<&str>) -> Option<usize> {
    tiers.iter().position(|tier| Some(tier.name.as_str()) == name)
}

/// The tier that comes after: points lift at once, and a tier is kept until its time is over.
pub fn after(tiers: &[Tier], now: Option<usize>, qualifying: i64, is_over: bool, fall: Fall) -> Option<usize> {
    let worth = worth(tiers, qualifying);
    let rank = |place: Option<usize>| place.map(|place| tiers[place].from);
    if rank(worth) >= rank(now) {
        return worth;
    }
    match fall {
        _ if !is_over => now,
        Fall::ToBalance => worth,
        Fall::OneDown => {
            let below = tiers.iter().enumerate().filter(|(_, tier)| Some(tier.from) < rank(now));
            let below = below.max_by_key(|(_, tier)| tier.from).map(|(place, _)| place);
            if rank(worth) >= rank(below) { worth } else { below }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::Value;

    use super::*;

    fn tiers() -> Vec<Tier> {
        let tier = |name: &str, from| Tier { name: name.to_owned(), from, multiplier: one() };
        vec![tier("Bronze", 0), tier("Silver", 10_000), tier("Gold", 20_000)]
    }

    #[test]
    fn published_spending_is_worth_its_tier_with_the_order_itself() {
        let vectors: Value = serde_json::from_str(include_str!("../../tests/vectors/loyalty.json")).unwrap();
        for case in vectors["tier_cases"].as_array().unwrap() {
            let spent = case["total_spent"].as_i64().unwrap() + case["current"].as_i64().unwrap();
            assert_eq!(tiers()[worth(&tiers(), spent).unwrap()].name, case["expect"], "{case}");
        }
        assert_eq!(worth(&tiers()[1..], 9_999), None);
        assert_eq!(worth(&[], 9_999), None);
    }

    #[test]
    fn a_tier_is_kept_until_its_time_is_over() {
        let gold = place(&tiers(), Some("Gold"));
        assert_eq!(after(&tiers(), gold, 0, false, Fall::ToBalance), gold);
        assert_eq!(after(&tiers(), gold, 0, true, Fall::ToBalance), Some(0));
        assert_eq!(after(&tiers(), gold, 0, true, Fall::OneDown), Some(1));
        assert_eq!(after(&tiers(), gold, 20_000, true, Fall::OneDown), gold);
        assert_eq!(after(&tiers(), Some(0), 0, true, Fall::OneDown), Some(0));
        assert_eq!(after(&tiers(), None, 10_000, false, Fall::OneDown), Some(1));
        assert_eq!(place(&tiers(), Some("Iron")), None);
    }

    proptest! {
        #[test]
        fn nobody_falls_before_the_time_or_below_what_the_points_are_worth(
            now in prop::option::of(0_usize..3), qualifying in -100_i64..30_000, is_over: bool, one_down: bool,
        ) {
            let tiers = tiers();
            let fall = if one_down { Fall::OneDown } else { Fall::ToBalance };
            let after = after(&tiers, now, qualifying, is_over, fall);
            prop_assert!(after >= worth(&tiers, qualifying));
            prop_assert!(is_over || after >= now);
        }
    }
}
