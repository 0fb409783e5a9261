//! What somebody may not read changes nothing that they see: two tenants that differ in hidden fields and in records
//! out of scope answer every question with the same bytes.

mod everything;
mod questions;
mod world;

use serde_json::json;

use crate::permissions::{path, user};
use crate::stream::Reading;
use crate::support::{On, TestApp};
use everything::{everything_else, names_of};
use questions::{nested, same, terms, ways};
use world::{World, hidden};

both!(
    hidden_values_change_no_answer
    what_is_computed_from_hidden_fields_is_right_and_hidden
    a_computed_field_of_what_is_out_of_scope_is_hidden
);

/// Questions that name a hidden field, at the least.
const LEAST: usize = 6_000;

const CONTACT: &str = "/api/v1/records/contact";
const ORDER: &str = "/api/v1/records/order";

#[expect(clippy::print_stderr, reason = "how much was tried is the measure of the test")]
async fn hidden_values_change_no_answer(on: On) {
    let test = TestApp::start(on).await;
    let worlds = [World::build(&test, &test.ann, 0).await, World::build(&test, &test.sam, 1).await];
    let mut count = 0;
    // Every operator in every nesting; the ways of asking take turns, so that each meets each.
    for (object, field, values) in hidden() {
        let field_and_computed = match (object, field) {
            ("contact", "note") => vec![field, "x_told", "x_again"],
            ("order", "status") => vec![field, "x_paid"],
            ("order", "total") => vec![field, "x_sum"],
            ("order_line", "discount") => vec![field, "amount"],
            _ => vec![field],
        };
        for name in field_and_computed {
            let about = match name {
                "x_paid" => "contact",
                "x_sum" => "company",
                _ => object,
            };
            for (at, term) in terms(&values).iter().enumerate() {
                for (within, (object, filter)) in nested(about, name, term).into_iter().enumerate() {
                    let ways = ways(object, &filter);
                    let answer = same(&worlds, &ways[(at + within) % ways.len()]).await;
                    assert!(
                        answer.starts_with("422") && answer.contains("unknown_field"),
                        "{object} {filter}: {answer}"
                    );
                    count += 1;
                }
            }
            count += names_of(&worlds, about, name).await;
        }
    }
    let told = everything_else(&worlds).await;
    streams(&worlds).await;
    eprintln!("{count} questions named a hidden field, {told} did not");
    assert!(count >= LEAST, "{count}");
}

/// What a live stream shows of the same changes.
async fn streams(worlds: &[World; 2]) {
    let mut told = Vec::new();
    for world in worlds {
        let mut reading = Reading::open(&world.dora.at, "?type=contact.updated", None).await;
        let contact = format!("{CONTACT}/{}", world.id("contact0"));
        let secret = world.secrets("contact")["note"].clone();
        let unseen = format!("{CONTACT}/{}", world.id("unseen"));
        for _ in 0..=2 * world.which {
            let city = world.admin.get(&unseen).await.assert(200).json()["version"].to_string();
            world.admin.patch(&unseen, &json!({"city": city})).await.assert(200);
        }
        for at in 0..3 {
            world
                .admin
                .patch(&contact, &json!({"city": format!("City {at}"), "note": format!("{secret}{at}")}))
                .await
                .assert(200);
        }
        let mut seen = Vec::new();
        while seen.len() < 3 {
            // What was committed in the very moment before the stream began may come, too.
            let Some(data) = reading.next().await.unwrap().data else { continue };
            if data["data"]["after"]["city"].as_str().is_some_and(|city| city.starts_with("City ")) {
                assert_eq!(data["data"]["record"], world.id("contact0"), "{data}");
                seen.push((data["data"]["before"].clone(), data["data"]["after"].clone()));
            }
        }
        told.push(seen);
    }
    assert_eq!(told[0], told[1]);
    assert_eq!(told[0][2].1, json!({"city": "City 2"}));
}

/// Who does not see a field, and changes another one, has computed fields computed from both.
async fn what_is_computed_from_hidden_fields_is_right_and_hidden(on: On) {
    let test = TestApp::start(on).await;
    let rules = json!([
        {"objects": ["order_line"], "actions": ["read", "create", "update"], "except": ["discount"]},
        {"objects": ["order", "contact"], "actions": ["read"]},
    ]);
    crate::permissions::role(&test.ann, "dim", rules).await;
    let dora = user(&test.ann, "dora", json!(["dim"])).await;
    let price = json!({"amount": "100.00", "currency": "EUR"});
    let order = test.ann.create("order", json!({"placed_at": "2026-01-01", "total": price})).await;
    let line = json!({"order": order["id"], "unit_price": price, "quantity": "1", "discount": "0.25"});
    let line = test.ann.create("order_line", line).await;
    assert_eq!(line["amount"]["amount"], "75.00");
    let at = format!("/api/v1/records/order_line/{}", line["id"].as_str().unwrap());
    let changed = dora.at.patch(&at, &json!({"quantity": "2"})).await.assert(200).json();
    assert!(changed.get("amount").is_none() && changed.get("discount").is_none(), "{changed}");
    let stored = test.ann.get(&at).await.assert(200).json();
    assert_eq!((&stored["amount"]["amount"], &stored["discount"]), (&json!("150.00"), &json!("0.2500")), "{stored}");
}

/// A roll-up of records that somebody does not see is hidden from them; one of records that come with theirs is not.
async fn a_computed_field_of_what_is_out_of_scope_is_hidden(on: On) {
    let test = TestApp::start(on).await;
    for (object, link) in [("contact", "contact"), ("company", "company")] {
        let rollup = json!({"function": "count", "object": "order", "link": link});
        let field = json!({"name": "x_orders", "label": "O", "type": "rollup", "rollup": rollup});
        test.ann.post(&format!("/api/v1/schema/{object}/fields"), &field).await.assert(201);
    }
    let read = json!(["read"]);
    let own = json!([{"objects": ["contact", "order"], "actions": read, "scope": "own"}, {"objects": ["company"], "actions": read}]);
    crate::permissions::role(&test.ann, "own_orders", own).await;
    crate::permissions::role(&test.ann, "no_orders", json!([{"objects": ["contact", "company"], "actions": read}]))
        .await;
    crate::permissions::role(
        &test.ann,
        "all_orders",
        json!([{"objects": ["contact", "company", "order"], "actions": read}]),
    )
    .await;
    let people =
        [("own", "own_orders", true, false), ("none", "no_orders", false, false), ("all", "all_orders", true, true)];
    for (name, role, of_contact, of_company) in people {
        let who = user(&test.ann, name, json!([role])).await;
        let contact = test.ann.create("contact", json!({"name": name, "owner": who.id})).await;
        let company = test.ann.create("company", json!({"name": name})).await;
        let total = json!({"amount": "1.00", "currency": "EUR"});
        let order =
            json!({"contact": contact["id"], "company": company["id"], "placed_at": "2026-01-01", "total": total});
        test.ann.create("order", order).await;
        let shown = who.at.get(&path(&contact)).await.assert(200).json();
        assert_eq!(shown.get("x_orders"), of_contact.then(|| json!(1)).as_ref(), "{name}: {shown}");
        let at = format!("/api/v1/records/company/{}", company["id"].as_str().unwrap());
        let shown = who.at.get(&at).await.assert(200).json();
        assert_eq!(shown.get("x_orders"), of_company.then(|| json!(1)).as_ref(), "{name}: {shown}");
    }
}
