//! Which records a command may write: those that its permits are for.

use super::{AppError, Key, Work, key_of};
use crate::access::{Access, Acting, Create, Permit, Read};
use crate::domain::field::FieldType;
use crate::domain::record::Record;
use crate::domain::value::Value;

impl Work {
    /// What a member makes is the member's own, when it says nothing else.
    pub(super) fn own(&self, record: &mut Record) {
        let Some(member) = self.caller.member else { return };
        let object = &record.object;
        let first = object.owned_by.iter().copied().find(|&at| matches!(object.fields[at].kind, FieldType::User));
        if let Some(at) = first.filter(|&at| record.values[at].is_null()) {
            record.values[at] = Value::Id(member);
        }
    }

    /// Whether a record that the buffer has, from whoever read or staged it, is
    /// one that this permit is for. What the buffer does not have, the store decides.
    pub(super) async fn may_see(&self, permit: &Permit<Read>, key: &Key) -> Result<bool, AppError> {
        if permit.rows().filter().is_none() {
            return Ok(true);
        }
        let is_known = {
            let buffer = self.buffer().await;
            match buffer.staged.get(key) {
                Some(staged) if staged.before().is_none() => return Ok(true),
                staged => staged.is_some() || buffer.reads.contains_key(key),
            }
        };
        Ok(!is_known || self.app.store.is_within(permit, key.1).await?)
    }

    /// Whether the new record is one that the permit is for.
    pub(super) async fn may_create(&self, permit: &Permit<Create>, record: &Record) -> Result<(), AppError> {
        let Some(filter) = permit.rows().filter() else { return Ok(()) };
        if self.fits(filter, record).await? { Ok(()) } else { Err(Access::not_this(permit).into()) }
    }

    /// Whether the record, as it is stored, is one that the permit is for. One
    /// that this command has made, it may change.
    pub(in super::super) async fn may_change<A: Acting>(
        &self,
        permit: &Permit<A>,
        current: &Record,
    ) -> Result<(), AppError> {
        if permit.rows().filter().is_none() {
            return Ok(());
        }
        let is_new = {
            let buffer = self.buffer().await;
            buffer.staged.get(&key_of(current)).is_some_and(|staged| staged.before().is_none())
        };
        if is_new || self.app.store.is_within(permit, current.id).await? {
            return Ok(());
        }
        Err(Access::not_this(permit).into())
    }
}
