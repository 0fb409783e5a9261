//! What the host keeps beside records and may hold values of a person: kept answers, merges, jobs, imports.

use std::collections::{BTreeSet, HashSet};

use serde_json::Value as Json;
use uuid::Uuid;

use super::erase::Position;
use super::{ERASE_PERSON, EXPORT_PERSON, Wish};
use crate::app::exports::EXPORT;
use crate::app::imports::{IMPORT, UNDO};
use crate::app::jobs::{JobFault, JobRun};
use crate::app::module_jobs::{JOB, TASK};
use crate::app::recompute::RECOMPUTE;
use crate::app::{App, AppError};
use crate::domain::person::erased;
use crate::store::{Conflict, PastJob};

/// Rows of the list that are read at once.
const PAGE: u32 = 500;

/// What is looked for.
pub(super) struct Sought {
    /// Records, and the imports and jobs that were about their objects.
    pub ids: HashSet<Uuid>,
    objects: BTreeSet<String>,
    imports: HashSet<Uuid>,
}

/// Looks through all of it. What is done already is not found again.
pub async fn sweep(run: &JobRun, wish: &Wish, position: &mut Position) -> Result<(), JobFault> {
    let mut sought = sought(run, wish).await?;
    merges(run, &sought, position).await?;
    jobs(run, &mut sought, position).await?;
    imports(run, &sought, position).await?;
    super::calls::forget(run, &sought, position).await?;
    answers(run, &sought, position).await
}

async fn sought(run: &JobRun, wish: &Wish) -> Result<Sought, JobFault> {
    let (app, tenant, permit) = (&run.app, run.caller.tenant, App::work_permit());
    let mut sought = Sought { ids: HashSet::new(), objects: BTreeSet::new(), imports: HashSet::new() };
    let mut after: Option<(String, Uuid)> = None;
    loop {
        let from = after.as_ref().map(|(object, id)| (object.as_str(), *id));
        let rows = app.store.erasure(permit, tenant, wish.id, from, PAGE).await?;
        let Some(last) = rows.last() else { break };
        after = Some((last.object.clone(), last.record));
        for row in rows {
            sought.ids.insert(row.record);
            sought.objects.insert(row.object);
        }
    }
    for object in &sought.objects {
        sought.imports.extend(app.store.imports_of(permit, tenant, object).await?);
    }
    sought.ids.extend(&sought.imports);
    Ok(sought)
}

/// Merges that could be undone, and would bring values back.
async fn merges(run: &JobRun, sought: &Sought, position: &mut Position) -> Result<(), JobFault> {
    let (app, tenant, permit) = (&run.app, run.caller.tenant, App::work_permit());
    let mut after = Uuid::nil();
    loop {
        let page = app.store.merges_after(permit, tenant, after).await?;
        let Some(last) = page.last() else { return Ok(()) };
        after = last.id;
        let is_about = |losers: &Json| mentions(&losers.to_string(), &sought.ids);
        let meant = page.iter().filter(|merge| {
            sought.objects.contains(&merge.object)
                && (sought.ids.contains(&merge.winner) || is_about(&merge.account["losers"]))
        });
        let meant: Vec<Uuid> = meant.map(|merge| merge.id).collect();
        if !meant.is_empty() {
            position.tally.merges += meant.len() as u64;
            let mut steps = app.store.forget_merges(permit, tenant, &meant);
            steps.push(position.advance(run));
            app.commit_steps(tenant, steps).await?;
        }
    }
}

/// Jobs about the same objects: their filters, values and faults; files that they made.
async fn jobs(run: &JobRun, sought: &mut Sought, position: &mut Position) -> Result<(), JobFault> {
    let (app, tenant, permit) = (&run.app, run.caller.tenant, App::work_permit());
    let mut after = Uuid::nil();
    loop {
        let page = app.store.jobs_after(permit, tenant, after).await?;
        let Some(last) = page.last() else { return Ok(()) };
        after = last.id;
        for job in page {
            let is_import = [IMPORT, UNDO].contains(&job.kind.as_str());
            if job.id == run.row.id || !is_about(&job, sought) || (is_import && job.is_over) {
                continue;
            }
            // The answer that told of the job holds what was asked, too.
            sought.ids.insert(job.id);
            if !job.is_over {
                let end = app.store.cancel_job(tenant, job.id, app.clock.now());
                match app.commit_steps(tenant, vec![end]).await {
                    Ok(()) | Err(Conflict::Superseded(_)) => {}
                    Err(other) => return Err(other.into()),
                }
            }
            if is_import {
                continue;
            }
            if [EXPORT, EXPORT_PERSON].contains(&job.kind.as_str()) {
                for file in [&job.result["file"], &job.checkpoint["blob"]] {
                    let Some(blob) = file.as_str().and_then(|text| Uuid::parse_str(text).ok()) else { continue };
                    app.store.remove_blob(permit, tenant, blob).await?;
                }
            }
            position.tally.jobs += 1;
            let blank = app.store.blank_job(permit, tenant, job.id, &erased(), app.clock.now());
            app.commit_steps(tenant, vec![blank, position.advance(run)]).await?;
        }
    }
}

fn is_about(job: &PastJob, sought: &Sought) -> bool {
    if [RECOMPUTE, ERASE_PERSON].contains(&job.kind.as_str()) {
        return false;
    }
    // What a module put aside may say anything of a person that it names; what came of it, of anybody.
    if [JOB, TASK].contains(&job.kind.as_str()) {
        return job.is_over || mentions(&job.payload.to_string(), &sought.ids);
    }
    let named = job.payload["id"].as_str().and_then(|text| Uuid::parse_str(text).ok());
    if job.kind == EXPORT_PERSON {
        return named.is_some_and(|id| sought.ids.contains(&id));
    }
    let import = job.payload["import"].as_str().and_then(|text| Uuid::parse_str(text).ok());
    let object = job.payload["object"].as_str();
    // What is sealed does not say what it is about.
    let is_sealed = job.payload.get("sealed").is_some();
    (is_sealed && job.is_over)
        || import.is_some_and(|import| sought.imports.contains(&import))
        || object.is_some_and(|object| sought.objects.contains(object))
}

/// Files that were brought in, what was shown of them, and the rows that were refused.
async fn imports(run: &JobRun, sought: &Sought, position: &mut Position) -> Result<(), JobFault> {
    let (app, tenant, permit) = (&run.app, run.caller.tenant, App::work_permit());
    for &id in &sought.imports {
        let Some(row) = app.store.import(permit, tenant, id).await? else { continue };
        let has_file = app.store.blob(permit, tenant, row.blob).await?.is_some();
        app.store.remove_blob(permit, tenant, row.blob).await?;
        let plan = app.plan_without_samples(tenant, &row).await?;
        position.tally.imports += u64::from(has_file);
        let mut steps = app.store.blank_import(permit, tenant, id, plan);
        steps.push(position.advance(run));
        app.commit_steps(tenant, steps).await?;
    }
    Ok(())
}

/// Answers to requests with a key. They still say that the request was done, so that it is not done again.
async fn answers(run: &JobRun, sought: &Sought, position: &mut Position) -> Result<(), JobFault> {
    let (app, tenant, permit) = (&run.app, run.caller.tenant, App::work_permit());
    let blank = erased().to_string();
    let mut after = None;
    loop {
        let page = app.store.answers_after(permit, tenant, after.as_ref()).await?;
        let Some((last, _)) = page.last() else { return Ok(()) };
        after = Some(last.clone());
        let mut steps = Vec::new();
        for (key, answer) in page {
            // What does not open may hold anything.
            let is_meant = match app.opened_answer(&key, answer.body).await {
                Ok(body) => mentions(&body, &sought.ids),
                Err(AppError::Unopened | AppError::NoOperatorKey) => true,
                Err(error) => return Err(error.into()),
            };
            if is_meant {
                steps.push(app.store.blank_answer(permit, &key, &blank));
            }
        }
        if !steps.is_empty() {
            position.tally.answers += steps.len() as u64;
            steps.push(position.advance(run));
            app.commit_steps(tenant, steps).await?;
        }
    }
}

/// Whether one of these ids stands in a text.
pub(super) fn mentions(text: &str, ids: &HashSet<Uuid>) -> bool {
    const LENGTH: usize = 36;
    let bytes = text.as_bytes();
    let is_start = |window: &&[u8]| window[8] == b'-' && window[13] == b'-' && window[18] == b'-' && window[23] == b'-';
    let found = bytes.windows(LENGTH).filter(is_start).filter_map(|window| Uuid::try_parse_ascii(window).ok());
    found.into_iter().any(|id| ids.contains(&id))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_found_wherever_they_stand() {
        let id = Uuid::from_u128(7);
        let ids = HashSet::from([id]);
        for text in [format!("{id}"), format!("a{id}b"), format!("{{\"id\":\"{id}\"}}"), format!("--{id}--ü")] {
            assert!(mentions(&text, &ids), "{text}");
        }
        for text in [String::new(), "ü".repeat(40), Uuid::from_u128(8).to_string()] {
            assert!(!mentions(&text, &ids), "{text}");
        }
    }
}
