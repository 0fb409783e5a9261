//! The sales module through the host: gates, history, products, leads and reminders.

use std::time::Duration;

use futures_util::future::join_all;
use guildhall::domain::clock::{Clock, Timestamp};
use serde_json::{Value as Json, json};

use crate::permissions::user;
use crate::support::{Actor, On, TestApp, settings};
use crate::workshop::enable;

both!(
    deals_pass_gates_and_keep_their_history
    products_are_what_a_deal_is_worth_whoever_adds_them_at_once
    what_makes_no_sense_changes_nothing
    sellers_work_with_the_built_in_role
    leads_are_given_in_turn_to_who_has_room
    what_falls_due_is_told_once
);

pub const SALES: &str = "guildhall.sales";
pub const DESK: &str = "guildhall.sales-desk";

/// A host at a time of the test's own, on which the first tenant has both modules.
pub async fn start(on: On, clock: Clock) -> TestApp {
    let test = TestApp::start_with(on, clock, settings()).await;
    for id in [SALES, DESK] {
        test.app.install_plugin(&crate::support::plugin(id)).await.unwrap();
        enable(&test.ann, id, &json!({})).await;
    }
    test
}

pub fn clock_at(text: &str) -> Clock {
    Clock::manual(Timestamp::parse(text).unwrap())
}

pub fn path(object: &str, record: &Json) -> String {
    format!("/api/v1/records/{object}/{}", record["id"].as_str().unwrap())
}

pub fn euros(amount: &str) -> Json {
    json!({"amount": amount, "currency": "EUR"})
}

/// The stages of the usual pipeline, in their order.
pub async fn stages(actor: &Actor) -> Vec<Json> {
    actor.all("sales.stage", &[("sort", "position")]).await
}

/// A refusal of the module, by its own code.
#[track_caller]
pub fn refused(reply: crate::support::Reply, code: &str) -> Json {
    let problem = reply.problem(422, "plugin_error");
    assert_eq!(problem["plugin_code"], code, "{problem}");
    problem
}

async fn deals_pass_gates_and_keep_their_history(on: On) {
    let clock = clock_at("2026-01-01T00:00:00Z");
    let test = start(on, clock.clone()).await;
    let ann = &test.ann;
    let stages = stages(ann).await;
    let to = |stage: usize| json!({"stage": stages[stage]["id"]});
    let deal = ann.create("sales.deal", json!({"name": "Roof", "amount": euros("100.05")})).await;
    let facts = |deal: &Json| json!([deal["stage"], deal["probability"], deal["forecast_category"], deal["weighted"]]);
    assert_eq!(facts(&deal), json!([stages[0]["id"], 20, "pipeline", "20.01000"]));
    let path = path("sales.deal", &deal);
    // The fourth stage asks for a close date; what is missing is named.
    let problem = refused(ann.patch(&path, &to(3)).await, "criteria_not_met");
    assert_eq!(problem["plugin_details"]["missing"], json!(["close_date"]), "{problem}");
    // The published history: new, qualified, new again, qualified, won.
    for (hours, change) in [
        (60, to(1)),
        (24, to(0)),
        (12, json!({"stage": stages[1]["id"], "change_reason": "They called."})),
        (120, json!({"status": "won", "close_date": "2026-01-10"})),
    ] {
        clock.advance(Duration::from_hours(hours));
        ann.patch(&path, &change).await.assert(200);
    }
    let won = ann.get(&path).await.assert(200).json();
    assert_eq!(facts(&won), json!([stages[1]["id"], 100, "closed", "100.05000"]));
    assert_eq!((&won["cycle_seconds"], &won["won_at"]), (&json!(777_600), &json!("2026-01-10T00:00:00.000000Z")));
    clock.advance(Duration::from_hours(240));
    let history = ann.post(&format!("/api/v1/modules/{DESK}/actions/history"), &json!({"deal": deal["id"]})).await;
    let history = history.assert(200).json();
    let stays = history["result"]["stages"].as_array().unwrap();
    let seconds = |stage: usize| &stays.iter().find(|stay| stay["stage"] == stages[stage]["id"]).unwrap()["seconds"];
    assert_eq!((seconds(0), seconds(1)), (&json!(259_200), &json!(518_400)));
    let events = ann.all("sales.stage_event", &[("sort", "at")]).await;
    let told: Vec<_> = events.iter().map(|event| json!([event["kind"], event["seconds"], event["reason"]])).collect();
    let expected = [
        json!(["entered", null, null]),
        json!(["forward", 216_000, null]),
        json!(["backward", 86_400, null]),
        json!(["forward", 43_200, "They called."]),
        json!(["won", 432_000, null]),
    ];
    assert_eq!(told, expected);
    // Nobody rewrites it, and a closed deal keeps what it was.
    let event = crate::sales::path("sales.stage_event", &events[0]);
    ann.patch(&event, &json!({"seconds": 1})).await.problem(403, "permission_denied");
    ann.delete(&event).await.problem(403, "permission_denied");
    for change in [json!({"amount": euros("1.00")}), to(0), json!({"status": "lost", "lost_reason": "price"})] {
        refused(ann.patch(&path, &change).await, "deal_closed");
    }
    // Its order is one, and stands in the way of opening it again until it is cancelled.
    let orders = ann.all("order", &[]).await;
    assert_eq!((orders.len(), &orders[0]["id"], &orders[0]["total"]), (1, &won["order"], &euros("100.05")));
    refused(ann.patch(&path, &json!({"status": "open"})).await, "order_stands");
    ann.patch(&crate::sales::path("order", &orders[0]), &json!({"status": "cancelled"})).await.assert(200);
    let open = ann.patch(&path, &json!({"status": "open"})).await.assert(200).json();
    assert_eq!((facts(&open)[1].clone(), &open["order"], &open["won_at"]), (json!(40), &json!(null), &json!(null)));
}

async fn products_are_what_a_deal_is_worth_whoever_adds_them_at_once(on: On) {
    let TestApp { ann, .. } = TestApp::with_plugin(on, SALES).await;
    let deal = ann.create("sales.deal", json!({"name": "Roof", "amount": euros("5.00")})).await;
    let line = |price: Json| json!({"deal": deal["id"], "quantity": "3", "unit_price": price, "discount": "0.1"});
    let lines = "/api/v1/records/sales.deal_line";
    let bodies: Vec<Json> = (0..8).map(|_| line(euros("9.99"))).collect();
    for reply in join_all(bodies.iter().map(|body| ann.post(lines, body))).await {
        reply.assert(201);
    }
    // Each line is rounded as an order's is: 26.973 is 26.97.
    let path = path("sales.deal", &deal);
    let now = ann.get(&path).await.assert(200).json();
    assert_eq!((&now["amount"], &now["weighted"]), (&euros("215.76"), &json!("43.15200")));
    refused(ann.patch(&path, &json!({"amount": euros("1.00")})).await, "amount_from_lines");
    for (body, code) in [
        (line(json!({"amount": "1.00", "currency": "USD"})), "currency_mismatch"),
        (line(euros("-1.00")), "negative_amount"),
        (line(euros("900000000000.00")), "amount_too_large"),
        (json!({"deal": deal["id"], "quantity": "0", "unit_price": euros("1.00")}), "quantity_out_of_range"),
        (json!({"deal": deal["id"], "unit_price": euros("1.00"), "discount": "1.5"}), "discount_out_of_range"),
    ] {
        refused(ann.post(lines, &body).await, code);
    }
    assert_eq!(ann.get(&path).await.json(), now);
    // Won, by several at once, it is one order with its products.
    let won = json!({"status": "won", "close_date": "2026-12-01"});
    for reply in join_all((0..4).map(|_| ann.patch(&path, &won))).await {
        reply.assert(200);
    }
    assert_eq!((ann.all("order", &[]).await.len(), ann.all("sales.stage_event", &[]).await.len()), (1, 2));
    let ordered = ann.all("order_line", &[]).await;
    assert_eq!((ordered.len(), &ordered[0]["amount"]), (8, &euros("26.97")));
    refused(ann.post(lines, &line(euros("1.00"))).await, "deal_closed");
}

async fn what_makes_no_sense_changes_nothing(on: On) {
    let TestApp { ann, .. } = TestApp::with_plugin(on, SALES).await;
    let stages = stages(&ann).await;
    let inactive = ann.create("sales.pipeline", json!({"name": "Old", "active": false})).await;
    let strict = ann.create("sales.pipeline", json!({"name": "Euro", "currency": "EUR", "sequential": true})).await;
    ann.create("sales.stage", json!({"pipeline": strict["id"], "name": "First", "position": 1})).await;
    let second = ann.create("sales.stage", json!({"pipeline": strict["id"], "name": "Second", "position": 2})).await;
    let deals = "/api/v1/records/sales.deal";
    for (fields, code) in [
        (json!({"amount": euros("-0.01")}), "negative_amount"),
        (json!({"amount": euros("1000000000000.01")}), "amount_too_large"),
        (json!({"amount": {"amount": "1.00", "currency": "USD"}, "pipeline": strict["id"]}), "currency_mismatch"),
        (json!({"close_date": "1899-12-31"}), "date_out_of_range"),
        (json!({"close_date": "9999-12-31"}), "date_out_of_range"),
        (json!({"next_step_at": "9999-12-31T00:00:00Z"}), "date_out_of_range"),
        (json!({"probability": 101}), "probability_out_of_range"),
        (json!({"forecast_category": "closed"}), "not_closed"),
        (json!({"status": "lost"}), "lost_reason_required"),
        (json!({"checks": "signed"}), "invalid_checks"),
        (json!({"pipeline": inactive["id"]}), "pipeline_inactive"),
        (json!({"pipeline": strict["id"], "stage": stages[0]["id"]}), "unknown_stage"),
        (json!({"stage": second["id"]}), "stage_skipped"),
    ] {
        let mut fields = fields;
        fields["name"] = json!("Bad");
        refused(ann.post(deals, &fields).await, code);
    }
    for fields in [
        json!({"name": "Bad", "amount": {"amount": "1.001", "currency": "EUR"}}),
        json!({"name": "Bad", "close_date": "2026-02-30"}),
        json!({"name": "Bad", "stage": inactive["id"]}),
        json!({"name": "Bad", "weighted": "7"}),
        json!({"name": "Bad", "won_at": "2026-01-01"}),
    ] {
        ann.post(deals, &fields).await.problem(422, "validation_failed");
    }
    for (object, fields, code) in [
        (
            "stage",
            json!({"pipeline": strict["id"], "name": "S", "position": 3, "entry_criteria": ["password"]}),
            "invalid_criteria",
        ),
        (
            "stage",
            json!({"pipeline": strict["id"], "name": "S", "position": 3, "probability": -1}),
            "probability_out_of_range",
        ),
        ("rate", json!({"currency": "usd", "valid_from": "2026-01-01", "rate": "1"}), "invalid_currency"),
        ("rate", json!({"currency": "USD", "valid_from": "2026-01-01", "rate": "0"}), "rate_out_of_range"),
        ("target", json!({"starts_on": "2026-01-02", "scope": "all", "amount": euros("1.00")}), "invalid_target"),
        ("assignment_rule", json!({"name": "R", "conditions": [{"field": "score", "is": "1"}]}), "invalid_condition"),
        ("lead", json!({"name": "L", "status": "converted"}), "conversion_incomplete"),
        ("lead", json!({"name": "L", "status": "disqualified"}), "reason_required"),
        ("lead", json!({"name": "L", "budget": euros("-1.00")}), "negative_amount"),
    ] {
        refused(ann.post(&format!("/api/v1/records/sales.{object}"), &fields).await, code);
    }
    for object in ["deal", "stage_event", "rate", "target", "assignment_rule", "lead"] {
        assert_eq!(ann.all(&format!("sales.{object}"), &[]).await.len(), 0, "{object}");
    }
    let module = format!("/api/v1/modules/{SALES}");
    for wrong in [json!({"max_amount": "-1"}), json!({"snapshot_months": 99}), json!({"no_such_setting": 1})] {
        ann.put(&module, &json!({"config": wrong})).await.problem(422, "validation_failed");
    }
    // What is in use stays.
    ann.create("sales.deal", json!({"name": "Good"})).await;
    refused(ann.delete(&path("sales.stage", &stages[0])).await, "stage_in_use");
}

async fn sellers_work_with_the_built_in_role(on: On) {
    let test = TestApp::with_plugin(on, SALES).await;
    let ann = &test.ann;
    let [sid, sue] = [user(ann, "sid", json!(["sales"])).await, user(ann, "sue", json!(["sales"])).await];
    let pat = user(ann, "pat", json!(["partner"])).await;
    // Stages are everybody's to read, and nobody's to change but those who may change all.
    let stages = stages(&sid.at).await;
    assert_eq!(stages.len(), 5);
    let stage = path("sales.stage", &stages[1]);
    let change = sid.at.patch(&stage, &json!({"focus": "Mine"})).await;
    assert!([403, 404].contains(&change.status.as_u16()), "{}", change.text);
    let deal = json!({"name": "Roof", "amount": euros("10.00"), "stage": stages[1]["id"]});
    let deal = sid.at.create("sales.deal", deal).await;
    assert_eq!((&deal["owner"], &deal["probability"]), (&json!(sid.id), &stages[1]["probability"]));
    sid.at.patch(&path("sales.deal", &deal), &json!({"stage": stages[2]["id"]})).await.assert(200);
    // Deals are not.
    sue.at.get(&path("sales.deal", &deal)).await.problem(404, "not_found");
    assert!(sue.at.all("sales.deal", &[]).await.is_empty());
    // A partner sees what is shared, and no more.
    let seen = pat.at.get("/api/v1/records/sales.stage").await;
    assert!(seen.status.as_u16() == 403 || seen.json()["data"] == json!([]), "{}", seen.text);
    test.sam.get(&stage).await.problem(404, "unknown_object");
}

async fn leads_are_given_in_turn_to_who_has_room(on: On) {
    let TestApp { ann, .. } = TestApp::with_plugin(on, SALES).await;
    let mut sellers = Vec::new();
    for (name, most) in [("bob", json!(null)), ("eve", json!(4))] {
        let user = user(&ann, name, json!(["sales"])).await;
        let fields = json!({"name": name, "user": user.id, "max_open_leads": most});
        sellers.push(ann.create("sales.seller", fields).await);
    }
    let named: Vec<&Json> = sellers.iter().map(|seller| &seller["id"]).collect();
    let conditions = json!([{"field": "country", "in": ["DE"]}]);
    ann.create("sales.assignment_rule", json!({"name": "Germany", "conditions": conditions, "sellers": named})).await;
    let leads = "/api/v1/records/sales.lead";
    let lead = |country: &str| json!({"name": "Lead", "country": country});
    let body = lead("DE");
    for reply in join_all((0..8).map(|_| ann.post(leads, &body))).await {
        reply.assert(201);
    }
    let counts = async || -> Vec<Json> {
        ann.all("sales.seller", &[("sort", "name")]).await.iter().map(|seller| seller["open_leads"].clone()).collect()
    };
    assert_eq!(counts().await, [4, 4]);
    // One of them is full now; elsewhere, no rule says anything.
    ann.post(leads, &body).await.assert(201);
    assert_eq!(counts().await, [5, 4]);
    assert_eq!(ann.post(leads, &lead("FR")).await.assert(201).json()["owner"], json!(null));
    let of_eve = ann.all("sales.lead", &[("filter[owner][_eq]", sellers[1]["user"].as_str().unwrap())]).await;
    assert_eq!(of_eve.len(), 4);
    // Who is rid of one has room again; a lead that is let go is given anew.
    let gone = json!({"status": "disqualified", "disqualified_reason": "spam"});
    ann.patch(&path("sales.lead", &of_eve[0]), &gone).await.assert(200);
    ann.delete(&path("sales.lead", &of_eve[1])).await.assert(204);
    assert_eq!(counts().await, [5, 2]);
    let given = ann.patch(&path("sales.lead", &of_eve[2]), &json!({"owner": null})).await.assert(200).json();
    assert_eq!(given["owner"], sellers[1]["user"]);
    assert_eq!(counts().await, [5, 2]);
    ann.post(&format!("{}/restore", path("sales.lead", &of_eve[1])), &json!({})).await.assert(200);
    assert_eq!(counts().await, [5, 3]);
}

async fn what_falls_due_is_told_once(on: On) {
    let clock = clock_at("2026-11-26T10:00:00Z");
    let test = start(on, clock.clone()).await;
    let ann = &test.ann;
    let bob = user(ann, "bob", json!(["sales"])).await;
    let deal =
        json!({"name": "Roof", "owner": bob.id, "close_date": "2026-11-27", "next_step_at": "2026-11-26T11:00:00Z"});
    let deal = ann.create("sales.deal", deal).await;
    ann.create("sales.lead", json!({"name": "Mei", "owner": bob.id, "assignment": "manual"})).await;
    let tick = async |hours: u64| -> Vec<Json> {
        clock.advance(Duration::from_hours(hours));
        test.app.queue_due_tasks().await.unwrap();
        test.app.run_due_jobs().await.unwrap();
        let tasks = ann.all("task", &[("sort", "due_at")]).await;
        tasks.iter().map(|task| json!([task["title"], task["assignee"]])).collect()
    };
    let task = |what: &str| json!([what, bob.id]);
    // The first time that it is due, tasks of modules are noted; from then on they run.
    tick(0).await;
    let expected = [task("Next step: Roof")];
    assert_eq!(tick(2).await, expected);
    assert_eq!(tick(2).await, expected);
    let expected = [task("Next step: Roof"), task("Close date: Roof"), task("Respond to the new lead: Mei")];
    assert_eq!(tick(24).await, expected);
    assert_eq!(tick(1).await, expected);
    // A date that is moved falls due anew.
    ann.patch(&path("sales.deal", &deal), &json!({"close_date": "2026-11-28"})).await.assert(200);
    assert_eq!(tick(24).await.len(), 4);
    assert_eq!(tick(24).await.len(), 4);
}
