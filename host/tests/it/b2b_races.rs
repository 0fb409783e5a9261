//! The B2B modules when two do at once what only one of them can do: nothing is left that names what is gone, and budgets
//! and what is held against them stay in one currency.

use futures_util::future::{join, join_all};
use guildhall::domain::clock::Clock;
use serde_json::{Value as Json, json};

use crate::b2b::{action, batch, euros, path, refused, start};
use crate::b2b_work::engagement;
use crate::support::{Actor, On, Reply};

both!(
    what_others_name_does_not_go_meanwhile
    a_line_learns_that_its_milestone_is_reached
    a_budget_and_its_costs_meet_in_one_currency
    more_tasks_than_a_page_has_are_scheduled
);

const ROUNDS: usize = 6;

async fn add(ann: &Actor, object: &str, fields: &Json) -> Reply {
    ann.post(&format!("/api/v1/records/{object}"), fields).await
}

/// A contract of 5.00 with the customer of a project.
fn agreed(number: &str, project: &Json) -> Json {
    json!({"number": number, "company": project["company"], "total": euros("5.00")})
}

async fn what_others_name_does_not_go_meanwhile(on: On) {
    let test = start(on, Clock::system()).await;
    let ann = &test.ann;
    let mut pairs = Vec::new();
    for round in 0..ROUNDS {
        let project = engagement(ann, json!({})).await;
        let contract = ann.create("b2b.contract", agreed(&format!("C-{round}"), &project)).await;
        let milestone = ann.create("b2b.milestone", json!({"engagement": project["id"], "name": "Opened"})).await;
        let line = json!({"contract": contract["id"], "trigger": "milestone", "milestone": milestone["id"],
            "amount": euros("5.00")});
        pairs.push((path("b2b.milestone", &milestone), "b2b.plan_line", line));
        for (object, fields) in [
            ("b2b.task", json!({"name": "Survey"})),
            ("b2b.milestone", json!({"name": "Opened"})),
            ("b2b.cost", json!({"amount": euros("1.00"), "spent_on": "2026-11-10"})),
            ("b2b.contract", agreed(&format!("D-{round}"), &project)),
        ] {
            let project = engagement(ann, json!({})).await;
            let mut fields = fields;
            fields["engagement"] = project["id"].clone();
            pairs.push((path("b2b.engagement", &project), object, fields));
        }
    }
    // What comes takes longer than what goes: it begins first, so that they meet.
    let both = pairs.iter().map(|(goes, object, fields)| join(add(ann, object, fields), ann.delete(goes)));
    for ((added, gone), (_, object, _)) in join_all(both).await.into_iter().zip(&pairs) {
        match (gone.status.as_u16(), added.status.as_u16()) {
            (204, 422) => {}
            (422, 201) => drop(refused(gone, "record_in_use")),
            _ => panic!("{object}: {} {}", gone.text, added.text),
        }
    }
}

async fn a_line_learns_that_its_milestone_is_reached(on: On) {
    let test = start(on, Clock::system()).await;
    let ann = &test.ann;
    let project = engagement(ann, json!({})).await;
    let mut pairs = Vec::new();
    for round in 0..2 * ROUNDS {
        let contract = ann.create("b2b.contract", agreed(&format!("C-{round}"), &project)).await;
        let milestone = ann.create("b2b.milestone", json!({"engagement": project["id"], "name": "Opened"})).await;
        let line = json!({"contract": contract["id"], "trigger": "milestone", "milestone": milestone["id"],
            "amount": euros("1.00")});
        pairs.push((path("b2b.milestone", &milestone), line));
    }
    let on = json!({"reached_on": "2020-01-01"});
    let both = pairs.iter().map(|(here, line)| join(add(ann, "b2b.plan_line", line), ann.patch(here, &on)));
    for (line, reached) in join_all(both).await {
        reached.assert(200);
        let line = ann.get(&path("b2b.plan_line", &line.assert(201).json())).await.assert(200).json();
        assert!(!line["ready_since"].is_null(), "{line}");
    }
}

async fn a_budget_and_its_costs_meet_in_one_currency(on: On) {
    let test = start(on, Clock::system()).await;
    let ann = &test.ann;
    let dollars = json!({"budget": {"amount": "9.00", "currency": "USD"}});
    let mut pairs = Vec::new();
    for round in 0..2 * ROUNDS {
        let project =
            engagement(ann, json!({"budget": if round % 2 == 0 { euros("9.00") } else { json!(null) }})).await;
        let cost = json!({"engagement": project["id"], "amount": euros("1.00"), "spent_on": "2026-11-10"});
        pairs.push((path("b2b.engagement", &project), cost));
    }
    let both = pairs.iter().map(|(here, cost)| join(add(ann, "b2b.cost", cost), ann.patch(here, &dollars)));
    for (added, set) in join_all(both).await {
        match (set.status.as_u16(), added.status.as_u16()) {
            (200, 422) => drop(refused(added, "other_currency")),
            (422, 201) => drop(refused(set, "other_currency")),
            _ => panic!("{} {}", set.text, added.text),
        }
    }
}

async fn more_tasks_than_a_page_has_are_scheduled(on: On) {
    let test = start(on, Clock::system()).await;
    let ann = &test.ann;
    let project = engagement(ann, json!({})).await;
    let task = json!({"op": "create", "fields": {"engagement": project["id"], "name": "Work"}});
    for count in [300, 201] {
        let reply = batch(ann, "b2b.task", &json!(vec![&task; count])).await.assert(200).json();
        assert_eq!(reply["outcomes"].as_array().unwrap().len(), count);
    }
    let asked = json!({"engagement": project["id"]});
    let schedule = ann.post(&action("schedule"), &asked).await.assert(200).json()["result"].clone();
    assert_eq!(schedule["rows"].as_array().unwrap().len(), 501);
    assert_eq!(ann.get(&path("b2b.engagement", &project)).await.json()["task_count"], 501);
}
