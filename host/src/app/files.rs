//! The content of files: bytes that stand beside a record of the object `file`.

use std::sync::Arc;

use serde_json::{Map, Value as Json, json};
use uuid::Uuid;

use super::blobs::{Incoming, KEPT_MICROS, MAX_FILE, Outgoing};
use super::operation::{Did, Operation, Outcome, current};
use super::unit_of_work::Work;
use super::{App, AppError, Command, Done, IdempotencyKey, Render};
use crate::access::{Access, Read, Update};
use crate::domain::caller::Caller;
use crate::domain::clock::Timestamp;
use crate::domain::invalid::FieldError;
use crate::domain::object::Object;
use crate::domain::record::{Hand, Record};
use crate::domain::value::Value;
use crate::store::BlobRow;

/// The object whose records have a content.
pub const FILE: &str = "file";
/// Longest media type.
const MAX_MEDIA_TYPE: usize = 100;

/// A content that was taken in, for the record that it is to belong to.
#[derive(Clone, Debug)]
pub struct Attach {
    id: Uuid,
    version: Option<i64>,
    blob: Uuid,
    row: BlobRow,
    media_type: String,
    sha256: String,
}

/// A content as it comes in.
pub struct NewContent {
    /// The record that it is for.
    pub id: Uuid,
    /// The version that the record must still have.
    pub version: Option<i64>,
    /// What its sender says that it is.
    pub media_type: String,
    /// The bytes.
    pub bytes: Incoming,
}

/// A content as it goes out.
pub struct Content {
    /// What its sender said that it is.
    pub media_type: String,
    /// Name of the file.
    pub name: String,
    /// SHA-256 in hexadecimal digits.
    pub sha256: String,
    /// Length in bytes.
    pub size: i64,
    /// The bytes.
    pub bytes: Outgoing,
}

impl App {
    /// Gives a file its content, in place of the one that it has. The key's fingerprint gains the content's hash here.
    pub async fn set_content(
        self: &Arc<Self>,
        caller: &Caller,
        new: NewContent,
        key: Option<IdempotencyKey>,
        render: &Render,
    ) -> Result<Done, AppError> {
        let NewContent { id, version, media_type, bytes } = new;
        let is_fit = media_type.len() <= MAX_MEDIA_TYPE && is_media_type(&media_type);
        let unfit = || FieldError::new("media_type", "wrong_type", "is a media type such as application/pdf");
        is_fit.then_some(()).ok_or_else(|| AppError::Invalid(vec![unfit()]))?;
        let catalog = self.catalog_of(caller).await?;
        let object = catalog.schema.object(FILE).ok_or_else(|| AppError::UnknownObject(FILE.to_owned()))?;
        // Before anything is stored for somebody who may not, or for nothing.
        let permit = self.access.check::<Update>(caller, object)?;
        self.file(caller, object, id).await?;
        if !self.store.is_within(&permit, id).await? {
            return Err(Access::not_this(&permit).into());
        }
        let file = self.take_in(caller.tenant, bytes, MAX_FILE).await?;
        let key = key.map(|key| key.with(&file.hash));
        let sha256 = file.hash.iter().map(|byte| format!("{byte:02x}")).collect();
        let attach = Attach { id, version, blob: file.id, row: file.row, media_type, sha256 };
        self.execute(caller, &Command::one(Operation::Attach(attach)), key, render).await
    }

    /// The content of a file.
    pub async fn content(self: &Arc<Self>, caller: &Caller, id: Uuid) -> Result<Content, AppError> {
        let catalog = self.catalog_of(caller).await?;
        let object = catalog.schema.object(FILE).ok_or_else(|| AppError::UnknownObject(FILE.to_owned()))?;
        let record = self.file(caller, object, id).await?;
        let text = |field: &str| match record.value(field) {
            Some(Value::Text(text)) => text.clone(),
            _ => String::new(),
        };
        let missing = || AppError::NotFound { what: "content of the file".to_owned(), id: id.to_string() };
        let blob = blob_of(&record).ok_or_else(missing)?;
        let row = self.store.blob(Self::work_permit(), caller.tenant, blob).await?.ok_or_else(missing)?;
        Ok(Content {
            media_type: text("media_type"),
            name: text("name"),
            sha256: text("sha256"),
            size: row.size,
            bytes: self.give_out(caller.tenant, blob, row),
        })
    }

    async fn file(&self, caller: &Caller, object: &Arc<Object>, id: Uuid) -> Result<Record, AppError> {
        let permit = self.access.check::<Read>(caller, object)?;
        self.store.get(&permit, id).await?.ok_or_else(|| AppError::no_record(FILE, &id))
    }
}

impl Attach {
    /// Stages it: the record says what the content is, and the content is kept in the same commit.
    pub(super) async fn stage(&self, work: &Work, object: &Arc<Object>) -> Result<Did, AppError> {
        let Self { id, version, blob, row, media_type, sha256 } = self;
        let current = current(work, object, *id, *version).await?;
        let permit = work.app.access.check::<Update>(&work.caller, object)?;
        let kept = |blob, row, until| work.app.store.set_blob(App::work_permit(), work.caller.tenant, blob, row, until);
        let mut further = vec![kept(*blob, *row, Timestamp::MAX)];
        if let Some(old) = blob_of(&current) {
            let until = Timestamp::from_micros(work.at.micros() + KEPT_MICROS);
            let known = work.app.store.blob(App::work_permit(), work.caller.tenant, old).await?;
            further.extend(known.map(|known| kept(old, known, until)));
        }
        let fields: Map<String, Json> = [
            ("media_type", json!(media_type)),
            ("size", json!(row.size)),
            ("sha256", json!(sha256)),
            ("content", json!(blob)),
        ]
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value))
        .collect();
        let record = work.update(permit, current, &fields, Hand::Owner).await?;
        work.buffer().await.further.extend(further);
        Ok(Did { key: (object.name.clone(), *id), outcome: Outcome::Updated(record) })
    }
}

fn blob_of(record: &Record) -> Option<Uuid> {
    match record.value("content") {
        Some(Value::Text(text)) => Uuid::parse_str(text).ok(),
        _ => None,
    }
}

/// `type/subtype` in the letters of RFC 9110, with what may stand behind it.
fn is_media_type(text: &str) -> bool {
    let essence = text.split(';').next().unwrap_or_default().trim();
    let is_token = |part: &str| {
        !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte))
    };
    let is_visible = text.bytes().all(|byte| (b' '..=b'~').contains(&byte));
    is_visible && essence.split_once('/').is_some_and(|(kind, subtype)| is_token(kind) && is_token(subtype))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_media_type_has_two_parts_of_plain_letters() {
        for good in ["application/pdf", "text/plain; charset=utf-8", "image/svg+xml"] {
            assert!(is_media_type(good), "{good}");
        }
        for bad in ["", "pdf", "text/", "/plain", "text/pl ain", "text/html\r\nX: y", "a/b/c", "text/ü"] {
            assert!(!is_media_type(bad), "{bad}");
        }
    }
}
