//! Shares: one record for one user, team or company, whatever their roles reach.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as Json};
use utoipa::ToSchema;
use uuid::Uuid;

use super::people::{RenderView, read};
use super::{Answer, App, AppError, Done, IdempotencyKey};
use crate::access::{Access, Permit, Read, Share};
use crate::domain::audit::{Deed, Note};
use crate::domain::caller::Caller;
use crate::domain::clock::Timestamp;
use crate::domain::invalid::FieldError;
use crate::store::ShareRow;

/// Most shares of one record.
const MAX_SHARES: usize = 200;

/// With whom a record is shared.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct ShareView {
    /// Its id.
    pub id: Uuid,
    /// `user`, `team` or `company`.
    pub with: String,
    /// Which.
    pub subject: Uuid,
    /// `read` or `update`.
    pub access: String,
    /// When it ends.
    pub until: Option<String>,
    /// Who shared it.
    pub created_by: String,
    /// When.
    pub created_at: String,
}

/// A new share. What was said for the same subject before is replaced.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ShareInput {
    /// `user`, `team` or `company`.
    with: String,
    /// Its id.
    subject: Uuid,
    /// `read`, or `update` to let it be changed too; `read` when not given.
    access: Option<String>,
    /// When it ends, in RFC 3339; never when not given.
    until: Option<String>,
}

impl From<&ShareRow> for ShareView {
    fn from(row: &ShareRow) -> Self {
        Self {
            id: row.id,
            with: row.subject_kind.clone(),
            subject: row.subject,
            access: if row.can_update { "update" } else { "read" }.to_owned(),
            until: row.until.map(|at| at.to_string()),
            created_by: row.created_by.clone(),
            created_at: row.created_at.to_string(),
        }
    }
}

impl App {
    /// With whom a record is shared. Who sees the record only because it is shared learns of nobody else.
    pub async fn shares(&self, caller: &Caller, object: &str, record: Uuid) -> Result<Vec<ShareView>, AppError> {
        let permit = self.reader(caller, object).await?;
        self.existing(&permit, record).await?;
        let mut shares = self.store.shares(&permit, record).await?;
        let sees_all = permit.rows().filter().is_none();
        if !sees_all && self.may_share(caller, object, record).await.is_err() {
            let own: Vec<Uuid> = caller.subjects().collect();
            shares.retain(|share| own.contains(&share.subject));
        }
        Ok(shares.iter().map(ShareView::from).collect())
    }

    /// Shares a record.
    pub async fn share(
        &self,
        caller: &Caller,
        (object, record): (&str, Uuid),
        fields: &Map<String, Json>,
        key: Option<IdempotencyKey>,
        render: &RenderView<ShareView>,
    ) -> Result<Done, AppError> {
        let (readable, permit) = self.may_share(caller, object, record).await?;
        if let Some(answer) = self.given_answer(key.as_ref()).await? {
            return Ok(Done::Before(answer));
        }
        let input: ShareInput = read(fields)?;
        let now = self.clock.now();
        let mut faults = Vec::new();
        let can_update = match input.access.as_deref() {
            None | Some("read") => false,
            Some("update") => true,
            Some(_) => {
                faults.push(FieldError::new("access", "unknown_option", "is `read` or `update`"));
                false
            }
        };
        let until = input.until.as_deref().map(Timestamp::parse);
        if until.is_some_and(|at| at.is_none_or(|at| at <= now)) {
            faults.push(FieldError::new("until", "wrong_type", "is a time to come, in RFC 3339"));
        }
        if let Some(fault) = self.no_subject(caller, &input).await? {
            faults.push(fault);
        }
        if !faults.is_empty() {
            return Err(AppError::Invalid(faults));
        }
        if self.store.shares(&readable, record).await?.len() >= MAX_SHARES {
            return Err(AppError::Refused(format!("a record is shared at most {MAX_SHARES} times")));
        }
        let row = ShareRow {
            id: self.ids.make(),
            subject_kind: input.with,
            subject: input.subject,
            can_update,
            until: until.flatten(),
            created_by: caller.actor(),
            created_at: now,
        };
        let steps = self.store.put_share(&permit, record, &row);
        let note = shared(object, record);
        self.commit_once(caller, key, render(&ShareView::from(&row)), steps, vec![note], false).await
    }

    /// Ends a share.
    pub async fn unshare(
        &self,
        caller: &Caller,
        (object, record): (&str, Uuid),
        id: Uuid,
        key: Option<IdempotencyKey>,
        answer: Answer,
    ) -> Result<Done, AppError> {
        let (readable, permit) = self.may_share(caller, object, record).await?;
        if let Some(answer) = self.given_answer(key.as_ref()).await? {
            return Ok(Done::Before(answer));
        }
        if !self.store.shares(&readable, record).await?.iter().any(|share| share.id == id) {
            return Err(AppError::no_record("share", &id));
        }
        let steps = self.store.remove_share(&permit, record, id);
        self.commit_once(caller, key, answer, steps, vec![shared(object, record)], false).await
    }

    async fn may_share(
        &self,
        caller: &Caller,
        object: &str,
        record: Uuid,
    ) -> Result<(Permit<Read>, Permit<Share>), AppError> {
        let readable = self.reader(caller, object).await?;
        self.existing(&readable, record).await?;
        let permit = self.access.check::<Share>(caller, readable.object())?;
        if !self.store.is_within(&permit, record).await? {
            return Err(Access::not_this(&permit).into());
        }
        Ok((readable, permit))
    }

    /// Why nothing can be shared with this subject.
    async fn no_subject(&self, caller: &Caller, input: &ShareInput) -> Result<Option<FieldError>, AppError> {
        let is_there = match input.with.as_str() {
            "user" => self.store.member(Self::work_permit(), caller.tenant, input.subject).await?.is_some(),
            "team" => self.store.has_team(Self::work_permit(), caller.tenant, input.subject).await?,
            "company" => {
                let permit = self.reader(caller, "company").await?;
                self.store.is_there(&permit, input.subject).await?
            }
            _ => return Ok(Some(FieldError::new("with", "unknown_option", "is `user`, `team` or `company`"))),
        };
        let missing =
            || FieldError::new("subject", "unknown_record", format!("there is no {} {}", input.with, input.subject));
        Ok((!is_there).then(missing))
    }
}

fn shared(object: &str, record: Uuid) -> Note {
    let (object, fields) = (object.to_owned(), vec!["shares".to_owned()]);
    Note { deed: Deed::Change, object, record: Some(record), fields, plugin: None }
}
