//! How often, how fast and how well forecast deals are won.

use guildhall_sdk::Decimal;

use crate::exact;

/// The part of what was decided that was won; `None` when nothing was.
pub fn rate(won: i64, lost: i64) -> Option<Decimal> {
    exact::share(won, won.checked_add(lost)?)
}

/// What is won a day: deals × win rate × average amount ÷ days of a cycle.
pub fn velocity(deals: i64, win_rate: Decimal, average: Decimal, cycle_days: Decimal, places: u32) -> Option<Decimal> {
    let product = Decimal::from(deals).checked_mul(win_rate)?.checked_mul(average)?;
    exact::divide(product, cycle_days, places)
}

/// How near a forecast came: 1 minus the part by which it missed what was won; `None` when nothing was.
pub fn accuracy(forecast: Decimal, actual: Decimal) -> Option<Decimal> {
    let missed = forecast.checked_sub(actual)?;
    let missed = if missed.is_negative() { actual.checked_sub(forecast)? } else { missed };
    Decimal::from(1).checked_sub(exact::divide(missed, actual, 4)?)
}

#[cfg(test)]
mod tests {
    use guildhall_sdk::Value;

    use super::*;

    fn decimal(text: &str) -> Decimal {
        text.parse().unwrap()
    }

    #[test]
    fn velocity_is_as_published() {
        let vectors: Value = include_str!("../tests/vectors/pipeline_forecast.json").parse().unwrap();
        let case = &vectors["velocity"]["example"];
        let text = |name: &str| decimal(case[name].as_str().unwrap());
        let (deals, days) = (case["n"].as_i64().unwrap(), case["cycle_days"].as_i64().unwrap());
        let daily = velocity(deals, text("win_rate"), text("avg"), Decimal::from(days), 2);
        assert_eq!(daily, Some(text("expect_per_day")));
        assert_eq!(velocity(deals, text("win_rate"), text("avg"), Decimal::ZERO, 2), None);
    }

    #[test]
    fn parts_of_a_funnel_are_as_published() {
        let vectors: Value = include_str!("../tests/vectors/metrics.json").parse().unwrap();
        let funnel = &vectors["funnel"];
        let counts: Vec<i64> =
            funnel["stages"].as_array().unwrap().iter().map(|stage| stage[1].as_i64().unwrap()).collect();
        let steps: Vec<Decimal> = counts.windows(2).map(|pair| exact::share(pair[1], pair[0]).unwrap()).collect();
        let expected: Vec<Decimal> =
            funnel["expect_step"].as_array().unwrap().iter().map(|step| decimal(step.as_str().unwrap())).collect();
        assert_eq!(steps, expected);
        let overall = exact::share(counts[counts.len() - 1], counts[0]);
        assert_eq!(overall, Some(decimal(funnel["expect_overall"].as_str().unwrap())));
    }

    #[test]
    fn rates_and_accuracy_by_examples() {
        assert_eq!(rate(1, 2), Some(decimal("0.3333")));
        assert_eq!(rate(0, 0), None);
        for (forecast, actual, expected) in [
            ("100", "100", Some("1")),
            ("80", "100", Some("0.8")),
            ("120", "100", Some("0.8")),
            ("300", "100", Some("-1")),
            ("5", "0", None),
        ] {
            assert_eq!(accuracy(decimal(forecast), decimal(actual)), expected.map(decimal), "{forecast} of {actual}");
        }
    }
}
