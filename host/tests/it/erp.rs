//! A stand-in for an ERP: a real HTTP server with customers, revisions, a log of changes and idempotency keys; and a
//! tenant beside it.

use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, Method, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use guildhall::app::Settings;
use guildhall::domain::clock::{Clock, Timestamp};
use guildhall::outbound::Names;
use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Value as Json, json};
use sha2::Sha256;

use crate::support::{On, Reply, TestApp, plugin, settings};
use crate::workshop::enable;

pub const SYNC: &str = "acme.erp-sync";
pub const WEBHOOK: &str = "/api/v1/x/acme.erp-sync/customers";

const TOKEN: &str = "t0ken";
const SIGNING_KEY: &str = "s1gning";

/// How it behaves.
#[derive(Clone, Copy, PartialEq)]
pub enum Mood {
    Works,
    /// It does nothing.
    Down,
    /// It does what it is asked to, and the answer gets lost.
    LosesAnswers,
}

struct Inner {
    clock: Clock,
    mood: Mood,
    customers: BTreeMap<String, Json>,
    /// The customers that changed, one after the other.
    changes: Vec<String>,
    /// What was answered to a key.
    answers: HashMap<String, (u16, Json)>,
    /// What was carried out of what changes something, but for what was answered from the keys.
    done: Vec<String>,
}

/// The ERP.
#[derive(Clone)]
pub struct Erp {
    inner: Arc<Mutex<Inner>>,
    port: u16,
}

impl Erp {
    pub async fn start(clock: Clock) -> Self {
        let inner = Inner {
            clock,
            mood: Mood::Works,
            customers: BTreeMap::new(),
            changes: Vec::new(),
            answers: HashMap::new(),
            done: Vec::new(),
        };
        let inner = Arc::new(Mutex::new(inner));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let router = Router::new().fallback(answer).with_state(Arc::clone(&inner));
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { inner, port }
    }

    /// Where it is, under the name that the plugin may reach.
    pub fn url(&self) -> String {
        format!("http://erp.example.com:{}/v1", self.port)
    }

    pub fn becomes(&self, mood: Mood) {
        self.lock().mood = mood;
    }

    /// Somebody there adds a customer or changes one; returns it.
    pub fn edit(&self, id: Option<&str>, fields: &Json) -> Json {
        self.lock().write(id, fields)
    }

    /// All customers.
    pub fn customers(&self) -> Vec<Json> {
        self.lock().customers.values().cloned().collect()
    }

    /// What it was asked to do, and did: `POST`, `PUT C-1`.
    pub fn done(&self) -> Vec<String> {
        self.lock().done.clone()
    }

    /// The signature of a body.
    pub fn signature(body: &str) -> String {
        let mut mac = Hmac::<Sha256>::new_from_slice(SIGNING_KEY.as_bytes()).unwrap();
        mac.update(body.as_bytes());
        data_encoding::HEXLOWER.encode(&mac.finalize().into_bytes())
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap()
    }
}

impl Inner {
    fn write(&mut self, id: Option<&str>, fields: &Json) -> Json {
        let id = id.map_or_else(|| format!("C-{}", self.customers.len() + 1), str::to_owned);
        let empty = json!({"id": id, "revision": 0, "reference": null, "name": null, "website": null, "phone": null,
            "city": null, "country": null});
        let customer = self.customers.entry(id.clone()).or_insert(empty);
        for (name, value) in fields.as_object().unwrap() {
            customer[name] = value.clone();
        }
        customer["revision"] = json!(customer["revision"].as_u64().unwrap() + 1);
        customer["changed_at"] = json!(self.clock.now().to_string());
        self.changes.push(id);
        customer.clone()
    }

    fn carry_out(&mut self, method: &Method, uri: &Uri, headers: &HeaderMap, body: &Bytes) -> (u16, Json) {
        let text = |name: &str| headers.get(name).map(|value| value.to_str().unwrap().to_owned());
        if text("authorization") != Some(format!("Bearer {TOKEN}")) {
            return (401, json!({}));
        }
        let key = text("idempotency-key");
        if let Some(answer) = key.as_ref().and_then(|key| self.answers.get(key)) {
            return answer.clone();
        }
        let id = uri.path().strip_prefix("/v1/customers/");
        let answer = match (method.as_str(), id) {
            ("POST", None) => (201, self.write(None, &serde_json::from_slice(body).unwrap())),
            ("PUT", Some(id)) => match self.customers.get(id) {
                None => (404, json!({})),
                Some(is) if text("if-match") != Some(format!("\"{}\"", is["revision"])) => (412, json!({})),
                Some(_) => (200, self.write(Some(id), &serde_json::from_slice(body).unwrap())),
            },
            ("GET", Some(id)) => self.customers.get(id).map_or((404, json!({})), |customer| (200, customer.clone())),
            ("GET", None) => (200, self.page(uri.query().unwrap_or_default())),
            _ => (405, json!({})),
        };
        if let (200 | 201, Some(key)) = (answer.0, key) {
            self.done.push(id.map_or_else(|| method.to_string(), |id| format!("{method} {id}")));
            self.answers.insert(key, answer.clone());
        }
        answer
    }

    fn page(&self, query: &str) -> Json {
        let query: HashMap<_, _> = form_urlencoded::parse(query.as_bytes()).collect();
        let after = query.get("after").map_or(0, |after| after.strip_prefix("at-").unwrap().parse().unwrap());
        let limit: usize = query["limit"].parse().unwrap();
        let next = self.changes.len().min(after + limit);
        let data: Vec<&Json> = self.changes[after..next].iter().map(|id| &self.customers[id]).collect();
        json!({"data": data, "next": format!("at-{next}"), "has_more": next < self.changes.len()})
    }
}

async fn answer(
    State(inner): State<Arc<Mutex<Inner>>>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let mut inner = inner.lock().unwrap();
    if inner.mood == Mood::Down {
        return StatusCode::SERVICE_UNAVAILABLE.into_response();
    }
    let (status, answer) = inner.carry_out(&method, &uri, &headers, &body);
    if inner.mood == Mood::LosesAnswers {
        return StatusCode::BAD_GATEWAY.into_response();
    }
    (StatusCode::from_u16(status).unwrap(), [(header::CONTENT_TYPE, "application/json")], answer.to_string())
        .into_response()
}

/// A tenant with the plugin, and its ERP.
pub struct Pair {
    pub test: TestApp,
    pub erp: Erp,
    pub clock: Clock,
}

impl Pair {
    pub async fn start(on: On, conflict: &str) -> Self {
        let clock = Clock::manual(Timestamp::parse("2026-11-26T10:00:00Z").unwrap());
        let names = Names(Arc::new(|_| vec![IpAddr::from([127, 0, 0, 1])]));
        let settings = Settings { allow_private_webhooks: true, names: Some(names), ..settings() };
        let test = TestApp::start_with(on, clock.clone(), settings).await;
        let erp = Erp::start(clock.clone()).await;
        test.app.install_plugin(&plugin(SYNC)).await.unwrap();
        let secrets = json!({"ERP_TOKEN": TOKEN, "ERP_SIGNING_KEY": SIGNING_KEY});
        let config = json!({"url": erp.url(), "conflict": conflict});
        enable(&test.ann, SYNC, &json!({"config": config, "secrets": secrets})).await;
        Self { test, erp, clock }
    }

    /// Some time later, events have been brought to the plugin.
    pub async fn push(&self) {
        self.clock.advance(Duration::from_mins(10));
        self.test.app.feed_due().await.unwrap();
    }

    /// Some time later, the plugin has asked the ERP.
    pub async fn pull(&self) {
        self.clock.advance(Duration::from_mins(10));
        self.test.app.queue_due_tasks().await.unwrap();
        self.test.app.run_due_jobs().await.unwrap();
    }

    /// The ERP tells of a customer.
    pub async fn tell(&self, customer: &Json) -> Reply {
        let body = customer.to_string();
        self.test.ann.with("x-erp-signature", &Erp::signature(&body)).post(WEBHOOK, customer).await
    }

    pub async fn add(&self, fields: Json) -> String {
        let company = self.test.ann.create("company", fields).await;
        company["id"].as_str().unwrap().to_owned()
    }

    pub async fn change(&self, id: &str, fields: Json) {
        self.test.ann.patch(&format!("/api/v1/records/company/{id}"), &fields).await.assert(200);
    }

    pub async fn company(&self, id: &str) -> Json {
        self.test.ann.get(&format!("/api/v1/records/company/{id}")).await.assert(200).json()
    }

    /// Whether both sides have this city, for a company that both have.
    pub async fn both_have(&self, id: &str, city: &str) {
        let (company, customers) = (self.company(id).await, self.erp.customers());
        let customer = customers.iter().find(|customer| customer["id"] == company["external_id"]).unwrap();
        assert_eq!((&company["city"], &customer["city"]), (&json!(city), &json!(city)), "{company} {customer}");
    }
}
