//! What sellers do with leads and deals, and what they see of them, under the rights of who asks.

mod accuracy;
mod ask;
mod board;
mod convert;
mod figures;
mod forecast;
mod history;
mod lead_from;
mod performance;
mod quote;
mod report;
mod samples;
mod stages;
mod steps;
mod win_loss;
mod words;

use guildhall_sdk::{Action, Fault, Value, View, register};

struct SalesDesk;

impl Action for SalesDesk {
    fn run_action(name: &str, input: Value) -> Result<Value, Fault> {
        match name {
            "advance" => steps::advance(&input),
            "close_deal" => steps::close(&input),
            "reopen_deal" => steps::reopen(&input),
            "lead_from" => lead_from::make(&input),
            "convert_lead" => convert::run(&input),
            "create_quote" => quote::create(&input),
            "forecast" => forecast::run(&input),
            "accuracy" => accuracy::run(&input),
            "performance" => performance::run(&input),
            "win_loss" => win_loss::run(&input),
            "stages" => stages::run(&input),
            "history" => history::run(&input),
            "sample_data" => samples::make(),
            _ => Err(Fault::new("unknown_action", format!("There is no action {name}."))),
        }
    }
}

impl View for SalesDesk {
    fn render(name: &str, input: Value) -> Result<Value, Fault> {
        match name {
            "board" => board::draw(&input["params"]),
            "report" => report::draw(&input["params"]),
            "history" => history::draw(&input),
            _ => Err(Fault::new("unknown_view", format!("There is no view {name}."))),
        }
    }
}

register!(SalesDesk: Action, View);
