//! Row-level security on and off, and the price of going from tenant to tenant over the same connections.

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};
use tokio::process::Command;

use super::people::{self, Shop};
use super::{Bench, Pair};
use crate::bench::Engine;
use crate::bench::load::Line;
use crate::bench::records::client::Client;
use crate::bench::records::fill::make_tenants;
use crate::bench::window::CONTACT;

/// Contacts of each of many tenants.
const SMALL: usize = 50;
/// The rate may fall to 1 / 1.4 of what it was.
const AIM: f64 = 1.0 / 1.4;

pub async fn measure(bench: &Bench<'_>, shop: &Shop, tenants: usize) -> Result<Vec<Pair>> {
    let get = |key: &str, id: &String| Line::get(Some(key), format!("/api/v1/records/contact/{id}"));
    let reads: Vec<Line> = shop.contacts.iter().take(5_000).map(|id| get(&shop.key, id)).collect();
    let lists = (0..people::CITIES).map(|city| Line::get(Some(&shop.key), people::listing(city, "name"))).collect();
    let creates = vec![Line::post(Some(&shop.key), "/api/v1/records/contact", CONTACT)];
    let mut pairs = Vec::new();
    if bench.installation.engine == Engine::Postgres {
        for (what, lines) in [
            ("row-level security on against off: get a contact", reads.clone()),
            ("row-level security on against off: list 50", lists),
            ("row-level security on against off: create a contact", creates),
        ] {
            pairs.push(on_and_off(bench, what, &lines).await?);
        }
    }
    let made = make_tenants(bench.installation, "many", tenants).await?;
    let http = reqwest::Client::builder().no_proxy().build()?;
    let mut all = Vec::new();
    for (_, key) in &made {
        let client = Client::of(&http, bench.server.address(), key);
        let contacts = (0..SMALL).map(|at| match json!({"name": format!("Contact {at}"), "city": "Bern"}) {
            Value::Object(fields) => fields,
            _ => serde_json::Map::new(),
        });
        let ids = client.create_all("contact", contacts.collect()).await?;
        all.extend(ids.iter().map(|id| get(key, id)));
    }
    // In strides, so that one tenant's request is hardly ever followed by its own.
    let mixed = (0..all.len()).map(|at| all[at * 7919 % all.len()].clone()).collect();
    pairs.push(bench.pair("get a contact: one of many tenants against one tenant", None, mixed, reads).await?);
    Ok(pairs)
}

async fn on_and_off(bench: &Bench<'_>, what: &'static str, lines: &[Line]) -> Result<Pair> {
    let mut rounds = Vec::new();
    for round in 0..bench.plan.rounds {
        set(bench, "disable").await?;
        let off = bench.window(lines.to_vec()).await?;
        set(bench, "enable").await?;
        let on = bench.window(lines.to_vec()).await?;
        if round > 0 {
            rounds.push((on, off));
        }
    }
    Ok(Pair { what, aim: Some(AIM), rounds })
}

/// Past the host, which has no such switch: the policies stay, and count or do not.
async fn set(bench: &Bench<'_>, whether: &str) -> Result<()> {
    let cluster = bench.installation.cluster.as_ref().context("there is no PostgreSQL")?;
    let all = format!(
        "do $$ declare t regclass; begin for t in select polrelid from pg_policy loop \
         execute format('alter table %s {whether} row level security', t); end loop; end $$"
    );
    let mut command = Command::new("psql");
    command.args(["--quiet", "--no-psqlrc", "--set=ON_ERROR_STOP=1"]).arg(cluster.superuser_url());
    let output = command.arg("--command").arg(all).kill_on_drop(true).output().await.context("starting psql")?;
    ensure!(output.status.success(), "psql: {}", String::from_utf8_lossy(&output.stderr).trim_end());
    Ok(())
}
