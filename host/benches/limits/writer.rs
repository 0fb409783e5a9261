//! The least that a durable write has to do: one thread that commits together what waits together.

use std::sync::mpsc;

use rusqlite::Connection;
use tokio::sync::oneshot;

use super::Result;

/// What is to be written.
type Work = Box<dyn FnOnce(&Connection) -> rusqlite::Result<()> + Send>;

struct Job {
    work: Work,
    reply: oneshot::Sender<()>,
}

/// The way to the writing thread.
pub struct Writer(mpsc::Sender<Job>);

impl Writer {
    /// Starts the thread.
    pub fn start(connection: Connection) -> Result<Self> {
        connection.execute_batch("pragma journal_mode = wal; pragma synchronous = full;")?;
        let (jobs, queue) = mpsc::channel();
        std::thread::Builder::new().spawn(move || {
            while let Ok(first) = queue.recv() {
                let mut group: Vec<Job> = vec![first];
                group.extend(queue.try_iter());
                match commit(&connection, group) {
                    Ok(done) => {
                        for reply in done {
                            // The client may have gone; the row is there all the same.
                            let _ = reply.send(());
                        }
                    }
                    // The replies are dropped, and every client gets a 500.
                    Err(error) => println!("a group was lost: {error}"),
                }
            }
        })?;
        Ok(Self(jobs))
    }

    /// Writes and returns when it is on disk.
    pub async fn write(&self, work: impl FnOnce(&Connection) -> rusqlite::Result<()> + Send + 'static) -> Result<()> {
        let (reply, done) = oneshot::channel();
        self.0.send(Job { work: Box::new(work), reply }).map_err(|_| "the writer has stopped")?;
        Ok(done.await?)
    }
}

fn commit(connection: &Connection, group: Vec<Job>) -> rusqlite::Result<Vec<oneshot::Sender<()>>> {
    connection.prepare_cached("begin immediate")?.execute([])?;
    let mut done = Vec::with_capacity(group.len());
    for Job { work, reply } in group {
        work(connection)?;
        done.push(reply);
    }
    connection.prepare_cached("commit")?.execute([])?;
    Ok(done)
}
