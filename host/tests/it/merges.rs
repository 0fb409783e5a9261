//! Merging records, and taking it back.

use serde_json::{Value as Json, json};

use crate::support::{Actor, On, TestApp};

both!(
    records_become_one_and_links_follow
    a_merge_can_be_taken_back
    what_others_changed_since_stays
    merges_that_make_no_sense_are_refused
    points_follow_the_orders
    values_of_the_merged_pass_on
    a_restored_record_is_its_own_again
);

const MERGE: &str = "/api/v1/records/contact/merge";
const UNMERGE: &str = "/api/v1/records/contact/unmerge";

fn path(object: &str, record: &Json) -> String {
    format!("/api/v1/records/{object}/{}", record["id"].as_str().unwrap())
}

async fn order(ann: &Actor, contact: &Json) -> Json {
    let total = json!({"amount": "10.00", "currency": "USD"});
    ann.create("order", json!({"contact": contact["id"], "placed_at": "2026-01-01", "total": total})).await
}

async fn records_become_one_and_links_follow(on: On) {
    let TestApp { ann, .. } = TestApp::start(on).await;
    let winner = ann.create("contact", json!({"name": "Ann", "city": "Bern"})).await;
    let second = ann.create("contact", json!({"name": "Anna", "email": "ann@x.com", "city": "Basel"})).await;
    let third = ann.create("contact", json!({"name": "A.", "email": "a@x.com", "phone": "+49301234567"})).await;
    let order = order(&ann, &second).await;
    let body = json!({
        "into": winner["id"], "from": [second["id"], third["id"]],
        "fields": {"name": {"from": second["id"]}, "note": "One person"},
    });
    let merged = ann.post(MERGE, &body).await.assert(200).json();
    assert_eq!((&merged["moved"], &merged["not_moved"]), (&json!(1), &json!([])));
    let left = ann.get(&path("contact", &winner)).await.assert(200).json();
    assert_eq!(merged["record"], left);
    let facts = ["name", "city", "email", "phone", "note"].map(|name| left[name].as_str().unwrap());
    assert_eq!(facts, ["Anna", "Bern", "ann@x.com", "+49301234567", "One person"]);
    assert_eq!(ann.get(&path("order", &order)).await.json()["contact"], winner["id"]);
    for gone in [&second, &third] {
        let problem = ann.get(&path("contact", gone)).await.problem(404, "not_found");
        assert_eq!(problem["merged_into"], winner["id"]);
    }
    // A chain of merges leads to its end.
    let last = ann.create("contact", json!({"name": "Last"})).await;
    ann.post(MERGE, &json!({"into": last["id"], "from": [winner["id"]]})).await.assert(200);
    assert_eq!(ann.get(&path("contact", &second)).await.problem(404, "not_found")["merged_into"], last["id"]);
}

async fn a_merge_can_be_taken_back(on: On) {
    let TestApp { ann, .. } = TestApp::start(on).await;
    let winner = ann.create("contact", json!({"name": "Ann"})).await;
    let loser = ann.create("contact", json!({"name": "Anna", "email": "ann@x.com", "birthday": "1990-01-01"})).await;
    let orders = [order(&ann, &loser).await, order(&ann, &winner).await];
    let merge = ann.post(MERGE, &json!({"into": winner["id"], "from": [loser["id"]]})).await.assert(200).json();
    let back = ann.post(UNMERGE, &json!({"merge": merge["merge"]})).await.assert(200).json();
    assert_eq!(
        (&back["restored"], &back["moved"], &back["not_put_back"]),
        (&json!([loser["id"]]), &json!(1), &json!([]))
    );
    let same = |mut now: Json, before: &Json| {
        for name in ["version", "updated_at"] {
            now[name] = before[name].clone();
        }
        assert_eq!(&now, before);
    };
    same(ann.get(&path("contact", &winner)).await.assert(200).json(), &winner);
    same(ann.get(&path("contact", &loser)).await.assert(200).json(), &loser);
    for order in &orders {
        same(ann.get(&path("order", order)).await.assert(200).json(), order);
    }
    ann.post(UNMERGE, &json!({"merge": merge["merge"]})).await.problem(409, "refused");
    ann.post(UNMERGE, &json!({"merge": loser["id"]})).await.problem(404, "not_found");
}

async fn what_others_changed_since_stays(on: On) {
    let TestApp { ann, .. } = TestApp::start(on).await;
    let winner = ann.create("contact", json!({"name": "Ann"})).await;
    let loser = ann.create("contact", json!({"name": "Anna", "email": "ann@x.com", "city": "Bern"})).await;
    let order = order(&ann, &loser).await;
    let merge = ann.post(MERGE, &json!({"into": winner["id"], "from": [loser["id"]]})).await.assert(200).json();
    ann.patch(&path("contact", &winner), &json!({"city": "Basel", "email": "new@x.com"})).await.assert(200);
    ann.patch(&path("order", &order), &json!({"contact": null})).await.assert(200);
    ann.create("contact", json!({"name": "Other", "email": "ann@x.com"})).await;
    let back = ann.post(UNMERGE, &json!({"merge": merge["merge"]})).await.assert(200).json();
    let left: Vec<(&Json, &Json, &Json)> = back["not_put_back"]
        .as_array()
        .unwrap()
        .iter()
        .map(|left| (&left["id"], &left["field"], &left["reason"]))
        .collect();
    let (since, taken) = (json!("changed_since"), json!("taken"));
    let expected = [
        (&winner["id"], &json!("email"), &since),
        (&winner["id"], &json!("city"), &since),
        (&loser["id"], &json!("email"), &taken),
        (&order["id"], &json!("contact"), &since),
    ];
    assert_eq!(left, expected);
    assert_eq!(ann.get(&path("contact", &loser)).await.assert(200).json()["email"], json!(null));
    assert_eq!(ann.get(&path("contact", &winner)).await.json()["city"], "Basel");
}

async fn merges_that_make_no_sense_are_refused(on: On) {
    let TestApp { ann, sam, vic, .. } = TestApp::start(on).await;
    let contact = ann.create("contact", json!({"name": "Ann"})).await;
    let other = ann.create("contact", json!({"name": "Anna"})).await;
    let gone = ann.create("contact", json!({"name": "Gone"})).await;
    ann.delete(&path("contact", &gone)).await.assert(204);
    let company = ann.create("company", json!({"name": "Company"})).await;
    let stranger = sam.create("contact", json!({"name": "Sam"})).await;
    let (own, code) = (&contact["id"], "unknown_record");
    for (from, field, code) in [
        (json!([own]), "from[0]", "same_record"),
        (json!([other["id"], other["id"]]), "from[1]", "same_record"),
        (json!([gone["id"]]), "from[0]", code),
        (json!([company["id"]]), "from[0]", code),
        (json!([stranger["id"]]), "from[0]", code),
        (json!([]), "from", "out_of_range"),
        (json!(vec![other["id"].clone(); 101]), "from", "out_of_range"),
        (json!(["x"]), "from", "wrong_type"),
    ] {
        let problem = ann.post(MERGE, &json!({"into": own, "from": from})).await.problem(422, "validation_failed");
        assert_eq!((&problem["errors"][0]["field"], &problem["errors"][0]["code"]), (&json!(field), &json!(code)));
    }
    ann.post(MERGE, &json!({"into": gone["id"], "from": [own]})).await.problem(422, "validation_failed");
    for fields in
        [json!({"name": {"from": gone["id"]}}), json!({"nothing": 1}), json!({"name": null}), json!({"version": 7})]
    {
        let body = json!({"into": own, "from": [other["id"]], "fields": fields});
        ann.post(MERGE, &body).await.problem(422, "validation_failed");
    }
    vic.post(MERGE, &json!({"into": own, "from": [other["id"]]})).await.problem(403, "permission_denied");
    let once = ann.post(MERGE, &json!({"into": own, "from": [other["id"]]})).await.assert(200).json();
    // Twice the same: it is a part of the other already.
    let problem = ann.post(MERGE, &json!({"into": own, "from": [other["id"]]})).await.problem(422, "validation_failed");
    assert!(problem["errors"][0]["message"].as_str().unwrap().contains("merged"), "{problem}");
    sam.post(UNMERGE, &json!({"merge": once["merge"]})).await.problem(404, "not_found");
}

async fn points_follow_the_orders(on: On) {
    let TestApp { ann, .. } = TestApp::with_plugin(on, "guildhall.retail-loyalty").await;
    let winner = ann.create("contact", json!({"name": "Ann"})).await;
    let loser = ann.create("contact", json!({"name": "Anna"})).await;
    for contact in [&winner, &loser, &loser] {
        order(&ann, contact).await;
    }
    let points = async || {
        let members = ann.all("loyalty.member", &[]).await;
        let of = |contact: &Json| members.iter().find(|m| m["contact"] == contact["id"]).map(|m| m["points"].clone());
        (of(&winner), of(&loser))
    };
    assert_eq!(points().await, (Some(json!(10)), Some(json!(20))));
    let merge = ann.post(MERGE, &json!({"into": winner["id"], "from": [loser["id"]]})).await.assert(200).json();
    // One contact has one member: that of the other stays with the contact that is gone, empty.
    assert_eq!(merge["not_moved"][0]["object"], "loyalty.member");
    assert_eq!(points().await, (Some(json!(30)), Some(json!(0))));
    ann.post(UNMERGE, &json!({"merge": merge["merge"]})).await.assert(200);
    assert_eq!(points().await, (Some(json!(10)), Some(json!(20))));

    // A member whose place is free moves as it is.
    let third = ann.create("contact", json!({"name": "Third"})).await;
    ann.post(MERGE, &json!({"into": third["id"], "from": [loser["id"]]})).await.assert(200);
    let members = ann.all("loyalty.member", &[]).await;
    assert_eq!(members.iter().find(|member| member["contact"] == third["id"]).unwrap()["points"], 20);
}

async fn values_of_the_merged_pass_on(on: On) {
    let TestApp { ann, .. } = TestApp::start(on).await;
    let top = ann.create("company", json!({"name": "Top", "external_id": "1"})).await;
    let inner = ann.create("company", json!({"name": "Inner", "parent": top["id"], "external_id": "2"})).await;
    let leaf = ann.create("company", json!({"name": "Leaf", "parent": inner["id"]})).await;
    let merge = "/api/v1/records/company/merge";
    let body = json!({"into": inner["id"], "from": [top["id"]], "fields": {"external_id": {"from": top["id"]}}});
    let merged = ann.post(merge, &body).await.assert(200).json();
    // It would be its own parent.
    assert_eq!((&merged["record"]["parent"], &merged["record"]["external_id"]), (&json!(null), &json!("1")));
    assert_eq!(ann.get(&path("company", &leaf)).await.json()["parent"], inner["id"]);
    let back = ann.post("/api/v1/records/company/unmerge", &json!({"merge": merged["merge"]})).await.assert(200).json();
    assert_eq!((&back["record"]["parent"], &back["record"]["external_id"]), (&top["id"], &json!("2")));
    assert_eq!(ann.get(&path("company", &top)).await.assert(200).json()["external_id"], "1");
}

async fn a_restored_record_is_its_own_again(on: On) {
    let TestApp { ann, .. } = TestApp::start(on).await;
    let a = ann.create("contact", json!({"name": "A"})).await;
    let b = ann.create("contact", json!({"name": "B"})).await;
    ann.post(MERGE, &json!({"into": b["id"], "from": [a["id"]]})).await.assert(200);
    ann.post(&format!("{}/restore", path("contact", &a)), &json!({})).await.assert(200);
    // The other way round now: no ring.
    ann.post(MERGE, &json!({"into": a["id"], "from": [b["id"]]})).await.assert(200);
    assert_eq!(ann.get(&path("contact", &b)).await.problem(404, "not_found")["merged_into"], a["id"]);
    ann.get(&path("contact", &a)).await.assert(200);
}
