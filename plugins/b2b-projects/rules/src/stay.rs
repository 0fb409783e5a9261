//! How long an engagement stayed in each stage.

use std::collections::BTreeMap;

use crate::calendar::Calendar;
use crate::day::Day;

/// A change of stage: from that day on, it is in that one; in none when it left.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    pub stage: Option<String>,
    pub on: Day,
}

/// How long it stayed in a stage, all times together.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Stay {
    pub times: i64,
    pub days: i64,
    /// Of these, days that were worked.
    pub working_days: i64,
}

/// The stays of a history in the order of time. The stage that it is in counts up to today, today not included.
pub fn stays(history: &[Entry], today: Day, calendar: &Calendar) -> BTreeMap<String, Stay> {
    let mut stays: BTreeMap<String, Stay> = BTreeMap::new();
    for (place, entry) in history.iter().enumerate() {
        let Some(stage) = &entry.stage else { continue };
        let until = history.get(place + 1).map_or(today, |next| next.on);
        let stay = stays.entry(stage.clone()).or_default();
        stay.times += 1;
        stay.days += until.since(entry.on).max(0);
        stay.working_days += calendar.worked(entry.on, until.plus(-1));
    }
    stays
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn day(text: &str) -> Day {
        text.parse().unwrap()
    }

    fn weeks() -> Calendar {
        Calendar::new(1..=5, []).unwrap()
    }

    #[test]
    fn stays_add_up_with_every_return() {
        let entry = |stage: &str, on: &str| Entry { stage: Some(stage.to_owned()), on: day(on) };
        // Friday, Monday, Wednesday.
        let history = [entry("offer", "2026-11-06"), entry("contract", "2026-11-09"), entry("offer", "2026-11-11")];
        let found = stays(&history, day("2026-11-14"), &weeks());
        assert_eq!(found["offer"], Stay { times: 2, days: 6, working_days: 4 });
        assert_eq!(found["contract"], Stay { times: 1, days: 2, working_days: 2 });
        assert_eq!(stays(&[], day("2026-11-14"), &weeks()), BTreeMap::new());
    }

    proptest! {
        #[test]
        fn all_stays_are_the_whole_time(steps in prop::collection::vec((prop::option::of("[a-c]"), 0_i64..9), 1..12)) {
            let mut on = day("2026-01-01");
            let mut outside = 0;
            let mut history = Vec::new();
            for (stage, days) in &steps {
                history.push(Entry { stage: stage.clone(), on });
                outside += if stage.is_none() { *days } else { 0 };
                on = on.plus(*days);
            }
            let found = stays(&history, on, &weeks());
            let days: i64 = found.values().map(|stay| stay.days).sum();
            prop_assert_eq!(days + outside, on.since(day("2026-01-01")));
            prop_assert!(found.values().all(|stay| 0 <= stay.working_days && stay.working_days <= stay.days));
        }
    }
}
