//! Earned value by published cases and by properties.

use guildhall_sdk::Decimal;
use proptest::prelude::*;
use serde_json::Value;

use super::*;
use crate::number::{rounded_to, units};

const VECTORS: &str = include_str!("../../tests/vectors/evm.json");

/// A number of the vectors, exactly as it is written there.
fn exact(value: &Value) -> BigRational {
    let number: Decimal = value.to_string().trim_end_matches(".0").parse().unwrap();
    whole(units(number, 9).unwrap()) / whole(1_000_000_000)
}

fn case(id: &str) -> Value {
    let vectors: Value = serde_json::from_str(VECTORS).unwrap();
    vectors["cases"].as_array().unwrap().iter().find(|case| case["id"] == id).unwrap().clone()
}

/// That a measure is the expected number, to the digits that it is given with.
fn assert_is(found: Option<&BigRational>, expected: &Value, name: &str) {
    if expected.is_null() {
        assert_eq!(found, None, "{name}");
        return;
    }
    let text = expected.to_string();
    let digits = text.trim_end_matches(".0").split_once('.').map_or(0, |(_, fraction)| fraction.len());
    let rounded = rounded_to(found.unwrap(), u32::try_from(digits).unwrap());
    assert_eq!(rounded, Some(text.trim_end_matches(".0").parse().unwrap()), "{name}");
}

#[test]
fn the_published_project_comes_out() {
    let case = case("pra-1");
    let at = usize::try_from(case["period"].as_u64().unwrap() - 1).unwrap();
    let bac = exact(&case["bac"]);
    let figures = Figures {
        pv: &bac * exact(&case["planned_cum"][at]),
        ev: &bac * exact(&case["actual_percent"]),
        ac: exact(&case["actual_cost_cum"][at]),
        bac,
    };
    let expected = &case["expect"];
    assert_is(Some(&figures.pv), &expected["PV"], "PV");
    assert_is(Some(&figures.ev), &expected["EV"], "EV");
    assert_is(Some(&figures.ac), &expected["AC"], "AC");
    assert_is(figures.cost_performance().as_ref(), &expected["CPI"], "CPI");
    assert_is(figures.schedule_performance().as_ref(), &expected["SPI"], "SPI");
    assert_is(Some(&figures.cost_variance()), &expected["CV"], "CV");
    assert_is(Some(&figures.schedule_variance()), &expected["SV"], "SV");
}

#[test]
fn published_estimates_come_out() {
    let case = case("pra-eac-atypical");
    let figures =
        Figures { bac: exact(&case["bac"]), pv: whole(40_000), ev: exact(&case["ev"]), ac: exact(&case["ac"]) };
    assert_is(Some(&figures.atypical().at_completion), &case["expect"]["EAC"], "EAC");
    // The same reference: a budget of 100000 at a cost performance of 0.83.
    let typical = Figures { bac: whole(100_000), pv: whole(40_000), ev: whole(83), ac: whole(100) }.typical().unwrap();
    assert_eq!(rounded_to(&typical.at_completion, 1), Some("120481.9".parse().unwrap()));
    // Worked by hand: CPI 0.8, SPI 0.5, so that the rest of 600 costs 1500.
    let combined = Figures { bac: whole(1000), pv: whole(800), ev: whole(400), ac: whole(500) }.combined().unwrap();
    assert_eq!(combined.at_completion, whole(2000));
    assert_eq!((combined.to_complete, combined.variance), (whole(1500), whole(-1000)));
    assert_eq!(combined.performance, Some(whole(2) / whole(5)));
}

#[test]
fn what_would_divide_by_zero_is_nothing() {
    let case = case("zero-ac");
    let figures =
        Figures { bac: exact(&case["bac"]), pv: exact(&case["pv"]), ev: exact(&case["ev"]), ac: exact(&case["ac"]) };
    assert_is(figures.cost_performance().as_ref(), &case["expect"]["CPI"], "CPI");
    assert_is(figures.schedule_performance().as_ref(), &case["expect"]["SPI"], "SPI");
    assert_is(figures.typical().map(|one| one.at_completion).as_ref(), &case["expect"]["EAC"], "EAC");
    assert_eq!(figures.combined(), None);
    let spent = Figures { bac: whole(100), pv: whole(0), ev: whole(0), ac: whole(100) };
    assert_eq!((spent.typical(), spent.to_complete_performance()), (None, None));
}

fn day(text: &str) -> Day {
    text.parse().unwrap()
}

fn weeks() -> Calendar {
    Calendar::new(1..=5, []).unwrap()
}

#[test]
fn the_plan_counts_working_days_or_only_its_end() {
    // Monday to the Friday of the week after: 10 working days.
    let plan = Some((day("2026-11-02"), day("2026-11-13")));
    let work = [Work { budget: 1000, progress: 2500, plan }, Work { budget: 500, progress: 0, plan: None }];
    let on = |text: &str, planned| Figures::of(&work, 300, day(text), &weeks(), planned);
    for (text, linear, at_finish) in [
        ("2026-11-01", 0, 0),
        ("2026-11-02", 100, 0),
        ("2026-11-08", 500, 0),
        ("2026-11-12", 900, 0),
        ("2026-11-13", 1000, 1000),
        ("2026-12-31", 1000, 1000),
    ] {
        assert_eq!(on(text, Planned::Linear).pv, whole(linear), "{text}");
        assert_eq!(on(text, Planned::AtFinish).pv, whole(at_finish), "{text}");
    }
    let figures = on("2026-11-08", Planned::Linear);
    assert_eq!((figures.bac, figures.ev, figures.ac), (whole(1500), whole(250), whole(300)));
}

#[test]
fn a_plan_of_days_off_is_over_with_its_last_day() {
    let plan = Some((day("2026-11-07"), day("2026-11-08")));
    let work = [Work { budget: 10, progress: 0, plan }];
    let pv = |text: &str| Figures::of(&work, 0, day(text), &weeks(), Planned::Linear).pv;
    assert_eq!((pv("2026-11-07"), pv("2026-11-08")), (whole(0), whole(10)));
}

proptest! {
    // Each case goes through a whole project, day by day.
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn planned_value_grows_to_the_budget(
        tasks in prop::collection::vec((0_i128..1_000_000, 0_i64..60, 0_i64..30, 0_i128..=10_000), 0..12),
        spent in 0_i128..1_000_000,
    ) {
        let origin = day("2026-01-01");
        let plan = |from: i64, length: i64| Some((origin.plus(from), origin.plus(from + length)));
        let works: Vec<Work> = tasks
            .into_iter()
            .map(|(budget, from, length, progress)| Work { budget, progress, plan: plan(from, length) })
            .collect();
        let mut before = whole(0);
        for on in 0..95 {
            let figures = Figures::of(&works, spent, origin.plus(on), &weeks(), Planned::Linear);
            prop_assert!(figures.pv >= before && figures.pv <= figures.bac);
            prop_assert!(figures.ev >= whole(0) && figures.ev <= figures.bac);
            let at_finish = Figures::of(&works, spent, origin.plus(on), &weeks(), Planned::AtFinish);
            prop_assert!(at_finish.pv <= figures.pv);
            before = figures.pv;
        }
        let end = Figures::of(&works, spent, origin.plus(95), &weeks(), Planned::Linear);
        prop_assert_eq!(&end.pv, &end.bac);
    }

    #[test]
    fn measures_agree_with_each_other(
        bac in 1_i128..1_000_000_000_000_000, pv in 1_i128..1_000_000_000_000_000,
        ev in 1_i128..1_000_000_000_000_000, ac in 1_i128..1_000_000_000_000_000,
    ) {
        let figures = Figures { bac: whole(bac), pv: whole(pv), ev: whole(ev), ac: whole(ac) };
        let cpi = figures.cost_performance().unwrap();
        prop_assert_eq!(&cpi * whole(ac), whole(ev));
        prop_assert_eq!(figures.cost_variance() < whole(0), cpi < whole(1));
        let typical = figures.typical().unwrap();
        prop_assert_eq!(&typical.at_completion * &cpi, whole(bac));
        for estimate in [typical, figures.atypical(), figures.combined().unwrap()] {
            prop_assert_eq!(&estimate.to_complete + whole(ac), estimate.at_completion.clone());
            prop_assert_eq!(&estimate.variance + &estimate.at_completion, whole(bac));
        }
    }
}
