//! Events: the account of what was committed, and of nothing else.

use guildhall::app::Database;
use serde_json::{Value as Json, json};
use sqlx::{AssertSqlSafe, Connection, Row, SqliteConnection};

use crate::support::{On, TestApp, superuser};

both!(every_change_has_its_event an_amended_change_names_the_plugin what_was_not_done_has_none);

/// All events in their order: kind, object, plugin, before, after.
async fn events(database: &Database) -> Vec<(String, String, String, Json, Json)> {
    let sql = "select kind, object, coalesce(plugin, ''), cast(before_values as text), cast(after_values as text) \
               from event order by seq";
    let json = |text: String| serde_json::from_str(&text).unwrap();
    match database {
        Database::Sqlite(path) => {
            let mut connection = SqliteConnection::connect(path.to_str().unwrap()).await.unwrap();
            let rows = sqlx::query(AssertSqlSafe(sql)).fetch_all(&mut connection).await.unwrap();
            let event = |row: &sqlx::sqlite::SqliteRow| {
                (row.get(0), row.get(1), row.get(2), json(row.get(3)), json(row.get(4)))
            };
            rows.iter().map(event).collect()
        }
        Database::Postgres(url) => {
            let mut connection = superuser(url).await;
            let rows = sqlx::query(AssertSqlSafe(sql)).fetch_all(&mut connection).await.unwrap();
            let event =
                |row: &sqlx::postgres::PgRow| (row.get(0), row.get(1), row.get(2), json(row.get(3)), json(row.get(4)));
            rows.iter().map(event).collect()
        }
    }
}

async fn every_change_has_its_event(on: On) {
    let TestApp { ann, database, .. } = TestApp::with_plugin(on, "guildhall.retail-loyalty").await;
    let contact = ann.create("contact", json!({"name": "Ann"})).await;
    let path = format!("/api/v1/records/contact/{}", contact["id"].as_str().unwrap());
    ann.patch(&path, &json!({"city": "Bern"})).await.assert(200);
    ann.patch(&path, &json!({"city": "Bern"})).await.assert(200);
    let total = json!({"amount": "5.00", "currency": "EUR"});
    ann.create("order", json!({"contact": contact["id"], "placed_at": "2026-01-01", "total": total})).await;
    ann.delete(&path).await.assert(204);

    let mut all = events(&database).await;
    let event = |kind: &str, object: &str, before: Json, after: Json| {
        (kind.to_owned(), object.to_owned(), String::new(), before, after)
    };
    assert_eq!(all.remove(0), event("created", "contact", json!({}), json!({"name": "Ann"})));
    assert_eq!(all.remove(0), event("updated", "contact", json!({"city": null}), json!({"city": "Bern"})));
    let gone = json!({"name": "Ann", "city": "Bern"});
    assert_eq!(all.pop().unwrap(), event("deleted", "contact", gone, json!({})));
    let (order, by_plugin) = all.split_first().unwrap();
    assert_eq!((order.0.as_str(), order.1.as_str(), order.2.as_str()), ("created", "order", ""));
    let objects: Vec<_> = by_plugin.iter().map(|event| (event.0.as_str(), event.1.as_str())).collect();
    assert_eq!(objects, [("created", "loyalty.member"), ("created", "loyalty.entry")]);
    assert!(by_plugin.iter().all(|event| event.2 == "guildhall.retail-loyalty"));
}

async fn an_amended_change_names_the_plugin(on: On) {
    let TestApp { ann, database, .. } = TestApp::with_plugin(on, "test.hostile").await;
    ann.create("contact", json!({"name": "Ann", "note": "amend"})).await;
    let (kind, object, plugin, _, after) = events(&database).await.remove(0);
    assert_eq!((kind.as_str(), object.as_str(), plugin.as_str()), ("created", "contact", "test.hostile"));
    assert_eq!(after["name"], "ANN");
}

async fn what_was_not_done_has_none(on: On) {
    let TestApp { ann, vic, database, .. } = TestApp::with_plugin(on, "test.hostile").await;
    for note in ["write-then-trap", "write-then-refuse", "short-answer"] {
        ann.post("/api/v1/records/contact", &json!({"name": "Ann", "note": note})).await.assert(422);
    }
    vic.post("/api/v1/records/contact", &json!({"name": "Ann"})).await.assert(403);
    ann.post("/api/v1/records/contact", &json!({"nmae": "Ann"})).await.assert(422);
    assert!(events(&database).await.is_empty());
}
