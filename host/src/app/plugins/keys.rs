//! Keys of publishers, and what signatures by them are worth.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as Json};
use utoipa::ToSchema;
use uuid::Uuid;

use super::settings::Signatures;
use crate::app::operators::Operator;
use crate::app::people::{named, read};
use crate::app::{App, AppError};
use crate::domain::invalid::FieldError;
use crate::domain::publisher::{PluginSignature, PublisherKey, Signed};
use crate::store::PublisherKeyRow;

/// A key of a publisher.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = PluginKey)]
pub struct PublisherKeyView {
    /// Its id.
    #[schema(value_type = String)]
    pub id: Uuid,
    /// The first part of the ids of the plugins that it signs.
    pub publisher: String,
    /// The public key, `ed25519:…`.
    pub key: String,
    /// What people read.
    pub name: String,
    /// When it was registered.
    pub created_at: String,
    /// When it was revoked; its signatures are worth nothing then.
    pub revoked_at: Option<String>,
}

/// A key to be registered.
#[derive(Debug, Deserialize, ToSchema)]
#[schema(as = PluginKeyInput)]
#[serde(deny_unknown_fields)]
pub struct NewPublisherKey {
    /// The first part of the ids of its plugins.
    pub publisher: String,
    /// The public key, as `guildhall plugin keygen` prints it.
    pub key: String,
    /// What people read.
    #[serde(default)]
    pub name: String,
}

/// What a signature is worth.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum SignatureState {
    /// There is none.
    Unsigned,
    /// It is by a key of the publisher.
    Publisher,
    /// It is by a registered key of somebody else.
    AllowListed,
    /// It is by a key that nobody has registered.
    Unregistered,
    /// It is by a key that was revoked.
    Revoked,
}

impl App {
    /// All keys of publishers, the newest first.
    pub async fn publisher_keys(&self, _: &Operator) -> Result<Vec<PublisherKeyView>, AppError> {
        let rows = self.store.publisher_keys(Self::operate_permit()).await?;
        Ok(rows.iter().map(shown).collect())
    }

    /// Registers a key, as it was written.
    pub async fn add_publisher_key(
        &self,
        operator: &Operator,
        fields: &Map<String, Json>,
    ) -> Result<PublisherKeyView, AppError> {
        let new: NewPublisherKey = read(fields)?;
        let key = PublisherKey::parse(&new.key);
        let key = key.ok_or_else(|| AppError::invalid("key", "wrong_type", "is no public key `ed25519:…`"))?;
        let name = if new.name.is_empty() { new.publisher.clone() } else { new.name };
        if let Some(fault) = not_a_publisher(&new.publisher).or_else(|| named(&name)) {
            return Err(AppError::Invalid(vec![fault]));
        }
        let id = self.ids.make();
        let row =
            PublisherKeyRow { id, publisher: new.publisher, key, name, created_at: self.clock.now(), revoked_at: None };
        self.store.add_publisher_key(Self::operate_permit(), &row).await?;
        let rows = self.store.publisher_keys(Self::operate_permit()).await?;
        if !rows.iter().any(|row| row.id == id) {
            return Err(AppError::Refused("this key is registered already, or was revoked".to_owned()));
        }
        let by = operator.key.map(|key| key.to_string()).unwrap_or_default();
        tracing::info!(publisher = row.publisher, key = %row.key, by, "a key of a publisher was registered");
        Ok(shown(&row))
    }

    /// Revokes a key: nothing more is installed that only it has signed.
    pub async fn revoke_publisher_key(&self, operator: &Operator, id: Uuid) -> Result<(), AppError> {
        let permit = Self::operate_permit();
        let rows = self.store.publisher_keys(permit).await?;
        if !rows.iter().any(|row| row.id == id && row.revoked_at.is_none()) {
            return Err(AppError::no_record("plugin key", &id));
        }
        self.store.revoke_publisher_key(permit, id, self.clock.now()).await?;
        let by = operator.key.map(|key| key.to_string()).unwrap_or_default();
        tracing::info!(%id, by, "a key of a publisher was revoked");
        Ok(())
    }

    /// The signature that counts, when these are as the operator wants them. One that is wrong, or by a key that was
    /// revoked, is refused whatever is asked for: somebody meant it to be believed.
    pub(super) async fn check_signatures(
        &self,
        plugin: &str,
        signed: Signed,
        signatures: &[String],
    ) -> Result<Option<String>, AppError> {
        let keys = self.store.publisher_keys(Self::operate_permit()).await?;
        let mut best: Option<(SignatureState, String)> = None;
        for text in signatures {
            let signature =
                PluginSignature::parse(text).ok_or(AppError::WrongSignature("a signature of it is none"))?;
            if !signature.is_over(signed) {
                return Err(AppError::WrongSignature("a signature of it is over something else, or was changed"));
            }
            let state = state_of(&keys, plugin, signature.key());
            if state == SignatureState::Revoked {
                return Err(AppError::WrongSignature("a signature of it is by a key that was revoked"));
            }
            if best.as_ref().is_none_or(|(known, _)| worth(state) > worth(*known)) {
                best = Some((state, signature.to_string()));
            }
        }
        let state = best.as_ref().map_or(SignatureState::Unsigned, |(state, _)| *state);
        let is_enough = match self.signatures {
            Signatures::None => true,
            Signatures::AllowListed => worth(state) >= worth(SignatureState::AllowListed),
            Signatures::Publisher => state == SignatureState::Publisher,
        };
        if is_enough {
            return Ok(best.map(|(_, signature)| signature));
        }
        Err(AppError::WrongSignature(match state {
            SignatureState::Unsigned => "it is not signed",
            SignatureState::AllowListed => "it is signed by somebody else than its publisher",
            _ => "it is signed by a key that is not registered here",
        }))
    }
}

/// The publisher of a plugin: the first part of its id.
pub fn publisher_of(plugin: &str) -> &str {
    plugin.split('.').next().unwrap_or_default()
}

/// What is wrong with the name of a publisher.
pub fn not_a_publisher(name: &str) -> Option<FieldError> {
    let is_part = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
    let is_one = (1..=80).contains(&name.len()) && name.bytes().all(is_part);
    (!is_one).then(|| FieldError::new("publisher", "wrong_type", "is the first part of the ids of its plugins"))
}

fn worth(state: SignatureState) -> u8 {
    match state {
        SignatureState::Unsigned | SignatureState::Revoked => 0,
        SignatureState::Unregistered => 1,
        SignatureState::AllowListed => 2,
        SignatureState::Publisher => 3,
    }
}

/// What a right signature by this key is worth.
pub(super) fn state_of(keys: &[PublisherKeyRow], plugin: &str, key: &PublisherKey) -> SignatureState {
    let publisher = publisher_of(plugin);
    match keys.iter().find(|row| row.key == *key) {
        None => SignatureState::Unregistered,
        Some(row) if row.revoked_at.is_some() => SignatureState::Revoked,
        Some(row) if row.publisher == publisher => SignatureState::Publisher,
        Some(_) => SignatureState::AllowListed,
    }
}

fn shown(row: &PublisherKeyRow) -> PublisherKeyView {
    PublisherKeyView {
        id: row.id,
        publisher: row.publisher.clone(),
        key: row.key.to_string(),
        name: row.name.clone(),
        created_at: row.created_at.to_string(),
        revoked_at: row.revoked_at.map(|at| at.to_string()),
    }
}
