//! Filters: the database answers what an evaluator in memory answers.

use std::collections::BTreeSet;

use guildhall::app::ListRequest;
use guildhall::domain::clock::Timestamp;
use guildhall::domain::filter::{Around, Filter, Scope};
use guildhall::domain::moment::Moment;
use guildhall::domain::object::Object;
use guildhall::domain::record::Record;
use guildhall::domain::value::Value;
use rand::rngs::SmallRng;
use rand::{RngExt, SeedableRng};
use serde_json::{Value as Json, json};
use uuid::Uuid;

use crate::support::{On, TestApp};

both!(random_filters_agree_with_memory complements_are_exact money_compares_within_its_currency);

/// Random filters tried on each engine.
const FILTERS: u64 = 400;

/// Everything that there is, in memory.
struct World(Vec<Record>);

impl Around for World {
    fn linked(&self, object: &Object, id: Uuid) -> Option<Record> {
        self.0.iter().find(|record| record.object.name == object.name && record.id == id).cloned()
    }

    fn linking(&self, object: &Object, place: usize, id: Uuid) -> Vec<Record> {
        let links = |record: &&Record| record.object.name == object.name && record.values[place] == Value::Id(id);
        self.0.iter().filter(links).cloned().collect()
    }
}

async fn random_filters_agree_with_memory(on: On) {
    let TestApp { app, ann, .. } = TestApp::start(on).await;
    let mut random = SmallRng::seed_from_u64(7);
    let mut companies: Vec<Json> = Vec::new();
    for number in 0..6 {
        let mut company = json!({"name": (["Ab", "aB", "b", "äb", "abc", "B"][number])});
        if number > 2 {
            company["parent"] = companies[number - 3]["id"].clone();
        }
        companies.push(ann.create("company", company).await);
    }
    let mut contacts: Vec<Json> = Vec::new();
    for number in 0..8 {
        let mut contact = json!({"name": format!("N{number}"), "city": (["Bern", "Basel", "bern"][number % 3])});
        if number % 4 != 0 {
            contact["company"] = companies[number % 6]["id"].clone();
        }
        contacts.push(ann.create("contact", contact).await);
    }
    for _ in 0..60 {
        let mut order = json!({"placed_at": pick(&mut random, "placed_at"), "total": pick(&mut random, "total")});
        for field in ["quantity", "status", "note"] {
            if random.random_bool(0.7) {
                order[field] = pick(&mut random, field);
            }
        }
        if random.random_bool(0.7) {
            order["contact"] = contacts[random.random_range(0..8)]["id"].clone();
        }
        if random.random_bool(0.3) {
            order["company"] = companies[random.random_range(0..6)]["id"].clone();
        }
        ann.create("order", order).await;
    }
    // Links that lead nowhere any more.
    for (object, gone) in [("company", &companies[1]), ("contact", &contacts[2])] {
        ann.delete(&format!("/api/v1/records/{object}/{}", gone["id"].as_str().unwrap())).await.assert(204);
    }
    let caller = app.authenticate(ann.key()).await.unwrap();
    let catalog = app.catalog(caller.tenant).await.unwrap();
    let list = |object: &'static str, filter: Option<Json>| {
        let request = ListRequest { filter, limit: Some(500), ..ListRequest::default() };
        let (app, caller) = (&app, &caller);
        async move { app.list(caller, object, &request).await.unwrap().records }
    };
    let mut world = Vec::new();
    for object in ["company", "contact", "order"] {
        world.extend(list(object, None).await);
    }
    let world = World(world);
    let mut sizes = BTreeSet::new();
    for seed in 0..FILTERS {
        let object = ["order", "order", "contact", "company"][usize::try_from(seed % 4).unwrap()];
        let mut random = SmallRng::seed_from_u64(seed);
        let json = random_filter(&mut random, object, 0, 3);
        let scope = Scope {
            schema: &catalog.schema,
            object: catalog.schema.object(object).unwrap(),
            moment: Moment { at: Timestamp::from_micros(0), timezone: catalog.timezone },
            me: caller.me(),
            teams: &[],
            sees: &|_, _| true,
        };
        let filter = match Filter::parse(&scope, &json) {
            Ok(filter) => filter,
            // Chance made more links than a filter may have.
            Err(faults) => {
                assert_eq!(faults[0].code, "filter_too_large", "seed {seed}: {json}: {faults:?}");
                continue;
            }
        };
        let all = world.0.iter().filter(|record| record.object.name == object);
        let expected: Vec<_> = all.filter(|record| filter.matches(record, &world)).map(|record| record.id).collect();
        let found: Vec<_> = list(object, Some(json.clone())).await.iter().map(|record| record.id).collect();
        assert_eq!(found, expected, "seed {seed}: {object} {json}");
        sizes.insert(found.len());
    }
    // The filters told records apart: otherwise they would prove nothing.
    assert!(sizes.len() > 20, "{sizes:?}");
}

fn random_filter(random: &mut SmallRng, object: &str, depth: usize, links: usize) -> Json {
    if depth < 4 && random.random_bool(0.35) {
        let parts = |random: &mut SmallRng| -> Vec<Json> {
            (0..random.random_range(0..4)).map(|_| random_filter(random, object, depth + 1, links)).collect()
        };
        return match random.random_range(0..3) {
            0 => json!({"_and": parts(random)}),
            1 => json!({"_or": parts(random)}),
            _ => json!({"_not": random_filter(random, object, depth + 1, links)}),
        };
    }
    if links > 0 && random.random_bool(0.4) {
        let (name, to, is_one) = match object {
            "order" => [("contact", "contact", true), ("company", "company", true)][random.random_range(0..2)],
            "contact" => [("company", "company", true), ("orders", "order", false)][random.random_range(0..2)],
            _ => [
                ("parent", "company", true),
                ("subsidiaries", "company", false),
                ("contacts", "contact", false),
                ("orders", "order", false),
            ][random.random_range(0..4)],
        };
        let beyond = random_filter(random, to, depth + 1, links - 1);
        // The empty tree is no condition on a link that leads to one record.
        if is_one && beyond.as_object().unwrap().is_empty() {
            return json!({name: {"_null": false}});
        }
        return if is_one {
            json!({name: beyond})
        } else {
            json!({name: {["_some", "_none", "_every"][random.random_range(0..3)]: beyond}})
        };
    }
    let fields: &[&str] = match object {
        "order" => &["quantity", "status", "note", "placed_at", "total", "contact", "version"],
        "contact" => &["name", "city", "version", "company"],
        _ => &["name", "version", "parent"],
    };
    let field = fields[random.random_range(0..fields.len())];
    let is_text = matches!(field, "status" | "note" | "name" | "city");
    let operators = [
        "_eq",
        "_neq",
        "_lt",
        "_lte",
        "_gt",
        "_gte",
        "_in",
        "_nin",
        "_between",
        "_nbetween",
        "_null",
        "_nempty",
        "_contains",
        "_ncontains",
        "_icontains",
        "_starts_with",
        "_nstarts_with",
        "_istarts_with",
        "_ends_with",
        "_niends_with",
    ];
    let operator = operators[random.random_range(0..if is_text { operators.len() } else { 12 })];
    let value = match operator {
        "_in" | "_nin" => (0..random.random_range(0..3)).map(|_| pick(random, field)).collect(),
        "_between" | "_nbetween" => (0..2).map(|_| pick(random, field)).collect(),
        "_null" | "_nempty" => json!(random.random_bool(0.5)),
        _ if operator.contains("with") || operator.contains("contains") => {
            json!(["a", "A", "ä", "b", "N", "1", "placed", "ERN"][random.random_range(0..8)])
        }
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
        "name" => json!(["Ab", "b", "N3", "äb", "B"][usize::try_from(number).unwrap()]),
        "city" => json!(["Bern", "Basel", "bern", "C", "b"][usize::try_from(number).unwrap()]),
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
