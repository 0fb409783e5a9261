//! Risks as records: what the rules find is opened once, kept up to date, and cleared when it is over.

use std::collections::BTreeMap;

use b2b_rules::day::Day;
use b2b_rules::number::minor;
use b2b_rules::risk::{self, ContractFacts, EngagementFacts, Finding, Limits, Since};
use guildhall_sdk::{Change, Fault, Outcome, Record, clock, filter, json, records};

use crate::contracts::Books;
use crate::{accounts, store};

const RISK: &str = "b2b.risk";

/// Amends decisions with who made them.
pub fn judge(changes: &[Change]) -> Result<Vec<Outcome>, Fault> {
    let actor = store::actor()?;
    let decided = |change: &Change| {
        if store::differs(change, &["decision", "decision_note"]) {
            Outcome::Amend(Record::new().set("decided_by", actor.as_str()).set("decided_at", clock::now()))
        } else {
            Outcome::Accept
        }
    };
    Ok(changes.iter().map(decided).collect())
}

/// What is found in a contract, written down.
pub fn of_contract(books: &Books, limits: &Limits) -> Result<(), Fault> {
    let contract = &books.contract;
    let currency = &books.currency;
    let amount = |record: &Record, field: &str| record.money(field).map_or(Ok(0), |amount| minor(&amount));
    let since = |record: &Record, field: &str, amount: i128| {
        let since = record.date(field).and_then(|day| day.parse::<Day>().ok())?;
        Some(Since { id: record.id().to_owned(), amount, since })
    };
    let agreed = amount(contract, "agreed")?;
    let mut facts = ContractFacts {
        currency: currency.clone(),
        agreed,
        invoiced: 0,
        due: Vec::new(),
        ready: Vec::new(),
        unaccepted: Vec::new(),
    };
    for invoice in books.invoices.iter().filter(|invoice| invoice.boolean("void") != Some(true)) {
        let whole = amount(invoice, "amount")?;
        let open = whole - amount(invoice, "received")?;
        facts.invoiced += whole;
        if open > 0 {
            facts.due.extend(since(invoice, "due_on", open));
        }
        if invoice.date("accepted_on").is_none() {
            facts.unaccepted.extend(since(invoice, "issued_on", whole));
        }
    }
    for line in books.lines.iter().filter(|line| line.text("status") == Some("ready_to_invoice")) {
        facts.ready.extend(since(line, "ready_since", amount(line, "amount")?));
    }
    let found = risk::of_contract(&facts, store::today()?, limits);
    write(&Subject { field: "contract", record: contract }, found, Others::AreCleared)
}

/// Books that break a rule, as they can after a time in which the module was off: they are told, until they agree again.
pub fn of_broken_books(contract: &Record, fault: &Fault) -> Result<(), Fault> {
    let evidence = json!({"code": fault.code(), "message": fault.message(), "details": fault.details()});
    let found = Finding { rule: "books_broken", score: 100, evidence };
    // What the rules would find in them is not known: risks that are open stay so.
    write(&Subject { field: "contract", record: contract }, vec![found], Others::Stay)
}

/// Nothing is looked for any more where the work is over: what was open is cleared.
pub fn of_what_is_over(field: &'static str, record: &Record) -> Result<(), Fault> {
    write(&Subject { field, record }, Vec::new(), Others::AreCleared)
}

/// What is found in an engagement, written down.
pub fn of_engagement(engagement: &Record, limits: &Limits) -> Result<(), Fault> {
    let budget = engagement.money("budget");
    let currency = budget.as_ref().map(|budget| budget.currency.clone()).unwrap_or_default();
    let mut cost = 0;
    for one in store::all("b2b.cost", &filter::eq("engagement", engagement.id()))? {
        match one.money("amount") {
            // Only where there is no budget can there be others.
            Some(amount) if amount.currency == currency => cost += minor(&amount)?,
            _ => {}
        }
    }
    let stage = match engagement.link("stage") {
        Some(id) => records::get("b2b.stage", id)?,
        None => None,
    };
    let since = engagement.datetime("stage_since").and_then(|at| Day::of_moment(at).ok());
    let expected = stage.and_then(|stage| stage.integer("expected_days"));
    let budget = budget.as_ref().map(minor).transpose()?;
    let facts = EngagementFacts { currency, budget, cost, stage: since.zip(expected) };
    let found = risk::of_engagement(&facts, store::today()?, limits);
    write(&Subject { field: "engagement", record: engagement }, found, Others::AreCleared)
}

/// What risks are about.
struct Subject<'a> {
    /// The link of a risk to it.
    field: &'static str,
    record: &'a Record,
}

/// What becomes of risks that were found before and not now.
#[derive(Clone, Copy, PartialEq)]
enum Others {
    AreCleared,
    Stay,
}

/// Opens, updates and clears the risks of a contract or an engagement.
fn write(subject: &Subject<'_>, found: Vec<Finding>, others: Others) -> Result<(), Fault> {
    let known = store::all(RISK, &filter::eq(subject.field, subject.record.id()))?;
    let mut known: BTreeMap<String, Record> =
        known.into_iter().filter_map(|risk| Some((risk.text("key")?.to_owned(), risk))).collect();
    let now = clock::now();
    let mut changed = false;
    for finding in found {
        let key = format!("{}:{}", finding.rule, subject.record.id());
        let fields = Record::new()
            .set("state", "open")
            .set("level", finding.level())
            .set("score", finding.score)
            .set("last_seen_at", now.as_str());
        let company = subject.record.value("company").cloned().unwrap_or_default();
        changed = true;
        if let Some(risk) = known.remove(&key) {
            // What was cleared and is there again is decided again.
            let is_back = risk.text("state") == Some("cleared");
            let fields = fields.set("evidence", finding.evidence);
            let fields = if is_back { fields.set("decision", ()).set("decision_note", ()) } else { fields };
            records::update(RISK, risk.id(), fields)?;
        } else {
            let fields = fields
                .set("evidence", finding.evidence)
                .set("key", key)
                .set("rule", finding.rule)
                .set(subject.field, subject.record.id())
                .set("company", company)
                .set("first_seen_at", now.as_str());
            records::create(RISK, fields)?;
        }
    }
    let is_over = |risk: &Record| others == Others::AreCleared && risk.text("state") == Some("open");
    for risk in known.into_values().filter(is_over) {
        changed = true;
        records::update(RISK, risk.id(), Record::new().set("state", "cleared"))?;
    }
    match subject.record.link("company") {
        Some(company) if changed => accounts::score(company),
        _ => Ok(()),
    }
}
