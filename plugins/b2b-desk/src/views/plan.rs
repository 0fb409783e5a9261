//! The payment plan of a contract.

use b2b_rules::pages;
use guildhall_sdk::{Fault, Value, filter, json};

use super::{amount, column, metric, row};
use crate::read;
use crate::words::Language;

/// The most rows of a table.
const MOST: usize = 500;

pub fn render(id: &str, language: Language) -> Result<Value, Fault> {
    let contract = read::need("b2b.contract", id)?;
    let mut lines = pages::all("b2b.plan_line", &filter::eq("contract", id))?;
    lines.sort_by_key(|line| (line.integer("position"), line.id().to_owned()));
    let rows: Vec<Value> = lines
        .iter()
        .take(MOST)
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
        {
            "type": "table",
            "columns": [
                column("line", say("Line"), "text"),
                column("trigger", say("Trigger"), "text"),
                column("due", say("Due on"), "date"),
                column("amount", say("Amount"), "money"),
                column("invoiced", say("Invoiced"), "money"),
                column("received", say("Received"), "money"),
                column("status", say("Status"), "badge"),
            ],
            "rows": rows,
            "empty": say("No lines yet."),
        },
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
