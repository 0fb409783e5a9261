//! The `guildhall` binary: arguments, logging, one command.

use std::io::IsTerminal;
use std::process::ExitCode;

use clap::Parser;
use guildhall::cli::{Cli, plain};
use guildhall::domain::formula::STACK;
use tracing_subscriber::EnvFilter;

/// A request makes hundreds of small pieces of memory on one thread and frees some of them on another.
#[global_allocator]
static HEAP: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    // The host starts itself as the compiler of one plugin: before anything else, threads included.
    if let Some(ended) = guildhall::plugin::run_as_compiler(std::env::args_os()) {
        return ended;
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().thread_stack_size(STACK).enable_all().build();
    match runtime {
        Ok(runtime) => runtime.block_on(run()),
        Err(error) => {
            tracing::error!("no threads can be started: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn run() -> ExitCode {
    let cli = Cli::parse();
    let filter = EnvFilter::try_from_env("GUILDHALL_LOG").unwrap_or_else(|_| EnvFilter::new(cli.usual_log()));
    let is_terminal = std::io::stderr().is_terminal();
    tracing_subscriber::fmt().with_env_filter(filter).with_ansi(is_terminal).with_writer(std::io::stderr).init();
    match cli.run().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!("{}", plain(&error.to_string()));
            if let guildhall::app::AppError::Invalid(faults) = &error {
                for fault in faults {
                    tracing::error!("{}: {}", plain(&fault.field), plain(&fault.message));
                }
            }
            ExitCode::FAILURE
        }
    }
}
