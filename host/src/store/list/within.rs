//! The records that a permit is for, as SQL.

use sea_query::{Alias, Cond, Condition, Expr, ExprTrait, Query as Sql};
use uuid::Uuid;

use super::super::db::Engine;
use super::Compiler;
use crate::access::Permit;
use crate::domain::clock::Timestamp;

impl Compiler<'_> {
    /// Only the records that a permit is for.
    pub fn within<A>(&self, permit: &Permit<A>) -> Option<Condition> {
        let rule = Compiler { is_rule: true, ..*self };
        permit.rows().filter().map(|filter| rule.filter(filter, false))
    }

    /// Whether the record is shared with one of these.
    pub fn shared(&self, with: &[Uuid], edits: bool, at: Timestamp) -> Expr {
        let column = |name: &str| Expr::col((Alias::new("s"), Alias::new(name)));
        let mut select = Sql::select();
        select
            .expr(Expr::val(1))
            .from_as(Alias::new("share"), Alias::new("s"))
            .and_where(column("tenant_id").eq(self.permits.own().tenant().0))
            .and_where(column("subject_id").is_in(with.iter().copied()))
            .and_where(column("object").eq(self.object.name.as_str()))
            .and_where(column("record_id").eq(self.own("id")))
            .cond_where(Cond::any().add(column("until_at").is_null()).add(column("until_at").gt(self.engine.time(at))));
        if edits {
            select.and_where(column("can_update").eq(true));
        }
        if self.engine == Engine::Sqlite {
            select.limit(1);
        }
        Expr::exists(select)
    }
}
