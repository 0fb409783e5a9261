//! The B2B modules through the host: engagements with gates, tasks that wait for each other, and what they earn.

use std::fmt::Write as _;

use futures_util::future::join_all;
use guildhall::domain::clock::Clock;
use serde_json::{Value as Json, json};

use crate::b2b::{DESK, action, batch, euros, path, refused, start};
use crate::permissions::user;
use crate::support::{Actor, On};

both!(
    gates_ask_for_what_they_need_and_history_stays
    tasks_never_wait_for_each_other
    a_schedule_of_five_thousand_tasks_fits
    earned_value_is_what_the_figures_say
);

pub async fn engagement(ann: &Actor, fields: Json) -> Json {
    let company = ann.create("company", json!({"name": "Customer"})).await;
    let mut all = json!({"name": "Bridge", "company": company["id"], "starts_on": "2026-11-02"});
    all.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
    ann.create("b2b.engagement", all).await
}

async fn gates_ask_for_what_they_need_and_history_stays(on: On) {
    let test = start(on, Clock::system()).await;
    let ann = &test.ann;
    let mut stages = ann.all("b2b.stage", &[("filter[phase][_eq]", "presale"), ("sort", "position")]).await;
    let sale = ann.all("b2b.stage", &[("filter[phase][_eq]", "sale"), ("sort", "position")]).await.remove(0);
    let offer = stages.pop().unwrap();
    let needs = json!({"required_documents": "Offer\nSite survey", "exit_criteria": "Budget confirmed"});
    ann.patch(&path("b2b.stage", &offer), &needs).await.assert(200);
    ann.patch(&path("b2b.stage", &sale), &json!({"entry_criteria": "Credit checked"})).await.assert(200);
    let made = engagement(ann, json!({"stage": offer["id"]})).await;
    let here = path("b2b.engagement", &made);
    let forward = json!({"stage": sale["id"]});
    let artifact = async |kind: &str, name: &str, url: Json| {
        let fields = json!({"engagement": made["id"], "kind": kind, "name": name, "url": url});
        ann.create("b2b.artifact", fields).await
    };
    let closed = refused(ann.patch(&here, &forward).await, "gate_closed");
    assert_eq!(closed["plugin_details"]["documents"], json!(["Offer", "Site survey"]));
    artifact("criterion", "Budget confirmed", json!(null)).await;
    artifact("criterion", "Credit checked", json!(null)).await;
    artifact("document", "Offer", json!("https://example.com/offer.pdf")).await;
    // A document that is nowhere is none.
    artifact("document", "Site survey", json!(null)).await;
    refused(ann.patch(&here, &forward).await, "gate_closed");
    artifact("document", "Site survey", json!("https://example.com/survey.pdf")).await;
    let moved = ann.patch(&here, &forward).await.assert(200).json();
    assert_eq!(moved["phase"], "sale");
    let back = json!({"stage": offer["id"]});
    refused(ann.patch(&here, &back).await, "reason_needed");
    ann.patch(&here, &json!({"stage": offer["id"], "stage_reason": "The customer asks again"})).await.assert(200);
    ann.patch(&here, &json!({"phase": "aftersale"})).await.problem(422, "validation_failed");
    refused(ann.patch(&here, &json!({"stage": null})).await, "stage_needed");
    // Going past a stage asks for what it asks for.
    let delivery = ann.all("b2b.stage", &[("filter[name][_eq]", "Delivery")]).await.remove(0);
    ann.patch(&path("b2b.stage", &sale), &json!({"exit_criteria": "Signed"})).await.assert(200);
    let closed = refused(ann.patch(&here, &json!({"stage": delivery["id"]})).await, "gate_closed");
    assert_eq!(closed["plugin_details"]["exit_criteria"], json!(["Signed"]));
    let events = ann.all("b2b.stage_event", &[("sort", "at,id")]).await;
    let directions: Vec<&Json> = events.iter().map(|event| &event["direction"]).collect();
    assert_eq!(directions, ["entered", "forward", "backward"]);
    assert_eq!(events[1]["evidence"].as_array().unwrap().len(), 4);
    assert_eq!(events[2]["reason"], "The customer asks again");
    let event = path("b2b.stage_event", &events[0]);
    ann.patch(&event, &json!({"reason": "another"})).await.problem(403, "permission_denied");
    ann.delete(&event).await.problem(403, "permission_denied");
    test.vic.patch(&here, &back).await.problem(403, "permission_denied");
    // Who sees everything and writes nothing of it opens no gate.
    let nina = user(ann, "nina", json!(["service"])).await;
    let fields = json!({"engagement": made["id"], "kind": "criterion", "name": "Budget confirmed"});
    nina.at.post("/api/v1/records/b2b.artifact", &fields).await.problem(403, "permission_denied");
    let times = ann.post(&action("stage_times"), &json!({"engagement": made["id"]})).await.assert(200).json();
    assert_eq!(times["result"]["stages"].as_array().unwrap().len(), 2);
    test.sam.get(&here).await.problem(404, "unknown_object");
}

async fn tasks_never_wait_for_each_other(on: On) {
    let test = start(on, Clock::system()).await;
    let ann = &test.ann;
    let made = engagement(ann, json!({"percent_method": "task_weight"})).await;
    let mut tasks = Vec::new();
    for (name, days, weight) in [("A", 3, "1"), ("B", 2, "3"), ("C", 1, "0")] {
        let fields = json!({"engagement": made["id"], "name": name, "duration_days": days, "weight": weight});
        tasks.push(ann.create("b2b.task", fields).await);
    }
    let tie = |from: usize, to: usize, lag: i64| json!({"engagement": made["id"], "predecessor": tasks[from]["id"], "successor": tasks[to]["id"], "lag_days": lag});
    let ties = "/api/v1/records/b2b.dependency";
    ann.create("b2b.dependency", tie(0, 1, 0)).await;
    // Two halves of a circle, at the same time: one of them is refused.
    let halves = [tie(1, 2, 1), tie(2, 0, 0)];
    let replies = join_all(halves.iter().map(|half| ann.post(ties, half))).await;
    assert_eq!(replies.iter().filter(|reply| reply.status == 201).count(), 1);
    for reply in replies.into_iter().filter(|reply| reply.status != 201) {
        let problem = refused(reply, "dependency_cycle");
        assert_eq!(problem["plugin_details"]["tasks"].as_array().unwrap().len(), 3, "{problem}");
    }
    refused(ann.post(ties, &tie(0, 0, 0)).await, "dependency_cycle");
    let operations: Vec<Json> =
        [tie(0, 1, 0), tie(1, 0, 0)].iter().map(|one| json!({"op": "create", "fields": one})).collect();
    refused(batch(ann, "b2b.dependency", &json!(operations)).await, "dependency_cycle");
    refused(ann.delete(&path("b2b.task", &tasks[0])).await, "record_in_use");
    for fields in [
        json!({"duration_days": -1}),
        json!({"duration_days": 1_000_000_000_000_i64}),
        json!({"progress": "100.01"}),
        json!({"budget": euros("-1.00")}),
        json!({"planned_start": "2026-12-02", "planned_finish": "2026-12-01"}),
    ] {
        refused(ann.patch(&path("b2b.task", &tasks[0]), &fields).await, "validation_failed");
    }
    // Progress of all at the same time is counted whole.
    let progress = join_all(tasks.iter().map(|task| {
        let there = path("b2b.task", task);
        async move { ann.patch(&there, &json!({"progress": "50"})).await }
    }));
    for reply in progress.await {
        reply.assert(200);
    }
    ann.patch(&path("b2b.task", &tasks[1]), &json!({"status": "completed"})).await.assert(200);
    let counted = ann.get(&path("b2b.engagement", &made)).await.assert(200).json();
    assert_eq!((&counted["percent_complete"], &counted["task_count"]), (&json!("87.50"), &json!(3)));
    // The desk computes with what is stored, for who may see it.
    let asked = json!({"engagement": made["id"]});
    let schedule = ann.post(&action("schedule"), &asked).await.assert(200).json()["result"].clone();
    assert!(schedule["duration_days"].as_i64().unwrap() >= 5, "{schedule}");
    let gantt = format!("/api/v1/modules/{DESK}/views/gantt?lang=zh&id={}", made["id"].as_str().unwrap());
    assert_eq!(test.vic.get(&gantt).await.assert(200).json()["title"], "进度计划");
    let owner = user(ann, "olga", json!(["sales"])).await;
    refused(owner.at.post(&action("schedule"), &asked).await, "not_found");
}

async fn a_schedule_of_five_thousand_tasks_fits(on: On) {
    let test = start(on, Clock::system()).await;
    // A chain with a second one beside it, and links of every kind between them.
    let mut tasks = String::new();
    let mut ties = String::new();
    for at in 0..5_000 {
        let comma = if at == 0 { "" } else { "," };
        write!(tasks, r#"{comma}{{"id":"t{at}","duration_days":{}}}"#, at % 5 + 1).unwrap();
        if at > 1 {
            let comma = if at == 2 { "" } else { "," };
            let kind = ["fs", "ss", "ff", "sf"][at % 4];
            write!(ties, r#"{comma}{{"predecessor":"t{}","successor":"t{at}","kind":"{kind}","lag_days":1}}"#, at - 1)
                .unwrap();
            write!(ties, r#",{{"predecessor":"t{}","successor":"t{at}"}}"#, at - 2).unwrap();
        }
    }
    let body = format!(r#"{{"starts_on":"2026-01-01","tasks":[{tasks}],"dependencies":[{ties}]}}"#);
    let body: Json = serde_json::from_str(&body).unwrap();
    let answer = test.ann.post(&action("schedule"), &body).await.assert(200).json()["result"].clone();
    assert_eq!(answer["rows"].as_array().unwrap().len(), 5_000);
    assert!(!answer["critical"].as_array().unwrap().is_empty());
    let mut circle = body.clone();
    circle["dependencies"].as_array_mut().unwrap().push(json!({"predecessor": "t4999", "successor": "t0"}));
    refused(test.ann.post(&action("schedule"), &circle).await, "dependency_cycle");
    let more = json!({"starts_on": "2026-01-01", "tasks": [{"id": "a", "duration_days": -1}]});
    test.ann.post(&action("schedule"), &more).await.problem(422, "validation_failed");
}

async fn earned_value_is_what_the_figures_say(on: On) {
    let test = start(on, Clock::system()).await;
    let ann = &test.ann;
    let made = engagement(ann, json!({"budget": euros("100000.00")})).await;
    for (budget, progress, to) in [("40000.00", "87.5", "2026-11-13"), ("60000.00", "0", "2026-12-31")] {
        let fields = json!({"engagement": made["id"], "name": "Work", "budget": euros(budget), "progress": progress,
            "planned_start": "2026-11-02", "planned_finish": to});
        ann.create("b2b.task", fields).await;
    }
    for (amount, on) in [("36000.00", "2026-11-10"), ("500.00", "2026-12-01")] {
        ann.create("b2b.cost", json!({"engagement": made["id"], "amount": euros(amount), "spent_on": on})).await;
    }
    let asked = json!({"engagement": made["id"], "on": "2026-11-13", "planned": "at_finish"});
    let figures = ann.post(&action("earned_value"), &asked).await.assert(200).json()["result"].clone();
    let named = ["pv", "ev", "ac", "cv", "sv"].map(|name| figures[name]["amount"].as_str().unwrap().to_owned());
    assert_eq!(named, ["40000.00", "35000.00", "36000.00", "-1000.00", "-5000.00"]);
    assert_eq!((&figures["cpi"], &figures["spi"]), (&json!("0.9722222"), &json!("0.8750000")));
    // The budget goes on in the currency of what is held against it, and what is held against it comes in the budget's.
    let budget = json!({"budget": {"amount": "9.00", "currency": "USD"}});
    refused(ann.patch(&path("b2b.engagement", &made), &budget).await, "other_currency");
    ann.patch(&path("b2b.engagement", &made), &json!({"budget": euros("90000.00")})).await.assert(200);
    let costs = "/api/v1/records/b2b.cost";
    let dollars = |engagement: &Json| {
        let amount = json!({"amount": "1.00", "currency": "USD"});
        json!({"engagement": engagement["id"], "amount": amount, "spent_on": "2026-11-10"})
    };
    refused(ann.post(costs, &dollars(&made)).await, "other_currency");
    // Not by way of no budget either, while there is more than one currency.
    ann.patch(&path("b2b.engagement", &made), &json!({"budget": null})).await.assert(200);
    refused(ann.patch(&path("b2b.engagement", &made), &budget).await, "other_currency");
    ann.post(costs, &dollars(&made)).await.assert(201);
    refused(ann.patch(&path("b2b.engagement", &made), &json!({"budget": euros("5.00")})).await, "other_currency");
    refused(ann.post(&action("earned_value"), &asked).await, "other_currency");
    let fresh = engagement(ann, json!({"budget": euros("5.00")})).await;
    ann.patch(&path("b2b.engagement", &fresh), &budget).await.assert(200);
}
