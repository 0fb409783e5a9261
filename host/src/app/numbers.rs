//! Numbers that the host gives: one row per counted field, changed only by
//! whoever saw its last value.

use uuid::Uuid;

use super::{App, AppError};
use crate::access::{Chore, HostPermit};
use crate::domain::id::TenantId;
use crate::domain::object::Object;

/// Most tries against other nodes that count the same.
const MAX_TRIES: usize = 100;

impl App {
    /// The next number of a field. A number is given once; one that was given
    /// to a command which then failed is not given again.
    pub(super) async fn next_number(&self, tenant: TenantId, object: &Object, field: &str) -> Result<i64, AppError> {
        // Those who count on this node take turns.
        let mut turn = self.lanes.hold_none();
        turn.join((tenant, format!("{}#{field}", object.name), Uuid::nil())).await;
        let permit = HostPermit::new(Chore::Serve);
        for _ in 0..MAX_TRIES {
            if let Some(number) = self.store.take_number(permit, tenant, &object.name, field).await? {
                return Ok(number);
            }
        }
        Err(AppError::Contended)
    }
}
