//! Bad questions: each bound holds, each refusal says what to change, and nothing is told that may not be.

use serde_json::{Value as Json, json};

use crate::support::{Actor, On, TestApp};

both!(
    questions_beyond_their_bounds
    unknown_operators_at_each_level
    values_of_wrong_types
    cursors_of_others
    hostile_text_in_filters
    what_may_not_be_seen_is_not_there
);

pub const CONTACTS: &str = "/api/v1/records/contact/search";

/// The code of the first fault of a question.
pub async fn code(actor: &Actor, body: &Json) -> String {
    let problem = actor.post(CONTACTS, body).await.problem(422, "validation_failed");
    problem["errors"][0]["code"].as_str().unwrap().to_owned()
}

/// How many records a filter finds.
pub async fn count(actor: &Actor, object: &str, filter: Json) -> usize {
    let body = json!({"filter": filter, "limit": 500});
    let page = actor.post(&format!("/api/v1/records/{object}/search"), &body).await.assert(200).json();
    page["data"].as_array().unwrap().len()
}

async fn questions_beyond_their_bounds(on: On) {
    let TestApp { ann, .. } = TestApp::start(on).await;
    let nested = |depth: usize| (0..depth).fold(json!({}), |inner, _| json!({"_not": inner}));
    let long: Vec<String> = (0..100_000).map(|_| "x".to_owned()).collect();
    let sort: Vec<String> = vec!["name".to_owned(); 50];
    let link = |links: usize| {
        let parents = (1..links).fold(json!({"name": {"_eq": "x"}}), |inner, _| json!({"parent": inner}));
        json!({"company": parents})
    };
    let wide = |links: usize| json!({"_or": vec![json!({"orders": {"_some": {}}}); links]});
    ann.post(CONTACTS, &json!({"filter": link(3)})).await.assert(200);
    ann.post(CONTACTS, &json!({"filter": wide(5)})).await.assert(200);
    ann.post(CONTACTS, &json!({"filter": nested(10)})).await.assert(200);
    for (body, expected) in [
        (json!({"filter": nested(11)}), "filter_too_deep"),
        (json!({"filter": link(4)}), "filter_too_deep"),
        (json!({"filter": wide(6)}), "filter_too_large"),
        (json!({"filter": {"name": {"_in": long}}}), "filter_too_large"),
        (json!({"filter": {"_or": vec![json!({"city": {"_eq": "x"}}); 101]}}), "filter_too_large"),
        (json!({"sort": sort}), "out_of_range"),
        (json!({"limit": 1_000_000_000}), "out_of_range"),
        (json!({"filter": {"name": {"_contains": "x".repeat(501)}}}), "too_long"),
        (json!({"expand": "company.parent.parent.parent"}), "out_of_range"),
    ] {
        assert_eq!(code(&ann, &body).await, expected);
    }
    // Deeper than the reader of JSON goes at all.
    let open = "{\"_not\":".repeat(1_000);
    let text = format!("{{\"filter\":{open}{{}}{}}}", "}".repeat(1_000));
    ann.send(reqwest::Method::POST, CONTACTS, Some(text)).await.problem(400, "malformed_json");
    let path = format!("/api/v1/records/contact?filter{}[_eq]=x", "[_not]".repeat(1_000));
    ann.get(&path).await.problem(422, "validation_failed");
    let problem = ann.post(CONTACTS, &json!({"filter": link(4)})).await.problem(422, "validation_failed");
    assert!(problem["errors"][0]["message"].as_str().unwrap().contains("in two steps"), "{problem}");
}

async fn unknown_operators_at_each_level(on: On) {
    let TestApp { ann, .. } = TestApp::start(on).await;
    for (filter, path) in [
        (json!({"_xor": []}), "filter._xor"),
        (json!({"_and": [{"_nor": []}]}), "filter._and[0]._nor"),
        (json!({"name": {"_like": "x"}}), "filter.name._like"),
        (json!({"name": {"_regex": "x"}}), "filter.name._regex"),
        (json!({"birthday": {"_contains": "x"}}), "filter.birthday._contains"),
        (json!({"company": {"_some": {}}}), "filter.company._some"),
        (json!({"company": {"name": {"_some": {}}}}), "filter.company.name._some"),
        (json!({"company": {"_xor": []}}), "filter.company._xor"),
        (json!({"orders": {"_all": {}}}), "filter.orders._all"),
        (json!({"orders": {"total": {"_null": true}}}), "filter.orders.total"),
        (json!({"orders": {"_some": {"_x": 1}}}), "filter.orders._some._x"),
        (json!({"orders": {"_some": {"contact": {"_x": 1}}}}), "filter.orders._some.contact._x"),
    ] {
        let problem = ann.post(CONTACTS, &json!({"filter": filter})).await.problem(422, "validation_failed");
        assert_eq!(problem["errors"][0]["code"], "unknown_operator", "{filter}: {problem}");
        assert_eq!(problem["errors"][0]["field"], path, "{filter}");
    }
}

async fn values_of_wrong_types(on: On) {
    let TestApp { ann, .. } = TestApp::start(on).await;
    for filter in [
        json!("name"),
        json!([]),
        json!(7),
        json!({"name": "x"}),
        json!({"name": {}}),
        json!({"name": []}),
        json!({"name": {"_eq": 7}}),
        json!({"name": {"_eq": null}}),
        json!({"name": {"_in": "x"}}),
        json!({"name": {"_in": [["x"]]}}),
        json!({"name": {"_between": ["a"]}}),
        json!({"name": {"_between": ["a", "b", "c"]}}),
        json!({"name": {"_between": "a"}}),
        json!({"name": {"_null": "true"}}),
        json!({"name": {"_null": 1}}),
        json!({"name": {"_contains": 7}}),
        json!({"name": {"_contains": ""}}),
        json!({"name": {"_contains": ["x"]}}),
        json!({"version": {"_eq": "1"}}),
        json!({"created_at": {"_gt": "soon"}}),
        json!({"birthday": {"_eq": "$me"}}),
        json!({"company": {"_eq": "x"}}),
        json!({"company": {}}),
        json!({"company": []}),
        json!({"company": {"_in": "$me"}}),
        json!({"orders": {}}),
        json!({"orders": []}),
        json!({"orders": {"_some": []}}),
        json!({"orders": {"_some": null}}),
        json!({"_and": {}}),
        json!({"_not": []}),
    ] {
        assert_eq!(code(&ann, &json!({"filter": filter})).await, "wrong_type", "{filter}");
    }
    for (body, problem) in [
        (json!({"limit": "7"}), "invalid_parameter"),
        (json!({"limit": 1.5}), "invalid_parameter"),
        (json!({"limit": -1}), "invalid_parameter"),
        (json!({"sort": 7}), "invalid_parameter"),
        (json!({"sort": [7]}), "invalid_parameter"),
        (json!({"text": ["x"]}), "invalid_parameter"),
        (json!({"cursor": 7}), "invalid_parameter"),
        (json!({"fliter": {}}), "unknown_parameter"),
    ] {
        ann.post(CONTACTS, &body).await.problem(400, problem);
    }
}

async fn cursors_of_others(on: On) {
    let TestApp { ann, sam, .. } = TestApp::start(on).await;
    for actor in [&ann, &sam] {
        for name in ["Ann a", "Ann b", "Ann c"] {
            actor.create("contact", json!({"name": name})).await;
        }
    }
    let question = json!({"filter": {"created_at": {"_lte": "$now"}}, "sort": "name", "limit": 1});
    let page = ann.post(CONTACTS, &question).await.assert(200).json();
    let cursor = page["next_cursor"].as_str().unwrap().to_owned();
    let with = |change: Json| {
        let mut body = question.clone();
        body["cursor"] = json!(cursor);
        body.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        body
    };
    ann.post(CONTACTS, &with(json!({"limit": 2, "fields": "name", "count": "exact"}))).await.assert(200);
    for body in [
        with(json!({"filter": {"created_at": {"_lte": "$now(-1s)"}}})),
        with(json!({"filter": {"created_at": {"_lt": "$now"}}})),
        with(json!({"filter": null})),
        with(json!({"sort": "-name"})),
        with(json!({"text": "ann"})),
        with(json!({"cursor": "AAAA"})),
        with(json!({"cursor": "💥"})),
        with(json!({"cursor": "x".repeat(100_000)})),
        with(json!({"cursor": cursor[1..]})),
        with(json!({"cursor": format!("{cursor}A")})),
    ] {
        assert_eq!(code(&ann, &body).await, "invalid_cursor", "{body}");
    }
    assert_eq!(code(&sam, &with(json!({}))).await, "invalid_cursor");
    // A cursor of a list is none of a search, and the other way round.
    let ranked = ann.post(CONTACTS, &json!({"text": "ann", "limit": 1})).await.assert(200).json();
    let body = json!({"limit": 1, "cursor": ranked["next_cursor"]});
    assert_eq!(code(&ann, &body).await, "invalid_cursor");
}

async fn hostile_text_in_filters(on: On) {
    let TestApp { ann, .. } = TestApp::start(on).await;
    let texts = ["100%", "a_b", "it's", "\"q\"", "back\\slash", "🙂", "\u{10ffff}", "%", "_", "\\"];
    for text in texts {
        ann.create("contact", json!({"name": format!("{text}x")})).await;
    }
    for text in texts {
        let both = |operator: &str, text: &str| json!({"name": {operator: text}});
        let starting = texts.iter().filter(|other| format!("{other}x").starts_with(text)).count();
        assert_eq!(count(&ann, "contact", both("_starts_with", text)).await, starting, "{text}");
        let holding = texts.iter().filter(|other| format!("{other}x").contains(text)).count();
        for operator in ["_contains", "_icontains"] {
            assert_eq!(count(&ann, "contact", both(operator, text)).await, holding, "{text}");
        }
        assert_eq!(count(&ann, "contact", both("_ncontains", text)).await, texts.len() - holding, "{text}");
        assert_eq!(
            count(&ann, "contact", both("_ends_with", &format!("{text}x"))).await,
            texts.iter().filter(|other| other.ends_with(text)).count(),
            "{text}"
        );
    }
    assert_eq!(code(&ann, &json!({"filter": {"name": {"_contains": "a\0b"}}})).await, "out_of_range");
    ann.create("contact", json!({"name": "Ann", "email": "Ann@Example.com", "phone": "+49 30 1234567"})).await;
    assert_eq!(count(&ann, "contact", json!({"email": {"_ends_with": "@EXAMPLE.com"}})).await, 1);
    assert_eq!(count(&ann, "contact", json!({"phone": {"_starts_with": "+49 (30)"}})).await, 1);
}

/// A name that may not be seen is refused like one that is not there: here those of the host's own columns,
/// and those of objects that only another tenant has.
async fn what_may_not_be_seen_is_not_there(on: On) {
    let test = TestApp::with_plugin(on, "guildhall.retail-loyalty").await;
    for filter in [
        json!({"tenant_id": {"_null": true}}),
        json!({"deleted_at": {"_null": true}}),
        json!({"company": {"tenant_id": {"_null": true}}}),
        json!({"orders": {"_some": {"deleted_at": {"_null": false}}}}),
        json!({"subsidiaries": {"_some": {}}}),
        json!({"members": {"_some": {}}}),
    ] {
        let own = test.ann.post(CONTACTS, &json!({"filter": filter})).await.problem(422, "validation_failed");
        let others = test.sam.post(CONTACTS, &json!({"filter": filter})).await.problem(422, "validation_failed");
        assert_eq!(own["errors"], others["errors"], "{filter}");
        assert_eq!(own["errors"][0]["code"], "unknown_field", "{filter}");
    }
}
