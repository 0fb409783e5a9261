//! The example plugins: each does its job for a tenant that switches it on, and refuses what it should.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use guildhall::domain::clock::{Clock, Timestamp};
use serde_json::{Value as Json, json};

use crate::support::{Actor, On, TestApp, plugin, settings};
use crate::workshop::enable;

both!(
    deals_have_a_score_that_follows_them
    deals_are_drawn_by_stage
    vat_numbers_are_checked_before_they_are_stored
    each_night_the_days_of_the_tenant_are_added_up
);

const SCORING: &str = "acme.deal-scoring";
const CHART: &str = "acme.deal-chart";
const VAT: &str = "acme.vat-number";
const REPORT: &str = "acme.nightly-report";

fn path(object: &str, record: &Json) -> String {
    format!("/api/v1/records/{object}/{}", record["id"].as_str().unwrap())
}

fn euros(amount: &str) -> Json {
    json!({"amount": amount, "currency": "EUR"})
}

/// The plugins in Rust below a folder that have scenarios.
fn with_scenarios(home: &str) -> Vec<PathBuf> {
    let home = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(home);
    let folders = home.read_dir().unwrap().map(|entry| entry.unwrap().path().canonicalize().unwrap());
    folders.filter(|folder| folder.join("scenarios").exists()).collect()
}

#[test]
fn every_scenario_of_every_example_comes_out_as_expected() {
    let folders = with_scenarios("examples/plugins");
    assert_eq!(folders.len(), 5);
    come_out(&folders, &[]);
}

/// What modules require is there with its objects.
#[test]
fn every_scenario_of_every_module_comes_out_as_expected() {
    let folders = with_scenarios("plugins");
    assert_eq!(folders.len(), 5);
    let built = PathBuf::from(std::env::var_os("GUILDHALL_PLUGINS_DIR").unwrap());
    for folder in folders {
        let required: &[&str] = match folder.file_name().unwrap().to_str().unwrap() {
            "sales-desk" | "b2b-projects" => &["guildhall.sales"],
            "b2b-desk" => &["guildhall.sales", "guildhall.b2b-projects"],
            _ => &[],
        };
        let others: Vec<PathBuf> = required.iter().map(|id| built.join(format!("{id}.wasm"))).collect();
        come_out(&[folder], &others);
    }
}

fn come_out(folders: &[PathBuf], others: &[PathBuf]) {
    for folder in folders {
        let mut command = Command::new(env!("CARGO_BIN_EXE_guildhall"));
        command.args(["plugin", "test", "--json"]).current_dir(folder).env("CARGO_NET_OFFLINE", "true");
        command.args(others.iter().flat_map(|other| ["--with".as_ref(), other.as_os_str()]));
        let done = command.output().unwrap();
        let report: Json = serde_json::from_slice(&done.stdout)
            .unwrap_or_else(|_| panic!("{}: {}", folder.display(), String::from_utf8_lossy(&done.stderr)));
        assert!(done.status.success() && report["passed"] == true, "{}: {report}", folder.display());
        // Each extension point of an example has a scenario.
        let covered = report["coverage"].as_object().unwrap();
        assert!(!covered.is_empty() && covered.values().all(|count| *count != 0), "{}: {report}", folder.display());
    }
}

async fn deals_have_a_score_that_follows_them(on: On) {
    let TestApp { ann, sam, .. } = TestApp::with_plugin(on, SCORING).await;
    let company = ann.create("company", json!({"name": "Acme"})).await;
    let deal = ann.create("deal_scoring.deal", json!({"name": "Roof", "amount": euros("100000.00")})).await;
    assert_eq!((&deal["stage"], &deal["score"]), (&json!("lead"), &json!(0)));
    let path = path("deal_scoring.deal", &deal);
    for (change, score) in [
        (json!({"company": company["id"]}), 5),
        (json!({"stage": "proposal"}), 40),
        (json!({"amount": euros("99999.99")}), 55),
        (json!({"amount": null, "company": null}), 45),
        (json!({"stage": "won"}), 100),
        (json!({"stage": "lost", "company": company["id"]}), 0),
    ] {
        assert_eq!(ann.patch(&path, &change).await.assert(200).json()["score"], score, "{change}");
    }
    // Nobody sets it, and a stage that is none is refused as in any field.
    for fields in [json!({"name": "Roof", "score": 100}), json!({"name": "Roof", "stage": "dreamt"})] {
        ann.post("/api/v1/records/deal_scoring.deal", &fields).await.problem(422, "validation_failed");
    }
    let module = format!("/api/v1/modules/{SCORING}");
    for wrong in [json!({"stages": {"lead": "many"}}), json!({"large_from": "-1"}), json!({"no_such_setting": 1})] {
        ann.put(&module, &json!({"config": wrong})).await.problem(422, "validation_failed");
    }
    ann.put(&module, &json!({"config": {"stages": {"lead": 30}, "company": 0}})).await.assert(200);
    assert_eq!(ann.patch(&path, &json!({"stage": "lead"})).await.assert(200).json()["score"], 30);
    sam.get("/api/v1/records/deal_scoring.deal").await.problem(404, "unknown_object");
}

async fn deals_are_drawn_by_stage(on: On) {
    let test = TestApp::start(on).await;
    let TestApp { ann, vic, sam, .. } = &test;
    for id in [SCORING, CHART] {
        test.app.install_plugin(&plugin(id)).await.unwrap();
    }
    // It stands on the other one.
    ann.put(&format!("/api/v1/modules/{CHART}"), &json!({"consent": ["*"]})).await.problem(409, "refused");
    for id in [SCORING, CHART] {
        enable(ann, id, &json!({})).await;
    }
    let company = ann.create("company", json!({"name": "Acme"})).await;
    for (stage, amount, company) in [
        ("lead", euros("1000.50"), json!(null)),
        ("lead", json!({"amount": "99.00", "currency": "USD"}), json!(null)),
        ("lead", json!(null), company["id"].clone()),
        ("won", euros("20000.00"), company["id"].clone()),
    ] {
        ann.create("deal_scoring.deal", json!({"name": "D", "stage": stage, "amount": amount, "company": company}))
            .await;
    }
    let page = format!("/api/v1/modules/{CHART}/views/pipeline");
    let drawn = async |path: &str| {
        let view = vic.get(path).await.assert(200).json();
        let chart = |at: usize| -> Vec<(String, Vec<f64>)> {
            let series = view["children"][at]["series"].as_array().unwrap();
            let values =
                |one: &Json| one["data"].as_array().unwrap().iter().map(|v| v["value"].as_f64().unwrap()).collect();
            series.iter().map(|one| (one["name"].as_str().unwrap().to_owned(), values(one))).collect()
        };
        (view["children"][0]["value"].clone(), chart(1), chart(2))
    };
    let series = |name: &str, values: [f64; 6]| (name.to_owned(), values.to_vec());
    let (open, counts, amounts) = drawn(&page).await;
    assert_eq!((open, counts), (json!(3), vec![series("Deals", [3.0, 0.0, 0.0, 0.0, 1.0, 0.0])]));
    let expected =
        [series("EUR", [1000.5, 0.0, 0.0, 0.0, 20_000.0, 0.0]), series("USD", [99.0, 0.0, 0.0, 0.0, 0.0, 0.0])];
    assert_eq!(amounts, expected);
    let (open, counts, amounts) = drawn(&format!("{page}?company={}", company["id"].as_str().unwrap())).await;
    assert_eq!((open, counts), (json!(1), vec![series("Deals", [1.0, 0.0, 0.0, 0.0, 1.0, 0.0])]));
    assert_eq!(amounts, [series("EUR", [0.0, 0.0, 0.0, 0.0, 20_000.0, 0.0])]);
    let problem = ann.get(&format!("{page}?company=nobody")).await.problem(422, "plugin_error");
    assert_eq!(problem["plugin_code"], "validation_failed", "{problem}");
    sam.get(&page).await.problem(404, "not_found");
}

async fn vat_numbers_are_checked_before_they_are_stored(on: On) {
    let TestApp { ann, .. } = TestApp::with_plugin(on, VAT).await;
    let company = ann.create("company", json!({"name": "Acme"})).await;
    let with = |number: &str| json!({"company": company["id"], "number": number});
    let records = "/api/v1/records/vat.registration";
    for (written, kept) in [
        ("DE136695976", "DE136695976"),
        ("atu 1358.5627", "ATU13585627"),
        ("nl004495445b01", "NL004495445B01"),
        ("NL123456789B13", "NL123456789B13"),
        ("FR-40-303-265-045", "FR40303265045"),
        ("FRK7399859412", "FRK7399859412"),
        ("IT 00743110157", "IT00743110157"),
        ("BE 428.759.497", "BE0428759497"),
    ] {
        assert_eq!(ann.create("vat.registration", with(written)).await["number"], kept);
    }
    let known = ann.all("vat.registration", &[("filter[number][_eq]", "DE136695976")]).await.remove(0);
    for (number, reason) in [
        ("DE136695977", "check_digit"),
        ("ATU13585628", "check_digit"),
        ("NL004495446B01", "check_digit"),
        ("FR41303265045", "check_digit"),
        ("IT00743110158", "check_digit"),
        ("BE0428759498", "check_digit"),
        ("DE13669597", "form"),
        ("PL8567346215", "unknown_country"),
        ("12345", "unknown_country"),
    ] {
        let problems = [
            ann.post(records, &with(number)).await.problem(422, "plugin_error"),
            ann.patch(&path("vat.registration", &known), &json!({"number": number})).await.problem(422, "plugin_error"),
        ];
        for problem in problems {
            assert_eq!((&problem["plugin"], &problem["plugin_code"]), (&json!(VAT), &json!("validation_failed")));
            assert_eq!(problem["plugin_details"], json!({"field": "number", "reason": reason}), "{number}");
            assert!(problem["detail"].as_str().unwrap().contains(number), "{problem}");
        }
    }
    assert_eq!(ann.all("vat.registration", &[]).await.len(), 8);
    // The same number is the same in whatever form; a number without a company is nobody's.
    ann.post(records, &with("de 136 695 976")).await.problem(409, "duplicate");
    ann.post(records, &json!({"number": "DE129273398"})).await.problem(422, "validation_failed");
    // Other countries may pass when the tenant says so, and stay when it does not any more.
    let module = format!("/api/v1/modules/{VAT}");
    ann.put(&module, &json!({"config": {"unknown": "perhaps"}})).await.problem(422, "validation_failed");
    ann.put(&module, &json!({"config": {"unknown": "accept"}})).await.assert(200);
    let polish = ann.create("vat.registration", with("PL8567346215")).await;
    ann.post(records, &with("DE136695977")).await.problem(422, "plugin_error");
    ann.put(&module, &json!({"config": {"unknown": "refuse"}})).await.assert(200);
    let other = ann.create("company", json!({"name": "Other"})).await;
    ann.patch(&path("vat.registration", &polish), &json!({"company": other["id"]})).await.assert(200);
}

/// Days with their currency, orders and total, the first one first.
async fn days(actor: &Actor) -> Vec<Json> {
    let days = actor.all("report.day", &[("sort", "date,currency")]).await;
    days.iter().map(|day| json!([day["date"], day["currency"], day["orders"], day["total"]["amount"]])).collect()
}

async fn each_night_the_days_of_the_tenant_are_added_up(on: On) {
    // In Auckland, 13 hours ahead, it is the 27th, 11 o'clock at night.
    let clock = Clock::manual(Timestamp::parse("2026-11-27T10:00:00Z").unwrap());
    let test = TestApp::start_with(on, clock.clone(), settings()).await;
    test.app.install_plugin(&plugin(REPORT)).await.unwrap();
    let key = test.app.create_tenant_in("south", "South", "Pacific/Auckland").await.unwrap().api_key;
    let kiri = test.ann.with_key(&key);
    enable(&kiri, REPORT, &json!({"config": {"days": 3}})).await;
    let tick = async |minutes: u64| {
        clock.advance(Duration::from_mins(minutes));
        test.app.queue_due_tasks().await.unwrap();
        test.app.run_due_jobs().await.unwrap();
        days(&kiri).await
    };
    let order = async |at: &str, total: Json, status: &str| {
        kiri.create("order", json!({"placed_at": at, "total": total, "status": status})).await
    };
    // The first second of the 27th there, and the last one; both sides of midnight in UTC are the same day.
    order("2026-11-26T11:00:00Z", euros("10.10"), "placed").await;
    let last = order("2026-11-27T10:59:59Z", euros("0.05"), "paid").await;
    order("2026-11-27T09:00:00Z", json!({"amount": "7.00", "currency": "NZD"}), "fulfilled").await;
    let early = order("2026-11-26T10:59:59Z", euros("3.00"), "placed").await;
    // Not counted: too long ago, no orders yet or any more, and the day that is not over.
    order("2026-11-24T10:59:59Z", euros("100.00"), "placed").await;
    order("2026-11-27T09:00:00Z", euros("100.00"), "draft").await;
    order("2026-11-27T09:00:00Z", euros("100.00"), "cancelled").await;
    order("2026-11-27T11:00:00Z", euros("4.00"), "placed").await;
    assert!(tick(74).await.is_empty());
    let expected = [
        json!(["2026-11-26", "EUR", 1, "3.00"]),
        json!(["2026-11-27", "EUR", 2, "10.15"]),
        json!(["2026-11-27", "NZD", 1, "7.00"]),
    ];
    assert_eq!(tick(1).await, expected);
    // The next night adds the day between, and follows what has changed since.
    kiri.patch(&path("order", &early), &json!({"status": "cancelled"})).await.assert(200);
    kiri.patch(&path("order", &last), &json!({"total": euros("1.00")})).await.assert(200);
    let expected = [
        json!(["2026-11-26", "EUR", 0, "0.00"]),
        json!(["2026-11-27", "EUR", 2, "11.10"]),
        json!(["2026-11-27", "NZD", 1, "7.00"]),
        json!(["2026-11-28", "EUR", 1, "4.00"]),
    ];
    assert_eq!(tick(24 * 60).await, expected);
    // Only the module writes it, and its settings have bounds.
    let day = kiri.all("report.day", &[]).await.remove(0);
    kiri.patch(&path("report.day", &day), &json!({"orders": 9})).await.problem(403, "permission_denied");
    let wrong = kiri.put(&format!("/api/v1/modules/{REPORT}"), &json!({"config": {"days": 0}})).await;
    wrong.problem(422, "validation_failed");
    test.sam.get("/api/v1/records/report.day").await.problem(404, "unknown_object");
}
