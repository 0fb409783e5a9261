//! The erasure of a person goes on where it was, wherever its host was killed.

use serde_json::json;

use crate::jobs::{killed_after, node};
use crate::privacy::{assert_nothing_of_the_person, at, known_in_plain};
use crate::support::On;

both!(an_erasure_that_is_killed_goes_on);

async fn an_erasure_that_is_killed_goes_on(on: On) {
    let known = known_in_plain(on).await;
    let (test, ann) = (&known.test, &known.test.ann);
    let job = ann.post(&at(&known.person, "/person/erase"), &json!({"confirm": known.person["id"]})).await.assert(202);
    let job = job.header("location").to_owned();
    // Each host comes a bit further than the one before, each after the lease of the one before has ended.
    let mut kills = 0;
    for turn in 1.. {
        let host = node(test, turn).await;
        if killed_after(usize::try_from(turn * turn).unwrap(), host.run_due_jobs()).await.is_some() {
            break;
        }
        kills += 1;
    }
    let done = ann.get(&job).await.assert(200).json();
    assert_eq!(done["state"], "done", "{done}");
    assert!(kills > 2, "{kills}");
    assert_nothing_of_the_person(test).await;
    let order = format!("/api/v1/records/order/{}", known.order["id"].as_str().unwrap());
    assert_eq!(ann.get(&order).await.assert(200).json()["note"], json!(null));
    // Each record is counted once.
    let certificate = format!("/api/v1/certificates/{}", done["result"]["certificate"].as_str().unwrap());
    let certificate = ann.get(&certificate).await.assert(200).json();
    assert_eq!(certificate["objects"]["contact"], json!({"removed": 2, "kept": 0}), "{certificate}");
    assert_eq!(certificate["objects"]["order"], json!({"removed": 0, "kept": 1}));
    assert_eq!(certificate["objects"]["activity"], json!({"removed": 2, "kept": 0}));
}
