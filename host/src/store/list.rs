//! Lists: the filter tree, the order and the cursor as SQL. The one place
//! where they become SQL.

use std::sync::Arc;

use sea_query::{
    Alias, Cond, Condition, Expr, ExprTrait, NullOrdering, Order, Query as Sql, SelectStatement, Value as Bound,
};

use super::custom;
use super::db::{Engine, Reach, Stmt};
use super::records::decode;
use super::tables::{record_columns, table_name};
use super::{Store, StoreError};
use crate::access::{Permit, Read};
use crate::domain::filter::{Comparison, Filter, Target};
use crate::domain::object::Object;
use crate::domain::query::{Query, Sort};
use crate::domain::record::Record;
use crate::domain::value::Value;

impl Store {
    /// The records that a query finds, in its order.
    pub async fn list(&self, permit: &Permit<Read>, query: &Query) -> Result<Vec<Record>, StoreError> {
        let object = Arc::clone(permit.object());
        let stmt = Stmt::build(self.db.engine(), &self.select(permit, query));
        self.db.all(Reach::List, stmt, move |row| decode(&object, row)).await
    }

    fn select(&self, permit: &Permit<Read>, query: &Query) -> SelectStatement {
        let object = permit.object();
        let sql = Compiler { engine: self.db.engine(), object };
        let mut select = Sql::select();
        select
            .columns(record_columns(object).into_iter().map(Alias::new))
            .from(Alias::new(table_name(object)))
            .and_where(column("tenant_id").eq(permit.tenant().0))
            .and_where(if query.deleted { column("deleted_at").is_not_null() } else { column("deleted_at").is_null() })
            .limit(u64::from(query.limit));
        if object.is_own() {
            select.and_where(column("object").eq(object.name.as_str()));
        }
        if let Some(filter) = &query.filter {
            select.cond_where(sql.filter(filter, false));
        }
        if let Some(after) = &query.after {
            select.cond_where(sql.after(&query.sort, after));
        }
        for sort in &query.sort {
            let order = if sort.descending { Order::Desc } else { Order::Asc };
            if sort.target.is_always_there(object) {
                select.order_by_expr(sql.column(sort.target), order);
            } else {
                select.order_by_expr_with_nulls(sql.column(sort.target), order, NullOrdering::Last);
            }
        }
        select.order_by_expr(column("id"), Order::Asc);
        select
    }
}

/// Turns conditions on an object into SQL for an engine.
pub(super) struct Compiler<'a> {
    /// The engine.
    pub engine: Engine,
    /// The object.
    pub object: &'a Object,
}

impl Compiler<'_> {
    /// What a target is read from.
    pub fn column(&self, target: Target) -> Expr {
        match target {
            Target::Id => column("id"),
            Target::Version => column("version"),
            Target::CreatedAt => column("created_at"),
            Target::UpdatedAt => column("updated_at"),
            Target::Field(at) => match &self.object.fields[at] {
                field if field.is_custom => custom::expression(self.engine, field, false),
                field => column(field.name()),
            },
        }
    }

    /// The column for comparisons of equality only, and what a value is there.
    fn equality(&self, target: Target) -> (Expr, impl Fn(&Value) -> Bound) {
        let engine = self.engine;
        let own = match target {
            Target::Field(at) => Some(&self.object.fields[at]).filter(|field| field.is_custom),
            _ => None,
        };
        let column = own.map_or_else(|| self.column(target), |field| custom::expression(engine, field, true));
        (column, move |value: &Value| {
            own.map_or_else(|| engine.bind_one(value), |field| custom::equality(field, value))
        })
    }

    fn value(&self, target: Target, value: &Value) -> Expr {
        match target {
            Target::Field(at) if self.object.fields[at].is_custom => Expr::val(custom::bind(value)),
            _ => Expr::val(self.engine.bind_one(value)),
        }
    }

    /// A filter or its complement. Negation is pushed down to the comparisons,
    /// where it lets missing values in: that keeps the logic two-valued.
    pub fn filter(&self, filter: &Filter, negated: bool) -> Condition {
        match filter {
            Filter::Not(part) => self.filter(part, !negated),
            Filter::And(parts) | Filter::Or(parts) => {
                let is_all = matches!(filter, Filter::And(_)) != negated;
                let start = if is_all { Cond::all() } else { Cond::any() };
                if parts.is_empty() {
                    return Cond::all().add(Expr::val(is_all).eq(true));
                }
                parts.iter().fold(start, |all, part| all.add(self.filter(part, negated)))
            }
            Filter::Missing(target) => {
                let column = self.column(*target);
                Cond::all().add(if negated { column.is_not_null() } else { column.is_null() })
            }
            Filter::Compare(target, comparison, value) => self.compare(*target, *comparison, value, negated),
            Filter::In(target, values) => {
                let start = if negated { Cond::all() } else { Cond::any() };
                if values.is_empty() {
                    return Cond::all().add(Expr::val(negated).eq(true));
                }
                if values.iter().any(|value| matches!(value, Value::Money(_))) {
                    return values
                        .iter()
                        .fold(start, |all, value| all.add(self.compare(*target, Comparison::Equal, value, negated)));
                }
                let (column, bind) = self.equality(*target);
                let bound: Vec<_> = values.iter().map(bind).collect();
                if negated {
                    self.or_missing(*target, column.is_not_in(bound))
                } else {
                    Cond::all().add(column.is_in(bound))
                }
            }
        }
    }

    fn compare(&self, target: Target, comparison: Comparison, value: &Value, negated: bool) -> Condition {
        let (own, other) = if comparison == Comparison::Equal {
            let (own, bind) = self.equality(target);
            (own, Expr::val(bind(value)))
        } else {
            (self.column(target), self.value(target, value))
        };
        let condition = match (comparison, negated) {
            (Comparison::Equal, false) => own.eq(other),
            (Comparison::Equal, true) => own.ne(other),
            (Comparison::Less, false) | (Comparison::GreaterOrEqual, true) => own.lt(other),
            (Comparison::LessOrEqual, false) | (Comparison::Greater, true) => own.lte(other),
            (Comparison::Greater, false) | (Comparison::LessOrEqual, true) => own.gt(other),
            (Comparison::GreaterOrEqual, false) | (Comparison::Less, true) => own.gte(other),
        };
        let (Value::Money(money), Target::Field(at)) = (value, target) else {
            return if negated { self.or_missing(target, condition) } else { Cond::all().add(condition) };
        };
        // Amounts compare only within one currency.
        let currency = self.currency(at);
        if negated {
            self.or_missing(target, condition).add(currency.ne(money.currency.code()))
        } else {
            Cond::all().add(condition).add(currency.eq(money.currency.code()))
        }
    }

    /// Where the currency of a money field is.
    pub fn currency(&self, at: usize) -> Expr {
        match &self.object.fields[at] {
            field if field.is_custom => custom::currency(self.engine, field),
            field => column(&format!("{}_currency", field.name())),
        }
    }

    fn or_missing(&self, target: Target, condition: Expr) -> Condition {
        let any = Cond::any().add(condition);
        if target.is_always_there(self.object) { any } else { any.add(self.column(target).is_null()) }
    }

    /// Everything behind a place of a list: `(a, b, id) > (x, y, z)` in the
    /// directions of the sort, with missing values last.
    fn after(&self, sort: &[Sort], place: &[Value]) -> Condition {
        let mut any = Cond::any();
        let mut same = Cond::all();
        for (sort, value) in sort.iter().zip(place) {
            if !value.is_null() {
                any = any.add(same.clone().add(self.beyond(*sort, value)));
            }
            same = same.add(if value.is_null() {
                self.column(sort.target).is_null()
            } else {
                self.column(sort.target).eq(self.value(sort.target, value))
            });
        }
        if let Some(id) = place.last() {
            any = any.add(same.add(column("id").gt(self.value(Target::Id, id))));
        }
        // The first field alone bounds the range, so that an index can start there.
        match (sort.first(), place.first()) {
            (Some(first), Some(value)) if !value.is_null() && first.target.is_always_there(self.object) => {
                let own = self.column(first.target);
                let bound = if first.descending {
                    own.lte(self.value(first.target, value))
                } else {
                    own.gte(self.value(first.target, value))
                };
                Cond::all().add(bound).add(any)
            }
            _ => any,
        }
    }

    fn beyond(&self, sort: Sort, value: &Value) -> Condition {
        let own = self.column(sort.target);
        let further = if sort.descending {
            own.lt(self.value(sort.target, value))
        } else {
            own.gt(self.value(sort.target, value))
        };
        self.or_missing(sort.target, further)
    }
}

fn column(name: &str) -> Expr {
    Expr::col(Alias::new(name))
}

#[cfg(test)]
impl Store {
    /// How SQLite would run a query, for the tests of the plans.
    pub async fn plan(&self, permit: &Permit<Read>, query: &Query) -> String {
        let (sql, values) = self.select(permit, query).build(sea_query::SqliteQueryBuilder);
        let stmt = Stmt::new(format!("explain query plan {sql}"), values.0);
        let lines = self.db.all(Reach::Point, stmt, |row| row.text(3)).await.unwrap();
        lines.join("; ")
    }
}
