//! Files: taken in and given out in parts, never whole.

use std::pin::Pin;
use std::sync::Arc;

use futures_util::{Stream, StreamExt, stream};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::jobs::of_conflict;
use super::{App, AppError};
use crate::domain::clock::Timestamp;
use crate::domain::id::TenantId;
use crate::store::{BlobRow, StoreError};

/// Length of a part.
pub const PART: usize = 256 << 10;
/// Largest file.
pub const MAX_FILE: i64 = 1 << 30;
/// How long a file may take to come in.
const COMING_IN_MICROS: i64 = 24 * 3_600 * 1_000_000;
/// How long files are kept.
pub const KEPT_MICROS: i64 = 7 * 24 * 3_600 * 1_000_000;

/// Bytes as they come in; an error is the sender's breaking off.
pub type Incoming = Pin<Box<dyn Stream<Item = Result<Vec<u8>, ()>> + Send>>;
/// Bytes as they go out.
pub type Outgoing = Pin<Box<dyn Stream<Item = Result<Vec<u8>, AppError>> + Send>>;

/// A file that was taken in, and is kept once [`App::keep_blob`] is committed.
pub struct TakenIn {
    /// Its id.
    pub id: Uuid,
    /// Its length.
    pub row: BlobRow,
    /// SHA-256 of the content.
    pub hash: [u8; 32],
    /// The first bytes.
    pub head: Vec<u8>,
}

impl App {
    /// Takes a file in, up to `limit` bytes.
    pub(super) async fn take_in(&self, tenant: TenantId, mut bytes: Incoming, limit: i64) -> Result<TakenIn, AppError> {
        let permit = Self::work_permit();
        let id = self.ids.make();
        let mut row = BlobRow { size: 0, parts: 0, is_sealed: self.can_seal() };
        let coming_in = Timestamp::from_micros(self.clock.now().micros() + COMING_IN_MICROS);
        let known = self.store.set_blob(permit, tenant, id, row, coming_in);
        self.commit_steps(tenant, vec![known]).await.map_err(of_conflict)?;
        let mut hasher = Sha256::new();
        let mut head = Vec::new();
        let mut part: Vec<u8> = Vec::with_capacity(PART);
        while let Some(chunk) = bytes.next().await {
            let chunk = chunk.map_err(|()| AppError::BrokenOff)?;
            hasher.update(&chunk);
            row.size += i64::try_from(chunk.len()).unwrap_or(i64::MAX / 2);
            if row.size > limit {
                return Err(AppError::TooLarge(limit));
            }
            let mut rest = chunk.as_slice();
            while !rest.is_empty() {
                let (now, later) = rest.split_at(rest.len().min(PART - part.len()));
                part.extend_from_slice(now);
                rest = later;
                if part.len() == PART {
                    self.add_part(tenant, id, &mut row, &mut part, &mut head).await?;
                }
            }
        }
        if !part.is_empty() {
            self.add_part(tenant, id, &mut row, &mut part, &mut head).await?;
        }
        Ok(TakenIn { id, row, hash: hasher.finalize().into(), head })
    }

    async fn add_part(
        &self,
        tenant: TenantId,
        id: Uuid,
        row: &mut BlobRow,
        part: &mut Vec<u8>,
        head: &mut Vec<u8>,
    ) -> Result<(), AppError> {
        if row.parts == 0 {
            head.clone_from(part);
        }
        let step = self.part_step(tenant, id, row.parts, part, row.is_sealed).await?;
        self.commit_steps(tenant, vec![step]).await.map_err(of_conflict)?;
        row.parts += 1;
        part.clear();
        Ok(())
    }

    /// A file as a stream of its parts.
    pub(super) fn give_out(self: &Arc<Self>, tenant: TenantId, id: Uuid, row: BlobRow) -> Outgoing {
        let app = Arc::clone(self);
        Box::pin(stream::try_unfold(0, move |part| {
            let app = Arc::clone(&app);
            async move {
                if part >= row.parts {
                    return Ok(None);
                }
                let bytes = app.read_part(tenant, id, part, row.is_sealed).await?;
                let bytes =
                    bytes.ok_or_else(|| StoreError::Inconsistent(format!("the file {id} lacks part {part}")))?;
                Ok(Some((bytes, part + 1)))
            }
        }))
    }
}
