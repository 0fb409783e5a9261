//! The few calls of the HTTP API that the demo makes, as any client would make them.

use anyhow::{Context as _, Result, bail};
use reqwest::{Client, Method, RequestBuilder, StatusCode};
use serde_json::{Value, json};

/// What came of a create.
#[derive(Debug, PartialEq)]
pub enum Created {
    /// The record did not exist before.
    New(Value),
    /// The answer that the same request got in an earlier run.
    Before(Value),
    /// Another record already has this unique value.
    Taken,
}

pub struct Api {
    client: Client,
    address: String,
    key: String,
}

impl Api {
    pub fn new(address: &str, key: &str) -> Result<Self> {
        // The server is on this machine: no proxy of the surroundings is asked.
        let client = Client::builder().no_proxy().build()?;
        Ok(Self { client, address: address.to_owned(), key: key.to_owned() })
    }

    /// Asks whether the server is ready for work.
    pub async fn ready(&self) -> Result<()> {
        let response = self.client.get(format!("{}/readyz", self.address)).send().await?;
        if !response.status().is_success() {
            bail!("the server listens and is not ready: {}", response.text().await?);
        }
        Ok(())
    }

    /// Enables a module for the tenant, with its default settings.
    pub async fn enable(&self, module: &str) -> Result<()> {
        let request = self.request(Method::PUT, &format!("/api/v1/modules/{module}"));
        let response = request.json(&json!({"config": {}, "consent": ["*"]})).send().await?;
        let (status, body) = read(response).await?;
        expect_success(status, &body).with_context(|| format!("enabling {module}"))
    }

    /// Creates a record under a key that makes a repetition harmless.
    pub async fn create(&self, object: &str, idempotency_key: &str, body: &Value) -> Result<Created> {
        let request = self.request(Method::POST, &format!("/api/v1/records/{object}"));
        let response = request.header("Idempotency-Key", idempotency_key).json(body).send().await?;
        let replayed = response.headers().get("Idempotency-Replayed").is_some_and(|value| value == "true");
        let (status, answer) = read(response).await?;
        if status == StatusCode::CONFLICT && answer["code"] == "duplicate" {
            return Ok(Created::Taken);
        }
        expect_success(status, &answer).with_context(|| format!("creating {object} {body}"))?;
        Ok(if replayed { Created::Before(answer) } else { Created::New(answer) })
    }

    /// Changes a record, under a key that makes a repetition harmless.
    pub async fn change(&self, object: &str, id: &str, idempotency_key: &str, fields: &Value) -> Result<()> {
        let request = self.request(Method::PATCH, &format!("/api/v1/records/{object}/{id}"));
        let response = request.header("Idempotency-Key", idempotency_key).json(fields).send().await?;
        let (status, body) = read(response).await?;
        expect_success(status, &body).with_context(|| format!("changing {object} {id} to {fields}"))
    }

    /// What an action of a module answers.
    pub async fn act(&self, module: &str, action: &str, input: &Value) -> Result<Value> {
        let request = self.request(Method::POST, &format!("/api/v1/modules/{module}/actions/{action}"));
        let (status, mut body) = read(request.json(input).send().await?).await?;
        expect_success(status, &body).with_context(|| format!("{action} of {module}"))?;
        Ok(body["result"].take())
    }

    pub async fn get(&self, object: &str, id: &str) -> Result<Value> {
        let response = self.request(Method::GET, &format!("/api/v1/records/{object}/{id}")).send().await?;
        let (status, body) = read(response).await?;
        expect_success(status, &body).with_context(|| format!("reading {object} {id}"))?;
        Ok(body)
    }

    /// One page of a list, with the cursor of the next.
    pub async fn page(&self, object: &str, query: &[(&str, &str)]) -> Result<(Vec<Value>, Option<String>)> {
        let request = self.request(Method::GET, &format!("/api/v1/records/{object}")).query(query);
        let (status, mut body) = read(request.send().await?).await?;
        expect_success(status, &body).with_context(|| format!("listing {object}"))?;
        let next = body["next_cursor"].as_str().map(str::to_owned);
        let Value::Array(records) = body["data"].take() else { bail!("listing {object}: there is no `data`") };
        Ok((records, next))
    }

    /// Shows every record that the query finds to `visit`, page after page, and says how many there are.
    pub async fn visit(
        &self,
        object: &str,
        query: &[(&str, &str)],
        mut visit: impl FnMut(&Value) -> Result<()>,
    ) -> Result<usize> {
        let mut count = 0;
        let mut cursor: Option<String> = None;
        loop {
            let mut query = [query, &[("limit", "200")]].concat();
            query.extend(cursor.as_deref().map(|cursor| ("cursor", cursor)));
            let (records, next) = self.page(object, &query).await?;
            records.iter().try_for_each(&mut visit)?;
            count += records.len();
            if next.is_none() {
                return Ok(count);
            }
            cursor = next;
        }
    }

    fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.client.request(method, format!("{}{path}", self.address)).bearer_auth(&self.key)
    }
}

async fn read(response: reqwest::Response) -> Result<(StatusCode, Value)> {
    let status = response.status();
    let bytes = response.bytes().await?;
    let body = serde_json::from_slice(&bytes).with_context(|| {
        format!("the server answered {status} with something that is not JSON: {}", String::from_utf8_lossy(&bytes))
    });
    Ok((status, if bytes.is_empty() { Value::Null } else { body? }))
}

fn expect_success(status: StatusCode, body: &Value) -> Result<()> {
    if status.is_success() {
        return Ok(());
    }
    let said = |field: &str| body[field].as_str().unwrap_or_default().to_owned();
    let hint = if status == StatusCode::UNAUTHORIZED {
        "; the kept key is not this database's: remove the data directory, or only demo-admin.key in it"
    } else {
        ""
    };
    let errors = if body["errors"].is_null() { String::new() } else { format!(" {}", body["errors"]) };
    bail!("the server answered {status} {}: {}{errors}{hint}", said("code"), said("detail"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_says_what_the_server_said() {
        let body = json!({"code": "invalid", "detail": "2 fields are wrong", "errors": [{"field": "name"}]});
        let error = expect_success(StatusCode::UNPROCESSABLE_ENTITY, &body).unwrap_err().to_string();
        assert!(error.contains("422") && error.contains("2 fields are wrong") && error.contains("\"name\""), "{error}");
        assert!(expect_success(StatusCode::CREATED, &Value::Null).is_ok());
    }
}
