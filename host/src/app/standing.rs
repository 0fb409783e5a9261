//! Where tenants stand, for every request and chore: looked at again every second, with their policy.

use std::sync::Arc;
use std::time::Duration;

use moka::future::Cache;

use super::catalog::of_many;
use super::{App, AppError};
use crate::access::{Chore, HostPermit};
use crate::domain::audit::{Deed, Entry, Note};
use crate::domain::id::TenantId;
use crate::domain::permission::Area;
use crate::domain::tenant::{Because, Standing, TenantState};
use crate::store::Conflict;

/// Tenants that were looked at within the last second; none for those that are not there.
pub(super) type Standings = Cache<TenantId, Option<Arc<Standing>>>;

pub(super) fn standings() -> Standings {
    Cache::builder().max_capacity(20_000).time_to_live(Duration::from_secs(1)).build()
}

impl App {
    /// Where a tenant stands; none when there is no such tenant.
    pub(super) async fn standing(&self, tenant: TenantId) -> Result<Option<Arc<Standing>>, AppError> {
        self.standings.try_get_with(tenant, self.look_at_tenant(tenant)).await.map_err(of_many)
    }

    async fn look_at_tenant(&self, tenant: TenantId) -> Result<Option<Arc<Standing>>, AppError> {
        let standing = self.store.standing(HostPermit::new(Chore::Serve), tenant).await?;
        if let Some(standing) = &standing {
            self.look_at_policy(tenant, standing.policy_version).await?;
        }
        Ok(standing.map(Arc::new))
    }

    /// Refuses what is asked for a tenant that rests.
    pub(super) async fn served(&self, tenant: TenantId) -> Result<Arc<Standing>, AppError> {
        let standing = self.standing(tenant).await?.ok_or(AppError::Unauthenticated)?;
        match standing.state {
            TenantState::Active => Ok(standing),
            TenantState::Suspended => Err(AppError::TenantSuspended(standing.because)),
            TenantState::Deleted | TenantState::Erasing => Err(AppError::TenantDeleted),
        }
    }

    /// Suspends tenants whose term is over.
    pub async fn end_terms(&self) -> Result<(), AppError> {
        let (permit, now) = (HostPermit::new(Chore::Operate), self.clock.now());
        for mut row in self.store.tenants_at_their_end(permit, now).await? {
            row.suspended = Some((now, Because::Term));
            row.version += 1;
            let entry = Entry {
                at: now,
                subject_kind: "host".to_owned(),
                subject: Because::Term.name().to_owned(),
                on_behalf_of: None,
                peer: None,
                request: None,
                note: Note { deed: Deed::Change, ..Note::of_area(Area::Tenant, None, vec!["state".to_owned()]) },
            };
            let mut steps = vec![self.store.save_tenant(permit, &row)];
            steps.extend(self.store.audited(permit, row.id, &[entry]));
            match self.store.operate(permit, row.id, steps).await {
                // Another node, or the operator, was faster.
                Ok(()) | Err(Conflict::Superseded(_) | Conflict::Busy) => {}
                Err(other) => return Err(super::jobs::of_conflict(other)),
            }
            self.tenant_changed(row.id).await;
            tracing::info!(tenant = %row.id, slug = row.slug, "a tenant is suspended: its term is over");
        }
        Ok(())
    }

    /// Says here and on other nodes that a tenant stands elsewhere: streams end, work rests or goes on.
    pub(super) async fn tenant_changed(&self, tenant: TenantId) {
        self.policy_changed(tenant).await;
        self.news.heard(tenant);
        self.job_queued();
    }
}
