//! API keys, and the secret of the installation. A key is kept as its hash only.

use uuid::Uuid;

use super::db::{Expect, Row, Step, Stmt};
use super::{Further, Store, StoreError};
use crate::access::HostPermit;
use crate::domain::audit::Entry;
use crate::domain::caller::Credential;
use crate::domain::clock::Timestamp;
use crate::domain::id::TenantId;

/// An API key to be made.
pub struct NewKey<'a> {
    /// Its id.
    pub id: Uuid,
    /// Its tenant.
    pub tenant: TenantId,
    /// SHA-256 of the key.
    pub hash: [u8; 32],
    /// The role that it carries.
    pub role: &'a str,
    /// What people read.
    pub name: &'a str,
    /// The member whose key it is.
    pub member: Option<Uuid>,
    /// Who made it.
    pub by: Option<&'a str>,
    /// When.
    pub at: Timestamp,
    /// When it ends.
    pub expires_at: Option<Timestamp>,
}

/// A credential as it was found.
#[derive(Clone, Debug)]
pub struct CredentialRow {
    /// Which one.
    pub credential: Credential,
    /// Its tenant.
    pub tenant: TenantId,
    /// The role that it carries.
    pub role: String,
    /// The member whose it is.
    pub member: Option<Uuid>,
    /// When it ends.
    pub expires_at: Option<Timestamp>,
}

const KEY: &str = "id, tenant_id, role, expires_at, member_id";

impl Store {
    /// The installation's secret; made from `fresh` the first time.
    pub async fn secret(&self, permit: HostPermit, fresh: [u8; 32]) -> Result<[u8; 32], StoreError> {
        let insert = Stmt::new(
            "insert into instance (only_row, secret) values (1, $1) on conflict do nothing",
            [fresh.to_vec().into()],
        );
        self.db.across(permit).run(vec![Step { stmt: insert, expect: Expect::Nothing }]).await?;
        let secret =
            self.db.across(permit).maybe(Stmt::new("select secret from instance", []), |row| row.bytes(0)).await?;
        secret
            .and_then(|bytes| bytes.try_into().ok())
            .ok_or_else(|| StoreError::Inconsistent("the installation has no secret".to_owned()))
    }

    /// Makes a further key.
    pub async fn add_key(&self, _: HostPermit, key: &NewKey<'_>, noted: &[Entry]) -> Result<(), StoreError> {
        let noted = self.audit_steps(key.tenant, noted);
        self.db.of(key.tenant).run(std::iter::once(self.insert_key(key)).chain(noted).collect()).await
    }

    /// The tenant of that slug.
    pub async fn tenant_by_slug(&self, permit: HostPermit, slug: &str) -> Result<Option<TenantId>, StoreError> {
        let stmt = Stmt::new("select id from tenant where slug = $1", [slug.into()]);
        self.db.across(permit).maybe(stmt, |row| row.id(0).map(TenantId)).await
    }

    /// Whether somebody of that id works in the tenant: a member, or the holder of a key.
    pub async fn is_member(&self, _: HostPermit, tenant: TenantId, id: Uuid) -> Result<bool, StoreError> {
        let stmt = Stmt::new(
            "select 1 from api_key where id = $1 and tenant_id = $2 \
             union all select 1 from member where id = $1 and tenant_id = $2 limit 1",
            [id.into(), tenant.0.into()],
        );
        Ok(self.db.of(tenant).maybe(stmt, |_| Ok(())).await?.is_some())
    }

    /// A tenant's timezone, and the version of what it made for itself.
    pub async fn tenant_settings(&self, _: HostPermit, tenant: TenantId) -> Result<Option<(String, i64)>, StoreError> {
        let sql = "select tenant.timezone, coalesce(tenant_schema.version, 0) from tenant \
                   left join tenant_schema on tenant_schema.tenant_id = tenant.id where tenant.id = $1";
        self.db.of(tenant).maybe(Stmt::new(sql, [tenant.0.into()]), |row| Ok((row.text(0)?, row.integer(1)?))).await
    }

    /// The key of that hash.
    pub async fn key_by_hash(&self, permit: HostPermit, hash: [u8; 32]) -> Result<Option<CredentialRow>, StoreError> {
        let stmt = Stmt::new(
            &*format!("select {KEY} from api_key where hash = $1 and revoked_at is null"),
            [hash.to_vec().into()],
        );
        self.db.across(permit).maybe(stmt, key_row).await
    }

    /// The key of that id, for work that goes on after its request.
    pub async fn key_by_id(
        &self,
        _: HostPermit,
        tenant: TenantId,
        id: Uuid,
    ) -> Result<Option<CredentialRow>, StoreError> {
        let stmt = Stmt::new(
            format!("select {KEY} from api_key where tenant_id = $1 and id = $2 and revoked_at is null"),
            [tenant.0.into(), id.into()],
        );
        self.db.of(tenant).maybe(stmt, key_row).await
    }

    /// The steps that make a further key of a tenant.
    pub fn new_key(&self, _: HostPermit, key: &NewKey<'_>) -> Vec<Further> {
        vec![Further(self.insert_key(key))]
    }

    fn insert_key(&self, key: &NewKey<'_>) -> Step {
        let engine = self.db.engine();
        let stmt = Stmt::new(
            "insert into api_key (id, tenant_id, hash, role, name, created_at, expires_at, member_id, created_by) \
             values ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
            [
                key.id.into(),
                key.tenant.0.into(),
                key.hash.to_vec().into(),
                key.role.into(),
                key.name.into(),
                engine.time(key.at),
                engine.maybe_time(key.expires_at),
                key.member.into(),
                key.by.into(),
            ],
        );
        Step { stmt, expect: Expect::OneChange }
    }
}

fn key_row(row: &Row<'_>) -> Result<CredentialRow, StoreError> {
    Ok(CredentialRow {
        credential: Credential::Key(row.id(0)?),
        tenant: TenantId(row.id(1)?),
        role: row.text(2)?,
        expires_at: row.maybe_time(3)?,
        member: row.maybe_id(4)?,
    })
}
