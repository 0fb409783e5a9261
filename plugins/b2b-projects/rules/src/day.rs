//! Days of the Gregorian calendar.

use std::fmt;
use std::str::FromStr;

/// A day, counted from 1970-01-01.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Day(i64);

/// A text that is no day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InvalidDay;

impl Day {
    /// So many days later.
    #[must_use]
    pub fn plus(self, days: i64) -> Self {
        Self(self.0.saturating_add(days))
    }

    /// How many days this one is after the other.
    pub fn since(self, other: Self) -> i64 {
        self.0 - other.0
    }

    /// 1 is Monday, 7 is Sunday.
    pub fn weekday(self) -> u8 {
        u8::try_from((self.0 + 3).rem_euclid(7) + 1).unwrap_or(1)
    }

    /// The day of a moment in RFC 3339, in UTC.
    pub fn of_moment(moment: &str) -> Result<Self, InvalidDay> {
        moment.get(..10).ok_or(InvalidDay)?.parse()
    }

    /// By the civil calendar of Howard Hinnant: years begin in March, so that the leap day is the last of its year.
    fn of_civil(year: i64, month: i64, day: i64) -> Self {
        let year = if month <= 2 { year - 1 } else { year };
        let era = year.div_euclid(400);
        let year_of_era = year.rem_euclid(400);
        let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
        let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
        Self(era * 146_097 + day_of_era - 719_468)
    }

    fn civil(self) -> (i64, i64, i64) {
        let shifted = self.0 + 719_468;
        let era = shifted.div_euclid(146_097);
        let day_of_era = shifted.rem_euclid(146_097);
        let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
        let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let month_from_march = (5 * day_of_year + 2) / 153;
        let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
        let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
        (year_of_era + era * 400 + i64::from(month <= 2), month, day)
    }
}

impl FromStr for Day {
    type Err = InvalidDay;

    /// Reads `2026-11-27`.
    fn from_str(text: &str) -> Result<Self, InvalidDay> {
        let form = text.bytes().enumerate().all(|(at, byte)| match at {
            4 | 7 => byte == b'-',
            _ => byte.is_ascii_digit(),
        });
        if text.len() != 10 || !form {
            return Err(InvalidDay);
        }
        let number = |from: usize, to: usize| text[from..to].parse::<i64>().map_err(|_| InvalidDay);
        let (year, month, day) = (number(0, 4)?, number(5, 7)?, number(8, 10)?);
        let found = Self::of_civil(year, month, day);
        // A day that the month does not have comes out as another one.
        if (1..=12).contains(&month) && found.civil() == (year, month, day) { Ok(found) } else { Err(InvalidDay) }
    }
}

impl fmt::Display for Day {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (year, month, day) = self.civil();
        write!(formatter, "{year:04}-{month:02}-{day:02}")
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn days_are_read_as_they_are() {
        let day = |text: &str| text.parse::<Day>();
        assert_eq!(day("1970-01-01"), Ok(Day(0)));
        assert_eq!(day("2000-03-01"), Ok(Day(11_017)));
        assert_eq!(day("2026-11-27").unwrap().weekday(), 5);
        assert_eq!(day("2024-02-29").unwrap().plus(1).to_string(), "2024-03-01");
        assert_eq!(Day::of_moment("2026-11-27T23:59:59.000000Z"), day("2026-11-27"));
        for wrong in
            ["2023-02-29", "2026-13-01", "2026-00-10", "2026-04-31", "26-01-01", "2026/01/01", "2026-1-011", ""]
        {
            assert_eq!(day(wrong), Err(InvalidDay), "{wrong}");
        }
    }

    proptest! {
        #[test]
        fn days_are_written_and_read_back(number in -700_000_i64..2_900_000) {
            let day = Day(number);
            prop_assume!((1..=9999).contains(&day.civil().0));
            prop_assert_eq!(day.to_string().parse(), Ok(day));
            prop_assert_eq!(day.plus(7).weekday(), day.weekday());
            prop_assert!(day.plus(1).to_string() > day.to_string());
        }
    }
}
