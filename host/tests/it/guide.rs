//! The guide: questions, what answers speak for, and switching on what an admin chooses.

use serde_json::{Value as Json, json};

use crate::loyalty::order;
use crate::permissions::user;
use crate::support::{On, TestApp, plugin};

both!(
    the_guide_proposes_and_the_admin_decides
    an_industry_is_a_preset
    what_cannot_be_accepted
);

const LOYALTY: &str = "guildhall.retail-loyalty";
const PROPOSAL: &str = "/api/v1/guide/proposal";
const ACCEPT: &str = "/api/v1/guide/accept";

fn proposed<'a>(proposal: &'a Json, id: &str) -> Option<&'a Json> {
    proposal["modules"].as_array().unwrap().iter().find(|one| one["plugin"] == id)
}

async fn the_guide_proposes_and_the_admin_decides(on: On) {
    let test = TestApp::start(on).await;
    test.app.install_plugin(&plugin(LOYALTY)).await.unwrap();
    let guide = test.vic.get("/api/v1/guide").await.assert(200).json();
    let questions = guide["data"].as_array().unwrap();
    let names: Vec<&Json> = questions.iter().map(|question| &question["name"]).collect();
    assert_eq!(names, ["industry", "company_size", "stage", "goal"]);
    let zh = questions[0]["options"][2]["label"]["zh"].as_str().unwrap();
    assert!(zh == "零售业" && questions[0]["options"][2].get("modules").is_none(), "{guide}");

    let answers =
        json!({"answers": {"industry": "hotels", "company_size": "small", "stage": "mature", "goal": "brand"}});
    let proposal = test.vic.post(PROPOSAL, &answers).await.assert(200).json();
    let loyalty = proposed(&proposal, LOYALTY).unwrap();
    assert_eq!((&loyalty["installed"], &loyalty["enabled"]), (&json!(true), &json!(false)), "{loyalty}");
    assert_eq!(loyalty["reasons"][0]["question"], "industry");
    assert!(!loyalty["reasons"][0]["text"]["en"].as_str().unwrap().is_empty());
    let service = proposed(&proposal, "guildhall.service").unwrap();
    assert_eq!((&service["installed"], service["reasons"].as_array().unwrap().len()), (&json!(false), 2), "{service}");
    assert!(proposed(&proposal, "guildhall.social-listening").is_some(), "{proposal}");
    // With efficiency instead of the brand, nothing social is left.
    let answers =
        json!({"answers": {"industry": "hotels", "company_size": "small", "stage": "mature", "goal": "efficiency"}});
    let other = test.vic.post(PROPOSAL, &answers).await.assert(200).json();
    assert!(proposed(&other, "guildhall.social-listening").is_none(), "{other}");
    assert_eq!(test.ann.get("/api/v1/modules").await.assert(200).json()["data"], json!([]));

    let once = test.ann.with("idempotency-key", "a1");
    let chosen = json!({"modules": [LOYALTY], "consent": true});
    let accepted = once.post(ACCEPT, &chosen).await.assert(200);
    assert_eq!(accepted.json()["data"][0]["enabled"], true);
    assert_eq!(once.post(ACCEPT, &chosen).await.assert(200).text, accepted.text);
    let guest = test.ann.create("contact", json!({"name": "Guest"})).await;
    order(&test.ann, &guest, "10.00").await;
    assert_eq!(test.ann.all("loyalty.member", &[]).await.len(), 1);
    let trail = test.ann.get("/api/v1/audit").await.assert(200).json();
    let entries: Vec<&Json> =
        trail["data"].as_array().unwrap().iter().filter(|one| one["object"] == "#modules").collect();
    assert_eq!((entries.len(), &entries[0]["fields"]), (1, &json!([LOYALTY])), "{trail}");
    let proposal = test.vic.post(PROPOSAL, &answers).await.assert(200).json();
    assert_eq!(proposed(&proposal, LOYALTY).unwrap()["enabled"], true);
    // Another tenant has nothing of it.
    assert_eq!(test.sam.get("/api/v1/modules").await.assert(200).json()["data"], json!([]));
}

async fn an_industry_is_a_preset(on: On) {
    let test = TestApp::start(on).await;
    let olga = test.operator().await;
    test.app.install_plugin(&plugin(LOYALTY)).await.unwrap();
    let body = json!({"slug": "shop", "name": "Shop", "answers": {"industry": "retail"}, "enable_proposed": true});
    let made = olga.post("/api/v1/tenants", &body).await.assert(201).json();
    assert_eq!(made["enabled"], json!([LOYALTY]), "{made}");
    assert!(proposed(&made["proposal"], "guildhall.marketing").is_some_and(|one| one["installed"] == false), "{made}");
    let shop = test.anon.with_key(made["api_key"].as_str().unwrap());
    let buyer = shop.create("contact", json!({"name": "Buyer"})).await;
    order(&shop, &buyer, "10.00").await;
    assert_eq!(shop.all("loyalty.member", &[]).await.len(), 1);
    // What was chosen can be changed at once.
    shop.put(&format!("/api/v1/modules/{LOYALTY}"), &json!({"enabled": false})).await.assert(200);
    let second = shop.create("contact", json!({"name": "Second"})).await;
    order(&shop, &second, "10.00").await;
    assert_eq!(shop.all("loyalty.member", &[]).await.len(), 1);
}

async fn what_cannot_be_accepted(on: On) {
    let test = TestApp::start(on).await;
    test.app.install_plugin(&plugin(LOYALTY)).await.unwrap();
    let sally = user(&test.ann, "sally", json!(["sales"])).await;
    for bad in [
        json!({"modules": []}),
        json!({"modules": [LOYALTY, "guildhall.service"]}),
        json!({"modules": ["../../etc/passwd"]}),
        json!({"modules": [LOYALTY], "tenant": "second"}),
        json!({}),
    ] {
        test.ann.post(ACCEPT, &bad).await.problem(422, "validation_failed");
    }
    for bad in
        [json!({"answers": {"goal": "moon"}}), json!({"answers": {"moon": "x"}}), json!({"answers": 7}), json!({})]
    {
        test.ann.post(PROPOSAL, &bad).await.problem(422, "validation_failed");
    }
    for actor in [&test.vic, &sally.at] {
        actor.post(ACCEPT, &json!({"modules": [LOYALTY]})).await.problem(403, "permission_denied");
    }
    sally.at.post(PROPOSAL, &json!({"answers": {}})).await.problem(403, "permission_denied");
    assert_eq!(test.ann.get("/api/v1/modules").await.assert(200).json()["data"], json!([]));
}
