//! The registry: what people read and see of a plugin before they enable it, the component itself, and what its
//! publisher sees of how it does.

use data_encoding::BASE64;
use semver::Version;
use serde::Serialize;
use utoipa::ToSchema;

use super::view::Looker;
use crate::access::{Chore, Configure, HostPermit, Read};
use crate::app::ledger::{UsageSum, days, sum};
use crate::app::operators::Operator;
use crate::app::{App, AppError};
use crate::domain::permission::Area;

/// A file of a plugin.
pub struct Shown {
    /// What it is.
    pub media_type: String,
    /// Its name.
    pub name: String,
    /// What is in it.
    pub bytes: Vec<u8>,
    /// SHA-256 of it, in the form of RFC 9530, when it is the component.
    pub digest: Option<String>,
    /// The publisher's signature over it, when it is the component and came alone.
    pub signature: Option<String>,
}

/// How the versions of a plugin do, with all tenants together.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct PluginStatistics {
    /// `publisher.name`.
    pub plugin: String,
    /// The first day, in UTC.
    pub from: String,
    /// The last day, this one included.
    pub to: String,
    /// The versions that are installed, the newest first.
    pub versions: Vec<VersionStatistics>,
}

/// How one version does.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct VersionStatistics {
    /// Which.
    pub version: String,
    /// Tenants that have it switched on now.
    pub tenants: i64,
    /// How often its component was fetched from here, ever.
    pub downloads: i64,
    /// What its calls came to on these days.
    #[serde(flatten)]
    pub usage: UsageSum,
}

impl App {
    /// The readme of a version.
    pub async fn plugin_readme(&self, looker: &Looker, plugin: &str, version: &str) -> Result<Shown, AppError> {
        self.may_look(looker, plugin)?;
        let found = self.store.plugin_readme(HostPermit::new(Chore::Serve), plugin, version).await?;
        let text = found.ok_or_else(|| AppError::no_record("readme", &format!("{plugin} {version}")))?;
        Ok(shown("text/markdown; charset=utf-8", "README.md", text.into_bytes()))
    }

    /// A picture of a version.
    pub async fn plugin_screenshot(
        &self,
        looker: &Looker,
        plugin: &str,
        version: &str,
        name: &str,
    ) -> Result<Shown, AppError> {
        self.may_look(looker, plugin)?;
        let found = self.store.plugin_screenshot(HostPermit::new(Chore::Serve), plugin, version, name).await?;
        let (media_type, image) = found.ok_or_else(|| AppError::no_record("screenshot", &name))?;
        Ok(shown(&media_type, name, image))
    }

    /// The component of a version, for another host: for the operator, its publisher, and admins of tenants. Counted.
    pub async fn plugin_component(&self, looker: &Looker, plugin: &str, version: &str) -> Result<Shown, AppError> {
        self.may_look(looker, plugin)?;
        if let Looker::Caller(caller) = looker {
            self.access.check_area::<Configure>(caller, Area::Modules)?;
        }
        let permit = HostPermit::new(Chore::Serve);
        let missing = || AppError::no_record("plugin", &format!("{plugin} {version}"));
        let is_it = |row: &crate::store::PluginRow| row.manifest.id == plugin && row.manifest.version == version;
        let row = self.store.plugins(permit).await?.into_iter().find(is_it).ok_or_else(missing)?;
        let bytes = self.store.component(permit, plugin, version).await?.ok_or_else(missing)?;
        self.store.plugin_downloaded(permit, plugin, version).await?;
        let mut component = shown("application/wasm", &format!("{plugin}-{version}.wasm"), bytes);
        component.digest = Some(format!("sha-256=:{}:", BASE64.encode(&row.digest)));
        // One over a package is over another file than this.
        component.signature = row.signature.filter(|_| row.package.is_none());
        Ok(component)
    }

    /// How the versions of a plugin do: for the operator, and for its publisher. Sums over all tenants, no names.
    pub async fn plugin_statistics(
        &self,
        operator: &Operator,
        plugin: &str,
        from: Option<&str>,
        to: Option<&str>,
    ) -> Result<PluginStatistics, AppError> {
        operator.publishes(plugin)?;
        let (from, to) = days(from, to, self.clock.now())?;
        let permit = HostPermit::new(Chore::Serve);
        let mut rows = self.store.plugins(permit).await?;
        rows.retain(|row| row.manifest.id == plugin);
        if rows.is_empty() {
            return Err(AppError::no_record("plugin", &plugin));
        }
        rows.sort_by_key(|row| std::cmp::Reverse(Version::parse(&row.manifest.version).ok()));
        self.note_costs().await?;
        let tenants = self.store.plugin_tenants(permit, plugin).await?;
        let costs = self.store.plugin_costs(permit, plugin, &from, &to).await?;
        let version = |row: crate::store::PluginRow| VersionStatistics {
            tenants: tenants.get(&row.manifest.version).copied().unwrap_or_default(),
            downloads: row.downloads,
            usage: sum(&costs.get(&row.manifest.version).copied().unwrap_or_default()),
            version: row.manifest.version,
        };
        Ok(PluginStatistics { plugin: plugin.to_owned(), from, to, versions: rows.into_iter().map(version).collect() })
    }

    /// A plugin that a publisher may not know of is none for it.
    fn may_look(&self, looker: &Looker, plugin: &str) -> Result<(), AppError> {
        if let Looker::Caller(caller) = looker {
            self.access.check_area::<Read>(caller, Area::Modules)?;
        }
        if looker.sees(plugin) { Ok(()) } else { Err(AppError::no_record("plugin", &plugin)) }
    }
}

fn shown(media_type: &str, name: &str, bytes: Vec<u8>) -> Shown {
    Shown { media_type: media_type.to_owned(), name: name.to_owned(), bytes, digest: None, signature: None }
}
