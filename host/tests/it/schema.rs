//! What tenants make for themselves: fields and objects, at run time.

use serde_json::{Value as Json, json};

use crate::support::{Actor, On, TestApp};

both!(
    a_field_is_added_used_and_retired
    every_type_of_field_comes_back_as_it_went_in
    own_fields_are_filtered_sorted_and_paged
    an_own_object_is_like_any_other
    a_unique_own_field_is_unique
    a_dry_run_only_says
    an_existing_field_becomes_indexed
    two_tenants_name_the_same
    a_field_is_added_while_records_are_written
    a_node_that_knows_an_older_schema_loses_nothing
    links_go_to_many_and_to_any
    numbers_are_given_once
);

pub async fn add(actor: &Actor, object: &str, field: Json) -> Json {
    actor.post(&format!("/api/v1/schema/{object}/fields"), &field).await.assert(201).json()
}

pub fn text(name: &str) -> Json {
    json!({"name": name, "label": name, "type": "text"})
}

pub fn project(fields: &[Json]) -> Json {
    json!({"name": "x.project", "label": "Project", "plural": "Projects", "fields": fields})
}

async fn a_field_is_added_used_and_retired(on: On) {
    let TestApp { ann, vic, sam, .. } = TestApp::start(on).await;
    let old = ann.create("contact", json!({"name": "Old"})).await;
    let changed = add(&ann, "contact", text("x_level")).await;
    assert_eq!(changed["changes"], json!(["+ field contact.x_level text"]));
    assert_eq!(changed["version"], 1);

    let path = format!("/api/v1/records/contact/{}", old["id"].as_str().unwrap());
    assert_eq!(ann.get(&path).await.json()["x_level"], json!(null));
    let new = ann.create("contact", json!({"name": "New", "x_level": "gold"})).await;
    assert_eq!(new["x_level"], "gold");
    assert_eq!(ann.patch(&path, &json!({"x_level": "tin"})).await.assert(200).json()["x_level"], "tin");
    assert_eq!(vic.get(&path).await.json()["x_level"], "tin");
    let document = ann.get("/api/v1/openapi.json").await.json();
    assert_eq!(
        document["components"]["schemas"]["contact.new"]["properties"]["x_level"]["type"],
        json!(["string", "null"])
    );

    // Another tenant knows nothing of it.
    let problem = sam.post("/api/v1/records/contact", &json!({"name": "S", "x_level": "a"})).await;
    assert_eq!(problem.problem(422, "validation_failed")["errors"][0]["code"], "unknown_field");
    assert!(!sam.get("/api/v1/schema/contact").await.text.contains("x_level"));

    let retire = "/api/v1/schema/contact/fields/x_level";
    ann.patch(retire, &json!({"retired": true})).await.assert(200);
    assert!(ann.get(&path).await.json().get("x_level").is_none());
    ann.patch(&path, &json!({"x_level": "a"})).await.problem(422, "validation_failed");
    ann.patch(&path, &json!({"note": "changed meanwhile"})).await.assert(200);
    ann.patch(retire, &json!({"retired": false})).await.assert(200);
    assert_eq!(ann.get(&path).await.json()["x_level"], "tin");
}

async fn every_type_of_field_comes_back_as_it_went_in(on: On) {
    let TestApp { ann, .. } = TestApp::start(on).await;
    let company = ann.create("company", json!({"name": "C"})).await;
    let contact = ann.create("contact", json!({"name": "P"})).await;
    let options = json!([{"value": "a", "label": "A"}, {"value": "b", "label": "B"}]);
    let fields = [
        (json!({"type": "text"}), json!("Zürich 苏黎世")),
        (json!({"type": "long_text"}), json!("two\nlines")),
        (json!({"type": "integer"}), json!(-9_223_372_036_854_775_807_i64)),
        (json!({"type": "decimal", "precision": 18, "scale": 4}), json!("-12345678901234.5678")),
        (json!({"type": "money"}), json!({"amount": "-29.33", "currency": "USD"})),
        (json!({"type": "boolean"}), json!(false)),
        (json!({"type": "date"}), json!("1999-12-31")),
        (json!({"type": "datetime"}), json!("2026-11-22T10:11:12.131415Z")),
        (json!({"type": "select", "options": options}), json!("b")),
        (json!({"type": "multi_select", "options": options}), json!(["b", "a"])),
        (json!({"type": "email"}), json!("ann@example.com")),
        (json!({"type": "phone"}), json!("+493012345")),
        (json!({"type": "url"}), json!("https://example.com/a?b=c")),
        (json!({"type": "json"}), json!({"a": [1, 2.5, null, {"b": "c"}]})),
        (json!({"type": "link", "to": "company"}), company["id"].clone()),
        (json!({"type": "link_many", "to": "company"}), json!([company["id"]])),
        (
            json!({"type": "link_any", "to_any": ["company", "contact"]}),
            json!({"object": "contact", "id": contact["id"]}),
        ),
    ];
    let mut own = Vec::new();
    let mut values = json!({});
    for (at, (definition, value)) in fields.iter().enumerate() {
        let mut definition = definition.clone();
        let name = format!("x_f{at}");
        definition["name"] = json!(name);
        definition["label"] = json!(name);
        add(&ann, "contact", definition.clone()).await;
        own.push(definition);
        values[name] = value.clone();
    }
    ann.post("/api/v1/schema", &project(&own)).await.assert(201);
    for object in ["contact", "x.project"] {
        let mut body = values.clone();
        if object == "contact" {
            body["name"] = json!("N");
        }
        let made = ann.create(object, body.clone()).await;
        let path = format!("/api/v1/records/{object}/{}", made["id"].as_str().unwrap());
        let read = ann.get(&path).await.assert(200).json();
        assert_eq!(made, read);
        for (name, value) in values.as_object().unwrap() {
            assert_eq!(&read[name], value, "{object}.{name}");
            // Empty it, and fill it again.
            let emptied = ann.patch(&path, &json!({name.clone(): null})).await.assert(200).json();
            assert_eq!(emptied[name], json!(null));
            assert_eq!(&ann.patch(&path, &json!({name.clone(): value})).await.assert(200).json()[name], value);
        }
        let listed = ann.all(object, &[("sort", "-created_at")]).await;
        assert_eq!(listed[0]["x_f4"], values["x_f4"]);
    }
}

async fn own_fields_are_filtered_sorted_and_paged(on: On) {
    let TestApp { ann, .. } = TestApp::start(on).await;
    let scores = json!({"name": "x_score", "label": "Score", "type": "decimal", "precision": 9, "scale": 2});
    for is_indexed in [false, true] {
        let object = if is_indexed { "company" } else { "contact" };
        let mut definition = scores.clone();
        definition["indexed"] = json!(is_indexed);
        add(&ann, object, definition).await;
        let mut level = text("x_level");
        level["indexed"] = json!(is_indexed);
        add(&ann, object, level).await;
        add(&ann, object, json!({"name": "x_sum", "label": "S", "type": "money", "indexed": is_indexed})).await;
        for (score, level, sum) in
            [("10.50", "b", "5.00"), ("9.99", "a", "7.00"), ("-1", "c", "6.00"), ("100", "a", "1.00")]
        {
            let sum = json!({"amount": sum, "currency": "EUR"});
            ann.create(object, json!({"name": score, "x_score": score, "x_level": level, "x_sum": sum})).await;
        }
        ann.create(object, json!({"name": "none"})).await;
        let names = async |query: &[(&str, &str)]| -> Vec<String> {
            ann.all(object, query).await.iter().map(|record| record["name"].as_str().unwrap().to_owned()).collect()
        };
        for limit in ["1", "2", "500"] {
            assert_eq!(names(&[("sort", "x_score"), ("limit", limit)]).await, ["-1", "9.99", "10.50", "100", "none"]);
            assert_eq!(
                names(&[("sort", "x_level,-x_score"), ("limit", limit)]).await,
                ["100", "9.99", "10.50", "-1", "none"]
            );
            assert_eq!(names(&[("sort", "-x_sum"), ("limit", limit)]).await, ["9.99", "-1", "10.50", "100", "none"]);
        }
        for (filter, expected) in [
            (json!({"x_score": {"_gt": "9.99"}}), vec!["10.50", "100"]),
            (json!({"x_score": {"_in": ["100", "9.99"]}}), vec!["9.99", "100"]),
            (json!({"x_level": {"_neq": "a"}}), vec!["10.50", "-1", "none"]),
            (json!({"x_level": {"_null": true}}), vec!["none"]),
            (json!({"x_sum": {"_gte": {"amount": "6.00", "currency": "EUR"}}}), vec!["9.99", "-1"]),
            (json!({"x_sum": {"_gte": {"amount": "6.00", "currency": "USD"}}}), vec![]),
        ] {
            assert_eq!(names(&[("filter", &filter.to_string()), ("sort", "created_at")]).await, expected, "{filter}");
        }
    }
}

async fn an_own_object_is_like_any_other(on: On) {
    let TestApp { ann, vic, sam, .. } = TestApp::start(on).await;
    let title = json!({"name": "x_title", "label": "Title", "type": "text", "required": true, "indexed": true});
    let company = json!({"name": "x_client", "label": "Client", "type": "link", "to": "company"});
    ann.post("/api/v1/schema", &project(&[title, company])).await.assert(201);
    let client = ann.create("company", json!({"name": "C"})).await;
    let problem = ann.post("/api/v1/records/x.project", &json!({})).await.problem(422, "validation_failed");
    assert_eq!(problem["errors"][0]["code"], "required");
    let made = ann.create("x.project", json!({"x_title": "Bridge", "x_client": client["id"]})).await;
    let path = format!("/api/v1/records/x.project/{}", made["id"].as_str().unwrap());
    assert_eq!(vic.get(&path).await.assert(200).json(), made);
    vic.patch(&path, &json!({"x_title": "a"})).await.problem(403, "permission_denied");
    sam.get(&path).await.problem(404, "unknown_object");
    let filter = json!({"x_client": {"_eq": client["id"]}}).to_string();
    assert_eq!(
        ann.all("x.project", &[("filter", filter.as_str()), ("sort", "x_title")]).await,
        std::slice::from_ref(&made)
    );
    ann.patch(&path, &json!({"x_title": "Tunnel"})).await.assert(200);
    ann.delete(&path).await.assert(204);
    ann.get(&path).await.problem(404, "not_found");
    // A second object in the same table sees nothing of the first.
    let other = json!({"name": "x.other", "label": "O", "plural": "O", "fields": [text("x_title")]});
    ann.post("/api/v1/schema", &other).await.assert(201);
    let made = ann.create("x.project", json!({"x_title": "Road"})).await;
    ann.get(&format!("/api/v1/records/x.other/{}", made["id"].as_str().unwrap())).await.problem(404, "not_found");
    assert!(ann.all("x.other", &[]).await.is_empty());
    assert_eq!(ann.all("x.project", &[]).await.len(), 1);
}

async fn a_unique_own_field_is_unique(on: On) {
    let TestApp { ann, sam, .. } = TestApp::start(on).await;
    for actor in [&ann, &sam] {
        let mail = json!({"name": "x_mail", "label": "M", "type": "email", "unique": true});
        let number = json!({"name": "x_number", "label": "N", "type": "integer", "unique": true});
        add(actor, "contact", mail.clone()).await;
        actor.post("/api/v1/schema", &project(&[mail, number])).await.assert(201);
    }
    for object in ["contact", "x.project"] {
        let body = |mail: &str| {
            if object == "contact" { json!({"name": "n", "x_mail": mail}) } else { json!({"x_mail": mail}) }
        };
        let path = format!("/api/v1/records/{object}");
        let first = ann.create(object, body("Ann@X.com")).await;
        sam.create(object, body("ann@x.com")).await;
        let problem = ann.post(&path, &body("ann@x.com")).await.problem(409, "duplicate");
        assert_eq!(problem["existing_id"], first["id"]);
        assert_eq!(problem["errors"][0]["field"], "x_mail");
        ann.delete(&format!("{path}/{}", first["id"].as_str().unwrap())).await.assert(204);
        ann.create(object, body("ann@x.com")).await;
        let found = ann.all(object, &[("filter", r#"{"x_mail":{"_eq":"ANN@x.com"}}"#)]).await;
        assert_eq!(found.len(), 1);
    }
    for number in [7, 10, 9] {
        ann.create("x.project", json!({"x_number": number})).await;
    }
    let found = ann.all("x.project", &[("filter", r#"{"x_number":{"_gte":9}}"#), ("sort", "x_number")]).await;
    assert_eq!(found.iter().map(|record| record["x_number"].as_i64().unwrap()).collect::<Vec<_>>(), [9, 10]);
}

async fn a_dry_run_only_says(on: On) {
    let TestApp { ann, .. } = TestApp::start(on).await;
    let before = ann.get("/api/v1/schema").await.assert(200).text;
    let dry = ann.with("prefer", "return=minimal, dry-run");
    let reply = dry.post("/api/v1/schema/contact/fields", &text("x_level")).await.assert(200);
    assert_eq!(reply.header("preference-applied"), "dry-run");
    assert_eq!(reply.json()["changes"], json!(["+ field contact.x_level text"]));
    dry.post("/api/v1/schema", &project(&[text("x_a")])).await.assert(200);
    dry.post("/api/v1/schema/contact/fields", &text("level")).await.problem(422, "validation_failed");
    assert_eq!(ann.get("/api/v1/schema").await.text, before);
}

async fn an_existing_field_becomes_indexed(on: On) {
    let TestApp { ann, .. } = TestApp::start(on).await;
    add(&ann, "contact", text("x_level")).await;
    add(&ann, "contact", json!({"name": "x_score", "label": "S", "type": "integer"})).await;
    for (level, score) in [("b", 2), ("a", 10), ("c", 1)] {
        ann.create("contact", json!({"name": "n", "x_level": level, "x_score": score})).await;
    }
    for field in ["x_level", "x_score"] {
        ann.patch(&format!("/api/v1/schema/contact/fields/{field}"), &json!({"indexed": true})).await.assert(200);
    }
    ann.create("contact", json!({"name": "n", "x_level": "a", "x_score": 5})).await;
    let found = ann.all("contact", &[("filter", r#"{"x_level":{"_eq":"a"}}"#), ("sort", "x_score")]).await;
    assert_eq!(found.iter().map(|one| one["x_score"].as_i64().unwrap()).collect::<Vec<_>>(), [5, 10]);
}

async fn two_tenants_name_the_same(on: On) {
    let TestApp { ann, sam, .. } = TestApp::start(on).await;
    add(&ann, "contact", json!({"name": "x_level", "label": "L", "type": "integer", "indexed": true})).await;
    add(&sam, "contact", json!({"name": "x_other", "label": "O", "type": "datetime", "indexed": true})).await;
    add(&sam, "contact", json!({"name": "x_level", "label": "L", "type": "text", "indexed": true})).await;
    ann.create("contact", json!({"name": "a", "x_level": 5})).await;
    sam.create("contact", json!({"name": "s", "x_level": "5", "x_other": "2026-01-01"})).await;
    let found = ann.all("contact", &[("filter", r#"{"x_level":{"_eq":5}}"#)]).await;
    assert_eq!((found.len(), &found[0]["x_level"]), (1, &json!(5)));
    let found = sam.all("contact", &[("filter", r#"{"x_level":{"_eq":"5"}}"#)]).await;
    assert_eq!((found.len(), &found[0]["name"]), (1, &json!("s")));
}

async fn a_field_is_added_while_records_are_written(on: On) {
    let TestApp { ann, .. } = TestApp::start(on).await;
    let record = ann.create("contact", json!({"name": "0"})).await;
    let path = format!("/api/v1/records/contact/{}", record["id"].as_str().unwrap());
    let writer = {
        let (ann, path) = (ann.clone(), path.clone());
        tokio::spawn(async move {
            for number in 1..=40 {
                ann.patch(&path, &json!({"name": number.to_string()})).await.assert(200);
                ann.create("contact", json!({"name": "beside"})).await;
            }
        })
    };
    let mut adders = Vec::new();
    for number in 0..6 {
        let ann = ann.clone();
        adders.push(tokio::spawn(async move { add(&ann, "contact", text(&format!("x_f{number}"))).await }));
    }
    for adder in adders {
        adder.await.unwrap();
    }
    ann.patch(&path, &json!({"x_f0": "set", "x_f5": "too"})).await.assert(200);
    writer.await.unwrap();
    let read = ann.get(&path).await.json();
    assert_eq!((&read["name"], &read["x_f0"], &read["x_f5"]), (&json!("40"), &json!("set"), &json!("too")));
    assert_eq!(ann.get("/api/v1/schema").await.json()["version"], 6);
    assert_eq!(ann.all("contact", &[]).await.len(), 41);
}

async fn a_node_that_knows_an_older_schema_loses_nothing(on: On) {
    let test = TestApp::start(on).await;
    let ann = &test.ann;
    add(ann, "contact", text("x_old")).await;
    let record = ann.create("contact", json!({"name": "n", "x_old": "1"})).await;
    let path = format!("/api/v1/records/contact/{}", record["id"].as_str().unwrap());
    // A second node that has just looked at the schema.
    let second = test.second_node().await;
    second.get(&path).await.assert(200);
    add(ann, "contact", text("x_new")).await;
    ann.patch(&path, &json!({"x_new": "2"})).await.assert(200);
    second.patch(&path, &json!({"x_old": "3"})).await.assert(200);
    let read = ann.get(&path).await.json();
    assert_eq!((&read["x_old"], &read["x_new"]), (&json!("3"), &json!("2")));
}

async fn links_go_to_many_and_to_any(on: On) {
    let TestApp { ann, sam, .. } = TestApp::start(on).await;
    let vip = ann.create("tag", json!({"name": "vip"})).await;
    let press = ann.create("tag", json!({"name": "press"})).await;
    let foreign = sam.create("tag", json!({"name": "vip"})).await;
    let made = ann.create("contact", json!({"name": "n", "tags": [vip["id"], press["id"], vip["id"]]})).await;
    assert_eq!(made["tags"], json!([vip["id"], press["id"]]));
    let path = format!("/api/v1/records/contact/{}", made["id"].as_str().unwrap());
    for wrong in [json!([foreign["id"]]), json!(["no id"]), json!("x"), json!([made["id"]])] {
        ann.patch(&path, &json!({"tags": wrong})).await.problem(422, "validation_failed");
    }
    let cleared = ann.patch(&path, &json!({"tags": []})).await.assert(200).json();
    assert_eq!(cleared["tags"], json!(null));
    let order =
        json!({"contact": made["id"], "placed_at": "2026-01-01", "total": {"amount": "5.00", "currency": "EUR"}});
    let order = ann.create("order", order).await;
    let about = json!({"object": "order", "id": order["id"]});
    let task = ann.create("task", json!({"title": "Call", "about": about})).await;
    assert_eq!(task["about"], about);
    for wrong in [
        json!({"object": "contact", "id": made["id"]}),
        json!({"object": "order", "id": made["id"]}),
        json!({"object": "order"}),
        json!(order["id"]),
    ] {
        ann.post("/api/v1/records/task", &json!({"title": "t", "about": wrong}))
            .await
            .problem(422, "validation_failed");
    }
}

async fn numbers_are_given_once(on: On) {
    let TestApp { ann, sam, .. } = TestApp::start(on).await;
    let number =
        json!({"name": "x_number", "label": "No.", "type": "autonumber", "format": "P-{0000}", "unique": true});
    for actor in [&ann, &sam] {
        actor.post("/api/v1/schema", &project(&[text("x_title"), number.clone()])).await.assert(201);
    }
    let mut makers = Vec::new();
    for _ in 0..20 {
        let ann = ann.clone();
        makers.push(tokio::spawn(async move { ann.create("x.project", json!({})).await["x_number"].clone() }));
    }
    let mut numbers = Vec::new();
    for maker in makers {
        numbers.push(maker.await.unwrap().as_str().unwrap().to_owned());
    }
    numbers.sort_unstable();
    let expected: Vec<String> = (1..=20).map(|number| format!("P-{number:04}")).collect();
    assert_eq!(numbers, expected);
    assert_eq!(sam.create("x.project", json!({})).await["x_number"], "P-0001");
    let problem = ann.post("/api/v1/records/x.project", &json!({"x_number": "P-7"})).await;
    assert_eq!(problem.problem(422, "validation_failed")["errors"][0]["code"], "read_only");
}
