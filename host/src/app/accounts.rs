//! Tenants and API keys.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use moka::sync::Cache;
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::{App, AppError, NewTenantInput, Operator};
use crate::access::{Chore, HostPermit};
use crate::domain::audit::Note;
use crate::domain::caller::{Caller, Credential, Origin};
use crate::domain::clock::Timestamp;
use crate::domain::id::TenantId;
use crate::domain::permission::Area;
use crate::domain::role::BUILT_IN;
use crate::store::{CredentialRow, NewKey};

/// Callers by the hash of their key. Another node's change is seen after a second.
pub(super) type KeyCache = Cache<[u8; 32], (Caller, Option<Timestamp>)>;

/// The role of a key that has all those of its member.
pub(super) const ALL_ROLES: &str = "*";

/// Keys that were used, and when, until it is written down.
pub(super) type UsedKeys = Mutex<HashMap<Uuid, Timestamp>>;

fn lock(used: &UsedKeys) -> MutexGuard<'_, HashMap<Uuid, Timestamp>> {
    used.lock().unwrap_or_else(PoisonError::into_inner)
}

pub(super) fn key_cache() -> KeyCache {
    Cache::builder().max_capacity(100_000).time_to_live(Duration::from_secs(1)).build()
}

/// A tenant that was just made.
#[derive(Debug)]
pub struct MadeTenant {
    /// Its id.
    pub id: TenantId,
    /// Its first key, an admin's; not kept anywhere.
    pub api_key: String,
}

impl App {
    /// Finds out who sends this key.
    pub async fn authenticate(&self, key: &str) -> Result<Caller, AppError> {
        let hash = hash(key);
        let known = if let Some(known) = self.keys.get(&hash) {
            known
        } else {
            let row = self.store.key_by_hash(HostPermit::new(Chore::Authenticate), hash).await?;
            let row = row.ok_or(AppError::Unauthenticated)?;
            let caller = self.caller_of(&row, None).await?.ok_or(AppError::Unauthenticated)?;
            self.keys.insert(hash, (caller.clone(), row.expires_at));
            if let Credential::Key(id) = row.credential {
                lock(&self.used_keys).insert(id, self.clock.now());
            }
            (caller, row.expires_at)
        };
        self.prepare_policy(known.0.tenant).await?;
        match known {
            (_, Some(expires_at)) if expires_at <= self.clock.now() => Err(AppError::Unauthenticated),
            (caller, _) => Ok(caller),
        }
    }

    /// Writes down which keys were used since the last time.
    pub(super) async fn note_used_keys(&self) -> Result<(), AppError> {
        let used: Vec<_> = lock(&self.used_keys).drain().collect();
        if used.is_empty() {
            return Ok(());
        }
        Ok(self.store.keys_used(HostPermit::new(Chore::Authenticate), &used).await?)
    }

    /// Whether somebody of that id works in the tenant.
    pub(super) async fn is_member(&self, tenant: TenantId, id: Uuid) -> Result<bool, AppError> {
        Ok(self.store.is_member(HostPermit::new(Chore::Serve), tenant, id).await?)
    }

    /// The caller as it is now, for what goes on for long; none when its key or session has ended.
    pub(super) async fn still(&self, caller: &Caller) -> Result<Option<Caller>, AppError> {
        let Credential::Session(id) = caller.credential else {
            return self.who_asked(caller.tenant, caller.asker(), caller.origin.clone()).await;
        };
        let Some(row) = self.session_still(caller.tenant, id).await? else { return Ok(None) };
        self.prepare_policy(row.tenant).await?;
        self.caller_of(&row, caller.origin.clone()).await
    }

    /// Who asked for work that goes on after its request, as they are now: a key that has not ended, or a member.
    pub(super) async fn who_asked(
        &self,
        tenant: TenantId,
        asker: Uuid,
        origin: Option<Arc<Origin>>,
    ) -> Result<Option<Caller>, AppError> {
        let permit = HostPermit::new(Chore::Authenticate);
        self.prepare_policy(tenant).await?;
        let row = match self.store.key_by_id(permit, tenant, asker).await? {
            Some(row) => row,
            None if self.store.member(permit, tenant, asker).await?.is_some() => CredentialRow {
                credential: Credential::Task,
                tenant,
                role: ALL_ROLES.to_owned(),
                member: Some(asker),
                expires_at: None,
            },
            None => return Ok(None),
        };
        let now = self.clock.now();
        if row.expires_at.is_some_and(|end| end <= now) {
            return Ok(None);
        }
        self.caller_of(&row, origin).await
    }

    /// Who a credential stands for; nobody when its member may do nothing any more.
    pub(super) async fn caller_of(
        &self,
        row: &CredentialRow,
        origin: Option<Arc<Origin>>,
    ) -> Result<Option<Caller>, AppError> {
        let permit = HostPermit::new(Chore::Authenticate);
        let roles = |names: &[String]| names.iter().map(|name| Arc::from(name.as_str())).collect();
        let (tenant, credential) = (row.tenant, row.credential);
        let Some(id) = row.member else {
            let roles = roles(std::slice::from_ref(&row.role));
            let (member, company, teams) = (None, None, Arc::from([]));
            return Ok(Some(Caller { tenant, credential, member, company, roles, teams, module: None, origin }));
        };
        let Some(member) = self.store.member(permit, tenant, id).await?.filter(|member| member.is_active) else {
            return Ok(None);
        };
        // A key that names a role has that one, as long as its member has it.
        let mut names = member.roles;
        if row.role != ALL_ROLES {
            names.retain(|name| *name == row.role);
        }
        let teams = self.store.teams_of(permit, tenant, id).await?.into();
        let company = member.company;
        let (member, roles) = (Some(id), roles(&names));
        Ok(Some(Caller { tenant, credential, member, company, roles, teams, module: None, origin }))
    }

    /// Makes a tenant with an admin's key.
    pub async fn create_tenant(&self, slug: &str, name: &str) -> Result<MadeTenant, AppError> {
        self.create_tenant_in(slug, name, "UTC").await
    }

    /// Makes a tenant in this timezone with an admin's key.
    pub async fn create_tenant_in(&self, slug: &str, name: &str, timezone: &str) -> Result<MadeTenant, AppError> {
        let fields = NewTenantInput::plain(slug, name, timezone);
        let made = self.new_tenant(&Operator::default(), &fields).await?;
        Ok(MadeTenant { id: TenantId(made.tenant.id), api_key: made.api_key })
    }

    /// Makes a further key of a tenant; returns its id and the key.
    pub async fn create_key(
        &self,
        slug: &str,
        role: &str,
        name: &str,
        expires_at: Option<Timestamp>,
    ) -> Result<(Uuid, String), AppError> {
        if !BUILT_IN.contains(&role) {
            return Err(AppError::invalid("role", "unknown_option", format!("is one of {}", BUILT_IN.join(", "))));
        }
        let permit = HostPermit::new(Chore::Operate);
        let tenant = self
            .store
            .tenant_by_slug(permit, slug)
            .await?
            .ok_or_else(|| AppError::NotFound { what: "tenant".to_owned(), id: slug.to_owned() })?;
        let (api_key, hash) = self.make_key();
        let id = self.ids.make();
        let key = NewKey { id, tenant, hash, role, name, member: None, by: None, at: self.clock.now(), expires_at };
        let noted = Note::of_area(Area::Keys, Some(id), vec!["key".to_owned()]).by_operator(key.at);
        self.store.add_key(permit, &key, &[noted]).await?;
        Ok((id, api_key))
    }

    pub(super) fn make_key(&self) -> (String, [u8; 32]) {
        let key = format!("gh_{}", URL_SAFE_NO_PAD.encode(self.ids.secret()));
        let hash = hash(&key);
        (key, hash)
    }
}

/// A key has 256 random bits, so that a plain hash cannot be reversed.
pub(super) fn hash(key: &str) -> [u8; 32] {
    Sha256::digest(key.as_bytes()).into()
}
