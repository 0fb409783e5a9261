//! Invitations: a link with which a user sets a password, the first one or another one when it was forgotten.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as Json};
use utoipa::ToSchema;
use uuid::Uuid;

use super::people::{RenderView, read};
use super::sign_in::{Arrival, SignedIn, read_token, sign_in_note};
use super::{App, AppError, Done, IdempotencyKey};
use crate::access::Configure;
use crate::domain::caller::{Caller, Origin};
use crate::domain::id::TenantId;
use crate::domain::permission::Area;
use crate::store::LinkRow;

/// How long somebody who is new has time.
const NEW: Duration = Duration::from_hours(7 * 24);
/// How long somebody has who had a password before.
const RESET: Duration = Duration::from_hours(24);

/// A link to set a password with.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct InvitationView {
    /// Whose it is.
    #[schema(value_type = String)]
    pub user: Uuid,
    /// What the user sends with the password. It is shown here only, works once, and ends with the next one.
    pub token: String,
    /// The path of a page that holds the token where no server sees it.
    pub link: String,
    /// When it ends: after 7 days; after one, when the user had a password before.
    pub expires_at: String,
}

/// What is asked of a new invitation: nothing yet.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct InvitationInput {}

/// The first password, or another one.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AcceptInput {
    /// What came with the invitation.
    token: String,
    /// The password: 15 to 128 characters of any kind, and none that others try first.
    password: String,
    /// The code of the second factor, or a recovery code: needed when the user has one.
    code: Option<String>,
}

impl App {
    /// Invites a user of the caller's tenant.
    pub async fn invite(
        &self,
        caller: &Caller,
        user: Uuid,
        fields: &Map<String, Json>,
        key: Option<IdempotencyKey>,
        render: &RenderView<InvitationView>,
    ) -> Result<Done, AppError> {
        self.access.check_area::<Configure>(caller, Area::People)?;
        if let Some(answer) = self.given_answer(key.as_ref()).await? {
            return Ok(Done::Before(answer));
        }
        let InvitationInput {} = read(fields)?;
        let row = self.governed_member(caller, user).await?;
        if !row.is_active {
            return Err(AppError::Refused("a user who is not active is not invited".to_owned()));
        }
        let (view, step) = self.new_invitation(caller.tenant, user, row.password.is_some(), &caller.actor());
        let note = sign_in_note(Some(user), "invitation");
        self.commit_once(caller, key, render(&view), vec![step], vec![note], true).await
    }

    /// Invites a user for the operator: the first owner of a tenant, for one.
    pub async fn invite_for_operator(&self, slug: &str, email: &str) -> Result<InvitationView, AppError> {
        let permit = Self::work_permit();
        let missing = |what: &str, id: &str| AppError::NotFound { what: what.to_owned(), id: id.to_owned() };
        let tenant = self.store.tenant_by_slug(permit, slug).await?.ok_or_else(|| missing("tenant", slug))?;
        let email = crate::domain::account_name::email(email).unwrap_or_default();
        let row = self.store.sign_in_by_email(permit, tenant, &email).await?;
        let row = row.filter(|row| row.is_active).ok_or_else(|| missing("user", &email))?;
        let (view, step) = self.new_invitation(tenant, row.member, row.password.is_some(), "operator");
        let entry = sign_in_note(Some(row.member), "invitation").by_member(None, &Origin::default(), self.clock.now());
        self.commit_noted(tenant, vec![step], vec![entry]).await?;
        Ok(view)
    }

    fn new_invitation(
        &self,
        tenant: TenantId,
        user: Uuid,
        is_reset: bool,
        by: &str,
    ) -> (InvitationView, crate::store::Further) {
        let now = self.clock.now();
        let row = LinkRow { member: user, expires_at: now.plus(if is_reset { RESET } else { NEW }) };
        let (token, hash) = self.new_token("ghi_", tenant);
        let step = self.store.put_link(Self::work_permit(), tenant, &row, hash, by, now);
        let (link, expires_at) = (format!("/invitation#{token}"), row.expires_at.to_string());
        (InvitationView { user, token, link, expires_at }, step)
    }

    /// Sets the password of who was invited, and signs them in. Their other sessions end.
    pub async fn accept_invitation(&self, input: &AcceptInput, from: &Arrival) -> Result<SignedIn, AppError> {
        let (permit, now) = (Self::work_permit(), self.clock.now());
        self.sign_ins.throttle.visit(&from.address(), now)?;
        let (tenant, hash) = read_token("ghi_", &input.token).ok_or(AppError::UnknownLink)?;
        let link = self.store.link(permit, tenant, hash).await?.filter(|link| link.expires_at > now);
        let member = link.ok_or(AppError::UnknownLink)?.member;
        let row = self.store.sign_in_by_id(permit, tenant, member).await?;
        let row = row.filter(|row| row.is_active).ok_or(AppError::UnknownLink)?;
        let mut steps = vec![self.store.use_link(permit, tenant, hash)];
        // The password is looked at first, so that a code is not used up for nothing.
        let new = self.new_password(tenant, &row, &input.password).await?;
        steps.extend(self.check_code(tenant, &row, input.code.as_deref(), from).await?);
        steps.push(self.store.set_password(permit, tenant, member, &new, now));
        steps.push(self.store.end_sessions_of(permit, tenant, member, now));
        self.begin_session(tenant, &row, "link", from, steps, "password").await.map_err(|error| match error {
            // Somebody else used it at the same time.
            AppError::Contended => AppError::UnknownLink,
            other => other,
        })
    }
}
