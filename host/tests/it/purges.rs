//! Modules that rest, and what they kept when they are purged.

use std::collections::BTreeMap;
use std::time::Duration;

use guildhall::domain::clock::Clock;
use serde_json::{Value as Json, json};

use crate::dump::{cell, digest, holds};
use crate::loyalty::{LOYALTY, act, adds_up, buys, figures};
use crate::permissions::user;
use crate::sales::{SALES, clock_at, path, start};
use crate::support::{Actor, On, TestApp, plugin, settings};
use crate::workshop::{ACTION, WORKSHOP, enable, run, step};

both!(
    an_object_whose_module_rests_is_only_read
    what_a_module_kept_goes_with_it_and_nothing_else
    keys_secrets_and_lines_go_too
    who_may_not_purges_nothing_nor_what_others_stand_on
    projects_go_before_the_sales_that_they_stand_on
);

fn module(id: &str) -> String {
    format!("/api/v1/modules/{id}")
}

async fn switch_off(actor: &Actor, id: &str) {
    actor.put(&module(id), &json!({"enabled": false})).await.assert(200);
}

async fn an_object_whose_module_rests_is_only_read(on: On) {
    let test = start(on, Clock::system()).await;
    let ann = &test.ann;
    let [mei, may] =
        [ann.create("contact", json!({"name": "Mei"})).await, ann.create("contact", json!({"name": "May"})).await];
    let lead = ann.create("sales.lead", json!({"name": "Mei", "contact": may["id"]})).await;
    let at = path("sales.lead", &lead);
    switch_off(ann, "guildhall.sales-desk").await;
    switch_off(ann, SALES).await;
    let filter = json!({"filter": {}, "all": true});
    let change = json!({"filter": {}, "all": true, "fields": {"name": "M"}});
    let operations = json!({"mode": "atomic", "operations": [{"op": "delete", "id": lead["id"]}]});
    let refused = [
        ann.post("/api/v1/records/sales.lead", &json!({"name": "Bo"})).await,
        ann.patch(&at, &json!({"name": "M"})).await,
        ann.delete(&at).await,
        ann.post("/api/v1/records/sales.lead/change", &change).await,
        ann.post("/api/v1/records/sales.lead/delete", &filter).await,
        ann.post("/api/v1/records/sales.lead/batch", &operations).await,
        ann.upload("object=sales.lead&start=true", "text/csv", "name\nBo\n").await,
    ];
    for reply in refused {
        let problem = reply.problem(409, "module_disabled");
        assert_eq!(problem["detail"], "`sales.lead` is only read while its module is switched off");
    }
    // Who may not write is told that, and nothing else.
    test.vic.patch(&at, &json!({"name": "M"})).await.problem(403, "permission_denied");
    assert_eq!(ann.get(&at).await.assert(200).json(), lead);
    assert_eq!(ann.get("/api/v1/schema/sales.lead").await.json()["read_only"], true);
    // The core's own go on, and what links to them follows.
    let merge = json!({"into": mei["id"], "from": [may["id"]]});
    ann.post("/api/v1/records/contact/merge", &merge).await.assert(200);
    assert_eq!(ann.get(&at).await.json()["contact"], mei["id"]);
    // So does a person who is erased.
    let leaving = ann.create("contact", json!({"name": "Leo"})).await;
    enable(ann, SALES, &json!({"enabled": true})).await;
    let gone = ann.create("sales.lead", json!({"name": "Leo", "contact": leaving["id"]})).await;
    switch_off(ann, SALES).await;
    let erase = format!("{}/person/erase", path("contact", &leaving));
    ann.post(&erase, &json!({"confirm": leaving["id"]})).await.assert(202);
    test.app.run_due_jobs().await.unwrap();
    ann.get(&path("sales.lead", &gone)).await.problem(404, "not_found");
    enable(ann, SALES, &json!({"enabled": true})).await;
    assert_eq!(ann.get("/api/v1/schema/sales.lead").await.json()["read_only"], false);
    ann.patch(&at, &json!({"name": "M"})).await.assert(200);
    // A version that was revoked rests, too.
    let operator = test.operator().await;
    let revoke = format!("/api/v1/plugins/{SALES}/versions/0.1.0/revoke");
    operator.post(&revoke, &json!({"reason": "broken"})).await.assert(204);
    ann.patch(&at, &json!({"name": "N"})).await.problem(409, "module_disabled");
}

async fn what_a_module_kept_goes_with_it_and_nothing_else(on: On) {
    let clock = clock_at("2026-03-01T12:00:00Z");
    let test = TestApp::with_plugin_at(on, LOYALTY, clock.clone()).await;
    let ann = &test.ann;
    enable(&test.sam, LOYALTY, &json!({})).await;
    for (actor, word) in [(ann, "secretly"), (&test.sam, "openly")] {
        let contact = actor.create("contact", json!({"name": "Ann"})).await;
        buys(actor, &contact, "50.00", "2026-01-01").await;
        act(actor, "redeem", json!({"contact": contact["id"], "points": 5, "reason": word})).await;
    }
    assert!(holds(&test.database, "secretly").await);
    let before = digest(&test.database).await;
    ann.delete(&module(LOYALTY)).await.problem(409, "refused");
    switch_off(ann, LOYALTY).await;
    let keyed = ann.with("idempotency-key", "once");
    let job = keyed.delete(&module(LOYALTY)).await.assert(202);
    assert_eq!(job.header("location"), format!("/api/v1/jobs/{}", job.json()["id"].as_str().unwrap()));
    // It is gone at once; the same request is answered the same.
    assert_eq!(keyed.delete(&module(LOYALTY)).await.assert(202).json(), job.json());
    ann.delete(&module(LOYALTY)).await.problem(404, "not_found");
    ann.get("/api/v1/records/loyalty.member").await.problem(404, "unknown_object");
    ann.get("/api/v1/schema/loyalty.entry").await.problem(404, "unknown_object");
    for wish in [json!({"consent": ["*"]}), json!({"consent": ["*"], "version": "0.1.0"})] {
        let again = ann.put(&module(LOYALTY), &wish).await.problem(409, "refused");
        assert!(again["detail"].as_str().unwrap().contains("is being removed"), "{again}");
    }
    clock.advance(Duration::from_secs(3));
    test.app.run_due_jobs().await.unwrap();
    let done = ann.get(job.header("location")).await.assert(200).json();
    assert_eq!((&done["state"], &done["kind"]), (&json!("done"), &json!("purge_module")), "{done}");
    let records = &done["result"]["records"];
    assert_eq!((&records["loyalty.member"], &records["loyalty.entry"]), (&json!(1), &json!(2)));
    assert!(!holds(&test.database, "secretly").await);
    // What belongs to the core, and all that is another tenant's, is as it was.
    assert_eq!((ann.all("contact", &[]).await.len(), ann.all("order", &[]).await.len()), (1, 1));
    let after = digest(&test.database).await;
    let sam = test.sam.get("/api/v1/me").await.assert(200).json()["tenant"].as_str().unwrap().to_owned();
    let sam = sam.replace('-', "");
    let of_sam = |digest: &BTreeMap<(String, String), u64>| {
        let is_kept = |table: &str| table.starts_with("o_") || ["kv", "event", "module"].contains(&table);
        let all = digest.iter().filter(|((table, tenant), _)| is_kept(table) && tenant.replace('-', "") == sam);
        all.map(|(key, sum)| (key.clone(), *sum)).collect::<Vec<_>>()
    };
    assert!(!of_sam(&before).is_empty());
    assert_eq!(of_sam(&before), of_sam(&after));
    adds_up(&test.sam).await;
    // Enabled again it begins anew.
    enable(ann, LOYALTY, &json!({})).await;
    assert!(ann.all("loyalty.entry", &[]).await.is_empty());
    let contact = ann.create("contact", json!({"name": "Bo"})).await;
    buys(ann, &contact, "20.00", "2026-01-01").await;
    assert_eq!(figures(ann, &contact, &["points"]).await, [20]);
    let trail = ann.get("/api/v1/audit?object=%23modules").await.assert(200).json();
    let purged = trail["data"].as_array().unwrap().iter().filter(|entry| entry["fields"] == json!([LOYALTY, "purged"]));
    assert_eq!(purged.count(), 1, "{trail}");
}

async fn keys_secrets_and_lines_go_too(on: On) {
    let clock = clock_at("2026-03-01T12:00:00Z");
    let test = crate::workshop::start_at(on, clock.clone()).await;
    let ann = &test.ann;
    enable(ann, WORKSHOP, &json!({"secrets": {"API_KEY": "k"}})).await;
    let own = json!({"name": "x_level", "label": "Level", "type": "text"});
    ann.post("/api/v1/schema/workshop.note/fields", &own).await.assert(201);
    let all: Json = (0..600).map(|at| json!({"do": "kv_set", "key": format!("key {at}"), "value": "kept"})).collect();
    for steps in all.as_array().unwrap().chunks(50) {
        run(ann, json!(steps)).await;
    }
    ann.post(ACTION, &json!({"steps": [{"do": "trap"}]})).await.problem(422, "plugin_trap");
    let failures = format!("{}/failures", module(WORKSHOP));
    assert_eq!(ann.get(&failures).await.json()["data"].as_array().unwrap().len(), 1);
    switch_off(ann, WORKSHOP).await;
    let counts = async || {
        let mut left = Vec::new();
        for table in ["kv", "kv_use", "module_secret", "module_schedule", "module_cursor", "o_workshop__note"] {
            left.push(cell(&test, &format!("select cast(count(*) as text) from {table}")).await);
        }
        left
    };
    // Its tasks and its place among the events went when it was switched off.
    assert_eq!(counts().await, ["600", "1", "1", "0", "0", "2"]);
    ann.delete(&module(WORKSHOP)).await.assert(202);
    clock.advance(Duration::from_secs(3));
    test.app.run_due_jobs().await.unwrap();
    assert_eq!(counts().await, ["0"; 6]);
    enable(ann, WORKSHOP, &json!({})).await;
    // A field of the tenant's own is there again, with nothing in it.
    assert_eq!(ann.all("workshop.note", &[]).await[0]["x_level"], Json::Null);
    assert_eq!(step(ann, json!({"do": "kv_get", "key": "key 1"})).await, json!({"ok": null}));
    assert_eq!(ann.get(&failures).await.assert(200).json()["data"], json!([]));
    assert_eq!(ann.get(&format!("{}/logs", module(WORKSHOP))).await.assert(200).json()["data"], json!([]));
}

async fn who_may_not_purges_nothing_nor_what_others_stand_on(on: On) {
    let test = TestApp::start_with(on, Clock::system(), settings()).await;
    let ann = &test.ann;
    for id in [SALES, "guildhall.b2b-projects"] {
        test.app.install_plugin(&plugin(id)).await.unwrap();
        enable(ann, id, &json!({})).await;
    }
    let link = json!({"name": "x.visit", "label": "Visit", "plural": "Visits", "fields": [
        {"name": "x_deal", "label": "Deal", "type": "link", "to": "sales.deal"}
    ]});
    switch_off(ann, "guildhall.b2b-projects").await;
    switch_off(ann, SALES).await;
    let rules = json!([{"objects": ["#modules"], "actions": ["read", "configure"]}]);
    ann.post("/api/v1/roles", &json!({"name": "fitter", "label": "Fitter", "rules": rules})).await.assert(201);
    for role in ["fitter", "manager", "viewer"] {
        let actor = user(ann, role, json!([role])).await.at;
        actor.delete(&module(SALES)).await.problem(403, "permission_denied");
    }
    test.anon.delete(&module(SALES)).await.problem(401, "unauthenticated");
    test.sam.delete(&module(SALES)).await.problem(404, "not_found");
    // Projects link to deals, even while they rest.
    let problem = ann.delete(&module(SALES)).await.problem(409, "refused");
    assert!(problem["detail"].as_str().unwrap().contains("b2b."), "{problem}");
    ann.delete(&module("guildhall.b2b-projects")).await.assert(202);
    ann.post("/api/v1/schema", &link).await.assert(201);
    let problem = ann.delete(&module(SALES)).await.problem(409, "refused");
    assert!(problem["detail"].as_str().unwrap().contains("x.visit"), "{problem}");
    let all = ann.get("/api/v1/modules").await.assert(200).json();
    assert_eq!(all["data"].as_array().unwrap().len(), 1, "{all}");
}

async fn projects_go_before_the_sales_that_they_stand_on(on: On) {
    let clock = clock_at("2026-03-01T12:00:00Z");
    let test = crate::b2b::start(on, clock.clone()).await;
    let ann = &test.ann;
    let company = ann.create("company", json!({"name": "Acme"})).await;
    let deal = ann.create("sales.deal", json!({"name": "Works", "company": company["id"]})).await;
    let fields = json!({"name": "Works", "company": company["id"], "deals": [deal["id"]], "starts_on": "2026-01-05"});
    let engagement = ann.create("b2b.engagement", fields).await;
    ann.create("b2b.task", json!({"engagement": engagement["id"], "name": "Dig", "duration_days": 2})).await;
    let modules = [crate::b2b::DESK, crate::b2b::PROJECTS, SALES];
    for id in modules {
        switch_off(ann, id).await;
    }
    for (id, left) in modules.into_iter().zip([2, 1, 0]) {
        ann.delete(&module(id)).await.assert(202);
        assert_eq!(ann.get("/api/v1/modules").await.json()["data"].as_array().unwrap().len(), left);
    }
    clock.advance(Duration::from_secs(3));
    test.app.run_due_jobs().await.unwrap();
    for table in ["o_b2b__engagement", "o_b2b__task", "o_sales__deal", "o_sales__stage", "module"] {
        assert_eq!(cell(&test, &format!("select cast(count(*) as text) from {table}")).await, "0", "{table}");
    }
    assert_eq!(ann.all("company", &[]).await.len(), 1);
    for id in [SALES, crate::b2b::PROJECTS] {
        enable(ann, id, &json!({})).await;
    }
    assert_eq!(ann.all("sales.stage", &[]).await.len(), 5);
    ann.create("b2b.engagement", json!({"name": "Anew", "company": company["id"]})).await;
}
