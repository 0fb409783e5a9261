//! Writes contacts straight into the host's tables, because through the API it would take minutes.

use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::path::{Path, PathBuf};

use clap::Args;
use rusqlite::{Connection, params};
use sqlx::postgres::PgPoolOptions;
use sqlx::{AssertSqlSafe, Executor as _};
use uuid::Uuid;

use super::Result;
use super::contacts::Contact;

/// Rows of one statement on PostgreSQL.
const BATCH: usize = 5_000;

#[derive(Args)]
pub struct Seed {
    /// Whose contacts they are
    #[arg(long)]
    tenant: Uuid,
    #[arg(long)]
    rows: u64,
    /// A file for their ids, one on a line
    #[arg(long)]
    ids: PathBuf,
}

impl Seed {
    fn contacts(&self) -> impl Iterator<Item = Contact> {
        (0..self.rows).map(|number| Contact::of(self.tenant, number))
    }

    fn write_ids(&self) -> Result<()> {
        let mut ids = BufWriter::new(File::create(&self.ids)?);
        for contact in self.contacts() {
            writeln!(ids, "{}", contact.id)?;
        }
        Ok(ids.flush()?)
    }
}

/// Into the host's SQLite file.
pub fn sqlite(file: &Path, seed: &Seed) -> Result<()> {
    let mut connection = Connection::open(file)?;
    let transaction = connection.transaction()?;
    {
        let mut insert = transaction.prepare(
            "insert into o_contact (tenant_id, id, version, created_at, updated_at, name, email, phone, city, external_id) \
             values (?1, ?2, 1, ?3, ?3, ?4, ?5, ?6, ?7, ?8)",
        )?;
        for contact in seed.contacts() {
            let Contact { id, created_at, name, email, phone, city, external_id } = contact;
            insert.execute(params![seed.tenant, id, created_at, name, email, phone, city, external_id])?;
        }
    }
    transaction.commit()?;
    connection.query_row("pragma wal_checkpoint(truncate)", [], |_| Ok(()))?;
    seed.write_ids()
}

/// Into the host's PostgreSQL tables.
pub async fn postgres(url: &str, seed: &Seed, limits: bool) -> Result<()> {
    let pool = PgPoolOptions::new().max_connections(1).connect(url).await?;
    let contacts: Vec<Contact> = seed.contacts().collect();
    for batch in contacts.chunks(BATCH) {
        let text = |of: fn(&Contact) -> &String| batch.iter().map(of).cloned().collect::<Vec<_>>();
        sqlx::query(
            "insert into o_contact (tenant_id, id, version, created_at, updated_at, name, email, phone, city, external_id) \
             select $1, id, 1, to_timestamp(at / 1000000), to_timestamp(at / 1000000), name, email, phone, city, external_id \
             from unnest($2::uuid[], $3::bigint[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[]) \
             as row (id, at, name, email, phone, city, external_id)",
        )
        .bind(seed.tenant)
        .bind(batch.iter().map(|contact| contact.id).collect::<Vec<_>>())
        .bind(batch.iter().map(|contact| contact.created_at).collect::<Vec<_>>())
        .bind(text(|contact| &contact.name))
        .bind(text(|contact| &contact.email))
        .bind(text(|contact| &contact.phone))
        .bind(text(|contact| &contact.city))
        .bind(text(|contact| &contact.external_id))
        .execute(&pool)
        .await?;
    }
    if limits {
        for sql in tables_for_pgbench(seed.tenant) {
            pool.execute(AssertSqlSafe(sql)).await?;
        }
    }
    // What autovacuum would do on a server that has run for a while.
    pool.execute("vacuum analyze").await?;
    seed.write_ids()
}

/// pgbench draws numbers, so its copy of the contacts is found by number. The list gets the index it wants.
fn tables_for_pgbench(tenant: Uuid) -> [String; 5] {
    [
        format!(
            "create table limit_contact as select row_number() over (order by id)::int as number, o_contact.* \
             from o_contact where tenant_id = '{tenant}'"
        ),
        "alter table limit_contact add primary key (tenant_id, number)".to_owned(),
        "create index on limit_contact (tenant_id, city, name)".to_owned(),
        "create table limit_insert (like o_contact including indexes)".to_owned(),
        "create sequence limit_number cache 1000".to_owned(),
    ]
}
