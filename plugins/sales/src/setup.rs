//! What a tenant has to begin with: a pipeline and its stages.

use guildhall_sdk::{Fault, Query, Record, json, records};
use sales_rules::deal::Pipelines;

use crate::settings::Settings;
use crate::texts::{self, PIPELINE, STAGES};

/// Makes the usual pipeline when there is none.
pub fn begin(settings: &Settings) -> Result<(), Fault> {
    if !records::query("sales.pipeline", Query::new().limit(1))?.is_empty() {
        return Ok(());
    }
    let language = settings.language.as_str();
    let fields =
        Record::new().set("name", texts::of(PIPELINE, language)).set("name_zh", PIPELINE.1).set("position", 10);
    let pipeline = records::create("sales.pipeline", fields)?;
    for (position, stage) in (1_i64..).zip(&STAGES) {
        let fields = Record::new()
            .set("pipeline", pipeline.id())
            .set("name", texts::of(stage.name, language))
            .set("name_zh", stage.name.1)
            .set("position", position * 10)
            .set("probability", stage.probability)
            .set("forecast_category", stage.category)
            .set("focus", texts::of(stage.focus, language))
            .set("resources", texts::of(stage.resources, language))
            .set("entry_criteria", json!(stage.entry))
            .set("max_days", stage.max_days);
        records::create("sales.stage", fields)?;
    }
    Ok(())
}

/// All pipelines with their stages.
pub fn pipelines() -> Result<Pipelines, Fault> {
    Pipelines::read(&records::all("sales.pipeline", None)?, &records::all("sales.stage", None)?)
}
