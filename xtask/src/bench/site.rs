//! The host with everything beside it running, and the files that the load is made of.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use tokio::process::Command;

use super::Engine;
use super::build::Programs;
use super::installation::{CUSTOMERS, Installation, Tenant};
use super::load::{self, Line};
use super::pgbench::Pgbench;
use super::server::Server;
use super::window::{CONTACT, DRAFT, ORDER};

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
        write_lists(folder, &plain, &hooked)?;
        let limit = async |arguments: &[&str], log: &str| {
            let mut command = Command::new(&programs.limits);
            command.current_dir(folder).args(arguments);
            Server::start(command, &folder.join(log)).await.map(Box::new)
        };
        let raw = match (&installation.engine, &installation.cluster) {
            (Engine::Postgres, Some(cluster)) => {
                let postmaster = cluster.process_id().context("PostgreSQL has ended")?;
                Raw::Pgbench(Pgbench::beside(postmaster, cluster.superuser_url())?)
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

    pub async fn close(self) -> Result<()> {
        self.host.stop().await
    }
}

/// The requests of every figure.
fn write_lists(folder: &Path, plain: &Tenant, hooked: &Tenant) -> Result<()> {
    let (contacts, members) = (plain.contacts()?, hooked.contacts()?);
    // Every fifth, in strides, so that reads wander over the whole table.
    let read = || wander(&contacts, contacts.len() / 5);
    let customers = usize::try_from(CUSTOMERS)?.min(contacts.len());
    let key = Some(plain.key.as_str());
    let order = |tenant: &Tenant, body: &str, contact: &str| {
        Line::post(Some(&tenant.key), "/api/v1/records/order", body.replace("@contact", contact))
    };
    let cities = || (0..100).map(|at| at * 37 % 100);
    let files: [(&str, Vec<Line>); 11] = [
        ("hello", vec![Line::get(None, "/")]),
        ("read", read().map(|id| Line::get(key, format!("/api/v1/records/contact/{id}"))).collect()),
        ("limit-read", read().map(|id| Line::get(None, format!("/contacts/{id}"))).collect()),
        ("list", cities().map(|city| Line::get(key, listing(city))).collect()),
        ("limit-list", cities().map(|city| Line::get(None, format!("/contacts?city=City%20{city}"))).collect()),
        ("create", vec![Line::post(key, "/api/v1/records/contact", CONTACT)]),
        ("limit-create", vec![Line::post(None, "/contacts", CONTACT)]),
        ("order", wander(&contacts[..customers], customers).map(|id| order(plain, ORDER, id)).collect()),
        ("order-looked-at", wander(&members, members.len()).map(|id| order(hooked, DRAFT, id)).collect()),
        ("order-hooked", wander(&members, members.len()).map(|id| order(hooked, ORDER, id)).collect()),
        ("order-one-member", members.first().map(|id| order(hooked, ORDER, id)).into_iter().collect()),
    ];
    files.into_iter().try_for_each(|(name, lines)| load::write(&folder.join(name), lines))
}

/// Some of the ids in strides, so that neighbours in time are no neighbours in the tables.
pub fn wander(ids: &[String], count: usize) -> impl Iterator<Item = &String> {
    (0..count).map(|at| &ids[at * 7919 % ids.len()])
}

pub fn listing(city: u32) -> String {
    format!("/api/v1/records/contact?filter[city][_eq]=City%20{city}&sort=name&limit=50")
}
