//! Questions, asked of both tenants, and the ways to name a field in one.

use serde_json::{Value as Json, json};

use super::world::{World, hidden};

/// A question: what is sent, with `{name}` for the ids of things.
#[derive(Clone, Debug)]
pub struct Question {
    pub method: &'static str,
    pub path: String,
    pub body: Option<Json>,
}

pub async fn ask(world: &World, question: &Question) -> String {
    let mut path = question.path.clone();
    let mut body = question.body.as_ref().map(Json::to_string);
    for (id, name) in &world.names {
        path = path.replace(&format!("{{{name}}}"), id);
        body = body.map(|body| body.replace(&format!("{{{name}}}"), id));
    }
    let actor = if question.path.ends_with("/change")
        || question.path.ends_with("/delete")
        || question.path.ends_with("/merge")
    {
        world.dora.at.with("prefer", "dry-run")
    } else {
        world.dora.at.clone()
    };
    let reply = actor.send(question.method.parse().unwrap(), &path, body).await;
    assert!(!reply.status.is_server_error(), "{question:?}: {}", reply.text);
    for (_, _, values) in hidden() {
        for value in values.iter().filter_map(Json::as_str).filter(|text| text.len() > 5 && *text != "customer") {
            let asked = format!("{} {:?}", question.path, question.body);
            assert!(asked.contains(value) || !reply.text.contains(value), "{question:?} tells {value}: {}", reply.text);
        }
    }
    world.plain(&reply)
}

/// Both tenants answer the question with the same bytes.
pub async fn same(worlds: &[World; 2], question: &Question) -> String {
    let (one, other) = (ask(&worlds[0], question).await, ask(&worlds[1], question).await);
    assert_eq!(one, other, "{question:?}");
    one
}

pub fn get(path: impl Into<String>) -> Question {
    Question { method: "GET", path: path.into(), body: None }
}

pub fn post(path: impl Into<String>, body: Json) -> Question {
    Question { method: "POST", path: path.into(), body: Some(body) }
}

/// Operators with a value, for a field with these values.
pub fn terms(values: &[Json; 2]) -> Vec<Json> {
    let mut terms = Vec::new();
    for value in values {
        for operator in ["_eq", "_neq", "_lt", "_lte", "_gt", "_gte"] {
            terms.push(json!({operator: value}));
        }
        terms.push(json!({"_in": [value]}));
        terms.push(json!({"_nin": [value]}));
        terms.push(json!({"_between": [value, value]}));
        terms.push(json!({"_nbetween": [value, value]}));
        if let Some(text) = value.as_str() {
            let part = &text[1..text.len() - 1];
            for operator in ["contains", "starts_with", "ends_with"] {
                for front in ["", "n", "i", "ni"] {
                    terms.push(json!({format!("_{front}{operator}"): part}));
                }
            }
        }
    }
    for operator in ["_null", "_nnull", "_empty", "_nempty"] {
        terms.push(json!({operator: true}));
        terms.push(json!({operator: false}));
    }
    terms
}

/// Objects, and their links.
type Links = &'static [(&'static str, &'static str)];

/// Filters that hold a term of an object somewhere inside, with the object that they are about.
pub fn nested(object: &'static str, field: &str, term: &Json) -> Vec<(&'static str, Json)> {
    let plain = json!({field: term});
    let mut all = vec![
        (object, plain.clone()),
        (object, json!({"_and": [{"id": {"_null": false}}, plain]})),
        (object, json!({"_or": [plain, {"id": {"_null": true}}]})),
        (object, json!({"_not": plain})),
        (object, json!({"_not": {"_or": [{"_and": [plain]}]}})),
    ];
    let (to, from): (Links, Links) = match object {
        "contact" => (&[("order", "contact")], &[("company", "contacts")]),
        "company" => (&[("contact", "company"), ("order", "company")], &[]),
        "order" => (&[("order_line", "order")], &[("contact", "orders"), ("company", "orders")]),
        _ => (&[], &[("order", "lines")]),
    };
    for (object, link) in to {
        all.push((object, json!({*link: plain})));
        all.push((object, json!({"_not": {*link: {"_or": [plain]}}})));
    }
    for (object, link) in from {
        for how in ["_some", "_none", "_every"] {
            all.push((object, json!({*link: {how: plain}})));
        }
    }
    if object == "order_line" {
        all.push(("contact", json!({"orders": {"_some": {"lines": {"_none": plain}}}})));
    }
    all
}

/// The ways in which a filter can be asked.
pub fn ways(object: &str, filter: &Json) -> Vec<Question> {
    let all = format!("/api/v1/records/{object}");
    let query = form_urlencoded::Serializer::new(String::new()).append_pair("filter", &filter.to_string()).finish();
    vec![
        get(format!("{all}?{query}&sort=id&count=exact")),
        post(format!("{all}/search"), json!({"filter": filter, "count": "exact"})),
        post(format!("{all}/aggregate"), json!({"filter": filter})),
        get(format!("{all}/export?{query}")),
        post("/api/v1/exports", json!({"object": object, "filter": filter})),
        post(format!("{all}/delete"), json!({"filter": filter})),
        get(format!("{all}?{query}&deleted=true")),
        post(format!("{all}/search"), json!({"filter": filter, "text": "contact"})),
    ]
}
