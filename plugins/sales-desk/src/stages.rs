//! Where deals stand for long, and where they are lost.

use std::collections::BTreeMap;

use guildhall_sdk::filter::{self, Filter};
use guildhall_sdk::{Decimal, Fault, Query, Record, Value, json, records};
use sales_rules::exact;
use sales_rules::moment::DAY;

use crate::ask;
use crate::figures;

/// What happened at a stage.
#[derive(Default)]
struct Traffic {
    entered: i64,
    left: BTreeMap<String, i64>,
    stays: i64,
    deals: i64,
    seconds: i64,
    business_seconds: i64,
}

pub fn run(input: &Value) -> Result<Value, Fault> {
    let pipeline = ask::record("sales.pipeline", ask::required(input, "pipeline")?)?;
    let (from, to) = (ask::day(input, "from")?, ask::day(input, "to")?);
    if to < from {
        return Err(Fault::new("invalid_period", "`to` is before `from`.").with_detail("field", "to"));
    }
    let happened = filter::and([
        filter::eq("pipeline", pipeline.id()),
        filter::gte("at", from.to_string()),
        filter::lt("at", to.plus_days(1).to_string()),
    ]);
    let of_pipeline = filter::eq("pipeline", pipeline.id());
    let query = Query::new().filter(of_pipeline.clone()).sort(["position", "id"]).limit(Query::MOST);
    let stages = records::query("sales.stage", query)?;
    let traffic = traffic(&happened)?;
    let standing = standing(of_pipeline)?;
    let nothing = Traffic::default();
    let mut rows = Vec::with_capacity(stages.len());
    for stage in &stages {
        let traffic = traffic.get(stage.id()).unwrap_or(&nothing);
        let mut row = traffic.to_json();
        row["over_limit"] = json!(over_limit(stage, &happened)?);
        row["open"] = json!(standing.get(stage.id()).map(Vec::as_slice).unwrap_or_default());
        for field in ["name", "position", "probability", "focus", "purchase_value", "resources", "max_days"] {
            row[field] = stage.value(field).cloned().unwrap_or_default();
        }
        row["stage"] = json!(stage.id());
        row["planned_hours"] = json!(planned_hours(stage, standing.get(stage.id())));
        rows.push(row);
    }
    mark(&mut rows, "average_days", "is_slowest");
    mark(&mut rows, "loss_rate", "is_leakiest");
    Ok(json!({"pipeline": pipeline.id(), "stages": rows}))
}

fn traffic(happened: &Filter) -> Result<BTreeMap<String, Traffic>, Fault> {
    let question = |stage: &str, measures: Value| json!({"filter": Value::from(happened.clone()), "group_by": [stage, "kind"], "measures": measures, "limit": 1000});
    let mut stages: BTreeMap<String, Traffic> = BTreeMap::new();
    let left = json!([
        {"fn": "count", "as": "times"},
        {"fn": "count", "field": "seconds", "as": "stays"},
        {"fn": "sum", "field": "seconds", "as": "seconds"},
        {"fn": "sum", "field": "business_seconds", "as": "business_seconds"},
    ]);
    for row in figures::rows("sales.stage_event", &question("from_stage", left))? {
        let Some(stage) = row.link("from_stage") else { continue };
        let stage = stages.entry(stage.to_owned()).or_default();
        let number = |field: &str| row.integer(field).unwrap_or_default();
        *stage.left.entry(row.text("kind").unwrap_or_default().to_owned()).or_default() += number("times");
        stage.stays += number("stays");
        stage.seconds = stage.seconds.saturating_add(number("seconds"));
        stage.business_seconds = stage.business_seconds.saturating_add(number("business_seconds"));
    }
    // A deal that came back several times is one deal.
    let deals = json!({
        "filter": Value::from(happened.clone()),
        "group_by": ["from_stage"],
        "measures": [{"fn": "count_distinct", "field": "deal", "as": "deals"}],
        "limit": 1000,
    });
    for row in figures::rows("sales.stage_event", &deals)? {
        if let Some(stage) = row.link("from_stage").and_then(|stage| stages.get_mut(stage)) {
            stage.deals = row.integer("deals").unwrap_or_default();
        }
    }
    for row in figures::rows("sales.stage_event", &question("to_stage", json!([{"fn": "count", "as": "times"}])))? {
        let is_entry = !matches!(row.text("kind"), Some("won" | "lost"));
        if let Some(stage) = row.link("to_stage").filter(|_| is_entry) {
            stages.entry(stage.to_owned()).or_default().entered += row.integer("times").unwrap_or_default();
        }
    }
    Ok(stages)
}

impl Traffic {
    fn to_json(&self) -> Value {
        let left = |kind: &str| self.left.get(kind).copied().unwrap_or_default();
        let all: i64 = self.left.values().sum();
        let days = |count: i64| {
            let seconds = Decimal::from(count).checked_mul(Decimal::from(DAY))?;
            exact::divide(Decimal::from(self.seconds), seconds, 2)
        };
        let hours = Decimal::from(self.stays).checked_mul(Decimal::from(3600));
        json!({
            "entered": self.entered,
            "forward": left("forward"),
            "backward": left("backward"),
            "moved": left("moved"),
            "won": left("won"),
            "lost": left("lost"),
            "loss_rate": exact::share(left("lost"), all),
            "stays": self.stays,
            "deals": self.deals,
            "average_days": days(self.stays),
            "average_days_a_deal": days(self.deals),
            "average_business_hours": hours.and_then(|hours| exact::divide(Decimal::from(self.business_seconds), hours, 2)),
        })
    }
}

/// How many stays were longer than the stage allows.
fn over_limit(stage: &Record, happened: &Filter) -> Result<Option<i64>, Fault> {
    let Some(days) = stage.integer("max_days") else { return Ok(None) };
    let longer = filter::and([
        happened.clone(),
        filter::eq("from_stage", stage.id()),
        filter::gt("seconds", days.saturating_mul(DAY)),
    ]);
    let question = json!({"filter": Value::from(longer), "measures": [{"fn": "count", "as": "stays"}]});
    Ok(figures::rows("sales.stage_event", &question)?.first().and_then(|row| row.integer("stays")))
}

/// The open deals of each stage, by currency.
fn standing(of_pipeline: Filter) -> Result<BTreeMap<String, Vec<Value>>, Fault> {
    let open = filter::and([of_pipeline, filter::eq("status", "open")]);
    let mut stages: BTreeMap<String, Vec<Value>> = BTreeMap::new();
    for row in figures::deals(open, &[json!("stage")])? {
        let Some(stage) = row.link("stage") else { continue };
        let figure = json!({
            "deals": row.integer("deals"),
            "amount": row.value("amount").cloned(),
            "weighted": row.decimal("weighted"),
        });
        stages.entry(stage.to_owned()).or_default().push(figure);
    }
    Ok(stages)
}

/// The hours of work that the open deals of a stage take.
fn planned_hours(stage: &Record, open: Option<&Vec<Value>>) -> Option<Decimal> {
    let deals: i64 = open.into_iter().flatten().filter_map(|figure| figure["deals"].as_i64()).sum();
    stage.decimal("resource_hours")?.checked_mul(Decimal::from(deals))
}

/// Marks the row that has the most of something.
fn mark(rows: &mut [Value], of: &str, mark: &str) {
    let value = |row: &Value| row[of].as_str().and_then(|text| text.parse::<Decimal>().ok());
    let most = rows.iter().filter_map(value).filter(|most| *most > Decimal::ZERO).max();
    for row in rows {
        row[mark] = json!(most.is_some() && value(row) == most);
    }
}
