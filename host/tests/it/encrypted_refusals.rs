//! What cannot be done with encrypted fields, and who never sees them.

use serde_json::{Value as Json, json};

use crate::encrypted::{new_key_file, pin};
use crate::support::{Actor, On, TestApp, plugin};

both!(
    definitions_that_would_give_values_away_are_refused
    nothing_is_asked_of_encrypted_values
    a_field_stays_as_it_was_made
    without_a_key_there_are_no_encrypted_fields
    plugins_know_nothing_of_encrypted_fields
);

const CONTACT: &str = "/api/v1/records/contact";

async fn definitions_that_would_give_values_away_are_refused(on: On) {
    let (_directory, keys) = new_key_file();
    let TestApp { ann, .. } = TestApp::with_keys(on, &keys).await;
    let path = "/api/v1/schema/contact/fields";
    let with = |name: &str, value: Json| {
        let mut field = pin();
        field[name] = value;
        field
    };
    for (field, reason) in [
        (with("unique", json!(true)), "not unique"),
        (with("indexed", json!(true)), "not indexed"),
        (with("searchable", json!(true)), "not searchable"),
        (with("default", json!("0000")), "no default"),
        (with("type", json!("boolean")), "few possible values"),
        (with("type", json!("user")), "no link"),
        (
            json!({"name": "x_s", "label": "S", "type": "select", "encrypted": true,
            "options": [{"value": "a", "label": "A"}]}),
            "few possible values",
        ),
        (json!({"name": "x_l", "label": "L", "type": "link", "to": "company", "encrypted": true}), "no link"),
        (
            json!({"name": "x_n", "label": "N", "type": "autonumber", "format": "T-{000}", "encrypted": true}),
            "not computed",
        ),
    ] {
        let problem = ann.post(path, &field).await.problem(422, "validation_failed");
        let message = problem["errors"][0]["message"].as_str().unwrap();
        assert!(message.contains(reason), "{message}");
    }
    crate::schema::add(&ann, "contact", pin()).await;
    let amount = json!({"name": "x_amount", "label": "A", "type": "integer", "encrypted": true});
    crate::schema::add(&ann, "contact", amount).await;
    let formula =
        json!({"name": "x_f", "label": "F", "type": "formula", "expression": "x_amount + 1", "returns": "integer"});
    let problem = ann.post(path, &formula).await.problem(409, "refused");
    assert!(problem["detail"].as_str().unwrap().contains("reads the encrypted field `x_amount`"), "{problem}");
    let rollup = json!({"name": "x_r", "label": "R", "type": "rollup", "returns": "integer",
        "rollup": {"function": "max", "object": "contact", "link": "company", "field": "x_amount"}});
    let problem = ann.post("/api/v1/schema/company/fields", &rollup).await.problem(409, "refused");
    assert!(problem["detail"].as_str().unwrap().contains("gathers the encrypted field `x_amount`"), "{problem}");
}

async fn nothing_is_asked_of_encrypted_values(on: On) {
    let (_directory, keys) = new_key_file();
    let TestApp { ann, .. } = TestApp::with_keys(on, &keys).await;
    crate::schema::add(&ann, "contact", pin()).await;
    let company = ann.create("company", json!({"name": "Works"})).await;
    let one = json!({"name": "One", "x_pin": "1234", "company": company["id"]});
    ann.create("contact", one).await;
    ann.create("contact", json!({"name": "Two"})).await;

    let code = async |reply: crate::support::Reply| {
        reply.problem(422, "validation_failed")["errors"][0]["code"].as_str().unwrap().to_owned()
    };
    for (operator, value) in [
        ("_eq", json!("1234")),
        ("_in", json!(["1234"])),
        ("_contains", json!("2")),
        ("_gt", json!("1")),
        ("_neq", json!("1")),
        ("_starts_with", json!("1")),
        ("_has", json!("1")),
        ("_between", json!(["1", "2"])),
    ] {
        let filter = json!({"x_pin": {operator: value}});
        let reply = ann.post(&format!("{CONTACT}/search"), &json!({"filter": filter})).await;
        assert_eq!(code(reply).await, "encrypted", "{operator}");
    }
    // Through a link, too.
    let through = json!({"filter": {"contacts": {"_some": {"x_pin": {"_eq": "1234"}}}}});
    assert_eq!(code(ann.post("/api/v1/records/company/search", &through).await).await, "encrypted");
    assert_eq!(code(ann.get(&format!("{CONTACT}?sort=-x_pin")).await).await, "encrypted");
    for body in [
        json!({"group_by": ["x_pin"]}),
        json!({"measures": [{"fn": "min", "field": "x_pin"}]}),
        json!({"measures": [{"fn": "count_distinct", "field": "x_pin"}]}),
    ] {
        assert_eq!(code(ann.post(&format!("{CONTACT}/aggregate"), &body).await).await, "encrypted");
    }
    let upsert = json!({"match": "x_pin", "fields": {"x_pin": "1234", "name": "X"}});
    assert_eq!(code(ann.post(&format!("{CONTACT}/upsert"), &upsert).await).await, "not_unique");
    let change = json!({"filter": {"x_pin": {"_eq": "1234"}}, "fields": {"city": "Bern"}});
    assert_eq!(code(ann.post(&format!("{CONTACT}/change"), &change).await).await, "encrypted");
    let import =
        ann.upload("object=contact&mode=upsert&key=x_pin&start=true", "text/csv", "name,x_pin\r\nA,1\r\n").await;
    import.problem(422, "validation_failed");

    // Whether there is a value can be asked.
    let names = async |actor: &Actor, truth: &str| -> Vec<String> {
        let all = actor.all("contact", &[("filter[x_pin][_null]", truth)]).await;
        all.iter().map(|record| record["name"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(names(&ann, "true").await, ["Two"]);
    assert_eq!(names(&ann, "false").await, ["One"]);
}

async fn a_field_stays_as_it_was_made(on: On) {
    let (_directory, keys) = new_key_file();
    let TestApp { ann, .. } = TestApp::with_keys(on, &keys).await;
    crate::schema::add(&ann, "contact", pin()).await;
    crate::schema::add(&ann, "contact", crate::schema::text("x_plain")).await;
    for (field, encrypted) in [("x_pin", false), ("x_plain", true)] {
        let path = format!("/api/v1/schema/contact/fields/{field}");
        ann.patch(&path, &json!({"encrypted": encrypted})).await.problem(409, "refused");
        ann.patch(&path, &json!({"encrypted": !encrypted})).await;
    }
    ann.patch("/api/v1/schema/contact/fields/x_pin", &json!({"indexed": true})).await.problem(422, "validation_failed");
    let field = ann.get("/api/v1/schema/contact").await.assert(200).json();
    let field = field["fields"].as_array().unwrap().iter().find(|field| field["name"] == "x_pin").unwrap().clone();
    assert_eq!(field["encrypted"], true);
}

async fn without_a_key_there_are_no_encrypted_fields(on: On) {
    if on == On::Sqlite {
        // The host makes a file of keys for itself, for its owner alone.
        let test = TestApp::start(on).await;
        crate::schema::add(&test.ann, "contact", pin()).await;
        let guildhall::app::Database::Sqlite(database) = &test.database else { return };
        let keys = database.with_file_name("keys");
        let mode = std::os::unix::fs::PermissionsExt::mode(&std::fs::metadata(&keys).unwrap().permissions());
        assert_eq!(mode & 0o777, 0o600);
        let made = test.ann.create("contact", json!({"name": "A", "x_pin": "1"})).await;
        assert_eq!(made["x_pin"], "1");
        // Without it, the host does not start as if nothing were encrypted.
        std::fs::remove_file(&keys).unwrap();
        let again = crate::support::open(&test.database, guildhall::domain::clock::Clock::system()).await;
        assert!(again.err().unwrap().to_string().contains("keys is missing"));
        return;
    }
    let TestApp { ann, .. } = TestApp::start(on).await;
    let problem = ann.post("/api/v1/schema/contact/fields", &pin()).await.problem(409, "refused");
    assert!(problem["detail"].as_str().unwrap().contains("GUILDHALL_KEY_FILE"), "{problem}");
}

async fn plugins_know_nothing_of_encrypted_fields(on: On) {
    let (_directory, keys) = new_key_file();
    let test = TestApp::with_keys(on, &keys).await;
    let ann = &test.ann;
    for object in ["contact", "company"] {
        crate::schema::add(ann, object, pin()).await;
    }
    ann.create("contact", json!({"name": "Stored", "x_pin": "secret-1"})).await;
    test.app.install_plugin(&plugin("test.hostile")).await.unwrap();
    ann.put("/api/v1/modules/test.hostile", &json!({"consent": ["*"]})).await.assert(200);
    let told = async |note: &str| {
        let body = json!({"name": "Ann", "note": note, "x_pin": "secret-2"});
        ann.post(CONTACT, &body).await.problem(422, "plugin_error")
    };
    for note in ["tell", "tell-stored"] {
        let problem = told(note).await;
        let said = problem["detail"].as_str().unwrap();
        assert!(said.contains("name") && !said.contains("x_pin") && !said.contains("secret"), "{said}");
    }
    for (note, code) in [
        ("peek-at-encrypted", "invalid_query"),
        ("set-encrypted", "permission_denied"),
        ("create-encrypted", "permission_denied"),
    ] {
        assert_eq!(told(note).await["plugin_code"], code, "{note}");
    }
    let made = ann.create("contact", json!({"name": "Ann", "note": "amend", "x_pin": "secret-3"})).await;
    assert_eq!((&made["name"], &made["x_pin"]), (&json!("ANN"), &json!("secret-3")));
}
