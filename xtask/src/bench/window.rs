//! One figure in one round: load on one server for some seconds, and what it cost.

use std::path::Path;
use std::time::Duration;

use anyhow::Result;

use super::figure::{Figure, Measured};
use super::installation::{CONTACTS, Tenant};
use super::load::{self, Answered, Requests};
use super::pgbench::{Pgbench, Script};
use super::proc;
use super::server::Server;
use super::site::{Raw, Site};

const MOMENT: Duration = Duration::from_millis(100);

/// A contact to create; `load.lua` says what the marks become.
pub const CONTACT: &str = r#"{"name":"Bench contact @number","email":"bench@number@example.com","city":"Town @number","external_id":"bench-@number"}"#;
/// An order to create.
pub const ORDER: &str = r#"{"contact":"@contact","placed_at":"2026-01-01T00:00:00Z","total":{"amount":"29.33","currency":"USD"},"external_id":"bench-@number"}"#;
/// The same as a draft, which earns nothing.
const DRAFT: &str = r#"{"contact":"@contact","placed_at":"2026-01-01T00:00:00Z","total":{"amount":"29.33","currency":"USD"},"external_id":"bench-@number","status":"draft"}"#;

pub struct Window<'a> {
    pub site: &'a Site,
    pub seconds: u32,
    /// Of all windows of the run, so that no body is sent twice.
    pub number: u32,
}

impl Window<'_> {
    pub async fn measure(&self, figure: Figure) -> Result<Measured> {
        let Site { hello, raw, plain, hooked, .. } = self.site;
        let customer = self.site.file("one-customer");
        match (figure, raw) {
            (Figure::Hello, _) => self.on(hello, Self::get(&self.site.file("hello"))).await,
            (Figure::LimitRead, Raw::Servers { indexed, .. }) => {
                self.on(indexed, Self::get(&self.site.file("limit-read"))).await
            }
            (Figure::LimitList, Raw::Servers { indexed, .. }) => {
                self.on(indexed, Self::get(&self.site.file("limit-list"))).await
            }
            (Figure::LimitListOwn, Raw::Servers { own, .. }) => {
                self.on(own, Self::get(&self.site.file("limit-list"))).await
            }
            (Figure::LimitCreate, Raw::Servers { own, .. }) => {
                self.on(own, self.post("/contacts", CONTACT, &customer)).await
            }
            (Figure::LimitRead, Raw::Pgbench(pgbench)) => self.raw(pgbench, Script::Point).await,
            (Figure::LimitList | Figure::LimitListOwn, Raw::Pgbench(pgbench)) => self.raw(pgbench, Script::List).await,
            (Figure::LimitCreate, Raw::Pgbench(pgbench)) => self.raw(pgbench, Script::Insert).await,
            (Figure::Read, _) => self.host(plain, Self::get(&self.site.file("read"))).await,
            (Figure::List, _) => self.host(plain, Self::get(&self.site.file("list"))).await,
            (Figure::Create, _) => self.host(plain, self.post("/api/v1/records/contact", CONTACT, &customer)).await,
            (Figure::Order, _) => self.orders(plain, "plain-customers").await,
            (Figure::OrderLookedAt, _) => {
                let customers = self.site.file("hooked-customers");
                self.host(hooked, self.post("/api/v1/records/order", DRAFT, &customers)).await
            }
            (Figure::OrderHooked, _) => self.orders(hooked, "hooked-customers").await,
            (Figure::OrderOneMember, _) => self.orders(hooked, "one-customer").await,
        }
    }

    async fn orders(&self, tenant: &Tenant, customers: &str) -> Result<Measured> {
        self.host(tenant, self.post("/api/v1/records/order", ORDER, &self.site.file(customers))).await
    }

    fn get(paths: &Path) -> Requests<'_> {
        Requests::Get { paths }
    }

    fn post<'a>(&self, path: &'a str, body: &'a str, contacts: &'a Path) -> Requests<'a> {
        Requests::Post { path, body, contacts, window: self.number }
    }

    async fn host(&self, tenant: &Tenant, requests: Requests<'_>) -> Result<Measured> {
        let host = &self.site.host;
        let before = (proc::cpu_time(host.process())?, self.database()?);
        let answered = self.site.load(tenant, requests, self.seconds).await?;
        let cpu = proc::cpu_time(host.process())?.saturating_sub(before.0);
        let database = self.database()?.zip(before.1).map(|(now, then)| now.saturating_sub(then));
        measured(&answered, host, cpu, database)
    }

    async fn on(&self, server: &Server, requests: Requests<'_>) -> Result<Measured> {
        let before = proc::cpu_time(server.process())?;
        let answered =
            load::run(server.address(), None, requests, self.seconds, &self.site.installation.folder).await?;
        let cpu = proc::cpu_time(server.process())?.saturating_sub(before);
        measured(&answered, server, cpu, None)
    }

    async fn raw(&self, pgbench: &Pgbench, script: Script) -> Result<Measured> {
        let before = self.database()?;
        let done = pgbench.run(script, &self.site.plain.id, CONTACTS, self.seconds).await?;
        // PostgreSQL counts the time of a connection that has ended a moment later.
        tokio::time::sleep(MOMENT).await;
        let used = self.database()?.zip(before).map(|(now, then)| now.saturating_sub(then));
        Ok(Measured {
            per_s: done.per_second,
            p50_ms: None,
            p99_ms: None,
            cpu_us: None,
            database_cpu_us: used.map(|used| used.as_secs_f64() * 1e6 / done.transactions),
            resident_mb: None,
        })
    }

    /// CPU time of PostgreSQL so far.
    fn database(&self) -> Result<Option<Duration>> {
        self.site.postmaster().map(proc::family_cpu_time).transpose()
    }
}

fn measured(answered: &Answered, server: &Server, cpu: Duration, database: Option<Duration>) -> Result<Measured> {
    #[expect(clippy::cast_precision_loss, reason = "requests of some seconds are far below 2^52")]
    let per_request = |time: Duration| time.as_secs_f64() * 1e6 / answered.requests as f64;
    Ok(Measured {
        per_s: answered.per_second(),
        p50_ms: Some(answered.p50_ms()),
        p99_ms: Some(answered.p99_ms()),
        cpu_us: Some(per_request(cpu)),
        database_cpu_us: database.map(per_request),
        resident_mb: Some(proc::resident_mb(server.process())?),
    })
}
