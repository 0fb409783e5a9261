//! `cargo xtask demo`: a real shop's orders, or a seller of projects, and sandboxed modules, on this machine.

mod api;
mod b2b;
mod cdnow;
mod import;
mod progress;
mod report;
mod server;
mod tenant;

use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use clap::{Args, ValueEnum};

use crate::interrupt::Interrupt;
use crate::{plugins, wasm_target, workspace};
use api::Api;
use server::Server;

/// Whose work the demo shows.
#[derive(Clone, Copy, ValueEnum)]
enum Industry {
    /// A shop: customers, orders, points
    Retail,
    /// A seller of projects: deals, contracts, schedules
    B2b,
}

impl Industry {
    /// The modules that the demo switches on, those that others require first.
    fn modules(self) -> &'static [&'static str] {
        match self {
            Self::Retail => &["guildhall.retail-loyalty"],
            Self::B2b => &["guildhall.sales", "guildhall.sales-desk", "guildhall.b2b-projects", "guildhall.b2b-desk"],
        }
    }
}

#[derive(Args)]
pub struct Options {
    /// Whose work is shown
    #[arg(long, value_enum, default_value = "retail")]
    industry: Industry,
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
    let host = workspace::build_host()?;

    let key = tenant::key(&host, &data_dir)?;
    if key.new {
        println!("Admin key of the tenant `demo`, shown this once: {}", key.secret);
    }
    for module in options.industry.modules() {
        let plugin = built.iter().find(|plugin| plugin.id == *module);
        tenant::install(&host, &data_dir, &plugin.with_context(|| format!("no plugin is {module}"))?.path)?;
    }

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
        for module in options.industry.modules() {
            api.enable(module).await?;
        }
        match options.industry {
            Industry::Retail => report::print(&api, &import::run(&api).await?).await,
            Industry::B2b => b2b::run(&api).await,
        }
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
    let (object, sort) = match options.industry {
        Industry::Retail => ("loyalty.member", "-points"),
        Industry::B2b => ("b2b.contract", "number"),
    };
    report::invite(server.address(), data_dir, key, &format!("{object}?sort={sort}&limit=3"));
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
