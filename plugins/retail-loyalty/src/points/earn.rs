//! What an order ought to earn: the rules of the programme added up, and cut off once for the order.

use guildhall_sdk::{Decimal, Fault};
use serde::Deserialize;

use crate::calendar::{Date, date};

/// What a rule gives points for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Per {
    /// Each unit of money.
    Money,
    /// The order, once.
    Order,
    /// Each piece.
    Item,
}

/// One rule of the programme: all that it names has to hold.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Rule {
    pub per: Per,
    /// How many points for each.
    pub points: Decimal,
    /// Only for this product, by its code.
    pub product: Option<String>,
    /// Only for products of this category.
    pub category: Option<String>,
    /// Only for customers who came this way: the contact's source.
    pub channel: Option<String>,
    /// Only for orders of so much money or more.
    pub min_total: Option<Decimal>,
    /// Only for orders of this day or later ones.
    pub from: Option<String>,
    /// Only for orders of this day or earlier ones.
    pub until: Option<String>,
}

impl Rule {
    /// Whether it looks at what the order has in its lines.
    pub fn is_of_lines(&self) -> bool {
        self.product.is_some() || self.category.is_some()
    }

    fn holds(&self, basket: &Basket) -> Result<bool, Fault> {
        let begun = self.from.as_deref().map(date).transpose()?.is_none_or(|from| from <= basket.day);
        let ended = self.until.as_deref().map(date).transpose()?.is_some_and(|until| until < basket.day);
        let is_enough = self.min_total.is_none_or(|least| least <= basket.total);
        let is_of_channel = self.channel.is_none() || self.channel == basket.channel;
        Ok(begun && !ended && is_enough && is_of_channel)
    }

    fn is_for(&self, line: &Line) -> bool {
        (self.product.is_none() || self.product == line.product)
            && (self.category.is_none() || self.category == line.category)
    }
}

/// One position of an order.
#[derive(Debug, Clone, PartialEq)]
pub struct Line {
    /// Code of the product.
    pub product: Option<String>,
    /// Category of the product.
    pub category: Option<String>,
    pub quantity: Decimal,
    /// Price times quantity, less the discount.
    pub amount: Decimal,
}

/// What somebody bought.
#[derive(Debug, Clone, PartialEq)]
pub struct Basket {
    pub day: Date,
    /// What was paid, after discounts.
    pub total: Decimal,
    /// How many pieces.
    pub items: Decimal,
    /// Where the customer comes from.
    pub channel: Option<String>,
    /// Empty where no rule needs them.
    pub lines: Vec<Line>,
}

impl Basket {
    /// What earns points of the total: goods of some categories, such as gift cards, do not.
    pub fn base(&self, excluded: &[String]) -> Option<Decimal> {
        let is_excluded = |line: &&Line| line.category.as_ref().is_some_and(|category| excluded.contains(category));
        let without = sum(self.lines.iter().filter(is_excluded).map(|line| Some(line.amount)))?;
        Some(self.total.checked_sub(without)?.max(Decimal::ZERO))
    }

    /// The points by all rules, not cut off yet.
    pub fn points(&self, rules: &[Rule], excluded: &[String]) -> Result<Decimal, Fault> {
        let mut points = Decimal::ZERO;
        for rule in rules {
            if rule.holds(self)? {
                let more = self.points_of(rule, excluded).ok_or_else(too_many)?;
                points = points.checked_add(more).ok_or_else(too_many)?;
            }
        }
        Ok(points)
    }

    fn points_of(&self, rule: &Rule, excluded: &[String]) -> Option<Decimal> {
        let lines = || self.lines.iter().filter(|line| rule.is_for(line));
        let count = match (rule.per, rule.is_of_lines()) {
            (Per::Money, false) => self.base(excluded)?,
            (Per::Item, false) => self.items,
            (Per::Order, false) => Decimal::from(1),
            (Per::Money, true) => sum(lines().map(|line| Some(line.amount)))?,
            (Per::Item, true) => sum(lines().map(|line| Some(line.quantity)))?,
            (Per::Order, true) => Decimal::from(i64::from(lines().next().is_some())),
        };
        count.max(Decimal::ZERO).checked_mul(rule.points)
    }
}

fn sum(mut parts: impl Iterator<Item = Option<Decimal>>) -> Option<Decimal> {
    parts.try_fold(Decimal::ZERO, |sum, part| sum.checked_add(part?))
}

/// Points times what a tier or a campaign makes of them, cut off towards zero.
pub fn whole(points: Decimal, multiplier: Decimal) -> Result<i64, Fault> {
    points.checked_mul(multiplier).and_then(Decimal::trunc).ok_or_else(too_many)
}

/// More points than a ledger holds.
pub fn too_many() -> Fault {
    Fault::new("points_out_of_range", "The order would earn too many points.")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn number(text: &str) -> Decimal {
        text.parse().unwrap()
    }

    fn rule(json: &str) -> Rule {
        serde_json::from_str(json).unwrap()
    }

    fn basket() -> Basket {
        let line = |product: &str, category: &str, quantity: &str, amount: &str| Line {
            product: Some(product.to_owned()),
            category: Some(category.to_owned()),
            quantity: number(quantity),
            amount: number(amount),
        };
        Basket {
            day: date("2026-11-11").unwrap(),
            total: number("99.90"),
            items: number("4"),
            channel: Some("mall".to_owned()),
            lines: vec![
                line("tea", "drinks", "3", "29.70"),
                line("cup", "goods", "1", "20.20"),
                line("gift", "cards", "1", "50.00"),
            ],
        }
    }

    #[test]
    fn each_rule_counts_what_it_names() {
        for (json, expected) in [
            (r#"{"per":"money","points":"1"}"#, "99.90"),
            (r#"{"per":"order","points":"10"}"#, "10"),
            (r#"{"per":"item","points":"2"}"#, "8"),
            (r#"{"per":"money","points":"2","category":"drinks"}"#, "59.40"),
            (r#"{"per":"item","points":"5","product":"tea"}"#, "15"),
            (r#"{"per":"order","points":"7","product":"cup"}"#, "7"),
            (r#"{"per":"order","points":"7","product":"pot"}"#, "0"),
            (r#"{"per":"order","points":"7","product":"cup","category":"drinks"}"#, "0"),
            (r#"{"per":"order","points":"3","channel":"mall"}"#, "3"),
            (r#"{"per":"order","points":"3","channel":"web"}"#, "0"),
            (r#"{"per":"order","points":"3","min_total":"99.90"}"#, "3"),
            (r#"{"per":"order","points":"3","min_total":"99.91"}"#, "0"),
            (r#"{"per":"order","points":"3","from":"2026-11-11","until":"2026-11-11"}"#, "3"),
            (r#"{"per":"order","points":"3","from":"2026-11-12"}"#, "0"),
            (r#"{"per":"order","points":"3","until":"2026-11-10"}"#, "0"),
        ] {
            assert_eq!(basket().points(&[rule(json)], &[]).unwrap(), number(expected), "{json}");
        }
    }

    #[test]
    fn rules_are_added_up_and_cut_off_once() {
        let rules =
            [rule(r#"{"per":"money","points":"0.5"}"#), rule(r#"{"per":"item","points":"0.3","product":"tea"}"#)];
        let points = basket().points(&rules, &[]).unwrap();
        assert_eq!(points, number("50.85"));
        assert_eq!(whole(points, number("1.5")).unwrap(), 76);
        assert_eq!(whole(points, number("1")).unwrap(), 50);
    }

    #[test]
    fn gift_cards_earn_nothing() {
        let excluded = ["cards".to_owned()];
        assert_eq!(basket().base(&excluded), Some(number("49.90")));
        assert_eq!(basket().points(&[rule(r#"{"per":"money","points":"1"}"#)], &excluded).unwrap(), number("49.90"));
        let discounted = Basket { total: number("40"), ..basket() };
        assert_eq!(discounted.base(&excluded), Some(Decimal::ZERO));
    }

    #[test]
    fn enormous_orders_are_refused() {
        let huge = Basket { total: number("99999999999999"), ..basket() };
        let points = huge.points(&[rule(r#"{"per":"money","points":"999999999"}"#)], &[]).unwrap();
        assert_eq!(whole(points, number("1")).unwrap_err().code(), "points_out_of_range");
    }
}
