//! Many steps in one statement: one round trip instead of one each.
//!
//! Each step becomes a part of a `with` query. The query itself looks at what
//! came of the parts, in their order, and a function of the database ends it
//! with an error that names the first part that met something else.

use std::fmt::Write as _;

use super::super::{Expect, Step, Stmt};

/// Most steps in one statement.
const MAX_STEPS: usize = 16;
/// Most values in one statement of several steps.
const MAX_VALUES: usize = 4_000;
/// The error that `guildhall_expect` raises.
pub const UNMET: &str = "GH001";

/// Packs steps into statements, each with the place of its first step.
pub fn pack(steps: Vec<Step>) -> Vec<(usize, Stmt)> {
    let mut packs = Vec::new();
    let mut group: Vec<Step> = Vec::new();
    let mut values = 0;
    let mut first = 0;
    for step in steps {
        if group.len() == MAX_STEPS || (!group.is_empty() && values + step.stmt.values.len() > MAX_VALUES) {
            let full = std::mem::take(&mut group);
            packs.push((first, one(&full)));
            first += full.len();
            values = 0;
        }
        values += step.stmt.values.len();
        group.push(step);
    }
    if !group.is_empty() {
        packs.push((first, one(&group)));
    }
    packs
}

/// The place of the step that an error tells of.
pub fn unmet(code: Option<&str>, message: &str) -> Option<usize> {
    (code == Some(UNMET)).then(|| message.parse().ok()).flatten()
}

fn one(steps: &[Step]) -> Stmt {
    let length: usize = steps.iter().map(|step| step.stmt.sql.len() + 100).sum();
    let mut sql = String::with_capacity(length);
    let mut values = Vec::with_capacity(steps.iter().map(|step| step.stmt.values.len()).sum());
    let mut expected = String::with_capacity(steps.len() * 64);
    for (at, step) in steps.iter().enumerate() {
        let _ = write!(sql, "{} s{at} as (", if at == 0 { "with" } else { "," });
        renumber(&step.stmt.sql, values.len(), &mut sql);
        values.extend(step.stmt.values.iter().cloned());
        sql.push_str(if step.expect.is_query() { ")" } else { " returning 1)" });
        let rows = match step.expect {
            Expect::Nothing => continue,
            Expect::OneChange => 1,
            Expect::Rows(rows) | Expect::Changes(rows) => rows,
        };
        let separator = if expected.is_empty() { "" } else { ", " };
        let _ = write!(expected, "{separator}guildhall_expect((select count(*) from s{at}) = {rows}, {at})");
    }
    let _ = write!(sql, " select {}", if expected.is_empty() { "1" } else { &expected });
    Stmt::new(sql, values)
}

/// Copies a text whose `$1` becomes `$1 + by`.
fn renumber(text: &str, by: usize, into: &mut String) {
    let mut rest = text;
    while let Some(at) = rest.find('$') {
        into.push_str(&rest[..=at]);
        rest = &rest[at + 1..];
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        let number: usize = rest[..digits].parse().unwrap_or(0);
        let _ = write!(into, "{}", number + by);
        rest = &rest[digits..];
    }
    into.push_str(rest);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn step(sql: &str, values: Vec<i64>, expect: Expect) -> Step {
        Step { stmt: Stmt::new(sql, values.into_iter().map(Into::into).collect::<Vec<_>>()), expect }
    }

    #[test]
    fn steps_become_parts_of_one_statement() {
        let steps = vec![
            step("select 1 from a where b = $1", vec![7], Expect::Rows(1)),
            step("insert into e (x, y) values ($1, $2)", vec![1, 2], Expect::Nothing),
        ];
        let packs = pack(steps);
        assert_eq!(packs.len(), 1);
        assert_eq!(
            &*packs[0].1.sql,
            "with s0 as (select 1 from a where b = $1), \
             s1 as (insert into e (x, y) values ($2, $3) returning 1) \
             select guildhall_expect((select count(*) from s0) = 1, 0)"
        );
        assert_eq!(packs[0].1.values.len(), 3);
    }

    #[test]
    fn many_steps_become_few_statements() {
        let steps = (0..40).map(|at| step("select $1", vec![at], Expect::Rows(1))).collect();
        let places: Vec<usize> = pack(steps).into_iter().map(|(first, _)| first).collect();
        assert_eq!(places, [0, 16, 32]);
    }

    #[test]
    fn an_error_names_its_step() {
        assert_eq!(unmet(Some(UNMET), "3"), Some(3));
        assert_eq!(unmet(Some("23505"), "3"), None);
    }
}
