//! A disk without room: writes are refused as what they are, reads go on, nothing breaks, and the host is back
//! as soon as there is room.

use std::fs::File;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::json;

use crate::faults::away;
use crate::place::Place;
use crate::support::{Actor, On, TestApp};

/// Room of the disk, in megabytes.
const ROOM: u64 = 48;
/// Rounds, each with some more pages left than the one before.
const ROUNDS: usize = 12;
/// Most writes until there is no room any more.
const WRITES: usize = 200;
const PAGE: u64 = 4_096;

/// A small disk of its own, gone with its value.
struct Disk(PathBuf);

impl Disk {
    /// None where nobody may mount one.
    fn mount(at: &Path) -> Option<Self> {
        let mut command = Command::new("mount");
        command.args(["-t", "tmpfs", "-o", &format!("size={ROOM}m,mode=0700"), "guildhall-test"]).arg(at);
        command.output().is_ok_and(|done| done.status.success()).then(|| Self(at.to_owned()))
    }

    /// Fills all of it but so many pages.
    fn fill(&self, left: usize) {
        let mut filler = File::create(self.filler()).unwrap();
        let page = vec![0; usize::try_from(PAGE).unwrap()];
        while filler.write_all(&page).is_ok() {}
        let length = filler.metadata().unwrap().len() / PAGE * PAGE;
        filler.set_len(length.saturating_sub(left as u64 * PAGE)).unwrap();
    }

    fn make_room(&self) {
        std::fs::remove_file(self.filler()).unwrap();
    }

    fn filler(&self) -> PathBuf {
        self.0.join("filler")
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        // Lazily: a host that is just being killed may hold it for a moment.
        let _ = Command::new("umount").arg("--lazy").arg(&self.0).status();
    }
}

/// Without the right to mount, a limit on the size of files stands for the end of the disk:
/// that is the test `a_disk_that_is_full_at_the_nth_write`, which always runs.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_disk_without_room_where_mounting_is_allowed_and_a_limit_where_it_is_not() {
    let place = Place::make(On::Sqlite).await;
    let disk = Disk::mount(place.directory.path());
    let key = place.key().await;
    let (mut host, address) = place.serve().await;
    let test = TestApp::start(On::Sqlite).await;
    let ann = test.ann.with_key(&key).at(&address);
    let first = ann.create("contact", json!({"name": "first"})).await;
    let Some(disk) = disk else {
        crate::faults::a_full_log(&place, &mut host, &ann).await;
        return;
    };
    let path = format!("/api/v1/records/contact/{}", first["id"].as_str().unwrap());
    let mut stored = 1;
    for round in 0..ROUNDS {
        disk.fill(round * 3);
        let mut refused = None;
        for part in 0..WRITES {
            let name = format!("{round}-{part}");
            let reply = post(&ann, &name).await;
            if reply.status.as_u16() != 201 {
                away(reply);
                refused = Some(name);
                break;
            }
            stored += 1;
        }
        let refused = refused.expect("the disk was never full");
        assert_eq!(ann.get(&path).await.assert(200).json(), first);
        assert_eq!(ann.all("contact", &[]).await.len(), stored);
        disk.make_room();
        post(&ann, &refused).await.assert(201);
        stored += 1;
        ann.get("/readyz").await.assert(200);
        assert_eq!(ann.all("contact", &[]).await.len(), stored);
    }
    host.kill().await.unwrap();
    assert_eq!(place.integrity().await, "ok");
}

/// A record of some pages, with its name as the key.
async fn post(ann: &Actor, name: &str) -> crate::support::Reply {
    let body = json!({"name": name, "note": "x".repeat(20_000)});
    ann.with("idempotency-key", name).post("/api/v1/records/contact", &body).await
}
