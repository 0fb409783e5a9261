//! Signing in: who somebody is, by password and second factor. Whatever is wrong, the answer is the same, and takes
//! as long.

use std::net::Ipv6Addr;
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use utoipa::ToSchema;
use uuid::Uuid;

use super::accounts::hash;
use super::jobs::of_conflict;
use super::passwords::Hashing;
use super::people::UserView;
use super::sessions::{SessionView, WHOLE};
use super::throttle::{Throttle, Try};
use super::{App, AppError};
use crate::access::{Chore, HostPermit};
use crate::domain::account_name::{account, email};
use crate::domain::audit::{Entry, Note};
use crate::domain::caller::Origin;
use crate::domain::clock::Timestamp;
use crate::domain::id::{Ids, TenantId};
use crate::domain::password::Cost;
use crate::domain::permission::Area;
use crate::domain::seal::{DataKey, Spot};
use crate::store::{Further, NewSession, SignInRow, Unit};

/// How long a device is known on which somebody signed in.
const DEVICE: std::time::Duration = std::time::Duration::from_hours(365 * 24);

/// What signing in needs beside the database.
pub(super) struct SignIns {
    pub throttle: Throttle,
    pub hashing: Hashing,
    /// Seals what browsers keep for the host.
    pub cookies: DataKey,
    /// The origin under which browsers reach the host, when the operator has named it.
    pub public_url: Option<String>,
}

/// What somebody signs in with.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SignInInput {
    /// The slug of the tenant.
    tenant: String,
    /// The e-mail address of the user.
    email: String,
    /// The password.
    password: String,
    /// The code of the second factor, or a recovery code: needed when the user has one.
    code: Option<String>,
}

/// Where somebody comes from who has no credential yet.
#[derive(Clone, Debug, Default)]
pub struct Arrival {
    /// For the audit trail.
    pub origin: Arc<Origin>,
    /// What the browser calls itself.
    pub agent: Option<String>,
    /// What it keeps since an earlier sign-in.
    pub device: Option<String>,
    /// The session that it has until now.
    pub former: Option<String>,
}

/// Somebody who has signed in.
pub struct SignedIn {
    /// The token of the session, for a cookie.
    pub token: String,
    /// What marks the device as known, for another one.
    pub device: String,
    /// What is answered.
    pub view: SignedInView,
}

/// Who has signed in.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct SignedInView {
    /// The user.
    pub user: UserView,
    /// The session; its token is in the cookie only.
    pub session: SessionView,
    /// Codes for the day on which the second factor is lost: shown once, when it begins to hold.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub recovery_codes: Vec<String>,
}

impl SignIns {
    pub fn new(cost: Cost, secret: &[u8; 32], public_url: Option<String>, ids: &Ids) -> Self {
        let key: [u8; 32] = Sha256::new().chain_update(b"what browsers keep|").chain_update(secret).finalize().into();
        Self {
            throttle: Throttle::default(),
            hashing: Hashing::new(cost, ids),
            cookies: DataKey::new(Uuid::nil(), &key),
            public_url,
        }
    }

    fn spot(what: &str) -> Spot {
        Spot::kept(TenantId(Uuid::nil()), what, &[])
    }

    /// Seals something for a browser to keep.
    pub fn seal(&self, what: &str, plain: &[u8], ids: &Ids) -> String {
        URL_SAFE_NO_PAD.encode(self.cookies.seal(&Self::spot(what), plain, ids.nonce()))
    }

    /// Opens what a browser kept.
    pub fn open(&self, what: &str, kept: &str) -> Option<Vec<u8>> {
        let sealed = URL_SAFE_NO_PAD.decode(kept).ok()?;
        Some(self.cookies.open(&Self::spot(what), &sealed).ok()?.to_vec())
    }

    /// What a device keeps on which the owner of an account signed in.
    fn new_device(&self, account: [u8; 32], at: Timestamp, ids: &Ids) -> String {
        let plain = [&account[..], &at.micros().to_be_bytes(), &ids.secret()[..16]].concat();
        self.seal("device", &plain, ids)
    }

    /// The device, when it is one of this account's owner.
    fn device(&self, account: [u8; 32], kept: Option<&str>, now: Timestamp) -> Option<Vec<u8>> {
        let plain = self.open("device", kept?)?;
        let (of, rest) = plain.split_first_chunk::<32>()?;
        let (at, device) = rest.split_first_chunk::<8>()?;
        let is_young = Timestamp::from_micros(i64::from_be_bytes(*at)).plus(DEVICE) > now;
        (*of == account && is_young).then(|| device.to_vec())
    }
}

impl Arrival {
    /// The address that tries are counted by.
    pub fn address(&self) -> String {
        let peer = self.origin.peer.as_deref().unwrap_or_default();
        match peer.parse::<Ipv6Addr>() {
            // Whoever has one address of a network has all of its 64 bits.
            Ok(address) => Ipv6Addr::from_bits(address.to_bits() >> 64 << 64).to_string(),
            Err(_) => peer.to_owned(),
        }
    }
}

impl App {
    /// Begins a session for who knows the password of a user, and has the second factor.
    pub async fn sign_in(&self, input: &SignInInput, from: &Arrival) -> Result<SignedIn, AppError> {
        let (sign_ins, now) = (&self.sign_ins, self.clock.now());
        let account = account(&input.tenant, &input.email);
        let device = sign_ins.device(account, from.device.as_deref(), now);
        let one = Try { account, address: from.address(), device };
        sign_ins.throttle.begin(&one, now)?;
        let permit = HostPermit::new(Chore::Authenticate);
        let slug = input.tenant.trim().to_lowercase();
        // Who is not there is looked for as long, and noted as who is.
        let tenant = self.store.tenant_by_slug(permit, &slug).await?.unwrap_or(TenantId(Uuid::nil()));
        let row = self.store.sign_in_by_email(permit, tenant, &email(&input.email).unwrap_or_default()).await?;
        let row = row.filter(|row| row.is_active);
        let kept = row.as_ref().and_then(|row| row.password.as_deref());
        let is_right = sign_ins.hashing.is_right(&input.password, kept).await?;
        let Some(row) = row.as_ref().filter(|_| is_right) else {
            let note = sign_in_note(row.map(|row| row.member), "sign_in_failed");
            let entry = note.by_member(None, &from.origin, now);
            self.note_failure(tenant, entry).await?;
            return Err(AppError::SignInFailed);
        };
        sign_ins.throttle.was_right(&one);
        let steps = self.check_code(tenant, row, input.code.as_deref(), from).await?;
        let signed_in = self.begin_session(tenant, row, "password", from, steps, "sign_in").await;
        let signed_in = signed_in.map_err(|error| match error {
            // The same code was used at the same time.
            AppError::Contended => AppError::WrongCode,
            other => other,
        })?;
        let kept = row.password.as_deref().unwrap_or_default();
        if let Some(hash) = sign_ins.hashing.at_todays_cost(&input.password, kept, &self.ids).await? {
            self.store.rehash_password(permit, tenant, row.member, kept, &hash).await?;
        }
        Ok(signed_in)
    }

    /// Begins a session of a member together with what else is committed; the one that the browser had ends.
    pub(super) async fn begin_session(
        &self,
        tenant: TenantId,
        row: &SignInRow,
        way: &'static str,
        from: &Arrival,
        mut steps: Vec<Further>,
        what: &str,
    ) -> Result<SignedIn, AppError> {
        let (permit, now) = (Self::work_permit(), self.clock.now());
        let member = self.store.member(permit, tenant, row.member).await?.ok_or(AppError::SignInFailed)?;
        let (token, hash) = self.new_token("ghs_", tenant);
        let agent = from.agent.as_ref().map(|agent| agent.chars().take(200).collect());
        let peer = from.origin.peer.clone();
        let (id, expires_at) = (self.ids.make(), now.plus(WHOLE));
        let new = NewSession { tenant, id, member: row.member, hash, way, peer, agent, at: now, expires_at };
        steps.push(self.store.begin_session(permit, &new));
        let note = sign_in_note(Some(row.member), what);
        let entry = note.by_member(Some(row.member), &from.origin, now);
        self.commit_noted(tenant, steps, vec![entry]).await?;
        self.end_former(from.former.as_deref()).await?;
        self.sessions.invalidate_all();
        let slug = self.store.tenant_names(permit, tenant).await?.unwrap_or_default().0;
        let device = self.sign_ins.new_device(account(&slug, &row.email), now, &self.ids);
        let (user, session) = (UserView::from(&member), SessionView::of_new(&new));
        Ok(SignedIn { token, device, view: SignedInView { user, session, recovery_codes: Vec::new() } })
    }

    /// Commits steps with what the audit trail says of them.
    pub(super) async fn commit_noted(
        &self,
        tenant: TenantId,
        further: Vec<Further>,
        audit: Vec<Entry>,
    ) -> Result<(), AppError> {
        let unit = Unit {
            tenant,
            reads: Vec::new(),
            writes: Vec::new(),
            events: Vec::new(),
            answer: None,
            merges: Vec::new(),
            effects: Vec::new(),
            audit,
            further,
            at: self.clock.now(),
        };
        self.store.commit(&unit).await.map_err(of_conflict)
    }

    /// Notes what came to nothing.
    pub(super) async fn note_failure(&self, tenant: TenantId, entry: Entry) -> Result<(), AppError> {
        Ok(self.store.add_audit(HostPermit::new(Chore::Authenticate), tenant, &[entry]).await?)
    }

    /// A token that says which tenant it is of, and its hash.
    pub(super) fn new_token(&self, prefix: &str, tenant: TenantId) -> (String, [u8; 32]) {
        let bytes = [&tenant.0.as_bytes()[..], &self.ids.secret()].concat();
        let token = format!("{prefix}{}", URL_SAFE_NO_PAD.encode(bytes));
        let hash = hash(&token);
        (token, hash)
    }
}

/// The origin that the operator has named.
pub(super) fn origin(text: &str) -> Result<String, AppError> {
    let url = url::Url::parse(text).ok().filter(|url| ["https", "http"].contains(&url.scheme()));
    let url = url.filter(|url| url.path() == "/" && url.query().is_none() && url.fragment().is_none());
    let wrong = || AppError::Setup(format!("`{text}` is no origin such as https://crm.example.com"));
    url.map(|url| url.origin().ascii_serialization()).ok_or_else(wrong)
}

/// The tenant that a token is of, and its hash; none for what is no token.
pub(super) fn read_token(prefix: &str, token: &str) -> Option<(TenantId, [u8; 32])> {
    let bytes = URL_SAFE_NO_PAD.decode(token.strip_prefix(prefix).filter(|rest| rest.len() == 64)?).ok()?;
    let tenant = Uuid::from_slice(&bytes[..16]).ok()?;
    Some((TenantId(tenant), hash(token)))
}

/// What the audit trail says of somebody's way in.
pub(super) fn sign_in_note(member: Option<Uuid>, what: &str) -> Note {
    Note::of_area(Area::People, member, vec![what.to_owned()])
}
