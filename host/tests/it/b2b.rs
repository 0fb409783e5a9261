//! The B2B modules through the host: what must never be broken holds under concurrency, for everybody, on both engines.

use futures_util::future::join_all;
use guildhall::domain::clock::Clock;
use serde_json::{Value as Json, json};

use crate::support::{Actor, On, Reply, TestApp, plugin, settings};
use crate::workshop::enable;

both!(
    a_contract_its_plan_and_its_money_agree
    matches_that_meet_invoice_and_pay_nothing_twice
);

pub const PROJECTS: &str = "guildhall.b2b-projects";
pub const DESK: &str = "guildhall.b2b-desk";
const MODULES: [&str; 3] = ["guildhall.sales", PROJECTS, DESK];

pub fn path(object: &str, record: &Json) -> String {
    format!("/api/v1/records/{object}/{}", record["id"].as_str().unwrap())
}

pub fn action(name: &str) -> String {
    format!("/api/v1/modules/{DESK}/actions/{name}")
}

pub fn euros(amount: &str) -> Json {
    json!({"amount": amount, "currency": "EUR"})
}

/// A host where the first tenant has sales, projects and the desk.
pub async fn start(on: On, clock: Clock) -> TestApp {
    let test = TestApp::start_with(on, clock, settings()).await;
    for id in MODULES {
        test.app.install_plugin(&plugin(id)).await.unwrap();
        enable(&test.ann, id, &json!({})).await;
    }
    test
}

/// That a module refused it, with this code.
#[track_caller]
pub fn refused(reply: Reply, code: &str) -> Json {
    let problem = reply.problem(422, "plugin_error");
    assert_eq!(problem["plugin_code"], code, "{problem}");
    problem
}

pub async fn batch(ann: &Actor, object: &str, operations: &Json) -> Reply {
    let body = json!({"mode": "atomic", "operations": operations});
    ann.post(&format!("/api/v1/records/{object}/batch"), &body).await
}

/// A contract of 100.00 in force, with a line of 70.00 that is due and one of 30.00 that is not.
pub async fn contract(ann: &Actor, number: &str) -> (Json, Vec<Json>) {
    let company = ann.create("company", json!({"name": format!("Customer of {number}")})).await;
    let fields = json!({"number": number, "company": company["id"], "total": euros("100.00")});
    let contract = ann.create("b2b.contract", fields).await;
    let mut lines = Vec::new();
    for (name, amount, due) in [("First", "70.00", "2020-01-01"), ("Second", "30.00", "2999-01-01")] {
        let fields = json!({"contract": contract["id"], "name": name, "amount": euros(amount), "due_on": due});
        lines.push(ann.create("b2b.plan_line", fields).await);
    }
    ann.patch(&path("b2b.contract", &contract), &json!({"status": "active"})).await.assert(200);
    (contract, lines)
}

pub fn invoice_fields(contract: &Json, number: &str, amount: &str) -> Json {
    json!({"number": number, "contract": contract["id"], "amount": euros(amount), "due_on": "2999-01-01"})
}

async fn invoice(ann: &Actor, contract: &Json, number: &str, amount: &str) -> Json {
    ann.create("b2b.invoice", invoice_fields(contract, number, amount)).await
}

async fn a_contract_its_plan_and_its_money_agree(on: On) {
    let test = start(on, Clock::system()).await;
    let TestApp { ann, vic, sam, .. } = &test;
    let company = ann.create("company", json!({"name": "Ministry"})).await;
    let fields = json!({"number": "C-1", "company": company["id"], "total": euros("5.47")});
    let made = ann.create("b2b.contract", fields).await;
    let here = path("b2b.contract", &made);
    let active = json!({"status": "active"});
    refused(ann.patch(&here, &active).await, "plan_does_not_add_up");
    // The desk splits to the last cent, under the rights of who asks.
    let parts = json!([{"weight": "33.34", "due_on": "2020-01-01"}, {"weight": "33.33", "due_on": "2999-01-01"},
        {"weight": "33.33", "trigger": "retention"}]);
    let split = json!({"contract": made["id"], "parts": parts});
    let answer = ann.post(&action("split_plan"), &split).await.assert(200).json()["result"].clone();
    let amounts: Vec<&str> =
        answer["lines"].as_array().unwrap().iter().map(|line| line["amount"]["amount"].as_str().unwrap()).collect();
    assert_eq!(amounts, ["1.83", "1.82", "1.82"]);
    vic.post(&action("split_plan"), &split).await.problem(403, "permission_denied");
    sam.post(&action("split_plan"), &split).await.problem(404, "not_found");
    batch(ann, "b2b.plan_line", &answer["operations"]).await.assert(200);
    let contract = ann.patch(&here, &active).await.assert(200).json();
    assert_eq!((&contract["version_number"], &contract["planned"]), (&json!(1), &euros("5.47")));
    let lines = ann.all("b2b.plan_line", &[("sort", "position")]).await;
    let statuses: Vec<&Json> = lines.iter().map(|line| &line["status"]).collect();
    assert_eq!(statuses, ["ready_to_invoice", "not_ready", "not_ready"]);

    // In force, terms and plan stay; what was agreed beside them changes it while it is being amended.
    refused(ann.patch(&here, &json!({"total": euros("9.99")})).await, "terms_locked");
    refused(ann.patch(&path("b2b.plan_line", &lines[1]), &json!({"amount": euros("1.00")})).await, "plan_locked");
    ann.patch(&path("b2b.plan_line", &lines[1]), &json!({"status": "paid"})).await.problem(422, "validation_failed");
    let signed = json!({"contract": made["id"], "number": "S-1", "amount": euros("1.00"), "status": "signed"});
    refused(ann.post("/api/v1/records/b2b.supplement", &signed).await, "plan_locked");
    ann.patch(&here, &json!({"status": "amending"})).await.assert(200);
    ann.create("b2b.supplement", signed).await;
    refused(ann.patch(&here, &active).await, "plan_does_not_add_up");
    ann.patch(&path("b2b.plan_line", &lines[1]), &json!({"amount": euros("2.82")})).await.assert(200);
    let contract = ann.patch(&here, &active).await.assert(200).json();
    assert_eq!((&contract["version_number"], &contract["agreed"]), (&json!(2), &euros("6.47")));
    let versions = ann.all("b2b.contract_version", &[("sort", "number")]).await;
    let agreed: Vec<&Json> = versions.iter().map(|version| &version["agreed"]).collect();
    assert_eq!(agreed, [&euros("5.47"), &euros("6.47")]);
    ann.patch(&path("b2b.contract_version", &versions[0]), &json!({"number": 9}))
        .await
        .problem(403, "permission_denied");

    // Retention is not invoiced while the warranty runs, and amounts are what they can be.
    let bill = invoice(ann, &made, "I-1", "2.00").await;
    let on_line = |line: &Json, amount: Json| json!({"invoice": bill["id"], "line": line["id"], "amount": amount});
    let matches = "/api/v1/records/b2b.invoice_match";
    for (fields, code) in [
        (on_line(&lines[2], euros("1.00")), "line_not_ready"),
        (on_line(&lines[0], euros("1.84")), "line_over_invoiced"),
        (on_line(&lines[0], euros("-1.00")), "amount_out_of_range"),
        (on_line(&lines[0], euros("0.00")), "amount_out_of_range"),
        (on_line(&lines[0], json!({"amount": "1.00", "currency": "USD"})), "other_currency"),
    ] {
        refused(ann.post(matches, &fields).await, code);
    }
    let enormous = on_line(&lines[0], euros("99999999999999999999.00"));
    ann.post(matches, &enormous).await.problem(422, "validation_failed");
    vic.post(matches, &on_line(&lines[0], euros("1.00"))).await.problem(403, "permission_denied");
    ann.post(matches, &on_line(&lines[0], euros("1.83"))).await.assert(201);
    let receipt = json!({"amount": euros("1.00"), "received_on": "2026-01-01", "external_id": "bank-1"});
    let receipt = ann.create("b2b.receipt", receipt).await;
    let asked = json!({"receipt": receipt["id"], "contract": made["id"]});
    let proposed = ann.post(&action("propose_matches"), &asked).await.assert(200).json()["result"].clone();
    assert_eq!((&proposed["operations"][0]["fields"]["amount"], &proposed["rest"]), (&euros("1.00"), &euros("0.00")));
    let pays = |amount: &str| json!({"receipt": receipt["id"], "invoice": bill["id"], "amount": euros(amount)});
    refused(ann.post("/api/v1/records/b2b.receipt_match", &pays("1.01")).await, "receipt_over_matched");
    ann.create("b2b.receipt_match", pays("1.00")).await;
    let line = ann.get(&path("b2b.plan_line", &lines[0])).await.assert(200).json();
    assert_eq!(
        (&line["status"], &line["invoiced"], &line["received"]),
        (&json!("partially_paid"), &euros("1.83"), &euros("1.00"))
    );
    refused(ann.delete(&path("b2b.invoice", &bill)).await, "record_in_use");
    refused(ann.delete(&here).await, "contract_in_use");
    let view = ann.get(&format!("/api/v1/modules/{DESK}/views/plan?id={}", made["id"].as_str().unwrap())).await;
    assert_eq!(view.assert(200).json()["children"][1]["rows"].as_array().unwrap().len(), 3);
}

async fn matches_that_meet_invoice_and_pay_nothing_twice(on: On) {
    let test = start(on, Clock::system()).await;
    let ann = &test.ann;
    let (contract, lines) = contract(ann, "C-2").await;
    let bill = invoice(ann, &contract, "I-2", "100.00").await;
    // Of ten at the same time, three fit on 70.00.
    let body = json!({"invoice": bill["id"], "line": lines[0]["id"], "amount": euros("20.00")});
    let replies = join_all((0..10).map(|_| ann.post("/api/v1/records/b2b.invoice_match", &body))).await;
    assert_eq!(replies.iter().filter(|reply| reply.status == 201).count(), 3);
    for reply in replies.into_iter().filter(|reply| reply.status != 201) {
        refused(reply, "line_over_invoiced");
    }
    // Four receipts of 40.00 for 100.00; and one receipt for more than it has.
    let mut receipts = Vec::new();
    for at in 0..4 {
        let fields = json!({"amount": euros("40.00"), "received_on": "2026-01-01", "external_id": format!("r{at}")});
        receipts.push(ann.create("b2b.receipt", fields).await);
    }
    let pay = |receipt: &Json| {
        let body = json!({"receipt": receipt["id"], "invoice": bill["id"], "amount": euros("20.00")});
        async move { ann.post("/api/v1/records/b2b.receipt_match", &body).await }
    };
    let replies = join_all(receipts.iter().chain(&receipts).map(pay)).await;
    assert_eq!(replies.iter().filter(|reply| reply.status == 201).count(), 5);
    let bill = ann.get(&path("b2b.invoice", &bill)).await.assert(200).json();
    assert_eq!((&bill["matched"], &bill["received"]), (&euros("60.00"), &euros("100.00")));
    assert_eq!(bill["status"], "paid");
    for receipt in ann.all("b2b.receipt", &[]).await {
        let own = ann.all("b2b.receipt_match", &[("filter[receipt][_eq]", receipt["id"].as_str().unwrap())]).await;
        assert_eq!(receipt["matched"], euros(["0.00", "20.00", "40.00"][own.len()]));
    }
    let contract = ann.get(&path("b2b.contract", &contract)).await.assert(200).json();
    assert_eq!((&contract["invoiced"], &contract["received"]), (&euros("60.00"), &euros("100.00")));
    // The same request again is the same answer, and nothing more.
    let again = ann.with("idempotency-key", "match-once");
    let body = json!({"invoice": bill["id"], "line": lines[0]["id"], "amount": euros("10.00")});
    let first = again.post("/api/v1/records/b2b.invoice_match", &body).await.assert(201).json();
    let second = again.post("/api/v1/records/b2b.invoice_match", &body).await.assert(201).json();
    assert_eq!(first["id"], second["id"]);
    let line = ann.get(&path("b2b.plan_line", &lines[0])).await.assert(200).json();
    assert_eq!(line["invoiced"], euros("70.00"));
}
