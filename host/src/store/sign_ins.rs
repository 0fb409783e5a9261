//! What members sign in with: passwords, links that set one, second factors and recovery codes.

use uuid::Uuid;

use super::db::{Expect, Row, Step, Stmt};
use super::{Further, Store, StoreError};
use crate::access::HostPermit;
use crate::domain::clock::Timestamp;
use crate::domain::id::TenantId;

/// A member who may want to sign in.
#[derive(Clone, Debug)]
pub struct SignInRow {
    /// The member.
    pub member: Uuid,
    /// The e-mail address.
    pub email: String,
    /// What people read.
    pub name: String,
    /// Whether they may do anything.
    pub is_active: bool,
    /// What is kept of the password.
    pub password: Option<String>,
    /// The second factor, confirmed or not.
    pub factor: Option<FactorRow>,
}

/// A second factor as it is kept.
#[derive(Clone, Debug)]
pub struct FactorRow {
    /// The secret, sealed.
    pub secret: String,
    /// Whether a code has shown that the member has it.
    pub is_confirmed: bool,
    /// The step of the last code that was taken.
    pub last_step: i64,
}

/// A link that lets a member set a password.
#[derive(Clone, Debug)]
pub struct LinkRow {
    /// Whose it is.
    pub member: Uuid,
    /// When it ends.
    pub expires_at: Timestamp,
}

const SIGN_IN: &str = "select member.id, member.email, member.name, member.is_active, password.hash, \
    second_factor.secret, second_factor.is_confirmed, second_factor.last_step from member \
    left join password on password.tenant_id = member.tenant_id and password.member_id = member.id \
    left join second_factor on second_factor.tenant_id = member.tenant_id and second_factor.member_id = member.id \
    where member.tenant_id = $1 and ";

impl Store {
    /// The member of that e-mail address.
    pub async fn sign_in_by_email(
        &self,
        _: HostPermit,
        tenant: TenantId,
        email: &str,
    ) -> Result<Option<SignInRow>, StoreError> {
        let sql = format!("{SIGN_IN}member.email = $2");
        self.db.of(tenant).maybe(Stmt::new(sql, [tenant.0.into(), email.into()]), sign_in).await
    }

    /// The member of that id.
    pub async fn sign_in_by_id(
        &self,
        _: HostPermit,
        tenant: TenantId,
        member: Uuid,
    ) -> Result<Option<SignInRow>, StoreError> {
        let sql = format!("{SIGN_IN}member.id = $2");
        self.db.of(tenant).maybe(Stmt::new(sql, [tenant.0.into(), member.into()]), sign_in).await
    }

    /// Slug and name of a tenant.
    pub async fn tenant_names(&self, _: HostPermit, tenant: TenantId) -> Result<Option<(String, String)>, StoreError> {
        let stmt = Stmt::new("select slug, name from tenant where id = $1", [tenant.0.into()]);
        self.db.of(tenant).maybe(stmt, |row| Ok((row.text(0)?, row.text(1)?))).await
    }

    /// The step that sets a password.
    pub fn set_password(&self, _: HostPermit, tenant: TenantId, member: Uuid, hash: &str, at: Timestamp) -> Further {
        let stmt = Stmt::new(
            "insert into password (tenant_id, member_id, hash, changed_at) values ($1, $2, $3, $4) \
             on conflict (tenant_id, member_id) do update set hash = excluded.hash, changed_at = excluded.changed_at",
            [tenant.0.into(), member.into(), hash.into(), self.db.engine().time(at)],
        );
        one(stmt)
    }

    /// Keeps the same password at another cost, unless it was changed meanwhile.
    pub async fn rehash_password(
        &self,
        _: HostPermit,
        tenant: TenantId,
        member: Uuid,
        from: &str,
        to: &str,
    ) -> Result<(), StoreError> {
        let sql = "update password set hash = $1 where tenant_id = $2 and member_id = $3 and hash = $4";
        let stmt = Stmt::new(sql, [to.into(), tenant.0.into(), member.into(), from.into()]);
        self.db.of(tenant).run(vec![Step { stmt, expect: Expect::Nothing }]).await
    }

    /// The step that makes a link, in place of the one that was there.
    pub fn put_link(
        &self,
        _: HostPermit,
        tenant: TenantId,
        row: &LinkRow,
        hash: [u8; 32],
        by: &str,
        at: Timestamp,
    ) -> Further {
        let engine = self.db.engine();
        let stmt = Stmt::new(
            "insert into entry_link (tenant_id, member_id, hash, created_by, created_at, expires_at) \
             values ($1, $2, $3, $4, $5, $6) on conflict (tenant_id, member_id) do update set hash = excluded.hash, \
             created_by = excluded.created_by, created_at = excluded.created_at, expires_at = excluded.expires_at",
            [
                tenant.0.into(),
                row.member.into(),
                hash.to_vec().into(),
                by.into(),
                engine.time(at),
                engine.time(row.expires_at),
            ],
        );
        one(stmt)
    }

    /// The link of that hash.
    pub async fn link(&self, _: HostPermit, tenant: TenantId, hash: [u8; 32]) -> Result<Option<LinkRow>, StoreError> {
        let sql = "select member_id, expires_at from entry_link where tenant_id = $1 and hash = $2";
        let stmt = Stmt::new(sql, [tenant.0.into(), hash.to_vec().into()]);
        self.db.of(tenant).maybe(stmt, |row| Ok(LinkRow { member: row.id(0)?, expires_at: row.time(1)? })).await
    }

    /// The step that uses a link up: only one can.
    pub fn use_link(&self, _: HostPermit, tenant: TenantId, hash: [u8; 32]) -> Further {
        let sql = "delete from entry_link where tenant_id = $1 and hash = $2";
        one(Stmt::new(sql, [tenant.0.into(), hash.to_vec().into()]))
    }

    /// The step that ends the link of a member, if there is one.
    pub fn drop_link(&self, _: HostPermit, tenant: TenantId, member: Uuid) -> Further {
        any(Stmt::new(
            "delete from entry_link where tenant_id = $1 and member_id = $2",
            [tenant.0.into(), member.into()],
        ))
    }

    /// The step that keeps a second factor which is still to be confirmed; not in place of a confirmed one.
    pub fn put_factor(&self, _: HostPermit, tenant: TenantId, member: Uuid, secret: &str, at: Timestamp) -> Further {
        let stmt = Stmt::new(
            "insert into second_factor (tenant_id, member_id, secret, is_confirmed, last_step, created_at) \
             values ($1, $2, $3, $4, -1, $5) on conflict (tenant_id, member_id) do update set \
             secret = excluded.secret, created_at = excluded.created_at where not second_factor.is_confirmed",
            [tenant.0.into(), member.into(), secret.into(), false.into(), self.db.engine().time(at)],
        );
        one(stmt)
    }

    /// The step that takes a code of a factor, whose secret is still this one: no code is taken twice.
    pub fn take_code(&self, _: HostPermit, tenant: TenantId, member: Uuid, secret: &str, step: i64) -> Further {
        let stmt = Stmt::new(
            "update second_factor set last_step = $1, is_confirmed = $2 \
             where last_step < $1 and tenant_id = $3 and member_id = $4 and secret = $5",
            [step.into(), true.into(), tenant.0.into(), member.into(), secret.into()],
        );
        one(stmt)
    }

    /// The steps that remove a second factor and its recovery codes.
    pub fn drop_factor(&self, permit: HostPermit, tenant: TenantId, member: Uuid) -> Vec<Further> {
        let sql = "delete from second_factor where tenant_id = $1 and member_id = $2";
        let factor = one(Stmt::new(sql, [tenant.0.into(), member.into()]));
        vec![factor, self.drop_recovery_codes(permit, tenant, member)]
    }

    /// The step that removes the recovery codes of a member.
    pub fn drop_recovery_codes(&self, _: HostPermit, tenant: TenantId, member: Uuid) -> Further {
        let sql = "delete from recovery_code where tenant_id = $1 and member_id = $2";
        any(Stmt::new(sql, [tenant.0.into(), member.into()]))
    }

    /// The steps that keep new recovery codes.
    pub fn add_recovery_codes(
        &self,
        _: HostPermit,
        tenant: TenantId,
        member: Uuid,
        hashes: &[[u8; 32]],
    ) -> Vec<Further> {
        let sql = "insert into recovery_code (tenant_id, member_id, hash) values ($1, $2, $3)";
        let add = |hash: &[u8; 32]| one(Stmt::new(sql, [tenant.0.into(), member.into(), hash.to_vec().into()]));
        hashes.iter().map(add).collect()
    }

    /// Whether a member has this recovery code.
    pub async fn has_recovery_code(
        &self,
        _: HostPermit,
        tenant: TenantId,
        member: Uuid,
        hash: [u8; 32],
    ) -> Result<bool, StoreError> {
        let sql = "select 1 from recovery_code where tenant_id = $1 and member_id = $2 and hash = $3";
        let stmt = Stmt::new(sql, [tenant.0.into(), member.into(), hash.to_vec().into()]);
        Ok(self.db.of(tenant).maybe(stmt, |_| Ok(())).await?.is_some())
    }

    /// The step that uses a recovery code up: only one can.
    pub fn use_recovery_code(&self, _: HostPermit, tenant: TenantId, member: Uuid, hash: [u8; 32]) -> Further {
        let sql = "delete from recovery_code where tenant_id = $1 and member_id = $2 and hash = $3";
        one(Stmt::new(sql, [tenant.0.into(), member.into(), hash.to_vec().into()]))
    }
}

fn one(stmt: Stmt) -> Further {
    Further(Step { stmt, expect: Expect::OneChange })
}

fn any(stmt: Stmt) -> Further {
    Further(Step { stmt, expect: Expect::Nothing })
}

fn sign_in(row: &Row<'_>) -> Result<SignInRow, StoreError> {
    let factor = match row.maybe_text(5)? {
        Some(secret) => Some(FactorRow { secret, is_confirmed: row.boolean(6)?, last_step: row.integer(7)? }),
        None => None,
    };
    Ok(SignInRow {
        member: row.id(0)?,
        email: row.text(1)?,
        name: row.text(2)?,
        is_active: row.boolean(3)?,
        password: row.maybe_text(4)?,
        factor,
    })
}
