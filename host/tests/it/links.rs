//! Links: filters that go through them, what they lead to, and what they put beside a record.

use serde_json::{Value as Json, json};

use crate::search::execute;
use crate::support::{Actor, On, TestApp};

both!(
    filters_go_through_links
    a_link_that_leads_nowhere_meets_nothing
    a_list_of_what_a_link_leads_to
    fields_are_those_that_were_asked_for
    linked_records_come_beside
    a_list_is_counted_when_asked
    another_tenants_records_are_beyond_every_link
);

/// A group with a member, people of both, and orders of people.
struct Shop {
    group: Json,
    member: Json,
    ann: Json,
    bob: Json,
}

async fn shop(actor: &Actor) -> Shop {
    let group = actor.create("company", json!({"name": "Group"})).await;
    let member = actor.create("company", json!({"name": "Member", "parent": group["id"]})).await;
    let ann = actor.create("contact", json!({"name": "Ann", "company": member["id"], "city": "Bern"})).await;
    let bob = actor.create("contact", json!({"name": "Bob", "company": group["id"]})).await;
    actor.create("contact", json!({"name": "Cid"})).await;
    for (contact, amount, day) in [(&ann, "50.00", "02"), (&ann, "1500.00", "03"), (&bob, "20.00", "04")] {
        let total = json!({"amount": amount, "currency": "EUR"});
        let placed = format!("2026-01-{day}T10:00:00Z");
        actor.create("order", json!({"contact": contact["id"], "placed_at": placed, "total": total})).await;
    }
    Shop { group, member, ann, bob }
}

async fn names(actor: &Actor, object: &str, filter: Json) -> Vec<String> {
    let found = actor.all(object, &[("filter", filter.to_string().as_str()), ("sort", "name")]).await;
    found.iter().map(|record| record["name"].as_str().unwrap().to_owned()).collect()
}

async fn filters_go_through_links(on: On) {
    let TestApp { ann: actor, .. } = TestApp::start(on).await;
    let shop = shop(&actor).await;
    let big = json!({"total": {"_gte": {"amount": "1000.00", "currency": "EUR"}}});
    for (object, filter, found) in [
        ("contact", json!({"company": {"name": {"_eq": "Member"}}}), vec!["Ann"]),
        ("contact", json!({"company": {"parent": {"name": {"_in": ["Group"]}}}}), vec!["Ann"]),
        ("contact", json!({"company": {"_null": false, "parent": {"_null": true}}}), vec!["Bob"]),
        ("contact", json!({"company": {"_or": [{"name": {"_eq": "x"}}, {"name": {"_eq": "Group"}}]}}), vec!["Bob"]),
        ("contact", json!({"company": {"_not": {"name": {"_eq": "Group"}}}}), vec!["Ann"]),
        ("contact", json!({"_not": {"company": {"name": {"_eq": "Group"}}}}), vec!["Ann", "Cid"]),
        ("contact", json!({"company": {"id": {"_eq": shop.group["id"]}}}), vec!["Bob"]),
        ("contact", json!({"orders": {"_some": big}}), vec!["Ann"]),
        ("contact", json!({"orders": {"_none": big}}), vec!["Bob", "Cid"]),
        ("contact", json!({"orders": {"_every": big}}), vec!["Cid"]),
        ("contact", json!({"orders": {"_some": {}, "_none": big}}), vec!["Bob"]),
        ("company", json!({"contacts": {"_some": {"orders": {"_some": big}}}}), vec!["Member"]),
        (
            "company",
            json!({"subsidiaries": {"_some": {"contacts": {"_some": {"city": {"_eq": "Bern"}}}}}}),
            vec!["Group"],
        ),
    ] {
        assert_eq!(names(&actor, object, filter.clone()).await, found, "{filter}");
    }
    // The short form goes through links too.
    for (query, found) in [
        ("filter[company][name][_eq]=Member", "Ann"),
        ("filter[orders][_some][quantity][_null]=true&filter[company][version][_eq]=1&filter[city][_null]=true", "Bob"),
    ] {
        let page = actor.get(&format!("/api/v1/records/contact?{query}")).await.assert(200).json();
        assert_eq!(page["data"][0]["name"], found, "{query}");
        assert_eq!(page["data"].as_array().unwrap().len(), 1, "{query}");
    }
}

async fn a_link_that_leads_nowhere_meets_nothing(on: On) {
    let TestApp { ann: actor, .. } = TestApp::start(on).await;
    let shop = shop(&actor).await;
    actor.delete(&format!("/api/v1/records/company/{}", shop.member["id"].as_str().unwrap())).await.assert(204);
    let is_member = json!({"company": {"name": {"_eq": "Member"}}});
    assert!(names(&actor, "contact", is_member.clone()).await.is_empty());
    assert_eq!(names(&actor, "contact", json!({"_not": is_member})).await, ["Ann", "Bob", "Cid"]);
    assert!(names(&actor, "contact", json!({"company": {"_not": {"name": {"_eq": "Group"}}}})).await.is_empty());
}

async fn a_list_of_what_a_link_leads_to(on: On) {
    let TestApp { ann: actor, sam, .. } = TestApp::start(on).await;
    let shop = shop(&actor).await;
    let path = format!("/api/v1/records/contact/{}/links", shop.ann["id"].as_str().unwrap());
    let page = actor.get(&format!("{path}/orders?sort=-placed_at&limit=1&count=exact")).await.assert(200).json();
    assert_eq!((&page["total"], &page["data"][0]["total"]["amount"]), (&json!(2), &json!("1500.00")));
    let cursor = page["next_cursor"].as_str().unwrap();
    let next = format!("{path}/orders?sort=-placed_at&limit=1&cursor={cursor}");
    let next = actor.get(&next).await.assert(200).json();
    assert_eq!((&next["next_cursor"], &next["data"][0]["total"]["amount"]), (&json!(null), &json!("50.00")));
    let one = actor.get(&format!("{path}/company?expand=parent&fields=name")).await.assert(200).json();
    assert_eq!(one["data"][0]["expanded"]["parent"]["name"], "Group");
    let filtered = actor.get(&format!("{path}/orders?filter[total][_null]=true")).await.assert(200).json();
    assert_eq!(filtered["data"], json!([]));
    // The cursor belongs to this very list.
    let bob = format!("/api/v1/records/contact/{}/links", shop.bob["id"].as_str().unwrap());
    actor.get(&format!("{bob}/orders?sort=-placed_at&limit=1&cursor={cursor}")).await.problem(422, "validation_failed");
    let cid = actor.all("contact", &[("filter", r#"{"name":{"_eq":"Cid"}}"#)]).await;
    let empty = format!("/api/v1/records/contact/{}/links/company", cid[0]["id"].as_str().unwrap());
    assert_eq!(actor.get(&empty).await.assert(200).json()["data"], json!([]));
    actor.get(&format!("{path}/name")).await.problem(404, "not_found");
    actor.get(&format!("{path}/nothing")).await.problem(404, "not_found");
    sam.get(&format!("{path}/orders")).await.problem(404, "not_found");
}

async fn fields_are_those_that_were_asked_for(on: On) {
    let TestApp { ann: actor, .. } = TestApp::start(on).await;
    let shop = shop(&actor).await;
    let expected = json!({"id": shop.ann["id"], "version": 1, "name": "Ann", "city": "Bern"});
    let id = shop.ann["id"].as_str().unwrap();
    let path = format!("/api/v1/records/contact/{id}?fields=city,name,id");
    assert_eq!(actor.get(&path).await.assert(200).json(), expected);
    // A page goes on by fields that are not shown.
    let pages = actor.all("contact", &[("fields", "name,city"), ("sort", "-created_at,company"), ("limit", "1")]).await;
    assert_eq!(pages.len(), 3);
    assert!(pages.contains(&expected), "{pages:?}");
    let body = json!({"fields": ["name", "city"], "filter": {"id": {"_eq": id}}});
    let page = actor.post("/api/v1/records/contact/search", &body).await.assert(200).json();
    assert_eq!(page["data"], json!([expected]));
    let times = actor.get(&format!("/api/v1/records/contact/{id}?fields=created_at")).await.assert(200).json();
    assert_eq!(times, json!({"id": id, "version": 1, "created_at": shop.ann["created_at"]}));
    let bare = actor.get(&format!("/api/v1/records/contact/{id}?fields=")).await.assert(200).json();
    assert_eq!(bare, json!({"id": id, "version": 1}));
    for path in [format!("contact/{id}?fields=nmae"), "contact?fields=name,nmae".to_owned()] {
        let problem = actor.get(&format!("/api/v1/records/{path}")).await.problem(422, "validation_failed");
        assert_eq!(problem["errors"][0]["code"], "unknown_field");
    }
}

async fn linked_records_come_beside(on: On) {
    let TestApp { ann: actor, .. } = TestApp::start(on).await;
    let shop = shop(&actor).await;
    let query = [("expand", "company,company.parent"), ("sort", "name"), ("fields", "name")];
    let all = actor.all("contact", &query).await;
    assert_eq!(all[0]["expanded"]["company"]["expanded"]["parent"], shop.group);
    assert_eq!(all[0]["name"], "Ann");
    assert_eq!(all[1]["expanded"]["company"]["expanded"]["parent"], json!(null));
    assert_eq!(all[2]["expanded"]["company"], json!(null));
    let path = format!("/api/v1/records/contact/{}?expand=company", shop.bob["id"].as_str().unwrap());
    let one = actor.get(&path).await.assert(200).json();
    assert_eq!((&one["company"], &one["expanded"]["company"]), (&shop.group["id"], &shop.group));
    for (expand, code) in [
        ("name", "unknown_field"),
        ("orders", "unknown_field"),
        ("company.parent.parent.parent", "out_of_range"),
        ("company.parent.parent.parent.parent.parent.parent.parent.parent", "out_of_range"),
        ("company.nothing", "unknown_field"),
    ] {
        let problem = actor.get(&format!("/api/v1/records/contact?expand={expand}")).await;
        assert_eq!(problem.problem(422, "validation_failed")["errors"][0]["code"], code, "{expand}");
    }
    // A circle of links ends where the path does.
    let group = format!("/api/v1/records/company/{}", shop.group["id"].as_str().unwrap());
    actor.patch(&group, &json!({"parent": shop.group["id"]})).await.assert(200);
    let round = actor.get(&format!("{group}?expand=parent.parent.parent")).await.assert(200).json();
    let innermost = &round["expanded"]["parent"]["expanded"]["parent"]["expanded"]["parent"];
    assert_eq!((&innermost["name"], &innermost["expanded"]), (&json!("Group"), &json!(null)));
}

async fn a_list_is_counted_when_asked(on: On) {
    let TestApp { ann: actor, .. } = TestApp::start(on).await;
    shop(&actor).await;
    let page = actor.get("/api/v1/records/contact?limit=1&count=exact").await.assert(200).json();
    assert_eq!((&page["total"], page["data"].as_array().unwrap().len()), (&json!(3), 1));
    let cursor = page["next_cursor"].as_str().unwrap();
    let next = actor.get(&format!("/api/v1/records/contact?limit=1&count=exact&cursor={cursor}")).await.assert(200);
    assert_eq!(next.json()["total"], 3);
    let page = actor.get("/api/v1/records/contact?filter[company][_null]=true&count=exact").await.assert(200).json();
    assert_eq!(page["total"], 1);
    assert!(actor.get("/api/v1/records/contact").await.assert(200).json().get("total").is_none());
    actor.get("/api/v1/records/contact?count=about").await.problem(422, "validation_failed");
}

async fn another_tenants_records_are_beyond_every_link(on: On) {
    let test = TestApp::start(on).await;
    let shop = shop(&test.ann).await;
    let theirs = test.sam.create("contact", json!({"name": "Sam"})).await;
    // Links that were written past the host, from each tenant to the other.
    let (member, sam) = (shop.member["id"].as_str().unwrap(), theirs["id"].as_str().unwrap());
    let literal = |id: &str| match on {
        On::Sqlite => format!("x'{}'", id.replace('-', "")),
        On::Postgres => format!("'{id}'"),
    };
    let to_ann = format!("update o_contact set company = {} where id = {}", literal(member), literal(sam));
    let to_sam = format!("update o_order set contact = {}", literal(sam));
    execute(&test.database, &format!("{to_ann}; {to_sam}")).await;
    for filter in [
        json!({"company": {"name": {"_eq": "Member"}}}),
        json!({"company": {"_not": {"name": {"_eq": "x"}}}}),
        json!({"company": {"id": {"_eq": member}}}),
        json!({"orders": {"_some": {}}}),
    ] {
        assert!(names(&test.sam, "contact", filter.clone()).await.is_empty(), "{filter}");
    }
    assert_eq!(names(&test.sam, "contact", json!({"orders": {"_none": {}}})).await, ["Sam"]);
    let path = format!("/api/v1/records/contact/{sam}");
    let seen = test.sam.get(&format!("{path}?expand=company")).await.assert(200).json();
    assert_eq!((&seen["company"], &seen["expanded"]["company"]), (&json!(member), &json!(null)));
    for link in ["company", "orders"] {
        let page = test.sam.get(&format!("{path}/links/{link}?count=exact")).await.assert(200).json();
        assert_eq!((&page["data"], &page["total"]), (&json!([]), &json!(0)), "{link}");
    }
    let page = test.sam.post("/api/v1/records/contact/search", &json!({"text": "Ann"})).await.assert(200).json();
    assert_eq!(page["data"], json!([]));
    let figures = test.sam.post("/api/v1/records/order/aggregate", &json!({})).await.assert(200).json();
    assert_eq!(figures["data"][0]["count"], 0);
}
