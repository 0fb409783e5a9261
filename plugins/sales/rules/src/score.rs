//! How promising a lead is: points of the rules whose conditions all hold.

use guildhall_sdk::{Fault, Record, Value, json};
use serde::Deserialize;

use crate::condition::{self, Condition};

/// A rule of the settings.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct ScoreRule {
    /// Points, which may be taken off.
    pub points: i64,
    /// Conditions, as a list.
    pub when: Value,
}

/// The rules with their conditions read.
pub struct Scoring(Vec<(i64, Vec<Condition>)>);

impl Scoring {
    pub fn read(rules: &[ScoreRule]) -> Result<Self, Fault> {
        let read = |rule: &ScoreRule| condition::read(Some(&rule.when)).map(|conditions| (rule.points, conditions));
        Ok(Self(rules.iter().map(read).collect::<Result<_, _>>()?))
    }

    /// The points of a lead, from 0 to 100.
    pub fn of(&self, lead: &Record) -> i64 {
        let holds = |conditions: &[Condition]| conditions.iter().all(|condition| condition.holds(lead));
        let points = self.0.iter().filter(|(_, conditions)| holds(conditions)).map(|(points, _)| points);
        points.fold(0, |sum: i64, points| sum.saturating_add(*points)).clamp(0, 100)
    }
}

/// The rules of a tenant that has none of its own.
pub fn usual() -> Vec<ScoreRule> {
    let rule = |points, field: &str| ScoreRule { points, when: json!([{"field": field, "present": true}]) };
    vec![
        rule(15, "email"),
        rule(15, "phone"),
        rule(15, "company_name"),
        rule(10, "job_title"),
        rule(20, "budget"),
        rule(10, "interest"),
        ScoreRule { points: 15, when: json!([{"field": "source", "in": ["referral", "website", "event"]}]) },
    ]
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn points_add_up_within_bounds() {
        let usual = Scoring::read(&usual()).unwrap();
        assert_eq!(usual.of(&Record::new().set("name", "Ann")), 0);
        let lead = Record::new().set("email", "a@x.example").set("company_name", "X").set("source", "Referral");
        assert_eq!(usual.of(&lead), 45);
    }

    proptest! {
        #[test]
        fn a_score_is_from_0_to_100(points in prop::collection::vec(any::<i64>(), 0..10)) {
            let rule = |points: &i64| ScoreRule { points: *points, when: json!([]) };
            let rules: Vec<ScoreRule> = points.iter().map(rule).collect();
            let score = Scoring::read(&rules).unwrap().of(&Record::new());
            prop_assert!((0..=100).contains(&score));
            if points.iter().all(|points| *points >= 0) {
                prop_assert_eq!(score, points.iter().fold(0_i64, |sum, points| sum.saturating_add(*points)).min(100));
            }
        }
    }
}
