//! Plugins of the installation, and modules of a tenant.

mod plan;
mod settings;
mod versions;
mod view;

pub use plan::{Consent, ModuleInput, Wish};
pub use versions::{RolledOut, Rollout};
pub use view::{ModuleState, ModuleView, PendingVersion};

use sha2::{Digest, Sha256};

use super::{App, AppError};
use crate::access::{Chore, HostPermit, Read};
use crate::domain::caller::Caller;
use crate::domain::object::{Object, ObjectDef};
use crate::domain::permission::Area;
use crate::store::{NewPlugin, TableError};
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
        self.module_views(caller.tenant, &self.store.modules(permit).await?).await
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
