//! The B2B modules through the host: partners, what they see and where they are protected, and customers of dealers.

use futures_util::future::join_all;
use guildhall::domain::clock::Clock;
use serde_json::{Value as Json, json};

use crate::b2b::{action, batch, contract, path, refused, start};
use crate::permissions::user;
use crate::privacy::erase;
use crate::support::On;

both!(
    one_partner_is_protected_and_sees_its_own
    an_end_customer_is_linked_to_the_dealer
);

/// Objects of which a partner sees nothing, as long as nothing of them is shared.
const OTHERS: [&str; 12] = [
    "b2b.account",
    "b2b.engagement",
    "b2b.stage_event",
    "b2b.artifact",
    "b2b.task",
    "b2b.contract",
    "b2b.plan_line",
    "b2b.invoice",
    "b2b.receipt",
    "b2b.risk",
    "b2b.product_registration",
    "sales.deal",
];

async fn one_partner_is_protected_and_sees_its_own(on: On) {
    let test = start(on, Clock::system()).await;
    let ann = &test.ann;
    let boss = user(ann, "boss", json!(["admin"])).await;
    let customer = ann.create("company", json!({"name": "Customer"})).await;
    // There is something to be seen by others.
    contract(ann, "C-9").await;
    ann.create("b2b.account", json!({"company": customer["id"]})).await;
    let mut sides = Vec::new();
    for name in ["alba", "bruma"] {
        let company = ann.create("company", json!({"name": name})).await;
        let who = user(ann, name, json!(["partner"])).await;
        ann.patch(&format!("/api/v1/users/{}", who.id), &json!({"company": company["id"]})).await.assert(200);
        let fields = json!({"title": format!("Roof of {name}"), "partner": company["id"], "company": customer["id"]});
        let made = ann.create("b2b.deal_registration", fields).await;
        let here = path("b2b.deal_registration", &made);
        let share = json!({"with": "company", "subject": company["id"], "access": "update"});
        ann.post(&format!("{here}/shares"), &share).await.assert(201);
        refused(boss.at.patch(&here, &json!({"decision": "approved"})).await, "invalid_transition");
        // The partner submits; it decides nothing.
        who.at.patch(&here, &json!({"step": "submitted"})).await.assert(200);
        refused(who.at.patch(&here, &json!({"decision": "approved"})).await, "own_registration");
        sides.push((name, who, made, here));
    }
    for (mine, theirs) in [(0, 1), (1, 0)] {
        let ((name, who, own, _), (other, _, hidden, there)) = (&sides[mine], &sides[theirs]);
        let at = &who.at;
        let hidden_id = hidden["id"].as_str().unwrap();
        at.get(there).await.problem(404, "not_found");
        at.patch(there, &json!({"step": "withdrawn"})).await.problem(404, "not_found");
        for ask in [
            "/api/v1/records/b2b.deal_registration?count=exact".to_owned(),
            format!("/api/v1/records/b2b.deal_registration?filter[id][_eq]={hidden_id}"),
            format!("/api/v1/search?q={other}"),
            format!("{}/timeline", path("b2b.deal_registration", own)),
        ] {
            let reply = at.get(&ask).await.assert(200);
            let text = reply.text.replace(&ask, "");
            assert!(!text.contains(&format!("Roof of {other}")), "{name}: {ask}: {text}");
            assert!(ask.contains(hidden_id) || !text.contains(hidden_id), "{name}: {ask}: {text}");
        }
        for object in OTHERS {
            assert!(at.all(object, &[]).await.is_empty(), "{name}: {object}");
            let counted = at.post(&format!("/api/v1/records/{object}/aggregate"), &json!({})).await;
            assert_eq!(counted.assert(200).json()["data"][0]["count"], 0, "{name}: {object}");
        }
        at.get("/api/v1/events").await.problem(403, "permission_denied");
        at.post("/api/v1/exports", &json!({"object": "b2b.deal_registration"})).await.problem(403, "permission_denied");
        // The desk is for those who work here.
        at.post(&action("group"), &json!({"company": customer["id"]})).await.problem(403, "permission_denied");
    }
    // Both approved at the same time: one is protected, the other one learns of it.
    let approve = json!({"decision": "approved"});
    let replies = join_all(sides.iter().map(|(.., here)| boss.at.patch(here, &approve))).await;
    let approved: Vec<bool> = replies.iter().map(|reply| reply.status == 200).collect();
    assert_eq!(approved.iter().filter(|approved| **approved).count(), 1, "{replies:?}");
    for reply in replies.into_iter().filter(|reply| reply.status != 200) {
        refused(reply, "protection_conflict");
    }
    let (winner, loser) = if approved[0] { (&sides[0], &sides[1]) } else { (&sides[1], &sides[0]) };
    let kept = ann.get(&winner.3).await.assert(200).json();
    assert_eq!((&kept["status"], &kept["decision"]), (&json!("approved"), &json!(null)));
    assert!(!kept["protected_until"].is_null() && !kept["deal"].is_null(), "{kept}");
    assert_eq!(ann.all("sales.deal", &[]).await.len(), 1);
    refused(ann.patch(&winner.3, &json!({"company": kept["partner"]})).await, "validation_failed");
    refused(ann.delete(&winner.3).await, "registration_fixed");
    // When it is withdrawn, the place is free again: for one, not for two in the same step.
    winner.1.at.patch(&winner.3, &json!({"step": "withdrawn"})).await.assert(200);
    let third =
        json!({"title": "Third", "partner": winner.2["partner"], "company": customer["id"], "step": "submitted"});
    let third = ann.create("b2b.deal_registration", third).await;
    let both = [&third["id"], &loser.2["id"]].map(|id| json!({"op": "update", "id": id, "fields": approve}));
    refused(batch(&boss.at, "b2b.deal_registration", &json!(both)).await, "protection_conflict");
    boss.at.patch(&loser.3, &approve).await.assert(200);
}

async fn an_end_customer_is_linked_to_the_dealer(on: On) {
    let test = start(on, Clock::system()).await;
    let ann = &test.ann;
    let head = ann.create("company", json!({"name": "Group"})).await;
    let dealer = ann.create("company", json!({"name": "Dealer", "parent": head["id"]})).await;
    let product = ann.create("product", json!({"name": "Pump"})).await;
    let asked = json!({"product": product["id"], "serial": "sn-1", "name": "Eva", "email": "eva@example.com",
        "dealer": dealer["id"], "purchased_on": "2026-01-05", "warranty_until": "2028-01-05"});
    let first = ann.post(&action("register_product"), &asked).await.assert(200).json()["result"].clone();
    assert_eq!(first["is_new"], true);
    // The same piece once, however it is written; a second piece is the same customer's.
    let mut again = asked.clone();
    again["serial"] = json!(" SN-1 ");
    refused(ann.post(&action("register_product"), &again).await, "duplicate");
    again["serial"] = json!("sn-2");
    let second = ann.post(&action("register_product"), &again).await.assert(200).json()["result"].clone();
    assert_eq!((&second["is_new"], &second["contact"]), (&json!(false), &first["contact"]));
    let group =
        ann.post(&action("group"), &json!({"company": dealer["id"]})).await.assert(200).json()["result"].clone();
    let rows: Vec<Json> = group["members"]
        .as_array()
        .unwrap()
        .iter()
        .map(|member| json!([member["name"], member["depth"], member["end_customers"]]))
        .collect();
    assert_eq!(rows, [json!(["Group", 0, 0]), json!(["Dealer", 1, 1])]);
    again["warranty_until"] = json!("2020-01-01");
    refused(ann.post(&action("register_product"), &again).await, "validation_failed");
    test.vic.post(&action("register_product"), &asked).await.problem(403, "permission_denied");
    // Whoever is erased takes the registrations along, and the same piece can be registered again.
    erase(&test, &json!({"id": first["contact"]})).await;
    assert!(ann.all("b2b.product_registration", &[]).await.is_empty());
    let third = ann.post(&action("register_product"), &asked).await.assert(200).json()["result"].clone();
    assert_eq!(third["is_new"], true);
}
