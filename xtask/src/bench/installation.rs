//! An installation of the host with two tenants and their contacts, before any server runs.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};
use tokio::process::Command;

use super::Engine;
use super::build::{MODULE, Programs};
use super::disk::probe;
use super::gauge::Gauge;
use super::server::Server;
use crate::postgres::{Cluster, Durability};

/// Contacts of the tenant that is read.
pub const CONTACTS: u64 = 100_000;
/// Contacts of the tenant with the module.
pub const CUSTOMERS: u64 = 10_000;

/// A tenant of the host.
pub struct Tenant {
    pub id: String,
    pub key: String,
    /// A file with the ids of its contacts.
    ids: PathBuf,
}

impl Tenant {
    pub fn contacts(&self) -> Result<Vec<String>> {
        let text = std::fs::read_to_string(&self.ids).context("reading the ids of the contacts")?;
        Ok(text.lines().map(str::to_owned).collect())
    }
}

/// Where the host keeps everything, and how it is called.
pub struct Installation {
    pub engine: Engine,
    pub folder: PathBuf,
    pub cluster: Option<Cluster>,
    host: PathBuf,
}

impl Installation {
    pub fn make(engine: Engine, programs: &Programs, folder: &Path) -> Result<Self> {
        std::fs::create_dir_all(folder).with_context(|| format!("making {}", folder.display()))?;
        let cluster = match engine {
            Engine::Sqlite => None,
            Engine::Postgres => Some(Cluster::start(Durability::Disk)?),
        };
        Ok(Self { engine, folder: folder.to_owned(), cluster, host: programs.host.clone() })
    }

    /// The tenant without modules and the one with; the database is copied for the limits before any server writes.
    pub async fn populate(&self, programs: &Programs) -> Result<[Tenant; 2]> {
        let tenants = [self.make_tenant("plain").await?, self.make_tenant("hooked").await?];
        let [plain, hooked] = &tenants;
        self.install(&programs.plugin).await?;
        self.seed(programs, hooked, CUSTOMERS, false).await?;
        self.seed(programs, plain, CONTACTS, self.engine == Engine::Postgres).await?;
        if self.engine == Engine::Sqlite {
            for name in ["limit.sqlite", "limit-own.sqlite"] {
                let copied = std::fs::copy(self.folder.join("guildhall.sqlite"), self.folder.join(name));
                copied.context("copying the database")?;
            }
        }
        self.enable_module(hooked).await?;
        Ok(tenants)
    }

    /// Starts the host, without limits on requests.
    pub async fn serve(&self) -> Result<Server> {
        self.start(&["--key-rate", "0", "--tenant-rate", "0"]).await
    }

    /// Starts the host as it is shipped.
    pub async fn serve_with_limits(&self) -> Result<Server> {
        self.start(&[]).await
    }

    async fn start(&self, options: &[&str]) -> Result<Server> {
        let mut command = self.command();
        command.args(["serve", "--listen", "127.0.0.1:0", "--allow-private-webhooks"]).args(options);
        Server::start(command, &self.folder.join("host.log")).await
    }

    /// What load is measured with.
    pub fn gauge(&self) -> Gauge {
        Gauge { postmaster: self.cluster.as_ref().and_then(Cluster::process_id) }
    }

    fn command(&self) -> Command {
        let mut command = Command::new(&self.host);
        command.env("GUILDHALL_DATA_DIR", &self.folder).env_remove("GUILDHALL_LOG");
        match &self.cluster {
            Some(cluster) => command.env("GUILDHALL_DATABASE_URL", cluster.url()),
            None => command.env_remove("GUILDHALL_DATABASE_URL"),
        };
        command
    }

    /// Installs a plugin.
    pub async fn install(&self, plugin: &Path) -> Result<()> {
        self.call(&["plugin", "install", &plugin.to_string_lossy()]).await.map(drop)
    }

    async fn call(&self, arguments: &[&str]) -> Result<Value> {
        probe(self.command().args(arguments).arg("--json")).await
    }

    /// A further key of a tenant, which may read.
    pub async fn make_key(&self, tenant: &str, name: &str) -> Result<String> {
        let made = self.call(&["key", "create", "--tenant", tenant, "--role", "viewer", "--name", name]).await?;
        made["api_key"].as_str().map(str::to_owned).context("a new key is not shown")
    }

    /// A key of the operator.
    pub async fn make_operator_key(&self) -> Result<String> {
        let made = self.call(&["operator-key", "create", "--name", "bench"]).await?;
        made["operator_key"].as_str().map(str::to_owned).context("a new key is not shown")
    }

    pub async fn make_tenant(&self, slug: &str) -> Result<Tenant> {
        let made = self.call(&["tenant", "create", "--slug", slug, "--name", slug]).await?;
        let text = |value: &Value| value.as_str().map(str::to_owned).context("a new tenant lacks its id or key");
        let ids = self.folder.join(format!("{slug}-ids"));
        Ok(Tenant { id: text(&made["tenant"]["id"])?, key: text(&made["api_key"])?, ids })
    }

    async fn seed(&self, programs: &Programs, tenant: &Tenant, rows: u64, limits: bool) -> Result<()> {
        let mut command = Command::new(&programs.limits);
        match &self.cluster {
            None => command.arg("seed-sqlite").arg(self.folder.join("guildhall.sqlite")),
            Some(cluster) => command.arg("seed-postgres").arg(cluster.superuser_url()),
        };
        command.args(["--tenant", &tenant.id, "--rows", &rows.to_string()]).arg("--ids").arg(&tenant.ids);
        if limits {
            command.arg("--limits");
        }
        let output = command.kill_on_drop(true).output().await.context("starting the seeding")?;
        ensure!(output.status.success(), "seeding failed: {}", String::from_utf8_lossy(&output.stderr).trim_end());
        Ok(())
    }

    async fn enable_module(&self, tenant: &Tenant) -> Result<()> {
        let server = self.serve().await?;
        let url = format!("{}/api/v1/modules/{MODULE}", server.address());
        let client = reqwest::Client::builder().no_proxy().build()?;
        let answer =
            client.put(url).bearer_auth(&tenant.key).json(&json!({"config": {}, "consent": ["*"]})).send().await?;
        let status = answer.status();
        ensure!(status.is_success(), "enabling the module: {status} {}", answer.text().await?);
        server.stop().await
    }
}
