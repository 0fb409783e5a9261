//! Retail loyalty comes, changes its version and goes, with data there; and a whole shop's history goes through it.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value as Json, json};

use crate::loyalty::{LOYALTY, act, adds_up, buys, configure, euros, figures, order};
use crate::support::{Actor, On, TestApp, plugin_with};

both!(
    points_of_the_first_version_become_lots
    what_happened_while_it_was_off_is_seen_when_an_order_changes
    a_lower_total_after_a_refund_counts_once
    an_erased_person_leaves_no_points
    the_history_of_a_shop_comes_to_what_anybody_can_add_up
);

/// The whole dollars of all purchases of CDNOW, each cut off: `awk '{s += int($4)} END {print s}'`.
const POINTS: &str = "2453159";
const MODULE: &str = "/api/v1/modules/guildhall.retail-loyalty";

async fn points_of_the_first_version_become_lots(on: On) {
    let test = TestApp::start(on).await;
    let ann = &test.ann;
    let home = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/frozen/1.0");
    test.app.install_plugin(&std::fs::read(home.join(format!("{LOYALTY}.wasm"))).unwrap()).await.unwrap();
    ann.put(MODULE, &json!({"consent": ["*"]})).await.assert(200);
    let contact = ann.create("contact", json!({"name": "Ann"})).await;
    let first = order(ann, &contact, "100.00").await;
    order(ann, &contact, "20.00").await;
    let path = format!("/api/v1/records/order/{}", first["id"].as_str().unwrap());
    ann.patch(&path, &json!({"total": {"amount": "70.00", "currency": "USD"}})).await.assert(200);
    let newer = plugin_with(LOYALTY, |manifest| manifest["version"] = json!("0.9.0"));
    test.app.install_plugin(&newer).await.unwrap();
    ann.put(MODULE, &json!({"version": "0.9.0", "consent": ["*"]})).await.assert(200);
    test.app.run_due_jobs().await.unwrap();
    adds_up_in_all(ann).await;
    let entries = ann.all("loyalty.entry", &[]).await;
    let lots: Vec<&Json> = entries.iter().map(|entry| &entry["remaining"]).collect();
    assert_eq!(lots, [&json!(70), &json!(20), &json!(null)]);
    act(ann, "redeem", json!({"contact": contact["id"], "points": 85})).await;
    ann.patch(&path, &json!({"status": "cancelled"})).await.assert(200);
    assert_eq!(figures(ann, &contact, &["points", "owed", "spent"]).await, [-65, 65, 85]);
    adds_up_in_all(ann).await;
}

async fn what_happened_while_it_was_off_is_seen_when_an_order_changes(on: On) {
    let TestApp { ann, .. } = TestApp::with_plugin(on, LOYALTY).await;
    let contact = ann.create("contact", json!({"name": "Ann"})).await;
    let kept = buys(&ann, &contact, "50.00", "2026-01-01").await;
    act(&ann, "redeem", json!({"key": "once", "contact": contact["id"], "points": 10})).await;
    let before = ann.all("loyalty.entry", &[]).await;
    ann.put(MODULE, &json!({"enabled": false})).await.assert(200);
    let path = format!("/api/v1/records/order/{}", kept["id"].as_str().unwrap());
    ann.patch(&path, &json!({"total": euros("30.00")})).await.assert(200);
    let unseen = buys(&ann, &contact, "40.00", "2026-01-01").await;
    assert_eq!(ann.all("loyalty.entry", &[]).await, before);
    ann.post(&format!("{MODULE}/actions/redeem"), &json!({"key": "k", "contact": contact["id"], "points": 1}))
        .await
        .problem(404, "not_found");
    ann.put(MODULE, &json!({"enabled": true})).await.assert(200);
    // Nothing is made up for by itself; the next change of the order sees all of it.
    assert_eq!(figures(&ann, &contact, &["points"]).await, [40]);
    ann.patch(&path, &json!({"status": "paid"})).await.assert(200);
    assert_eq!(figures(&ann, &contact, &["points"]).await, [20]);
    // An order that it has not seen is paid back in part, and carries the rest from its next change on.
    act(&ann, "refund", json!({"order": unseen["id"], "amount": euros("10.00")})).await;
    assert_eq!(figures(&ann, &contact, &["points"]).await, [20]);
    ann.patch(&format!("/api/v1/records/order/{}", unseen["id"].as_str().unwrap()), &json!({"status": "paid"}))
        .await
        .assert(200);
    assert_eq!(figures(&ann, &contact, &["points"]).await, [50]);
    // Further refunds take their share of all forty points, not of the thirty that came.
    for (amount, left) in [("20.00", 30), ("5.00", 25), ("5.00", 20)] {
        act(&ann, "refund", json!({"order": unseen["id"], "amount": euros(amount)})).await;
        assert_eq!(figures(&ann, &contact, &["points"]).await, [left]);
    }
    // Keys of before are known.
    act(&ann, "redeem", json!({"key": "once", "contact": contact["id"], "points": 10})).await;
    assert_eq!(figures(&ann, &contact, &["points", "spent"]).await, [20, 10]);
    adds_up(&ann).await;
}

async fn a_lower_total_after_a_refund_counts_once(on: On) {
    let TestApp { ann, .. } = TestApp::with_plugin(on, LOYALTY).await;
    let contact = ann.create("contact", json!({"name": "Ann"})).await;
    let order = buys(&ann, &contact, "100.00", "2026-01-01").await;
    let refund = async |amount: &str| {
        let paid = json!({"order": order["id"], "amount": euros(amount)});
        act(&ann, "refund", paid).await["reversed"].as_i64().unwrap()
    };
    assert_eq!(refund("30.00").await, 30);
    act(&ann, "redeem", json!({"contact": contact["id"], "points": 60})).await;
    // Of 33 points, 29 are paid back already. The 66 that go are taken out of two places.
    let path = format!("/api/v1/records/order/{}", order["id"].as_str().unwrap());
    ann.patch(&path, &json!({"total": euros("33.33")})).await.assert(200);
    assert_eq!(figures(&ann, &contact, &["points", "owed"]).await, [-56, 56]);
    assert_eq!((refund("1.00").await, refund("2.33").await), (1, 3));
    assert_eq!(figures(&ann, &contact, &["points", "owed"]).await, [-60, 60]);
    adds_up(&ann).await;
}

async fn an_erased_person_leaves_no_points(on: On) {
    let test = TestApp::with_plugin(on, LOYALTY).await;
    let ann = &test.ann;
    let contact = ann.create("contact", json!({"name": "Ann"})).await;
    let other = ann.create("contact", json!({"name": "Bob"})).await;
    for person in [&contact, &other] {
        buys(ann, person, "50.00", "2026-01-01").await;
        act(ann, "redeem", json!({"contact": person["id"], "points": 5, "reason": "secretly"})).await;
        act(ann, "package_sell", json!({"contact": person["id"], "name": "Ten", "units": 10})).await;
    }
    let path = format!("/api/v1/records/contact/{}/person/erase", contact["id"].as_str().unwrap());
    ann.post(&path, &json!({"confirm": contact["id"]})).await.assert(202);
    test.app.run_due_jobs().await.unwrap();
    for (object, left) in
        [("loyalty.member", 1), ("loyalty.entry", 2), ("loyalty.package", 1), ("loyalty.package_entry", 1)]
    {
        assert_eq!(ann.all(object, &[]).await.len(), left, "{object}");
    }
    assert_eq!(figures(ann, &other, &["points"]).await, [45]);
    adds_up(ann).await;
}

/// All of CDNOW's purchases in the order of their days: what each member has in the end is the whole part of each
/// purchase, added up by the database.
async fn the_history_of_a_shop_comes_to_what_anybody_can_add_up(on: On) {
    let test = TestApp::with_plugin(on, LOYALTY).await;
    let ann = &test.ann;
    configure(ann, json!({"currency": "USD", "expires_after": "9000M"})).await;
    let file = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/data/CDNOW_master.txt");
    let text = std::fs::read_to_string(file).unwrap();
    let rows = text.lines().skip(1).map(|line| line.split_whitespace().collect::<Vec<&str>>());
    let mut purchases: Vec<(&str, &str, &str)> = rows.map(|row| (row[1], row[0], row[3])).collect();
    purchases.sort_unstable();
    let customers: BTreeSet<&str> = purchases.iter().map(|(_, customer, _)| *customer).collect();
    assert_eq!((purchases.len(), customers.len()), (69_659, 23_570));
    let mut contacts: BTreeMap<&str, Json> = BTreeMap::new();
    for some in customers.into_iter().collect::<Vec<&str>>().chunks(1_000) {
        let fields = some.iter().map(|customer| json!({"name": format!("Customer {customer}")}));
        contacts.extend(some.iter().copied().zip(batch(ann, "contact", fields.collect()).await));
    }
    for some in purchases.chunks(1_000) {
        let fields = some.iter().map(|(day, customer, amount)| {
            let day = format!("{}-{}-{}", &day[..4], &day[4..6], &day[6..]);
            json!({"contact": contacts[customer], "placed_at": day, "total": {"amount": amount, "currency": "USD"}})
        });
        batch(ann, "order", fields.collect()).await;
    }
    // Amounts are kept in cents.
    let bought = "(select contact, sum(total / 100) as points from o_order group by contact) bought";
    let earned = "left join o_loyalty__member earned on earned.contact = bought.contact";
    let different = "where coalesce(earned.points, 0) <> bought.points";
    for (sql, expected) in [
        (format!("select cast(count(*) as text) from {bought}"), "23570"),
        (format!("select cast(count(*) as text) from {bought} {earned} {different}"), "0"),
        ("select cast(sum(points) as text) from o_loyalty__member".to_owned(), POINTS),
        ("select cast(sum(points) as text) from o_loyalty__entry".to_owned(), POINTS),
        ("select cast(sum(remaining) as text) from o_loyalty__entry".to_owned(), POINTS),
    ] {
        assert_eq!(crate::dump::cell(&test, &sql).await, expected, "{sql}");
    }
}

/// The ids of records that one command has made.
async fn batch(ann: &Actor, object: &str, fields: Vec<Json>) -> Vec<Json> {
    let operations: Vec<Json> = fields.into_iter().map(|fields| json!({"op": "create", "fields": fields})).collect();
    let body = json!({"mode": "atomic", "operations": operations});
    let made = ann.post(&format!("/api/v1/records/{object}/batch"), &body).await.assert(200).json();
    made["outcomes"].as_array().unwrap().iter().map(|outcome| outcome["record"]["id"].clone()).collect()
}

/// All entries together are what all lots hold less what is owed, and what all members have.
async fn adds_up_in_all(ann: &Actor) {
    let sum = |records: &[Json], field: &str| -> i64 {
        records.iter().map(|record| record[field].as_i64().unwrap_or_default()).sum()
    };
    let entries = ann.all("loyalty.entry", &[("limit", "500")]).await;
    let members = ann.all("loyalty.member", &[("limit", "500")]).await;
    let points = sum(&entries, "points");
    let held = sum(&entries, "remaining") - sum(&members, "owed");
    assert_eq!((held, sum(&members, "points")), (points, points));
}
