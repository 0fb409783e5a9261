//! What is a view, and where it is said that something is none.

use serde_json::{Value as Json, json};

use super::*;

fn path_of(view: &Json) -> String {
    read(&view.to_string(), &|name| name == "settle").map_or_else(|wrong| wrong.path, |_| "fine".to_owned())
}

#[test]
fn every_component_passes() {
    let all = json!({"type": "stack", "title": "All", "children": [
        {"type": "table", "columns": [{"key": "name", "label": "Name", "kind": "link"}], "empty": "None",
            "rows": [{"cells": {"name": "Ann", "count": 3, "gone": null}, "href": "/records/contact/1", "tone": "good"}]},
        {"type": "form", "action": "settle", "submit": "Do", "values": {"id": 1}, "fields": [
            {"name": "why", "label": "Why", "kind": "select", "options": [{"value": 1, "label": "One"}], "required": true}]},
        {"type": "board", "lanes": [{"title": "New", "cards": [{"title": "A", "badge": "b", "href": "https://example.com/a?b=c"}]}]},
        {"type": "timeline", "items": [{"at": "2026-01-01T00:00:00Z", "title": "Came"}]},
        {"type": "metric", "label": "Count", "value": 12, "unit": "pt", "change": "+3", "tone": "info"},
        {"type": "chart", "kind": "bar", "series": [{"name": "a", "data": [{"label": "x", "value": 1.5}]}]},
        {"type": "text", "text": "<script>alert(1)</script>", "style": "code"},
        {"type": "badge", "text": "new"},
        {"type": "button", "label": "Go", "action": "settle", "input": {"id": "1"}, "confirm": "Sure?", "style": "danger"},
        {"type": "tabs", "tabs": [{"title": "One", "children": [{"type": "link", "label": "l", "href": "/x"}]}]},
    ]});
    assert_eq!(path_of(&all), "fine");
}

#[test]
fn what_is_wrong_is_named_by_its_path() {
    let text = |text: &str| json!({"type": "text", "text": text});
    let link = |href: &str| json!({"type": "link", "label": "l", "href": href});
    for (view, path) in [
        (json!([]), "$"),
        (json!({"text": "a"}), "$"),
        (json!({"type": "html", "html": "<b>"}), "$"),
        (json!({"type": "text", "text": "a", "onclick": "x"}), "$"),
        (json!({"type": "text"}), "$"),
        (json!({"type": "text", "text": 1}), "$.text"),
        (json!({"type": "text", "text": "a", "style": "red"}), "$.style"),
        (
            json!({"type": "stack", "children": [text("a"), {"type": "button", "label": "b", "action": "other"}]}),
            "$.children[1].action",
        ),
        (json!({"type": "stack", "children": {}}), "$.children"),
        (json!({"type": "table", "columns": [{"key": "Name", "label": "n"}], "rows": []}), "$.columns[0].key"),
        (json!({"type": "table", "columns": [], "rows": [{"cells": {"a": {"b": 1}}}]}), "$.rows[0].cells.a"),
        (json!({"type": "table", "columns": [], "rows": [{"cells": {}, "html": ""}]}), "$.rows[0]"),
        (
            json!({"type": "chart", "kind": "bar", "series": [{"name": "a", "data": [{"label": "x", "value": "1"}]}]}),
            "$.series[0].data[0].value",
        ),
        (json!({"type": "tabs", "tabs": [{"title": "a", "children": [{"type": "nope"}]}]}), "$.tabs[0].children[0]"),
        (text(&"a".repeat(MAX_TEXT + 1)), "$.text"),
        (link("http://example.com/"), "$.href"),
        (link("javascript:alert(1)"), "$.href"),
        (link("JaVaScRiPt:alert(1)"), "$.href"),
        (link("data:text/html,x"), "$.href"),
        (link("//example.com/"), "$.href"),
        (link("/\\example.com/"), "$.href"),
        (link("https:example.com"), "$.href"),
        (link("https://a:b@example.com/"), "$.href"),
        (link("https://example.com/\n"), "$.href"),
        (link("/\t/example.com"), "$.href"),
        (link(&format!("/{}", "a".repeat(MAX_URL))), "$.href"),
        (link(""), "$.href"),
        (link("records"), "$.href"),
    ] {
        assert_eq!(path_of(&view), path, "{view}");
    }
}

#[test]
fn sizes_are_bounded() {
    let text = json!({"type": "text", "text": "a"});
    let mut deep = text.clone();
    for _ in 0..MAX_DEPTH - 1 {
        deep = json!({"type": "stack", "children": [deep]});
    }
    assert_eq!(path_of(&deep), "fine");
    assert_eq!(
        path_of(&json!({"type": "stack", "children": [deep]})),
        format!("${}", ".children[0]".repeat(MAX_DEPTH))
    );
    let many = |count: usize| json!({"type": "stack", "children": vec![text.clone(); count]});
    assert_eq!(path_of(&many(MAX_ITEMS)), "fine");
    assert_eq!(path_of(&many(MAX_ITEMS + 1)), "$.children");
    let wide = json!({"type": "stack", "children": vec![many(MAX_ITEMS); 4]});
    assert_eq!(path_of(&wide), "$.children[3].children[495]");
    assert_eq!(path_of(&json!({"type": "text", "text": "a".repeat(MAX_BYTES)})), "$");
    assert!(read("{\"type\"", &|_| true).is_err());
}
