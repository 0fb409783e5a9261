//! An amount, split into lines of a payment plan that add up to it.

use b2b_rules::number::{minor, money, units};
use b2b_rules::split::{SplitError, by_weights};
use guildhall_sdk::{Decimal, Fault, Money, Value, json};

use crate::read;

/// Digits behind the point of a weight.
const DIGITS: u32 = 6;

/// The action. It writes nothing: with a contract, the answer has what to send to the batch of its plan lines.
pub fn run(input: &Value) -> Result<Value, Fault> {
    let contract = read::text(input, "contract").map(|id| read::need("b2b.contract", id)).transpose()?;
    let given = match input.get("total") {
        Some(total) => Some(total_of(total)?),
        None => contract.as_ref().and_then(|contract| contract.money("agreed").or_else(|| contract.money("total"))),
    };
    let total = given.ok_or_else(|| Fault::invalid("There is no total to split."))?;
    let parts = input["parts"].as_array().map(Vec::as_slice).unwrap_or_default();
    let weights: Vec<i128> = parts.iter().map(weight).collect::<Result<_, Fault>>()?;
    let shares = by_weights(minor(&total)?, &weights).map_err(wrong)?;
    let mut lines = Vec::with_capacity(parts.len());
    for ((part, share), position) in parts.iter().zip(shares).zip(1_i64..) {
        let mut line = json!({"position": position * 10, "amount": money(share, &total.currency)});
        for field in ["name", "trigger", "due_on", "milestone"] {
            if let Some(value) = part.get(field) {
                line[field] = value.clone();
            }
        }
        lines.push(line);
    }
    let mut answer = json!({"total": total, "lines": lines});
    if let Some(contract) = contract {
        let operation = |mut fields: Value| {
            fields["contract"] = json!(contract.id());
            json!({"op": "create", "fields": fields})
        };
        answer["operations"] = lines.into_iter().map(operation).collect();
    }
    Ok(answer)
}

fn total_of(total: &Value) -> Result<Money, Fault> {
    let text = |name: &str| read::text(total, name).unwrap_or_default();
    let amount = text("amount").parse().map_err(|_| Fault::invalid("The total is an amount of money."))?;
    Ok(Money { amount, currency: text("currency").to_owned() })
}

fn weight(part: &Value) -> Result<i128, Fault> {
    let text = read::text(part, "weight").unwrap_or_default();
    let weight: Option<Decimal> = text.parse().ok();
    weight
        .and_then(|weight| units(weight, DIGITS))
        .ok_or_else(|| Fault::invalid(format!("{text} is no weight.")).with_detail("field", "weight"))
}

fn wrong(error: SplitError) -> Fault {
    match error {
        SplitError::NoWeight => Fault::new("no_weight", "Nothing can be split by weights that are all zero."),
        SplitError::NegativeWeight => Fault::new("negative_weight", "A weight is not below zero."),
        SplitError::OutOfRange => Fault::new("amount_out_of_range", "The total is too large to be split exactly."),
    }
}
