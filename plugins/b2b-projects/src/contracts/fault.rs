//! How a violation of the books is told.

use b2b_rules::ledger::Violation;
use b2b_rules::number::money;
use guildhall_sdk::Fault;

/// The fault that a violation is, amounts in the contract's currency.
pub fn of(violation: Violation, currency: &str) -> Fault {
    let amount = |minor: i128| money(minor, currency);
    match violation {
        Violation::Amount(what) => {
            Fault::new("amount_out_of_range", format!("The amount of the {what} is too small.")).with_detail("of", what)
        }
        Violation::PlanDoesNotAddUp { planned, agreed } => Fault::new(
            "plan_does_not_add_up",
            format!("The payment plan comes to {}, and {} was agreed.", amount(planned), amount(agreed)),
        )
        .with_detail("planned", amount(planned))
        .with_detail("agreed", amount(agreed)),
        Violation::LineOverInvoiced { line, amount: of, invoiced } => Fault::new(
            "line_over_invoiced",
            format!("{} would be invoiced on a line of {}.", amount(invoiced), amount(of)),
        )
        .with_detail("line", line),
        Violation::InvoiceOverMatched { invoice, amount: of, matched } => Fault::new(
            "invoice_over_matched",
            format!("{} of an invoice of {} would stand on lines.", amount(matched), amount(of)),
        )
        .with_detail("invoice", invoice),
        Violation::InvoiceOverPaid { invoice, amount: of, received } => Fault::new(
            "invoice_over_paid",
            format!("{} would be paid of an invoice of {}.", amount(received), amount(of)),
        )
        .with_detail("invoice", invoice),
        Violation::LineNotReady { line } => {
            Fault::new("line_not_ready", "A line is not invoiced before its trigger.").with_detail("line", line)
        }
        Violation::InvoiceVoid { invoice } => {
            Fault::new("invoice_void", "A void invoice has no matches.").with_detail("invoice", invoice)
        }
        Violation::OtherContract => {
            Fault::new("other_contract", "An invoice is matched with lines of its own contract that are there.")
        }
        Violation::NotInForce => {
            Fault::new("contract_not_in_force", "Lines are invoiced while their contract is in force.")
        }
        Violation::Unpaid { line } => {
            Fault::new("contract_not_settled", "A contract is completed when every line is paid or written off.")
                .with_detail("line", line)
        }
    }
}
