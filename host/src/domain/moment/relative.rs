//! Words that stand for a moment: `$now(-30d)`, `$today`, `$start_of(month)`.

use chrono::{NaiveDate, TimeDelta};

use super::{Moment, Unit};
use crate::domain::clock::Timestamp;
use crate::domain::invalid::Unfit;

/// Most units to go forth or back.
const MAX_STEPS: i32 = 100_000;

/// What such a word stands for.
enum Sense {
    At(Timestamp),
    On(NaiveDate),
}

impl Moment {
    /// The moment that a word stands for; a day is its beginning.
    pub fn time_of(&self, word: &str) -> Result<Timestamp, Unfit> {
        match self.sense(word)? {
            Sense::At(at) => Ok(at),
            Sense::On(day) => Ok(self.start_of_day(day)),
        }
    }

    /// The day that a word stands for.
    pub fn day_of(&self, word: &str) -> Result<NaiveDate, Unfit> {
        match self.sense(word)? {
            Sense::At(at) => Ok(Self { at, ..*self }.day()),
            Sense::On(day) => Ok(day),
        }
    }

    fn sense(&self, word: &str) -> Result<Sense, Unfit> {
        let (name, inside) = match word.split_once('(') {
            None => (word, ""),
            Some((name, rest)) => (name, rest.strip_suffix(')').ok_or_else(unknown)?),
        };
        match name {
            "$now" if inside.is_empty() => Ok(Sense::At(self.at)),
            "$now" => self.shifted(inside),
            "$today" if inside.is_empty() => Ok(Sense::On(self.day())),
            "$today" => {
                let (count, unit) = steps(inside)?;
                day_unit(unit).and_then(|unit| unit.step(self.day(), count)).map(Sense::On).ok_or_else(unknown)
            }
            "$start_of" => {
                let (unit, count) = inside.split_once(',').unwrap_or((inside, "0"));
                let unit = Unit::find(unit.trim()).ok_or_else(unknown)?;
                let count = number(count.trim())?;
                unit.step(unit.start(self.day()), count).map(Sense::On).ok_or_else(too_far)
            }
            _ => Err(unknown()),
        }
    }

    /// Hours and less are exact; days and more keep the time on the wall.
    fn shifted(&self, inside: &str) -> Result<Sense, Unfit> {
        let (count, unit) = steps(inside)?;
        if let Some(unit) = day_unit(unit) {
            let wall = self.local();
            let day = unit.step(wall.date(), count).ok_or_else(too_far)?;
            return Ok(Sense::At(self.resolve(day.and_time(wall.time()))));
        }
        let by = match unit {
            "s" => TimeDelta::seconds(i64::from(count)),
            "min" => TimeDelta::minutes(i64::from(count)),
            "h" => TimeDelta::hours(i64::from(count)),
            _ => return Err(unknown()),
        };
        let moment = self.at.to_chrono().checked_add_signed(by).ok_or_else(too_far)?;
        Ok(Sense::At(Timestamp::from(moment)))
    }
}

/// `-30d` as a number and a unit.
fn steps(text: &str) -> Result<(i32, &str), Unfit> {
    let split = text.find(|c: char| c.is_ascii_alphabetic()).ok_or_else(unknown)?;
    let (count, unit) = text.split_at(split);
    Ok((number(count)?, unit))
}

fn number(text: &str) -> Result<i32, Unfit> {
    let count: i32 = text.parse().map_err(|_| unknown())?;
    if count.unsigned_abs() > MAX_STEPS.unsigned_abs() { Err(too_far()) } else { Ok(count) }
}

fn day_unit(unit: &str) -> Option<Unit> {
    Some(match unit {
        "d" => Unit::Day,
        "w" => Unit::Week,
        "mon" => Unit::Month,
        "q" => Unit::Quarter,
        "y" => Unit::Year,
        _ => return None,
    })
}

fn unknown() -> Unfit {
    Unfit::wrong_type(
        "a time, or $now, $now(-30d), $today, $today(+1w), $start_of(month), $start_of(quarter,-1); \
         steps are s, min, h, d, w, mon, q, y",
    )
}

fn too_far() -> Unfit {
    Unfit::out_of_range(format!("goes further than {MAX_STEPS} steps, or beyond the years 1 to 9999"))
}

#[cfg(test)]
mod tests {
    use chrono_tz::Tz;

    use super::*;

    #[test]
    fn words_stand_for_moments_of_the_tenant() {
        let moment = Moment { at: Timestamp::parse("2026-03-29T22:30:00Z").unwrap(), timezone: Tz::Europe__Berlin };
        for (word, time, day) in [
            ("$now", "2026-03-29T22:30:00.000000Z", "2026-03-30"),
            ("$now(-24h)", "2026-03-28T22:30:00.000000Z", "2026-03-28"),
            ("$now(-2d)", "2026-03-27T23:30:00.000000Z", "2026-03-28"),
            ("$now(+90min)", "2026-03-30T00:00:00.000000Z", "2026-03-30"),
            ("$today", "2026-03-29T22:00:00.000000Z", "2026-03-30"),
            ("$today(+1w)", "2026-04-05T22:00:00.000000Z", "2026-04-06"),
            ("$today(-1mon)", "2026-02-27T23:00:00.000000Z", "2026-02-28"),
            ("$start_of(week)", "2026-03-29T22:00:00.000000Z", "2026-03-30"),
            ("$start_of(month)", "2026-02-28T23:00:00.000000Z", "2026-03-01"),
            ("$start_of(quarter, -1)", "2025-09-30T22:00:00.000000Z", "2025-10-01"),
            ("$start_of(year)", "2025-12-31T23:00:00.000000Z", "2026-01-01"),
        ] {
            assert_eq!(moment.time_of(word).unwrap().to_string(), time, "{word}");
            assert_eq!(moment.day_of(word).unwrap().to_string(), day, "{word}");
        }
    }

    #[test]
    fn other_words_are_refused() {
        let moment = Moment { at: Timestamp::from_micros(0), timezone: Tz::UTC };
        for word in [
            "$",
            "$now(",
            "$now()x",
            "$now(30)",
            "$now(d)",
            "$now(1x)",
            "$now(1d",
            "$today(1h)",
            "$start_of",
            "$start_of(era)",
            "$start_of(month,x)",
            "$now(99999999999d)",
            "$now(-100000y)",
            "$me",
            "$now(100001s)",
        ] {
            assert!(moment.time_of(word).is_err(), "{word}");
        }
    }
}
