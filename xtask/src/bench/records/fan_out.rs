//! One create, many who want to know: streams and webhooks.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use futures_util::future::try_join_all;
use serde::Serialize;
use serde_json::{Map, Value, json};
use tokio::process::Command;

use super::client::Client;
use super::fill::Tenant;
use crate::bench::build::Programs;
use crate::bench::installation::Installation;
use crate::bench::server::Server;
use crate::bench::spread::Spread;

/// Streams that one key may have.
const PER_KEY: usize = 8;
const CREATES: usize = 40;
const WEBHOOKS: usize = 10;
const LOOK: Duration = Duration::from_millis(5);

/// With so many streams.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct FanOut {
    pub streams: usize,
    /// From sending the create to its answer, ms.
    pub create_ms: Spread,
    /// From sending the create until the last stream has its event, ms.
    pub last_ms: Spread,
}

/// Creates beside streams.
pub async fn streams(installation: &Installation, server: &Server, tenant: &Tenant, count: usize) -> Result<FanOut> {
    let http = reqwest::Client::builder().no_proxy().build()?;
    let mut readers = Vec::new();
    let mut key = String::new();
    for nth in 0..count {
        if nth % PER_KEY == 0 {
            key = installation.make_key(&tenant.slug(), &format!("stream {count} {nth}")).await?;
        }
        let request = http.get(format!("{}/api/v1/events?object=contact", server.address())).bearer_auth(&key);
        let stream = request.header("Accept", "text/event-stream").send().await?;
        ensure!(stream.status().is_success(), "a stream: {} {}", stream.status(), stream.text().await?);
        readers.push(Reader { stream, text: String::new() });
    }
    let client = Client::of(&http, server.address(), &tenant.key);
    let (mut answered, mut last) = (Vec::new(), Vec::new());
    for number in 0..CREATES {
        let start = Instant::now();
        let body = json!({"name": format!("Fan-out {count}-{number}")});
        let made = client.post("/api/v1/records/contact", &body).await?;
        answered.push(start.elapsed().as_secs_f64() * 1e3);
        let id = made["id"].as_str().context("a contact without an id")?;
        try_join_all(readers.iter_mut().map(|reader| reader.until(id))).await?;
        last.push(start.elapsed().as_secs_f64() * 1e3);
    }
    let spread = |values: Vec<f64>| Spread::of(values).context("nothing was created");
    Ok(FanOut { streams: count, create_ms: spread(answered)?, last_ms: spread(last)? })
}

struct Reader {
    stream: reqwest::Response,
    text: String,
}

impl Reader {
    async fn until(&mut self, id: &str) -> Result<()> {
        let wanted = format!("\"record\":\"{id}\"");
        while !self.text.contains(&wanted) {
            let chunk = self.stream.chunk().await?.context("a stream ended")?;
            self.text += &String::from_utf8_lossy(&chunk);
        }
        self.text.clear();
        Ok(())
    }
}

/// Deliveries a second of some webhooks, with everything that a delivery has: a signature, an answer, a commit.
pub async fn webhooks(programs: &Programs, folder: &std::path::Path, server: &Server, tenant: &Tenant) -> Result<f64> {
    let mut command = Command::new(&programs.limits);
    command.arg("sink");
    let sink = Server::start(command, &folder.join("sink.log")).await?;
    let http = reqwest::Client::builder().no_proxy().build()?;
    let client = Client::of(&http, server.address(), &tenant.key);
    let mut made = Vec::new();
    for _ in 0..WEBHOOKS {
        let webhook =
            client.post("/api/v1/webhooks", &json!({"url": sink.address(), "types": ["contact.created"]})).await?;
        made.push(webhook["id"].as_str().context("a webhook without an id")?.to_owned());
    }
    let records = |batch: usize| -> Vec<Map<String, Value>> {
        let record = |at| Map::from_iter([("name".to_owned(), format!("Hooked {batch}-{at}").into())]);
        (0..1_000).map(record).collect()
    };
    let start = Instant::now();
    client.create_all("contact", records(0)).await?;
    let wanted = 1_000 * WEBHOOKS as u64;
    loop {
        let came: u64 = http.get(sink.address()).send().await?.text().await?.parse()?;
        if came >= wanted {
            break;
        }
        ensure!(start.elapsed() < Duration::from_mins(5), "only {came} of {wanted} deliveries came");
        tokio::time::sleep(LOOK).await;
    }
    let seconds = start.elapsed().as_secs_f64();
    for id in made {
        let path = format!("/api/v1/webhooks/{id}");
        client.delete(&path).await?;
    }
    #[expect(clippy::cast_precision_loss, reason = "some thousands")]
    let deliveries = wanted as f64;
    Ok(deliveries / seconds)
}
