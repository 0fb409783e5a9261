//! Cron lines: five parts, or six with seconds in front.

use std::str::FromStr;

use chrono_tz::Tz;
use croner::Cron;
use croner::parser::{CronParser, Seconds, Year};

use super::clock::Timestamp;

/// Longest line.
const MAX_LENGTH: usize = 100;

/// The parts of a line with seconds in front: what each is called, and what may stand there.
const PARTS: [(&str, &str); 6] = [
    ("second", "0 to 59"),
    ("minute", "0 to 59"),
    ("hour", "0 to 23"),
    ("day of month", "1 to 31, or L for the last one"),
    ("month", "1 to 12, or JAN to DEC"),
    ("day of week", "0 to 7, or SUN to SAT"),
];
/// Days of the months, the longest that they can be.
const DAYS: [u16; 12] = [31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];

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
        parse(text).map(Self).ok_or_else(|| wrong_part(text))
    }
}

fn parse(text: &str) -> Option<Cron> {
    let parser = CronParser::builder().seconds(Seconds::Optional).year(Year::Disallowed).build();
    parser.parse(text).ok()
}

/// Which part cannot be read: the first that cannot with `*` in all other places.
fn wrong_part(text: &str) -> String {
    let parts: Vec<&str> = text.split_whitespace().collect();
    let named = PARTS.iter().skip(PARTS.len().saturating_sub(parts.len()));
    for (at, (part, (name, range))) in parts.iter().zip(named).enumerate() {
        let mut alone = vec!["*"; parts.len()];
        alone[at] = part;
        if parse(&alone.join(" ")).is_none() {
            return format!("the {name} is `{part}`: it is {range}, a list, a range or a step of these, or `*`");
        }
    }
    "its parts do not go together".to_owned()
}

impl CronLine {
    /// Whether there is a day at all that it names.
    pub fn comes(&self) -> bool {
        let pattern = &self.0.pattern;
        // A day of the week comes in every month, and so does the last day, or the workday that is the nearest.
        if !pattern.is_dow_wildcard() || pattern.days.has_modifiers() {
            return true;
        }
        let days = pattern.days.values();
        let has_one = |month: u16| {
            let longest = DAYS.get(usize::from(month).saturating_sub(1)).copied().unwrap_or_default();
            days.iter().any(|day| *day <= longest)
        };
        pattern.months.values().into_iter().any(has_one)
    }

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
        for never in ["0 0 31 2 *", "0 0 30 2 *", "0 0 0 31 4,6,9,11 *", "0 0 30-31 FEB *"] {
            assert!(!never.parse::<CronLine>().unwrap().comes(), "{never}");
        }
        for comes in ["0 0 29 2 *", "0 0 31 2,3 *", "0 0 L 2 *", "0 0 30 2 MON", "* * * * *", "0 0 31W 1 *"] {
            assert!(comes.parse::<CronLine>().unwrap().comes(), "{comes}");
        }
    }

    #[test]
    fn the_part_that_is_wrong_is_named() {
        for (text, part) in [
            ("61 * * * *", "the minute is `61`: it is 0 to 59"),
            ("* 24 * * *", "the hour is `24`: it is 0 to 23"),
            ("* * 32 * *", "the day of month is `32`: it is 1 to 31"),
            ("* * * 13 *", "the month is `13`: it is 1 to 12"),
            ("* * * * 9", "the day of week is `9`: it is 0 to 7"),
            ("60 * * * * *", "the second is `60`: it is 0 to 59"),
            ("0 61 * * * *", "the minute is `61`"),
            ("5-1 * * * *", "the minute is `5-1`"),
            ("* * x * *", "the day of month is `x`"),
        ] {
            let said = text.parse::<CronLine>().unwrap_err();
            assert!(said.starts_with(part), "{text}: {said}");
        }
    }
}
