//! A host that is asked over HTTP, as any client of its API asks it.

use std::error::Error;
use std::time::Duration;

use clap::Args;
use reqwest::{Client, Method, RequestBuilder, StatusCode};
use serde_json::Value as Json;

use crate::app::AppError;

/// Longest wait for a connection.
const CONNECT: Duration = Duration::from_secs(10);
/// Longest wait for an answer: installing a plugin compiles it.
const ANSWER: Duration = Duration::from_mins(3);

/// Which host, and by which key.
#[derive(Clone, Debug, Args)]
pub struct Reach {
    /// Address of the host.
    #[arg(long, env = "GUILDHALL_HOST", default_value = "http://127.0.0.1:8080")]
    host: String,
    /// An API key of the tenant, of somebody who may configure modules.
    #[arg(long, env = "GUILDHALL_API_KEY", hide_env_values = true)]
    api_key: String,
}

impl Reach {
    /// The host.
    pub fn remote(&self) -> Result<Remote, AppError> {
        Remote::new(&self.host, &self.api_key)
    }
}

/// A host elsewhere.
pub struct Remote {
    client: Client,
    url: String,
    key: String,
}

impl Remote {
    /// The host at this address, asked with this key.
    pub fn new(url: &str, key: &str) -> Result<Self, AppError> {
        let is_one = reqwest::Url::parse(url).is_ok_and(|url| ["http", "https"].contains(&url.scheme()));
        if !is_one {
            return Err(AppError::Refused(format!("`{url}` is no address of a host, such as https://crm.example.com")));
        }
        use_ring();
        let client = Client::builder().connect_timeout(CONNECT).timeout(ANSWER).build();
        let client = client.map_err(|error| AppError::Setup(format!("HTTP: {error}")))?;
        Ok(Self { client, url: url.trim_end_matches('/').to_owned(), key: key.to_owned() })
    }

    /// Its address.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Reads what is there.
    pub async fn get(&self, path: &str, query: &[(&str, &str)]) -> Result<Json, AppError> {
        self.answer(self.request(Method::GET, path).query(query)).await.map(|(_, body)| body)
    }

    /// Sends JSON.
    pub async fn send(&self, method: Method, path: &str, body: &Json) -> Result<Json, AppError> {
        self.answer(self.request(method, path).json(body)).await.map(|(_, body)| body)
    }

    /// Posts a file; says whether something was made.
    pub async fn post(&self, path: &str, media_type: &str, bytes: Vec<u8>) -> Result<(bool, Json), AppError> {
        let request = self.request(Method::POST, path).header("content-type", media_type).body(bytes);
        let (status, body) = self.answer(request).await?;
        Ok((status == StatusCode::CREATED, body))
    }

    fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.client.request(method, format!("{}/api/v1/{path}", self.url)).bearer_auth(&self.key)
    }

    async fn answer(&self, request: RequestBuilder) -> Result<(StatusCode, Json), AppError> {
        let unreached = |error: &reqwest::Error| {
            AppError::Refused(format!("{} cannot be reached, or broke off: {}", self.url, innermost(error)))
        };
        let response = request.send().await.map_err(|error| unreached(&error))?;
        let status = response.status();
        let body = response.bytes().await.map_err(|error| unreached(&error))?;
        let json: Json = serde_json::from_slice(&body).unwrap_or_default();
        if status.is_success() {
            return Ok((status, json));
        }
        // What a stranger's server says may hold what a terminal would obey.
        let said = |part: &str| json[part].as_str().map(|text| text.escape_debug().to_string());
        let code = said("code").unwrap_or_else(|| "no problem+json: is it a Guildhall host?".to_owned());
        let detail = said("detail").or_else(|| said("title")).unwrap_or_default();
        let faults = json["errors"].as_array().into_iter().flatten();
        let faults = faults.map(|fault| format!("\n  {}: {}", fault["field"], fault["message"])).collect::<String>();
        Err(AppError::Refused(format!("{} answered {} ({code}): {detail}{faults}", self.url, status.as_u16())))
    }
}

/// TLS is that of ring, here as everywhere in this program.
pub fn use_ring() {
    // It is refused when it was done before.
    let _ = rustls::crypto::ring::default_provider().install_default();
}

/// The cause behind all others.
pub fn innermost(error: &dyn Error) -> String {
    let mut cause = error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    cause.to_string()
}
