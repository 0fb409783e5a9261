//! The guide: what the answers to its questions speak for, and switching on what an admin chooses of it.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as Json};
use utoipa::ToSchema;

use super::people::{RenderView, read};
use super::{App, AppError, Consent, Done, IdempotencyKey, ModuleView, Wish};
use crate::access::{Configure, Read};
use crate::domain::caller::Caller;
use crate::domain::guide::{Answers, Reason, propose};
use crate::domain::invalid::FieldError;
use crate::domain::permission::Area;
use crate::store::ModuleRow;

/// Most modules that are accepted at once.
const MAX_ACCEPTED: usize = 50;

/// What answers speak for.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct ProposalView {
    /// Modules; those with the most reasons first.
    pub modules: Vec<ProposedModule>,
}

/// A module that answers speak for.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct ProposedModule {
    /// The plugin that it is made of.
    pub plugin: String,
    /// What people read, when it is installed.
    pub name: Option<String>,
    /// Whether this host has it: only then it can be switched on.
    pub installed: bool,
    /// Whether the tenant has it switched on.
    pub enabled: bool,
    /// Why, one for each answer.
    pub reasons: Vec<Reason>,
}

/// Answers to the guide.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ProposalInput {
    /// By question; a question may be left out.
    answers: Answers,
}

/// What an admin chooses.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AcceptModulesInput {
    /// Plugins to switch on, 1 to 50: those that were proposed, or others that are installed.
    modules: Vec<String>,
    /// Whether they are granted what they ask for (`/plugins` says what); without it, only modules that ask for
    /// nothing new are switched on.
    #[serde(default)]
    consent: bool,
}

/// Modules of a tenant.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct AcceptedModules {
    /// Those that were chosen, as they are now.
    pub data: Vec<ModuleView>,
}

impl App {
    /// What these answers speak for, for the caller's tenant.
    pub async fn propose(&self, caller: &Caller, fields: &Map<String, Json>) -> Result<ProposalView, AppError> {
        let permit = self.access.check_area::<Read>(caller, Area::Modules)?;
        let input: ProposalInput = read(fields)?;
        let rows = self.store.modules(permit).await?;
        self.proposal(&input.answers, &rows).await
    }

    /// What these answers speak for, where there are these modules.
    pub(super) async fn proposal(&self, answers: &Answers, rows: &[ModuleRow]) -> Result<ProposalView, AppError> {
        let proposal = propose(answers).map_err(AppError::Invalid)?;
        let installed = self.store.plugins(Self::work_permit()).await?;
        let view = |(plugin, reasons): (String, Vec<Reason>)| {
            let newest = installed.iter().rfind(|row| row.manifest.id == plugin);
            ProposedModule {
                name: newest.map(|row| row.manifest.name.clone()),
                installed: newest.is_some(),
                enabled: rows.iter().any(|row| row.plugin == plugin && row.enabled),
                plugin,
                reasons,
            }
        };
        Ok(ProposalView { modules: proposal.into_iter().map(view).collect() })
    }

    /// Switches on what the caller chose, all of it or nothing.
    pub async fn accept_modules(
        &self,
        caller: &Caller,
        fields: &Map<String, Json>,
        key: Option<IdempotencyKey>,
        render: &RenderView<AcceptedModules>,
    ) -> Result<Done, AppError> {
        self.access.check_area::<Configure>(caller, Area::Modules)?;
        if let Some(answer) = self.given_answer(key.as_ref()).await? {
            return Ok(Done::Before(answer));
        }
        let AcceptModulesInput { mut modules, consent } = read(fields)?;
        let consent = if consent { Consent::ToAll } else { Consent::AsBefore };
        modules.sort_unstable();
        modules.dedup();
        if !(1..=MAX_ACCEPTED).contains(&modules.len()) {
            let message = format!("names 1 to {MAX_ACCEPTED} plugins");
            return Err(AppError::invalid("modules", "out_of_range", message));
        }
        let installed = self.store.plugins(Self::work_permit()).await?;
        let is_missing = |plugin: &&String| !installed.iter().any(|row| row.manifest.id == **plugin);
        let faults: Vec<FieldError> = modules
            .iter()
            .filter(is_missing)
            .map(|plugin| FieldError::new("modules", "unknown_option", format!("`{plugin}` is not installed")))
            .collect();
        if !faults.is_empty() {
            return Err(AppError::Invalid(faults));
        }
        let wishes = modules.into_iter().map(|plugin| Wish::to_enable(plugin, consent.clone())).collect();
        let (version, rows) = self.wished_modules(caller, wishes).await?;
        let data = self.module_views(caller.tenant, &rows).await?;
        let fields = rows.iter().map(|row| row.plugin.clone()).collect();
        self.commit_modules(caller, version, &rows, fields, key, render(&AcceptedModules { data })).await
    }
}
