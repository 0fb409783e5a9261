//! API keys: made, listed and ended through the API. A key is shown once and kept as its hash.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as Json};
use utoipa::ToSchema;
use uuid::Uuid;

use super::accounts::ALL_ROLES;
use super::people::{RenderView, named, read};
use super::{Answer, App, AppError, Done, IdempotencyKey};
use crate::access::{Configure, Denied};
use crate::domain::audit::Note;
use crate::domain::caller::Caller;
use crate::domain::clock::Timestamp;
use crate::domain::invalid::FieldError;
use crate::domain::permission::Area;
use crate::domain::role::BUILT_IN;
use crate::store::{KeyInfo, NewKey};

/// Most keys of a tenant that work.
const MAX_KEYS: usize = 1_000;

/// An API key, as it is listed.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct KeyView {
    /// Its id.
    pub id: Uuid,
    /// What people read.
    pub name: String,
    /// Its role; `*` for all of its user.
    pub role: String,
    /// The user whose key it is; none for a key of the tenant.
    pub user: Option<Uuid>,
    /// Who made it.
    pub created_by: Option<String>,
    /// When.
    pub created_at: String,
    /// When it ends.
    pub expires_at: Option<String>,
    /// When it was used last, an hour late at most.
    pub last_used_at: Option<String>,
    /// The key itself: shown once, when it is made.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
}

/// A new key.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewKeyInput {
    /// What people read, 1 to 200 characters.
    name: String,
    /// Its role; `*`, or nothing, for all roles of its user.
    role: Option<String>,
    /// The user whose key it is: yourself when not given and you are one.
    user: Option<Uuid>,
    /// Whether it is a key of the tenant, of no user.
    #[serde(default)]
    service: bool,
    /// When it ends, in RFC 3339; never when not given.
    expires_at: Option<String>,
}

impl From<KeyInfo> for KeyView {
    fn from(row: KeyInfo) -> Self {
        Self {
            id: row.id,
            name: row.name,
            role: row.role,
            user: row.member,
            created_by: row.created_by,
            created_at: row.created_at.to_string(),
            expires_at: row.expires_at.map(|at| at.to_string()),
            last_used_at: row.last_used_at.map(|at| at.to_string()),
            key: None,
        }
    }
}

impl App {
    /// The tenant's keys for who looks after them; for everybody else the own ones.
    pub async fn api_keys(&self, caller: &Caller) -> Result<Vec<KeyView>, AppError> {
        let whose = if self.governs_keys(caller)? { None } else { Some(caller.me()) };
        self.note_used_keys().await?;
        let rows = self.store.api_keys(Self::work_permit(), caller.tenant, whose).await?;
        Ok(rows.into_iter().map(KeyView::from).collect())
    }

    /// Makes a key.
    pub async fn create_api_key(
        &self,
        caller: &Caller,
        fields: &Map<String, Json>,
        key: Option<IdempotencyKey>,
        render: &RenderView<KeyView>,
    ) -> Result<Done, AppError> {
        if let Some(answer) = self.given_answer(key.as_ref()).await? {
            return Ok(Done::Before(answer));
        }
        let governs = self.governs_keys(caller)?;
        if caller.member.is_none() {
            self.access.check_area::<Configure>(caller, Area::Keys)?;
        }
        let input: NewKeyInput = read(fields)?;
        let mut faults: Vec<FieldError> = named(&input.name).into_iter().collect();
        let member = if input.service { None } else { input.user.or(caller.member) };
        if input.service && input.user.is_some() {
            faults.push(FieldError::new("user", "wrong_type", "a key of the tenant is of no user"));
        }
        let role = input.role.unwrap_or_else(|| ALL_ROLES.to_owned());
        let own = self.access.policy(caller.tenant);
        let is_role = |role: &str| BUILT_IN.contains(&role) || own.as_ref().is_some_and(|policy| policy.has_own(role));
        if role == ALL_ROLES && member.is_none() {
            faults.push(FieldError::new("role", "required", "a key of no user names its role"));
        } else if role != ALL_ROLES && !is_role(&role) {
            faults.push(FieldError::new("role", "unknown_option", format!("there is no role `{role}`")));
        }
        let now = self.clock.now();
        let expires_at = input.expires_at.as_deref().map(Timestamp::parse);
        if expires_at.is_some_and(|at| at.is_none_or(|at| at <= now)) {
            faults.push(FieldError::new("expires_at", "wrong_type", "is a time to come, in RFC 3339"));
        }
        if !faults.is_empty() {
            return Err(AppError::Invalid(faults));
        }
        let is_own = member.is_some() && member == caller.member;
        if !is_own && !governs {
            self.access.check_area::<Configure>(caller, Area::Keys)?;
        }
        self.may_make(caller, member, &role).await?;
        if self.store.api_keys(Self::work_permit(), caller.tenant, None).await?.len() >= MAX_KEYS {
            return Err(AppError::Refused(format!("a tenant has at most {MAX_KEYS} keys that work")));
        }
        let (secret, hash) = self.make_key();
        let (id, by, expires_at) = (self.ids.make(), caller.actor(), expires_at.flatten());
        let new = NewKey {
            id,
            tenant: caller.tenant,
            hash,
            role: &role,
            name: &input.name,
            member,
            by: Some(&by),
            at: now,
            expires_at,
        };
        let steps = self.store.new_key(Self::work_permit(), &new);
        let view = KeyView {
            id,
            name: input.name.clone(),
            role: role.clone(),
            user: member,
            created_by: Some(by.clone()),
            created_at: now.to_string(),
            expires_at: expires_at.map(|at| at.to_string()),
            last_used_at: None,
            key: Some(secret),
        };
        let note = Note::of_area(Area::Keys, Some(id), vec!["key".to_owned()]);
        self.commit_once(caller, key, render(&view), steps, vec![note], true).await
    }

    /// Ends a key.
    pub async fn revoke_api_key(
        &self,
        caller: &Caller,
        id: Uuid,
        key: Option<IdempotencyKey>,
        answer: Answer,
    ) -> Result<Done, AppError> {
        if let Some(answer) = self.given_answer(key.as_ref()).await? {
            return Ok(Done::Before(answer));
        }
        if caller.member.is_none() {
            self.access.check_area::<Configure>(caller, Area::Keys)?;
        }
        let row = self.api_keys(caller).await?.into_iter().find(|row| row.id == id);
        let row = row.ok_or_else(|| AppError::no_record("key", &id))?;
        if row.user != caller.member || row.user.is_none() {
            self.may_make(caller, row.user, &row.role).await?;
        }
        let steps = vec![self.store.revoke_key(Self::work_permit(), caller.tenant, id, self.clock.now())];
        let note = Note::of_area(Area::Keys, Some(id), vec!["key".to_owned()]);
        let done = self.commit_once(caller, key, answer, steps, vec![note], false).await;
        self.policy_changed(caller.tenant).await;
        done
    }

    /// Whether the caller may have a key made, or ended, that acts in a role for a user.
    pub(super) async fn may_make(&self, caller: &Caller, member: Option<Uuid>, role: &str) -> Result<(), AppError> {
        let Some(member) = member else { return Self::may_grant(caller, role) };
        let row = self.store.member(Self::work_permit(), caller.tenant, member).await?;
        let row =
            row.ok_or_else(|| AppError::invalid("user", "unknown_record", format!("there is no user {member}")))?;
        let roles = row.roles.iter().filter(|own| role == ALL_ROLES || *own == role);
        for role in roles {
            Self::may_grant(caller, role)?;
        }
        if role != ALL_ROLES && !row.roles.iter().any(|own| own == role) {
            return Err(AppError::invalid("role", "not_allowed", "is no role of the user"));
        }
        Ok(())
    }

    fn governs_keys(&self, caller: &Caller) -> Result<bool, AppError> {
        match self.access.check_area::<Configure>(caller, Area::Keys) {
            Ok(_) => Ok(true),
            Err(Denied::Policy(error)) => Err(Denied::Policy(error).into()),
            Err(_) => Ok(false),
        }
    }
}
