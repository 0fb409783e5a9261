//! The real host, killed again and again at random moments: what it answered
//! is stored, what is retried is not doubled, and every event arrives.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::future::join_all;
use rand::RngExt;
use serde_json::{Value as Json, json};
use tokio::sync::watch;

use crate::place::Place;
use crate::receiver::Receiver;
use crate::support::On;

both!(kills);

/// Kills per engine; `cargo xtask kill` asks for more.
const KILLS: usize = 25;
/// Clients that write at the same time.
const WRITERS: usize = 4;
/// Most answers between two kills.
const ANSWERS: usize = 40;
/// Longest wait for the last events; another process's lease has to end first.
const PATIENCE: Duration = Duration::from_mins(2);

/// Clients and what they were answered.
struct Writers {
    client: reqwest::Client,
    key: String,
    /// Where the host is now.
    address: watch::Receiver<String>,
    /// Ids of the records that were answered, by the client's own name for them.
    answered: Mutex<BTreeMap<String, String>>,
    count: watch::Sender<usize>,
    /// No new records any more.
    enough: watch::Receiver<bool>,
}

impl Writers {
    async fn write(&self, writer: usize) {
        for part in 0.. {
            if *self.enough.borrow() {
                return;
            }
            let name = format!("{writer}-{part}");
            let id = self.create(&name).await;
            assert!(self.answered.lock().unwrap().insert(name, id).is_none());
            self.count.send_modify(|count| *count += 1);
        }
    }

    /// Sends the same with the same key until it is answered.
    async fn create(&self, name: &str) -> String {
        let mut address = self.address.clone();
        loop {
            let now = address.borrow_and_update().clone();
            let sent = self
                .client
                .post(format!("{now}/api/v1/records/contact"))
                .bearer_auth(&self.key)
                .header("idempotency-key", name)
                .json(&json!({"name": name}))
                .send()
                .await;
            let answer = match sent {
                Ok(response) => {
                    let status = response.status().as_u16();
                    response.text().await.map(|text| (status, text))
                }
                Err(error) => Err(error),
            };
            match answer {
                Ok((201, text)) => {
                    let record: Json = serde_json::from_str(&text).unwrap();
                    assert_eq!(record["name"], name);
                    return record["id"].as_str().unwrap().to_owned();
                }
                Ok((409 | 500 | 503, _)) => {}
                Ok((status, text)) => panic!("{status}: {text}"),
                // It was killed: the next one has another address.
                Err(_) if *address.borrow() == now => drop(address.changed().await),
                Err(_) => {}
            }
        }
    }
}

async fn kills(on: On) {
    let kills = std::env::var("GUILDHALL_KILLS").map_or(KILLS, |count| count.parse().unwrap());
    let place = Place::make(on).await;
    let key = place.key().await;
    let receiver = Receiver::start().await;
    let (mut host, first) = place.serve().await;
    let client = crate::support::client();
    let webhook = json!({"url": receiver.url("/"), "types": ["contact.*"]});
    let made = client.post(format!("{first}/api/v1/webhooks")).bearer_auth(&key).json(&webhook).send().await.unwrap();
    assert_eq!(made.status().as_u16(), 201);

    let (tell, address) = watch::channel(first);
    let (stop, enough) = watch::channel(false);
    let count = watch::Sender::new(0);
    let mut answers = count.subscribe();
    let (key_of_all, answered) = (key.clone(), Mutex::default());
    let writers = Arc::new(Writers { client: client.clone(), key: key_of_all, address, answered, count, enough });
    let writing = (0..WRITERS).map(|writer| {
        let writers = Arc::clone(&writers);
        tokio::spawn(async move { writers.write(writer).await })
    });
    let writing: Vec<_> = writing.collect();
    for _ in 0..kills {
        let target = *answers.borrow_and_update() + rand::rng().random_range(0..ANSWERS);
        answers.wait_for(|count| *count >= target).await.unwrap();
        host.kill().await.unwrap();
        let (next, address) = place.serve().await;
        host = next;
        tell.send_replace(address);
    }
    stop.send_replace(true);
    join_all(writing).await.into_iter().for_each(|done| done.unwrap());
    let answered = writers.answered.lock().unwrap().clone();

    // Stored is what was answered, once each, and nothing else.
    let address = tell.borrow().clone();
    let get = async |path: &str| -> Json {
        let response = client.get(format!("{address}/api/v1{path}")).bearer_auth(&key).send().await.unwrap();
        serde_json::from_str(&response.text().await.unwrap()).unwrap()
    };
    let mut stored: Vec<(String, String)> = Vec::new();
    let mut cursor = String::new();
    loop {
        let page = get(&format!("/records/contact?limit=500{cursor}")).await;
        let text = |record: &Json, field: &str| record[field].as_str().unwrap().to_owned();
        stored.extend(page["data"].as_array().unwrap().iter().map(|record| (text(record, "name"), text(record, "id"))));
        match page["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => break,
        }
    }
    stored.sort();
    assert_eq!(stored, answered.iter().map(|(name, id)| (name.clone(), id.clone())).collect::<Vec<_>>());

    // Each has its event, and every event arrives, under its own id.
    let mut events: BTreeMap<String, String> = BTreeMap::new();
    let mut after = String::new();
    while events.len() < stored.len() {
        let page = get(&format!("/events?limit=500{after}")).await;
        for event in page["data"].as_array().unwrap() {
            let record = event["data"]["record"].as_str().unwrap().to_owned();
            assert!(events.insert(event["id"].as_str().unwrap().to_owned(), record).is_none());
        }
        after = format!("&after={}", page["next"].as_str().unwrap());
    }
    let of_events: BTreeSet<&String> = events.values().collect();
    assert_eq!(of_events, answered.values().collect::<BTreeSet<_>>());
    let all = receiver
        .until(PATIENCE, |got| got.iter().map(|message| &message.id).collect::<BTreeSet<_>>().len() >= events.len())
        .await;
    let got = receiver.got();
    let arrived: BTreeSet<&String> = got.iter().map(|message| &message.id).collect();
    assert!(all, "{} of {} events arrived", arrived.len(), events.len());
    assert_eq!(arrived, events.keys().collect::<BTreeSet<_>>());
    host.kill().await.unwrap();
    if on == On::Sqlite {
        assert_eq!(place.integrity().await, "ok");
    }
    told(on, kills, answered.len(), got.len() - arrived.len());
}

/// The figures of a run, for whoever asked for one.
#[expect(clippy::print_stdout, reason = "shown with --nocapture")]
fn told(on: On, kills: usize, answered: usize, again: usize) {
    println!("{on:?}: {kills} kills, {answered} answered, 0 lost, 0 doubled; {again} messages came more than once");
}
