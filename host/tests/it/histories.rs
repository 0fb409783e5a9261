//! Recorded histories of one record: what many clients at once were answered is what one client after the
//! other could have been answered, in an order that keeps to the times at which they asked.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};

use futures_util::future::join_all;
use rand::rngs::SmallRng;
use rand::{RngExt, SeedableRng};
use serde_json::json;

use crate::support::{Actor, On, TestApp};

both!(linearizable_histories_of_one_record);

/// Histories on each engine, unless `GUILDHALL_HISTORIES` asks for more.
const HISTORIES: u64 = 100;
/// Clients of a history.
const CLIENTS: u64 = 5;
/// Requests of each.
const REQUESTS: u64 = 8;

/// What was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Asked {
    Read,
    /// Writes this value, whatever is there.
    Write(u64),
    /// Writes this value if this version is there.
    WriteAfter(u64, i64),
}

/// What was answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Answered {
    /// The version and the value that is there now.
    There(i64, u64),
    /// Nothing was written: this other version is there.
    Stale(i64),
}

/// One request, with the moments at which it was sent and answered.
#[derive(Clone, Debug)]
struct Event {
    from: u64,
    to: u64,
    asked: Asked,
    answered: Answered,
}

async fn request(ann: &Actor, path: &str, asked: Asked) -> Answered {
    let reply = match asked {
        Asked::Read => ann.get(path).await,
        Asked::Write(value) => ann.patch(path, &json!({"city": value.to_string()})).await,
        Asked::WriteAfter(value, version) => {
            let seen = ann.with("if-match", &format!("\"{version}\""));
            seen.patch(path, &json!({"city": value.to_string()})).await
        }
    };
    if reply.status.as_u16() == 412 {
        return Answered::Stale(reply.json()["current_version"].as_i64().unwrap());
    }
    let record = reply.assert(200).json();
    Answered::There(record["version"].as_i64().unwrap(), record["city"].as_str().unwrap().parse().unwrap())
}

async fn record(nodes: &[Actor], seed: u64) -> Vec<Event> {
    let made = nodes[0].create("contact", json!({"name": "Ann", "city": "0"})).await;
    let path = format!("/api/v1/records/contact/{}", made["id"].as_str().unwrap());
    let moments = AtomicU64::new(1);
    let clients = (0..CLIENTS).map(|client| {
        let ann = &nodes[usize::try_from(client).unwrap() % nodes.len()];
        let (path, moments) = (&path, &moments);
        async move {
            let mut random = SmallRng::seed_from_u64(seed * CLIENTS + client);
            let (mut seen, mut events) = (1, Vec::new());
            for part in 0..REQUESTS {
                let value = 1 + client * REQUESTS + part;
                let asked = match random.random_range(0..3) {
                    0 => Asked::Read,
                    1 => Asked::Write(value),
                    _ => Asked::WriteAfter(value, seen),
                };
                let from = moments.fetch_add(1, Ordering::SeqCst);
                let answered = request(ann, path, asked).await;
                let to = moments.fetch_add(1, Ordering::SeqCst);
                let (Answered::There(version, _) | Answered::Stale(version)) = answered;
                seen = version;
                events.push(Event { from, to, asked, answered });
            }
            events
        }
    });
    join_all(clients).await.into_iter().flatten().collect()
}

/// Says what is wrong with a history. Every write has a version of its own, so the order
/// is known, and has only to be checked.
fn fault(history: &[Event]) -> Option<String> {
    let mut values = BTreeMap::from([(1, 0)]);
    for event in history {
        if let (Asked::Write(value) | Asked::WriteAfter(value, _), Answered::There(version, shown)) =
            (event.asked, event.answered)
        {
            if shown != value {
                return Some(format!("{event:?} is answered with another value"));
            }
            if values.insert(version, value).is_some() {
                return Some(format!("version {version} was written twice"));
            }
        }
        match (event.asked, event.answered) {
            (Asked::WriteAfter(_, seen), Answered::There(version, _)) if version != seen + 1 => {
                return Some(format!("{event:?} wrote over a version that it had not seen"));
            }
            (Asked::WriteAfter(_, seen), Answered::Stale(version)) if version == seen => {
                return Some(format!("{event:?} was refused though nothing had changed"));
            }
            (Asked::Read | Asked::Write(_), Answered::Stale(_)) => return Some(format!("{event:?} has no condition")),
            _ => {}
        }
    }
    let versions: Vec<i64> = values.keys().copied().collect();
    if versions != (1..=i64::try_from(versions.len()).unwrap()).collect::<Vec<_>>() {
        return Some(format!("versions are missing: {versions:?}"));
    }
    for event in history {
        if let (Asked::Read, Answered::There(version, value)) = (event.asked, event.answered)
            && values.get(&version) != Some(&value)
        {
            return Some(format!("{event:?} shows what nobody wrote"));
        }
    }
    // Whoever asks after an answer sees nothing older; whoever writes then, makes something newer.
    for earlier in history {
        for later in history.iter().filter(|later| later.from > earlier.to) {
            let (Answered::There(before, _) | Answered::Stale(before)) = earlier.answered;
            let (Answered::There(after, _) | Answered::Stale(after)) = later.answered;
            let wrote = later.asked != Asked::Read && matches!(later.answered, Answered::There(..));
            if after < before || (wrote && after == before) {
                return Some(format!("{later:?} was asked after {earlier:?} was answered"));
            }
        }
    }
    None
}

async fn linearizable_histories_of_one_record(on: On) {
    let histories = std::env::var("GUILDHALL_HISTORIES").map_or(HISTORIES, |count| count.parse().unwrap());
    let test = TestApp::start(on).await;
    let mut nodes = vec![test.ann.clone()];
    if on == On::Postgres {
        nodes.push(test.second_node().await);
    }
    let mut refused = 0;
    for seed in 0..histories {
        let history = record(&nodes, seed).await;
        assert_eq!(fault(&history), None, "seed {seed}: {history:#?}");
        refused += history.iter().filter(|event| matches!(event.answered, Answered::Stale(_))).count();
    }
    assert!(refused > 0, "no two clients were ever in each other's way");
}

/// The check finds what it is for.
#[test]
fn histories_that_are_not_linearizable_are_found() {
    let event = |from, to, asked, answered| Event { from, to, asked, answered };
    let one = event(1, 2, Asked::Write(7), Answered::There(2, 7));
    let wrong = [
        event(3, 4, Asked::Read, Answered::There(1, 0)),
        event(3, 4, Asked::Read, Answered::There(2, 8)),
        event(3, 4, Asked::Write(9), Answered::There(2, 9)),
        event(3, 4, Asked::Write(9), Answered::There(4, 9)),
        event(3, 4, Asked::WriteAfter(9, 1), Answered::There(3, 9)),
        event(3, 4, Asked::WriteAfter(9, 2), Answered::Stale(2)),
        event(3, 4, Asked::WriteAfter(9, 3), Answered::Stale(1)),
    ];
    for wrong in wrong {
        assert!(fault(&[one.clone(), wrong.clone()]).is_some(), "{wrong:?}");
    }
    let right = event(3, 4, Asked::WriteAfter(9, 2), Answered::There(3, 9));
    let meanwhile = event(1, 4, Asked::Read, Answered::There(1, 0));
    assert_eq!(fault(&[one, right, meanwhile]), None);
}
