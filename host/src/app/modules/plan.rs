//! Wishes for modules, and what modules become by them.

use std::sync::Arc;

use serde_json::{Map, Value as Json};

use super::{ModuleView, compose, settings};
use crate::access::{Chore, Configure, HostPermit, Read};
use crate::app::people::PolicyChange;
use crate::app::{Answer, App, AppError, Done, IdempotencyKey};
use crate::domain::caller::Caller;
use crate::domain::id::TenantId;
use crate::domain::own_schema::OwnSchema;
use crate::domain::permission::Area;
use crate::domain::plugin::Manifest;
use crate::store::{Further, ModuleRow, PluginRow};

/// Most calls of one module that are kept as they were.
const MOST_RECORDED: u32 = 100;

/// How a module is to be; what is not said stays as it is.
#[derive(Clone, Debug, Default)]
pub struct ModuleInput {
    /// Whether it is switched on; true the first time.
    pub enabled: Option<bool>,
    /// Its settings.
    pub config: Option<Json>,
    /// The version to pin; the newest the first time.
    pub version: Option<String>,
    /// What it is granted.
    pub consent: Consent,
    /// Whether rollouts of the operator change its version.
    pub automatic: Option<bool>,
    /// Its secrets by name; null takes one away.
    pub secrets: Map<String, Json>,
    /// Whether failed calls are kept as they were; false the first time.
    pub keep_failures: Option<bool>,
    /// How many of the newest calls of its hooks are kept as they were; none the first time.
    pub record_calls: Option<u32>,
}

/// What a module is granted.
#[derive(Clone, Debug, Default)]
pub enum Consent {
    /// What it was granted before; a new module, and a version that asks for more, have to wait.
    #[default]
    AsBefore,
    /// Everything that it asks for now.
    ToAll,
    /// These capabilities, as far as it asks for them.
    To(Vec<String>),
}

impl Consent {
    /// Consent to what is named; `*` stands for everything.
    pub fn named(names: Vec<String>) -> Self {
        if names.iter().any(|name| name == "*") { Self::ToAll } else { Self::To(names) }
    }
}

/// A wish for a module.
#[derive(Clone, Debug)]
pub struct Wish {
    /// The plugin.
    pub plugin: String,
    /// How it is to be.
    pub input: ModuleInput,
}

impl Wish {
    /// A module that is to be switched on, with what it asks for when that is said.
    pub fn to_enable(plugin: String, consent: Consent) -> Self {
        Self { plugin, input: ModuleInput { enabled: Some(true), consent, ..ModuleInput::default() } }
    }
}

impl App {
    /// Enables a plugin for the caller's tenant, changes its settings, its version or what it is granted, or
    /// switches it off or on. A version that asks for more than was granted waits for consent.
    pub async fn set_module(
        self: &Arc<Self>,
        caller: &Caller,
        plugin: &str,
        mut input: ModuleInput,
    ) -> Result<ModuleView, AppError> {
        let secrets = std::mem::take(&mut input.secrets);
        let named = input.config.iter().filter_map(Json::as_object).flat_map(Map::keys);
        let secret = secrets.keys().map(|name| format!("secrets.{name}"));
        let named: Vec<String> = named.map(|name| format!("config.{name}")).chain(secret).collect();
        let said = [
            ("version", input.version.is_some()),
            ("consent", !matches!(input.consent, Consent::AsBefore)),
            ("automatic", input.automatic.is_some()),
            ("keep_failures", input.keep_failures.is_some()),
            ("record_calls", input.record_calls.is_some()),
        ];
        let said = said.into_iter().filter(|(_, is_said)| *is_said).map(|(name, _)| name.to_owned());
        let fields = [plugin.to_owned(), "enabled".to_owned()].into_iter().chain(said).chain(named).collect();
        let wish = Wish { plugin: plugin.to_owned(), input };
        let (version, rows) = self.wished_modules(caller, vec![wish]).await?;
        let answer = Answer { status: 200, headers: Vec::new(), body: String::new() };
        let mut steps = Vec::new();
        for row in &rows {
            let plugin = self.plugin(&row.plugin, &row.version).await?;
            steps.extend(self.secret_steps(caller, &plugin.compiled.manifest, &secrets).await?);
        }
        self.commit_modules(caller, version, &rows, (fields, steps), None, answer).await?;
        self.runs.forgive(caller.tenant, plugin);
        let views = self.module_views(caller.tenant, &rows).await?;
        views.into_iter().next().ok_or_else(|| AppError::no_record("plugin", &plugin))
    }

    /// What modules of the caller's tenant become by these wishes, and the version of the policy to commit it by.
    pub(in crate::app) async fn wished_modules(
        &self,
        caller: &Caller,
        wishes: Vec<Wish>,
    ) -> Result<(i64, Vec<ModuleRow>), AppError> {
        self.access.check_area::<Configure>(caller, Area::Modules)?;
        let read = self.access.check_area::<Read>(caller, Area::Modules)?;
        let version = self.policy_version(caller).await?;
        let rows = self.store.modules(read).await?;
        let (own_version, own) = self.own_schema(caller.tenant).await?;
        let planned = self.planned_modules(caller.tenant, rows.clone(), own_version, own, wishes).await?;
        let is_other = |row: &&ModuleRow| !planned.iter().any(|new| new.plugin == row.plugin);
        let all: Vec<ModuleRow> = rows.iter().filter(is_other).chain(&planned).cloned().collect();
        // Whoever has too many already may still switch some off, and change settings.
        let on = |rows: &[ModuleRow]| rows.iter().filter(|row| row.enabled).count();
        if on(&all) > on(&rows) {
            Self::check_modules(self.served(caller.tenant).await?.limits.max_modules, &all)?;
        }
        Ok((version, planned))
    }

    /// What becomes of modules by wishes.
    pub(in crate::app) async fn planned_modules(
        &self,
        tenant: TenantId,
        mut rows: Vec<ModuleRow>,
        own_version: i64,
        own: OwnSchema,
        wishes: Vec<Wish>,
    ) -> Result<Vec<ModuleRow>, AppError> {
        let installed = self.store.plugins(HostPermit::new(Chore::Serve)).await?;
        let revoked = self.store.revoked_components(HostPermit::new(Chore::Serve)).await?;
        let is_usable = |row: &&PluginRow| !revoked.iter().any(|digest| digest.as_slice() == row.digest);
        let mut planned = Vec::new();
        let (mut hooked, mut changed) = (Vec::new(), Vec::new());
        for Wish { plugin: id, input } in wishes {
            let mut versions = installed.iter().filter(|row| row.manifest.id == id);
            if versions.clone().next().is_none() {
                return Err(AppError::no_record("plugin", &id));
            }
            let known = rows.iter().position(|row| row.plugin == id).map(|at| rows.remove(at));
            if known.is_none() {
                self.check_purged(tenant, &id).await?;
            }
            let wanted = match (&input.version, &known) {
                (Some(version), _) => {
                    let wanted = versions.find(|row| row.manifest.version == *version);
                    let wanted = wanted.ok_or_else(|| AppError::no_record("plugin", &format!("{id} {version}")))?;
                    if !is_usable(&wanted) {
                        return Err(AppError::Refused(format!("{id} {version} was revoked")));
                    }
                    version.clone()
                }
                // Consent alone is meant for what waits for it.
                (None, Some(row)) => match (&row.pending, &input.consent) {
                    (Some(pending), Consent::To(_) | Consent::ToAll) => pending.clone(),
                    _ => row.version.clone(),
                },
                (None, None) => {
                    let newest = versions.rfind(is_usable);
                    let refused = || AppError::Refused(format!("every version of {id} was revoked"));
                    newest.ok_or_else(refused)?.manifest.version.clone()
                }
            };
            let before = known.as_ref().map(|row| (row.version.clone(), row.enabled));
            let row = self.planned_module(tenant, id, known, wanted, input).await?;
            let plugin = self.plugin(&row.plugin, &row.version).await?;
            // What is missing since long before keeps nobody from changing a setting.
            if before != Some((row.version.clone(), row.enabled)) {
                changed.push(row.plugin.clone());
            }
            hooked.push((row.plugin.clone(), plugin));
            rows.push(row.clone());
            planned.push(row);
        }
        let names = hooked.iter().map(|(id, _)| id.as_str()).collect::<Vec<_>>().join(", ");
        let catalog = self.build_catalog(tenant, rows, own_version, own).await.map_err(|error| match error {
            AppError::Setup(reason) => AppError::Refused(format!("the tenant cannot have {names}: {reason}")),
            other => other,
        })?;
        compose::check(&catalog, &changed)?;
        for (id, plugin) in hooked {
            let hooks = &plugin.compiled.manifest.hooks;
            let mut hooks = hooks.before_write.iter().chain(&hooks.validate);
            if let Some(hook) = hooks.find(|hook| catalog.schema.object(&hook.object).is_none()) {
                return Err(AppError::Refused(format!("{id} needs the object `{}`", hook.object)));
            }
        }
        Ok(planned)
    }

    /// What becomes of one module that is to have this version.
    async fn planned_module(
        &self,
        tenant: TenantId,
        id: String,
        known: Option<ModuleRow>,
        wanted: String,
        input: ModuleInput,
    ) -> Result<ModuleRow, AppError> {
        if input.record_calls.is_some_and(|calls| calls > MOST_RECORDED) {
            return Err(AppError::invalid("record_calls", "out_of_range", format!("is 0 to {MOST_RECORDED}")));
        }
        let plugin = self.plugin(&id, &wanted).await?;
        let manifest = &plugin.compiled.manifest;
        let old = match &known {
            Some(row) => Some(self.plugin(&id, &row.version).await?),
            None => None,
        };
        let old = old.as_ref().map(|old| &old.compiled.manifest);
        let before = match (&known, old) {
            (Some(row), Some(old)) => self.settings_in_use(tenant, old, row.config.clone()).await?,
            _ => Json::Object(Map::new()),
        };
        let was_granted = match (&known, old) {
            (Some(ModuleRow { granted: Some(granted), .. }), _) => granted.clone(),
            (Some(_), Some(old)) => names(old),
            _ => Vec::new(),
        };
        let asked = manifest.capabilities();
        let asks_more = || old.is_some_and(|old| !manifest.asks_more(&was_granted, old).is_empty());
        let granted = match &input.consent {
            Consent::ToAll => asked.iter().map(|one| one.name.clone()).collect(),
            Consent::To(names) => {
                let watches = manifest.watches();
                let is_asked = |name: &String| asked.iter().any(|one| one.name == *name) || watches.contains(name);
                if let Some(other) = names.iter().find(|name| !is_asked(name)) {
                    let text = format!("{id} {wanted} does not ask for `{other}`");
                    return Err(AppError::invalid("consent", "unknown_option", text));
                }
                names.clone()
            }
            Consent::AsBefore => match &known {
                None if !asked.is_empty() => {
                    return Err(AppError::ConsentRequired { plugin: id, asks: asked });
                }
                None => Vec::new(),
                // The old version goes on until somebody has agreed to the new one; what else was said holds for it.
                Some(row) if row.version != wanted && asks_more() => {
                    let (old, input) = (row.version.clone(), ModuleInput { version: None, ..input });
                    let row = Box::pin(self.planned_module(tenant, id, known, old, input)).await?;
                    return Ok(ModuleRow { pending: Some(wanted), ..row });
                }
                // What it does not ask for any more, a later version has to ask for again.
                Some(_) => {
                    was_granted.iter().filter(|name| asked.iter().any(|one| one.name == **name)).cloned().collect()
                }
            },
        };
        let config = match input.config {
            Some(mut config) => {
                settings::keep_secrets(manifest, &mut config, before);
                config
            }
            None => before,
        };
        settings::check(manifest, &config)?;
        let config = self.settings_to_keep(tenant, manifest, config).await?;
        let changed = known.as_ref().is_some_and(|row| row.version != wanted);
        let previous =
            known.as_ref().and_then(|row| if changed { Some(row.version.clone()) } else { row.previous.clone() });
        let (previous_granted, previous_config) = match &known {
            Some(row) if changed => (Some(was_granted), Some(row.config.clone())),
            Some(row) => (row.previous_granted.clone(), row.previous_config.clone()),
            None => (None, None),
        };
        let enabled = input.enabled.or(known.as_ref().map(|row| row.enabled)).unwrap_or(true);
        // A version that must not run stays one, whatever else is said of the module.
        let revoked = known.as_ref().filter(|_| !changed).and_then(|row| row.revoked.clone());
        if let Some(reason) = revoked.as_ref().filter(|_| input.enabled == Some(true)) {
            return Err(AppError::Refused(format!("{id} {wanted} was revoked: {reason}")));
        }
        let told = if enabled && revoked.is_none() { Some(wanted.clone()) } else { known.as_ref().and_then(last_told) };
        let pending = known.as_ref().and_then(|row| row.pending.clone()).filter(|version| *version != wanted);
        Ok(ModuleRow {
            plugin: id,
            version: wanted,
            enabled,
            config,
            granted: Some(granted),
            previous,
            previous_granted,
            previous_config,
            told,
            pending: pending.filter(|_| !changed),
            automatic: input.automatic.or(known.as_ref().map(|row| row.automatic)).unwrap_or(false),
            revoked,
            keep_failures: input.keep_failures.or(known.as_ref().map(|row| row.keep_failures)).unwrap_or(false),
            record_calls: input.record_calls.or(known.as_ref().map(|row| row.record_calls)).unwrap_or(0),
        })
    }

    /// Whether so many modules may be switched on.
    pub(in crate::app) fn check_modules(most: Option<u32>, rows: &[ModuleRow]) -> Result<(), AppError> {
        let on = rows.iter().filter(|row| row.enabled).count();
        match most {
            Some(most) if on > most as usize => Err(AppError::LimitReached { limit: "max_modules", most }),
            _ => Ok(()),
        }
    }

    /// Commits what became of modules, with its entry in the audit trail, which names what was said of them.
    pub(in crate::app) async fn commit_modules(
        self: &Arc<Self>,
        caller: &Caller,
        version: i64,
        rows: &[ModuleRow],
        (fields, steps): (Vec<String>, Vec<Further>),
        key: Option<IdempotencyKey>,
        answer: Answer,
    ) -> Result<Done, AppError> {
        let permit = self.access.check_area::<Configure>(caller, Area::Modules)?;
        let mut unit = self.consequences(caller, rows).await?;
        unit.further.extend(rows.iter().map(|row| self.store.put_module(permit, row, unit.at)));
        let recordings = rows.iter().map(|row| self.store.forget_recordings(permit, &row.plugin, row.record_calls));
        unit.further.extend(recordings);
        unit.further.extend(steps);
        let change = PolicyChange { caller, key, version, area: Area::Modules, id: None, fields };
        let done = self.change_policy_with(change, answer, unit, "plugin").await;
        self.catalog_changed(caller.tenant);
        self.job_queued();
        done
    }
}

/// The version that a module was told of last. Rows of before that was kept do not say it of one that is off.
pub(super) fn last_told(row: &ModuleRow) -> Option<String> {
    row.told.clone().or_else(|| row.enabled.then(|| row.version.clone()))
}

fn names(manifest: &Manifest) -> Vec<String> {
    manifest.capabilities().into_iter().map(|one| one.name).collect()
}
