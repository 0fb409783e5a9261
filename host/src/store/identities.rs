//! Providers with which members of a tenant sign in, and whom a provider means by a subject.

use uuid::Uuid;

use super::db::{Expect, Reach, Row, Step, Stmt};
use super::{Further, Store, StoreError};
use crate::access::{AreaPermit, Configure, HostPermit};
use crate::domain::clock::Timestamp;
use crate::domain::id::TenantId;

/// A provider as it is kept.
#[derive(Clone, Debug)]
pub struct ProviderRow {
    /// Its name in paths; unique in the tenant.
    pub name: String,
    /// What people read.
    pub label: String,
    /// Who it says that it is.
    pub issuer: String,
    /// What it calls the host.
    pub client_id: String,
    /// What the host shows it, sealed.
    pub client_secret: String,
    /// The role of members that come into being by signing in; none does when there is none.
    pub default_role: Option<String>,
    /// The only domain whose addresses it may vouch for.
    pub domain: Option<String>,
    /// Whether it is in use.
    pub is_enabled: bool,
    /// Whether an owner has set it up.
    pub reaches_owners: bool,
    /// Counts changes.
    pub version: i64,
    /// When it was made.
    pub created_at: Timestamp,
}

const PROVIDER: &str = "name, label, issuer, client_id, client_secret, default_role, domain, is_enabled, \
    reaches_owners, version, created_at";

impl Store {
    /// The providers of a tenant, by name.
    pub async fn providers(&self, permit: AreaPermit<Configure>) -> Result<Vec<ProviderRow>, StoreError> {
        let sql = format!("select {PROVIDER} from identity_provider where tenant_id = $1 order by name");
        self.db.of(permit.tenant()).all(Reach::List, Stmt::new(sql, [permit.tenant().0.into()]), provider).await
    }

    /// One of them.
    pub async fn provider(
        &self,
        _: HostPermit,
        tenant: TenantId,
        name: &str,
    ) -> Result<Option<ProviderRow>, StoreError> {
        let sql = format!("select {PROVIDER} from identity_provider where tenant_id = $1 and name = $2");
        self.db.of(tenant).maybe(Stmt::new(sql, [tenant.0.into(), name.into()]), provider).await
    }

    /// The step that adds a provider, or changes the one that had the version before.
    pub fn put_provider(&self, permit: AreaPermit<Configure>, row: &ProviderRow) -> Further {
        let stmt = Stmt::new(
            "insert into identity_provider (tenant_id, name, label, issuer, client_id, client_secret, default_role, \
             domain, is_enabled, reaches_owners, version, created_at) \
             values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12) \
             on conflict (tenant_id, name) do update set label = excluded.label, issuer = excluded.issuer, \
             client_id = excluded.client_id, client_secret = excluded.client_secret, \
             default_role = excluded.default_role, domain = excluded.domain, is_enabled = excluded.is_enabled, \
             reaches_owners = excluded.reaches_owners, version = excluded.version \
             where identity_provider.version = excluded.version - 1",
            [
                permit.tenant().0.into(),
                row.name.as_str().into(),
                row.label.as_str().into(),
                row.issuer.as_str().into(),
                row.client_id.as_str().into(),
                row.client_secret.as_str().into(),
                row.default_role.as_deref().into(),
                row.domain.as_deref().into(),
                row.is_enabled.into(),
                row.reaches_owners.into(),
                row.version.into(),
                self.db.engine().time(row.created_at),
            ],
        );
        Further(Step { stmt, expect: Expect::OneChange })
    }

    /// The step that removes a provider.
    pub fn remove_provider(&self, permit: AreaPermit<Configure>, name: &str) -> Further {
        let sql = "delete from identity_provider where tenant_id = $1 and name = $2";
        let stmt = Stmt::new(sql, [permit.tenant().0.into(), name.into()]);
        Further(Step { stmt, expect: Expect::OneChange })
    }

    /// Whom an issuer means by a subject.
    pub async fn identity(
        &self,
        _: HostPermit,
        tenant: TenantId,
        issuer: &str,
        subject: &str,
    ) -> Result<Option<Uuid>, StoreError> {
        let sql = "select member_id from identity where tenant_id = $1 and issuer = $2 and subject = $3";
        let stmt = Stmt::new(sql, [tenant.0.into(), issuer.into(), subject.into()]);
        self.db.of(tenant).maybe(stmt, |row| row.id(0)).await
    }

    /// Whether an issuer means a member by some subject already.
    pub async fn is_identified(
        &self,
        _: HostPermit,
        tenant: TenantId,
        issuer: &str,
        member: Uuid,
    ) -> Result<bool, StoreError> {
        let sql = "select 1 from identity where tenant_id = $1 and issuer = $2 and member_id = $3";
        let stmt = Stmt::new(sql, [tenant.0.into(), issuer.into(), member.into()]);
        Ok(self.db.of(tenant).maybe(stmt, |_| Ok(())).await?.is_some())
    }

    /// The step that keeps whom an issuer means by a subject.
    pub fn add_identity(
        &self,
        _: HostPermit,
        tenant: TenantId,
        issuer: &str,
        subject: &str,
        member: Uuid,
        at: Timestamp,
    ) -> Further {
        let stmt = Stmt::new(
            "insert into identity (tenant_id, issuer, subject, member_id, created_at) values ($1, $2, $3, $4, $5) \
             on conflict do nothing",
            [tenant.0.into(), issuer.into(), subject.into(), member.into(), self.db.engine().time(at)],
        );
        Further(Step { stmt, expect: Expect::OneChange })
    }
}

fn provider(row: &Row<'_>) -> Result<ProviderRow, StoreError> {
    Ok(ProviderRow {
        name: row.text(0)?,
        label: row.text(1)?,
        issuer: row.text(2)?,
        client_id: row.text(3)?,
        client_secret: row.text(4)?,
        default_role: row.maybe_text(5)?,
        domain: row.maybe_text(6)?,
        is_enabled: row.boolean(7)?,
        reaches_owners: row.boolean(8)?,
        version: row.integer(9)?,
        created_at: row.time(10)?,
    })
}
