//! What people see: the member beside a contact, and the programme as a page. `lang=zh` shows them in Chinese.

mod words;

use guildhall_sdk::{Fault, Value, json};

use crate::calendar::date;
use crate::figures;
use crate::settings::Settings;
use words::Words;

/// The view of that name.
pub fn render(name: &str, input: &Value) -> Result<Value, Fault> {
    let words = Words::of(input["params"]["lang"].as_str());
    match name {
        "member" => member(input["id"].as_str().unwrap_or_default(), &words),
        "programme" => programme(&words),
        _ => Err(Fault::new("unknown_view", format!("There is no view {name}."))),
    }
}

fn metric(label: &str, value: Value) -> Value {
    let value = if value.is_array() || value.is_object() { value.to_string().into() } else { value };
    json!({"type": "metric", "label": label, "value": value})
}

/// The member that a contact is, with the history that is left to tell.
fn member(contact: &str, words: &Words) -> Result<Value, Fault> {
    let customer = figures::customer(contact)?;
    let member = &customer["member"];
    if member.is_null() {
        let enrol = json!({
            "type": "button", "label": words.get("Enrol"), "action": "enrol", "style": "primary",
            "input": {"key": format!("enrol-{contact}"), "contact": contact},
        });
        let told = json!({"type": "text", "text": words.get("No member yet")});
        return Ok(json!({"type": "stack", "children": [told, enrol]}));
    }
    let figures = ["active", "pending", "owed", "lifetime_earned", "spent", "expired"];
    let labels = ["To spend", "Pending", "Owed", "Earned in all", "Spent", "Expired"];
    let metrics: Vec<Value> = figures
        .into_iter()
        .zip(labels)
        .map(|(figure, label)| metric(words.get(label), member[figure].clone()))
        .collect();
    let history = [
        ("Phase", customer["phase"].as_str().map(|phase| words.get(phase).into())),
        ("Purchases", Some(customer["purchases"].clone())),
        ("Last purchase", Some(customer["last_purchase"].clone())),
        ("Days between purchases", Some(customer["repurchase_interval_days"].clone())),
    ];
    let history: Vec<Value> =
        history.into_iter().map(|(label, value)| metric(words.get(label), value.unwrap_or_default())).collect();
    let rows = customer["preferences"].as_array().into_iter().flatten();
    let rows: Vec<Value> = rows.map(|one| json!({"cells": one})).collect();
    let mut children = Vec::new();
    if let Some(tier) = member["tier"].as_str() {
        children.push(json!({"type": "badge", "text": tier, "tone": "info"}));
    }
    children.push(json!({"type": "stack", "direction": "horizontal", "children": metrics}));
    children.push(json!({"type": "stack", "direction": "horizontal", "children": history}));
    children.push(json!({
        "type": "table", "title": words.get("Bought most"), "empty": words.get("Nothing yet"), "rows": rows,
        "columns": [
            {"key": "category", "label": words.get("Category"), "kind": "text"},
            {"key": "amount", "label": words.get("Amount"), "kind": "text"},
        ],
    }));
    Ok(json!({"type": "stack", "title": words.get("Member"), "children": children}))
}

/// The programme: business, customers, money.
fn programme(words: &Words) -> Result<Value, Fault> {
    Ok(json!({"type": "tabs", "tabs": [
        {"title": words.get("Business"), "children": [business(words)?]},
        {"title": words.get("Customers"), "children": customers(words)?},
        {"title": words.get("Finance"), "children": finance(words)?},
    ]}))
}

fn business(words: &Words) -> Result<Value, Fault> {
    let rows: Vec<Value> = figures::business()?
        .iter()
        .map(|row| {
            let total = format!(
                "{} {}",
                row["total"]["amount"].as_str().unwrap_or_default(),
                row["total"]["currency"].as_str().unwrap_or_default()
            );
            json!({"cells": {"month": month(&row["month"]), "orders": row["orders"], "total": total}})
        })
        .collect();
    Ok(json!({
        "type": "table", "title": words.get("Orders by month"), "empty": words.get("Nothing yet"), "rows": rows,
        "columns": [
            {"key": "month", "label": words.get("Month"), "kind": "text"},
            {"key": "orders", "label": words.get("Orders"), "kind": "number"},
            {"key": "total", "label": words.get("Amount"), "kind": "text"},
        ],
    }))
}

fn customers(words: &Words) -> Result<Vec<Value>, Fault> {
    let found = figures::development()?;
    let series = |rows: &Value, label: &dyn Fn(&Value) -> String| -> Vec<Value> {
        let rows = rows.as_array().into_iter().flatten();
        rows.map(|row| json!({"label": label(row), "value": row["members"]})).collect()
    };
    let months = series(&found["new_members"], &|row| month(&row["month"]));
    let tiers = series(&found["tiers"], &|row| row["tier"].as_str().unwrap_or(words.get("No tier")).to_owned());
    Ok(vec![
        metric(words.get("Customers"), found["customers"].clone()),
        metric(words.get("Bought again, %"), found["repurchase_rate"].clone()),
        json!({"type": "chart", "kind": "bar", "title": words.get("New members"),
            "series": [{"name": words.get("Members"), "data": months}]}),
        json!({"type": "chart", "kind": "pie", "title": words.get("Tiers"),
            "series": [{"name": words.get("Members"), "data": tiers}]}),
    ])
}

fn finance(words: &Words) -> Result<Vec<Value>, Fault> {
    let settings = Settings::of_tenant()?;
    let owed = figures::liabilities(&settings)?;
    let rows: Vec<Value> = figures::movements()?
        .iter()
        .map(|row| {
            let kind = row["kind"].as_str().unwrap_or_default();
            json!({"cells": {"month": month(&row["month"]), "kind": words.get(kind), "points": row["points"]}})
        })
        .collect();
    let balances = owed["balances"].as_array().into_iter().flatten();
    let cards: Vec<Value> = balances
        .filter_map(|row| row["amount"].as_object())
        .map(|money| {
            let text = |name: &str| money.get(name).and_then(Value::as_str).unwrap_or_default();
            metric(words.get("On cards"), format!("{} {}", text("amount"), text("currency")).into())
        })
        .collect();
    let mut children = vec![
        metric(words.get("Points outstanding"), owed["points"]["points"].clone()),
        metric(words.get("Worth"), owed["worth"].clone()),
    ];
    children.extend(cards);
    children.push(json!({
        "type": "table", "title": words.get("Points by month"), "empty": words.get("Nothing yet"), "rows": rows,
        "columns": [
            {"key": "month", "label": words.get("Month"), "kind": "text"},
            {"key": "kind", "label": words.get("Kind"), "kind": "text"},
            {"key": "points", "label": words.get("Points"), "kind": "number"},
        ],
    }));
    Ok(children)
}

/// `2026-11` of the first day of a month.
fn month(day: &Value) -> String {
    let day = day.as_str().unwrap_or_default();
    date(day).map_or_else(|_| day.to_owned(), |day| format!("{:04}-{:02}", day.year(), day.month()))
}
