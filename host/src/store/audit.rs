//! The audit trail: appended with what it is about, or before an answer goes out.

use std::fmt::Write as _;

use sea_query::Value as Bound;
use serde_json::json;
use uuid::Uuid;

use super::db::{Engine, Expect, Reach, Row, Step, Stmt};
use super::{Further, Store, StoreError};
use crate::access::{AreaPermit, Configure, HostPermit};
use crate::domain::audit::{Deed, Entry, Note};
use crate::domain::clock::Timestamp;
use crate::domain::id::TenantId;

/// Most entries of one statement; few sizes, so that each text is prepared once.
const SIZES: &[usize] = &[256, 32, 4, 1];
/// Values of one entry.
const COLUMNS: usize = 11;

/// Which entries are asked for.
#[derive(Clone, Debug, Default)]
pub struct AuditFilter {
    /// Of this object.
    pub object: Option<String>,
    /// Of this record.
    pub record: Option<Uuid>,
    /// By this key or plugin.
    pub subject: Option<String>,
    /// Of this kind.
    pub deed: Option<Deed>,
    /// With this field.
    pub field: Option<String>,
    /// From then on.
    pub since: Option<Timestamp>,
    /// Before then.
    pub until: Option<Timestamp>,
    /// Of this request.
    pub request: Option<String>,
    /// Before this one.
    pub before: Option<i64>,
}

impl Store {
    /// Appends entries.
    pub async fn add_audit(&self, _: HostPermit, tenant: TenantId, entries: &[Entry]) -> Result<(), StoreError> {
        self.db.of(tenant).run(self.audit_steps(tenant, entries).collect()).await
    }

    /// The same as further steps of a commit.
    pub fn note(&self, _: HostPermit, tenant: TenantId, entries: &[Entry]) -> Vec<Further> {
        self.audit_steps(tenant, entries).map(Further).collect()
    }

    /// The steps that append entries.
    pub(super) fn audit_steps<'a>(
        &'a self,
        tenant: TenantId,
        mut entries: &'a [Entry],
    ) -> impl Iterator<Item = Step> + 'a {
        std::iter::from_fn(move || {
            let size = *SIZES.iter().find(|&&size| size <= entries.len())?;
            let (now, later) = entries.split_at(size);
            entries = later;
            Some(self.append_audit(tenant, now))
        })
    }

    fn append_audit(&self, tenant: TenantId, entries: &[Entry]) -> Step {
        let mut sql = "insert into audit (tenant_id, at, subject_kind, subject, on_behalf_of, peer, request, action, \
                       object, record_id, fields) values "
            .to_owned();
        let mut values: Vec<Bound> = Vec::with_capacity(entries.len() * COLUMNS);
        for entry in entries {
            sql.push_str(if values.is_empty() { "(" } else { ", (" });
            let row: [Bound; COLUMNS] = [
                tenant.0.into(),
                self.db.engine().time(entry.at),
                entry.subject_kind.as_str().into(),
                entry.subject.as_str().into(),
                entry.on_behalf_of.as_deref().into(),
                entry.peer.as_deref().into(),
                entry.request.as_deref().into(),
                entry.note.deed.name().into(),
                entry.note.object.as_str().into(),
                Bound::Uuid(entry.note.record),
                json!(entry.note.fields).into(),
            ];
            for (at, value) in row.into_iter().enumerate() {
                values.push(value);
                let _ = write!(sql, "{}${}", if at == 0 { "" } else { ", " }, values.len());
            }
            sql.push(')');
        }
        Step { stmt: Stmt::new(sql, values), expect: Expect::Changes(entries.len()) }
    }

    /// Entries of the caller's tenant, the newest first, each with its number.
    pub async fn audit(
        &self,
        permit: AreaPermit<Configure>,
        filter: &AuditFilter,
        limit: u32,
    ) -> Result<Vec<(i64, Entry)>, StoreError> {
        let engine = self.db.engine();
        let mut sql = "select seq, at, subject_kind, subject, on_behalf_of, peer, request, action, object, record_id, \
                       fields from audit where tenant_id = $1"
            .to_owned();
        let mut values: Vec<Bound> = vec![permit.tenant().0.into()];
        let has_field = match engine {
            Engine::Sqlite => "exists (select 1 from json_each(fields) where value = ?)",
            Engine::Postgres => "jsonb_exists(fields, ?)",
        };
        let mut add = |condition: &str, value: Option<Bound>| {
            if let Some(value) = value {
                values.push(value);
                sql.push_str(" and ");
                sql.push_str(&condition.replace('?', &format!("${}", values.len())));
            }
        };
        add("object = ?", filter.object.as_deref().map(Into::into));
        add("record_id = ?", filter.record.map(Into::into));
        add("subject = ?", filter.subject.as_deref().map(Into::into));
        add("action = ?", filter.deed.map(|deed| deed.name().into()));
        add(has_field, filter.field.as_deref().map(Into::into));
        add("request = ?", filter.request.as_deref().map(Into::into));
        add("at >= ?", filter.since.map(|at| engine.time(at)));
        add("at < ?", filter.until.map(|at| engine.time(at)));
        add("seq < ?", filter.before.map(Into::into));
        values.push(i64::from(limit).into());
        let _ = write!(sql, " order by seq desc limit ${}", values.len());
        self.db.of(permit.tenant()).all(Reach::List, Stmt::new(sql, values), entry).await
    }
}

fn entry(row: &Row<'_>) -> Result<(i64, Entry), StoreError> {
    let action = row.text(7)?;
    let wrong = |what: String| StoreError::Inconsistent(format!("an entry of the audit trail: {what}"));
    let note = Note {
        deed: Deed::find(&action).ok_or_else(|| wrong(action))?,
        object: row.text(8)?,
        record: row.maybe_id(9)?,
        fields: serde_json::from_value(row.json(10)?).map_err(|error| wrong(error.to_string()))?,
        plugin: None,
    };
    let entry = Entry {
        at: row.time(1)?,
        subject_kind: row.text(2)?,
        subject: row.text(3)?,
        on_behalf_of: row.maybe_text(4)?,
        peer: row.maybe_text(5)?,
        request: row.maybe_text(6)?,
        note,
    };
    Ok((row.integer(0)?, entry))
}
