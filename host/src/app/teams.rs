//! Teams: who works with whom.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as Json};
use utoipa::ToSchema;
use uuid::Uuid;

use super::people::{Given, PolicyChange, RenderView, named, read};
use super::{Answer, App, AppError, Done, IdempotencyKey};
use crate::access::{Configure, Read};
use crate::domain::caller::Caller;
use crate::domain::invalid::FieldError;
use crate::domain::permission::Area;
use crate::store::TeamRow;

/// Most teams of a tenant.
const MAX_TEAMS: usize = 1_000;

/// A team, as the API shows one.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct TeamView {
    /// Its id.
    pub id: Uuid,
    /// Unique in the tenant.
    pub name: String,
    /// The team above it.
    pub parent: Option<Uuid>,
    /// Ids of the users in it.
    pub members: Vec<Uuid>,
    /// Counts changes.
    pub version: i64,
    /// When it was made.
    pub created_at: String,
}

/// What is said of a team. What is not named stays as it is.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TeamInput {
    /// Unique in the tenant, 1 to 200 characters; needed for a new team.
    name: Option<String>,
    /// The team above it; null for none.
    #[serde(default)]
    #[schema(value_type = Option<Uuid>)]
    parent: Given<Uuid>,
    /// Ids of the users in it; all of them.
    members: Option<Vec<Uuid>>,
}

impl From<&TeamRow> for TeamView {
    fn from(row: &TeamRow) -> Self {
        Self {
            id: row.id,
            name: row.name.clone(),
            parent: row.parent,
            members: row.members.clone(),
            version: row.version,
            created_at: row.created_at.to_string(),
        }
    }
}

impl App {
    /// The teams of the caller's tenant, by name.
    pub async fn teams(&self, caller: &Caller) -> Result<Vec<TeamView>, AppError> {
        let permit = self.access.check_area::<Read>(caller, Area::People)?;
        Ok(self.store.teams(permit).await?.iter().map(TeamView::from).collect())
    }

    /// Makes a team, or changes one.
    pub async fn put_team(
        &self,
        caller: &Caller,
        id: Option<Uuid>,
        fields: &Map<String, Json>,
        key: Option<IdempotencyKey>,
        render: &RenderView<TeamView>,
    ) -> Result<Done, AppError> {
        let permit = self.access.check_area::<Configure>(caller, Area::People)?;
        if let Some(answer) = self.given_answer(key.as_ref()).await? {
            return Ok(Done::Before(answer));
        }
        let input: TeamInput = read(fields)?;
        let version = self.policy_version(caller).await?;
        let readable = self.access.check_area::<Read>(caller, Area::People)?;
        let all = self.store.teams(readable).await?;
        let row = match id {
            Some(id) => {
                let before = all.iter().find(|team| team.id == id).ok_or_else(|| AppError::no_record("team", &id))?;
                TeamRow { version: before.version + 1, ..before.clone() }
            }
            None if all.len() >= MAX_TEAMS => {
                return Err(AppError::Refused(format!("a tenant has at most {MAX_TEAMS} teams")));
            }
            None => TeamRow {
                id: self.ids.make(),
                name: String::new(),
                parent: None,
                members: Vec::new(),
                version: 1,
                created_at: self.clock.now(),
            },
        };
        let row = self.team_of(caller, row, input, &all).await?;
        let view = TeamView::from(&row);
        let steps = self.store.put_team(permit, &row);
        let fields = fields.keys().cloned().collect();
        let change = PolicyChange { caller, key, version, area: Area::People, id: Some(row.id), fields };
        self.change_policy(change, render(&view), steps, "name").await
    }

    /// Removes a team; those below it come below the one above it.
    pub async fn remove_team(
        &self,
        caller: &Caller,
        id: Uuid,
        key: Option<IdempotencyKey>,
        answer: Answer,
    ) -> Result<Done, AppError> {
        let permit = self.access.check_area::<Configure>(caller, Area::People)?;
        if let Some(answer) = self.given_answer(key.as_ref()).await? {
            return Ok(Done::Before(answer));
        }
        let version = self.policy_version(caller).await?;
        let readable = self.access.check_area::<Read>(caller, Area::People)?;
        let all = self.store.teams(readable).await?;
        let team = all.iter().find(|team| team.id == id).ok_or_else(|| AppError::no_record("team", &id))?;
        let mut steps = Vec::new();
        for below in all.iter().filter(|below| below.parent == Some(id)) {
            let row = TeamRow { parent: team.parent, version: below.version + 1, ..below.clone() };
            steps.extend(self.store.put_team(permit, &row));
        }
        steps.extend(self.store.remove_team(permit, id));
        let change =
            PolicyChange { caller, key, version, area: Area::People, id: Some(id), fields: vec!["team".to_owned()] };
        self.change_policy(change, answer, steps, "name").await
    }

    async fn team_of(
        &self,
        caller: &Caller,
        mut row: TeamRow,
        input: TeamInput,
        all: &[TeamRow],
    ) -> Result<TeamRow, AppError> {
        if let Some(name) = input.name {
            name.trim().clone_into(&mut row.name);
        }
        let mut faults: Vec<FieldError> = named(&row.name).into_iter().collect();
        row.parent = input.parent.or(row.parent);
        if let Some(parent) = row.parent {
            let policy = self.access.policy(caller.tenant);
            if !all.iter().any(|team| team.id == parent) {
                faults.push(FieldError::new("parent", "unknown_record", format!("there is no team {parent}")));
            } else if policy.is_some_and(|policy| policy.org.would_ring(row.id, parent)) {
                faults.push(FieldError::new("parent", "cycle", "would be below itself"));
            }
        }
        if let Some(mut members) = input.members {
            members.sort_unstable();
            members.dedup();
            for member in &members {
                if self.store.member(Self::work_permit(), caller.tenant, *member).await?.is_none() {
                    faults.push(FieldError::new("members", "unknown_record", format!("there is no user {member}")));
                }
            }
            row.members = members;
        }
        if faults.is_empty() { Ok(row) } else { Err(AppError::Invalid(faults)) }
    }
}
