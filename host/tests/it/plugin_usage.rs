//! What modules cost: counted by day, version and extension point, on every node.

use std::time::Duration;

use guildhall::domain::clock::{Clock, Timestamp};
use serde_json::{Value as Json, json};

use crate::support::{Actor, On, TestApp};

both!(
    calls_are_counted_by_day_version_and_point
    nodes_add_up_and_nothing_is_lost
    who_may_see_modules_sees_what_they_cost
    the_operator_sees_figures_without_tenants
);

const HOSTILE: &str = "test.hostile";
const USAGE: &str = "/api/v1/modules/test.hostile/usage";

async fn contact(actor: &Actor, note: &str) -> crate::support::Reply {
    actor.post("/api/v1/records/contact", &json!({"name": "Ann", "note": note})).await
}

async fn usage(actor: &Actor, query: &str) -> Json {
    actor.get(&format!("{USAGE}{query}")).await.assert(200).json()
}

async fn calls_are_counted_by_day_version_and_point(on: On) {
    let clock = Clock::manual(Timestamp::parse("2026-11-25T23:59:00Z").unwrap());
    let TestApp { ann, .. } = TestApp::with_plugin_at(on, HOSTILE, clock.clone()).await;
    for _ in 0..2 {
        contact(&ann, "fine").await.assert(201);
    }
    contact(&ann, "trap").await.problem(422, "plugin_trap");
    contact(&ann, "refuse").await.problem(422, "plugin_error");
    clock.advance(Duration::from_mins(2));
    contact(&ann, "tell-stored").await.problem(422, "plugin_error");
    let told = usage(&ann, "?from=2026-11-25&to=2026-11-26").await;
    let days = told["data"].as_array().unwrap();
    assert_eq!(days.len(), 2, "{told}");
    let (first, second) = (&days[0], &days[1]);
    assert_eq!((&first["day"], &second["day"]), (&json!("2026-11-25"), &json!("2026-11-26")));
    assert_eq!((&first["extension_point"], &first["version"]), (&json!("before-write"), &json!("0.1.0")));
    // Saying no is no failure.
    assert_eq!((&first["calls"], &first["failures"], &first["rows_read"]), (&json!(4), &json!(1), &json!(4)));
    // The contact that it was shown, and two that it asked for, with itself among them or not.
    let rows = second["rows_read"].as_u64().unwrap();
    assert!(rows >= 3, "{second}");
    for counted in ["cpu_us", "wall_us", "peak_memory", "bytes_read"] {
        assert!(first[counted].as_u64().unwrap() > 0, "{counted}: {first}");
    }
    assert_eq!((&told["total"]["calls"], &told["total"]["failures"]), (&json!(5), &json!(1)));
    let day = usage(&ann, "?from=2026-11-26&to=2026-11-26").await;
    assert_eq!((&day["total"]["calls"], &day["data"][0]), (&json!(1), second));
    let all = ann.get("/api/v1/usage").await.assert(200).json();
    assert_eq!(all["module_calls_30_days"], 5);
    assert!(all["module_cpu_us_30_days"].as_u64().unwrap() > 0);
}

async fn nodes_add_up_and_nothing_is_lost(on: On) {
    let test = TestApp::with_plugin(on, HOSTILE).await;
    let other = test.second_node().await;
    for actor in [&test.ann, &other, &test.ann] {
        contact(actor, "amend").await.assert(201);
    }
    test.app.keep_terms().await.unwrap();
    usage(&other, "").await;
    let told = usage(&test.ann, "").await;
    assert_eq!(told["total"]["calls"], 3, "{told}");
    assert!(told["total"]["bytes_written"].as_u64().unwrap() >= 3 * r#"{"name":"ANN"}"#.len() as u64);
    // It is written once, however often it is asked for.
    assert_eq!(usage(&test.ann, "").await["total"], told["total"]);
}

async fn who_may_see_modules_sees_what_they_cost(on: On) {
    let TestApp { ann, vic, sam, .. } = TestApp::with_plugin(on, HOSTILE).await;
    contact(&ann, "fine").await.assert(201);
    assert_eq!(usage(&vic, "").await["total"]["calls"], 1);
    sam.get(USAGE).await.problem(404, "not_found");
    sam.put("/api/v1/modules/test.hostile", &json!({"consent": ["*"]})).await.assert(200);
    assert_eq!(usage(&sam, "").await["data"], json!([]));
    for (query, field) in [("?from=yesterday", "from"), ("?to=2026-13-01", "to"), ("?from=2020-01-01", "from")] {
        let problem = ann.get(&format!("{USAGE}{query}")).await.problem(422, "validation_failed");
        assert_eq!(problem["errors"][0]["field"], field, "{query}");
    }
    ann.get(&format!("{USAGE}?since=2026-01-01")).await.problem(400, "unknown_parameter");
}

async fn the_operator_sees_figures_without_tenants(on: On) {
    let test = TestApp::with_plugin(on, HOSTILE).await;
    contact(&test.ann, "fine").await.assert(201);
    contact(&test.ann, "trap").await.problem(422, "plugin_trap");
    contact(&test.ann, "undeclared").await.problem(422, "plugin_error");
    let reply = test.operator().await.get("/metrics").await.assert(200);
    assert!(reply.header("content-type").starts_with("text/plain; version=0.0.4"));
    let labels = r#"plugin="test.hostile",version="0.1.0",extension_point="before-write""#;
    let denied = r#"plugin="test.hostile",version="0.1.0",call="get",code="permission_denied""#;
    for line in [
        format!("guildhall_plugin_calls_total{{{labels}}} 3\n"),
        format!("guildhall_plugin_failures_total{{{labels},code=\"plugin_trap\"}} 1\n"),
        format!("guildhall_plugin_sent_bytes_total{{{labels}}} 0\n"),
        format!("guildhall_plugin_denied_total{{{denied}}} 1\n"),
        "# TYPE guildhall_plugin_compilations_total counter\n".to_owned(),
        "guildhall_plugin_suspended 0\n".to_owned(),
        "guildhall_plugin_pool_taken{pool=\"call\"} 0\n".to_owned(),
        "# TYPE guildhall_plugin_cpu_seconds_total counter\n".to_owned(),
    ] {
        assert!(reply.text.contains(&line), "{line}: {}", reply.text);
    }
    let tenant = test.ann.get("/api/v1/me").await.assert(200).json()["tenant"].as_str().unwrap().to_owned();
    assert!(!reply.text.contains(&tenant) && !reply.text.contains("first"), "{}", reply.text);
    test.ann.get("/metrics").await.problem(403, "permission_denied");
    test.anon.get("/metrics").await.problem(401, "unauthenticated");
}
