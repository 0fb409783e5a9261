//! Points of retail loyalty: lots, tiers, campaigns and members, whatever happens to them and however many do it.

use futures_util::future::join_all;
use rand::rngs::SmallRng;
use rand::{RngExt, SeedableRng};
use serde_json::{Value as Json, json};

use crate::loyalty::{LOYALTY, act, adds_up, buys, configure, euros, figures, refused, send};
use crate::support::{On, TestApp};

both!(
    an_operation_is_done_once_for_its_key
    thirty_two_clients_leave_a_ledger_that_adds_up
    a_refund_takes_its_share_and_the_last_one_the_rest
    a_campaign_gives_no_more_than_its_budget
    points_follow_the_lines_of_an_order
    a_member_who_becomes_a_part_of_another_takes_the_points_along
    what_was_spent_before_a_merge_comes_back_after_it
    bad_input_changes_nothing
    only_who_may_act_acts
    points_of_another_system_are_taken_over
);

async fn an_operation_is_done_once_for_its_key(on: On) {
    let TestApp { ann, .. } = TestApp::with_plugin(on, LOYALTY).await;
    let contact = ann.create("contact", json!({"name": "Ann"})).await;
    buys(&ann, &contact, "100.00", "2026-01-01").await;
    let spend = json!({"key": "one", "contact": contact["id"], "points": 30});
    let answers = join_all((0..16).map(|_| act(&ann, "redeem", spend.clone()))).await;
    assert!(answers.iter().all(|answer| answer == &answers[0] && answer["active"] == 70), "{answers:?}");
    assert_eq!(figures(&ann, &contact, &["points", "spent"]).await, [70, 30]);
    // The same key for something else, or for another action, is a mistake.
    refused(&ann, "redeem", json!({"key": "one", "contact": contact["id"], "points": 31}), "key_reused").await;
    refused(&ann, "grant", json!({"key": "one", "contact": contact["id"], "points": 30}), "key_reused").await;
    // What was refused is not kept: the key is free.
    let much = json!({"key": "two", "contact": contact["id"], "points": 71});
    refused(&ann, "redeem", much.clone(), "insufficient_points").await;
    buys(&ann, &contact, "1.00", "2026-01-02").await;
    assert_eq!(act(&ann, "redeem", much).await["balance"], 0);
    // What was spent comes back once, however many give it back.
    let replies = join_all((0..16).map(|_| send(&ann, "return_points", json!({"redemption": "one"})))).await;
    assert_eq!(replies.iter().filter(|reply| reply.status.is_success()).count(), 1);
    assert_eq!(figures(&ann, &contact, &["points", "spent"]).await, [30, 71]);
    adds_up(&ann).await;
}

/// Orders, refunds, spending, giving back, cancelling and giving away, at random.
async fn thirty_two_clients_leave_a_ledger_that_adds_up(on: On) {
    let TestApp { ann, .. } = TestApp::with_plugin(on, LOYALTY).await;
    let mut contacts = Vec::new();
    for name in ["Ann", "Bob", "Cid"] {
        let contact = ann.create("contact", json!({"name": name})).await;
        act(&ann, "enrol", json!({"contact": contact["id"]})).await;
        contacts.push(contact);
    }
    join_all((0..32).map(|client| {
        let (ann, contacts) = (ann.clone(), contacts.clone());
        async move {
            let mut random = SmallRng::seed_from_u64(client);
            let (mut orders, mut redemptions) = (Vec::new(), Vec::new());
            for step in 0..8 {
                let contact = &contacts[random.random_range(0..contacts.len())];
                let amount = format!("{}.50", random.random_range(1..90));
                match random.random_range(0..5) {
                    2 if !orders.is_empty() => {
                        let order: &Json = &orders[random.random_range(0..orders.len())];
                        send(&ann, "refund", json!({"order": order["id"], "amount": euros(&amount)})).await;
                    }
                    3 => {
                        let key = format!("spend-{client}-{step}");
                        let points = random.random_range(1..80);
                        let spend = json!({"key": key, "contact": contact["id"], "points": points});
                        if send(&ann, "redeem", spend).await.status.is_success() {
                            redemptions.push(key);
                        }
                        if let Some(key) = redemptions.last() {
                            let back = random.random_range(1..40);
                            send(&ann, "return_points", json!({"redemption": key, "points": back})).await;
                        }
                    }
                    4 if !orders.is_empty() => {
                        let order: &Json = &orders[random.random_range(0..orders.len())];
                        let path = format!("/api/v1/records/order/{}", order["id"].as_str().unwrap());
                        let status = if step % 2 == 0 { "cancelled" } else { "paid" };
                        ann.patch(&path, &json!({"status": status, "contact": contact["id"]})).await.assert(200);
                    }
                    _ => orders.push(buys(&ann, contact, &amount, "2026-01-01").await),
                }
            }
        }
    }))
    .await;
    adds_up(&ann).await;
    // I5: of no order, more was taken back than it brought; lines beside lots are only ever added.
    let entries = ann.all("loyalty.entry", &[("limit", "500")]).await;
    for order in ann.all("order", &[("limit", "500")]).await {
        let of_order = |kinds: &[&str]| -> i64 {
            let own = entries.iter().filter(|entry| entry["order"] == order["id"]);
            let own = own.filter(|entry| kinds.contains(&entry["kind"].as_str().unwrap()));
            own.map(|entry| entry["points"].as_i64().unwrap()).sum()
        };
        assert!(of_order(&["earn", "adjust", "reverse", "refund"]) >= 0, "{order}");
    }
    assert!(entries.iter().all(|entry| entry["version"] == 1 || !entry["remaining"].is_null()));
}

async fn a_refund_takes_its_share_and_the_last_one_the_rest(on: On) {
    let TestApp { ann, .. } = TestApp::with_plugin(on, LOYALTY).await;
    configure(&ann, json!({"points_per_unit": "0.1"})).await;
    let contact = ann.create("contact", json!({"name": "Ann"})).await;
    let order = buys(&ann, &contact, "100.00", "2026-01-01").await;
    let refund = |amount: &str| json!({"order": order["id"], "amount": euros(amount)});
    let mut reversed = Vec::new();
    for amount in ["33.33", "33.33", "33.34"] {
        reversed.push(act(&ann, "refund", refund(amount)).await["reversed"].clone());
    }
    assert_eq!(reversed, [json!(3), json!(3), json!(4)]);
    refused(&ann, "refund", refund("0.01"), "refund_exceeds_order").await;
    // What happens to the order later brings nothing back.
    let path = format!("/api/v1/records/order/{}", order["id"].as_str().unwrap());
    for status in ["fulfilled", "cancelled", "paid"] {
        ann.patch(&path, &json!({"status": status})).await.assert(200);
        assert_eq!(figures(&ann, &contact, &["points"]).await, [0], "{status}");
    }
    // As many at once as there are: no more than was bought is paid back.
    let order = buys(&ann, &contact, "100.00", "2026-01-01").await;
    let refund = json!({"order": order["id"], "amount": euros("7.00")});
    let replies = join_all((0..32).map(|_| send(&ann, "refund", refund.clone()))).await;
    assert_eq!(replies.iter().filter(|reply| reply.status.is_success()).count(), 14);
    assert_eq!(figures(&ann, &contact, &["points", "refunds"]).await, [1, 17]);
    adds_up(&ann).await;
}

async fn a_campaign_gives_no_more_than_its_budget(on: On) {
    let TestApp { ann, .. } = TestApp::with_plugin(on, LOYALTY).await;
    configure(&ann, json!({"campaigns": true})).await;
    let campaign =
        json!({"name": "Double", "multiplier": "2", "budget": 100, "from": "2026-11-01", "until": "2026-11-30"});
    let campaign = ann.create("loyalty.campaign", campaign).await;
    let path = format!("/api/v1/records/loyalty.campaign/{}", campaign["id"].as_str().unwrap());
    ann.patch(&path, &json!({"granted": 0})).await.assert(422);
    let contacts = join_all((0..32).map(|at| ann.create("contact", json!({"name": format!("C{at}")})))).await;
    let orders = join_all(contacts.iter().map(|contact| buys(&ann, contact, "9.00", "2026-11-30"))).await;
    assert_eq!(ann.get(&path).await.json()["granted"], 100);
    let sum = async || -> i64 {
        ann.all("loyalty.member", &[]).await.iter().map(|member| member["points"].as_i64().unwrap()).sum()
    };
    assert_eq!(sum().await, 32 * 9 + 100);
    // What is called off gives its part of the budget back.
    join_all(orders.iter().step_by(2).map(|order| {
        let path = format!("/api/v1/records/order/{}", order["id"].as_str().unwrap());
        let ann = &ann;
        async move { ann.patch(&path, &json!({"status": "cancelled"})).await.assert(200) }
    }))
    .await;
    let granted = ann.get(&path).await.json()["granted"].as_i64().unwrap();
    assert!((0..=100).contains(&granted), "{granted}");
    assert_eq!(sum().await, 16 * 9 + granted);
    // Outside its days it gives nothing.
    let late = ann.create("contact", json!({"name": "Late"})).await;
    buys(&ann, &late, "9.00", "2026-12-01").await;
    assert_eq!(figures(&ann, &late, &["points"]).await, [9]);
    adds_up(&ann).await;
}

async fn points_follow_the_lines_of_an_order(on: On) {
    let TestApp { ann, .. } = TestApp::with_plugin(on, LOYALTY).await;
    let rules = json!([
        {"per": "item", "points": "5", "product": "tea"}, {"per": "money", "points": "2", "category": "drinks"},
        {"per": "order", "points": "3", "channel": "mall"},
    ]);
    configure(&ann, json!({"points_per_unit": "0", "rules": rules})).await;
    let tea = ann.create("product", json!({"name": "Tea", "code": "tea", "category": "drinks"})).await;
    let contact = ann.create("contact", json!({"name": "Ann", "source": "mall"})).await;
    let order = buys(&ann, &contact, "20.00", "2026-01-01").await;
    assert_eq!(figures(&ann, &contact, &["points"]).await, [3]);
    let line = json!({
        "order": order["id"], "product": tea["id"], "quantity": "2", "unit_price": euros("5.25"), "discount": "0.1",
    });
    let line = ann.create("order_line", line).await;
    // 3 + 2 × 5 + 9.45 × 2 = 31.9, cut off once.
    assert_eq!(figures(&ann, &contact, &["points"]).await, [31]);
    let path = format!("/api/v1/records/order_line/{}", line["id"].as_str().unwrap());
    ann.patch(&path, &json!({"quantity": "1"})).await.assert(200);
    assert_eq!(figures(&ann, &contact, &["points"]).await, [17]);
    ann.delete(&path).await.assert(204);
    assert_eq!(figures(&ann, &contact, &["points"]).await, [3]);
    adds_up(&ann).await;
}

async fn a_member_who_becomes_a_part_of_another_takes_the_points_along(on: On) {
    let TestApp { ann, .. } = TestApp::with_plugin(on, LOYALTY).await;
    let mut people = Vec::new();
    for name in ["Ann", "Anna"] {
        people.push(ann.create("contact", json!({"name": name})).await);
    }
    let order = buys(&ann, &people[1], "100.00", "2026-01-01").await;
    buys(&ann, &people[0], "7.00", "2026-01-01").await;
    act(&ann, "redeem", json!({"contact": people[1]["id"], "points": 60})).await;
    let members = ann.all("loyalty.member", &[]).await;
    let of = |contact: &Json| members.iter().find(|member| member["contact"] == contact["id"]).unwrap()["id"].clone();
    let merge = json!({"from": of(&people[1]), "into": of(&people[0])});
    assert_eq!(act(&ann, "merge_members", merge.clone()).await["balance"], 47);
    refused(&ann, "merge_members", merge, "same_member").await;
    let both = async || {
        let all = ["points", "owed", "lifetime_earned", "spent"];
        (figures(&ann, &people[0], &all).await, figures(&ann, &people[1], &all).await)
    };
    assert_eq!(both().await, (vec![47, 0, 107, 60], vec![0, 0, 0, 0]));
    // What was bought before is taken back from who has the points now, and new orders are that one's.
    let path = format!("/api/v1/records/order/{}", order["id"].as_str().unwrap());
    ann.patch(&path, &json!({"status": "cancelled"})).await.assert(200);
    assert_eq!(both().await.0, [-53, 53, 7, 60]);
    adds_up(&ann).await;
    buys(&ann, &people[1], "60.00", "2026-01-02").await;
    assert_eq!(both().await, (vec![7, 0, 67, 60], vec![0, 0, 0, 0]));
    adds_up(&ann).await;
}

async fn what_was_spent_before_a_merge_comes_back_after_it(on: On) {
    let TestApp { ann, .. } = TestApp::with_plugin(on, LOYALTY).await;
    let [old, new] =
        [ann.create("contact", json!({"name": "Anna"})).await, ann.create("contact", json!({"name": "Ann"})).await];
    buys(&ann, &old, "100.00", "2026-01-01").await;
    act(&ann, "redeem", json!({"contact": old["id"], "points": 60, "key": "spent"})).await;
    let into = act(&ann, "enrol", json!({"contact": new["id"]})).await["member"].clone();
    let from = ann.all("loyalty.member", &[("filter", &json!({"contact": {"_eq": old["id"]}}).to_string())]).await;
    act(&ann, "merge_members", json!({"from": from[0]["id"], "into": into})).await;
    assert_eq!(act(&ann, "return_points", json!({"redemption": "spent", "points": 50})).await["active"], 90);
    adds_up(&ann).await;
    // They can be spent again, and no more than that.
    refused(&ann, "redeem", json!({"member": into, "points": 91}), "insufficient_points").await;
    act(&ann, "redeem", json!({"member": into, "points": 90})).await;
    act(&ann, "return_points", json!({"redemption": "spent"})).await;
    assert_eq!(figures(&ann, &new, &["points", "spent", "owed"]).await, [10, 90, 0]);
    adds_up(&ann).await;
}

async fn bad_input_changes_nothing(on: On) {
    let TestApp { ann, .. } = TestApp::with_plugin(on, LOYALTY).await;
    configure(&ann, json!({"currency": "EUR", "starts_on": "2026-01-01"})).await;
    let contact = ann.create("contact", json!({"name": "Ann"})).await;
    let order = buys(&ann, &contact, "100.00", "2026-01-01").await;
    let nobody = ann.create("contact", json!({"name": "Nobody"})).await;
    // Before the programme, and in another currency, nothing is earned, and nothing can be taken back.
    let early = buys(&ann, &contact, "50.00", "2025-12-31").await;
    let dollars =
        json!({"contact": contact["id"], "placed_at": "2026-01-01", "total": {"amount": "50", "currency": "USD"}});
    ann.create("order", dollars).await;
    let draft = json!({"contact": contact["id"], "placed_at": "2026-01-01", "total": euros("5.00"), "status": "draft"});
    let draft = ann.create("order", draft).await;
    let before = ann.all("loyalty.entry", &[]).await;
    assert_eq!(before.len(), 1);
    let missing = "01a20031-9c4a-7239-8605-04c662a595e1";
    let id = &contact["id"];
    for (name, input, code) in [
        ("redeem", json!({"contact": id, "points": 0}), "wrong_input"),
        ("redeem", json!({"contact": id, "points": -5}), "wrong_input"),
        ("redeem", json!({"contact": id, "points": 1.5}), "wrong_input"),
        ("redeem", json!({"contact": id, "points": 10_000_000_000_000_i64}), "wrong_input"),
        ("redeem", json!({"points": 5}), "wrong_input"),
        ("redeem", json!({"contact": id, "points": 101}), "insufficient_points"),
        ("redeem", json!({"contact": nobody["id"], "points": 1}), "unknown_member"),
        ("redeem", json!({"member": missing, "points": 1}), "unknown_member"),
        ("redeem", json!({"contact": id, "points": 1, "order": missing}), "unknown_order"),
        ("redeem", json!({"contact": id, "points": 1, "order": order["id"]}), "insufficient_points"),
        ("return_points", json!({"redemption": "none"}), "unknown_redemption"),
        ("refund", json!({"order": order["id"], "amount": euros("100.01")}), "refund_exceeds_order"),
        ("refund", json!({"order": order["id"], "amount": euros("99999999999999")}), "refund_exceeds_order"),
        ("refund", json!({"order": order["id"], "amount": euros("-1")}), "wrong_input"),
        ("refund", json!({"order": order["id"], "amount": euros("0")}), "validation_failed"),
        ("refund", json!({"order": order["id"], "amount": {"amount": "1", "currency": "USD"}}), "other_currency"),
        ("refund", json!({"order": early["id"], "amount": euros("1")}), "nothing_earned"),
        ("refund", json!({"order": draft["id"], "amount": euros("1")}), "nothing_earned"),
        ("refund", json!({"order": missing, "amount": euros("1")}), "unknown_order"),
        ("grant", json!({"contact": id, "points": 5, "expires_on": "2020-01-01"}), "validation_failed"),
        ("grant", json!({"contact": id, "points": 5, "expires_on": "2026-02-30"}), "validation_failed"),
    ] {
        refused(&ann, name, input, code).await;
    }
    assert_eq!(ann.all("loyalty.entry", &[]).await, before);
    assert!(ann.all("loyalty.operation", &[]).await.is_empty());
    for wrong in [
        json!({"expires_after": "soon"}),
        json!({"tiers": [{"name": "Gold", "from": -1}]}),
        json!({"rules": [{"per": "smile", "points": "1"}]}),
        json!({"birthday_points": -1}),
    ] {
        let module = format!("/api/v1/modules/{LOYALTY}");
        ann.put(&module, &json!({"config": wrong})).await.problem(422, "validation_failed");
    }
    // Who is no member, and does not become one by buying, has earned nothing.
    configure(&ann, json!({"currency": "EUR", "auto_enrol": false})).await;
    let guest = buys(&ann, &nobody, "9.00", "2026-01-02").await;
    refused(&ann, "refund", json!({"order": guest["id"], "amount": euros("1")}), "nothing_earned").await;
}

async fn only_who_may_act_acts(on: On) {
    let TestApp { ann, vic, sam, anon, .. } = TestApp::with_plugin(on, LOYALTY).await;
    let contact = ann.create("contact", json!({"name": "Ann"})).await;
    let order = buys(&ann, &contact, "100.00", "2026-01-01").await;
    let spend = json!({"contact": contact["id"], "points": 1});
    send(&vic, "redeem", spend.clone()).await.problem(403, "permission_denied");
    send(&anon, "redeem", spend.clone()).await.problem(401, "unauthenticated");
    send(&sam, "redeem", spend.clone()).await.problem(404, "not_found");
    sam.put(&format!("/api/v1/modules/{LOYALTY}"), &json!({"consent": ["*"]})).await.assert(200);
    refused(&sam, "redeem", spend.clone(), "unknown_member").await;
    refused(&sam, "refund", json!({"order": order["id"], "amount": euros("1")}), "unknown_order").await;
    // Who may act, and may see members but no orders, spends points, but pays no order back.
    let rules = json!([
        {"objects": ["#actions"], "actions": ["create"]},
        {"objects": ["loyalty.member", "loyalty.entry"], "actions": ["read"]},
    ]);
    ann.post("/api/v1/roles", &json!({"name": "till", "label": "Till", "rules": rules})).await.assert(201);
    let till = crate::permissions::user(&ann, "tia", json!(["till"])).await.at;
    act(&till, "redeem", spend).await;
    let paid_back = json!({"order": order["id"], "amount": euros("1")});
    refused(&till, "refund", paid_back, "permission_denied").await;
    assert_eq!(figures(&ann, &contact, &["points"]).await, [99]);
}

async fn points_of_another_system_are_taken_over(on: On) {
    let TestApp { ann, .. } = TestApp::with_plugin(on, LOYALTY).await;
    let contact = ann.create("contact", json!({"name": "Ann", "external_id": "x1"})).await;
    let rows = json!([
        {"external_id": "x1", "points": 50, "expires_on": "2999-12-31"}, {"external_id": "nobody", "points": 5},
        {"external_id": "x1", "points": -5}, {"external_id": "x1", "points": 5, "expires_on": "2020-01-01"},
        {"external_id": "x1", "points": 5, "expires_on": "soon"}, {"external_id": "x1", "points": 7},
    ]);
    let file = json!({"key": "file-1", "rows": rows});
    let done = act(&ann, "import_points", file.clone()).await;
    assert_eq!((&done["imported"], &done["points"]), (&json!(2), &json!(57)));
    let rejected: Vec<(&Json, &Json)> =
        done["rejected"].as_array().unwrap().iter().map(|row| (&row["row"], &row["code"])).collect();
    let invalid = json!("validation_failed");
    let expected = [
        (json!(1), json!("unknown_contact")),
        (json!(2), invalid.clone()),
        (json!(3), invalid.clone()),
        (json!(4), invalid),
    ];
    assert!(rejected.iter().copied().eq(expected.iter().map(|(row, code)| (row, code))), "{done}");
    // Sent again, it is the same file.
    assert_eq!(act(&ann, "import_points", file).await, done);
    assert_eq!(figures(&ann, &contact, &["points", "lifetime_earned"]).await, [57, 57]);
    adds_up(&ann).await;
}
