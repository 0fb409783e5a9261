//! The second factor of a user: codes of an authenticator, and recovery codes for the day on which it is lost.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::accounts::hash;
use super::sign_in::{Arrival, SignedIn, sign_in_note};
use super::{App, AppError};
use crate::access::Configure;
use crate::domain::caller::Caller;
use crate::domain::id::TenantId;
use crate::domain::permission::Area;
use crate::domain::seal::Spot;
use crate::domain::totp;
use crate::store::{FactorRow, Further, SignInRow};

/// What counts tries of codes, whatever device they come from: who gets here knows the password.
const CODE: &str = "code";

/// The present password.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PresentPassword {
    /// The one that holds now.
    current_password: String,
}

/// A code that shows that the authenticator is there.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CodeInput {
    /// Six digits.
    code: String,
}

/// A second factor that a code is still to confirm.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct FactorView {
    /// The secret in Base32, for typing: shown here only.
    pub secret: String,
    /// The same for a picture: `otpauth://totp/…`.
    pub address: String,
}

/// New recovery codes: the old ones hold no more.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct RecoveryCodes {
    /// Each works once, in place of a code. They are shown here only.
    pub recovery_codes: Vec<String>,
}

fn spot(tenant: TenantId, member: Uuid) -> Spot {
    Spot::kept(tenant, "second factor", &[member.as_bytes()])
}

impl App {
    /// Begins a second factor for who has signed in; it holds once a code confirms it.
    pub async fn begin_factor(&self, caller: &Caller, present: &PresentPassword) -> Result<FactorView, AppError> {
        let row = self.signed_in_member(caller).await?;
        if !self.can_seal() {
            return Err(AppError::Refused("a second factor needs the operator's file of keys".to_owned()));
        }
        self.check_present(caller, &row, &present.current_password).await?;
        let (tenant, member) = (caller.tenant, row.member);
        let name = self.store.tenant_names(Self::work_permit(), tenant).await?.unwrap_or_default().1;
        let secret = &self.ids.secret()[..20];
        let (written, address) = (totp::written(secret), totp::address(secret, &name, &row.email));
        let sealed = self.seal_text(tenant, &spot(tenant, member), written.clone()).await?;
        let step = self.store.put_factor(Self::work_permit(), tenant, member, &sealed, self.clock.now());
        let entry = sign_in_note(Some(member), "second_factor_begun").by(caller, self.clock.now());
        self.commit_noted(tenant, vec![step], vec![entry]).await.map_err(|error| match error {
            AppError::Contended => AppError::Refused("there is a second factor: disable it first".to_owned()),
            other => other,
        })?;
        Ok(FactorView { secret: written, address })
    }

    /// Has the second factor hold from now on. The other sessions end, and this one goes on under another token.
    pub async fn confirm_factor(
        &self,
        caller: &Caller,
        input: &CodeInput,
        from: &Arrival,
    ) -> Result<SignedIn, AppError> {
        let row = self.signed_in_member(caller).await?;
        let (tenant, member, permit) = (caller.tenant, row.member, Self::work_permit());
        let begun = row.factor.as_ref().filter(|factor| !factor.is_confirmed);
        let begun = begun.ok_or_else(|| AppError::Refused("no second factor waits for a code".to_owned()))?;
        self.sign_ins.throttle.begin_named(CODE, member.as_bytes(), self.clock.now())?;
        let step = self.step_of(tenant, member, begun, &input.code).await?;
        let step = step.ok_or_else(|| AppError::invalid("code", "wrong", "is not the code of this moment"))?;
        let (codes, hashes) = self.new_codes(tenant, member);
        let mut steps = vec![
            self.store.take_code(permit, tenant, member, &begun.secret, step),
            self.store.drop_recovery_codes(permit, tenant, member),
            self.store.end_sessions_of(permit, tenant, member, self.clock.now()),
        ];
        steps.extend(self.store.add_recovery_codes(permit, tenant, member, &hashes));
        let mut signed_in = self.begin_session(tenant, &row, "password", from, steps, "second_factor").await?;
        self.sign_ins.throttle.named_was_right(CODE, member.as_bytes());
        signed_in.view.recovery_codes = codes;
        Ok(signed_in)
    }

    /// Ends the own second factor.
    pub async fn end_factor(&self, caller: &Caller, present: &PresentPassword) -> Result<(), AppError> {
        let row = self.signed_in_member(caller).await?;
        self.check_present(caller, &row, &present.current_password).await?;
        self.drop_factor(caller, &row).await
    }

    /// Ends the second factor of somebody who has lost it, and whose roles the caller may give.
    pub async fn end_factor_of(&self, caller: &Caller, user: Uuid) -> Result<(), AppError> {
        self.access.check_area::<Configure>(caller, Area::People)?;
        let row = self.governed_member(caller, user).await?;
        self.drop_factor(caller, &row).await
    }

    async fn drop_factor(&self, caller: &Caller, row: &SignInRow) -> Result<(), AppError> {
        let steps = self.store.drop_factor(Self::work_permit(), caller.tenant, row.member);
        let entry = sign_in_note(Some(row.member), "second_factor_ended").by(caller, self.clock.now());
        self.commit_noted(caller.tenant, steps, vec![entry]).await.map_err(|error| match error {
            AppError::Contended => AppError::no_record("second factor of", &row.member),
            other => other,
        })
    }

    /// Makes new recovery codes.
    pub async fn renew_codes(&self, caller: &Caller, present: &PresentPassword) -> Result<RecoveryCodes, AppError> {
        let row = self.signed_in_member(caller).await?;
        if !row.factor.as_ref().is_some_and(|factor| factor.is_confirmed) {
            return Err(AppError::Refused("recovery codes are for who has a second factor".to_owned()));
        }
        self.check_present(caller, &row, &present.current_password).await?;
        let (recovery_codes, hashes) = self.new_codes(caller.tenant, row.member);
        let mut steps = vec![self.store.drop_recovery_codes(Self::work_permit(), caller.tenant, row.member)];
        steps.extend(self.store.add_recovery_codes(Self::work_permit(), caller.tenant, row.member, &hashes));
        let entry = sign_in_note(Some(row.member), "recovery_codes").by(caller, self.clock.now());
        self.commit_noted(caller.tenant, steps, vec![entry]).await?;
        Ok(RecoveryCodes { recovery_codes })
    }

    /// The steps that use up the code of somebody whose password was right; none when there is no second factor.
    pub(super) async fn check_code(
        &self,
        tenant: TenantId,
        row: &SignInRow,
        typed: Option<&str>,
        from: &Arrival,
    ) -> Result<Vec<Further>, AppError> {
        let Some(factor) = row.factor.as_ref().filter(|factor| factor.is_confirmed) else { return Ok(Vec::new()) };
        let (member, permit, now) = (row.member, Self::work_permit(), self.clock.now());
        let typed = typed.ok_or(AppError::CodeRequired)?;
        self.sign_ins.throttle.begin_named(CODE, member.as_bytes(), now)?;
        let step = if let Some(letters) = totp::recovery_letters(typed) {
            let hash = recovery_hash(tenant, member, &letters);
            let is_one = self.store.has_recovery_code(permit, tenant, member, hash).await?;
            is_one.then(|| self.store.use_recovery_code(permit, tenant, member, hash))
        } else {
            let step = self.step_of(tenant, member, factor, typed).await?;
            step.map(|step| self.store.take_code(permit, tenant, member, &factor.secret, step))
        };
        let Some(step) = step else {
            let entry = sign_in_note(Some(member), "wrong_code").by_member(None, &from.origin, now);
            self.note_failure(tenant, entry).await?;
            return Err(AppError::WrongCode);
        };
        self.sign_ins.throttle.named_was_right(CODE, member.as_bytes());
        Ok(vec![step])
    }

    /// The step that a code of a factor stands for now.
    async fn step_of(
        &self,
        tenant: TenantId,
        member: Uuid,
        factor: &FactorRow,
        typed: &str,
    ) -> Result<Option<i64>, AppError> {
        let written = self.open_text(tenant, &spot(tenant, member), factor.secret.clone()).await?;
        let secret = totp::read(&written).ok_or(AppError::Unopened)?;
        Ok(totp::step_of(&secret, typed, self.clock.now(), factor.last_step))
    }

    /// New recovery codes of a member, and what is kept of them.
    fn new_codes(&self, tenant: TenantId, member: Uuid) -> (Vec<String>, Vec<[u8; 32]>) {
        let codes: Vec<String> = (0..totp::RECOVERY_CODES).map(|_| totp::recovery_code(self.ids.secret())).collect();
        let letters = codes.iter().filter_map(|code| totp::recovery_letters(code));
        let hashes = letters.map(|letters| recovery_hash(tenant, member, &letters)).collect();
        (codes, hashes)
    }
}

/// What is kept of a recovery code: 80 random bits, so that a plain hash cannot be reversed.
fn recovery_hash(tenant: TenantId, member: Uuid, letters: &str) -> [u8; 32] {
    hash(&format!("{tenant}|{member}|{letters}"))
}
