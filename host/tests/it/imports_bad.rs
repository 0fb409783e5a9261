//! Imports of bad files: each fault is told, and costs its own row only.

use futures_util::stream;
use serde_json::{Value as Json, json};

use crate::imports::{import, path, view};
use crate::support::{On, TestApp};

both!(
    broken_quotes_cost_their_own_rows
    nul_bytes
    a_line_of_100_megabytes
    a_wrong_encoding_in_the_middle
    more_and_fewer_cells_than_the_header
    nothing_in_the_file
    ten_thousand_columns
    a_card_that_never_ends
    lines_that_are_no_objects
    a_row_that_looks_as_if_it_were_sealed
    a_file_that_breaks_off
    cve_2026_55154_espocrm
);

/// Runs an import, and returns what was stored, and the refused rows as number and code.
async fn outcome(test: &TestApp, media_type: &str, file: impl Into<reqwest::Body>) -> (Vec<String>, Vec<String>, Json) {
    let done = import(test, "object=contact", media_type, file).await;
    assert_eq!(done["job"]["state"], "done", "{done}");
    let records = test.ann.all("contact", &[("limit", "500"), ("sort", "name")]).await;
    let names = records.iter().map(|record| record["name"].as_str().unwrap().to_owned()).collect();
    let errors = test.ann.get(&path(&done, "/errors")).await.assert(200).text;
    let width = done["columns"].as_array().unwrap().len();
    let rows = errors.split("\r\n").skip(1).filter(|line| !line.is_empty());
    let codes = rows.map(|line| line.rsplit(',').take(3).collect::<Vec<_>>()).map(|mut last| {
        last.reverse();
        format!("{} {}", last[0], last[1])
    });
    assert!(width > 0);
    (names, codes.collect(), done)
}

async fn a_row_that_looks_as_if_it_were_sealed(on: On) {
    let test = TestApp::start(on).await;
    let file = "{\"sealed\": \"sealed:AAAA\"}\n{\"name\": \"Ann\"}\n";
    let (names, codes, done) = outcome(&test, "application/jsonl", file).await;
    assert_eq!((names, codes), (vec!["Ann".to_owned()], vec!["1 required".to_owned()]));
    let errors = test.ann.get(&path(&done, "/errors")).await.assert(200).text;
    assert!(errors.contains("sealed:AAAA"), "{errors}");
}

async fn broken_quotes_cost_their_own_rows(on: On) {
    let test = TestApp::start(on).await;
    let file = "name,city\nAnn,Bern\n\"Bob\" x,Bern\n\"Cid,Bern\nDon,Bern\n\"Eve \"\"E\"\"\",\"Bern\nWest\"\n";
    let (names, codes, _) = outcome(&test, "text/csv", file).await;
    // The cell with a line's end is no city: it is one line of text.
    assert_eq!(names, ["Ann", "Don"]);
    assert_eq!(codes, ["2 broken_quotes", "3 broken_quotes", "5 out_of_range"]);
    let file = "name,city\nFay,Bern\nGil,\"open\nHal,Bern\n";
    let (names, codes, _) = outcome(&test, "text/csv", file).await;
    assert_eq!(names, ["Ann", "Don", "Fay", "Hal"]);
    assert_eq!(codes, ["2 broken_quotes"]);
}

async fn nul_bytes(on: On) {
    let test = TestApp::start(on).await;
    let (names, codes, _) = outcome(&test, "text/csv", "name,city\nAn\0n,Bern\nBob,Bern\nCid,\0\n").await;
    assert_eq!(names, ["Bob"]);
    assert_eq!(codes, ["1 out_of_range", "3 out_of_range"]);
    let (names, codes, _) = outcome(&test, "application/jsonl", "{\"name\":\"x\\u0000\"}\n{\"name\":\"Don\"}\n").await;
    assert_eq!(names, ["Bob", "Don"]);
    assert_eq!(codes, ["1 out_of_range"]);
}

async fn a_line_of_100_megabytes(on: On) {
    let test = TestApp::start(on).await;
    let start = b"name,city\nAnn,Bern\nBob,\"".to_vec();
    let middle = (0..100).map(|_| vec![b'x'; 1 << 20]);
    let parts = std::iter::once(start).chain(middle).chain([b"\nCid,Bern\n".to_vec()]);
    let file = reqwest::Body::wrap_stream(stream::iter(parts.map(Ok::<_, std::io::Error>)));
    let (names, codes, _) = outcome(&test, "text/csv", file).await;
    assert_eq!(names, ["Ann", "Cid"]);
    assert_eq!(codes, ["2 row_too_long"]);
}

async fn a_wrong_encoding_in_the_middle(on: On) {
    let test = TestApp::start(on).await;
    let mut file = b"name,city\nGr\xc3\xbcn,Z\xc3\xbcrich\nM\xfcller,Bern\nAnn,Z\xc3\xbcrich\n".to_vec();
    let (names, codes, done) = outcome(&test, "text/csv", file.clone()).await;
    assert_eq!(done["encoding"], "UTF-8");
    assert_eq!(names, ["Ann", "Grün"]);
    assert_eq!(codes, ["2 invalid_encoding"]);
    // Behind the part that is looked at.
    file.truncate(24);
    file.extend("Bob,Bern\n".repeat(50_000).into_bytes());
    file.extend(b"\xff\xfe,Bern\n");
    let started = test.ann.upload("object=contact&start=true&dry_run=true", "text/csv", file).await.assert(202).json();
    test.app.run_due_jobs().await.unwrap();
    let done = view(&test.ann, &started).await;
    assert_eq!(done["job"]["result"]["counts"]["failed"], 1, "{done}");
}

async fn more_and_fewer_cells_than_the_header(on: On) {
    let test = TestApp::start(on).await;
    let file = "name,city\nAnn\nBob,Bern,x\nCid,Bern,,\n\n\nDon,Bern";
    let (names, codes, _) = outcome(&test, "text/csv", file).await;
    assert_eq!(names, ["Cid", "Don"]);
    assert_eq!(codes, ["1 wrong_cell_count", "2 wrong_cell_count"]);
}

async fn nothing_in_the_file(on: On) {
    let test = TestApp::start(on).await;
    for (media_type, file) in [
        ("text/csv", ""),
        ("text/csv", "\n\r\n\n"),
        ("text/csv", "\u{feff}"),
        ("text/vcard", ""),
        ("text/vcard", "BEGIN:VCARD\n"),
        ("application/jsonl", "\n"),
        ("application/jsonl", "[1]\n"),
    ] {
        let problem = test.ann.upload("object=contact", media_type, file).await.problem(422, "validation_failed");
        let error = &problem["errors"][0];
        assert_eq!((&error["field"], &error["code"]), (&json!("file"), &json!("no_rows")), "{file:?}: {problem}");
    }
    let (names, codes, done) = outcome(&test, "text/csv", "name,city\n").await;
    assert!(names.is_empty() && codes.is_empty());
    assert_eq!(done["job"]["result"]["rows"], 0);
}

async fn ten_thousand_columns(on: On) {
    let test = TestApp::start(on).await;
    let file = format!("name{}\nAnn\n", ",c".repeat(9_999));
    let problem = test.ann.upload("object=contact", "text/csv", file).await.problem(422, "validation_failed");
    assert_eq!(problem["errors"][0]["code"], "too_many_columns");
    let most = format!("name{}\nAnn{}\n", ",c".repeat(499), ",".repeat(499));
    let (names, ..) = outcome(&test, "text/csv", most).await;
    assert_eq!(names, ["Ann"]);
    let members: serde_json::Map<String, Json> = (0..10_000).map(|at| (format!("c{at}"), json!(1))).collect();
    let file = Json::Object(members).to_string();
    let problem = test.ann.upload("object=contact", "application/jsonl", file).await.problem(422, "validation_failed");
    assert_eq!(problem["errors"][0]["code"], "too_many_columns");
}

async fn a_card_that_never_ends(on: On) {
    let test = TestApp::start(on).await;
    let good = |name: &str| format!("BEGIN:VCARD\nVERSION:3.0\nFN:{name}\nEND:VCARD\n");
    let endless = format!("BEGIN:VCARD\nVERSION:3.0\nFN:X\nNOTE:{}\n", "x".repeat(3 << 20));
    let file = format!("{}{endless}{}BEGIN:VCARD\nFN:Y\n", good("Ann"), good("Bob"));
    let (names, codes, _) = outcome(&test, "text/vcard", file).await;
    assert_eq!(names, ["Ann", "Bob"]);
    assert_eq!(codes, ["2 row_too_long", "4 unclosed_card"]);
}

async fn lines_that_are_no_objects(on: On) {
    let test = TestApp::start(on).await;
    let file = "{\"name\":\"Ann\"}\n[1]\n7\n{\"name\":\n{\"name\":{\"x\":1}}\n{\"name\":\"Bob\",\"other\":1}\n{\"name\":\"Cid\"}";
    let done = import(&test, "object=contact", "application/jsonl", file).await;
    assert_eq!(done["job"]["result"]["counts"], json!({"created": 3, "failed": 4}), "{done}");
    let errors = test.ann.get(&path(&done, "/errors")).await.assert(200).text;
    for code in ["2,not_an_object", "3,not_an_object", "4,malformed_json", "5,wrong_type"] {
        assert!(errors.contains(code), "{code}: {errors}");
    }
}

async fn a_file_that_breaks_off(on: On) {
    let test = TestApp::start(on).await;
    let parts = [Ok(b"name\nAnn\n".to_vec()), Err(std::io::Error::other("gone"))];
    let broken = reqwest::Body::wrap_stream(stream::iter(parts));
    let ann = test.ann.clone();
    let sent = tokio::spawn(async move { ann.upload("object=contact", "text/csv", broken).await }).await;
    // The sender sees its own error, or the host's answer if that was faster.
    if let Ok(reply) = sent {
        reply.problem(400, "unreadable_body");
    }
    let jobs = test.ann.get("/api/v1/jobs").await.assert(200).json();
    assert_eq!(jobs["data"], json!([]));
}

async fn cve_2026_55154_espocrm(on: On) {
    let test = TestApp::start(on).await;
    let texts = ["=1+1", "\u{feff}=1", "\t=1", " @x", "＝1", "'=1", "plain", "-5", "+49", "O'Neil", "a\"b;c|d"];
    for (at, text) in texts.iter().enumerate() {
        test.ann.create("contact", json!({"name": format!("{at}"), "note": text})).await;
    }
    let file = test.ann.get("/api/v1/records/contact/export?fields=name,note").await.assert(200).text;
    for line in file.lines().skip(1) {
        let cell = line.split_once(',').unwrap().1.trim_matches('"');
        let is_plain = ["plain", "O'Neil"].contains(&cell) || cell.starts_with("a\"\"b");
        assert!(is_plain || cell.starts_with('\''), "{line:?}");
    }
    let before = test.ann.all("contact", &[("sort", "name")]).await;
    for record in &before {
        test.ann.delete(&format!("/api/v1/records/contact/{}", record["id"].as_str().unwrap())).await.assert(204);
    }
    import(&test, "object=contact", "text/csv", file).await;
    let after = test.ann.all("contact", &[("sort", "name")]).await;
    let notes = |records: &[Json]| records.iter().map(|record| record["note"].clone()).collect::<Vec<_>>();
    assert_eq!(notes(&after), notes(&before));
}
