//! What modules said, and failed calls that are kept: they may hold values of a person who is erased. Which calls saw
//! the person's records, the ledger says; what these said goes, and whatever else names one of the records.

use std::collections::HashSet;

use uuid::Uuid;

use super::erase::Position;
use super::sweep::{Sought, mentions};
use crate::app::jobs::{JobFault, JobRun};
use crate::app::ledger::spot;
use crate::app::{App, AppError};
use crate::domain::accountability::Reach;

/// Rows that are read at once.
const PAGE: u32 = 500;

/// Forgets them.
pub async fn forget(run: &JobRun, sought: &Sought, position: &Position) -> Result<(), JobFault> {
    run.app.flush_ledger().await?;
    let saw = invocations(run, sought).await?;
    lines(run, sought, &saw, position).await?;
    kept(run, sought, &saw, position, Kept::Failures).await?;
    kept(run, sought, &saw, position, Kept::Recordings).await
}

/// What is kept of calls.
#[derive(Clone, Copy)]
enum Kept {
    Failures,
    Recordings,
}

/// Calls that saw one of the records.
async fn invocations(run: &JobRun, sought: &Sought) -> Result<HashSet<Uuid>, JobFault> {
    let (app, tenant, permit) = (&run.app, run.caller.tenant, App::work_permit());
    let (mut after, mut saw) = (0, HashSet::new());
    loop {
        let page = app.store.plugin_access_after(permit, tenant, after, PAGE).await?;
        let Some(last) = page.last() else { return Ok(saw) };
        after = last.seq;
        for row in page {
            if let Reach::Records { records, .. } = &row.reach
                && records.iter().any(|(id, _)| sought.ids.contains(id))
            {
                saw.insert(row.invocation.id);
            }
        }
    }
}

async fn lines(run: &JobRun, sought: &Sought, saw: &HashSet<Uuid>, position: &Position) -> Result<(), JobFault> {
    let (app, tenant, permit) = (&run.app, run.caller.tenant, App::work_permit());
    let mut after = 0;
    loop {
        let page = app.store.lines_after(permit, tenant, after, PAGE).await?;
        let Some((last, ..)) = page.last() else { return Ok(()) };
        after = *last;
        let meant = page.iter().filter(|(_, call, text)| saw.contains(call) || mentions(text, &sought.ids));
        let meant: Vec<i64> = meant.map(|(seq, ..)| *seq).collect();
        if !meant.is_empty() {
            let mut steps = app.store.forget_said(permit, tenant, &meant, &[]);
            steps.push(position.advance(run));
            app.commit_steps(tenant, steps).await?;
        }
    }
}

async fn kept(
    run: &JobRun,
    sought: &Sought,
    saw: &HashSet<Uuid>,
    position: &Position,
    kept: Kept,
) -> Result<(), JobFault> {
    let (app, tenant, permit) = (&run.app, run.caller.tenant, App::work_permit());
    let mut after = Uuid::nil();
    loop {
        let page = match kept {
            Kept::Failures => app.store.failures_after(permit, tenant, after, PAGE).await?,
            Kept::Recordings => {
                let page = app.store.recordings_after(permit, tenant, after, PAGE).await?;
                page.into_iter().map(|(id, call)| (id, String::new(), Some(call))).collect()
            }
        };
        let Some((last, ..)) = page.last() else { return Ok(()) };
        after = *last;
        let mut meant = Vec::new();
        for (id, message, transcript) in page {
            let mut is_meant = saw.contains(&id) || mentions(&message, &sought.ids);
            if let Some(kept) = transcript.filter(|_| !is_meant) {
                // What does not open may hold anything.
                is_meant = match app.open_text(tenant, &spot(tenant, id), kept).await {
                    Ok(text) => mentions(&text, &sought.ids),
                    Err(AppError::Unopened | AppError::NoOperatorKey) => true,
                    Err(error) => return Err(error.into()),
                };
            }
            if is_meant {
                meant.push(id);
            }
        }
        if !meant.is_empty() {
            let mut steps = app.store.forget_said(permit, tenant, &[], &meant);
            steps.push(position.advance(run));
            app.commit_steps(tenant, steps).await?;
        }
    }
}
