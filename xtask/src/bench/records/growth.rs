//! The same work while a tenant grows, and while tenants become many.

use std::time::Instant;

use anyhow::{Context as _, Result};
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use serde::Serialize;
use serde_json::Value;

use super::client::Client;
use super::data::{self, Size};
use super::fill::{self, Tenant};
use super::imports::{self, Import, Kind};
use super::requests::Requests;
use super::work::Work;
use crate::bench::figure::Measured;
use crate::bench::installation::Installation;
use crate::bench::load::{self, CLIENTS, Load};
use crate::bench::server::Server;
use crate::bench::spread::Spread;

/// Contacts of each tenant when there are many.
const SMALL: usize = 100;
/// Tenants whose first request after a start is timed.
const COLD: usize = 100;
/// An import brings no companies, so that there is no link to ask for.
const WORKS: [Work; 4] = [Work::Read, Work::List, Work::SearchPrefix, Work::Create];

/// What was measured at one size.
#[derive(Serialize)]
pub struct Step {
    /// Contacts of the tenant, or tenants of the host.
    pub size: usize,
    pub works: Vec<(Work, Vec<Measured>)>,
    pub import: Option<Import>,
    /// Of tenants that the host has not met since it started.
    pub first_request_ms: Option<Spread>,
    pub resident_mb: f64,
}

/// One tenant, at several sizes.
pub async fn rows(
    installation: &Installation,
    server: &Server,
    sizes: &[usize],
    seconds: u32,
    windows: u32,
) -> Result<Vec<Step>> {
    let http = reqwest::Client::builder().no_proxy().build()?;
    let made = installation.make_tenant("grown").await?;
    let client = Client::of(&http, server.address(), &made.key);
    let number = data::TENANTS + 7;
    let size = Size { contacts: 0, companies: 1, deals: 0, activities: 0 };
    let mut tenant = Tenant { number, id: made.id, key: made.key, size, contacts: Vec::new() };
    let mut steps = Vec::new();
    for &to in sizes {
        let import = imports::import(&client, server, number, tenant.size.contacts, to, Kind::Clean).await?;
        println!("{:?}: {to} contacts, {:.0} rows/s", installation.engine, import.rows_per_s());
        tenant.size.contacts = to;
        tenant.contacts = sample(&client).await?;
        let tenants = std::slice::from_ref(&tenant);
        let works = measure(installation, server, &http, tenants, &WORKS, seconds, windows).await?;
        let resident_mb = crate::bench::proc::resident_mb(server.process())?;
        steps.push(Step { size: to, works, import: Some(import), first_request_ms: None, resident_mb });
    }
    Ok(steps)
}

async fn sample(client: &Client) -> Result<Vec<String>> {
    let page = client.get("/api/v1/records/contact?sort=email&limit=500&fields=id").await?;
    let ids = page["data"].as_array().context("no contacts")?;
    Ok(ids.iter().filter_map(|record| record["id"].as_str().map(str::to_owned)).collect())
}

/// Small tenants, in growing numbers; the host is started anew for each.
pub async fn tenants(installation: &Installation, counts: &[usize], seconds: u32, windows: u32) -> Result<Vec<Step>> {
    let http = reqwest::Client::builder().no_proxy().build()?;
    let mut tenants: Vec<Tenant> = Vec::new();
    let mut steps = Vec::new();
    for &count in counts {
        let server = installation.serve().await?;
        let start = Instant::now();
        let name = format!("small-{count}");
        let made = fill::make_tenants(installation, &name, count.saturating_sub(tenants.len())).await?;
        let from = tenants.len();
        let address = server.address();
        let filling = made.into_iter().enumerate().map(|(nth, (id, key))| {
            let client = Client::of(&http, address, &key);
            let number = 2 * data::TENANTS + from + nth;
            async move {
                let contacts = (0..SMALL).map(|at| {
                    let mut contact = data::contact(number, at, &[]);
                    contact.retain(|name, _| !name.starts_with("x_"));
                    contact
                });
                let contacts = client.create_all("contact", contacts.collect()).await?;
                let size = Size { contacts: SMALL, companies: 1, deals: 0, activities: 0 };
                anyhow::Ok(Tenant { number, id, key, size, contacts })
            }
        });
        let filled: Vec<Tenant> = stream::iter(filling).buffered(2).try_collect().await?;
        tenants.extend(filled);
        println!("{:?}: {count} small tenants, in {:.0} s", installation.engine, start.elapsed().as_secs_f64());
        server.stop().await?;
        let server = installation.serve().await?;
        let first = first_requests(&http, &server, &tenants).await?;
        let all = [Work::Read, Work::List, Work::Create];
        let works = measure(installation, &server, &http, &tenants, &all, seconds, windows).await?;
        let resident_mb = crate::bench::proc::resident_mb(server.process())?;
        server.stop().await?;
        steps.push(Step { size: count, works, import: None, first_request_ms: Some(first), resident_mb });
    }
    Ok(steps)
}

async fn first_requests(http: &reqwest::Client, server: &Server, tenants: &[Tenant]) -> Result<Spread> {
    let mut times = Vec::new();
    let step = tenants.len().div_ceil(COLD);
    for tenant in tenants.iter().step_by(step) {
        let client = Client::of(http, server.address(), &tenant.key);
        let start = Instant::now();
        let _: Value = client.get(&format!("/api/v1/records/contact/{}", tenant.contacts[0])).await?;
        times.push(start.elapsed().as_secs_f64() * 1e3);
    }
    Spread::of(times).context("there are no tenants")
}

async fn measure(
    installation: &Installation,
    server: &Server,
    http: &reqwest::Client,
    tenants: &[Tenant],
    works: &[Work],
    seconds: u32,
    windows: u32,
) -> Result<Vec<(Work, Vec<Measured>)>> {
    let requests = Requests { engine: installation.engine, tenants, client: http, address: server.address() };
    let gauge = installation.gauge();
    let file = installation.folder.join("growth");
    let mut all = Vec::new();
    for &work in works {
        load::write(&file, requests.of(work).await?.into_iter().map(|pair| pair.line))?;
        let mut measured = Vec::new();
        // One more, to warm up.
        for _ in 0..=windows {
            let load = Load { file: &file, clients: CLIENTS, seconds };
            let one = gauge.server(server, load).await.with_context(|| format!("growth, {work:?}"))?;
            measured.push(one);
        }
        measured.remove(0);
        all.push((work, measured));
    }
    Ok(all)
}
