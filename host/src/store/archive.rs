//! What a tenant has beside its records, row by row, for a file with all of it: no secrets and no hashes.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value as Json, json};
use std::fmt::Write as _;
use uuid::Uuid;

use sea_query::Value as Bound;

use super::db::{Reach, Row, Stmt};
use super::{Store, StoreError};
use crate::access::{AreaPermit, Export};

/// How a column is read.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Id,
    Text,
    Whole,
    /// A whole number, or none.
    Count,
    Is,
    Time,
    Json,
    /// Bytes, shown as base64.
    Bytes,
}

use Kind::{Count, Id, Is, Text, Time, Whole};

/// Rows of one kind: the table, the columns that order them, and those that are shown.
struct Part {
    name: &'static str,
    table: &'static str,
    keys: usize,
    columns: &'static [(&'static str, Kind)],
}

/// Every part; the first columns of each are its key.
const PARTS: &[Part] = &[
    Part {
        name: "members",
        table: "member",
        keys: 1,
        columns: &[
            ("id", Id),
            ("email", Text),
            ("name", Text),
            ("roles", Kind::Json),
            ("manager_id", Id),
            ("company_id", Id),
            ("is_active", Is),
            ("version", Whole),
            ("created_at", Time),
        ],
    },
    Part {
        name: "teams",
        table: "team",
        keys: 1,
        columns: &[("id", Id), ("name", Text), ("parent_id", Id), ("version", Whole), ("created_at", Time)],
    },
    Part { name: "team_members", table: "team_member", keys: 2, columns: &[("team_id", Id), ("member_id", Id)] },
    Part {
        name: "roles",
        table: "role",
        keys: 1,
        columns: &[("name", Text), ("definition", Kind::Json), ("version", Whole)],
    },
    Part {
        name: "shares",
        table: "share",
        keys: 1,
        columns: &[
            ("id", Id),
            ("object", Text),
            ("record_id", Id),
            ("subject_kind", Text),
            ("subject_id", Id),
            ("can_update", Is),
            ("until_at", Time),
            ("created_by", Text),
            ("created_at", Time),
        ],
    },
    Part {
        name: "api_keys",
        table: "api_key",
        keys: 1,
        columns: &[
            ("id", Id),
            ("name", Text),
            ("role", Text),
            ("member_id", Id),
            ("created_by", Text),
            ("created_at", Time),
            ("expires_at", Time),
            ("last_used_at", Time),
            ("revoked_at", Time),
        ],
    },
    Part {
        name: "modules",
        table: "module",
        keys: 1,
        columns: &[
            ("plugin_id", Text),
            ("plugin_version", Text),
            ("enabled", Is),
            ("config", Kind::Json),
            ("granted", Kind::Json),
            ("previous_version", Text),
            ("previous_granted", Kind::Json),
            ("previous_config", Kind::Json),
            ("told_version", Text),
            ("pending_version", Text),
            ("is_automatic", Is),
            ("keep_failures", Is),
            ("record_calls", Whole),
            ("changed_at", Time),
        ],
    },
    Part {
        name: "module_secrets",
        table: "module_secret",
        keys: 2,
        columns: &[("plugin_id", Text), ("name", Text), ("set_at", Time)],
    },
    Part {
        name: "module_keys",
        table: "kv",
        keys: 2,
        columns: &[("plugin_id", Text), ("key", Kind::Bytes), ("value", Kind::Bytes), ("updated_at", Time)],
    },
    Part {
        name: "module_events_set_aside",
        table: "module_event",
        keys: 2,
        columns: &[
            ("plugin_id", Text),
            ("event_id", Id),
            ("type", Text),
            ("code", Text),
            ("detail", Text),
            ("set_aside_at", Time),
        ],
    },
    Part {
        name: "webhooks",
        table: "webhook",
        keys: 1,
        columns: &[
            ("id", Id),
            ("url", Text),
            ("description", Text),
            ("types", Kind::Json),
            ("enabled", Is),
            ("disabled_reason", Text),
            ("created_at", Time),
            ("updated_at", Time),
        ],
    },
    Part {
        name: "merges",
        table: "merge",
        keys: 1,
        columns: &[
            ("id", Id),
            ("object", Text),
            ("winner", Id),
            ("actor", Text),
            ("made_at", Time),
            ("undone_at", Time),
        ],
    },
    Part {
        name: "plugin_usage",
        table: "plugin_usage",
        keys: 4,
        columns: &[
            ("day", Text),
            ("plugin_id", Text),
            ("version", Text),
            ("point", Text),
            ("calls", Whole),
            ("failures", Whole),
            ("cpu_us", Whole),
            ("wall_us", Whole),
            ("peak_memory", Whole),
            ("host_calls", Whole),
            ("rows_read", Whole),
            ("bytes_read", Whole),
            ("bytes_written", Whole),
            ("bytes_sent", Whole),
        ],
    },
    Part {
        name: "plugin_access",
        table: "plugin_access",
        keys: 1,
        columns: &[
            ("seq", Whole),
            ("at", Time),
            ("invocation", Id),
            ("plugin_id", Text),
            ("version", Text),
            ("point", Text),
            ("actor_kind", Text),
            ("actor", Text),
            ("request", Text),
            ("object", Text),
            ("sets", Kind::Json),
            ("records", Kind::Json),
            ("host", Text),
            ("requests", Count),
            ("bytes_out", Count),
            ("bytes_in", Count),
        ],
    },
    Part {
        name: "plugin_logs",
        table: "plugin_log",
        keys: 1,
        columns: &[
            ("seq", Whole),
            ("at", Time),
            ("invocation", Id),
            ("plugin_id", Text),
            ("version", Text),
            ("point", Text),
            ("level", Text),
            ("message", Text),
            ("fields", Kind::Json),
        ],
    },
    Part {
        name: "plugin_failures",
        table: "plugin_failure",
        keys: 1,
        columns: &[
            ("id", Id),
            ("at", Time),
            ("plugin_id", Text),
            ("version", Text),
            ("point", Text),
            ("actor_kind", Text),
            ("actor", Text),
            ("request", Text),
            ("code", Text),
            ("message", Text),
            ("trap", Text),
            ("frames", Kind::Json),
            ("spent", Kind::Json),
        ],
    },
    Part {
        name: "audit",
        table: "audit",
        keys: 1,
        columns: &[
            ("seq", Whole),
            ("at", Time),
            ("subject_kind", Text),
            ("subject", Text),
            ("on_behalf_of", Text),
            ("peer", Text),
            ("request", Text),
            ("action", Text),
            ("object", Text),
            ("record_id", Id),
            ("fields", Kind::Json),
        ],
    },
];

impl Store {
    /// Names of the kinds of rows.
    pub fn archive_parts() -> impl Iterator<Item = &'static str> {
        PARTS.iter().map(|part| part.name)
    }

    /// Rows of one kind behind the last one that was read.
    pub async fn archived(
        &self,
        permit: AreaPermit<Export>,
        name: &str,
        last: Option<&Json>,
        limit: u32,
    ) -> Result<Vec<Json>, StoreError> {
        let part = PARTS.iter().find(|part| part.name == name);
        let part = part.ok_or_else(|| StoreError::Inconsistent(format!("there is no part `{name}`")))?;
        let names: Vec<&str> = part.columns.iter().map(|(name, _)| *name).collect();
        let keys = names[..part.keys].join(", ");
        let mut sql = format!("select {} from {} where tenant_id = $1", names.join(", "), part.table);
        let mut values: Vec<Bound> = vec![permit.tenant().0.into()];
        if let Some(last) = last {
            for (name, kind) in &part.columns[..part.keys] {
                values.push(bound(*kind, &last[*name]));
            }
            let places: Vec<String> = (2..=values.len()).map(|at| format!("${at}")).collect();
            let _ = write!(sql, " and ({keys}) > ({})", places.join(", "));
        }
        values.push(i64::from(limit).into());
        let _ = write!(sql, " order by {keys} limit ${}", values.len());
        self.db.of(permit.tenant()).all(Reach::List, Stmt::new(sql, values), |row| read(row, part.columns)).await
    }
}

/// A value of a key, as it was read.
fn bound(kind: Kind, value: &Json) -> Bound {
    match kind {
        Kind::Id => value.as_str().and_then(|text| Uuid::parse_str(text).ok()).unwrap_or_default().into(),
        Kind::Whole => value.as_i64().unwrap_or_default().into(),
        Kind::Bytes => value.as_str().and_then(|text| STANDARD.decode(text).ok()).unwrap_or_default().into(),
        _ => value.as_str().unwrap_or_default().into(),
    }
}

fn read(row: &Row<'_>, columns: &[(&str, Kind)]) -> Result<Json, StoreError> {
    let mut map = Map::with_capacity(columns.len());
    for (at, (name, kind)) in columns.iter().enumerate() {
        let value = match kind {
            Kind::Id => json!(row.maybe_id(at)?),
            Kind::Text => json!(row.maybe_text(at)?),
            Kind::Whole => json!(row.integer(at)?),
            Kind::Count => json!(row.maybe_integer(at)?),
            Kind::Is => json!(row.boolean(at)?),
            Kind::Time => json!(row.maybe_time(at)?.map(|time| time.to_string())),
            Kind::Json => row.json_or_null(at)?,
            Kind::Bytes => json!(STANDARD.encode(row.bytes(at)?)),
        };
        map.insert((*name).to_owned(), value);
    }
    Ok(Json::Object(map))
}
