//! The B2B modules through the host: what must never be broken holds under concurrency, for everybody, on both engines.

use std::time::Duration;

use futures_util::future::join_all;
use guildhall::domain::clock::{Clock, Timestamp};
use serde_json::{Value as Json, json};

use crate::support::{Actor, On, Reply, TestApp, plugin, plugin_with, settings};
use crate::workshop::enable;

both!(
    a_contract_its_plan_and_its_money_agree
    matches_that_meet_invoice_and_pay_nothing_twice
    a_day_makes_lines_ready_and_finds_risks
    modules_that_go_leave_everything
);

const PROJECTS: &str = "guildhall.b2b-projects";
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
async fn contract(ann: &Actor, number: &str) -> (Json, Vec<Json>) {
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

fn invoice_fields(contract: &Json, number: &str, amount: &str) -> Json {
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

/// Goes on to the next night, and does what it brings.
async fn a_day(test: &TestApp, clock: &Clock) {
    clock.advance(Duration::from_hours(24));
    test.app.queue_due_tasks().await.unwrap();
    test.app.run_due_jobs().await.unwrap();
}

async fn a_day_makes_lines_ready_and_finds_risks(on: On) {
    let clock = Clock::manual(Timestamp::parse("2026-11-27T12:00:00Z").unwrap());
    let test = start(on, clock.clone()).await;
    let ann = &test.ann;
    let module = format!("/api/v1/modules/{PROJECTS}");
    ann.put(&module, &json!({"config": {"overdue_days": "many"}})).await.problem(422, "validation_failed");
    ann.put(&module, &json!({"config": {"overdue_days": 1, "not_invoiced_days": 3650}})).await.assert(200);
    let (contract, lines) = contract(ann, "C-3").await;
    let here = path("b2b.contract", &contract);
    ann.patch(&here, &json!({"status": "amending"})).await.assert(200);
    ann.patch(&path("b2b.plan_line", &lines[1]), &json!({"due_on": "2026-11-29"})).await.assert(200);
    ann.patch(&here, &json!({"status": "active"})).await.assert(200);
    let status = async || ann.get(&path("b2b.plan_line", &lines[1])).await.json()["status"].clone();
    assert_eq!(status().await, "not_ready");
    let bill = json!({"number": "I-3", "contract": contract["id"], "amount": euros("70.00"), "due_on": "2026-11-28",
        "accepted_on": "2026-11-27"});
    let bill = ann.create("b2b.invoice", bill).await;
    let fields = json!({"invoice": bill["id"], "line": lines[0]["id"], "amount": euros("70.00")});
    ann.create("b2b.invoice_match", fields).await;
    a_day(&test, &clock).await;
    assert_eq!((status().await, ann.all("b2b.risk", &[]).await.len()), (json!("not_ready"), 0));
    a_day(&test, &clock).await;
    assert_eq!(status().await, "ready_to_invoice");
    assert_eq!(ann.get(&path("b2b.plan_line", &lines[0])).await.json()["status"], "overdue");
    a_day(&test, &clock).await;
    let risks = ann.all("b2b.risk", &[]).await;
    assert_eq!(risks.len(), 1, "{risks:?}");
    assert_eq!((&risks[0]["rule"], &risks[0]["evidence"]["items"][0]["id"]), (&json!("overdue"), &bill["id"]));
    let account = ann.all("b2b.account", &[]).await.remove(0);
    assert_eq!((&account["company"], &account["risk_score"]), (&contract["company"], &risks[0]["score"]));
    // Nobody makes one up; who decides is written down.
    ann.post("/api/v1/records/b2b.risk", &json!({"rule": "overdue"})).await.problem(422, "validation_failed");
    let decided = ann.patch(&path("b2b.risk", &risks[0]), &json!({"decision": "accepted"})).await.assert(200).json();
    assert!(decided["decided_by"].as_str().unwrap().contains(':') && !decided["decided_at"].is_null(), "{decided}");
    // It is paid: the next day the risk is over, and nothing else is written.
    let receipt = json!({"amount": euros("70.00"), "received_on": "2026-11-30"});
    let receipt = ann.create("b2b.receipt", receipt).await;
    let fields = json!({"receipt": receipt["id"], "invoice": bill["id"], "amount": euros("70.00")});
    ann.create("b2b.receipt_match", fields).await;
    let version = ann.get(&here).await.json()["version"].clone();
    a_day(&test, &clock).await;
    assert_eq!(ann.get(&path("b2b.risk", &risks[0])).await.json()["state"], "cleared");
    assert_eq!(ann.all("b2b.account", &[]).await[0]["risk_score"], 0);
    assert_eq!(ann.get(&here).await.json()["version"], version);
}

async fn modules_that_go_leave_everything(on: On) {
    let test = start(on, Clock::system()).await;
    let ann = &test.ann;
    let (contract, lines) = contract(ann, "C-4").await;
    let here = path("b2b.contract", &contract);
    let project = ann.create("b2b.engagement", json!({"name": "Bridge", "company": contract["company"]})).await;
    let stages = ann.all("b2b.stage", &[]).await;
    assert_eq!(stages.len(), 9);
    ann.patch(&path("b2b.stage", &stages[0]), &json!({"name": "Our own"})).await.assert(200);
    let switch = async |id: &str, on: bool| ann.put(&format!("/api/v1/modules/{id}"), &json!({"enabled": on})).await;
    switch(PROJECTS, false).await.problem(409, "refused");
    switch(DESK, false).await.assert(200);
    switch(PROJECTS, false).await.assert(200);
    ann.get(&format!("/api/v1/modules/{DESK}/views/board")).await.problem(404, "not_found");
    // What is kept can be seen, and nobody looks at what is written to it.
    let kept = ann.get(&here).await.assert(200).json();
    assert_eq!((&kept["status"], &kept["planned"]), (&json!("active"), &euros("100.00")));
    ann.patch(&path("b2b.plan_line", &lines[1]), &json!({"amount": euros("31.00")})).await.assert(200);
    ann.create("b2b.task", json!({"engagement": project["id"], "name": "Unseen", "progress": "40"})).await;
    for id in [PROJECTS, DESK] {
        switch(id, true).await.assert(200);
    }
    let names = ann.all("b2b.stage", &[]).await;
    assert_eq!(names.iter().filter(|stage| stage["name"] == "Our own").count(), 1);
    assert_eq!(names.len(), 9);
    // A newer version finds what was there, and the older one again, too.
    let newer = plugin_with(PROJECTS, |manifest| manifest["version"] = json!("0.2.0"));
    test.app.install_plugin(&newer).await.unwrap();
    let module = format!("/api/v1/modules/{PROJECTS}");
    ann.put(&module, &json!({"version": "0.2.0", "consent": ["*"]})).await.assert(200);
    assert_eq!(ann.all("b2b.plan_line", &[]).await.len(), 2);
    ann.post(&format!("{module}/rollback"), &json!({})).await.assert(200);
    // Back again, the module counts anew, and tells of books that do not agree any more.
    test.app.run_due_jobs().await.unwrap();
    let project = ann.get(&path("b2b.engagement", &project)).await.assert(200).json();
    assert_eq!((&project["task_count"], &project["percent_complete"]), (&json!(1), &json!("40.00")));
    let risk = ann.all("b2b.risk", &[]).await.remove(0);
    assert_eq!((&risk["rule"], &risk["evidence"]["code"]), (&json!("books_broken"), &json!("plan_does_not_add_up")));
    let bill = invoice_fields(&contract, "I-4", "10.00");
    refused(ann.post("/api/v1/records/b2b.invoice", &bill).await, "plan_does_not_add_up");
    ann.patch(&here, &json!({"status": "amending"})).await.assert(200);
    ann.patch(&path("b2b.plan_line", &lines[1]), &json!({"amount": euros("30.00")})).await.assert(200);
    ann.patch(&here, &json!({"status": "active"})).await.assert(200);
    ann.create("b2b.invoice", bill).await;
}
