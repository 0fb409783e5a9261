//! Signing in with a provider (`OpenID` Connect). This file is what admins see of providers; [`flow`] sends browsers
//! to one and takes them back, [`provider`] asks it, [`token`] looks at what it says.

mod flow;
mod provider;
mod token;

use std::sync::Arc;
use std::time::Duration;

use moka::future::Cache;
use openidconnect::core::CoreProviderMetadata;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as Json};
use utoipa::ToSchema;

pub use flow::{Returned, Started};

use super::people::{OWNER, RenderView, named, read};
use super::{Answer, App, AppError, Done, IdempotencyKey};
use crate::access::Configure;
use crate::domain::audit::Note;
use crate::domain::caller::Caller;
use crate::domain::id::TenantId;
use crate::domain::invalid::FieldError;
use crate::domain::permission::Area;
use crate::domain::role::BUILT_IN;
use crate::domain::seal::Spot;
use crate::store::ProviderRow;

/// Most providers of a tenant.
const MAX_PROVIDERS: usize = 20;
/// How long what a provider says of itself is believed.
const BELIEVED: Duration = Duration::from_mins(5);

/// What providers say of themselves, by issuer.
pub(super) type Discovered = Cache<String, Arc<CoreProviderMetadata>>;

pub(super) fn discovered() -> Discovered {
    Cache::builder().max_capacity(1_000).time_to_live(BELIEVED).build()
}

/// A provider, as admins see it: never its secret.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct ProviderView {
    /// Its name in paths.
    pub name: String,
    /// What people read.
    pub label: String,
    /// Who it says that it is.
    pub issuer: String,
    /// What it calls this host.
    pub client_id: String,
    /// The role of users who come into being by signing in; none does when it is null.
    pub default_role: Option<String>,
    /// The only domain whose addresses it may vouch for; any, when it is null.
    pub domain: Option<String>,
    /// Whether it is in use.
    pub enabled: bool,
    /// Whether owners can sign in with it: when an owner set it up.
    pub reaches_owners: bool,
    /// Counts changes.
    pub version: i64,
}

/// A provider to be set up.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ProviderInput {
    /// What people read, 1 to 200 characters.
    label: String,
    /// Who it says that it is: https, as in its discovery document.
    issuer: String,
    /// What it calls this host, 1 to 200 characters.
    client_id: String,
    /// What this host shows it. Needed for a new provider, and with another issuer; the old one stays otherwise.
    client_secret: Option<String>,
    /// The role of users who come into being by signing in; none does when not given. Not `owner` or `admin`.
    default_role: Option<String>,
    /// The only domain whose addresses it may vouch for, `example.com`.
    domain: Option<String>,
    /// Whether it is in use; true when not given.
    enabled: Option<bool>,
}

impl From<&ProviderRow> for ProviderView {
    fn from(row: &ProviderRow) -> Self {
        Self {
            name: row.name.clone(),
            label: row.label.clone(),
            issuer: row.issuer.clone(),
            client_id: row.client_id.clone(),
            default_role: row.default_role.clone(),
            domain: row.domain.clone(),
            enabled: row.is_enabled,
            reaches_owners: row.reaches_owners,
            version: row.version,
        }
    }
}

fn spot(tenant: TenantId, name: &str) -> Spot {
    Spot::kept(tenant, "identity provider", &[name.as_bytes()])
}

impl App {
    /// The providers of the caller's tenant.
    pub async fn providers(&self, caller: &Caller) -> Result<Vec<ProviderView>, AppError> {
        let permit = self.access.check_area::<Configure>(caller, Area::People)?;
        Ok(self.store.providers(permit).await?.iter().map(ProviderView::from).collect())
    }

    /// Sets a provider up, or changes it.
    pub async fn put_provider(
        &self,
        caller: &Caller,
        name: &str,
        fields: &Map<String, Json>,
        key: Option<IdempotencyKey>,
        render: &RenderView<ProviderView>,
    ) -> Result<Done, AppError> {
        let permit = self.access.check_area::<Configure>(caller, Area::People)?;
        if let Some(answer) = self.given_answer(key.as_ref()).await? {
            return Ok(Done::Before(answer));
        }
        let input: ProviderInput = read(fields)?;
        let all = self.store.providers(permit).await?;
        let before = all.iter().find(|row| row.name == name);
        if before.is_none() && all.len() >= MAX_PROVIDERS {
            return Err(AppError::Refused(format!("a tenant has at most {MAX_PROVIDERS} providers")));
        }
        // Who sets up a provider decides whom it vouches for.
        let reaches_owners = Self::may_grant(caller, OWNER).is_ok();
        if before.is_some_and(|before| before.reaches_owners) {
            Self::may_grant(caller, OWNER)?;
        }
        self.check_provider(caller, name, &input, before)?;
        if !self.can_seal() {
            return Err(AppError::Refused("a provider needs the operator's file of keys".to_owned()));
        }
        let client_secret = match (input.client_secret, before) {
            (Some(secret), _) => self.seal_text(caller.tenant, &spot(caller.tenant, name), secret).await?,
            (None, Some(before)) => before.client_secret.clone(),
            (None, None) => String::new(),
        };
        let row = ProviderRow {
            name: name.to_owned(),
            label: input.label,
            issuer: input.issuer,
            client_id: input.client_id,
            client_secret,
            default_role: input.default_role,
            domain: input.domain.map(|domain| domain.to_lowercase()),
            is_enabled: input.enabled.unwrap_or(true),
            reaches_owners,
            version: before.map_or(1, |before| before.version + 1),
            created_at: before.map_or_else(|| self.clock.now(), |before| before.created_at),
        };
        let step = self.store.put_provider(permit, &row);
        let note = Note::of_area(Area::People, None, vec!["identity_provider".to_owned(), name.to_owned()]);
        self.commit_once(caller, key, render(&ProviderView::from(&row)), vec![step], vec![note], false).await
    }

    /// Removes a provider. Who signed in with it stays signed in.
    pub async fn remove_provider(
        &self,
        caller: &Caller,
        name: &str,
        key: Option<IdempotencyKey>,
        answer: Answer,
    ) -> Result<Done, AppError> {
        let permit = self.access.check_area::<Configure>(caller, Area::People)?;
        if let Some(answer) = self.given_answer(key.as_ref()).await? {
            return Ok(Done::Before(answer));
        }
        let row = self.store.provider(Self::work_permit(), caller.tenant, name).await?;
        let row = row.ok_or_else(|| AppError::no_record("provider", &name))?;
        if row.reaches_owners {
            Self::may_grant(caller, OWNER)?;
        }
        let step = self.store.remove_provider(permit, name);
        let note = Note::of_area(Area::People, None, vec!["identity_provider".to_owned(), name.to_owned()]);
        self.commit_once(caller, key, answer, vec![step], vec![note], false).await
    }

    fn check_provider(
        &self,
        caller: &Caller,
        name: &str,
        input: &ProviderInput,
        before: Option<&ProviderRow>,
    ) -> Result<(), AppError> {
        let label = named(&input.label).map(|fault| FieldError { field: "label".to_owned(), ..fault });
        let mut faults: Vec<FieldError> = label.into_iter().collect();
        let mut wrong = |field: &str, code, message: &str| faults.push(FieldError::new(field, code, message));
        let is_name = (1..=40).contains(&name.len())
            && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-');
        if !is_name {
            wrong("name", "wrong_type", "is lower case letters, digits and `-`, at most 40");
        }
        if let Err(bad) = self.outbound.check(&input.issuer) {
            wrong("issuer", "wrong_type", &bad.to_string());
        }
        if !(1..=200).contains(&input.client_id.chars().count()) {
            wrong("client_id", "out_of_range", "has 1 to 200 characters");
        }
        let secret = input.client_secret.as_deref();
        if secret.is_some_and(|secret| !(1..=500).contains(&secret.chars().count())) {
            wrong("client_secret", "out_of_range", "has 1 to 500 characters");
        }
        // A secret is shown to no other issuer than it was given for.
        if secret.is_none() && before.is_none_or(|before| before.issuer != input.issuer) {
            wrong("client_secret", "required", "is needed for a new provider, and with another issuer");
        }
        if input.domain.as_deref().is_some_and(|domain| domain.is_empty() || domain.contains('@')) {
            wrong("domain", "wrong_type", "is what stands behind the @ of an address");
        }
        if let Some(role) = input.default_role.as_deref() {
            let own = self.access.policy(caller.tenant);
            let is_role = BUILT_IN.contains(&role) || own.as_ref().is_some_and(|policy| policy.has_own(role));
            if !is_role || [OWNER, "admin"].contains(&role) {
                wrong("default_role", "unknown_option", "is a role of the tenant, and not `owner` or `admin`");
            }
        }
        if !faults.is_empty() {
            return Err(AppError::Invalid(faults));
        }
        input.default_role.as_deref().map_or(Ok(()), |role| Self::may_grant(caller, role))
    }
}
