//! The group of a company: its tree of parent companies and members, and what is agreed with each.

use std::collections::{BTreeMap, BTreeSet};

use b2b_rules::number::{minor, money};
use b2b_rules::pages;
use guildhall_sdk::{Fault, Record, Value, filter, json, records};

use crate::read;

const COMPANY: &str = "company";
/// The most companies of a group that are looked at.
const MOST: usize = 500;
/// The most parents above a company.
const HIGHEST: usize = 20;

/// A company of the group.
pub struct Member {
    pub id: String,
    pub name: String,
    /// How many companies stand above it, within the group.
    pub depth: usize,
    pub parent: Option<String>,
}

/// The group as the caller sees it, the head first, each company before its members.
pub struct Group {
    pub members: Vec<Member>,
    /// Whether there are more companies than are looked at.
    pub is_cut: bool,
}

/// The action.
pub fn run(input: &Value) -> Result<Value, Fault> {
    let group = Group::of(read::text(input, "company").unwrap_or_default())?;
    let ids: BTreeSet<&str> = group.members.iter().map(|member| member.id.as_str()).collect();
    let sums = contracts(&ids)?;
    let consumers = consumers(&ids)?;
    let accounts = pages::with("b2b.account", "company", &ids)?;
    let account = |id: &str| accounts.iter().find(|account| account.link("company") == Some(id));
    let rows: Vec<Value> = group
        .members
        .iter()
        .map(|member| {
            let account = account(&member.id);
            let of_account = |field: &str| account.and_then(|account| account.value(field).cloned());
            json!({
                "company": member.id,
                "name": member.name,
                "depth": member.depth,
                "parent": member.parent,
                "kind": of_account("kind"),
                "route": of_account("route"),
                "risk_score": of_account("risk_score"),
                "contracts": sums.get(&member.id).cloned().unwrap_or_else(|| json!([])),
                "end_customers": consumers.get(&member.id).copied().unwrap_or_default(),
            })
        })
        .collect();
    Ok(json!({"members": rows, "is_cut": group.is_cut}))
}

impl Group {
    /// Of the company at its head, as far up as the caller sees.
    pub fn of(company: &str) -> Result<Self, Fault> {
        let mut head = read::need(COMPANY, company)?;
        let mut above = BTreeSet::from([head.id().to_owned()]);
        while let Some(parent) = head.link("parent").filter(|_| above.len() <= HIGHEST) {
            // A circle of parents has no head: the walk ends where it comes back to.
            let Some(parent) = records::get(COMPANY, parent)?.filter(|parent| above.insert(parent.id().to_owned()))
            else {
                break;
            };
            head = parent;
        }
        Self::below(&head)
    }

    fn below(head: &Record) -> Result<Self, Fault> {
        let mut children: BTreeMap<String, Vec<Record>> = BTreeMap::new();
        let mut seen = BTreeSet::from([head.id().to_owned()]);
        let mut level = vec![head.id().to_owned()];
        let mut is_cut = false;
        while !level.is_empty() && !is_cut {
            let parents: BTreeSet<&str> = level.iter().map(String::as_str).collect();
            let found = pages::with(COMPANY, "parent", &parents)?;
            level = Vec::new();
            for company in found {
                if seen.len() >= MOST {
                    is_cut = true;
                    break;
                }
                if seen.insert(company.id().to_owned()) {
                    level.push(company.id().to_owned());
                    children.entry(company.link("parent").unwrap_or_default().to_owned()).or_default().push(company);
                }
            }
        }
        let mut members = vec![member(head, 0)];
        let mut at = 0;
        // Each company is followed by its own members: what is inserted is looked at next.
        while at < members.len() {
            let (id, depth) = (members[at].id.clone(), members[at].depth);
            let mut own: Vec<Member> =
                children.remove(&id).unwrap_or_default().iter().map(|company| member(company, depth + 1)).collect();
            own.sort_by(|one, other| (&one.name, &one.id).cmp(&(&other.name, &other.id)));
            at += 1;
            members.splice(at..at, own);
        }
        Ok(Self { members, is_cut })
    }
}

fn member(company: &Record, depth: usize) -> Member {
    Member {
        id: company.id().to_owned(),
        name: company.text("name").unwrap_or_default().to_owned(),
        depth,
        parent: company.link("parent").filter(|_| depth > 0).map(str::to_owned),
    }
}

/// What is agreed with each company in contracts that are not drafts, by currency.
fn contracts(companies: &BTreeSet<&str>) -> Result<BTreeMap<String, Value>, Fault> {
    let mut sums: BTreeMap<String, BTreeMap<String, [i128; 3]>> = BTreeMap::new();
    for contract in pages::with("b2b.contract", "company", companies)? {
        let (Some(company), Some(agreed)) = (contract.link("company"), contract.money("agreed")) else { continue };
        if matches!(contract.text("status"), Some("draft" | "terminated")) {
            continue;
        }
        let of_currency = sums.entry(company.to_owned()).or_default().entry(agreed.currency.clone()).or_default();
        for (sum, field) in of_currency.iter_mut().zip(["agreed", "invoiced", "received"]) {
            *sum += contract.money(field).map_or(Ok(0), |amount| minor(&amount))?;
        }
    }
    let shown = |(currency, [agreed, invoiced, received]): (String, [i128; 3])| {
        json!({"agreed": money(agreed, &currency), "invoiced": money(invoiced, &currency),
            "received": money(received, &currency)})
    };
    Ok(sums.into_iter().map(|(company, sums)| (company, sums.into_iter().map(shown).collect())).collect())
}

/// How many end customers each company has: those that belong to it, and those that it sold to as a dealer.
fn consumers(companies: &BTreeSet<&str>) -> Result<BTreeMap<String, usize>, Fault> {
    let mut of_company: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for field in ["company", "dealer"] {
        for registration in pages::with("b2b.product_registration", field, companies)? {
            if let (Some(company), Some(contact)) = (registration.link(field), registration.link("contact")) {
                of_company.entry(company.to_owned()).or_default().insert(contact.to_owned());
            }
        }
    }
    Ok(of_company.into_iter().map(|(company, contacts)| (company, contacts.len())).collect())
}

/// How many open records of an object a company has.
pub fn open(object: &str, company: &str) -> Result<Vec<Record>, Fault> {
    let field = if object == "b2b.risk" { "state" } else { "status" };
    pages::all(object, &filter::and([filter::eq("company", company), filter::eq(field, "open")]))
}
