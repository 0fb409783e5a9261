//! Everywhere where a field can be named beside filters, and everything that must not depend on one.

use serde_json::json;

use super::questions::{Question, get, post, same};
use super::world::{World, hidden};
use super::{CONTACT, ORDER};
use crate::timeline::settled;

/// Everywhere else where a field can be named.
pub async fn names_of(worlds: &[World; 2], object: &str, field: &str) -> usize {
    let all = format!("/api/v1/records/{object}");
    let measures = ["count", "count_distinct", "sum", "avg", "min", "max"];
    let mut asked: Vec<Question> = vec![
        get(format!("{all}?sort={field}")),
        get(format!("{all}?sort=-{field}")),
        get(format!("{all}?fields={field}")),
        get(format!("{all}?expand={field}")),
        get(format!("{all}?filter[{field}][_null]=true")),
        get(format!("{all}/export?fields=id,{field}")),
        get(format!("{all}/export?sort={field}")),
        post(format!("{all}/search"), json!({"sort": [field]})),
        post(format!("{all}/search"), json!({"fields": ["id", field]})),
        post(format!("{all}/aggregate"), json!({"group_by": [field]})),
        post(format!("{all}/aggregate"), json!({"group_by": [{"field": field, "bucket": "month"}]})),
        post(format!("{all}/aggregate"), json!({"group_by": ["id"], "sort": [field]})),
        post("/api/v1/exports", json!({"object": object, "fields": [field]})),
        post("/api/v1/exports", json!({"object": object, "sort": field})),
    ];
    asked.extend(
        measures.map(|name| post(format!("{all}/aggregate"), json!({"measures": [{"fn": name, "field": field}]}))),
    );
    for question in &asked {
        let answer = same(worlds, question).await;
        assert!(answer.starts_with("422"), "{question:?}: {answer}");
    }
    asked.len()
}

/// Questions that name no hidden field, and must not depend on one.
#[expect(clippy::too_many_lines, reason = "a list of questions")]
pub async fn everything_else(worlds: &[World; 2]) -> usize {
    let every: [String; 4] =
        ["contact", "company", "order", "order_line"].map(|object| format!("/api/v1/records/{object}"));
    let mut asked = Vec::new();
    for all in &every {
        for query in [
            "",
            "?count=exact&limit=2",
            "?sort=-created_at",
            "?deleted=true",
            "?fields=id",
            "/export?sort=id",
            "/export?format=jsonl&sort=id",
        ] {
            asked.push(get(format!("{all}{query}")));
        }
        asked.push(post(format!("{all}/aggregate"), json!({"measures": [{"fn": "count"}]})));
        asked.push(post(format!("{all}/search"), json!({"text": "contact", "count": "exact"})));
    }
    for at in 0..4 {
        for rest in [
            "",
            "?expand=company",
            "/timeline",
            "/profile",
            "/shares",
            "/links/orders",
            "/links/company",
            "/links/orders?expand=contact,company",
        ] {
            asked.push(get(format!("{CONTACT}/{{contact{at}}}{rest}")));
        }
        for rest in ["", "?expand=contact,contact.company", "/timeline", "/profile", "/links/lines", "/links/contact"] {
            asked.push(get(format!("{ORDER}/{{order{at}}}{rest}")));
        }
        asked.push(get(format!("/api/v1/records/order_line/{{line{at}}}")));
        asked.push(post(format!("{CONTACT}/duplicates"), json!({"id": format!("{{contact{at}}}")})));
        asked.push(post(
            format!("{CONTACT}/duplicates"),
            json!({"fields": {"name": format!("Contact {at}"), "city": "Bern"}}),
        ));
    }
    for rest in ["", "/profile", "/timeline", "/links/contacts", "/links/orders"] {
        asked.push(get(format!("/api/v1/records/company/{{company}}{rest}")));
    }
    // Words of hidden fields find nothing, whole or in part; words of what is seen find what is seen.
    for words in [
        "alphasecret",
        "betasecret",
        "alpha",
        "0000",
        "41791110000",
        "41792220000",
        "791110000",
        "secret",
        "once",
        "more",
        "contact",
        "contact 1",
        "acme",
        "bern",
        "order",
        "unseen",
    ] {
        let query = form_urlencoded::Serializer::new(String::new()).append_pair("q", words).finish();
        asked.push(get(format!("/api/v1/search?{query}&limit=100")));
        asked.push(post(format!("{CONTACT}/search"), json!({"text": words, "count": "exact"})));
        asked.push(post(format!("{ORDER}/search"), json!({"text": words, "count": "exact", "sort": "id"})));
    }
    for (group, object) in [
        ("city", "contact"),
        ("company", "contact"),
        ("owner", "contact"),
        ("contact", "order"),
        ("company", "order"),
        ("x_orders", "contact"),
    ] {
        asked.push(post(format!("/api/v1/records/{object}/aggregate"), json!({"group_by": [group], "measures": [{"fn": "count"}, {"fn": "max", "field": "version"}], "sort": ["-count"]})));
    }
    asked.push(get("/api/v1/events?limit=500"));
    asked.push(get("/api/v1/events?limit=500&type=contact.updated"));
    asked.push(get("/api/v1/schema/contact"));
    asked.push(get("/api/v1/schema/company"));
    asked.push(get("/api/v1/openapi.json"));
    asked.push(get("/api/v1/jobs"));
    // Writes that name hidden fields, or meet them.
    asked.push(post(
        format!("{CONTACT}/upsert"),
        json!({"match": "phone", "fields": {"phone": "+41791110000", "name": "N"}}),
    ));
    for (object, field, values) in hidden() {
        for value in values {
            asked.push(post(format!("/api/v1/records/{object}"), json!({field: value, "name": "N"})));
            asked.push(post(format!("/api/v1/records/{object}/duplicates"), json!({"fields": {field: value}})));
            asked.push(post(
                format!("/api/v1/records/{object}/batch"),
                json!({"mode": "each", "operations": [{"op": "create", "fields": {field: value}}]}),
            ));
        }
    }
    asked.push(post(
        format!("{CONTACT}/merge"),
        json!({"into": "{contact0}", "from": ["{contact1}"], "fields": {"note": {"from": "{contact1}"}}}),
    ));
    asked.push(post(format!("{CONTACT}/merge"), json!({"into": "{contact0}", "from": ["{contact1}"]})));
    asked.push(post(
        format!("{CONTACT}/change"),
        json!({"filter": {"city": {"_eq": "Bern"}}, "fields": {"city": "Rom"}}),
    ));
    // Real ones, the same in both.
    for city in ["Rom", "Rom", "Thun"] {
        asked.push(Question {
            method: "PATCH",
            path: format!("{CONTACT}/{{contact2}}"),
            body: Some(json!({"city": city})),
        });
    }
    asked.push(post(CONTACT, json!({"name": "Contact 0", "city": "Bern"})));
    asked.push(post(format!("{CONTACT}/batch"), json!({"mode": "each", "check_duplicates": true, "operations": [
        {"op": "create", "fields": {"name": "Contact 3", "city": "Thun"}}, {"op": "update", "id": "{contact1}", "fields": {"city": "Rom"}}]})));
    asked.push(Question { method: "DELETE", path: format!("{ORDER}/{{order3}}"), body: None });
    asked.push(post(format!("{ORDER}/{{order3}}/restore"), json!({})));
    asked.push(get(format!("{ORDER}/{{order3}}/timeline")));
    asked.push(get(CONTACT));
    for world in worlds {
        settled(&world.admin, 20).await;
    }
    for question in &asked {
        same(worlds, question).await;
    }
    asked.len()
}
