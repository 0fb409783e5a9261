//! The job that erases a person. First all its records end and what mentions it lets go; then what the host keeps
//! beside records is looked through; then the records go for good and their events lose their values; at the end
//! stands the certificate. Each step is a commit together with how far the job has come, and each may be done twice.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::{Value as Json, json};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::{ErasureCount, Wish, letting, object_of, sweep, wish_of};
use crate::access::Read;
use crate::app::certificates::Facts;
use crate::app::files::FILE;
use crate::app::jobs::{JobFault, JobRun};
use crate::app::{App, AppError, Catalog};
use crate::domain::job::Progress;
use crate::domain::person::{erased, named, redact};
use crate::store::{ErasureRow, Further};

/// Records of one page.
const PAGE: u32 = 100;

/// How far it has come.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Position {
    /// What is done now.
    stage: Stage,
    /// The last record that was removed.
    after: Option<(String, Uuid)>,
    /// What was done so far.
    pub tally: Tally,
    /// The certificate, once there is one.
    certificate: Option<Uuid>,
}

/// What is done now.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Stage {
    /// Records end, or let go.
    #[default]
    Letting,
    /// What is beside records is looked through.
    Sweeping,
    /// Records go for good.
    Removing,
    /// It is done and certified.
    Done,
}

/// What was done, counted.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Tally {
    /// Records by object.
    pub objects: BTreeMap<String, ErasureCount>,
    /// Events that lost values.
    pub events: u64,
    /// Contents of files that were removed.
    pub files: u64,
    /// Answers kept for retries that were emptied.
    pub answers: u64,
    /// Merges that were forgotten.
    pub merges: u64,
    /// Imports whose file, samples and refused rows were removed.
    pub imports: u64,
    /// Jobs whose request and outcome were emptied; exports lost their file.
    pub jobs: u64,
}

impl Position {
    /// The step that says how far it has come.
    pub fn advance(&self, run: &JobRun) -> Further {
        let done = self.tally.objects.values().map(|count| count.removed + count.kept).sum();
        let progress = Progress { done, ..Progress::default() };
        run.advance(&progress, &serde_json::to_value(self).unwrap_or_default())
    }
}

/// Erases the person that a job is about.
pub async fn run(run: &JobRun) -> Result<Json, JobFault> {
    let app = &run.app;
    let wish = wish_of(&run.row).ok_or_else(|| AppError::Setup("the payload of an erasure".to_owned()))?;
    let mut position: Position = serde_json::from_value(run.row.checkpoint.clone()).unwrap_or_default();
    let catalog = app.catalog_of_all(&run.caller).await?;
    object_of(&catalog, &wish.object)?;
    if position.stage == Stage::Letting {
        loop {
            run.check_key().await?;
            let found = app.gather(&run.caller, &catalog, &wish.object, wish.id).await?;
            app.store.add_erasure(App::work_permit(), run.caller.tenant, wish.id, &found.rows()).await?;
            // Others may have added something meanwhile.
            if letting::let_go(run, &catalog, &found, &position).await? == 0 {
                break;
            }
        }
        position.stage = Stage::Sweeping;
        app.commit_steps(run.caller.tenant, vec![position.advance(run)]).await?;
    }
    if position.stage == Stage::Sweeping {
        sweep::sweep(run, &wish, &mut position).await?;
        position.stage = Stage::Removing;
        app.commit_steps(run.caller.tenant, vec![position.advance(run)]).await?;
    }
    if position.stage == Stage::Removing {
        while remove_page(run, &catalog, &wish, &mut position).await? {}
        certify(run, &catalog, &wish, &mut position).await?;
    }
    app.store.wipe(App::work_permit()).await?;
    Ok(json!({"certificate": position.certificate, "did": position.tally}))
}

/// Removes the next records; whether there were some.
async fn remove_page(
    run: &JobRun,
    catalog: &Arc<Catalog>,
    wish: &Wish,
    position: &mut Position,
) -> Result<bool, JobFault> {
    let (app, tenant) = (&run.app, run.caller.tenant);
    let after = position.after.as_ref().map(|(object, id)| (object.as_str(), *id));
    let rows = app.store.erasure(App::work_permit(), tenant, wish.id, after, PAGE).await?;
    let Some(last) = rows.last() else { return Ok(false) };
    let mut next = Position { after: Some((last.object.clone(), last.record)), ..position.clone() };
    let mut steps = Vec::new();
    for rows in rows.chunk_by(|a, b| a.object == b.object) {
        // The person goes last, together with the certificate: until then the job finds its way.
        let rows: Vec<&ErasureRow> = rows.iter().filter(|row| row.record != wish.id).collect();
        steps.extend(remove(run, catalog, &rows, &mut next.tally).await?);
    }
    steps.push(next.advance(run));
    app.commit_steps(tenant, steps).await?;
    *position = next;
    Ok(true)
}

/// The steps that remove records of one object, and take values out of events.
async fn remove(
    run: &JobRun,
    catalog: &Arc<Catalog>,
    rows: &[&ErasureRow],
    tally: &mut Tally,
) -> Result<Vec<Further>, JobFault> {
    let (app, tenant, permit) = (&run.app, run.caller.tenant, App::work_permit());
    let Some(first) = rows.first() else { return Ok(Vec::new()) };
    let object = object_of(catalog, &first.object)?;
    let mut steps = Vec::new();
    let (removed, kept): (Vec<&ErasureRow>, Vec<&ErasureRow>) = rows.iter().partition(|row| row.is_removed);
    for row in rows {
        tally.objects.entry(row.object.clone()).or_default().count(row.is_removed);
    }
    let ids: Vec<Uuid> = removed.iter().map(|row| row.record).collect();
    if !ids.is_empty() {
        if object.name == FILE {
            let read = app.access.for_computing::<Read>(&run.caller, object);
            for id in &ids {
                let current = app.store.get_deleted(&read, *id).await?;
                let current = current.map(|record| record.to_json()).unwrap_or_default();
                let events = app.store.values_of_events(permit, tenant, FILE, *id).await?;
                let all = events.iter().flat_map(|event| [&event.before, &event.after]).chain([&current]);
                let blobs = all.filter_map(|values| Uuid::parse_str(values["content"].as_str()?).ok());
                for blob in blobs.collect::<BTreeSet<Uuid>>() {
                    tally.files += u64::from(app.store.blob(permit, tenant, blob).await?.is_some());
                    app.store.remove_blob(permit, tenant, blob).await?;
                }
            }
        }
        let events = app.store.count_events(permit, tenant, &object.name, &ids).await?;
        tally.events += u64::try_from(events).unwrap_or_default();
        steps.push(app.store.redact_events(permit, tenant, &object.name, &ids, &erased()));
        steps.push(app.store.blank_reasons(permit, tenant, &object.name, &ids));
        steps.extend(app.store.purge(permit, tenant, object, &ids));
    }
    let kept: Vec<Uuid> = kept.iter().map(|row| row.record).collect();
    if !kept.is_empty() {
        steps.push(app.store.blank_reasons(permit, tenant, &object.name, &kept));
        steps.push(app.store.forget_changes(permit, tenant, &kept));
    }
    for id in kept {
        for mut event in app.store.values_of_events(permit, tenant, &object.name, id).await? {
            if event.is_published {
                (event.before, event.after) = (serde_json::json!({}), erased());
                tally.events += 1;
                steps.push(app.store.redact_event(permit, tenant, event));
            } else if redact(object, &mut event.before) | redact(object, &mut event.after) {
                tally.events += 1;
                steps.push(app.store.redact_event(permit, tenant, event));
            }
        }
    }
    Ok(steps)
}

/// Removes the person itself, and keeps the certificate, in one commit.
async fn certify(run: &JobRun, catalog: &Arc<Catalog>, wish: &Wish, position: &mut Position) -> Result<(), JobFault> {
    let (app, tenant, permit) = (&run.app, run.caller.tenant, App::work_permit());
    let mut digest = Sha256::new();
    let mut after: Option<(String, Uuid)> = None;
    loop {
        let from = after.as_ref().map(|(object, id)| (object.as_str(), *id));
        let rows = app.store.erasure(permit, tenant, wish.id, from, PAGE).await?;
        for row in &rows {
            digest.update(named(&row.object, row.record, row.is_removed));
        }
        let Some(last) = rows.last() else { break };
        after = Some((last.object.clone(), last.record));
    }
    let person = ErasureRow { object: wish.object.clone(), record: wish.id, is_removed: true };
    let mut next = position.clone();
    let mut steps = remove(run, catalog, &[&person], &mut next.tally).await?;
    let facts = Facts {
        object: wish.object.clone(),
        record: wish.id,
        requested_by: run.caller.actor(),
        requested_at: run.row.created_at,
        job: run.row.id,
        did: next.tally.clone(),
        digest: digest.finalize().into(),
    };
    let certificate = app.certify(tenant, facts);
    (next.stage, next.certificate) = (Stage::Done, Some(certificate.id));
    steps.push(app.store.add_certificate(permit, tenant, &certificate));
    steps.push(app.store.end_erasure(permit, tenant, wish.id));
    steps.push(next.advance(run));
    app.commit_steps(tenant, steps).await?;
    *position = next;
    Ok(())
}
