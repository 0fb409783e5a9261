//! The writer's thread: one connection, and many units of work in one commit.

use std::sync::mpsc;

use rusqlite::Connection;
use tokio::sync::oneshot;

use super::super::{CommitError, Expect, Step, StoreError};
use super::{bind, failure};

/// Most units of work in one commit.
const GROUP: usize = 256;
/// Steps from which a unit of work is committed by itself.
const LARGE: usize = 64;

/// A unit of work on its way to the writer.
pub struct Job {
    /// What to do.
    pub steps: Vec<Step>,
    /// Where to say how it went.
    pub reply: oneshot::Sender<Result<(), CommitError>>,
}

/// The writer: takes what is waiting, commits it at once, tells everyone.
pub fn write(connection: &Connection, queue: &mpsc::Receiver<Job>) {
    let mut next = None;
    while let Some(first) = next.take().or_else(|| queue.recv().ok()) {
        let mut group = vec![first];
        while group.len() < GROUP
            && !group[0].is_large()
            && let Ok(job) = queue.try_recv()
        {
            if job.is_large() {
                next = Some(job);
                break;
            }
            group.push(job);
        }
        let results = match commit_group(connection, &group) {
            Ok(results) => results,
            Err(error) => {
                end(connection);
                tracing::error!(%error, "a group of {} commits failed", group.len());
                let text = error.to_string();
                group.iter().map(|_| Err(StoreError::Unavailable(text.clone()).into())).collect()
            }
        };
        for (job, result) in group.into_iter().zip(results) {
            // The caller may have gone away; its change is committed all the same.
            let _ = job.reply.send(result);
        }
    }
}

impl Job {
    /// Whether it is committed by itself. Within a savepoint every statement looks through all
    /// pages that were set aside since its beginning, so that a long unit would take time by its square.
    fn is_large(&self) -> bool {
        self.steps.len() > LARGE
    }
}

fn commit_group(connection: &Connection, group: &[Job]) -> rusqlite::Result<Vec<Result<(), CommitError>>> {
    let run = |sql: &str| connection.prepare_cached(sql)?.execute([]).map(|_| ());
    run("begin immediate")?;
    if let [job] = group {
        let result = steps(connection, &job.steps);
        if result.is_ok() {
            run("commit")?;
        } else {
            end(connection);
        }
        return Ok(vec![result]);
    }
    let mut results = Vec::with_capacity(group.len());
    for job in group {
        run("savepoint unit")?;
        let result = steps(connection, &job.steps);
        if result.is_err() {
            run("rollback to unit")?;
        }
        run("release unit")?;
        results.push(result);
    }
    run("commit")?;
    Ok(results)
}

/// Gives a transaction up. Nothing more can be done when even that fails; the next begin will say so.
fn end(connection: &Connection) {
    if !connection.is_autocommit() {
        let _ = connection.execute_batch("rollback");
    }
}

fn steps(connection: &Connection, steps: &[Step]) -> Result<(), CommitError> {
    for (at, step) in steps.iter().enumerate() {
        let rows = match step_rows(connection, step) {
            Ok(rows) => rows,
            Err(error) if is_unique(&error) => return Err(CommitError::Unique(at)),
            Err(error) => return Err(failure(error).into()),
        };
        if !step.expect.is_met(rows) {
            return Err(CommitError::Unmet(at));
        }
    }
    Ok(())
}

fn step_rows(connection: &Connection, step: &Step) -> rusqlite::Result<usize> {
    let mut prepared = connection.prepare_cached(&step.stmt.sql)?;
    bind(&mut prepared, &step.stmt)?;
    if step.expect.is_query() {
        let mut rows = prepared.raw_query();
        let mut found = 0;
        while rows.next()?.is_some() {
            found += 1;
        }
        return Ok(found);
    }
    if step.expect == Expect::Nothing && prepared.column_count() > 0 {
        let mut rows = prepared.raw_query();
        while rows.next()?.is_some() {}
        return Ok(0);
    }
    prepared.raw_execute()
}

fn is_unique(error: &rusqlite::Error) -> bool {
    error.sqlite_error().is_some_and(|cause| {
        matches!(
            cause.extended_code,
            rusqlite::ffi::SQLITE_CONSTRAINT_UNIQUE | rusqlite::ffi::SQLITE_CONSTRAINT_PRIMARYKEY
        )
    })
}
