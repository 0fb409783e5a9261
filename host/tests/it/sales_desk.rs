//! The sales desk through the host: conversion, quotes, forecasts and results under the rights of who asks; how both modules come and go.

use std::time::Duration;

use futures_util::future::join_all;
use guildhall::domain::clock::Clock;
use serde_json::{Value as Json, json};

use crate::permissions::user;
use crate::sales::{DESK, SALES, clock_at, euros, path, refused, stages, start};
use crate::support::{Actor, On, Reply, plugin_with};
use crate::workshop::enable;

both!(
    a_lead_is_converted_once_whoever_asks_at_once
    who_guesses_ids_gets_nothing
    the_forecast_is_exact_and_of_what_one_sees
    snapshots_tell_afterwards_how_near_a_forecast_came
    an_accepted_quote_is_what_the_deal_becomes
    the_module_comes_and_goes_and_its_data_stays
);

async fn ask(actor: &Actor, action: &str, input: Json) -> Reply {
    actor.post(&format!("/api/v1/modules/{DESK}/actions/{action}"), &input).await
}

async fn did(actor: &Actor, action: &str, input: Json) -> Json {
    ask(actor, action, input).await.assert(200).json()["result"].clone()
}

/// A role of sellers: `sales` sees no record that is nobody's, such as stages.
async fn seller_role(ann: &Actor) {
    let objects = ["pipeline", "stage", "team", "seller", "rate", "target"].map(|name| format!("sales.{name}"));
    let rules = json!([{"objects": objects, "actions": ["read"], "scope": "all"}]);
    let role = json!({"name": "seller", "label": "Seller", "extends": ["sales"], "rules": rules});
    ann.post("/api/v1/roles", &role).await.assert(201);
}

async fn a_lead_is_converted_once_whoever_asks_at_once(on: On) {
    let test = start(on, Clock::system()).await;
    let ann = &test.ann;
    let known = ann.create("contact", json!({"name": "Mei", "email": "mei@example.com"})).await;
    let lead = json!({"name": "Mei", "company_name": "Acme", "email": "Mei@example.com", "source": "event", "budget": euros("70.00")});
    let lead = ann.create("sales.lead", lead).await;
    let asks = join_all((0..6).map(|_| did(ann, "convert_lead", json!({"lead": lead["id"]})))).await;
    assert_eq!(asks.iter().filter(|answer| answer["is_new"] == true).count(), 1);
    assert!(asks.iter().all(|answer| answer["deal"] == asks[0]["deal"] && answer["contact"] == known["id"]));
    let [deals, companies, contacts] =
        [ann.all("sales.deal", &[]).await, ann.all("company", &[]).await, ann.all("contact", &[]).await];
    assert_eq!([deals.len(), companies.len(), contacts.len()], [1, 1, 1]);
    let facts = json!([deals[0]["company"], deals[0]["amount"], deals[0]["source"], deals[0]["lead"]]);
    assert_eq!(facts, json!([companies[0]["id"], euros("70.00"), "event", lead["id"]]));
    refused(ann.patch(&path("sales.lead", &lead), &json!({"status": "new"})).await, "lead_converted");
    // A repeated request is answered with the first answer.
    let other = ann.create("sales.lead", json!({"name": "Bo"})).await;
    let keyed = ann.with("idempotency-key", "convert-bo");
    let first = ask(&keyed, "convert_lead", json!({"lead": other["id"]})).await.assert(200);
    let again = ask(&keyed, "convert_lead", json!({"lead": other["id"]})).await.assert(200);
    assert_eq!((first.text, again.header("idempotency-replayed")), (again.text.clone(), "true"));
    // What cannot be made leaves nothing behind: the deal is refused, and so are company and contact.
    let bad = ann.create("sales.lead", json!({"name": "Cy", "company_name": "Cy & Co"})).await;
    let far = json!({"lead": bad["id"], "deal": {"close_date": "9999-12-31"}});
    refused(ask(ann, "convert_lead", far).await, "date_out_of_range");
    assert_eq!((ann.all("company", &[]).await.len(), ann.all("contact", &[]).await.len()), (1, 2));
    // A conversation becomes a lead once, and its channel is kept.
    let talk =
        ann.create("conversation", json!({"channel": "wechat", "subject": "Prices?", "contact": known["id"]})).await;
    let made = did(ann, "lead_from", json!({"conversation": talk["id"]})).await;
    assert_eq!(did(ann, "lead_from", json!({"conversation": talk["id"]})).await["lead"], made["lead"]);
    let lead = ann.all("sales.lead", &[("filter[channel][_eq]", "wechat")]).await.remove(0);
    assert_eq!(json!([lead["id"], lead["source"], lead["name"]]), json!([made["lead"], "wechat", "Mei"]));
}

async fn who_guesses_ids_gets_nothing(on: On) {
    let test = start(on, Clock::system()).await;
    let ann = &test.ann;
    seller_role(ann).await;
    let bob = user(ann, "bob", json!(["seller"])).await;
    let eve = user(ann, "eve", json!(["seller"])).await;
    let deal = bob.at.create("sales.deal", json!({"name": "Roof", "amount": euros("10.00")})).await;
    let lead = bob.at.create("sales.lead", json!({"name": "Mei"})).await;
    assert_eq!((&deal["owner"], &lead["owner"]), (&json!(bob.id), &json!(bob.id)));
    let id = &deal["id"];
    for (action, input) in [
        ("advance", json!({"deal": id})),
        ("close_deal", json!({"deal": id, "outcome": "won"})),
        ("reopen_deal", json!({"deal": id})),
        ("create_quote", json!({"deal": id})),
        ("history", json!({"deal": id})),
        ("convert_lead", json!({"lead": lead["id"]})),
    ] {
        refused(ask(&eve.at, action, input.clone()).await, "not_found");
        ask(&test.sam, action, input.clone()).await.problem(404, "not_found");
        ask(&test.vic, action, input).await.problem(403, "permission_denied");
    }
    eve.at.patch(&path("sales.deal", &deal), &json!({"status": "won"})).await.problem(404, "not_found");
    assert_eq!(eve.at.all("sales.stage_event", &[]).await.len(), 0);
    let panel = format!("/api/v1/modules/{DESK}/views/history?id={}", id.as_str().unwrap());
    eve.at.get(&panel).await.problem(404, "not_found");
    for input in
        [json!({"deal": "nothing"}), json!({"deal": id, "stage": "last"}), json!({"deal": id, "more": 1}), json!({})]
    {
        ask(ann, "advance", input).await.problem(422, "validation_failed");
    }
    assert_eq!(ann.get(&path("sales.deal", &deal)).await.json(), deal);
    // Its owner may: stage by stage, and to the end.
    let advanced = did(&bob.at, "advance", json!({"deal": id, "reason": "They agree."})).await;
    assert_eq!(advanced["stage"], stages(ann).await[1]["id"]);
    refused(ask(&bob.at, "close_deal", json!({"deal": id, "outcome": "lost"})).await, "lost_reason_required");
    did(&bob.at, "close_deal", json!({"deal": id, "outcome": "lost", "lost_reason": "price"})).await;
    did(&bob.at, "reopen_deal", json!({"deal": id})).await;
    let kinds: Vec<Json> =
        bob.at.all("sales.stage_event", &[("sort", "at")]).await.iter().map(|event| event["kind"].clone()).collect();
    assert_eq!(kinds, ["entered", "forward", "lost", "reopened"]);
}

async fn the_forecast_is_exact_and_of_what_one_sees(on: On) {
    let clock = clock_at("2026-03-10T12:00:00Z");
    let test = start(on, clock.clone()).await;
    let ann = &test.ann;
    seller_role(ann).await;
    let bob = user(ann, "bob", json!(["seller"])).await;
    let north = ann.create("sales.team", json!({"name": "North"})).await;
    ann.create("sales.seller", json!({"name": "Bob", "user": bob.id, "team": north["id"]})).await;
    // The published pipeline: 264,000 with what was won, 204,000 without.
    let close = json!("2026-03-31");
    for (amount, probability) in [("100000.00", 20), ("250000.00", 40), ("80000.00", 60), ("40000.00", 90)] {
        let deal = json!({"name": "D", "amount": euros(amount), "probability": probability, "close_date": close, "forecast_category": "commit"});
        ann.create("sales.deal", deal).await;
    }
    ann.create(
        "sales.deal",
        json!({"name": "W", "amount": euros("60000.00"), "status": "won", "close_date": close, "owner": bob.id}),
    )
    .await;
    let lost = json!({"name": "L", "amount": euros("500000.00"), "status": "lost", "lost_reason": "price", "close_date": close});
    ann.create("sales.deal", lost).await;
    let usd = json!({"amount": "0.01", "currency": "USD"});
    ann.create(
        "sales.deal",
        json!({"name": "U", "amount": usd, "probability": 33, "close_date": "2026-04-30", "owner": bob.id}),
    )
    .await;
    let march = json!({"from": "2026-03-01", "periods": 2, "base": "EUR"});
    let forecast = did(ann, "forecast", march.clone()).await;
    let total = |at: usize| {
        let total = &forecast["totals"][at];
        json!([total["currency"], total["open"]["weighted"], total["won"]["amount"], total["expected"]])
    };
    assert_eq!(total(0), json!(["EUR", "204000.00", "60000.00", "264000.00"]));
    assert_eq!(total(1), json!(["USD", "0.0033", "0.00", "0.0033"]));
    assert_eq!(forecast["totals"][0]["categories"]["commit"], json!({"deals": 4, "amount": "470000.00"}));
    assert_eq!((&forecast["base"]["missing_rates"], &forecast["base"]["expected"]), (&json!(["USD"]), &json!(null)));
    ann.create("sales.rate", json!({"currency": "USD", "valid_from": "2026-01-01", "rate": "2"})).await;
    let base = did(ann, "forecast", march.clone()).await["base"].clone();
    assert_eq!((&base["missing_rates"], &base["expected"]), (&json!([]), &json!("264000.01")));
    // Bob sees what is his.
    let own = did(&bob.at, "forecast", march).await;
    assert_eq!((&own["totals"][0]["open"]["deals"], &own["totals"][0]["expected"]), (&json!(0), &json!("60000.00")));
    for (input, code) in [
        (json!({"from": "2026-03-02"}), "invalid_period"),
        (json!({"from": "2026-02-01", "period": "quarter"}), "invalid_period"),
        (json!({"from": "2026-13-01"}), "invalid_date"),
    ] {
        refused(ask(ann, "forecast", input).await, code);
    }
    // Against a target, by seller and by team.
    let target = json!({"starts_on": "2026-03-01", "owner": bob.id, "amount": euros("80000.00")});
    ann.create("sales.target", target.clone()).await;
    ann.post("/api/v1/records/sales.target", &target).await.problem(409, "duplicate");
    let rows = did(ann, "performance", json!({"starts_on": "2026-03-01"})).await["rows"].clone();
    let row = rows.as_array().unwrap().iter().find(|row| row["owner"] == bob.id && row["currency"] == "EUR").unwrap();
    assert_eq!(json!([row["attained"], row["missing"]]), json!(["0.7500", "20000.00"]));
    let rows = did(ann, "performance", json!({"starts_on": "2026-03-01", "scope": "team"})).await["rows"].clone();
    assert!(
        rows.as_array().unwrap().iter().any(|row| row["team"] == north["id"] && row["won"]["deals"] == 1),
        "{rows}"
    );
    // Won and lost, and where.
    let decided = did(ann, "win_loss", json!({"from": "2026-03-01", "periods": 1, "by": "owner"})).await;
    assert_eq!(json!([decided["win_rate"], decided["lost_reasons"][0]["reason"]]), json!(["0.5000", "price"]));
    let pipeline = ann.all("sales.pipeline", &[]).await.remove(0);
    let asked = json!({"pipeline": pipeline["id"], "from": "2026-03-01", "to": "2026-03-31"});
    let first = did(ann, "stages", asked).await["stages"][0].clone();
    assert_eq!(json!([first["entered"], first["won"], first["lost"], first["loss_rate"]]), json!([7, 1, 1, "0.5000"]));
    for view in ["board", "board?lang=zh", "report", "report?lang=zh"] {
        test.vic.get(&format!("/api/v1/modules/{DESK}/views/{view}")).await.assert(200);
    }
}

async fn snapshots_tell_afterwards_how_near_a_forecast_came(on: On) {
    let clock = clock_at("2026-03-10T12:00:00Z");
    let test = start(on, clock.clone()).await;
    let ann = &test.ann;
    let deal = |amount: &str, probability: u32| json!({"name": "D", "amount": euros(amount), "probability": probability, "close_date": "2026-03-31"});
    let first = ann.create("sales.deal", deal("100.00", 50)).await;
    ann.create("sales.deal", deal("60.00", 50)).await;
    let tick = async |hours: u64| {
        clock.advance(Duration::from_hours(hours));
        test.app.queue_due_tasks().await.unwrap();
        // Each day is a job, which makes one of each pipeline, and those make one of each month.
        for _ in 0..3 {
            test.app.run_due_jobs().await.unwrap();
        }
    };
    tick(0).await;
    tick(13).await;
    let taken = ann.all("sales.snapshot", &[("filter[month][_eq]", "2026-03-01")]).await;
    let facts: Vec<Json> =
        taken.iter().map(|one| json!([one["taken_on"], one["open_amount"], one["weighted"]])).collect();
    assert_eq!(facts, [json!(["2026-03-11", euros("160.00"), euros("80.00")])]);
    tick(0).await;
    assert_eq!(ann.all("sales.snapshot", &[]).await.len(), 1);
    ann.patch(&path("sales.deal", &first), &json!({"status": "won"})).await.assert(200);
    tick(24).await;
    assert_eq!(ann.all("sales.snapshot", &[]).await.len(), 2);
    let accuracy = async |day: &str| {
        did(ann, "accuracy", json!({"month": "2026-03-01", "taken_on": day})).await["rows"][0].clone()
    };
    let row = accuracy("2026-03-11").await;
    assert_eq!(json!([row["won"], row["weighted"]]), json!(["100.00", {"forecast": "80.00", "accuracy": "0.8000"}]));
    assert_eq!(accuracy("2026-03-12").await["weighted"]["forecast"], "130.00");
    refused(ask(ann, "accuracy", json!({"month": "2026-03-01", "taken_on": "2026-03-01"})).await, "no_snapshot");
    ann.delete(&path("sales.snapshot", &taken[0])).await.problem(403, "permission_denied");
}

async fn an_accepted_quote_is_what_the_deal_becomes(on: On) {
    let clock = clock_at("2026-03-10T12:00:00Z");
    let test = start(on, clock.clone()).await;
    let ann = &test.ann;
    let deal = ann.create("sales.deal", json!({"name": "Roof"})).await;
    refused(ask(ann, "create_quote", json!({"deal": deal["id"]})).await, "quote_empty");
    ann.create("sales.deal_line", json!({"deal": deal["id"], "quantity": "2", "unit_price": euros("10.00")})).await;
    let quote = did(ann, "create_quote", json!({"deal": deal["id"], "valid_until": "2026-03-20"})).await;
    let late = did(ann, "create_quote", json!({"deal": deal["id"], "valid_until": "2026-03-12"})).await;
    let at = |quote: &Json| format!("/api/v1/records/sales.quote/{}", quote["quote"].as_str().unwrap());
    let line = ann.all("sales.quote_line", &[("filter[quote][_eq]", quote["quote"].as_str().unwrap())]).await.remove(0);
    ann.patch(&path("sales.quote_line", &line), &json!({"discount": "0.25"})).await.assert(200);
    refused(ann.patch(&at(&quote), &json!({"status": "accepted"})).await, "quote_step");
    for quote in [&quote, &late] {
        ann.patch(&at(quote), &json!({"status": "sent"})).await.assert(200);
    }
    // What was sent stays as it is, and is good until its day.
    refused(ann.patch(&path("sales.quote_line", &line), &json!({"discount": "0.5"})).await, "quote_sent");
    refused(ann.patch(&at(&quote), &json!({"valid_until": "2027-01-01"})).await, "quote_sent");
    clock.advance(Duration::from_hours(120));
    refused(ann.patch(&at(&late), &json!({"status": "accepted"})).await, "quote_expired");
    ann.patch(&at(&quote), &json!({"status": "accepted"})).await.assert(200);
    assert_eq!(ann.get(&at(&late)).await.json()["status"], "superseded");
    let now = ann.get(&path("sales.deal", &deal)).await.json();
    assert_eq!((&now["amount"], &now["weighted"]), (&euros("15.00"), &json!("3.00000")));
    let lines = ann.all("sales.deal_line", &[]).await;
    assert_eq!((lines.len(), &lines[0]["discount"], &lines[0]["amount"]), (1, &json!("0.2500"), &euros("15.00")));
}

async fn the_module_comes_and_goes_and_its_data_stays(on: On) {
    let test = start(on, Clock::system()).await;
    let ann = &test.ann;
    let contact = ann.create("contact", json!({"name": "Mei", "email": "mei@example.com"})).await;
    let deal = json!({"name": "Roof", "contact": contact["id"], "amount": euros("10.00"), "note": "Mei likes blue."});
    let deal = ann.create("sales.deal", deal).await;
    ann.create("sales.lead", json!({"name": "Mei", "contact": contact["id"]})).await;
    let module = format!("/api/v1/modules/{SALES}");
    // The desk stands on it.
    ann.put(&module, &json!({"enabled": false})).await.problem(409, "refused");
    ann.put(&format!("/api/v1/modules/{DESK}"), &json!({"enabled": false})).await.assert(200);
    let bob = user(ann, "bob", json!(["sales"])).await;
    let seller = ann.create("sales.seller", json!({"name": "Bob", "user": bob.id})).await;
    ann.put(&module, &json!({"enabled": false})).await.assert(200);
    assert_eq!(ann.get(&path("sales.deal", &deal)).await.assert(200).json(), deal);
    // Meanwhile nobody writes what it would have to count.
    let lead = json!({"name": "Bo", "owner": bob.id});
    ann.post("/api/v1/records/sales.lead", &lead).await.problem(409, "module_disabled");
    enable(ann, SALES, &json!({"enabled": true})).await;
    assert_eq!(ann.get(&path("sales.seller", &seller)).await.json()["open_leads"], 0);
    ann.create("sales.lead", lead).await;
    assert_eq!(ann.get(&path("sales.seller", &seller)).await.json()["open_leads"], 1);
    // Another version finds the pipelines that are there, and rules the deals that are there.
    let newer = plugin_with(SALES, |manifest| manifest["version"] = json!("0.1.1"));
    test.app.install_plugin(&newer).await.unwrap();
    ann.put(&module, &json!({"version": "0.1.1", "consent": ["*"]})).await.assert(200);
    assert_eq!((ann.all("sales.pipeline", &[]).await.len(), ann.all("sales.stage", &[]).await.len()), (1, 5));
    refused(ann.patch(&path("sales.deal", &deal), &json!({"amount": euros("-1.00")})).await, "negative_amount");
    // With the person goes the lead; the deal stays, without the person and what was noted of them.
    let erase = format!("{}/person/erase", path("contact", &contact));
    ann.post(&erase, &json!({"confirm": contact["id"]})).await.assert(202);
    test.app.run_due_jobs().await.unwrap();
    let left = ann.get(&path("sales.deal", &deal)).await.assert(200).json();
    assert_eq!((&left["contact"], &left["note"], &left["amount"]), (&json!(null), &json!(null), &euros("10.00")));
    assert_eq!(ann.all("sales.lead", &[]).await.len(), 1);
    test.sam.get("/api/v1/records/sales.deal").await.problem(404, "unknown_object");
}
