//! A quiet tenant while another one asks for as much as it may: how long the quiet one waits for its answers.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use serde::Serialize;

use super::people::{self, CITIES, Shop};
use crate::bench::installation::Installation;
use crate::bench::load::{self, CLIENTS, Line, Load};
use crate::bench::records::client::Client;
use crate::bench::rounds::Plan;
use crate::bench::server::Server;
use crate::bench::spread::Spread;

/// Requests of the quiet tenant in a second, one after the other.
const PACE: u32 = 100;
/// A window has so many times the seconds of others, so that its p99 is made of enough answers.
const LONGER: u32 = 4;

/// What the quiet tenant saw, in milliseconds.
#[derive(Serialize)]
pub struct Neighbour {
    pub flood: &'static str,
    /// The p99 of each round: calm, and under the flood.
    pub rounds: Vec<(f64, f64)>,
    /// What the flood got in a second, and how much of all that it asked for was refused.
    pub flood_per_s: Vec<f64>,
    pub refused: Vec<f64>,
}

impl Neighbour {
    pub fn ratio(&self) -> Option<Spread> {
        Spread::of(self.rounds.iter().map(|(calm, flooded)| flooded / calm))
    }
}

pub async fn measure(installation: &Installation, server: &Server, shop: &Shop, plan: Plan) -> Result<Vec<Neighbour>> {
    let http = reqwest::Client::builder().no_proxy().build()?;
    let quiet = installation.make_tenant("quiet").await?;
    let quiet = Client::of(&http, server.address(), &quiet.key);
    let id = quiet.create_all("contact", vec![serde_json::from_str(r#"{"name": "Quiet"}"#)?]).await?.remove(0);
    let path = format!("/api/v1/records/contact/{id}");
    let seconds = plan.seconds * LONGER;
    let reads = shop.contacts.iter().take(5_000);
    let reads = reads.map(|id| Line::get(Some(&shop.key), format!("/api/v1/records/contact/{id}"))).collect();
    let lists = (0..CITIES).map(|city| Line::get(Some(&shop.key), people::listing(city, "name"))).collect();
    let mut found = Vec::new();
    for (flood, lines) in [("get a contact", reads), ("list 50 by city", lists)] {
        let lines: Vec<Line> = lines;
        let file: PathBuf = installation.folder.join("flood");
        load::write(&file, lines)?;
        let mut of = Neighbour { flood, rounds: Vec::new(), flood_per_s: Vec::new(), refused: Vec::new() };
        for round in 0..plan.rounds {
            let get = |client: Client| {
                let path = path.clone();
                async move { client.get(&path).await.map(drop) }
            };
            let calm = p99(&quiet, get, seconds).await?;
            let load = Load { file: &file, clients: CLIENTS, seconds };
            let (flooded, answered) = tokio::try_join!(p99(&quiet, get, seconds), load::flood(server.address(), load))?;
            if round > 0 {
                of.rounds.push((calm, flooded));
                of.flood_per_s.push(answered.per_second() * (1.0 - answered.refused_share()));
                of.refused.push(answered.refused_share());
            }
        }
        found.push(of);
    }
    Ok(found)
}

/// Asks at a pace that does not depend on the answers, so that a late one does not hide those behind it.
pub async fn p99<F>(client: &Client, ask: impl Fn(Client) -> F, seconds: u32) -> Result<f64>
where
    F: Future<Output = Result<()>> + Send + 'static,
{
    let start = Instant::now();
    let mut asked = Vec::new();
    for number in 0..seconds * PACE {
        let due = start + Duration::from_secs(1) * number / PACE;
        tokio::time::sleep_until(due.into()).await;
        let one = ask(client.clone());
        asked.push(tokio::spawn(async move { one.await.map(|()| due.elapsed()) }));
    }
    let mut times = Vec::with_capacity(asked.len());
    for one in asked {
        times.push(one.await.context("asking")??);
    }
    times.sort_unstable();
    let at = times.len() * 99 / 100;
    Ok(times[at.min(times.len() - 1)].as_secs_f64() * 1e3)
}
