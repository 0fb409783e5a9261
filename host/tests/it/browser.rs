//! Browsers: they keep cookies, and say where a request comes from.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use guildhall::app::Settings;
use guildhall::domain::clock::Clock;
use guildhall::domain::password::Cost;
use reqwest::Method;
use serde_json::{Value as Json, json};

use crate::encrypted::new_key_file;
use crate::support::{Actor, On, Reply, TestApp};

pub const SESSION: &str = "__Host-guildhall-session";
pub const DEVICE: &str = "__Host-guildhall-device";
pub const PASSWORD: &str = "nine red kettles sing";

/// What a host is like on which people sign in: a hash is quick, and a proxy says who is behind it.
pub fn settings() -> Settings {
    Settings {
        password_cost: Cost { memory: 8, passes: 1 },
        trusted_proxies: vec!["127.0.0.1".parse().unwrap()],
        allow_private_webhooks: true,
        ..crate::support::settings()
    }
}

/// Such a host, whose clock the test moves.
pub async fn host(on: On, clock: &Clock) -> (TestApp, tempfile::TempDir) {
    let (directory, keys) = new_key_file();
    let settings = Settings { key_file: Some(keys), ..settings() };
    (TestApp::start_with(on, clock.clone(), settings).await, directory)
}

/// Somebody at a browser.
#[derive(Clone)]
pub struct Browser {
    address: String,
    /// Where the proxy says that it is.
    from: String,
    jar: Arc<Mutex<BTreeMap<String, String>>>,
    client: reqwest::Client,
}

impl Browser {
    /// A new browser at this address.
    pub fn new(test: &TestApp, from: &str) -> Self {
        Self {
            address: test.anon.url(""),
            from: from.to_owned(),
            jar: Arc::default(),
            client: reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build().unwrap(),
        }
    }

    /// The same browser somewhere else.
    pub fn moved(&self, from: &str) -> Self {
        Self { from: from.to_owned(), ..self.clone() }
    }

    pub fn cookie(&self, name: &str) -> Option<String> {
        self.jar.lock().unwrap().get(name).cloned()
    }

    pub fn put_cookie(&self, name: &str, value: &str) {
        self.jar.lock().unwrap().insert(name.to_owned(), value.to_owned());
    }

    pub fn drop_cookie(&self, name: &str) {
        self.jar.lock().unwrap().remove(name);
    }

    /// A request as a page of the host makes it.
    pub async fn send(&self, method: Method, path: &str, body: Option<Json>) -> Reply {
        let origin = self.address.clone();
        let headers = [("origin", origin.as_str()), ("sec-fetch-site", "same-origin"), ("x-guildhall-request", "1")];
        self.send_with(method, path, body, &headers).await
    }

    /// A request with just these headers beside the cookies.
    pub async fn send_with(&self, method: Method, path: &str, body: Option<Json>, headers: &[(&str, &str)]) -> Reply {
        let url = if path.starts_with("http") { path.to_owned() } else { format!("{}{path}", self.address) };
        let mut request = self.client.request(method, url).header("x-forwarded-for", &self.from);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let cookies: Vec<String> =
            self.jar.lock().unwrap().iter().map(|(name, value)| format!("{name}={value}")).collect();
        if !cookies.is_empty() {
            request = request.header("cookie", cookies.join("; "));
        }
        if let Some(body) = body {
            request = request.header("content-type", "application/json").body(body.to_string());
        }
        let response = request.send().await.unwrap();
        for line in response.headers().get_all("set-cookie") {
            let line = line.to_str().unwrap();
            let (pair, attributes) = line.split_once("; ").unwrap();
            for needed in ["Secure", "HttpOnly", "SameSite=Lax", "Path=/"] {
                assert!(attributes.split("; ").any(|one| one == needed), "{line}");
            }
            assert!(!attributes.contains("Domain"), "{line}");
            let (name, value) = pair.split_once('=').unwrap();
            if attributes.contains("Max-Age=0;") || attributes.ends_with("Max-Age=0") {
                self.drop_cookie(name);
            } else {
                self.put_cookie(name, value);
            }
        }
        Reply { status: response.status(), headers: response.headers().clone(), text: response.text().await.unwrap() }
    }

    pub async fn get(&self, path: &str) -> Reply {
        self.send(Method::GET, path, None).await
    }

    pub async fn post(&self, path: &str, body: &Json) -> Reply {
        self.send(Method::POST, path, Some(body.clone())).await
    }

    pub async fn put(&self, path: &str, body: &Json) -> Reply {
        self.send(Method::PUT, path, Some(body.clone())).await
    }

    pub async fn delete(&self, path: &str) -> Reply {
        self.send(Method::DELETE, path, None).await
    }

    /// Tries to sign in to the first tenant.
    pub async fn sign_in(&self, email: &str, password: &str) -> Reply {
        self.post("/api/v1/sessions", &json!({"tenant": "first", "email": email, "password": password})).await
    }

    /// The same with a code.
    pub async fn sign_in_with(&self, email: &str, password: &str, code: &str) -> Reply {
        let body = json!({"tenant": "first", "email": email, "password": password, "code": code});
        self.post("/api/v1/sessions", &body).await
    }
}

/// Adds a user of this role; returns the id.
pub async fn add_user(admin: &Actor, email: &str, role: &str) -> String {
    let body = json!({"email": email, "name": "Mona Mayer", "roles": [role]});
    admin.post("/api/v1/users", &body).await.assert(201).json()["id"].as_str().unwrap().to_owned()
}

/// Invites a user; returns the token.
pub async fn invite(admin: &Actor, id: &str) -> String {
    let made = admin.post(&format!("/api/v1/users/{id}/invitation"), &json!({})).await.assert(201).json();
    assert_eq!(made["link"], format!("/invitation#{}", made["token"].as_str().unwrap()));
    made["token"].as_str().unwrap().to_owned()
}

/// Sets a password with a token.
pub async fn accept(browser: &Browser, token: &str, password: &str) -> Reply {
    browser.post("/api/v1/invitations/accept", &json!({"token": token, "password": password})).await
}

/// A user of the first tenant, with [`PASSWORD`] and signed in; the id and the browser.
pub async fn signed_in(test: &TestApp, name: &str, role: &str) -> (String, Browser) {
    let id = add_user(&test.ann, &format!("{name}@example.com"), role).await;
    let browser = Browser::new(test, "192.0.2.1");
    accept(&browser, &invite(&test.ann, &id).await, PASSWORD).await.assert(201);
    (id, browser)
}

/// What the audit trail of the first tenant says of ways in, the oldest first.
pub async fn trail(ann: &Actor) -> Vec<(String, String, String)> {
    let page = ann.get("/api/v1/audit?object=%23people&limit=500").await.assert(200).json();
    let text = |json: &Json| json.as_str().unwrap_or_default().to_owned();
    let one = |entry: &Json| (text(&entry["fields"][0]), text(&entry["subject"]["kind"]), text(&entry["record"]));
    page["data"].as_array().unwrap().iter().rev().map(one).collect()
}
