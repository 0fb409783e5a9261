//! Views of modules: checked trees, and nothing else.

use serde_json::{Value as Json, json};

use crate::support::{Actor, On, Reply, TestApp};
use crate::workshop::{WORKSHOP, enable, run, start};

both!(
    a_page_and_a_panel_are_shown
    a_tree_that_is_none_is_told_by_its_path
    a_view_changes_nothing
    views_that_are_not_there_are_all_the_same
);

const PAGE: &str = "/api/v1/modules/test.workshop/views/page";
const PANEL: &str = "/api/v1/modules/test.workshop/views/panel";

async fn with(actor: &Actor, path: &str, pairs: &[(&str, &str)]) -> Reply {
    let mut query = form_urlencoded::Serializer::new(String::new());
    query.extend_pairs(pairs);
    actor.get(&format!("{path}?{}", query.finish())).await
}

fn text_of(view: &Json) -> Json {
    serde_json::from_str(view["children"][0]["text"].as_str().unwrap()).unwrap()
}

async fn a_page_and_a_panel_are_shown(on: On) {
    let TestApp { ann, vic, .. } = start(on).await;
    let page = ann.get(PAGE).await.assert(200).json();
    assert_eq!((&page["type"], &page["title"]), (&json!("stack"), &json!("page")));
    let contact = ann.create("contact", json!({"name": "Ann"})).await;
    let id = contact["id"].as_str().unwrap();
    for actor in [&ann, &vic] {
        let panel = with(actor, PANEL, &[("object", "contact"), ("id", id)]).await.assert(200).json();
        assert_eq!((&text_of(&panel)["object"], &text_of(&panel)["id"]), (&json!("contact"), &json!(id)));
    }
    with(&ann, PANEL, &[]).await.problem(422, "validation_failed");
    with(&ann, PANEL, &[("object", "company"), ("id", id)]).await.problem(422, "validation_failed");
    with(&ann, PANEL, &[("id", "01a20031-9c4a-7239-8605-04c662a595e1")]).await.problem(404, "not_found");
    with(&ann, PANEL, &[("id", "nothing")]).await.problem(404, "not_found");
    with(&ann, PAGE, &[("id", id)]).await.problem(422, "validation_failed");
    with(&ann, PAGE, &[("a", "1"), ("a", "2")]).await.problem(400, "invalid_parameter");
    // Who may not read the record has no panel beside it.
    let role = json!({"name": "clerk", "label": "Clerk", "rules": [{"objects": ["#actions", "company"], "actions": ["read"]}]});
    ann.post("/api/v1/roles", &role).await.assert(201);
    let key = ann
        .post("/api/v1/api-keys", &json!({"name": "Carl", "service": true, "role": "clerk"}))
        .await
        .assert(201)
        .json();
    let carl = ann.with_key(key["key"].as_str().unwrap());
    carl.get(PAGE).await.assert(200);
    assert!(matches!(with(&carl, PANEL, &[("id", id)]).await.status.as_u16(), 403 | 404));
}

async fn a_tree_that_is_none_is_told_by_its_path(on: On) {
    let TestApp { ann, .. } = start(on).await;
    let text = |text: &str| json!({"type": "text", "text": text});
    for (tree, path) in [
        (json!({"type": "html", "html": "<b>"}), "`$`"),
        (
            json!({"type": "stack", "children": [text("a"), {"type": "button", "label": "b", "action": "none"}]}),
            "`$.children[1].action`",
        ),
        (json!({"type": "link", "label": "l", "href": "javascript:alert(1)"}), "`$.href`"),
        (json!({"type": "text", "text": "a", "onclick": "alert(1)"}), "`$`"),
        (json!([1]), "`$`"),
    ] {
        let problem = with(&ann, PAGE, &[("tree", &tree.to_string())]).await.problem(422, "plugin_error");
        assert!(problem["detail"].as_str().unwrap().contains(path), "{tree}: {problem}");
    }
    // So many wrong answers have suspended it; its admin has looked.
    enable(&ann, WORKSHOP, &json!({})).await;
    let fine = json!({"type": "button", "label": "Run", "action": "run"});
    assert_eq!(with(&ann, PAGE, &[("tree", &fine.to_string())]).await.assert(200).json(), fine);
}

async fn a_view_changes_nothing(on: On) {
    let TestApp { ann, .. } = start(on).await;
    let steps = json!({"steps": [
        {"do": "kv_get", "key": "a"},
        {"do": "kv_set", "key": "a", "value": "1"},
        {"do": "http", "url": "http://localhost:1/"},
        {"do": "enqueue", "name": "a", "input": {}},
        {"do": "create", "object": "workshop.note", "fields": {"title": "a"}},
    ]});
    let view = with(&ann, PAGE, &[("steps", &steps.to_string())]).await.assert(200).json();
    let results = text_of(&view)["results"].clone();
    assert_eq!(results[0], json!({"ok": null}));
    for at in 1..5 {
        assert_eq!(results[at]["fault"], "not_allowed_here", "{results}");
    }
    assert_eq!(run(&ann, json!([{"do": "kv_get", "key": "a"}])).await, [json!({"ok": null})]);
}

async fn views_that_are_not_there_are_all_the_same(on: On) {
    let test = start(on).await;
    for path in ["/api/v1/modules/test.workshop/views/none", "/api/v1/modules/test.none/views/page"] {
        test.ann.get(path).await.problem(404, "not_found");
    }
    test.sam.get(PAGE).await.problem(404, "not_found");
    test.anon.get(PAGE).await.problem(401, "unauthenticated");
    enable(&test.ann, WORKSHOP, &json!({"enabled": false})).await;
    test.ann.get(PAGE).await.problem(404, "not_found");
}
