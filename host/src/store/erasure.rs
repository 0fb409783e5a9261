//! Erasing a person: the list of its records, and what is taken out of tables beside them. Every statement is
//! about one tenant.

use std::fmt::Write as _;

use sea_query::Value as Bound;
use serde_json::Value as Json;
use uuid::Uuid;

use super::commit::Further;
use super::db::{Expect, Reach, Row, Step, Stmt};
use super::{Store, StoreError};
use crate::access::HostPermit;
use crate::domain::id::TenantId;
use crate::domain::object::Object;
use crate::domain::record::Record;

/// Rows that one statement adds.
const AT_ONCE: usize = 500;

/// A record that an erasure is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ErasureRow {
    /// Its object.
    pub object: String,
    /// Its id.
    pub record: Uuid,
    /// Whether it goes for good; otherwise it lets go of the person.
    pub is_removed: bool,
}

/// Values of an event, to be looked through.
#[derive(Clone, Debug)]
pub struct EventValues {
    /// Its number.
    pub seq: i64,
    /// The changed fields before.
    pub before: Json,
    /// The changed fields after.
    pub after: Json,
    /// Whether a module published it.
    pub is_published: bool,
}

impl Store {
    /// Adds records to the list of an erasure; those that are on it stay.
    pub async fn add_erasure(
        &self,
        _: HostPermit,
        tenant: TenantId,
        person: Uuid,
        rows: &[ErasureRow],
    ) -> Result<(), StoreError> {
        for rows in rows.chunks(AT_ONCE) {
            let steps = rows.iter().map(|row| {
                let stmt = Stmt::new(
                    "insert into erasure_record (tenant_id, person_id, object, record_id, is_removed) \
                     values ($1, $2, $3, $4, $5) on conflict (tenant_id, person_id, object, record_id) \
                     do update set is_removed = erasure_record.is_removed or excluded.is_removed",
                    [
                        tenant.0.into(),
                        person.into(),
                        row.object.as_str().into(),
                        row.record.into(),
                        row.is_removed.into(),
                    ],
                );
                Step { stmt, expect: Expect::Nothing }
            });
            self.db.of(tenant).run(steps.collect()).await?;
        }
        Ok(())
    }

    /// The records of an erasure behind one of them, in the order of object and id.
    pub async fn erasure(
        &self,
        _: HostPermit,
        tenant: TenantId,
        person: Uuid,
        after: Option<(&str, Uuid)>,
        limit: u32,
    ) -> Result<Vec<ErasureRow>, StoreError> {
        let (object, record) = after.unwrap_or(("", Uuid::nil()));
        let stmt = Stmt::new(
            "select object, record_id, is_removed from erasure_record where tenant_id = $1 and person_id = $2 \
             and (object > $3 or (object = $3 and record_id > $4)) order by object, record_id limit $5",
            [tenant.0.into(), person.into(), object.into(), record.into(), i64::from(limit).into()],
        );
        let map =
            |row: &Row<'_>| Ok(ErasureRow { object: row.text(0)?, record: row.id(1)?, is_removed: row.boolean(2)? });
        self.db.of(tenant).all(Reach::List, stmt, map).await
    }

    /// Records that have become part of others of the same object by merges that stand.
    pub async fn merged_records(
        &self,
        _: HostPermit,
        tenant: TenantId,
        object: &str,
        winners: &[Uuid],
    ) -> Result<Vec<Uuid>, StoreError> {
        let sql = "select record_id from merged_record where tenant_id = $1 and object = $2 and winner";
        self.db.of(tenant).all(Reach::List, among(sql, tenant, &[object.into()], winners).stmt, |row| row.id(0)).await
    }

    /// The step that empties the list.
    pub fn end_erasure(&self, _: HostPermit, tenant: TenantId, person: Uuid) -> Further {
        let sql = "delete from erasure_record where tenant_id = $1 and person_id = $2";
        let stmt = Stmt::new(sql, [tenant.0.into(), person.into()]);
        Further(Step { stmt, expect: Expect::Nothing })
    }

    /// The steps that remove records of an object for good, with what hangs on them; not their events.
    pub fn purge(&self, _: HostPermit, tenant: TenantId, object: &Object, ids: &[Uuid]) -> Vec<Further> {
        let table = self.texts(object).table.clone();
        let scope = super::tables::scope(object);
        let name = || Bound::from(object.name.as_str());
        let mut steps =
            vec![among(&format!("delete from {table} where tenant_id = $1{scope} and id"), tenant, &[], ids)];
        let of_object = [
            "delete from share where tenant_id = $1 and object = $2 and record_id",
            "delete from link where tenant_id = $1 and object = $2 and from_id",
            "delete from search_token where tenant_id = $1 and object = $2 and record_id",
            "delete from merged_record where tenant_id = $1 and object = $2 and record_id",
            "delete from merged_record where tenant_id = $1 and object = $2 and winner",
        ];
        steps.extend(of_object.map(|sql| among(sql, tenant, &[name()], ids)));
        let of_id = [
            "delete from link where tenant_id = $1 and to_id",
            "delete from import_change where tenant_id = $1 and record_id",
        ];
        steps.extend(of_id.map(|sql| among(sql, tenant, &[], ids)));
        steps.into_iter().map(Further).collect()
    }

    /// Some records of an object, deleted ones, too.
    pub async fn some_records(
        &self,
        _: HostPermit,
        tenant: TenantId,
        object: &Object,
        limit: u32,
    ) -> Result<Vec<Uuid>, StoreError> {
        let (table, scope) = (self.texts(object).table.clone(), super::tables::scope(object));
        let sql = format!("select id from {table} where tenant_id = $1{scope} limit $2");
        let stmt = Stmt::new(sql, [tenant.0.into(), i64::from(limit).into()]);
        self.db.of(tenant).all(Reach::List, stmt, |row| row.id(0)).await
    }

    /// The steps that forget what is kept of an object without records: its merges, and the numbers it has given.
    pub fn forget_object(&self, _: HostPermit, tenant: TenantId, object: &str) -> Vec<Further> {
        let all = ["merge", "counter"].map(|table| {
            let sql = format!("delete from {table} where tenant_id = $1 and object = $2");
            Further(Step { stmt: Stmt::new(sql, [tenant.0.into(), object.into()]), expect: Expect::Nothing })
        });
        all.into()
    }

    /// The step that forgets what imports would put back into records.
    pub fn forget_changes(&self, _: HostPermit, tenant: TenantId, ids: &[Uuid]) -> Further {
        Further(among("delete from import_change where tenant_id = $1 and record_id", tenant, &[], ids))
    }

    /// The step that sets the fields at these places of a deleted record, which no command reaches.
    pub fn set_deleted(&self, _: HostPermit, tenant: TenantId, record: &Record, places: &[usize]) -> Further {
        let texts = self.texts(&record.object);
        let (mut sql, mut values) =
            self.set_fields(format!("update {} set updated_at = $1", texts.table), record, places);
        let at = values.len();
        let _ = write!(
            sql,
            " where tenant_id = ${} and id = ${}{} and deleted_at is not null",
            at + 1,
            at + 2,
            super::tables::scope(&record.object)
        );
        values.extend([tenant.0.into(), record.id.into()]);
        Further(Step { stmt: Stmt::new(sql, values), expect: Expect::Nothing })
    }

    /// How many events records have.
    pub async fn count_events(
        &self,
        _: HostPermit,
        tenant: TenantId,
        object: &str,
        ids: &[Uuid],
    ) -> Result<i64, StoreError> {
        let sql = "select count(*) from event where tenant_id = $1 and object = $2 and record_id";
        let step = among(sql, tenant, &[object.into()], ids);
        Ok(self.db.of(tenant).maybe(step.stmt, |row| row.integer(0)).await?.unwrap_or_default())
    }

    /// The values in the events of one record.
    pub async fn values_of_events(
        &self,
        _: HostPermit,
        tenant: TenantId,
        object: &str,
        record: Uuid,
    ) -> Result<Vec<EventValues>, StoreError> {
        let stmt = Stmt::new(
            "select seq, before_values, after_values, type is not null from event \
             where tenant_id = $1 and record_id = $2 and object = $3",
            [tenant.0.into(), record.into(), object.into()],
        );
        let map = |row: &Row<'_>| {
            let (seq, before, after) = (row.integer(0)?, row.json(1)?, row.json(2)?);
            Ok(EventValues { seq, before, after, is_published: row.boolean(3)? })
        };
        self.db.of(tenant).all(Reach::List, stmt, map).await
    }

    /// The step that puts the same in the place of the values of all events of records.
    pub fn redact_events(&self, _: HostPermit, tenant: TenantId, object: &str, ids: &[Uuid], with: &Json) -> Further {
        let mut values: Vec<Bound> = vec![with.clone().into(), with.clone().into(), tenant.0.into(), object.into()];
        let names = names(&mut values, ids);
        let sql = format!(
            "update event set before_values = $1, after_values = $2 where tenant_id = $3 and object = $4 \
             and record_id in ({names})"
        );
        Further(Step { stmt: Stmt::new(sql, values), expect: Expect::Nothing })
    }

    /// The step that changes the values of one event.
    pub fn redact_event(&self, _: HostPermit, tenant: TenantId, event: EventValues) -> Further {
        let stmt = Stmt::new(
            "update event set before_values = $1, after_values = $2 where tenant_id = $3 and seq = $4",
            [event.before.into(), event.after.into(), tenant.0.into(), event.seq.into()],
        );
        Further(Step { stmt, expect: Expect::OneChange })
    }

    /// The step that forgets what modules said of events of these records that they could not handle.
    pub fn blank_reasons(&self, _: HostPermit, tenant: TenantId, object: &str, ids: &[Uuid]) -> Further {
        let sql = "update module_event set detail = '' where tenant_id = $1 and object = $2 and record_id";
        Further(among(sql, tenant, &[object.into()], ids))
    }

    /// Removes a file, whole.
    pub async fn remove_blob(&self, _: HostPermit, tenant: TenantId, blob: Uuid) -> Result<(), StoreError> {
        self.forget_blob(tenant, blob).await
    }

    /// Leaves nothing of what was removed behind in the files of the database, as far as the engine has it in hand.
    pub async fn wipe(&self, _: HostPermit) -> Result<(), StoreError> {
        self.db.wipe().await
    }
}

/// A statement about ids of a tenant: its text ends before ` in (…)`.
pub(super) fn among(sql: &str, tenant: TenantId, further: &[Bound], ids: &[Uuid]) -> Step {
    let mut values: Vec<Bound> = vec![tenant.0.into()];
    values.extend_from_slice(further);
    let names = names(&mut values, ids);
    Step { stmt: Stmt::new(format!("{sql} in ({names})"), values), expect: Expect::Nothing }
}

fn names(values: &mut Vec<Bound>, ids: &[Uuid]) -> String {
    let first = values.len() + 1;
    values.extend(ids.iter().map(|id| Bound::from(*id)));
    (first..first + ids.len()).map(|at| format!("${at}")).collect::<Vec<_>>().join(", ")
}
