//! The live stream: nothing lost, nothing doubled, and nobody who may not.

use std::collections::{BTreeSet, HashMap};
use std::time::Duration;

use futures_util::future::join_all;
use guildhall::app::App;
use guildhall::domain::clock::{Clock, Timestamp};
use serde_json::{Value as Json, json};

use crate::support::{Actor, On, TestApp};

both!(
    a_change_reaches_a_stream
    a_stream_resumes_where_it_broke
    concurrent_writers_lose_and_double_nothing
    a_stream_shows_what_its_key_may_read
    a_key_has_so_many_streams
    a_key_that_ends_ends_its_streams
    closing_the_host_ends_streams
    a_reader_that_takes_nothing_is_cut_off_and_resumes
);

/// Longest wait for something that should come at once, on a busy machine.
const SOON: Duration = Duration::from_secs(20);

/// One server-sent event.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Sent {
    id: Option<String>,
    event: Option<String>,
    pub data: Option<Json>,
    retry: Option<String>,
}

/// A stream as a client reads it.
pub struct Reading {
    response: reqwest::Response,
    text: String,
    /// The last place.
    id: String,
}

impl Reading {
    pub async fn open(actor: &Actor, query: &str, last: Option<&str>) -> Self {
        let mut actor = actor.with("accept", "text/event-stream");
        if let Some(last) = last {
            actor = actor.with("last-event-id", last);
        }
        let response = actor.open(&format!("/api/v1/events{query}")).await;
        assert_eq!(response.status().as_u16(), 200);
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        let mut reading = Self { response, text: String::new(), id: String::new() };
        // The first thing says where one is and when to come again.
        let first = reading.next().await.unwrap();
        assert!(first.id.is_some() && first.retry.is_some() && first.data.is_none(), "{first:?}");
        reading
    }

    /// The next thing, whatever it is; none at the end.
    pub async fn next(&mut self) -> Option<Sent> {
        loop {
            if let Some((block, rest)) = self.text.split_once("\n\n") {
                let mut sent = Sent::default();
                for line in block.lines() {
                    let (name, value) = line.split_once(':').unwrap();
                    let value = value.strip_prefix(' ').unwrap_or(value).to_owned();
                    match name {
                        "id" => sent.id = Some(value),
                        "event" => sent.event = Some(value),
                        "data" => sent.data = Some(serde_json::from_str(&value).unwrap()),
                        "retry" => sent.retry = Some(value),
                        "" => {}
                        other => panic!("{other}"),
                    }
                }
                if let Some(id) = &sent.id {
                    self.id.clone_from(id);
                }
                let rest = rest.to_owned();
                self.text = rest;
                return Some(sent);
            }
            let chunk = tokio::time::timeout(SOON, self.response.chunk()).await.expect("nothing came").ok()??;
            self.text.push_str(std::str::from_utf8(&chunk).unwrap());
        }
    }

    /// The next event.
    pub async fn event(&mut self) -> Option<Json> {
        loop {
            let sent = self.next().await?;
            if let Some(data) = sent.data {
                assert_eq!(sent.event.as_deref(), data["type"].as_str());
                return Some(data);
            }
        }
    }

    async fn events(&mut self, count: usize) -> Vec<Json> {
        let mut all = Vec::new();
        while all.len() < count {
            all.push(self.event().await.expect("the stream ended"));
        }
        all
    }

    /// Reads until the stream ends.
    pub async fn end(&mut self) {
        while self.next().await.is_some() {}
    }
}

fn name(event: &Json) -> String {
    event["data"]["after"]["name"].as_str().unwrap().to_owned()
}

async fn a_change_reaches_a_stream(on: On) {
    let TestApp { ann, vic, .. } = TestApp::start(on).await;
    ann.create("contact", json!({"name": "before"})).await;
    let mut reading = Reading::open(&vic, "", None).await;
    ann.create("contact", json!({"name": "Ann"})).await;
    let mut event = reading.event().await.unwrap();
    // What was committed just before the stream began may come with it.
    if name(&event) == "before" {
        event = reading.event().await.unwrap();
    }
    assert_eq!((name(&event).as_str(), event["type"].as_str().unwrap()), ("Ann", "contact.created"));
}

async fn a_stream_resumes_where_it_broke(on: On) {
    let TestApp { ann, .. } = TestApp::start(on).await;
    let start = ann.get("/api/v1/events").await.assert(200).json()["next"].as_str().unwrap().to_owned();
    let mut got = Vec::new();
    let mut last: Option<String> = None;
    for turn in 0..5 {
        for part in 0..3 {
            ann.create("contact", json!({"name": format!("{turn}-{part}")})).await;
        }
        let mut reading = Reading::open(&ann, &format!("?after={start}"), last.as_deref()).await;
        // It breaks in the middle of what there is.
        let count = 2.min(15 - got.len());
        got.extend(reading.events(count).await.iter().map(name));
        last = Some(reading.id.clone());
    }
    let mut reading = Reading::open(&ann, "", last.as_deref()).await;
    got.extend(reading.events(5).await.iter().map(name));
    let expected: Vec<String> = (0..5).flat_map(|turn| (0..3).map(move |part| format!("{turn}-{part}"))).collect();
    assert_eq!(got, expected);
}

async fn concurrent_writers_lose_and_double_nothing(on: On) {
    const WRITERS: usize = 24;
    const EACH: usize = 12;
    let test = TestApp::start(on).await;
    // On PostgreSQL half of them write on another node, whose commits this one has to hear of.
    let other = match on {
        On::Sqlite => test.ann.clone(),
        On::Postgres => {
            tokio::spawn(std::sync::Arc::clone(&test.app).work());
            let node = App::open_with(&test.database, Clock::system(), crate::support::settings()).await.unwrap();
            tokio::spawn(std::sync::Arc::clone(&node).work());
            test.ann.at(&TestApp::listen(&node).await)
        }
    };
    let start = test.ann.get("/api/v1/events").await.assert(200).json()["next"].as_str().unwrap().to_owned();
    let writers = join_all((0..WRITERS).map(|writer| {
        let ann = if writer % 2 == 0 { test.ann.clone() } else { other.clone() };
        async move {
            for part in 0..EACH {
                let contact = ann.create("contact", json!({"name": format!("{writer}-{part}")})).await;
                let path = format!("/api/v1/records/contact/{}", contact["id"].as_str().unwrap());
                ann.patch(&path, &json!({"city": "Bern"})).await.assert(200);
            }
        }
    }));
    let follow = async {
        let (mut got, mut last) = (Vec::new(), None::<String>);
        while got.len() < WRITERS * EACH * 2 {
            let mut reading = Reading::open(&test.vic, &format!("?after={start}"), last.as_deref()).await;
            let left = WRITERS * EACH * 2 - got.len();
            got.extend(reading.events(left.min(37)).await);
            last = Some(reading.id.clone());
        }
        got
    };
    let (_, got) = tokio::join!(writers, follow);
    let ids: BTreeSet<&str> = got.iter().map(|event| event["id"].as_str().unwrap()).collect();
    assert_eq!((ids.len(), got.len()), (WRITERS * EACH * 2, WRITERS * EACH * 2));
    let mut versions: HashMap<&str, i64> = HashMap::new();
    for event in &got {
        let seen = versions.entry(event["subject"].as_str().unwrap()).or_default();
        *seen += 1;
        assert_eq!(event["data"]["version"], *seen, "out of order: {event}");
    }
    // The log read in pages says the same, in the same order.
    let pages = crate::timeline::all_events(&test.ann, "limit=100").await;
    assert_eq!(pages, got);
}

async fn a_stream_shows_what_its_key_may_read(on: On) {
    let TestApp { ann, sam, anon, .. } = TestApp::start(on).await;
    anon.with("accept", "text/event-stream").get("/api/v1/events").await.problem(401, "unauthenticated");
    let mut of_sam = Reading::open(&sam, "", None).await;
    let mut companies = Reading::open(&ann, "?object=company&type=*.created", None).await;
    ann.create("contact", json!({"name": "Ann"})).await;
    ann.create("company", json!({"name": "Company"})).await;
    sam.create("contact", json!({"name": "Sam"})).await;
    assert_eq!(name(&of_sam.event().await.unwrap()), "Sam");
    assert_eq!(name(&companies.event().await.unwrap()), "Company");
}

async fn a_key_has_so_many_streams(on: On) {
    let TestApp { ann, vic, .. } = TestApp::start(on).await;
    let mut open = Vec::new();
    for _ in 0..8 {
        open.push(Reading::open(&ann, "", None).await);
    }
    let stream = ann.with("accept", "text/event-stream");
    stream.get("/api/v1/events").await.problem(429, "too_many_streams");
    Reading::open(&vic, "", None).await;
    open.pop();
    // The host sees the end of a connection in its own time.
    while stream.open("/api/v1/events").await.status().as_u16() == 429 {}
}

async fn a_key_that_ends_ends_its_streams(on: On) {
    let clock = Clock::manual(Timestamp::parse("2026-11-22T10:00:00Z").unwrap());
    let TestApp { app, ann, .. } = TestApp::start_with(on, clock.clone(), crate::support::settings()).await;
    let end = Timestamp::parse("2026-11-22T11:00:00Z");
    let (_, key) = app.create_key("first", "viewer", "short", end).await.unwrap();
    let mut reading = Reading::open(&ann.with_key(&key), "", None).await;
    clock.advance(Duration::from_mins(61));
    reading.end().await;
}

async fn closing_the_host_ends_streams(on: On) {
    let TestApp { app, ann, .. } = TestApp::start(on).await;
    let mut reading = Reading::open(&ann, "", None).await;
    app.close();
    reading.end().await;
}

async fn a_reader_that_takes_nothing_is_cut_off_and_resumes(on: On) {
    const EVENTS: usize = 200;
    let TestApp { ann, .. } = TestApp::start(on).await;
    let mut slow = Reading::open(&ann, "", None).await;
    let begin = slow.id.clone();
    let note = "x".repeat(100_000);
    for count in 0..EVENTS {
        ann.create("contact", json!({"name": format!("{count}"), "note": note})).await;
    }
    // More than the buffers on the way hold: the host gives its place to others.
    let stream = ann.with("accept", "text/event-stream");
    let mut held = Vec::new();
    for _ in 0..7 {
        held.push(Reading::open(&ann, "?object=company", None).await);
    }
    while stream.open("/api/v1/events").await.status().as_u16() == 429 {}
    let mut got = Vec::new();
    while let Some(event) = slow.event().await {
        got.push(name(&event));
    }
    assert!(got.len() < EVENTS, "it was not cut off");
    drop(held);
    let last = if got.is_empty() { begin } else { slow.id.clone() };
    while stream.open("/api/v1/events").await.status().as_u16() == 429 {}
    let mut again = Reading::open(&ann, "", Some(&last)).await;
    got.extend(again.events(EVENTS - got.len()).await.iter().map(name));
    assert_eq!(got, (0..EVENTS).map(|count| count.to_string()).collect::<Vec<_>>());
}
