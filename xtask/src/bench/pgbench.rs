//! Load by PostgreSQL's own pgbench: the same statements with nothing between.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use tokio::process::Command;

const COLUMNS: &str =
    "id, version, created_at, updated_at, name, email, phone, company, city, birthday, external_id, note";

pub struct Pgbench {
    program: PathBuf,
    url: String,
}

/// What a script does, over the tables that `limits seed-postgres` makes.
#[derive(Debug, Clone, Copy)]
pub enum Script {
    Point,
    List,
    Insert,
}

/// What came of it.
#[derive(Debug, PartialEq)]
pub struct Done {
    pub transactions: f64,
    pub per_second: f64,
}

impl Pgbench {
    /// The one that came with a running server.
    pub fn beside(postmaster: u32, url: String) -> Result<Self> {
        let server =
            std::fs::read_link(format!("/proc/{postmaster}/exe")).context("looking for PostgreSQL's programs")?;
        let program = server.with_file_name("pgbench");
        if !program.exists() {
            bail!("{} is missing: install the package postgresql-contrib of the server's version", program.display());
        }
        Ok(Self { program, url })
    }

    /// Runs scripts, drawn by chance; a statement of each is prepared once for every client.
    pub async fn run(&self, scripts: &[&Path], clients: u32, seconds: u32) -> Result<Done> {
        let mut command = Command::new(&self.program);
        command.args(["--no-vacuum", "--protocol=prepared", "--jobs=1"]);
        command.args([format!("--client={clients}"), format!("--time={seconds}")]);
        for script in scripts {
            command.arg("--file").arg(script);
        }
        command.arg(&self.url).kill_on_drop(true);
        let output = command.output().await.context("starting pgbench")?;
        let text = String::from_utf8_lossy(&output.stdout);
        let done = parse(&text).filter(|_| output.status.success());
        done.with_context(|| format!("pgbench did not finish:\n{text}{}", String::from_utf8_lossy(&output.stderr)))
    }
}

impl Script {
    pub fn text(self, tenant: &str, contacts: u64) -> String {
        match self {
            Self::Point => format!(
                "\\set number random(1, {contacts})\n\
                 select {COLUMNS} from limit_contact where tenant_id = '{tenant}' and number = :number and deleted_at is null;\n"
            ),
            Self::List => format!(
                "\\set city random(0, 99)\n\
                 select {COLUMNS} from limit_contact where tenant_id = '{tenant}' and city = 'City ' || :city \
                 and deleted_at is null order by name limit 50;\n"
            ),
            Self::Insert => format!(
                "insert into limit_insert (tenant_id, id, version, created_at, updated_at, name, email, city, external_id) \
                 select '{tenant}', gen_random_uuid(), 1, now(), now(), 'Bench contact ' || n, 'bench' || n || '@example.com', \
                 'Town ' || n, 'bench-' || n from (select nextval('limit_number') as n) as next;\n"
            ),
        }
    }
}

fn parse(text: &str) -> Option<Done> {
    let after = |name: &str| {
        let rest = text.lines().find_map(|line| line.strip_prefix(name))?;
        rest.split([' ', '/']).next()?.parse::<f64>().ok()
    };
    let failed = after("number of failed transactions: ").unwrap_or(0.0);
    let done =
        Done { transactions: after("number of transactions actually processed: ")?, per_second: after("tps = ")? };
    (failed == 0.0 && done.transactions > 0.0).then_some(done)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SAID: &str = "number of transactions actually processed: 8216\n\
        number of failed transactions: 0 (0.000%)\nlatency average = 3.885 ms\n\
        tps = 8236.5 (without initial connection time)\n";

    #[test]
    fn the_figures_are_read_and_failures_refused() {
        assert_eq!(parse(SAID), Some(Done { transactions: 8216.0, per_second: 8236.5 }));
        assert_eq!(parse(&SAID.replace("failed transactions: 0", "failed transactions: 3")), None);
        assert_eq!(parse("pgbench: error: connection failed"), None);
    }
}
