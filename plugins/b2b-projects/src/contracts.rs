//! Contracts and their money: whatever changes, the books of the contract are settled again in the same commit.

mod books;
mod fault;
mod receipt;
mod terms;

use std::collections::{BTreeMap, BTreeSet};

use guildhall_sdk::{Change, Fault, Operation, Outcome};

use crate::engagements::ENGAGEMENT;
use crate::{guards, store};

pub use books::{Books, settle};
pub const CONTRACT: &str = "b2b.contract";
pub const SUPPLEMENT: &str = "b2b.supplement";
pub const PLAN_LINE: &str = "b2b.plan_line";
pub const MILESTONE: &str = "b2b.milestone";
pub const INVOICE: &str = "b2b.invoice";
pub const RECEIPT: &str = "b2b.receipt";
pub const INVOICE_MATCH: &str = "b2b.invoice_match";
pub const RECEIPT_MATCH: &str = "b2b.receipt_match";

/// The fields of an object that matter to the books; none when it has none.
pub fn fields(object: &str) -> Option<&'static [&'static str]> {
    Some(match object {
        CONTRACT => &["number", "company", "total", "status", "warranty_until"],
        SUPPLEMENT => &["contract", "amount", "status"],
        PLAN_LINE => &["contract", "position", "trigger", "due_on", "milestone", "amount", "written_off"],
        MILESTONE => &["engagement", "reached_on"],
        INVOICE => &["contract", "amount", "due_on", "void"],
        RECEIPT => &["amount"],
        INVOICE_MATCH => &["invoice", "line", "amount"],
        RECEIPT_MATCH => &["receipt", "invoice", "amount"],
        _ => return None,
    })
}

/// What is settled once for a command: a contract, or a receipt.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Subject {
    Receipt(String),
    Contract(String),
}

/// Judges changes of one object. What belongs to one contract in a command stands or falls together.
pub fn judge(changes: &[Change], fields: &[&str]) -> Result<Vec<Outcome>, Fault> {
    let mut outcomes = vec![Outcome::Accept; changes.len()];
    let concerned: Vec<usize> = (0..changes.len()).filter(|&at| store::differs(&changes[at], fields)).collect();
    let around = terms::Around::read(concerned.iter().map(|&at| &changes[at]))?;
    let mut subjects: BTreeMap<Subject, Vec<usize>> = BTreeMap::new();
    for at in concerned {
        match terms::check(&changes[at], &around).and_then(|()| subjects_of(&changes[at], &around)) {
            Ok(touched) => touched.into_iter().for_each(|subject| subjects.entry(subject).or_default().push(at)),
            Err(fault) if fault.is_retryable() => return Err(fault),
            Err(fault) => outcomes[at] = Outcome::Refuse(fault),
        }
    }
    // What is refused anyway is left out before anything is added up.
    if outcomes.iter().any(|outcome| *outcome != Outcome::Accept) {
        return Ok(outcomes);
    }
    match changes.first().map(|change| change.object.as_str()) {
        Some(CONTRACT | MILESTONE) => guards::named(ENGAGEMENT, "engagement", changes)?,
        // A milestone that is reached, or goes, looks for its lines.
        Some(PLAN_LINE) => guards::named(MILESTONE, "milestone", changes)?,
        _ => {}
    }
    for (subject, places) in subjects {
        let settled = match &subject {
            Subject::Receipt(id) => receipt::settle(id),
            Subject::Contract(id) => {
                let comes_into_force = places.iter().any(|&at| terms::comes_into_force(&changes[at]));
                settle(id, Some(comes_into_force))
            }
        };
        match settled {
            Ok(()) => {}
            Err(fault) if fault.is_retryable() => return Err(fault),
            Err(fault) => places.into_iter().for_each(|at| outcomes[at] = Outcome::Refuse(fault.clone())),
        }
    }
    Ok(outcomes)
}

/// Whose books a change is in.
fn subjects_of(change: &Change, around: &terms::Around) -> Result<BTreeSet<Subject>, Fault> {
    let record = store::latest(change)?;
    let link = |field: &str| record.link(field).map(str::to_owned);
    let contract_of_invoice = || {
        let invoice = around.invoices.get(record.link("invoice")?)?;
        invoice.link("contract").map(str::to_owned)
    };
    Ok(match change.object.as_str() {
        CONTRACT | RECEIPT if change.operation == Operation::Delete => BTreeSet::new(),
        CONTRACT => BTreeSet::from([Subject::Contract(change.id.clone())]),
        RECEIPT => BTreeSet::from([Subject::Receipt(change.id.clone())]),
        MILESTONE => {
            let lines = around.lines_of_milestones.iter().filter(|line| line.link("milestone") == Some(&change.id));
            lines.filter_map(|line| line.link("contract")).map(|id| Subject::Contract(id.to_owned())).collect()
        }
        INVOICE_MATCH => contract_of_invoice().map(Subject::Contract).into_iter().collect(),
        RECEIPT_MATCH => {
            let contract = contract_of_invoice().map(Subject::Contract);
            link("receipt").map(Subject::Receipt).into_iter().chain(contract).collect()
        }
        _ => link("contract").map(Subject::Contract).into_iter().collect(),
    })
}
