//! When a delivery that failed is tried again: the schedule of Standard Webhooks 1.0.

use std::time::Duration;

use super::clock::Timestamp;

/// Waiting times before each attempt; with the first, which is at once, 75 hours and 35 minutes.
pub const SCHEDULE: [Duration; 10] = [
    Duration::ZERO,
    Duration::from_secs(5),
    Duration::from_mins(5),
    Duration::from_mins(30),
    Duration::from_hours(2),
    Duration::from_hours(5),
    Duration::from_hours(10),
    Duration::from_hours(14),
    Duration::from_hours(20),
    Duration::from_hours(24),
];

/// Longest wait that a receiver can ask for with `Retry-After`.
pub const MAX_RETRY_AFTER: Duration = Duration::from_hours(1);

/// Largest part of a wait that is added at random, so that what failed together does not come back together.
const JITTER: f64 = 0.1;

/// How long to wait after this many attempts, all of which failed; none when
/// it was the last. `chance` is a random number from 0 to 1.
pub fn wait(attempts: usize, retry_after: Option<Duration>, chance: f64) -> Option<Duration> {
    let planned = SCHEDULE.get(attempts)?;
    let planned = planned.mul_f64(1.0 + JITTER * chance.clamp(0.0, 1.0));
    Some(retry_after.map_or(planned, |asked| planned.max(asked.min(MAX_RETRY_AFTER))))
}

/// Reads `Retry-After`: seconds, or a date.
pub fn retry_after(text: &str, now: Timestamp) -> Option<Duration> {
    if let Ok(seconds) = text.trim().parse() {
        return Some(Duration::from_secs(seconds));
    }
    let until = Timestamp::from(chrono::DateTime::parse_from_rfc2822(text.trim()).ok()?.to_utc());
    Some(Duration::from_micros(u64::try_from(until.micros() - now.micros()).unwrap_or(0)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ten_attempts_in_75_hours_and_35_minutes() {
        let mut all = Duration::ZERO;
        let mut attempts = 0;
        while let Some(wait) = wait(attempts, None, 0.0) {
            all += wait;
            attempts += 1;
        }
        assert_eq!((attempts, all), (10, Duration::from_secs((75 * 60 + 35) * 60 + 5)));
    }

    #[test]
    fn a_receiver_may_ask_for_more_time_within_bounds() {
        let minute = Duration::from_mins(1);
        assert_eq!(wait(1, Some(minute), 0.0), Some(minute));
        assert_eq!(wait(2, Some(minute), 0.0), Some(Duration::from_mins(5)));
        assert_eq!(wait(1, Some(Duration::from_hours(9_999)), 0.0), Some(MAX_RETRY_AFTER));
        assert_eq!(wait(10, Some(minute), 0.0), None);
    }

    #[test]
    fn retry_after_is_seconds_or_a_date() {
        let now = Timestamp::parse("2026-11-22T10:00:00Z").unwrap();
        let read = |text: &str| retry_after(text, now).map(|wait| wait.as_secs());
        assert_eq!(read("120"), Some(120));
        assert_eq!(read("Sun, 22 Nov 2026 10:01:00 GMT"), Some(60));
        assert_eq!(read("Sun, 22 Nov 2020 10:01:00 GMT"), Some(0));
        assert_eq!((read("soon"), read("-5"), read("")), (None, None, None));
    }

    #[test]
    fn chance_only_adds_and_only_a_tenth() {
        assert_eq!(wait(2, None, 1.0), Some(Duration::from_secs(330)));
        assert_eq!(wait(2, None, 7.0), Some(Duration::from_secs(330)));
    }
}
