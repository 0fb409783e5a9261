//! Leads, pipelines and deals: the rules that hold whoever changes them, reminders, and the daily snapshot.

mod catalogue;
mod deal;
mod lead;
mod line;
mod order;
mod page;
mod quote;
mod remind;
mod settings;
mod setup;
mod snapshot;
mod texts;

use guildhall_sdk::{
    BeforeWrite, Change, Fault, Job, Lifecycle, Outcome, Record, Scheduled, Value, config, context, register,
};

struct Sales;

impl BeforeWrite for Sales {
    fn before_write(changes: &[Change]) -> Result<Vec<Outcome>, Fault> {
        // The host shows the changes of one object at a time.
        match changes.first().map(|change| change.object.as_str()) {
            Some("sales.deal") => deal::before_write(changes),
            Some("sales.deal_line") => line::before_write(changes),
            Some("sales.lead") => lead::before_write(changes),
            Some("sales.quote") => quote::before_write(changes),
            Some("sales.quote_line") => quote::before_write_lines(changes),
            Some(_) => catalogue::before_write(changes),
            None => Ok(Vec::new()),
        }
    }
}

impl Scheduled for Sales {
    fn run_task(name: &str, due: &str) -> Result<(), Fault> {
        match name {
            "remind" => remind::run(),
            "snapshot" => {
                catalogue::recount()?;
                snapshot::begin(due)
            }
            _ => Err(Fault::internal(format!("There is no task {name}."))),
        }
    }
}

impl Job for Sales {
    fn run_job(name: &str, input: Value) -> Result<Value, Fault> {
        match name {
            "remind" => remind::run()?,
            "pipeline" => snapshot::of_pipeline(&input)?,
            "month" => snapshot::of_month(&input)?,
            _ => return Err(Fault::internal(format!("There is no job {name}."))),
        }
        Ok(Value::Null)
    }
}

impl Lifecycle for Sales {
    fn enable() -> Result<(), Fault> {
        setup::begin(&config::get()?)?;
        catalogue::recount()
    }

    fn upgrade(_from: &str, _to: &str) -> Result<(), Fault> {
        setup::begin(&config::get()?)
    }
}

register!(Sales: BeforeWrite, Scheduled, Job, Lifecycle);

/// A change judged by itself: what is wrong with it refuses it alone.
fn outcome(judged: Result<Option<Record>, Fault>) -> Result<Outcome, Fault> {
    match judged {
        Ok(None) => Ok(Outcome::Accept),
        Ok(Some(fields)) => Ok(Outcome::Amend(fields)),
        // The call is made again, or the host failed: that is nothing about the change.
        Err(fault) if fault.is_retryable() => Err(fault),
        Err(fault) => Ok(Outcome::Refuse(fault)),
    }
}

/// Who acts, as the history has it.
fn actor() -> Result<String, Fault> {
    let actor = context::get()?.actor;
    Ok(format!("{}:{}", actor.kind, actor.id))
}

/// Whether any of the fields differs between two states of a record.
fn differs(before: &Record, after: &Record, fields: &[&str]) -> bool {
    fields.iter().any(|field| before.value(field) != after.value(field))
}

/// Whether a record that is shown as new was there before: it was restored.
fn is_restored(after: &Record) -> bool {
    after.integer("version").is_some_and(|version| version > 1)
}
