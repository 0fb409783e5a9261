//! What broke in other shops: each issue is a test, by the name of who reported it.

use std::time::Duration;

use futures_util::future::join_all;
use guildhall::domain::clock::{Clock, Timestamp};
use serde_json::{Value as Json, json};

use crate::loyalty::{LOYALTY, act, adds_up, buys, configure, euros, figures, refused, send};
use crate::support::{Actor, On, TestApp};

both!(
    erpnext_32951_a_refund_keeps_no_points
    odoo_212922_and_221928_a_refund_spends_no_points_again
    odoo_150833_what_is_spent_on_an_order_is_no_purchase
    odoo_117988_points_of_an_order_are_not_spent_on_it
    odoo_206048_ends_that_come_later_leave_earlier_lots_alone
    eventyay_1398_and_mall_1003_one_code_is_used_once
    ec_cube_14_an_abandoned_checkout_frees_the_voucher
    prestashop_29493_a_voucher_that_was_held_in_time_is_honoured
    polar_13394_a_place_is_free_again_after_a_full_refund
);

async fn shop(on: On) -> (Actor, Json) {
    let TestApp { ann, .. } = TestApp::with_plugin(on, LOYALTY).await;
    let contact = ann.create("contact", json!({"name": "Ann"})).await;
    (ann, contact)
}

fn path(order: &Json) -> String {
    format!("/api/v1/records/order/{}", order["id"].as_str().unwrap())
}

/// Buying and giving back in turns, and spending between, earns nothing (odoo PR 257854 and 238806 too).
async fn erpnext_32951_a_refund_keeps_no_points(on: On) {
    let (ann, contact) = shop(on).await;
    for round in 0..4 {
        let order = buys(&ann, &contact, "100.00", "2026-01-01").await;
        if round == 0 {
            act(&ann, "redeem", json!({"contact": contact["id"], "points": 100})).await;
        }
        if round % 2 == 0 {
            act(&ann, "refund", json!({"order": order["id"], "amount": euros("100.00")})).await;
        } else {
            ann.patch(&path(&order), &json!({"status": "cancelled"})).await.assert(200);
        }
    }
    assert_eq!(figures(&ann, &contact, &["points", "owed", "spent"]).await, [-100, 100, 100]);
    adds_up(&ann).await;
}

async fn odoo_212922_and_221928_a_refund_spends_no_points_again(on: On) {
    let (ann, contact) = shop(on).await;
    buys(&ann, &contact, "100.00", "2026-01-01").await;
    let order = buys(&ann, &contact, "50.00", "2026-01-01").await;
    act(&ann, "redeem", json!({"contact": contact["id"], "points": 60, "order": order["id"]})).await;
    act(&ann, "refund", json!({"order": order["id"], "amount": euros("20.00")})).await;
    assert_eq!(figures(&ann, &contact, &["points", "spent"]).await, [70, 60]);
    // The whole order is called off: what was spent on it comes back, once.
    ann.patch(&path(&order), &json!({"status": "cancelled"})).await.assert(200);
    ann.delete(&path(&order)).await.assert(204);
    assert_eq!(figures(&ann, &contact, &["points", "spent"]).await, [100, 0]);
    adds_up(&ann).await;
}

async fn odoo_150833_what_is_spent_on_an_order_is_no_purchase(on: On) {
    let (ann, contact) = shop(on).await;
    buys(&ann, &contact, "100.00", "2026-01-01").await;
    let order = buys(&ann, &contact, "5.00", "2026-01-01").await;
    act(&ann, "redeem", json!({"contact": contact["id"], "points": 40, "order": order["id"]})).await;
    // The order changes, and carries five points, not five and what was spent.
    ann.patch(&path(&order), &json!({"status": "paid"})).await.assert(200);
    assert_eq!(figures(&ann, &contact, &["points", "lifetime_earned"]).await, [65, 105]);
    adds_up(&ann).await;
}

async fn odoo_117988_points_of_an_order_are_not_spent_on_it(on: On) {
    let (ann, contact) = shop(on).await;
    buys(&ann, &contact, "10.00", "2026-01-01").await;
    let order = buys(&ann, &contact, "100.00", "2026-01-01").await;
    let spend = |points: i64| json!({"contact": contact["id"], "points": points, "order": order["id"]});
    refused(&ann, "redeem", spend(11), "insufficient_points").await;
    assert_eq!(act(&ann, "redeem", spend(10)).await["balance"], 100);
}

async fn odoo_206048_ends_that_come_later_leave_earlier_lots_alone(on: On) {
    let (ann, contact) = shop(on).await;
    buys(&ann, &contact, "10.00", "2026-01-01").await;
    configure(&ann, json!({"expires_after": "12M", "expires_at_month_end": true})).await;
    buys(&ann, &contact, "20.00", "2996-07-06").await;
    let ends = async || -> Vec<Json> {
        ann.all("loyalty.entry", &[]).await.iter().map(|entry| entry["expires_on"].clone()).collect()
    };
    assert_eq!(ends().await, [json!(null), json!("2997-07-31")]);
    // What ends is spent first, although it came last.
    let spent = act(&ann, "redeem", json!({"contact": contact["id"], "points": 20})).await;
    assert_eq!(spent["lots"].as_array().unwrap().len(), 1);
    let left: Vec<Json> =
        ann.all("loyalty.entry", &[]).await.iter().take(2).map(|entry| entry["remaining"].clone()).collect();
    assert_eq!(left, [json!(10), json!(0)]);
}

/// `POSNext` 198 as well: what is payable is never below zero.
async fn eventyay_1398_and_mall_1003_one_code_is_used_once(on: On) {
    let (ann, _) = shop(on).await;
    act(&ann, "voucher_issue", json!({"code": "ONE", "amount": euros("50.00")})).await;
    let use_it = json!({"code": "ONE", "total": euros("20.00")});
    let replies = join_all((0..32).map(|_| send(&ann, "voucher_redeem", use_it.clone()))).await;
    let mut payable = Vec::new();
    for reply in replies {
        if reply.status.is_success() {
            payable.push(reply.json()["result"]["payable"]["amount"].clone());
        } else {
            assert_eq!(reply.problem(422, "plugin_error")["plugin_code"], "voucher_used_up");
        }
    }
    assert_eq!(payable, ["0.00"]);
}

fn morning() -> Clock {
    Clock::manual(Timestamp::parse("2026-11-30T23:50:00Z").unwrap())
}

async fn ec_cube_14_an_abandoned_checkout_frees_the_voucher(on: On) {
    let clock = morning();
    let test = TestApp::with_plugin_at(on, LOYALTY, clock.clone()).await;
    act(&test.ann, "voucher_issue", json!({"code": "ONE", "percent": "10"})).await;
    let hold = |key: &str| json!({"key": key, "code": "ONE", "total": euros("20.00")});
    act(&test.ann, "voucher_reserve", hold("first")).await;
    clock.advance(Duration::from_mins(14));
    refused(&test.ann, "voucher_reserve", hold("second"), "voucher_used_up").await;
    clock.advance(Duration::from_mins(2));
    act(&test.ann, "voucher_reserve", hold("second")).await;
    refused(&test.ann, "voucher_redeem", json!({"reservation": "first"}), "reservation_over").await;
    act(&test.ann, "voucher_redeem", json!({"reservation": "second"})).await;
    // At night, what nobody came for is free without anybody asking.
    act(&test.ann, "voucher_issue", json!({"code": "TWO", "percent": "10"})).await;
    act(&test.ann, "voucher_reserve", json!({"code": "TWO", "total": euros("20.00")})).await;
    clock.advance(Duration::from_hours(25));
    test.app.queue_due_tasks().await.unwrap();
    test.app.run_due_jobs().await.unwrap();
    let left: Vec<Json> =
        test.ann.all("loyalty.voucher", &[]).await.iter().map(|voucher| voucher["uses_left"].clone()).collect();
    assert_eq!(left, [json!(0), json!(1)]);
}

async fn prestashop_29493_a_voucher_that_was_held_in_time_is_honoured(on: On) {
    let clock = morning();
    let test = TestApp::with_plugin_at(on, LOYALTY, clock.clone()).await;
    let voucher = json!({"code": "V", "percent": "10", "uses_limit": 2, "until": "2026-11-30"});
    act(&test.ann, "voucher_issue", voucher).await;
    for key in ["first", "second"] {
        act(&test.ann, "voucher_reserve", json!({"key": key, "code": "V", "total": euros("20.00")})).await;
    }
    clock.advance(Duration::from_mins(11));
    refused(&test.ann, "voucher_redeem", json!({"code": "V", "total": euros("20.00")}), "voucher_over").await;
    act(&test.ann, "voucher_redeem", json!({"reservation": "first"})).await;
    // Shops that see it otherwise say so.
    configure(&test.ann, json!({"honour_reservations": false})).await;
    refused(&test.ann, "voucher_redeem", json!({"reservation": "second"}), "voucher_over").await;
}

async fn polar_13394_a_place_is_free_again_after_a_full_refund(on: On) {
    let (ann, contact) = shop(on).await;
    act(&ann, "enrol", json!({"contact": contact["id"]})).await;
    act(&ann, "voucher_issue", json!({"code": "V", "percent": "10", "uses_limit": 9, "per_member": 1})).await;
    let use_it = |key: &str| json!({"key": key, "code": "V", "total": euros("20.00"), "contact": contact["id"]});
    act(&ann, "voucher_redeem", use_it("first")).await;
    refused(&ann, "voucher_redeem", use_it("second"), "member_limit_reached").await;
    act(&ann, "voucher_roll_back", json!({"use": "first"})).await;
    act(&ann, "voucher_redeem", use_it("second")).await;
}
