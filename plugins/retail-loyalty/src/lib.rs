//! Loyalty for retail: what an order earns is written together with the order, and everything else by actions.

mod actions;
mod calendar;
mod campaigns;
mod cards;
mod carried;
mod draws;
mod figures;
mod hook;
mod insight;
mod ledger;
mod member;
mod night;
mod order;
mod points;
mod referrals;
mod routes;
mod settings;
mod settle;
mod standing;
mod stored_lot;
mod views;
mod vouchers;

use guildhall_sdk::{
    Action, BeforeWrite, Change, Fault, HttpRoute, Job, Lifecycle, Outcome, RouteRequest, RouteResponse, Scheduled,
    Value, View, register,
};

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

impl HttpRoute for Loyalty {
    fn handle(request: &RouteRequest) -> Result<RouteResponse, Fault> {
        routes::handle(request)
    }
}

impl View for Loyalty {
    fn render(name: &str, input: Value) -> Result<Value, Fault> {
        views::render(name, &input)
    }
}

register!(Loyalty: BeforeWrite, Action, Scheduled, Job, Lifecycle, HttpRoute, View);
