//! A provider that hands out bad tokens: none of them lets anybody in.

use std::sync::{Arc, Mutex};

use axum::extract::State;
use axum::routing::{get, post};
use axum::{Json as Body, Router};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ed25519_dalek::Signer;
use guildhall::domain::clock::Clock;
use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Value as Json, json};
use sha2::{Digest, Sha256};
use url::Url;

use crate::browser::{Browser, SESSION, add_user, host};
use crate::oidc::{CALLBACK, START, set_up};
use crate::oidc_keys::{encoded, forms_of_the_public_key, jwks, key};
use crate::sign_in::clock;
use crate::support::{On, Reply, TestApp};

both!(
    a_good_token_lets_in_and_a_bad_one_does_not
    claims_of_others_and_of_other_times
    keys_that_a_token_brings_along
    cve_2026_44699_libjwt
    cve_2026_22817_hono
    cve_2026_22818_hono
    cve_2023_48223_fast_jwt
    cve_2024_54150_cjwt
    an_address_that_was_given_to_somebody_else
    what_comes_back_is_for_this_sign_in
);

#[derive(Default)]
struct Inner {
    /// The token that it hands out next.
    token: Mutex<String>,
    /// What the last code was redeemed with.
    redeemed: Mutex<String>,
    issuer: Mutex<String>,
}

/// The provider.
struct Evil {
    inner: Arc<Inner>,
    issuer: String,
    clock: Clock,
}

/// How a token is signed.
enum Sign {
    Own,
    Stranger,
    Hmac(Vec<u8>),
    Nothing,
}

/// A bad token: its head, how it is signed, and what it makes of good claims.
type Case = (String, Sign, Box<dyn Fn(&Json) -> String + Send>);

impl Evil {
    async fn start(clock: &Clock) -> Self {
        let inner = Arc::new(Inner::default());
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let issuer = format!("http://{}", listener.local_addr().unwrap());
        inner.issuer.lock().unwrap().clone_from(&issuer);
        let router = Router::new()
            .route("/.well-known/openid-configuration", get(discovery))
            .route("/jwks", get(async || Body(jwks())))
            .route("/token", post(token))
            .with_state(Arc::clone(&inner));
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { inner, issuer, clock: clock.clone() }
    }

    fn claims(&self, nonce: &str) -> Json {
        let now = self.clock.now().micros() / 1_000_000;
        json!({
            "iss": self.issuer, "sub": "1", "aud": "guildhall", "exp": now + 300, "iat": now, "nonce": nonce,
            "email": "mona@example.com", "email_verified": true, "name": "Mona",
        })
    }

    /// Tries to sign in with a token that is made for the nonce of this very try.
    async fn try_with(&self, browser: &Browser, make: impl FnOnce(&Json) -> String) -> Reply {
        let there = browser.get(START).await.assert(303).header("location").to_owned();
        let there = Url::parse(&there).unwrap();
        let asked = |name: &str| there.query_pairs().find(|(own, _)| own == name).unwrap().1.into_owned();
        *self.inner.token.lock().unwrap() = make(&self.claims(&asked("nonce")));
        let reply = browser.get(&format!("{CALLBACK}?code=c&state={}", asked("state"))).await;
        let redeemed = self.inner.redeemed.lock().unwrap().clone();
        if let Some((_, verifier)) =
            form_urlencoded::parse(redeemed.as_bytes()).find(|(name, _)| name == "code_verifier")
        {
            assert_eq!(encoded(Sha256::digest(verifier.as_bytes())), asked("code_challenge"));
        }
        reply
    }
}

async fn discovery(State(inner): State<Arc<Inner>>) -> Body<Json> {
    let issuer = inner.issuer.lock().unwrap().clone();
    Body(json!({
        "issuer": issuer, "authorization_endpoint": format!("{issuer}/auth"), "token_endpoint": format!("{issuer}/token"),
        "jwks_uri": format!("{issuer}/jwks"), "response_types_supported": ["code"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["EdDSA", "RS256", "HS256", "none"],
    }))
}

async fn token(State(inner): State<Arc<Inner>>, body: String) -> Body<Json> {
    *inner.redeemed.lock().unwrap() = body;
    let token = inner.token.lock().unwrap().clone();
    Body(json!({"access_token": "a", "token_type": "Bearer", "expires_in": 60, "id_token": token}))
}

fn signed(head: &str, claims: &str, sign: &Sign) -> String {
    let text = format!("{}.{}", encoded(head), encoded(claims));
    let signature = match sign {
        Sign::Own => key(1).sign(text.as_bytes()).to_bytes().to_vec(),
        Sign::Stranger => key(2).sign(text.as_bytes()).to_bytes().to_vec(),
        Sign::Nothing => Vec::new(),
        Sign::Hmac(secret) => {
            let mut mac = Hmac::<Sha256>::new_from_slice(secret).unwrap();
            mac.update(text.as_bytes());
            mac.finalize().into_bytes().to_vec()
        }
    };
    format!("{text}.{}", encoded(signature))
}

fn good(claims: &Json) -> String {
    signed(&json!({"alg": "EdDSA", "kid": "own"}).to_string(), &claims.to_string(), &Sign::Own)
}

/// A host, a member whom the provider could vouch for, and the provider.
async fn place(on: On) -> (TestApp, tempfile::TempDir, Evil) {
    let clock = clock();
    let (test, keys) = host(on, &clock).await;
    let evil = Evil::start(&clock).await;
    add_user(&test.ann, "mona@example.com", "sales").await;
    set_up(&test.ann, &evil.issuer, json!({})).await;
    (test, keys, evil)
}

/// Nobody comes in with any of these tokens; with a good one, somebody does.
async fn refused(on: On, cases: Vec<Case>) {
    let (test, _keys, evil) = place(on).await;
    for (number, (head, sign, claims)) in cases.into_iter().enumerate() {
        let browser = Browser::new(&test, &format!("192.0.2.{number}"));
        let reply = evil.try_with(&browser, |good| signed(&head, &claims(good), &sign)).await;
        assert_eq!(browser.cookie(SESSION), None, "{number}: {head}");
        assert_eq!(reply.status, 401, "{number}: {head} {}", reply.text);
        reply.problem(401, "provider_failed");
    }
    let browser = Browser::new(&test, "192.0.2.1");
    evil.try_with(&browser, good).await.assert(303);
    browser.get("/api/v1/me").await.assert(200);
}

/// Claims as they should be.
fn plain() -> Box<dyn Fn(&Json) -> String + Send> {
    Box::new(Json::to_string)
}

async fn a_good_token_lets_in_and_a_bad_one_does_not(on: On) {
    let head = |alg: &str| json!({"alg": alg, "kid": "own"}).to_string();
    refused(
        on,
        vec![
            (head("none"), Sign::Nothing, plain()),
            (head("None"), Sign::Nothing, plain()),
            (head("NONE"), Sign::Own, plain()),
            (head(""), Sign::Own, plain()),
            (json!({"kid": "own"}).to_string(), Sign::Own, plain()),
            (head("EdDSA"), Sign::Nothing, plain()),
            (head("EdDSA"), Sign::Stranger, plain()),
            (head("RS256"), Sign::Own, plain()),
            (head("HS256"), Sign::Own, plain()),
            (json!({"alg": "EdDSA", "kid": "own", "crit": ["exp"]}).to_string(), Sign::Own, plain()),
            (r#"{"alg":"none","alg":"EdDSA","kid":"own"}"#.to_owned(), Sign::Own, plain()),
            (String::new(), Sign::Own, plain()),
            (head("EdDSA"), Sign::Own, Box::new(|_| String::new())),
            (head("EdDSA"), Sign::Own, Box::new(|_| "[]".to_owned())),
        ],
    )
    .await;
}

async fn claims_of_others_and_of_other_times(on: On) {
    type Change = (&'static str, Json);
    let head = json!({"alg": "EdDSA", "kid": "own"}).to_string();
    let now = clock().now().micros() / 1_000_000;
    let changes: Vec<Change> = vec![
        ("aud", json!("another")),
        ("aud", json!(["guildhall", "another"])),
        ("aud", json!([])),
        ("aud", Json::Null),
        ("iss", json!("https://another.example")),
        ("iss", Json::Null),
        ("azp", json!("another")),
        ("nonce", json!("another")),
        ("nonce", json!("")),
        ("nonce", Json::Null),
        ("exp", json!(now - 1)),
        ("exp", json!(now)),
        ("exp", Json::Null),
        ("nbf", json!(now + 3_600)),
        ("iat", json!(now + 3_600)),
        ("sub", json!("")),
        ("sub", Json::Null),
        ("sub", json!("x".repeat(300))),
        ("email_verified", json!(false)),
        ("email_verified", Json::Null),
        ("email_verified", json!("true")),
        ("email", json!("mona@example.com.evil.example")),
        ("name", json!("x".repeat(40_000))),
    ];
    let mut cases: Vec<Case> = Vec::new();
    for (name, value) in changes {
        let change = move |good: &Json| {
            let mut claims = good.clone();
            claims[name] = value.clone();
            if value.is_null() {
                claims.as_object_mut().unwrap().shift_remove(name);
            }
            claims.to_string()
        };
        cases.push((head.clone(), Sign::Own, Box::new(change)));
    }
    // Said twice: one reader takes the first, another one the last.
    for twice in [r#""email":"otto@example.com""#, r#""aud":"another""#, r#""sub":"2""#, r#""iss":"https://a.example""#]
    {
        let change = move |good: &Json| format!("{{{twice},{}", &good.to_string()[1..]);
        cases.push((head.clone(), Sign::Own, Box::new(change)));
    }
    refused(on, cases).await;
}

async fn keys_that_a_token_brings_along(on: On) {
    let stranger = encoded(key(2).verifying_key().to_bytes());
    let jwk = json!({"kty": "OKP", "crv": "Ed25519", "x": stranger, "kid": "mine"});
    let heads = [
        json!({"alg": "EdDSA", "kid": "mine"}),
        json!({"alg": "EdDSA", "kid": "mine", "jwk": jwk}),
        json!({"alg": "EdDSA", "kid": "own", "jwk": jwk}),
        json!({"alg": "EdDSA", "kid": "own", "jku": "http://127.0.0.1:9/jwks"}),
        json!({"alg": "EdDSA", "kid": "own", "x5u": "http://127.0.0.1:9/x5u"}),
        json!({"alg": "EdDSA", "kid": "own", "x5c": [STANDARD.encode(key(2).verifying_key().to_bytes())]}),
        json!({"alg": "EdDSA", "kid": "../../../../dev/null"}),
        json!({"alg": "EdDSA", "kid": "own' union select 'x' --"}),
        json!({"alg": "EdDSA", "kid": "own\u{0}"}),
        json!({"alg": "EdDSA", "kid": ["own"]}),
    ];
    refused(on, heads.iter().map(|head| (head.to_string(), Sign::Stranger, plain())).collect()).await;
}

/// Keys of HMAC that come with an empty, or a missing, secret.
fn empty_keys() -> Vec<Case> {
    let heads = [json!({"alg": "HS256", "kid": "rsa"}), json!({"alg": "HS256"}), json!({"alg": "HS256", "kid": ""})];
    let secrets = [Vec::new(), vec![0], b"null".to_vec(), b"undefined".to_vec()];
    let one = |head: &Json, secret: &Vec<u8>| (head.to_string(), Sign::Hmac(secret.clone()), plain());
    heads.iter().flat_map(|head| secrets.iter().map(move |secret| one(head, secret))).collect()
}

fn with_the_public_key(alg: &str, kid: Option<&str>) -> Vec<Case> {
    let head = kid.map_or_else(|| json!({"alg": alg}), |kid| json!({"alg": alg, "kid": kid})).to_string();
    forms_of_the_public_key().into_iter().map(|form| (head.clone(), Sign::Hmac(form), plain())).collect()
}

/// libjwt took an RSA key of a set for an HMAC key with nothing in it.
async fn cve_2026_44699_libjwt(on: On) {
    refused(on, empty_keys()).await;
}

/// hono took the algorithm from the token where the key did not name one.
async fn cve_2026_22817_hono(on: On) {
    refused(on, with_the_public_key("HS256", Some("rsa"))).await;
}

/// The same in hono, of keys that are found without a name.
async fn cve_2026_22818_hono(on: On) {
    refused(on, with_the_public_key("HS256", None)).await;
}

/// fast-jwt did not know `BEGIN RSA PUBLIC KEY` for a public key, and took it for a secret.
async fn cve_2023_48223_fast_jwt(on: On) {
    let is_meant = |sign: &Sign| matches!(sign, Sign::Hmac(form) if form.starts_with(b"-----BEGIN RSA PUBLIC KEY"));
    let mut cases = with_the_public_key("HS256", Some("rsa"));
    cases.retain(|(_, sign, _)| is_meant(sign));
    assert_eq!(cases.len(), 2);
    refused(on, cases).await;
}

/// cjwt did not look whether an algorithm goes with the key.
async fn cve_2024_54150_cjwt(on: On) {
    let mut cases = with_the_public_key("RS256", Some("rsa"));
    cases.extend(with_the_public_key("HS256", Some("own")));
    cases.push((json!({"alg": "RS256", "kid": "own"}).to_string(), Sign::Own, plain()));
    cases.push((json!({"alg": "EdDSA", "kid": "rsa"}).to_string(), Sign::Own, plain()));
    refused(on, cases).await;
}

async fn an_address_that_was_given_to_somebody_else(on: On) {
    let (test, _keys, evil) = place(on).await;
    let browser = Browser::new(&test, "192.0.2.1");
    evil.try_with(&browser, good).await.assert(303);
    // Another subject with the same address is somebody else.
    let with = |subject: &'static str| {
        move |claims: &Json| {
            let mut claims = claims.clone();
            claims["sub"] = json!(subject);
            good(&claims)
        }
    };
    let other = Browser::new(&test, "192.0.2.2");
    evil.try_with(&other, with("2")).await.problem(401, "provider_failed");
    assert_eq!(other.cookie(SESSION), None);
    evil.try_with(&other, with("1")).await.assert(303);
}

async fn what_comes_back_is_for_this_sign_in(on: On) {
    let (test, _keys, evil) = place(on).await;
    let browser = Browser::new(&test, "192.0.2.1");
    // A token of an earlier sign-in.
    let old = Mutex::new(String::new());
    evil.try_with(&browser, |claims| {
        *old.lock().unwrap() = good(claims);
        good(claims)
    })
    .await
    .assert(303);
    let other = Browser::new(&test, "192.0.2.2");
    let old = old.into_inner().unwrap();
    evil.try_with(&other, |_| old).await.problem(401, "provider_failed");
    // No code, no state, another issuer, twice, too late.
    let state_of = async |browser: &Browser| {
        let there = browser.get(START).await.assert(303).header("location").to_owned();
        let there = Url::parse(&there).unwrap();
        there.query_pairs().find(|(name, _)| name == "state").unwrap().1.into_owned()
    };
    for query in [
        "state=STATE",
        "code=c",
        "code=c&state=another",
        "code=c&state=STATE&state=STATE",
        "code=c&code=d&state=STATE",
        "code=c&state=STATE&iss=https%3A%2F%2Fanother.example",
        "error=access_denied&state=STATE",
    ] {
        let state = state_of(&other).await;
        let query = query.replace("STATE", &state);
        other.get(&format!("{CALLBACK}?{query}")).await.problem(401, "provider_failed");
        assert_eq!(other.cookie(SESSION), None, "{query}");
    }
    let state = state_of(&other).await;
    evil.clock.advance(std::time::Duration::from_mins(10));
    other.get(&format!("{CALLBACK}?code=c&state={state}")).await.problem(401, "provider_failed");
}
