//! One create, many modules that hear of it: how long until the last one has, and how many are told in a second.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use guildhall_kit::component;
use serde::Serialize;
use serde_json::{Value, json};

use crate::bench::installation::Installation;
use crate::bench::records::client::Client;
use crate::bench::server::Server;
use crate::bench::spread::Spread;

/// A fixture that hears of events, and does nothing unless its settings say so.
const HEARER: &str = "test.abuser";
const CREATES: usize = 20;
/// Records of the batch whose events are told.
const MANY: usize = 1_000;
/// How often it is asked who has heard.
const LOOK: Duration = Duration::from_millis(2);
const PATIENCE: Duration = Duration::from_mins(2);

/// With so many modules.
#[derive(Serialize)]
pub struct FanOut {
    modules: usize,
    /// From sending the create to its answer, ms.
    create_ms: Spread,
    /// From sending the create until the last module has been called with its event, and that is committed, ms.
    last_ms: Spread,
    /// Events of one batch of creates that were told in a second, to all modules together.
    per_second: f64,
}

/// Creates in a tenant of its own with so many modules.
pub async fn measure(installation: &Installation, server: &Server, modules: usize) -> Result<FanOut> {
    let tenant = installation.make_tenant(&format!("fan-out-{modules}")).await?;
    for number in 0..modules {
        let name = format!("hears{number}");
        let file = installation.folder.join(format!("{name}.wasm"));
        std::fs::write(&file, variant(&name)?).with_context(|| format!("writing {}", file.display()))?;
        installation.install(&file).await?;
        super::enable(server, &tenant, &name).await?;
    }
    let http = reqwest::Client::builder().no_proxy().build()?;
    let client = Client::of(&http, server.address(), &tenant.key);
    let (mut answered, mut last) = (Vec::new(), Vec::new());
    // The first one warms up.
    for number in 0..=CREATES {
        let start = Instant::now();
        let made = client.post("/api/v1/records/contact", &super::contact()).await?;
        let create = start.elapsed().as_secs_f64() * 1e3;
        heard(&client, made["id"].as_str().context("a contact without an id")?, modules).await?;
        if number > 0 {
            answered.push(create);
            last.push(start.elapsed().as_secs_f64() * 1e3);
        }
    }
    let start = Instant::now();
    let made = client.create_all("contact", vec![contact_fields()?; MANY]).await?;
    heard(&client, made.last().context("an empty batch")?, modules).await?;
    #[expect(clippy::cast_precision_loss, reason = "counts")]
    let per_second = (modules * MANY) as f64 / start.elapsed().as_secs_f64();
    let spread = |values: Vec<f64>| Spread::of(values).context("nothing was created");
    Ok(FanOut { modules, create_ms: spread(answered)?, last_ms: spread(last)?, per_second })
}

fn contact_fields() -> Result<serde_json::Map<String, Value>> {
    super::contact().as_object().cloned().context("a contact is an object")
}

/// Waits until so many modules have been shown a record: the ledger says so, in the commit of each.
async fn heard(client: &Client, record: &str, modules: usize) -> Result<()> {
    let path = format!("/api/v1/plugin-access?record=contact/{record}&limit=500");
    let began = Instant::now();
    loop {
        let page = client.get(&path).await?;
        if page["data"].as_array().is_some_and(|entries| entries.len() >= modules) {
            return Ok(());
        }
        ensure!(began.elapsed() < PATIENCE, "not every module was told: {page}");
        tokio::time::sleep(LOOK).await;
    }
}

/// The fixture under another name, with ears and nothing else.
fn variant(name: &str) -> Result<Vec<u8>> {
    let path = crate::workspace::target_directory()?.join("plugins").join(format!("{HEARER}.wasm"));
    let component = std::fs::read(&path).with_context(|| format!("reading {}", path.display()))?;
    let renamed = component::with_manifest(&component, |manifest| {
        manifest["id"] = json!(format!("bench.{name}"));
        manifest["namespace"] = json!(name);
        manifest["hooks"] = json!({"on-events": {"types": ["contact.created"], "batch": 500}});
        manifest["objects"] = json!([]);
        manifest["permissions"]["records"] = json!([{"object": "contact", "ops": ["read"], "fields": ["name"]}]);
    })?;
    Ok(renamed)
}

/// Prints them.
pub fn print(all: &[FanOut]) {
    if all.is_empty() {
        return;
    }
    println!("\n| modules that hear of it | create, ms | until the last has heard, ms | events told a second |");
    println!("|---|---|---|---|");
    for FanOut { modules, create_ms, last_ms, per_second } in all {
        println!("| {modules} | {create_ms:.1} | {last_ms:.1} | {per_second:.0} |");
    }
}
