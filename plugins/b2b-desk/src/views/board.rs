//! All open engagements, in the lanes of the phases.

use std::collections::{BTreeMap, BTreeSet};

use b2b_rules::gate::Phase;
use b2b_rules::pages;
use guildhall_sdk::{Fault, Query, Record, Value, filter, json, records};

use crate::words::Language;

/// The most engagements on the board.
const MOST: u32 = 300;

pub fn render(language: Language) -> Result<Value, Fault> {
    let query = Query::new().filter(filter::eq("status", "open")).sort(["-stage_since"]).limit(MOST);
    let engagements = records::query("b2b.engagement", query)?;
    let named = |object: &str, field: &str| -> Result<BTreeMap<String, Record>, Fault> {
        let ids: BTreeSet<&str> = engagements.iter().filter_map(|one| one.link(field)).collect();
        Ok(pages::with(object, "id", &ids)?.into_iter().map(|record| (record.id().to_owned(), record)).collect())
    };
    let (companies, stages) = (named("company", "company")?, named("b2b.stage", "stage")?);
    let card = |engagement: &Record| {
        let company = engagement.link("company").and_then(|id| companies.get(id));
        let stage = engagement.link("stage").and_then(|id| stages.get(id));
        let chinese = stage.and_then(|stage| stage.text("name_zh")).filter(|_| language == Language::Chinese);
        let mut card = json!({
            "title": engagement.text("name").unwrap_or_default(),
            "href": format!("/api/v1/records/b2b.engagement/{}", engagement.id()),
        });
        if let Some(name) = company.and_then(|company| company.text("name")) {
            card["text"] = json!(name);
        }
        if let Some(name) = chinese.or_else(|| stage.and_then(|stage| stage.text("name"))) {
            card["badge"] = json!(name);
        }
        card
    };
    let lane = |(phase, title): (Phase, &'static str)| {
        let own = engagements.iter().filter(|one| Phase::of(one.text("phase")) == phase);
        json!({"title": language.say(title), "cards": own.map(card).collect::<Vec<_>>()})
    };
    let phases = [(Phase::Presale, "Presale"), (Phase::Sale, "Sale"), (Phase::Aftersale, "Aftersale")];
    Ok(json!({"type": "board", "title": language.say("Engagements"), "lanes": phases.map(lane)}))
}
