//! Faults that others had with questions, each by its name: here they are refused or find nothing.

use serde_json::json;

use crate::question_bounds::{code, count};
use crate::support::{On, TestApp};

both!(
    cve_2024_39701_directus
    cve_2025_64749_directus
    cve_2026_27886_strapi
    cve_2023_34235_strapi
    cve_2026_30962_parse
    cve_2024_5315_dolibarr
);

/// An empty list holds no value.
async fn cve_2024_39701_directus(on: On) {
    let TestApp { ann, .. } = TestApp::start(on).await;
    let company = ann.create("company", json!({"name": "c"})).await;
    ann.create("contact", json!({"name": "a", "company": company["id"]})).await;
    for filter in [
        json!({"name": {"_in": []}}),
        json!({"id": {"_in": []}}),
        json!({"company": {"_in": []}}),
        json!({"company": {"name": {"_in": []}}}),
        json!({"company": {"contacts": {"_some": {"id": {"_in": []}}}}}),
        json!({"company": {"_in": "$my_teams"}}),
        json!({"_or": []}),
    ] {
        assert_eq!(count(&ann, "contact", filter.clone()).await, 0, "{filter}");
        assert_eq!(count(&ann, "contact", json!({"_not": filter})).await, 1, "{filter}");
    }
}

/// What is refused does not tell whether it exists for somebody else.
async fn cve_2025_64749_directus(on: On) {
    let test = TestApp::with_plugin(on, "guildhall.retail-loyalty").await;
    for path in ["{}", "{}/search", "{}/aggregate"] {
        let ask = async |object: &str| {
            let path = format!("/api/v1/records/{}", path.replace("{}", object));
            let reply =
                if path.ends_with(object) { test.sam.get(&path).await } else { test.sam.post(&path, &json!({})).await };
            let mut problem = reply.problem(404, "unknown_object");
            problem["request_id"] = json!(null);
            problem.to_string().replace(object, "OBJECT")
        };
        assert_eq!(ask("loyalty.member").await, ask("loyalty.nothing").await, "{path}");
    }
}

/// Links do not lead to what has no object: keys, tenants, plugins.
async fn cve_2026_27886_strapi(on: On) {
    let TestApp { ann, .. } = TestApp::start(on).await;
    for name in ["api_key", "tenant", "created_by", "key", "event", "search_token", "o_company", "t0", "t1"] {
        for filter in [json!({name: {"hash": {"_starts_with": "a"}}}), json!({"company": {name: {"_null": false}}})] {
            assert_eq!(code(&ann, &json!({"filter": filter})).await, "unknown_field", "{filter}");
        }
        assert_eq!(code(&ann, &json!({"expand": name})).await, "unknown_field");
        assert_eq!(code(&ann, &json!({"fields": name})).await, "unknown_field");
        assert_eq!(code(&ann, &json!({"sort": name})).await, "unknown_field");
    }
}

/// Names of the query's own making are no way in.
async fn cve_2023_34235_strapi(on: On) {
    let TestApp { ann, .. } = TestApp::start(on).await;
    for name in ["t0.name", "t1.name", "\"name\"", "name\" or 1=1 --", "contact.name", "name;", "$name", "name "] {
        assert_eq!(code(&ann, &json!({"filter": {name: {"_eq": "x"}}})).await, "unknown_field", "{name}");
        if name.trim() == name {
            assert_eq!(code(&ann, &json!({"sort": [name]})).await, "unknown_field", "{name}");
        }
    }
}

/// A part of an alternative is checked like one that stands alone.
async fn cve_2026_30962_parse(on: On) {
    let TestApp { ann, .. } = TestApp::start(on).await;
    for hidden in ["tenant_id", "hash", "deleted_at"] {
        let term = json!({hidden: {"_null": false}});
        for filter in [
            json!({"_or": [{"name": {"_eq": "x"}}, term]}),
            json!({"_and": [{"_or": [{"_not": term}]}]}),
            json!({"company": {"_or": [term]}}),
            json!({"orders": {"_none": {"_and": [{"_not": {"_or": [term]}}]}}}),
        ] {
            assert_eq!(code(&ann, &json!({"filter": filter})).await, "unknown_field", "{filter}");
        }
    }
}

/// No value of a list's parameters becomes SQL.
async fn cve_2024_5315_dolibarr(on: On) {
    let TestApp { ann, .. } = TestApp::start(on).await;
    ann.create("contact", json!({"name": "Ann"})).await;
    let attacks = ["1) or (1=1", "' or ''='", "x' union select hash from api_key --", "1; drop table o_contact", "\\'"];
    for attack in attacks {
        for filter in [
            json!({"name": {"_eq": attack}}),
            json!({"name": {"_in": [attack, attack]}}),
            json!({"name": {"_contains": attack}}),
            json!({"name": {"_iends_with": attack}}),
            json!({"company": {"name": {"_eq": attack}}}),
            json!({"orders": {"_some": {"note": {"_starts_with": attack}}}}),
        ] {
            assert_eq!(count(&ann, "contact", filter).await, 0);
        }
        for parameter in ["sort", "fields", "expand", "count"] {
            let query = form_urlencoded::Serializer::new(String::new()).append_pair(parameter, attack).finish();
            ann.get(&format!("/api/v1/records/contact?{query}")).await.problem(422, "validation_failed");
        }
        let body = json!({"group_by": [{"field": "name", "as": attack}]});
        ann.post("/api/v1/records/contact/aggregate", &body).await.problem(422, "validation_failed");
    }
    assert_eq!(count(&ann, "contact", json!({})).await, 1);
}
