//! Reading records by id.

use std::sync::Arc;
use uuid::Uuid;

use super::custom;
use super::db::{Row, Stmt};
use super::{Store, StoreError};
use crate::access::{Permit, Read};
use crate::domain::field::FieldType;
use crate::domain::filter::{Comparison, Filter, Target};
use crate::domain::object::Object;
use crate::domain::query::Query;
use crate::domain::record::Record;
use crate::domain::value::Value;

impl Store {
    /// The record of that id.
    pub async fn get(&self, permit: &Permit<Read>, id: Uuid) -> Result<Option<Record>, StoreError> {
        let object = Arc::clone(permit.object());
        if permit.rows().filter().is_some() {
            return self.one(permit, id, false).await;
        }
        let texts = self.texts(&object);
        let stmt = Stmt::new(Arc::clone(&texts.get), [permit.tenant().0.into(), id.into()]);
        self.db.of(permit.tenant()).maybe(stmt, move |row| decode(&object, row)).await
    }

    /// Whether there is a record of that id.
    pub async fn is_there(&self, permit: &Permit<Read>, id: Uuid) -> Result<bool, StoreError> {
        if permit.rows().filter().is_some() {
            return Ok(self.one(permit, id, false).await?.is_some());
        }
        let texts = self.texts(permit.object());
        let stmt = Stmt::new(Arc::clone(&texts.is_there), [permit.tenant().0.into(), id.into()]);
        Ok(self.db.of(permit.tenant()).maybe(stmt, |_| Ok(())).await?.is_some())
    }

    /// The deleted record of that id.
    pub async fn get_deleted(&self, permit: &Permit<Read>, id: Uuid) -> Result<Option<Record>, StoreError> {
        let object = Arc::clone(permit.object());
        if permit.rows().filter().is_some() {
            return self.one(permit, id, true).await;
        }
        let texts = self.texts(&object);
        let stmt = Stmt::new(Arc::clone(&texts.get_deleted), [permit.tenant().0.into(), id.into()]);
        self.db.of(permit.tenant()).maybe(stmt, move |row| decode(&object, row)).await
    }
}

impl Store {
    /// The record of that id, if it is one of those that the permit is for.
    async fn one(&self, permit: &Permit<Read>, id: Uuid, deleted: bool) -> Result<Option<Record>, StoreError> {
        let filter = Some(Filter::Compare(Target::Id, Comparison::Equal, Value::Id(id)));
        let query = Query { filter, deleted, limit: 1, ..Query::default() };
        Ok(self.list(&permit.alone(), &query).await?.pop())
    }
}

/// Reads a record from the columns that [`super::TableSql`] names.
pub(super) fn decode(object: &Arc<Object>, row: &Row<'_>) -> Result<Record, StoreError> {
    decode_some(object, row, None)
}

/// The same, from the columns of the fields at some places only.
pub(super) fn decode_some(object: &Arc<Object>, row: &Row<'_>, places: Option<&[usize]>) -> Result<Record, StoreError> {
    let mut values = Vec::with_capacity(object.fields.len());
    let mut at = 4;
    for (place, field) in object.fields.iter().enumerate().filter(|(_, field)| !field.is_custom) {
        if places.is_some_and(|places| !places.contains(&place)) {
            values.push(Value::Null);
            continue;
        }
        values.push(row.value(at, &field.kind)?);
        at += if matches!(field.kind, FieldType::Money | FieldType::LinkAny(_)) { 2 } else { 1 };
    }
    if object.has_custom_fields() {
        let kept = row.maybe_json(at)?.unwrap_or_default();
        for field in object.fields.iter().filter(|field| field.is_custom) {
            values.push(custom::unpack(&field.kind, &kept[field.name()])?);
        }
    }
    Ok(Record {
        id: row.id(0)?,
        version: row.integer(1)?,
        created_at: row.time(2)?,
        updated_at: row.time(3)?,
        object: Arc::clone(object),
        values,
    })
}
