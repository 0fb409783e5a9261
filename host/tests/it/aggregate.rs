//! Figures: exact, in the tenant's calendar, the same on both engines.

use serde_json::{Value as Json, json};

use crate::support::{Actor, On, TestApp};

both!(
    sums_are_exact_and_by_currency
    groups_by_fields_and_links
    stretches_of_the_calendar
    figures_of_own_fields
    rollups_of_own_fields
    sums_beyond_64_bits
    wrong_questions_are_refused
    cve_2026_35442_directus
);

async fn figures(actor: &Actor, object: &str, body: Json) -> Json {
    actor.post(&format!("/api/v1/records/{object}/aggregate"), &body).await.assert(200).json()["data"].clone()
}

async fn order(actor: &Actor, amount: &str, currency: &str, placed_at: &str, more: Json) -> Json {
    let mut body = json!({"placed_at": placed_at, "total": {"amount": amount, "currency": currency}});
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    actor.create("order", body).await
}

async fn sums_are_exact_and_by_currency(on: On) {
    let TestApp { ann, .. } = TestApp::start(on).await;
    for (amount, currency, quantity) in
        [("0.10", "EUR", json!(1)), ("0.20", "EUR", json!(2)), ("0.35", "EUR", json!(null)), ("500", "JPY", json!(4))]
    {
        order(&ann, amount, currency, "2026-01-01", json!({"quantity": quantity})).await;
    }
    let measures = json!([
        {"fn": "count"}, {"fn": "sum", "field": "total"}, {"fn": "avg", "field": "total"},
        {"fn": "min", "field": "total"}, {"fn": "max", "field": "total", "as": "top"},
        {"fn": "sum", "field": "quantity"}, {"fn": "avg", "field": "quantity"}, {"fn": "count", "field": "quantity"},
        {"fn": "count_distinct", "field": "status"}
    ]);
    let all = figures(&ann, "order", json!({"measures": measures, "sort": ["-count"]})).await;
    let money = |amount: &str, currency: &str| json!({"amount": amount, "currency": currency});
    assert_eq!(
        all,
        json!([
            {"count": 3, "sum_total": money("0.65", "EUR"), "avg_total": money("0.22", "EUR"),
             "min_total": money("0.10", "EUR"), "top": money("0.35", "EUR"),
             "sum_quantity": 3, "avg_quantity": "1.500000", "count_quantity": 2, "count_distinct_status": 1},
            {"count": 1, "sum_total": money("500", "JPY"), "avg_total": money("500", "JPY"),
             "min_total": money("500", "JPY"), "top": money("500", "JPY"),
             "sum_quantity": 4, "avg_quantity": "4.000000", "count_quantity": 1, "count_distinct_status": 1},
        ])
    );
    let none =
        json!({"filter": {"quantity": {"_gt": 99}}, "measures": [{"fn": "sum", "field": "quantity"}, {"fn": "count"}]});
    assert_eq!(figures(&ann, "order", none).await, json!([{"sum_quantity": null, "count": 0}]));
}

async fn groups_by_fields_and_links(on: On) {
    let TestApp { ann, .. } = TestApp::start(on).await;
    let contact = ann.create("contact", json!({"name": "Ann", "city": "Bern"})).await;
    for (status, contact) in [("paid", &contact["id"]), ("paid", &json!(null)), ("placed", &contact["id"])] {
        order(&ann, "1.00", "EUR", "2026-01-01", json!({"status": status, "contact": contact})).await;
    }
    let by_status = figures(&ann, "order", json!({"group_by": ["status"]})).await;
    assert_eq!(by_status, json!([{"status": "paid", "count": 2}, {"status": "placed", "count": 1}]));
    let by_contact = figures(&ann, "order", json!({"group_by": ["contact"], "sort": ["-contact"]})).await;
    assert_eq!(by_contact, json!([{"contact": contact["id"], "count": 2}, {"contact": null, "count": 1}]));
    let filter = json!({"contact": {"city": {"_eq": "Bern"}}});
    let some =
        figures(&ann, "order", json!({"filter": filter, "group_by": ["status"], "sort": ["-status"], "limit": 1}))
            .await;
    assert_eq!(some, json!([{"status": "placed", "count": 1}]));
}

async fn stretches_of_the_calendar(on: On) {
    let test = TestApp::start(on).await;
    let key = test.app.create_tenant_in("berlin", "Berlin", "Europe/Berlin").await.unwrap().api_key;
    let berlin = test.ann.with_key(&key);
    // The last two are in March in UTC and in April in Berlin; summer time begins on the 29th.
    let times = [
        "2026-01-01T00:00:00Z",
        "2026-03-28T23:30:00Z",
        "2026-03-29T21:59:59.999999Z",
        "2026-03-31T22:00:00Z",
        "2026-03-31T23:59:59Z",
    ];
    for actor in [&test.ann, &berlin] {
        for time in times {
            order(actor, "1.00", "EUR", time, json!({})).await;
        }
    }
    let by = async |actor: &Actor, bucket: &str| {
        let body = json!({"group_by": [{"field": "placed_at", "bucket": bucket, "as": "at"}]});
        let groups = figures(actor, "order", body).await;
        let groups = groups.as_array().unwrap().iter();
        groups.map(|group| format!("{} {}", group["at"].as_str().unwrap(), group["count"])).collect::<Vec<_>>()
    };
    assert_eq!(by(&test.ann, "month").await, ["2026-01-01 1", "2026-03-01 4"]);
    assert_eq!(by(&berlin, "month").await, ["2026-01-01 1", "2026-03-01 2", "2026-04-01 2"]);
    assert_eq!(by(&berlin, "day").await, ["2026-01-01 1", "2026-03-29 2", "2026-04-01 2"]);
    assert_eq!(by(&test.ann, "day").await, ["2026-01-01 1", "2026-03-28 1", "2026-03-29 1", "2026-03-31 2"]);
    assert_eq!(by(&berlin, "week").await, ["2025-12-29 1", "2026-03-23 2", "2026-03-30 2"]);
    assert_eq!(by(&berlin, "quarter").await, ["2026-01-01 3", "2026-04-01 2"]);
    assert_eq!(by(&berlin, "year").await, ["2026-01-01 5"]);
    for (day, number) in [("2000-02-29", 1), ("2000-03-01", 2), ("2026-01-01", 3)] {
        test.ann.create("contact", json!({"name": number.to_string(), "birthday": day})).await;
    }
    test.ann.create("contact", json!({"name": "unborn"})).await;
    let body = json!({"group_by": [{"field": "birthday", "bucket": "year"}]});
    assert_eq!(
        figures(&test.ann, "contact", body).await,
        json!([{"birthday": "2000-01-01", "count": 2}, {"birthday": "2026-01-01", "count": 1}, {"birthday": null, "count": 1}])
    );
}

async fn sums_beyond_64_bits(on: On) {
    let TestApp { ann, .. } = TestApp::start(on).await;
    for _ in 0..3 {
        order(&ann, "92233720368547758.07", "EUR", "2026-01-01", json!({"quantity": i64::MAX})).await;
    }
    order(&ann, "-92233720368547758.08", "EUR", "2026-01-01", json!({"quantity": i64::MIN})).await;
    let measures = json!([{"fn": "sum", "field": "total"}, {"fn": "sum", "field": "quantity"}, {"fn": "avg", "field": "quantity"}]);
    let all = figures(&ann, "order", json!({"measures": measures})).await;
    assert_eq!(all[0]["sum_total"]["amount"], "184467440737095516.13");
    assert_eq!(all[0]["sum_quantity"], "18446744073709551613");
    assert_eq!(all[0]["avg_quantity"], "4611686018427387903.250000");
}

async fn wrong_questions_are_refused(on: On) {
    let TestApp { ann, .. } = TestApp::start(on).await;
    order(&ann, "1.00", "EUR", "0001-01-01", json!({})).await;
    order(&ann, "1.00", "EUR", "9999-12-31T23:59:59Z", json!({})).await;
    for (body, code) in [
        (json!({"group_by": ["nothing"]}), "unknown_field"),
        (json!({"group_by": ["total"]}), "not_sortable"),
        (json!({"group_by": ["note"]}), "not_sortable"),
        (json!({"group_by": [{"field": "status", "bucket": "day"}]}), "wrong_type"),
        (json!({"group_by": [{"field": "placed_at", "bucket": "era"}]}), "unknown_option"),
        (json!({"group_by": [{"field": "placed_at", "bucket": "day"}]}), "too_many_groups"),
        (json!({"group_by": [{"field": "placed_at", "bucket": "year"}]}), "too_many_groups"),
        (json!({"group_by": [{"bucket": "day"}]}), "required"),
        (json!({"group_by": [{"field": "status", "x": "y"}]}), "unknown_field"),
        (json!({"group_by": [{"field": "status", "as": "a b"}]}), "wrong_type"),
        (json!({"group_by": "status"}), "wrong_type"),
        (json!({"group_by": [1]}), "wrong_type"),
        (json!({"group_by": ["status", "status"]}), "taken"),
        (json!({"group_by": ["status", "contact", "company", "quantity", "id"]}), "out_of_range"),
        (json!({"measures": [{"fn": "median", "field": "quantity"}]}), "unknown_option"),
        (json!({"measures": [{"fn": "sum"}]}), "wrong_type"),
        (json!({"measures": [{"fn": "sum", "field": "status"}]}), "wrong_type"),
        (json!({"measures": [{"fn": "max", "field": "contact"}]}), "wrong_type"),
        (json!({"measures": [{"field": "total"}]}), "required"),
        (json!({"measures": vec![json!({"fn": "count"}); 11]}), "out_of_range"),
        (json!({"measures": "count"}), "wrong_type"),
        (json!({"sort": ["nothing"]}), "unknown_field"),
        (json!({"limit": 0}), "out_of_range"),
        (json!({"limit": 1_001}), "out_of_range"),
        (json!({"limit": -1}), "out_of_range"),
        (json!({"filter": {"status": {"_like": "x"}}}), "unknown_operator"),
        (json!({"having": {}}), "unknown_field"),
    ] {
        let problem = ann.post("/api/v1/records/order/aggregate", &body).await.problem(422, "validation_failed");
        assert_eq!(problem["errors"][0]["code"], code, "{body}: {problem}");
    }
    for number in 0..1_001 {
        ann.create("company", json!({"name": format!("n{number}")})).await;
    }
    let problem = ann.post("/api/v1/records/company/aggregate", &json!({"group_by": ["name"]})).await;
    assert_eq!(problem.problem(422, "validation_failed")["errors"][0]["code"], "too_many_groups");
    let fewer = json!({"group_by": ["name"], "filter": {"name": {"_neq": "n7"}}, "limit": 2});
    assert_eq!(figures(&ann, "company", fewer).await.as_array().unwrap().len(), 2);
}

/// What a caller cannot name, figures do not tell either.
async fn cve_2026_35442_directus(on: On) {
    let TestApp { ann, .. } = TestApp::start(on).await;
    for field in ["tenant_id", "deleted_at", "secret", "k0", "one"] {
        for body in [
            json!({"group_by": [field]}),
            json!({"measures": [{"fn": "max", "field": field}]}),
            json!({"filter": {field: {"_null": true}}}),
        ] {
            let problem = ann.post("/api/v1/records/contact/aggregate", &body).await.problem(422, "validation_failed");
            assert_eq!(problem["errors"][0]["code"], "unknown_field", "{body}");
        }
    }
}

/// An object of the tenant's own, with a field of every type that figures know.
async fn with_bids(ann: &Actor) {
    let field = |name: &str, kind: &str| json!({"name": name, "label": name, "type": kind});
    let mut price = field("x_price", "decimal");
    price["precision"] = json!(9);
    price["scale"] = json!(2);
    let mut client = field("x_client", "link");
    client["to"] = json!("contact");
    let mut stage = field("x_stage", "text");
    stage["indexed"] = json!(true);
    let mut slotted = price.clone();
    slotted["name"] = json!("x_slotted");
    slotted["indexed"] = json!(true);
    let fields = json!([
        stage,
        price,
        slotted,
        client,
        field("x_amount", "money"),
        field("x_won", "boolean"),
        field("x_day", "date"),
        field("x_at", "datetime"),
        field("x_count", "integer")
    ]);
    let object = json!({"name": "x.bid", "label": "Bid", "plural": "Bids", "fields": fields});
    ann.post("/api/v1/schema", &object).await.assert(201);
}

async fn bids(ann: &Actor, client: &Json) {
    for (amount, price, won, day) in [
        ("1.50", "0.10", true, "2026-01-31"),
        ("2.25", "0.25", false, "2026-02-01"),
        ("3.00", "7.00", true, "2026-02-02"),
    ] {
        let bid = json!({"x_stage": "new", "x_amount": {"amount": amount, "currency": "EUR"}, "x_price": price,
            "x_slotted": price, "x_won": won, "x_day": day, "x_at": format!("{day}T10:00:00Z"), "x_count": 2,
            "x_client": client});
        ann.create("x.bid", bid).await;
    }
}

async fn figures_of_own_fields(on: On) {
    let TestApp { ann, .. } = TestApp::start(on).await;
    with_bids(&ann).await;
    let client = ann.create("contact", json!({"name": "Ann"})).await["id"].clone();
    bids(&ann, &client).await;
    let money = |amount: &str| json!({"amount": amount, "currency": "EUR"});
    let of = |function: &str, field: &str| json!({"fn": function, "field": field});
    let measures = json!([
        {"fn": "count"}, of("sum", "x_amount"), of("max", "x_amount"), of("sum", "x_price"), of("avg", "x_slotted"),
        of("min", "x_price"), of("min", "x_day"), of("max", "x_at"), of("sum", "x_count"),
        of("count_distinct", "x_won")
    ]);
    let all = figures(&ann, "x.bid", json!({"group_by": ["x_stage"], "measures": measures})).await;
    let expected = json!([{
        "x_stage": "new", "count": 3, "sum_x_amount": money("6.75"), "max_x_amount": money("3.00"),
        "sum_x_price": "7.35", "avg_x_slotted": "2.45000000", "min_x_price": "0.10",
        "min_x_day": "2026-01-31", "max_x_at": "2026-02-02T10:00:00.000000Z", "sum_x_count": 6,
        "count_distinct_x_won": 2
    }]);
    assert_eq!(all, expected);
    for (key, values) in [
        ("x_won", json!([true, false])),
        ("x_client", json!([client])),
        ("x_day", json!(["2026-01-31", "2026-02-01", "2026-02-02"])),
        ("x_price", json!(["0.10", "0.25", "7.00"])),
    ] {
        let groups = figures(&ann, "x.bid", json!({"group_by": [key]})).await;
        let mut found: Vec<String> = groups.as_array().unwrap().iter().map(|group| group[key].to_string()).collect();
        let mut wanted: Vec<String> = values.as_array().unwrap().iter().map(Json::to_string).collect();
        found.sort();
        wanted.sort();
        assert_eq!(found, wanted, "{key}");
    }
    for key in ["x_at", "x_day"] {
        let by = json!({"group_by": [{"field": key, "bucket": "month"}], "sort": [key]});
        let months = figures(&ann, "x.bid", by).await;
        let counts: Vec<&Json> = months.as_array().unwrap().iter().map(|month| &month["count"]).collect();
        assert_eq!(counts, [1, 2], "{months}");
    }
}

async fn rollups_of_own_fields(on: On) {
    let TestApp { ann, .. } = TestApp::start(on).await;
    with_bids(&ann).await;
    let rollup = |name: &str, function: &str, field: &str, returns: Json| {
        let mut rollup = json!({"function": function, "object": "x.bid", "link": "x_client", "field": field});
        if field == "x_amount" {
            rollup["currency"] = json!("EUR");
        }
        let mut field = json!({"name": name, "label": name, "type": "rollup", "rollup": rollup});
        field.as_object_mut().unwrap().extend(returns.as_object().unwrap().clone());
        field
    };
    let decimal = json!({"returns": "decimal", "precision": 12, "scale": 2});
    for field in [
        rollup("x_total", "sum", "x_price", decimal.clone()),
        rollup("x_most", "max", "x_slotted", decimal),
        rollup("x_worth", "sum", "x_amount", json!({"returns": "money"})),
        rollup("x_last", "max", "x_at", json!({"returns": "datetime"})),
        rollup("x_first", "min", "x_day", json!({"returns": "date"})),
    ] {
        ann.post("/api/v1/schema/contact/fields", &field).await.assert(201);
    }
    let contact = ann.create("contact", json!({"name": "Ann"})).await;
    bids(&ann, &contact["id"]).await;
    let read = ann.get(&format!("/api/v1/records/contact/{}", contact["id"].as_str().unwrap())).await.json();
    assert_eq!((&read["x_total"], &read["x_most"]), (&json!("7.35"), &json!("7.00")));
    assert_eq!(read["x_worth"], json!({"amount": "6.75", "currency": "EUR"}));
    assert_eq!((&read["x_last"], &read["x_first"]), (&json!("2026-02-02T10:00:00.000000Z"), &json!("2026-01-31")));
}
