//! The payment plan of a contract.

use b2b_rules::pages;
use guildhall_sdk::{Fault, Value, filter, json};

use super::{amount, metric, row, table};
use crate::read;
use crate::words::Language;

/// What the table has.
const COLUMNS: [(&str, &str, &str); 7] = [
    ("line", "Line", "text"),
    ("trigger", "Trigger", "text"),
    ("due", "Due on", "date"),
    ("amount", "Amount", "money"),
    ("invoiced", "Invoiced", "money"),
    ("received", "Received", "money"),
    ("status", "Status", "badge"),
];

pub fn render(id: &str, language: Language) -> Result<Value, Fault> {
    let contract = read::need("b2b.contract", id)?;
    let mut lines = pages::all("b2b.plan_line", &filter::eq("contract", id))?;
    lines.sort_by_key(|line| (line.integer("position"), line.id().to_owned()));
    let rows: Vec<Value> = lines
        .iter()
        .map(|line| {
            let status = line.text("status").unwrap_or_default();
            json!({
                "cells": {
                    "line": line.text("name"),
                    "trigger": line.text("trigger"),
                    "due": line.date("due_on"),
                    "amount": amount(line, "amount"),
                    "invoiced": amount(line, "invoiced"),
                    "received": amount(line, "received"),
                    "status": status,
                },
                "tone": tone(status),
                "href": format!("/api/v1/records/b2b.plan_line/{}", line.id()),
            })
        })
        .collect();
    let say = |word| language.say(word);
    let sums = [("Agreed", "agreed"), ("Planned", "planned"), ("Invoiced", "invoiced"), ("Received", "received")];
    Ok(json!({"type": "stack", "title": say("Payment plan"), "children": [
        row(sums.map(|(label, field)| metric(say(label), amount(&contract, field))).to_vec()),
        table(language, &COLUMNS, rows, "No lines yet."),
    ]}))
}

fn tone(status: &str) -> &'static str {
    match status {
        "overdue" => "bad",
        "ready_to_invoice" => "info",
        "partially_paid" => "warning",
        "paid" => "good",
        _ => "neutral",
    }
}
