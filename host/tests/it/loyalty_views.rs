//! What people and other programs see of retail loyalty.

use std::time::Duration;

use guildhall::domain::clock::{Clock, Timestamp};
use serde_json::{Value as Json, json};

use crate::loyalty::{LOYALTY, act, buys, configure, euros};
use crate::support::{Actor, On, TestApp};

both!(
    the_three_centres_and_the_reports_tell_the_same_as_the_ledger
    the_balance_of_any_moment_is_in_the_ledger
    pages_are_drawn_for_who_may_read
);

fn route(path: &str) -> String {
    format!("/api/v1/x/{LOYALTY}{path}")
}

async fn read(actor: &Actor, path: &str) -> Json {
    actor.get(&route(path)).await.assert(200).json()
}

async fn the_three_centres_and_the_reports_tell_the_same_as_the_ledger(on: On) {
    let clock = Clock::manual(Timestamp::parse("2026-11-27T10:00:00Z").unwrap());
    let TestApp { ann, vic, sam, .. } = TestApp::with_plugin_at(on, LOYALTY, clock).await;
    configure(&ann, json!({"currency": "EUR", "point_value": "0.01"})).await;
    let contact = ann.create("contact", json!({"name": "Ann"})).await;
    let id = contact["id"].as_str().unwrap();
    assert_eq!(read(&vic, &format!("/customer-centre/{id}")).await["phase"], "presale");
    let tea = ann.create("product", json!({"name": "Tea", "code": "tea", "category": "drinks"})).await;
    let first = buys(&ann, &contact, "20.00", "2026-11-01").await;
    let path = format!("/api/v1/records/order/{}", first["id"].as_str().unwrap());
    ann.patch(&path, &json!({"status": "fulfilled"})).await.assert(200);
    let line = json!({"order": first["id"], "product": tea["id"], "quantity": "2", "unit_price": euros("10.00")});
    ann.create("order_line", line).await;
    let second = buys(&ann, &contact, "30.00", "2026-11-21").await;
    act(&ann, "redeem", json!({"contact": id, "points": 5, "order": second["id"]})).await;
    act(&ann, "refund", json!({"order": second["id"], "amount": euros("3.00")})).await;
    act(&ann, "card_issue", json!({"code": "C", "currency": "EUR"})).await;
    act(&ann, "card_top_up", json!({"code": "C", "amount": euros("100.00"), "bonus": euros("20.00")})).await;
    let customer = read(&vic, &format!("/customer-centre/{id}")).await;
    assert_eq!(
        (&customer["phase"], &customer["purchases"], &customer["repurchase_interval_days"]),
        (&json!("sale"), &json!(2), &json!("20.0"))
    );
    assert_eq!(customer["preferences"], json!([{"category": "drinks", "amount": "20.00"}]));
    assert_eq!(customer["member"]["active"], 42);
    let order = read(&vic, &format!("/order-centre/{}", second["id"].as_str().unwrap())).await;
    let facts = ["phase", "points", "spent_on_it", "refunded"].map(|name| order[name].clone());
    assert_eq!(facts, [json!("sale"), json!(27), json!(5), json!("3.00")]);
    // I10: what is left in the lots is what the balances say.
    let owed = read(&vic, "/resource-centre").await["liabilities"].clone();
    assert_eq!(owed, read(&vic, "/liabilities").await);
    assert_eq!(owed["cards"]["top_up"], json!([{"amount": euros("100.00")}]));
    assert_eq!(owed["cards"]["bonus"], json!([{"amount": euros("20.00")}]));
    assert_eq!(owed["balances"], json!([{"amount": euros("120.00")}]));
    assert_eq!((&owed["points"]["points"], &owed["worth"]), (&json!(42), &json!("0.42")));
    let other = ann.create("contact", json!({"name": "Bob"})).await;
    buys(&ann, &other, "9.00", "2026-11-21").await;
    let report = read(&vic, "/reports/customers").await;
    assert_eq!(
        (&report["customers"], &report["customers_who_bought_again"], &report["repurchase_rate"]),
        (&json!(2), &json!(1), &json!("50.00"))
    );
    let business = read(&vic, "/reports/business").await;
    assert_eq!(business, json!({"months": [{"month": "2026-11-01", "orders": 3, "total": euros("59.00")}]}));
    let finance = read(&vic, "/reports/finance").await;
    let moved = |kind: &str| {
        let rows = finance["movements"].as_array().unwrap();
        let row = rows.iter().find(|row| row["kind"] == kind && row["month"] == "2026-11-01");
        row.map(|row| row["points"].clone())
    };
    assert_eq!(
        ["earn", "redeem", "refund", "expire"].map(moved),
        [Some(json!(59)), Some(json!(-5)), Some(json!(-3)), None]
    );
    assert_eq!(finance["liabilities"]["points"]["points"], 51);
    vic.get(&route("/customer-centre/none")).await.assert(404);
    sam.get(&route("/liabilities")).await.problem(404, "not_found");
    sam.put(&format!("/api/v1/modules/{LOYALTY}"), &json!({"consent": ["*"]})).await.assert(200);
    sam.get(&route(&format!("/customer-centre/{id}"))).await.assert(404);
    assert_eq!(read(&sam, "/liabilities").await["balances"], json!([]));
}

async fn the_balance_of_any_moment_is_in_the_ledger(on: On) {
    let clock = Clock::manual(Timestamp::parse("2026-11-27T10:00:00Z").unwrap());
    let test = TestApp::with_plugin_at(on, LOYALTY, clock.clone()).await;
    let ann = &test.ann;
    let contact = ann.create("contact", json!({"name": "Ann"})).await;
    // After each step, the balance at the end of its hour.
    let mut known = Vec::new();
    for step in 0..6 {
        match step {
            0 | 3 => drop(buys(ann, &contact, "100.00", "2026-01-01").await),
            1 => drop(act(ann, "redeem", json!({"key": "spend", "contact": contact["id"], "points": 70})).await),
            2 => drop(act(ann, "return_points", json!({"redemption": "spend", "points": 20})).await),
            _ => drop(act(ann, "grant", json!({"contact": contact["id"], "points": 7})).await),
        }
        let member = ann.all("loyalty.member", &[]).await.remove(0);
        known.push((format!("2026-11-27T{}:30:00Z", 10 + step), member["points"].clone()));
        clock.advance(Duration::from_hours(1));
    }
    let member = ann.all("loyalty.member", &[]).await.remove(0);
    let path = format!("/balance/{}", member["id"].as_str().unwrap());
    for (at, points) in known {
        assert_eq!(read(ann, &format!("{path}?at={at}")).await["points"], points, "{at}");
    }
    assert_eq!(read(ann, &format!("{path}?at=2026-11-27T09:59:59Z")).await["points"], 0);
    assert_eq!(read(ann, &path).await["points"], member["points"]);
}

async fn pages_are_drawn_for_who_may_read(on: On) {
    let TestApp { ann, vic, sam, anon, .. } = TestApp::with_plugin(on, LOYALTY).await;
    let contact = ann.create("contact", json!({"name": "Ann"})).await;
    let view = |name: &str| format!("/api/v1/modules/{LOYALTY}/views/{name}");
    let panel = format!("{}?id={}", view("member"), contact["id"].as_str().unwrap());
    // Nobody is a member yet: the button makes one, and does so once.
    let button = vic.get(&panel).await.assert(200).json()["children"][1].clone();
    for _ in 0..2 {
        act(&ann, button["action"].as_str().unwrap(), button["input"].clone()).await;
    }
    assert_eq!(ann.all("loyalty.member", &[]).await.len(), 1);
    buys(&ann, &contact, "20.00", "2026-11-01").await;
    let english = vic.get(&panel).await.assert(200).text;
    let chinese = vic.get(&format!("{panel}&lang=zh-CN")).await.assert(200).text;
    assert!(english.contains("To spend") && chinese.contains("可用积分"), "{english} {chinese}");
    let page = vic.get(&format!("{}?lang=zh", view("programme"))).await.assert(200).json();
    assert_eq!(page["tabs"].as_array().unwrap().len(), 3);
    anon.get(&panel).await.problem(401, "unauthenticated");
    sam.get(&panel).await.problem(404, "not_found");
}
