//! Operators: who runs the installation, by a key of its own kind or at the command line.

use std::sync::Arc;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::jobs::of_conflict;
use super::keeping::SEALED;
use super::people::named;
use super::plugins::{not_a_publisher, publisher_of};
use super::vault::TenantKeys;
use super::{Answer, App, AppError, Done};
use crate::access::{Chore, Denied, HostPermit};
use crate::domain::audit::{Entry, Note};
use crate::domain::caller::{Caller, Origin};
use crate::domain::clock::Timestamp;
use crate::domain::id::TenantId;
use crate::domain::permission::{Action, Area};
use crate::domain::seal::Spot;
use crate::store::{Conflict, Further, OperatorKeyInfo, OperatorRequest};

/// What stands in front of a key of an operator.
const PREFIX: &str = "gho_";
/// What operators work on, as it is called where somebody else asks for it.
const TENANTS: &str = "#tenants";
/// How long a use of a key need not be written down again.
const USED_AGAIN: Duration = Duration::from_mins(1);

/// Somebody who runs the installation.
#[derive(Clone, Debug, Default)]
pub struct Operator {
    /// The key; none at the command line.
    pub key: Option<Uuid>,
    /// The publisher whose plugins it publishes; it may do nothing else then.
    pub publisher: Option<String>,
    /// Where the request came from.
    pub origin: Option<Arc<Origin>>,
}

/// Who may be asked for by an operator's route: the operator, or somebody who is none.
pub enum Asking {
    /// It is one.
    Operator(Operator),
    /// It is somebody of a tenant, with the denial that is due.
    Tenant(Caller, Denied),
}

/// What is done to a tenant, and how it is answered.
pub(super) struct Operation {
    pub tenant: TenantId,
    pub answer: Answer,
    pub steps: Vec<Further>,
    /// Keys to seal the answer with, when it has a secret; those of the tenant are made by the same steps.
    pub sealed_with: Option<TenantKeys>,
    /// What of the tenant is changed, for its audit trail; nothing for a new one.
    pub fields: Vec<String>,
}

impl Operator {
    /// Refuses a key that is for publishing only.
    pub fn is_full(&self) -> Result<(), Denied> {
        self.publisher.clone().map_or(Ok(()), |publisher| Err(Denied::Publisher { publisher }))
    }

    /// Refuses a key of somebody else than the publisher of this plugin.
    pub(super) fn publishes(&self, plugin: &str) -> Result<(), Denied> {
        if self.publisher.as_deref().is_none_or(|publisher| publisher_of(plugin) == publisher) {
            return Ok(());
        }
        self.is_full()
    }

    /// An entry of a tenant's audit trail.
    pub(super) fn entry(&self, note: Note, at: Timestamp) -> Entry {
        let mut entry = note.by_operator(at);
        if let Some(key) = self.key {
            entry.subject = key.to_string();
        }
        if let Some(origin) = self.origin.as_deref() {
            (entry.peer, entry.request) = (origin.peer.clone(), origin.request.clone());
        }
        entry
    }
}

impl App {
    /// Finds out whether an operator sends this key, or else who.
    pub async fn authenticate_operator(&self, key: &str) -> Result<Asking, AppError> {
        if !Self::is_operators(key) {
            let caller = self.authenticate(key).await?;
            let roles = caller.roles.iter().map(|role| &**role).collect::<Vec<_>>().join(", ");
            let denied = Denied::Role { roles, action: Action::Configure, target: TENANTS.to_owned() };
            return Ok(Asking::Tenant(caller, denied));
        }
        let permit = HostPermit::new(Chore::Authenticate);
        let now = self.clock.now();
        let row = self.store.operator_key(permit, hash(key)).await?;
        let row = row.filter(|row| row.expires_at.is_none_or(|end| end > now)).ok_or(AppError::Unauthenticated)?;
        if row.last_used_at.is_none_or(|at| at.plus(USED_AGAIN) <= now) {
            self.store.operator_key_used(permit, row.id, now).await?;
        }
        Ok(Asking::Operator(Operator { key: Some(row.id), publisher: row.publisher, origin: None }))
    }

    /// Whether this is, by its form, a key of an operator.
    pub fn is_operators(key: &str) -> bool {
        key.starts_with(PREFIX)
    }

    /// Makes a key for an operator, or for a publisher; returns it with its id.
    pub async fn create_operator_key(
        &self,
        name: &str,
        publisher: Option<&str>,
        expires_at: Option<Timestamp>,
    ) -> Result<(Uuid, String), AppError> {
        if let Some(fault) = named(name).or_else(|| publisher.and_then(not_a_publisher)) {
            return Err(AppError::Invalid(vec![fault]));
        }
        let now = self.clock.now();
        if expires_at.is_some_and(|at| at <= now) {
            return Err(AppError::invalid("expires_at", "wrong_type", "is a time to come"));
        }
        let key = format!("{PREFIX}{}", URL_SAFE_NO_PAD.encode(self.ids.secret()));
        let id = self.ids.make();
        let row = OperatorKeyInfo {
            id,
            name: name.to_owned(),
            created_at: now,
            expires_at,
            last_used_at: None,
            publisher: publisher.map(str::to_owned),
        };
        self.store.add_operator_key(Self::operate_permit(), &row, hash(&key)).await?;
        Ok((id, key))
    }

    /// The keys of operators that work.
    pub async fn operator_keys(&self) -> Result<Vec<OperatorKeyInfo>, AppError> {
        Ok(self.store.operator_keys(Self::operate_permit()).await?)
    }

    /// Ends a key of an operator.
    pub async fn revoke_operator_key(&self, id: Uuid) -> Result<(), AppError> {
        let was_there = self.store.revoke_operator_key(Self::operate_permit(), id, self.clock.now()).await?;
        was_there.then_some(()).ok_or_else(|| AppError::no_record("operator key", &id))
    }

    /// The answer that was given to this request.
    pub(super) async fn answered_operator(
        &self,
        request: Option<&OperatorRequest>,
    ) -> Result<Option<Answer>, AppError> {
        let Some(request) = request else { return Ok(None) };
        match self.store.operator_answer(Self::operate_permit(), request).await? {
            None => Ok(None),
            Some((false, ..)) => Err(AppError::KeyReused),
            Some((true, tenant, answer)) => {
                let body = self.open_text(tenant, &spot_of(tenant, request), answer.body).await?;
                Ok(Some(Answer { body, ..answer }))
            }
        }
    }

    /// Commits what an operator does to a tenant, with the answer to the request and what the tenant is told of it.
    pub(super) async fn operate(
        &self,
        operator: &Operator,
        request: Option<&OperatorRequest>,
        operation: Operation,
    ) -> Result<Done, AppError> {
        let Operation { tenant, answer, mut steps, sealed_with, fields } = operation;
        let (permit, at) = (Self::operate_permit(), self.clock.now());
        if let Some(request) = request {
            let mut kept = answer.clone();
            if let Some(keys) = sealed_with {
                let sealed = keys.seal(&self.ids, &spot_of(tenant, request), kept.body.as_bytes())?;
                kept.body = format!("{SEALED}{}", STANDARD.encode(sealed));
            }
            steps.insert(0, self.store.keep_operator_answer(permit, request, tenant, &kept, at));
        }
        if !fields.is_empty() {
            let note = Note::of_area(Area::Tenant, None, fields.clone());
            steps.extend(self.store.audited(permit, tenant, &[operator.entry(note, at)]));
        }
        match self.store.operate(permit, tenant, steps).await {
            Ok(()) => {
                let by = operator.key.map(|key| key.to_string()).unwrap_or_default();
                tracing::info!(%tenant, by, changed = fields.join(", "), "the operator changed a tenant");
                self.tenant_changed(tenant).await;
                Ok(Done::Now(answer))
            }
            // The same request was answered meanwhile.
            Err(Conflict::Superseded(0)) if request.is_some() => {
                let given = self.answered_operator(request).await?;
                given.map(Done::Before).ok_or(AppError::Contended)
            }
            Err(other) => Err(of_conflict(other)),
        }
    }

    /// The steps of the operator.
    pub(super) fn operate_permit() -> HostPermit {
        HostPermit::new(Chore::Operate)
    }
}

/// A key has 256 random bits, so that a plain hash cannot be reversed.
fn hash(key: &str) -> [u8; 32] {
    Sha256::digest(key.as_bytes()).into()
}

fn spot_of(tenant: TenantId, request: &OperatorRequest) -> Spot {
    Spot::kept(tenant, "operator answer", &[request.key.as_bytes(), request.name.as_bytes()])
}
