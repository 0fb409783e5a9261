//! `guildhall plugin`: plugins of this installation, and the files that they come in.

mod check;
mod dev;
mod file;
mod key;
mod logs;
mod make;
mod oci;
mod publish;
mod replay;
mod test;
mod watch;

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};
use serde_json::json;

use super::Place;
use super::output::Output;
use crate::app::{
    AppError, Looker, Operator, PluginSettings, PluginUpload, PluginVersionView, Signatures, UploadKind, is_package,
};
use check::CheckCommand;
use dev::DevCommand;
use file::{InspectCommand, KeygenCommand, SignCommand, read};
use key::PluginKeyCommand;
use logs::LogsCommand;
use make::{BuildCommand, NewCommand};
use publish::{PackCommand, PublishCommand};
use replay::PluginReplay;
use test::TestCommand;

#[derive(Debug, Subcommand)]
pub enum PluginCommand {
    /// Install a plugin, so that tenants can enable it. The same file again changes nothing.
    Install {
        #[command(flatten)]
        place: Place,
        #[command(flatten)]
        options: PluginOptions,
        /// The component, or a package (an OCI image layout as a tar).
        file: PathBuf,
        /// The file of a signature over the component; `FILE.sig` when that is there.
        #[arg(long)]
        signature: Option<PathBuf>,
        /// Install it although a newer version is installed.
        #[arg(long)]
        allow_downgrade: bool,
        #[command(flatten)]
        output: Output,
    },
    /// List the plugins that are installed.
    List {
        #[command(flatten)]
        place: Place,
        #[command(flatten)]
        output: Output,
    },
    /// Make a folder with a new plugin that builds at once.
    New(NewCommand),
    /// Build the plugin in a folder into `target/guildhall/<id>.wasm` there.
    Build(BuildCommand),
    /// Check a plugin as a host does when it is installed, and name everything that is wrong.
    Check(CheckCommand),
    /// Build the plugin in a folder, and run every scenario of it in the sandbox.
    Test(TestCommand),
    /// Look at a file: what it is, what it can do, its largest function. Nothing is installed.
    Inspect(InspectCommand),
    /// Make a key pair for a publisher: the secret key into a file, the public one is printed.
    Keygen(KeygenCommand),
    /// Sign a component; the signature goes into `FILE.sig`.
    Sign(SignCommand),
    /// Make a package of a plugin, signed when there is a key.
    Pack(PackCommand),
    /// Check a plugin, and publish its package on a Guildhall host or in an OCI registry.
    Publish(PublishCommand),
    /// Run the plugin in a folder on a host of its own, and swap it in again whenever a file of it changes.
    Dev(DevCommand),
    /// Print what a module says, of a host that runs.
    Logs(LogsCommand),
    /// Run a failed call again from its file, and say whether it comes to the same end.
    Replay(PluginReplay),
    /// Keys of publishers whose signatures count here.
    #[command(subcommand, alias = "keys")]
    Key(PluginKeyCommand),
}

/// How plugins are kept and trusted.
#[derive(Clone, Debug, Args)]
pub struct PluginOptions {
    /// Directory of compiled plugins; `plugin-cache` in the data directory when not given.
    #[arg(long, env = "GUILDHALL_PLUGIN_CACHE")]
    plugin_cache: Option<PathBuf>,
    /// Who has to have signed a plugin that is installed.
    #[arg(long, env = "GUILDHALL_PLUGIN_SIGNATURES", value_enum, default_value_t = Signers::None)]
    plugin_signatures: Signers,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Signers {
    /// Nobody; a signature that is there has to be right.
    None,
    /// Somebody whose key is registered.
    AllowListed,
    /// The publisher, by a key that is registered.
    Publisher,
}

impl PluginOptions {
    /// As settings of the application.
    pub(super) fn settings(self, place: &Place) -> PluginSettings {
        let signatures = match self.plugin_signatures {
            Signers::None => Signatures::None,
            Signers::AllowListed => Signatures::AllowListed,
            Signers::Publisher => Signatures::Publisher,
        };
        PluginSettings {
            cache: self.plugin_cache.or_else(|| place.plugin_cache()),
            signatures,
            ..PluginSettings::default()
        }
    }
}

impl PluginCommand {
    /// Runs the command.
    pub async fn run(self) -> Result<(), AppError> {
        match self {
            Self::Install { place, options, file, signature, allow_downgrade, output } => {
                let bytes = read(&file)?;
                let kind = if is_package(&bytes) { UploadKind::Package } else { UploadKind::Component };
                let beside = file::beside(&file);
                let signature = signature.or_else(|| beside.exists().then_some(beside));
                let signature = signature.map(|file| file::text(&file)).transpose()?;
                let upload = PluginUpload { kind, bytes, signature, allow_downgrade };
                let app = place.open_as(|settings| settings.plugins = options.settings(&place)).await?;
                let plugin = app.install(&Operator::default(), upload).await?;
                let changes = plugin.changes.iter().map(|change| format!("\n  {change}")).collect::<String>();
                let text = format!("{} {} is installed{changes}", plugin.id, plugin.installed.version);
                output.print(&json!(plugin), &text)
            }
            Self::List { place, output } => {
                let plugins = place.open().await?.plugins(&Looker::Operator(Operator::default()), None).await?;
                let lines: Vec<String> = plugins
                    .iter()
                    .flat_map(|plugin| plugin.versions.iter().map(move |version| (plugin, version)))
                    .map(|(plugin, version)| {
                        let signed = json!(version.signature.state);
                        let signed = signed.as_str().unwrap_or_default();
                        // Whether it runs, and what the signature is worth, are two things: each can be revoked.
                        let PluginVersionView { version, digest, state, .. } = version;
                        format!("{} {version} {digest} {state}, signature: {signed}: {}", plugin.id, plugin.name)
                    })
                    .collect();
                output.print(&json!({"data": plugins}), &lines.join("\n"))
            }
            Self::New(command) => command.run(),
            Self::Build(command) => command.run(),
            Self::Check(command) => command.run().await,
            Self::Test(command) => command.run().await,
            Self::Inspect(command) => command.run(),
            Self::Keygen(command) => command.run(),
            Self::Sign(command) => command.run(),
            Self::Pack(command) => command.run(),
            Self::Publish(command) => command.run().await,
            Self::Dev(command) => command.run().await,
            Self::Logs(command) => command.run().await,
            Self::Replay(command) => command.run().await,
            Self::Key(command) => command.run().await,
        }
    }
}
