//! Fills the host with tenants and their records, through its own API.

use std::time::Instant;

use anyhow::{Context as _, Result};
use futures_util::{StreamExt as _, TryStreamExt as _, stream};

use super::client::Client;
use super::data::{self, Size};
use crate::bench::installation::Installation;
use crate::bench::server::Server;

/// Records in one call.
const BATCH: usize = 1_000;
/// Tenants that are made or filled at once: as many as the machine has cores, and one that waits.
const AT_ONCE: usize = 3;
/// Ids that are kept of a tenant's contacts.
const SAMPLE: usize = 1_000;

/// A tenant that has been filled.
#[derive(Clone)]
pub struct Tenant {
    /// Its place by size, from 0.
    pub number: usize,
    pub id: String,
    pub key: String,
    pub size: Size,
    /// Some of its contacts, from everywhere.
    pub contacts: Vec<String>,
}

impl Tenant {
    pub fn slug(&self) -> String {
        format!("t-{}", self.number)
    }
}

/// What filling took.
pub struct Filled {
    pub tenants: Vec<Tenant>,
    pub records: usize,
    pub seconds: f64,
}

/// Makes the tenants, the largest first, and fills them.
pub async fn fill(installation: &Installation, server: &Server, sizes: &[Size]) -> Result<Filled> {
    let http = reqwest::Client::builder().no_proxy().build()?;
    let start = Instant::now();
    let made = make_tenants(installation, "t", sizes.len()).await?;
    println!("{:?}: {} tenants in {:.0} s", installation.engine, made.len(), start.elapsed().as_secs_f64());
    let start = Instant::now();
    let filling = made.into_iter().zip(sizes).enumerate().map(|(number, ((id, key), size))| {
        let client = Client::of(&http, server.address(), &key);
        async move {
            let contacts =
                fill_tenant(&client, number, *size).await.with_context(|| format!("filling tenant {number}"))?;
            anyhow::Ok(Tenant { number, id, key, size: *size, contacts })
        }
    });
    let tenants: Vec<Tenant> = stream::iter(filling).buffered(AT_ONCE).try_collect().await?;
    let of = |size: &Size| size.contacts + size.companies + size.deals + size.activities;
    let records = sizes.iter().map(of).sum();
    Ok(Filled { tenants, records, seconds: start.elapsed().as_secs_f64() })
}

/// The ids and admin keys of new tenants.
pub async fn make_tenants(installation: &Installation, name: &str, count: usize) -> Result<Vec<(String, String)>> {
    let making = (0..count).map(async |number| installation.make_tenant(&format!("{name}-{number}")).await);
    stream::iter(making)
        .map(async |tenant| tenant.await.map(|made| (made.id, made.key)))
        .buffered(AT_ONCE)
        .try_collect()
        .await
}

/// Fills one tenant, and returns some of its contacts.
pub async fn fill_tenant(client: &Client, number: usize, size: Size) -> Result<Vec<String>> {
    for field in data::contact_fields() {
        client.post("/api/v1/schema/contact/fields", &field).await?;
    }
    client.post("/api/v1/schema", &data::deal_object()).await?;
    let companies = create(client, "company", size.companies, |at| data::company(number, at)).await?;
    let contacts = create(client, "contact", size.contacts, |at| data::contact(number, at, &companies)).await?;
    create(client, "x.deal", size.deals, |at| data::deal(number, at, &contacts, &companies)).await?;
    create(client, "activity", size.activities, |at| data::activity(number, at, &contacts)).await?;
    let step = contacts.len().div_ceil(SAMPLE).max(1);
    Ok(contacts.into_iter().step_by(step).collect())
}

async fn create(
    client: &Client,
    object: &str,
    count: usize,
    record: impl Fn(usize) -> serde_json::Map<String, serde_json::Value>,
) -> Result<Vec<String>> {
    let mut ids = Vec::with_capacity(count);
    while ids.len() < count {
        let batch = (ids.len()..count.min(ids.len() + BATCH)).map(&record).collect();
        ids.extend(client.create_all(object, batch).await.with_context(|| format!("creating {object}"))?);
    }
    Ok(ids)
}
