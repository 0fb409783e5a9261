//! Secrets of modules: set by the tenant, kept sealed, used by the host on the module's behalf, and shown to nobody.

use serde_json::{Map, Value as Json, json};

use crate::access::{Chore, Configure, HostPermit};
use crate::app::{App, AppError};
use crate::domain::caller::Caller;
use crate::domain::id::TenantId;
use crate::domain::invalid::FieldError;
use crate::domain::permission::Area;
use crate::domain::plugin::Manifest;
use crate::domain::seal::Spot;
use crate::store::Further;

/// Longest secret.
const MAX_LENGTH: usize = 4_000;

impl App {
    /// The value of a secret.
    pub(in crate::app) async fn module_secret(
        &self,
        tenant: TenantId,
        plugin: &str,
        name: &str,
    ) -> Result<Option<String>, AppError> {
        let kept = self.store.module_secret(HostPermit::new(Chore::Serve), tenant, plugin, name).await?;
        match kept {
            None => Ok(None),
            Some(kept) => self.open_json(tenant, &spot(tenant, plugin, name), kept).await.map(Some),
        }
    }

    /// The steps that set secrets of a module, and take away those that are null.
    pub(super) async fn secret_steps(
        &self,
        caller: &Caller,
        manifest: &Manifest,
        secrets: &Map<String, Json>,
    ) -> Result<Vec<Further>, AppError> {
        let permit = self.access.check_area::<Configure>(caller, Area::Modules)?;
        let (mut steps, mut faults) = (Vec::new(), Vec::new());
        for (name, value) in secrets {
            let field = format!("secrets.{name}");
            if !manifest.permissions.secrets.contains(name) {
                faults.push(FieldError::new(field, "unknown_field", "is no secret that the plugin asks for"));
                continue;
            }
            match value {
                Json::Null => steps.push(self.store.remove_module_secret(permit, &manifest.id, name)),
                Json::String(text) if (1..=MAX_LENGTH).contains(&text.len()) && !text.chars().any(char::is_control) => {
                    let spot = spot(caller.tenant, &manifest.id, name);
                    let sealed = self.seal_json(caller.tenant, &spot, &json!(text)).await?;
                    let now = self.clock.now();
                    steps.push(self.store.put_module_secret(permit, &manifest.id, name, sealed, now));
                }
                _ => {
                    let message = format!("expects a text of 1 to {MAX_LENGTH} bytes on one line, or null");
                    faults.push(FieldError::new(field, "wrong_type", message));
                }
            }
        }
        if faults.is_empty() { Ok(steps) } else { Err(AppError::Invalid(faults)) }
    }

    /// The names of the secrets that a module has.
    pub(super) async fn secret_names(&self, tenant: TenantId, plugin: &str) -> Result<Vec<String>, AppError> {
        Ok(self.store.module_secret_names(HostPermit::new(Chore::Serve), tenant, plugin).await?)
    }
}

fn spot(tenant: TenantId, plugin: &str, name: &str) -> Spot {
    Spot::kept(tenant, "module secret", &[plugin.as_bytes(), name.as_bytes()])
}
