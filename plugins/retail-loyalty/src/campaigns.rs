//! The campaigns of the shop: read once for a call, and written when their budget has changed.

use std::collections::BTreeMap;

use guildhall_sdk::{Decimal, Fault, Query, Record, records};

use crate::calendar::date;
use crate::carried::Part;
use crate::order::Claim;
use crate::points::campaign::{Campaign, chosen};
use crate::points::earn::Basket;
use crate::settings::Settings;

const OBJECT: &str = "loyalty.campaign";

/// The campaigns that are on.
#[derive(Default)]
pub struct Campaigns {
    list: Vec<Campaign>,
    stored: BTreeMap<String, i64>,
}

impl Campaigns {
    /// Reads them, when the settings look at them and an order earns something or gives something back.
    pub fn read(settings: &Settings, claims: &[Claim]) -> Result<Self, Fault> {
        if !settings.campaigns || claims.is_empty() {
            return Ok(Self::default());
        }
        let mut campaigns = Self::default();
        for record in records::query(OBJECT, Query::new().sort(["-id"]).limit(Query::MOST))? {
            let campaign = campaign(&record);
            campaigns.stored.insert(campaign.id.clone(), campaign.granted);
            campaigns.list.push(campaign);
        }
        Ok(campaigns)
    }

    /// What campaigns add to an order: to one that is known, only those that it holds already.
    pub fn of(
        &self,
        basket: &Basket,
        points: Decimal,
        parts: &[Part],
        member: &str,
        is_known: bool,
        settings: &Settings,
    ) -> Result<Vec<(String, i64)>, Fault> {
        let mut counting = chosen(&self.list, basket);
        if is_known {
            let is_held = |campaign: &Campaign| parts.iter().any(|part| part.is_of(member, Some(&campaign.id)));
            // Lines come after their order, and with them what campaigns of a category are about.
            counting.retain(|campaign| campaign.category.is_some() && !is_held(campaign));
            counting.extend(self.list.iter().filter(|campaign| is_held(campaign)));
        }
        counting
            .into_iter()
            .map(|campaign| Ok((campaign.id.clone(), campaign.worth(basket, points, settings.points_per_unit)?)))
            .collect()
    }

    /// What of so many points a campaign's budget allows.
    pub fn allowed(&self, campaign: &str, wanted: i64, held: i64) -> i64 {
        self.list.iter().find(|one| one.id == campaign).map_or(0, |one| one.allows(wanted, held))
    }

    /// Points that a campaign has given, or got back.
    pub fn grant(&mut self, campaign: &str, points: i64) {
        if let Some(campaign) = self.list.iter_mut().find(|one| one.id == campaign) {
            campaign.granted = campaign.granted.saturating_add(points).max(0);
        }
    }

    /// Stores what has changed.
    pub fn save(&self) -> Result<(), Fault> {
        for campaign in &self.list {
            if self.stored.get(&campaign.id) != Some(&campaign.granted) {
                records::update(OBJECT, &campaign.id, Record::new().set("granted", campaign.granted))?;
            }
        }
        Ok(())
    }
}

/// A campaign that is off adds nothing to new orders, and keeps what it gave.
fn campaign(record: &Record) -> Campaign {
    let day = |field| record.date(field).and_then(|day| date(day).ok());
    let is_on = record.boolean("active").unwrap_or(true);
    Campaign {
        id: record.id().to_owned(),
        multiplier: record.decimal("multiplier").unwrap_or(Decimal::from(1)),
        points: record.integer("points").unwrap_or_default(),
        from: day("from"),
        until: if is_on { day("until") } else { Some(crate::calendar::Date::MIN) },
        category: record.text("category").map(str::to_owned),
        min_total: record.money("min_total").map(|total| total.amount),
        group: record.text("stacking_group").map(str::to_owned),
        priority: record.integer("priority").unwrap_or_default(),
        budget: record.integer("budget"),
        granted: record.integer("granted").unwrap_or_default(),
    }
}
