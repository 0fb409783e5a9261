//! Makes the words of records that were there before their fields became searchable.

use std::sync::Arc;

use sea_query::Value as Bound;
use uuid::Uuid;

use super::super::db::{CommitError, Expect, Reach, Step, Stmt};
use super::super::records::decode;
use super::super::{Store, StoreError};
use crate::access::HostPermit;
use crate::domain::id::TenantId;
use crate::domain::object::Object;
use crate::domain::search::{made_from, words};

/// Words deleted in one commit, and what else there is of the last of them.
const WORDS: usize = 2_000;
/// Records in one commit.
const BATCH: usize = 200;
/// Most attempts at one batch whose records keep changing.
const ATTEMPTS: usize = 20;

impl Store {
    /// Makes the words of an object anew, if they were made from other fields.
    pub async fn rebuild_words(&self, permit: HostPermit, object: &Arc<Object>) -> Result<(), StoreError> {
        let known = Stmt::new("select made_from from search_index where object = $1", [object.name.as_str().into()]);
        let known = self.db.across(permit).maybe(known, |row| row.text(0)).await?;
        let wanted = made_from(object);
        if known.as_deref().unwrap_or_default() == wanted {
            return Ok(());
        }
        let tenants = Stmt::new("select id from tenant order by id", []);
        let tenants = self.db.across(permit).all(Reach::Point, tenants, |row| row.id(0)).await?;
        for tenant in tenants.into_iter().map(TenantId) {
            while known.is_some() && self.forget_words(object, tenant).await? {}
            let mut next = Some(Uuid::nil()).filter(|_| !wanted.is_empty());
            while let Some(place) = next {
                next = self.rebuild_batch(object, tenant, place).await?;
            }
        }
        let values: [Bound; 2] = [object.name.as_str().into(), wanted.into()];
        let sql = "insert into search_index (object, made_from) values ($1, $2) \
                   on conflict (object) do update set made_from = excluded.made_from";
        self.db.across(permit).run(vec![plain(Stmt::new(sql, values))]).await
    }

    /// Deletes a batch of the words of an object; says whether there may be more.
    async fn forget_words(&self, object: &Object, tenant: TenantId) -> Result<bool, StoreError> {
        let key: [Bound; 2] = [tenant.0.into(), object.name.as_str().into()];
        let within = "from search_token where tenant_id = $1 and object = $2";
        let last = format!("select token {within} order by token, place, record_id desc limit 1 offset {WORDS}");
        let last = self.db.of(tenant).maybe(Stmt::new(last, key.clone()), |row| row.text(0)).await?;
        let (sql, values): (String, Vec<Bound>) = match &last {
            None => (format!("delete {within}"), key.to_vec()),
            Some(last) => {
                (format!("delete {within} and token <= $3"), key.into_iter().chain([last.as_str().into()]).collect())
            }
        };
        self.db.of(tenant).run(vec![plain(Stmt::new(sql, values))]).await?;
        Ok(last.is_some())
    }

    /// Makes the words of a tenant's records behind a place; returns the next place.
    async fn rebuild_batch(
        &self,
        object: &Arc<Object>,
        tenant: TenantId,
        place: Uuid,
    ) -> Result<Option<Uuid>, StoreError> {
        let texts = self.texts(object);
        let head = texts.get.split(" from ").next().unwrap_or_default();
        let sql = format!(
            "{head} from {} where tenant_id = $1 and id > $2 and deleted_at is null order by id limit {BATCH}",
            texts.table
        );
        for _ in 0..ATTEMPTS {
            let stmt = Stmt::new(sql.clone(), [tenant.0.into(), place.into()]);
            let of = Arc::clone(object);
            let rows = self.db.of(tenant).all(Reach::Point, stmt, move |row| decode(&of, row)).await?;
            let mut steps = Vec::new();
            for record in &rows {
                // Only while the record is what was read: a change of it writes its words itself.
                let values: Vec<Bound> = vec![tenant.0.into(), record.id.into(), record.version.into()];
                steps.push(Step { stmt: Stmt::new(Arc::clone(&texts.is_version), values), expect: Expect::Rows(1) });
                let words = words(object, &record.values);
                steps.extend(Self::add_words(tenant, object, record.id, &words));
            }
            match self.db.of(tenant).commit(steps).await {
                Ok(()) => return Ok(rows.last().map(|record| record.id)),
                Err(CommitError::Unmet(_) | CommitError::Busy) => {}
                Err(error) => return Err(super::super::db::store_error(error)),
            }
        }
        Err(StoreError::Unavailable(format!("records of {} keep changing while their words are made", object.name)))
    }
}

fn plain(stmt: Stmt) -> Step {
    Step { stmt, expect: Expect::Nothing }
}
