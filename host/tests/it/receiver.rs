//! A receiver of webhooks: a real HTTP server that answers as it is told, and keeps what it got.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use guildhall::domain::signature::Verifying;
use serde_json::Value as Json;
use tokio::sync::watch;

/// What it got.
#[derive(Clone, Debug)]
pub struct Message {
    pub path: String,
    pub id: String,
    pub headers: HeaderMap,
    pub body: Bytes,
}

impl Message {
    /// The event.
    pub fn event(&self) -> Json {
        serde_json::from_slice(&self.body).unwrap()
    }

    /// The record of the event.
    pub fn record(&self) -> String {
        self.event()["data"]["record"].as_str().unwrap().to_owned()
    }

    /// Whether a key accepts it at that time.
    pub fn is_signed(&self, key: &str, now: i64) -> bool {
        let header = |name: &str| self.headers[name].to_str().unwrap();
        let (at, signatures) = (header("webhook-timestamp"), header("webhook-signature"));
        Verifying::parse(key).unwrap().accepts(&self.id, at, signatures, &self.body, now)
    }

    /// How many signatures it has.
    pub fn signatures(&self) -> usize {
        self.headers["webhook-signature"].to_str().unwrap().split(' ').count()
    }
}

/// How it answers: from the message, and how often it got the same before.
type Rule = dyn Fn(&Message, usize) -> Response + Send + Sync;

struct Inner {
    rule: Mutex<Arc<Rule>>,
    got: Mutex<Vec<Message>>,
    seen: Mutex<HashMap<String, usize>>,
    count: watch::Sender<usize>,
}

/// The receiver.
#[derive(Clone)]
pub struct Receiver {
    inner: Arc<Inner>,
    address: String,
}

/// An answer without a body.
pub fn status(code: u16) -> Response {
    StatusCode::from_u16(code).unwrap().into_response()
}

/// An answer with a header.
pub fn with_header(code: u16, name: &'static str, value: &str) -> Response {
    (StatusCode::from_u16(code).unwrap(), [(name, value.to_owned())]).into_response()
}

/// An answer whose body never ends.
pub fn endless() -> Response {
    let pieces = futures_util::stream::repeat_with(|| Ok::<_, std::io::Error>(Bytes::from_static(&[b'x'; 8_192])));
    Response::new(Body::from_stream(pieces))
}

/// An answer whose body never comes.
pub fn silent() -> Response {
    Response::new(Body::from_stream(futures_util::stream::pending::<Result<Bytes, std::io::Error>>()))
}

impl Receiver {
    pub async fn start() -> Self {
        let inner = Arc::new(Inner {
            rule: Mutex::new(Arc::new(|_, _| status(204))),
            got: Mutex::default(),
            seen: Mutex::default(),
            count: watch::Sender::new(0),
        });
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let router = Router::new().fallback(receive).with_state(Arc::clone(&inner));
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { inner, address }
    }

    /// Where it is.
    pub fn url(&self, path: &str) -> String {
        format!("{}{path}", self.address)
    }

    /// The same by a name: modules send to no address in numbers.
    pub fn named_url(&self, path: &str) -> String {
        self.url(path).replace("127.0.0.1", "localhost")
    }

    /// From now on it answers so.
    pub fn answer(&self, rule: impl Fn(&Message, usize) -> Response + Send + Sync + 'static) {
        *self.inner.rule.lock().unwrap() = Arc::new(rule);
    }

    /// Everything that it got.
    pub fn got(&self) -> Vec<Message> {
        self.inner.got.lock().unwrap().clone()
    }

    /// Forgets what it got.
    pub fn forget(&self) {
        self.inner.got.lock().unwrap().clear();
        self.inner.seen.lock().unwrap().clear();
    }

    /// Waits until something is true of what it got.
    pub async fn until(&self, within: Duration, is_so: impl Fn(&[Message]) -> bool) -> bool {
        let mut count = self.inner.count.subscribe();
        let wait = async {
            loop {
                count.borrow_and_update();
                if is_so(&self.inner.got.lock().unwrap()) {
                    return;
                }
                count.changed().await.unwrap();
            }
        };
        tokio::time::timeout(within, wait).await.is_ok()
    }
}

async fn receive(State(inner): State<Arc<Inner>>, uri: axum::http::Uri, headers: HeaderMap, body: Bytes) -> Response {
    let id = headers.get("webhook-id").map(|id| id.to_str().unwrap().to_owned()).unwrap_or_default();
    let message = Message { path: uri.path().to_owned(), id, headers, body };
    let before = {
        let mut seen = inner.seen.lock().unwrap();
        let times = seen.entry(message.id.clone()).or_default();
        *times += 1;
        *times - 1
    };
    let rule = Arc::clone(&inner.rule.lock().unwrap());
    let answer = rule(&message, before);
    inner.got.lock().unwrap().push(message);
    inner.count.send_modify(|count| *count += 1);
    answer
}
