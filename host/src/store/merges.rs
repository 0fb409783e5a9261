//! Merges: what became of records that were merged, and how to undo it.

use serde_json::Value as Json;
use uuid::Uuid;

use super::db::{Expect, Row, Step, Stmt};
use super::{Store, StoreError, Unit};
use crate::access::{Permit, Read};
use crate::domain::id::TenantId;
use crate::domain::record::Record;

/// A merge that stands, or stood.
#[derive(Clone, Debug)]
pub struct MergeRow {
    /// The record that is left.
    pub winner: Uuid,
    /// What is needed to undo it.
    pub account: Json,
    /// Whether it was undone.
    pub is_undone: bool,
}

/// A merge that is made or undone with a commit.
#[derive(Clone, Debug)]
pub enum MergeNote {
    /// These records became one.
    Made {
        /// Id of the merge.
        id: Uuid,
        /// The object.
        object: String,
        /// The record that is left.
        winner: Uuid,
        /// The others.
        losers: Vec<Uuid>,
        /// Who asked for it.
        actor: String,
        /// What is needed to undo it.
        account: Json,
    },
    /// They are apart again.
    Undone {
        /// Id of the merge.
        id: Uuid,
    },
}

impl Store {
    /// The merge of that id, of records of this object.
    pub async fn merge(&self, permit: &Permit<Read>, id: Uuid) -> Result<Option<MergeRow>, StoreError> {
        let stmt = Stmt::new(
            "select winner, account, undone_at from merge where tenant_id = $1 and id = $2 and object = $3",
            [permit.tenant().0.into(), id.into(), permit.object().name.as_str().into()],
        );
        let map = |row: &Row<'_>| {
            Ok(MergeRow { winner: row.id(0)?, account: row.json(1)?, is_undone: row.maybe_time(2)?.is_some() })
        };
        match self.db.of(permit.tenant()).maybe(stmt, map).await? {
            Some(row) if self.is_within(permit, row.winner).await? => Ok(Some(row)),
            _ => Ok(None),
        }
    }

    /// The record that a merged one has become; none when the permit is not for both.
    pub async fn merged_into(&self, permit: &Permit<Read>, id: Uuid) -> Result<Option<Uuid>, StoreError> {
        let stmt = Stmt::new(
            "select winner from merged_record where tenant_id = $1 and object = $2 and record_id = $3",
            [permit.tenant().0.into(), permit.object().name.as_str().into(), id.into()],
        );
        match self.db.of(permit.tenant()).maybe(stmt, |row| row.id(0)).await? {
            Some(into) if self.is_within(permit, id).await? && self.is_within(permit, into).await? => Ok(Some(into)),
            _ => Ok(None),
        }
    }

    /// The step that makes a record its own again.
    pub(super) fn unmerge_mark(tenant: TenantId, record: &Record) -> Step {
        let stmt = Stmt::new(
            "delete from merged_record where tenant_id = $1 and object = $2 and record_id = $3",
            [tenant.0.into(), record.object.name.as_str().into(), record.id.into()],
        );
        Step { stmt, expect: Expect::Nothing }
    }

    /// The steps that keep a merge, or mark it as undone.
    pub(super) fn note_merge(&self, unit: &Unit, note: &MergeNote) -> Vec<Step> {
        let (tenant, at) = (unit.tenant.0, self.db.engine().time(unit.at));
        match note {
            MergeNote::Made { id, object, winner, losers, actor, account } => {
                let made = Stmt::new(
                    "insert into merge (tenant_id, id, object, winner, actor, made_at, account) \
                     values ($1, $2, $3, $4, $5, $6, $7)",
                    [
                        tenant.into(),
                        (*id).into(),
                        object.as_str().into(),
                        (*winner).into(),
                        actor.as_str().into(),
                        at,
                        account.clone().into(),
                    ],
                );
                let become_one = losers.iter().map(|loser| {
                    let stmt = Stmt::new(
                        "insert into merged_record (tenant_id, object, record_id, winner, merge_id) \
                         values ($1, $2, $3, $4, $5) on conflict (tenant_id, object, record_id) \
                         do update set winner = excluded.winner, merge_id = excluded.merge_id",
                        [tenant.into(), object.as_str().into(), (*loser).into(), (*winner).into(), (*id).into()],
                    );
                    Step { stmt, expect: Expect::OneChange }
                });
                std::iter::once(Step { stmt: made, expect: Expect::OneChange }).chain(become_one).collect()
            }
            MergeNote::Undone { id } => {
                let undone = Stmt::new(
                    "update merge set undone_at = $1 where tenant_id = $2 and id = $3 and undone_at is null",
                    [at, tenant.into(), (*id).into()],
                );
                vec![Step { stmt: undone, expect: Expect::OneChange }]
            }
        }
    }
}
