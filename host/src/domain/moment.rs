//! A moment as a tenant sees it: on the calendar of its timezone.

mod relative;

use chrono::{DateTime, Datelike, Days, Months, NaiveDate, NaiveDateTime, NaiveTime, TimeZone, Utc};
use chrono_tz::Tz;

use super::clock::Timestamp;

/// Quarters of an hour to look for the end of a gap in a calendar: a day and some.
const GAP: u32 = 100;

/// A moment, and whose calendar it is seen on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Moment {
    /// When.
    pub at: Timestamp,
    /// Where.
    pub timezone: Tz,
}

/// A stretch of the calendar.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// From midnight to midnight.
    Day,
    /// From Monday to Sunday (ISO 8601).
    Week,
    /// A month.
    Month,
    /// Three months, from January, April, July or October.
    Quarter,
    /// A year.
    Year,
}

impl Unit {
    /// The unit of that name.
    pub fn find(name: &str) -> Option<Self> {
        Some(match name {
            "day" => Self::Day,
            "week" => Self::Week,
            "month" => Self::Month,
            "quarter" => Self::Quarter,
            "year" => Self::Year,
            _ => return None,
        })
    }

    /// The first day of the stretch that a day is in.
    pub fn start(self, day: NaiveDate) -> NaiveDate {
        let first = |month| NaiveDate::from_ymd_opt(day.year(), month, 1).unwrap_or(day);
        match self {
            Self::Day => day,
            Self::Week => {
                day.checked_sub_days(Days::new(u64::from(day.weekday().num_days_from_monday()))).unwrap_or(day)
            }
            Self::Month => first(day.month()),
            Self::Quarter => first((day.month() - 1) / 3 * 3 + 1),
            Self::Year => first(1),
        }
    }

    /// So many stretches later, or earlier; none beyond the years 1 to 9999.
    pub fn step(self, day: NaiveDate, count: i32) -> Option<NaiveDate> {
        let days = |each: u64| {
            let by = Days::new(u64::from(count.unsigned_abs()) * each);
            if count < 0 { day.checked_sub_days(by) } else { day.checked_add_days(by) }
        };
        let months = |each: u32| {
            let by = Months::new(count.unsigned_abs().checked_mul(each)?);
            if count < 0 { day.checked_sub_months(by) } else { day.checked_add_months(by) }
        };
        let day = match self {
            Self::Day => days(1),
            Self::Week => days(7),
            Self::Month => months(1),
            Self::Quarter => months(3),
            Self::Year => months(12),
        };
        day.filter(|day| (1..=9999).contains(&day.year()))
    }
}

impl Moment {
    /// The time on the wall.
    pub fn local(&self) -> NaiveDateTime {
        self.at.to_chrono().with_timezone(&self.timezone).naive_local()
    }

    /// The day on the calendar.
    pub fn day(&self) -> NaiveDate {
        self.local().date()
    }

    /// When a day begins in this timezone.
    pub fn start_of_day(&self, day: NaiveDate) -> Timestamp {
        self.resolve(day.and_time(NaiveTime::MIN))
    }

    /// The moment at which the clock on the wall shows this: the first one
    /// where it shows it twice, the next one where it never does.
    fn resolve(&self, wall: NaiveDateTime) -> Timestamp {
        let shown = (0..GAP).find_map(|quarter| {
            let wall = wall.checked_add_signed(chrono::TimeDelta::minutes(i64::from(quarter) * 15))?;
            self.timezone.from_local_datetime(&wall).earliest()
        });
        let moment: DateTime<Utc> = shown.map_or_else(|| wall.and_utc(), |moment| moment.with_timezone(&Utc));
        Timestamp::from(moment)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_begin_where_the_tenant_is() {
        let day = |text: &str| NaiveDate::parse_from_str(text, "%Y-%m-%d").unwrap();
        let berlin = Moment { at: Timestamp::parse("2026-03-29T00:30:00Z").unwrap(), timezone: Tz::Europe__Berlin };
        assert_eq!(berlin.day(), day("2026-03-29"));
        assert_eq!(berlin.start_of_day(berlin.day()).to_string(), "2026-03-28T23:00:00.000000Z");
        assert_eq!(berlin.start_of_day(day("2026-03-30")).to_string(), "2026-03-29T22:00:00.000000Z");
        // Midnight is skipped when summer time begins in Santiago, and a whole day once was in Apia.
        let santiago = Moment { timezone: Tz::America__Santiago, ..berlin };
        assert_eq!(santiago.start_of_day(day("2026-09-06")).to_string(), "2026-09-06T04:00:00.000000Z");
        let apia = Moment { timezone: Tz::Pacific__Apia, ..berlin };
        assert_eq!(apia.start_of_day(day("2011-12-30")), apia.start_of_day(day("2011-12-31")));
    }

    #[test]
    fn stretches_begin_and_follow() {
        let day = |text: &str| NaiveDate::parse_from_str(text, "%Y-%m-%d").unwrap();
        for (unit, start, next) in [
            (Unit::Day, "2026-11-22", "2026-11-23"),
            (Unit::Week, "2026-11-16", "2026-11-23"),
            (Unit::Month, "2026-11-01", "2026-12-01"),
            (Unit::Quarter, "2026-10-01", "2027-01-01"),
            (Unit::Year, "2026-01-01", "2027-01-01"),
        ] {
            assert_eq!(unit.start(day("2026-11-22")), day(start), "{unit:?}");
            assert_eq!(unit.step(day(start), 1), Some(day(next)), "{unit:?}");
        }
        assert_eq!(Unit::Year.step(day("9999-01-01"), 1), None);
        assert_eq!(Unit::Quarter.step(day("2026-01-01"), i32::MAX), None);
    }
}
