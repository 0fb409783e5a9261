//! Cron lines: five parts, or six with seconds in front.

use std::str::FromStr;

use chrono_tz::Tz;
use croner::Cron;
use croner::parser::{CronParser, Seconds, Year};

use super::clock::Timestamp;

/// Longest line.
const MAX_LENGTH: usize = 100;

/// A cron line that can be read.
#[derive(Clone, Debug)]
pub struct CronLine(Cron);

impl FromStr for CronLine {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text.len() > MAX_LENGTH || !(5..=6).contains(&text.split_whitespace().count()) {
            return Err("has five parts, or six with seconds in front".to_owned());
        }
        // The parser takes a list of nothing, and looking for its next time takes seconds.
        if text.split_whitespace().flat_map(|part| part.split(',')).any(str::is_empty) {
            return Err("has a list with an empty place".to_owned());
        }
        let parser = CronParser::builder().seconds(Seconds::Optional).year(Year::Disallowed).build();
        parser.parse(text).map(Self).map_err(|error| error.to_string())
    }
}

impl CronLine {
    /// The first time after this one, on the clocks of that place; none when there is none.
    pub fn after(&self, moment: Timestamp, timezone: Tz) -> Option<Timestamp> {
        let there = moment.to_chrono().with_timezone(&timezone);
        let next = self.0.find_next_occurrence(&there, false).ok()?;
        Some(Timestamp::from(next.with_timezone(&chrono::Utc)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn next(line: &str, after: &str, timezone: Tz) -> String {
        let line: CronLine = line.parse().unwrap();
        line.after(Timestamp::parse(after).unwrap(), timezone).unwrap().to_string()
    }

    #[test]
    fn times_are_those_of_the_place() {
        assert_eq!(next("0 9 * * *", "2026-01-01T00:00:00Z", Tz::UTC), "2026-01-01T09:00:00.000000Z");
        assert_eq!(next("0 9 * * *", "2026-01-01T00:00:00Z", Tz::Asia__Shanghai), "2026-01-01T01:00:00.000000Z");
        assert_eq!(next("30 0 9 * * *", "2026-01-01T09:00:30Z", Tz::UTC), "2026-01-02T09:00:30.000000Z");
        // The clock goes from 2:00 to 3:00 that day: what is due in between comes once.
        let spring = next("30 2 * * *", "2026-03-28T12:00:00Z", Tz::Europe__Berlin);
        assert!(spring.starts_with("2026-03-29T0"), "{spring}");
        // And back: 2:30 comes twice, and counts once.
        let first = next("30 2 * * *", "2026-10-24T12:00:00Z", Tz::Europe__Berlin);
        let second = next("30 2 * * *", &first, Tz::Europe__Berlin);
        assert!(first.starts_with("2026-10-25T0") && second.starts_with("2026-10-26T0"), "{first} {second}");
    }

    #[test]
    fn what_is_no_line_is_refused() {
        for text in ["", "* * * *", "61 * * * *", "* * * * * * *", "x * * * *", "* * 32 * *", "@daily", "* * * * 9"] {
            assert!(text.parse::<CronLine>().is_err(), "{text}");
        }
        for text in [", * * * *", "* , * * *", "1,,2 * * * *", "0, * * * *", "* * * * ,1"] {
            assert_eq!(text.parse::<CronLine>().unwrap_err(), "has a list with an empty place", "{text}");
        }
        for text in ["*/15 * * * *", "0 */15 * * * *", "0 9 * * MON-FRI", "0 0 L * *"] {
            assert!(text.parse::<CronLine>().is_ok(), "{text}");
        }
    }

    #[test]
    fn a_day_that_never_comes_is_never_due() {
        let line: CronLine = "0 0 31 2 *".parse().unwrap();
        assert_eq!(line.after(Timestamp::parse("2026-01-01").unwrap(), Tz::UTC), None);
    }
}
