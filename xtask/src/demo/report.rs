//! What the demo shows: totals that must agree, the best customers, one ledger, and where to go on.

use std::path::Path;

use anyhow::{Context as _, Result, bail};
use serde_json::{Value, json};

use super::api::Api;
use super::import::{Count, Done};
use super::tenant::Key;

/// The last entries of a ledger that are shown.
const LEDGER_LINES: usize = 12;

pub async fn print(api: &Api, done: &Done) -> Result<()> {
    println!();
    print_count("contacts", &done.contacts);
    print_count("orders", &done.orders);
    print_totals(api, done).await?;
    if let Some(first) = print_top(api).await? {
        print_ledger(api, &first).await?;
    }
    Ok(())
}

/// Counts everything again through the API: the ledger must say what the balances say.
async fn print_totals(api: &Api, done: &Done) -> Result<()> {
    let contacts = api.visit("contact", &[], |_| Ok(())).await?;
    let orders = api.visit("order", &[], |_| Ok(())).await?;
    let mut balances = 0;
    let members = api.visit("loyalty.member", &[], |member| add(&mut balances, member)).await?;
    let mut ledger = 0;
    let entries = api.visit("loyalty.entry", &[], |entry| add(&mut ledger, entry)).await?;

    println!();
    println!("{contacts} contacts, {orders} orders, {members} members, {entries} ledger entries");
    println!("{balances} points by the members' balances, {ledger} points by the ledger");
    if balances != ledger {
        bail!("the balances and the ledger disagree");
    }
    if contacts < done.customers || orders < done.purchases {
        bail!("the sample has {} customers and {} orders: some are missing", done.customers, done.purchases);
    }
    Ok(())
}

async fn print_top(api: &Api) -> Result<Option<Value>> {
    let (members, _) = api.page("loyalty.member", &[("sort", "-points"), ("limit", "10")]).await?;
    println!("\nTop ten members");
    println!("  {:>2}  {:<24} {:>8} {:>8}", "", "name", "points", "earned");
    for (index, member) in members.iter().enumerate() {
        let contact = api.get("contact", text(member, "contact")?).await?;
        let (points, earned) = (whole(member, "points")?, whole(member, "lifetime_earned")?);
        println!("  {:>2}  {:<24} {points:>8} {earned:>8}", index + 1, text(&contact, "name")?);
    }
    Ok(members.into_iter().next())
}

async fn print_ledger(api: &Api, member: &Value) -> Result<()> {
    let contact = api.get("contact", text(member, "contact")?).await?;
    let filter = json!({"member": {"_eq": text(member, "id")?}}).to_string();
    let mut entries = Vec::new();
    let query = [("filter", filter.as_str()), ("sort", "occurred_at")];
    api.visit("loyalty.entry", &query, |entry| {
        entries.push(entry.clone());
        Ok(())
    })
    .await?;
    let earlier = entries.len().saturating_sub(LEDGER_LINES);
    println!("\nLedger of {} ({} entries)", text(&contact, "name")?, entries.len());
    println!("  {:<10}  {:<10} {:>8} {:>8}", "date", "kind", "points", "balance");
    if earlier > 0 {
        println!("  … {earlier} earlier");
    }
    for entry in &entries[earlier..] {
        let date = text(entry, "occurred_at")?;
        let (points, balance) = (whole(entry, "points")?, whole(entry, "balance_after")?);
        println!("  {:<10}  {:<10} {points:>8} {balance:>8}", date.get(..10).unwrap_or(date), text(entry, "kind")?);
    }
    Ok(())
}

/// Says where to go on from here: a list to ask for first.
pub fn invite(address: &str, data_dir: &Path, key: &Key, list: &str) {
    println!();
    println!("Admin key file:  {}", key.file.display());
    println!("Data directory:  {}", data_dir.display());
    println!("API and docs:    {address}/docs");
    println!("\nGo on from here:\n");
    println!("  KEY=$(cat {})", key.file.display());
    println!("  curl -H \"Authorization: Bearer $KEY\" '{address}/api/v1/records/{list}'");
    println!("  curl -H \"Authorization: Bearer $KEY\" -H 'Content-Type: application/json' \\");
    println!("    -d '{{\"name\":\"Ann Example\",\"external_id\":\"ann-1\"}}' {address}/api/v1/records/contact");
}

fn print_count(name: &str, count: &Count) {
    let total = count.new + count.before;
    let seconds = count.took.as_secs_f64();
    println!("{name}: {} new, {} already there, {total} in {seconds:.1} s", count.new, count.before);
}

fn add(sum: &mut i64, record: &Value) -> Result<()> {
    *sum += whole(record, "points")?;
    Ok(())
}

fn text<'a>(record: &'a Value, field: &str) -> Result<&'a str> {
    record[field].as_str().with_context(|| format!("`{field}` is missing in {record}"))
}

/// A whole number, whether the API writes it as a number or as a string.
fn whole(record: &Value, field: &str) -> Result<i64> {
    let value = &record[field];
    value
        .as_i64()
        .or_else(|| value.as_str()?.parse().ok())
        .with_context(|| format!("`{field}` is not a whole number in {record}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_numbers_are_read_and_others_refused() {
        assert_eq!(whole(&json!({"points": 7}), "points").unwrap(), 7);
        assert_eq!(whole(&json!({"points": "-7"}), "points").unwrap(), -7);
        assert!(whole(&json!({"points": "7.5"}), "points").is_err());
        assert!(whole(&json!({}), "points").is_err());
    }
}
