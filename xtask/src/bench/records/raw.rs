//! The raw database beside the host: the same rows, the same indexes, nothing between.

use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::{Context as _, Result, ensure};
use tokio::process::Command;

use super::requests::{self, Pair};
use super::work::Work;
use crate::bench::Engine;
use crate::bench::build::Programs;
use crate::bench::figure::Measured;
use crate::bench::gauge::Gauge;
use crate::bench::installation::Installation;
use crate::bench::load::{self, Line, Load};
use crate::bench::pgbench::Pgbench;
use crate::bench::server::Server;

/// Scripts of one kind of work for pgbench, which takes 128 at most.
const SCRIPTS: usize = 100;
/// Rows of an import.
pub const IMPORT: usize = 100_000;

pub enum Raw {
    Sqlite {
        reads: Box<Server>,
        writes: Box<Server>,
        /// The statement that inserts what an import does.
        import: usize,
    },
    Postgres {
        pgbench: Pgbench,
        import: String,
    },
}

/// Writes what both sides are asked.
fn write(folder: &Path, engine: Engine, all: &[(Work, Vec<Pair>)], import: &str) -> Result<usize> {
    let mut statements = [String::new(), String::new()];
    let mut counts = [0, 0];
    for (work, pairs) in all {
        load::write(&folder.join(work.file()), pairs.iter().map(|pair| pair.line.clone()))?;
        if !work.has_raw() {
            continue;
        }
        let side = usize::from(work.writes());
        let mut lines = Vec::new();
        for (nth, pair) in pairs.iter().enumerate() {
            match engine {
                Engine::Sqlite => {
                    statements[side].push_str(&pair.sql);
                    statements[side].push('\n');
                    let path = format!("/{}", counts[side]);
                    lines.push(if work.writes() { Line::post(None, path, "{}") } else { Line::get(None, path) });
                    counts[side] += 1;
                }
                Engine::Postgres if nth < SCRIPTS => {
                    std::fs::write(script(folder, *work, nth), format!("{};\n", pair.sql))?;
                }
                Engine::Postgres => {}
            }
        }
        if engine == Engine::Sqlite {
            load::write(&folder.join(format!("raw-{}", work.file())), lines)?;
        }
    }
    statements[1] += import;
    for (file, text) in ["reads.sql", "writes.sql"].into_iter().zip(&statements) {
        std::fs::write(folder.join(file), text).with_context(|| format!("writing {file}"))?;
    }
    Ok(counts[1])
}

fn script(folder: &Path, work: Work, nth: usize) -> PathBuf {
    folder.join(format!("{}-{nth}.sql", work.file()))
}

impl Raw {
    /// `tenant` is whose contacts an import is held against.
    pub async fn open(
        installation: &Installation,
        programs: &Programs,
        all: &[(Work, Vec<Pair>)],
        tenant: &str,
    ) -> Result<Self> {
        let (folder, engine) = (&installation.folder, installation.engine);
        let statement = requests::insert(engine, requests::written(engine), &requests::literal(engine, tenant), IMPORT);
        let import = write(folder, engine, all, &statement)?;
        if let Some(cluster) = &installation.cluster {
            sql(
                installation,
                "create table limit_contact (like o_contact including all); \
                 insert into limit_contact select * from o_contact; \
                 create sequence limit_number cache 1000; vacuum analyze;",
            )
            .await?;
            let postmaster = cluster.process_id().context("PostgreSQL has ended")?;
            let pgbench = Pgbench::beside(postmaster, cluster.superuser_url())?;
            return Ok(Self::Postgres { pgbench, import: statement });
        }
        let own = folder.join("guildhall.sqlite");
        let copy = folder.join("limit.sqlite");
        std::fs::copy(&own, &copy).context("copying the database")?;
        let serve = async |database: &Path, file: &str| {
            let mut command = Command::new(&programs.limits);
            command.arg("statements").arg(database).arg(folder.join(file));
            Server::start(command, &folder.join(format!("{file}.log"))).await.map(Box::new)
        };
        let (reads, writes) = (serve(&own, "reads.sql").await?, serve(&copy, "writes.sql").await?);
        Ok(Self::Sqlite { reads, writes, import })
    }

    /// Seconds for inserting [`IMPORT`] rows in one commit.
    pub async fn import(&self, installation: &Installation) -> Result<f64> {
        let start = Instant::now();
        match self {
            Self::Postgres { import, .. } => sql(installation, &format!("{import};")).await?,
            Self::Sqlite { writes, import, .. } => {
                let client = reqwest::Client::builder().no_proxy().build()?;
                let answer = client.post(format!("{}/{import}", writes.address())).send().await?;
                ensure!(answer.status().is_success(), "the raw import: {} {}", answer.status(), writes.last_words());
            }
        }
        Ok(start.elapsed().as_secs_f64())
    }

    pub async fn measure(&self, gauge: &Gauge, folder: &Path, work: Work, seconds: u32) -> Result<Measured> {
        match self {
            Self::Sqlite { reads, writes, .. } => {
                let file = folder.join(format!("raw-{}", work.file()));
                let server = if work.writes() { writes } else { reads };
                gauge.server(server, Load { file: &file, clients: work.clients(), seconds }).await
            }
            Self::Postgres { pgbench, .. } => {
                let scripts: Vec<PathBuf> =
                    (0..SCRIPTS).map(|nth| script(folder, work, nth)).filter(|path| path.exists()).collect();
                let scripts: Vec<&Path> = scripts.iter().map(PathBuf::as_path).collect();
                gauge.pgbench(pgbench, &scripts, work.clients(), seconds).await
            }
        }
    }
}

/// Runs SQL on the installation's PostgreSQL with its own client; each statement by itself.
pub async fn sql(installation: &Installation, statements: &str) -> Result<()> {
    let cluster = installation.cluster.as_ref().context("there is no PostgreSQL")?;
    let mut command = Command::new("psql");
    command.args(["--quiet", "--no-psqlrc", "--set=ON_ERROR_STOP=1"]).arg(cluster.superuser_url());
    for statement in statements.split_inclusive(';').map(str::trim).filter(|statement| !statement.is_empty()) {
        command.arg("--command").arg(statement);
    }
    let output = command.kill_on_drop(true).output().await.context("starting psql")?;
    ensure!(output.status.success(), "psql: {}", String::from_utf8_lossy(&output.stderr).trim_end());
    Ok(())
}
