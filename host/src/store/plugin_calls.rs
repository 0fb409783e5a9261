//! What modules said, and how calls of them failed; everything that is kept of a call goes in at once.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use sea_query::Value as Bound;
use serde_json::json;
use uuid::Uuid;

use super::db::{Expect, Reach, Row, Step, Stmt};
use super::{Further, Store, StoreError};
use crate::access::{AreaPermit, Configure, HostPermit, Read};
use crate::domain::accountability::{CallAccount, FailureNote, Invocation, LogLine};
use crate::domain::clock::Timestamp;
use crate::domain::id::TenantId;

/// Lines of one tenant that are kept.
const LINES: i64 = 10_000;
/// Failures of one tenant that are kept.
const FAILURES: i64 = 1_000;
/// Most rows of one statement; few sizes, so that each text is prepared once.
const SIZES: &[usize] = &[64, 8, 1];

const LOG: &str = "tenant_id, at, invocation, plugin_id, version, point, level, message, fields";
const FAILURE: &str = "tenant_id, id, at, plugin_id, version, point, actor_kind, actor, request, code, message, trap, \
                       frames, spent, transcript";
/// What is read of a failure: all but the transcript.
const TOLD: &str = "id, at, plugin_id, version, point, actor_kind, actor, request, code, message, trap, frames, spent, \
                    transcript is not null";

/// A line as it is kept.
#[derive(Clone, Debug)]
pub struct LogRow {
    /// Its number.
    pub seq: i64,
    /// When.
    pub at: Timestamp,
    /// The call.
    pub invocation: Uuid,
    /// The version of the plugin.
    pub version: String,
    /// The extension point.
    pub point: String,
    /// What was said.
    pub line: LogLine,
}

/// A failure as it is kept.
#[derive(Clone, Debug)]
pub struct FailureRow {
    /// The call.
    pub invocation: Invocation,
    /// How it failed; without the transcript.
    pub note: FailureNote,
    /// Whether there is a transcript.
    pub has_transcript: bool,
}

/// Which rows of a module are asked for.
#[derive(Clone, Debug, Default)]
pub struct CallFilter {
    /// The plugin.
    pub plugin: String,
    /// Of this level, or with this code.
    pub word: Option<String>,
    /// Of this call.
    pub invocation: Option<Uuid>,
    /// From then on.
    pub from: Option<Timestamp>,
}

impl Store {
    /// Keeps what calls of a tenant's modules came to.
    pub async fn keep_calls(
        &self,
        _: HostPermit,
        tenant: TenantId,
        accounts: &[CallAccount],
    ) -> Result<(), StoreError> {
        let mut steps = self.access_steps(tenant, accounts);
        let lines = accounts
            .iter()
            .flat_map(|account| account.lines.iter().map(|line| self.log_values(tenant, &account.invocation, line)));
        let lines: Vec<_> = lines.collect();
        let failures = accounts
            .iter()
            .filter_map(|account| Some(self.failure_values(tenant, &account.invocation, account.failure.as_ref()?)));
        let failures: Vec<_> = failures.collect();
        let recordings = accounts.iter().filter_map(|account| {
            let (call, _) = account.recording.as_ref()?;
            let Invocation { id, at, plugin, .. } = &account.invocation;
            let at = self.db.engine().time(*at);
            Some(vec![tenant.0.into(), (*id).into(), at, plugin.as_str().into(), call.as_str().into()])
        });
        let recordings: Vec<_> = recordings.collect();
        let (has_lines, has_failures) = (!lines.is_empty(), !failures.is_empty());
        steps.extend(inserts("plugin_log", LOG, lines));
        steps.extend(inserts("plugin_failure", FAILURE, failures));
        steps.extend(inserts("plugin_recording", "tenant_id, id, at, plugin_id, call", recordings));
        let modules: BTreeMap<&str, u32> = accounts
            .iter()
            .filter_map(|account| Some((account.invocation.plugin.as_str(), account.recording.as_ref()?.1)))
            .collect();
        steps.extend(modules.into_iter().map(|(plugin, most)| trim_recordings(tenant, plugin, most)));
        if has_lines {
            steps.push(trim("plugin_log", "seq", LINES, tenant));
        }
        if has_failures {
            steps.push(trim("plugin_failure", "id", FAILURES, tenant));
        }
        self.db.of(tenant).run(steps).await
    }

    fn log_values(&self, tenant: TenantId, call: &Invocation, line: &LogLine) -> Vec<Bound> {
        let fields: serde_json::Map<_, _> =
            line.fields.iter().map(|(name, value)| (plain(name), json!(plain(value)))).collect();
        vec![
            tenant.0.into(),
            self.db.engine().time(call.at),
            call.id.into(),
            call.plugin.as_str().into(),
            call.version.as_str().into(),
            call.point.as_str().into(),
            plain(&line.level).into(),
            plain(&line.message).into(),
            json!(fields).into(),
        ]
    }

    fn failure_values(&self, tenant: TenantId, call: &Invocation, note: &FailureNote) -> Vec<Bound> {
        vec![
            tenant.0.into(),
            call.id.into(),
            self.db.engine().time(call.at),
            call.plugin.as_str().into(),
            call.version.as_str().into(),
            call.point.as_str().into(),
            call.actor_kind.as_str().into(),
            call.actor.as_str().into(),
            call.request.as_deref().into(),
            note.code.as_str().into(),
            plain(&note.message).into(),
            note.trap.as_deref().into(),
            json!(note.frames).into(),
            json!(note.spent).into(),
            note.transcript.as_deref().into(),
        ]
    }

    /// Lines of a module of the caller's tenant, the newest first.
    pub async fn plugin_log(
        &self,
        permit: AreaPermit<Read>,
        filter: &CallFilter,
        before: Option<i64>,
        limit: u32,
    ) -> Result<Vec<LogRow>, StoreError> {
        let sql = "select seq, at, invocation, version, point, level, message, fields from plugin_log \
                   where tenant_id = $1 and plugin_id = $2";
        let further = [
            ("level = ?", filter.word.as_deref().map(Bound::from)),
            ("invocation = ?", filter.invocation.map(Bound::from)),
            ("at >= ?", filter.from.map(|at| self.db.engine().time(at))),
            ("seq < ?", before.map(Bound::from)),
        ];
        let stmt = page(sql, permit.tenant(), &filter.plugin, further, "seq", limit);
        self.db.of(permit.tenant()).all(Reach::List, stmt, log_row).await
    }

    /// Failures of a module of the caller's tenant, the newest first.
    pub async fn plugin_failures(
        &self,
        permit: AreaPermit<Read>,
        filter: &CallFilter,
        before: Option<Uuid>,
        limit: u32,
    ) -> Result<Vec<FailureRow>, StoreError> {
        let sql = format!("select {TOLD} from plugin_failure where tenant_id = $1 and plugin_id = $2");
        let further = [
            ("code = ?", filter.word.as_deref().map(Bound::from)),
            ("id = ?", filter.invocation.map(Bound::from)),
            ("at >= ?", filter.from.map(|at| self.db.engine().time(at))),
            ("id < ?", before.map(Bound::from)),
        ];
        let stmt = page(&sql, permit.tenant(), &filter.plugin, further, "id", limit);
        self.db.of(permit.tenant()).all(Reach::List, stmt, failure_row).await
    }

    /// The transcript of a failed call of a module.
    pub async fn plugin_transcript(
        &self,
        permit: AreaPermit<Read>,
        plugin: &str,
        id: Uuid,
    ) -> Result<Option<String>, StoreError> {
        let stmt = Stmt::new(
            "select transcript from plugin_failure \
             where tenant_id = $1 and id = $2 and plugin_id = $3 and transcript is not null",
            [permit.tenant().0.into(), id.into(), plugin.into()],
        );
        self.db.of(permit.tenant()).maybe(stmt, |row| row.text(0)).await
    }

    /// Calls of a module as they were, the newest first.
    pub async fn plugin_recordings(
        &self,
        permit: AreaPermit<Read>,
        plugin: &str,
        limit: u32,
    ) -> Result<Vec<(Uuid, String)>, StoreError> {
        let sql = "select id, call from plugin_recording where tenant_id = $1 and plugin_id = $2";
        let stmt = page(sql, permit.tenant(), plugin, [], "id", limit);
        self.db.of(permit.tenant()).all(Reach::List, stmt, |row| Ok((row.id(0)?, row.text(1)?))).await
    }

    /// The step that leaves so many recorded calls of a module.
    pub fn forget_recordings(&self, permit: AreaPermit<Configure>, plugin: &str, most: u32) -> Further {
        Further(trim_recordings(permit.tenant(), plugin, most))
    }

    /// Forgets failures of a tenant, and recorded calls, from before then.
    pub async fn forget_failures(&self, _: HostPermit, tenant: TenantId, before: Timestamp) -> Result<(), StoreError> {
        let steps = ["plugin_failure", "plugin_recording"].map(|table| {
            let values = [tenant.0.into(), self.db.engine().time(before)];
            let stmt = Stmt::new(format!("delete from {table} where tenant_id = $1 and at < $2"), values);
            Step { stmt, expect: Expect::Nothing }
        });
        self.db.of(tenant).run(steps.into()).await
    }
}

/// Text that both engines keep: PostgreSQL has no place for a null character.
fn plain(text: &str) -> String {
    text.replace('\0', "\u{fffd}")
}

/// The statements that put rows into a table.
pub(super) fn inserts(table: &str, columns: &str, rows: Vec<Vec<Bound>>) -> Vec<Step> {
    let mut steps = Vec::new();
    let mut rows = rows.into_iter();
    while rows.len() > 0 {
        let size = SIZES.iter().copied().find(|&size| size <= rows.len()).unwrap_or(1);
        let mut sql = format!("insert into {table} ({columns}) values ");
        let mut values: Vec<Bound> = Vec::new();
        for row in rows.by_ref().take(size) {
            sql.push_str(if values.is_empty() { "(" } else { ", (" });
            for (at, value) in row.into_iter().enumerate() {
                values.push(value);
                let _ = write!(sql, "{}${}", if at == 0 { "" } else { ", " }, values.len());
            }
            sql.push(')');
        }
        steps.push(Step { stmt: Stmt::new(sql, values), expect: Expect::Nothing });
    }
    steps
}

/// Leaves so many rows of a tenant, the newest.
fn trim(table: &str, order: &str, most: i64, tenant: TenantId) -> Step {
    let sql = format!(
        "delete from {table} where tenant_id = $1 and {order} <= \
         (select {order} from {table} where tenant_id = $1 order by {order} desc limit 1 offset $2)"
    );
    Step { stmt: Stmt::new(sql, [tenant.0.into(), most.into()]), expect: Expect::Nothing }
}

/// Leaves so many recorded calls of a module, the newest.
fn trim_recordings(tenant: TenantId, plugin: &str, most: u32) -> Step {
    let sql = "delete from plugin_recording where tenant_id = $1 and plugin_id = $2 and id <= \
               (select id from plugin_recording where tenant_id = $1 and plugin_id = $2 \
                order by id desc limit 1 offset $3)";
    Step { stmt: Stmt::new(sql, [tenant.0.into(), plugin.into(), i64::from(most).into()]), expect: Expect::Nothing }
}

/// A page of what is kept of a module, the newest first.
fn page<const N: usize>(
    sql: &str,
    tenant: TenantId,
    plugin: &str,
    further: [(&str, Option<Bound>); N],
    order: &str,
    limit: u32,
) -> Stmt {
    let mut sql = sql.to_owned();
    let mut values: Vec<Bound> = vec![tenant.0.into(), plugin.into()];
    for (condition, value) in further {
        if let Some(value) = value {
            values.push(value);
            let _ = write!(sql, " and {}", condition.replace('?', &format!("${}", values.len())));
        }
    }
    values.push(i64::from(limit).into());
    let _ = write!(sql, " order by {order} desc limit ${}", values.len());
    Stmt::new(sql, values)
}

fn log_row(row: &Row<'_>) -> Result<LogRow, StoreError> {
    let fields: serde_json::Map<String, serde_json::Value> = serde_json::from_value(row.json(7)?)
        .map_err(|error| StoreError::Inconsistent(format!("a line of a module: {error}")))?;
    let fields =
        fields.into_iter().map(|(name, value)| (name, value.as_str().unwrap_or_default().to_owned())).collect();
    Ok(LogRow {
        seq: row.integer(0)?,
        at: row.time(1)?,
        invocation: row.id(2)?,
        version: row.text(3)?,
        point: row.text(4)?,
        line: LogLine { level: row.text(5)?, message: row.text(6)?, fields },
    })
}

fn failure_row(row: &Row<'_>) -> Result<FailureRow, StoreError> {
    let wrong = |error: serde_json::Error| StoreError::Inconsistent(format!("a failure of a module: {error}"));
    let invocation = Invocation {
        id: row.id(0)?,
        at: row.time(1)?,
        plugin: row.text(2)?,
        version: row.text(3)?,
        point: row.text(4)?,
        actor_kind: row.text(5)?,
        actor: row.text(6)?,
        request: row.maybe_text(7)?,
    };
    let note = FailureNote {
        code: row.text(8)?,
        message: row.text(9)?,
        trap: row.maybe_text(10)?,
        frames: serde_json::from_value(row.json(11)?).map_err(wrong)?,
        spent: serde_json::from_value(row.json(12)?).map_err(wrong)?,
        transcript: None,
    };
    Ok(FailureRow { invocation, note, has_transcript: row.boolean(13)? })
}
