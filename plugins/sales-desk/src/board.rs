//! The board: the open deals of a pipeline, stage by stage.

use guildhall_sdk::filter::{self, Filter};
use guildhall_sdk::{Fault, Query, Record, Value, json, records};

use crate::ask;
use crate::figures;
use crate::words::{self, Words};

/// The most cards of a lane.
const CARDS: u32 = 30;
/// The most lanes, so that all cards find room in a view.
const LANES: u32 = 30;

pub fn draw(params: &Value) -> Result<Value, Fault> {
    let words = Words::of(params);
    let pipeline = pipeline(params)?;
    let owner = ask::text(params, "owner").map(|owner| filter::eq("owner", owner));
    let narrowed = |condition: Filter| filter::and([condition].into_iter().chain(owner.clone()));
    let stages = Query::new().filter(filter::eq("pipeline", pipeline.id())).sort(["position", "id"]).limit(LANES);
    let open = [filter::eq("pipeline", pipeline.id()), filter::eq("status", "open")];
    let figures = figures::deals(narrowed(filter::and(open)), &[json!("stage")])?;
    let mut lanes = Vec::new();
    for stage in records::query("sales.stage", stages)? {
        let here = filter::and([filter::eq("stage", stage.id()), filter::eq("status", "open")]);
        let query = Query::new().filter(narrowed(here)).sort(["close_date", "id"]).limit(CARDS);
        let deals = records::query("sales.deal", query)?;
        let of_stage: Vec<&Record> = figures.iter().filter(|row| row.link("stage") == Some(stage.id())).collect();
        lanes.push(
            json!({"title": title(words, &stage, &of_stage), "cards": deals.iter().map(card).collect::<Vec<_>>()}),
        );
    }
    Ok(json!({"type": "board", "title": words.name(&pipeline), "lanes": lanes}))
}

/// The pipeline that is named, or the first one.
fn pipeline(params: &Value) -> Result<Record, Fault> {
    if let Some(id) = ask::text(params, "pipeline") {
        return ask::record("sales.pipeline", id);
    }
    let first = Query::new().filter(filter::eq("active", true)).sort(["position", "id"]).limit(1);
    let none = || Fault::new("no_pipeline", "There is no active pipeline that you may see.");
    records::query("sales.pipeline", first)?.pop().ok_or_else(none)
}

/// The name of a stage, how many deals stand there, and what they are worth in each currency.
fn title(words: Words, stage: &Record, figures: &[&Record]) -> String {
    let deals: i64 = figures.iter().filter_map(|row| row.integer("deals")).sum();
    let amounts: Vec<String> =
        figures.iter().filter_map(|row| row.money("amount")).map(|money| money.to_string()).collect();
    let more = if deals > i64::from(CARDS) { format!(" ({})", words.say(words::MORE)) } else { String::new() };
    format!("{} · {deals}{more} · {}", words.name(stage), amounts.join(", "))
}

fn card(deal: &Record) -> Value {
    let amount = deal.money("amount").map(|money| money.to_string()).unwrap_or_default();
    let probability = deal.integer("probability").unwrap_or_default();
    let next = [deal.date("close_date"), deal.text("next_step")];
    json!({
        "title": deal.text("name").unwrap_or_default(),
        "text": next.into_iter().flatten().collect::<Vec<_>>().join(" · "),
        "badge": format!("{amount} · {probability} %"),
        "href": format!("/api/v1/records/sales.deal/{}", deal.id()),
    })
}
