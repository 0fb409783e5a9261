//! Modules of a tenant: plugins that it has switched on, and their settings.

mod compose;
mod lifecycle;
mod plan;
mod purge;
mod secrets;
pub(super) mod settings;
mod versions;
mod view;

pub use plan::{Consent, ModuleInput, Wish};
pub(super) use purge::{PURGE, purge};
pub use versions::{RolledOut, Rollout};
pub use view::{ModuleState, ModuleView, PendingVersion};

use super::{App, AppError};
use crate::access::Read;
use crate::domain::caller::Caller;
use crate::domain::permission::Area;

impl App {
    /// The modules of the caller's tenant.
    pub async fn modules(&self, caller: &Caller) -> Result<Vec<ModuleView>, AppError> {
        let permit = self.access.check_area::<Read>(caller, Area::Modules)?;
        self.module_views(caller.tenant, &self.store.modules(permit).await?).await
    }
}
