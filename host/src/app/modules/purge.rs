//! Removing a module with everything that it keeps. The module goes in one commit with the job that empties its
//! tables; until that has ended, its plugin is not enabled again.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Value as Json, json};

use crate::access::{Chore, Configure, HostPermit, Read};
use crate::app::jobs::{JobFault, JobRun, JobView};
use crate::app::people::PolicyChange;
use crate::app::{Answer, App, AppError, Done, IdempotencyKey};
use crate::domain::caller::Caller;
use crate::domain::id::TenantId;
use crate::domain::job::Progress;
use crate::domain::object::Object;
use crate::domain::permission::Area;
use crate::domain::person::erased;
use crate::store::{Emptied, Unit};

/// The kind of job.
pub const PURGE: &str = "purge_module";
/// Records of one commit.
const PAGE: u32 = 200;
/// How long other nodes may believe that the module is there, and a little more.
const NOTICED: Duration = Duration::from_secs(2);
/// What a module keeps beside records.
const BESIDE: [&str; 7] =
    ["kv", "kv_use", "module_secret", "module_event", "plugin_failure", "plugin_recording", "plugin_log"];

/// What it is about.
#[derive(Serialize, Deserialize)]
struct Asked {
    plugin: String,
}

/// How far it has come.
#[derive(Clone, Default, Serialize, Deserialize)]
struct Position {
    /// Records that went, by object.
    records: BTreeMap<String, u64>,
}

impl App {
    /// Takes a module that is switched off from the caller's tenant, and queues the job that removes what it keeps.
    pub async fn purge_module(
        self: &Arc<Self>,
        caller: &Caller,
        plugin: &str,
        key: Option<IdempotencyKey>,
        render: &(dyn Fn(&JobView) -> Answer + Send + Sync),
    ) -> Result<Done, AppError> {
        if let Some(answer) = self.given_answer(key.as_ref()).await? {
            return Ok(Done::Before(answer));
        }
        let removing = self.access.check_area::<Configure>(caller, Area::Modules)?;
        self.access.check_area::<Configure>(caller, Area::Tenant)?;
        let read = self.access.check_area::<Read>(caller, Area::Modules)?;
        let version = self.policy_version(caller).await?;
        let mut rows = self.store.modules(read).await?;
        let at = rows.iter().position(|row| row.plugin == plugin);
        let row = rows.remove(at.ok_or_else(|| AppError::no_record("module", &plugin))?);
        if row.enabled {
            return Err(AppError::Refused(format!("{plugin} is switched on: switch it off before it is purged")));
        }
        // Nothing else may be about its objects, not even what rests or is retired.
        let (own_version, own) = self.own_schema(caller.tenant).await?;
        self.build_catalog(caller.tenant, rows, own_version, own.whole()).await.map_err(|error| match error {
            AppError::Setup(reason) => AppError::Refused(format!("something stands on {plugin}: {reason}")),
            other => other,
        })?;
        let later = self.clock.now().plus(NOTICED);
        let job = self.new_job(caller, PURGE, json!(Asked { plugin: plugin.to_owned() }), later);
        let mut unit = Unit::empty(caller.tenant, self.clock.now());
        unit.further = self.store.remove_module(removing, plugin);
        unit.further.push(self.store.queue_job(Self::work_permit(), &job));
        let fields = vec![plugin.to_owned(), "purged".to_owned()];
        let change = PolicyChange { caller, key, version, area: Area::Modules, id: None, fields };
        let done = self.change_policy_with(change, render(&JobView::of_new(&job)), unit, "plugin").await;
        self.catalog_changed(caller.tenant);
        self.job_queued();
        done
    }

    /// Whether nothing of what a plugin kept for a tenant is still to be removed.
    pub(super) async fn check_purged(&self, tenant: TenantId, plugin: &str) -> Result<(), AppError> {
        let open = self.store.open_jobs(HostPermit::new(Chore::Serve), tenant, PURGE).await?;
        if open.iter().any(|payload| payload["plugin"] == plugin) {
            return Err(AppError::Refused(format!(
                "what {plugin} kept is being removed: try again when the job is done"
            )));
        }
        Ok(())
    }
}

/// Removes what a plugin kept for the tenant of a job.
pub async fn purge(run: &JobRun) -> Result<Json, JobFault> {
    let (app, tenant, permit) = (&run.app, run.caller.tenant, App::work_permit());
    let Asked { plugin } =
        serde_json::from_value(run.row.payload.clone()).map_err(|error| AppError::Setup(error.to_string()))?;
    let mut position: Position = serde_json::from_value(run.row.checkpoint.clone()).unwrap_or_default();
    for object in objects_of(app, &plugin).await? {
        while remove_page(run, &object, &mut position).await? {}
    }
    for table in BESIDE {
        while app.store.empty_of_plugin(permit, tenant, table, &plugin).await? == Emptied::Some {}
    }
    app.store.wipe(permit).await?;
    Ok(json!({"records": position.records}))
}

/// The objects that any version of a plugin brings.
async fn objects_of(app: &App, plugin: &str) -> Result<Vec<Object>, AppError> {
    let versions = app.store.plugins(App::work_permit()).await?;
    let mut objects = BTreeMap::new();
    for manifest in versions.into_iter().map(|row| row.manifest).filter(|manifest| manifest.id == plugin) {
        for def in manifest.objects {
            let object = Object::check(def, Some(&manifest.namespace)).map_err(AppError::Setup)?;
            objects.insert(object.name.clone(), object);
        }
    }
    Ok(objects.into_values().collect())
}

/// Removes the next records of an object; whether there were some.
async fn remove_page(run: &JobRun, object: &Object, position: &mut Position) -> Result<bool, JobFault> {
    let (app, tenant, permit) = (&run.app, run.caller.tenant, App::work_permit());
    let ids = app.store.some_records(permit, tenant, object, PAGE).await?;
    let mut next = position.clone();
    *next.records.entry(object.name.clone()).or_default() += ids.len() as u64;
    let mut steps = if ids.is_empty() {
        app.store.forget_object(permit, tenant, &object.name)
    } else {
        let mut steps = app.store.purge(permit, tenant, object, &ids);
        steps.push(app.store.redact_events(permit, tenant, &object.name, &ids, &erased()));
        steps.push(app.store.blank_reasons(permit, tenant, &object.name, &ids));
        steps
    };
    let progress = Progress { done: next.records.values().sum(), ..Progress::default() };
    steps.push(run.advance(&progress, &serde_json::to_value(&next).unwrap_or_default()));
    app.commit_steps(tenant, steps).await?;
    *position = next;
    Ok(!ids.is_empty())
}
