//! A customer: its group, what is under way, and its risks.

use std::collections::BTreeSet;

use b2b_rules::pages;
use guildhall_sdk::{Fault, Record, Value, json};

use super::{metric, row, table};
use crate::group::{Group, open};
use crate::words::Language;

/// The most rows of a table.
const MOST: usize = 100;

pub fn render(id: &str, language: Language) -> Result<Value, Fault> {
    let say = |word| language.say(word);
    let group = Group::of(id)?;
    let account = pages::with("b2b.account", "company", &BTreeSet::from([id]))?.pop();
    let of_account =
        |field: &str| account.as_ref().and_then(|account| account.value(field).cloned()).unwrap_or_default();
    let (engagements, deals, risks) = (open("b2b.engagement", id)?, open("sales.deal", id)?, open("b2b.risk", id)?);
    let members: Vec<Value> = group
        .members
        .iter()
        .take(MOST)
        .map(|member| {
            let name = format!("{}{}", "– ".repeat(member.depth), member.name);
            let tone = if member.id == id { "info" } else { "neutral" };
            json!({"cells": {"company": name}, "tone": tone, "href": format!("/api/v1/records/company/{}", member.id)})
        })
        .collect();
    let titled = |title, columns: &[(&str, &'static str, &str)], rows| {
        let mut table = table(language, columns, rows, "None.");
        table["title"] = json!(say(title));
        table
    };
    let mut children = vec![
        row(vec![
            metric(say("Risk score"), of_account("risk_score")),
            metric(say("Route"), of_account("route")),
            metric(say("Open engagements"), json!(engagements.len())),
            metric(say("Open deals"), json!(deals.len())),
            metric(say("Open risks"), json!(risks.len())),
        ]),
        titled("Group", &[("company", "Company", "text")], members),
        titled(
            "Open engagements",
            &[
                ("engagement", "Engagement", "text"),
                ("phase", "Phase", "badge"),
                ("percent", "Percent complete", "number"),
            ],
            rows(
                &engagements,
                "b2b.engagement",
                [("engagement", "name"), ("phase", "phase"), ("percent", "percent_complete")],
            ),
        ),
        titled(
            "Open risks",
            &[("risk", "Risk", "text"), ("level", "Level", "badge"), ("score", "Score", "number")],
            rows(&risks, "b2b.risk", [("risk", "rule"), ("level", "level"), ("score", "score")]),
        ),
    ];
    if group.is_cut || group.members.len() > MOST {
        children.insert(2, json!({"type": "text", "style": "small", "text": say("There are more.")}));
    }
    Ok(json!({"type": "stack", "title": say("Account"), "children": children}))
}

/// The first records as rows, each cell of a field.
fn rows(records: &[Record], object: &str, cells: [(&str, &str); 3]) -> Vec<Value> {
    let row = |record: &Record| {
        let cell = |(key, field): (&str, &str)| (key.to_owned(), record.value(field).cloned().unwrap_or_default());
        let cells: Value = cells.into_iter().map(cell).collect();
        json!({"cells": cells, "href": format!("/api/v1/records/{object}/{}", record.id())})
    };
    records.iter().take(MOST).map(row).collect()
}
