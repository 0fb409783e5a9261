//! The host's API, as far as the benchmark speaks it itself.

use anyhow::{Context as _, Result, ensure};
use reqwest::Method;
use serde::Deserialize;
use serde_json::{Map, Value, json};

/// One tenant's way to the host.
#[derive(Clone)]
pub struct Client {
    http: reqwest::Client,
    address: String,
    key: String,
}

#[derive(Deserialize)]
struct Outcomes {
    outcomes: Vec<Outcome>,
}

#[derive(Deserialize)]
struct Outcome {
    record: Made,
}

#[derive(Deserialize)]
struct Made {
    id: String,
}

impl Client {
    pub fn of(http: &reqwest::Client, address: &str, key: &str) -> Self {
        Self { http: http.clone(), address: address.to_owned(), key: key.to_owned() }
    }

    pub async fn get(&self, path: &str) -> Result<Value> {
        self.send(Method::GET, path, "application/json", Vec::new()).await
    }

    pub async fn post(&self, path: &str, body: &Value) -> Result<Value> {
        self.send(Method::POST, path, "application/json", body.to_string().into_bytes()).await
    }

    pub async fn delete(&self, path: &str) -> Result<()> {
        self.bytes(Method::DELETE, path, "application/json", Vec::new()).await.map(drop)
    }

    /// A body of any kind; any answer but a good one is an error.
    pub async fn send(&self, method: Method, path: &str, kind: &str, body: Vec<u8>) -> Result<Value> {
        serde_json::from_slice(&self.bytes(method, path, kind, body).await?).with_context(|| format!("reading {path}"))
    }

    /// Creates records in one commit, and returns their ids.
    pub async fn create_all(&self, object: &str, records: Vec<Map<String, Value>>) -> Result<Vec<String>> {
        let operations: Vec<Value> =
            records.into_iter().map(|fields| json!({"op": "create", "fields": fields})).collect();
        let body = json!({"mode": "atomic", "operations": operations}).to_string().into_bytes();
        let path = format!("/api/v1/records/{object}/batch");
        let answer = self.bytes(Method::POST, &path, "application/json", body).await?;
        let outcomes: Outcomes = serde_json::from_slice(&answer).with_context(|| format!("reading {path}"))?;
        Ok(outcomes.outcomes.into_iter().map(|outcome| outcome.record.id).collect())
    }

    async fn bytes(&self, method: Method, path: &str, kind: &str, body: Vec<u8>) -> Result<Vec<u8>> {
        let request = self.http.request(method, format!("{}{path}", self.address)).bearer_auth(&self.key);
        let request = request.header("Content-Type", kind).body(body);
        let answer = request.send().await.with_context(|| format!("asking for {path}"))?;
        let status = answer.status();
        let bytes = answer.bytes().await?;
        ensure!(status.is_success(), "{path}: {status} {}", String::from_utf8_lossy(&bytes));
        Ok(bytes.to_vec())
    }
}
