//! Days on the calendar of the shop.

use guildhall_sdk::{Fault, context};
use jiff::Timestamp;
pub use jiff::civil::Date;
use jiff::tz::TimeZone;

/// The oldest birthday that is looked for: nobody is older.
const OLDEST: i16 = 130;

/// Where the shop is.
pub struct Calendar(TimeZone);

impl Calendar {
    /// That of the tenant.
    pub fn of_tenant() -> Result<Self, Fault> {
        Self::of(&context::get()?.timezone)
    }

    /// That of a time zone, `Europe/Berlin`.
    pub fn of(zone: &str) -> Result<Self, Fault> {
        TimeZone::get(zone).map(Self).map_err(|_| Fault::internal(format!("There is no time zone {zone}.")))
    }

    /// The day of a moment by RFC 3339.
    pub fn day(&self, moment: &str) -> Result<Date, Fault> {
        let moment: Timestamp = moment.parse().map_err(|_| Fault::invalid(format!("`{moment}` is no moment.")))?;
        Ok(self.0.to_datetime(moment).date())
    }
}

/// A day as records have it.
pub fn date(text: &str) -> Result<Date, Fault> {
    text.parse().map_err(|_| Fault::invalid(format!("`{text}` is no day; days are written like 2026-11-21.")))
}

/// A length of time: `30D`, `6W`, `12M`, `2Y`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Length {
    count: i32,
    unit: Unit,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Unit {
    Days,
    Weeks,
    Months,
    Years,
}

impl Length {
    /// Reads it, as the schema of the settings allows it.
    pub fn parse(text: &str) -> Result<Self, Fault> {
        let wrong = || Fault::new("invalid_config", format!("`{text}` is no length of time such as 30D or 12M."));
        let (count, unit) = text.split_at_checked(text.len().saturating_sub(1)).ok_or_else(wrong)?;
        let unit = match unit {
            "D" => Unit::Days,
            "W" => Unit::Weeks,
            "M" => Unit::Months,
            "Y" => Unit::Years,
            _ => return Err(wrong()),
        };
        let count: u16 = count.parse().map_err(|_| wrong())?;
        Ok(Self { count: i32::from(count), unit })
    }

    /// The day that is so much later: the last of the month where the month has no such day.
    pub fn after(self, day: Date) -> Result<Date, Fault> {
        let span = jiff::Span::new();
        let span = match self.unit {
            Unit::Days => span.try_days(self.count),
            Unit::Weeks => span.try_weeks(self.count),
            Unit::Months => span.try_months(self.count),
            Unit::Years => span.try_years(self.count),
        };
        let later = span.and_then(|span| day.checked_add(span));
        later.map_err(|_| Fault::new("date_out_of_range", format!("{day} is too far away.")))
    }
}

/// The day after.
pub fn next(day: Date) -> Result<Date, Fault> {
    day.tomorrow().map_err(|_| Fault::new("date_out_of_range", format!("{day} is too far away.")))
}

/// The days of birth that are celebrated on a day. Who was born on 29 February has it on the 28th in other years.
pub fn births_celebrated_on(day: Date) -> Vec<Date> {
    let mut births = Vec::new();
    for year in (day.year() - OLDEST).max(1)..=day.year() {
        births.extend(Date::new(year, day.month(), day.day()).ok());
        if (day.month(), day.day()) == (2, 28) && !day.in_leap_year() {
            births.extend(Date::new(year, 2, 29).ok());
        }
    }
    births
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(text: &str) -> Date {
        date(text).unwrap()
    }

    #[test]
    fn a_moment_has_the_day_of_the_shop() {
        let moment = "2026-11-26T20:30:00.000000Z";
        assert_eq!(Calendar::of("UTC").unwrap().day(moment).unwrap(), day("2026-11-26"));
        assert_eq!(Calendar::of("Asia/Shanghai").unwrap().day(moment).unwrap(), day("2026-11-27"));
        assert_eq!(Calendar::of("America/New_York").unwrap().day(moment).unwrap(), day("2026-11-26"));
        assert!(Calendar::of("Nowhere/Land").is_err());
        assert_eq!(Calendar::of("UTC").unwrap().day("yesterday").unwrap_err().code(), "validation_failed");
    }

    #[test]
    fn lengths_keep_to_the_calendar() {
        let after = |length: &str, from: &str| Length::parse(length).unwrap().after(day(from)).unwrap();
        assert_eq!(after("12M", "2024-02-29"), day("2025-02-28"));
        assert_eq!(after("1M", "2026-01-31"), day("2026-02-28"));
        assert_eq!(after("2W", "2026-12-25"), day("2027-01-08"));
        assert_eq!(after("2Y", "2026-01-01"), day("2028-01-01"));
        assert_eq!(after("0D", "2026-01-01"), day("2026-01-01"));
        for wrong in ["", "M", "12", "-1D", "12m", "1.5M", "99999D", "é"] {
            assert!(Length::parse(wrong).is_err(), "{wrong}");
        }
        assert_eq!(Length::parse("65535Y").unwrap().after(day("2026-01-01")).unwrap_err().code(), "date_out_of_range");
    }

    #[test]
    fn a_birthday_comes_once_in_every_year() {
        for birth in ["2000-02-29", "1999-03-01", "2000-02-28", "1980-12-31"].map(day) {
            for year in [2023, 2024, 2025] {
                let mut celebrated = 0;
                let mut today = Date::new(year, 1, 1).unwrap();
                while today.year() == year {
                    celebrated += births_celebrated_on(today).iter().filter(|born| **born == birth).count();
                    today = today.tomorrow().unwrap();
                }
                assert_eq!(celebrated, 1, "{birth} in {year}");
            }
        }
    }
}
