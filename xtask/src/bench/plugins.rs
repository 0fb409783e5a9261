//! `cargo xtask bench plugins`: what hooks cost the writes that they look at, and what a loop in one tenant costs
//! another; how soon many modules hear of an event; and what many plugins cost that nobody uses.

mod fan_out;
mod many;

use anyhow::{Context as _, Result};
use clap::{Args, ValueEnum};
use serde_json::{Value, json};

use super::access::neighbour::{Neighbour, p99};
use super::access::{Bench, Report, print};
use super::build::Programs;
use super::installation::{Installation, Tenant};
use super::load::{self, Line, Load};
use super::records::client::Client;
use super::rounds::Plan;
use super::server::Server;
use super::turns::Turns;
use super::{Folder, hook};
use fan_out::FanOut;
use guildhall_kit::component;
use many::{Many, Sizes};

/// The plugin whose hook parses what it is shown and says nothing.
const IDLE: &str = "test.hostile";

/// Modules without a hook that one tenant has switched on.
const UNUSED: usize = 100;

#[derive(Args)]
pub struct Options {
    #[command(flatten)]
    turns: Turns,
    /// Plugins that are installed without being used
    #[arg(long, default_value_t = 1_000, value_parser = clap::value_parser!(u32).range(1..))]
    plugins: u32,
    /// Tenants beside those that are measured; every second one has one of these plugins
    #[arg(long, default_value_t = 10_000, value_parser = clap::value_parser!(u32).range(2..))]
    tenants: u32,
    /// Which parts
    #[arg(long, value_delimiter = ',', default_value = "alone,creates,batches,neighbour,fan-out,many")]
    parts: Vec<Part>,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Part {
    Alone,
    Creates,
    Batches,
    Neighbour,
    FanOut,
    Many,
}

/// Measures, and prints the figures of each engine when they are there.
pub async fn measure(options: &Options, programs: &Programs) -> Result<()> {
    let plan = options.turns.plan();
    let sizes = if options.turns.quick {
        Sizes { plugins: 10, tenants: 20, hearers: [1, 2, 4] }
    } else {
        Sizes { plugins: options.plugins as usize, tenants: options.tenants as usize, hearers: [1, 10, 100] }
    };
    let mut alone = None;
    if options.parts.contains(&Part::Alone) {
        let hook = hook::measure(programs).await?;
        println!(
            "a fresh call: {:.0} µs (p99 {:.0}) with nothing to do, {:.0} µs (p99 {:.0}) for an order; {:.2} ms (p99 {:.2}) from the disk; compiled in {:.0} ms",
            hook.idle.p50_us,
            hook.idle.p99_us,
            hook.order.p50_us,
            hook.order.p99_us,
            hook.cold.p50_us / 1e3,
            hook.cold.p99_us / 1e3,
            hook.compile_us / 1e3
        );
        alone = Some(hook);
    }
    let folder = Folder::make()?;
    let (mut reports, mut manies, mut fans) = (Vec::new(), Vec::new(), Vec::new());
    for engine in options.turns.engines() {
        let installation = Installation::make(*engine, programs, &folder.0.join(format!("{engine:?}").to_lowercase()))?;
        let mut report = Report { engine: *engine, pairs: Vec::new(), neighbours: Vec::new() };
        let mut fan = Vec::new();
        let done = on((&mut report, &mut fan), &options.parts, &installation, plan, sizes).await;
        print::report(&report);
        fan_out::print(&fan);
        fans.push(fan);
        let many = done.with_context(|| format!("on {engine:?}"))?;
        many.iter().for_each(many::print);
        reports.push(report);
        manies.extend(many);
    }
    options.turns.keep(&json!({"hook": alone, "engines": reports, "fan_out": fans, "many": manies}))
}

async fn on(
    (report, fan): (&mut Report, &mut Vec<FanOut>),
    parts: &[Part],
    installation: &Installation,
    plan: Plan,
    sizes: Sizes,
) -> Result<Option<Many>> {
    let has = |part: Part| parts.contains(&part);
    let names = ["one", "two", "three", "spin"];
    for name in names {
        let file = installation.folder.join(format!("{name}.wasm"));
        std::fs::write(&file, variant(name)?).with_context(|| format!("writing {}", file.display()))?;
        installation.install(&file).await?;
    }
    let server = installation.serve().await?;
    let tenant = async |slug: &str, modules: &[&str]| -> Result<Tenant> {
        let tenant = installation.make_tenant(slug).await?;
        for name in modules {
            enable(&server, &tenant, name).await?;
        }
        Ok(tenant)
    };
    let plain = tenant("plain", &[]).await?;
    let hooked = tenant("hooked", &names[..1]).await?;
    let bench = Bench { installation, server: &server, plan, clients: load::CLIENTS };
    if has(Part::Creates) {
        let thrice = tenant("thrice", &names[..3]).await?;
        for (what, aim, tenant) in [("create, one hook", Some(0.9), &hooked), ("create, three hooks", None, &thrice)] {
            report.pairs.push(bench.pair(what, aim, creates(tenant), creates(&plain)).await?);
        }
    }
    if has(Part::Batches) {
        // One after the other: how long one takes is asked for.
        let bench = Bench { clients: 1, ..bench };
        let what = "1,000 records in a batch, one hook";
        report.pairs.push(bench.pair(what, None, batch(&hooked), batch(&plain)).await?);
    }
    if has(Part::Neighbour) {
        let busy = tenant("busy", &names[3..]).await?;
        report.neighbours.push(neighbour(installation, &server, &hooked, &busy, plan).await?);
    }
    if has(Part::FanOut) {
        for modules in sizes.hearers {
            fan.push(fan_out::measure(installation, &server, modules).await?);
        }
    }
    server.stop().await?;
    if !has(Part::Many) {
        return Ok(None);
    }
    let many = many::measure(installation, &hooked, &plain, sizes).await?;
    let server = installation.serve().await?;
    let bench = Bench { installation, server: &server, plan, clients: load::CLIENTS };
    let what = "create, with many plugins installed and not on the hook";
    let unused = &tenant_with_unused(&server, installation, sizes).await?;
    report.pairs.push(bench.pair(what, Some(0.98), creates(unused), creates(&plain)).await?);
    server.stop().await?;
    Ok(Some(many))
}

/// The idle plugin under another name.
fn variant(name: &str) -> Result<Vec<u8>> {
    let path = crate::workspace::target_directory()?.join("plugins").join(format!("{IDLE}.wasm"));
    let component = std::fs::read(&path).with_context(|| format!("reading {}", path.display()))?;
    let renamed = component::with_manifest(&component, |manifest| {
        manifest["id"] = json!(format!("bench.{name}"));
        manifest["namespace"] = json!(name);
    })?;
    Ok(renamed)
}

/// A tenant that has switched on some of the plugins that have no hook.
async fn tenant_with_unused(server: &Server, installation: &Installation, sizes: Sizes) -> Result<Tenant> {
    let tenant = installation.make_tenant("unused").await?;
    for number in 0..sizes.plugins.min(UNUSED) {
        enable(server, &tenant, &format!("p{number}")).await?;
    }
    Ok(tenant)
}

async fn enable(server: &Server, tenant: &Tenant, name: &str) -> Result<()> {
    let http = reqwest::Client::builder().no_proxy().build()?;
    let url = format!("{}/api/v1/modules/bench.{name}", server.address());
    let answer = http.put(url).bearer_auth(&tenant.key).json(&json!({"consent": ["*"]})).send().await?;
    anyhow::ensure!(answer.status().is_success(), "enabling {name}: {}", answer.text().await?);
    Ok(())
}

fn contact() -> Value {
    json!({"name": "Bench contact @number", "city": "Town @number", "note": "nothing"})
}

fn creates(tenant: &Tenant) -> Vec<Line> {
    vec![Line::post(Some(&tenant.key), "/api/v1/records/contact", contact().to_string())]
}

fn batch(tenant: &Tenant) -> Vec<Line> {
    let operations: Vec<Value> = (0..1_000).map(|_| json!({"op": "create", "fields": contact()})).collect();
    let body = json!({"mode": "atomic", "operations": operations}).to_string();
    vec![Line::post(Some(&tenant.key), "/api/v1/records/contact/batch", body)]
}

/// A tenant that creates contacts with a hook, calm and beside one whose hook spins nearly as long as it may: one that
/// is stopped each time would be suspended soon.
async fn neighbour(
    installation: &Installation,
    server: &Server,
    quiet: &Tenant,
    busy: &Tenant,
    plan: Plan,
) -> Result<Neighbour> {
    let http = reqwest::Client::builder().no_proxy().build()?;
    let client = Client::of(&http, server.address(), &quiet.key);
    let file = installation.folder.join("spinning");
    let spinning = json!({"name": "Bench contact @number", "note": "busy"}).to_string();
    load::write(&file, [Line::post(Some(&busy.key), "/api/v1/records/contact", spinning)])?;
    let mut of =
        Neighbour { flood: "a hook that spins", rounds: Vec::new(), flood_per_s: Vec::new(), refused: Vec::new() };
    let create = |client: Client| async move {
        client.post("/api/v1/records/contact", &json!({"name": "Quiet", "note": "nothing"})).await.map(drop)
    };
    for round in 0..plan.rounds {
        let calm = p99(&client, create, plan.seconds).await?;
        let load = Load { file: &file, clients: 8, seconds: plan.seconds };
        let (flooded, answered) =
            tokio::try_join!(p99(&client, create, plan.seconds), load::flood(server.address(), load))?;
        if round > 0 {
            of.rounds.push((calm, flooded));
            of.flood_per_s.push(answered.per_second() * (1.0 - answered.refused_share()));
            of.refused.push(answered.refused_share());
        }
    }
    Ok(of)
}
