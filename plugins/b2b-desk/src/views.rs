//! What people see: the schedule of an engagement, the plan of a contract, a customer, and the board of all engagements.

mod account;
mod board;
mod gantt;
mod plan;

use guildhall_sdk::{Fault, Money, Record, Value, json};

use crate::read;
use crate::settings::Settings;
use crate::words::Language;

/// The view of that name.
pub fn render(name: &str, input: &Value) -> Result<Value, Fault> {
    let settings = Settings::get()?;
    let language = Language::of(read::text(&input["params"], "lang").unwrap_or(&settings.language));
    let id = read::text(input, "id").unwrap_or_default();
    match name {
        "gantt" => gantt::render(id, &settings, language),
        "plan" => plan::render(id, language),
        "account" => account::render(id, language),
        "board" => board::render(language),
        _ => Err(Fault::new("unknown_view", format!("There is no view {name}."))),
    }
}

fn metric(label: &str, value: Value) -> Value {
    let mut metric = json!({"type": "metric", "label": label});
    metric["value"] = value;
    metric
}

/// A table; each column has a key, a label to be said, and a kind.
fn table(language: Language, columns: &[(&str, &'static str, &str)], rows: Vec<Value>, empty: &'static str) -> Value {
    let column = |(key, label, kind): &(&str, &'static str, &str)| json!({"key": key, "label": language.say(label), "kind": kind});
    let columns: Vec<Value> = columns.iter().map(column).collect();
    let mut table = json!({"type": "table", "columns": columns, "empty": language.say(empty)});
    table["rows"] = Value::Array(rows);
    table
}

fn amount(record: &Record, field: &str) -> Value {
    record.money(field).map(|amount: Money| json!(amount.to_string())).unwrap_or_default()
}

fn row(metrics: Vec<Value>) -> Value {
    let mut row = json!({"type": "stack", "direction": "horizontal"});
    row["children"] = Value::Array(metrics);
    row
}
