//! A page with the deals by stage: how many there are, and what they are worth in each currency.

use std::collections::BTreeMap;

use guildhall_sdk::{Fault, Money, Record, TypedRecord, Value, View, json, records, register};

/// The stages, as the chart has them from left to right.
const STAGES: [(&str, &str); 6] = [
    ("lead", "Lead"),
    ("qualified", "Qualified"),
    ("proposal", "Proposal"),
    ("negotiation", "Negotiation"),
    ("won", "Won"),
    ("lost", "Lost"),
];

struct DealChart;

/// The deals of one stage, with amounts in one currency or without any.
#[derive(Record)]
#[record(object = "deal_scoring.deal")]
struct Figure {
    stage: String,
    count: i64,
    amount: Option<Money>,
}

impl View for DealChart {
    fn render(name: &str, input: Value) -> Result<Value, Fault> {
        if name != "pipeline" {
            return Err(Fault::new("unknown_view", format!("There is no view {name}.")));
        }
        let figures = figures(input["params"].get("company"))?;
        let count = |stage: &str| -> i64 {
            figures.iter().filter(|figure| figure.stage == stage).map(|figure| figure.count).sum()
        };
        let open = STAGES.iter().filter(|(stage, _)| !["won", "lost"].contains(stage));
        let open: i64 = open.map(|(stage, _)| count(stage)).sum();
        let counts = series("Deals", |stage| json!(count(stage)));
        Ok(json!({"type": "stack", "title": "Pipeline", "children": [
            {"type": "metric", "label": "Open deals", "value": open},
            {"type": "chart", "kind": "bar", "title": "Deals by stage", "series": [counts]},
            {"type": "chart", "kind": "bar", "title": "Amount by stage", "series": amounts(&figures)},
        ]}))
    }
}

/// What the host counts and adds up, of all deals or of those with one company.
fn figures(company: Option<&Value>) -> Result<Vec<Figure>, Fault> {
    let mut question = json!({
        "group_by": ["stage"],
        "measures": [{"fn": "count", "as": "count"}, {"fn": "sum", "field": "amount", "as": "amount"}],
    });
    if let Some(company) = company {
        question["filter"] = json!({"company": {"_eq": company}});
    }
    let answer = records::aggregate("deal_scoring.deal", &question)?;
    let rows = answer["data"].as_array().into_iter().flatten().filter_map(|row| row.as_object().cloned());
    rows.map(|row| Figure::from_record(&Record::from(row))).collect()
}

/// A value for each stage.
fn series(name: &str, value: impl Fn(&str) -> Value) -> Value {
    let data: Vec<Value> = STAGES.iter().map(|(stage, label)| json!({"label": label, "value": value(stage)})).collect();
    json!({"name": name, "data": data})
}

/// A series for each currency.
fn amounts(figures: &[Figure]) -> Vec<Value> {
    let mut currencies: BTreeMap<&str, BTreeMap<&str, &Money>> = BTreeMap::new();
    for figure in figures {
        if let Some(amount) = &figure.amount {
            currencies.entry(&amount.currency).or_default().insert(&figure.stage, amount);
        }
    }
    let of = |(currency, amounts): (&&str, &BTreeMap<&str, &Money>)| {
        // A chart is drawn from numbers; to the cent is near enough for that.
        let number = |stage: &str| amounts.get(stage).and_then(|money| money.amount.to_string().parse::<f64>().ok());
        series(currency, |stage| json!(number(stage).unwrap_or_default()))
    };
    currencies.iter().map(of).collect()
}

register!(DealChart: View);
