//! Installed plugins as callers see them.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::Value as Json;
use utoipa::ToSchema;

use super::keys::{SignatureState, state_of};
use crate::access::{Chore, HostPermit, Read};
use crate::app::operators::Operator;
use crate::app::{App, AppError};
use crate::domain::caller::Caller;
use crate::domain::permission::Area;
use crate::domain::plugin::Manifest;
use crate::domain::publisher::PluginSignature;
use crate::store::{PluginRow, PublisherKeyRow};

/// Who looks at plugins.
pub enum Looker {
    /// Who runs the installation.
    Operator(Operator),
    /// Somebody of a tenant.
    Caller(Caller),
}

impl Looker {
    /// Whether a plugin is one that this looker may know of: a publisher knows of its own.
    pub(super) fn sees(&self, plugin: &str) -> bool {
        match self {
            Self::Operator(operator) => operator.publishes(plugin).is_ok(),
            Self::Caller(_) => true,
        }
    }
}

/// What a plugin can do, by what it imports and by its manifest.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Capabilities {
    /// The interfaces of the host that it calls.
    pub imports: Vec<String>,
    /// Where the host calls it.
    #[schema(value_type = Object)]
    pub hooks: Json,
    /// What it asks for, and why.
    #[schema(value_type = Object)]
    pub permissions: Json,
    /// What it needs of the machine.
    #[schema(value_type = Object)]
    pub limits: Json,
    /// The objects that it brings.
    pub objects: Vec<String>,
    /// What the names of its objects, and of the events of its own, begin with.
    pub namespace: String,
    /// The oldest host API that it works with.
    pub api: String,
    /// JSON Schema of its settings; null when it says nothing of them.
    #[schema(value_type = Option<Object>)]
    pub settings: Option<Json>,
    /// The plugins that it needs, each with the oldest version that will do; any when that is empty.
    #[schema(value_type = Vec<Object>)]
    pub requires: Json,
    /// What it does when it is asked to, each with the JSON Schema of its input; any object when that is null.
    #[schema(value_type = Vec<Object>)]
    pub actions: Json,
    /// What people see of it.
    #[schema(value_type = Vec<Object>)]
    pub views: Json,
    /// The messaging platform that it connects to.
    #[schema(value_type = Option<Object>)]
    pub channel: Json,
}

/// What a signature is worth, and by whom it is.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = PluginSignature)]
pub struct SignatureView {
    /// What it is worth now.
    pub state: SignatureState,
    /// The public key that it is by.
    pub key: Option<String>,
}

/// One version of a plugin.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = PluginVersion)]
pub struct PluginVersionView {
    /// Which.
    pub version: String,
    /// `available`: it was checked, compiled, linked and tried; `revoked`: it runs nowhere here any more.
    pub state: &'static str,
    /// SHA-256 of the component.
    pub digest: String,
    /// SHA-256 of the manifest of the package that it came in.
    pub package_digest: Option<String>,
    /// Bytes of the component.
    pub size: i64,
    /// When it was installed.
    pub installed_at: String,
    /// Who has signed it.
    pub signature: SignatureView,
    /// Whether it has a readme.
    pub has_readme: bool,
    /// The names of pictures of its views.
    pub screenshots: Vec<String>,
    /// How often its component was fetched from here.
    pub downloads: i64,
    /// What it can do.
    pub capabilities: Capabilities,
}

/// An installed plugin, and what installing it did.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = InstalledPlugin)]
pub struct PluginView {
    /// `publisher.name`.
    pub id: String,
    /// What people read.
    pub name: String,
    /// The version that was installed, with all that is known of it.
    #[serde(flatten)]
    pub installed: PluginVersionView,
    /// The table changes that it made; none when it was there already.
    pub changes: Vec<String>,
    /// Whether it was not there before.
    #[serde(skip)]
    pub is_new: bool,
}

/// A plugin with its versions.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = Plugin)]
pub struct PluginVersions {
    /// `publisher.name`.
    pub id: String,
    /// What people read.
    pub name: String,
    /// What it does.
    pub description: String,
    /// The versions that are installed, in the order in which they were.
    pub versions: Vec<PluginVersionView>,
}

impl App {
    /// The installed plugins, in the order of their ids; those whose id, name or description has every word of `search`
    /// in it. A publisher sees its own.
    pub async fn plugins(&self, looker: &Looker, search: Option<&str>) -> Result<Vec<PluginVersions>, AppError> {
        if let Looker::Caller(caller) = looker {
            self.access.check_area::<Read>(caller, Area::Modules)?;
        }
        let words: Vec<String> = search.unwrap_or_default().split_whitespace().map(str::to_lowercase).collect();
        let mut plugins = self.all_plugins().await?;
        plugins.retain(|plugin| {
            let text = format!("{} {} {}", plugin.id, plugin.name, plugin.description).to_lowercase();
            looker.sees(&plugin.id) && words.iter().all(|word| text.contains(word))
        });
        Ok(plugins)
    }

    async fn all_plugins(&self) -> Result<Vec<PluginVersions>, AppError> {
        let permit = HostPermit::new(Chore::Serve);
        let keys = self.store.publisher_keys(permit).await?;
        let revoked = self.store.revoked_components(permit).await?;
        let screenshots = self.store.plugin_screenshots(permit).await?;
        let mut plugins: Vec<PluginVersions> = Vec::new();
        for row in self.store.plugins(permit).await? {
            let mut version = version(&row, &keys, &screenshots);
            if revoked.contains(&row.digest.to_vec()) {
                version.state = "revoked";
            }
            let Manifest { id, name, description, .. } = row.manifest;
            match plugins.iter_mut().find(|plugin| plugin.id == id) {
                Some(plugin) => {
                    // The newest says how it is called.
                    (plugin.name, plugin.description) = (name, description);
                    plugin.versions.push(version);
                }
                None => plugins.push(PluginVersions { id, name, description, versions: vec![version] }),
            }
        }
        plugins.sort_by(|one, other| one.id.cmp(&other.id));
        Ok(plugins)
    }

    /// One of them.
    pub async fn plugin_versions(&self, looker: &Looker, id: &str) -> Result<PluginVersions, AppError> {
        let plugins = self.plugins(looker, None).await?;
        plugins.into_iter().find(|plugin| plugin.id == id).ok_or_else(|| AppError::no_record("plugin", &id))
    }

    pub(super) async fn plugin_view(
        &self,
        row: PluginRow,
        changes: Vec<String>,
        is_new: bool,
    ) -> Result<PluginView, AppError> {
        let keys = self.store.publisher_keys(Self::operate_permit()).await?;
        let screenshots = self.store.plugin_screenshots(Self::operate_permit()).await?;
        let installed = version(&row, &keys, &screenshots);
        Ok(PluginView { id: row.manifest.id, name: row.manifest.name, installed, changes, is_new })
    }
}

fn version(
    row: &PluginRow,
    keys: &[PublisherKeyRow],
    screenshots: &BTreeMap<(String, String), Vec<String>>,
) -> PluginVersionView {
    let of_it = (row.manifest.id.clone(), row.manifest.version.clone());
    let signature = row.signature.as_deref().and_then(PluginSignature::parse);
    let signature = signature.map_or(SignatureView { state: SignatureState::Unsigned, key: None }, |signature| {
        let state = state_of(keys, &row.manifest.id, signature.key());
        SignatureView { state, key: Some(signature.key().to_string()) }
    });
    PluginVersionView {
        version: row.manifest.version.clone(),
        state: "available",
        digest: format!("sha256:{}", data_encoding::HEXLOWER.encode(&row.digest)),
        package_digest: row.package.as_ref().map(|hex| format!("sha256:{hex}")),
        size: row.size,
        installed_at: row.at.to_string(),
        signature,
        has_readme: row.has_readme,
        screenshots: screenshots.get(&of_it).cloned().unwrap_or_default(),
        downloads: row.downloads,
        capabilities: Capabilities::of(&row.manifest, row.imports.clone()),
    }
}

impl Capabilities {
    /// By what it imports and by its manifest.
    pub(super) fn of(manifest: &Manifest, imports: Vec<String>) -> Self {
        let json = |part: Result<Json, serde_json::Error>| part.unwrap_or_default();
        Self {
            imports,
            hooks: json(serde_json::to_value(&manifest.hooks)),
            permissions: json(serde_json::to_value(&manifest.permissions)),
            limits: json(serde_json::to_value(&manifest.limits)),
            objects: manifest.objects.iter().map(|object| object.name.clone()).collect(),
            namespace: manifest.namespace.clone(),
            api: manifest.api.clone(),
            settings: manifest.config.schema.clone(),
            requires: json(serde_json::to_value(&manifest.requires)),
            actions: json(serde_json::to_value(&manifest.actions)),
            views: json(serde_json::to_value(&manifest.views)),
            channel: json(serde_json::to_value(&manifest.channel)),
        }
    }
}
