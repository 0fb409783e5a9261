//! Days of the calendar, without a time zone.

use std::fmt;
use std::str::FromStr;

/// A day, as it is written: `2026-11-21`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Day(i64);

/// A text that names no day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NoDay;

/// What a target, or a figure, is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Period {
    Month,
    Quarter,
    Year,
}

impl Period {
    /// By the name that records have.
    pub fn named(name: &str) -> Option<Self> {
        match name {
            "month" => Some(Self::Month),
            "quarter" => Some(Self::Quarter),
            "year" => Some(Self::Year),
            _ => None,
        }
    }

    fn months(self) -> i64 {
        match self {
            Self::Month => 1,
            Self::Quarter => 3,
            Self::Year => 12,
        }
    }
}

impl Day {
    /// The day so many days after 1970-01-01.
    pub fn from_number(number: i64) -> Self {
        Self(number)
    }

    /// How many days it is after 1970-01-01.
    pub fn number(self) -> i64 {
        self.0
    }

    /// The day of a year, a month (1 to 12) and a day of it.
    pub fn of(year: i64, month: i64, day: i64) -> Self {
        // Years begin with March, so that the leap day is the last one.
        let year = if month <= 2 { year - 1 } else { year };
        let (era, of_era) = (year.div_euclid(400), year.rem_euclid(400));
        let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
        Self(era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468)
    }

    /// Year, month (1 to 12) and day of the month.
    pub fn parts(self) -> (i64, i64, i64) {
        let (era, of_era) = ((self.0 + 719_468).div_euclid(146_097), (self.0 + 719_468).rem_euclid(146_097));
        let year = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
        let of_year = of_era - (365 * year + year / 4 - year / 100);
        let month = (5 * of_year + 2) / 153;
        let day = of_year - (153 * month + 2) / 5 + 1;
        let (month, year) = (if month < 10 { month + 3 } else { month - 9 }, year + era * 400);
        (if month <= 2 { year + 1 } else { year }, month, day)
    }

    /// From 1 (Monday) to 7.
    pub fn weekday(self) -> i64 {
        (self.0 + 3).rem_euclid(7) + 1
    }

    /// The day so many days later.
    #[must_use]
    pub fn plus_days(self, days: i64) -> Self {
        Self(self.0 + days)
    }

    /// The first day of the period that it lies in.
    #[must_use]
    pub fn start_of(self, period: Period) -> Self {
        let (year, month, _) = self.parts();
        Self::of(year, (month - 1) / period.months() * period.months() + 1, 1)
    }

    /// The first day of the period so many later.
    #[must_use]
    pub fn start_after(self, period: Period, periods: i64) -> Self {
        let (year, month, _) = self.start_of(period).parts();
        let months = year * 12 + month - 1 + periods * period.months();
        Self::of(months.div_euclid(12), months.rem_euclid(12) + 1, 1)
    }
}

impl FromStr for Day {
    type Err = NoDay;

    fn from_str(text: &str) -> Result<Self, NoDay> {
        let parts: Vec<&str> = text.split('-').collect();
        let [year, month, day] = parts[..] else { return Err(NoDay) };
        let number = |text: &str, width| {
            let is_number = text.len() == width && text.bytes().all(|byte| byte.is_ascii_digit());
            if is_number { text.parse().map_err(|_| NoDay) } else { Err(NoDay) }
        };
        let named = (number(year, 4)?, number(month, 2)?, number(day, 2)?);
        let day = Self::of(named.0, named.1.clamp(1, 12), named.2);
        if day.parts() == named { Ok(day) } else { Err(NoDay) }
    }
}

impl fmt::Display for Day {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (year, month, day) = self.parts();
        write!(formatter, "{year:04}-{month:02}-{day:02}")
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn day(text: &str) -> Day {
        text.parse().unwrap()
    }

    #[test]
    fn periods_begin_where_the_calendar_says() {
        assert_eq!(day("2026-11-27").start_of(Period::Quarter), day("2026-10-01"));
        assert_eq!(day("2026-11-27").start_after(Period::Quarter, 1), day("2027-01-01"));
        assert_eq!(day("2026-01-31").start_after(Period::Month, -1), day("2025-12-01"));
        assert_eq!(day("2026-02-28").start_of(Period::Year), day("2026-01-01"));
        assert_eq!((day("1970-01-01").number(), day("2026-11-27").weekday()), (0, 5));
    }

    #[test]
    fn what_is_no_day_is_refused() {
        for text in
            ["2026-02-29", "2026-13-01", "2026-00-10", "26-01-01", "2026-1-1", "2026-01-01T00", "", "+026-01-01"]
        {
            assert_eq!(text.parse::<Day>(), Err(NoDay), "{text}");
        }
        assert_eq!(day("2024-02-29").plus_days(1), day("2024-03-01"));
    }

    proptest! {
        #[test]
        fn every_day_has_one_name(number in -700_000_i64..2_900_000) {
            let day = Day::from_number(number);
            let (year, month, of_month) = day.parts();
            prop_assert_eq!(Day::of(year, month, of_month), day);
            if (0..=9999).contains(&year) {
                prop_assert_eq!(day.to_string().parse::<Day>(), Ok(day));
            }
            prop_assert!(day.start_of(Period::Month) <= day && day < day.start_after(Period::Month, 1));
        }
    }
}
