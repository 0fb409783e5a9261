//! Risks: what rules find in the facts of a contract or an engagement, with what it stands on.

use guildhall_sdk::{Value, json};

use crate::day::Day;
use crate::number::{money, whole};

/// What a tenant minds, and how much.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Days that an invoice may be overdue.
    pub overdue_days: i64,
    /// Days that something delivered may stay without an invoice.
    pub not_invoiced_days: i64,
    /// Days that an invoice may stay without acceptance.
    pub not_accepted_days: i64,
    /// Hundredths: how many times the budget may be spent.
    pub cost_factor: i128,
}

/// Something with a day from which on it counts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Since {
    pub id: String,
    pub amount: i128,
    pub since: Day,
}

/// What is known of a contract. Amounts are minor units of its currency.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContractFacts {
    pub currency: String,
    pub agreed: i128,
    /// All invoices that are not void.
    pub invoiced: i128,
    /// What is open of invoices, by the day on which it was due.
    pub due: Vec<Since>,
    /// Lines that may be invoiced, by the day from which on they could be.
    pub ready: Vec<Since>,
    /// Invoices that are not accepted, by their day.
    pub unaccepted: Vec<Since>,
}

/// What is known of an engagement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EngagementFacts {
    pub currency: String,
    pub budget: Option<i128>,
    pub cost: i128,
    /// When its stage began, and how many days it should take.
    pub stage: Option<(Day, i64)>,
}

/// What a rule found.
#[derive(Debug, Clone, PartialEq)]
pub struct Finding {
    /// The option of the field.
    pub rule: &'static str,
    /// From 1 to 100.
    pub score: i64,
    pub evidence: Value,
}

impl Finding {
    /// How bad it is.
    pub fn level(&self) -> &'static str {
        level(self.score)
    }
}

/// The level of a score.
pub fn level(score: i64) -> &'static str {
    match score {
        ..30 => "low",
        30..70 => "medium",
        70.. => "high",
    }
}

/// What all risks of a customer come to: their scores added up, 100 at most.
pub fn total(scores: impl IntoIterator<Item = i64>) -> i64 {
    scores.into_iter().fold(0, |sum, score| (sum + score).min(100))
}

/// What the rules find in a contract.
pub fn of_contract(facts: &ContractFacts, today: Day, limits: &Limits) -> Vec<Finding> {
    let aged = |rule, items: &[Since], days: i64, base: i64| {
        let late: Vec<(&Since, i64)> =
            items.iter().map(|item| (item, today.since(item.since))).filter(|(_, age)| *age > days).collect();
        let oldest = late.iter().map(|(_, age)| *age).max()?;
        let sum: i128 = late.iter().map(|(item, _)| item.amount).sum();
        let rows: Vec<Value> = late
            .iter()
            .take(20)
            .map(|(item, age)| {
                json!({"id": item.id, "since": item.since.to_string(), "days": age,
                "amount": money(item.amount, &facts.currency)})
            })
            .collect();
        Some(Finding {
            rule,
            // A point for each further day, up to 40.
            score: base + (oldest - days).clamp(0, 40),
            evidence: json!({"limit_days": days, "oldest_days": oldest, "count": late.len(),
                "amount": money(sum, &facts.currency), "items": rows}),
        })
    };
    let over = (facts.invoiced > facts.agreed).then(|| Finding {
        rule: "invoiced_over_contract",
        score: 80,
        evidence: json!({"agreed": money(facts.agreed, &facts.currency),
            "invoiced": money(facts.invoiced, &facts.currency)}),
    });
    [
        aged("overdue", &facts.due, limits.overdue_days, 40),
        over,
        aged("delivered_not_invoiced", &facts.ready, limits.not_invoiced_days, 20),
        aged("invoiced_not_accepted", &facts.unaccepted, limits.not_accepted_days, 20),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// What the rules find in an engagement.
pub fn of_engagement(facts: &EngagementFacts, today: Day, limits: &Limits) -> Vec<Finding> {
    let over_budget =
        facts.budget.filter(|budget| whole(facts.cost) * whole(100) > whole(*budget) * whole(limits.cost_factor));
    let over_budget = over_budget.map(|budget| Finding {
        rule: "cost_over_budget",
        score: 60,
        evidence: json!({"budget": money(budget, &facts.currency), "cost": money(facts.cost, &facts.currency),
            "factor": crate::number::decimal(limits.cost_factor, 2)}),
    });
    let stage = facts.stage.map(|(since, expected)| (today.since(since), expected));
    let too_long = stage.filter(|(days, expected)| days > expected).map(|(days, expected)| Finding {
        rule: "stage_overdue",
        score: 20 + (days - expected).min(30),
        evidence: json!({"expected_days": expected, "days": days}),
    });
    over_budget.into_iter().chain(too_long).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn day(text: &str) -> Day {
        text.parse().unwrap()
    }

    fn limits() -> Limits {
        Limits { overdue_days: 30, not_invoiced_days: 10, not_accepted_days: 20, cost_factor: 110 }
    }

    fn contract() -> ContractFacts {
        let (due, ready, unaccepted) = Default::default();
        ContractFacts { currency: "EUR".to_owned(), agreed: 1000, invoiced: 1000, due, ready, unaccepted }
    }

    fn since(text: &str) -> Vec<Since> {
        vec![Since { id: "x".to_owned(), amount: 500, since: day(text) }]
    }

    fn rules(facts: &ContractFacts) -> Vec<(&'static str, i64)> {
        let found = of_contract(facts, day("2026-03-31"), &limits());
        found.into_iter().map(|finding| (finding.rule, finding.score)).collect()
    }

    #[test]
    fn each_rule_finds_what_is_past_its_limit() {
        assert_eq!(rules(&contract()), []);
        assert_eq!(rules(&ContractFacts { due: since("2026-03-01"), ..contract() }), []);
        assert_eq!(rules(&ContractFacts { due: since("2026-02-28"), ..contract() }), [("overdue", 41)]);
        assert_eq!(rules(&ContractFacts { due: since("2020-01-01"), ..contract() }), [("overdue", 80)]);
        assert_eq!(rules(&ContractFacts { invoiced: 1001, ..contract() }), [("invoiced_over_contract", 80)]);
        assert_eq!(
            rules(&ContractFacts { ready: since("2026-03-20"), ..contract() }),
            [("delivered_not_invoiced", 21)]
        );
        assert_eq!(
            rules(&ContractFacts { unaccepted: since("2026-03-10"), ..contract() }),
            [("invoiced_not_accepted", 21)]
        );
    }

    #[test]
    fn a_finding_says_what_it_stands_on() {
        let facts = ContractFacts { due: since("2026-02-28"), ..contract() };
        let found = of_contract(&facts, day("2026-03-31"), &limits());
        let amount = json!({"amount": "5.00", "currency": "EUR"});
        assert_eq!(
            found[0].evidence,
            json!({"limit_days": 30, "oldest_days": 31, "count": 1, "amount": amount,
                "items": [{"id": "x", "since": "2026-02-28", "days": 31, "amount": amount}]})
        );
        assert_eq!((found[0].level(), level(29), level(70)), ("medium", "low", "high"));
    }

    #[test]
    fn costs_and_stages_have_limits() {
        let facts = |cost, stage| EngagementFacts { currency: "EUR".to_owned(), budget: Some(1000), cost, stage };
        let rules = |facts: EngagementFacts| {
            let found = of_engagement(&facts, day("2026-03-31"), &limits());
            found.into_iter().map(|finding| (finding.rule, finding.score)).collect::<Vec<_>>()
        };
        assert_eq!(rules(facts(1100, None)), []);
        assert_eq!(rules(facts(1101, None)), [("cost_over_budget", 60)]);
        assert_eq!(rules(EngagementFacts { budget: None, ..facts(1101, None) }), []);
        assert_eq!(rules(facts(0, Some((day("2026-03-21"), 10)))), []);
        assert_eq!(rules(facts(0, Some((day("2026-03-20"), 10)))), [("stage_overdue", 21)]);
    }

    proptest! {
        #[test]
        fn scores_stay_within_bounds(
            ages in prop::collection::vec(0_i64..10_000, 0..8), invoiced in 0_i128..3000, cost in 0_i128..3000,
        ) {
            let today = day("2026-03-31");
            let items: Vec<Since> = ages
                .iter()
                .map(|age| Since { id: age.to_string(), amount: 1, since: today.plus(-age) })
                .collect();
            let facts = ContractFacts {
                invoiced, due: items.clone(), ready: items.clone(), unaccepted: items, ..contract()
            };
            let found = of_contract(&facts, today, &limits());
            prop_assert!(found.iter().all(|finding| (1..=100).contains(&finding.score)));
            prop_assert_eq!(found.iter().any(|finding| finding.rule == "overdue"), ages.iter().any(|age| *age > 30));
            prop_assert_eq!(found.iter().any(|finding| finding.rule == "invoiced_over_contract"), invoiced > 1000);
            prop_assert!((0..=100).contains(&total(found.iter().map(|finding| finding.score))));
            let engagement = EngagementFacts { currency: "EUR".to_owned(), budget: Some(1000), cost, stage: None };
            prop_assert_eq!(of_engagement(&engagement, today, &limits()).is_empty(), cost <= 1100);
        }
    }
}
