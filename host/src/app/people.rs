//! Who works for a tenant, and who gives whom which role.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as Json};
use utoipa::ToSchema;
use uuid::Uuid;

pub(super) use super::reading::read;
use super::{Answer, App, AppError, Done, IdempotencyKey};
use crate::access::{Configure, Denied, Read};
use crate::domain::audit::Note;
use crate::domain::caller::Caller;
use crate::domain::field::FieldType;
use crate::domain::id::TenantId;
use crate::domain::invalid::FieldError;
use crate::domain::permission::Area;
use crate::domain::role::BUILT_IN;
use crate::domain::value::Value;
use crate::store::{Further, MemberRow, Unit};

/// The role that stands above all others.
pub(super) const OWNER: &str = "owner";
/// Most members of a tenant.
pub(super) const MAX_MEMBERS: usize = 10_000;
/// Most roles of one member.
const MAX_ROLES: usize = 10;

/// Makes the answer of a change.
pub type RenderView<V> = dyn Fn(&V) -> Answer + Send + Sync;

/// A user, as the API shows one.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct UserView {
    /// Its id; what `user` fields hold.
    pub id: Uuid,
    /// Unique in the tenant.
    pub email: String,
    /// What people read.
    pub name: String,
    /// Names of roles.
    pub roles: Vec<String>,
    /// To whom the user reports.
    pub manager: Option<Uuid>,
    /// The company that a partner belongs to.
    pub company: Option<Uuid>,
    /// Whether the user may do anything.
    pub active: bool,
    /// Counts changes.
    pub version: i64,
    /// When the user was added.
    pub created_at: String,
}

/// Who asks.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct MeView {
    /// Id of the tenant.
    pub tenant: Uuid,
    /// Id of the key, when it is one.
    pub key: Option<Uuid>,
    /// Id of the session, when it is one.
    pub session: Option<Uuid>,
    /// The user whose key or session it is; none for a key of the tenant.
    pub user: Option<UserView>,
    /// Names of the roles that the caller acts in.
    pub roles: Vec<String>,
    /// Ids of the teams that the caller is in.
    pub teams: Vec<Uuid>,
}

/// What is said of a user. What is not named stays as it is.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct UserInput {
    /// Unique in the tenant; needed for a new user.
    email: Option<String>,
    /// What people read, 1 to 200 characters; needed for a new user.
    name: Option<String>,
    /// Names of roles, at most 10.
    roles: Option<Vec<String>>,
    /// To whom the user reports; null for nobody.
    #[serde(default)]
    #[schema(value_type = Option<Uuid>)]
    manager: Given<Uuid>,
    /// The company that a partner belongs to; null for none.
    #[serde(default)]
    #[schema(value_type = Option<Uuid>)]
    company: Given<Uuid>,
    /// Whether the user may do anything; true when not given.
    active: Option<bool>,
}

/// What is given for something that can be empty: nothing, null, or a value.
#[derive(Clone, Copy, Debug, Default)]
pub(super) enum Given<T> {
    /// It stays as it is.
    #[default]
    Nothing,
    /// It is emptied.
    Null,
    /// It is set.
    Some(T),
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Given<T> {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        Ok(Option::<T>::deserialize(from)?.map_or(Self::Null, Self::Some))
    }
}

impl<T> Given<T> {
    /// What it makes of what was there.
    pub fn or(self, before: Option<T>) -> Option<T> {
        match self {
            Self::Nothing => before,
            Self::Null => None,
            Self::Some(value) => Some(value),
        }
    }
}

impl From<&MemberRow> for UserView {
    fn from(row: &MemberRow) -> Self {
        Self {
            id: row.id,
            email: row.email.clone(),
            name: row.name.clone(),
            roles: row.roles.clone(),
            manager: row.manager,
            company: row.company,
            active: row.is_active,
            version: row.version,
            created_at: row.created_at.to_string(),
        }
    }
}

/// What a change of who may do what needs beside its steps.
pub(super) struct PolicyChange<'a> {
    pub caller: &'a Caller,
    pub key: Option<IdempotencyKey>,
    /// The version of the policy that the change was checked against.
    pub version: i64,
    pub area: Area,
    pub id: Option<Uuid>,
    /// What was changed.
    pub fields: Vec<String>,
}

impl App {
    /// Who asks.
    pub async fn me(&self, caller: &Caller) -> Result<MeView, AppError> {
        let user = match caller.member {
            Some(id) => Some(UserView::from(&self.member_row(caller, id).await?)),
            None => None,
        };
        let roles = caller.roles.iter().map(ToString::to_string).collect();
        Ok(MeView {
            tenant: caller.tenant.0,
            key: caller.key(),
            session: caller.session(),
            user,
            roles,
            teams: caller.teams.to_vec(),
        })
    }

    /// Everybody who works for the caller's tenant, by name.
    pub async fn users(&self, caller: &Caller) -> Result<Vec<UserView>, AppError> {
        let permit = self.access.check_area::<Read>(caller, Area::People)?;
        Ok(self.store.members(permit).await?.iter().map(UserView::from).collect())
    }

    /// One of them.
    pub async fn user(&self, caller: &Caller, id: Uuid) -> Result<UserView, AppError> {
        self.access.check_area::<Read>(caller, Area::People)?;
        Ok(UserView::from(&self.member_row(caller, id).await?))
    }

    /// Adds a user, or changes one.
    pub async fn put_user(
        &self,
        caller: &Caller,
        id: Option<Uuid>,
        fields: &Map<String, Json>,
        key: Option<IdempotencyKey>,
        render: &RenderView<UserView>,
    ) -> Result<Done, AppError> {
        let permit = self.access.check_area::<Configure>(caller, Area::People)?;
        if let Some(answer) = self.given_answer(key.as_ref()).await? {
            return Ok(Done::Before(answer));
        }
        let input: UserInput = read(fields)?;
        let version = self.policy_version(caller).await?;
        let readable = self.access.check_area::<Read>(caller, Area::People)?;
        let all = self.store.members(readable).await?;
        let before = match id {
            Some(id) => Some(self.member_row(caller, id).await?),
            None if all.len() >= MAX_MEMBERS => {
                return Err(AppError::Refused(format!("a tenant has at most {MAX_MEMBERS} users")));
            }
            None => None,
        };
        let row = self.member_of(caller, before.as_ref(), input)?;
        self.check_member(caller, &row, before.as_ref(), &all).await?;
        if row.is_active && before.as_ref().is_none_or(|before| !before.is_active) {
            self.check_room_for_a_user(caller.tenant, all.iter().filter(|member| member.is_active).count()).await?;
        }
        let view = UserView::from(&row);
        let mut steps = self.store.put_member(permit, &row);
        if !row.is_active || before.as_ref().is_some_and(|before| before.email != row.email) {
            // Who comes back signs in anew, and a link that went to another address sets no password.
            let now = self.clock.now();
            steps.push(self.store.drop_link(Self::work_permit(), caller.tenant, row.id));
            steps.push(self.store.end_sessions_of(Self::work_permit(), caller.tenant, row.id, now));
        }
        let fields = fields.keys().cloned().collect();
        let change = PolicyChange { caller, key, version, area: Area::People, id: Some(row.id), fields };
        self.change_policy(change, render(&view), steps, "email").await
    }

    /// Whether a tenant with so many active users may have one more.
    pub(super) async fn check_room_for_a_user(&self, tenant: TenantId, active: usize) -> Result<(), AppError> {
        match self.served(tenant).await?.limits.max_users {
            Some(most) if active >= most as usize => Err(AppError::LimitReached { limit: "max_users", most }),
            _ => Ok(()),
        }
    }

    /// What the policy is now: read before anything that a change of it is checked against.
    pub(super) async fn policy_version(&self, caller: &Caller) -> Result<i64, AppError> {
        Ok(self.store.policy_version(Self::work_permit(), caller.tenant).await?)
    }

    /// Commits a change of who may do what, with its entry in the audit trail; not when the policy has changed
    /// since it was looked at, so that two changes together cannot do what neither may.
    pub(super) async fn change_policy(
        &self,
        change: PolicyChange<'_>,
        answer: Answer,
        steps: Vec<Further>,
        unique: &str,
    ) -> Result<Done, AppError> {
        let unit = Unit { further: steps, ..Unit::empty(change.caller.tenant, self.clock.now()) };
        self.change_policy_with(change, answer, unit, unique).await
    }

    /// The same, together with a unit of work.
    pub(super) async fn change_policy_with(
        &self,
        change: PolicyChange<'_>,
        answer: Answer,
        mut unit: Unit,
        unique: &str,
    ) -> Result<Done, AppError> {
        let PolicyChange { caller, key, version, area, id, fields } = change;
        let note = Note::of_area(area, id, fields);
        unit.further.push(self.store.count_policy(Self::work_permit(), caller.tenant, version));
        let done = self.commit_unit_once(caller, key, answer, unit, vec![note], false).await;
        self.policy_changed(caller.tenant).await;
        done.map_err(|error| match error {
            AppError::Duplicate { .. } => AppError::invalid(unique, "taken", "belongs to another one"),
            other => other,
        })
    }

    async fn member_row(&self, caller: &Caller, id: Uuid) -> Result<MemberRow, AppError> {
        let row = self.store.member(Self::work_permit(), caller.tenant, id).await?;
        row.ok_or_else(|| AppError::no_record("user", &id))
    }

    fn member_of(&self, caller: &Caller, before: Option<&MemberRow>, input: UserInput) -> Result<MemberRow, AppError> {
        let mut row = before.cloned().unwrap_or_else(|| MemberRow {
            id: self.ids.make(),
            email: String::new(),
            name: String::new(),
            roles: Vec::new(),
            manager: None,
            company: None,
            is_active: true,
            version: 0,
            created_at: self.clock.now(),
        });
        row.version += 1;
        let mut faults = Vec::new();
        if let Some(email) = input.email {
            match FieldType::Email.parse(&Json::from(email)) {
                Ok(Value::Text(email)) => row.email = email.to_lowercase(),
                Ok(_) => {}
                Err(unfit) => faults.push(unfit.of("email")),
            }
        }
        if let Some(name) = input.name {
            name.trim().clone_into(&mut row.name);
        }
        faults.extend(named(&row.name));
        if row.email.is_empty() && faults.iter().all(|fault| fault.field != "email") {
            faults.push(FieldError::new("email", "required", "may not be empty"));
        }
        if let Some(roles) = input.roles {
            row.roles = roles;
            row.roles.sort_unstable();
            row.roles.dedup();
        }
        if row.roles.len() > MAX_ROLES {
            faults.push(FieldError::new("roles", "out_of_range", format!("has at most {MAX_ROLES} roles")));
        }
        let policy = self.access.policy(caller.tenant);
        for role in &row.roles {
            if !BUILT_IN.contains(&role.as_str()) && !policy.as_ref().is_some_and(|policy| policy.has_own(role)) {
                faults.push(FieldError::new("roles", "unknown_option", format!("there is no role `{role}`")));
            }
        }
        row.manager = input.manager.or(row.manager);
        row.company = input.company.or(row.company);
        row.is_active = input.active.unwrap_or(row.is_active);
        if faults.is_empty() { Ok(row) } else { Err(AppError::Invalid(faults)) }
    }

    /// Whether the change may be made, and does not leave the tenant without an owner.
    async fn check_member(
        &self,
        caller: &Caller,
        row: &MemberRow,
        before: Option<&MemberRow>,
        all: &[MemberRow],
    ) -> Result<(), AppError> {
        let old = before.map(|before| before.roles.as_slice()).unwrap_or_default();
        let has_owner = |member: &MemberRow| member.roles.iter().any(|role| role == OWNER);
        let is_owner = |member: &MemberRow| member.is_active && has_owner(member);
        // The first owner is named by an admin: there is nobody above.
        let is_first =
            |role: &str| role == OWNER && !all.iter().any(is_owner) && Self::may_grant(caller, "admin").is_ok();
        let changed = row.roles.iter().filter(|role| !old.contains(role));
        for role in changed.chain(old.iter().filter(|role| !row.roles.contains(role))) {
            if !is_first(role) {
                Self::may_grant(caller, role)?;
            }
        }
        // Whoever reads an owner's mail, or brings one back, could come to be one.
        if before.is_some_and(has_owner) {
            Self::may_grant(caller, OWNER)?;
        }
        if before.is_some_and(is_owner)
            && !is_owner(row)
            && !all.iter().any(|other| other.id != row.id && is_owner(other))
        {
            return Err(AppError::Refused("the last owner stays: make somebody else an owner first".to_owned()));
        }
        if let Some(manager) = row.manager {
            if !all.iter().any(|member| member.id == manager) {
                return Err(AppError::invalid("manager", "unknown_record", format!("there is no user {manager}")));
            }
            let policy = self.access.policy(caller.tenant);
            if policy.is_some_and(|policy| policy.org.would_report_in_a_ring(row.id, manager)) {
                return Err(AppError::invalid("manager", "cycle", "would report to themselves"));
            }
        }
        if let Some(company) = row.company {
            let permit = self.reader(caller, "company").await?;
            if !self.store.is_there(&permit, company).await? {
                return Err(AppError::invalid("company", "unknown_record", format!("there is no company {company}")));
            }
        }
        Ok(())
    }

    /// Whether the caller may give somebody a role, or take it away: an owner
    /// any, an admin any but `owner`, everybody else the roles that they have.
    pub(super) fn may_grant(caller: &Caller, role: &str) -> Result<(), AppError> {
        let has = |role: &str| caller.roles.iter().any(|own| **own == *role);
        if has(OWNER) || (has("admin") && role != OWNER) || has(role) {
            return Ok(());
        }
        Err(Denied::Grant { role: role.to_owned() }.into())
    }
}

/// What is wrong with a name.
pub(super) fn named(name: &str) -> Option<FieldError> {
    let length = name.chars().count();
    (!(1..=200).contains(&length)).then(|| FieldError::new("name", "out_of_range", "has 1 to 200 characters"))
}
