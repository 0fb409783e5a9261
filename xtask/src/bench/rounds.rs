//! Rounds: every figure once, side by side in time, so that what disturbs the machine disturbs all of them.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use serde::Serialize;

use super::build::Programs;
use super::disk::{self, Disk};
use super::figure::{Figure, Measured};
use super::load::{self, Answered, Requests};
use super::pgbench::Script;
use super::server::Server;
use super::site::{CONTACTS, Site, Tenant};
use super::spread::Spread;
use super::{Engine, proc};

/// A round is disturbed when more of the machine's time than this went to others on the same hardware …
const MOST_STOLEN: f64 = 0.02;
/// … or when the bare route did less than this share of its median.
const LEAST_HELLO: f64 = 0.8;
/// Disturbed rounds that are run again; after that they count as they are.
const REPEATS: usize = 3;
/// Between two windows, so that one does not pay for what the one before left to do.
const PAUSE: Duration = Duration::from_millis(200);

const CONTACT: &str = r#"{"name":"Bench contact @number","email":"bench@number@example.com","city":"Town @number","external_id":"bench-@number"}"#;
const ORDER: &str = r#"{"contact":"@contact","placed_at":"2026-01-01T00:00:00Z","total":{"amount":"29.33","currency":"USD"},"external_id":"bench-@number"}"#;

/// How much is measured.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Plan {
    /// Rounds, with the first one that is dropped.
    pub rounds: u32,
    /// Length of a window.
    pub seconds: u32,
}

/// Everything once.
#[derive(Debug, Serialize)]
pub struct Round {
    pub figures: BTreeMap<Figure, Measured>,
    pub disk: Disk,
    /// Share of the machine's time that went to others on the same hardware.
    pub stolen: f64,
    /// Whether it counts although it was disturbed.
    pub disturbed: bool,
}

/// The rounds that count.
pub async fn run(site: &mut Site, programs: &Programs, plan: &Plan) -> Result<Vec<Round>> {
    let mut windows = 0;
    let wanted = plan.rounds as usize - 1;
    let mut rounds = Vec::new();
    let mut repeats = 0;
    let mut number = 0;
    loop {
        let start = Instant::now();
        let round = one(site, programs, plan, &mut windows).await?;
        number += 1;
        let took = start.elapsed().as_secs_f64();
        let hello = round.figures.get(&Figure::Hello).map_or(0.0, |hello| hello.per_s);
        let fsync = round.disk.fsync.p50_us / 1e3;
        let note = if number == 1 { ", the warm-up" } else { "" };
        println!(
            "{:?}: round {number} in {took:.0} s: bare route {hello:.0}/s, fsync {fsync:.2} ms, stolen {:.1} %{note}",
            site.seeded.engine,
            round.stolen * 100.0
        );
        if number == 1 {
            continue;
        }
        rounds.push(round);
        mark_disturbed(&mut rounds);
        if rounds.len() == wanted {
            let disturbed = rounds.iter().filter(|round| round.disturbed).count();
            if disturbed == 0 || repeats + disturbed > REPEATS {
                return Ok(rounds);
            }
            println!("{:?}: running {disturbed} disturbed rounds again", site.seeded.engine);
            rounds.retain(|round| !round.disturbed);
            repeats += disturbed;
        }
    }
}

fn mark_disturbed(rounds: &mut [Round]) {
    let hello = |round: &Round| round.figures.get(&Figure::Hello).map_or(0.0, |hello| hello.per_s);
    let usual = Spread::of(rounds.iter().map(hello)).map_or(0.0, |spread| spread.median);
    for round in rounds {
        round.disturbed = round.stolen > MOST_STOLEN || hello(round) < LEAST_HELLO * usual;
    }
}

async fn one(site: &Site, programs: &Programs, plan: &Plan, windows: &mut u32) -> Result<Round> {
    let before = proc::Machine::now()?;
    let disk = disk::measure(programs, &site.seeded.folder).await?;
    let mut figures = BTreeMap::new();
    for figure in Figure::of(site.seeded.engine) {
        *windows += 1;
        tokio::time::sleep(PAUSE).await;
        let window = Window { site, seconds: plan.seconds, number: *windows };
        let measured = window.measure(*figure).await.with_context(|| format!("measuring {figure:?}"))?;
        figures.insert(*figure, measured);
    }
    let stolen = proc::Machine::now()?.stolen_since(before);
    Ok(Round { figures, disk, stolen, disturbed: false })
}

struct Window<'a> {
    site: &'a Site,
    seconds: u32,
    number: u32,
}

impl Window<'_> {
    async fn measure(&self, figure: Figure) -> Result<Measured> {
        let Site { seeded, hello, limits, .. } = self.site;
        let contact = |file| self.post("/contacts", CONTACT, file);
        match (figure, limits) {
            (Figure::Hello, _) => self.bare(hello, &self.file("hello"), None).await,
            (Figure::LimitRead, Some((fast, _))) => self.bare(fast, &self.file("limit-read"), None).await,
            (Figure::LimitList, Some((fast, _))) => self.bare(fast, &self.file("limit-list"), None).await,
            (Figure::LimitListOwn, Some((_, own))) => self.bare(own, &self.file("limit-list"), None).await,
            (Figure::LimitCreate, Some((_, own))) => {
                let customers = self.file("one-customer");
                self.bare(own, &customers, Some(contact(&customers))).await
            }
            (Figure::LimitRead, None) => self.pgbench(Script::Point).await,
            (Figure::LimitList | Figure::LimitListOwn, None) => self.pgbench(Script::List).await,
            (Figure::LimitCreate, None) => self.pgbench(Script::Insert).await,
            (Figure::Read, _) => self.host(&seeded.plain, Requests::Get { paths: &self.file("read") }).await,
            (Figure::List, _) => self.host(&seeded.plain, Requests::Get { paths: &self.file("list") }).await,
            (Figure::Create, _) => {
                let customers = self.file("one-customer");
                self.host(&seeded.plain, self.post("/api/v1/records/contact", CONTACT, &customers)).await
            }
            (Figure::Order, _) => self.orders(&seeded.plain, "plain-customers").await,
            (Figure::OrderHooked, _) => self.orders(&seeded.hooked, "hooked-customers").await,
            (Figure::OrderOneMember, _) => self.orders(&seeded.hooked, "one-customer").await,
        }
    }

    async fn orders(&self, tenant: &Tenant, customers: &str) -> Result<Measured> {
        self.host(tenant, self.post("/api/v1/records/order", ORDER, &self.file(customers))).await
    }

    fn post<'a>(&self, path: &'a str, body: &'a str, contacts: &'a PathBuf) -> Requests<'a> {
        Requests::Post { path, body, contacts, window: self.number }
    }

    fn file(&self, name: &str) -> PathBuf {
        self.site.seeded.folder.join(name)
    }

    async fn host(&self, tenant: &Tenant, requests: Requests<'_>) -> Result<Measured> {
        let host = self.site.host();
        let before = (proc::cpu_time(host.process())?, self.database()?);
        let answered = self.site.load(tenant, requests, self.seconds).await?;
        let cpu = proc::cpu_time(host.process())? - before.0;
        let database = self.database()?.zip(before.1).map(|(now, then)| now.saturating_sub(then));
        measured(&answered, host, cpu, database)
    }

    async fn bare(&self, server: &Server, paths: &PathBuf, requests: Option<Requests<'_>>) -> Result<Measured> {
        let before = proc::cpu_time(server.process())?;
        let requests = requests.unwrap_or(Requests::Get { paths });
        let answered = load::run(server.address(), None, requests, self.seconds, &self.site.seeded.folder).await?;
        measured(&answered, server, proc::cpu_time(server.process())? - before, None)
    }

    async fn pgbench(&self, script: Script) -> Result<Measured> {
        let pgbench = self.site.pgbench.as_ref().context("there is no PostgreSQL")?;
        let before = self.database()?;
        let done = pgbench.run(script, &self.site.seeded.plain.id, CONTACTS, self.seconds).await?;
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
        match (self.site.seeded.engine, self.site.postmaster()) {
            (Engine::Postgres, Some(postmaster)) => proc::family_cpu_time(postmaster).map(Some),
            _ => Ok(None),
        }
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
