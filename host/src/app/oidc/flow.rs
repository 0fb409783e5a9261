//! The way of a browser to a provider and back: the code flow with PKCE.

use std::sync::Arc;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use openidconnect::core::{CoreAuthenticationFlow, CoreClient, CoreProviderMetadata};
use openidconnect::{
    ClientId, ClientSecret, CsrfToken, IssuerUrl, Nonce, PkceCodeChallenge, PkceCodeVerifier, RedirectUrl, Scope,
};
use serde::{Deserialize, Serialize};
use subtle::ConstantTimeEq;
use uuid::Uuid;

use super::super::people::{MAX_MEMBERS, OWNER};
use super::super::sign_in::{Arrival, SignedIn, sign_in_note};
use super::super::{App, AppError};
use super::provider::{Redeemed, discover, redeem};
use super::token::{Unvouched, Vouched, vouched};
use crate::domain::account_name::local_path;
use crate::domain::caller::Origin;
use crate::domain::clock::Timestamp;
use crate::domain::id::TenantId;
use crate::store::{Further, MemberRow, ProviderRow, SignInRow};

/// How long somebody may take at the provider.
const PATIENCE: Duration = Duration::from_mins(10);
/// Where providers send browsers back to.
const CALLBACK: &str = "/api/v1/auth/oidc/callback";
/// Names what a browser keeps meanwhile.
const KEPT: &str = "way to a provider";

/// A browser on its way to a provider.
pub struct Started {
    /// Where it goes.
    pub location: String,
    /// What it keeps until it is back, for a cookie.
    pub kept: String,
}

/// A browser on its way back.
#[derive(Clone, Debug, Default)]
pub struct Returned {
    /// What the provider wants to know the host by.
    pub code: Option<String>,
    /// What the host gave it.
    pub state: Option<String>,
    /// Who it says that it is (RFC 9207).
    pub issuer: Option<String>,
    /// What the browser kept.
    pub kept: Option<String>,
}

/// What a browser keeps while it is at the provider, sealed.
#[derive(Serialize, Deserialize)]
struct Kept {
    tenant: Uuid,
    provider: String,
    state: String,
    nonce: String,
    verifier: String,
    redirect: String,
    return_to: String,
    until: i64,
}

impl App {
    /// Sends a browser to a provider of a tenant.
    pub async fn start_oidc(
        &self,
        slug: &str,
        name: &str,
        return_to: Option<&str>,
        host: Option<&str>,
        from: &Arrival,
    ) -> Result<Started, AppError> {
        let now = self.clock.now();
        self.sign_ins.throttle.visit(&from.address(), now)?;
        let return_to = match return_to {
            None => "/",
            Some(path) => local_path(path)
                .ok_or_else(|| AppError::invalid("return_to", "wrong_type", "is a path of this host"))?,
        };
        let permit = Self::work_permit();
        let missing = || AppError::no_record("provider", &name);
        let tenant = self.store.tenant_by_slug(permit, slug).await?.ok_or_else(missing)?;
        let row = self.store.provider(permit, tenant, name).await?.filter(|row| row.is_enabled).ok_or_else(missing)?;
        let redirect = format!("{}{CALLBACK}", self.reached_at(host)?);
        let metadata = self.discover(&row).await?;
        let secret = || URL_SAFE_NO_PAD.encode(self.ids.secret());
        let kept = Kept {
            tenant: tenant.0,
            provider: name.to_owned(),
            state: secret(),
            nonce: secret(),
            verifier: secret(),
            redirect,
            return_to: return_to.to_owned(),
            until: now.plus(PATIENCE).micros(),
        };
        let client = CoreClient::from_provider_metadata((*metadata).clone(), ClientId::new(row.client_id), None)
            .set_redirect_uri(redirect_url(&kept)?);
        let challenge = PkceCodeChallenge::from_code_verifier_sha256(&PkceCodeVerifier::new(kept.verifier.clone()));
        let (state, nonce) = (kept.state.clone(), kept.nonce.clone());
        let flow = CoreAuthenticationFlow::AuthorizationCode;
        let (location, ..) = client
            .authorize_url(flow, move || CsrfToken::new(state), move || Nonce::new(nonce))
            .add_scopes(["email", "profile"].map(|scope| Scope::new(scope.to_owned())))
            .set_pkce_challenge(challenge)
            .url();
        // A provider could name something else than a page in its document.
        self.outbound.check(location.as_str()).map_err(|_| AppError::ProviderFailed("its address is no good"))?;
        let sealed = self.sign_ins.seal(KEPT, &serde_json::to_vec(&kept).unwrap_or_default(), &self.ids);
        Ok(Started { location: location.into(), kept: sealed })
    }

    /// Takes a browser back, and begins a session for whom the provider vouches for; says where it goes then.
    pub async fn finish_oidc(&self, returned: &Returned, from: &Arrival) -> Result<(SignedIn, String), AppError> {
        let now = self.clock.now();
        self.sign_ins.throttle.visit(&from.address(), now)?;
        let failed = AppError::ProviderFailed;
        let kept = returned.kept.as_deref().and_then(|kept| self.sign_ins.open(KEPT, kept));
        let kept = kept.and_then(|kept| serde_json::from_slice::<Kept>(&kept).ok());
        let kept = kept.filter(|kept| Timestamp::from_micros(kept.until) > now);
        let kept = kept.ok_or(failed("it was begun in another browser, or too long ago"))?;
        let state = returned.state.as_deref().unwrap_or_default();
        if !bool::from(state.as_bytes().ct_eq(kept.state.as_bytes())) {
            return Err(failed("it was begun in another browser, or too long ago"));
        }
        let tenant = TenantId(kept.tenant);
        let row = self.store.provider(Self::work_permit(), tenant, &kept.provider).await?;
        let row = row.filter(|row| row.is_enabled).ok_or(failed("it is not in use any more"))?;
        let member = match self.vouched_member(tenant, &row, &kept, returned, now).await {
            Ok(member) => member,
            Err(error) => {
                let entry = sign_in_note(None, "sign_in_failed").by_member(None, &from.origin, now);
                self.note_failure(tenant, entry).await?;
                return Err(error);
            }
        };
        let (sign_in, steps) = member;
        let signed_in = self.begin_session(tenant, &sign_in, "provider", from, steps, "sign_in").await?;
        Ok((signed_in, kept.return_to))
    }

    async fn vouched_member(
        &self,
        tenant: TenantId,
        row: &ProviderRow,
        kept: &Kept,
        returned: &Returned,
        now: Timestamp,
    ) -> Result<(SignInRow, Vec<Further>), AppError> {
        let failed = AppError::ProviderFailed;
        if returned.issuer.as_deref().is_some_and(|issuer| issuer != row.issuer) {
            return Err(failed("another one has answered"));
        }
        let code = returned.code.clone().ok_or(failed("it has let nobody in"))?;
        let metadata = self.discover(row).await?;
        let secret = self.open_text(tenant, &super::spot(tenant, &row.name), row.client_secret.clone()).await?;
        let (id, secret) = (ClientId::new(row.client_id.clone()), ClientSecret::new(secret));
        let with = Redeemed {
            metadata: Arc::clone(&metadata),
            client_id: id,
            client_secret: secret,
            redirect: redirect_url(kept)?,
            code,
            verifier: kept.verifier.clone(),
        };
        let token = redeem(Arc::clone(&self.outbound), with).await.map_err(failed)?;
        let said = vouched(&token, &metadata, &row.client_id, &kept.nonce, now);
        let said = match said {
            // It may have changed its keys since we asked.
            Err(Unvouched::Signature) => {
                self.providers.invalidate(&row.issuer).await;
                vouched(&token, &*self.discover(row).await?, &row.client_id, &kept.nonce, now)
            }
            said => said,
        };
        let said = said.map_err(|why| failed(why.text()))?;
        self.member_of_identity(tenant, row, &said, now).await
    }

    /// The member whom a provider means, known by its subject, or by the address the first time.
    async fn member_of_identity(
        &self,
        tenant: TenantId,
        row: &ProviderRow,
        said: &Vouched,
        now: Timestamp,
    ) -> Result<(SignInRow, Vec<Further>), AppError> {
        let failed = AppError::ProviderFailed;
        let permit = Self::work_permit();
        let nobody = failed("it vouches for nobody who may sign in here");
        if let Some(member) = self.store.identity(permit, tenant, &row.issuer, &said.subject).await? {
            let member = self.store.sign_in_by_id(permit, tenant, member).await?;
            let member = member.filter(|member| member.is_active).ok_or(nobody)?;
            self.check_reach(tenant, row, member.member).await?;
            return Ok((member, Vec::new()));
        }
        let email = said.email.clone().ok_or(failed("it has not verified the e-mail address"))?;
        let is_of_domain = |domain: &String| email.rsplit_once('@').is_some_and(|(_, own)| own == domain);
        if !row.domain.as_ref().is_none_or(is_of_domain) {
            return Err(nobody);
        }
        let link = |member| self.store.add_identity(permit, tenant, &row.issuer, &said.subject, member, now);
        if let Some(member) = self.store.sign_in_by_email(permit, tenant, &email).await? {
            // An address that was given to somebody else does not hand the account over with it.
            if !member.is_active || self.store.is_identified(permit, tenant, &row.issuer, member.member).await? {
                return Err(nobody);
            }
            self.check_reach(tenant, row, member.member).await?;
            let steps = vec![link(member.member)];
            return Ok((member, steps));
        }
        let Some(role) = row.default_role.clone() else { return Err(nobody) };
        let limit = i64::try_from(MAX_MEMBERS).unwrap_or(i64::MAX);
        if self.store.count_members(permit, tenant).await? >= limit {
            return Err(nobody);
        }
        let name = said.name.as_deref().map(str::trim).filter(|name| !name.is_empty()).unwrap_or(&email);
        let member = MemberRow {
            id: self.ids.make(),
            email: email.clone(),
            name: name.chars().take(200).collect(),
            roles: vec![role],
            manager: None,
            company: None,
            is_active: true,
            version: 1,
            created_at: now,
        };
        let version = self.store.policy_version(permit, tenant).await?;
        let mut steps = self.store.add_member(permit, tenant, &member);
        steps.push(self.store.count_policy(permit, tenant, version));
        let entry = sign_in_note(Some(member.id), "user_by_provider").by_member(None, &Origin::default(), now);
        self.commit_noted(tenant, steps, vec![entry]).await?;
        self.policy_changed(tenant).await;
        let made = self.store.sign_in_by_id(permit, tenant, member.id).await?.ok_or(nobody)?;
        Ok((made, vec![link(member.id)]))
    }

    /// An owner signs in with a provider only that an owner has set up.
    async fn check_reach(&self, tenant: TenantId, row: &ProviderRow, member: Uuid) -> Result<(), AppError> {
        let member = self.store.member(Self::work_permit(), tenant, member).await?;
        let is_owner = member.is_some_and(|member| member.roles.iter().any(|role| role == OWNER));
        if is_owner && !row.reaches_owners {
            return Err(AppError::ProviderFailed("owners sign in with what an owner has set up"));
        }
        Ok(())
    }

    /// What a provider says of itself, at most some minutes old.
    async fn discover(&self, row: &ProviderRow) -> Result<Arc<CoreProviderMetadata>, AppError> {
        let failed = || AppError::ProviderFailed("it does not say where it is");
        let issuer = IssuerUrl::new(row.issuer.clone()).map_err(|_| failed())?;
        let ask = discover(Arc::clone(&self.outbound), issuer);
        self.providers.optionally_get_with(row.issuer.clone(), ask).await.ok_or_else(failed)
    }

    /// The origin under which browsers reach the host: what the operator has named, or this machine.
    fn reached_at(&self, host: Option<&str>) -> Result<String, AppError> {
        if let Some(url) = self.public_url() {
            return Ok(url.to_owned());
        }
        let host = host.filter(|host| {
            let name = host.rsplit_once(':').map_or(*host, |(name, _)| name);
            ["localhost", "127.0.0.1", "[::1]"].contains(&name)
        });
        let missing =
            || AppError::Refused("the operator has not said under which address browsers reach the host".to_owned());
        host.map(|host| format!("http://{host}")).ok_or_else(missing)
    }
}

fn redirect_url(kept: &Kept) -> Result<RedirectUrl, AppError> {
    RedirectUrl::new(kept.redirect.clone()).map_err(|_| AppError::ProviderFailed("there is no way back"))
}
