//! How long something stood in each stage: every stay counts, also when it comes back.

use std::collections::BTreeMap;

use crate::moment::Moment;

/// Seconds in each stage, by a history in the order of time. The last stage counts until `now`.
pub fn by_stage(history: &[(Moment, String)], now: Moment) -> BTreeMap<String, i64> {
    by_stage_with(history, now, |from, to| to.seconds_since(from))
}

/// The same, of the seconds that `between` finds between two moments: those in business hours, for one.
pub fn by_stage_with(
    history: &[(Moment, String)],
    now: Moment,
    between: impl Fn(Moment, Moment) -> i64,
) -> BTreeMap<String, i64> {
    let ends = history.iter().skip(1).map(|(at, _)| *at).chain([now]);
    let mut stages = BTreeMap::new();
    for ((from, stage), to) in history.iter().zip(ends) {
        *stages.entry(stage.clone()).or_default() += between(*from, to);
    }
    stages
}

#[cfg(test)]
mod tests {
    use guildhall_sdk::Value;
    use proptest::prelude::*;

    use super::*;
    use crate::day::Day;

    #[test]
    fn the_published_history_comes_out_to_the_second() {
        let vectors: Value = include_str!("../tests/vectors/pipeline_forecast.json").parse().unwrap();
        let case = &vectors["stage_duration"];
        let moment = |value: &Value| value.as_str().unwrap().parse::<Moment>().unwrap();
        let event = |event: &Value| (moment(&event[0]), event[1].as_str().unwrap().to_owned());
        let history: Vec<_> = case["events"].as_array().unwrap().iter().map(event).collect();
        let expected = case["expect_seconds"].as_object().unwrap().iter();
        let expected: BTreeMap<String, i64> =
            expected.map(|(name, value)| (name.clone(), value.as_i64().unwrap())).collect();
        assert_eq!(by_stage(&history, moment(&case["now"])), expected);
    }

    proptest! {
        #[test]
        fn all_stays_together_are_the_whole_time(
            steps in prop::collection::vec((0_i64..1_000_000, 0_usize..4), 1..20),
            rest in 0_i64..1_000_000,
        ) {
            let names = ["new", "qualified", "proposal", "won"];
            let mut at = Moment::midnight(Day::of(2026, 1, 1));
            let first = at.plus_seconds(steps[0].0);
            let mut history = Vec::new();
            for (seconds, name) in &steps {
                at = at.plus_seconds(*seconds);
                history.push((at, names[*name].to_owned()));
            }
            let now = at.plus_seconds(rest);
            prop_assert_eq!(by_stage(&history, now).values().sum::<i64>(), now.seconds_since(first));
        }
    }
}
