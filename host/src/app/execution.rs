//! One execution of a command: runs of its operations until a commit stands.
//!
//! Operations run together. When each has an outcome of its own, refused ones
//! are left out and the rest runs again; a refusal that names no operation
//! halves the group, so that one bad operation costs some twenty runs and not
//! one for each of the others.

use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::attempt::{Attempt, Refusal};
use super::command::{Command, Done, Form, Render, Report};
use super::disclosure::Disclosure;
use super::lanes::Held;
use super::operation::Outcome;
use super::staging::Key;
use super::unit_of_work::{Cause, Work};
use super::{App, AppError, Catalog};
use crate::domain::audit::Note;
use crate::domain::caller::Caller;
use crate::store::{Conflict, IdempotencyKey, KeptAnswer};

/// Most runs of one group of operations. Losers queue for the record, so that
/// a command that needs this many has met something very unusual.
const MAX_RUNS: usize = 64;
/// Most runs because something that a module made was there already.
const MAX_TAKEN: usize = 4;
/// Most groups that a command falls apart into.
const MAX_GROUPS: usize = 200;
/// Longest wait for others who change the same records.
const DEADLINE: Duration = Duration::from_secs(10);

/// An execution under way.
pub(super) struct Execution<'a> {
    app: &'a Arc<App>,
    caller: &'a Caller,
    command: &'a Command,
    catalog: Arc<Catalog>,
    key: Option<IdempotencyKey>,
    render: &'a Render,
    report: Report,
    /// What every run of it is a part of.
    cause: Cause,
    /// What answers of earlier groups showed.
    shown: Vec<Note>,
    /// Whether an earlier group has kept an answer.
    has_kept: bool,
    /// Whether that answer does not say everything any more.
    is_behind: bool,
    /// Runs that came to an end, for the numbers of explained calls.
    runs: usize,
}

/// How a group ended.
enum Ended {
    /// It is committed, but for the operations that the report says were refused.
    Done,
    /// The request was answered by somebody else.
    Before(crate::store::Answer),
    /// It was refused as a whole.
    Refused(Vec<usize>, AppError),
}

/// What follows from one run.
enum Next {
    Ended(Ended),
    /// Once more, after queueing for this record.
    Again(Option<Key>),
}

impl<'a> Execution<'a> {
    /// An execution that has not begun.
    pub fn new(
        app: &'a Arc<App>,
        caller: &'a Caller,
        command: &'a Command,
        catalog: Arc<Catalog>,
        key: Option<IdempotencyKey>,
        render: &'a Render,
    ) -> Self {
        let outcomes = command.operations.iter().map(|_| Err(AppError::NotReached)).collect();
        let report = Report { outcomes, changes: Vec::new(), calls: Vec::new() };
        let cause = match &key {
            Some(key) => Cause::of(&format!("{}:{}", key.asker, key.name), 0),
            None => Cause::new(app.ids.make()),
        };
        Self {
            app,
            caller,
            command,
            catalog,
            key,
            render,
            report,
            cause,
            shown: Vec::new(),
            has_kept: false,
            is_behind: false,
            runs: 0,
        }
    }

    /// Runs the command to its end; a refusal says what modules did before it, when that was asked for.
    pub async fn explained(mut self) -> Result<Done, AppError> {
        let done = self.run().await;
        match done {
            Err(error) if !self.report.calls.is_empty() && !error.is_of_the_host() => {
                let calls = std::mem::take(&mut self.report.calls);
                Err(AppError::Explained { error: Box::new(error), calls })
            }
            done => done,
        }
    }

    async fn run(&mut self) -> Result<Done, AppError> {
        let mut groups = VecDeque::from([(0..self.command.operations.len()).collect::<Vec<_>>()]);
        let mut count = 1;
        while let Some(group) = groups.pop_front() {
            match self.run_group(group).await? {
                Ended::Done => {}
                Ended::Before(answer) => return Ok(Done::Before(answer)),
                Ended::Refused(group, error) if group.len() == 1 => {
                    self.report.outcomes[group[0]] = Err(error);
                    self.is_behind = self.has_kept;
                }
                Ended::Refused(mut group, _) if count < MAX_GROUPS => {
                    count += 1;
                    let second = group.split_off(group.len() / 2);
                    groups.push_front(second);
                    groups.push_front(group);
                }
                Ended::Refused(group, error) => {
                    let text = error.to_string();
                    for at in group {
                        self.report.outcomes[at] = Err(AppError::Refused(text.clone()));
                    }
                    self.is_behind = self.has_kept;
                }
            }
        }
        if self.is_behind {
            let work = Work::begin(self.app, self.caller, &self.catalog, BTreeSet::new());
            let unit = work.finish(self.kept_answer(&[]).await?).await;
            if let Err(conflict) = self.app.store.commit(&unit).await {
                tracing::warn!(%conflict, "a batch is stored, and the last word of its answer is not kept");
            }
        }
        Ok(Done::Now((self.render)(&self.report)))
    }

    async fn run_group(&mut self, mut group: Vec<usize>) -> Result<Ended, AppError> {
        let app = self.app;
        let mut held = app.lanes.hold_none();
        let deadline = Instant::now() + DEADLINE;
        let mut taken = 0;
        for _ in 0..MAX_RUNS {
            match self.run_once(&mut group, &held, &mut taken).await? {
                Next::Ended(ended) => return Ok(ended),
                Next::Again(None) => {}
                Next::Again(Some((object, id))) => {
                    let queue = held.join((self.caller.tenant, object, id));
                    if tokio::time::timeout_at(deadline, queue).await.is_err() {
                        break;
                    }
                }
            }
        }
        self.refuse_all(group, AppError::Contended)
    }

    async fn run_once(&mut self, group: &mut Vec<usize>, held: &Held<'_>, taken: &mut usize) -> Result<Next, AppError> {
        let work = Work::begin(self.app, self.caller, &self.catalog, held.lanes());
        let work = work.dry(self.command.is_dry).of(self.cause.clone());
        let work = Arc::new(work.explaining(self.command.is_dry && self.command.explains));
        let attempt = Attempt::run(&work, self.command, group).await;
        let attempt = match (attempt, work.contended().await) {
            (_, Some(record)) => return Ok(Next::Again(Some(record))),
            (attempt, None) => attempt,
        };
        if attempt.as_ref().is_err_and(Refusal::is_of_a_module)
            && let Some(record) = work.overtaken().await?
        {
            return Ok(Next::Again(Some(record)));
        }
        self.runs += 1;
        let (calls, mut noted) = work.explained(self.runs).await?;
        self.report.calls.extend(calls);
        let attempt = match attempt {
            Ok(attempt) => attempt,
            Err(refusal) => {
                self.app.note(self.caller, noted).await?;
                return self.refuse(group, refusal);
            }
        };
        let Attempt { keys, outcomes } = attempt;
        let mut disclosure = Disclosure::new(self.app, self.caller);
        for (at, mut outcome) in outcomes {
            outcome.iter_mut().filter_map(Outcome::record_mut).for_each(|record| work.as_seen(record));
            disclosure.show_all(outcome.iter_mut().filter_map(Outcome::record_mut).collect()).await?;
            self.report.outcomes[at] = outcome;
        }
        let mut planned = if self.command.is_dry { work.planned().await? } else { Vec::new() };
        for change in &mut planned {
            disclosure.show_all(change.before.iter_mut().chain(&mut change.after).collect()).await?;
        }
        let mut shown = disclosure.into_notes();
        noted.retain(|note| !shown.contains(note));
        shown.extend(noted);
        let kept = self.kept_answer(&shown).await?;
        let mut unit = work.finish(kept).await;
        let conflict = if self.command.is_dry {
            if super::taken::find(self.app, self.caller, &unit.writes).await?.is_empty() {
                self.app.note(self.caller, shown).await?;
                self.report.changes.extend(planned);
                return Ok(Next::Ended(Ended::Done));
            }
            Conflict::Duplicate
        } else if unit.is_empty() {
            self.app.note(self.caller, shown).await?;
            return Ok(Next::Ended(Ended::Done));
        } else {
            unit.audit.extend(shown.iter().map(|note| note.clone().by(self.caller, work.at)));
            match self.app.store.commit(&unit).await {
                Ok(()) => {
                    if !unit.effects.is_empty() {
                        self.app.job_queued();
                    }
                    self.has_kept = self.key.is_some();
                    self.is_behind = false;
                    self.shown.extend(shown);
                    return Ok(Next::Ended(Ended::Done));
                }
                Err(conflict) => conflict,
            }
        };
        match conflict {
            Conflict::Answered => match self.app.given_answer(self.key.as_ref()).await? {
                Some(answer) => Ok(Next::Ended(Ended::Before(answer))),
                None => Ok(Next::Again(None)),
            },
            Conflict::Changed { object, id } => Ok(Next::Again(Some((object, id)))),
            // What else is part of a command is always there.
            Conflict::Busy | Conflict::Superseded(_) => Ok(Next::Again(None)),
            Conflict::Store(error) => Err(error.into()),
            Conflict::Duplicate => {
                let found = super::taken::find(self.app, self.caller, &unit.writes).await?;
                // Two modules made the same thing at once: the second sees it when it runs again.
                if *taken < MAX_TAKEN && found.iter().all(|taken| unit.writes[taken.write].plugin().is_some()) {
                    *taken += 1;
                    return Ok(Next::Again(None));
                }
                match super::taken::blame(self.command, &keys, &unit.writes, found) {
                    Some(refusal) => self.refuse(group, refusal),
                    None => Ok(Next::Again(None)),
                }
            }
        }
    }

    /// The answer as it stands, to be kept for a retry.
    async fn kept_answer(&self, shown: &[Note]) -> Result<Option<KeptAnswer>, AppError> {
        let Some(key) = self.key.clone().filter(|_| !self.command.is_dry) else { return Ok(None) };
        let records = self.report.outcomes.iter().filter_map(|outcome| outcome.as_ref().ok()?.record());
        let shown: Vec<Note> = self.shown.iter().chain(shown).cloned().collect();
        let is_secret = records.into_iter().any(|record| record.object.has_sealed_fields());
        let answer = self.app.keepable(&key, (self.render)(&self.report), &shown, is_secret).await?;
        Ok(Some(KeptAnswer { key, answer, is_further: self.has_kept }))
    }

    fn refuse(&mut self, group: &mut Vec<usize>, refusal: Refusal) -> Result<Next, AppError> {
        match refusal {
            Refusal::Operations(refused) => self.leave_out(group, refused),
            Refusal::All(error) => self.refuse_all(std::mem::take(group), error).map(Next::Ended),
        }
    }

    /// Leaves refused operations out and runs the rest again; when all stand or
    /// fall together, that is the end.
    fn leave_out(&mut self, group: &mut Vec<usize>, refused: Vec<(usize, AppError)>) -> Result<Next, AppError> {
        for (at, error) in refused {
            if self.command.form != Form::Each || error.is_of_the_host() {
                return Err(self.of_operation(at, error));
            }
            group.retain(|other| *other != at);
            self.report.outcomes[at] = Err(error);
        }
        Ok(Next::Again(None))
    }

    fn refuse_all(&self, group: Vec<usize>, error: AppError) -> Result<Ended, AppError> {
        if self.command.form != Form::Each || error.is_of_the_host() {
            return Err(error);
        }
        Ok(Ended::Refused(group, error))
    }

    fn of_operation(&self, at: usize, error: AppError) -> AppError {
        if self.command.form == Form::One || error.is_of_the_host() {
            return error;
        }
        AppError::Operation { at, error: Box::new(error) }
    }
}
