//! `cargo xtask`: the project's tasks, each runnable on a machine that has only Rust.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a task speaks to the person who started it")]

mod bench;
mod clients;
mod demo;
mod deny;
mod fuzz;
mod interrupt;
mod languages;
mod oci_registry;
mod oidc;
mod packages;
mod plugins;
mod postgres;
mod schemathesis;
mod sources;
mod test;
mod tidy;
mod wasm_target;
mod workspace;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

#[derive(Parser)]
#[command(name = "cargo xtask", about = "The project's tasks")]
struct Arguments {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Check the rules of docs/style.md that a machine can check
    Tidy {
        /// Add the checksums of new migrations to migrations/checksums.txt
        #[arg(long)]
        record_migrations: bool,
    },
    /// Run every test on SQLite and on a PostgreSQL of its own
    Test {
        /// Words that select tests by name, then options for cargo test
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<String>,
    },
    /// Kill the real host again and again, and look whether anything was lost or doubled
    Kill {
        /// How often, on each engine
        #[arg(long, default_value_t = 200)]
        kills: usize,
    },
    /// Install random WebAssembly, and what random bytes make of it
    Smith {
        /// How many of each kind: modules, components, mutations
        #[arg(long, default_value_t = 10_000)]
        modules: usize,
    },
    /// Feed every parser of strangers' input with what a fuzzer makes up
    Fuzz(fuzz::Options),
    /// Make requests up from the OpenAPI document, and check every answer against it
    Schemathesis(schemathesis::Options),
    /// Show a real shop's orders earning points through a sandboxed plugin
    Demo(demo::Options),
    /// Measure the host beside what this machine can do at most
    Bench(bench::Options),
    /// Build every plugin into target/plugins
    Plugins,
    /// Test the SDKs of other languages, and build the same plugin in each into target/plugins-languages
    Languages,
    /// Run a PostgreSQL in the foreground, for work by hand
    Postgres,
    /// Check licences, advisories and sources of all dependencies
    Deny,
}

fn main() -> ExitCode {
    let done = match Arguments::parse().task {
        Task::Tidy { record_migrations } => tidy::run(record_migrations),
        Task::Test { arguments } => test::run(&arguments),
        Task::Kill { kills } => test::kill(kills),
        Task::Smith { modules } => test::smith(modules),
        Task::Fuzz(options) => fuzz::run(&options),
        Task::Schemathesis(options) => schemathesis::run(&options),
        Task::Demo(options) => demo::run(&options),
        Task::Bench(options) => bench::run(&options),
        Task::Plugins => plugins::run(),
        Task::Languages => languages::run(),
        Task::Postgres => postgres::run(),
        Task::Deny => deny::run(),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
