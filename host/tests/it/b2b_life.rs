//! The B2B modules through time: what a night brings, and what is there when they go, come back and change their version.

use std::time::Duration;

use guildhall::domain::clock::{Clock, Timestamp};
use serde_json::json;

use crate::b2b::{DESK, PROJECTS, contract, euros, invoice_fields, path, refused, start};
use crate::support::{On, TestApp, plugin_with};

both!(
    a_day_makes_lines_ready_and_finds_risks
    modules_that_go_leave_everything
);

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
    ann.create("b2b.task", json!({"engagement": project["id"], "name": "Dig", "progress": "40"})).await;
    let stages = ann.all("b2b.stage", &[]).await;
    assert_eq!(stages.len(), 9);
    ann.patch(&path("b2b.stage", &stages[0]), &json!({"name": "Our own"})).await.assert(200);
    let switch = async |id: &str, on: bool| ann.put(&format!("/api/v1/modules/{id}"), &json!({"enabled": on})).await;
    switch(PROJECTS, false).await.problem(409, "refused");
    switch(DESK, false).await.assert(200);
    switch(PROJECTS, false).await.assert(200);
    ann.get(&format!("/api/v1/modules/{DESK}/views/board")).await.problem(404, "not_found");
    // What is kept can be seen, and nobody writes to it; but for who has the database in hand.
    let kept = ann.get(&here).await.assert(200).json();
    assert_eq!((&kept["status"], &kept["planned"]), (&json!("active"), &euros("100.00")));
    let amount = json!({"amount": euros("31.00")});
    ann.patch(&path("b2b.plan_line", &lines[1]), &amount).await.problem(409, "module_disabled");
    for sql in [
        "update o_b2b__plan_line set amount = amount + 1 where amount < (select max(amount) from o_b2b__plan_line)",
        "update o_b2b__engagement set task_count = 7, percent_complete = 0",
    ] {
        assert_eq!(crate::dump::run(&test.database, sql).await, 1);
    }
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
