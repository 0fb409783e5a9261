//! Definitions and values that are refused.

use serde_json::json;

use crate::schema::{add, project, text};
use crate::support::{On, TestApp};

both!(
    what_would_break_is_refused
    wrong_definitions_are_refused
    wrong_values_of_every_type_are_refused
);

async fn what_would_break_is_refused(on: On) {
    let TestApp { ann, vic, .. } = TestApp::start(on).await;
    let level = json!({"name": "x_level", "label": "L", "type": "select", "options": [{"value": "a", "label": "A"}]});
    add(&ann, "contact", level.clone()).await;
    ann.post("/api/v1/schema", &project(&[text("x_title")])).await.assert(201);
    let field = "/api/v1/schema/contact/fields/x_level";
    for (path, patch, reason) in [
        (field, json!({"type": "text"}), "cannot change"),
        (field, json!({"unique": true}), "cannot change"),
        (field, json!({"name": "x_b"}), "cannot change"),
        (field, json!({"required": true}), "cannot change"),
        (field, json!({"options": [{"value": "b", "label": "B"}]}), "would be lost"),
        ("/api/v1/schema/x.project", json!({"name": "x.a"}), "cannot change"),
        ("/api/v1/schema/x.project", json!({"fields": []}), "cannot change"),
    ] {
        let problem = ann.patch(path, &patch).await.problem(409, "refused");
        assert!(problem["detail"].as_str().unwrap().contains(reason), "{problem}");
    }
    ann.post("/api/v1/schema/contact/fields", &level).await.problem(409, "refused");
    ann.post("/api/v1/schema", &project(&[])).await.problem(409, "refused");
    ann.patch("/api/v1/schema/contact/fields/x_none", &json!({"label": "a"})).await.problem(404, "not_found");
    ann.patch("/api/v1/schema/contact", &json!({"label": "a"})).await.problem(404, "not_found");
    ann.patch("/api/v1/schema/contact/fields/email", &json!({"label": "a"})).await.problem(404, "not_found");
    ann.delete(field).await.problem(405, "method_not_allowed");
    vic.post("/api/v1/schema/contact/fields", &text("x_v")).await.problem(403, "permission_denied");
    let stale = ann.with("if-match", "\"1\"").patch(field, &json!({"label": "a"})).await;
    stale.problem(412, "stale_version");
    ann.with("if-match", "\"2\"").patch(field, &json!({"label": "a"})).await.assert(200);
}

async fn wrong_definitions_are_refused(on: On) {
    let TestApp { ann, .. } = TestApp::start(on).await;
    for definition in [
        json!({}),
        json!({"name": "level", "label": "L", "type": "text"}),
        json!({"name": "x_Level", "label": "L", "type": "text"}),
        json!({"name": "x_a; drop table", "label": "L", "type": "text"}),
        json!({"name": "x_a'", "label": "L", "type": "text"}),
        json!({"name": "x_level", "label": "L", "type": "colour"}),
        json!({"name": "x_level", "label": "L", "type": "decimal"}),
        json!({"name": "x_level", "label": "L", "type": "select"}),
        json!({"name": "x_level", "label": "L", "type": "link"}),
        json!({"name": "x_level", "label": "L", "type": "json", "unique": true}),
        json!({"name": "x_level", "label": "L", "type": "json", "indexed": true}),
        json!({"name": "x_level", "label": "L", "type": "text", "colour": "red"}),
        json!({"name": "x_level", "label": "L", "type": "text", "default": 7}),
        json!({"name": "x_level", "label": "L", "type": "autonumber", "format": "x"}),
        json!({"name": "x_level", "label": "L", "type": "formula", "expression": "1"}),
        json!({"name": "x_level", "label": "L", "type": "formula", "returns": "text"}),
        json!({"name": "x_level", "label": "L", "type": "formula", "returns": "text", "expression": "1 +"}),
        json!({"name": "x_level", "label": "L", "type": "formula", "returns": "integer", "expression": "name"}),
        json!({"name": "x_level", "label": "L", "type": "formula", "returns": "integer", "expression": "name * 2"}),
        json!({"name": "x_level", "label": "L", "type": "rollup"}),
        json!({"name": "x_level", "label": "L", "type": "rollup", "rollup": {"function": "sum", "object": "order", "link": "contact"}}),
        json!({"name": "x_level", "label": "L", "type": "text", "encrypted": true, "unique": true}),
    ] {
        let problem = ann.post("/api/v1/schema/contact/fields", &definition).await.problem(422, "validation_failed");
        assert_eq!(problem["errors"][0]["code"], "invalid_definition", "{definition}");
    }
    for definition in [
        json!({"name": "x_level", "label": "L", "type": "link", "to": "nothing"}),
        json!({"name": "x_level", "label": "L", "type": "formula", "returns": "text", "expression": "nothing"}),
        json!({"name": "x_level", "label": "L", "type": "text", "required": true}),
    ] {
        ann.post("/api/v1/schema/contact/fields", &definition).await.problem(409, "refused");
    }
    for number in 0..4 {
        let mut field = text(&format!("x_f{number}"));
        field["indexed"] = json!(true);
        add(&ann, "contact", field).await;
    }
    let mut fifth = text("x_f5");
    fifth["indexed"] = json!(true);
    let problem = ann.post("/api/v1/schema/contact/fields", &fifth).await.problem(409, "refused");
    assert!(problem["detail"].as_str().unwrap().contains("has 4 such places"));
    ann.post("/api/v1/schema/nothing/fields", &text("x_a")).await.problem(404, "not_found");
}

async fn wrong_values_of_every_type_are_refused(on: On) {
    let TestApp { ann, .. } = TestApp::start(on).await;
    let options = json!([{"value": "a", "label": "A"}]);
    let many: Vec<String> = (0..201).map(|_| "a".to_owned()).collect();
    let fields = [
        (json!({"type": "text", "max_length": 5}), vec![json!(7), json!("toolong"), json!("a\0"), json!("a\nb")]),
        (json!({"type": "integer"}), vec![json!("7"), json!(1.5), json!(1e300), json!(true)]),
        (
            json!({"type": "decimal", "precision": 5, "scale": 2}),
            vec![json!(1.5), json!("1.555"), json!("12345"), json!("NaN"), json!("1e3")],
        ),
        (
            json!({"type": "money"}),
            vec![
                json!("5"),
                json!({"amount": 5, "currency": "EUR"}),
                json!({"amount": "5"}),
                json!({"amount": "5.001", "currency": "EUR"}),
            ],
        ),
        (json!({"type": "boolean"}), vec![json!("true"), json!(1)]),
        (json!({"type": "date"}), vec![json!("2026-02-30"), json!("26-01-01"), json!(20_260_101), json!("0000-01-01")]),
        (json!({"type": "datetime"}), vec![json!("yesterday"), json!("2026-01-01T25:00:00Z"), json!(0)]),
        (json!({"type": "select", "options": options}), vec![json!("b"), json!(["a"])]),
        (json!({"type": "multi_select", "options": options}), vec![json!("a"), json!(["b"]), json!([1]), json!(many)]),
        (json!({"type": "email"}), vec![json!("ann"), json!("a@b"), json!("a b@c.de")]),
        (json!({"type": "phone"}), vec![json!("030"), json!("+0123456789"), json!("++49301234")]),
        (json!({"type": "url"}), vec![json!("javascript:alert(1)"), json!("example.com"), json!("http://")]),
        (json!({"type": "json"}), vec![json!("a\0"), json!({"a\0": 1})]),
        (json!({"type": "link", "to": "company"}), vec![json!("x"), json!("01a20031-9c4a-7239-8605-04c662a595e1")]),
        (json!({"type": "user"}), vec![json!("x"), json!("01a20031-9c4a-7239-8605-04c662a595e1")]),
        (json!({"type": "file"}), vec![json!("01a20031-9c4a-7239-8605-04c662a595e1")]),
    ];
    for (at, (definition, wrong)) in fields.into_iter().enumerate() {
        let mut definition = definition;
        let name = format!("x_f{at}");
        definition["name"] = json!(name);
        definition["label"] = json!(name);
        add(&ann, "contact", definition).await;
        for value in wrong {
            let reply = ann.post("/api/v1/records/contact", &json!({"name": "n", name.clone(): value})).await;
            let problem = reply.problem(422, "validation_failed");
            assert_eq!(problem["errors"][0]["field"], name, "{value}");
        }
    }
    assert!(ann.all("contact", &[]).await.is_empty());
}
