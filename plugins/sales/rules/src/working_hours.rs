//! The hours in which work is done, and how much of a time lies in them.

use serde::Deserialize;

use crate::day::Day;
use crate::moment::{DAY, Moment};

/// When work is done, on a clock with a fixed distance to UTC: a module has no time zones.
#[derive(Debug, Clone, Deserialize)]
#[serde(default)]
pub struct WorkingHours {
    /// How far the clock is ahead of UTC.
    pub utc_offset_minutes: i64,
    /// Days of the week, from 1 (Monday) to 7.
    pub weekdays: Vec<i64>,
    /// The hour with which a day of work begins.
    pub from_hour: i64,
    /// The hour with which it ends.
    pub to_hour: i64,
    /// Days without work.
    pub holidays: Vec<String>,
}

impl Default for WorkingHours {
    fn default() -> Self {
        Self { utc_offset_minutes: 0, weekdays: (1..=5).collect(), from_hour: 9, to_hour: 18, holidays: Vec::new() }
    }
}

/// The longest time that is looked through day by day.
const MOST_DAYS: i64 = 40 * 366;

impl WorkingHours {
    /// The seconds between two moments in which work is done.
    pub fn seconds(&self, from: Moment, to: Moment) -> i64 {
        let on_clock = |moment: Moment| moment.seconds() + self.utc_offset_minutes * 60;
        let (from, to) = (on_clock(from), on_clock(to));
        let (first, last) = (from.div_euclid(DAY), to.div_euclid(DAY));
        if to <= from || last - first > MOST_DAYS {
            return 0;
        }
        let holidays: Vec<Day> = self.holidays.iter().flat_map(|day| day.parse()).collect();
        let works = |day: Day| self.weekdays.contains(&day.weekday()) && !holidays.contains(&day);
        let of_day = |number: i64| {
            let (opens, closes) = (number * DAY + self.from_hour * 3600, number * DAY + self.to_hour * 3600);
            (to.min(closes) - from.max(opens)).max(0)
        };
        (first..=last).filter(|number| works(Day::from_number(*number))).map(of_day).sum()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn moment(text: &str) -> Moment {
        text.parse().unwrap()
    }

    fn seconds(hours: &WorkingHours, from: &str, to: &str) -> i64 {
        hours.seconds(moment(from), moment(to))
    }

    #[test]
    fn nights_weekends_and_holidays_do_not_count() {
        let usual = WorkingHours::default();
        // Friday 17:00 to Monday 10:00.
        assert_eq!(seconds(&usual, "2026-11-27T17:00:00Z", "2026-11-30T10:00:00Z"), 2 * 3600);
        assert_eq!(seconds(&usual, "2026-11-28T00:00:00Z", "2026-11-29T23:00:00Z"), 0);
        assert_eq!(seconds(&usual, "2026-11-30T10:00:00Z", "2026-11-27T17:00:00Z"), 0);
        let closed = WorkingHours { holidays: vec!["2026-11-30".to_owned()], ..usual.clone() };
        assert_eq!(seconds(&closed, "2026-11-27T17:00:00Z", "2026-11-30T10:00:00Z"), 3600);
        // In Shanghai, 01:00 in UTC is 09:00.
        let shanghai = WorkingHours { utc_offset_minutes: 480, ..usual };
        assert_eq!(seconds(&shanghai, "2026-11-27T00:00:00Z", "2026-11-27T02:00:00Z"), 3600);
    }

    proptest! {
        #[test]
        fn parts_add_up_to_the_whole(
            start in 0_i64..2_000_000_000,
            first in 0_i64..5_000_000,
            second in 0_i64..5_000_000,
        ) {
            let hours = WorkingHours { utc_offset_minutes: 330, ..WorkingHours::default() };
            let from = Moment::midnight(Day::from_number(0)).plus_seconds(start);
            let (middle, to) = (from.plus_seconds(first), from.plus_seconds(first + second));
            prop_assert_eq!(hours.seconds(from, middle) + hours.seconds(middle, to), hours.seconds(from, to));
            prop_assert!(hours.seconds(from, to) <= to.seconds_since(from));
        }

        #[test]
        fn work_around_the_clock_is_all_the_time(start in 0_i64..2_000_000_000, length in 0_i64..5_000_000) {
            let usual = WorkingHours::default();
            let always = WorkingHours { weekdays: (1..=7).collect(), from_hour: 0, to_hour: 24, ..usual };
            let from = Moment::midnight(Day::from_number(0)).plus_seconds(start);
            prop_assert_eq!(always.seconds(from, from.plus_seconds(length)), length);
        }
    }
}
