//! Time as a value: the only place that reads the system clock.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use chrono::{DateTime, Datelike, NaiveDate, Timelike, Utc};

/// A moment in UTC with microsecond precision.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(i64);

impl Timestamp {
    /// The last moment of the year 9999.
    pub const MAX: Self = Self(253_402_300_799_999_999);

    /// From microseconds since the Unix epoch.
    pub const fn from_micros(micros: i64) -> Self {
        Self(micros)
    }

    /// Microseconds since the Unix epoch.
    pub const fn micros(self) -> i64 {
        self.0
    }

    /// So much later.
    #[must_use]
    pub fn plus(self, wait: std::time::Duration) -> Self {
        Self(self.0.saturating_add(i64::try_from(wait.as_micros()).unwrap_or(i64::MAX)))
    }

    /// So much earlier.
    #[must_use]
    pub fn minus(self, time: std::time::Duration) -> Self {
        Self(self.0.saturating_sub(i64::try_from(time.as_micros()).unwrap_or(i64::MAX)))
    }

    /// Reads RFC 3339 with any offset, or a bare date as its midnight in UTC.
    /// Years outside 0001 to 9999 are refused, so that text order is time order.
    pub fn parse(text: &str) -> Option<Self> {
        let moment = if text.len() == 10 {
            let date = NaiveDate::parse_from_str(text, "%Y-%m-%d").ok()?;
            date.and_hms_opt(0, 0, 0)?.and_utc()
        } else {
            DateTime::parse_from_rfc3339(text).ok()?.with_timezone(&Utc)
        };
        (1..=9999).contains(&moment.year()).then(|| Self(moment.timestamp_micros()))
    }

    /// As the type that the PostgreSQL driver knows.
    pub fn to_chrono(self) -> DateTime<Utc> {
        DateTime::from_timestamp_micros(self.0).unwrap_or(DateTime::UNIX_EPOCH)
    }
}

impl From<DateTime<Utc>> for Timestamp {
    fn from(moment: DateTime<Utc>) -> Self {
        Self(moment.timestamp_micros())
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let moment = self.to_chrono();
        let mut text = *b"0000-00-00T00:00:00.000000Z";
        let year = u32::try_from(moment.year()).unwrap_or(0);
        digits(&mut text[0..4], year);
        digits(&mut text[5..7], moment.month());
        digits(&mut text[8..10], moment.day());
        digits(&mut text[11..13], moment.hour());
        digits(&mut text[14..16], moment.minute());
        digits(&mut text[17..19], moment.second());
        digits(&mut text[20..26], moment.timestamp_subsec_micros());
        f.write_str(std::str::from_utf8(&text).unwrap_or_default())
    }
}

/// Writes a number right-aligned over zeros; hot, because every record carries two times.
fn digits(place: &mut [u8], mut number: u32) {
    for digit in place.iter_mut().rev() {
        *digit = b'0' + (number % 10) as u8;
        number /= 10;
    }
}

/// Where the current time comes from.
#[derive(Clone, Debug, Default)]
pub struct Clock(Option<Arc<AtomicI64>>);

impl Clock {
    /// The clock of the machine.
    pub fn system() -> Self {
        Self(None)
    }

    /// A clock that stands at `start` until it is moved.
    pub fn manual(start: Timestamp) -> Self {
        Self(Some(Arc::new(AtomicI64::new(start.0))))
    }

    /// The current time.
    pub fn now(&self) -> Timestamp {
        match &self.0 {
            #[expect(clippy::disallowed_methods, reason = "the one place that reads the clock")]
            None => Timestamp::from(Utc::now()),
            Some(micros) => Timestamp(micros.load(Ordering::Relaxed)),
        }
    }

    /// Moves a manual clock; the machine's clock stays as it is.
    pub fn advance(&self, by: std::time::Duration) {
        if let Some(micros) = &self.0 {
            let by = i64::try_from(by.as_micros()).unwrap_or(i64::MAX);
            micros.fetch_add(by, Ordering::Relaxed);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prints_fixed_width_utc() {
        let moment = Timestamp::parse("1997-01-18T03:04:05.006+02:00").unwrap();
        assert_eq!(moment.to_string(), "1997-01-18T01:04:05.006000Z");
        assert_eq!(Timestamp::parse("1997-01-18").unwrap().to_string(), "1997-01-18T00:00:00.000000Z");
    }

    #[test]
    fn refuses_what_is_no_time() {
        for text in ["", "yesterday", "1997-02-30", "1997-01-18T25:00:00Z", "1997-01-18T00:00:00"] {
            assert_eq!(Timestamp::parse(text), None, "{text}");
        }
    }
}
