//! Settings of modules: what the plugin's schema marks as secret is kept sealed, given to the module, and shown to nobody.

use serde_json::Value as Json;

use crate::app::{App, AppError};
use crate::domain::id::TenantId;
use crate::domain::invalid::FieldError;
use crate::domain::plugin::Manifest;
use crate::domain::seal::Spot;
use crate::domain::setting::{Path, put, secret_paths, take};

impl App {
    /// Settings as they are kept.
    pub(super) async fn settings_to_keep(
        &self,
        tenant: TenantId,
        manifest: &Manifest,
        mut settings: Json,
    ) -> Result<Json, AppError> {
        for path in secrets_of(manifest) {
            if let Some(value) = take(&mut settings, &path) {
                let sealed = self.seal_json(tenant, &spot(tenant, manifest, &path), &value).await?;
                put(&mut settings, &path, sealed);
            }
        }
        Ok(settings)
    }

    /// Settings as the module gets them.
    pub(in crate::app) async fn settings_in_use(
        &self,
        tenant: TenantId,
        manifest: &Manifest,
        mut settings: Json,
    ) -> Result<Json, AppError> {
        for path in secrets_of(manifest) {
            if let Some(kept) = take(&mut settings, &path) {
                let value: Json = self.open_json(tenant, &spot(tenant, manifest, &path), kept).await?;
                put(&mut settings, &path, value);
            }
        }
        Ok(settings)
    }
}

/// Secrets that new settings do not name stay as they were; null takes one away. Nobody can send back what is not shown.
pub(super) fn keep_secrets(manifest: &Manifest, settings: &mut Json, mut before: Json) {
    for path in secrets_of(manifest) {
        match (take(settings, &path), take(&mut before, &path)) {
            (Some(Json::Null), _) | (None, None) => {}
            (Some(value), _) | (None, Some(value)) => put(settings, &path, value),
        }
    }
}

/// Settings as they are shown, and the secret ones that are set.
pub(super) fn shown(manifest: &Manifest, mut settings: Json) -> (Json, Vec<String>) {
    let secrets = secrets_of(manifest);
    let set = secrets.into_iter().filter(|path| take(&mut settings, path).is_some());
    let set = set.map(|path| path.join(".")).collect();
    (settings, set)
}

/// Checks settings against the plugin's JSON Schema. Where some are secret, what is wrong is told without values.
pub(super) fn check(manifest: &Manifest, settings: &Json) -> Result<(), AppError> {
    let Some(validator) = validator_of(manifest)? else { return Ok(()) };
    let has_secrets = !secrets_of(manifest).is_empty();
    let faults: Vec<_> = validator
        .iter_errors(settings)
        .map(|error| {
            let path = format!("config{}", error.instance_path().to_string().replace('/', "."));
            let message = if has_secrets { error.masked().to_string() } else { error.to_string() };
            FieldError::new(path, "wrong_setting", message)
        })
        .collect();
    if faults.is_empty() { Ok(()) } else { Err(AppError::Invalid(faults)) }
}

/// What a plugin's schema accepts; nothing of it comes from elsewhere.
pub(in crate::app) fn validator_of(manifest: &Manifest) -> Result<Option<jsonschema::Validator>, AppError> {
    let wrong = |error| AppError::InvalidPlugin(format!("the manifest: `config.schema`: {error}"));
    manifest.config.schema.as_ref().map(jsonschema::validator_for).transpose().map_err(wrong)
}

fn secrets_of(manifest: &Manifest) -> Vec<Path> {
    manifest.config.schema.as_ref().map(secret_paths).unwrap_or_default()
}

fn spot(tenant: TenantId, manifest: &Manifest, path: &[String]) -> Spot {
    Spot::kept(tenant, "setting", &[manifest.id.as_bytes(), path.join("/").as_bytes()])
}
