//! Which tier members stand in: no tier changes without an event that says so.

use guildhall_sdk::{Fault, Record, records};

use crate::calendar::{Date, date};
use crate::ledger::Ledger;
use crate::member::Totals;
use crate::points::tier;
use crate::settings::{Settings, Window};

const EVENT: &str = "loyalty.tier_event";

/// Adds qualifying points of an order of that year. Of other years than that of the window, nothing is added.
pub fn qualify(totals: &mut Totals, points: i64, year: i64, settings: &Settings) {
    if settings.tier_window == Window::Year {
        if year > totals.qualifying_year {
            totals.qualifying_before = if year == totals.qualifying_year + 1 { totals.qualifying } else { 0 };
            totals.qualifying_year = year;
            totals.qualifying = 0;
        }
        if year + 1 == totals.qualifying_year {
            totals.qualifying_before = totals.qualifying_before.saturating_add(points);
        }
        if year != totals.qualifying_year {
            return;
        }
    }
    totals.qualifying = totals.qualifying.saturating_add(points);
}

/// Moves a member to the tier that the qualifying points are worth. Up is at once. Down is at once when points of a
/// whole life are taken back; a tier of a year is kept until its last day.
pub fn reconsider(ledger: &mut Ledger<'_>, member: &str, reason: &str) -> Result<(), Fault> {
    let settings = ledger.settings;
    if settings.tiers.is_empty() {
        return Ok(());
    }
    let totals = ledger.totals(member)?.clone();
    let counting = counting(&totals, ledger)?;
    let now = tier::place(&settings.tiers, totals.tier.as_deref());
    let is_over = settings.tier_window == Window::Lifetime;
    let after = tier::after(&settings.tiers, now, counting, is_over, tier::Fall::ToBalance);
    let until = match settings.tier_window {
        Window::Lifetime => None,
        Window::Year if after == tier::worth(&settings.tiers, counting) => {
            let year = i64::from(ledger.today()?.year());
            let is_of_this = totals.qualifying_year == year && totals.qualifying == counting;
            later(totals.tier_until.as_deref(), last_day(if is_of_this { year } else { year - 1 }, settings))
        }
        Window::Year => totals.tier_until.clone(),
    };
    set(ledger, member, after, until, reason)
}

/// The qualifying points that count today: those of a year that is over make no tier that has ended.
pub fn counting(totals: &Totals, ledger: &Ledger<'_>) -> Result<i64, Fault> {
    match ledger.settings.tier_window {
        Window::Lifetime => Ok(totals.qualifying),
        Window::Year => Ok(still_counting(totals, i64::from(ledger.today()?.year()), ledger.settings)),
    }
}

/// When the last day of a member's tier is past: keeps it, or lets the member fall.
pub fn end_of_tier(ledger: &mut Ledger<'_>, member: &str, today: Date) -> Result<(), Fault> {
    let settings = ledger.settings;
    let totals = ledger.totals(member)?.clone();
    let is_over = totals.tier_until.as_deref().map(date).transpose()?.is_some_and(|until| until < today);
    if !is_over {
        return Ok(());
    }
    let year = i64::from(today.year());
    let counting = still_counting(&totals, year, settings);
    let now = tier::place(&settings.tiers, totals.tier.as_deref());
    let after = tier::after(&settings.tiers, now, counting, true, settings.tier_fall);
    let lowest = settings.tiers.iter().map(|tier| tier.from).min();
    let ends = after.is_some_and(|place| Some(settings.tiers[place].from) > lowest);
    let until = last_day(year - 1, settings).max(Date::new(today.year(), 12, 31).ok());
    set(ledger, member, after, until.filter(|_| ends).map(|day| day.to_string()), "end_of_tier")
}

/// The most qualifying points of a year whose tiers are not over: this one, and the one before if tiers are kept.
fn still_counting(totals: &Totals, year: i64, settings: &Settings) -> i64 {
    let (this, before) = match totals.qualifying_year {
        of if of == year => (totals.qualifying, totals.qualifying_before),
        of if of == year - 1 => (0, totals.qualifying),
        _ => (0, 0),
    };
    if settings.tier_kept_years > 0 { this.max(before) } else { this }
}

/// The last day of a tier that was reached in a year.
fn last_day(year: i64, settings: &Settings) -> Option<Date> {
    let year = i16::try_from(year).ok()?.checked_add(settings.tier_kept_years)?;
    Date::new(year, 12, 31).ok()
}

fn later(before: Option<&str>, day: Option<Date>) -> Option<String> {
    let before = before.and_then(|before| date(before).ok());
    before.max(day).map(|day| day.to_string())
}

fn set(
    ledger: &mut Ledger<'_>,
    member: &str,
    place: Option<usize>,
    until: Option<String>,
    reason: &str,
) -> Result<(), Fault> {
    let tier = place.map(|place| ledger.settings.tiers[place].name.clone());
    let at = ledger.at.clone();
    let totals = ledger.totals(member)?;
    if totals.tier != tier {
        let event = Record::new()
            .set("member", member)
            .set("from", totals.tier.clone())
            .set("to", tier.clone())
            .set("reason", reason)
            .set("qualifying", totals.qualifying)
            .set("occurred_at", at);
        records::create(EVENT, event)?;
    }
    totals.tier_until = until.filter(|_| tier.is_some());
    totals.tier = tier;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn years_are_counted_apart() {
        let settings = Settings { tier_window: Window::Year, ..Settings::default() };
        let mut totals = Totals::default();
        qualify(&mut totals, 100, 2025, &settings);
        qualify(&mut totals, 50, 2026, &settings);
        assert_eq!((totals.qualifying, totals.qualifying_before, totals.qualifying_year), (50, 100, 2026));
        // A refund of last year's order takes nothing from this year's points.
        qualify(&mut totals, -30, 2025, &settings);
        qualify(&mut totals, 10, 2019, &settings);
        assert_eq!((totals.qualifying, totals.qualifying_before), (50, 70));
        qualify(&mut totals, 5, 2028, &settings);
        assert_eq!((totals.qualifying, totals.qualifying_before, totals.qualifying_year), (5, 0, 2028));
    }

    #[test]
    fn a_life_is_one_window() {
        let mut totals = Totals::default();
        for year in [2025, 2020, 2026] {
            qualify(&mut totals, 10, year, &Settings::default());
        }
        assert_eq!((totals.qualifying, totals.qualifying_year), (30, 0));
    }

    #[test]
    fn points_count_as_long_as_their_tiers_are_kept() {
        let kept = |years| Settings { tier_kept_years: years, ..Settings::default() };
        let totals = Totals { qualifying: 5, qualifying_before: 9, qualifying_year: 2026, ..Totals::default() };
        assert_eq!((still_counting(&totals, 2026, &kept(0)), still_counting(&totals, 2026, &kept(1))), (5, 9));
        assert_eq!((still_counting(&totals, 2027, &kept(0)), still_counting(&totals, 2027, &kept(1))), (0, 5));
        assert_eq!(still_counting(&totals, 2028, &kept(1)), 0);
    }

    #[test]
    fn a_tier_lasts_until_the_end_of_a_year() {
        let settings = Settings { tier_kept_years: 1, ..Settings::default() };
        assert_eq!(last_day(2026, &settings), Some(date("2027-12-31").unwrap()));
        assert_eq!(later(Some("2027-12-31"), last_day(2025, &settings)).as_deref(), Some("2027-12-31"));
        assert_eq!(later(None, last_day(2025, &settings)).as_deref(), Some("2026-12-31"));
    }
}
