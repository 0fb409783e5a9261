//! Making a tenant: one commit with its first user, its first key, and the modules that were proposed for it.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as Json};
use utoipa::ToSchema;
use uuid::Uuid;

use super::super::accounts::ALL_ROLES;
use super::super::guide::{ProposalView, ProposedModule};
use super::super::operators::{Operation, Operator};
use super::super::people::{RenderView, UserView, named, read};
use super::super::vault::TenantKeys;
use super::super::{Answer, App, AppError, Consent, Done, Wish};
use super::{Tenancy, TenantView, Term, faults_of, read_term};
use crate::access::Configure;
use crate::domain::audit::Note;
use crate::domain::field::FieldType;
use crate::domain::guide::Answers;
use crate::domain::id::TenantId;
use crate::domain::invalid::FieldError;
use crate::domain::own_schema::OwnSchema;
use crate::domain::permission::Area;
use crate::domain::tenant::{TenantLimits, is_slug};
use crate::domain::value::Value;
use crate::store::{Further, MemberRow, NewKey, OperatorRequest, TenantRow};

/// A tenant to be made.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewTenantInput {
    /// Its name in commands: 1 to 40 of lower case letters, digits and `-`; unique.
    slug: String,
    /// What people read, 1 to 200 characters.
    name: String,
    /// IANA name of the timezone on whose calendar its days begin; UTC when not given.
    timezone: Option<String>,
    /// What it is sold as.
    plan: Option<String>,
    /// For how long it may be used.
    #[serde(default)]
    term: Term,
    /// How much it may have.
    #[serde(default)]
    limits: TenantLimits,
    /// Answers to the guide, by question; the industry alone is a preset.
    #[serde(default)]
    answers: Answers,
    /// Whether the modules that the answers speak for are switched on, as far as they are installed.
    #[serde(default)]
    enable_proposed: bool,
    /// The first user, who becomes the owner; without one there is a key of the tenant that acts as admin.
    admin: Option<AdminInput>,
}

/// The first user of a tenant.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AdminInput {
    /// Where mail reaches them.
    email: String,
    /// What people read, 1 to 200 characters.
    name: String,
}

/// A tenant that was just made.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct MadeTenantView {
    /// The tenant.
    pub tenant: TenantView,
    /// The first user.
    pub user: Option<UserView>,
    /// The first key, which is shown here only.
    pub api_key: String,
    /// Its id.
    #[schema(value_type = String)]
    pub api_key_id: Uuid,
    /// What the answers to the guide speak for.
    pub proposal: ProposalView,
    /// Plugins that are switched on.
    pub enabled: Vec<String>,
}

/// What makes a tenant.
struct Plan {
    view: MadeTenantView,
    steps: Vec<Further>,
    sealed_with: Option<TenantKeys>,
}

impl NewTenantInput {
    /// A tenant of which nothing more is said.
    pub fn plain(slug: &str, name: &str, timezone: &str) -> Map<String, Json> {
        let members = [("slug", slug), ("name", name), ("timezone", timezone)];
        members.into_iter().map(|(member, value)| (member.to_owned(), value.into())).collect()
    }
}

impl App {
    /// Makes a tenant.
    pub async fn make_tenant(
        &self,
        operator: &Operator,
        fields: &Map<String, Json>,
        request: Option<OperatorRequest>,
        render: &RenderView<MadeTenantView>,
    ) -> Result<Done, AppError> {
        if let Some(answer) = self.answered_operator(request.as_ref()).await? {
            return Ok(Done::Before(answer));
        }
        let plan = self.plan_tenant(fields, request.is_some()).await?;
        let answer = render(&plan.view);
        self.commit_tenant(operator, request.as_ref(), plan, answer).await
    }

    /// Makes a tenant, for the command line.
    pub async fn new_tenant(
        &self,
        operator: &Operator,
        fields: &Map<String, Json>,
    ) -> Result<MadeTenantView, AppError> {
        let plan = self.plan_tenant(fields, false).await?;
        let view = plan.view.clone();
        let answer = Answer { status: 201, headers: Vec::new(), body: String::new() };
        self.commit_tenant(operator, None, plan, answer).await?;
        Ok(view)
    }

    async fn commit_tenant(
        &self,
        operator: &Operator,
        request: Option<&OperatorRequest>,
        plan: Plan,
        answer: Answer,
    ) -> Result<Done, AppError> {
        let Plan { view, mut steps, sealed_with } = plan;
        let (tenant, fields) = (TenantId(view.tenant.id), Vec::new());
        let note = Note::of_area(Area::Keys, Some(view.api_key_id), vec!["key".to_owned()]);
        let entry = operator.entry(note, self.clock.now());
        steps.extend(self.store.audited(Self::operate_permit(), tenant, &[entry]));
        let operation = Operation { tenant, answer, steps, sealed_with, fields };
        self.operate(operator, request, operation).await.map_err(|error| match error {
            AppError::Duplicate { .. } => {
                AppError::Refused(format!("there is a tenant `{}` already", view.tenant.slug))
            }
            other => other,
        })
    }

    /// Everything that makes a tenant; with a data key to seal the answer with, when that is to be kept.
    async fn plan_tenant(&self, fields: &Map<String, Json>, is_kept: bool) -> Result<Plan, AppError> {
        let input: NewTenantInput = read(fields)?;
        let permit = Self::operate_permit();
        let (row, user) = self.checked(&input)?;
        let tenant = row.id;
        let proposal = self.proposal(&row.answers, &[]).await?;
        let mut steps = vec![self.store.new_tenant(permit, &row)];
        let mut sealed_with = None;
        if is_kept && let Some((key, keys)) = self.first_key(tenant) {
            steps.push(self.store.new_data_key(permit, &key, row.created_at));
            sealed_with = Some(keys);
        }
        let people = self.access.operate_area::<Configure>(permit, tenant);
        steps.extend(user.iter().flat_map(|user| self.store.put_member(people, user)));
        let (api_key, hash) = self.make_key();
        let api_key_id = self.ids.make();
        let key = NewKey {
            id: api_key_id,
            tenant,
            hash,
            role: if user.is_some() { ALL_ROLES } else { "admin" },
            name: "first key",
            member: user.as_ref().map(|user| user.id),
            by: None,
            at: row.created_at,
            expires_at: None,
        };
        steps.extend(self.store.new_key(permit, &key));
        let is_wanted = |one: &&ProposedModule| input.enable_proposed && one.installed;
        let wanted: Vec<String> = proposal.modules.iter().filter(is_wanted).map(|one| one.plugin.clone()).collect();
        let wishes = wanted.iter().map(|plugin| Wish::to_enable(plugin.clone(), Consent::ToAll)).collect();
        let planned = self.planned_modules(tenant, Vec::new(), 0, OwnSchema::default(), wishes).await?;
        Self::check_modules(self.limits_of(&row.tenancy).await?.max_modules, &planned)?;
        let modules = self.access.operate_area::<Configure>(permit, tenant);
        steps.extend(planned.iter().map(|module| self.store.put_module(modules, module, row.created_at)));
        let timezone = row.timezone.parse().unwrap_or(chrono_tz::Tz::UTC);
        let catalog = self.build_catalog(tenant, planned, 0, OwnSchema::default()).await?;
        steps.extend(catalog.modules.iter().flat_map(|module| self.first_notes(tenant, module, timezone)));
        let view = MadeTenantView {
            tenant: TenantView::from(&row),
            user: user.as_ref().map(UserView::from),
            api_key,
            api_key_id,
            proposal,
            enabled: wanted,
        };
        Ok(Plan { view, steps, sealed_with })
    }

    fn checked(&self, input: &NewTenantInput) -> Result<(TenantRow, Option<MemberRow>), AppError> {
        let mut faults = Vec::new();
        let mut fault = |field: &str, code, message: &str| faults.push(FieldError::new(field, code, message));
        if !is_slug(&input.slug) {
            fault("slug", "wrong_type", "is lower case letters, digits and `-`, at most 40, and no id");
        }
        let timezone = input.timezone.as_deref().unwrap_or("UTC");
        if timezone.parse::<chrono_tz::Tz>().is_err() {
            fault("timezone", "unknown_option", "is an IANA name, such as Europe/Berlin");
        }
        let at = self.clock.now();
        let (starts_at, ends_at) = read_term(&input.term, &mut faults);
        if ends_at.is_some_and(|end| end <= at) {
            faults.push(FieldError::new("term.until", "out_of_range", "is a time to come"));
        }
        let name = input.name.trim().to_owned();
        let tenancy = Tenancy { name, plan: input.plan.clone(), starts_at, ends_at, limits: input.limits };
        faults.extend(faults_of(&tenancy));
        faults.extend(input.limits.plugins.beyond("limits.plugins"));
        let user = input.admin.as_ref().map(|admin| {
            let email = match FieldType::Email.parse(&Json::from(admin.email.as_str())) {
                Ok(Value::Text(email)) => email.to_lowercase(),
                Ok(_) => String::new(),
                Err(unfit) => {
                    faults.push(unfit.of("admin.email"));
                    String::new()
                }
            };
            faults.extend(named(admin.name.trim()).map(|fault| FieldError { field: "admin.name".to_owned(), ..fault }));
            MemberRow {
                id: self.ids.make(),
                email,
                name: admin.name.trim().to_owned(),
                roles: vec!["owner".to_owned()],
                manager: None,
                company: None,
                is_active: true,
                version: 1,
                created_at: at,
            }
        });
        if !faults.is_empty() {
            return Err(AppError::Invalid(faults));
        }
        let row = TenantRow {
            id: TenantId(self.ids.make()),
            slug: input.slug.clone(),
            timezone: timezone.to_owned(),
            tenancy,
            answers: input.answers.clone(),
            version: 1,
            created_at: at,
            suspended: None,
            deleted: None,
            is_erasing: false,
        };
        Ok((row, user))
    }
}
