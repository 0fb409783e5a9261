//! The host with everything beside it running, and the files that the load is made of.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use tokio::process::Command;

use super::Engine;
use super::build::Programs;
use super::installation::{CUSTOMERS, Installation, Tenant};
use super::load::{self, Answered, Requests};
use super::pgbench::Pgbench;
use super::server::Server;

pub struct Site {
    pub host: Server,
    pub hello: Server,
    pub raw: Raw,
    /// Without modules, and with all the contacts.
    pub plain: Tenant,
    /// With the module.
    pub hooked: Tenant,
    /// Last, so that on the way out its database outlives those who use it.
    pub installation: Installation,
}

/// The database with nothing between.
pub enum Raw {
    /// Behind axum: with the index that the list wants, and with the host's indexes only.
    Servers {
        indexed: Box<Server>,
        own: Box<Server>,
    },
    Pgbench(Pgbench),
}

impl Site {
    pub async fn open(installation: Installation, [plain, hooked]: [Tenant; 2], programs: &Programs) -> Result<Self> {
        let folder = &installation.folder;
        write_lists(folder, &plain.contacts()?, &hooked.contacts()?)?;
        let limit = async |arguments: &[&str], log: &str| {
            let mut command = Command::new(&programs.limits);
            command.current_dir(folder).args(arguments);
            Server::start(command, &folder.join(log)).await.map(Box::new)
        };
        let raw = match (&installation.engine, &installation.cluster) {
            (Engine::Postgres, Some(cluster)) => {
                let postmaster = cluster.process_id().context("PostgreSQL has ended")?;
                Raw::Pgbench(Pgbench::beside(postmaster, cluster.url(), folder)?)
            }
            _ => Raw::Servers {
                indexed: limit(&["sqlite", "limit.sqlite", "--tenant", &plain.id, "--index"], "limit.log").await?,
                own: limit(&["sqlite", "limit-own.sqlite", "--tenant", &plain.id], "limit-own.log").await?,
            },
        };
        let hello = *limit(&["hello"], "hello.log").await?;
        let host = installation.serve().await?;
        Ok(Self { host, hello, raw, plain, hooked, installation })
    }

    pub fn engine(&self) -> Engine {
        self.installation.engine
    }

    pub fn file(&self, name: &str) -> PathBuf {
        self.installation.folder.join(name)
    }

    /// PostgreSQL's first process.
    pub fn postmaster(&self) -> Option<u32> {
        self.installation.cluster.as_ref()?.process_id()
    }

    /// Load on the host in a tenant's name.
    pub async fn load(&self, tenant: &Tenant, requests: Requests<'_>, seconds: u32) -> Result<Answered> {
        load::run(self.host.address(), Some(&tenant.key), requests, seconds, &self.installation.folder)
            .await
            .with_context(|| format!("the host's last words:\n{}", self.host.last_words()))
    }

    pub async fn close(self) -> Result<()> {
        self.host.stop().await
    }
}

/// The files that wrk reads.
fn write_lists(folder: &Path, plain: &[String], hooked: &[String]) -> Result<()> {
    // Every fifth, in strides, so that reads wander over the whole table.
    let read = || (0..plain.len() / 5).map(|at| &plain[at * 5 * 7919 % plain.len()]);
    let cities = || (0..100).map(|at| at * 37 % 100);
    let customers = usize::try_from(CUSTOMERS)?.min(plain.len());
    let files: [(&str, String); 8] = [
        ("hello", "/\n".to_owned()),
        ("read", read().map(|id| format!("/api/v1/records/contact/{id}\n")).collect()),
        ("limit-read", read().map(|id| format!("/contacts/{id}\n")).collect()),
        ("list", cities().map(listing).collect()),
        ("limit-list", cities().map(|city| format!("/contacts?city=City%20{city}\n")).collect()),
        ("plain-customers", plain[..customers].join("\n")),
        ("hooked-customers", hooked.join("\n")),
        ("one-customer", hooked.first().cloned().unwrap_or_default()),
    ];
    for (name, text) in files {
        std::fs::write(folder.join(name), text).with_context(|| format!("writing {name}"))?;
    }
    Ok(())
}

fn listing(city: u32) -> String {
    format!("/api/v1/records/contact?filter[city][_eq]=City%20{city}&sort=name&limit=50\n")
}
