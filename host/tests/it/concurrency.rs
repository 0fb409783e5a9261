//! Many at once: nothing is lost and nothing is doubled.

use futures_util::future::join_all;
use rand::rngs::SmallRng;
use rand::{RngExt, SeedableRng};
use serde_json::{Value as Json, json};

use crate::support::{Actor, On, TestApp};

both!(
    thirty_two_clients_order_for_one_member
    the_ledger_explains_the_balance_while_orders_change
    unique_race_has_one_winner
    one_hundred_updates_of_one_row_are_counted
    a_lost_update_is_refused
    deadlock_retry_lets_all_commands_through
    random_commands_leave_what_some_order_of_them_would
);

const CLIENTS: usize = 32;
const ORDERS: usize = 5;
/// Changes of one record at the same time.
const PARALLEL: usize = 100;

async fn thirty_two_clients_order_for_one_member(on: On) {
    let TestApp { ann, .. } = TestApp::with_plugin(on, "guildhall.retail-loyalty").await;
    let contact = ann.create("contact", json!({"name": "Ann"})).await;
    let placed: Vec<u64> = join_all((0..CLIENTS).map(|client| {
        let (ann, contact) = (ann.clone(), contact["id"].clone());
        async move {
            let mut points = 0;
            for order in 0..ORDERS {
                let whole = client * 10 + order;
                let body = json!({
                    "contact": contact, "placed_at": "2026-01-01",
                    "total": {"amount": format!("{whole}.99"), "currency": "USD"},
                    "external_id": format!("{client}-{order}"),
                });
                ann.post("/api/v1/records/order", &body).await.assert(201);
                points += whole as u64;
            }
            points
        }
    }))
    .await;
    let expected: u64 = placed.into_iter().sum();

    let members = ann.all("loyalty.member", &[]).await;
    assert_eq!(members.len(), 1);
    let entries = ann.all("loyalty.entry", &[("limit", "500")]).await;
    // Orders that earn nothing leave no entry.
    assert_eq!(entries.len(), CLIENTS * ORDERS - 1);
    let ledger: i64 = entries.iter().map(|entry| entry["points"].as_i64().unwrap()).sum();
    assert_eq!(ledger, i64::try_from(expected).unwrap());
    assert_eq!(members[0]["points"], ledger);
    assert_eq!(members[0]["version"], entries.len());
    let mut balances: Vec<i64> = entries.iter().map(|entry| entry["balance_after"].as_i64().unwrap()).collect();
    balances.sort_unstable();
    balances.dedup();
    assert_eq!(balances.len(), entries.len(), "two orders saw the same balance");
}

async fn the_ledger_explains_the_balance_while_orders_change(on: On) {
    let TestApp { ann, .. } = TestApp::with_plugin(on, "guildhall.retail-loyalty").await;
    let mut contacts = Vec::new();
    for name in ["Ann", "Bob"] {
        contacts.push(ann.create("contact", json!({"name": name})).await["id"].clone());
    }
    join_all((0..16).map(|client: usize| {
        let (ann, contacts) = (ann.clone(), contacts.clone());
        async move {
            let body = json!({
                "contact": contacts[client % 2], "placed_at": "2026-01-01",
                "total": {"amount": "100.00", "currency": "USD"},
            });
            let order = ann.create("order", body).await;
            let path = format!("/api/v1/records/order/{}", order["id"].as_str().unwrap());
            ann.patch(&path, &json!({"total": {"amount": format!("{client}.50"), "currency": "USD"}}))
                .await
                .assert(200);
            match client % 4 {
                0 => ann.patch(&path, &json!({"contact": contacts[(client + 1) % 2]})).await.assert(200),
                1 => ann.patch(&path, &json!({"status": "cancelled"})).await.assert(200),
                2 => ann.delete(&path).await.assert(204),
                _ => ann.patch(&path, &json!({"status": "paid"})).await.assert(200),
            };
        }
    }))
    .await;
    let entries = ann.all("loyalty.entry", &[("limit", "500")]).await;
    for member in ann.all("loyalty.member", &[]).await {
        let own = entries.iter().filter(|entry| entry["member"] == member["id"]);
        assert_eq!(member["points"], own.map(|entry| entry["points"].as_i64().unwrap()).sum::<i64>());
        // The orders that are left, each worth its whole part.
        let contact = json!({"contact": {"_eq": member["contact"]}}).to_string();
        let orders = ann.all("order", &[("filter", contact.as_str())]).await;
        let worth = orders
            .iter()
            .filter(|order| order["status"] != "cancelled")
            .map(|order| order["total"]["amount"].as_str().unwrap().split('.').next().unwrap().parse::<i64>().unwrap());
        assert_eq!(member["points"], worth.sum::<i64>());
    }
}

async fn unique_race_has_one_winner(on: On) {
    let TestApp { ann, .. } = TestApp::start(on).await;
    let body = json!({"name": "Ann", "email": "ann@x.com"});
    let replies = join_all((0..CLIENTS).map(|_| ann.post("/api/v1/records/contact", &body))).await;
    let made: Vec<_> = replies.iter().filter(|reply| reply.status.as_u16() == 201).collect();
    assert_eq!(made.len(), 1);
    let id = made[0].json()["id"].clone();
    for reply in replies.into_iter().filter(|reply| reply.status.as_u16() != 201) {
        assert_eq!(reply.problem(409, "duplicate")["existing_id"], id);
    }
}

async fn one_hundred_updates_of_one_row_are_counted(on: On) {
    let TestApp { ann, .. } = TestApp::start(on).await;
    let contact = ann.create("contact", json!({"name": "Ann"})).await;
    let path = format!("/api/v1/records/contact/{}", contact["id"].as_str().unwrap());
    let bodies: Vec<_> = (0..PARALLEL).map(|client| json!({"city": format!("City {client}")})).collect();
    let replies = join_all(bodies.iter().map(|body| ann.patch(&path, body))).await;
    let mut versions: Vec<i64> =
        replies.into_iter().map(|reply| reply.assert(200).json()["version"].as_i64().unwrap()).collect();
    versions.sort_unstable();
    assert_eq!(versions, (2..2 + i64::try_from(PARALLEL).unwrap()).collect::<Vec<_>>());
}

async fn a_lost_update_is_refused(on: On) {
    let TestApp { ann, .. } = TestApp::start(on).await;
    let contact = ann.create("contact", json!({"name": "Ann"})).await;
    let path = format!("/api/v1/records/contact/{}", contact["id"].as_str().unwrap());
    let seen = ann.with("if-match", "\"1\"");
    let bodies: Vec<_> = (0..CLIENTS).map(|client| json!({"city": format!("City {client}")})).collect();
    let replies = join_all(bodies.iter().map(|body| seen.patch(&path, body))).await;
    let (won, lost): (Vec<_>, Vec<_>) = replies.into_iter().partition(|reply| reply.status == 200);
    assert_eq!(won.len(), 1);
    for reply in lost {
        assert_eq!(reply.header("etag"), "\"2\"");
        assert_eq!(reply.problem(412, "stale_version")["current_version"], 2);
    }
    assert_eq!(ann.get(&path).await.json()["city"], won[0].json()["city"]);
}

/// Commands that change the same records in opposite orders would wait for each other in a ring.
async fn deadlock_retry_lets_all_commands_through(on: On) {
    let TestApp { ann, .. } = TestApp::start(on).await;
    let mut ids = Vec::new();
    for name in ["Ann", "Bob", "Cid"] {
        ids.push(ann.create("contact", json!({"name": name})).await["id"].clone());
    }
    let commands = (0..CLIENTS).map(|client| {
        let mut order = ids.clone();
        order.rotate_left(client % 3);
        if client % 2 == 0 {
            order.reverse();
        }
        let change = |id: &Json| json!({"op": "update", "id": id, "fields": {"city": format!("City {client}")}});
        let operations: Vec<Json> = order.iter().map(change).collect();
        let ann = ann.clone();
        async move {
            let body = json!({"mode": "atomic", "operations": operations});
            ann.post("/api/v1/records/contact/batch", &body).await.assert(200);
        }
    });
    join_all(commands).await;
    let contacts = ann.all("contact", &[]).await;
    let first = &contacts[0];
    for contact in &contacts {
        // All of each command, and nobody's in between.
        assert_eq!((&contact["version"], &contact["city"]), (&json!(CLIENTS + 1), &first["city"]));
    }
}

/// Some orders of a few contacts, changed by many at random: whatever the order
/// in which commands were done, each balance is what the orders that are left
/// are worth, and the ledger explains it line by line.
async fn random_commands_leave_what_some_order_of_them_would(on: On) {
    for seed in 0..3 {
        let TestApp { ann, .. } = TestApp::with_plugin(on, "guildhall.retail-loyalty").await;
        let mut contacts = Vec::new();
        for name in ["Ann", "Bob", "Cid"] {
            contacts.push(ann.create("contact", json!({"name": name})).await["id"].clone());
        }
        join_all((0..8).map(|client| {
            let (ann, contacts) = (ann.clone(), contacts.clone());
            async move {
                let mut random = SmallRng::seed_from_u64(seed * 100 + client);
                for _ in 0..12 {
                    random_command(&ann, &contacts, &mut random).await;
                }
            }
        }))
        .await;
        let orders = ann.all("order", &[]).await;
        let entries = ann.all("loyalty.entry", &[("limit", "500")]).await;
        for member in ann.all("loyalty.member", &[]).await {
            let worth =
                orders.iter().filter(|order| order["contact"] == member["contact"] && order["status"] != "cancelled");
            let worth: i64 = worth.map(|order| whole(&order["total"])).sum();
            let own: Vec<&Json> = entries.iter().filter(|entry| entry["member"] == member["id"]).collect();
            let ledger: i64 = own.iter().map(|entry| entry["points"].as_i64().unwrap()).sum();
            assert_eq!((&member["points"], ledger), (&json!(worth), worth), "seed {seed}");
            assert!(own.iter().any(|entry| entry["balance_after"] == member["points"]), "seed {seed}");
        }
    }
}

fn whole(total: &Json) -> i64 {
    total["amount"].as_str().unwrap().split('.').next().unwrap().parse().unwrap()
}

/// One of a few orders, by its external id.
async fn random_command(ann: &Actor, contacts: &[Json], random: &mut SmallRng) {
    let name = format!("order-{}", random.random_range(0..6));
    let fields = json!({
        "external_id": name, "contact": contacts[random.random_range(0..contacts.len())],
        "placed_at": "2026-01-01", "status": if random.random_bool(0.2) { "cancelled" } else { "paid" },
        "total": {"amount": format!("{}.50", random.random_range(1..100)), "currency": "USD"},
    });
    let filter = json!({"external_id": {"_eq": name}}).to_string();
    let some = async |deleted: &str| {
        let found = ann.all("order", &[("filter", filter.as_str()), ("deleted", deleted)]).await;
        found.first().map(|order| format!("/api/v1/records/order/{}", order["id"].as_str().unwrap()))
    };
    // Others may have been quicker: that is an answer, and never a fault of the host.
    let reply = match random.random_range(0..6) {
        0 => ann.post("/api/v1/records/order", &fields).await,
        1 | 2 => ann.post("/api/v1/records/order/upsert", &json!({"match": "external_id", "fields": fields})).await,
        3 => match some("false").await {
            Some(path) => ann.delete(&path).await,
            None => return,
        },
        4 => match some("true").await {
            Some(path) => ann.post(&format!("{path}/restore"), &json!({})).await,
            None => return,
        },
        _ => {
            let mut operations = vec![json!({"op": "upsert", "match": "external_id", "fields": fields})];
            let mut other = fields.clone();
            other["external_id"] = json!(format!("order-{}", random.random_range(0..6)));
            operations.push(json!({"op": "upsert", "match": "external_id", "fields": other}));
            ann.post("/api/v1/records/order/batch", &json!({"mode": "atomic", "operations": operations})).await
        }
    };
    assert!([200, 201, 204, 404, 409].contains(&reply.status.as_u16()), "{}", reply.text);
}
