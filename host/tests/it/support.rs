//! What tests are made of: a host of their own, and actors who talk to it.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use guildhall::app::{App, AppError, Database, PluginSettings, Settings};
use guildhall::domain::clock::Clock;
use guildhall::http;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use reqwest::{Method, StatusCode};
use serde_json::Value as Json;
use sqlx::{AssertSqlSafe, Connection, PgConnection};

pub use crate::artefact::{plugin, plugin_with};

/// Which engine a test runs on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum On {
    Sqlite,
    Postgres,
}

/// Runs each of the named async functions, which take an [`On`], on both engines.
macro_rules! both {
    ($($name:ident)*) => {
        mod sqlite {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() {
                super::$name($crate::support::On::Sqlite).await;
            })*
        }
        mod postgres {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() {
                super::$name($crate::support::On::Postgres).await;
            })*
        }
    };
}

/// What every host of a test has: plugins are compiled by the program that is tested, once for all tests and runs.
pub fn settings() -> Settings {
    let plugins = PluginSettings {
        compiler: Some(env!("CARGO_BIN_EXE_guildhall").into()),
        cache: Some(Path::new(env!("CARGO_TARGET_TMPDIR")).join("plugin-cache")),
        cache_key: Some(*b"of no installation but the tests"),
        ..PluginSettings::default()
    };
    Settings { plugins, ..Settings::default() }
}

/// A client of HTTP. TLS is that of ring, as in the host: one that is made before any host finds none otherwise.
pub fn client() -> reqwest::Client {
    // It is refused when it was done before.
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::new()
}

/// A further host on a database.
pub async fn open(database: &Database, clock: Clock) -> Result<Arc<App>, AppError> {
    App::open_with(database, clock, settings()).await
}

/// A host with two tenants, and everybody who talks to it.
pub struct TestApp {
    pub app: Arc<App>,
    /// Admin of the first tenant.
    pub ann: Actor,
    /// Viewer of the first tenant.
    pub vic: Actor,
    /// Admin of the second tenant.
    pub sam: Actor,
    /// Nobody: no key.
    pub anon: Actor,
    /// Where the database is.
    pub database: Database,
}

/// Somebody with, or without, a key.
#[derive(Clone)]
pub struct Actor {
    client: reqwest::Client,
    address: String,
    key: Option<String>,
    headers: HeaderMap,
    /// The directory of the host stays as long as anybody may talk to it.
    _directory: Arc<tempfile::TempDir>,
}

/// An answer.
#[derive(Debug)]
pub struct Reply {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub text: String,
}

impl TestApp {
    pub async fn start(on: On) -> Self {
        Self::start_with(on, Clock::system(), settings()).await
    }

    /// A host whose webhooks may go to receivers of the test.
    pub async fn with_webhooks(on: On, clock: Clock) -> Self {
        Self::start_with(on, clock, Settings { allow_private_webhooks: true, ..settings() }).await
    }

    /// A host that encrypts with the operator's keys of a file.
    pub async fn with_keys(on: On, key_file: &Path) -> Self {
        let settings = Settings { allow_private_webhooks: true, key_file: Some(key_file.to_owned()), ..settings() };
        Self::start_with(on, Clock::system(), settings).await
    }

    pub async fn start_with(on: On, clock: Clock, settings: Settings) -> Self {
        let directory = Arc::new(tempfile::tempdir().unwrap());
        let database = match on {
            On::Sqlite => Database::Sqlite(directory.path().join("guildhall.sqlite")),
            On::Postgres => Database::Postgres(new_postgres_database().await),
        };
        Self::on_database(database, directory, clock, settings).await
    }

    /// A host on a PostgreSQL that the test has for itself, or reaches in a way of its own.
    pub async fn on_postgres(url: String) -> Self {
        let directory = Arc::new(tempfile::tempdir().unwrap());
        Self::on_database(Database::Postgres(url), directory, Clock::system(), settings()).await
    }

    async fn on_database(
        database: Database,
        directory: Arc<tempfile::TempDir>,
        clock: Clock,
        settings: Settings,
    ) -> Self {
        let plugins = if settings.plugins.compiler.is_some() { settings.plugins } else { self::settings().plugins };
        let app = App::open_with(&database, clock, Settings { plugins, ..settings }).await.unwrap();
        let address = Self::listen(&app).await;
        let ann = app.create_tenant("first", "First shop").await.unwrap().api_key;
        let sam = app.create_tenant("second", "Second shop").await.unwrap().api_key;
        let (_, vic) = app.create_key("first", "viewer", "Vic", None).await.unwrap();
        let client = client();
        let actor = |key: Option<String>| Actor {
            client: client.clone(),
            address: address.clone(),
            key,
            headers: HeaderMap::new(),
            _directory: Arc::clone(&directory),
        };
        Self { ann: actor(Some(ann)), vic: actor(Some(vic)), sam: actor(Some(sam)), anon: actor(None), app, database }
    }

    /// Who runs the installation.
    pub async fn operator(&self) -> Actor {
        let (_, key) = self.app.create_operator_key("Olga", None, None).await.unwrap();
        self.anon.with_key(&key)
    }

    /// Ann at a second node on the same database.
    pub async fn second_node(&self) -> Actor {
        let app = open(&self.database, Clock::system()).await.unwrap();
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let router = http::router(&app);
        tokio::spawn(async move {
            axum::serve(listener, router.into_make_service_with_connect_info::<std::net::SocketAddr>()).await
        });
        Actor { address, ..self.ann.clone() }
    }

    /// Serves the API of an application, and says where.
    pub async fn listen(app: &Arc<App>) -> String {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let router = http::router(app);
        tokio::spawn(async move {
            axum::serve(listener, router.into_make_service_with_connect_info::<std::net::SocketAddr>()).await
        });
        address
    }

    /// A host on which the first tenant has this plugin enabled.
    pub async fn with_plugin(on: On, id: &str) -> Self {
        Self::with_plugin_at(on, id, Clock::system()).await
    }

    /// The same, at a time of the test's own.
    pub async fn with_plugin_at(on: On, id: &str, clock: Clock) -> Self {
        let test = Self::start_with(on, clock, settings()).await;
        test.app.install_plugin(&plugin(id)).await.unwrap();
        test.ann.put(&format!("/api/v1/modules/{id}"), &serde_json::json!({"consent": ["*"]})).await.assert(200);
        test
    }
}

impl Actor {
    /// Somebody with a key at a host that is a process of its own.
    pub fn outside(address: &str, key: &str) -> Self {
        Self {
            client: client(),
            address: address.to_owned(),
            key: Some(key.to_owned()),
            headers: HeaderMap::new(),
            _directory: Arc::new(tempfile::tempdir().unwrap()),
        }
    }

    /// The key of the actor.
    pub fn key(&self) -> &str {
        self.key.as_deref().unwrap()
    }

    /// The full address of a path.
    pub fn url(&self, path: &str) -> String {
        format!("{}{path}", self.address)
    }

    /// The same actor, with this key.
    pub fn with_key(&self, key: &str) -> Self {
        Self { key: Some(key.to_owned()), ..self.clone() }
    }

    /// The same actor, talking to another address.
    pub fn at(&self, address: &str) -> Self {
        Self { address: address.to_owned(), ..self.clone() }
    }

    /// An answer whose body is still to be read.
    pub async fn open(&self, path: &str) -> reqwest::Response {
        let request = self.client.get(format!("{}{path}", self.address)).headers(self.headers.clone());
        request.bearer_auth(self.key()).send().await.unwrap()
    }

    /// The same actor, sending this header.
    pub fn with(&self, name: &str, value: &str) -> Self {
        let mut actor = self.clone();
        actor.headers.insert(HeaderName::try_from(name).unwrap(), HeaderValue::from_str(value).unwrap());
        actor
    }

    pub async fn get(&self, path: &str) -> Reply {
        self.send(Method::GET, path, None).await
    }

    pub async fn post(&self, path: &str, body: &Json) -> Reply {
        self.send(Method::POST, path, Some(body.to_string())).await
    }

    pub async fn patch(&self, path: &str, body: &Json) -> Reply {
        self.send(Method::PATCH, path, Some(body.to_string())).await
    }

    pub async fn put(&self, path: &str, body: &Json) -> Reply {
        self.send(Method::PUT, path, Some(body.to_string())).await
    }

    pub async fn delete(&self, path: &str) -> Reply {
        self.send(Method::DELETE, path, None).await
    }

    /// Sends a body as it is.
    pub async fn send(&self, method: Method, path: &str, body: Option<String>) -> Reply {
        let mut request = self.client.request(method, format!("{}{path}", self.address)).headers(self.headers.clone());
        if let Some(key) = &self.key {
            request = request.bearer_auth(key);
        }
        if let Some(body) = body {
            if !self.headers.contains_key("content-type") {
                request = request.header("content-type", "application/json");
            }
            request = request.body(body);
        }
        let response = request.send().await.unwrap();
        Reply { status: response.status(), headers: response.headers().clone(), text: response.text().await.unwrap() }
    }

    /// Sends a file to be imported; returns the import.
    pub async fn upload(&self, query: &str, media_type: &str, file: impl Into<reqwest::Body>) -> Reply {
        self.send_bytes(Method::POST, &format!("/api/v1/imports?{query}"), media_type, file).await
    }

    /// Sends a body of another kind.
    pub async fn put_bytes(&self, path: &str, media_type: &str, bytes: impl Into<reqwest::Body>) -> Reply {
        self.send_bytes(Method::PUT, path, media_type, bytes).await
    }

    /// Sends a body of another kind.
    pub async fn post_bytes(&self, path: &str, media_type: &str, bytes: impl Into<reqwest::Body>) -> Reply {
        self.send_bytes(Method::POST, path, media_type, bytes).await
    }

    async fn send_bytes(&self, method: Method, path: &str, media_type: &str, file: impl Into<reqwest::Body>) -> Reply {
        let url = format!("{}{path}", self.address);
        let mut request =
            self.client.request(method, url).headers(self.headers.clone()).header("content-type", media_type);
        if let Some(key) = &self.key {
            request = request.bearer_auth(key);
        }
        let response = request.body(file).send().await.unwrap();
        Reply { status: response.status(), headers: response.headers().clone(), text: response.text().await.unwrap() }
    }

    /// Creates a record, and returns it.
    pub async fn create(&self, object: &str, fields: Json) -> Json {
        self.post(&format!("/api/v1/records/{object}"), &fields).await.assert(201).json()
    }

    /// All records of a list, page by page.
    pub async fn all(&self, object: &str, query: &[(&str, &str)]) -> Vec<Json> {
        let mut all = Vec::new();
        let mut cursor: Option<String> = None;
        loop {
            let mut pairs = form_urlencoded::Serializer::new(String::new());
            pairs.extend_pairs(query);
            if let Some(cursor) = &cursor {
                pairs.append_pair("cursor", cursor);
            }
            let page = self.get(&format!("/api/v1/records/{object}?{}", pairs.finish())).await.assert(200).json();
            all.extend(page["data"].as_array().unwrap().iter().cloned());
            match page["next_cursor"].as_str() {
                Some(next) => cursor = Some(next.to_owned()),
                None => return all,
            }
        }
    }
}

impl Reply {
    /// Checks the status.
    #[track_caller]
    pub fn assert(self, status: u16) -> Self {
        assert_eq!(self.status.as_u16(), status, "{}", self.text);
        self
    }

    /// Checks that it is this problem, in full form.
    #[track_caller]
    pub fn problem(self, status: u16, code: &str) -> Json {
        assert_eq!(self.status.as_u16(), status, "{}", self.text);
        assert_eq!(self.headers["content-type"], "application/problem+json", "{}", self.text);
        let problem = self.json();
        assert_eq!(problem["code"], code, "{problem}");
        assert_eq!(problem["status"], status, "{problem}");
        assert_eq!(problem["type"], format!("urn:guildhall:problem:{code}"));
        assert_eq!(problem["request_id"], self.headers["x-request-id"].to_str().unwrap());
        assert!(!problem["title"].as_str().unwrap().is_empty() && !problem["detail"].as_str().unwrap().is_empty());
        problem
    }

    /// The body as JSON.
    #[track_caller]
    pub fn json(&self) -> Json {
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("{error}: {}", self.text))
    }

    /// A header as text.
    #[track_caller]
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).unwrap_or_else(|| panic!("no header {name}")).to_str().unwrap()
    }
}

/// The role of the host in the tests' servers, and the superuser beside it.
const ROLES: [&str; 2] = ["//guildhall@", "//postgres@"];

/// A connection past the host and past row-level security, which hides all rows from the host's own role.
pub async fn superuser(url: &str) -> PgConnection {
    PgConnection::connect(&url.replacen(ROLES[0], ROLES[1], 1)).await.unwrap()
}

/// Databases made so far, for their names.
static COUNT: AtomicUsize = AtomicUsize::new(0);

pub async fn new_postgres_database() -> String {
    let server = std::env::var("GUILDHALL_TEST_POSTGRES")
        .expect("these tests need a PostgreSQL server: `cargo xtask test` starts one for them");
    let name = format!("test_{}_{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
    let mut connection = PgConnection::connect(&server).await.unwrap();
    sqlx::query(AssertSqlSafe(format!("create database {name}"))).execute(&mut connection).await.unwrap();
    let (server, options) = server.split_once('?').unwrap_or((&server, ""));
    let (server, _) = server.rsplit_once('/').unwrap();
    format!("{server}/{name}?{options}")
}
