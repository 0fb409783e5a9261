//! Loyalty for retail: what an order earns is written together with the order, and everything else by actions.

mod actions;
mod calendar;
mod campaigns;
mod cards;
mod carried;
mod draws;
mod hook;
mod ledger;
mod member;
mod night;
mod order;
mod points;
mod referrals;
mod settings;
mod settle;
mod standing;
mod stored_lot;
mod vouchers;

use guildhall_sdk::{Action, BeforeWrite, Change, Fault, Job, Lifecycle, Outcome, Scheduled, Value, register};

struct Loyalty;

impl BeforeWrite for Loyalty {
    fn before_write(changes: &[Change]) -> Result<Vec<Outcome>, Fault> {
        hook::before_write(changes)
    }
}

impl Action for Loyalty {
    fn run_action(name: &str, input: Value) -> Result<Value, Fault> {
        actions::run(name, &input)
    }
}

impl Scheduled for Loyalty {
    fn run_task(name: &str, due: &str) -> Result<(), Fault> {
        night::begin(name, due)
    }
}

impl Job for Loyalty {
    fn run_job(name: &str, input: Value) -> Result<Value, Fault> {
        night::run(name, &input)
    }
}

impl Lifecycle for Loyalty {
    fn upgrade(_from: &str, _to: &str) -> Result<(), Fault> {
        night::open_lots()
    }
}

register!(Loyalty: BeforeWrite, Action, Scheduled, Job, Lifecycle);
