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

#[cfg(test)]
mod tests {
    use guildhall_sdk::Money;

    use super::*;

    fn contract(status: &str, total: &str) -> Record {
        let total = Money { amount: total.parse().unwrap(), currency: "EUR".to_owned() };
        Record::new().set("number", "C-1").set("company", "c1").set("status", status).set("total", total)
    }

    fn change(object: &str, before: Option<Record>, after: Option<Record>) -> Change {
        let operation = match (&before, &after) {
            (None, _) => Operation::Create,
            (_, None) => Operation::Delete,
            _ => Operation::Update,
        };
        Change { operation, object: object.to_owned(), id: "x".to_owned(), before, after }
    }

    fn code(change: &Change, around: &Around) -> String {
        check(change, around).map_or_else(|fault| fault.code().to_owned(), |()| "passes".to_owned())
    }

    #[test]
    fn terms_change_while_a_contract_is_open() {
        let from = |status: &str, to: Record| {
            code(&change(CONTRACT, Some(contract(status, "5")), Some(to)), &Around::default())
        };
        for status in ["draft", "amending"] {
            assert_eq!(from(status, contract(status, "6")), "passes", "{status}");
            // It may come into force in the same step.
            assert_eq!(from(status, contract("active", "6")), "passes", "{status}");
        }
        for status in ["active", "completed", "terminated"] {
            assert_eq!(from(status, contract(status, "6")), "terms_locked", "{status}");
            assert_eq!(from(status, contract(status, "5").set("company", "c2")), "passes", "{status}");
            assert_eq!(from(status, contract("draft", "5")), "invalid_transition", "{status}");
        }
        assert_eq!(
            code(&change(CONTRACT, None, Some(contract("completed", "5"))), &Around::default()),
            "invalid_transition"
        );
        assert_eq!(code(&change(CONTRACT, Some(contract("active", "5")), None), &Around::default()), "contract_in_use");
    }

    #[test]
    fn only_coming_into_force_makes_a_version() {
        let comes = |before: Option<&str>, after: &str| {
            let before = before.map(|status| contract(status, "5"));
            comes_into_force(&change(CONTRACT, before, Some(contract(after, "5"))))
        };
        assert!(comes(None, "active") && comes(Some("draft"), "active") && comes(Some("amending"), "active"));
        assert!(!comes(Some("active"), "active") && !comes(Some("active"), "amending") && !comes(None, "draft"));
    }

    #[test]
    fn a_plan_changes_while_its_contract_is_open() {
        let around = |status: &str| Around {
            contracts: BTreeMap::from([("c".to_owned(), contract(status, "5"))]),
            ..Around::default()
        };
        let line = Record::new().set("contract", "c").set("trigger", "date").set("due_on", "2026-01-01");
        let added = change(PLAN_LINE, None, Some(line.clone()));
        assert_eq!(
            (code(&added, &around("draft")), code(&added, &around("active"))),
            ("passes".into(), "plan_locked".into())
        );
        let named = change(PLAN_LINE, Some(line.clone()), Some(line.clone().set("written_off", true)));
        assert_eq!(code(&named, &around("active")), "passes");
        let moved = change(PLAN_LINE, Some(line.clone()), Some(line.clone().set("contract", "other")));
        assert_eq!(code(&moved, &around("draft")), "field_fixed");
        for (trigger, expected) in
            [("date", "trigger_incomplete"), ("milestone", "trigger_incomplete"), ("retention", "passes")]
        {
            let line = Record::new().set("contract", "c").set("trigger", trigger);
            assert_eq!(code(&change(PLAN_LINE, None, Some(line)), &around("draft")), expected, "{trigger}");
        }
    }

    #[test]
    fn what_is_written_off_or_not_in_force_is_not_invoiced() {
        let around = |status: &str, is_written_off: bool| Around {
            contracts: BTreeMap::from([("c".to_owned(), contract(status, "5"))]),
            invoices: BTreeMap::from([("i".to_owned(), Record::new().set("contract", "c"))]),
            lines: BTreeMap::from([("l".to_owned(), Record::new().set("written_off", is_written_off))]),
            ..Around::default()
        };
        let added = change(INVOICE_MATCH, None, Some(Record::new().set("invoice", "i").set("line", "l")));
        assert_eq!(code(&added, &around("active", false)), "passes");
        assert_eq!(code(&added, &around("active", true)), "line_written_off");
        for status in ["draft", "amending", "completed", "terminated"] {
            assert_eq!(code(&added, &around(status, false)), "contract_not_in_force", "{status}");
        }
    }
}
