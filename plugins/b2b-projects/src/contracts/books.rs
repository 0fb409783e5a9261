//! The books of a contract, read from its records and written back.

use std::collections::BTreeSet;

use b2b_rules::ledger::{self, Invoice, InvoiceMatch, Line, ReceiptMatch, Standing, Sums};
use b2b_rules::number::{minor, money};
use guildhall_sdk::{Fault, Record, Value, clock, filter, json, records};

use super::{CONTRACT, INVOICE, INVOICE_MATCH, MILESTONE, PLAN_LINE, RECEIPT_MATCH, SUPPLEMENT, fault};
use crate::store;

/// The most lines of a plan, and the most invoices of a contract: all of them can change in one call.
const MOST_LINES: usize = 300;
const MOST_INVOICES: usize = 500;
/// The most matches of either kind.
const MOST_MATCHES: usize = 2_000;

/// A contract and everything about its money.
pub struct Books {
    pub contract: Record,
    pub currency: String,
    /// In the order of the plan.
    pub lines: Vec<Record>,
    pub invoices: Vec<Record>,
    rules: ledger::Books,
}

/// Adds up the books of a contract, and writes what they come to. A change of them counts up the contract's revision,
/// so that of two at the same time one runs again; `comes_into_force` makes a version of it. Without a change (`None`)
/// only what differs is written.
pub fn settle(id: &str, change: Option<bool>) -> Result<(), Fault> {
    let books = Books::read(id)?;
    let sums = books.sums()?;
    books.write_sums(&sums)?;
    let mut fields = books.contract_sums(&sums);
    if let Some(comes_into_force) = change {
        fields = fields.set("revision", books.contract.integer("revision").unwrap_or_default() + 1);
        if comes_into_force {
            let version = books.contract.integer("version_number").unwrap_or_default() + 1;
            records::create("b2b.contract_version", books.version(version, &sums)?)?;
            fields = fields.set("version_number", version);
        }
    }
    update_if_other(CONTRACT, &books.contract, fields)
}

impl Books {
    /// Reads them. The contract comes first: what is read after it cannot be older, and the commit checks it.
    pub fn read(id: &str) -> Result<Self, Fault> {
        let contract = store::need(CONTRACT, id)?;
        let total = contract.money("total").ok_or_else(|| Fault::invalid("A contract has a total."))?;
        let currency = total.currency.clone();
        let of_contract = filter::eq("contract", id);
        let mut lines = store::all(PLAN_LINE, &of_contract)?;
        lines.sort_by_key(|line| (line.integer("position"), line.id().to_owned()));
        let due = due_lines(id, &lines)?;
        let invoices = store::all(INVOICE, &of_contract)?;
        let late = filter::and([of_contract.clone(), filter::lt("due_on", "$today")]);
        let late = store::ids(INVOICE, &late)?;
        let invoice_ids: BTreeSet<&str> = invoices.iter().map(Record::id).collect();
        let amount = |record: &Record| amount(record, "amount", &currency);
        let signed = filter::and([of_contract, filter::eq("status", "signed")]);
        let rules = ledger::Books {
            standing: Standing::of(contract.text("status")),
            total: minor(&total)?,
            supplements: store::all(SUPPLEMENT, &signed)?.iter().map(amount).collect::<Result<_, _>>()?,
            lines: lines
                .iter()
                .map(|line| {
                    Ok(Line {
                        id: line.id().to_owned(),
                        amount: amount(line)?,
                        is_due: due.contains(line.id()),
                        is_written_off: line.boolean("written_off") == Some(true),
                    })
                })
                .collect::<Result<_, Fault>>()?,
            invoices: invoices
                .iter()
                .map(|invoice| {
                    Ok(Invoice {
                        id: invoice.id().to_owned(),
                        amount: amount(invoice)?,
                        is_void: invoice.boolean("void") == Some(true),
                        is_late: late.contains(invoice.id()),
                    })
                })
                .collect::<Result<_, Fault>>()?,
            invoice_matches: store::with(INVOICE_MATCH, "invoice", &invoice_ids)?
                .iter()
                .map(|one| {
                    let (invoice, line) = (link(one, "invoice"), link(one, "line"));
                    Ok(InvoiceMatch { invoice, line, amount: amount(one)? })
                })
                .collect::<Result<_, Fault>>()?,
            receipt_matches: store::with(RECEIPT_MATCH, "invoice", &invoice_ids)?
                .iter()
                .map(|one| Ok(ReceiptMatch { invoice: link(one, "invoice"), amount: amount(one)? }))
                .collect::<Result<_, Fault>>()?,
        };
        let matches = rules.invoice_matches.len().max(rules.receipt_matches.len());
        if lines.len() > MOST_LINES || invoices.len() > MOST_INVOICES || matches > MOST_MATCHES {
            let message = format!(
                "A contract has at most {MOST_LINES} lines, {MOST_INVOICES} invoices and {MOST_MATCHES} matches of each kind."
            );
            return Err(Fault::new("too_many_records", message));
        }
        Ok(Self { contract, currency, lines, invoices, rules })
    }

    /// How many calls of the host it takes at most to read and write them.
    pub fn cost(&self) -> usize {
        20 + self.lines.len() + self.invoices.len()
    }

    /// What they come to.
    pub fn sums(&self) -> Result<Sums, Fault> {
        self.rules.settle().map_err(|violation| fault::of(violation, &self.currency))
    }

    fn write_sums(&self, sums: &Sums) -> Result<(), Fault> {
        let amount = |minor: i128| money(minor, &self.currency);
        for ((line, sums), rule) in self.lines.iter().zip(&sums.lines).zip(&self.rules.lines) {
            let fields = Record::new()
                .set("invoiced", amount(sums.invoiced))
                .set("received", amount(sums.received))
                .set("status", sums.status.as_str());
            let since = if rule.is_due { line.value("ready_since").filter(|day| !day.is_null()) } else { None };
            let fields = match (rule.is_due, since) {
                (true, None) => fields.set("ready_since", store::today()?.to_string()),
                (false, _) => fields.set("ready_since", ()),
                (true, Some(_)) => fields,
            };
            update_if_other(PLAN_LINE, line, fields)?;
        }
        for (invoice, sums) in self.invoices.iter().zip(&sums.invoices) {
            let fields = Record::new()
                .set("matched", amount(sums.matched))
                .set("received", amount(sums.received))
                .set("status", sums.status);
            update_if_other(INVOICE, invoice, fields)?;
        }
        Ok(())
    }

    fn contract_sums(&self, sums: &Sums) -> Record {
        let amount = |minor: i128| money(minor, &self.currency);
        Record::new()
            .set("agreed", amount(sums.agreed))
            .set("planned", amount(sums.planned))
            .set("invoiced", amount(sums.invoiced))
            .set("received", amount(sums.received))
            .set("billing", sums.billing())
    }

    /// The contract as it comes into force.
    fn version(&self, number: i64, sums: &Sums) -> Result<Record, Fault> {
        let named = |line: &Record, field: &str| line.value(field).cloned().unwrap_or_default();
        let fields = ["position", "name", "trigger", "due_on", "milestone", "amount"];
        let plan: Vec<Value> = self
            .lines
            .iter()
            .map(|line| fields.iter().map(|field| ((*field).to_owned(), named(line, field))).collect())
            .map(Value::Object)
            .collect();
        Ok(Record::new()
            .set("contract", self.contract.id())
            .set("number", number)
            .set("company", named(&self.contract, "company"))
            .set("total", named(&self.contract, "total"))
            .set("agreed", money(sums.agreed, &self.currency))
            .set("warranty_until", named(&self.contract, "warranty_until"))
            .set("plan", json!(plan))
            .set("made_at", clock::now())
            .set("actor", store::actor()?))
    }
}

/// The lines whose trigger has come, on the calendar of the tenant: the host knows which day it is there.
fn due_lines(contract: &str, lines: &[Record]) -> Result<BTreeSet<String>, Fault> {
    let of_contract = filter::eq("contract", contract);
    let by_date = filter::and([of_contract, filter::eq("trigger", "date"), filter::lte("due_on", "$today")]);
    let mut due = store::ids(PLAN_LINE, &by_date)?;
    let with = |trigger: &str| {
        let trigger = trigger.to_owned();
        lines.iter().filter(move |line| line.text("trigger") == Some(&trigger))
    };
    let milestones: BTreeSet<&str> = with("milestone").filter_map(|line| line.link("milestone")).collect();
    let milestones: Vec<&str> = milestones.into_iter().collect();
    let mut reached = BTreeSet::new();
    for some in milestones.chunks(500) {
        let is_reached = filter::lte("reached_on", "$today");
        let condition = filter::and([filter::any_of("id", some.iter().copied()), is_reached]);
        reached.extend(store::ids(MILESTONE, &condition)?);
    }
    let is_reached = |line: &&Record| line.link("milestone").is_some_and(|milestone| reached.contains(milestone));
    due.extend(with("milestone").filter(is_reached).map(|line| line.id().to_owned()));
    let is_over = filter::and([filter::eq("id", contract), filter::lt("warranty_until", "$today")]);
    if with("retention").next().is_some() && store::exists(CONTRACT, is_over)? {
        due.extend(with("retention").map(|line| line.id().to_owned()));
    }
    Ok(due)
}

/// An amount in minor units, when it is in the contract's currency.
fn amount(record: &Record, field: &str, currency: &str) -> Result<i128, Fault> {
    let amount = record.money(field).ok_or_else(|| Fault::invalid(format!("`{field}` is an amount of money.")))?;
    if amount.currency != currency {
        return Err(Fault::new("other_currency", format!("{amount} is not in {currency}, as the contract is."))
            .with_detail("currency", currency));
    }
    minor(&amount)
}

fn link(record: &Record, field: &str) -> String {
    record.link(field).unwrap_or_default().to_owned()
}

/// Writes fields of a record, when one of them has another value.
fn update_if_other(object: &str, record: &Record, fields: Record) -> Result<(), Fault> {
    let names =
        ["agreed", "planned", "invoiced", "received", "billing", "matched", "status", "ready_since", "revision"];
    let is_other = |name: &&str| fields.value(name).is_some() && !is_same(record, &fields, name);
    if names.iter().any(is_other) {
        records::update(object, record.id(), fields)?;
    }
    Ok(())
}

/// Whether a field has the same value; of amounts, however many digits they are written with.
fn is_same(record: &Record, fields: &Record, field: &str) -> bool {
    match (record.money(field), fields.money(field)) {
        (Some(stored), Some(amount)) => stored == amount,
        _ => record.value(field) == fields.value(field),
    }
}
