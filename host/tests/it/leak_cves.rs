//! Leaks of hidden fields that others had, each by its name.

use serde_json::{Value as Json, json};

use crate::permissions::{User, path, role, user};
use crate::stream::Reading;
use crate::support::{Actor, On, TestApp};

both!(
    cve_2025_30352_directus
    cve_2026_35442_directus
    cve_2024_56143_strapi
    cve_2023_22894_strapi
    cve_2026_32098_parse
    cve_2022_31112_parse
);

const CONTACT: &str = "/api/v1/records/contact";

/// Somebody who does not see notes and phone numbers.
pub async fn dora(ann: &Actor) -> User {
    let rules = json!([
        {"objects": ["contact"], "actions": ["read", "create", "update", "export"], "except": ["note", "phone", "external_id"]},
        {"objects": ["order"], "actions": ["read"], "except": ["total"]},
    ]);
    role(ann, "dim", rules).await;
    user(ann, "dora", json!(["dim"])).await
}

/// Words of hidden fields find nothing; the same words in a field that is seen do.
async fn cve_2025_30352_directus(on: On) {
    let TestApp { ann, .. } = TestApp::start(on).await;
    let dora = dora(&ann).await;
    ann.create("contact", json!({"name": "Ann", "phone": "+41791234567", "external_id": "quasar-77"})).await;
    for words in ["quasar", "quas", "77", "quasar-77", "4567", "791234567", "+41 79"] {
        let body = json!({"text": words, "count": "exact"});
        let found = async |actor: &Actor| {
            let page = actor.post(&format!("{CONTACT}/search"), &body).await.assert(200).json();
            let query = form_urlencoded::byte_serialize(words.as_bytes()).collect::<String>();
            let hits = actor.get(&format!("/api/v1/search?q={query}")).await.assert(200).json();
            (page["total"].clone(), hits["data"].as_array().unwrap().len())
        };
        assert_eq!(found(&dora.at).await, (json!(0), 0), "{words}");
        assert_eq!(found(&ann).await, (json!(1), 1), "{words}");
    }
    ann.create("contact", json!({"name": "Quasar"})).await;
    let seen = dora.at.post(&format!("{CONTACT}/search"), &json!({"text": "quasar"})).await.assert(200).json();
    assert_eq!(seen["data"].as_array().unwrap().len(), 1);
}

/// No figure is made of a hidden field: neither as a measure, a group, an order, nor through a name of one's own.
async fn cve_2026_35442_directus(on: On) {
    let TestApp { ann, .. } = TestApp::start(on).await;
    let dora = dora(&ann).await;
    ann.create("contact", json!({"name": "Ann", "note": "secret"})).await;
    let measures = ["count", "count_distinct", "min", "max", "sum", "avg"];
    for measure in measures {
        for (object, field) in [("contact", "note"), ("contact", "phone"), ("order", "total")] {
            for body in [
                json!({"measures": [{"fn": measure, "field": field}]}),
                json!({"measures": [{"fn": measure, "field": field, "as": "name"}]}),
                json!({"group_by": [field], "measures": [{"fn": "count"}]}),
                json!({"group_by": [{"field": field, "as": "name"}]}),
                json!({"group_by": ["id"], "sort": [field]}),
            ] {
                let reply = dora.at.post(&format!("/api/v1/records/{object}/aggregate"), &body).await;
                assert!(!reply.problem(422, "validation_failed").to_string().contains("secret"));
            }
        }
    }
}

/// There is no second way to name a relation or a table.
async fn cve_2024_56143_strapi(on: On) {
    let TestApp { ann, .. } = TestApp::start(on).await;
    let dora = dora(&ann).await;
    ann.create("contact", json!({"name": "Ann", "note": "secret"})).await;
    for parameter in
        ["lookup", "populate", "join", "select", "where", "with", "include", "aggregate", "having", "group"]
    {
        for value in ["note", "contact.note", "{\"note\":\"secret\"}"] {
            let query = form_urlencoded::Serializer::new(String::new()).append_pair(parameter, value).finish();
            dora.at.get(&format!("{CONTACT}?{query}")).await.problem(400, "unknown_parameter");
            let body = json!({parameter: value});
            let reply = dora.at.post(&format!("{CONTACT}/search"), &body).await;
            assert!(reply.status.is_client_error(), "{parameter}: {}", reply.text);
        }
    }
}

/// A value is not guessed character by character through a filter.
async fn cve_2023_22894_strapi(on: On) {
    let TestApp { ann, .. } = TestApp::start(on).await;
    let dora = dora(&ann).await;
    ann.create("contact", json!({"name": "Ann", "note": "secret"})).await;
    for guess in ["s", "se", "secret", "x"] {
        for operator in ["_starts_with", "_istarts_with", "_contains", "_ends_with", "_eq", "_gt", "_nicontains"] {
            let short = format!("{CONTACT}?filter[note][{operator}]={guess}");
            let tree = json!({"filter": {"_or": [{"name": {"_eq": "nobody"}}, {"note": {operator: guess}}]}});
            let one = dora.at.get(&short).await.problem(422, "validation_failed");
            let other = dora.at.post(&format!("{CONTACT}/search"), &tree).await.problem(422, "validation_failed");
            for problem in [one, other] {
                assert_eq!(problem["errors"][0]["code"], "unknown_field", "{problem}");
            }
        }
    }
}

/// What a stream is asked for is checked like a page; it cannot be asked for values at all.
async fn cve_2026_32098_parse(on: On) {
    let TestApp { ann, .. } = TestApp::start(on).await;
    let dora = dora(&ann).await;
    let streaming = dora.at.with("accept", "text/event-stream");
    for query in
        ["where={\"note\":\"s\"}", "filter={\"note\":{\"_eq\":\"s\"}}", "filter[note][_eq]=s", "fields=note", "note=s"]
    {
        let encoded: String =
            query.replace('{', "%7B").replace('}', "%7D").replace('"', "%22").replace('[', "%5B").replace(']', "%5D");
        streaming.get(&format!("/api/v1/events?{encoded}")).await.problem(400, "unknown_parameter");
    }
    // An object that may not be read is no object to ask for.
    let refused = streaming.get("/api/v1/events?object=company").await;
    assert!(refused.status.is_client_error(), "{}", refused.text);
}

/// Neither the value nor the change of a hidden field is in what a stream shows.
async fn cve_2022_31112_parse(on: On) {
    let TestApp { ann, .. } = TestApp::start(on).await;
    let dora = dora(&ann).await;
    let made = ann.create("contact", json!({"name": "Ann", "note": "first secret"})).await;
    let mut reading = Reading::open(&dora.at, "?type=contact.*", None).await;
    ann.patch(&path(&made), &json!({"note": "second secret", "phone": "+41791234567", "city": "Bern"}))
        .await
        .assert(200);
    ann.delete(&path(&made)).await.assert(204);
    let mut told = Vec::new();
    while !told.iter().any(|data: &Json| data["type"] == "contact.deleted") {
        told.extend(reading.next().await.unwrap().data);
    }
    let text = json!(told).to_string();
    assert!(
        text.contains("Bern") && !text.contains("secret") && !text.contains("4179") && !text.contains("\"note\""),
        "{text}"
    );
}
