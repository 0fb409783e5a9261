//! `cargo xtask schemathesis`: requests made up from the OpenAPI document of a tenant, and every answer checked
//! against what the document says.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, bail};
use clap::Args;
use serde_json::{Value, json};

use crate::bench::server::Server;
use crate::postgres::{Cluster, Durability};
use crate::{packages, workspace};

/// The version that is installed.
const PACKAGE: &str = "schemathesis==4.32.5";
/// What is checked of each answer.
const CHECKS: &str = "not_a_server_error,status_code_conformance,content_type_conformance,\
    response_headers_conformance,response_schema_conformance";
/// All that is not of records, and the records of one object: those of the others have the same form.
const ONE_OBJECT: &str = "^(?!/api/v1/records/)|^/api/v1/records/contact(/|$)";

#[derive(Args)]
pub struct Options {
    /// Most requests made up for an operation, in each of the phases `fuzzing` and `stateful`
    #[arg(long, default_value_t = 20)]
    max_examples: usize,
    /// Which of the phases examples, coverage, fuzzing and stateful
    #[arg(long, default_value = "examples,coverage,fuzzing,stateful")]
    phases: String,
    /// The records of every object, and not of contacts alone
    #[arg(long)]
    every_object: bool,
    /// On a PostgreSQL of its own instead of SQLite
    #[arg(long)]
    postgres: bool,
    /// What chance begins with; the same one makes the same requests
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

/// Runs schemathesis against a host that is started for it.
pub fn run(options: &Options) -> Result<()> {
    let folder = workspace::target_directory()?.join("schemathesis");
    std::fs::create_dir_all(&folder).with_context(|| format!("making {}", folder.display()))?;
    let program = ensure_program(&folder)?;
    let host = workspace::build_host()?;
    let data = folder.join("data");
    if data.exists() {
        std::fs::remove_dir_all(&data).with_context(|| format!("removing {}", data.display()))?;
    }
    let cluster = if options.postgres { Some(Cluster::start(Durability::Memory)?) } else { None };
    let call = |words: &[&str]| {
        let mut command = Command::new(&host);
        command.args(words).arg("--data-dir").arg(&data).env_remove("GUILDHALL_DATABASE_URL");
        if let Some(cluster) = &cluster {
            command.env("GUILDHALL_DATABASE_URL", cluster.url());
        }
        command
    };
    let made = workspace::output(&mut call(&["tenant", "create", "--slug", "shop", "--name", "Shop", "--json"]))?;
    let made: Value = serde_json::from_str(&made).context("reading what the host made")?;
    let key = made["api_key"].as_str().context("the host shows no key")?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        let log = folder.join("server.log");
        let server = Server::start(
            call(&["serve", "--listen", "127.0.0.1:0", "--key-rate", "0", "--tenant-rate", "0"]).into(),
            &log,
        )
        .await?;
        seed(server.address(), key).await?;
        std::fs::write(folder.join("schemathesis.toml"), SETTINGS)?;
        let mut command = tokio::process::Command::new(&program);
        command.current_dir(&folder).arg("run").arg(format!("{}/api/v1/openapi.json", server.address()));
        command.arg("--header").arg(format!("Authorization: Bearer {key}"));
        command.args(["--checks", CHECKS, "--phases", &options.phases, "--no-color", "--warnings=off"]);
        command.arg(format!("--max-examples={}", options.max_examples)).arg(format!("--seed={}", options.seed));
        if !options.every_object {
            command.args(["--include-path-regex", ONE_OBJECT]);
        }
        let status = command.status().await.context("starting schemathesis")?;
        if !status.success() {
            bail!("schemathesis ended with {status}; the host's log is {}", log.display());
        }
        server.stop().await
    })
}

/// Links are those that the document gives. From `Location` headers it makes up one from an
/// export to the records of an object that is called alike, and stops there.
const SETTINGS: &str = "[phases.stateful.inference]\nalgorithms = [\"dependency-analysis\"]\n";

/// Schemathesis in a virtual environment below `target/`, installed once.
fn ensure_program(folder: &Path) -> Result<PathBuf> {
    let environment = folder.join("venv");
    let (program, version) = (environment.join("bin/schemathesis"), PACKAGE.rsplit('=').next().unwrap_or_default());
    if workspace::output(Command::new(&program).arg("--version")).is_ok_and(|said| said.trim().ends_with(version)) {
        return Ok(program);
    }
    if workspace::output(Command::new("python3").args(["-c", "import venv, ensurepip"])).is_err() {
        packages::install(&["python3-venv"], "run schemathesis")?;
    }
    println!("installing {PACKAGE} into {}", environment.display());
    workspace::run(Command::new("python3").args(["-m", "venv", "--clear"]).arg(&environment))?;
    workspace::run(Command::new(environment.join("bin/pip")).args(["install", "--quiet", PACKAGE]))?;
    Ok(program)
}

/// Some records, a webhook and an import, so that there is something to be found.
async fn seed(address: &str, key: &str) -> Result<()> {
    let client = reqwest::Client::new();
    let post = async |path: &str, kind: &str, body: String| -> Result<Value> {
        let request = client.post(format!("{address}/api/v1/{path}")).bearer_auth(key).header("content-type", kind);
        let reply = request.body(body).send().await?.error_for_status()?;
        Ok(serde_json::from_str(&reply.text().await?)?)
    };
    let create = async |object: &str, fields: Value| {
        post(&format!("records/{object}"), "application/json", fields.to_string()).await
    };
    let company = create("company", json!({"name": "Shop Ltd"})).await?;
    for number in 0..20 {
        let name = format!("Person {number}");
        let contact = json!({"name": name, "email": format!("p{number}@example.com"), "company": company["id"]});
        let contact = create("contact", contact).await?;
        let total = json!({"amount": "12.50", "currency": "EUR"});
        create("order", json!({"placed_at": "2026-01-01", "contact": contact["id"], "total": total})).await?;
    }
    let webhook = json!({"url": "https://hooks.example.com/", "types": ["contact.*"], "enabled": false});
    post("webhooks", "application/json", webhook.to_string()).await?;
    post("imports?object=contact", "text/csv", "name,city\nAnn,Bern\n".to_owned()).await?;
    Ok(())
}
