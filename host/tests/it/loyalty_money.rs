//! Stored-value cards, vouchers, packages and draws of retail loyalty, with many who want the same at once.

use std::time::Duration;

use data_encoding::HEXLOWER;
use futures_util::future::join_all;
use guildhall::domain::clock::{Clock, Timestamp};
use serde_json::{Value as Json, json};
use sha2::{Digest as _, Sha256};

use crate::loyalty::{LOYALTY, act, buys, configure, euros, refused, send};
use crate::support::{Actor, On, TestApp};

both!(
    money_on_a_card_is_neither_made_nor_lost
    what_was_given_on_top_is_not_paid_out_and_goes_in_time
    a_voucher_is_used_no_more_often_than_its_limit
    a_voucher_counts_where_it_should
    a_package_has_so_many_units
    a_draw_can_be_drawn_again
    cards_and_vouchers_refuse_bad_input
);

/// How many of the replies did it.
async fn how_many(actor: &Actor, name: &str, input: &Json) -> usize {
    let replies = join_all((0..32).map(|_| send(actor, name, input.clone()))).await;
    replies.iter().filter(|reply| reply.status.is_success()).count()
}

/// Cents of an amount of money.
fn cents(money: &Json) -> i64 {
    money["amount"].as_str().map_or(0, |amount| amount.replace('.', "").parse().unwrap())
}

/// The entries of each card add up to its balance, which is what its lots hold, and so does what they debit and credit.
async fn cards_add_up(actor: &Actor) {
    let entries = actor.all("loyalty.card_entry", &[("limit", "500")]).await;
    let mut owed = 0;
    for card in actor.all("loyalty.card", &[]).await {
        let own: Vec<&Json> = entries.iter().filter(|entry| entry["card"] == card["id"]).collect();
        let sum: i64 = own.iter().map(|entry| cents(&entry["amount"])).sum();
        let left: i64 = own.iter().map(|entry| cents(&entry["remaining"])).sum();
        let on_top: i64 =
            own.iter().filter(|entry| entry["class"] == "bonus").map(|entry| cents(&entry["amount"])).sum();
        assert_eq!((sum, left), (cents(&card["balance"]), cents(&card["balance"])), "{card}");
        assert_eq!(on_top, cents(&card["bonus"]), "{card}");
        assert!(sum >= 0 && on_top >= 0, "{card}");
        owed += sum;
    }
    let is_liability = |account: &Json| account.as_str().unwrap().ends_with("_liability");
    let moved: i64 = entries
        .iter()
        .map(|entry| {
            let amount = cents(&entry["amount"]).abs();
            i64::from(is_liability(&entry["credit"])) * amount - i64::from(is_liability(&entry["debit"])) * amount
        })
        .sum();
    assert_eq!(moved, owed);
}

async fn money_on_a_card_is_neither_made_nor_lost(on: On) {
    let TestApp { ann, .. } = TestApp::with_plugin(on, LOYALTY).await;
    act(&ann, "card_issue", json!({"code": "C1", "currency": "EUR"})).await;
    act(&ann, "card_top_up", json!({"code": "C1", "amount": euros("100.00")})).await;
    assert_eq!(how_many(&ann, "card_spend", &json!({"code": "C1", "amount": euros("7.00")})).await, 14);
    cards_add_up(&ann).await;
    let spend = ann.all("loyalty.card_entry", &[("filter", r#"{"kind":{"_eq":"spend"}}"#)]).await.remove(0);
    let back = json!({"spend": spend["spend"], "amount": euros("2.00")});
    assert_eq!(how_many(&ann, "card_refund", &back).await, 3);
    cards_add_up(&ann).await;
    // The same key is the same payment.
    let paid = json!({"key": "pay", "code": "C1", "amount": euros("5.00")});
    assert_eq!(how_many(&ann, "card_top_up", &paid).await, 32);
    let card = ann.all("loyalty.card", &[]).await.remove(0);
    assert_eq!(card["balance"]["amount"], "13.00");
    cards_add_up(&ann).await;
}

async fn what_was_given_on_top_is_not_paid_out_and_goes_in_time(on: On) {
    let clock = Clock::manual(Timestamp::parse("2026-11-27T10:00:00Z").unwrap());
    let test = TestApp::with_plugin_at(on, LOYALTY, clock.clone()).await;
    let ann = &test.ann;
    act(ann, "card_issue", json!({"code": "C1", "currency": "EUR"})).await;
    let paid = json!({
        "code": "C1", "amount": euros("100.00"), "bonus": euros("20.00"), "bonus_expires_on": "2026-11-30",
    });
    act(ann, "card_top_up", paid).await;
    // What was given on top is spent first; what is paid back is split as it was spent.
    let spent = act(ann, "card_spend", json!({"key": "s", "code": "C1", "amount": euros("50.00")})).await;
    assert_eq!(spent["of_bonus"]["amount"], "20.00");
    let back = act(ann, "card_refund", json!({"spend": "s", "amount": euros("25.00")})).await;
    assert_eq!((&back["to_bonus"]["amount"], &back["balance"]["amount"]), (&json!("10.00"), &json!("95.00")));
    refused(ann, "card_cash_out", json!({"code": "C1", "amount": euros("85.01")}), "insufficient_balance").await;
    refused(ann, "card_refund", json!({"spend": "s", "amount": euros("25.01")}), "refund_exceeds_spend").await;
    cards_add_up(ann).await;
    for (days, balance) in [(3, "95.00"), (1, "85.00"), (1, "85.00")] {
        clock.advance(Duration::from_hours(24 * days));
        test.app.queue_due_tasks().await.unwrap();
        test.app.run_due_jobs().await.unwrap();
        assert_eq!(ann.all("loyalty.card", &[]).await[0]["balance"]["amount"], balance);
    }
    let out = act(ann, "card_cash_out", json!({"code": "C1", "amount": euros("85.00")})).await;
    assert_eq!(out["balance"]["amount"], "0.00");
    cards_add_up(ann).await;
}

async fn a_voucher_is_used_no_more_often_than_its_limit(on: On) {
    let TestApp { ann, .. } = TestApp::with_plugin(on, LOYALTY).await;
    act(&ann, "voucher_issue", json!({"code": "V", "percent": "10", "uses_limit": 3})).await;
    let take = json!({"code": "V", "total": euros("19.99")});
    assert_eq!(how_many(&ann, "voucher_redeem", &take).await, 3);
    let voucher = async || ann.all("loyalty.voucher", &[]).await[0]["uses_left"].clone();
    assert_eq!(voucher().await, 0);
    let uses = ann.all("loyalty.voucher_use", &[]).await;
    assert!(uses.len() == 3 && uses.iter().all(|one| one["discount"]["amount"] == "2.00"), "{uses:?}");
    // A use that is taken back is free once, however many take it back.
    assert_eq!(how_many(&ann, "voucher_roll_back", &json!({"use": uses[0]["key"]})).await, 1);
    assert_eq!(voucher().await, 1);
    assert_eq!(how_many(&ann, "voucher_reserve", &take).await, 1);
    assert_eq!(voucher().await, 0);
}

async fn a_voucher_counts_where_it_should(on: On) {
    let TestApp { ann, .. } = TestApp::with_plugin(on, LOYALTY).await;
    let contact = ann.create("contact", json!({"name": "Ann"})).await;
    act(&ann, "enrol", json!({"contact": contact["id"]})).await;
    let voucher =
        json!({"code": "A", "amount": euros("5.00"), "uses_limit": 9, "per_member": 1, "min_total": euros("3.00")});
    act(&ann, "voucher_issue", voucher).await;
    act(&ann, "voucher_issue", json!({"code": "OLD", "percent": "5", "until": "2020-01-01"})).await;
    act(&ann, "voucher_issue", json!({"code": "LEAKED", "percent": "5"})).await;
    let blocked = json!({"code": "LEAKED", "blocked": true});
    assert_eq!(act(&ann, "voucher_block", blocked).await["active"], false);
    act(&ann, "voucher_issue", json!({"code": "NEW", "percent": "5", "from": "2999-01-01"})).await;
    let use_of = |code: &str, total: Json| json!({"code": code, "total": total, "contact": contact["id"]});
    let dollars = json!({"amount": "10.00", "currency": "USD"});
    for (input, code) in [
        (use_of("NONE", euros("10.00")), "unknown_voucher"),
        (use_of("OLD", euros("10.00")), "voucher_over"),
        (use_of("LEAKED", euros("10.00")), "voucher_inactive"),
        (use_of("NEW", euros("10.00")), "voucher_not_yet"),
        (use_of("A", euros("2.99")), "total_too_low"),
        (use_of("A", dollars), "other_currency"),
        (json!({"code": "A", "total": euros("10.00")}), "member_needed"),
    ] {
        refused(&ann, "voucher_redeem", input, code).await;
    }
    // Never more than there is to pay, and each member once, even when all come at once.
    let replies = join_all((0..16).map(|_| send(&ann, "voucher_redeem", use_of("A", euros("4.00"))))).await;
    let done: Vec<Json> =
        replies.into_iter().filter(|reply| reply.status.is_success()).map(|reply| reply.json()).collect();
    assert_eq!(done.len(), 1);
    assert_eq!(
        (&done[0]["result"]["payable"]["amount"], &done[0]["result"]["discount"]["amount"]),
        (&json!("0.00"), &json!("4.00"))
    );
    refused(&ann, "voucher_redeem", use_of("A", euros("4.00")), "member_limit_reached").await;
    act(&ann, "voucher_block", json!({"code": "LEAKED", "blocked": false})).await;
    let used = act(&ann, "voucher_redeem", use_of("LEAKED", euros("10.00"))).await;
    assert_eq!(used["discount"], euros("0.50"));
}

async fn a_package_has_so_many_units(on: On) {
    let TestApp { ann, .. } = TestApp::with_plugin(on, LOYALTY).await;
    let contact = ann.create("contact", json!({"name": "Ann"})).await;
    act(&ann, "enrol", json!({"contact": contact["id"]})).await;
    let package = json!({"contact": contact["id"], "name": "Ten cuts", "units": 10, "price": euros("90.00")});
    let package = act(&ann, "package_sell", package).await["package"].clone();
    assert_eq!(how_many(&ann, "package_use", &json!({"package": package})).await, 10);
    refused(&ann, "package_use", json!({"package": package}), "insufficient_units").await;
    let entries = ann.all("loyalty.package_entry", &[]).await;
    let used = entries.iter().find(|entry| entry["kind"] == "use").unwrap()["use"].clone();
    assert_eq!(how_many(&ann, "package_return", &json!({"use": used})).await, 1);
    refused(&ann, "package_return", json!({"use": used}), "return_exceeds_use").await;
    let entries = ann.all("loyalty.package_entry", &[]).await;
    let left: i64 = entries.iter().map(|entry| entry["units"].as_i64().unwrap()).sum();
    assert_eq!((left, &ann.all("loyalty.package", &[]).await[0]["units_left"]), (1, &json!(1)));
    let over = json!({"contact": contact["id"], "name": "Old", "units": 1, "valid_until": "2020-01-01"});
    refused(&ann, "package_sell", over, "validation_failed").await;
}

async fn a_draw_can_be_drawn_again(on: On) {
    let TestApp { ann, .. } = TestApp::with_plugin(on, LOYALTY).await;
    let contact = ann.create("contact", json!({"name": "Ann"})).await;
    buys(&ann, &contact, "320.00", "2026-01-01").await;
    let prizes = json!([{"name": "car", "stock": 1, "weight": 1}, {"name": "cup", "stock": 5, "weight": 10}]);
    let opened =
        act(&ann, "draw_open", json!({"name": "Lucky", "cost": 10, "blank_weight": 5, "prizes": prizes})).await;
    let ticket = json!({"draw": opened["draw"], "contact": contact["id"]});
    assert_eq!(how_many(&ann, "draw_play", &ticket).await, 32);
    refused(&ann, "draw_play", ticket.clone(), "insufficient_points").await;
    // The seed is nowhere to be seen before the end.
    assert_eq!(ann.all("loyalty.draw", &[]).await[0]["seed"], json!(null));
    let closed = act(&ann, "draw_close", json!({"draw": opened["draw"]})).await;
    refused(&ann, "draw_play", ticket, "draw_closed").await;
    assert_eq!(closed["commitment"], opened["commitment"]);
    assert_eq!(ann.all("loyalty.draw", &[]).await[0]["seed"], closed["seed"]);
    let tickets = ann.all("loyalty.draw_ticket", &[("sort", "number")]).await;
    let numbers: Vec<i64> = tickets.iter().map(|ticket| ticket["number"].as_i64().unwrap()).collect();
    assert_eq!(numbers, (1..=32).collect::<Vec<i64>>());
    // Whoever has the seed draws all tickets again, by what the README says.
    let seed = closed["seed"].as_str().unwrap();
    assert_eq!(closed["commitment"], json!(HEXLOWER.encode(&Sha256::digest(seed))));
    let mut left = [("car", 1, 1), ("cup", 5, 10)];
    for ticket in &tickets {
        let hash = Sha256::digest(format!("{seed}:{}", ticket["number"]));
        let mut place = u128::from_be_bytes(hash[..16].try_into().unwrap()) % 16;
        let mut won = Json::Null;
        for (prize, stock, weight) in &mut left {
            if place < *weight {
                won = if *stock > 0 { json!(prize) } else { Json::Null };
                *stock = (*stock - 1).max(0);
                break;
            }
            place -= *weight;
        }
        assert_eq!(ticket["prize"], won, "{ticket}");
    }
}

async fn cards_and_vouchers_refuse_bad_input(on: On) {
    let TestApp { ann, vic, .. } = TestApp::with_plugin(on, LOYALTY).await;
    act(&ann, "card_issue", json!({"code": "C", "currency": "EUR"})).await;
    act(&ann, "card_top_up", json!({"code": "C", "amount": euros("5.00")})).await;
    let card = |amount: Json| json!({"code": "C", "amount": amount});
    for (name, input, code) in [
        ("card_issue", json!({"code": "C", "currency": "EUR"}), "code_taken"),
        ("card_top_up", card(euros("0.00")), "validation_failed"),
        ("card_top_up", card(euros("-1.00")), "wrong_input"),
        ("card_top_up", card(euros("1.005")), "validation_failed"),
        ("card_top_up", card(euros("9999999999999999.99")), "wrong_input"),
        ("card_top_up", card(json!({"amount": "1.00", "currency": "USD"})), "other_currency"),
        ("card_spend", card(euros("5.01")), "insufficient_balance"),
        ("card_spend", json!({"code": "D", "amount": euros("1.00")}), "unknown_card"),
        ("card_refund", json!({"spend": "none", "amount": euros("1.00")}), "unknown_spend"),
        ("voucher_issue", json!({"code": "V"}), "validation_failed"),
        ("voucher_issue", json!({"code": "V", "percent": "100.5"}), "validation_failed"),
        ("voucher_issue", json!({"code": "V", "percent": "5", "amount": euros("1.00")}), "validation_failed"),
        ("voucher_issue", json!({"code": "V", "percent": "5", "uses_limit": 0}), "wrong_input"),
        (
            "voucher_issue",
            json!({"code": "V", "percent": "5", "from": "2026-02-02", "until": "2026-02-01"}),
            "validation_failed",
        ),
        ("voucher_release", json!({"reservation": "none"}), "unknown_use"),
    ] {
        refused(&ann, name, input, code).await;
    }
    act(&ann, "card_block", json!({"code": "C"})).await;
    refused(&ann, "card_spend", card(euros("1.00")), "card_blocked").await;
    act(&ann, "card_block", json!({"code": "C", "blocked": false})).await;
    send(&vic, "card_spend", card(euros("1.00"))).await.problem(403, "permission_denied");
    // Nobody writes the ledger beside the module.
    let entry = ann.all("loyalty.card_entry", &[]).await.remove(0);
    let path = format!("/api/v1/records/loyalty.card_entry/{}", entry["id"].as_str().unwrap());
    ann.patch(&path, &json!({"amount": euros("500.00")})).await.problem(403, "permission_denied");
    configure(&ann, json!({})).await;
    cards_add_up(&ann).await;
}
