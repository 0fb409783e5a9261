//! Links to many: one row per link beside the record, in the same commit, so
//! that they can be followed from both ends.

use std::fmt::Write as _;

use sea_query::Value as Bound;
use uuid::Uuid;

use super::Store;
use super::commit::{Change, Write};
use super::db::{Expect, Step, Stmt};
use crate::domain::field::FieldType;
use crate::domain::id::TenantId;
use crate::domain::value::Value;

impl Store {
    /// The steps that keep the links of a record as it is written. Those that
    /// go and those that come are never the same: the steps need no order.
    pub(super) fn link_steps(tenant: TenantId, write: &Write) -> Vec<Step> {
        let record = &write.record;
        let mut steps = Vec::new();
        for (place, field) in record.object.fields.iter().enumerate() {
            if !matches!(field.kind, FieldType::LinkMany(_)) {
                continue;
            }
            let now = ids(&record.values[place]);
            let before = write.before.as_ref().map_or(&[][..], |before| ids(&before[place]));
            let (gone, come): (Vec<Uuid>, Vec<Uuid>) = match write.change {
                Change::Delete { .. } => (now.to_vec(), Vec::new()),
                _ => (
                    before.iter().filter(|id| !now.contains(id)).copied().collect(),
                    now.iter().filter(|id| !before.contains(id)).copied().collect(),
                ),
            };
            let head: [Bound; 4] =
                [tenant.0.into(), record.object.name.as_str().into(), field.name().into(), record.id.into()];
            if !gone.is_empty() {
                let places: Vec<String> = (5..5 + gone.len()).map(|at| format!("${at}")).collect();
                let sql = format!(
                    "delete from link where tenant_id = $1 and object = $2 and field = $3 and from_id = $4 \
                     and to_id in ({})",
                    places.join(", ")
                );
                let values: Vec<Bound> = head.iter().cloned().chain(gone.into_iter().map(Bound::from)).collect();
                steps.push(Step { stmt: Stmt::new(sql, values), expect: Expect::Nothing });
            }
            if !come.is_empty() {
                let mut sql = "insert into link (tenant_id, object, field, from_id, to_id) values ".to_owned();
                let mut values: Vec<Bound> = head.to_vec();
                for id in come {
                    values.push(id.into());
                    let comma = if values.len() == 5 { "" } else { ", " };
                    let _ = write!(sql, "{comma}($1, $2, $3, $4, ${})", values.len());
                }
                sql.push_str(" on conflict do nothing");
                steps.push(Step { stmt: Stmt::new(sql, values), expect: Expect::Nothing });
            }
        }
        steps
    }
}

fn ids(value: &Value) -> &[Uuid] {
    match value {
        Value::Ids(ids) => ids,
        _ => &[],
    }
}
