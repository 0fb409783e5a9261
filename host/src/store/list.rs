//! Lists: a page of records, and how many there are.

mod compile;
mod within;

use std::sync::Arc;

use sea_query::{Alias, Asterisk, Expr, ExprTrait, Func, NullOrdering, Order, Query as Sql, SelectStatement};

pub(super) use compile::{Compiler, column};

use super::custom::CUSTOM;
use super::db::{Engine, Reach, Stmt};
use super::records::decode_some;
use super::tables::table_name;
use super::{Store, StoreError};
use crate::access::{Acting, Permit, Permits};
use crate::domain::filter::Filter;
use crate::domain::query::Query;
use crate::domain::record::Record;
use crate::domain::value::Value;

impl Store {
    /// The records that a query finds, in its order. Fields that it does not read are null.
    pub async fn list(&self, permits: &Permits, query: &Query) -> Result<Vec<Record>, StoreError> {
        let object = Arc::clone(permits.own().object());
        let places = query.fields.clone();
        let stmt = Stmt::build(self.db.engine(), &self.select(permits, query)?);
        self.db
            .of(permits.own().tenant())
            .all(Reach::List, stmt, move |row| decode_some(&object, row, places.as_deref()))
            .await
    }

    /// How many records meet a filter.
    pub async fn count(&self, permits: &Permits, filter: Option<&Filter>) -> Result<i64, StoreError> {
        let stmt = Stmt::build(self.db.engine(), &self.count_of(permits, filter)?);
        let counts = self.db.of(permits.own().tenant()).all(Reach::List, stmt, |row| row.integer(0)).await?;
        Ok(counts.into_iter().next().unwrap_or_default())
    }

    /// The same, up to a number: beyond it the answer is that number.
    pub async fn count_up_to(&self, permits: &Permits, filter: Option<&Filter>, most: u32) -> Result<i64, StoreError> {
        let (mut select, _) = self.filtered(permits, filter, false)?;
        select.expr(Expr::val(1)).limit(u64::from(most));
        let counted = Sql::select().expr(Func::count(Expr::val(1))).from_subquery(select, Alias::new("some")).take();
        let counts = self
            .db
            .of(permits.own().tenant())
            .all(Reach::List, Stmt::build(self.db.engine(), &counted), |row| row.integer(0))
            .await?;
        Ok(counts.into_iter().next().unwrap_or_default())
    }

    fn count_of(&self, permits: &Permits, filter: Option<&Filter>) -> Result<SelectStatement, StoreError> {
        let mut select = self.filtered(permits, filter, false)?.0;
        select.expr(Func::count(Expr::col(Asterisk)));
        Ok(select)
    }

    /// A statement over the records that meet a filter, without columns yet.
    pub(super) fn filtered<'a>(
        &self,
        permits: &'a Permits,
        filter: Option<&Filter>,
        deleted: bool,
    ) -> Result<(SelectStatement, Compiler<'a>), StoreError> {
        // Every object that the question reaches needs its permit.
        let reached = filter.map(Filter::reached).unwrap_or_default();
        if let Some(object) = reached.into_iter().find(|object| permits.of(object).is_none()) {
            return Err(StoreError::Inconsistent(format!("a question reaches `{}` without a permit", object.name)));
        }
        let object = permits.own().object();
        let sql = Compiler::new(self.db.engine(), permits);
        let mut select = Sql::select();
        select
            .from_as(Alias::new(table_name(object)), sql.alias())
            .and_where(sql.own("tenant_id").eq(permits.own().tenant().0));
        if object.is_own() {
            select.and_where(sql.own("object").eq(object.name.as_str()));
        }
        let deleted_at = sql.own("deleted_at");
        select.and_where(if deleted { deleted_at.is_not_null() } else { deleted_at.is_null() });
        if let Some(within) = sql.within(permits.own()) {
            select.cond_where(within);
        }
        if let Some(filter) = filter {
            select.cond_where(sql.filter(filter, false));
        }
        Ok((select, sql))
    }

    /// Whether a permit is for the record of that id, deleted or not.
    pub async fn is_within<A: Acting>(&self, permit: &Permit<A>, id: uuid::Uuid) -> Result<bool, StoreError> {
        let Some(permits) = permit.to_look() else { return Ok(true) };
        let sql = Compiler::new(self.db.engine(), &permits);
        let object = permit.object();
        let mut select = Sql::select();
        select
            .expr(Expr::val(1))
            .from_as(Alias::new(table_name(object)), sql.alias())
            .and_where(sql.own("tenant_id").eq(permit.tenant().0))
            .and_where(sql.own("id").eq(id));
        if object.is_own() {
            select.and_where(sql.own("object").eq(object.name.as_str()));
        }
        if let Some(within) = sql.within(permits.own()) {
            select.cond_where(within);
        }
        Ok(self.db.of(permit.tenant()).maybe(Stmt::build(self.db.engine(), &select), |_| Ok(())).await?.is_some())
    }

    fn select(&self, permits: &Permits, query: &Query) -> Result<SelectStatement, StoreError> {
        let object = permits.own().object();
        let (mut select, sql) = self.filtered(permits, query.filter.as_ref(), query.deleted)?;
        for system in ["id", "version", "created_at", "updated_at"] {
            select.expr(sql.own(system));
        }
        for (place, field) in object.fields.iter().enumerate().filter(|(_, field)| !field.is_custom) {
            if query.fields.as_ref().is_none_or(|places| places.contains(&place)) {
                select.exprs(field.columns().iter().map(|name| sql.own(name)));
            }
        }
        if object.has_custom_fields() {
            select.expr(sql.own(CUSTOM));
        }
        select.limit(u64::from(query.limit));
        if let Some(after) = &query.after {
            select.cond_where(sql.after(&query.sort, after));
        }
        // SQLite would rather walk the tenant in the order of the sort than look a thousand values up.
        let looks_up =
            self.db.engine() == Engine::Sqlite && query.filter.as_ref().is_some_and(|it| it.looks_up(object));
        let by = |column: Expr| if looks_up { Expr::cust_with_exprs("+?", [column]) } else { column };
        for sort in &query.sort {
            let order = if sort.descending { Order::Desc } else { Order::Asc };
            if sort.target.is_always_there(object) {
                select.order_by_expr(by(sql.column(sort.target)), order);
            } else {
                select.order_by_expr_with_nulls(by(sql.column(sort.target)), order, NullOrdering::Last);
            }
        }
        select.order_by_expr(by(sql.own("id")), Order::Asc);
        Ok(select)
    }

    /// The ids among these that meet a filter, in no order.
    pub async fn among(
        &self,
        permits: &Permits,
        ids: Vec<uuid::Uuid>,
        filter: &Filter,
    ) -> Result<Vec<uuid::Uuid>, StoreError> {
        let ids = ids.into_iter().map(Value::Id).collect();
        let filter = Filter::And(vec![Filter::In(crate::domain::filter::Target::Id, ids), filter.clone()]);
        let (mut select, sql) = self.filtered(permits, Some(&filter), false)?;
        select.expr(sql.own("id"));
        self.db
            .of(permits.own().tenant())
            .all(Reach::List, Stmt::build(self.db.engine(), &select), |row| row.id(0))
            .await
    }
}

#[cfg(test)]
use crate::domain::id::TenantId;

#[cfg(test)]
impl Store {
    /// How the engine would run a query, for the tests of the plans.
    pub async fn plan(&self, permits: &Permits, query: &Query) -> String {
        self.plan_of(permits, &self.select(permits, query).unwrap()).await
    }

    /// The same for a count.
    pub async fn plan_of_count(&self, permits: &Permits, query: &Query) -> String {
        self.plan_of(permits, &self.count_of(permits, query.filter.as_ref()).unwrap()).await
    }

    pub(super) async fn plan_of(&self, permits: &Permits, select: &SelectStatement) -> String {
        self.explained(permits.own().tenant(), Stmt::build(self.db.engine(), select)).await
    }

    /// How the engine would run a statement.
    pub(super) async fn explained(&self, tenant: TenantId, stmt: Stmt) -> String {
        let (column, head) = match self.db.engine() {
            super::db::Engine::Sqlite => (3, "explain query plan "),
            super::db::Engine::Postgres => (0, "explain (costs off) "),
        };
        let lines = self.db.of(tenant).all(Reach::Point, stmt.behind(head), move |row| row.text(column)).await.unwrap();
        lines.join("; ")
    }
}
