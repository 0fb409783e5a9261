//! How long the host takes to be ready, and the memory that it has then.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use serde::Serialize;

use super::installation::{Installation, Tenant};
use super::proc;
use super::spread::Spread;

const STARTS: usize = 5;
/// How long the host is left alone before its memory is read.
const REST: Duration = Duration::from_millis(500);

#[derive(Debug, Clone, Copy, Serialize)]
pub struct Start {
    /// From the start of the process to the first good answer of `/readyz`.
    pub ready_ms: Spread,
    /// The first request of the tenant with the module: it is compiled then.
    pub first_module_request_ms: Spread,
    /// Memory of a host that has done nothing yet.
    pub idle_mb: Spread,
    /// Memory with the module compiled.
    pub module_mb: Spread,
}

pub async fn measure(installation: &Installation, with_module: &Tenant) -> Result<Start> {
    let client = reqwest::Client::builder().no_proxy().build()?;
    let [mut ready, mut first, mut idle, mut module] = [const { Vec::new() }; 4];
    for _ in 0..STARTS {
        let start = Instant::now();
        let server = installation.serve().await?;
        loop {
            let answer = client.get(format!("{}/readyz", server.address())).send().await?;
            if answer.status().is_success() {
                break;
            }
            ensure!(start.elapsed() < Duration::from_secs(30), "the host is not ready: {}", answer.text().await?);
        }
        ready.push(millis(start.elapsed()));
        tokio::time::sleep(REST).await;
        idle.push(proc::resident_mb(server.process())?);

        let start = Instant::now();
        let url = format!("{}/api/v1/records/order?limit=1", server.address());
        let answer = client.get(url).bearer_auth(&with_module.key).send().await?;
        ensure!(answer.status().is_success(), "the first list: {}", answer.text().await?);
        answer.bytes().await?;
        first.push(millis(start.elapsed()));
        module.push(proc::resident_mb(server.process())?);
        server.stop().await?;
    }
    let spread = |values: Vec<f64>| Spread::of(values).context("the host was never started");
    Ok(Start {
        ready_ms: spread(ready)?,
        first_module_request_ms: spread(first)?,
        idle_mb: spread(idle)?,
        module_mb: spread(module)?,
    })
}

fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}
