//! Projects for business customers: every rule that must never be broken holds in the same commit as the change.

mod accounts;
mod contracts;
mod costs;
mod daily;
mod engagements;
mod guards;
mod registrations;
mod risks;
mod settings;
mod store;
mod tasks;

use guildhall_sdk::{BeforeWrite, Change, Fault, Job, Lifecycle, Outcome, Scheduled, Value, register};

struct Projects;

impl BeforeWrite for Projects {
    /// The host calls for each object by itself.
    fn before_write(changes: &[Change]) -> Result<Vec<Outcome>, Fault> {
        let object = changes.first().map(|change| change.object.as_str()).unwrap_or_default();
        if let Some(fields) = contracts::fields(object) {
            return contracts::judge(changes, fields);
        }
        match object {
            engagements::ENGAGEMENT => engagements::judge(changes),
            tasks::TASK => tasks::judge(changes),
            tasks::DEPENDENCY => tasks::judge_dependencies(changes),
            registrations::REGISTRATION => registrations::judge(changes),
            "b2b.product_registration" => registrations::judge_products(changes),
            "b2b.risk" => risks::judge(changes),
            "b2b.cost" => costs::judge(changes),
            _ => Ok(vec![Outcome::Accept; changes.len()]),
        }
    }
}

impl Scheduled for Projects {
    fn run_task(name: &str, _due: &str) -> Result<(), Fault> {
        match name {
            "daily" => daily::begin(),
            _ => Err(Fault::internal(format!("There is no task {name}."))),
        }
    }
}

impl Job for Projects {
    fn run_job(name: &str, input: Value) -> Result<Value, Fault> {
        daily::go_on(name, &input)
    }
}

impl Lifecycle for Projects {
    /// A tenant that comes back finds its own stages.
    fn enable() -> Result<(), Fault> {
        engagements::add_stages()?;
        daily::catch_up()
    }
}

register!(Projects: BeforeWrite, Scheduled, Job, Lifecycle);
