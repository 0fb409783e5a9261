//! Texts that people read, in terminals, too: nothing in them moves a cursor or turns the direction of what follows.

use serde_json::Value as Json;

use super::super::Manifest;
use super::Faults;

/// Where a text may have several lines.
const LONG: [&str; 3] = ["description", "text", "expression"];
/// What is a language of its own, and is shown to nobody as it is.
const SCHEMAS: [&str; 2] = ["config", "input"];

/// Whether a character does something to the text around it: control characters, and those that override its direction
/// or break a line in a way that few programs know.
pub fn steers(c: char) -> bool {
    c.is_control() || matches!(c, '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

pub fn check(manifest: &Manifest, faults: &mut Faults) {
    look(&serde_json::to_value(manifest).unwrap_or_default(), "", false, faults);
}

fn look(json: &Json, path: &str, may_break: bool, faults: &mut Faults) {
    match json {
        Json::String(text) => {
            let is_wrong = |c: &char| steers(*c) && !(may_break && matches!(c, '\n' | '\t'));
            if let Some(c) = text.chars().find(is_wrong) {
                let code = u32::from(c);
                faults.add(path, format!("has the character U+{code:04X}, which does something to the text around it"));
            }
        }
        Json::Array(items) => {
            for (at, item) in items.iter().enumerate() {
                look(item, &format!("{path}[{at}]"), may_break, faults);
            }
        }
        Json::Object(members) => {
            for (name, member) in members.iter().filter(|(name, _)| !SCHEMAS.contains(&name.as_str())) {
                let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
                look(member, &path, LONG.contains(&name.as_str()), faults);
            }
        }
        _ => {}
    }
}
