//! Erasing tenants whose grace is over: bit by bit, so that it goes on where it was after any interruption.

use super::{App, AppError};
use crate::access::{Chore, HostPermit};
use crate::domain::id::TenantId;
use crate::store::Emptied;

impl App {
    /// Erases every tenant whose time is over.
    pub async fn erase_tenants(&self) -> Result<(), AppError> {
        self.erase_some(u32::MAX).await.map(drop)
    }

    /// The same, in so many commits at most; says whether something is left to do.
    pub async fn erase_some(&self, commits: u32) -> Result<bool, AppError> {
        let permit = HostPermit::new(Chore::Operate);
        let tenants = self.store.tenants_to_erase(permit, self.clock.now()).await?;
        let mut left = commits;
        for tenant in tenants {
            if !self.erase_tenant(tenant, &mut left).await? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Whether nothing is left of it.
    async fn erase_tenant(&self, tenant: TenantId, left: &mut u32) -> Result<bool, AppError> {
        let permit = HostPermit::new(Chore::Operate);
        let tables = self.store.tables_of_tenants(permit).await?;
        let mut is_empty = false;
        // Once more until nothing is found: something may have come into a table that was empty already.
        while !is_empty {
            is_empty = true;
            for table in &tables {
                loop {
                    if *left == 0 {
                        return Ok(false);
                    }
                    if self.store.empty_of(permit, tenant, table).await? == Emptied::Nothing {
                        break;
                    }
                    is_empty = false;
                    *left -= 1;
                }
            }
        }
        self.store.remove_tenant(permit, tenant).await?;
        self.tenant_changed(tenant).await;
        tracing::info!(%tenant, "a tenant is erased");
        Ok(true)
    }
}
