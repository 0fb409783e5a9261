//! Accounts: what is known of a company as a customer. One that nobody made yet is made when it is needed.

use b2b_rules::risk;
use guildhall_sdk::{Fault, Query, Record, filter, records};

use crate::store;

const ACCOUNT: &str = "b2b.account";

/// Counts up the revision of a company's account.
pub fn touch(company: &str) -> Result<(), Fault> {
    match of(company)? {
        Some(account) => {
            let revision = account.integer("revision").unwrap_or_default() + 1;
            records::update(ACCOUNT, account.id(), Record::new().set("revision", revision)).map(drop)
        }
        None => add(company, Record::new().set("revision", 1)),
    }
}

/// Adds up the open risks of a company, but for those that were accepted.
pub fn score(company: &str) -> Result<(), Fault> {
    let account = of(company)?;
    let open = filter::and([filter::eq("company", company), filter::eq("state", "open")]);
    let risks = store::all("b2b.risk", &open)?;
    let counts = risks.iter().filter(|risk| risk.text("decision") != Some("accepted"));
    let score = risk::total(counts.filter_map(|risk| risk.integer("score")));
    let fields = Record::new().set("risk_score", score).set("risk_level", risk::level(score));
    match account {
        Some(account) if account.integer("risk_score") == Some(score) && account.text("risk_level").is_some() => Ok(()),
        Some(account) => records::update(ACCOUNT, account.id(), fields).map(drop),
        None if score == 0 => Ok(()),
        None => add(company, fields),
    }
}

fn of(company: &str) -> Result<Option<Record>, Fault> {
    Ok(records::query(ACCOUNT, Query::new().filter(filter::eq("company", company)).limit(1))?.pop())
}

fn add(company: &str, fields: Record) -> Result<(), Fault> {
    records::create(ACCOUNT, fields.set("company", company)).map(drop)
}
