//! Bad input: each kind has its named problem, and nothing is stored.

use reqwest::Method;
use serde_json::{Value as Json, json};

use crate::support::{On, TestApp};

both!(
    unknown_objects_fields_and_paths
    values_of_the_wrong_type
    bodies_that_are_not_what_they_should_be
    filters_and_parameters
    parameters_of_writes
    floats_keep_their_last_digit
    links_to_nowhere
    a_link_that_stays_may_lead_nowhere
    unique_values
    every_fault_is_told_at_once
);

async fn parameters_of_writes(on: On) {
    let TestApp { ann, .. } = TestApp::start(on).await;
    let ann_is = json!({"name": "Ann"});
    ann.post("/api/v1/records/contact?dry_run=true", &ann_is).await.problem(400, "unknown_parameter");
    assert!(ann.all("contact", &[]).await.is_empty());
    let made = ann.create("contact", ann_is).await;
    let path = format!("/api/v1/records/contact/{}", made["id"].as_str().unwrap());
    ann.patch(&format!("{path}?dry_run=true"), &json!({"city": "Bern"})).await.problem(400, "unknown_parameter");
    ann.delete(&format!("{path}?dry_run=true")).await.problem(400, "unknown_parameter");
    assert_eq!(ann.get(&path).await.assert(200).json(), made);
    for list in ["jobs", "audit", "search", "events"] {
        ann.get(&format!("/api/v1/{list}?limmit=1")).await.problem(400, "unknown_parameter");
        ann.get(&format!("/api/v1/{list}?limit=x")).await.problem(400, "invalid_parameter");
    }
}

async fn floats_keep_their_last_digit(on: On) {
    let TestApp { ann, .. } = TestApp::start(on).await;
    let field = json!({"name": "x_data", "label": "Data", "type": "json"});
    ann.post("/api/v1/schema/contact/fields", &field).await.assert(201);
    // All 17 digits of numbers from 0.001 to 1000.
    let floats: Vec<f64> = (0..2_000_u32).map(|at| 10_f64.powf(f64::from(at) / 333.0 - 3.0)).collect();
    let made = ann.create("contact", json!({"name": "Ann", "x_data": floats})).await;
    let read = ann.get(&format!("/api/v1/records/contact/{}", made["id"].as_str().unwrap())).await.json();
    let bits = |json: &Json| json.as_array().unwrap().iter().map(|one| one.as_f64().unwrap().to_bits()).collect();
    let (made, read): (Vec<u64>, Vec<u64>) = (bits(&made["x_data"]), bits(&read["x_data"]));
    let sent: Vec<u64> = floats.iter().map(|float| float.to_bits()).collect();
    assert!(made == sent && read == sent);
}

async fn unknown_objects_fields_and_paths(on: On) {
    let TestApp { ann, .. } = TestApp::start(on).await;
    ann.get("/api/v1/records/unicorn").await.problem(404, "unknown_object");
    ann.post("/api/v1/records/unicorn", &json!({})).await.problem(404, "unknown_object");
    ann.get("/api/v1/nowhere").await.problem(404, "not_found");
    ann.get("/api/v1/records/%ff").await.problem(400, "bad_request");
    ann.get("/api/v1/records/contact/%ff").await.problem(400, "bad_request");
    ann.get("/api/v1/records/contact/not-an-id").await.problem(404, "not_found");
    ann.get("/api/v1/records/contact/01a20031-9c4a-7239-8605-04c662a595e1").await.problem(404, "not_found");
    let reply = ann.put("/api/v1/records/contact", &json!({})).await;
    assert!(reply.header("allow").contains("POST"));
    reply.problem(405, "method_not_allowed");
    for (body, field, code) in [
        (json!({"name": "Ann", "nmae": "x"}), "nmae", "unknown_field"),
        (json!({"name": "Ann", "id": "x"}), "id", "read_only"),
        (json!({"name": "Ann", "version": 7}), "version", "read_only"),
        (json!({"name": "Ann", "tenant_id": "x"}), "tenant_id", "read_only"),
        (json!({"name": "  "}), "name", "required"),
    ] {
        let problem = ann.post("/api/v1/records/contact", &body).await.problem(422, "validation_failed");
        assert_eq!((&problem["errors"][0]["field"], &problem["errors"][0]["code"]), (&json!(field), &json!(code)));
    }
    assert!(ann.all("contact", &[]).await.is_empty());
}

async fn values_of_the_wrong_type(on: On) {
    let TestApp { ann, .. } = TestApp::start(on).await;
    let order = |field: &str, value: Json| {
        let mut body = json!({"placed_at": "2026-01-01", "total": {"amount": "1.00", "currency": "EUR"}});
        body[field] = value;
        ("order", body, field.to_owned())
    };
    let contact = |field: &str, value: Json| {
        let mut body = json!({"name": "Ann"});
        body[field] = value;
        ("contact", body, field.to_owned())
    };
    let cases = [
        contact("name", json!(7)),
        contact("name", json!("x".repeat(256))),
        contact("name", json!("two\nlines")),
        contact("name", json!("nul\0")),
        contact("note", json!("x".repeat(100_001))),
        contact("email", json!("not an address")),
        contact("email", json!("a@b@c.d")),
        contact("phone", json!("12345")),
        contact("name", json!("")),
        contact("birthday", json!("-001-01-01")),
        contact("birthday", json!("2001-02- 3")),
        contact("birthday", json!("0000-01-01")),
        contact("birthday", json!("2001-02-29")),
        contact("birthday", json!(20_010_228)),
        contact("company", json!("not-an-id")),
        order("placed_at", json!("yesterday")),
        order("placed_at", json!("99999-01-01T00:00:00Z")),
        order("total", json!(29.33)),
        order("total", json!("29.33")),
        order("total", json!({"amount": 29.33, "currency": "EUR"})),
        order("total", json!({"amount": "29.333", "currency": "EUR"})),
        order("total", json!({"amount": "0.99999999999999999999999999999999", "currency": "EUR"})),
        order("total", json!({"amount": "1e3", "currency": "EUR"})),
        order("total", json!({"amount": "1", "currency": "euro"})),
        order("total", json!({"amount": "NaN", "currency": "EUR"})),
        order("total", json!({"amount": "92233720368547758.08", "currency": "EUR"})),
        order("total", json!({"amount": "1", "currency": "EUR", "rate": "1"})),
        order("quantity", json!(1.5)),
        order("quantity", json!(9_223_372_036_854_775_808_u64)),
        order("status", json!("lost")),
        order("status", json!(["placed"])),
    ];
    for (object, body, field) in cases {
        let problem = ann.post(&format!("/api/v1/records/{object}"), &body).await.problem(422, "validation_failed");
        assert_eq!(problem["errors"][0]["field"], json!(field), "{problem}");
    }
    assert!(ann.all("contact", &[]).await.is_empty() && ann.all("order", &[]).await.is_empty());
}

async fn bodies_that_are_not_what_they_should_be(on: On) {
    let TestApp { ann, .. } = TestApp::start(on).await;
    let post = |body: String| ann.send(Method::POST, "/api/v1/records/contact", Some(body));
    for body in ["", "{", "{\"name\":\"Ann\"", "{'name':'Ann'}", "[]", "\"Ann\"", "null", "{\"name\":\"Ann\"} x"] {
        post(body.to_owned()).await.problem(400, "malformed_json");
    }
    post("[".repeat(100_000)).await.problem(400, "malformed_json");
    post(format!("{{\"name\":\"{}\"}}", "x".repeat(1 << 20))).await.problem(413, "payload_too_large");
    let text = ann.with("content-type", "text/plain");
    text.post("/api/v1/records/contact", &json!({"name": "Ann"})).await.problem(415, "unsupported_media_type");
    let merge = ann.with("content-type", "application/merge-patch+json; charset=utf-8");
    merge.post("/api/v1/records/contact", &json!({"name": "Ann"})).await.assert(201);
    assert_eq!(ann.all("contact", &[]).await.len(), 1);
}

async fn filters_and_parameters(on: On) {
    let TestApp { ann, .. } = TestApp::start(on).await;
    let deep = (0..20).fold(json!({"name": {"_eq": "x"}}), |inner, _| json!({"_not": inner}));
    let wide = json!({"_or": (0..101).map(|n| json!({"name": {"_eq": n.to_string()}})).collect::<Vec<_>>()});
    let long = json!({"name": {"_in": (0..501).map(|n| n.to_string()).collect::<Vec<_>>()}});
    let empty = json!({"_or": vec![json!({}); 1_500]});
    let lists = json!({"_or": vec![json!({"name": {"_in": vec!["x"; 300]}}); 2]});
    for (filter, code) in [
        (empty, "filter_too_large"),
        (lists, "filter_too_large"),
        (json!({"nmae": {"_eq": "x"}}), "unknown_field"),
        (json!({"name": {"_like": "x"}}), "unknown_operator"),
        (json!({"_xor": []}), "unknown_operator"),
        (json!({"name": "x"}), "wrong_type"),
        (json!({"name": {}}), "wrong_type"),
        (json!({"name": {"_eq": 7}}), "wrong_type"),
        (json!({"name": {"_eq": null}}), "wrong_type"),
        (json!({"name": {"_in": "x"}}), "wrong_type"),
        (json!({"name": {"_null": "yes"}}), "wrong_type"),
        (json!({"_and": {"name": {"_eq": "x"}}}), "wrong_type"),
        (json!(["name"]), "wrong_type"),
        (deep, "filter_too_deep"),
        (wide, "filter_too_large"),
        (long, "filter_too_large"),
    ] {
        let query = form_urlencoded::Serializer::new(String::new()).append_pair("filter", &filter.to_string()).finish();
        let problem = ann.get(&format!("/api/v1/records/contact?{query}")).await.problem(422, "validation_failed");
        assert_eq!(problem["errors"][0]["code"], code, "{filter}");
    }
    for (query, status, code) in [
        ("filter={", 400, "malformed_json"),
        ("limit=many", 400, "invalid_parameter"),
        ("limit=0", 422, "validation_failed"),
        ("limit=501", 422, "validation_failed"),
        ("sort=nmae", 422, "validation_failed"),
        ("sort=name,city,phone,email,note,birthday", 422, "validation_failed"),
        ("cursor=abc", 422, "validation_failed"),
        ("fliter[name][_eq]=x", 400, "unknown_parameter"),
        ("filter[name]=x", 400, "unknown_parameter"),
        ("filter[nmae][_eq]=x", 422, "validation_failed"),
        ("filter[city][_null]=0", 422, "validation_failed"),
        ("sort=name&sort=city", 400, "invalid_parameter"),
        ("filter[city][_eq]=a&filter[city][_eq]=b", 400, "invalid_parameter"),
    ] {
        ann.get(&format!("/api/v1/records/contact?{query}")).await.problem(status, code);
    }
}

async fn links_to_nowhere(on: On) {
    let TestApp { ann, sam, .. } = TestApp::start(on).await;
    let theirs = sam.create("company", json!({"name": "Theirs"})).await;
    let gone = ann.create("company", json!({"name": "Gone"})).await;
    ann.delete(&format!("/api/v1/records/company/{}", gone["id"].as_str().unwrap())).await.assert(204);
    let missing = json!("01a20031-9c4a-7239-8605-04c662a595e1");
    for id in [&missing, &theirs["id"], &gone["id"]] {
        let body = json!({"name": "Ann", "company": id});
        let problem = ann.post("/api/v1/records/contact", &body).await.problem(422, "validation_failed");
        assert_eq!(problem["errors"][0]["code"], "unknown_record");
        assert_eq!(problem["errors"][0]["message"], format!("there is no company {}", id.as_str().unwrap()));
    }
    assert!(ann.all("contact", &[]).await.is_empty());
}

async fn a_link_that_stays_may_lead_nowhere(on: On) {
    let TestApp { ann, .. } = TestApp::start(on).await;
    let company = ann.create("company", json!({"name": "Company"})).await;
    let contact = ann.create("contact", json!({"name": "Ann", "company": company["id"]})).await;
    ann.delete(&format!("/api/v1/records/company/{}", company["id"].as_str().unwrap())).await.assert(204);
    let path = format!("/api/v1/records/contact/{}", contact["id"].as_str().unwrap());
    let whole = json!({"name": "Ann Lee", "company": contact["company"]});
    assert_eq!(ann.patch(&path, &whole).await.assert(200).json()["name"], "Ann Lee");
}

async fn unique_values(on: On) {
    let TestApp { ann, sam, .. } = TestApp::start(on).await;
    let first = ann.create("contact", json!({"name": "Ann", "email": "ann@x.com", "external_id": "1"})).await;
    let second = ann.create("contact", json!({"name": "Bob", "external_id": "2"})).await;
    let taken = ann.post("/api/v1/records/contact", &json!({"name": "Eve", "email": " ANN@X.com "})).await;
    let problem = taken.problem(409, "duplicate");
    assert_eq!((&problem["errors"][0]["field"], &problem["existing_id"]), (&json!("email"), &first["id"]));
    let path = format!("/api/v1/records/contact/{}", second["id"].as_str().unwrap());
    let problem = ann.patch(&path, &json!({"external_id": "1", "city": "Bern"})).await.problem(409, "duplicate");
    assert_eq!(problem["errors"][0]["field"], "external_id");
    assert_eq!(ann.get(&path).await.json(), second);
    // Empty text is no value, and so not taken.
    for _ in 0..2 {
        let nameless = ann.create("contact", json!({"name": "Zoe", "external_id": "", "email": ""})).await;
        assert_eq!((&nameless["external_id"], &nameless["email"]), (&json!(null), &json!(null)));
    }
    // Another tenant's values are its own.
    sam.create("contact", json!({"name": "Ann", "email": "ann@x.com"})).await;
}

async fn every_fault_is_told_at_once(on: On) {
    let TestApp { ann, .. } = TestApp::start(on).await;
    let body = json!({"name": 1, "email": "x", "nmae": 2, "phone": "+4930123456"});
    let problem = ann.post("/api/v1/records/contact", &body).await.problem(422, "validation_failed");
    let mut fields: Vec<&str> =
        problem["errors"].as_array().unwrap().iter().map(|error| error["field"].as_str().unwrap()).collect();
    fields.sort_unstable();
    assert_eq!(fields, ["email", "name", "nmae"]);
}
