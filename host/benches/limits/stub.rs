//! A host that answers a plugin from memory, so that what is measured is the plugin and its engine.

use async_trait::async_trait;
use guildhall::domain::plugin::{Fault, HostAnswer, HostCall};
use guildhall::plugin::Port;
use serde_json::{Map, Value, json};

/// The id of every record that the stub shows.
pub const ID: &str = "01890a5d-ac96-774b-bcce-b302099a8057";
pub const TIME: &str = "2026-01-01T00:00:00.000000Z";

/// Answers every query with one member of the loyalty programme.
pub struct Stub;

#[async_trait]
impl Port for Stub {
    async fn answer(&self, call: HostCall) -> Result<HostAnswer, Fault> {
        Ok(match call {
            HostCall::Get { .. } => HostAnswer::MaybeText(Some(member())),
            HostCall::Query { .. } => HostAnswer::Texts(vec![member()]),
            HostCall::Create { fields, .. } | HostCall::Update { fields, .. } => HostAnswer::Text(stored(&fields)?),
            HostCall::Log { .. } | HostCall::Delete { .. } => HostAnswer::Done,
            HostCall::Config => HostAnswer::Text("{}".to_owned()),
            HostCall::Now => HostAnswer::Text(TIME.to_owned()),
            other => return Err(Fault::new("not_available", format!("{other:?}"))),
        })
    }
}

fn member() -> String {
    with_system_fields(json!({"contact": ID, "points": 100, "lifetime_earned": 100, "enrolled_at": TIME}))
}

fn stored(fields: &str) -> Result<String, Fault> {
    let fields = serde_json::from_str(fields).map_err(|error| Fault::new("validation_failed", error.to_string()))?;
    Ok(with_system_fields(fields))
}

/// A record as the host shows it.
pub fn with_system_fields(fields: Value) -> String {
    let mut record = Map::new();
    record.insert("id".to_owned(), json!(ID));
    record.insert("version".to_owned(), json!(1));
    record.insert("created_at".to_owned(), json!(TIME));
    record.insert("updated_at".to_owned(), json!(TIME));
    if let Value::Object(fields) = fields {
        record.extend(fields);
    }
    Value::Object(record).to_string()
}
