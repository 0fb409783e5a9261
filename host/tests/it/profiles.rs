//! Profiles: a record and what is around it.

use serde_json::{Value as Json, json};

use crate::support::{Actor, On, TestApp};

both!(
    a_profile_has_everything_around_a_record
    lists_of_a_profile_are_short_and_counted
    a_profile_is_bounded
    nobody_elses_profile_is_there
);

const LOYALTY: &str = "guildhall.retail-loyalty";

async fn profile(actor: &Actor, object: &str, record: &Json) -> Json {
    actor.get(&path(object, record)).await.assert(200).json()
}

fn path(object: &str, record: &Json) -> String {
    format!("/api/v1/records/{object}/{}/profile", record["id"].as_str().unwrap())
}

fn order(contact: &Json) -> Json {
    json!({"contact": contact["id"], "placed_at": "2026-01-01", "total": {"amount": "5.00", "currency": "EUR"}})
}

async fn a_profile_has_everything_around_a_record(on: On) {
    let TestApp { ann, vic, .. } = TestApp::with_plugin(on, LOYALTY).await;
    let company = ann.create("company", json!({"name": "Shop"})).await;
    let one = ann.create("tag", json!({"name": "vip"})).await;
    let two = ann.create("tag", json!({"name": "new"})).await;
    let tags = json!([two["id"], one["id"]]);
    let contact = json!({"name": "Cid", "company": company["id"], "tags": tags});
    let contact = ann.create("contact", contact).await;
    let first = ann.create("order", order(&contact)).await;
    let second = ann.create("order", order(&contact)).await;
    let task = ann.create("task", json!({"title": "Call", "contact": contact["id"]})).await;
    let call = json!({"kind": "call", "happened_at": "2026-01-01", "contact": contact["id"]});
    let call = ann.create("activity", call).await;
    let other = ann.create("contact", json!({"name": "Dan"})).await;
    ann.create("order", order(&other)).await;

    for actor in [&ann, &vic] {
        let seen = profile(actor, "contact", &contact).await;
        assert_eq!((&seen["record"]["name"], &seen["record"]["expanded"]["company"]), (&json!("Cid"), &company));
        assert_eq!(seen["many"], json!({"tags": [two, one]}));
        assert_eq!(seen["left_out"], json!([]));
        let lists = &seen["lists"];
        let names: Vec<&String> = lists.as_object().unwrap().keys().collect();
        let of_modules = ["loyalty.card", "loyalty.member", "loyalty.referral"];
        let all = [&["activities", "conversations", "identities"][..], &of_modules, &["messages", "orders", "tasks"]];
        assert_eq!(names, all.concat());
        assert_eq!(lists["orders"]["data"], json!([second, first]));
        assert_eq!((&lists["tasks"]["data"], &lists["activities"]["data"]), (&json!([task]), &json!([call])));
        assert_eq!((&lists["messages"]["data"], &lists["messages"]["total"]), (&json!([]), &json!(0)));
        let member = &lists["loyalty.member"];
        assert_eq!(
            (&member["object"], &member["total"], &member["more"]),
            (&json!("loyalty.member"), &json!(1), &json!(false))
        );
        assert_eq!(member["data"][0]["points"], 10);
        for (name, list) in lists.as_object().unwrap() {
            let whole = actor.get(list["path"].as_str().unwrap()).await.assert(200).json();
            assert_eq!(whole["data"].as_array().unwrap().len(), list["total"], "{name}");
        }
        let member = profile(actor, "loyalty.member", &member["data"][0]).await;
        assert_eq!(member["lists"]["loyalty.entry"]["total"], 2);
        assert_eq!(member["record"]["expanded"]["contact"]["name"], "Cid");
        let company = profile(actor, "company", &company).await;
        assert_eq!(company["lists"]["contacts"]["data"], json!([contact]));
    }
    // A link to one of several objects is followed, too.
    let file = json!({"name": "Scan", "about": {"object": "contact", "id": contact["id"]}});
    let file = ann.create("file", file).await;
    assert_eq!(profile(&vic, "file", &file).await["record"]["expanded"]["about"]["name"], "Cid");
    // The name of an unnamed link works in filters, too.
    let members = json!({"loyalty.member": {"_some": {"points": {"_gt": 0}}}}).to_string();
    let found = ann.all("contact", &[("filter", members.as_str()), ("sort", "name")]).await;
    assert_eq!(found.iter().map(|contact| &contact["name"]).collect::<Vec<_>>(), ["Cid", "Dan"]);
}

async fn lists_of_a_profile_are_short_and_counted(on: On) {
    let TestApp { ann, .. } = TestApp::start(on).await;
    let contact = ann.create("contact", json!({"name": "Cid"})).await;
    let task = |at: usize| json!({"op": "create", "fields": {"title": format!("{at}"), "contact": contact["id"]}});
    let batch = async |from: usize, to: usize| {
        let operations: Vec<Json> = (from..to).map(task).collect();
        let body = json!({"mode": "atomic", "operations": operations});
        ann.post("/api/v1/records/task/batch", &body).await.assert(200);
        profile(&ann, "contact", &contact).await["lists"]["tasks"].clone()
    };
    for (from, to, total, more) in
        [(0, 10, json!(10), false), (10, 11, json!(11), true), (11, 1_000, json!(1_000), true)]
    {
        let list = batch(from, to).await;
        assert_eq!((&list["total"], &list["more"]), (&total, &json!(more)));
        assert_eq!(list["data"].as_array().unwrap().len(), 10);
        assert_eq!(list["data"][0]["title"], (to - 1).to_string());
    }
    assert_eq!(batch(1_000, 1_001).await["total"], json!(null));
}

async fn a_profile_is_bounded(on: On) {
    let TestApp { ann, .. } = TestApp::start(on).await;
    let tag = ann.create("tag", json!({"name": "vip"})).await;
    let link =
        |at: usize, kind: &str| json!({"name": format!("x_{kind}{at:02}"), "label": "L", "type": kind, "to": "tag"});
    let links = (0..21).map(|at| link(at, "link")).chain((0..11).map(|at| link(at, "link_many")));
    let links: Vec<Json> = links.collect();
    let thing = json!({"name": "x.thing", "label": "T", "plural": "T", "fields": links});
    ann.post("/api/v1/schema", &thing).await.assert(201);
    let value = |link: &Json| if link["type"] == "link" { tag["id"].clone() } else { json!([tag["id"]]) };
    let fields: serde_json::Map<_, _> =
        links.iter().map(|link| (link["name"].as_str().unwrap().to_owned(), value(link))).collect();
    let thing = ann.create("x.thing", Json::Object(fields)).await;
    let seen = profile(&ann, "x.thing", &thing).await;
    assert_eq!(seen["record"]["expanded"].as_object().unwrap().len(), 20);
    assert_eq!(seen["many"].as_object().unwrap().len(), 10);
    assert_eq!(seen["left_out"], json!(["x_link20", "x_link_many10"]));
    // Own links take the four indexed places for text; those that no index serves make no lists.
    assert_eq!(profile(&ann, "tag", &tag).await["lists"].as_object().unwrap().len(), 4);
    for at in 0..31 {
        let link = json!({"name": "x_tag", "label": "L", "type": "link", "to": "tag", "indexed": true});
        let other = json!({"name": format!("x.other{at:02}"), "label": "O", "plural": "O", "fields": [link]});
        ann.post("/api/v1/schema", &other).await.assert(201);
    }
    let seen = profile(&ann, "tag", &tag).await;
    assert_eq!(seen["lists"].as_object().unwrap().len(), 30);
    assert_eq!(seen["left_out"].as_array().unwrap().len(), 5);
    assert_eq!(seen["left_out"][0], "x.other30");
}

async fn nobody_elses_profile_is_there(on: On) {
    let TestApp { ann, sam, anon, .. } = TestApp::start(on).await;
    let contact = ann.create("contact", json!({"name": "Cid"})).await;
    let path = path("contact", &contact);
    sam.get(&path).await.problem(404, "not_found");
    anon.get(&path).await.problem(401, "unauthenticated");
    ann.get(&format!("{path}?fields=name")).await.problem(400, "unknown_parameter");
    ann.get("/api/v1/records/contact/7/profile").await.problem(404, "not_found");
    ann.get("/api/v1/records/nothing/7/profile").await.problem(404, "not_found");
}
