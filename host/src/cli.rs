//! Floor 3: the command line.

mod help;
mod operator_key;
mod output;
mod plugin;
mod progress;
mod remote;
mod serve;
mod tenant;

use std::fs::DirBuilder;
use std::net::IpAddr;
use std::num::NonZeroU32;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::{Args, Parser, Subcommand};
use serde_json::json;

use crate::app::{App, AppError, Database, PLUGIN_CACHE, Settings};
use crate::domain::clock::{Clock, Timestamp};
use crate::domain::id::Ids;
use crate::domain::seal::KeyRing;
use help::{CompletionsCommand, ManCommand};
use operator_key::OperatorKeyCommand;
use output::Output;
pub use output::plain;
use plugin::{PluginCommand, PluginOptions};
use tenant::TenantCommand;

/// A CRM host whose modules run as sandboxed WebAssembly components.
#[derive(Debug, Parser)]
#[command(name = "guildhall", version)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Serve the HTTP API.
    Serve {
        #[command(flatten)]
        place: Place,
        /// Address to listen on; port 0 takes any free one.
        #[arg(long, env = "GUILDHALL_LISTEN", default_value = "127.0.0.1:8080")]
        listen: String,
        /// Let webhooks go over http and to private addresses: for development and tests.
        #[arg(long, env = "GUILDHALL_ALLOW_PRIVATE_WEBHOOKS")]
        allow_private_webhooks: bool,
        /// Requests a second that one API key may make, and twice as many at once; 0 for any number.
        #[arg(long, env = "GUILDHALL_KEY_RATE", default_value_t = 2_000)]
        key_rate: u32,
        /// Requests a second that all keys of one tenant may make, and twice as many at once; 0 for any number.
        #[arg(long, env = "GUILDHALL_TENANT_RATE", default_value_t = 4_000)]
        tenant_rate: u32,
        /// Days in which a deleted tenant can come back.
        #[arg(long, env = "GUILDHALL_GRACE_DAYS", default_value_t = 30)]
        grace_days: u32,
        /// Origin under which browsers reach the host, such as `https://crm.example.com`.
        #[arg(long, env = "GUILDHALL_PUBLIC_URL")]
        public_url: Option<String>,
        /// Addresses of proxies whose `X-Forwarded-For` is believed, with commas in between.
        #[arg(long = "trusted-proxy", env = "GUILDHALL_TRUSTED_PROXIES", value_delimiter = ',')]
        trusted_proxies: Vec<IpAddr>,
        #[command(flatten)]
        plugins: PluginOptions,
    },
    /// Tenants of this installation.
    #[command(subcommand)]
    Tenant(TenantCommand),
    /// Keys for the operator's API.
    #[command(subcommand)]
    OperatorKey(OperatorKeyCommand),
    /// API keys of a tenant, and the operator's keys that encrypt.
    #[command(subcommand)]
    Key(KeyCommand),
    /// Users of a tenant.
    #[command(subcommand)]
    User(UserCommand),
    /// Plugins of this installation.
    #[command(subcommand)]
    Plugin(PluginCommand),
    /// Print a script with which a shell completes these commands.
    Completions(CompletionsCommand),
    /// Write a manual page for each of these commands.
    Man(ManCommand),
}

#[derive(Debug, Subcommand)]
enum UserCommand {
    /// Make a link with which a user sets a password, and print it once: for a tenant's first owner.
    Invite {
        #[command(flatten)]
        place: Place,
        /// Slug of the tenant.
        #[arg(long)]
        tenant: String,
        /// E-mail address of the user, who is there already.
        #[arg(long)]
        email: String,
        #[command(flatten)]
        output: Output,
    },
}

#[derive(Debug, Subcommand)]
enum KeyCommand {
    /// Make an API key, and print it once.
    Create {
        #[command(flatten)]
        place: Place,
        /// Slug of the tenant.
        #[arg(long)]
        tenant: String,
        /// `admin` or `viewer`.
        #[arg(long)]
        role: String,
        /// What it is for.
        #[arg(long)]
        name: String,
        /// When it ends, in RFC 3339; never when not given.
        #[arg(long)]
        expires_at: Option<String>,
        #[command(flatten)]
        output: Output,
    },
    /// Print a new line for the file of operator keys. As its first line, it is the one that is used from then on.
    New,
    /// Wrap the data keys of all tenants with the first key of the file; the host may run meanwhile.
    Rotate {
        #[command(flatten)]
        place: Place,
        #[command(flatten)]
        output: Output,
    },
}

/// Where the installation is.
#[derive(Debug, Args)]
struct Place {
    /// Directory of the installation; with SQLite, the database is in it, with PostgreSQL compiled plugins only.
    #[arg(long, env = "GUILDHALL_DATA_DIR", default_value = "guildhall-data")]
    data_dir: PathBuf,
    /// URL of a PostgreSQL database, instead of SQLite.
    #[arg(long, env = "GUILDHALL_DATABASE_URL", hide_env_values = true)]
    database_url: Option<String>,
    /// File of the operator's keys, one `id:base64` on each line; with SQLite, `keys` in the directory when not given.
    #[arg(long, env = "GUILDHALL_KEY_FILE")]
    key_file: Option<PathBuf>,
}

impl Place {
    fn database(&self) -> Result<Database, AppError> {
        if let Some(url) = &self.database_url {
            return Ok(Database::Postgres(url.clone()));
        }
        make_private(&self.data_dir)
            .map_err(|error| AppError::Setup(format!("{}: {error}", self.data_dir.display())))?;
        Ok(Database::Sqlite(self.data_dir.join("guildhall.sqlite")))
    }

    /// Where compiled plugins are kept with PostgreSQL when nobody says where. A node that can write nowhere compiles
    /// them anew.
    fn plugin_cache(&self) -> Option<PathBuf> {
        self.database_url.as_ref()?;
        let directory = self.data_dir.join(PLUGIN_CACHE);
        match make_private(&directory) {
            Ok(()) => Some(directory),
            Err(error) => {
                tracing::warn!(%error, directory = %directory.display(), "compiled plugins are not kept");
                None
            }
        }
    }

    async fn open(&self) -> Result<std::sync::Arc<App>, AppError> {
        self.open_with(None).await
    }

    /// With this time in which a deleted tenant can come back.
    async fn open_with(&self, grace: Option<Duration>) -> Result<std::sync::Arc<App>, AppError> {
        self.open_as(|settings| settings.grace = grace).await
    }

    /// With other settings than the usual ones.
    async fn open_as(&self, change: impl FnOnce(&mut Settings)) -> Result<std::sync::Arc<App>, AppError> {
        let mut settings = Settings { key_file: self.key_file.clone(), ..Settings::default() };
        change(&mut settings);
        App::open_with(&self.database()?, Clock::system(), settings).await
    }
}

/// Makes a directory, when it is missing: what is in it is nobody else's business on this machine.
fn make_private(directory: &Path) -> std::io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(directory)
}

impl Cli {
    /// What goes to the log when nobody says what.
    pub const fn usual_log(&self) -> &'static str {
        match self.command {
            // It prints what the plugin says, and that would stand there twice.
            Command::Plugin(PluginCommand::Dev(_)) => "warn",
            _ => "info",
        }
    }

    /// Runs the command.
    pub async fn run(self) -> Result<(), AppError> {
        match self.command {
            Command::Serve {
                place,
                listen,
                allow_private_webhooks,
                key_rate,
                tenant_rate,
                grace_days,
                public_url,
                trusted_proxies,
                plugins,
            } => {
                let settings = Settings {
                    allow_private_webhooks,
                    key_file: place.key_file.clone(),
                    key_rate: NonZeroU32::new(key_rate),
                    tenant_rate: NonZeroU32::new(tenant_rate),
                    grace: Some(tenant::grace(grace_days)),
                    public_url,
                    trusted_proxies,
                    plugins: plugins.settings(&place),
                    ..Settings::default()
                };
                let app = App::open_with(&place.database()?, Clock::system(), settings).await?;
                serve::serve(app, &listen).await
            }
            Command::Tenant(command) => command.run().await,
            Command::OperatorKey(command) => command.run().await,
            Command::User(UserCommand::Invite { place, tenant, email, output }) => {
                let made = place.open().await?.invite_for_operator(&tenant, &email).await?;
                output.print(
                    &json!({"user": made.user, "link": made.link, "expires_at": made.expires_at}),
                    &format!("link for {email}, shown only now: {}\nit ends {}", made.link, made.expires_at),
                )
            }
            Command::Key(KeyCommand::Create { place, tenant, role, name, expires_at, output }) => {
                let expires_at = expires_at.map(|text| time("--expires-at", &text)).transpose()?;
                let (id, api_key) = place.open().await?.create_key(&tenant, &role, &name, expires_at).await?;
                output.print(
                    &json!({"id": id, "api_key": api_key}),
                    &format!("{role} key {id}, shown only now: {api_key}"),
                )
            }
            Command::Key(KeyCommand::New) => output::line(&new_operator_key()),
            Command::Key(KeyCommand::Rotate { place, output }) => {
                let rotated = place.open().await?.rotate_operator_key().await?;
                let (key, rewrapped, left) = (rotated.key, rotated.rewrapped, rotated.left);
                let rest = if left == 0 { String::new() } else { format!("; {left} do not open and stay as they are") };
                output.print(
                    &json!({"key": key, "rewrapped": rewrapped, "left": left}),
                    &format!("{rewrapped} data keys are wrapped by {key} now{rest}"),
                )
            }
            Command::Plugin(command) => command.run().await,
            Command::Completions(command) => command.run(),
            Command::Man(command) => command.run(),
        }
    }
}

/// A time as it was given to an option.
fn time(option: &str, text: &str) -> Result<Timestamp, AppError> {
    Timestamp::parse(text).ok_or_else(|| AppError::invalid(option, "wrong_type", "expects a time in RFC 3339"))
}

/// A line for the file of operator keys.
fn new_operator_key() -> String {
    let ids = Ids::new(Clock::system());
    KeyRing::line(&format!("k-{}", ids.make()), ids.secret()).to_string()
}
