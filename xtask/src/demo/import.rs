//! Imports the sample through the API: customers as contacts, then their purchases as orders.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use serde_json::{Value, json};

use super::api::{Api, Created};
use super::cdnow::{self, Customer, FILE, Purchase};
use super::progress::Progress;

/// Requests on their way at once.
const IN_FLIGHT: usize = 16;

/// What an import found and did.
pub struct Done {
    pub contacts: Count,
    pub orders: Count,
    pub customers: usize,
    pub purchases: usize,
}

/// Records made and records already there, and the time it took.
#[derive(Debug, Default)]
pub struct Count {
    pub new: usize,
    pub before: usize,
    pub took: Duration,
}

pub async fn run(api: &Api) -> Result<Done> {
    let customers = cdnow::read()?;
    let purchases = customers.iter().map(|customer| customer.purchases.len()).sum();
    let (contacts, ids) = import_contacts(api, &customers).await?;
    let orders = import_orders(api, &customers, &ids, purchases).await?;
    Ok(Done { contacts, orders, customers: customers.len(), purchases })
}

async fn import_contacts(api: &Api, customers: &[Customer]) -> Result<(Count, Vec<String>)> {
    let start = Instant::now();
    let progress = Progress::new("customers", customers.len());
    let answers: Vec<(String, bool)> = stream::iter(customers)
        .map(|customer| async {
            let answer = import_contact(api, customer).await;
            progress.advance();
            answer
        })
        .buffered(IN_FLIGHT)
        .try_collect()
        .await?;
    progress.finish();
    let new = answers.iter().filter(|(_, new)| *new).count();
    let count = Count { new, before: answers.len() - new, took: start.elapsed() };
    Ok((count, answers.into_iter().map(|(id, _)| id).collect()))
}

/// The contact's id, and whether it is new.
async fn import_contact(api: &Api, customer: &Customer) -> Result<(String, bool)> {
    let external_id = format!("cdnow-{}", customer.id);
    let body = json!({"name": format!("CDNOW customer {}", customer.id), "external_id": external_id});
    let key = format!("{FILE}:customer-{}", customer.id);
    match api.create("contact", &key, &body).await? {
        Created::New(record) => Ok((id_of(&record)?, true)),
        Created::Before(record) => Ok((id_of(&record)?, false)),
        Created::Taken => {
            let filter = json!({"external_id": {"_eq": external_id}}).to_string();
            let (found, _) = api.page("contact", &[("filter", &filter), ("limit", "1")]).await?;
            let record = found.first().with_context(|| format!("{external_id} is taken, and no contact has it"))?;
            Ok((id_of(record)?, false))
        }
    }
}

/// One customer's orders follow each other, so that the ledger reads like the file; customers go side by side.
async fn import_orders(api: &Api, customers: &[Customer], ids: &[String], total: usize) -> Result<Count> {
    let start = Instant::now();
    let progress = Progress::new("orders", total);
    let new: usize = stream::iter(customers.iter().zip(ids))
        .map(|(customer, contact)| async {
            let mut new = 0;
            for purchase in &customer.purchases {
                new += usize::from(import_order(api, purchase, contact).await?);
                progress.advance();
            }
            anyhow::Ok(new)
        })
        .buffer_unordered(IN_FLIGHT)
        .try_fold(0, |sum, new| async move { Ok(sum + new) })
        .await?;
    progress.finish();
    Ok(Count { new, before: total - new, took: start.elapsed() })
}

/// Whether the order is new.
async fn import_order(api: &Api, purchase: &Purchase, contact: &str) -> Result<bool> {
    let body = order(purchase, contact);
    let key = format!("{FILE}:{}", purchase.line);
    Ok(matches!(api.create("order", &key, &body).await?, Created::New(_)))
}

fn order(purchase: &Purchase, contact: &str) -> Value {
    json!({
        "external_id": format!("cdnow-sample-{:05}", purchase.line),
        "contact": contact,
        "placed_at": purchase.placed_at,
        "total": {"amount": purchase.amount, "currency": "USD"},
        "quantity": purchase.quantity,
    })
}

fn id_of(record: &Value) -> Result<String> {
    record["id"].as_str().map(str::to_owned).with_context(|| format!("a record without an id: {record}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_order_has_the_natural_key_of_its_line() {
        let purchase = Purchase {
            line: 1,
            customer: "00004".into(),
            placed_at: "1997-01-01T00:00:00Z".into(),
            quantity: 2,
            amount: "29.33".into(),
        };
        let body = order(&purchase, "contact-id");
        assert_eq!(body["external_id"], "cdnow-sample-00001");
        assert_eq!(body["total"], json!({"amount": "29.33", "currency": "USD"}));
    }
}
