//! What a single change may be, as far as it can be told without adding anything up.

use std::collections::{BTreeMap, BTreeSet};

use b2b_rules::ledger::Standing;
use guildhall_sdk::{Change, Fault, Operation, Record, filter};

use super::{CONTRACT, INVOICE, INVOICE_MATCH, MILESTONE, PLAN_LINE, RECEIPT, RECEIPT_MATCH, SUPPLEMENT};
use crate::store;

/// The records that changes are about, read once for all of them.
#[derive(Debug, Default)]
pub struct Around {
    pub contracts: BTreeMap<String, Record>,
    pub invoices: BTreeMap<String, Record>,
    pub lines: BTreeMap<String, Record>,
    /// Lines of the plan whose trigger is one of the milestones.
    pub lines_of_milestones: Vec<Record>,
}

impl Around {
    /// Reads what these changes name. Contracts come first: everything that is added up is read after them.
    pub fn read<'a>(changes: impl Iterator<Item = &'a Change>) -> Result<Self, Fault> {
        let mut links: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
        for change in changes {
            if change.object == MILESTONE {
                links.entry(MILESTONE).or_default().insert(&change.id);
            }
            let record = store::latest(change)?;
            for (field, object) in [("contract", CONTRACT), ("invoice", INVOICE), ("line", PLAN_LINE)] {
                links.entry(object).or_default().extend(record.link(field));
            }
        }
        let of = |object: &str| links.get(object).cloned().unwrap_or_default();
        let invoices = store::by_id(INVOICE, &of(INVOICE))?;
        let mut contracts = of(CONTRACT);
        contracts.extend(invoices.values().filter_map(|invoice| invoice.link("contract")));
        Ok(Self {
            contracts: store::by_id(CONTRACT, &contracts)?,
            lines: store::by_id(PLAN_LINE, &of(PLAN_LINE))?,
            lines_of_milestones: store::with(PLAN_LINE, "milestone", &of(MILESTONE))?,
            invoices,
        })
    }

    fn standing(&self, contract: Option<&str>) -> Standing {
        Standing::of(contract.and_then(|id| self.contracts.get(id)).and_then(|contract| contract.text("status")))
    }
}

/// Whether the contract comes into force, for the first time or again.
pub fn comes_into_force(change: &Change) -> bool {
    let status = |record: &Option<Record>| Standing::of(record.as_ref().and_then(|record| record.text("status")));
    change.object == CONTRACT && status(&change.after) == Standing::Active && status(&change.before) != Standing::Active
}

/// Refuses what may not be, whatever the sums are.
pub fn check(change: &Change, around: &Around) -> Result<(), Fault> {
    match change.object.as_str() {
        CONTRACT => contract(change),
        SUPPLEMENT => supplement(change, around),
        PLAN_LINE => plan_line(change, around),
        MILESTONE => milestone(change, around),
        INVOICE => {
            store::fixed(change, &["contract"])?;
            unused(change, &[(INVOICE_MATCH, "invoice"), (RECEIPT_MATCH, "invoice")])
        }
        RECEIPT => unused(change, &[(RECEIPT_MATCH, "receipt")]),
        INVOICE_MATCH => invoice_match(change, around),
        RECEIPT_MATCH => store::fixed(change, &["receipt", "invoice"]),
        _ => Ok(()),
    }
}

fn contract(change: &Change) -> Result<(), Fault> {
    let of = |record: &Option<Record>| record.as_ref().map(|record| Standing::of(record.text("status")));
    let may_become = match (of(&change.before), of(&change.after)) {
        (None, Some(Standing::Draft | Standing::Active)) => true,
        (None, _) => false,
        (Some(before), Some(after)) => before.may_become(after),
        (Some(Standing::Draft), None) => {
            return unused(change, &[(PLAN_LINE, "contract"), (SUPPLEMENT, "contract"), (INVOICE, "contract")]);
        }
        (Some(_), None) => {
            return Err(Fault::new("contract_in_use", "A contract that was in force is terminated, and not deleted."));
        }
    };
    if !may_become {
        return Err(Fault::new(
            "invalid_transition",
            "A contract begins as a draft, comes into force, is amended and comes into force again, and ends completed \
             or terminated.",
        ));
    }
    if of(&change.before).is_some_and(|before| !before.is_open()) {
        // The customer is none of them: companies are merged, and that is taken back.
        if store::differs(change, &["number", "total", "warranty_until"]) {
            return Err(Fault::new(
                "terms_locked",
                "The terms of a contract in force change while it is being amended.",
            ));
        }
    }
    Ok(())
}

fn supplement(change: &Change, around: &Around) -> Result<(), Fault> {
    store::fixed(change, &["contract"])?;
    let is_signed =
        |record: &Option<Record>| record.as_ref().and_then(|record| record.text("status")) == Some("signed");
    if is_signed(&change.before) || is_signed(&change.after) {
        open_plan(store::latest(change)?, around)?;
    }
    Ok(())
}

fn plan_line(change: &Change, around: &Around) -> Result<(), Fault> {
    store::fixed(change, &["contract"])?;
    if store::differs(change, &["position", "trigger", "due_on", "milestone", "amount"]) {
        open_plan(store::latest(change)?, around)?;
    }
    if let Some(after) = &change.after {
        let needed = match after.text("trigger") {
            Some("date") => Some("due_on"),
            Some("milestone") => Some("milestone"),
            _ => None,
        };
        if let Some(field) = needed.filter(|field| after.text(field).is_none()) {
            return Err(Fault::new("trigger_incomplete", format!("A line with this trigger needs `{field}`."))
                .with_detail("field", field));
        }
    }
    unused(change, &[(INVOICE_MATCH, "line")])
}

fn open_plan(record: &Record, around: &Around) -> Result<(), Fault> {
    if around.standing(record.link("contract")).is_open() {
        return Ok(());
    }
    Err(Fault::new("plan_locked", "The plan of a contract changes while it is a draft or being amended."))
}

fn milestone(change: &Change, around: &Around) -> Result<(), Fault> {
    store::fixed(change, &["engagement"])?;
    let is_used = around.lines_of_milestones.iter().any(|line| line.link("milestone") == Some(&change.id));
    if change.operation == Operation::Delete && is_used {
        return Err(Fault::new("record_in_use", "A payment plan has lines of this milestone."));
    }
    Ok(())
}

fn invoice_match(change: &Change, around: &Around) -> Result<(), Fault> {
    store::fixed(change, &["invoice", "line"])?;
    let record = store::latest(change)?;
    let invoice = record.link("invoice").and_then(|id| around.invoices.get(id));
    let standing = around.standing(invoice.and_then(|invoice| invoice.link("contract")));
    if change.operation == Operation::Delete {
        return Ok(());
    }
    if standing != Standing::Active {
        return Err(Fault::new("contract_not_in_force", "Lines are invoiced while their contract is in force."));
    }
    let line = record.link("line").and_then(|id| around.lines.get(id));
    if line.and_then(|line| line.boolean("written_off")) == Some(true) {
        return Err(Fault::new("line_written_off", "The line was written off."));
    }
    Ok(())
}

/// Refuses to delete what others name.
fn unused(change: &Change, by: &[(&str, &str)]) -> Result<(), Fault> {
    if change.operation != Operation::Delete {
        return Ok(());
    }
    for (object, field) in by {
        if store::exists(object, filter::eq(field, change.id.as_str()))? {
            return Err(Fault::new("record_in_use", format!("There are records of {object} that name it."))
                .with_detail("object", *object));
        }
    }
    Ok(())
}
