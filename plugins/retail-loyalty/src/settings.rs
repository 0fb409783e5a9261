//! The settings that a tenant gives this plugin: `config.schema.json`.

use guildhall_sdk::{Decimal, Fault, config};
use serde::Deserialize;

use crate::calendar::{Date, Length, date};
use crate::points::earn::{Per, Rule};
use crate::points::tier::{Fall, Tier};

/// Over what time qualifying points are added up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Window {
    Lifetime,
    /// The calendar year of the shop.
    Year,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(default)]
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of its own in the schema")]
pub struct Settings {
    /// How many points one unit of money earns.
    pub points_per_unit: Decimal,
    /// Further rules, added to that.
    pub rules: Vec<Rule>,
    /// Goods of these categories earn nothing of the order's total.
    pub excluded_categories: Vec<String>,
    /// Whether a contact becomes a member with the first points.
    pub auto_enrol: bool,
    /// The only currency that earns points, if there is one.
    pub currency: Option<String>,
    /// Orders of earlier days earn nothing.
    pub starts_on: Option<String>,
    /// How long points wait until they can be spent.
    pub pending_for: Option<String>,
    /// How long points can be spent.
    pub expires_after: Option<String>,
    /// Whether they then last until the end of the month.
    pub expires_at_month_end: bool,
    /// What a point is worth when it is spent.
    pub point_value: Option<Decimal>,
    /// How many qualifying points one unit of money earns: as many as others, when nothing is said.
    pub qualifying_per_unit: Option<Decimal>,
    pub tiers: Vec<Tier>,
    pub tier_window: Window,
    /// How many further calendar years a tier is kept.
    pub tier_kept_years: i16,
    pub tier_fall: Fall,
    /// Whether campaigns count.
    pub campaigns: bool,
    /// Points for a member's birthday.
    pub birthday_points: i64,
    /// Points for who brings a friend.
    pub referrer_points: i64,
    /// Points for the friend.
    pub referee_points: i64,
    /// How long a voucher is held for somebody.
    pub reservation_minutes: i64,
    /// Whether a reservation that was made in time counts after the voucher's last day.
    pub honour_reservations: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            points_per_unit: Decimal::from(1),
            rules: Vec::new(),
            excluded_categories: Vec::new(),
            auto_enrol: true,
            currency: None,
            starts_on: None,
            pending_for: None,
            expires_after: None,
            expires_at_month_end: false,
            point_value: None,
            qualifying_per_unit: None,
            tiers: Vec::new(),
            tier_window: Window::Lifetime,
            tier_kept_years: 1,
            tier_fall: Fall::OneDown,
            campaigns: false,
            birthday_points: 0,
            referrer_points: 0,
            referee_points: 0,
            reservation_minutes: 15,
            honour_reservations: true,
        }
    }
}

impl Settings {
    /// Those of the tenant.
    pub fn of_tenant() -> Result<Self, Fault> {
        config::get()
    }

    /// All rules of the programme.
    pub fn all_rules(&self) -> Vec<Rule> {
        let mut rules = self.rules.clone();
        rules.push(Rule {
            per: Per::Money,
            points: self.points_per_unit,
            product: None,
            category: None,
            channel: None,
            min_total: None,
            from: None,
            until: None,
        });
        rules
    }

    /// Whether what an order earns depends on its lines.
    pub fn looks_at_lines(&self) -> bool {
        !self.excluded_categories.is_empty() || self.rules.iter().any(Rule::is_of_lines)
    }

    /// Whether what an order earns depends on where the customer comes from.
    pub fn looks_at_channel(&self) -> bool {
        self.rules.iter().any(|rule| rule.channel.is_some())
    }

    /// The last day of points that were earned on a day; none when they do not end.
    pub fn last_day(&self, earned: Date) -> Result<Option<Date>, Fault> {
        let Some(length) = &self.expires_after else { return Ok(None) };
        let last = Length::parse(length)?.after(earned)?;
        Ok(Some(if self.expires_at_month_end { last.last_of_month() } else { last }))
    }

    /// The day from which on points of a day can be spent; none when that is at once.
    pub fn first_day(&self, earned: Date) -> Result<Option<Date>, Fault> {
        self.pending_for.as_deref().map(|length| Length::parse(length)?.after(earned)).transpose()
    }

    /// Whether a day is before the programme.
    pub fn is_before_start(&self, day: Date) -> Result<bool, Fault> {
        Ok(self.starts_on.as_deref().map(date).transpose()?.is_some_and(|start| day < start))
    }

    /// How many qualifying points one unit of money earns.
    pub fn qualifying(&self) -> Decimal {
        self.qualifying_per_unit.unwrap_or(self.points_per_unit)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn points_last_as_published() {
        // Square: earned on 6 July 2020, P12M, they are gone on 1 August 2021.
        let settings =
            Settings { expires_after: Some("12M".to_owned()), expires_at_month_end: true, ..Settings::default() };
        assert_eq!(settings.last_day(date("2020-07-06").unwrap()).unwrap(), Some(date("2021-07-31").unwrap()));
        let exact = Settings { expires_at_month_end: false, ..settings };
        assert_eq!(exact.last_day(date("2020-07-06").unwrap()).unwrap(), Some(date("2021-07-06").unwrap()));
        assert_eq!(Settings::default().last_day(date("2020-07-06").unwrap()).unwrap(), None);
    }

    #[test]
    fn the_day_of_the_start_counts() {
        let settings = Settings { starts_on: Some("2026-11-01".to_owned()), ..Settings::default() };
        assert!(settings.is_before_start(date("2026-10-31").unwrap()).unwrap());
        assert!(!settings.is_before_start(date("2026-11-01").unwrap()).unwrap());
        assert!(!Settings::default().is_before_start(date("0001-01-01").unwrap()).unwrap());
    }
}
