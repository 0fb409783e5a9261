//! Load on one server for some seconds, and what it cost.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, Result};

use super::figure::Measured;
use super::load::{self, Answered, Load};
use super::pgbench::Pgbench;
use super::proc;
use super::server::Server;

/// PostgreSQL counts the time of a connection that has ended a moment later.
const MOMENT: Duration = Duration::from_millis(100);

/// What the load is measured on.
pub struct Gauge {
    /// PostgreSQL's first process, where the host runs on it.
    pub postmaster: Option<u32>,
}

impl Gauge {
    /// A server that may use the database.
    pub async fn server(&self, server: &Server, load: Load<'_>) -> Result<Measured> {
        let before = (proc::cpu_time(server.process())?, self.database()?);
        let answered = load::run(server.address(), load).await;
        let answered = answered.with_context(|| format!("the server's last words:\n{}", server.last_words()))?;
        let cpu = proc::cpu_time(server.process())?.saturating_sub(before.0);
        let database = self.database()?.zip(before.1).map(|(now, then)| now.saturating_sub(then));
        measured(&answered, server, cpu, database)
    }

    /// PostgreSQL with nothing between.
    pub async fn pgbench(&self, pgbench: &Pgbench, scripts: &[&Path], clients: u32, seconds: u32) -> Result<Measured> {
        let before = self.database()?;
        let done = pgbench.run(scripts, clients, seconds).await?;
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
        self.postmaster.map(proc::family_cpu_time).transpose()
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
