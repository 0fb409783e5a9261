//! Conditions as SQL. The one place where they become SQL.

use sea_query::extension::postgres::{PgBinOper, PgFunc};
use sea_query::{Alias, Cond, Condition, Expr, ExprTrait, Func, Query as Sql, SelectStatement, Value as Bound};

use super::super::custom;
use super::super::db::Engine;
use super::super::tables::table_name;
use crate::access::Permits;
use crate::domain::field::Field;
use crate::domain::filter::{Comparison, Filter, Target, TextPlace, TextTest, after_prefix};
use crate::domain::object::Object;
use crate::domain::query::Sort;
use crate::domain::value::Value;

/// Turns conditions on an object into SQL for an engine.
pub(in super::super) struct Compiler<'a> {
    pub(super) engine: Engine,
    pub(super) permits: &'a Permits,
    pub(super) object: &'a Object,
    /// Links between the records that are asked for and this object.
    pub(super) level: usize,
    /// Whether it is a rule of the host's own that is compiled: it sees every record.
    pub(super) is_rule: bool,
}

impl<'a> Compiler<'a> {
    pub fn new(engine: Engine, permits: &'a Permits) -> Self {
        Self { engine, permits, object: permits.own().object(), level: 0, is_rule: false }
    }

    /// What the table of the object is called in this statement.
    pub fn alias(&self) -> Alias {
        Alias::new(format!("t{}", self.level))
    }

    /// A column of the object's table.
    pub fn own(&self, name: &str) -> Expr {
        Expr::col((self.alias(), Alias::new(name)))
    }

    pub fn column(&self, target: Target) -> Expr {
        match target {
            Target::Id => self.own("id"),
            Target::Version => self.own("version"),
            Target::CreatedAt => self.own("created_at"),
            Target::UpdatedAt => self.own("updated_at"),
            Target::Field(at) => match &self.object.fields[at] {
                field if field.is_custom => self.custom(field, false),
                field => self.own(field.name()),
            },
        }
    }

    fn custom(&self, field: &Field, is_equality: bool) -> Expr {
        custom::expression(self.engine, &format!("t{}", self.level), field, is_equality)
    }

    fn own_field(&self, target: Target) -> Option<&Field> {
        match target {
            Target::Field(at) if target.is_custom(self.object) => Some(&self.object.fields[at]),
            _ => None,
        }
    }

    /// The column for comparisons of equality only.
    fn equal_column(&self, target: Target) -> Expr {
        self.own_field(target).map_or_else(|| self.column(target), |field| self.custom(field, true))
    }

    /// A value as it stands there.
    fn equal_bound(&self, target: Target, value: &Value) -> Bound {
        self.own_field(target).map_or_else(|| self.engine.bind_one(value), |field| custom::equality(field, value))
    }

    /// A value to compare with [`Self::column`].
    pub fn value(&self, target: Target, value: &Value) -> Expr {
        Expr::val(match self.own_field(target) {
            Some(_) => custom::bind(value),
            None => self.engine.bind_one(value),
        })
    }

    /// Where the currency of a money field is.
    pub fn currency(&self, at: usize) -> Expr {
        match &self.object.fields[at] {
            field if field.is_custom => custom::currency(self.engine, &format!("t{}", self.level), field),
            field => self.own(&format!("{}_currency", field.name())),
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
            Filter::In(target, values) => self.among(*target, values, negated),
            Filter::Text(target, test, text) => self.text(*target, *test, text, negated),
            Filter::Linked { place, object, filter } => {
                let inner = Compiler { object, level: self.level + 1, ..*self };
                if self.engine == Engine::Sqlite && !negated && self.own_field(Target::Field(*place)).is_none() {
                    // SQLite would look up every other end; a list of those that meet the filter is made once.
                    // PostgreSQL turns the one into the other by itself.
                    return self.met(&inner, filter).map_or_else(nothing, |mut met| {
                        let link = self.column(Target::Field(*place));
                        Cond::all().add(link.in_subquery(met.expr(inner.own("id")).to_owned()))
                    });
                }
                let link = self.is_linked(inner.own("id"), *place);
                self.exists(&inner, link, filter, negated)
            }
            Filter::Has(place, value) => {
                let has = self.has(*place, value);
                Cond::all().add(if negated { has.not() } else { has })
            }
            Filter::LinkedMany { place, object, filter } => {
                let inner = Compiler { object, level: self.level + 1, ..*self };
                let named = self.links_of(*place).and_where(link_column("to_id").eq(inner.own("id"))).to_owned();
                self.exists(&inner, Expr::exists(named), filter, negated)
            }
            Filter::Shared { with, edits, at } => {
                let shared = self.shared(with, *edits, *at);
                Cond::all().add(if negated { shared.not() } else { shared })
            }
            Filter::Linking { object, place, filter } => {
                let inner = Compiler { object, level: self.level + 1, ..*self };
                let link = inner.is_linked(self.own("id"), *place);
                self.exists(&inner, link, filter, negated)
            }
        }
    }

    /// The rows of the links of this record at this place.
    fn links_of(&self, place: usize) -> SelectStatement {
        let mut select = Sql::select();
        select
            .expr(Expr::val(1))
            .from_as(Alias::new("link"), Alias::new("l"))
            .and_where(link_column("tenant_id").eq(self.permits.own().tenant().0))
            .and_where(link_column("object").eq(self.object.name.as_str()))
            .and_where(link_column("field").eq(self.object.fields[place].name()))
            .and_where(link_column("from_id").eq(self.own("id")));
        if self.engine == Engine::Sqlite {
            select.limit(1);
        }
        select
    }

    /// Whether a list has a value. That is never unknown.
    fn has(&self, place: usize, value: &Value) -> Expr {
        let field = &self.object.fields[place];
        let list = || {
            if field.is_custom {
                custom::list(self.engine, &format!("t{}", self.level), field)
            } else {
                self.own(field.name())
            }
        };
        match (value, self.engine) {
            (Value::Id(id), _) => {
                let mut named = self.links_of(place);
                Expr::exists(named.and_where(link_column("to_id").eq(*id)).to_owned())
            }
            (Value::Reference(reference), _) if !field.is_custom => {
                let object = self.own(&format!("{}_object", field.name()));
                let is_it = self.own(field.name()).eq(reference.id).and(object.eq(reference.object.as_str()));
                Expr::from(Func::coalesce([is_it, Expr::val(false)]))
            }
            (Value::Reference(reference), Engine::Sqlite) => {
                let part = |name: &str| Expr::from(Func::cust("json_extract").arg(list()).arg(format!("$.{name}")));
                let is_it = part("id").eq(reference.id.to_string()).and(part("object").eq(reference.object.as_str()));
                Expr::from(Func::coalesce([is_it, Expr::val(false)]))
            }
            (Value::Reference(_), Engine::Postgres) => {
                let wanted = serde_json::to_value(value).unwrap_or_default();
                Expr::from(Func::coalesce([list().binary(PgBinOper::Contains, wanted), Expr::val(false)]))
            }
            (value, Engine::Sqlite) => {
                let items = Func::cust("json_each").arg(list());
                let mut select = Sql::select();
                select
                    .expr(Expr::val(1))
                    .from_function(items, Alias::new("i"))
                    .and_where(Expr::col((Alias::new("i"), Alias::new("value"))).eq(self.engine.bind_one(value)))
                    .limit(1);
                Expr::exists(select)
            }
            (value, Engine::Postgres) => {
                let wanted = serde_json::json!([value]);
                Expr::from(Func::coalesce([list().binary(PgBinOper::Contains, wanted), Expr::val(false)]))
            }
        }
    }

    /// Whether a link of this object names that id. Links of tenants' own
    /// fields are kept as text.
    fn is_linked(&self, id: Expr, place: usize) -> Expr {
        let link = self.column(Target::Field(place));
        match (self.own_field(Target::Field(place)), self.engine) {
            (None, _) => link.eq(id),
            (Some(_), Engine::Postgres) => link.eq(id.cast_as(Alias::new("text"))),
            (Some(_), Engine::Sqlite) => {
                let hex = Func::lower(Func::cust("hex").arg(id));
                Expr::from(Func::cust("replace").arg(link).arg("-").arg("")).eq(hex)
            }
        }
    }

    /// Whether there is a record at the other end of a link that meets a
    /// filter. That is never unknown, so that its complement is a plain `not`.
    fn exists(&self, inner: &Compiler<'_>, link: Expr, filter: &Filter, negated: bool) -> Condition {
        let Some(mut select) = self.met(inner, filter) else { return nothing() };
        select.expr(Expr::val(1)).and_where(link);
        if self.engine == Engine::Sqlite {
            // SQLite 3.51 makes a join of an `exists`, and finds a record as often as nested ones
            // hold. It leaves one with a limit as it is.
            select.limit(1);
        }
        let exists = Expr::exists(select);
        Cond::all().add(if negated { exists.not() } else { exists })
    }

    /// The records of another object that meet a filter. Without a permit there
    /// is nothing to see; `Store::filtered` has refused that already.
    fn met(&self, inner: &Compiler<'_>, filter: &Filter) -> Option<SelectStatement> {
        let permit = self.permits.of(inner.object);
        if permit.is_none() && !self.is_rule {
            return None;
        }
        let mut select = Sql::select();
        select
            .from_as(Alias::new(table_name(inner.object)), inner.alias())
            .and_where(inner.own("tenant_id").eq(self.permits.own().tenant().0))
            .and_where(inner.own("deleted_at").is_null())
            .cond_where(inner.filter(filter, false));
        if let Some(within) = permit.filter(|_| !self.is_rule).and_then(|permit| inner.within(permit)) {
            select.cond_where(within);
        }
        if inner.object.is_own() {
            select.and_where(inner.own("object").eq(inner.object.name.as_str()));
        }
        Some(select)
    }

    fn among(&self, target: Target, values: &[Value], negated: bool) -> Condition {
        if values.is_empty() {
            return Cond::all().add(Expr::val(negated).eq(true));
        }
        if values.iter().any(|value| matches!(value, Value::Money(_))) {
            let start = if negated { Cond::all() } else { Cond::any() };
            return values
                .iter()
                .fold(start, |all, value| all.add(self.compare(target, Comparison::Equal, value, negated)));
        }
        let column = self.equal_column(target);
        let bound: Vec<_> = values.iter().map(|value| self.equal_bound(target, value)).collect();
        if self.engine == Engine::Postgres && self.own_field(target).is_none() {
            // One parameter for all of them: a plan for any values takes many parameters for many rows,
            // and would rather read the whole tenant.
            let array = Expr::val(Bound::Array(bound[0].array_type(), Some(Box::new(bound))));
            return if negated {
                self.or_missing(target, column.ne(PgFunc::all(array)))
            } else {
                Cond::all().add(column.eq(PgFunc::any(array)))
            };
        }
        if negated { self.or_missing(target, column.is_not_in(bound)) } else { Cond::all().add(column.is_in(bound)) }
    }

    fn compare(&self, target: Target, comparison: Comparison, value: &Value, negated: bool) -> Condition {
        let (own, other) = match comparison {
            Comparison::Equal => (self.equal_column(target), Expr::val(self.equal_bound(target, value))),
            _ => (self.column(target), self.value(target, value)),
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

    fn text(&self, target: Target, test: TextTest, text: &str, negated: bool) -> Condition {
        let holds = self.text_holds(target, test, text);
        if negated { self.or_missing(target, holds.not()) } else { Cond::all().add(holds) }
    }

    fn text_holds(&self, target: Target, test: TextTest, text: &str) -> Expr {
        let length = i32::try_from(text.chars().count()).unwrap_or(i32::MAX);
        let (own, text) = if test.ignores_case {
            // Both engines lower A to Z here, and nothing else: the columns are ordered by bytes.
            (Expr::from(Func::lower(self.column(target))), text.to_ascii_lowercase())
        } else {
            (self.column(target), text.to_owned())
        };
        let call = |name: &'static str, arguments: Vec<Expr>| Expr::from(Func::cust(name).args(arguments));
        match test.place {
            TextPlace::Inside => {
                let name = if self.engine == Engine::Sqlite { "instr" } else { "strpos" };
                call(name, vec![own, Expr::val(text)]).gt(0)
            }
            // A range, so that an index serves it.
            TextPlace::Start if !test.ignores_case => {
                let from = own.clone().gte(text.as_str());
                match after_prefix(&text) {
                    Some(to) => from.and(own.lt(to)),
                    None => from,
                }
            }
            TextPlace::Start => call("substr", vec![own, Expr::val(1), Expr::val(length)]).eq(text),
            TextPlace::End if self.engine == Engine::Sqlite => call("substr", vec![own, Expr::val(-length)]).eq(text),
            TextPlace::End => call("right", vec![own, Expr::val(length)]).eq(text),
        }
    }

    fn or_missing(&self, target: Target, condition: Expr) -> Condition {
        let any = Cond::any().add(condition);
        if target.is_always_there(self.object) { any } else { any.add(self.column(target).is_null()) }
    }

    /// Everything behind a place of a list: `(a, b, id) > (x, y, z)` in the
    /// directions of the sort, with missing values last.
    pub fn after(&self, sort: &[Sort], place: &[Value]) -> Condition {
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
            any = any.add(same.add(self.own("id").gt(self.value(Target::Id, id))));
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

fn nothing() -> Condition {
    Cond::all().add(Expr::val(false).eq(true))
}

fn link_column(name: &str) -> Expr {
    Expr::col((Alias::new("l"), Alias::new(name)))
}

pub(in super::super) fn column(name: &str) -> Expr {
    Expr::col(Alias::new(name))
}
