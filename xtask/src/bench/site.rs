//! The host with its tenants and contacts on one engine, and the limits beside it.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use serde_json::{Value, json};
use tokio::process::Command;

use super::Engine;
use super::build::{MODULE, Programs};
use super::load::{self, Answered, Requests};
use super::pgbench::Pgbench;
use super::server::Server;
use crate::postgres::{Cluster, Durability};

/// Contacts of the tenant that is read.
pub const CONTACTS: u64 = 100_000;
/// Contacts that orders are for, in both tenants.
const CUSTOMERS: usize = 10_000;

/// A tenant of the host.
pub struct Tenant {
    pub id: String,
    pub key: String,
    /// A file with the ids of its contacts.
    ids: PathBuf,
}

/// An installation with its data, before any server runs.
pub struct Seeded {
    pub engine: Engine,
    pub folder: PathBuf,
    host: PathBuf,
    cluster: Option<Cluster>,
    /// Without modules, and with all the contacts.
    pub plain: Tenant,
    /// With the module.
    pub hooked: Tenant,
}

impl Seeded {
    pub async fn prepare(engine: Engine, programs: &Programs, folder: &Path) -> Result<Self> {
        let cluster = match engine {
            Engine::Sqlite => None,
            Engine::Postgres => Some(Cluster::start(Durability::Disk)?),
        };
        let tenant =
            |name: &str| Tenant { id: String::new(), key: String::new(), ids: folder.join(format!("{name}-ids")) };
        let mut seeded = Self {
            engine,
            folder: folder.to_owned(),
            host: programs.host.clone(),
            cluster,
            plain: tenant("plain"),
            hooked: tenant("hooked"),
        };
        for slug in ["plain", "hooked"] {
            let made = seeded.call(&["tenant", "create", "--slug", slug, "--name", slug]).await?;
            let tenant = if slug == "plain" { &mut seeded.plain } else { &mut seeded.hooked };
            tenant.id = made["tenant"]["id"].as_str().context("a tenant without an id")?.to_owned();
            tenant.key = made["api_key"].as_str().context("a tenant without a key")?.to_owned();
        }
        seeded.call(&["plugin", "install", &programs.plugin.to_string_lossy()]).await?;
        seeded.seed(programs, &seeded.hooked, CUSTOMERS as u64, false).await?;
        seeded.seed(programs, &seeded.plain, CONTACTS, engine == Engine::Postgres).await?;
        if engine == Engine::Sqlite {
            for name in ["limit.sqlite", "limit-own.sqlite"] {
                std::fs::copy(folder.join("guildhall.sqlite"), folder.join(name)).context("copying the database")?;
            }
        }
        seeded.enable_module().await?;
        seeded.write_lists()?;
        Ok(seeded)
    }

    /// The command that serves this installation.
    pub fn serve(&self) -> Command {
        let mut command = self.command();
        command.args(["serve", "--listen", "127.0.0.1:0"]);
        command
    }

    fn command(&self) -> Command {
        let mut command = Command::new(&self.host);
        command.env("GUILDHALL_DATA_DIR", &self.folder);
        match &self.cluster {
            Some(cluster) => command.env("GUILDHALL_DATABASE_URL", cluster.url()),
            None => command.env_remove("GUILDHALL_DATABASE_URL"),
        };
        command
    }

    async fn call(&self, arguments: &[&str]) -> Result<Value> {
        super::disk::probe(self.command().args(arguments).arg("--json")).await
    }

    async fn seed(&self, programs: &Programs, tenant: &Tenant, rows: u64, limits: bool) -> Result<()> {
        let mut command = Command::new(&programs.limits);
        match &self.cluster {
            None => command.arg("seed-sqlite").arg(self.folder.join("guildhall.sqlite")),
            Some(cluster) => command.arg("seed-postgres").arg(cluster.url()),
        };
        command.args(["--tenant", &tenant.id, "--rows", &rows.to_string()]).arg("--ids").arg(&tenant.ids);
        if limits {
            command.arg("--limits");
        }
        let output = command.kill_on_drop(true).output().await.context("starting the seeding")?;
        anyhow::ensure!(
            output.status.success(),
            "seeding failed: {}",
            String::from_utf8_lossy(&output.stderr).trim_end()
        );
        Ok(())
    }

    async fn enable_module(&self) -> Result<()> {
        let server = Server::start(self.serve(), &self.folder.join("host.log")).await?;
        let url = format!("{}/api/v1/modules/{MODULE}", server.address());
        let client = reqwest::Client::builder().no_proxy().build()?;
        let answer = client.put(url).bearer_auth(&self.hooked.key).json(&json!({"config": {}})).send().await?;
        let status = answer.status();
        anyhow::ensure!(status.is_success(), "enabling the module: {status} {}", answer.text().await?);
        server.stop().await
    }

    /// The files that wrk reads.
    fn write_lists(&self) -> Result<()> {
        let plain = self.plain.contacts()?;
        let hooked = self.hooked.contacts()?;
        // Every fifth, in strides, so that reads wander over the whole table.
        let read: Vec<&String> = (0..plain.len() / 5).map(|at| &plain[at * 5 * 7919 % plain.len()]).collect();
        let cities = || (0..100).map(|at| at * 37 % 100);
        let files = [
            ("hello", "/\n".to_owned()),
            ("read", read.iter().map(|id| format!("/api/v1/records/contact/{id}\n")).collect()),
            ("limit-read", read.iter().map(|id| format!("/contacts/{id}\n")).collect()),
            ("list", cities().map(|city| format!("/api/v1/records/contact?{}\n", listing(city))).collect()),
            ("limit-list", cities().map(|city| format!("/contacts?city=City%20{city}\n")).collect()),
            ("plain-customers", plain[..CUSTOMERS].join("\n")),
            ("hooked-customers", hooked.join("\n")),
            ("one-customer", hooked[0].clone()),
        ];
        for (name, text) in files {
            std::fs::write(self.folder.join(name), text).with_context(|| format!("writing {name}"))?;
        }
        Ok(())
    }
}

fn listing(city: u32) -> String {
    format!("filter[city][_eq]=City%20{city}&sort=name&limit=50")
}

impl Tenant {
    pub fn contacts(&self) -> Result<Vec<String>> {
        let text = std::fs::read_to_string(&self.ids).context("reading the ids of the contacts")?;
        Ok(text.lines().map(str::to_owned).collect())
    }
}

/// An installation with everything running.
pub struct Site {
    pub seeded: Seeded,
    pub hello: Server,
    /// The raw database behind axum, with the index that the list wants, and without.
    pub limits: Option<(Server, Server)>,
    pub pgbench: Option<Pgbench>,
    host: Server,
}

impl Site {
    pub async fn open(seeded: Seeded, programs: &Programs) -> Result<Self> {
        let folder = seeded.folder.clone();
        let limit = |arguments: &[&str]| {
            let mut command = Command::new(&programs.limits);
            command.current_dir(&folder).args(arguments);
            command
        };
        let hello = Server::start(limit(&["hello"]), &folder.join("hello.log")).await?;
        let tenant = seeded.plain.id.as_str();
        let limits = match seeded.engine {
            Engine::Postgres => None,
            Engine::Sqlite => {
                let fast = limit(&["sqlite", "limit.sqlite", "--tenant", tenant, "--index"]);
                let own = limit(&["sqlite", "limit-own.sqlite", "--tenant", tenant]);
                Some((
                    Server::start(fast, &folder.join("limit.log")).await?,
                    Server::start(own, &folder.join("limit-own.log")).await?,
                ))
            }
        };
        let pgbench = match &seeded.cluster {
            None => None,
            Some(cluster) => {
                let postmaster = cluster.process_id().context("PostgreSQL has ended")?;
                Some(Pgbench::beside(postmaster, cluster.url(), &folder)?)
            }
        };
        let host = Server::start(seeded.serve(), &folder.join("host.log")).await?;
        Ok(Self { seeded, hello, limits, pgbench, host })
    }

    pub fn host(&self) -> &Server {
        &self.host
    }

    /// PostgreSQL's first process.
    pub fn postmaster(&self) -> Option<u32> {
        self.seeded.cluster.as_ref()?.process_id()
    }

    /// Load on the host in a tenant's name.
    pub async fn load(&self, tenant: &Tenant, requests: Requests<'_>, seconds: u32) -> Result<Answered> {
        load::run(self.host.address(), Some(&tenant.key), requests, seconds, &self.seeded.folder)
            .await
            .with_context(|| format!("the host's last words:\n{}", self.host.last_words()))
    }

    pub async fn close(self) -> Result<()> {
        self.host.stop().await
    }
}
