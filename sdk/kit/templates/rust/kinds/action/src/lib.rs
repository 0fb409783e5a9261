//! Greets whom it is asked to greet.

use guildhall_sdk::{Action, Fault, Value, json, register};

struct Plugin;

impl Action for Plugin {
    fn run_action(name: &str, input: Value) -> Result<Value, Fault> {
        match (name, input["name"].as_str()) {
            ("greet", Some(whom)) => Ok(json!({ "greeting": format!("Hello, {whom}!") })),
            ("greet", None) => Err(Fault::invalid("Whom should be greeted?")),
            _ => Err(Fault::new("unknown_action", format!("There is no action {name}."))),
        }
    }
}

register!(Plugin: Action);
