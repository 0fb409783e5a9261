//! Campaigns: more points for a time, as long as their budget lasts.

use guildhall_sdk::{Decimal, Fault};

use super::earn::{Basket, too_many};
use crate::calendar::Date;

#[derive(Debug, Clone, PartialEq)]
pub struct Campaign {
    pub id: String,
    /// What it makes of points: 2 doubles them.
    pub multiplier: Decimal,
    /// Points for the order itself.
    pub points: i64,
    pub from: Option<Date>,
    pub until: Option<Date>,
    /// Only for what is of this category.
    pub category: Option<String>,
    /// Only for orders of so much money or more.
    pub min_total: Option<Decimal>,
    /// Of one group, only that with the highest priority counts.
    pub group: Option<String>,
    pub priority: i64,
    /// The most points that it gives; without one, any.
    pub budget: Option<i64>,
    /// What it has given.
    pub granted: i64,
}

impl Campaign {
    fn holds(&self, basket: &Basket) -> bool {
        self.from.is_none_or(|from| from <= basket.day)
            && self.until.is_none_or(|until| basket.day <= until)
            && self.min_total.is_none_or(|least| least <= basket.total)
            && (self.category.is_none() || self.share(basket) > Decimal::ZERO)
    }

    /// The money in the order that it is about.
    fn share(&self, basket: &Basket) -> Decimal {
        let lines = basket.lines.iter().filter(|line| line.category == self.category);
        lines.fold(Decimal::ZERO, |sum, line| sum.checked_add(line.amount).unwrap_or(sum))
    }

    /// What it adds to the points of an order, before its budget: cut off once.
    pub fn worth(&self, basket: &Basket, points: Decimal, per_unit: Decimal) -> Result<i64, Fault> {
        let base = match &self.category {
            Some(_) => self.share(basket).checked_mul(per_unit),
            None => Some(points),
        };
        let more = self.multiplier.checked_sub(Decimal::from(1)).map(|more| more.max(Decimal::ZERO));
        let product = base.zip(more).and_then(|(base, more)| base.checked_mul(more)).and_then(Decimal::trunc);
        product.and_then(|product| product.checked_add(self.points)).map(|worth| worth.max(0)).ok_or_else(too_many)
    }

    /// What of so many points the budget allows, when the order holds some of it already.
    pub fn allows(&self, wanted: i64, held: i64) -> i64 {
        match self.budget {
            Some(budget) => wanted.min((budget - self.granted + held).max(0)),
            None => wanted,
        }
    }
}

/// Those that count for an order: all without a group, and the first of each group.
pub fn chosen<'a>(campaigns: &'a [Campaign], basket: &Basket) -> Vec<&'a Campaign> {
    let mut fitting: Vec<&Campaign> = campaigns.iter().filter(|campaign| campaign.holds(basket)).collect();
    fitting.sort_by(|one, other| (-one.priority, &one.id).cmp(&(-other.priority, &other.id)));
    let mut chosen: Vec<&Campaign> = Vec::new();
    for campaign in fitting {
        if campaign.group.is_none() || chosen.iter().all(|other| other.group != campaign.group) {
            chosen.push(campaign);
        }
    }
    chosen
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::calendar::date;
    use crate::points::earn::Line;

    fn campaign(id: &str, multiplier: &str) -> Campaign {
        Campaign {
            id: id.to_owned(),
            multiplier: multiplier.parse().unwrap(),
            points: 0,
            from: None,
            until: None,
            category: None,
            min_total: None,
            group: None,
            priority: 0,
            budget: None,
            granted: 0,
        }
    }

    fn basket() -> Basket {
        let line = Line {
            product: None,
            category: Some("tea".to_owned()),
            quantity: Decimal::from(1),
            amount: "10.50".parse().unwrap(),
        };
        Basket {
            day: date("2026-11-11").unwrap(),
            total: "30".parse().unwrap(),
            items: Decimal::from(1),
            channel: None,
            lines: vec![line],
        }
    }

    fn ids<'a>(campaigns: &[&'a Campaign]) -> Vec<&'a str> {
        campaigns.iter().map(|campaign| campaign.id.as_str()).collect()
    }

    #[test]
    fn the_window_the_total_and_the_category_have_to_fit() {
        let day = |text: &str| Some(date(text).unwrap());
        let all = [
            Campaign { from: day("2026-11-11"), until: day("2026-11-11"), ..campaign("same-day", "2") },
            Campaign { from: day("2026-11-12"), ..campaign("later", "2") },
            Campaign { until: day("2026-11-10"), ..campaign("earlier", "2") },
            Campaign { min_total: Some(Decimal::from(31)), ..campaign("dear", "2") },
            Campaign { category: Some("tea".to_owned()), ..campaign("tea", "3") },
            Campaign { category: Some("cups".to_owned()), ..campaign("cups", "3") },
        ];
        assert_eq!(ids(&chosen(&all, &basket())), ["same-day", "tea"]);
        assert_eq!(all[0].worth(&basket(), "30.9".parse().unwrap(), Decimal::from(1)).unwrap(), 30);
        assert_eq!(all[4].worth(&basket(), Decimal::from(30), Decimal::from(1)).unwrap(), 21);
    }

    #[test]
    fn one_of_a_group_counts() {
        let group = |id: &str, priority| Campaign { group: Some("g".to_owned()), priority, ..campaign(id, "2") };
        let all = [group("a", 1), group("b", 2), campaign("c", "2"), campaign("d", "2")];
        assert_eq!(ids(&chosen(&all, &basket())), ["b", "c", "d"]);
    }

    proptest! {
        #[test]
        fn no_budget_is_overdrawn(
            budget in 0_i64..1_000,
            orders in prop::collection::vec((0_i64..300, 0_i64..300), 1..20),
        ) {
            let mut campaign = Campaign { budget: Some(budget), ..campaign("c", "2") };
            for (first, then) in orders {
                // An order that is worth something, and is worth something else later.
                let held = campaign.allows(first, 0);
                campaign.granted += held;
                prop_assert!((0..=budget).contains(&campaign.granted) && held <= first);
                let after = campaign.allows(then, held);
                campaign.granted += after - held;
                prop_assert!((0..=budget).contains(&campaign.granted) && after <= then);
            }
        }
    }
}
