//! A shadow run: another version of a module, called as the running one was called lately, and beside each other what
//! both decided. Nothing of it is stored but what calls of modules always leave: figures, reads and log lines.

mod sameness;

use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as Json};
use tokio::time::Instant;
use utoipa::ToSchema;
use uuid::Uuid;

use super::catalog::{Catalog, Module};
use super::guest::{GuestPort, Latitude};
use super::ledger::{KeptCall, KeptResult, Recorder, spent_of, spot};
use super::modules::{Consent, ModuleInput, Wish};
use super::people::read;
use super::unit_of_work::Work;
use super::{App, AppError};
use crate::access::{Configure, Export, Read};
use crate::domain::accountability::SpentOf;
use crate::domain::audit::{Deed, Note};
use crate::domain::caller::Caller;
use crate::domain::permission::{Action, Area};
use crate::domain::plugin::{HostCall, Input, Manifest};
use crate::plugin::{Failure, Limits, Port, Queue, ShadowPort, Turn};

/// Longest time for all calls of one run.
const PATIENCE: Duration = Duration::from_secs(10);
/// Most calls of one run.
const MOST: u32 = 100;
/// Most differences that are told in full.
const TOLD: usize = 20;

/// Which version is tried, and on what.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ShadowInput {
    /// The version.
    version: String,
    /// What it is granted meanwhile, as in `PUT /modules/{plugin}`; what the module has been granted when not given.
    consent: Option<Vec<String>>,
    /// How many of the newest recorded calls, 1 to 100; all of them when not given.
    last: Option<u32>,
}

/// What both versions decided.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct ShadowReport {
    /// The plugin.
    pub plugin: String,
    /// The version that was tried.
    pub version: String,
    /// Recorded calls that it was to be tried on.
    pub recorded: usize,
    /// Calls that were made; fewer when the time of 10 s was up.
    pub ran: usize,
    /// Those that came to the same.
    pub same: usize,
    /// Those that did not.
    pub different: usize,
    /// The first 20 of these, the newest first.
    pub differences: Vec<ShadowDifference>,
}

/// A call that came to something else.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct ShadowDifference {
    /// Names the recorded call.
    pub invocation: Uuid,
    /// When that was.
    pub at: String,
    /// The version that was called then.
    pub version: String,
    /// Where the host called it.
    pub extension_point: String,
    /// Whether something was taken out of what was recorded; then that may be the reason.
    pub is_redacted: bool,
    /// Host calls that the recorded call had no answer to: they were answered from what is stored now.
    pub asked_anew: usize,
    /// What the recorded call came to.
    pub then: ShadowDecision,
    /// What the version that was tried made of it; none when it has no hook for it.
    pub now: Option<ShadowDecision>,
    /// What that used.
    pub cost: Option<SpentOf>,
}

/// What a call came to.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct ShadowDecision {
    /// How it ended: `answered` with its `output`, `refused` with a `fault`, or `failed` with a `code`.
    #[schema(value_type = Object)]
    pub result: Json,
    /// What it wrote beside that, in this order: host calls, as in the file of a failed call.
    #[schema(value_type = Vec<Object>)]
    pub writes: Vec<Json>,
}

impl ShadowDecision {
    fn new(result: &KeptResult, writes: &[HostCall]) -> Self {
        let json = |call| serde_json::to_value(call).unwrap_or_default();
        Self { result: serde_json::to_value(result).unwrap_or_default(), writes: writes.iter().map(json).collect() }
    }
}

impl App {
    /// Tries a version of a module of the caller's tenant on recorded calls. It shows what the module saw of records,
    /// so it takes the right to have the tenant as a file; and that is noted.
    pub async fn shadow_module(
        self: &Arc<Self>,
        caller: &Caller,
        plugin: &str,
        fields: &Map<String, Json>,
    ) -> Result<ShadowReport, AppError> {
        self.access.check_area::<Export>(caller, Area::Tenant)?;
        self.access.check_area::<Configure>(caller, Area::Modules)?;
        let permit = self.access.check_area::<Read>(caller, Area::Modules)?;
        let ShadowInput { version, consent, last } = read(fields)?;
        if last.is_some_and(|last| !(1..=MOST).contains(&last)) {
            return Err(AppError::invalid("last", "out_of_range", format!("is 1 to {MOST}")));
        }
        let catalog = Arc::new(self.catalog_with(caller, plugin, &version, consent).await?);
        let missing = || AppError::Refused(format!("{plugin} {version} cannot run"));
        let module = catalog.module(plugin).ok_or_else(missing)?;
        let _place =
            self.runs.trial().await.map_err(|failure| AppError::Hook { plugin: plugin.to_owned(), failure })?;
        self.flush_ledger().await?;
        let recorded = self.store.plugin_recordings(permit, plugin, last.unwrap_or(MOST)).await?;
        self.note(caller, vec![Note::of_all(Deed::Export, Area::Modules.name(), None, "shadow")]).await?;
        let mut report = ShadowReport {
            plugin: plugin.to_owned(),
            version,
            recorded: recorded.len(),
            ran: 0,
            same: 0,
            different: 0,
            differences: Vec::new(),
        };
        let deadline = Instant::now() + PATIENCE;
        for (id, kept) in recorded {
            if Instant::now() > deadline {
                break;
            }
            let text = self.open_text(caller.tenant, &spot(caller.tenant, id), kept).await?;
            let call: KeptCall = serde_json::from_str(&text).map_err(|_| AppError::Unopened)?;
            report.ran += 1;
            match self.shadow_call(caller, &catalog, module, call).await? {
                None => report.same += 1,
                Some(difference) => {
                    report.different += 1;
                    if report.differences.len() < TOLD {
                        report.differences.push(difference);
                    }
                }
            }
        }
        Ok(report)
    }

    /// What the tenant would have with this version of the module.
    async fn catalog_with(
        self: &Arc<Self>,
        caller: &Caller,
        plugin: &str,
        version: &str,
        consent: Option<Vec<String>>,
    ) -> Result<Catalog, AppError> {
        let read = self.access.check_area::<Read>(caller, Area::Modules)?;
        let rows = self.store.modules(read).await?;
        if !rows.iter().any(|row| row.plugin == plugin) {
            return Err(AppError::no_record("module", &plugin));
        }
        let input = ModuleInput {
            version: Some(version.to_owned()),
            enabled: Some(true),
            consent: consent.map_or(Consent::AsBefore, Consent::named),
            ..ModuleInput::default()
        };
        let wish = Wish { plugin: plugin.to_owned(), input };
        let (_, planned) = self.wished_modules(caller, vec![wish]).await?;
        if let Some(row) = planned.iter().find(|row| row.version != version) {
            let mut asks = self.plugin(plugin, version).await?.compiled.manifest.capabilities();
            asks.retain(|one| !row.granted.as_ref().is_some_and(|granted| granted.contains(&one.name)));
            return Err(AppError::ConsentRequired { plugin: plugin.to_owned(), asks });
        }
        let others = rows.into_iter().filter(|row| row.plugin != plugin);
        let (own_version, own) = self.own_schema(caller.tenant).await?;
        let rows = others.chain(planned).collect();
        let catalog = self.build_catalog(caller.tenant, rows, own_version, own).await?;
        Ok(Catalog { timezone: self.catalog(caller.tenant).await?.timezone, ..catalog })
    }

    /// Calls the module as it was called then, and says what came out otherwise.
    async fn shadow_call(
        self: &Arc<Self>,
        caller: &Caller,
        catalog: &Arc<Catalog>,
        module: &Module,
        call: KeptCall,
    ) -> Result<Option<ShadowDifference>, AppError> {
        let Some(input) = call.input else { return Ok(None) };
        let did = |exchange: &&crate::plugin::Exchange| exchange.call.is_write() && exchange.answer.is_ok();
        let writes: Vec<HostCall> = call.transcript.iter().filter(did).map(|exchange| exchange.call.clone()).collect();
        let then = ShadowDecision::new(&call.result, &writes);
        let mut difference = ShadowDifference {
            invocation: call.invocation,
            at: call.at,
            version: call.version,
            extension_point: call.extension_point,
            is_redacted: call.is_redacted,
            asked_anew: 0,
            then,
            now: None,
            cost: None,
        };
        let Some(timeout_ms) = timeout_of(&module.manifest, &input) else { return Ok(Some(difference)) };
        let point = input.point();
        let work = Arc::new(Work::begin(self, caller, catalog, std::collections::BTreeSet::new()).dry(true));
        let (reach, id) = (Latitude::of(point, &work), self.ids.make());
        let recorder = Recorder::new(&work, module);
        let live = Arc::new(GuestPort::new(&recorder, point, reach, id));
        let gate = Arc::clone(&live);
        let may = Box::new(move |call: &HostCall| gate.gate(call));
        let shadow = Arc::new(ShadowPort::new(call.transcript, may, live));
        let told = |failure| AppError::Hook { plugin: module.manifest.id.clone(), failure };
        let allowed = self.served(caller.tenant).await?.limits.plugins;
        let limits = Limits::of(&module.manifest, timeout_ms, &input, &allowed);
        let queue = Queue::default();
        let terms = Turn { limits: &limits, queue: &queue, is_inner: false };
        let port = Arc::clone(&shadow) as Arc<dyn Port>;
        let ended = self.watched(recorder, id, terms, port, input).await.map_err(told)?;
        if let Err(failure @ (Failure::HostFault | Failure::HostSlow | Failure::Overloaded)) = ended.result {
            return Err(told(failure));
        }
        let (written, asked_anew) = shadow.take();
        let decided = KeptResult::from(&ended.result);
        if sameness::is_same((&call.result, &writes), (&decided, &written)) {
            return Ok(None);
        }
        let now = ShadowDecision::new(&decided, &written);
        (difference.asked_anew, difference.cost) = (asked_anew, Some(spent_of(&ended.spent)));
        difference.now = Some(now);
        Ok(Some(difference))
    }
}

/// How long the hook may take that the host would call with this; none when there is no such hook.
#[expect(clippy::option_option, reason = "a hook need not say how long it may take")]
fn timeout_of(manifest: &Manifest, input: &Input) -> Option<Option<u64>> {
    let hooks = &manifest.hooks;
    match input {
        Input::BeforeWrite(changes) | Input::Validate(changes) => {
            let first = changes.first()?;
            let all = if matches!(input, Input::Validate(_)) { &hooks.validate } else { &hooks.before_write };
            let operation = Action::ALL.into_iter().find(|action| action.name() == first.operation)?;
            all.iter().find(|hook| hook.wants(&first.object, operation)).map(|hook| hook.timeout_ms)
        }
        Input::ComputedField { object, .. } => {
            hooks.computed_field.iter().find(|hook| hook.object == *object).map(|hook| hook.timeout_ms)
        }
        _ => None,
    }
}
