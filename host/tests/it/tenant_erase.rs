//! Erasing: when its grace is over, nothing of a tenant is left in any table, and nothing of others is touched.

use std::time::Duration;

use guildhall::app::{App, Database, Settings};
use guildhall::domain::clock::{Clock, Timestamp};
use serde_json::{Value as Json, json};
use sqlx::{AssertSqlSafe, Connection, Row, SqliteConnection};
use uuid::Uuid;

use crate::dump::{attempt, run};
use crate::encrypted::{new_key_file, pin};
use crate::jobs::contacts;
use crate::loyalty::order;
use crate::receiver::Receiver;
use crate::support::{Actor, On, TestApp, plugin, superuser};
use crate::webhooks::make;

both!(
    nothing_is_left_of_an_erased_tenant
    erasing_goes_on_after_a_kill
    the_trail_of_a_tenant_that_lives_stays
);

const LOYALTY: &str = "guildhall.retail-loyalty";

struct Scene {
    test: TestApp,
    olga: Actor,
    clock: Clock,
    settings: Settings,
    id: Uuid,
    _keys: tempfile::TempDir,
}

/// A tenant that has something in every place, and another one that has the same.
async fn scene(on: On) -> Scene {
    let (directory, keys) = new_key_file();
    let clock = Clock::manual(Timestamp::parse("2026-11-26T10:00:00Z").unwrap());
    let settings = Settings { key_file: Some(keys), allow_private_webhooks: true, ..crate::support::settings() };
    let test = TestApp::start_with(on, clock.clone(), settings.clone()).await;
    let olga = test.operator().await;
    test.app.install_plugin(&plugin(LOYALTY)).await.unwrap();
    let receiver = Receiver::start().await;
    for actor in [&test.ann, &test.sam] {
        fill(&test.app, actor, &receiver).await;
    }
    let keyed = olga.with("idempotency-key", "s1");
    keyed.post("/api/v1/tenants/first/suspend", &json!({})).await.assert(200);
    let first = olga.post("/api/v1/tenants/first/resume", &json!({})).await.assert(200).json();
    test.app.keep_terms().await.unwrap();
    let id = Uuid::parse_str(first["id"].as_str().unwrap()).unwrap();
    Scene { test, olga, clock, settings, id, _keys: directory }
}

async fn fill(app: &std::sync::Arc<App>, actor: &Actor, receiver: &Receiver) {
    actor.put(&format!("/api/v1/modules/{LOYALTY}"), &json!({"consent": ["*"]})).await.assert(200);
    make(actor, json!({"url": receiver.url("/"), "types": []})).await;
    crate::schema::add(actor, "contact", pin()).await;
    let object = json!({"name": "x.case", "label": "Case", "plural": "Cases", "fields": [
        {"name": "x_number", "label": "Number", "type": "autonumber", "format": "C-{000}"}]});
    actor.post("/api/v1/schema", &object).await.assert(201);
    actor.create("x.case", json!({})).await;
    actor.upload("object=contact&start=true", "text/csv", contacts(1_200)).await.assert(202);
    actor.upload("object=contact&start=true", "text/csv", "name,email\nBad,nobody\n").await.assert(202);
    actor.post("/api/v1/exports", &json!({"object": "contact"})).await.assert(202);
    app.run_due_jobs().await.unwrap();
    let user = json!({"email": "u@example.com", "name": "U", "roles": ["sales"]});
    let user = actor.post("/api/v1/users", &user).await.assert(201).json();
    actor.post("/api/v1/teams", &json!({"name": "T", "members": [user["id"]]})).await.assert(201);
    actor.post("/api/v1/roles", &json!({"name": "helper", "label": "Helper"})).await.assert(201);
    let keyed = actor.with("idempotency-key", "k1");
    let one = keyed.post("/api/v1/records/contact", &json!({"name": "One", "x_pin": "1234"})).await.assert(201).json();
    order(actor, &one, "10.00").await;
    let two = actor.create("contact", json!({"name": "Two"})).await;
    let tag = actor.create("tag", json!({"name": "Tag"})).await;
    let path = format!("/api/v1/records/contact/{}", one["id"].as_str().unwrap());
    actor.patch(&path, &json!({"tags": [tag["id"]]})).await.assert(200);
    actor.get(&path).await.assert(200);
    let share = json!({"with": "user", "subject": user["id"]});
    actor.post(&format!("{path}/shares"), &share).await.assert(201);
    let merge = json!({"into": one["id"], "from": [two["id"]]});
    actor.post("/api/v1/records/contact/merge", &merge).await.assert(200);
    let file = actor.create("file", json!({"name": "a.bin"})).await;
    let content = format!("/api/v1/files/{}/content", file["id"].as_str().unwrap());
    actor.put_bytes(&content, "application/octet-stream", vec![7; 600_000]).await.assert(200);
    app.deliver_due().await.unwrap();
}

/// Where the database names an id, as `table.column`: in ids, in texts and in JSON; and the tables with a tenant.
async fn places(database: &Database, id: Uuid) -> (Vec<String>, usize) {
    let (hex, text) = (id.simple().to_string(), id.to_string());
    let mut found = Vec::new();
    let mut tables = 0;
    match database {
        Database::Sqlite(path) => {
            let mut connection = SqliteConnection::connect(path.to_str().unwrap()).await.unwrap();
            let sql = "select m.name, c.name from sqlite_schema m, pragma_table_info(m.name) c where m.type = 'table'";
            for row in sqlx::query(sql).fetch_all(&mut connection).await.unwrap() {
                let (table, column): (String, String) = (row.get(0), row.get(1));
                tables += usize::from(column == "tenant_id");
                let sql = format!(
                    "select count(*) from \"{table}\" where instr(lower(hex(\"{column}\")), '{hex}') > 0 \
                     or instr(cast(\"{column}\" as text), '{text}') > 0"
                );
                let count: i64 = sqlx::query_scalar(AssertSqlSafe(sql)).fetch_one(&mut connection).await.unwrap();
                if count > 0 {
                    found.push(format!("{table}.{column}"));
                }
            }
        }
        Database::Postgres(url) => {
            let mut connection = superuser(url).await;
            let sql = "select table_name::text, column_name::text from information_schema.columns \
                       where table_schema = current_schema()";
            for row in sqlx::query(sql).fetch_all(&mut connection).await.unwrap() {
                let (table, column): (String, String) = (row.get(0), row.get(1));
                tables += usize::from(column == "tenant_id");
                let sql = format!(
                    "select count(*) from \"{table}\" where strpos(\"{column}\"::text, '{hex}') > 0 \
                     or strpos(\"{column}\"::text, '{text}') > 0"
                );
                let count: i64 = sqlx::query_scalar(AssertSqlSafe(sql)).fetch_one(&mut connection).await.unwrap();
                if count > 0 {
                    found.push(format!("{table}.{column}"));
                }
            }
        }
    }
    (found, tables)
}

/// Everything that somebody sees of their tenant.
async fn state(actor: &Actor) -> Vec<Json> {
    let mut all = Vec::new();
    for object in ["contact", "x.case", "file", "tag", "loyalty.member"] {
        all.extend(actor.all(object, &[("limit", "500")]).await);
    }
    for path in ["modules", "schema", "webhooks", "users", "teams", "roles", "jobs", "events?limit=500"] {
        all.push(actor.get(&format!("/api/v1/{path}")).await.assert(200).json());
    }
    all
}

async fn nothing_is_left_of_an_erased_tenant(on: On) {
    let Scene { test, olga, clock, id, .. } = scene(on).await;
    let before = state(&test.sam).await;
    let (named, tables) = places(&test.database, id).await;
    let of_tenants = named.iter().filter(|place| place.ends_with(".tenant_id")).count();
    // Whatever has a tenant has this one, or the test proves little: but modules have one table each for objects
    // that nobody has yet, and core objects of which there is no record.
    assert!(of_tenants >= 30 && tables > of_tenants, "{of_tenants} of {tables}: {named:?}");
    olga.delete("/api/v1/tenants/first").await.assert(200);
    clock.advance(Duration::from_hours(30 * 24 - 1));
    test.app.erase_tenants().await.unwrap();
    assert_eq!(places(&test.database, id).await.0, named, "it still has an hour");
    clock.advance(Duration::from_hours(1));
    test.app.erase_tenants().await.unwrap();
    assert_eq!(places(&test.database, id).await.0, Vec::<String>::new());
    test.ann.get("/api/v1/records/contact").await.problem(401, "unauthenticated");
    olga.get("/api/v1/tenants/first").await.problem(404, "not_found");
    olga.post("/api/v1/tenants/first/restore", &json!({})).await.problem(404, "not_found");
    assert_eq!(state(&test.sam).await, before);
    let trail = test.sam.get("/api/v1/audit").await.assert(200).json();
    assert!(!trail["data"].as_array().unwrap().is_empty());
    // Its name is free again.
    olga.post("/api/v1/tenants", &json!({"slug": "first", "name": "Anew"})).await.assert(201);
}

async fn erasing_goes_on_after_a_kill(on: On) {
    let Scene { test, olga, clock, settings, id, _keys } = scene(on).await;
    olga.delete("/api/v1/tenants/first").await.assert(200);
    clock.advance(Duration::from_hours(30 * 24));
    let mut rounds = 0;
    loop {
        // Each time by a host that knows nothing of the one before.
        let app = App::open_with(&test.database, clock.clone(), settings.clone()).await.unwrap();
        if !app.erase_some(15).await.unwrap() {
            break;
        }
        rounds += 1;
        assert!(rounds < 100, "it comes to no end");
        if rounds == 1 {
            // What has begun cannot be taken back, and what was sealed does not open any more.
            let begun = olga.get("/api/v1/tenants/first").await.assert(200).json();
            assert_eq!(begun["state"], "erasing");
            olga.post("/api/v1/tenants/first/restore", &json!({})).await.problem(409, "refused");
            olga.get("/api/v1/tenants/first/export").await.problem(409, "refused");
            let (named, _) = places(&test.database, id).await;
            assert!(!named.iter().any(|place| place.starts_with("data_key")), "{named:?}");
            assert!(named.contains(&"tenant.id".to_owned()), "{named:?}");
        }
    }
    assert!(rounds >= 3, "{rounds}");
    assert_eq!(places(&test.database, id).await.0, Vec::<String>::new());
    assert!(test.sam.all("contact", &[("limit", "500")]).await.len() > 1_200);
}

async fn the_trail_of_a_tenant_that_lives_stays(on: On) {
    let Scene { test, olga, .. } = scene(on).await;
    olga.delete("/api/v1/tenants/first").await.assert(200);
    // Neither of one that is only deleted, nor all of it, and nothing is changed.
    for sql in ["delete from audit", "update audit set subject = 'nobody'"] {
        let refused = attempt(&test.database, sql).await.unwrap_err().to_string();
        assert!(refused.contains("only appended to"), "{refused}");
    }
    run(&test.database, "update tenant set is_erasing = true where slug = 'first'").await;
    let refused = attempt(&test.database, "delete from audit").await.unwrap_err().to_string();
    assert!(refused.contains("only appended to"), "{refused}");
    let of_first = "delete from audit where tenant_id = (select id from tenant where slug = 'first')";
    assert!(run(&test.database, of_first).await > 0);
    let trail = test.sam.get("/api/v1/audit").await.assert(200).json();
    assert!(!trail["data"].as_array().unwrap().is_empty());
}
