//! Tenants, as their operator keeps them.

use std::fmt::Write as _;

use sea_query::Value as Bound;

use super::db::{CommitError, Expect, Reach, Row, Step, Stmt};
use super::{Conflict, Further, Store, StoreError};
use crate::access::HostPermit;
use crate::domain::audit::Entry;
use crate::domain::clock::Timestamp;
use crate::domain::guide::Answers;
use crate::domain::id::TenantId;
use crate::domain::tenant::{Because, Standing, Tenancy, TenantLimits, TenantState};

/// A tenant as it is kept.
#[derive(Clone, Debug)]
pub struct TenantRow {
    /// Its id.
    pub id: TenantId,
    /// Its name in commands, unique.
    pub slug: String,
    /// IANA name of its timezone.
    pub timezone: String,
    /// What the operator can change.
    pub tenancy: Tenancy,
    /// What was answered to the guide.
    pub answers: Answers,
    /// Counts its changes, from 1.
    pub version: i64,
    /// When it was made.
    pub created_at: Timestamp,
    /// Since when it is suspended, and why.
    pub suspended: Option<(Timestamp, Because)>,
    /// When it was deleted, and when it is erased.
    pub deleted: Option<(Timestamp, Timestamp)>,
    /// Whether erasing has begun.
    pub is_erasing: bool,
}

/// Which tenants to list.
#[derive(Clone, Copy, Debug, Default)]
pub struct TenantFilter {
    /// In this state.
    pub state: Option<TenantState>,
    /// Made after this one.
    pub after: Option<TenantId>,
}

const COLUMNS: &str = "id, slug, name, timezone, plan, starts_at, ends_at, limits, answers, version, created_at, \
                       suspended_at, suspended_because, deleted_at, erase_at, is_erasing";

impl TenantRow {
    /// Where it stands.
    pub fn state(&self) -> TenantState {
        match (self.is_erasing, &self.deleted, &self.suspended) {
            (true, ..) => TenantState::Erasing,
            (_, Some(_), _) => TenantState::Deleted,
            (_, _, Some(_)) => TenantState::Suspended,
            _ => TenantState::Active,
        }
    }
}

/// That the tenant of this column is served, in SQL.
pub(super) fn is_served(column: &str) -> String {
    format!(
        "not exists (select 1 from tenant rests where rests.id = {column} \
         and (rests.suspended_at is not null or rests.deleted_at is not null))"
    )
}

impl Store {
    /// What every request needs to know of its tenant; none when there is no such tenant.
    pub async fn standing(&self, _: HostPermit, tenant: TenantId) -> Result<Option<Standing>, StoreError> {
        let sql = "select t.suspended_at, t.suspended_because, t.deleted_at, t.is_erasing, t.limits, \
                   coalesce(p.version, 0), l.limits from tenant t \
                   left join tenant_policy p on p.tenant_id = t.id left join plan l on l.name = t.plan \
                   where t.id = $1";
        let read = |row: &Row<'_>| {
            let state = match (row.boolean(3)?, row.maybe_time(2)?, row.maybe_time(0)?) {
                (true, ..) => TenantState::Erasing,
                (_, Some(_), _) => TenantState::Deleted,
                (_, _, Some(_)) => TenantState::Suspended,
                _ => TenantState::Active,
            };
            let of_plan = row.maybe_json(6)?.map(of_json::<TenantLimits>).transpose()?.unwrap_or_default();
            Ok(Standing {
                state,
                because: Because::find(&row.maybe_text(1)?.unwrap_or_default()),
                limits: of_json::<TenantLimits>(row.json(4)?)?.or(of_plan),
                policy_version: row.integer(5)?,
            })
        };
        self.db.of(tenant).maybe(Stmt::new(sql, [tenant.0.into()]), read).await
    }

    /// The tenant of that id.
    pub async fn tenant(&self, _: HostPermit, tenant: TenantId) -> Result<Option<TenantRow>, StoreError> {
        let sql = format!("select {COLUMNS} from tenant where id = $1");
        self.db.of(tenant).maybe(Stmt::new(sql, [tenant.0.into()]), decode).await
    }

    /// Tenants of the installation, the oldest first.
    pub async fn tenants(
        &self,
        permit: HostPermit,
        filter: TenantFilter,
        limit: u32,
    ) -> Result<Vec<TenantRow>, StoreError> {
        let mut sql = format!("select {COLUMNS} from tenant where true");
        let mut values: Vec<Bound> = Vec::new();
        sql.push_str(match filter.state {
            None => "",
            Some(TenantState::Active) => " and suspended_at is null and deleted_at is null",
            Some(TenantState::Suspended) => " and suspended_at is not null and deleted_at is null",
            Some(TenantState::Deleted) => " and deleted_at is not null and not is_erasing",
            Some(TenantState::Erasing) => " and is_erasing",
        });
        if let Some(after) = filter.after {
            values.push(after.0.into());
            sql.push_str(" and id > $1");
        }
        values.push(i64::from(limit).into());
        let _ = write!(sql, " order by id limit ${}", values.len());
        self.db.across(permit).all(Reach::List, Stmt::new(sql, values), decode).await
    }

    /// The step that makes a tenant.
    pub fn new_tenant(&self, _: HostPermit, row: &TenantRow) -> Further {
        let engine = self.db.engine();
        let stmt = Stmt::new(
            "insert into tenant (id, slug, name, timezone, plan, starts_at, ends_at, limits, answers, created_at) \
             values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
            [
                row.id.0.into(),
                row.slug.as_str().into(),
                row.tenancy.name.as_str().into(),
                row.timezone.as_str().into(),
                row.tenancy.plan.as_deref().into(),
                engine.maybe_time(row.tenancy.starts_at),
                engine.maybe_time(row.tenancy.ends_at),
                to_json(&row.tenancy.limits).into(),
                to_json(&row.answers).into(),
                engine.time(row.created_at),
            ],
        );
        Further(Step { stmt, expect: Expect::OneChange })
    }

    /// The step that makes a tenant what it is now, from the version before.
    pub fn save_tenant(&self, _: HostPermit, row: &TenantRow) -> Further {
        let engine = self.db.engine();
        let (suspended_at, because) = row.suspended.unzip();
        let (deleted_at, erase_at) = row.deleted.unzip();
        let stmt = Stmt::new(
            "update tenant set name = $1, plan = $2, starts_at = $3, ends_at = $4, limits = $5, suspended_at = $6, \
             suspended_because = $7, deleted_at = $8, erase_at = $9, version = $10 \
             where id = $11 and version = $10 - 1 and not is_erasing",
            [
                row.tenancy.name.as_str().into(),
                row.tenancy.plan.as_deref().into(),
                engine.maybe_time(row.tenancy.starts_at),
                engine.maybe_time(row.tenancy.ends_at),
                to_json(&row.tenancy.limits).into(),
                engine.maybe_time(suspended_at),
                because.map(Because::name).into(),
                engine.maybe_time(deleted_at),
                engine.maybe_time(erase_at),
                row.version.into(),
                row.id.0.into(),
            ],
        );
        Further(Step { stmt, expect: Expect::OneChange })
    }

    /// The steps that write into a tenant's audit trail.
    pub fn audited(&self, _: HostPermit, tenant: TenantId, entries: &[Entry]) -> Vec<Further> {
        self.audit_steps(tenant, entries).map(Further).collect()
    }

    /// Commits what the operator does to a tenant, step by step. A step that breaks a unique key is a duplicate.
    pub async fn operate(&self, _: HostPermit, tenant: TenantId, steps: Vec<Further>) -> Result<(), Conflict> {
        let steps = steps.into_iter().map(|further| further.0).collect();
        self.db.of(tenant).commit(steps).await.map_err(|error| match error {
            CommitError::Unique(_) => Conflict::Duplicate,
            CommitError::Unmet(at) => Conflict::Superseded(at),
            CommitError::Busy => Conflict::Busy,
            CommitError::Store(error) => Conflict::Store(error),
        })
    }

    /// Tenants that are served although their term is over.
    pub async fn tenants_at_their_end(&self, permit: HostPermit, now: Timestamp) -> Result<Vec<TenantRow>, StoreError> {
        let sql = format!(
            "select {COLUMNS} from tenant where ends_at <= $1 and suspended_at is null and deleted_at is null \
             order by ends_at limit 500"
        );
        self.db.across(permit).all(Reach::List, Stmt::new(sql, [self.db.engine().time(now)]), decode).await
    }
}

pub(super) fn to_json(value: &impl serde::Serialize) -> serde_json::Value {
    serde_json::to_value(value).unwrap_or_default()
}

pub(super) fn of_json<T: serde::de::DeserializeOwned>(json: serde_json::Value) -> Result<T, StoreError> {
    serde_json::from_value(json).map_err(|error| StoreError::Inconsistent(format!("a tenant: {error}")))
}

fn decode(row: &Row<'_>) -> Result<TenantRow, StoreError> {
    let because = Because::find(&row.maybe_text(12)?.unwrap_or_default());
    Ok(TenantRow {
        id: TenantId(row.id(0)?),
        slug: row.text(1)?,
        timezone: row.text(3)?,
        tenancy: Tenancy {
            name: row.text(2)?,
            plan: row.maybe_text(4)?,
            starts_at: row.maybe_time(5)?,
            ends_at: row.maybe_time(6)?,
            limits: of_json(row.json(7)?)?,
        },
        answers: of_json(row.json(8)?)?,
        version: row.integer(9)?,
        created_at: row.time(10)?,
        suspended: row.maybe_time(11)?.map(|at| (at, because)),
        deleted: row.maybe_time(13)?.zip(row.maybe_time(14)?),
        is_erasing: row.boolean(15)?,
    })
}
