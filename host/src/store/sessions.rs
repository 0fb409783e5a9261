//! Sessions of members. A session's token is kept as its hash only.

use uuid::Uuid;

use super::accounts::CredentialRow;
use super::db::{Expect, Reach, Row, Step, Stmt};
use super::{Further, Store, StoreError};
use crate::access::HostPermit;
use crate::domain::caller::Credential;
use crate::domain::clock::Timestamp;
use crate::domain::id::TenantId;

/// A session to be begun.
#[derive(Clone, Debug)]
pub struct NewSession {
    /// Its tenant.
    pub tenant: TenantId,
    /// Its id.
    pub id: Uuid,
    /// Whose it is.
    pub member: Uuid,
    /// SHA-256 of its token.
    pub hash: [u8; 32],
    /// How it was begun.
    pub way: &'static str,
    /// The address at the other end.
    pub peer: Option<String>,
    /// What the browser calls itself.
    pub agent: Option<String>,
    /// Now.
    pub at: Timestamp,
    /// When it ends at the latest.
    pub expires_at: Timestamp,
}

/// A session as it is kept.
#[derive(Clone, Debug)]
pub struct SessionRow {
    /// Its id.
    pub id: Uuid,
    /// Its tenant.
    pub tenant: TenantId,
    /// Whose it is.
    pub member: Uuid,
    /// How it was begun.
    pub way: String,
    /// The address that it was begun from.
    pub peer: Option<String>,
    /// What the browser called itself.
    pub agent: Option<String>,
    /// When it was begun.
    pub created_at: Timestamp,
    /// When it was used last, some minutes late at most.
    pub seen_at: Timestamp,
    /// When it ends at the latest.
    pub expires_at: Timestamp,
}

const SESSION: &str = "id, tenant_id, member_id, way, peer, agent, created_at, seen_at, expires_at";

impl SessionRow {
    /// What it stands for as a credential: all roles of its member.
    pub fn credential(&self, all_roles: &str, ends_at: Timestamp) -> CredentialRow {
        CredentialRow {
            credential: Credential::Session(self.id),
            tenant: self.tenant,
            role: all_roles.to_owned(),
            member: Some(self.member),
            expires_at: Some(ends_at),
        }
    }
}

impl Store {
    /// The step that begins a session.
    pub fn begin_session(&self, _: HostPermit, new: &NewSession) -> Further {
        let engine = self.db.engine();
        let stmt = Stmt::new(
            "insert into session (tenant_id, id, member_id, hash, way, peer, agent, created_at, seen_at, expires_at) \
             values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
            [
                new.tenant.0.into(),
                new.id.into(),
                new.member.into(),
                new.hash.to_vec().into(),
                new.way.into(),
                new.peer.as_deref().into(),
                new.agent.as_deref().into(),
                engine.time(new.at),
                engine.time(new.at),
                engine.time(new.expires_at),
            ],
        );
        Further(Step { stmt, expect: Expect::OneChange })
    }

    /// The session of that hash that has not been ended.
    pub async fn session_by_hash(
        &self,
        _: HostPermit,
        tenant: TenantId,
        hash: [u8; 32],
    ) -> Result<Option<SessionRow>, StoreError> {
        let sql = format!("select {SESSION} from session where tenant_id = $1 and hash = $2 and ended_at is null");
        self.db.of(tenant).maybe(Stmt::new(sql, [tenant.0.into(), hash.to_vec().into()]), session).await
    }

    /// The session of that id that has not been ended.
    pub async fn session_by_id(
        &self,
        _: HostPermit,
        tenant: TenantId,
        id: Uuid,
    ) -> Result<Option<SessionRow>, StoreError> {
        let sql = format!("select {SESSION} from session where tenant_id = $1 and id = $2 and ended_at is null");
        self.db.of(tenant).maybe(Stmt::new(sql, [tenant.0.into(), id.into()]), session).await
    }

    /// The sessions of a tenant that have not ended, or those of one member, the newest first.
    pub async fn sessions(
        &self,
        _: HostPermit,
        tenant: TenantId,
        member: Option<Uuid>,
        now: Timestamp,
        idle_since: Timestamp,
    ) -> Result<Vec<SessionRow>, StoreError> {
        let engine = self.db.engine();
        let mut sql = format!(
            "select {SESSION} from session where tenant_id = $1 and ended_at is null and expires_at > $2 and seen_at > $3"
        );
        let mut values = vec![tenant.0.into(), engine.time(now), engine.time(idle_since)];
        if let Some(member) = member {
            sql.push_str(" and member_id = $4");
            values.push(member.into());
        }
        sql.push_str(" order by id desc");
        self.db.of(tenant).all(Reach::List, Stmt::new(sql, values), session).await
    }

    /// Notes that a session was used.
    pub async fn session_seen(
        &self,
        _: HostPermit,
        tenant: TenantId,
        id: Uuid,
        at: Timestamp,
    ) -> Result<(), StoreError> {
        let at = self.db.engine().time(at);
        let sql = "update session set seen_at = $1 where seen_at < $1 and tenant_id = $2 and id = $3";
        let stmt = Stmt::new(sql, [at, tenant.0.into(), id.into()]);
        self.db.of(tenant).run(vec![Step { stmt, expect: Expect::Nothing }]).await
    }

    /// The step that ends a session; another one may have ended it before.
    pub fn end_session(&self, _: HostPermit, tenant: TenantId, id: Uuid, at: Timestamp) -> Further {
        let sql = "update session set ended_at = $1 where tenant_id = $2 and id = $3 and ended_at is null";
        let stmt = Stmt::new(sql, [self.db.engine().time(at), tenant.0.into(), id.into()]);
        Further(Step { stmt, expect: Expect::Nothing })
    }

    /// The step that ends all sessions of a member.
    pub fn end_sessions_of(&self, _: HostPermit, tenant: TenantId, member: Uuid, at: Timestamp) -> Further {
        let sql = "update session set ended_at = $1 where tenant_id = $2 and member_id = $3 and ended_at is null";
        let stmt = Stmt::new(sql, [self.db.engine().time(at), tenant.0.into(), member.into()]);
        Further(Step { stmt, expect: Expect::Nothing })
    }

    /// Forgets sessions that ended before this moment, and links that did.
    pub async fn forget_sessions(&self, permit: HostPermit, before: Timestamp) -> Result<(), StoreError> {
        let step = |sql: &str| {
            let stmt = Stmt::new(sql, [self.db.engine().time(before)]);
            Step { stmt, expect: Expect::Nothing }
        };
        let sessions = step("delete from session where expires_at < $1");
        self.db.across(permit).run(vec![sessions, step("delete from entry_link where expires_at < $1")]).await
    }
}

fn session(row: &Row<'_>) -> Result<SessionRow, StoreError> {
    Ok(SessionRow {
        id: row.id(0)?,
        tenant: TenantId(row.id(1)?),
        member: row.id(2)?,
        way: row.text(3)?,
        peer: row.maybe_text(4)?,
        agent: row.maybe_text(5)?,
        created_at: row.time(6)?,
        seen_at: row.time(7)?,
        expires_at: row.time(8)?,
    })
}
