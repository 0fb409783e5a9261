//! Checking and changing passwords. A hash takes much memory, so that few are made at once.

use std::num::NonZero;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use serde::Deserialize;
use tokio::sync::Semaphore;
use utoipa::ToSchema;

use super::sign_in::{Arrival, SignedIn, sign_in_note};
use super::{App, AppError};
use crate::domain::caller::Caller;
use crate::domain::id::{Ids, TenantId};
use crate::domain::password::{self, Cost, MAX_LENGTH, normalised};
use crate::store::SignInRow;

/// Requests that may wait for a hash.
const MAX_WAITING: usize = 64;
/// What counts tries of the password that somebody has already.
const PRESENT: &str = "present password";

/// Makes hashes on threads of their own.
pub(super) struct Hashing {
    cost: Cost,
    /// What is looked at when there is no password, so that this takes as long.
    nobodys: Arc<str>,
    places: Arc<Semaphore>,
    waiting: AtomicUsize,
    checked: AtomicU64,
}

/// A change of the own password.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PasswordChange {
    /// The one that holds until now.
    current_password: String,
    /// The new one: 15 to 128 characters of any kind, and none that others try first.
    password: String,
}

/// Counts a request among those that wait, as long as it does.
struct Waiting<'a>(&'a AtomicUsize);

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Hashing {
    pub fn new(cost: Cost, ids: &Ids) -> Self {
        let at_once = std::thread::available_parallelism().map_or(1, NonZero::get);
        let nobodys = password::nobodys(ids.secret(), cost).into();
        let places = Arc::new(Semaphore::new(at_once));
        Self { cost, nobodys, places, waiting: AtomicUsize::new(0), checked: AtomicU64::new(0) }
    }

    async fn run<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Result<T, AppError> {
        let waits = self.waiting.fetch_add(1, Ordering::Relaxed);
        let _waiting = Waiting(&self.waiting);
        if waits >= MAX_WAITING {
            return Err(AppError::TooManyTries { wait: Duration::from_secs(1) });
        }
        let place = Arc::clone(&self.places).acquire_owned().await;
        let work = move || {
            // Held by the thread: the request may be given up before it ends.
            let _place = place;
            work()
        };
        tokio::task::spawn_blocking(work).await.map_err(|error| AppError::Setup(format!("a hash: {error}")))
    }

    /// Whether it is this password; takes as long when there is none.
    pub async fn is_right(&self, typed: &str, kept: Option<&str>) -> Result<bool, AppError> {
        let (typed, has_one) = (normalised(typed), kept.is_some());
        let kept: Arc<str> = kept.map_or_else(|| Arc::clone(&self.nobodys), Arc::from);
        let fits = typed.chars().count() <= MAX_LENGTH;
        self.checked.fetch_add(1, Ordering::Relaxed);
        let is_right = self.run(move || password::is_right(if fits { &typed } else { "" }, &kept)).await?;
        Ok(is_right && fits && has_one)
    }

    /// What is kept of a new password, if it is good enough.
    pub async fn new_hash(&self, typed: &str, context: Vec<String>, ids: &Ids) -> Result<String, AppError> {
        let (typed, salt, cost) = (normalised(typed), salt(ids), self.cost);
        let made = self.run(move || {
            let context: Vec<&str> = context.iter().map(String::as_str).collect();
            match password::fault(&typed, &context) {
                Some(fault) => Err(AppError::Invalid(vec![fault])),
                None => Ok(password::hash(&typed, salt, cost)),
            }
        });
        made.await?
    }

    /// The same password at today's cost; none when it was kept so.
    pub async fn at_todays_cost(&self, typed: &str, kept: &str, ids: &Ids) -> Result<Option<String>, AppError> {
        if !password::is_outdated(kept, self.cost) {
            return Ok(None);
        }
        let (typed, salt, cost) = (normalised(typed), salt(ids), self.cost);
        self.run(move || password::hash(&typed, salt, cost)).await.map(Some)
    }
}

fn salt(ids: &Ids) -> [u8; 16] {
    let secret = ids.secret();
    std::array::from_fn(|at| secret[at])
}

impl App {
    /// How many passwords were checked since the start.
    pub fn passwords_checked(&self) -> u64 {
        self.sign_ins.hashing.checked.load(Ordering::Relaxed)
    }

    /// What is kept of a new password of a member.
    pub(super) async fn new_password(
        &self,
        tenant: TenantId,
        row: &SignInRow,
        typed: &str,
    ) -> Result<String, AppError> {
        let (slug, name) = self.store.tenant_names(Self::work_permit(), tenant).await?.unwrap_or_default();
        let mut context = vec![row.email.clone(), row.name.clone(), slug, name, "guildhall".to_owned()];
        context.extend(row.email.split(['@', '.']).chain(row.name.split(' ')).map(str::to_owned));
        context.retain(|word| word.chars().count() > 2);
        self.sign_ins.hashing.new_hash(typed, context, &self.ids).await
    }

    /// Looks at the present password of somebody who has signed in.
    pub(super) async fn check_present(&self, caller: &Caller, row: &SignInRow, typed: &str) -> Result<(), AppError> {
        let throttle = &self.sign_ins.throttle;
        throttle.begin_named(PRESENT, row.member.as_bytes(), self.clock.now())?;
        if !self.sign_ins.hashing.is_right(typed, row.password.as_deref()).await? {
            let note = sign_in_note(Some(row.member), "wrong_password");
            self.note_failure(caller.tenant, note.by(caller, self.clock.now())).await?;
            return Err(AppError::invalid("current_password", "wrong", "is not the present password"));
        }
        throttle.named_was_right(PRESENT, row.member.as_bytes());
        Ok(())
    }

    /// Changes the own password. All sessions end, and a new one begins.
    pub async fn change_password(
        &self,
        caller: &Caller,
        change: &PasswordChange,
        from: &Arrival,
    ) -> Result<SignedIn, AppError> {
        let row = self.signed_in_member(caller).await?;
        self.check_present(caller, &row, &change.current_password).await?;
        let hash = self.new_password(caller.tenant, &row, &change.password).await?;
        let (permit, now) = (Self::work_permit(), self.clock.now());
        let steps = vec![
            self.store.set_password(permit, caller.tenant, row.member, &hash, now),
            self.store.end_sessions_of(permit, caller.tenant, row.member, now),
            self.store.drop_link(permit, caller.tenant, row.member),
        ];
        self.begin_session(caller.tenant, &row, "password", from, steps, "password").await
    }
}
