//! The rule by examples.

use guildhall_sdk::Money;

use super::*;

fn order(amount: &str, status: &str) -> Record {
    Record::new().set("contact", "ann").set("status", status).set("total", money(amount, "USD"))
}

fn money(amount: &str, currency: &str) -> Money {
    Money { amount: amount.parse().unwrap(), currency: currency.to_owned() }
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
    claim(&change(None, Some(order)), settings).unwrap().points
}

fn per_unit(points: &str) -> Settings {
    Settings { points_per_unit: points.parse().unwrap(), ..Settings::default() }
}

fn held(member: &str, points: i64) -> Held {
    Held { member: member.to_owned(), points }
}

fn posting(member: &str, kind: Kind, points: i64) -> Posting {
    Posting { member: member.to_owned(), kind, points }
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
    let deleted = change(Some(order("10", "placed")), None);
    assert_eq!(claim(&deleted, &settings).unwrap().points, 0);
}

#[test]
fn another_currency_earns_nothing() {
    let settings = Settings { currency: Some("EUR".to_owned()), ..Settings::default() };
    assert_eq!(claimed(order("10", "placed"), &settings), 0);
    assert_eq!(claimed(order("10", "placed").set("total", money("10", "EUR")), &settings), 10);
    let foreign = change(None, Some(order("10", "placed")));
    assert_eq!(foreign_currency(&foreign, &settings).as_deref(), Some("USD"));
    assert_eq!(foreign_currency(&foreign, &Settings::default()), None);
}

#[test]
fn more_points_than_a_ledger_holds_are_refused() {
    let settings = per_unit("999999999");
    let huge = change(None, Some(order("99999999999999", "placed")));
    assert_eq!(claim(&huge, &settings).unwrap_err().code(), "points_out_of_range");
}

#[test]
fn only_contact_total_and_status_concern_the_points() {
    let before = || Some(order("10", "placed"));
    let unchanged = change(before(), Some(order("10", "placed").set("note", "gift")));
    assert!(!concerns(&unchanged));
    let paid = change(before(), Some(order("10", "paid")));
    assert!(concerns(&paid));
    assert!(concerns(&change(None, before())));
    assert!(concerns(&change(before(), None)));
}

#[test]
fn a_new_order_earns_and_a_changed_one_is_adjusted() {
    assert_eq!(postings(&[], Some("m1"), 29), [posting("m1", Kind::Earn, 29)]);
    let carried = [held("m1", 29)];
    assert_eq!(postings(&carried, Some("m1"), 35), [posting("m1", Kind::Adjust, 6)]);
    assert_eq!(postings(&carried, Some("m1"), 20), [posting("m1", Kind::Adjust, -9)]);
    assert_eq!(postings(&carried, Some("m1"), 29), []);
}

#[test]
fn an_order_that_ends_is_reversed_exactly_and_only_once() {
    assert_eq!(postings(&[held("m1", 35)], None, 0), [posting("m1", Kind::Reverse, -35)]);
    let reversed = [held("m1", 0)];
    assert_eq!(postings(&reversed, None, 0), []);
    assert_eq!(postings(&reversed, Some("m1"), 35), [posting("m1", Kind::Earn, 35)]);
}

#[test]
fn a_change_of_contact_moves_the_points() {
    assert_eq!(
        postings(&[held("m1", 35)], Some("m2"), 40),
        [posting("m1", Kind::Reverse, -35), posting("m2", Kind::Earn, 40)]
    );
}
