//! The least that a durable insert has to do: one thread that commits together what waits together.

use std::sync::mpsc;
use std::time::Instant;

use rusqlite::{Connection, params};
use serde::Deserialize;
use tokio::sync::oneshot;
use uuid::Uuid;

use super::Result;

/// A contact to insert.
#[derive(Deserialize)]
pub struct NewContact {
    name: String,
    email: String,
    city: String,
    external_id: String,
}

struct Job {
    contact: NewContact,
    reply: oneshot::Sender<Uuid>,
}

/// The way to the writing thread.
pub struct Writer(mpsc::Sender<Job>);

impl Writer {
    /// Starts the thread.
    pub fn start(connection: Connection, tenant: Uuid) -> Result<Self> {
        connection.execute_batch("pragma journal_mode = wal; pragma synchronous = full;")?;
        let (jobs, queue) = mpsc::channel();
        std::thread::Builder::new().spawn(move || {
            let mut ids = Ids(Instant::now(), 0);
            while let Ok(first) = queue.recv() {
                let mut group = vec![first];
                group.extend(queue.try_iter());
                match commit(&connection, tenant, &group, &mut ids) {
                    Ok(made) => {
                        for (job, id) in group.into_iter().zip(made) {
                            // The client may have gone; the row is there all the same.
                            let _ = job.reply.send(id);
                        }
                    }
                    // The replies are dropped, and every client gets a 500.
                    Err(error) => println!("a group was lost: {error}"),
                }
            }
        })?;
        Ok(Self(jobs))
    }

    /// Inserts a contact and returns when it is on disk.
    pub async fn insert(&self, contact: NewContact) -> Result<Uuid> {
        let (reply, done) = oneshot::channel();
        self.0.send(Job { contact, reply }).map_err(|_| "the writer has stopped")?;
        Ok(done.await?)
    }
}

fn commit(connection: &Connection, tenant: Uuid, group: &[Job], ids: &mut Ids) -> rusqlite::Result<Vec<Uuid>> {
    connection.prepare_cached("begin immediate")?.execute([])?;
    let mut insert = connection.prepare_cached(
        "insert into o_contact (tenant_id, id, version, created_at, updated_at, name, email, city, external_id) \
         values (?1, ?2, 1, 0, 0, ?3, ?4, ?5, ?6)",
    )?;
    let mut made = Vec::with_capacity(group.len());
    for Job { contact, .. } in group {
        let id = ids.make();
        insert.execute(params![tenant, id, contact.name, contact.email, contact.city, contact.external_id])?;
        made.push(id);
    }
    connection.prepare_cached("commit")?.execute([])?;
    Ok(made)
}

/// Ids that grow with time, as the host's do.
struct Ids(Instant, u16);

impl Ids {
    fn make(&mut self) -> Uuid {
        self.1 = self.1.wrapping_add(1);
        let millis = 1_900_000_000_000 + u64::try_from(self.0.elapsed().as_millis()).unwrap_or(0);
        let mut bytes = [0; 10];
        bytes[..2].copy_from_slice(&self.1.to_be_bytes());
        uuid::Builder::from_unix_timestamp_millis(millis, &bytes).into_uuid()
    }
}
