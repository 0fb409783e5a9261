//! The ERP: customers with revisions, over HTTP.

use guildhall_sdk::http::{Request, Response};
use guildhall_sdk::{Fault, Value, config};
use serde::Deserialize;
use serde::de::DeserializeOwned;

/// Customers on one page of changes.
const LIMIT: usize = 50;

/// Which side holds when both were changed.
#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Conflict {
    Ours,
    Theirs,
    Newest,
}

/// The settings: `config.schema.json`.
#[derive(Deserialize)]
#[serde(default)]
pub struct Erp {
    url: String,
    pub conflict: Conflict,
}

impl Default for Erp {
    fn default() -> Self {
        Self { url: "https://erp.example.com/v1".to_owned(), conflict: Conflict::Newest }
    }
}

/// A company, as the ERP has it.
#[derive(Deserialize)]
pub struct Customer {
    pub id: String,
    /// Counts its changes.
    pub revision: u64,
    /// In UTC, by RFC 3339.
    pub changed_at: String,
    /// The id of the company that it was made of.
    pub reference: Option<String>,
    /// The rest of it.
    #[serde(flatten)]
    pub fields: Value,
}

/// What a body says, in JSON.
pub fn read<T: DeserializeOwned>(body: &[u8]) -> Result<T, String> {
    let value: Value = String::from_utf8_lossy(body).parse().map_err(|error| format!("no JSON: {error}"))?;
    T::deserialize(value).map_err(|error| error.to_string())
}

/// Customers that changed, the oldest change first.
#[derive(Deserialize)]
pub struct Page {
    pub data: Vec<Customer>,
    pub next: String,
    pub has_more: bool,
}

impl Erp {
    pub fn new() -> Result<Self, Fault> {
        config::get()
    }

    /// Makes a customer of a company: once, however often it is asked for.
    pub fn create(&self, company: &str, fields: &Value) -> Result<Customer, Fault> {
        let mut fields = fields.clone();
        fields["reference"] = company.into();
        let request = self.request("POST", "/customers").header("idempotency-key", company);
        answer(&send(request.body(fields.to_string()))?)
    }

    /// Changes a customer, if it still has this revision: otherwise nothing is changed.
    pub fn change(&self, id: &str, revision: u64, fields: &Value, key: &str) -> Result<Option<Customer>, Fault> {
        let request = self.request("PUT", &format!("/customers/{id}"));
        let request = request.header("if-match", &format!("\"{revision}\"")).header("idempotency-key", key);
        let response = send(request.body(fields.to_string()))?;
        if response.status == 412 { Ok(None) } else { answer(&response).map(Some) }
    }

    pub fn customer(&self, id: &str) -> Result<Customer, Fault> {
        answer(&send(self.request("GET", &format!("/customers/{id}")))?)
    }

    /// What has changed since a cursor, which is made of letters, digits, `-` and `_`.
    pub fn changes(&self, cursor: Option<&str>) -> Result<Page, Fault> {
        let after = cursor.map(|cursor| format!("&after={cursor}")).unwrap_or_default();
        answer(&send(self.request("GET", &format!("/customers?limit={LIMIT}{after}")))?)
    }

    fn request(&self, method: &str, path: &str) -> Request {
        let request = Request::new(method, &format!("{}{path}", self.url));
        request.header("authorization", "Bearer {{secret:ERP_TOKEN}}").header("content-type", "application/json")
    }
}

/// Sends a request. What may pass by itself is retryable, so that the host brings the same work again.
fn send(request: Request) -> Result<Response, Fault> {
    let response = request.send()?;
    match response.status {
        200..=299 | 412 => Ok(response),
        status @ (408 | 429 | 500..) => {
            Err(Fault::new("erp_unavailable", format!("The ERP answered {status}.")).retryable())
        }
        status => Err(Fault::new("erp_refused", format!("The ERP answered {status}."))),
    }
}

fn answer<T: DeserializeOwned>(response: &Response) -> Result<T, Fault> {
    read(&response.body).map_err(|error| Fault::new("erp_refused", format!("The ERP answered something else: {error}")))
}
