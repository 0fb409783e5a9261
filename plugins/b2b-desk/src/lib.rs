//! What one asks of projects for business customers. It keeps nothing, and sees what the caller sees.

mod earned;
mod group;
mod matches;
mod read;
mod register;
mod schedule;
mod settings;
mod split;
mod stages;
mod views;
mod words;

use guildhall_sdk::{Action, Fault, Value, View, register as export};

struct Desk;

impl Action for Desk {
    fn run_action(name: &str, input: Value) -> Result<Value, Fault> {
        match name {
            "schedule" => schedule::run(&input),
            "earned_value" => earned::run(&input),
            "split_plan" => split::run(&input),
            "register_product" => register::run(&input),
            "propose_matches" => matches::run(&input),
            "stage_times" => stages::run(&input),
            "group" => group::run(&input),
            _ => Err(Fault::new("unknown_action", format!("There is no action {name}."))),
        }
    }
}

impl View for Desk {
    fn render(name: &str, input: Value) -> Result<Value, Fault> {
        views::render(name, &input)
    }
}

export!(Desk: Action, View);
