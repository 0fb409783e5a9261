//! Moments, to the microsecond.

use std::fmt;
use std::str::FromStr;

use crate::day::Day;

/// Microseconds of a second.
const SECOND: i64 = 1_000_000;
/// Seconds of a day.
pub const DAY: i64 = 86_400;

/// A moment in UTC, as the host writes it: `2026-11-21T09:30:00.000000Z`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Moment(i64);

/// A text that names no moment in UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NoMoment;

impl Moment {
    /// The midnight, in UTC, with which a day begins.
    pub fn midnight(day: Day) -> Self {
        Self(day.number() * DAY * SECOND)
    }

    /// The day in UTC.
    pub fn day(self) -> Day {
        Day::from_number(self.0.div_euclid(DAY * SECOND))
    }

    /// Seconds since 1970, cut off.
    pub fn seconds(self) -> i64 {
        self.0.div_euclid(SECOND)
    }

    /// The moment so many seconds later.
    #[must_use]
    pub fn plus_seconds(self, seconds: i64) -> Self {
        Self(self.0.saturating_add(seconds.saturating_mul(SECOND)))
    }

    /// The moment so many days later.
    #[must_use]
    pub fn plus_days(self, days: i64) -> Self {
        self.plus_seconds(days.saturating_mul(DAY))
    }

    /// Whole seconds since an earlier moment; none since a later one.
    pub fn seconds_since(self, earlier: Self) -> i64 {
        (self.0 - earlier.0).max(0) / SECOND
    }
}

impl FromStr for Moment {
    type Err = NoMoment;

    fn from_str(text: &str) -> Result<Self, NoMoment> {
        let (day, time) = text.strip_suffix('Z').and_then(|text| text.split_once('T')).ok_or(NoMoment)?;
        let day: Day = day.parse().map_err(|_| NoMoment)?;
        let (time, fraction) = time.split_once('.').unwrap_or((time, "0"));
        let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
        let parts: Vec<i64> =
            time.split(':').filter(|part| part.len() == 2 && digits(part)).flat_map(str::parse).collect();
        let [hours @ 0..24, minutes @ 0..60, seconds @ 0..61] = parts[..] else { return Err(NoMoment) };
        if time.len() != 8 || fraction.is_empty() || fraction.len() > 9 || !digits(fraction) {
            return Err(NoMoment);
        }
        let micros: i64 = format!("{fraction:0<9}")[..6].parse().map_err(|_| NoMoment)?;
        let seconds = day.number() * DAY + hours * 3600 + minutes * 60 + seconds;
        Ok(Self(seconds * SECOND + micros))
    }
}

impl fmt::Display for Moment {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let of_day = self.0.rem_euclid(DAY * SECOND);
        let (seconds, micros) = (of_day / SECOND, of_day % SECOND);
        let (hours, minutes, seconds) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
        write!(formatter, "{}T{hours:02}:{minutes:02}:{seconds:02}.{micros:06}Z", self.day())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_is_no_moment_is_refused() {
        for text in
            ["2026-01-01", "2026-01-01T24:00:00Z", "2026-01-01T1:00:00Z", "2026-01-01T00:00:00+01:00", "T00:00:00Z"]
        {
            assert_eq!(text.parse::<Moment>(), Err(NoMoment), "{text}");
        }
        let moment: Moment = "2026-01-01T09:30:00.5Z".parse().unwrap();
        assert_eq!(moment.to_string(), "2026-01-01T09:30:00.500000Z");
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_again(micros in -60_000_000_000_000_000_i64..200_000_000_000_000_000) {
            prop_assert_eq!(Moment(micros).to_string().parse(), Ok(Moment(micros)));
        }
    }
}
