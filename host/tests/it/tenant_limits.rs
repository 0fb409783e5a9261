//! What a tenant uses, and what it may: refused at the limit, and by the name of it.

use serde_json::{Value as Json, json};

use crate::loyalty::order;
use crate::support::{Actor, On, TestApp, plugin};

both!(
    usage_counts_what_is_there
    so_many_users_and_no_more
    so_many_modules_and_no_more
    a_tenant_has_a_rate_of_its_own
);

const FIRST: &str = "/api/v1/tenants/first";
const LOYALTY: &str = "guildhall.retail-loyalty";
const HOSTILE: &str = "test.hostile";

async fn limit(olga: &Actor, limits: Json) {
    olga.patch(FIRST, &json!({"limits": limits})).await.assert(200);
}

async fn add(ann: &Actor, name: &str) -> crate::support::Reply {
    let body = json!({"email": format!("{name}@example.com"), "name": name, "roles": ["sales"]});
    ann.post("/api/v1/users", &body).await
}

async fn usage_counts_what_is_there(on: On) {
    let test = TestApp::with_plugin(on, LOYALTY).await;
    let olga = test.operator().await;
    let contact = test.ann.create("contact", json!({"name": "One"})).await;
    let two = test.ann.create("contact", json!({"name": "Two"})).await;
    order(&test.ann, &two, "10.00").await;
    test.ann.delete(&format!("/api/v1/records/contact/{}", contact["id"].as_str().unwrap())).await.assert(204);
    test.sam.create("contact", json!({"name": "Sam's"})).await;
    let gone = add(&test.ann, "gone").await.assert(201).json();
    add(&test.ann, "ada").await.assert(201);
    let gone = format!("/api/v1/users/{}", gone["id"].as_str().unwrap());
    test.ann.patch(&gone, &json!({"active": false})).await.assert(200);
    let file = test.ann.create("file", json!({"name": "a.txt"})).await;
    let content = format!("/api/v1/files/{}/content", file["id"].as_str().unwrap());
    test.ann.put_bytes(&content, "text/plain", "seven b").await.assert(200);
    let usage = test.ann.get("/api/v1/usage").await.assert(200).json();
    assert_eq!((&usage["users"], &usage["keys"], &usage["modules"]), (&json!(1), &json!(2), &json!(1)), "{usage}");
    assert_eq!((&usage["records"]["contact"], &usage["records"]["file"]), (&json!(1), &json!(1)), "{usage}");
    assert_eq!((&usage["file_bytes"], &usage["records"]["loyalty.member"]), (&json!(7), &json!(1)), "{usage}");
    let requests = usage["requests_today"].as_i64().unwrap();
    assert!(requests >= 9, "{usage}");
    test.vic.get("/api/v1/usage").await.problem(403, "permission_denied");
    let told = olga.get(&format!("{FIRST}/usage")).await.assert(200).json();
    // The one that the viewer sent, and was refused, counts, too.
    assert_eq!(told["requests_today"], requests + 1);
    assert_eq!(told["records"], usage["records"]);
    assert_eq!(olga.get("/api/v1/tenants/second/usage").await.json()["records"]["contact"], 1);
}

async fn so_many_users_and_no_more(on: On) {
    let test = TestApp::start(on).await;
    let olga = test.operator().await;
    limit(&olga, json!({"max_users": 2})).await;
    add(&test.ann, "one").await.assert(201);
    let two = add(&test.ann, "two").await.assert(201).json();
    let problem = add(&test.ann, "three").await.problem(409, "limit_reached");
    assert_eq!((&problem["limit"], &problem["most"]), (&json!("max_users"), &json!(2)), "{problem}");
    assert_eq!(test.ann.get("/api/v1/usage").await.json()["notices"], json!(["users_at_limit"]));
    // Those that are there can change, and make room; whoever comes back needs room.
    let two = format!("/api/v1/users/{}", two["id"].as_str().unwrap());
    test.ann.patch(&two, &json!({"name": "Second"})).await.assert(200);
    test.ann.patch(&two, &json!({"active": false})).await.assert(200);
    add(&test.ann, "three").await.assert(201);
    test.ann.patch(&two, &json!({"active": true})).await.problem(409, "limit_reached");
    // Less than there are takes nobody away.
    limit(&olga, json!({"max_users": 1})).await;
    assert_eq!(test.ann.get("/api/v1/usage").await.json()["users"], 2);
    add(&test.sam, "free").await.assert(201);
    limit(&olga, json!({"max_users": 3})).await;
    test.ann.patch(&two, &json!({"active": true})).await.assert(200);
}

async fn so_many_modules_and_no_more(on: On) {
    let test = TestApp::start(on).await;
    let olga = test.operator().await;
    for id in [LOYALTY, HOSTILE] {
        test.app.install_plugin(&plugin(id)).await.unwrap();
    }
    let set = async |id: &str, on: bool| {
        test.ann.put(&format!("/api/v1/modules/{id}"), &json!({"enabled": on, "consent": ["*"]})).await
    };
    limit(&olga, json!({"max_modules": 0})).await;
    set(LOYALTY, true).await.problem(409, "limit_reached");
    limit(&olga, json!({"max_modules": 1})).await;
    set(LOYALTY, true).await.assert(200);
    let problem = set(HOSTILE, true).await.problem(409, "limit_reached");
    assert_eq!((&problem["limit"], &problem["most"]), (&json!("max_modules"), &json!(1)), "{problem}");
    let both = json!({"modules": [LOYALTY, HOSTILE], "consent": true});
    test.ann.post("/api/v1/guide/accept", &both).await.problem(409, "limit_reached");
    set(HOSTILE, false).await.assert(200);
    set(LOYALTY, false).await.assert(200);
    set(HOSTILE, true).await.assert(200);
    limit(&olga, json!({"max_modules": 2})).await;
    set(LOYALTY, true).await.assert(200);
    // A new tenant has the same limits from its first moment.
    let body = json!({"slug": "small", "name": "Small", "answers": {"industry": "retail"}, "enable_proposed": true,
        "limits": {"max_modules": 0}});
    olga.post("/api/v1/tenants", &body).await.problem(409, "limit_reached");
    olga.get("/api/v1/tenants/small").await.problem(404, "not_found");
}

async fn a_tenant_has_a_rate_of_its_own(on: On) {
    let test = TestApp::start(on).await;
    let olga = test.operator().await;
    limit(&olga, json!({"requests_per_second": 1})).await;
    let first = test.ann.get("/api/v1/me").await.assert(200);
    assert_eq!(first.header("ratelimit-policy"), "\"tenant\";q=2;w=2");
    // A second later one more may be asked; 20 take less than 18 seconds on any machine.
    let mut refused = None;
    for actor in [&test.ann, &test.vic].into_iter().cycle().take(20) {
        let reply = actor.get("/api/v1/me").await;
        if reply.status == 429 {
            refused = Some(reply);
            break;
        }
    }
    let problem = refused.expect("nothing was refused").problem(429, "rate_limited");
    assert_eq!(problem["detail"], "more than 1 requests a second of one tenant");
    assert!(test.sam.get("/api/v1/me").await.assert(200).headers.get("ratelimit-policy").is_none());
    limit(&olga, json!({"requests_per_second": 10_000})).await;
    assert_eq!(test.ann.get("/api/v1/me").await.assert(200).header("ratelimit-policy"), "\"tenant\";q=20000;w=2");
}
