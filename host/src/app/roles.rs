//! The roles of a tenant: those that every one has, and its own.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::{Map, Value as Json};
use utoipa::ToSchema;

use super::people::{PolicyChange, RenderView, read};
use super::{Answer, App, AppError, Done, IdempotencyKey};
use crate::access::{Configure, Read, built_in_roles};
use crate::domain::caller::Caller;
use crate::domain::filter::{Filter, Scope};
use crate::domain::invalid::FieldError;
use crate::domain::moment::Moment;
use crate::domain::permission::Area;
use crate::domain::role::{EVERY, MAX_ROLES, RoleDef, Rule, check_extends};
use crate::domain::schema::Schema;

/// A role, as the API shows one.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct RoleView {
    /// Its name in the API.
    pub name: String,
    /// What people read.
    pub label: String,
    /// What it is for.
    pub description: String,
    /// Roles whose rules it has too.
    pub extends: Vec<String>,
    /// What it gives.
    pub rules: Vec<Rule>,
    /// Whether every tenant has it; it stays as it is then.
    pub built_in: bool,
}

impl RoleView {
    fn of(role: RoleDef, built_in: bool) -> Self {
        let RoleDef { name, label, description, extends, rules } = role;
        Self { name, label, description, extends, rules, built_in }
    }
}

impl App {
    /// All roles: the built-in ones first.
    pub async fn roles(&self, caller: &Caller) -> Result<Vec<RoleView>, AppError> {
        self.access.check_area::<Read>(caller, Area::Roles)?;
        let built_in = built_in_roles().into_iter().map(|role| RoleView::of(role, true));
        let own = self.own_roles(caller.tenant).await?.into_iter().map(|role| RoleView::of(role, false));
        Ok(built_in.chain(own).collect())
    }

    /// One of them.
    pub async fn role(&self, caller: &Caller, name: &str) -> Result<RoleView, AppError> {
        let role = self.roles(caller).await?.into_iter().find(|view| view.name == name);
        role.ok_or_else(|| AppError::no_record("role", &name))
    }

    /// Makes a role of the tenant's own, or replaces the one of that name.
    pub async fn put_role(
        &self,
        caller: &Caller,
        name: Option<&str>,
        fields: &Map<String, Json>,
        key: Option<IdempotencyKey>,
        render: &RenderView<RoleView>,
    ) -> Result<Done, AppError> {
        let permit = self.access.check_area::<Configure>(caller, Area::Roles)?;
        if let Some(answer) = self.given_answer(key.as_ref()).await? {
            return Ok(Done::Before(answer));
        }
        let role: RoleDef = read(fields)?;
        let version = self.policy_version(caller).await?;
        let mut all: BTreeMap<String, RoleDef> =
            self.own_roles(caller.tenant).await?.into_iter().map(|role| (role.name.clone(), role)).collect();
        let mut faults = role.faults();
        match name {
            Some(name) if !all.contains_key(name) => return Err(AppError::no_record("role", &name)),
            Some(name) if role.name != name => {
                faults.push(FieldError::new("name", "read_only", "stays as it is: those who have the role name it"));
            }
            None if all.contains_key(&role.name) => {
                faults.push(FieldError::new("name", "taken", "belongs to another role"));
            }
            None if all.len() >= MAX_ROLES => {
                return Err(AppError::Refused(format!("a tenant has at most {MAX_ROLES} roles of its own")));
            }
            _ => {}
        }
        let catalog = self.catalog(caller.tenant).await?;
        let moment = Moment { at: self.clock.now(), timezone: catalog.timezone };
        for (at, rule) in role.rules.iter().enumerate() {
            faults.extend(
                misfits(&catalog.schema, moment, rule)
                    .into_iter()
                    .map(|fault| FieldError { field: format!("rules.{at}.{}", fault.field), ..fault }),
            );
        }
        all.insert(role.name.clone(), role.clone());
        faults.extend(check_extends(&all).err());
        if !faults.is_empty() {
            return Err(AppError::Invalid(faults));
        }
        let definition = serde_json::to_value(&role).unwrap_or_default();
        let steps = self.store.put_role(permit, &role.name, definition, name.is_none());
        let fields = vec![role.name.clone()];
        let change = PolicyChange { caller, key, version, area: Area::Roles, id: None, fields };
        self.change_policy(change, render(&RoleView::of(role, false)), steps, "name").await
    }

    /// Removes a role of the tenant's own that nobody has, and no other role is built on.
    pub async fn remove_role(
        &self,
        caller: &Caller,
        name: &str,
        key: Option<IdempotencyKey>,
        answer: Answer,
    ) -> Result<Done, AppError> {
        let permit = self.access.check_area::<Configure>(caller, Area::Roles)?;
        if let Some(answer) = self.given_answer(key.as_ref()).await? {
            return Ok(Done::Before(answer));
        }
        let version = self.policy_version(caller).await?;
        let own = self.own_roles(caller.tenant).await?;
        if !own.iter().any(|role| role.name == name) {
            return Err(AppError::no_record("role", &name));
        }
        if let Some(above) = own.iter().find(|role| role.extends.iter().any(|below| below == name)) {
            return Err(AppError::Refused(format!("the role `{}` is built on it", above.name)));
        }
        if self.store.carried_roles(permit).await?.iter().any(|carried| carried == name) {
            return Err(AppError::Refused("users or keys have this role: take it from them first".to_owned()));
        }
        let steps = self.store.remove_role(permit, name);
        let change = PolicyChange { caller, key, version, area: Area::Roles, id: None, fields: vec![name.to_owned()] };
        self.change_policy(change, answer, steps, "name").await
    }
}

/// What of a rule does not fit the schema.
fn misfits(schema: &Schema, moment: Moment, rule: &Rule) -> Vec<FieldError> {
    let mut faults = Vec::new();
    for name in rule.objects.iter().filter(|name| *name != EVERY && !name.starts_with('#')) {
        let Some(object) = schema.object(name) else {
            faults.push(FieldError::new("objects", "unknown_option", format!("there is no object `{name}`")));
            continue;
        };
        for field in rule.except.iter().filter(|field| object.position(field).is_none()) {
            let message = format!("`{name}` has no field `{field}`");
            faults.push(FieldError::new("except", "unknown_field", message));
        }
        if let Some(filter) = &rule.filter {
            let (me, teams) = (uuid::Uuid::nil(), &[]);
            let scope = Scope { schema, object, moment, me, teams, sees: &|_, _| true };
            let wrong = Filter::parse(&scope, filter).err().unwrap_or_default();
            faults.extend(
                wrong.into_iter().map(|fault| FieldError { field: format!("filter.{}", fault.field), ..fault }),
            );
        }
    }
    faults
}
