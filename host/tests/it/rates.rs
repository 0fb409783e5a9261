//! How much a key and a tenant may ask in a time.

use std::num::NonZeroU32;

use guildhall::app::Settings;
use guildhall::domain::clock::Clock;
use serde_json::json;

use crate::support::{On, TestApp};

both!(
    a_key_that_asks_too_much_waits
    keys_of_a_tenant_share_and_others_do_not
    without_limits_nothing_is_told
);

const CONTACTS: &str = "/api/v1/records/contact";

async fn start(on: On, key_rate: u32, tenant_rate: u32) -> TestApp {
    let (key_rate, tenant_rate) = (NonZeroU32::new(key_rate), NonZeroU32::new(tenant_rate));
    TestApp::start_with(on, Clock::system(), Settings { key_rate, tenant_rate, ..crate::support::settings() }).await
}

async fn a_key_that_asks_too_much_waits(on: On) {
    let TestApp { ann, vic, anon, .. } = start(on, 1, 0).await;
    let first = ann.get(CONTACTS).await.assert(200);
    assert_eq!(first.header("ratelimit-policy"), "\"key\";q=2;w=2");
    assert_eq!(first.header("ratelimit"), "\"key\";r=1;t=1");
    // A second later one more may be asked; 20 take less than 18 seconds on any machine.
    let mut refused = None;
    for _ in 0..20 {
        let reply = ann.post(CONTACTS, &json!({"name": "Ann"})).await;
        if reply.status == 429 {
            refused = Some(reply);
            break;
        }
    }
    let refused = refused.expect("nothing was refused");
    assert_eq!(refused.header("retry-after"), "1");
    let problem = refused.problem(429, "rate_limited");
    assert_eq!(problem["detail"], "more than 1 requests a second of one key");
    // Another key of the tenant, and nobody, are answered as before.
    vic.get(CONTACTS).await.assert(200);
    anon.get(CONTACTS).await.problem(401, "unauthenticated");
}

async fn keys_of_a_tenant_share_and_others_do_not(on: On) {
    let TestApp { ann, vic, sam, .. } = start(on, 0, 1).await;
    let mut refused = 0;
    for actor in [&ann, &vic].into_iter().cycle().take(20) {
        let reply = actor.get(CONTACTS).await;
        refused += i32::from(reply.status == 429);
        assert!(reply.status == 429 || reply.header("ratelimit-policy") == "\"tenant\";q=2;w=2");
    }
    assert!(refused > 0);
    sam.get(CONTACTS).await.assert(200);
}

async fn without_limits_nothing_is_told(on: On) {
    let TestApp { ann, .. } = TestApp::start(on).await;
    let reply = ann.get(CONTACTS).await.assert(200);
    assert!(reply.headers.get("ratelimit").is_none() && reply.headers.get("retry-after").is_none());
}
