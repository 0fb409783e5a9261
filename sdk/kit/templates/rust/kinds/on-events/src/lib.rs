//! Adds a task for each new contact: somebody should say hello.

use guildhall_sdk::{Event, Fault, OnEvents, Record, records, register};

struct Plugin;

impl OnEvents for Plugin {
    fn on_events(events: &[Event]) -> Result<(), Fault> {
        events.iter().try_for_each(welcome)
    }
}

fn welcome(event: &Event) -> Result<(), Fault> {
    let data = event.data();
    let (Some(id), Some(name)) = (data["record"].as_str(), data["after"]["name"].as_str()) else {
        return Ok(());
    };
    let task = Record::new().set("title", format!("Say hello to {name}")).set("status", "open").set("contact", id);
    records::create("task", task)?;
    Ok(())
}

register!(Plugin: OnEvents);
