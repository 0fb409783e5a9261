//! Plans: limits of all tenants that are sold as the same, behind what is said of one of them.

use serde_json::{Value as Json, json};

use crate::support::{Actor, On, Reply, TestApp};

both!(
    a_plan_is_the_limits_of_its_tenants
    what_is_said_of_a_tenant_goes_before_its_plan
    plans_are_the_operators
);

const SMALL: &str = "/api/v1/plans/small";

/// A host whose first tenant is sold as small, and its operator.
async fn start(on: On) -> (TestApp, Actor) {
    let test = TestApp::with_plugin(on, "test.hostile").await;
    test.sam.put("/api/v1/modules/test.hostile", &json!({"consent": ["*"]})).await.assert(200);
    let olga = test.operator().await;
    olga.patch("/api/v1/tenants/first", &json!({"plan": "small"})).await.assert(200);
    (test, olga)
}

async fn contact(actor: &Actor) -> Reply {
    actor.post("/api/v1/records/contact", &json!({"name": "Ann"})).await
}

async fn limits(actor: &Actor) -> Json {
    actor.get("/api/v1/usage").await.assert(200).json()["limits"].clone()
}

async fn a_plan_is_the_limits_of_its_tenants(on: On) {
    let (test, olga) = start(on).await;
    // Nobody has said what that name means.
    assert_eq!(limits(&test.ann).await, json!({}));
    contact(&test.ann).await.assert(201);
    let said = json!({"max_users": 0, "max_modules": 1, "plugins": {"memory_mb": 1}});
    let plan = olga.put(SMALL, &said).await.assert(200).json();
    assert_eq!((&plan["name"], &plan["limits"]), (&json!("small"), &said));
    assert_eq!(limits(&test.ann).await, said);
    contact(&test.ann).await.problem(422, "memory_limit");
    let user = json!({"email": "u@example.com", "name": "U"});
    let problem = test.ann.post("/api/v1/users", &user).await.problem(409, "limit_reached");
    assert_eq!((&problem["limit"], &problem["most"]), (&json!("max_users"), &json!(0)));
    // Another one's tenant is not.
    contact(&test.sam).await.assert(201);
    test.sam.post("/api/v1/users", &user).await.assert(201);
    // A tenant that is made with it, too: one module is not there for two.
    let body = json!({"slug": "third", "name": "Third", "plan": "small"});
    let third = olga.post("/api/v1/tenants", &body).await.assert(201).json();
    let ned = test.ann.with_key(third["api_key"].as_str().unwrap());
    assert_eq!(limits(&ned).await, said);
    // It goes on with the host's when the plan is gone.
    olga.delete(SMALL).await.assert(204);
    assert_eq!(limits(&test.ann).await, json!({}));
    contact(&test.ann).await.assert(201);
    assert_eq!(test.ann.get("/api/v1/usage").await.json()["plan"], "small");
}

async fn what_is_said_of_a_tenant_goes_before_its_plan(on: On) {
    let (test, olga) = start(on).await;
    olga.put(SMALL, &json!({"max_users": 0, "max_modules": 0, "plugins": {"memory_mb": 1, "at_once": 2}}))
        .await
        .assert(200);
    let own = json!({"limits": {"max_users": 5, "plugins": {"memory_mb": 32}}});
    olga.patch("/api/v1/tenants/first", &own).await.assert(200);
    let both = json!({"max_users": 5, "max_modules": 0, "plugins": {"memory_mb": 32, "at_once": 2}});
    assert_eq!(limits(&test.ann).await, both);
    contact(&test.ann).await.assert(201);
    test.ann.post("/api/v1/users", &json!({"email": "u@example.com", "name": "U"})).await.assert(201);
    // The operator sees what is the tenant's own, and what it comes to.
    let own = olga.get("/api/v1/tenants/first").await.assert(200).json();
    assert_eq!(own["limits"], json!({"max_users": 5, "plugins": {"memory_mb": 32}}));
    assert_eq!(olga.get("/api/v1/tenants/first/usage").await.assert(200).json()["limits"], both);
    // Another plan, other limits.
    olga.put("/api/v1/plans/large", &json!({"max_modules": 9})).await.assert(200);
    olga.patch("/api/v1/tenants/first", &json!({"plan": "large"})).await.assert(200);
    let now = json!({"max_users": 5, "max_modules": 9, "plugins": {"memory_mb": 32}});
    assert_eq!(limits(&test.ann).await, now);
}

async fn plans_are_the_operators(on: On) {
    let (test, olga) = start(on).await;
    let (denied, nobody) = ((403, "permission_denied"), (401, "unauthenticated"));
    for (actor, (status, code)) in [(&test.ann, denied), (&test.vic, denied), (&test.sam, denied), (&test.anon, nobody)]
    {
        for reply in [
            actor.get("/api/v1/plans").await,
            actor.put(SMALL, &json!({"max_users": 1_000})).await,
            actor.delete(SMALL).await,
        ] {
            reply.problem(status, code);
        }
    }
    assert_eq!(olga.get("/api/v1/plans").await.assert(200).json()["data"], json!([]));
    for bad in [
        json!({"max_users": -1}),
        json!({"max_users": "5"}),
        json!({"requests_per_second": 0}),
        json!({"plugins": {"hook_cpu_ms": 0}}),
        json!({"surprise": 1}),
    ] {
        olga.put(SMALL, &bad).await.problem(422, "validation_failed");
    }
    let long = format!("/api/v1/plans/{}", "x".repeat(101));
    olga.put(&long, &json!({})).await.problem(422, "validation_failed");
    olga.delete(SMALL).await.problem(404, "not_found");
    for name in ["small", "a%20b", "large"] {
        olga.put(&format!("/api/v1/plans/{name}"), &json!({"max_users": 3})).await.assert(200);
    }
    olga.put(SMALL, &json!({"max_users": 4})).await.assert(200);
    let plans = olga.get("/api/v1/plans").await.assert(200).json()["data"].clone();
    let all: Vec<(&str, &Json)> = plans
        .as_array()
        .unwrap()
        .iter()
        .map(|plan| (plan["name"].as_str().unwrap(), &plan["limits"]["max_users"]))
        .collect();
    assert_eq!(all, [("a b", &json!(3)), ("large", &json!(3)), ("small", &json!(4))]);
}
