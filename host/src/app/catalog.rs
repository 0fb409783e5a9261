//! What one tenant has: its schema, and its modules ready to run.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use chrono_tz::Tz;
use moka::future::Cache;

use super::{App, AppError};
use crate::access::{Chore, Decision, HostPermit, Policy};
use crate::domain::caller::Caller;
use crate::domain::core_objects::CORE_OBJECTS;
use crate::domain::id::TenantId;
use crate::domain::object::{Object, ObjectDef};
use crate::domain::own_schema::OwnSchema;
use crate::domain::permission::Action;
use crate::domain::plugin::Manifest;
use crate::domain::role::Reach;
use crate::domain::schema::{Gathering, Schema};
use crate::plugin::Compiled;
use crate::store::{ModuleRow, StoreError};

/// Most tenants whose catalogues are kept.
const MOST: u64 = 10_000;
/// Bytes of compiled plugins that are kept though nobody uses them.
const PLUGIN_BYTES: u64 = 512 << 20;

/// A module of a tenant.
#[derive(Clone)]
pub struct Module {
    /// The plugin, compiled.
    pub plugin: Arc<Plugin>,
    /// What it says of itself, with no more permissions than the tenant granted.
    pub manifest: Arc<Manifest>,
    /// The tenant's settings, as JSON.
    pub config: Arc<str>,
    /// Whether calls that fail are kept as they were.
    pub keeps_failures: bool,
    /// How many of the newest calls of its hooks are kept as they were.
    pub records_calls: u32,
}

/// A plugin in memory.
pub struct Plugin {
    /// Ready to run.
    pub compiled: Compiled,
    /// The objects that it brings.
    pub objects: Vec<Arc<Object>>,
}

/// What one tenant has.
#[derive(Clone)]
pub struct Catalog {
    /// Its objects.
    pub schema: Arc<Schema>,
    /// The same, with the fields that somebody's roles leave out.
    pub whole: Arc<Schema>,
    /// Its modules, in the order in which their hooks run.
    pub modules: Vec<Module>,
    /// Version of what the tenant made for itself; 0 when it made nothing.
    pub own_version: i64,
    /// What the tenant made for itself.
    pub own: OwnSchema,
    /// On whose calendar its days begin.
    pub timezone: Tz,
}

impl Catalog {
    /// The module that a plugin is here, when it is switched on.
    pub fn module(&self, plugin: &str) -> Option<&Module> {
        self.modules.iter().find(|module| module.manifest.id == plugin)
    }
}

/// A catalogue, and what it was made from.
struct Built {
    rows: Vec<ModuleRow>,
    timezone: String,
    catalog: Arc<Catalog>,
}

/// Catalogues and plugins that are in memory.
pub(super) struct Catalogs {
    core: Vec<Arc<Object>>,
    core_defs: Vec<ObjectDef>,
    /// Those that were looked at within the last second.
    tenants: Cache<(TenantId, u64), Arc<Catalog>>,
    /// Those that were made, good as long as what they were made from is the same.
    built: Cache<TenantId, Arc<Built>>,
    /// Counts what this node changed of a tenant: what was being loaded meanwhile is not used then.
    changes: RwLock<HashMap<TenantId, u64>>,
    plugins: Cache<(String, String), Arc<Plugin>>,
    /// Those of tenants that made nothing for themselves: the same for all that have the same modules.
    schemas: Cache<Vec<Stand>, Arc<Schema>>,
    /// As those see them whose roles leave fields out.
    masked: Cache<(TenantId, Roles), Arc<Masked>>,
}

/// A module of a tenant as far as its schema goes: the plugin, its version, and whether it runs.
type Stand = (String, String, bool);

/// Names of roles that somebody has.
type Roles = Arc<[Arc<str>]>;

/// A catalogue with fields left out, and what it was made from.
struct Masked {
    whole: Arc<Catalog>,
    version: i64,
    catalog: Arc<Catalog>,
}

impl Catalogs {
    pub(super) fn new() -> Result<Self, AppError> {
        let mut core = Vec::new();
        let mut core_defs = Vec::new();
        for text in CORE_OBJECTS {
            let def: ObjectDef = serde_json::from_str(text).map_err(|error| AppError::Setup(error.to_string()))?;
            core.push(Arc::new(Object::check(def.clone(), None).map_err(AppError::Setup)?));
            core_defs.push(def);
        }
        Ok(Self {
            core,
            core_defs,
            // Another node's change is told; when that is lost, it is seen after a second.
            tenants: Cache::builder().max_capacity(MOST).time_to_live(Duration::from_secs(1)).build(),
            built: Cache::builder().max_capacity(MOST).time_to_idle(Duration::from_mins(10)).build(),
            changes: RwLock::default(),
            plugins: Cache::builder()
                .weigher(|_, plugin: &Arc<Plugin>| u32::try_from(plugin.compiled.size).unwrap_or(u32::MAX))
                .max_capacity(PLUGIN_BYTES)
                .time_to_idle(Duration::from_hours(1))
                .build(),
            schemas: Cache::builder().max_capacity(MOST).time_to_idle(Duration::from_mins(10)).build(),
            masked: Cache::new(MOST),
        })
    }
}

impl Catalogs {
    /// Has the catalogue of a tenant looked at again, because it has changed.
    pub(super) fn forget(&self, tenant: TenantId) {
        let mut changes = self.changes.write().unwrap_or_else(PoisonError::into_inner);
        *changes.entry(tenant).or_default() += 1;
    }

    fn changes_of(&self, tenant: TenantId) -> u64 {
        let changes = self.changes.read().unwrap_or_else(PoisonError::into_inner);
        changes.get(&tenant).copied().unwrap_or_default()
    }
}

impl App {
    /// What this tenant has.
    pub async fn catalog(&self, tenant: TenantId) -> Result<Arc<Catalog>, AppError> {
        let key = (tenant, self.catalogs.changes_of(tenant));
        self.catalogs.tenants.try_get_with(key, self.look_at_catalog(tenant)).await.map_err(of_many)
    }

    /// The catalogue that was made before, when what it was made from is still the same, or a new one.
    async fn look_at_catalog(&self, tenant: TenantId) -> Result<Arc<Catalog>, AppError> {
        let permit = HostPermit::new(Chore::Serve);
        let rows = self.store.modules_of(permit, tenant).await?;
        let (timezone, version) = self.store.tenant_settings(permit, tenant).await?.unwrap_or_default();
        if let Some(built) = self.catalogs.built.get(&tenant).await
            && built.rows == rows
            && built.timezone == timezone
            && built.catalog.own_version == version
        {
            self.access.set_schema(tenant, &built.catalog.schema, built.catalog.timezone);
            return Ok(Arc::clone(&built.catalog));
        }
        let (version, own) = self.own_schema(tenant).await?;
        let catalog = self.build_catalog(tenant, rows.clone(), version, own).await?;
        let catalog = Arc::new(Catalog { timezone: timezone.parse().unwrap_or(Tz::UTC), ..catalog });
        let built = Built { rows, timezone, catalog: Arc::clone(&catalog) };
        self.catalogs.built.insert(tenant, Arc::new(built)).await;
        self.access.set_schema(tenant, &catalog.schema, catalog.timezone);
        Ok(catalog)
    }

    /// What the caller's tenant has, as the caller's roles show it.
    pub async fn catalog_of(&self, caller: &Caller) -> Result<Arc<Catalog>, AppError> {
        let whole = self.catalog(caller.tenant).await?;
        let limits = |policy: &Arc<Policy>| policy.has_masks() || whole.schema.has_gatherings();
        let Some(policy) = self.access.policy(caller.tenant).filter(limits) else {
            return Ok(whole);
        };
        let key = (caller.tenant, Arc::clone(&caller.roles));
        if let Some(known) = self.catalogs.masked.get(&key).await
            && known.version == policy.version
            && Arc::ptr_eq(&known.whole, &whole)
        {
            return Ok(Arc::clone(&known.catalog));
        }
        let masks = policy.masks(&caller.roles);
        let schema = whole.schema.masked(&masks, |gathering, from| sees_gathered(&policy, caller, gathering, from));
        let is_whole = schema.objects().all(|object| object.hidden.is_empty() && object.locked.is_empty());
        let catalog = if is_whole {
            Arc::clone(&whole)
        } else {
            Arc::new(Catalog { schema: Arc::new(schema), ..(*whole).clone() })
        };
        let masked = Masked { whole, version: policy.version, catalog: Arc::clone(&catalog) };
        self.catalogs.masked.insert(key, Arc::new(masked)).await;
        Ok(catalog)
    }

    /// What a tenant made for itself, and its version.
    pub(super) async fn own_schema(&self, tenant: TenantId) -> Result<(i64, OwnSchema), AppError> {
        let Some((version, definition)) = self.store.own_schema(HostPermit::new(Chore::Serve), tenant).await? else {
            return Ok((0, OwnSchema::default()));
        };
        let own = serde_json::from_value(definition).map_err(|error| AppError::Setup(error.to_string()))?;
        Ok((version, own))
    }

    /// What a tenant with these modules, and this schema of its own, has.
    pub(super) async fn build_catalog(
        &self,
        tenant: TenantId,
        rows: Vec<ModuleRow>,
        own_version: i64,
        own: OwnSchema,
    ) -> Result<Catalog, AppError> {
        let mut objects = self.catalogs.core.clone();
        let (mut modules, mut stands) = (Vec::new(), Vec::new());
        for row in rows {
            let plugin = self.plugin(&row.plugin, &row.version).await?;
            let runs = row.enabled && row.revoked.is_none();
            // A module that was switched off keeps its data, which stays readable; nobody changes what it watches over.
            objects.extend(
                plugin.objects.iter().map(|object| if runs { Arc::clone(object) } else { Arc::new(object.resting()) }),
            );
            if runs {
                let config = self.settings_in_use(tenant, &plugin.compiled.manifest, row.config).await?;
                let whole = &plugin.compiled.manifest;
                let manifest = match &row.granted {
                    Some(granted) if whole.asks_beyond(granted) => Arc::new(whole.narrowed(granted)),
                    _ => Arc::clone(whole),
                };
                modules.push(Module {
                    plugin,
                    manifest,
                    config: config.to_string().into(),
                    keeps_failures: row.keep_failures,
                    records_calls: row.record_calls,
                });
            }
            stands.push((row.plugin, row.version, runs));
        }
        let schema = if own.objects.is_empty() && own.fields.is_empty() {
            let make = async { Schema::new(objects).map(Arc::new).map_err(AppError::Setup) };
            self.catalogs.schemas.try_get_with(stands, make).await.map_err(of_many)?
        } else {
            Arc::new(Schema::with_own(objects, &own).map_err(AppError::Setup)?)
        };
        Ok(Catalog { whole: Arc::clone(&schema), schema, modules, own_version, own, timezone: Tz::UTC })
    }

    /// The core's objects, which every tenant has.
    pub fn core_objects(&self) -> &[Arc<Object>] {
        &self.catalogs.core
    }

    /// Forgets what a tenant has, here and on other nodes, because it was changed.
    pub(super) fn catalog_changed(&self, tenant: TenantId) {
        self.catalogs.forget(tenant);
        self.news.catalog_changed(tenant);
    }

    /// An installed plugin: from memory, from the cache on disk, or compiled anew by another process.
    pub(super) async fn plugin(&self, id: &str, version: &str) -> Result<Arc<Plugin>, AppError> {
        // Apart, since it is rare and large: everybody who asks for a catalogue would carry it along.
        let load = async { Box::pin(self.ready(id, version)).await.map(Arc::new) };
        let key = (id.to_owned(), version.to_owned());
        self.catalogs.plugins.try_get_with(key, load).await.map_err(of_many)
    }

    /// Makes the tables of the core's objects.
    pub(super) async fn prepare_core(&self) -> Result<(), AppError> {
        let Catalogs { core, core_defs, .. } = &self.catalogs;
        self.prepare("core", core_defs, core).await
    }
}

/// Whether the caller sees what a roll-up gathers: every record of the object, or those of every record that has
/// the roll-up, because what links to it belongs to whoever has it.
fn sees_gathered(policy: &Policy, caller: &Caller, gathering: &Gathering, from: &Object) -> bool {
    let decide = |object: &Object| policy.decide(&caller.roles, &object.name, Action::Read);
    let Some(Decision { reach: Some(reach), .. }) = decide(from) else { return false };
    if reach == Reach::All {
        return true;
    }
    let into = decide(&gathering.object).unwrap_or_default();
    let belongs = from.owned_by.contains(&gathering.link) && reach > Reach::Shared;
    belongs && into.filtered.is_empty() && into.reach.is_some_and(|into| into <= reach)
}

/// The error of work that several waited for: whole for the only one. For many
/// it is told again: that the database is away is not the host's fault.
pub(super) fn of_many(error: Arc<AppError>) -> AppError {
    Arc::try_unwrap(error).unwrap_or_else(|shared| match &*shared {
        AppError::Store(StoreError::Unavailable(cause)) => StoreError::Unavailable(cause.clone()).into(),
        AppError::Store(StoreError::TooLong) => StoreError::TooLong.into(),
        AppError::NoOperatorKey => AppError::NoOperatorKey,
        AppError::Compiling => AppError::Compiling,
        AppError::NotFound { what, id } => AppError::NotFound { what: what.clone(), id: id.clone() },
        other => AppError::Setup(other.to_string()),
    })
}
