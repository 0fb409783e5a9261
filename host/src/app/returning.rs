//! The return of a deleted record, inside a unit of work.

use uuid::Uuid;

use super::AppError;
use super::calculate;
use super::operation::MissingLink;
use super::staging::Staged;
use super::unit_of_work::Work;
use crate::access::{Create, Permit, Read};
use crate::domain::record::Record;

impl Work {
    /// Stages the return of a deleted record; returns it as it will be stored.
    pub async fn restore(&self, may_read: &Permit<Read>, permit: Permit<Create>, id: Uuid) -> Result<Record, AppError> {
        let object = &permit.object().name;
        let key = (object.clone(), id);
        {
            let mut buffer = self.buffer().await;
            if let Some(Staged::Delete { before, .. }) = buffer.staged.get(&key) {
                let record = before.clone();
                buffer.staged.shift_remove(&key);
                return Ok(record);
            }
        }
        let Some(deleted) = self.app.store.get_deleted(may_read, id).await? else {
            return Err(match self.get(may_read, id).await? {
                Some(_) => AppError::Refused(format!("this {object} is not deleted")),
                None => AppError::no_record(object, &id),
            });
        };
        self.may_change(&permit, &deleted).await?;
        let mut after = Record { version: deleted.version + 1, updated_at: self.at, ..deleted.clone() };
        calculate::formulas(&mut after);
        self.buffer().await.restore(permit, deleted, after.clone());
        Ok(after)
    }

    /// The links of a record that lead to nothing.
    pub async fn missing_links(&self, record: &Record) -> Result<Vec<MissingLink>, AppError> {
        let mut missing = Vec::new();
        for (place, field) in record.object.shown() {
            for (to, id) in field.linked(&record.values[place]) {
                if !self.is_there(to, id).await? {
                    missing.push(MissingLink { field: field.name().to_owned(), object: to.to_owned(), id });
                }
            }
        }
        Ok(missing)
    }
}
