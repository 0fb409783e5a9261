//! Nothing sensitive in logs: a host at its most verbose, and everything that was said to it.

use reqwest::Method;
use serde_json::{Value as Json, json};

use crate::place::Place;
use crate::support::{Actor, On};

both!(nothing_sensitive_is_logged);

/// Values that stand in requests, good and bad.
const SAID: &[&str] = &[
    "Xanthippe-Name",
    "xanthippe@example.org",
    "+4915144332211",
    "note-of-xanthippe",
    "story-under-seal",
    "broken-json-secret",
    "wrong-type-secret",
    "unknown-option-secret",
    "filter-secret",
    "import-secret",
    "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
    "hooks-secret-path",
    "gh_wrong-key-secret",
    "query-secret",
];

async fn nothing_sensitive_is_logged(on: On) {
    let place = Place::make(on).await;
    let key = place.key().await;
    let (mut host, address, log) = place.serve_verbose().await;
    let ann = Actor::outside(&address, &key);
    let mut secrets: Vec<String> = SAID.iter().map(ToString::to_string).collect();
    secrets.push(key);
    let contact = "/api/v1/records/contact";

    let plain = json!({
        "name": "Xanthippe-Name", "email": "xanthippe@example.org", "phone": "+4915144332211", "note": "note-of-xanthippe",
    });
    if on == On::Sqlite {
        // Where there is a key of the operator, values are encrypted.
        let story = json!({"name": "x_story", "label": "Story", "type": "text", "encrypted": true});
        ann.post("/api/v1/schema/contact/fields", &story).await.assert(201);
    }
    let made = ann.with("idempotency-key", "idempotency-secret").post(contact, &plain).await.assert(201).json();
    let path = format!("{contact}/{}", made["id"].as_str().unwrap());
    if on == On::Sqlite {
        ann.patch(&path, &json!({"x_story": "story-under-seal"})).await.assert(200);
    }
    ann.get(&path).await.assert(200);
    ann.post(contact, &plain).await.assert(409);
    ann.send(Method::POST, contact, Some("{\"name\": \"broken-json-secret".to_owned())).await.assert(400);
    ann.post(contact, &json!({"name": "A", "birthday": "wrong-type-secret"})).await.assert(422);
    ann.post(contact, &json!({"name": "A", "lifecycle": "unknown-option-secret"})).await.assert(422);
    ann.get(&format!("{contact}?filter[name][_eq]=filter-secret&sort=query-secret")).await.assert(422);
    ann.get("/api/v1/search?q=query-secret").await.assert(200);
    ann.with_key("gh_wrong-key-secret").get(contact).await.assert(401);
    ann.post("/api/v1/users", &json!({"email": 7, "name": "wrong-type-secret"})).await.assert(422);
    ann.post("/api/v1/exports", &json!({"object": "contact", "format": "wrong-type-secret"})).await.assert(422);

    // Secrets that the host makes or is given.
    let new = ann.post("/api/v1/api-keys", &json!({"name": "k", "role": "viewer", "service": true})).await.assert(201);
    secrets.push(new.json()["key"].as_str().unwrap().to_owned());
    let hook = json!({
        "url": "http://127.0.0.1:9/hooks-secret-path", "secret": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
    });
    let hook = ann.post("/api/v1/webhooks", &hook).await.assert(201).json();
    let hook = format!("/api/v1/webhooks/{}", hook["id"].as_str().unwrap());
    let rotated = ann.post(&format!("{hook}/rotate"), &json!({})).await.assert(200).json();
    secrets.push(rotated["secret"].as_str().unwrap().to_owned());
    ann.create("contact", json!({"name": "Second", "email": "second@example.org"})).await;
    let page = ann.get(&format!("{contact}?limit=1")).await.assert(200).json();
    let cursor = page["next_cursor"].as_str().unwrap().to_owned();
    ann.get(&format!("{contact}?limit=1&cursor={cursor}")).await.assert(200);
    ann.get(&format!("{contact}?limit=1&cursor={cursor}x")).await.assert(422);
    secrets.push(cursor);

    // Jobs that work and jobs that fail, until each has ended.
    let rows = "name,email,birthday\nimport-secret,xanthippe@example.org,never\n";
    let import = ann.upload("object=contact&start=true", "text/csv", rows).await.assert(202).json();
    let matching = json!({"filter": {"name": {"_eq": "filter-secret"}}, "fields": {"city": "note-of-xanthippe"}});
    let change = ann.post(&format!("{contact}/change"), &matching).await.assert(202).json();
    let erase = ann.post(&format!("{path}/person/erase"), &json!({"confirm": made["id"]})).await.assert(202).json();
    for job in [&import["job"]["id"], &change["id"], &erase["id"]] {
        let job = format!("/api/v1/jobs/{}", job.as_str().unwrap());
        while !ended(&ann.get(&job).await.assert(200).json()) {
            tokio::task::yield_now().await;
        }
    }
    // And a delivery that finds nobody.
    let deliveries = format!("{hook}/deliveries");
    while !ann.get(&deliveries).await.assert(200).text.contains("\"attempts\":1") {
        tokio::task::yield_now().await;
    }
    host.kill().await.unwrap();
    let said = log.await.unwrap();
    // It did say something: each request that was refused has its line.
    assert_eq!(said.matches("a problem").count(), 9, "{said}");
    for secret in secrets {
        let line = said.lines().find(|line| line.contains(&secret));
        assert_eq!(line, None, "the log holds `{secret}`");
    }
}

fn ended(job: &Json) -> bool {
    ["done", "failed", "cancelled"].contains(&job["state"].as_str().unwrap())
}
