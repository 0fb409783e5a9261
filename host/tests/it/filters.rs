//! Filters: the database answers what an evaluator in memory answers.

use std::collections::BTreeSet;

use guildhall::app::ListRequest;
use guildhall::domain::filter::Filter;
use rand::rngs::SmallRng;
use rand::{RngExt, SeedableRng};
use serde_json::{Value as Json, json};

use crate::support::{On, TestApp};

both!(random_filters_agree_with_memory complements_are_exact money_compares_within_its_currency);

/// Random filters tried on each engine.
const FILTERS: u64 = 400;

async fn random_filters_agree_with_memory(on: On) {
    let TestApp { app, ann, .. } = TestApp::start(on).await;
    let mut random = SmallRng::seed_from_u64(7);
    let contact = ann.create("contact", json!({"name": "Ann"})).await;
    for _ in 0..60 {
        let mut order = json!({"placed_at": pick(&mut random, "placed_at"), "total": pick(&mut random, "total")});
        for field in ["quantity", "status", "note"] {
            if random.random_bool(0.7) {
                order[field] = pick(&mut random, field);
            }
        }
        if random.random_bool(0.5) {
            order["contact"] = contact["id"].clone();
        }
        ann.create("order", order).await;
    }
    let caller = app.authenticate(ann.key()).await.unwrap();
    let list = |filter: Option<Json>| {
        let request = ListRequest { filter, limit: Some(500), ..ListRequest::default() };
        let (app, caller) = (&app, &caller);
        async move { app.list(caller, "order", &request).await.unwrap().records }
    };
    let all = list(None).await;
    assert_eq!(all.len(), 60);
    let mut sizes = BTreeSet::new();
    for seed in 0..FILTERS {
        let mut random = SmallRng::seed_from_u64(seed);
        let json = random_filter(&mut random, 0);
        let filter = Filter::parse(&all[0].object, &json).unwrap();
        let expected: Vec<_> = all.iter().filter(|record| filter.matches(record)).map(|record| record.id).collect();
        let found: Vec<_> = list(Some(json.clone())).await.iter().map(|record| record.id).collect();
        assert_eq!(found, expected, "seed {seed}: {json}");
        sizes.insert(found.len());
    }
    // The filters told records apart: otherwise they would prove nothing.
    assert!(sizes.len() > 20, "{sizes:?}");
}

fn random_filter(random: &mut SmallRng, depth: usize) -> Json {
    if depth < 4 && random.random_bool(0.4) {
        let parts = |random: &mut SmallRng| -> Vec<Json> {
            (0..random.random_range(0..4)).map(|_| random_filter(random, depth + 1)).collect()
        };
        return match random.random_range(0..3) {
            0 => json!({"_and": parts(random)}),
            1 => json!({"_or": parts(random)}),
            _ => json!({"_not": random_filter(random, depth + 1)}),
        };
    }
    let field = ["quantity", "status", "note", "placed_at", "total", "contact", "version"][random.random_range(0..7)];
    let operator = ["_eq", "_neq", "_lt", "_lte", "_gt", "_gte", "_in", "_nin", "_null"][random.random_range(0..9)];
    let value = match operator {
        "_in" | "_nin" => (0..random.random_range(0..3)).map(|_| pick(random, field)).collect(),
        "_null" => json!(random.random_bool(0.5)),
        _ => pick(random, field),
    };
    json!({field: {operator: value}})
}

fn pick(random: &mut SmallRng, field: &str) -> Json {
    let number = random.random_range(0..5);
    match field {
        "quantity" | "version" => json!(number - 1),
        "status" => json!(["draft", "placed", "paid", "fulfilled", "cancelled"][usize::try_from(number).unwrap()]),
        "note" => json!(["a", "B", "ä", "Z", "aa"][usize::try_from(number).unwrap()]),
        "placed_at" => json!(format!("2026-01-0{}T00:00:00.00000{number}Z", number + 1)),
        "total" => {
            let currency = if random.random_bool(0.5) { "EUR" } else { "USD" };
            json!({"amount": format!("{number}.50"), "currency": currency})
        }
        _ => json!("01a20031-9c4a-7239-8605-04c662a595e1"),
    }
}

async fn complements_are_exact(on: On) {
    let TestApp { ann, .. } = TestApp::start(on).await;
    for city in [json!("Bern"), json!("Basel"), json!(null)] {
        ann.create("contact", json!({"name": "x", "city": city})).await;
    }
    for filter in [
        json!({"city": {"_eq": "Bern"}}),
        json!({"city": {"_in": ["Bern", "Basel"]}}),
        json!({"city": {"_in": []}}),
        json!({"city": {"_lt": "Bern"}}),
        json!({"city": {"_null": true}}),
        json!({"_or": []}),
        json!({"_and": []}),
        json!({}),
        json!({"_and": [{"city": {"_gte": "Basel"}}, {"_not": {"city": {"_eq": "Bern"}}}]}),
    ] {
        let count = |filter: Json| {
            let ann = &ann;
            async move { ann.all("contact", &[("filter", filter.to_string().as_str())]).await.len() }
        };
        assert_eq!(count(filter.clone()).await + count(json!({"_not": filter})).await, 3, "{filter}");
    }
    assert!(ann.all("contact", &[("filter", r#"{"city":{"_in":[]}}"#)]).await.is_empty());
}

async fn money_compares_within_its_currency(on: On) {
    let TestApp { ann, .. } = TestApp::start(on).await;
    for (amount, currency) in [("5.00", "EUR"), ("7.00", "EUR"), ("500", "JPY"), ("6.00", "USD")] {
        let total = json!({"amount": amount, "currency": currency});
        ann.create("order", json!({"placed_at": "2026-01-01", "total": total})).await;
    }
    let filter = json!({"total": {"_gte": {"amount": "5.50", "currency": "EUR"}}}).to_string();
    let found = ann.all("order", &[("filter", filter.as_str())]).await;
    assert_eq!(found.len(), 1);
    assert_eq!(found[0]["total"]["amount"], "7.00");
}
