//! What a receipt may pay: the invoices that it names first, then those that have been due for longest.

use std::collections::BTreeSet;

use b2b_rules::number::{minor, money};
use b2b_rules::pages;
use b2b_rules::split::consumed;
use guildhall_sdk::{Fault, Record, Value, filter, json};

use crate::read;

/// The action. It writes nothing: the answer has what to send to the batch of receipt matches.
pub fn run(input: &Value) -> Result<Value, Fault> {
    let receipt = read::need("b2b.receipt", read::text(input, "receipt").unwrap_or_default())?;
    let amount = receipt.money("amount").ok_or_else(|| Fault::invalid("The receipt has no amount."))?;
    let left = minor(&amount)? - receipt.money("matched").map_or(Ok(0), |matched| minor(&matched))?;
    let mut invoices = open_invoices(&receipt, read::text(input, "contract"))?;
    invoices.retain(|invoice| invoice.money("amount").is_some_and(|one| one.currency == amount.currency));
    let reference = receipt.text("reference").unwrap_or_default();
    invoices.sort_by_key(|invoice| {
        let number = invoice.text("number").unwrap_or_default();
        (!names(reference, number), invoice.date("due_on").unwrap_or("9999").to_owned(), invoice.id().to_owned())
    });
    let open: Vec<i128> = invoices.iter().map(open_amount).collect::<Result<_, Fault>>()?;
    let covered = consumed(&open, left);
    let rest = left - covered.iter().sum::<i128>();
    let operations: Vec<Value> = invoices
        .iter()
        .zip(covered)
        .filter(|(_, covered)| *covered > 0)
        .map(|(invoice, covered)| {
            json!({"op": "create", "fields": {"receipt": receipt.id(), "invoice": invoice.id(),
                "amount": money(covered, &amount.currency)}})
        })
        .collect();
    Ok(json!({"operations": operations, "rest": money(rest, &amount.currency)}))
}

/// Invoices that are not paid: of one contract, or of all contracts of the payer.
fn open_invoices(receipt: &Record, contract: Option<&str>) -> Result<Vec<Record>, Fault> {
    let contracts: Vec<String> = match (contract, receipt.link("company")) {
        (Some(id), _) => vec![read::need("b2b.contract", id)?.id().to_owned()],
        (None, Some(payer)) => {
            pages::all("b2b.contract", &filter::eq("company", payer))?.iter().map(|one| one.id().to_owned()).collect()
        }
        (None, None) => {
            return Err(Fault::invalid("A receipt without a payer is matched with a contract that is named."));
        }
    };
    let contracts: BTreeSet<&str> = contracts.iter().map(String::as_str).collect();
    let mut invoices = pages::with("b2b.invoice", "contract", &contracts)?;
    invoices.retain(|invoice| !matches!(invoice.text("status"), Some("paid" | "void")));
    Ok(invoices)
}

fn open_amount(invoice: &Record) -> Result<i128, Fault> {
    let amount = |field: &str| invoice.money(field).map_or(Ok(0), |amount| minor(&amount));
    Ok(amount("amount")? - amount("received")?)
}

/// Whether a reference has this number as a word of its own: `1` is not in `INV-12`.
fn names(reference: &str, number: &str) -> bool {
    let is_part = |letter: Option<char>| letter.is_some_and(char::is_alphanumeric);
    !number.is_empty()
        && reference.match_indices(number).any(|(at, _)| {
            !is_part(reference[..at].chars().next_back()) && !is_part(reference[at + number.len()..].chars().next())
        })
}

#[cfg(test)]
mod tests {
    use super::names;

    #[test]
    fn a_reference_names_whole_numbers() {
        assert!(names("Invoice INV-12, thank you", "INV-12"));
        assert!(names("INV-12/INV-13", "INV-13"));
        assert!(!names("INV-123", "INV-12"));
        assert!(!names("付款12号", "12"));
        assert!(!names("anything", ""));
    }
}
