//! Full-text search: the same records in the same order on both engines.

use guildhall::app::Database;
use guildhall::domain::clock::Clock;
use serde_json::{Value as Json, json};
use sqlx::{AssertSqlSafe, Connection, SqliteConnection};

use crate::support::{Actor, On, TestApp, superuser};

both!(
    people_are_found_by_what_one_types
    the_best_come_first
    pages_of_a_search_follow_each_other
    words_follow_their_record
    a_search_is_filtered_and_sorted
    several_objects_at_once
    records_that_were_there_are_found_too
    common_words_are_cut_off_openly
    hostile_text_is_only_text
    cve_2025_30352_directus
);

const SEARCH: &str = "/api/v1/records/contact/search";

async fn names(actor: &Actor, body: Json) -> Vec<String> {
    let page = actor.post(SEARCH, &body).await.assert(200).json();
    page["data"].as_array().unwrap().iter().map(|record| record["name"].as_str().unwrap().to_owned()).collect()
}

async fn found(actor: &Actor, text: &str) -> Vec<String> {
    names(actor, json!({"text": text})).await
}

async fn people_are_found_by_what_one_types(on: On) {
    let TestApp { ann, .. } = TestApp::start(on).await;
    for (name, email, phone, city) in [
        ("Jürgen Müller-Straße", "juergen.mueller@mail.example.com", "+49 30 1234567", "Berlin"),
        ("王小明", "xiaoming@example.cn", "+86 138 0013 8000", "北京"),
        ("山田 タロウ", "taro@example.jp", "+81 3-1234-5678", "東京"),
        ("Zoë O'Neill", "zoe@other.org", "+1 212 555 0100", "New York"),
    ] {
        ann.create("contact", json!({"name": name, "email": email, "phone": phone, "city": city})).await;
    }
    for (text, name) in [
        ("jurgen", "Jürgen Müller-Straße"),
        ("MÜLL", "Jürgen Müller-Straße"),
        ("muller strasse", "Jürgen Müller-Straße"),
        ("juergen.mueller@mail.example.com", "Jürgen Müller-Straße"),
        ("mail.example", "Jürgen Müller-Straße"),
        ("1234567", "Jürgen Müller-Straße"),
        ("4567", "Jürgen Müller-Straße"),
        ("+49 30", "Jürgen Müller-Straße"),
        ("030 123", "Jürgen Müller-Straße"),
        ("301234", "Jürgen Müller-Straße"),
        ("王小", "王小明"),
        ("小明", "王小明"),
        ("王", "王小明"),
        ("王小明", "王小明"),
        ("北京", "王小明"),
        ("8000", "王小明"),
        ("138", "王小明"),
        ("山田", "山田 タロウ"),
        ("タロウ", "山田 タロウ"),
        ("zoe", "Zoë O'Neill"),
        ("neill new yor", "Zoë O'Neill"),
        ("(212) 555-0100", "Zoë O'Neill"),
    ] {
        assert_eq!(found(&ann, text).await, [name], "{text}");
    }
    for text in ["urgen", "王明", "123456", "muller zoe", "bob", "999"] {
        assert!(found(&ann, text).await.is_empty(), "{text}");
    }
}

async fn the_best_come_first(on: On) {
    let TestApp { ann, .. } = TestApp::start(on).await;
    for (name, city) in
        [("Bern one", "Aarau"), ("Bernard", "Aarau"), ("Carl", "Bern"), ("Dora", "Bernbach"), ("Bern two", "Bern")]
    {
        ann.create("contact", json!({"name": name, "city": city})).await;
    }
    // The word itself in the name, then in another field, then longer words likewise; the newest first.
    assert_eq!(found(&ann, "bern").await, ["Bern two", "Bern one", "Carl", "Bernard", "Dora"]);
    assert_eq!(found(&ann, "bern aar").await, ["Bern one", "Bernard"]);
}

async fn pages_of_a_search_follow_each_other(on: On) {
    let TestApp { ann, .. } = TestApp::start(on).await;
    for number in 0..11 {
        let name = if number % 3 == 0 { format!("Ann {number}") } else { format!("Anna {number}") };
        ann.create("contact", json!({"name": name})).await;
    }
    let whole = found(&ann, "ann").await;
    assert_eq!(whole.len(), 11);
    for limit in [1, 4, 10, 11, 12] {
        let mut all = Vec::new();
        let mut cursor = json!(null);
        loop {
            let body = json!({"text": "ann", "limit": limit, "cursor": cursor, "count": "exact"});
            let page = ann.post(SEARCH, &body).await.assert(200).json();
            assert_eq!((&page["total"], &page["complete"]), (&json!(11), &json!(true)));
            all.extend(page["data"].as_array().unwrap().iter().map(|one| one["name"].as_str().unwrap().to_owned()));
            cursor = page["next_cursor"].clone();
            if cursor.is_null() {
                break;
            }
            let other = json!({"text": "anna", "limit": limit, "cursor": cursor});
            ann.post(SEARCH, &other).await.problem(422, "validation_failed");
        }
        assert_eq!(all, whole, "by {limit}");
    }
}

async fn words_follow_their_record(on: On) {
    let TestApp { ann, .. } = TestApp::start(on).await;
    let contact = ann.create("contact", json!({"name": "Ann Lee", "city": "Bern"})).await;
    let path = format!("/api/v1/records/contact/{}", contact["id"].as_str().unwrap());
    ann.patch(&path, &json!({"name": "Ann Bern", "note": "x"})).await.assert(200);
    assert!(found(&ann, "lee").await.is_empty());
    assert_eq!(found(&ann, "bern").await, ["Ann Bern"]);
    // The word is in the name and in the city: taking it from one leaves it in the other.
    ann.patch(&path, &json!({"name": "Ann"})).await.assert(200);
    assert_eq!(found(&ann, "bern").await, ["Ann"]);
    ann.patch(&path, &json!({"city": null})).await.assert(200);
    assert!(found(&ann, "bern").await.is_empty());
    assert_eq!(found(&ann, "ann").await, ["Ann"]);
    ann.delete(&path).await.assert(204);
    assert!(found(&ann, "ann").await.is_empty());
}

async fn a_search_is_filtered_and_sorted(on: On) {
    let TestApp { ann, .. } = TestApp::start(on).await;
    let company = ann.create("company", json!({"name": "Works"})).await;
    for (name, city, company) in [
        ("Ann C", "Bern", json!(null)),
        ("Ann A", "Bern", company["id"].clone()),
        ("Ann B", "Basel", company["id"].clone()),
    ] {
        ann.create("contact", json!({"name": name, "city": city, "company": company})).await;
    }
    let at_works = json!({"company": {"name": {"_eq": "Works"}}});
    assert_eq!(names(&ann, json!({"text": "ann", "filter": at_works})).await, ["Ann B", "Ann A"]);
    assert_eq!(
        names(&ann, json!({"text": "ann", "filter": {"city": {"_eq": "Bern"}}, "sort": "name"})).await,
        ["Ann A", "Ann C"]
    );
    assert_eq!(names(&ann, json!({"filter": at_works, "sort": ["-name"]})).await, ["Ann B", "Ann A"]);
    let body = json!({"text": "ann a", "expand": ["company"], "fields": ["name"]});
    let page = ann.post(SEARCH, &body).await.assert(200).json();
    assert_eq!(page["data"][0]["expanded"]["company"]["name"], "Works");
}

async fn several_objects_at_once(on: On) {
    let TestApp { ann, .. } = TestApp::start(on).await;
    ann.create("company", json!({"name": "Berner Works"})).await;
    ann.create("contact", json!({"name": "Ann", "city": "Bern"})).await;
    ann.create("contact", json!({"name": "Bern"})).await;
    let objects = |page: &Json| -> Vec<String> {
        page["data"].as_array().unwrap().iter().map(|hit| hit["object"].as_str().unwrap().to_owned()).collect()
    };
    let all = ann.get("/api/v1/search?q=bern").await.assert(200).json();
    assert_eq!(objects(&all), ["contact", "contact", "company"]);
    assert_eq!(all["data"][0]["record"]["name"], "Bern");
    let some = ann.get("/api/v1/search?q=bern&objects=company,order&limit=5").await.assert(200).json();
    assert_eq!(objects(&some), ["company"]);
    assert_eq!(objects(&ann.get("/api/v1/search?q=bern&limit=1").await.assert(200).json()), ["contact"]);
    ann.get("/api/v1/search?q=bern&objects=unicorn").await.problem(404, "unknown_object");
    ann.get("/api/v1/search?q=").await.problem(422, "validation_failed");
    ann.get("/api/v1/search?q=a&w=1").await.problem(400, "unknown_parameter");
    ann.get("/api/v1/search?q=a&limit=501").await.problem(422, "validation_failed");
}

/// Runs SQL past the host.
pub async fn execute(database: &Database, sql: &str) {
    match database {
        Database::Sqlite(path) => {
            let mut connection = SqliteConnection::connect(path.to_str().unwrap()).await.unwrap();
            sqlx::raw_sql(AssertSqlSafe(sql.to_owned())).execute(&mut connection).await.unwrap();
        }
        Database::Postgres(url) => {
            let mut connection = superuser(url).await;
            sqlx::raw_sql(AssertSqlSafe(sql.to_owned())).execute(&mut connection).await.unwrap();
        }
    }
}

async fn records_that_were_there_are_found_too(on: On) {
    let TestApp { ann, sam, database, .. } = TestApp::start(on).await;
    for number in 0..205 {
        ann.create("contact", json!({"name": format!("Ann {number}")})).await;
    }
    sam.create("contact", json!({"name": "Ann of Sam"})).await;
    // As if the fields had not been searchable, or the words had been made by other rules.
    for (sql, others) in [
        ("delete from search_token; delete from search_index", 0),
        ("delete from search_token; update search_index set made_from = '0:name'", 0),
        (
            "update search_token set token = 'stale' where token = 'ann'; update search_index set made_from = '0:name'",
            0,
        ),
    ] {
        execute(&database, sql).await;
        assert!(found(&ann, "ann 204").await.is_empty());
        drop(crate::support::open(&database, Clock::system()).await.unwrap());
        assert_eq!(found(&ann, "ann 204").await, ["Ann 204"], "{sql}");
        assert_eq!(found(&ann, "stale").await.len(), others, "{sql}");
        assert_eq!(found(&sam, "ann").await, ["Ann of Sam"]);
    }
}

async fn common_words_are_cut_off_openly(on: On) {
    let TestApp { ann, sam, database, .. } = TestApp::start(on).await;
    let contact = ann.create("contact", json!({"name": "Ann Rare", "city": "Bern"})).await;
    sam.create("contact", json!({"name": "Ann", "city": "Bern"})).await;
    // Postings of records that need not exist: a common word of one tenant.
    let sql = match database {
        Database::Sqlite(_) => {
            "insert into search_token with recursive n(i) as (select 1 union all select i + 1 from n where i < 3000)
             select tenant_id, object, token, 1, unhex(format('00000000000070008000%012x', i))
             from n, search_token where token in ('ann', 'bern') and object = 'contact' on conflict do nothing"
        }
        Database::Postgres(_) => {
            "insert into search_token select tenant_id, object, token, 1,
             ('00000000-0000-7000-8000-' || lpad(to_hex(i), 12, '0'))::uuid
             from generate_series(1, 3000) i, search_token where token in ('ann', 'bern') and object = 'contact'
             on conflict do nothing"
        }
    };
    execute(&database, sql).await;
    let page = ann.post(SEARCH, &json!({"text": "ann", "count": "exact"})).await.assert(200).json();
    assert_eq!((&page["complete"], &page["total"]), (&json!(false), &json!(1_000)));
    // The best is among them.
    assert_eq!(page["data"][0]["id"], contact["id"]);
    let both = ann.post(SEARCH, &json!({"text": "ann bern"})).await.assert(200).json();
    assert_eq!((&both["complete"], &both["data"][0]["id"]), (&json!(false), &contact["id"]));
    // A rare word beside a common one finds everything.
    let rare = ann.post(SEARCH, &json!({"text": "ann rare bern"})).await.assert(200).json();
    assert_eq!((&rare["complete"], &rare["data"][0]["id"]), (&json!(true), &contact["id"]));
}

async fn hostile_text_is_only_text(on: On) {
    let TestApp { ann, .. } = TestApp::start(on).await;
    ann.create("contact", json!({"name": "Ann"})).await;
    for text in [
        "ann\" OR *",
        "'; drop table search_token; --",
        "ann\u{0} ",
        "NEAR(ann)",
        "ann & !x | (",
        "%_ann",
        "ann:*",
        "\u{202e}ann",
        "ann 🙂",
        "{ann}",
        "~4321",
        "=ann",
        "\u{10ffff}ann",
    ] {
        let reply = ann.post(SEARCH, &json!({"text": text})).await.assert(200).json();
        assert!(reply["complete"] == true, "{text}: {reply}");
    }
    assert_eq!(found(&ann, "ann\u{0}\" ").await, ["Ann"]);
    for (text, code) in [
        (String::new(), "required"),
        ("\" * --".to_owned(), "required"),
        ("🙂".to_owned(), "required"),
        ("x".repeat(501), "too_long"),
        ("x".repeat(1_000_000), "too_long"),
        ("一二三四五六七八九十王李".to_owned(), "out_of_range"),
        ("a b c d e f g h i j k l ".to_owned(), "out_of_range"),
    ] {
        let problem = ann.post(SEARCH, &json!({"text": text})).await.problem(422, "validation_failed");
        assert_eq!(problem["errors"][0]["code"], code);
    }
    // What is stored may be hostile too.
    let huge = "\u{fdfa}".repeat(255);
    ann.create("contact", json!({"name": huge, "city": "x'); --"})).await;
    assert_eq!(found(&ann, "x").await.len(), 1);
    ann.post("/api/v1/records/loyalty.member/search", &json!({"text": "a"})).await.problem(404, "unknown_object");
}

/// A search looks into no field that is not marked for it.
async fn cve_2025_30352_directus(on: On) {
    let TestApp { ann, .. } = TestApp::start(on).await;
    ann.create("contact", json!({"name": "Ann", "note": "secretword", "birthday": "2000-01-01"})).await;
    for text in ["secretword", "2000", "01a2"] {
        assert!(found(&ann, text).await.is_empty(), "{text}");
    }
}
