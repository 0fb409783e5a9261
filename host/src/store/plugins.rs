//! Installed plugins, and the keys of those who publish them.

use serde_json::Value as Json;
use uuid::Uuid;

use super::db::{Expect, Reach, Row, Step, Stmt};
use super::{Store, StoreError};
use crate::access::HostPermit;
use crate::domain::clock::Timestamp;
use crate::domain::plugin::Manifest;
use crate::domain::publisher::PublisherKey;

/// A plugin to be installed.
pub struct NewPlugin<'a> {
    /// What it says of itself.
    pub manifest: &'a Manifest,
    /// SHA-256 of the component.
    pub digest: [u8; 32],
    /// The component.
    pub component: &'a [u8],
    /// The interfaces of the host that it calls.
    pub imports: &'a [String],
    /// SHA-256 of the manifest of the package that it came in.
    pub package: Option<[u8; 32]>,
    /// The signature that it came with.
    pub signature: Option<String>,
    /// What people read of it.
    pub readme: &'a str,
    /// Pictures of it: name, media type, file.
    pub screenshots: Vec<(&'a str, &'a str, &'a [u8])>,
    /// When.
    pub at: Timestamp,
}

impl NewPlugin<'_> {
    /// What people see of it. Of another component of this version, which was faster, this is not it.
    fn showcase(&self) -> Vec<Stmt> {
        let whose =
            || [self.manifest.id.as_str().into(), self.manifest.version.as_str().into(), self.digest.to_vec().into()];
        let readme = Stmt::new(
            "insert into plugin_listing (plugin_id, version, readme, downloads) select id, version, $1, 0 from plugin \
             where id = $2 and version = $3 and digest = $4 on conflict do nothing",
            [&[self.readme.into()][..], &whose()].concat(),
        );
        let pictures = self.screenshots.iter().map(|(name, media_type, image)| {
            Stmt::new(
                "insert into plugin_screenshot (plugin_id, version, name, media_type, image) \
                 select id, version, $1, $2, $3 from plugin where id = $4 and version = $5 and digest = $6 \
                 on conflict do nothing",
                [&[(*name).into(), (*media_type).into(), image.to_vec().into()][..], &whose()].concat(),
            )
        });
        std::iter::once(readme).chain(pictures).collect()
    }
}

/// An installed plugin, without its component.
#[derive(Clone, Debug)]
pub struct PluginRow {
    /// What it says of itself.
    pub manifest: Manifest,
    /// SHA-256 of the component.
    pub digest: [u8; 32],
    /// Bytes of the component.
    pub size: i64,
    /// The interfaces of the host that it calls.
    pub imports: Vec<String>,
    /// SHA-256 of the manifest of the package that it came in, as text.
    pub package: Option<String>,
    /// The signature that it came with.
    pub signature: Option<String>,
    /// When it was installed.
    pub at: Timestamp,
    /// Whether there is something to read.
    pub has_readme: bool,
    /// How often its component was fetched.
    pub downloads: i64,
}

/// A key of a publisher.
#[derive(Clone, Debug)]
pub struct PublisherKeyRow {
    /// Its id.
    pub id: Uuid,
    /// The first part of the ids of the publisher's plugins.
    pub publisher: String,
    /// The key.
    pub key: PublisherKey,
    /// What people read.
    pub name: String,
    /// When it was registered.
    pub created_at: Timestamp,
    /// When it was revoked.
    pub revoked_at: Option<Timestamp>,
}

impl Store {
    /// Installs a plugin. The same version with another component is left as it is.
    pub async fn add_plugin(&self, permit: HostPermit, plugin: &NewPlugin<'_>) -> Result<(), StoreError> {
        let inconsistent = |error: serde_json::Error| StoreError::Inconsistent(error.to_string());
        let manifest = serde_json::to_value(plugin.manifest).map_err(inconsistent)?;
        let imports = serde_json::to_value(plugin.imports).map_err(inconsistent)?;
        let package = plugin.package.map(|digest| data_encoding::HEXLOWER.encode(&digest));
        let stmt = Stmt::new(
            "insert into plugin (id, version, digest, manifest, component, imports, package, signature, installed_at) \
             values ($1, $2, $3, $4, $5, $6, $7, $8, $9) on conflict do nothing",
            [
                plugin.manifest.id.as_str().into(),
                plugin.manifest.version.as_str().into(),
                plugin.digest.to_vec().into(),
                manifest.into(),
                plugin.component.to_vec().into(),
                imports.into(),
                package.into(),
                plugin.signature.clone().into(),
                self.db.engine().time(plugin.at),
            ],
        );
        let mut stmts = vec![stmt];
        stmts.extend(plugin.showcase());
        let steps = stmts.into_iter().map(|stmt| Step { stmt, expect: Expect::Nothing }).collect();
        self.db.across(permit).run(steps).await
    }

    /// All installed plugins, the oldest first.
    pub async fn plugins(&self, permit: HostPermit) -> Result<Vec<PluginRow>, StoreError> {
        let stmt = Stmt::new(
            "select manifest, digest, cast(length(component) as bigint), imports, package, signature, installed_at, \
             cast(coalesce(length(readme), 0) as bigint), coalesce(downloads, 0) from plugin \
             left join plugin_listing listing on listing.plugin_id = plugin.id and listing.version = plugin.version \
             order by installed_at, id, plugin.version",
            [],
        );
        self.db.across(permit).all(Reach::Point, stmt, plugin).await
    }

    /// SHA-256 of the component of an installed plugin.
    pub async fn component_digest(
        &self,
        permit: HostPermit,
        id: &str,
        version: &str,
    ) -> Result<Option<[u8; 32]>, StoreError> {
        let stmt = Stmt::new("select digest from plugin where id = $1 and version = $2", [id.into(), version.into()]);
        self.db.across(permit).maybe(stmt, |row| digest(row, 0)).await
    }

    /// The component of an installed plugin.
    pub async fn component(&self, permit: HostPermit, id: &str, version: &str) -> Result<Option<Vec<u8>>, StoreError> {
        let stmt =
            Stmt::new("select component from plugin where id = $1 and version = $2", [id.into(), version.into()]);
        self.db.across(permit).maybe(stmt, |row| row.bytes(0)).await
    }

    /// Registers a key. One that is there already is left as it is.
    pub async fn add_publisher_key(&self, permit: HostPermit, row: &PublisherKeyRow) -> Result<(), StoreError> {
        let stmt = Stmt::new(
            "insert into publisher_key (id, publisher, key, name, created_at) values ($1, $2, $3, $4, $5) \
             on conflict do nothing",
            [
                row.id.into(),
                row.publisher.as_str().into(),
                row.key.bytes().to_vec().into(),
                row.name.as_str().into(),
                self.db.engine().time(row.created_at),
            ],
        );
        self.db.across(permit).run(vec![Step { stmt, expect: Expect::Nothing }]).await
    }

    /// All keys of publishers, the newest first; revoked ones, too.
    pub async fn publisher_keys(&self, permit: HostPermit) -> Result<Vec<PublisherKeyRow>, StoreError> {
        let stmt = Stmt::new(
            "select id, publisher, key, name, created_at, revoked_at from publisher_key order by id desc",
            [],
        );
        self.db.across(permit).all(Reach::List, stmt, publisher_key).await
    }

    /// Revokes a key of a publisher.
    pub async fn revoke_publisher_key(&self, permit: HostPermit, id: Uuid, at: Timestamp) -> Result<(), StoreError> {
        let stmt = Stmt::new(
            "update publisher_key set revoked_at = $1 where id = $2 and revoked_at is null",
            [self.db.engine().time(at), id.into()],
        );
        self.db.across(permit).run(vec![Step { stmt, expect: Expect::Nothing }]).await
    }
}

fn plugin(row: &Row<'_>) -> Result<PluginRow, StoreError> {
    fn read<T: serde::de::DeserializeOwned>(json: Json) -> Result<T, StoreError> {
        serde_json::from_value(json).map_err(|error| StoreError::Inconsistent(error.to_string()))
    }
    Ok(PluginRow {
        manifest: read(row.json(0)?)?,
        digest: digest(row, 1)?,
        size: row.integer(2)?,
        imports: read(row.json(3)?)?,
        package: row.maybe_text(4)?,
        signature: row.maybe_text(5)?,
        at: row.time(6)?,
        has_readme: row.integer(7)? > 0,
        downloads: row.integer(8)?,
    })
}

fn digest(row: &Row<'_>, at: usize) -> Result<[u8; 32], StoreError> {
    row.bytes(at)?.try_into().map_err(|_| StoreError::Inconsistent("a digest of wrong length".to_owned()))
}

fn publisher_key(row: &Row<'_>) -> Result<PublisherKeyRow, StoreError> {
    let key = PublisherKey::from_bytes(&row.bytes(2)?);
    Ok(PublisherKeyRow {
        id: row.id(0)?,
        publisher: row.text(1)?,
        key: key.ok_or_else(|| StoreError::Inconsistent("a publisher's key that is none".to_owned()))?,
        name: row.text(3)?,
        created_at: row.time(4)?,
        revoked_at: row.maybe_time(5)?,
    })
}
