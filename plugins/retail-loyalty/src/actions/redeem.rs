//! Points are spent, and come back.

use std::collections::BTreeMap;

use guildhall_sdk::{Decimal, Fault, Money, Query, Value, filter, json, records};

use super::input::Input;
use crate::carried::each_entry;
use crate::ledger::{About, ENTRY, Ledger};
use crate::points::account::Kind;
use crate::settings::Settings;

/// Spends points, those with the nearest end first; those that the order itself brings are not among them.
pub fn redeem(input: &Input<'_>) -> Result<Value, Fault> {
    let settings = Settings::of_tenant()?;
    let mut ledger = Ledger::open(&settings);
    let member = input.member(&mut ledger)?;
    let points = input.integer("points").unwrap_or_default();
    let order = input.text("order");
    if let Some(order) = order {
        is_of_a_living_order(order)?;
    }
    let about = About {
        order,
        operation: Some(input.key()),
        redemption: Some(input.key()),
        reason: input.text("reason"),
        ..About::default()
    };
    let lines = ledger.redeem(&member, points, &about)?;
    ledger.save()?;
    let lots: Vec<Value> = lines.iter().map(|line| json!({"lot": line.lot, "points": -line.points})).collect();
    let totals = ledger.totals(&member)?;
    Ok(json!({
        "redemption": input.key(),
        "member": member,
        "points": points,
        "lots": lots,
        "balance": totals.points,
        "active": totals.active(),
        "worth": worth(points, &settings).map(Value::from),
    }))
}

/// What points are worth in money, where the settings say so.
fn worth(points: i64, settings: &Settings) -> Option<Money> {
    let currency = settings.currency.clone()?;
    let amount = settings.point_value?.checked_mul(Decimal::from(points))?;
    Some(Money { amount, currency })
}

fn is_of_a_living_order(order: &str) -> Result<(), Fault> {
    let found = records::get("order", order)?;
    match found.as_ref().map(|order| order.text("status")) {
        None => Err(Fault::new("unknown_order", format!("There is no order {order}."))),
        Some(Some("cancelled")) => Err(Fault::new("order_cancelled", "The order is cancelled.")),
        Some(_) => Ok(()),
    }
}

/// Gives back what a redemption spent, or a part of it: first what ends last. It keeps its end.
pub fn return_points(input: &Input<'_>) -> Result<Value, Fault> {
    let settings = Settings::of_tenant()?;
    let mut ledger = Ledger::open(&settings);
    let redemption = input.needed("redemption")?;
    let unknown = || Fault::new("unknown_redemption", format!("There is no redemption {redemption}."));
    // The member is read before the entries: whoever gives back meanwhile changes the member, and this runs again.
    let first = records::query(ENTRY, Query::new().filter(filter::eq("redemption", redemption)).limit(1))?.pop();
    let spender = first.as_ref().and_then(|entry| entry.link("member")).ok_or_else(unknown)?;
    ledger.members.read_ids(std::iter::once(spender))?;
    let member = ledger.members.resolve(spender).ok_or_else(unknown)?;
    let spent = Redemption::read(redemption)?;
    let left: i64 = spent.lots.iter().map(|(_, points)| points).sum();
    let points = input.integer("points").unwrap_or(left);
    if points > left || points <= 0 {
        let message = format!("Of the redemption, {left} points can still be given back.");
        return Err(Fault::new("return_exceeds_redemption", message).with_detail("left", left));
    }
    let about = About {
        order: spent.order.as_deref(),
        operation: Some(input.key()),
        redemption: Some(redemption),
        reason: input.text("reason"),
        ..About::default()
    };
    ledger.give_back(&member, &last_of(&spent.lots, points), &about)?;
    ledger.save()?;
    let totals = ledger.totals(&member)?;
    Ok(json!({"member": member, "points": points, "balance": totals.points, "active": totals.active()}))
}

/// What was spent at once, and not given back.
struct Redemption {
    order: Option<String>,
    /// In the order in which it was spent.
    lots: Vec<(String, i64)>,
}

impl Redemption {
    fn read(key: &str) -> Result<Self, Fault> {
        let mut order = None;
        let mut places: BTreeMap<String, usize> = BTreeMap::new();
        let mut lots: Vec<(String, i64)> = Vec::new();
        each_entry(&filter::eq("redemption", key), |entry| {
            let kind = entry.text("kind").and_then(Kind::parse);
            let (Some(Kind::Redeem | Kind::Return), Some(lot)) = (kind, entry.link("lot")) else { return };
            order = entry.link("order").map(str::to_owned);
            let place = *places.entry(lot.to_owned()).or_insert_with(|| {
                lots.push((lot.to_owned(), 0));
                lots.len() - 1
            });
            lots[place].1 -= entry.integer("points").unwrap_or_default();
        })?;
        Ok(Self { order, lots })
    }
}

/// So many points of the lots that were spent last.
fn last_of(lots: &[(String, i64)], points: i64) -> Vec<(String, i64)> {
    let mut missing = points;
    let mut parts = Vec::new();
    for (lot, spent) in lots.iter().rev() {
        let part = missing.min(*spent);
        if part > 0 {
            parts.push((lot.clone(), part));
            missing -= part;
        }
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_ends_last_comes_back_first() {
        let lots = [("a".to_owned(), 10), ("b".to_owned(), 0), ("c".to_owned(), 5)];
        assert_eq!(last_of(&lots, 7), [("c".to_owned(), 5), ("a".to_owned(), 2)]);
        assert_eq!(last_of(&lots, 15), [("c".to_owned(), 5), ("a".to_owned(), 10)]);
    }

    #[test]
    fn points_have_a_worth_where_the_settings_say_so() {
        let settings = Settings {
            currency: Some("EUR".to_owned()),
            point_value: Some("0.01".parse().unwrap()),
            ..Settings::default()
        };
        assert_eq!(worth(250, &settings).unwrap().to_string(), "2.50 EUR");
        assert_eq!(worth(250, &Settings::default()), None);
    }
}
