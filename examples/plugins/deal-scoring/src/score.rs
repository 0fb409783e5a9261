//! How a score comes about, without any call to the host.

use guildhall_sdk::{Decimal, Money, Record};
use serde::Deserialize;

/// What a score depends on.
#[derive(Record)]
#[record(object = "deal_scoring.deal")]
pub struct Deal {
    stage: String,
    amount: Option<Money>,
    company: Option<String>,
    contact: Option<String>,
}

/// The settings: `config.schema.json`.
#[derive(Deserialize)]
#[serde(default)]
pub struct Weights {
    stages: Stages,
    company: i64,
    contact: i64,
    large: i64,
    large_from: Decimal,
}

#[derive(Deserialize)]
#[serde(default)]
struct Stages {
    lead: i64,
    qualified: i64,
    proposal: i64,
    negotiation: i64,
}

impl Default for Weights {
    fn default() -> Self {
        Self { stages: Stages::default(), company: 10, contact: 10, large: 15, large_from: Decimal::from(100_000) }
    }
}

impl Default for Stages {
    fn default() -> Self {
        Self { lead: 10, qualified: 25, proposal: 45, negotiation: 70 }
    }
}

impl Weights {
    /// The score of a deal. What is won or lost is certain.
    pub fn score(&self, deal: &Deal) -> i64 {
        let stage = match deal.stage.as_str() {
            "won" => return 100,
            "lost" => return 0,
            "lead" => self.stages.lead,
            "qualified" => self.stages.qualified,
            "proposal" => self.stages.proposal,
            "negotiation" => self.stages.negotiation,
            _ => 0,
        };
        let is_large = deal.amount.as_ref().is_some_and(|amount| amount.amount >= self.large_from);
        let of = |there: bool, points: i64| if there { points } else { 0 };
        let people = of(deal.company.is_some(), self.company) + of(deal.contact.is_some(), self.contact);
        (stage + people - of(is_large, self.large)).clamp(0, 100)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn score(weights: &Weights, stage: &str, amount: Option<&str>, known: bool) -> i64 {
        let amount = amount.map(|amount| Money { amount: amount.parse().unwrap(), currency: "EUR".to_owned() });
        let link = known.then(|| "01a2".to_owned());
        weights.score(&Deal { stage: stage.to_owned(), amount, company: link.clone(), contact: link })
    }

    #[test]
    fn weights_add_up_within_bounds() {
        let usual = Weights::default();
        assert_eq!(score(&usual, "lead", None, false), 10);
        assert_eq!(score(&usual, "proposal", Some("99999.99"), true), 65);
        assert_eq!(score(&usual, "proposal", Some("100000"), true), 50);
        assert_eq!(score(&usual, "lead", Some("500000"), false), 0);
        assert_eq!((score(&usual, "won", Some("500000"), false), score(&usual, "lost", None, true)), (100, 0));
        let generous = Weights { company: 100, ..usual };
        assert_eq!(score(&generous, "negotiation", None, true), 100);
    }
}
