//! `guildhall operator-key`: keys for the operator's API.

use clap::Subcommand;
use serde_json::json;
use uuid::Uuid;

use super::output::Output;
use super::{Place, time};
use crate::app::{AppError, OperatorKeyInfo};
use crate::domain::clock::Timestamp;

#[derive(Debug, Subcommand)]
pub enum OperatorKeyCommand {
    /// Make a key for the operator's API, and print it once.
    Create {
        #[command(flatten)]
        place: Place,
        /// What it is for.
        #[arg(long)]
        name: String,
        /// The first part of the ids of a publisher's plugins: the key publishes those, and does nothing else.
        #[arg(long)]
        publisher: Option<String>,
        /// When it ends, in RFC 3339; never when not given.
        #[arg(long)]
        expires_at: Option<String>,
        #[command(flatten)]
        output: Output,
    },
    /// List the keys that work.
    List {
        #[command(flatten)]
        place: Place,
        #[command(flatten)]
        output: Output,
    },
    /// End a key.
    Revoke {
        #[command(flatten)]
        place: Place,
        /// Id of the key.
        id: Uuid,
        #[command(flatten)]
        output: Output,
    },
}

impl OperatorKeyCommand {
    /// Runs the command.
    pub async fn run(self) -> Result<(), AppError> {
        match self {
            Self::Create { place, name, publisher, expires_at, output } => {
                let expires_at = expires_at.map(|text| time("--expires-at", &text)).transpose()?;
                let (id, key) =
                    place.open().await?.create_operator_key(&name, publisher.as_deref(), expires_at).await?;
                let text = format!("operator key {id}, shown only now: {key}");
                output.print(&json!({"id": id, "operator_key": key}), &text)
            }
            Self::List { place, output } => {
                let keys = place.open().await?.operator_keys().await?;
                let text: Vec<String> = keys.iter().map(line_of).collect();
                let data: Vec<_> = keys.iter().map(json_of).collect();
                output.print(&json!({"data": data}), &text.join("\n"))
            }
            Self::Revoke { place, id, output } => {
                place.open().await?.revoke_operator_key(id).await?;
                output.print(&json!({"id": id}), &format!("operator key {id} works no more"))
            }
        }
    }
}

fn json_of(key: &OperatorKeyInfo) -> serde_json::Value {
    let time = |at: Option<Timestamp>| at.map(|at| at.to_string());
    json!({"id": key.id, "name": key.name, "created_at": key.created_at.to_string(),
        "expires_at": time(key.expires_at), "last_used_at": time(key.last_used_at), "publisher": key.publisher})
}

fn line_of(key: &OperatorKeyInfo) -> String {
    let ends = key.expires_at.map(|at| format!(", ends {at}")).unwrap_or_default();
    let used = key.last_used_at.map_or_else(|| "never used".to_owned(), |at| format!("last used {at}"));
    let only = key.publisher.as_ref().map(|publisher| format!(", publishes {publisher}")).unwrap_or_default();
    format!("{} {}: {used}{ends}{only}", key.id, key.name)
}
