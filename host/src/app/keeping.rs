//! What the host keeps beside records, sealed when it holds what is secret: answers for retries, files, texts.

use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Value as Json, json};
use uuid::Uuid;

use super::vault::Opener;
use super::{Answer, App, AppError, IdempotencyKey};
use crate::access::{Chore, HostPermit};
use crate::domain::audit::Note;
use crate::domain::caller::{Caller, Credential};
use crate::domain::id::TenantId;
use crate::domain::seal::Spot;
use crate::store::Further;

/// What stands in front of a text that is sealed.
pub(super) const SEALED: &str = "sealed:";

/// What stands in front of an answer that is kept with what it shows.
const NOTED: &str = "noted:";

/// An answer and what it shows of fields whose reads are noted.
#[derive(Serialize, Deserialize)]
struct Kept {
    shown: Vec<Note>,
    body: String,
}

impl App {
    /// The answer that was given under this key.
    pub(super) async fn given_answer(&self, key: Option<&IdempotencyKey>) -> Result<Option<Answer>, AppError> {
        let Some(key) = key else { return Ok(None) };
        match self.store.answer(HostPermit::new(Chore::Serve), key).await? {
            None => Ok(None),
            Some((true, answer)) => {
                let text = self.open_text(key.tenant, &spot_of(key), answer.body).await?;
                let Some(kept) = text.strip_prefix(NOTED) else { return Ok(Some(Answer { body: text, ..answer })) };
                let Kept { shown, body } = serde_json::from_str(kept).map_err(|_| AppError::Unopened)?;
                // It is shown once more.
                let (roles, teams, origin) = (Arc::from([]), Arc::from([]), key.origin.clone());
                let (tenant, member) = (key.tenant, key.member);
                let credential = Credential::Key(key.asker);
                let caller = Caller { tenant, credential, member, company: None, roles, teams, module: None, origin };
                self.note(&caller, shown).await?;
                Ok(Some(Answer { body, ..answer }))
            }
            Some((false, _)) => Err(AppError::KeyReused),
        }
    }

    /// The text of a kept answer, with what it shows of noted fields in front, where there is some.
    pub(super) async fn opened_answer(&self, key: &IdempotencyKey, body: String) -> Result<String, AppError> {
        self.open_text(key.tenant, &spot_of(key), body).await
    }

    /// An answer as it is kept for a retry, with what it shows of fields whose reads are noted.
    pub(super) async fn keepable(
        &self,
        key: &IdempotencyKey,
        answer: Answer,
        shown: &[Note],
        is_secret: bool,
    ) -> Result<Answer, AppError> {
        let Answer { status, headers, mut body } = answer;
        if !shown.is_empty() {
            let kept = Kept { shown: shown.to_vec(), body };
            body = format!("{NOTED}{}", serde_json::to_string(&kept).unwrap_or_default());
        }
        if is_secret {
            body = self.seal_text(key.tenant, &spot_of(key), body).await?;
        }
        Ok(Answer { status, headers, body })
    }

    /// A text as it is kept: sealed, where there is a key to seal with.
    pub(super) async fn seal_text(&self, tenant: TenantId, spot: &Spot, text: String) -> Result<String, AppError> {
        if !self.can_seal() {
            return Ok(text);
        }
        Ok(format!("{SEALED}{}", STANDARD.encode(self.seal_bytes(tenant, spot, text.as_bytes()).await?)))
    }

    /// The text that was kept so.
    pub(super) async fn open_text(&self, tenant: TenantId, spot: &Spot, kept: String) -> Result<String, AppError> {
        let Some(sealed) = kept.strip_prefix(SEALED) else { return Ok(kept) };
        let sealed = STANDARD.decode(sealed).map_err(|_| AppError::Unopened)?;
        let plain = Opener::new(self, tenant).open(spot, &sealed, "a text").await?;
        String::from_utf8(plain.to_vec()).map_err(|_| AppError::Unopened)
    }

    /// JSON as it is kept when it is secret.
    pub(super) async fn seal_json(&self, tenant: TenantId, spot: &Spot, json: &Json) -> Result<Json, AppError> {
        if !self.can_seal() {
            return Ok(json.clone());
        }
        Ok(json!({"sealed": self.seal_text(tenant, spot, json.to_string()).await?}))
    }

    /// The JSON that was kept so.
    pub(super) async fn open_json<T: DeserializeOwned>(
        &self,
        tenant: TenantId,
        spot: &Spot,
        kept: Json,
    ) -> Result<T, AppError> {
        let sealed = kept.as_object().filter(|members| members.len() == 1).and_then(|members| members.get("sealed"));
        let json = match sealed.and_then(Json::as_str).filter(|text| text.starts_with(SEALED)) {
            Some(text) => {
                let text = self.open_text(tenant, spot, text.to_owned()).await?;
                serde_json::from_str(&text).map_err(|_| AppError::Unopened)?
            }
            None => kept,
        };
        serde_json::from_value(json).map_err(|error| AppError::Setup(format!("what was kept: {error}")))
    }

    /// The step that adds a part of a file.
    pub(super) async fn part_step(
        &self,
        tenant: TenantId,
        blob: Uuid,
        part: i64,
        bytes: &[u8],
        is_sealed: bool,
    ) -> Result<Further, AppError> {
        let permit = Self::work_permit();
        if !is_sealed {
            return Ok(self.store.add_part(permit, tenant, blob, part, bytes));
        }
        let sealed = self.seal_bytes(tenant, &part_spot(tenant, blob, part), bytes).await?;
        Ok(self.store.add_part(permit, tenant, blob, part, &sealed))
    }

    /// A part of a file.
    pub(super) async fn read_part(
        &self,
        tenant: TenantId,
        blob: Uuid,
        part: i64,
        is_sealed: bool,
    ) -> Result<Option<Vec<u8>>, AppError> {
        let bytes = self.store.part(Self::work_permit(), tenant, blob, part).await?;
        let (true, Some(bytes)) = (is_sealed, &bytes) else { return Ok(bytes) };
        let what = format!("file {blob} part {part}");
        let plain = Opener::new(self, tenant).open(&part_spot(tenant, blob, part), bytes, &what).await?;
        Ok(Some(plain.to_vec()))
    }
}

fn spot_of(key: &IdempotencyKey) -> Spot {
    Spot::kept(key.tenant, "answer", &[key.asker.as_bytes(), key.name.as_bytes()])
}

fn part_spot(tenant: TenantId, blob: Uuid, part: i64) -> Spot {
    Spot::kept(tenant, "part", &[blob.as_bytes(), &part.to_be_bytes()])
}
