//! `guildhall plugin key`: keys of publishers whose signatures count here.

use clap::Subcommand;
use serde_json::{Map, json};
use uuid::Uuid;

use crate::app::{AppError, Operator, PublisherKeyView};
use crate::cli::Place;
use crate::cli::output::Output;

#[derive(Debug, Subcommand)]
pub enum PluginKeyCommand {
    /// Register a public key of a publisher.
    Add {
        #[command(flatten)]
        place: Place,
        /// The first part of the ids of its plugins.
        #[arg(long)]
        publisher: String,
        /// What people read; the publisher when not given.
        #[arg(long)]
        name: Option<String>,
        /// The public key, `ed25519:…`.
        key: String,
        #[command(flatten)]
        output: Output,
    },
    /// List the keys of publishers.
    List {
        #[command(flatten)]
        place: Place,
        #[command(flatten)]
        output: Output,
    },
    /// Revoke a key: nothing that only it has signed is installed any more.
    Revoke {
        #[command(flatten)]
        place: Place,
        /// Id of the key.
        id: Uuid,
        #[command(flatten)]
        output: Output,
    },
}

impl PluginKeyCommand {
    /// Runs the command.
    pub async fn run(self) -> Result<(), AppError> {
        let operator = Operator::default();
        match self {
            Self::Add { place, publisher, name, key, output } => {
                let mut fields = Map::new();
                fields.insert("publisher".to_owned(), json!(publisher));
                fields.insert("key".to_owned(), json!(key));
                fields.extend(name.map(|name| ("name".to_owned(), json!(name))));
                let added = place.open().await?.add_publisher_key(&operator, &fields).await?;
                output.print(&json!(added), &line_of(&added))
            }
            Self::List { place, output } => {
                let keys = place.open().await?.publisher_keys(&operator).await?;
                let lines: Vec<String> = keys.iter().map(line_of).collect();
                output.print(&json!({"data": keys}), &lines.join("\n"))
            }
            Self::Revoke { place, id, output } => {
                place.open().await?.revoke_publisher_key(&operator, id).await?;
                output.print(&json!({"id": id}), &format!("plugin key {id} is revoked"))
            }
        }
    }
}

fn line_of(key: &PublisherKeyView) -> String {
    let revoked = key.revoked_at.as_ref().map(|at| format!(", revoked {at}")).unwrap_or_default();
    format!("{} {} {}: {}{revoked}", key.id, key.publisher, key.key, key.name)
}
