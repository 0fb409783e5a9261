//! What a roll-up gathers from the records that link to one.

use rust_decimal::Decimal;
use sea_query::{Alias, Expr, ExprTrait, Func};
use uuid::Uuid;

use super::db::{Engine, Reach, Stmt};
use super::{Store, StoreError, custom};
use crate::access::{Permit, Permits, Read};
use crate::domain::field::{Field, FieldType, Gathered};
use crate::domain::filter::{Comparison, Filter, Target};
use crate::domain::money::{Currency, Money};
use crate::domain::schema::Gathering;
use crate::domain::value::Value;

impl Store {
    /// What the records that link to this parent give, without those of these ids.
    pub async fn gather(
        &self,
        permit: &Permit<Read>,
        gathering: &Gathering,
        currency: Option<Currency>,
        parent: Uuid,
        without: &[Uuid],
    ) -> Result<Gathered, StoreError> {
        let engine = self.db.engine();
        let permits = Permits::new(permit.clone());
        let object = permit.object();
        let link = Filter::Compare(Target::Field(gathering.link), Comparison::Equal, Value::Id(parent));
        let mut all = vec![link];
        all.extend(gathering.filter.clone());
        if !without.is_empty() {
            let ids = without.iter().copied().map(Value::Id).collect();
            all.push(Filter::Not(Box::new(Filter::In(Target::Id, ids))));
        }
        let (mut select, sql) = self.filtered(&permits, Some(&Filter::And(all)), false)?;
        select.expr(Func::count(Expr::val(1)));
        let field = gathering.field.map(|at| object.fields[at].clone());
        if let Some(at) = gathering.field {
            let column = || match currency {
                // Amounts of other currencies are as good as none.
                Some(currency) => {
                    let is_of = sql.currency(at).eq(currency.code());
                    Expr::case(is_of, sql.column(Target::Field(at))).into()
                }
                None => sql.column(Target::Field(at)),
            };
            let is_number =
                matches!(object.fields[at].kind, FieldType::Integer | FieldType::Decimal { .. } | FieldType::Money);
            let sum = if is_number { Func::sum(column()).into() } else { Expr::val(0) };
            select
                .expr(Func::count(column()))
                .expr(sum.cast_as(Alias::new("text")))
                .expr(Func::min(column()))
                .expr(Func::max(column()));
        }
        let stmt = Stmt::build(engine, &select);
        let rows = self.db.of(permit.tenant()).all(Reach::List, stmt, move |row| {
            let count = |at| row.integer(at).map(|count| u64::try_from(count).unwrap_or(0));
            let mut gathered = Gathered { records: count(0)?, ..Gathered::default() };
            if let Some(field) = &field {
                gathered.values = count(1)?;
                gathered.sum = sum_of(engine, field, row.maybe_text(2)?)?;
                let end = |at: usize| match (&field.kind, currency) {
                    (FieldType::Money, Some(currency)) => {
                        let minor = row.maybe_integer(at)?;
                        Ok(minor.map(|minor| Value::Money(Money { minor, currency })))
                    }
                    (kind, _) if field.is_custom && kind.is_sortable() => custom::value(row, at, kind).map(Some),
                    (kind, _) if kind.is_sortable() => row.value(at, kind).map(Some),
                    _ => Ok(None),
                };
                let kept = |value: Option<Value>| value.filter(|value| !value.is_null());
                gathered.extend(kept(end(3)?), kept(end(4)?));
            }
            Ok(gathered)
        });
        Ok(rows.await?.pop().unwrap_or_default())
    }
}

/// A sum that came as text; decimals are kept as whole numbers on SQLite, and in fields that tenants added.
fn sum_of(engine: Engine, field: &Field, text: Option<String>) -> Result<Decimal, StoreError> {
    let Some(text) = text else { return Ok(Decimal::ZERO) };
    let sum: Decimal = text.parse().map_err(|_| StoreError::Inconsistent(format!("`{text}` is no sum")))?;
    match field.kind {
        FieldType::Decimal { scale, .. } if engine == Engine::Sqlite || field.is_custom => {
            Ok(Decimal::from_i128_with_scale(sum.mantissa(), scale))
        }
        _ => Ok(sum),
    }
}
