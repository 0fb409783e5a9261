//! Lists: order, pages, cursors.

use serde_json::{Value as Json, json};

use crate::support::{On, TestApp};

both!(
    pages_neither_skip_nor_repeat
    missing_values_come_last_both_ways
    a_cursor_belongs_to_its_list
    pages_stay_right_while_records_change
    the_short_form_of_a_filter
);

fn names(records: &[Json]) -> Vec<&str> {
    records.iter().map(|record| record["name"].as_str().unwrap()).collect()
}

async fn pages_neither_skip_nor_repeat(on: On) {
    let TestApp { ann, .. } = TestApp::start(on).await;
    for number in 0..23 {
        let city = ["Bern", "Basel", "Chur"][number % 3];
        ann.create("contact", json!({"name": format!("N{:02}", number / 2), "city": city})).await;
    }
    for sort in ["", "name", "-name", "city,-name", "-city,name", "created_at", "-updated_at,id", "version,-id"] {
        let whole = ann.all("contact", &[("sort", sort), ("limit", "500")]).await;
        assert_eq!(whole.len(), 23);
        for limit in ["1", "4", "22", "23", "24"] {
            assert_eq!(ann.all("contact", &[("sort", sort), ("limit", limit)]).await, whole, "{sort} by {limit}");
        }
    }
    let by_name = ann.all("contact", &[("sort", "name")]).await;
    let mut sorted = names(&by_name);
    sorted.sort_unstable();
    assert_eq!(names(&by_name), sorted);
}

async fn missing_values_come_last_both_ways(on: On) {
    let TestApp { ann, .. } = TestApp::start(on).await;
    for (name, city) in [("a", json!("Bern")), ("b", json!(null)), ("c", json!("Aarau")), ("d", json!(null))] {
        ann.create("contact", json!({"name": name, "city": city})).await;
    }
    for limit in ["1", "2", "3", "50"] {
        assert_eq!(names(&ann.all("contact", &[("sort", "city,name"), ("limit", limit)]).await), ["c", "a", "b", "d"]);
        assert_eq!(
            names(&ann.all("contact", &[("sort", "-city,-name"), ("limit", limit)]).await),
            ["a", "c", "d", "b"]
        );
    }
}

async fn a_cursor_belongs_to_its_list(on: On) {
    let TestApp { ann, sam, .. } = TestApp::start(on).await;
    for actor in [&ann, &sam] {
        for name in ["a", "b", "c"] {
            actor.create("contact", json!({"name": name})).await;
        }
    }
    let page = ann.get("/api/v1/records/contact?sort=name&limit=1").await.assert(200).json();
    let cursor = page["next_cursor"].as_str().unwrap();
    ann.get(&format!("/api/v1/records/contact?sort=name&limit=2&cursor={cursor}")).await.assert(200);
    let mut forged = cursor.to_owned();
    forged.replace_range(0..1, if forged.starts_with('C') { "D" } else { "C" });
    for (actor, query) in [
        (&sam, format!("sort=name&cursor={cursor}")),
        (&ann, format!("sort=-name&cursor={cursor}")),
        (&ann, format!("cursor={cursor}")),
        (&ann, format!("sort=name&filter[name][_gt]=a&cursor={cursor}")),
        (&ann, format!("sort=name&cursor={forged}")),
        (&ann, format!("sort=name&cursor={}", &cursor[..cursor.len() - 2])),
        (&ann, "sort=name&cursor=".to_owned()),
    ] {
        let problem = actor.get(&format!("/api/v1/records/contact?{query}")).await.problem(422, "validation_failed");
        assert_eq!(problem["errors"][0]["code"], "invalid_cursor");
    }
    let companies = ann.get(&format!("/api/v1/records/company?sort=name&cursor={cursor}")).await;
    companies.problem(422, "validation_failed");
}

async fn pages_stay_right_while_records_change(on: On) {
    let TestApp { ann, .. } = TestApp::start(on).await;
    for name in ["b", "d", "f", "h"] {
        ann.create("contact", json!({"name": name})).await;
    }
    let page = ann.get("/api/v1/records/contact?sort=name&limit=2").await.assert(200).json();
    assert_eq!(names(page["data"].as_array().unwrap()), ["b", "d"]);
    // One before the place comes, the one at the place goes, one behind it comes.
    ann.create("contact", json!({"name": "a"})).await;
    let at_place = page["data"][1]["id"].as_str().unwrap();
    ann.delete(&format!("/api/v1/records/contact/{at_place}")).await.assert(204);
    ann.create("contact", json!({"name": "e"})).await;
    let cursor = page["next_cursor"].as_str().unwrap();
    let rest = ann.get(&format!("/api/v1/records/contact?sort=name&limit=9&cursor={cursor}")).await.assert(200).json();
    assert_eq!(names(rest["data"].as_array().unwrap()), ["e", "f", "h"]);
}

async fn the_short_form_of_a_filter(on: On) {
    let TestApp { ann, .. } = TestApp::start(on).await;
    for (name, city) in [("a", "Bern"), ("b", "Basel"), ("c", "Chur")] {
        ann.create("contact", json!({"name": name, "city": city})).await;
    }
    for (query, found) in [
        ("filter[city][_eq]=Bern", "a"),
        ("filter[city][_in]=Bern,Chur&sort=-name", "ca"),
        ("filter[name][_gte]=b&filter[name][_lt]=c", "b"),
        ("filter[version][_eq]=1&sort=name", "abc"),
        ("filter[email][_null]=false", ""),
        ("filter={\"city\":{\"_neq\":\"Bern\"}}&filter[name][_lt]=c", "b"),
    ] {
        let page = ann.get(&format!("/api/v1/records/contact?{query}")).await.assert(200).json();
        assert_eq!(names(page["data"].as_array().unwrap()).concat(), found, "{query}");
    }
}
