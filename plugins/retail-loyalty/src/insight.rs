//! What a customer's history says, without any call to the host.

use std::collections::BTreeMap;

use guildhall_sdk::Decimal;

use crate::calendar::Date;
use crate::points::earn::Line;

/// Where an order or a customer stands in the business with customers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Phase {
    /// Nothing is bought yet.
    Presale,
    /// Something is bought, and not delivered.
    Sale,
    /// All is done.
    Aftersale,
}

impl Phase {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Presale => "presale",
            Self::Sale => "sale",
            Self::Aftersale => "aftersale",
        }
    }

    /// That of an order with a status.
    pub fn of_order(status: &str) -> Self {
        match status {
            "draft" => Self::Presale,
            "fulfilled" | "cancelled" => Self::Aftersale,
            _ => Self::Sale,
        }
    }

    /// That of a customer with orders of these statuses: what goes on counts more than what is over.
    pub fn of_customer<'a>(statuses: impl Iterator<Item = &'a str>) -> Self {
        let phases: Vec<Self> = statuses.map(Self::of_order).collect();
        let has = |phase| phases.contains(&phase);
        match (has(Self::Sale), has(Self::Aftersale)) {
            (true, _) => Self::Sale,
            (false, true) => Self::Aftersale,
            (false, false) => Self::Presale,
        }
    }
}

/// How many days lie between two purchases on the average, in tenths of a day, halves up; none of fewer than two days.
pub fn interval(days: &mut Vec<Date>) -> Option<Decimal> {
    days.sort_unstable();
    days.dedup();
    let (first, last) = (days.first()?, days.last()?);
    let gaps = i64::try_from(days.len()).ok()? - 1;
    let span = i64::from(last.since(*first).ok()?.get_days());
    if gaps == 0 {
        return None;
    }
    let tenths = (span * 20 + gaps) / (gaps * 2);
    format!("{}.{}", tenths / 10, tenths % 10).parse().ok()
}

/// What is bought most, by money: the first few categories.
pub fn favourites(lines: &[Line], most: usize) -> Vec<(String, Decimal)> {
    let mut sums: BTreeMap<&str, Decimal> = BTreeMap::new();
    for line in lines {
        let Some(category) = line.category.as_deref().or(line.product.as_deref()) else { continue };
        let sum = sums.entry(category).or_insert(Decimal::ZERO);
        *sum = sum.checked_add(line.amount).unwrap_or(*sum);
    }
    let mut sums: Vec<(String, Decimal)> = sums.into_iter().map(|(name, sum)| (name.to_owned(), sum)).collect();
    sums.sort_by_key(|(_, sum)| std::cmp::Reverse(*sum));
    sums.truncate(most);
    sums
}

/// A number without the zeros at its end that say nothing, but for two places.
pub fn plain(amount: Decimal) -> String {
    let text = amount.to_string();
    let Some((whole, fraction)) = text.split_once('.') else { return text };
    let kept = fraction.trim_end_matches('0').len().max(2).min(fraction.len());
    format!("{whole}.{}", &fraction[..kept])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::calendar::date;

    #[test]
    fn orders_and_customers_have_a_phase() {
        let of = |statuses: &[&str]| Phase::of_customer(statuses.iter().copied()).as_str();
        assert_eq!(of(&[]), "presale");
        assert_eq!(of(&["draft"]), "presale");
        assert_eq!(of(&["fulfilled", "draft"]), "aftersale");
        assert_eq!(of(&["fulfilled", "paid", "cancelled"]), "sale");
        assert_eq!(of(&["cancelled"]), "aftersale");
    }

    #[test]
    fn intervals_are_between_days_with_purchases() {
        let of = |days: &[&str]| {
            let mut days: Vec<Date> = days.iter().map(|day| date(day).unwrap()).collect();
            interval(&mut days).map(|days| days.to_string())
        };
        assert_eq!(of(&[]), None);
        assert_eq!(of(&["2026-01-01", "2026-01-01"]), None);
        assert_eq!(of(&["2026-01-31", "2026-01-01", "2026-01-01"]).as_deref(), Some("30.0"));
        assert_eq!(of(&["2025-12-31", "2026-01-01", "2026-01-02", "2026-01-05"]).as_deref(), Some("1.7"));
    }

    #[test]
    fn numbers_are_plain() {
        let plain = |text: &str| plain(text.parse().unwrap());
        assert_eq!(["20.00000", "9.45", "1.005", "7", "0.5"].map(plain), ["20.00", "9.45", "1.005", "7", "0.5"]);
    }

    #[test]
    fn favourites_go_by_money() {
        let line = |category: Option<&str>, product: &str, amount: &str| Line {
            product: Some(product.to_owned()),
            category: category.map(str::to_owned),
            quantity: Decimal::from(1),
            amount: amount.parse().unwrap(),
        };
        let lines = [
            line(Some("tea"), "a", "5"),
            line(Some("cups"), "b", "9"),
            line(Some("tea"), "c", "5.50"),
            line(None, "d", "1"),
        ];
        let found = favourites(&lines, 2);
        assert_eq!(found, [("tea".to_owned(), "10.50".parse().unwrap()), ("cups".to_owned(), "9".parse().unwrap())]);
    }
}
