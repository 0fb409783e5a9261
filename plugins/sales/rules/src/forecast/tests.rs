//! Forecasts by the published deals, and against a plain sum.

use proptest::prelude::*;

use super::*;
use crate::deal::weighted;

fn decimal(text: &str) -> Decimal {
    text.parse().unwrap()
}

fn vectors() -> Value {
    include_str!("../../tests/vectors/pipeline_forecast.json").parse().unwrap()
}

#[test]
fn the_published_pipeline_is_weighted_exactly() {
    let vectors = vectors();
    let mut forecast = Forecast::default();
    for deal in vectors["deals"].as_array().unwrap() {
        let text = |name: &str| deal[name].as_str().unwrap();
        let (amount, probability) = (decimal(text("amount")), text("probability").parse().unwrap());
        let figure = Figure { deals: 1, amount, weighted: weighted(amount, probability).unwrap() };
        match probability {
            100 => forecast.add(None, &figure).unwrap(),
            0 => {}
            _ => forecast.add(Some("pipeline"), &figure).unwrap(),
        }
    }
    let expected = |name: &str| decimal(vectors["expect"][name].as_str().unwrap());
    assert_eq!(forecast.open().unwrap().weighted, expected("open_weighted"));
    assert_eq!(forecast.won().amount, expected("closed_won"));
    assert_eq!(forecast.expected().unwrap(), expected("total_weighted"));
}

#[test]
fn an_answer_keeps_every_digit() {
    let mut forecast = Forecast::default();
    let figure = Figure { deals: 1, amount: decimal("0.01"), weighted: decimal("0.0033") };
    forecast.add(Some("commit"), &figure).unwrap();
    let json = forecast.to_json("EUR").unwrap();
    assert_eq!((&json["open"]["weighted"], &json["open"]["amount"]), (&json!("0.0033"), &json!("0.01")));
    assert_eq!((&json["categories"]["commit"]["deals"], &json["won"]["amount"]), (&json!(1), &json!("0.00")));
    assert_eq!(Forecast::default().to_json("JPY").unwrap()["expected"], "0");
}

#[test]
fn sums_that_do_not_fit_are_refused() {
    let huge = decimal("170141183460469231731687303715884105727");
    let mut forecast = Forecast::default();
    let figure = Figure { deals: 1, amount: huge, weighted: huge };
    forecast.add(Some("commit"), &figure).unwrap();
    assert_eq!(forecast.add(Some("commit"), &figure).unwrap_err().code(), "out_of_range");
    forecast.add(Some("upside"), &figure).unwrap();
    assert_eq!(forecast.open().unwrap_err().code(), "out_of_range");
}

proptest! {
    #[test]
    fn parts_and_totals_are_the_plain_sum(
        deals in prop::collection::vec((0_i64..1_000_000_000, 0_i64..=100, 0_usize..5, 0_usize..3, 0_usize..2), 0..60),
    ) {
        let mut forecasts = Forecasts::default();
        let mut sums = [[0_i128; 2]; 2];
        for (cents, probability, category, period, currency) in deals {
            let amount = exact::divide(Decimal::from(cents), Decimal::from(100), 2).unwrap();
            let figure = Figure { deals: 1, amount, weighted: weighted(amount, probability).unwrap() };
            let key = (format!("2026-0{}-01", period + 1), "u".to_owned(), ["EUR", "USD"][currency].to_owned());
            forecasts.add(key, Some(CATEGORIES[category]), &figure).unwrap();
            sums[currency][0] += i128::from(cents) * 100;
            sums[currency][1] += i128::from(cents) * i128::from(probability);
        }
        for (currency, forecast) in forecasts.totals().unwrap() {
            let [amount, weighted] = sums[usize::from(currency == "USD")];
            let open = forecast.open().unwrap();
            let units = |number: Decimal| number.checked_mul(Decimal::from(10_000)).unwrap().trunc().map(i128::from);
            prop_assert_eq!((units(open.amount), units(open.weighted)), (Some(amount), Some(weighted)));
            let by_category = CATEGORIES.iter().map(|category| forecast.of(category).amount);
            prop_assert_eq!(exact::sum(by_category).unwrap(), open.amount);
        }
    }
}
