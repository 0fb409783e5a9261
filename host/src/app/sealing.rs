//! Values of encrypted fields on their way into the database, and between records.

use std::sync::Arc;

use serde_json::{Map, Value as Json};
use uuid::Uuid;

use super::AppError;
use super::unit_of_work::Work;
use super::vault::Opener;
use crate::access::{Permit, Update};
use crate::domain::id::TenantId;
use crate::domain::invalid::FieldError;
use crate::domain::object::Object;
use crate::domain::record::{Changes, Hand, Record, read_fields};
use crate::domain::seal::Spot;
use crate::domain::value::Value;

impl Work {
    /// Seals new values of encrypted fields for the record of this id. A value that it has already stays
    /// the same bytes, so that nothing changes.
    pub(super) async fn seal(
        &self,
        object: &Object,
        id: Uuid,
        current: Option<&[Value]>,
        changes: &mut Changes,
    ) -> Result<(), AppError> {
        if !object.has_sealed_fields() {
            return Ok(());
        }
        let tenant = self.caller.tenant;
        let mut opener = Opener::new(&self.app, tenant);
        for (place, value) in changes {
            let field = &object.fields[*place];
            if !field.kind.is_sealed() || matches!(value, Value::Null | Value::Sealed(_)) {
                continue;
            }
            if field.def.required && matches!(value, Value::Text(text) if text.trim().is_empty()) {
                return Err(AppError::Invalid(vec![FieldError::new(field.name(), "required", "may not be empty")]));
            }
            let spot = Spot::field(tenant, &object.name, id, field.name());
            let plain = value.plain();
            let keys = self.app.sealer(tenant).await?;
            if let Some(Value::Sealed(known)) = current.map(|values| &values[*place])
                && opener.open(&spot, known, field.name()).await.is_ok_and(|known| *known == *plain)
            {
                *value = Value::Sealed(known.clone());
                continue;
            }
            *value = Value::Sealed(keys.seal(&self.app.ids, &spot, &plain)?);
        }
        Ok(())
    }

    /// Stages the return of values that the record had, as [`keepsake`](crate::domain::record::keepsake) wrote them.
    pub(super) async fn put_back(
        &self,
        permit: Permit<Update>,
        current: Record,
        kept: &Map<String, Json>,
    ) -> Result<Record, AppError> {
        let object = Arc::clone(&current.object);
        let sealed = |name: &str| object.position(name).filter(|&at| object.fields[at].kind.is_sealed());
        let plain = kept.iter().filter(|(name, _)| sealed(name).is_none());
        let plain: Map<String, Json> = plain.map(|(name, json)| (name.clone(), json.clone())).collect();
        let mut changes = read_fields(&object, &plain, Hand::Caller).map_err(AppError::Invalid)?;
        let places = kept.iter().filter_map(|(name, json)| Some((sealed(name)?, json)));
        changes.extend(places.map(|(at, json)| (at, object.fields[at].kind.of_kept(json))));
        changes.retain(|(at, value)| current.values[*at] != *value);
        self.check_links(&object, &changes).await?;
        self.apply(permit, current, changes).await
    }

    /// The same records with their encrypted values opened, to be sealed for another one.
    pub(super) async fn opened(&self, records: &[Record]) -> Result<Vec<Record>, AppError> {
        let mut opened = records.to_vec();
        let mut opener = Opener::new(&self.app, self.caller.tenant);
        for record in &mut opened {
            for at in 0..record.object.audited.len() {
                let place = record.object.audited[at];
                open_value(&mut opener, self.caller.tenant, record, place).await?;
            }
        }
        Ok(opened)
    }
}

/// Opens the value of a record at this place, if it is sealed.
pub(super) async fn open_value(
    opener: &mut Opener<'_>,
    tenant: TenantId,
    record: &mut Record,
    place: usize,
) -> Result<(), AppError> {
    let object = Arc::clone(&record.object);
    let field = &object.fields[place];
    let Value::Sealed(sealed) = &record.values[place] else { return Ok(()) };
    let spot = Spot::field(tenant, &object.name, record.id, field.name());
    let what = format!("{} {} {}", object.name, record.id, field.name());
    let plain = opener.open(&spot, sealed, &what).await?;
    let value = field.kind.of_plain(&plain).ok_or_else(|| {
        tracing::error!(%tenant, what, "what was sealed is no value of the field");
        AppError::Unopened
    })?;
    record.values[place] = value;
    Ok(())
}
