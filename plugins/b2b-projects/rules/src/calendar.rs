//! The working calendar: which days are worked, and which working day a number stands for.

use std::collections::BTreeSet;

use crate::day::Day;

/// The longest schedule, in working days.
pub const MOST_DAYS: i64 = 40_000;

/// Days of the week that are worked, and holidays that are not.
#[derive(Debug, Clone)]
pub struct Calendar {
    weekdays: BTreeSet<u8>,
    holidays: BTreeSet<Day>,
}

/// Why there is no calendar, or no such day in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CalendarError {
    /// No day of the week is worked.
    NoWorkingDay,
    /// The day lies beyond the longest schedule.
    TooFar,
}

impl Calendar {
    /// Of days of the week (1 is Monday) and holidays.
    pub fn new(
        weekdays: impl IntoIterator<Item = u8>,
        holidays: impl IntoIterator<Item = Day>,
    ) -> Result<Self, CalendarError> {
        let weekdays: BTreeSet<u8> = weekdays.into_iter().filter(|day| (1..=7).contains(day)).collect();
        if weekdays.is_empty() {
            return Err(CalendarError::NoWorkingDay);
        }
        Ok(Self { weekdays, holidays: holidays.into_iter().collect() })
    }

    /// Whether it is worked on this day.
    pub fn is_worked(&self, day: Day) -> bool {
        self.weekdays.contains(&day.weekday()) && !self.holidays.contains(&day)
    }

    /// How many days are worked from one day to another, both included.
    pub fn worked(&self, from: Day, to: Day) -> i64 {
        let days = to.since(from) + 1;
        if days <= 0 {
            return 0;
        }
        let per_week = i64::try_from(self.weekdays.len()).unwrap_or_default();
        let rest = (days - days % 7..days).filter(|&at| self.weekdays.contains(&from.plus(at).weekday())).count();
        let off = self.holidays.range(from..=to).filter(|day| self.weekdays.contains(&day.weekday())).count();
        let count = |number: usize| i64::try_from(number).unwrap_or_default();
        days / 7 * per_week + count(rest) - count(off)
    }
}

/// The working days from a day on, by their numbers: 0 is the first one.
#[derive(Debug, Clone)]
pub struct Axis<'a> {
    calendar: &'a Calendar,
    days: Vec<Day>,
}

impl<'a> Axis<'a> {
    /// Of a calendar, from this day on.
    pub fn new(calendar: &'a Calendar, start: Day) -> Self {
        let mut first = start;
        while !calendar.is_worked(first) {
            first = first.plus(1);
        }
        Self { calendar, days: vec![first] }
    }

    /// The working day with this number.
    pub fn day(&mut self, number: i64) -> Result<Day, CalendarError> {
        let place = usize::try_from(number).map_err(|_| CalendarError::TooFar)?;
        if number >= MOST_DAYS {
            return Err(CalendarError::TooFar);
        }
        while self.days.len() <= place {
            let mut next = self.last().plus(1);
            while !self.calendar.is_worked(next) {
                next = next.plus(1);
            }
            self.days.push(next);
        }
        Ok(self.days[place])
    }

    /// The number of the first working day that is not before this day.
    pub fn number(&mut self, day: Day) -> Result<i64, CalendarError> {
        while self.last() < day {
            let count = i64::try_from(self.days.len()).map_err(|_| CalendarError::TooFar)?;
            self.day(count)?;
        }
        i64::try_from(self.days.partition_point(|worked| *worked < day)).map_err(|_| CalendarError::TooFar)
    }

    fn last(&self) -> Day {
        self.days[self.days.len() - 1]
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn day(text: &str) -> Day {
        text.parse().unwrap()
    }

    fn weeks(holidays: &[&str]) -> Calendar {
        Calendar::new(1..=5, holidays.iter().map(|text| day(text))).unwrap()
    }

    #[test]
    fn weekends_and_holidays_are_skipped() {
        let calendar = weeks(&["2026-11-30"]);
        // The 27th is a Friday.
        let mut axis = Axis::new(&calendar, day("2026-11-27"));
        assert_eq!(axis.day(0), Ok(day("2026-11-27")));
        assert_eq!(axis.day(1), Ok(day("2026-12-01")));
        assert_eq!(axis.number(day("2026-11-28")), Ok(1));
        assert_eq!(axis.number(day("2026-12-01")), Ok(1));
        assert_eq!(axis.number(day("2026-01-01")), Ok(0));
        assert_eq!(Axis::new(&calendar, day("2026-11-28")).day(0), Ok(day("2026-12-01")));
    }

    #[test]
    fn what_is_too_far_or_never_is_told() {
        let calendar = weeks(&[]);
        let mut axis = Axis::new(&calendar, day("2026-11-27"));
        assert_eq!(axis.day(MOST_DAYS), Err(CalendarError::TooFar));
        assert_eq!(axis.number(day("9999-12-31")), Err(CalendarError::TooFar));
        assert_eq!(Calendar::new([], []).unwrap_err(), CalendarError::NoWorkingDay);
        assert_eq!(Calendar::new([0, 8], []).unwrap_err(), CalendarError::NoWorkingDay);
    }

    proptest! {
        #[test]
        fn numbers_and_days_belong_to_each_other(
            weekdays in prop::collection::btree_set(1_u8..=7, 1..7),
            holidays in prop::collection::btree_set(0_i64..400, 0..40),
            from in 0_i64..100, length in -5_i64..300,
        ) {
            let origin = day("2026-01-01");
            let calendar = Calendar::new(weekdays, holidays.into_iter().map(|at| origin.plus(at))).unwrap();
            let (from, to) = (origin.plus(from), origin.plus(from + length));
            let expected = (0..=length).filter(|at| calendar.is_worked(from.plus(*at))).count();
            prop_assert_eq!(calendar.worked(from, to), i64::try_from(expected).unwrap());
            let mut axis = Axis::new(&calendar, from);
            for number in 0..40 {
                let worked = axis.day(number).unwrap();
                prop_assert!(calendar.is_worked(worked));
                prop_assert_eq!(axis.number(worked), Ok(number));
                prop_assert_eq!(calendar.worked(from, worked), number + 1);
            }
        }
    }
}
