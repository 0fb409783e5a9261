//! Claims by examples.

use guildhall_sdk::Money;

use super::*;

fn order(amount: &str, status: &str) -> Record {
    let total = Money { amount: amount.parse().unwrap(), currency: "USD".to_owned() };
    Record::new()
        .set("contact", "ann")
        .set("status", status)
        .set("total", total)
        .set("placed_at", "2026-01-01T00:00:00Z")
}

fn day(moment: &str) -> Result<Date, Fault> {
    crate::calendar::Calendar::of("UTC")?.day(moment)
}

fn change(before: Option<Record>, after: Option<Record>) -> Change {
    Change {
        operation: match (&before, &after) {
            (None, _) => Operation::Create,
            (_, None) => Operation::Delete,
            _ => Operation::Update,
        },
        object: "order".to_owned(),
        id: "o1".to_owned(),
        before,
        after,
    }
}

fn claimed(order: Record, settings: &Settings) -> i64 {
    let claim = Claim::of_change(&change(None, Some(order)), settings, day).unwrap();
    if claim.earner.is_none() { 0 } else { whole(claim.points, Decimal::from(1)).unwrap() }
}

fn per_unit(points: &str) -> Settings {
    Settings { points_per_unit: points.parse().unwrap(), ..Settings::default() }
}

#[test]
fn points_are_cut_off_once_per_order() {
    assert_eq!(claimed(order("29.99", "placed"), &per_unit("1")), 29);
    assert_eq!(claimed(order("29.99", "placed"), &per_unit("1.5")), 44);
    assert_eq!(claimed(order("0.1", "placed"), &per_unit("10")), 1);
    assert_eq!(claimed(order("19.99", "placed"), &per_unit("100")), 1999);
    assert_eq!(claimed(order("0.99", "placed"), &per_unit("1")), 0);
    assert_eq!(claimed(order("1000000", "placed"), &per_unit("0")), 0);
}

#[test]
fn only_living_orders_of_somebody_earn() {
    let settings = Settings::default();
    for status in ["placed", "paid", "fulfilled"] {
        assert_eq!(claimed(order("10", status), &settings), 10, "{status}");
    }
    for status in ["draft", "cancelled"] {
        assert_eq!(claimed(order("10", status), &settings), 0, "{status}");
    }
    assert_eq!(claimed(order("10", "placed").set("contact", ()), &settings), 0);
    assert_eq!(claimed(order("10", "placed").set("total", ()), &settings), 0);
    assert_eq!(claimed(order("-10", "placed"), &settings), 0);
    let deleted = Claim::of_change(&change(Some(order("10", "placed")), None), &settings, day).unwrap();
    assert_eq!((deleted.earner, deleted.is_off, deleted.is_new), (None, true, false));
    let cancelled = Claim::of_change(&change(None, Some(order("10", "cancelled"))), &settings, day).unwrap();
    assert!(cancelled.is_off);
}

#[test]
fn another_currency_earns_nothing() {
    let settings = Settings { currency: Some("EUR".to_owned()), ..Settings::default() };
    assert_eq!(claimed(order("10", "placed"), &settings), 0);
    let euros = Money { amount: "10".parse().unwrap(), currency: "EUR".to_owned() };
    assert_eq!(claimed(order("10", "placed").set("total", euros), &settings), 10);
    assert_eq!(foreign_currency(&order("10", "placed"), &settings).as_deref(), Some("USD"));
    assert_eq!(foreign_currency(&order("10", "placed"), &Settings::default()), None);
}

#[test]
fn dates_before_the_programme_earn_nothing() {
    let settings = Settings { starts_on: Some("2026-01-01".to_owned()), ..Settings::default() };
    assert_eq!(claimed(order("10", "placed"), &settings), 10);
    assert_eq!(claimed(order("10", "placed").set("placed_at", "2025-12-31T23:59:59Z"), &settings), 0);
}

#[test]
fn more_points_than_a_ledger_holds_are_refused() {
    let huge = change(None, Some(order("99999999999999", "placed")));
    assert_eq!(Claim::of_change(&huge, &per_unit("999999999"), day).unwrap_err().code(), "points_out_of_range");
}

#[test]
fn an_order_that_was_restored_is_known_to_the_ledger() {
    let of = |version: i64| {
        Claim::of_change(&change(None, Some(order("1", "placed").set("version", version))), &Settings::default(), day)
    };
    assert!(of(1).unwrap().is_new);
    assert!(!of(3).unwrap().is_new);
}

#[test]
fn other_fields_do_not_concern_the_points() {
    let before = || Some(order("10", "placed"));
    assert!(!concerns(&change(before(), Some(order("10", "placed").set("note", "gift")))));
    for (field, value) in [("status", "paid"), ("contact", "bob"), ("placed_at", "2026-01-02T00:00:00Z")] {
        assert!(concerns(&change(before(), Some(order("10", "placed").set(field, value)))), "{field}");
    }
    assert!(concerns(&change(None, before())));
    assert!(concerns(&change(before(), None)));
}
