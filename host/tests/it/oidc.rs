//! Signing in with a real provider: npm's `oidc-provider` in a process of its own, walked through as a browser does.

use std::collections::BTreeMap;
use std::process::Stdio;

use guildhall::domain::clock::Clock;
use serde_json::{Value as Json, json};
use tokio::io::{AsyncBufReadExt, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};
use url::Url;

use crate::browser::{Browser, SESSION, add_user, host, trail};
use crate::support::{Actor, On, TestApp};

both!(
    a_member_signs_in_with_a_provider
    users_come_into_being_where_the_provider_may_make_them
    owners_use_what_an_owner_has_set_up
    who_sets_up_providers
    cve_2026_22032_directus
);

pub const START: &str = "/api/v1/auth/oidc/first/test";
pub const CALLBACK: &str = "/api/v1/auth/oidc/callback";
const SECRET: &str = "a secret between two that nobody else knows";

/// A provider that runs.
struct Provider {
    issuer: String,
    _process: Child,
    /// It ends when nobody hears it any more.
    _said: Lines<BufReader<ChildStdout>>,
}

async fn provider(test: &TestApp) -> Provider {
    let folder = std::env::var("GUILDHALL_TEST_OIDC").expect("run `cargo xtask test`, which brings the provider");
    let mut process = Command::new("node")
        .arg("provider.js")
        .current_dir(folder)
        .env("REDIRECT_URI", test.anon.url(CALLBACK))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(process.stdout.take().unwrap()).lines();
    let issuer = lines.next_line().await.unwrap().expect("the provider starts");
    Provider { issuer, _process: process, _said: lines }
}

/// Sets a provider up at the first tenant.
pub async fn set_up(admin: &Actor, issuer: &str, more: Json) -> Json {
    let mut body = json!({"label": "Test", "issuer": issuer, "client_id": "guildhall", "client_secret": SECRET});
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    admin.put("/api/v1/identity-providers/test", &body).await.assert(200).json()
}

/// Goes where the provider sends a person who signs in there; ends at the address of the host that comes then.
async fn walk(from: &str, until: &str, login: &str) -> String {
    let client = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build().unwrap();
    let mut jar: BTreeMap<String, String> = BTreeMap::new();
    let (mut at, mut form) = (Url::parse(from).unwrap(), None::<String>);
    for _ in 0..20 {
        let cookies: Vec<String> = jar.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let request = match form.take() {
            None => client.get(at.clone()),
            Some(form) => {
                client.post(at.clone()).header("content-type", "application/x-www-form-urlencoded").body(form)
            }
        };
        let reply = request.header("cookie", cookies.join("; ")).send().await.unwrap();
        for line in reply.headers().get_all("set-cookie") {
            let (name, value) = line.to_str().unwrap().split(';').next().unwrap().split_once('=').unwrap();
            jar.insert(name.to_owned(), value.to_owned());
        }
        if let Some(location) = reply.headers().get("location") {
            at = at.join(location.to_str().unwrap()).unwrap();
            if at.as_str().starts_with(until) {
                return at.into();
            }
            continue;
        }
        let page = reply.text().await.unwrap();
        let prompt = if page.contains("value=\"login\"") { "login" } else { "consent" };
        assert!(page.contains(&format!("value=\"{prompt}\"")), "{page}");
        let pairs = [("prompt", prompt), ("login", login), ("password", "x")];
        form = Some(form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish());
    }
    panic!("the provider leads nowhere: {at}");
}

async fn begin(browser: &Browser, path: &str) -> String {
    browser.get(path).await.assert(303).header("location").to_owned()
}

/// Signs in with the provider; the answer of the host.
async fn come_back(test: &TestApp, browser: &Browser, login: &str) -> crate::support::Reply {
    let there = begin(browser, START).await;
    browser.get(&walk(&there, &test.anon.url(CALLBACK), login).await).await
}

async fn a_member_signs_in_with_a_provider(on: On) {
    let (test, _keys) = host(on, &Clock::system()).await;
    let provider = provider(&test).await;
    let id = add_user(&test.ann, "mona@example.com", "sales").await;
    let made = set_up(&test.ann, &provider.issuer, json!({})).await;
    assert!(!made.to_string().contains(SECRET) && !crate::dump::holds(&test.database, SECRET).await);
    let browser = Browser::new(&test, "192.0.2.1");
    let there = begin(&browser, &format!("{START}?return_to=%2Frecords%3Fa%3Db")).await;
    let asked: BTreeMap<String, String> = Url::parse(&there).unwrap().query_pairs().into_owned().collect();
    assert_eq!((asked["code_challenge_method"].as_str(), asked["response_type"].as_str()), ("S256", "code"));
    assert_eq!(asked["redirect_uri"], test.anon.url(CALLBACK));
    assert!(asked["scope"].contains("openid") && asked["state"].len() > 30 && asked["nonce"].len() > 30);
    let back = walk(&there, &test.anon.url(CALLBACK), "mona@example.com").await;
    // Another browser has nothing of it, and the state belongs to this one.
    Browser::new(&test, "192.0.2.2").get(&back).await.problem(401, "provider_failed");
    let planted = Browser::new(&test, "192.0.2.3");
    begin(&planted, START).await;
    planted.get(&back).await.problem(401, "provider_failed");
    let done = browser.get(&back).await.assert(303);
    assert_eq!(done.header("location"), "/records?a=b");
    let me = browser.get("/api/v1/me").await.assert(200).json();
    assert_eq!((&me["user"]["id"], &me["roles"]), (&json!(id), &json!(["sales"])));
    let sessions = browser.get("/api/v1/sessions").await.assert(200).json();
    assert_eq!(sessions["data"][0]["way"], "provider");
    // The way back is gone with the first use.
    browser.get(&back).await.problem(401, "provider_failed");
    // Known by its subject from now on, whatever its address here.
    test.ann.patch(&format!("/api/v1/users/{id}"), &json!({"email": "other@example.com"})).await.assert(200);
    let again = Browser::new(&test, "192.0.2.4");
    come_back(&test, &again, "mona@example.com").await.assert(303);
    assert_eq!(again.get("/api/v1/me").await.assert(200).json()["user"]["id"], json!(id));
    // Nobody comes in without being a member, with an address that is not theirs, or after being let go.
    add_user(&test.ann, "unverified@example.com", "sales").await;
    for login in ["stranger@example.com", "unverified@example.com"] {
        let browser = Browser::new(&test, "192.0.2.5");
        let reply = come_back(&test, &browser, login).await;
        assert_eq!(browser.cookie(SESSION), None);
        reply.problem(401, "provider_failed");
    }
    test.ann.patch(&format!("/api/v1/users/{id}"), &json!({"active": false})).await.assert(200);
    come_back(&test, &again, "mona@example.com").await.problem(401, "provider_failed");
    let told = trail(&test.ann).await;
    let count = |what: &str| told.iter().filter(|(one, ..)| one == what).count();
    assert_eq!((count("sign_in"), count("identity_provider")), (2, 1), "{told:?}");
    assert!(count("sign_in_failed") >= 3, "{told:?}");
}

async fn users_come_into_being_where_the_provider_may_make_them(on: On) {
    let (test, _keys) = host(on, &Clock::system()).await;
    let provider = provider(&test).await;
    set_up(&test.ann, &provider.issuer, json!({"default_role": "viewer", "domain": "example.com"})).await;
    let browser = Browser::new(&test, "192.0.2.1");
    come_back(&test, &browser, "Pat@example.com").await.assert(303);
    let me = browser.get("/api/v1/me").await.assert(200).json();
    let user = (&me["user"]["email"], &me["user"]["name"], &me["roles"]);
    assert_eq!(user, (&json!("pat@example.com"), &json!("Pat"), &json!(["viewer"])));
    browser.post("/api/v1/records/contact", &json!({"name": "X"})).await.problem(403, "permission_denied");
    for login in ["unverified@example.com", "pat@elsewhere.example", "pat@evil.example.com"] {
        come_back(&test, &Browser::new(&test, "192.0.2.2"), login).await.problem(401, "provider_failed");
    }
    assert_eq!(test.ann.get("/api/v1/users").await.assert(200).json()["data"].as_array().unwrap().len(), 1);
    // Switched off, it is as if it were not there.
    set_up(&test.ann, &provider.issuer, json!({"enabled": false})).await;
    for path in [START, "/api/v1/auth/oidc/moon/test", "/api/v1/auth/oidc/first/moon", "/api/v1/auth/oidc/second/test"]
    {
        browser.get(path).await.problem(404, "not_found");
    }
}

async fn owners_use_what_an_owner_has_set_up(on: On) {
    let (test, _keys) = host(on, &Clock::system()).await;
    let provider = provider(&test).await;
    add_user(&test.ann, "otto@example.com", "owner").await;
    // An admin who brings a provider of their own would be an owner otherwise.
    set_up(&test.ann, &provider.issuer, json!({})).await;
    let browser = Browser::new(&test, "192.0.2.1");
    come_back(&test, &browser, "otto@example.com").await.problem(401, "provider_failed");
    let (_, key) = test.app.create_key("first", "owner", "Otto", None).await.unwrap();
    let made = set_up(&test.ann.with_key(&key), &provider.issuer, json!({})).await;
    assert_eq!(made["reaches_owners"], json!(true));
    come_back(&test, &browser, "otto@example.com").await.assert(303);
    let body = json!({"label": "Mine", "issuer": "http://127.0.0.1:9", "client_id": "x", "client_secret": "y"});
    test.ann.put("/api/v1/identity-providers/test", &body).await.problem(403, "permission_denied");
    test.ann.delete("/api/v1/identity-providers/test").await.problem(403, "permission_denied");
}

async fn who_sets_up_providers(on: On) {
    let (test, _keys) = host(on, &Clock::system()).await;
    let path = "/api/v1/identity-providers/test";
    let good = json!({"label": "T", "issuer": "http://127.0.0.1:9", "client_id": "x", "client_secret": "y"});
    test.vic.put(path, &good).await.problem(403, "permission_denied");
    test.vic.get("/api/v1/identity-providers").await.problem(403, "permission_denied");
    for (field, value) in [
        ("label", json!("")),
        ("issuer", json!("file:///etc/passwd")),
        ("issuer", json!("https://a:b@example.com")),
        ("client_id", json!("")),
        ("client_secret", json!("")),
        ("client_secret", Json::Null),
        ("default_role", json!("owner")),
        ("default_role", json!("admin")),
        ("default_role", json!("moon")),
        ("domain", json!("@example.com")),
    ] {
        let mut bad = good.clone();
        bad[field] = value.clone();
        let problem = test.ann.put(path, &bad).await.problem(422, "validation_failed");
        assert_eq!(problem["errors"][0]["field"], field, "{value}");
    }
    let mut more = good.clone();
    more["reaches_owners"] = json!(true);
    test.ann.put(path, &more).await.problem(422, "validation_failed");
    test.ann.put("/api/v1/identity-providers/Te%2Fst", &good).await.problem(422, "validation_failed");
    test.ann.put(path, &good).await.assert(200);
    // The secret is shown to no other issuer.
    let moved = json!({"label": "T", "issuer": "http://127.0.0.1:10", "client_id": "x"});
    test.ann.put(path, &moved).await.problem(422, "validation_failed");
    let renamed = json!({"label": "New", "issuer": "http://127.0.0.1:9", "client_id": "x"});
    assert_eq!(test.ann.put(path, &renamed).await.assert(200).json()["version"], json!(2));
    let listed = test.ann.get("/api/v1/identity-providers").await.assert(200).json();
    assert_eq!((listed["data"].as_array().unwrap().len(), &listed["data"][0]["label"]), (1, &json!("New")));
    assert_eq!(test.sam.get("/api/v1/identity-providers").await.assert(200).json()["data"], json!([]));
    test.sam.delete(path).await.problem(404, "not_found");
    // Nobody is there: the browser is told, and nothing of the host's network.
    let browser = Browser::new(&test, "192.0.2.1");
    let problem = browser.get(START).await.problem(401, "provider_failed");
    assert!(!problem.to_string().contains("127.0.0.1"), "{problem}");
    test.ann.delete(path).await.assert(204);
    browser.get(START).await.problem(404, "not_found");
    // Without the setting for development, private addresses are none.
    let (_directory, keys) = crate::encrypted::new_key_file();
    let settings =
        guildhall::app::Settings { allow_private_webhooks: false, key_file: Some(keys), ..crate::browser::settings() };
    let test = TestApp::start_with(on, Clock::system(), settings).await;
    for issuer in ["http://127.0.0.1:9", "https://127.0.0.1:9", "https://10.0.0.1", "https://metadata.google.internal"]
    {
        let mut bad = good.clone();
        bad["issuer"] = json!(issuer);
        test.ann.put(path, &bad).await.problem(422, "validation_failed");
    }
}

/// Directus sent browsers to any address after they had signed in.
async fn cve_2026_22032_directus(on: On) {
    let (test, _keys) = host(on, &Clock::system()).await;
    let provider = provider(&test).await;
    set_up(&test.ann, &provider.issuer, json!({"default_role": "viewer"})).await;
    let browser = Browser::new(&test, "192.0.2.1");
    for bad in [
        "https://evil.example/",
        "//evil.example/",
        "/\\evil.example/",
        "\\\\evil.example",
        "/\t/evil.example",
        "/\r\nLocation: https://evil.example/",
        "javascript:alert(1)",
        "evil.example",
        "",
    ] {
        let query: String = form_urlencoded::byte_serialize(bad.as_bytes()).collect();
        browser.get(&format!("{START}?return_to={query}")).await.problem(422, "validation_failed");
    }
    browser.get(&format!("{START}?return_to=%2Fa&return_to=%2Fb")).await.problem(400, "invalid_parameter");
    // Nothing that comes back with the browser changes where it goes.
    let there = begin(&browser, &format!("{START}?return_to=%2Fboard")).await;
    let back = walk(&there, &test.anon.url(CALLBACK), "pat@example.com").await;
    let done = browser.get(&format!("{back}&return_to=https%3A%2F%2Fevil.example")).await.assert(303);
    assert_eq!(done.header("location"), "/board");
}
