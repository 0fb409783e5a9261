//! Changing and deleting all records that meet a filter.

use std::time::Duration;

use serde_json::{Value as Json, json};

use crate::jobs::{all_beside, contacts, killed_after, node};
use crate::support::{Actor, On, Reply, TestApp};

both!(
    records_that_meet_a_filter_are_changed
    records_that_meet_a_filter_are_deleted
    a_killed_job_goes_on_where_it_was
    a_cancelled_job_changes_nothing_more
    refused_records_keep_no_other_from_being_changed
    more_faults_than_are_listed
    a_dry_run_counts
    what_cannot_be_asked_for
);

const CONTACT: &str = "/api/v1/records/contact";

async fn seed(test: &TestApp, count: usize) {
    test.ann.upload("object=contact&start=true", "text/csv", contacts(count)).await.assert(202);
    test.app.run_due_jobs().await.unwrap();
}

/// Queues a job; returns its path.
async fn ask(actor: &Actor, what: &str, body: &Json) -> String {
    actor.post(&format!("{CONTACT}/{what}"), body).await.assert(202).header("location").to_owned()
}

async fn records_that_meet_a_filter_are_changed(on: On) {
    let test = TestApp::start(on).await;
    seed(&test, 450).await;
    test.sam.create("contact", json!({"name": "Person 1"})).await;
    let body = json!({"filter": {"name": {"_neq": "Person 7"}}, "fields": {"city": "Bern"}});
    let once = test.ann.with("idempotency-key", "c1");
    let job = ask(&once, "change", &body).await;
    assert_eq!(ask(&once, "change", &body).await, job);
    test.app.run_due_jobs().await.unwrap();
    let done = test.ann.get(&job).await.assert(200).json();
    let expected = json!({"records": 449, "changed": 449, "unchanged": 0, "failed": 0, "faults": []});
    assert_eq!((&done["state"], &done["result"]), (&json!("done"), &expected), "{done}");
    assert_eq!((&done["progress"]["done"], &done["progress"]["total"]), (&json!(449), &json!(449)));
    let all = test.ann.all("contact", &[("limit", "500")]).await;
    assert!(all.iter().all(|contact| (contact["city"] == "Bern") == (contact["name"] != "Person 7")));
    assert_eq!(test.sam.all("contact", &[]).await[0]["city"], json!(null));
    let timeline = format!("{CONTACT}/{}/timeline", all[0]["id"].as_str().unwrap());
    assert_eq!(test.ann.get(&timeline).await.json()["data"].as_array().unwrap().len(), 2);

    // Again, nothing is left to change.
    let job = ask(&test.ann, "change", &body).await;
    test.app.run_due_jobs().await.unwrap();
    let again = test.ann.get(&job).await.json();
    assert_eq!((&again["result"]["changed"], &again["result"]["unchanged"]), (&json!(0), &json!(449)));
}

async fn records_that_meet_a_filter_are_deleted(on: On) {
    let test = TestApp::start(on).await;
    seed(&test, 250).await;
    let company = test.ann.create("company", json!({"name": "Shop"})).await;
    let kept = test.ann.create("contact", json!({"name": "Ann", "company": company["id"]})).await;
    let job = ask(&test.ann, "delete", &json!({"filter": {"company": {"_null": true}}})).await;
    test.app.run_due_jobs().await.unwrap();
    let done = test.ann.get(&job).await.json();
    assert_eq!((&done["result"]["deleted"], &done["result"]["failed"]), (&json!(250), &json!(0)), "{done}");
    assert_eq!(test.ann.all("contact", &[]).await, [kept]);
    // Through a link, and with everything that is left.
    ask(&test.ann, "delete", &json!({"filter": {"company": {"name": {"_eq": "Shop"}}}})).await;
    ask(&test.ann, "delete", &json!({"filter": {}, "all": true})).await;
    test.app.run_due_jobs().await.unwrap();
    assert!(test.ann.all("contact", &[]).await.is_empty());
}

async fn a_killed_job_goes_on_where_it_was(on: On) {
    let test = TestApp::start(on).await;
    seed(&test, 1_000).await;
    let body = json!({"filter": {}, "all": true, "fields": {"city": "Bern"}});
    let job = ask(&test.ann, "change", &body).await;
    for round in 1..6 {
        let polls = if on == On::Sqlite { 6 } else { 40 };
        killed_after(polls, node(&test, round).await.run_due_jobs()).await;
    }
    node(&test, 10).await.run_due_jobs().await.unwrap();
    let done = test.ann.get(&job).await.json();
    assert!(done["attempts"].as_u64().unwrap() > 1, "{done}");
    assert_eq!((&done["result"]["records"], &done["result"]["changed"]), (&json!(1_000), &json!(1_000)), "{done}");
    let all = test.ann.all("contact", &[("limit", "500")]).await;
    assert!(all.iter().all(|contact| contact["city"] == "Bern" && contact["version"] == 2));
}

/// An answer that may wait for something that the job is at: then the job goes on by a step.
async fn answer<T>(asked: impl Future<Output = Reply>, job: &mut (impl Future<Output = T> + Unpin)) -> Reply {
    let mut asked = std::pin::pin!(asked);
    loop {
        if let Ok(reply) = tokio::time::timeout(Duration::from_secs(1), &mut asked).await {
            return reply;
        }
        assert!(killed_after(1, &mut *job).await.is_none());
    }
}

async fn a_cancelled_job_changes_nothing_more(on: On) {
    let test = TestApp::start(on).await;
    seed(&test, 1_000).await;
    let job = ask(&test.ann, "delete", &json!({"filter": {}, "all": true})).await;
    let mut running = Box::pin(test.app.run_due_jobs());
    while answer(test.ann.get(&job), &mut running).await.json()["progress"]["done"].as_u64().unwrap() == 0 {
        assert!(killed_after(1, &mut running).await.is_none());
    }
    let cancel = format!("{job}/cancel");
    let nothing = json!({});
    let cancelled = answer(test.ann.post(&cancel, &nothing), &mut running).await.assert(200).json();
    assert_eq!(cancelled["state"], "cancelled");
    let left = all_beside(&test.ann, running).await.len();
    assert!(left > 0 && left < 1_000);
    assert_eq!(test.ann.all("contact", &[("limit", "500")]).await.len(), left);
}

async fn refused_records_keep_no_other_from_being_changed(on: On) {
    let test = TestApp::start(on).await;
    seed(&test, 5).await;
    // Of many, one can have it.
    let body = json!({"filter": {"name": {"_neq": "x"}}, "fields": {"external_id": "the one"}});
    let job = ask(&test.ann, "change", &body).await;
    test.app.run_due_jobs().await.unwrap();
    let done = test.ann.get(&job).await.json();
    assert_eq!((&done["result"]["changed"], &done["result"]["failed"]), (&json!(1), &json!(4)), "{done}");
    assert_eq!(done["result"]["faults"][0]["code"], "duplicate");
    let found = test.ann.all("contact", &[("filter", r#"{"external_id":{"_eq":"the one"}}"#)]).await;
    assert_eq!(found.len(), 1);
    // A link to nothing is refused for each.
    let nowhere = json!({"filter": {}, "all": true, "fields": {"company": "01a20031-9c4a-7239-8605-04c662a595e1"}});
    let job = ask(&test.ann, "change", &nowhere).await;
    test.app.run_due_jobs().await.unwrap();
    let done = test.ann.get(&job).await.json();
    assert_eq!((&done["state"], &done["result"]["failed"]), (&json!("done"), &json!(5)), "{done}");
    assert_eq!(done["result"]["faults"][4]["code"], "unknown_record");
}

async fn more_faults_than_are_listed(on: On) {
    let test = TestApp::start(on).await;
    seed(&test, 1_001).await;
    let nowhere = json!({"filter": {}, "all": true, "fields": {"company": "01a20031-9c4a-7239-8605-04c662a595e1"}});
    let job = ask(&test.ann, "change", &nowhere).await;
    test.app.run_due_jobs().await.unwrap();
    let done = test.ann.get(&job).await.json();
    assert_eq!(done["result"]["failed"], 1_001);
    assert_eq!(done["result"]["faults"].as_array().unwrap().len(), 1_000);
}

async fn a_dry_run_counts(on: On) {
    let test = TestApp::start(on).await;
    seed(&test, 12).await;
    let dry = test.ann.with("prefer", "dry-run");
    let body = json!({"filter": {"name": {"_starts_with": "Person 1"}}, "fields": {"city": "Bern"}});
    let reply = dry.post(&format!("{CONTACT}/change"), &body).await.assert(200);
    assert_eq!(reply.header("preference-applied"), "dry-run");
    assert_eq!(reply.json(), json!({"records": 3}));
    let reply = dry.post(&format!("{CONTACT}/delete"), &json!({"filter": {}, "all": true})).await.assert(200);
    assert_eq!(reply.json(), json!({"records": 12}));
    test.app.run_due_jobs().await.unwrap();
    let all = test.ann.all("contact", &[]).await;
    assert!(all.len() == 12 && all.iter().all(|contact| contact["version"] == 1));
}

async fn what_cannot_be_asked_for(on: On) {
    let test = TestApp::start(on).await;
    let (change, delete) = (format!("{CONTACT}/change"), format!("{CONTACT}/delete"));
    let fields = json!({"city": "Bern"});
    for (path, body, field) in [
        (&delete, json!({}), "filter"),
        (&delete, json!({"filter": null, "all": true}), "filter"),
        (&delete, json!({"filter": {}}), "filter"),
        (&delete, json!({"filter": {"_and": [{}]}}), "filter"),
        (&delete, json!({"filter": {}, "all": "yes"}), "body"),
        (&delete, json!({"filter": {}, "all": true, "fields": {}}), "body"),
        (&change, json!({"fields": fields}), "filter"),
        (&change, json!({"filter": {"city": {"_eq": "x"}}}), "fields"),
        (&change, json!({"filter": {"city": {"_eq": "x"}}, "fields": {"nothing": 1}}), "fields.nothing"),
        (&change, json!({"filter": {"city": {"_eq": "x"}}, "fields": {"id": 1}}), "fields.id"),
    ] {
        let problem = test.ann.post(path, &body).await.problem(422, "validation_failed");
        assert_eq!(problem["errors"][0]["field"], field, "{body}: {problem}");
    }
    let body = json!({"filter": {"city": {"_eq": "x"}}, "fields": fields});
    test.vic.post(&change, &body).await.problem(403, "permission_denied");
    test.vic.post(&delete, &json!({"filter": {}, "all": true})).await.problem(403, "permission_denied");
    test.ann.post("/api/v1/records/nothing/delete", &json!({"filter": {}})).await.problem(404, "unknown_object");
    assert_eq!(test.ann.get("/api/v1/jobs").await.json()["data"], json!([]));
}
