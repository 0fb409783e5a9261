//! The report: the forecast of the next months, what was won and lost in the last ones, and why.

use guildhall_sdk::{Fault, Value, json};
use sales_rules::day::Period;

use crate::words::{self, Words};
use crate::{ask, forecast, win_loss};

pub fn draw(params: &Value) -> Result<Value, Fault> {
    let words = Words::of(params);
    let today = ask::now()?.day();
    let mut asked = json!({"from": today.start_of(Period::Month).to_string(), "periods": 6});
    let mut past = json!({"from": today.start_after(Period::Month, -2).to_string(), "periods": 3});
    for name in ["pipeline", "owner", "team"] {
        if let Some(value) = ask::text(params, name) {
            asked[name] = json!(value);
        }
    }
    if let Some(pipeline) = ask::text(params, "pipeline") {
        past["pipeline"] = json!(pipeline);
    }
    let (forecast, past) = (forecast::run(&asked)?, win_loss::run(&past)?);
    Ok(json!({"type": "stack", "title": words.say(words::REPORT), "children": [
        {"type": "stack", "direction": "horizontal", "children": [
            metric(words.say(words::WIN_RATE), past["win_rate"].as_str().unwrap_or("–")),
            metric(words.say(words::WON), &past["won"]["deals"].to_string()),
            metric(words.say(words::LOST), &past["lost"]["deals"].to_string()),
        ]},
        table(words, &forecast),
        {"type": "chart", "kind": "bar", "title": words.say(words::REASONS), "series": [reasons(words, &past)]},
    ]}))
}

fn metric(label: &str, value: &str) -> Value {
    json!({"type": "metric", "label": label, "value": value})
}

fn table(words: Words, forecast: &Value) -> Value {
    let column = |key: &str, word| json!({"key": key, "label": words.say(word), "kind": "text"});
    let columns = [
        column("period", words::PERIOD),
        column("currency", words::CURRENCY),
        column("deals", words::OPEN_DEALS),
        column("amount", words::AMOUNT),
        column("weighted", words::WEIGHTED),
        column("won", words::WON),
        column("expected", words::EXPECTED),
    ];
    let row = |row: &Value| {
        json!({"cells": {
            "period": row["period"],
            "currency": row["currency"],
            "deals": row["open"]["deals"],
            "amount": row["open"]["amount"],
            "weighted": row["open"]["weighted"],
            "won": row["won"]["amount"],
            "expected": row["expected"],
        }})
    };
    let rows: Vec<Value> = forecast["rows"].as_array().into_iter().flatten().map(row).collect();
    json!({"type": "table", "title": words.say(words::FORECAST), "columns": columns, "rows": rows})
}

fn reasons(words: Words, past: &Value) -> Value {
    let bar =
        |row: &Value| json!({"label": words.reason(row["reason"].as_str().unwrap_or_default()), "value": row["deals"]});
    let data: Vec<Value> = past["lost_reasons"].as_array().into_iter().flatten().map(bar).collect();
    json!({"name": words.say(words::DEALS), "data": data})
}
