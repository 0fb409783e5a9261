//! Before anything is measured: the host and the limits must give the same answers to the same questions.

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;

use super::installation::Tenant;
use super::site::{Raw, Site, listing};
use super::window::{CONTACT, ORDER};

/// Creates one of each, then asks for one contact and one list everywhere, and compares.
pub async fn answers(site: &Site) -> Result<()> {
    let client = reqwest::Client::builder().no_proxy().build()?;
    create(&client, site, &site.plain, "contact", CONTACT).await?;
    create(&client, site, &site.hooked, "order", ORDER).await?;
    let somebody = site.plain.contacts()?.swap_remove(0);
    let read = format!("/api/v1/records/contact/{somebody}");
    let list = listing(0);
    let contact = ask(&client, site.host.address(), &read, Some(&site.plain)).await?;
    let page = ask(&client, site.host.address(), &list, Some(&site.plain)).await?;
    ensure!(contact["name"].is_string(), "the host's contact has no name: {contact}");
    ensure!(ids(&page).len() == 50, "the host's list has {} records", ids(&page).len());
    let points = "/api/v1/records/loyalty.member?limit=2";
    let members = ask(&client, site.host.address(), points, Some(&site.hooked)).await?;
    ensure!(members["data"][0]["points"] == 29, "the order earned no points: {members}");
    let Raw::Servers { indexed, own } = &site.raw else { return Ok(()) };
    let limit_contact = ask(&client, indexed.address(), &format!("/contacts/{somebody}"), None).await?;
    for field in ["id", "name", "email", "city", "external_id"] {
        ensure!(contact[field] == limit_contact[field], "the limit's contact is {limit_contact}, the host's {contact}");
    }
    for limit in [indexed, own] {
        let limit_page = ask(&client, limit.address(), "/contacts?city=City%200", None).await?;
        ensure!(ids(&page) == ids(&limit_page), "the limit lists other contacts than the host");
    }
    Ok(())
}

async fn create(client: &reqwest::Client, site: &Site, tenant: &Tenant, object: &str, body: &str) -> Result<()> {
    let body = body.replace("@number", "first").replace("@contact", &tenant.contacts()?[0]);
    let request = client.post(format!("{}/api/v1/records/{object}", site.host.address())).bearer_auth(&tenant.key);
    let answer = request.header("Content-Type", "application/json").body(body).send().await?;
    ensure!(answer.status() == 201, "creating {object}: {} {}", answer.status(), answer.text().await?);
    Ok(())
}

async fn ask(client: &reqwest::Client, address: &str, path: &str, tenant: Option<&Tenant>) -> Result<Value> {
    let mut request = client.get(format!("{address}{path}"));
    if let Some(tenant) = tenant {
        request = request.bearer_auth(&tenant.key);
    }
    let answer = request.send().await?;
    let status = answer.status();
    let text = answer.text().await?;
    ensure!(status.is_success(), "{path}: {status} {text}");
    serde_json::from_str(&text).with_context(|| format!("{path}: not JSON: {text}"))
}

fn ids(page: &Value) -> Vec<&str> {
    let records = page["data"].as_array().map(Vec::as_slice).unwrap_or_default();
    records.iter().filter_map(|record| record["id"].as_str()).collect()
}
