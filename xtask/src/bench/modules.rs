//! `cargo xtask bench modules`: what loyalty costs orders, how fast lots expire, a critical path, a forecast.

mod expiry;
mod questions;

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use clap::{Args, ValueEnum};
use guildhall_kit::component;
use reqwest::Method;
use serde::Serialize;
use serde_json::{Map, Value, json};

use super::Folder;
use super::access::{self, Bench, Pair, print};
use super::build::{MODULE, Programs};
use super::installation::{Installation, Tenant};
use super::load::{CLIENTS, Line};
use super::records::client::Client;
use super::rounds::Plan;
use super::server::Server;
use super::turns::Turns;
use super::window::ORDER;
use expiry::Expiry;
use questions::Question;

/// Records in one commit.
const BATCH: usize = 500;

#[derive(Args)]
pub struct Options {
    #[command(flatten)]
    turns: Turns,
    /// Customers whose orders are taken, at least
    #[arg(long, default_value_t = 5_000)]
    customers: usize,
    /// Lots that expire
    #[arg(long, default_value_t = 1_000_000)]
    lots: usize,
    /// Tasks of one schedule
    #[arg(long, default_value_t = 5_000)]
    tasks: usize,
    /// Deals of a forecast
    #[arg(long, default_value_t = 100_000)]
    deals: usize,
    /// Which parts
    #[arg(long, value_delimiter = ',', default_value = "orders,expiry,schedule,forecast")]
    parts: Vec<Part>,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Part {
    Orders,
    Expiry,
    Schedule,
    Forecast,
}

/// How much there is of everything.
#[derive(Clone, Copy)]
struct Sizes {
    customers: usize,
    lots: usize,
    tasks: usize,
    deals: usize,
}

/// What was found out on one engine.
#[derive(Serialize)]
struct Report {
    orders: access::Report,
    expiry: Option<Expiry>,
    questions: Vec<Question>,
}

/// Measures, and prints the figures of each engine when they are there.
pub async fn measure(options: &Options, programs: &Programs) -> Result<()> {
    let plan = options.turns.plan();
    let sizes = if options.turns.quick {
        Sizes { customers: 50, lots: 600, tasks: 50, deals: 600 }
    } else {
        Sizes { customers: options.customers, lots: options.lots, tasks: options.tasks, deals: options.deals }
    };
    let folder = Folder::make()?;
    let mut reports = Vec::new();
    for engine in options.turns.engines() {
        let installation = Installation::make(*engine, programs, &folder.0.join(format!("{engine:?}").to_lowercase()))?;
        let report =
            on(options, &installation, programs, plan, sizes).await.with_context(|| format!("on {engine:?}"))?;
        println!("\n{engine:?}");
        if !report.orders.pairs.is_empty() {
            print::report(&report.orders);
        }
        report.expiry.iter().for_each(expiry::print);
        questions::print(&report.questions);
        reports.push(report);
    }
    options.turns.keep(&json!({"engines": reports}))
}

async fn on(
    options: &Options,
    installation: &Installation,
    programs: &Programs,
    plan: Plan,
    sizes: Sizes,
) -> Result<Report> {
    let has = |part: Part| options.parts.contains(&part);
    installation.install(&programs.plugin).await?;
    for name in ["sales", "sales-desk", "b2b-projects", "b2b-desk"] {
        installation.install(&component_of(&format!("guildhall.{name}"))?).await?;
    }
    let server = installation.serve().await?;
    let site = Site { installation, server: &server, http: reqwest::Client::builder().no_proxy().build()? };
    let orders = if has(Part::Orders) { orders(&site, plan, sizes.customers).await? } else { Vec::new() };
    let mut report = Report {
        orders: access::Report { engine: installation.engine, pairs: orders, neighbours: Vec::new() },
        expiry: None,
        questions: Vec::new(),
    };
    if has(Part::Schedule) {
        report.questions.push(questions::schedule(&site, sizes.tasks).await?);
    }
    if has(Part::Forecast) {
        report.questions.push(questions::forecast(&site, sizes.deals).await?);
    }
    if has(Part::Expiry) {
        report.expiry = Some(expiry::measure(&site, sizes.lots).await?);
    }
    server.stop().await?;
    Ok(report)
}

fn component_of(id: &str) -> Result<PathBuf> {
    Ok(crate::workspace::target_directory()?.join("plugins").join(format!("{id}.wasm")))
}

/// The host, and how tenants come to it.
struct Site<'a> {
    installation: &'a Installation,
    server: &'a Server,
    http: reqwest::Client,
}

impl Site<'_> {
    fn client(&self, key: &str) -> Client {
        Client::of(&self.http, self.server.address(), key)
    }

    /// A tenant with these modules.
    async fn tenant(&self, slug: &str, modules: &[&str]) -> Result<Tenant> {
        let tenant = self.installation.make_tenant(slug).await?;
        for id in modules {
            set_module(&self.client(&tenant.key), id, &json!({"consent": ["*"]})).await?;
        }
        Ok(tenant)
    }

    /// The loyalty module under another version, changed.
    async fn install_variant(&self, version: &str, change: impl FnOnce(&mut Value)) -> Result<()> {
        let file = self.installation.folder.join("variant.wasm");
        std::fs::write(&file, variant(&component_of(MODULE)?, version, change)?)
            .with_context(|| format!("writing {}", file.display()))?;
        // The host knows it at once: plugins are in the database.
        self.installation.install(&file).await
    }
}

fn variant(path: &Path, version: &str, change: impl FnOnce(&mut Value)) -> Result<Vec<u8>> {
    let bytes = std::fs::read(path).with_context(|| format!("reading {}", path.display()))?;
    Ok(component::with_manifest(&bytes, |manifest| {
        manifest["version"] = json!(version);
        change(manifest);
    })?)
}

async fn set_module(client: &Client, id: &str, body: &Value) -> Result<()> {
    let path = format!("/api/v1/modules/{id}");
    client.send(Method::PUT, &path, "application/json", body.to_string().into_bytes()).await.map(drop)
}

/// Creates so many records, and returns their ids in order.
async fn create(client: &Client, object: &str, count: usize, fields: impl Fn(usize) -> Value) -> Result<Vec<String>> {
    let mut ids = Vec::with_capacity(count);
    for from in (0..count).step_by(BATCH) {
        let records = (from..count.min(from + BATCH)).map(|at| match fields(at) {
            Value::Object(fields) => fields,
            _ => Map::new(),
        });
        ids.extend(client.create_all(object, records.collect()).await?);
    }
    Ok(ids)
}

fn contact(at: usize) -> Value {
    json!({"name": format!("Customer {at}"), "email": format!("customer{at}@example.com")})
}

/// Orders of one customer and of many, one after the other and many at once, with the module and without.
async fn orders(site: &Site<'_>, plan: Plan, customers: usize) -> Result<Vec<Pair>> {
    let (plain, hooked) = (site.tenant("plain", &[]).await?, site.tenant("loyal", &[MODULE]).await?);
    let mut lines = Vec::new();
    for tenant in [&hooked, &plain] {
        let contacts = create(&site.client(&tenant.key), "contact", customers, contact).await?;
        let line = |id: &String| Line::post(Some(&tenant.key), "/api/v1/records/order", ORDER.replace("@contact", id));
        let many: Vec<Line> = contacts.iter().map(line).collect();
        lines.push((many[..1].to_vec(), many));
    }
    let [(one, many), (one_plain, many_plain)] = lines.try_into().ok().context("two tenants")?;
    let mut pairs = Vec::new();
    for (what, clients, dear, cheap) in [
        ("orders of many members, one client", 1, &many, &many_plain),
        ("orders of many members, 32 clients", CLIENTS, &many, &many_plain),
        ("orders of one member, one client", 1, &one, &one_plain),
        ("orders of one member, 32 clients", CLIENTS, &one, &one_plain),
    ] {
        let bench = Bench { installation: site.installation, server: site.server, plan, clients };
        pairs.push(bench.pair(what, Some(0.75), dear.clone(), cheap.clone()).await?);
    }
    Ok(pairs)
}
