//! Says of each deal how likely it is to be won: a score from 0 to 100 that follows the deal's fields.

mod score;

use guildhall_sdk::{ComputedField, Fault, Record, TypedRecord, config, register};

use crate::score::{Deal, Weights};

struct DealScoring;

impl ComputedField for DealScoring {
    fn compute(_object: &str, _fields: &[String], records: &[Record]) -> Result<Vec<Record>, Fault> {
        let weights: Weights = config::get()?;
        records
            .iter()
            .map(|record| Ok(Record::new().set("score", weights.score(&Deal::from_record(record)?))))
            .collect()
    }
}

register!(DealScoring: ComputedField);
