//! `cargo xtask demo`: a real shop's orders, one sandboxed module, on this machine.

mod api;
mod cdnow;
mod import;
mod progress;
mod report;
mod server;
mod tenant;

use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use clap::Args;

use crate::interrupt::Interrupt;
use crate::{plugins, wasm_target, workspace};
use api::Api;
use server::Server;

/// The module that the demo switches on.
const MODULE: &str = "guildhall.retail-loyalty";

#[derive(Args)]
pub struct Options {
    /// Where the demo keeps its database and key [default: target/demo]
    #[arg(long)]
    data_dir: Option<PathBuf>,
    /// Where the server listens
    #[arg(long, default_value = "127.0.0.1:8080")]
    listen: SocketAddr,
    /// Stop when all is shown, rather than serving until Ctrl-C
    #[arg(long)]
    exit: bool,
}

/// Runs the whole demo; running it again changes nothing.
pub fn run(options: &Options) -> Result<()> {
    let data_dir = options.data_dir.clone().unwrap_or_else(|| workspace::root().join("target/demo"));
    std::fs::create_dir_all(&data_dir).with_context(|| format!("making {}", data_dir.display()))?;
    let data_dir = data_dir.canonicalize()?;
    refuse_taken_address(options.listen)?;

    let toolchain = wasm_target::ensure()?;
    let built = plugins::build_all(&toolchain)?;
    let plugin = built.iter().find(|plugin| plugin.id == MODULE).with_context(|| format!("no plugin is {MODULE}"))?;
    let host = workspace::build_host()?;

    let key = tenant::key(&host, &data_dir)?;
    if key.new {
        println!("Admin key of the tenant `demo`, shown this once: {}", key.secret);
    }
    tenant::install(&host, &data_dir, &plugin.path)?;

    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(show(options, &host, &data_dir, &key))
}

/// From the start of the server to its end.
async fn show(options: &Options, host: &Path, data_dir: &Path, key: &tenant::Key) -> Result<()> {
    let mut interrupt = Interrupt::listen()?;
    let mut server = Server::start(host, data_dir, options.listen).await?;
    let api = Api::new(server.address(), &key.secret)?;

    let work = async {
        api.ready().await?;
        api.enable(MODULE).await?;
        let done = import::run(&api).await?;
        report::print(&api, &done).await
    };
    let shown = tokio::select! {
        shown = work => shown,
        died = server.ended() => Err(died),
        () = interrupt.received() => bail!(server.stopped_by("interrupted").await),
    };
    if let Err(error) = shown {
        // A server that died says more than the request that it did not answer.
        return Err(server.explain(error).await);
    }
    report::invite(server.address(), data_dir, key);
    if !options.exit {
        println!("\nServing until Ctrl-C.");
        tokio::select! {
            died = server.ended() => return Err(server.explain(died).await),
            () = interrupt.received() => println!(),
        }
    }
    server.stop().await
}

fn refuse_taken_address(listen: SocketAddr) -> Result<()> {
    match TcpListener::bind(listen) {
        Ok(_) => Ok(()),
        Err(error) if error.kind() == std::io::ErrorKind::AddrInUse => {
            bail!("{listen} is taken by another program: stop it, or choose another with --listen 127.0.0.1:0")
        }
        Err(error) => Err(error).with_context(|| format!("cannot listen on {listen}")),
    }
}
