//! A page with the open tasks.

use guildhall_sdk::{Fault, Query, Record, Value, View, filter, json, records, register};

struct Plugin;

impl View for Plugin {
    fn render(name: &str, _input: Value) -> Result<Value, Fault> {
        if name != "overview" {
            return Err(Fault::new("unknown_view", format!("There is no view {name}.")));
        }
        let open = Query::new().filter(filter::eq("status", "open")).sort(["title"]).limit(100);
        let rows: Vec<Value> = records::query("task", open)?.iter().map(row).collect();
        Ok(json!({
            "type": "table",
            "title": "Open tasks",
            "columns": [{ "key": "title", "label": "Task" }],
            "rows": rows,
            "empty": "Everything is done.",
        }))
    }
}

fn row(task: &Record) -> Value {
    json!({ "cells": { "title": task.text("title") } })
}

register!(Plugin: View);
