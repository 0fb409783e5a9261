//! Installing plugins, and enabling them.

use guildhall::app::AppError;
use serde_json::json;

use crate::support::{On, TestApp, plugin, plugin_with};

both!(
    installing_shows_what_it_adds_and_is_done_once
    what_is_no_plugin_is_refused
    a_plugin_cannot_take_what_is_anothers
    enabling_names_what_is_wrong
    a_module_whose_neighbours_are_missing_is_refused
    what_is_not_said_stays
    secret_settings_are_sealed_used_and_shown_to_nobody
);

const LOYALTY: &str = "guildhall.retail-loyalty";

async fn installing_shows_what_it_adds_and_is_done_once(on: On) {
    let TestApp { app, ann, .. } = TestApp::start(on).await;
    let first = app.install_plugin(&plugin(LOYALTY)).await.unwrap();
    assert!(first.changes.iter().any(|change| change.starts_with("+ table o_loyalty__member with")), "{first:?}");
    assert!(first.changes.contains(&"+ unique index on o_loyalty__member (contact)".to_owned()), "{first:?}");
    assert!(app.install_plugin(&plugin(LOYALTY)).await.unwrap().changes.is_empty());
    assert_eq!(ann.get("/api/v1/modules").await.assert(200).json(), json!({"data": []}));
    let module = ann.put(&format!("/api/v1/modules/{LOYALTY}"), &json!({"consent": ["*"]})).await.assert(200).json();
    assert_eq!((&module["plugin"], &module["enabled"]), (&json!(LOYALTY), &json!(true)));
    assert_eq!(ann.get("/api/v1/modules").await.json(), json!({"data": [module]}));
}

async fn what_is_no_plugin_is_refused(on: On) {
    let TestApp { app, .. } = TestApp::start(on).await;
    let good = plugin(LOYALTY);
    let mut core_module = b"\0asm\x01\0\0\0".to_vec();
    core_module.extend([0, 1, 0]);
    let truncated = &good[..good.len() / 2];
    let elf = [b"\x7fELF".as_slice(), &[0; 100]].concat();
    let strange = plugin_with(LOYALTY, |manifest| manifest["surprise"] = json!(1));
    let newer = plugin_with(LOYALTY, |manifest| manifest["api"] = json!("2.0"));
    let format = plugin_with(LOYALTY, |manifest| manifest["schema"] = json!(2));
    let id = plugin_with(LOYALTY, |manifest| manifest["id"] = json!("../../etc"));
    let blind = plugin_with(LOYALTY, |manifest| manifest["permissions"]["records"] = json!([]));
    let outside = plugin_with(LOYALTY, |manifest| manifest["objects"][0]["name"] = json!("contact"));
    let twice = plugin_with(LOYALTY, |manifest| {
        let first = manifest["permissions"]["records"][0].clone();
        manifest["permissions"]["records"].as_array_mut().unwrap().push(first);
    });
    let long =
        plugin_with(LOYALTY, |manifest| manifest["objects"][0]["name"] = json!(format!("loyalty.{}", "x".repeat(50))));
    let nowhere = plugin_with(LOYALTY, |manifest| manifest["objects"][0]["fields"][0]["type"] = json!("blob"));
    for (bytes, reason) in [
        (&[][..], "an empty file"),
        (b"hello", "not WebAssembly at all"),
        (&elf, "an ELF file"),
        (truncated, "component"),
        (&core_module, "core module"),
        (&strange, "unknown field `surprise`"),
        (&newer, "built for API 2.0"),
        (&format, "is format 2"),
        (&id, "publisher.name"),
        (&blind, "must ask to read what a hook is shown"),
        (&outside, "not in the namespace `loyalty`"),
        (&twice, "asks twice to read `order`"),
        (&long, "is longer than"),
        (&nowhere, "unknown type `blob`"),
        (&[&good[..8], &vec![0; 24 << 20]].concat(), "larger than"),
    ] {
        let error = app.install_plugin(bytes).await.unwrap_err();
        let is_other_host = reason.starts_with("built for");
        let is_right = match &error {
            AppError::InvalidPlugin(_) => !is_other_host,
            AppError::IncompatiblePlugin(_) => is_other_host,
            _ => false,
        };
        assert!(is_right && error.to_string().contains(reason), "{reason}: {error}");
    }
}

async fn a_plugin_cannot_take_what_is_anothers(on: On) {
    let TestApp { app, .. } = TestApp::start(on).await;
    app.install_plugin(&plugin(LOYALTY)).await.unwrap();
    let refused = |bytes: Vec<u8>| {
        let app = app.clone();
        async move { app.install_plugin(&bytes).await.unwrap_err().to_string() }
    };
    let namespace = refused(plugin_with(LOYALTY, |manifest| manifest["id"] = json!("evil.loyalty"))).await;
    assert!(namespace.contains("belongs to guildhall.retail-loyalty"), "{namespace}");
    let same_version = refused(plugin_with(LOYALTY, |manifest| manifest["name"] = json!("Changed"))).await;
    assert!(same_version.contains("give the new one a new version"), "{same_version}");
    let drops = refused(plugin_with(LOYALTY, |manifest| {
        manifest["version"] = json!("0.2.0");
        manifest["objects"][0]["indexes"] = json!([]);
        manifest["objects"][0]["translations"] = json!({});
        manifest["objects"][0]["fields"].as_array_mut().unwrap().pop();
    }))
    .await;
    assert!(drops.contains("would be dropped"), "{drops}");
    // What only adds is fine, and shown; other words for what is there are no change of it.
    let grown = plugin_with(LOYALTY, |manifest| {
        manifest["version"] = json!("0.2.0");
        let field = json!({"name": "nickname", "label": "Nickname", "type": "text"});
        manifest["objects"][0]["fields"].as_array_mut().unwrap().push(field);
        manifest["objects"][0]["translations"] = json!({"de": {"fields": {"nickname": {"label": "Rufname"}}}});
    });
    let changes = app.install_plugin(&grown).await.unwrap().changes;
    assert_eq!(changes.len(), 1, "{changes:?}");
    assert!(changes[0].starts_with("+ column o_loyalty__") && changes[0].contains(".nickname text"), "{changes:?}");
}

async fn a_module_whose_neighbours_are_missing_is_refused(on: On) {
    let TestApp { app, ann, .. } = TestApp::start(on).await;
    let lonely = plugin_with(LOYALTY, |manifest| {
        manifest["objects"][0]["fields"][0]["to"] = json!("elsewhere.thing");
        manifest["objects"][0]["fields"][0]["type"] = json!("link");
    });
    app.install_plugin(&lonely).await.unwrap();
    let problem =
        ann.put(&format!("/api/v1/modules/{LOYALTY}"), &json!({"consent": ["*"]})).await.problem(409, "refused");
    assert!(problem["detail"].as_str().unwrap().contains("elsewhere.thing"), "{problem}");
    let blind = plugin_with("test.hostile", |manifest| {
        manifest["hooks"]["before-write"][0]["object"] = json!("elsewhere.ghost");
        manifest["permissions"]["records"][0]["object"] = json!("elsewhere.ghost");
    });
    app.install_plugin(&blind).await.unwrap();
    let problem = ann.put("/api/v1/modules/test.hostile", &json!({"consent": ["*"]})).await.problem(409, "refused");
    assert!(problem["detail"].as_str().unwrap().contains("`elsewhere.ghost`"), "{problem}");
    // The tenant works as before.
    ann.create("contact", json!({"name": "Ann"})).await;
    assert_eq!(ann.get("/api/v1/modules").await.assert(200).json(), json!({"data": []}));
}

async fn what_is_not_said_stays(on: On) {
    let TestApp { ann, .. } = TestApp::with_plugin(on, LOYALTY).await;
    let path = format!("/api/v1/modules/{LOYALTY}");
    ann.put(&path, &json!({"consent": ["*"], "enabled": false, "config": {"points_per_unit": "2"}})).await.assert(200);
    let module = ann.put(&path, &json!({"config": {"points_per_unit": "3"}})).await.assert(200).json();
    assert_eq!((&module["enabled"], &module["config"]["points_per_unit"]), (&json!(false), &json!("3")));
    let module = ann.put(&path, &json!({"enabled": true})).await.assert(200).json();
    assert_eq!((&module["enabled"], &module["config"]["points_per_unit"]), (&json!(true), &json!("3")));
}

async fn enabling_names_what_is_wrong(on: On) {
    let TestApp { app, ann, vic, .. } = TestApp::start(on).await;
    ann.put("/api/v1/modules/no.such", &json!({"consent": ["*"]})).await.problem(404, "not_found");
    app.install_plugin(&plugin(LOYALTY)).await.unwrap();
    let path = format!("/api/v1/modules/{LOYALTY}");
    vic.put(&path, &json!({})).await.problem(403, "permission_denied");
    for (body, field) in [
        (json!({"enabled": "yes"}), "enabled"),
        (json!({"config": []}), "config"),
        (json!({"configuration": {}}), "configuration"),
        (json!({"consent": ["*"], "config": {"points_per_unit": 1.5}}), "config.points_per_unit"),
        (json!({"consent": "all"}), "consent"),
        (json!({"consent": ["records:contact:delete:*"]}), "consent"),
        (json!({"version": 2}), "version"),
        (json!({"automatic": "yes"}), "automatic"),
    ] {
        let problem = ann.put(&path, &body).await.problem(422, "validation_failed");
        assert_eq!(problem["errors"][0]["field"], field);
    }
    assert_eq!(ann.get("/api/v1/modules").await.assert(200).json(), json!({"data": []}));
}

async fn secret_settings_are_sealed_used_and_shown_to_nobody(on: On) {
    let (_directory, keys) = crate::encrypted::new_key_file();
    let TestApp { app, ann, vic, database, .. } = TestApp::with_keys(on, &keys).await;
    let secretive = plugin_with(LOYALTY, |manifest| {
        let properties = &mut manifest["config"]["schema"]["properties"];
        properties["currency"]["writeOnly"] = json!(true);
        properties["token"] = json!({"type": "string", "format": "password", "maxLength": 20});
    });
    app.install_plugin(&secretive).await.unwrap();
    let path = format!("/api/v1/modules/{LOYALTY}");
    let config = json!({"currency": "CHF", "token": "hunter-seven", "points_per_unit": "2"});
    let module = ann.put(&path, &json!({"consent": ["*"], "config": config})).await.assert(200);
    assert_eq!(module.json()["config"], json!({"points_per_unit": "2"}));
    assert_eq!(module.json()["secrets"], json!(["currency", "token"]));
    for actor in [&ann, &vic] {
        let list = actor.get("/api/v1/modules").await.assert(200);
        assert!(!list.text.contains("hunter-seven") && !list.text.contains("CHF"), "{}", list.text);
    }
    assert!(!crate::dump::holds(&database, "hunter-seven").await);
    // The module gets it: only orders in that currency earn points.
    let contact = ann.create("contact", json!({"name": "Ann"})).await;
    for currency in ["USD", "CHF"] {
        let total = json!({"amount": "10.00", "currency": currency});
        ann.create("order", json!({"contact": contact["id"], "placed_at": "2026-01-01", "total": total})).await;
    }
    assert_eq!(ann.all("loyalty.member", &[]).await[0]["points"], 20);
    // What is not sent stays, since nobody can send it back; null takes it away.
    let module = ann.put(&path, &json!({"config": {"points_per_unit": "3"}})).await.assert(200).json();
    assert_eq!(module["secrets"], json!(["currency", "token"]));
    let module = ann.put(&path, &json!({"config": {"currency": null}})).await.assert(200).json();
    assert_eq!((&module["config"], &module["secrets"]), (&json!({}), &json!(["token"])));
    let total = json!({"amount": "10.00", "currency": "USD"});
    ann.create("order", json!({"contact": contact["id"], "placed_at": "2026-01-01", "total": total})).await;
    assert_eq!(ann.all("loyalty.member", &[]).await[0]["points"], 30);
    // What is wrong with one is told without it.
    let long = "hunter-seven-hunter-seven";
    let problem = ann.put(&path, &json!({"config": {"token": long}})).await.problem(422, "validation_failed");
    assert_eq!(problem["errors"][0]["field"], "config.token");
    assert!(!problem.to_string().contains("hunter"), "{problem}");
    let trail = ann.get("/api/v1/audit?object=%23modules").await.assert(200);
    assert!(trail.text.contains("config.token") && !trail.text.contains("hunter"), "{}", trail.text);
}
