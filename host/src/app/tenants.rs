//! Tenants as their operator sees and changes them.

mod creation;

use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as Json};
use utoipa::ToSchema;
use uuid::Uuid;

pub use creation::{MadeTenantView, NewTenantInput};

use super::operators::{Operation, Operator};
use super::people::{Given, RenderView, named, read};
use super::{App, AppError, Done};
use crate::domain::clock::Timestamp;
use crate::domain::guide::Answers;
use crate::domain::id::TenantId;
use crate::domain::invalid::FieldError;
use crate::domain::query::{DEFAULT_LIMIT, check_limit};
use crate::domain::tenant::{Because, Tenancy, TenantLimits, TenantState};
use crate::store::{OperatorRequest, TenantFilter, TenantRow};

/// The shortest grace: what runs when a tenant is deleted has ended before it is erased.
const LEAST_GRACE: Duration = Duration::from_hours(1);
/// Longest name of a plan.
pub(super) const MAX_PLAN: usize = 100;

/// A tenant, as its operator sees it.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct TenantView {
    /// Its id.
    #[schema(value_type = String)]
    pub id: Uuid,
    /// Its name in commands, unique.
    pub slug: String,
    /// What people read.
    pub name: String,
    /// IANA name of its timezone.
    pub timezone: String,
    /// Where it stands.
    pub state: TenantState,
    /// What it is sold as.
    pub plan: Option<String>,
    /// For how long it may be used.
    pub term: Term,
    /// How much it may have.
    pub limits: TenantLimits,
    /// What was answered to the guide.
    pub answers: Answers,
    /// When it was made.
    pub created_at: String,
    /// Since when it is suspended.
    pub suspended_at: Option<String>,
    /// Why it is suspended.
    pub suspended_because: Option<Because>,
    /// When it was deleted.
    pub deleted_at: Option<String>,
    /// When it is erased; until then it can come back.
    pub erase_at: Option<String>,
    /// Counts its changes; the `ETag`.
    pub version: i64,
}

/// For how long a tenant may be used.
#[derive(Clone, Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Term {
    /// From when, for the record; RFC 3339.
    #[serde(default)]
    pub from: Option<String>,
    /// Until when; it is suspended then.
    #[serde(default)]
    pub until: Option<String>,
}

/// What is to change of a tenant. What is not named stays as it is.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TenantInput {
    /// What people read, 1 to 200 characters.
    name: Option<String>,
    /// What it is sold as; null for nothing.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    plan: Given<String>,
    /// For how long it may be used; as a whole.
    term: Option<Term>,
    /// How much it may have; as a whole.
    limits: Option<TenantLimits>,
}

/// A page of tenants, the oldest first.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct TenantPage {
    /// The tenants.
    pub data: Vec<TenantView>,
    /// Where the next page begins; none when this is the last one.
    pub next_cursor: Option<String>,
}

/// Which tenants an operator wants to see.
#[derive(Clone, Debug, Default)]
pub struct TenantsRequest {
    /// Only in this state.
    pub state: Option<String>,
    /// Page size.
    pub limit: Option<u64>,
    /// The last tenant of the page before.
    pub cursor: Option<String>,
}

/// What becomes of a tenant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Turn {
    /// It rests.
    Suspend,
    /// It is served again.
    Resume,
    /// It rests, and is erased later.
    Delete,
    /// It is not erased, and stands where it stood before it was deleted.
    Restore,
}

impl From<&TenantRow> for TenantView {
    fn from(row: &TenantRow) -> Self {
        let time = |at: Timestamp| at.to_string();
        let (suspended_at, suspended_because) = row.suspended.unzip();
        let (deleted_at, erase_at) = row.deleted.unzip();
        Self {
            id: row.id.0,
            slug: row.slug.clone(),
            name: row.tenancy.name.clone(),
            timezone: row.timezone.clone(),
            state: row.state(),
            plan: row.tenancy.plan.clone(),
            term: Term { from: row.tenancy.starts_at.map(time), until: row.tenancy.ends_at.map(time) },
            limits: row.tenancy.limits,
            answers: row.answers.clone(),
            created_at: row.created_at.to_string(),
            suspended_at: suspended_at.map(time),
            suspended_because,
            deleted_at: deleted_at.map(time),
            erase_at: erase_at.map(time),
            version: row.version,
        }
    }
}

impl App {
    /// A page of tenants.
    pub async fn tenants(&self, _: &Operator, request: &TenantsRequest) -> Result<TenantPage, AppError> {
        let mut faults = Vec::new();
        let mut filter = TenantFilter::default();
        if let Some(state) = &request.state {
            filter.state = TenantState::find(state);
            if filter.state.is_none() {
                faults.push(FieldError::new("state", "unknown_option", "is active, suspended, deleted or erasing"));
            }
        }
        if let Some(cursor) = &request.cursor {
            filter.after = Uuid::parse_str(cursor).ok().map(TenantId);
            if filter.after.is_none() {
                faults.push(FieldError::new("cursor", "invalid_cursor", "is not a cursor of this list"));
            }
        }
        let limit = check_limit(request.limit.unwrap_or(u64::from(DEFAULT_LIMIT))).unwrap_or_else(|fault| {
            faults.push(fault);
            DEFAULT_LIMIT
        });
        if !faults.is_empty() {
            return Err(AppError::Invalid(faults));
        }
        let mut rows = self.store.tenants(Self::operate_permit(), filter, limit + 1).await?;
        let has_more = rows.len() > limit as usize;
        rows.truncate(limit as usize);
        let next_cursor = rows.last().filter(|_| has_more).map(|row| row.id.to_string());
        Ok(TenantPage { data: rows.iter().map(TenantView::from).collect(), next_cursor })
    }

    /// One of them, by its id or its slug.
    pub async fn tenant(&self, _: &Operator, name: &str) -> Result<TenantView, AppError> {
        Ok(TenantView::from(&self.tenant_row(name).await?))
    }

    pub(super) async fn tenant_row(&self, name: &str) -> Result<TenantRow, AppError> {
        let permit = Self::operate_permit();
        let id = match Uuid::parse_str(name) {
            Ok(id) => Some(TenantId(id)),
            Err(_) => self.store.tenant_by_slug(permit, name).await?,
        };
        let row = match id {
            Some(id) => self.store.tenant(permit, id).await?,
            None => None,
        };
        row.ok_or_else(|| AppError::no_record("tenant", &name))
    }

    /// Changes name, plan, term or limits of a tenant.
    pub async fn change_tenant(
        &self,
        operator: &Operator,
        name: &str,
        fields: &Map<String, Json>,
        version: Option<i64>,
        render: &RenderView<TenantView>,
    ) -> Result<Done, AppError> {
        let input: TenantInput = read(fields)?;
        let mut row = self.tenant_row(name).await?;
        if let Some(given) = version.filter(|given| *given != row.version) {
            return Err(AppError::Stale { current: row.version, given });
        }
        let mut faults = Vec::new();
        let before = row.tenancy.clone();
        if let Some(name) = input.name {
            name.trim().clone_into(&mut row.tenancy.name);
        }
        row.tenancy.plan = input.plan.or(row.tenancy.plan);
        if let Some(term) = &input.term {
            (row.tenancy.starts_at, row.tenancy.ends_at) = read_term(term, &mut faults);
        }
        if let Some(limits) = input.limits {
            faults.extend(limits.plugins.beyond("limits.plugins"));
            row.tenancy.limits = limits;
        }
        faults.extend(faults_of(&row.tenancy));
        if !faults.is_empty() {
            return Err(AppError::Invalid(faults));
        }
        // A term that goes on brings back what its end has suspended.
        let goes_on = row.tenancy.ends_at.is_none_or(|end| end > self.clock.now());
        row.suspended = row.suspended.filter(|(_, because)| *because != Because::Term || !goes_on);
        if row.tenancy == before {
            return Ok(Done::Now(render(&TenantView::from(&row))));
        }
        self.save(operator, None, row, fields.keys().cloned().collect(), render).await
    }

    /// Suspends a tenant, deletes it, or brings it back. What stands so already stays as it is.
    pub async fn turn_tenant(
        &self,
        operator: &Operator,
        name: &str,
        turn: Turn,
        request: Option<OperatorRequest>,
        render: &RenderView<TenantView>,
    ) -> Result<Done, AppError> {
        if let Some(answer) = self.answered_operator(request.as_ref()).await? {
            return Ok(Done::Before(answer));
        }
        let mut row = self.tenant_row(name).await?;
        let now = self.clock.now();
        let refused = |reason: &str| Err(AppError::Refused(reason.to_owned()));
        let before = (row.suspended, row.deleted);
        match (turn, row.state()) {
            (_, TenantState::Erasing) => return refused("the tenant is being erased"),
            (Turn::Suspend | Turn::Resume, TenantState::Deleted) => {
                return refused("the tenant is deleted: restore it first");
            }
            (Turn::Suspend, _) => row.suspended = row.suspended.or(Some((now, Because::Operator))),
            (Turn::Resume, _) => {
                if row.tenancy.ends_at.is_some_and(|end| end <= now) {
                    return refused("the term of the tenant is over: give it a new one");
                }
                row.suspended = None;
            }
            (Turn::Delete, _) => row.deleted = row.deleted.or(Some((now, now.plus(self.grace.max(LEAST_GRACE))))),
            (Turn::Restore, _) => row.deleted = None,
        }
        if (row.suspended, row.deleted) == before {
            return Ok(Done::Now(render(&TenantView::from(&row))));
        }
        self.save(operator, request.as_ref(), row, vec!["state".to_owned()], render).await
    }

    async fn save(
        &self,
        operator: &Operator,
        request: Option<&OperatorRequest>,
        mut row: TenantRow,
        fields: Vec<String>,
        render: &RenderView<TenantView>,
    ) -> Result<Done, AppError> {
        row.version += 1;
        let steps = vec![self.store.save_tenant(Self::operate_permit(), &row)];
        let answer = render(&TenantView::from(&row));
        let operation = Operation { tenant: row.id, answer, steps, sealed_with: None, fields };
        self.operate(operator, request, operation).await
    }
}

/// Reads a term; what is wrong with it is added to the faults.
fn read_term(term: &Term, faults: &mut Vec<FieldError>) -> (Option<Timestamp>, Option<Timestamp>) {
    let mut time = |name: &str, text: &Option<String>| {
        let read = text.as_deref().map(Timestamp::parse);
        if read == Some(None) {
            faults.push(FieldError::new(format!("term.{name}"), "wrong_type", "is a time in RFC 3339"));
        }
        read.flatten()
    };
    (time("from", &term.from), time("until", &term.until))
}

/// What is wrong with what the operator says of a tenant.
fn faults_of(tenancy: &Tenancy) -> Vec<FieldError> {
    let mut faults: Vec<FieldError> = named(&tenancy.name).into_iter().collect();
    if tenancy.plan.as_ref().is_some_and(|plan| !(1..=MAX_PLAN).contains(&plan.chars().count())) {
        faults.push(FieldError::new("plan", "out_of_range", format!("has 1 to {MAX_PLAN} characters")));
    }
    if tenancy.starts_at.zip(tenancy.ends_at).is_some_and(|(from, until)| until <= from) {
        faults.push(FieldError::new("term.until", "out_of_range", "is later than `term.from`"));
    }
    faults
}
