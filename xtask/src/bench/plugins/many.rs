//! Very many plugins and tenants in one installation: what they cost while nobody uses them, and the first call.

use std::time::Instant;

use anyhow::{Context as _, Result, ensure};
use futures_util::stream::{self, StreamExt as _, TryStreamExt as _};
use reqwest::Method;
use serde::Serialize;
use serde_json::{Value, json};

use crate::bench::installation::{Installation, Tenant};
use crate::bench::proc;
use crate::bench::records::client::Client;
use crate::bench::server::Server;
use crate::bench::spread::Spread;
use guildhall_kit::component;

/// Requests at the same time while everything is made.
const AT_ONCE: usize = 8;
/// Starts of the host for the times of first calls.
const STARTS: usize = 21;
/// Parts in which the tenants are asked something, those without a module and those with one by turns: what grows
/// meanwhile for all of them, such as the page cache of the database, counts for both alike.
const PARTS: usize = 20;
/// A component of nothing.
const EMPTY: [u8; 8] = *b"\0asm\x0d\0\x01\0";

/// How many there are.
#[derive(Clone, Copy, Serialize)]
pub struct Sizes {
    pub plugins: usize,
    pub tenants: usize,
    /// Modules of one tenant that hear of its events, in turn.
    pub hearers: [usize; 3],
}

/// What they cost.
#[derive(Serialize)]
pub struct Many {
    sizes: Sizes,
    /// From the start of the process until it listens.
    start_ms: Spread,
    /// Memory of the host once it listens.
    started_mb: f64,
    /// Memory for each tenant that was asked something, without a module and with one.
    touched_kb: [f64; 2],
    /// The first write of a tenant since the host began: without a module, and with one whose component has to be
    /// taken from the disk.
    first_ms: [Spread; 2],
}

/// Fills an installation, and measures it; `hooked` and `plain` are tenants with a hook and without.
pub async fn measure(installation: &Installation, hooked: &Tenant, plain: &Tenant, sizes: Sizes) -> Result<Many> {
    let http = reqwest::Client::builder().no_proxy().build()?;
    let server = installation.serve().await?;
    let operator = Client::of(&http, server.address(), &installation.make_operator_key().await?);
    let began = Instant::now();
    each(0..sizes.plugins, |number| install(operator.clone(), number)).await?;
    println!("{} plugins installed in {:.0} s", sizes.plugins, began.elapsed().as_secs_f64());
    let began = Instant::now();
    let keys = each(0..sizes.tenants, |number| make_tenant(operator.clone(), number)).await?;
    let (without, with) = keys.split_at(keys.len() / 2);
    let of = |server: &Server, key: &str| Client::of(&http, server.address(), key);
    each(with.iter().enumerate(), |(number, key)| {
        enable(of(&server, key), format!("bench.p{}", number % sizes.plugins))
    })
    .await?;
    println!("{} tenants made in {:.0} s", sizes.tenants, began.elapsed().as_secs_f64());
    server.stop().await?;

    let server = installation.serve().await?;
    let started_mb = proc::private_mb(server.process())?;
    let touched_kb = touched(&server, &[without, with], |key| of(&server, key)).await?;
    server.stop().await?;

    let (mut starts, mut firsts) = (Vec::new(), [Vec::new(), Vec::new()]);
    for start in 0..STARTS {
        let began = Instant::now();
        let server = installation.serve().await?;
        starts.push(began.elapsed().as_secs_f64() * 1e3);
        // Somebody has written before: what is first for everybody is not what is asked for.
        create(&of(&server, &without[0])).await?;
        for (at, key) in [&plain.key, &hooked.key].into_iter().enumerate() {
            let first = create(&of(&server, key)).await?;
            // In turns, the first start warms up.
            if start > 0 {
                firsts[at].push(first);
            }
        }
        server.stop().await?;
    }
    let spread = |all: Vec<f64>| Spread::of(all).context("nothing was measured");
    let [plain, hooked] = firsts;
    Ok(Many { sizes, start_ms: spread(starts)?, started_mb, touched_kb, first_ms: [spread(plain)?, spread(hooked)?] })
}

/// Asks something of each tenant; says by how many kB each made the host larger, for those of either kind.
async fn touched(server: &Server, kinds: &[&[String]; 2], client: impl Fn(&str) -> Client) -> Result<[f64; 2]> {
    let mut grown = [Vec::new(), Vec::new()];
    let part = kinds[0].len().div_ceil(PARTS);
    for at in 0..PARTS {
        for (kind, grown) in kinds.iter().zip(&mut grown) {
            let keys = kind.chunks(part).nth(at).unwrap_or_default();
            let before = proc::private_mb(server.process())?;
            each(keys, |key| touch(client(key))).await?;
            let asked = f64::from(u32::try_from(keys.len()).unwrap_or(u32::MAX));
            grown.push((proc::private_mb(server.process())? - before) * 1024.0 / asked.max(1.0));
        }
    }
    // The first part fills what is kept for everybody.
    let mean = |parts: Vec<f64>| {
        let count = u32::try_from(parts.len().saturating_sub(1)).unwrap_or(u32::MAX);
        parts.iter().skip(1).sum::<f64>() / f64::from(count.max(1))
    };
    Ok(grown.map(mean))
}

/// Prints it.
pub fn print(many: &Many) {
    let Many { sizes: Sizes { plugins, tenants, .. }, start_ms, started_mb, touched_kb, first_ms } = many;
    println!("\n{plugins} plugins and {tenants} tenants");
    println!("\n| what | figure |\n|---|---|");
    println!("| start until it listens, ms | {start_ms:.0} |");
    println!("| memory then, MB | {started_mb:.0} |");
    println!("| memory for each tenant that asked something, kB | {:.1} |", touched_kb[0]);
    println!("| the same, with a module switched on | {:.1} |", touched_kb[1]);
    println!("| first write of a tenant, ms | {:.2} |", first_ms[0]);
    println!("| the same, with a hook from the disk | {:.2} |", first_ms[1]);
}

/// Does something with each of these, some at the same time.
async fn each<I, O, F>(all: impl IntoIterator<Item = I>, one: impl Fn(I) -> F) -> Result<Vec<O>>
where
    F: Future<Output = Result<O>>,
{
    stream::iter(all).map(one).buffered(AT_ONCE).try_collect().await
}

async fn install(operator: Client, number: usize) -> Result<()> {
    let manifest = json!({
        "schema": 1, "id": format!("bench.p{number}"), "namespace": format!("p{number}"), "name": "Bench",
        "version": "1.0.0", "api": "1.0",
    });
    let component = component::of_manifest(&EMPTY, &manifest);
    operator.send(Method::POST, "/api/v1/plugins", "application/wasm", component).await.map(drop)
}

async fn make_tenant(operator: Client, number: usize) -> Result<String> {
    let slug = format!("many-{number}");
    let made = operator.post("/api/v1/tenants", &json!({"slug": slug, "name": slug})).await?;
    made["api_key"].as_str().map(str::to_owned).context("a new tenant lacks its key")
}

async fn enable(client: Client, plugin: String) -> Result<()> {
    let path = format!("/api/v1/modules/{plugin}");
    client.send(Method::PUT, &path, "application/json", b"{}".to_vec()).await.map(drop)
}

async fn touch(client: Client) -> Result<()> {
    let page = client.get("/api/v1/records/contact?limit=1").await?;
    ensure!(page["data"] == Value::Array(Vec::new()), "a new tenant has contacts");
    Ok(())
}

/// How long one write takes, in milliseconds.
async fn create(client: &Client) -> Result<f64> {
    let began = Instant::now();
    client.post("/api/v1/records/contact", &super::contact()).await?;
    Ok(began.elapsed().as_secs_f64() * 1e3)
}
