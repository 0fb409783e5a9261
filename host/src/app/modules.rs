//! Plugins of the installation, and modules of a tenant.

mod settings;

use serde_json::{Map, Value as Json};
use sha2::{Digest, Sha256};

use super::people::PolicyChange;
use super::{Answer, App, AppError, Done, IdempotencyKey};
use crate::access::{Chore, Configure, HostPermit, Read};
use crate::domain::caller::Caller;
use crate::domain::id::TenantId;
use crate::domain::object::{Object, ObjectDef};
use crate::domain::own_schema::OwnSchema;
use crate::domain::permission::Area;
use crate::store::{ModuleRow, NewPlugin, TableError};
use std::sync::Arc;

/// A wish for a module: which plugin, on or off, with which settings; what is not said stays as it is.
pub(super) type Wish = (String, Option<bool>, Option<Json>);

/// An installed plugin as callers see it.
#[derive(Clone, Debug)]
pub struct PluginView {
    /// `publisher.name`.
    pub id: String,
    /// Its version.
    pub version: String,
    /// What people read.
    pub name: String,
    /// The table changes that installing it made.
    pub changes: Vec<String>,
}

/// A module as callers see it.
#[derive(Clone, Debug, serde::Serialize, utoipa::ToSchema)]
pub struct ModuleView {
    /// The plugin it is made of, `publisher.name`.
    pub plugin: String,
    /// The version that the tenant has pinned.
    pub version: String,
    /// What people read.
    pub name: String,
    /// What it does.
    pub description: String,
    /// Whether its hooks run.
    pub enabled: bool,
    /// Whether calls that fail are kept as they were, to run them again.
    pub keep_failures: bool,
    /// Its settings, without the secret ones.
    #[schema(value_type = Object)]
    pub config: Json,
    /// Names of the secret settings that are set, with dots between; their values are shown to nobody.
    pub secrets: Vec<String>,
}

impl App {
    /// Installs a plugin: checks it, adds its tables, keeps it. The same file
    /// again changes nothing; another file of the same version is refused.
    pub async fn install_plugin(&self, component: &[u8]) -> Result<PluginView, AppError> {
        let permit = HostPermit::new(Chore::Operate);
        let plugin = self.compile(component)?;
        let manifest = &plugin.compiled.manifest;
        let digest: [u8; 32] = Sha256::digest(component).into();
        let mut is_installed = false;
        for other in self.store.plugins(permit).await? {
            let is_same = other.manifest.id == manifest.id;
            if is_same && other.manifest.version == manifest.version {
                if other.digest != digest {
                    return Err(AppError::Refused(format!(
                        "{} {} is installed with another content; give the new one a new version",
                        manifest.id, manifest.version
                    )));
                }
                is_installed = true;
            }
            if !is_same && other.manifest.namespace == manifest.namespace {
                return Err(AppError::Refused(format!(
                    "the namespace `{}` belongs to {}",
                    manifest.namespace, other.manifest.id
                )));
            }
        }
        let mut view = PluginView {
            id: manifest.id.clone(),
            version: manifest.version.clone(),
            name: manifest.name.clone(),
            changes: Vec::new(),
        };
        if !is_installed && !self.can_seal() && plugin.objects.iter().any(|object| object.has_sealed_fields()) {
            return Err(AppError::Refused(super::schema::NO_KEY.to_owned()));
        }
        if !is_installed {
            view.changes = self.prepare_tables(&manifest.id, &manifest.objects, &plugin.objects).await?;
            let new = NewPlugin { manifest, digest, component, at: self.clock.now() };
            self.store.add_plugin(permit, &new).await?;
        }
        Ok(view)
    }

    /// The modules of the caller's tenant.
    pub async fn modules(&self, caller: &Caller) -> Result<Vec<ModuleView>, AppError> {
        let permit = self.access.check_area::<Read>(caller, Area::Modules)?;
        self.module_views(&self.store.modules(permit).await?).await
    }

    /// Enables a plugin for the caller's tenant, changes its settings, or
    /// switches it off or on. What is not said stays as it is; a plugin that is
    /// new to the tenant is on. A version that the tenant has stays pinned.
    pub async fn set_module(
        &self,
        caller: &Caller,
        plugin: &str,
        enabled: Option<bool>,
        config: Option<Map<String, Json>>,
        keep_failures: Option<bool>,
    ) -> Result<ModuleView, AppError> {
        let named = config.iter().flat_map(Map::keys).map(|name| format!("config.{name}"));
        let kept = keep_failures.map(|_| "keep_failures".to_owned());
        let fields = [plugin.to_owned(), "enabled".to_owned()].into_iter().chain(kept).chain(named).collect();
        let wish = (plugin.to_owned(), enabled, config.map(Json::Object));
        let (version, mut rows) = self.wished_modules(caller, vec![wish]).await?;
        rows.iter_mut().for_each(|row| row.keep_failures = keep_failures.unwrap_or(row.keep_failures));
        let views = self.module_views(&rows).await?;
        let answer = Answer { status: 200, headers: Vec::new(), body: String::new() };
        self.commit_modules(caller, version, &rows, fields, None, answer).await?;
        views.into_iter().next().ok_or_else(|| AppError::no_record("plugin", &plugin))
    }

    /// What modules of the caller's tenant become by these wishes, and the version of the policy to commit it by.
    pub(super) async fn wished_modules(
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

    /// What becomes of modules by wishes: which plugin, on or off, with which settings.
    pub(super) async fn planned_modules(
        &self,
        tenant: TenantId,
        mut rows: Vec<ModuleRow>,
        own_version: i64,
        own: OwnSchema,
        wishes: Vec<Wish>,
    ) -> Result<Vec<ModuleRow>, AppError> {
        let installed = self.store.plugins(HostPermit::new(Chore::Serve)).await?;
        let mut planned = Vec::new();
        let mut hooked = Vec::new();
        for (id, enabled, config) in wishes {
            let newest = installed
                .iter()
                .rfind(|row| row.manifest.id == id)
                .ok_or_else(|| AppError::no_record("plugin", &id))?;
            let known = rows.iter().position(|row| row.plugin == id).map(|at| rows.remove(at));
            let enabled = enabled.or(known.as_ref().map(|row| row.enabled)).unwrap_or(true);
            let keep_failures = known.as_ref().is_some_and(|row| row.keep_failures);
            let version = known.as_ref().map_or_else(|| newest.manifest.version.clone(), |row| row.version.clone());
            let plugin = self.plugin(&id, &version).await?;
            let manifest = &plugin.compiled.manifest;
            let before = match known {
                Some(known) => self.settings_in_use(tenant, manifest, known.config).await?,
                None => Json::Object(Map::new()),
            };
            let config = match config {
                Some(mut config) => {
                    settings::keep_secrets(manifest, &mut config, before);
                    config
                }
                None => before,
            };
            settings::check(manifest, &config)?;
            let config = self.settings_to_keep(tenant, manifest, config).await?;
            let row = ModuleRow { plugin: id, version, enabled, config, keep_failures };
            hooked.push((row.plugin.clone(), plugin));
            rows.push(row.clone());
            planned.push(row);
        }
        let names = hooked.iter().map(|(id, _)| id.as_str()).collect::<Vec<_>>().join(", ");
        let catalog = self.build_catalog(tenant, rows, own_version, own).await.map_err(|error| match error {
            AppError::Setup(reason) => AppError::Refused(format!("the tenant cannot have {names}: {reason}")),
            other => other,
        })?;
        for (id, plugin) in hooked {
            let hooks =
                plugin.compiled.manifest.hooks.before_write.iter().chain(&plugin.compiled.manifest.hooks.validate);
            if let Some(hook) = hooks.into_iter().find(|hook| catalog.schema.object(&hook.object).is_none()) {
                return Err(AppError::Refused(format!("{id} needs the object `{}`", hook.object)));
            }
        }
        Ok(planned)
    }

    /// Whether so many modules may be switched on.
    pub(super) fn check_modules(most: Option<u32>, rows: &[ModuleRow]) -> Result<(), AppError> {
        let on = rows.iter().filter(|row| row.enabled).count();
        match most {
            Some(most) if on > most as usize => Err(AppError::LimitReached { limit: "max_modules", most }),
            _ => Ok(()),
        }
    }

    /// Commits what became of modules, with its entry in the audit trail, which names what was said of them.
    pub(super) async fn commit_modules(
        &self,
        caller: &Caller,
        version: i64,
        rows: &[ModuleRow],
        fields: Vec<String>,
        key: Option<IdempotencyKey>,
        answer: Answer,
    ) -> Result<Done, AppError> {
        let permit = self.access.check_area::<Configure>(caller, Area::Modules)?;
        let steps = rows.iter().map(|row| self.store.put_module(permit, row, self.clock.now())).collect();
        let change = PolicyChange { caller, key, version, area: Area::Modules, id: None, fields };
        let done = self.change_policy(change, answer, steps, "plugin").await;
        self.catalog_changed(caller.tenant);
        done
    }

    /// Modules as callers see them.
    pub(super) async fn module_views(&self, rows: &[ModuleRow]) -> Result<Vec<ModuleView>, AppError> {
        let mut views = Vec::with_capacity(rows.len());
        for row in rows {
            views.push(self.module_view(row.clone()).await?);
        }
        Ok(views)
    }

    async fn module_view(&self, row: ModuleRow) -> Result<ModuleView, AppError> {
        let plugin = self.plugin(&row.plugin, &row.version).await?;
        let manifest = &plugin.compiled.manifest;
        let (config, secrets) = settings::shown(manifest, row.config);
        Ok(ModuleView {
            name: manifest.name.clone(),
            description: manifest.description.clone(),
            plugin: row.plugin,
            version: row.version,
            enabled: row.enabled,
            keep_failures: row.keep_failures,
            config,
            secrets,
        })
    }

    /// Makes the tables of objects, and says in the log what was added.
    pub(super) async fn prepare(
        &self,
        owner: &str,
        defs: &[ObjectDef],
        objects: &[Arc<Object>],
    ) -> Result<(), AppError> {
        for change in self.prepare_tables(owner, defs, objects).await? {
            tracing::debug!(owner, "{change}");
        }
        Ok(())
    }

    async fn prepare_tables(
        &self,
        owner: &str,
        defs: &[ObjectDef],
        objects: &[Arc<Object>],
    ) -> Result<Vec<String>, AppError> {
        let permit = HostPermit::new(Chore::Operate);
        let changes = match self.store.prepare_tables(permit, owner, defs, objects).await {
            Ok(changes) => changes.iter().map(ToString::to_string).collect(),
            Err(TableError::Refused(reason)) => return Err(AppError::Refused(reason)),
            Err(TableError::Store(error)) => return Err(error.into()),
        };
        for object in objects {
            self.store.rebuild_words(permit, object).await?;
        }
        Ok(changes)
    }
}
