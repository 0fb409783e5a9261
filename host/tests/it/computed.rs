//! Computed fields: formulas and roll-ups, right at every commit.

use serde_json::{Value as Json, json};

use crate::jobs::node;
use crate::support::{Actor, On, TestApp};

both!(
    a_formula_follows_its_fields
    a_formula_of_money_is_exact
    a_roll_up_follows_the_records_that_link
    a_roll_up_is_right_under_concurrent_writers
    a_roll_up_of_a_roll_up
    records_that_are_there_are_computed
    circles_are_refused
    what_cannot_be_gathered_is_refused
);

async fn add(actor: &Actor, object: &str, field: Json) {
    actor.post(&format!("/api/v1/schema/{object}/fields"), &field).await.assert(201);
}

fn formula(name: &str, returns: &str, expression: &str) -> Json {
    json!({"name": name, "label": name, "type": "formula", "returns": returns, "expression": expression, "scale": 2, "precision": 12})
}

fn roll_up(name: &str, returns: &str, rollup: &Json) -> Json {
    json!({"name": name, "label": name, "type": "rollup", "returns": returns, "rollup": rollup, "scale": 2, "precision": 12})
}

fn path(record: &Json, object: &str) -> String {
    format!("/api/v1/records/{object}/{}", record["id"].as_str().unwrap())
}

fn euros(amount: &str) -> Json {
    json!({"amount": amount, "currency": "EUR"})
}

async fn a_formula_follows_its_fields(on: On) {
    let TestApp { ann, .. } = TestApp::start(on).await;
    add(&ann, "contact", formula("x_greeting", "text", "'Dear ' + name + (city == null ? '' : ' of ' + city)")).await;
    add(&ann, "contact", formula("x_length", "integer", "size(x_greeting)")).await;
    let made = ann.create("contact", json!({"name": "Ann"})).await;
    assert_eq!((&made["x_greeting"], &made["x_length"]), (&json!("Dear Ann"), &json!(8)));
    let path = path(&made, "contact");
    let changed = ann.patch(&path, &json!({"city": "Bern"})).await.assert(200).json();
    assert_eq!((&changed["x_greeting"], &changed["x_length"]), (&json!("Dear Ann of Bern"), &json!(16)));
    assert_eq!(ann.get(&path).await.json(), changed);
    let filter = r#"{"x_length":{"_gt":8}}"#;
    assert_eq!(ann.all("contact", &[("filter", filter)]).await, [changed]);
    let problem = ann.patch(&path, &json!({"x_length": 1})).await.problem(422, "validation_failed");
    assert_eq!(problem["errors"][0]["code"], "read_only");
}

async fn a_formula_of_money_is_exact(on: On) {
    let TestApp { ann, .. } = TestApp::start(on).await;
    let order = ann.create("order", json!({"placed_at": "2026-01-01", "total": euros("1.00")})).await;
    let line = json!({"order": order["id"], "quantity": "3", "unit_price": euros("19.99"), "discount": "0.1"});
    let line = ann.create("order_line", line).await;
    assert_eq!(line["amount"], euros("53.97"));
    let line = ann.patch(&path(&line, "order_line"), &json!({"discount": null})).await.assert(200).json();
    assert_eq!(line["amount"], euros("59.97"));
}

async fn with_roll_ups(ann: &Actor) {
    let orders = |function: &str, field: Json| {
        let mut rollup = json!({"function": function, "object": "order", "link": "company"});
        if !field.is_null() {
            rollup["field"] = field;
        }
        rollup
    };
    let mut total = orders("sum", json!("total"));
    total["currency"] = json!("EUR");
    total["filter"] = json!({"status": {"_neq": "cancelled"}});
    add(ann, "company", roll_up("x_orders", "integer", &orders("count", json!(null)))).await;
    add(ann, "company", roll_up("x_total", "money", &total)).await;
    add(ann, "company", roll_up("x_last", "datetime", &orders("max", json!("placed_at")))).await;
    add(ann, "company", roll_up("x_mean", "decimal", &orders("avg", json!("quantity")))).await;
    add(ann, "company", formula("x_is_big", "boolean", "x_total > money(100, 'EUR')")).await;
}

async fn a_roll_up_follows_the_records_that_link(on: On) {
    let TestApp { ann, sam, .. } = TestApp::start(on).await;
    with_roll_ups(&ann).await;
    let one = ann.create("company", json!({"name": "One"})).await;
    let two = ann.create("company", json!({"name": "Two"})).await;
    let (one, two) = (path(&one, "company"), path(&two, "company"));
    let id = |path: &str| path.rsplit('/').next().unwrap().to_owned();
    let order = |amount: Json, quantity: Json, day: &str| json!({"company": id(&one), "placed_at": day, "total": amount, "quantity": quantity});
    let read = async |path: &str| {
        let company = ann.get(path).await.assert(200).json();
        json!([
            company["x_orders"],
            company["x_total"]["amount"],
            company["x_last"],
            company["x_mean"],
            company["x_is_big"]
        ])
    };
    let first = ann.create("order", order(euros("70.10"), json!(1), "2026-01-01")).await;
    let second = ann.create("order", order(euros("30.20"), json!(4), "2026-02-01")).await;
    ann.create("order", order(json!({"amount": "500.00", "currency": "USD"}), json!(null), "2026-01-15")).await;
    assert_eq!(read(&one).await, json!([3, "100.30", "2026-02-01T00:00:00.000000Z", "2.50", true]));
    let event = ann.get(&one).await.json();
    assert_eq!(event["version"], 4);

    ann.patch(&path(&first, "order"), &json!({"status": "cancelled"})).await.assert(200);
    assert_eq!(read(&one).await, json!([3, "30.20", "2026-02-01T00:00:00.000000Z", "2.50", false]));
    ann.patch(&path(&second, "order"), &json!({"company": id(&two)})).await.assert(200);
    assert_eq!(read(&one).await, json!([2, "0.00", "2026-01-15T00:00:00.000000Z", "1.00", false]));
    assert_eq!(read(&two).await, json!([1, "30.20", "2026-02-01T00:00:00.000000Z", "4.00", false]));
    ann.delete(&path(&second, "order")).await.assert(204);
    assert_eq!(read(&two).await, json!([0, "0.00", null, null, false]));
    // What does not matter leaves the company alone.
    let before = ann.get(&one).await.json()["version"].clone();
    ann.patch(&path(&first, "order"), &json!({"note": "n"})).await.assert(200);
    assert_eq!(ann.get(&one).await.json()["version"], before);
    sam.create("company", json!({"name": "S"})).await;
}

async fn a_roll_up_is_right_under_concurrent_writers(on: On) {
    let TestApp { ann, .. } = TestApp::start(on).await;
    with_roll_ups(&ann).await;
    let company = ann.create("company", json!({"name": "C"})).await;
    let mut writers = Vec::new();
    for writer in 0..8 {
        let (ann, id) = (ann.clone(), company["id"].clone());
        writers.push(tokio::spawn(async move {
            let mut own: Vec<Json> = Vec::new();
            for round in 0..6 {
                let amount = euros(&format!("{}.00", writer * 10 + round));
                let body = json!({"company": id, "placed_at": "2026-01-01", "total": amount, "quantity": round});
                own.push(ann.create("order", body).await);
                if round % 3 == 2 {
                    ann.delete(&path(&own.remove(0), "order")).await.assert(204);
                }
            }
        }));
    }
    for writer in writers {
        writer.await.unwrap();
    }
    let orders = ann.all("order", &[]).await;
    let cents = |record: &Json| {
        let amount = record["amount"].as_str().unwrap().replace('.', "");
        amount.parse::<i64>().unwrap()
    };
    let company = ann.get(&path(&company, "company")).await.json();
    assert_eq!(orders.len(), 32);
    assert_eq!(company["x_orders"], 32);
    assert_eq!(cents(&company["x_total"]), orders.iter().map(|order| cents(&order["total"])).sum::<i64>());
}

async fn a_roll_up_of_a_roll_up(on: On) {
    let TestApp { ann, .. } = TestApp::start(on).await;
    let sum = |object: &str, field: &str| json!({"function": "sum", "object": object, "link": if object == "order_line" { "order" } else { "company" }, "field": field});
    let mut of_lines = sum("order_line", "quantity");
    of_lines["filter"] = json!({"description": {"_neq": "gift"}});
    let pieces = |rollup: Json| {
        json!({"name": "x_pieces", "label": "P", "type": "rollup", "returns": "decimal", "precision": 15, "scale": 3,
               "rollup": rollup})
    };
    add(&ann, "order", pieces(of_lines)).await;
    let problem =
        ann.post("/api/v1/schema/order/fields", &roll_up("x_p", "decimal", &sum("order_line", "nothing"))).await;
    problem.problem(409, "refused");
    add(&ann, "company", pieces(sum("order", "x_pieces"))).await;
    let company = ann.create("company", json!({"name": "C"})).await;
    let order = json!({"company": company["id"], "placed_at": "2026-01-01", "total": euros("1.00")});
    let order = ann.create("order", order).await;
    for (quantity, description) in [("2", "a"), ("3.5", "b"), ("9", "gift")] {
        let line = json!({"order": order["id"], "quantity": quantity, "unit_price": euros("1.00"), "description": description});
        ann.create("order_line", line).await;
    }
    let pieces = ann.get(&path(&company, "company")).await.json()["x_pieces"].clone();
    assert_eq!(pieces, "5.500");
}

async fn records_that_are_there_are_computed(on: On) {
    let test = TestApp::start(on).await;
    let ann = &test.ann;
    let company = ann.create("company", json!({"name": "C"})).await;
    for number in 0..5 {
        let order =
            json!({"company": company["id"], "placed_at": "2026-01-01", "total": euros("2.50"), "quantity": number});
        ann.create("order", order).await;
    }
    add(ann, "order", formula("x_double", "integer", "quantity * 2")).await;
    with_roll_ups(ann).await;
    assert_eq!(ann.all("order", &[]).await[0]["x_double"], json!(null));
    // A host that was started anew finds what is to be computed.
    node(&test, 0).await.run_due_jobs().await.unwrap();
    let doubles: Vec<Json> =
        ann.all("order", &[("sort", "quantity")]).await.iter().map(|order| order["x_double"].clone()).collect();
    assert_eq!(doubles, [0, 2, 4, 6, 8].map(|number| json!(number)));
    let company = ann.get(&path(&company, "company")).await.json();
    assert_eq!((&company["x_orders"], &company["x_total"]["amount"]), (&json!(5), &json!("12.50")));
}

async fn circles_are_refused(on: On) {
    let TestApp { ann, .. } = TestApp::start(on).await;
    let own = |fields: &[Json]| json!({"name": "x.thing", "label": "T", "plural": "T", "fields": fields});
    for fields in [
        vec![formula("x_a", "integer", "x_a + 1")],
        vec![formula("x_a", "integer", "x_b + 1"), formula("x_b", "integer", "x_a + 1")],
    ] {
        let problem = ann.post("/api/v1/schema", &own(&fields)).await.problem(409, "refused");
        assert!(problem["detail"].as_str().unwrap().contains("computed from itself"), "{problem}");
    }
    let parent = json!({"function": "count", "object": "company", "link": "parent"});
    add(&ann, "company", roll_up("x_members", "integer", &parent)).await;
    let tree = json!({"function": "sum", "object": "company", "link": "parent", "field": "x_tree"});
    let problem = ann.post("/api/v1/schema/company/fields", &roll_up("x_tree", "integer", &tree)).await;
    problem.problem(409, "refused");
}

async fn what_cannot_be_gathered_is_refused(on: On) {
    let TestApp { ann, .. } = TestApp::start(on).await;
    for (returns, rollup) in [
        ("integer", json!({"function": "sum", "object": "nothing", "link": "company", "field": "quantity"})),
        ("integer", json!({"function": "sum", "object": "order", "link": "contact", "field": "quantity"})),
        ("integer", json!({"function": "sum", "object": "order", "link": "company", "field": "note"})),
        ("date", json!({"function": "max", "object": "order", "link": "company", "field": "placed_at"})),
        (
            "integer",
            json!({"function": "count", "object": "order", "link": "company", "filter": {"nothing": {"_eq": 1}}}),
        ),
    ] {
        let reply = ann.post("/api/v1/schema/company/fields", &roll_up("x_a", returns, &rollup)).await;
        reply.problem(409, "refused");
    }
    for (returns, rollup) in [
        ("integer", json!({"function": "median", "object": "order", "link": "company", "field": "quantity"})),
        ("integer", json!({"function": "count", "object": "order", "link": "company", "field": "quantity"})),
        ("money", json!({"function": "sum", "object": "order", "link": "company", "field": "total"})),
        ("text", json!({"function": "sum", "object": "order", "link": "company", "field": "status"})),
    ] {
        let reply = ann.post("/api/v1/schema/company/fields", &roll_up("x_a", returns, &rollup)).await;
        reply.problem(422, "validation_failed");
    }
}
