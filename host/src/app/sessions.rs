//! Sessions: what a browser shows after somebody has signed in; listed, and ended.

use std::time::Duration;

use moka::sync::Cache;
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::accounts::ALL_ROLES;
use super::sign_in::{read_token, sign_in_note};
use super::{App, AppError};
use crate::access::{Chore, Configure, Denied, HostPermit};
use crate::domain::caller::Caller;
use crate::domain::clock::Timestamp;
use crate::domain::id::TenantId;
use crate::domain::permission::Area;
use crate::store::{CredentialRow, Further, NewSession, SessionRow, SignInRow};

/// How long a session lasts that nobody uses.
pub const IDLE: Duration = Duration::from_hours(12);
/// How long any session lasts.
pub const WHOLE: Duration = Duration::from_hours(7 * 24);
/// How exactly it is known when a session was used last.
const SEEN_EVERY: Duration = Duration::from_mins(5);

/// A session that was found good a moment ago.
#[derive(Clone, Debug)]
pub(super) struct Known {
    caller: Caller,
    seen_at: Timestamp,
    ends_at: Timestamp,
}

/// Callers by the hash of their session's token. Another node's change is seen after a second.
pub(super) type SessionCache = Cache<[u8; 32], Known>;

pub(super) fn session_cache() -> SessionCache {
    Cache::builder().max_capacity(100_000).time_to_live(Duration::from_secs(1)).build()
}

/// A session, as it is listed.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct SessionView {
    /// Its id.
    #[schema(value_type = String)]
    pub id: Uuid,
    /// Whose it is.
    #[schema(value_type = String)]
    pub user: Uuid,
    /// How it was begun: `password`, `link` or `provider`.
    pub way: String,
    /// The address that it was begun from.
    pub peer: Option<String>,
    /// What the browser called itself.
    pub agent: Option<String>,
    /// When it was begun.
    pub created_at: String,
    /// When it was used last, five minutes late at most.
    pub seen_at: String,
    /// When it ends, if it is used until then; unused, it ends 12 hours after `seen_at`.
    pub ends_at: String,
    /// Whether it is the one that asks.
    pub current: bool,
}

impl SessionView {
    fn of(row: SessionRow, caller: &Caller) -> Self {
        Self {
            current: caller.session() == Some(row.id),
            id: row.id,
            user: row.member,
            way: row.way,
            peer: row.peer,
            agent: row.agent,
            created_at: row.created_at.to_string(),
            seen_at: row.seen_at.to_string(),
            ends_at: row.expires_at.to_string(),
        }
    }

    /// One that has just begun.
    pub(super) fn of_new(new: &NewSession) -> Self {
        Self {
            id: new.id,
            user: new.member,
            way: new.way.to_owned(),
            peer: new.peer.clone(),
            agent: new.agent.clone(),
            created_at: new.at.to_string(),
            seen_at: new.at.to_string(),
            ends_at: new.expires_at.to_string(),
            current: true,
        }
    }
}

fn end_of(row: &SessionRow, seen_at: Timestamp) -> Timestamp {
    seen_at.plus(IDLE).min(row.expires_at)
}

impl App {
    /// Finds out whose session this is.
    pub async fn authenticate_session(&self, token: &str) -> Result<Caller, AppError> {
        let (tenant, hash) = read_token("ghs_", token).ok_or(AppError::Unauthenticated)?;
        let now = self.clock.now();
        let known = self.sessions.get(&hash).filter(|known| now < known.seen_at.plus(SEEN_EVERY));
        let known = match known {
            Some(known) => known,
            None => self.look_at_session(tenant, hash, now).await?,
        };
        self.prepare_policy(tenant).await?;
        if known.ends_at <= now { Err(AppError::Unauthenticated) } else { Ok(known.caller) }
    }

    async fn look_at_session(&self, tenant: TenantId, hash: [u8; 32], now: Timestamp) -> Result<Known, AppError> {
        let permit = HostPermit::new(Chore::Authenticate);
        let row = self.store.session_by_hash(permit, tenant, hash).await?;
        let row = row.filter(|row| end_of(row, row.seen_at) > now).ok_or(AppError::Unauthenticated)?;
        let mut seen_at = row.seen_at;
        if now >= seen_at.plus(SEEN_EVERY) {
            self.store.session_seen(permit, tenant, row.id, now).await?;
            seen_at = now;
        }
        let ends_at = end_of(&row, seen_at);
        let caller = self.caller_of(&row.credential(ALL_ROLES, ends_at), None).await?;
        let known = Known { caller: caller.ok_or(AppError::Unauthenticated)?, seen_at, ends_at };
        self.sessions.insert(hash, known.clone());
        Ok(known)
    }

    /// A session as a credential, for what goes on for long; none when it has ended.
    pub(super) async fn session_still(&self, tenant: TenantId, id: Uuid) -> Result<Option<CredentialRow>, AppError> {
        let row = self.store.session_by_id(HostPermit::new(Chore::Authenticate), tenant, id).await?;
        let row = row.filter(|row| end_of(row, row.seen_at) > self.clock.now());
        Ok(row.map(|row| row.credential(ALL_ROLES, end_of(&row, row.seen_at))))
    }

    /// The member whose session asks. A key is not enough: who finds one does not take the account over.
    pub(super) async fn signed_in_member(&self, caller: &Caller) -> Result<SignInRow, AppError> {
        let (Some(_), Some(member)) = (caller.session(), caller.member) else { return Err(AppError::SessionRequired) };
        let row = self.store.sign_in_by_id(Self::work_permit(), caller.tenant, member).await?;
        row.ok_or(AppError::SessionRequired)
    }

    /// The tenant's sessions for who looks after its people; for everybody else the own ones.
    pub async fn sessions(&self, caller: &Caller) -> Result<Vec<SessionView>, AppError> {
        let rows = self.session_rows(caller).await?;
        Ok(rows.into_iter().map(|row| SessionView::of(row, caller)).collect())
    }

    async fn session_rows(&self, caller: &Caller) -> Result<Vec<SessionRow>, AppError> {
        let whose = match self.access.check_area::<Configure>(caller, Area::People) {
            Ok(_) => None,
            Err(Denied::Policy(error)) => return Err(Denied::Policy(error).into()),
            Err(_) => Some(caller.me()),
        };
        let now = self.clock.now();
        Ok(self.store.sessions(Self::work_permit(), caller.tenant, whose, now, now.minus(IDLE)).await?)
    }

    /// Ends a session: the own one, any of one's own, or that of somebody whose roles the caller may give.
    pub async fn end_session(&self, caller: &Caller, id: Option<Uuid>) -> Result<(), AppError> {
        if caller.member.is_none() {
            self.access.check_area::<Configure>(caller, Area::People)?;
        }
        let id = id.or(caller.session()).ok_or(AppError::SessionRequired)?;
        let row = self.session_rows(caller).await?.into_iter().find(|row| row.id == id);
        let row = row.ok_or_else(|| AppError::no_record("session", &id))?;
        if caller.member != Some(row.member) {
            self.may_make(caller, Some(row.member), ALL_ROLES).await?;
        }
        let step = self.store.end_session(Self::work_permit(), caller.tenant, id, self.clock.now());
        self.end_noted(caller, row.member, step, "sign_out").await
    }

    /// Ends all sessions of oneself, or of somebody whose roles the caller may give.
    pub async fn end_sessions(&self, caller: &Caller, user: Option<Uuid>) -> Result<(), AppError> {
        let member = match user {
            Some(user) => {
                self.access.check_area::<Configure>(caller, Area::People)?;
                self.governed_member(caller, user).await?.member
            }
            None if caller.member.is_none() => {
                self.access.check_area::<Configure>(caller, Area::People)?;
                return Err(AppError::SessionRequired);
            }
            None => caller.me(),
        };
        let step = self.store.end_sessions_of(Self::work_permit(), caller.tenant, member, self.clock.now());
        self.end_noted(caller, member, step, "sign_out_everywhere").await
    }

    /// A member of the caller's tenant whose roles the caller may give.
    pub(super) async fn governed_member(&self, caller: &Caller, user: Uuid) -> Result<SignInRow, AppError> {
        let row = self.store.sign_in_by_id(Self::work_permit(), caller.tenant, user).await?;
        let row = row.ok_or_else(|| AppError::no_record("user", &user))?;
        self.may_make(caller, Some(user), ALL_ROLES).await?;
        Ok(row)
    }

    async fn end_noted(&self, caller: &Caller, member: Uuid, step: Further, what: &str) -> Result<(), AppError> {
        let entry = sign_in_note(Some(member), what).by(caller, self.clock.now());
        self.commit_noted(caller.tenant, vec![step], vec![entry]).await?;
        self.sessions.invalidate_all();
        Ok(())
    }

    /// Ends the session that a browser had before it got another one.
    pub(super) async fn end_former(&self, token: Option<&str>) -> Result<(), AppError> {
        let Some((tenant, hash)) = token.and_then(|token| read_token("ghs_", token)) else { return Ok(()) };
        let permit = Self::work_permit();
        let Some(row) = self.store.session_by_hash(permit, tenant, hash).await? else { return Ok(()) };
        let step = self.store.end_session(permit, tenant, row.id, self.clock.now());
        self.commit_noted(tenant, vec![step], Vec::new()).await
    }
}
