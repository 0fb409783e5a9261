//! What the registry shows of installed plugins besides themselves.

use std::collections::BTreeMap;

use super::db::{Expect, Reach, Row, Step, Stmt};
use super::{Store, StoreError};
use crate::access::HostPermit;

impl Store {
    /// The readme of a version.
    pub async fn plugin_readme(
        &self,
        permit: HostPermit,
        id: &str,
        version: &str,
    ) -> Result<Option<String>, StoreError> {
        let stmt = Stmt::new(
            "select readme from plugin_listing where plugin_id = $1 and version = $2 and readme <> ''",
            [id.into(), version.into()],
        );
        self.db.across(permit).maybe(stmt, |row| row.text(0)).await
    }

    /// The names of all pictures, by plugin and version.
    pub async fn plugin_screenshots(
        &self,
        permit: HostPermit,
    ) -> Result<BTreeMap<(String, String), Vec<String>>, StoreError> {
        let stmt =
            Stmt::new("select plugin_id, version, name from plugin_screenshot order by plugin_id, version, name", []);
        let read = |row: &Row<'_>| Ok(((row.text(0)?, row.text(1)?), row.text(2)?));
        let mut all: BTreeMap<_, Vec<String>> = BTreeMap::new();
        for (version, name) in self.db.across(permit).all(Reach::List, stmt, read).await? {
            all.entry(version).or_default().push(name);
        }
        Ok(all)
    }

    /// A picture: its media type, and the file.
    pub async fn plugin_screenshot(
        &self,
        permit: HostPermit,
        id: &str,
        version: &str,
        name: &str,
    ) -> Result<Option<(String, Vec<u8>)>, StoreError> {
        let stmt = Stmt::new(
            "select media_type, image from plugin_screenshot where plugin_id = $1 and version = $2 and name = $3",
            [id.into(), version.into(), name.into()],
        );
        self.db.across(permit).maybe(stmt, |row| Ok((row.text(0)?, row.bytes(1)?))).await
    }

    /// Counts that the component of a version was fetched.
    pub async fn plugin_downloaded(&self, permit: HostPermit, id: &str, version: &str) -> Result<(), StoreError> {
        let stmt = Stmt::new(
            "insert into plugin_listing (plugin_id, version, readme, downloads) values ($1, $2, '', 1) \
             on conflict (plugin_id, version) do update set downloads = plugin_listing.downloads + 1",
            [id.into(), version.into()],
        );
        self.db.across(permit).run(vec![Step { stmt, expect: Expect::Nothing }]).await
    }

    /// How many tenants have which version of a plugin switched on.
    pub async fn plugin_tenants(&self, permit: HostPermit, id: &str) -> Result<BTreeMap<String, i64>, StoreError> {
        let stmt = Stmt::new(
            "select plugin_version, count(*) from module where plugin_id = $1 and enabled group by plugin_version",
            [id.into()],
        );
        let rows = self.db.across(permit).all(Reach::List, stmt, |row| Ok((row.text(0)?, row.integer(1)?))).await?;
        Ok(rows.into_iter().collect())
    }
}
