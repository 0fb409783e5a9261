//! Members, teams and roles: what decides who may do what.

use std::fmt::Write as _;

use sea_query::Value as Bound;
use serde_json::Value as Json;
use uuid::Uuid;

use super::db::{Expect, Reach, Row, Step, Stmt};
use super::{Further, Store, StoreError};
use crate::access::{AreaPermit, Configure, HostPermit, Read};
use crate::domain::clock::Timestamp;
use crate::domain::id::TenantId;
use crate::domain::org::Org;

/// Somebody who works for a tenant.
#[derive(Clone, Debug)]
pub struct MemberRow {
    /// The id.
    pub id: Uuid,
    /// Where mail reaches them; unique in the tenant.
    pub email: String,
    /// What people read.
    pub name: String,
    /// Names of roles.
    pub roles: Vec<String>,
    /// To whom they report.
    pub manager: Option<Uuid>,
    /// The company that a partner belongs to.
    pub company: Option<Uuid>,
    /// Whether they may do anything.
    pub is_active: bool,
    /// Counts up with every change.
    pub version: i64,
    /// When they came.
    pub created_at: Timestamp,
}

/// A team.
#[derive(Clone, Debug)]
pub struct TeamRow {
    /// The id.
    pub id: Uuid,
    /// Its name; unique in the tenant.
    pub name: String,
    /// The team above it.
    pub parent: Option<Uuid>,
    /// Who is in it.
    pub members: Vec<Uuid>,
    /// Counts up with every change.
    pub version: i64,
    /// When it was made.
    pub created_at: Timestamp,
}

const MEMBER: &str = "id, email, name, roles, manager_id, company_id, is_active, version, created_at";

impl Store {
    /// Which version of its policy a tenant has.
    pub async fn policy_version(&self, _: HostPermit, tenant: TenantId) -> Result<i64, StoreError> {
        let stmt = Stmt::new("select version from tenant_policy where tenant_id = $1", [tenant.0.into()]);
        Ok(self.db.of(tenant).maybe(stmt, |row| row.integer(0)).await?.unwrap_or_default())
    }

    /// The step that counts the version of a tenant's policy up, from this one.
    pub fn count_policy(&self, _: HostPermit, tenant: TenantId, from: i64) -> Further {
        let sql = if from == 0 {
            "insert into tenant_policy (tenant_id, version) values ($1, $2 + 1) on conflict (tenant_id) do nothing"
        } else {
            "update tenant_policy set version = version + 1 where tenant_id = $1 and version = $2"
        };
        let stmt = Stmt::new(sql, [tenant.0.into(), from.into()]);
        Further(Step { stmt, expect: Expect::OneChange })
    }

    /// The tenant's own roles as they were written.
    pub async fn roles(&self, _: HostPermit, tenant: TenantId) -> Result<Vec<Json>, StoreError> {
        let stmt = Stmt::new("select definition from role where tenant_id = $1 order by name", [tenant.0.into()]);
        self.db.of(tenant).all(Reach::List, stmt, |row| row.json(0)).await
    }

    /// Who works with whom.
    pub async fn org(&self, _: HostPermit, tenant: TenantId) -> Result<Org, StoreError> {
        let of = |sql: &str| Stmt::new(sql, [tenant.0.into()]);
        let teams = of("select id, parent_id from team where tenant_id = $1");
        let teams = self.db.of(tenant).all(Reach::List, teams, |row| Ok((row.id(0)?, row.maybe_id(1)?))).await?;
        let members = of("select team_id, member_id from team_member where tenant_id = $1");
        let members = self.db.of(tenant).all(Reach::List, members, |row| Ok((row.id(0)?, row.id(1)?))).await?;
        let managers = of("select id, manager_id from member where tenant_id = $1 and manager_id is not null");
        let managers = self.db.of(tenant).all(Reach::List, managers, |row| Ok((row.id(0)?, row.id(1)?))).await?;
        Ok(Org::new(teams, members, managers))
    }

    /// Everybody of a tenant, by name.
    pub async fn members(&self, permit: AreaPermit<Read>) -> Result<Vec<MemberRow>, StoreError> {
        let sql = format!("select {MEMBER} from member where tenant_id = $1 order by name, id");
        self.db.of(permit.tenant()).all(Reach::List, Stmt::new(sql, [permit.tenant().0.into()]), member).await
    }

    /// One of them, for the host itself.
    pub async fn member(&self, _: HostPermit, tenant: TenantId, id: Uuid) -> Result<Option<MemberRow>, StoreError> {
        let sql = format!("select {MEMBER} from member where tenant_id = $1 and id = $2");
        self.db.of(tenant).maybe(Stmt::new(sql, [tenant.0.into(), id.into()]), member).await
    }

    /// The teams that a member is in.
    pub async fn teams_of(&self, _: HostPermit, tenant: TenantId, member: Uuid) -> Result<Vec<Uuid>, StoreError> {
        let sql = "select team_id from team_member where tenant_id = $1 and member_id = $2 order by team_id";
        self.db.of(tenant).all(Reach::List, Stmt::new(sql, [tenant.0.into(), member.into()]), |row| row.id(0)).await
    }

    /// Adds a member, or changes the one that had the version before.
    pub fn put_member(&self, permit: AreaPermit<Configure>, row: &MemberRow) -> Vec<Further> {
        self.member_step(permit.tenant(), row)
    }

    /// Adds a member whom a provider vouches for.
    pub fn add_member(&self, _: HostPermit, tenant: TenantId, row: &MemberRow) -> Vec<Further> {
        self.member_step(tenant, row)
    }

    /// How many members a tenant has.
    pub async fn count_members(&self, _: HostPermit, tenant: TenantId) -> Result<i64, StoreError> {
        let stmt = Stmt::new("select count(*) from member where tenant_id = $1", [tenant.0.into()]);
        Ok(self.db.of(tenant).maybe(stmt, |row| row.integer(0)).await?.unwrap_or_default())
    }

    fn member_step(&self, tenant: TenantId, row: &MemberRow) -> Vec<Further> {
        let roles = Json::from(row.roles.clone());
        let stmt = if row.version == 1 {
            Stmt::new(
                "insert into member (tenant_id, id, email, name, roles, manager_id, company_id, is_active, version, \
                 created_at) values ($1, $2, $3, $4, $5, $6, $7, $8, 1, $9)",
                [
                    tenant.0.into(),
                    row.id.into(),
                    row.email.as_str().into(),
                    row.name.as_str().into(),
                    roles.into(),
                    row.manager.into(),
                    row.company.into(),
                    row.is_active.into(),
                    self.db.engine().time(row.created_at),
                ],
            )
        } else {
            Stmt::new(
                "update member set email = $1, name = $2, roles = $3, manager_id = $4, company_id = $5, \
                 is_active = $6, version = $7 where tenant_id = $8 and id = $9 and version = $7 - 1",
                [
                    row.email.as_str().into(),
                    row.name.as_str().into(),
                    roles.into(),
                    row.manager.into(),
                    row.company.into(),
                    row.is_active.into(),
                    row.version.into(),
                    tenant.0.into(),
                    row.id.into(),
                ],
            )
        };
        all(vec![Step { stmt, expect: Expect::OneChange }])
    }

    /// The teams of a tenant, by name.
    pub async fn teams(&self, permit: AreaPermit<Read>) -> Result<Vec<TeamRow>, StoreError> {
        let tenant = permit.tenant().0;
        let sql = "select id, name, parent_id, version, created_at from team where tenant_id = $1 order by name";
        let mut teams = self.db.of(permit.tenant()).all(Reach::List, Stmt::new(sql, [tenant.into()]), team).await?;
        let sql = "select team_id, member_id from team_member where tenant_id = $1 order by member_id";
        let stmt = Stmt::new(sql, [tenant.into()]);
        for (team, member) in
            self.db.of(permit.tenant()).all(Reach::List, stmt, |row| Ok((row.id(0)?, row.id(1)?))).await?
        {
            if let Some(team) = teams.iter_mut().find(|one| one.id == team) {
                team.members.push(member);
            }
        }
        Ok(teams)
    }

    /// Whether there is a team of that id.
    pub async fn has_team(&self, _: HostPermit, tenant: TenantId, id: Uuid) -> Result<bool, StoreError> {
        let stmt = Stmt::new("select 1 from team where tenant_id = $1 and id = $2", [tenant.0.into(), id.into()]);
        Ok(self.db.of(tenant).maybe(stmt, |_| Ok(())).await?.is_some())
    }

    /// Adds a team, or changes the one that had the version before.
    pub fn put_team(&self, permit: AreaPermit<Configure>, row: &TeamRow) -> Vec<Further> {
        let tenant = permit.tenant();
        let stmt = if row.version == 1 {
            Stmt::new(
                "insert into team (tenant_id, id, name, parent_id, version, created_at) \
                 values ($1, $2, $3, $4, 1, $5)",
                [
                    tenant.0.into(),
                    row.id.into(),
                    row.name.as_str().into(),
                    row.parent.into(),
                    self.db.engine().time(row.created_at),
                ],
            )
        } else {
            Stmt::new(
                "update team set name = $1, parent_id = $2, version = $3 \
                 where tenant_id = $4 and id = $5 and version = $3 - 1",
                [row.name.as_str().into(), row.parent.into(), row.version.into(), tenant.0.into(), row.id.into()],
            )
        };
        let mut steps = vec![Step { stmt, expect: Expect::OneChange }];
        steps.extend(set_members(tenant, row.id, &row.members));
        all(steps)
    }

    /// Removes a team, and what was shared with it.
    pub fn remove_team(&self, permit: AreaPermit<Configure>, id: Uuid) -> Vec<Further> {
        let tenant = permit.tenant();
        let of = |sql: &str| Stmt::new(sql, [tenant.0.into(), id.into()]);
        let mut steps = set_members(tenant, id, &[]);
        steps.extend([
            Step { stmt: of("delete from team where tenant_id = $1 and id = $2"), expect: Expect::OneChange },
            Step { stmt: of("delete from share where tenant_id = $1 and subject_id = $2"), expect: Expect::Nothing },
        ]);
        all(steps)
    }

    /// Adds a role of the tenant's own, or replaces it.
    pub fn put_role(&self, permit: AreaPermit<Configure>, name: &str, definition: Json, is_new: bool) -> Vec<Further> {
        let tenant = permit.tenant();
        let sql = if is_new {
            "insert into role (definition, tenant_id, name, version) values ($1, $2, $3, 1)"
        } else {
            "update role set definition = $1, version = version + 1 where tenant_id = $2 and name = $3"
        };
        let stmt = Stmt::new(sql, [definition.into(), tenant.0.into(), name.into()]);
        all(vec![Step { stmt, expect: Expect::OneChange }])
    }

    /// Removes a role of the tenant's own.
    pub fn remove_role(&self, permit: AreaPermit<Configure>, name: &str) -> Vec<Further> {
        let tenant = permit.tenant();
        let stmt = Stmt::new("delete from role where tenant_id = $1 and name = $2", [tenant.0.into(), name.into()]);
        all(vec![Step { stmt, expect: Expect::OneChange }])
    }

    /// Names of the roles that members and keys of a tenant carry.
    pub async fn carried_roles(&self, permit: AreaPermit<Configure>) -> Result<Vec<String>, StoreError> {
        let tenant = permit.tenant().0;
        let stmt = Stmt::new("select roles from member where tenant_id = $1", [tenant.into()]);
        let lists = self.db.of(permit.tenant()).all(Reach::List, stmt, |row| row.json(0)).await?;
        let mut roles: Vec<String> = lists.iter().flat_map(names).collect();
        let sql = "select distinct role from api_key where tenant_id = $1 and revoked_at is null";
        roles.extend(
            self.db.of(permit.tenant()).all(Reach::List, Stmt::new(sql, [tenant.into()]), |row| row.text(0)).await?,
        );
        Ok(roles)
    }
}

/// Has nobody in a team but these. Who is in it stays: on `PostgreSQL` a commit is
/// one statement, in which what goes and what comes do not see each other.
fn set_members(tenant: TenantId, team: Uuid, members: &[Uuid]) -> Vec<Step> {
    let mut sql = "delete from team_member where tenant_id = $1 and team_id = $2".to_owned();
    let mut values: Vec<Bound> = vec![tenant.0.into(), team.into()];
    if !members.is_empty() {
        let names: Vec<String> = (3..3 + members.len()).map(|at| format!("${at}")).collect();
        let _ = write!(sql, " and member_id not in ({})", names.join(", "));
        values.extend(members.iter().map(|member| Bound::from(*member)));
    }
    let mut steps = vec![Step { stmt: Stmt::new(sql, values), expect: Expect::Nothing }];
    steps.extend(members.iter().map(|member| {
        let sql = "insert into team_member (tenant_id, team_id, member_id) values ($1, $2, $3) on conflict do nothing";
        let stmt = Stmt::new(sql, [tenant.0.into(), team.into(), (*member).into()]);
        Step { stmt, expect: Expect::Nothing }
    }));
    steps
}

pub(super) fn all(steps: Vec<Step>) -> Vec<Further> {
    steps.into_iter().map(Further).collect()
}

fn names(json: &Json) -> Vec<String> {
    let items = json.as_array().map_or(&[][..], Vec::as_slice);
    items.iter().filter_map(|name| name.as_str().map(str::to_owned)).collect()
}

fn member(row: &Row<'_>) -> Result<MemberRow, StoreError> {
    Ok(MemberRow {
        id: row.id(0)?,
        email: row.text(1)?,
        name: row.text(2)?,
        roles: names(&row.json(3)?),
        manager: row.maybe_id(4)?,
        company: row.maybe_id(5)?,
        is_active: row.boolean(6)?,
        version: row.integer(7)?,
        created_at: row.time(8)?,
    })
}

fn team(row: &Row<'_>) -> Result<TeamRow, StoreError> {
    Ok(TeamRow {
        id: row.id(0)?,
        name: row.text(1)?,
        parent: row.maybe_id(2)?,
        members: Vec::new(),
        version: row.integer(3)?,
        created_at: row.time(4)?,
    })
}
