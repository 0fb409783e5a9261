//! Times that move: `$now` and its kin on the tenant's calendar, and pages that keep them.

use serde_json::{Value as Json, json};

use crate::support::{On, TestApp};

both!(words_stand_for_times_of_the_tenant a_page_keeps_its_now me_is_the_caller);

async fn words_stand_for_times_of_the_tenant(on: On) {
    let test = TestApp::start(on).await;
    let key = test.app.create_tenant_in("east", "East", "Pacific/Kiritimati").await.unwrap().api_key;
    let east = test.ann.with_key(&key);
    for actor in [&test.ann, &east] {
        actor.create("contact", json!({"name": "new", "birthday": "2000-02-29"})).await;
    }
    let found = async |actor: &crate::support::Actor, filter: Json| {
        actor.all("contact", &[("filter", filter.to_string().as_str())]).await.len()
    };
    for (filter, count) in [
        (json!({"created_at": {"_gte": "$now(-1h)"}}), 1),
        (json!({"created_at": {"_gte": "$now(+1h)"}}), 0),
        (json!({"created_at": {"_lt": "$now(-30d)"}}), 0),
        (json!({"created_at": {"_between": ["$start_of(year)", "$start_of(year,1)"]}}), 1),
        (json!({"created_at": {"_gte": "$today"}}), 1),
        (json!({"created_at": {"_lt": "$today(+1d)"}}), 1),
        (json!({"birthday": {"_lt": "$start_of(quarter,-1)"}}), 1),
        (json!({"name": {"_neq": "$now"}}), 1),
    ] {
        assert_eq!(found(&test.ann, filter.clone()).await, count, "{filter}");
        assert_eq!(found(&east, filter.clone()).await, count, "{filter} in the east");
    }
    for word in ["$now(", "$now(-1x)", "$yesterday", "$now(-999999d)", "$start_of(era)"] {
        let filter = json!({"created_at": {"_gte": word}}).to_string();
        let query = form_urlencoded::Serializer::new(String::new()).append_pair("filter", &filter).finish();
        let problem = test.ann.get(&format!("/api/v1/records/contact?{query}")).await;
        let problem = problem.problem(422, "validation_failed");
        assert_eq!(problem["errors"][0]["field"], "filter.created_at._gte", "{word}");
    }
    let wrong = test.app.create_tenant_in("west", "West", "Nowhere/City").await.unwrap_err();
    assert!(wrong.to_string().contains("wrong"), "{wrong}");
}

async fn a_page_keeps_its_now(on: On) {
    let TestApp { ann, .. } = TestApp::start(on).await;
    for name in ["a", "b"] {
        ann.create("contact", json!({"name": name})).await;
    }
    let filter = json!({"created_at": {"_lte": "$now"}});
    let body = json!({"filter": filter, "sort": "name", "limit": 1});
    let page = ann.post("/api/v1/records/contact/search", &body).await.assert(200).json();
    // What comes later is not before the moment that `$now` meant on the first page.
    ann.create("contact", json!({"name": "c"})).await;
    let next = json!({"filter": filter, "sort": "name", "limit": 9, "cursor": page["next_cursor"]});
    let next = ann.post("/api/v1/records/contact/search", &next).await.assert(200).json();
    assert_eq!(next["data"].as_array().unwrap().len(), 1, "{next}");
    assert_eq!(next["data"][0]["name"], "b");
    assert_eq!(ann.all("contact", &[("filter", filter.to_string().as_str())]).await.len(), 3);
}

async fn me_is_the_caller(on: On) {
    let TestApp { ann, .. } = TestApp::start(on).await;
    ann.create("contact", json!({"name": "a"})).await;
    for (filter, count) in [
        (json!({"company": {"_eq": "$me"}}), 0),
        (json!({"company": {"_neq": "$me"}}), 1),
        (json!({"company": {"_in": "$my_teams"}}), 0),
        (json!({"company": {"_nin": "$my_teams"}}), 1),
    ] {
        assert_eq!(ann.all("contact", &[("filter", filter.to_string().as_str())]).await.len(), count, "{filter}");
    }
    let page = ann.get("/api/v1/records/contact?filter[company][_nin]=$my_teams").await.assert(200).json();
    assert_eq!(page["data"].as_array().unwrap().len(), 1);
}
