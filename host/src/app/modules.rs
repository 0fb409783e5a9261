//! Plugins of the installation, and modules of a tenant.

mod settings;

use serde_json::{Map, Value as Json};
use sha2::{Digest, Sha256};

use super::{App, AppError};
use crate::access::{Chore, Configure, HostPermit, Read};
use crate::domain::audit::Note;
use crate::domain::caller::Caller;
use crate::domain::object::{Object, ObjectDef};
use crate::domain::permission::Area;
use crate::store::{ModuleRow, NewPlugin, TableError};
use std::sync::Arc;

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
        let mut views = Vec::new();
        for row in self.store.modules(permit).await? {
            views.push(self.module_view(row).await?);
        }
        Ok(views)
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
    ) -> Result<ModuleView, AppError> {
        let permit = self.access.check_area::<Configure>(caller, Area::Modules)?;
        let installed = self.store.plugins(HostPermit::new(Chore::Serve)).await?;
        let newest = installed
            .into_iter()
            .rfind(|row| row.manifest.id == plugin)
            .ok_or_else(|| AppError::NotFound { what: "plugin".to_owned(), id: plugin.to_owned() })?;
        let read = self.access.check_area::<Read>(caller, Area::Modules)?;
        let mut rows = self.store.modules(read).await?;
        let known = rows.iter().position(|row| row.plugin == plugin).map(|at| rows.remove(at));
        let enabled = enabled.or(known.as_ref().map(|row| row.enabled)).unwrap_or(true);
        let version = known.as_ref().map_or(newest.manifest.version, |row| row.version.clone());
        let plugin_in_memory = self.plugin(plugin, &version).await?;
        let manifest = &plugin_in_memory.compiled.manifest;
        let named = config.iter().flat_map(Map::keys).map(|name| format!("config.{name}"));
        let fields = [plugin.to_owned(), "enabled".to_owned()].into_iter().chain(named).collect();
        let before = match known {
            Some(known) => self.settings_in_use(caller.tenant, manifest, known.config).await?,
            None => Json::Object(Map::new()),
        };
        let config = match config {
            Some(config) => {
                let mut config = Json::Object(config);
                settings::keep_secrets(manifest, &mut config, before);
                config
            }
            None => before,
        };
        settings::check(manifest, &config)?;
        let config = self.settings_to_keep(caller.tenant, manifest, config).await?;
        let row = ModuleRow { plugin: plugin.to_owned(), version, enabled, config };
        rows.push(row.clone());
        let (version, own) = self.own_schema(caller.tenant).await?;
        let catalog = self.build_catalog(caller.tenant, rows, version, own).await.map_err(|error| match error {
            AppError::Setup(reason) => AppError::Refused(format!("the tenant cannot have {plugin}: {reason}")),
            other => other,
        })?;
        let hooks = &plugin_in_memory.compiled.manifest.hooks.before_write;
        if let Some(hook) = hooks.iter().find(|hook| catalog.schema.object(&hook.object).is_none()) {
            return Err(AppError::Refused(format!("{plugin} needs the object `{}`", hook.object)));
        }
        let noted = self.noted(caller, Note::of_area(Area::Modules, None, fields));
        self.store.set_module(permit, &row, noted, self.clock.now()).await?;
        self.catalog_changed(caller.tenant);
        self.module_view(row).await
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
