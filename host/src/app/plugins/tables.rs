//! The tables of objects, made when the core or a plugin brings them.

use std::sync::Arc;

use crate::access::{Chore, HostPermit};
use crate::app::{App, AppError};
use crate::domain::object::{Object, ObjectDef};
use crate::store::TableError;

impl App {
    /// Makes the tables of objects, and says in the log what was added.
    pub(in crate::app) async fn prepare(
        &self,
        owner: &str,
        defs: &[ObjectDef],
        objects: &[Arc<Object>],
    ) -> Result<(), AppError> {
        for change in self.prepare_tables(owner, defs, objects).await? {
            tracing::debug!(owner, "{change}");
        }
        Ok(())
    }

    pub(super) async fn prepare_tables(
        &self,
        owner: &str,
        defs: &[ObjectDef],
        objects: &[Arc<Object>],
    ) -> Result<Vec<String>, AppError> {
        let permit = HostPermit::new(Chore::Operate);
        let changes = match self.store.prepare_tables(permit, owner, defs, objects).await {
            Ok(changes) => changes.iter().map(ToString::to_string).collect(),
            Err(TableError::Refused(reason)) => return Err(AppError::Refused(reason)),
            Err(TableError::Store(error)) => return Err(error.into()),
        };
        for object in objects {
            self.store.rebuild_words(permit, object).await?;
        }
        Ok(changes)
    }
}
