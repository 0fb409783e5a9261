//! The sellers and the rules by which they are given leads: each is read once, and written when it has changed.

use guildhall_sdk::{Fault, Record, Value, filter, records};
use sales_rules::assign::{Candidate, Method};
use sales_rules::condition::{self, Condition};
use sales_rules::moment::Moment;

/// A rule by which leads are given.
struct Rule {
    id: String,
    conditions: Vec<Condition>,
    method: Method,
    sellers: Vec<String>,
    team: Option<String>,
    last: Option<String>,
    is_changed: bool,
}

/// All sellers, and the rules that are active, in their order.
pub struct Sellers {
    all: Vec<Candidate>,
    stored: Vec<i64>,
    given: Vec<bool>,
    rules: Option<Vec<Rule>>,
}

impl Sellers {
    pub fn load() -> Result<Self, Fault> {
        let read = |record: &Record| Candidate {
            id: record.id().to_owned(),
            user: record.link("user").unwrap_or_default().to_owned(),
            team: record.link("team").map(str::to_owned),
            is_active: record.boolean("active").unwrap_or(true),
            open_leads: record.integer("open_leads").unwrap_or_default(),
            most: record.integer("max_open_leads"),
            last_assigned: record.datetime("last_assigned_at").and_then(|at| at.parse().ok()),
        };
        let all: Vec<Candidate> = records::all("sales.seller", None)?.iter().map(read).collect();
        let stored = all.iter().map(|seller| seller.open_leads).collect();
        let given = vec![false; all.len()];
        Ok(Self { all, stored, given, rules: None })
    }

    /// The team of a user who is a seller.
    pub fn team(&self, user: &str) -> Option<&str> {
        self.place(user).and_then(|at| self.all[at].team.as_deref())
    }

    fn place(&self, user: &str) -> Option<usize> {
        self.all.iter().position(|seller| seller.user == user)
    }

    /// An open lead passes from one user to another.
    pub fn passes(&mut self, from: Option<&str>, to: Option<&str>) {
        if from == to {
            return;
        }
        if let Some(at) = from.and_then(|user| self.place(user)) {
            self.all[at].open_leads -= 1;
        }
        if let Some(at) = to.and_then(|user| self.place(user)) {
            self.all[at].open_leads += 1;
            self.given[at] = true;
        }
    }

    /// The rule and the user whom it gives the lead to: the first whose conditions hold and who has somebody free.
    pub fn choose(&mut self, lead: &Record) -> Result<Option<(String, String)>, Fault> {
        let rules = match &mut self.rules {
            Some(rules) => rules,
            rules => rules.insert(load_rules()?),
        };
        for rule in rules.iter_mut().filter(|rule| rule.conditions.iter().all(|condition| condition.holds(lead))) {
            let candidates: Vec<Candidate> = if rule.sellers.is_empty() {
                let team = rule.team.as_ref();
                self.all.iter().filter(|seller| team.is_none() || seller.team.as_ref() == team).cloned().collect()
            } else {
                let named = |id: &String| self.all.iter().find(|seller| seller.id == *id).cloned();
                rule.sellers.iter().filter_map(named).collect()
            };
            let Some(at) = rule.method.choose(&candidates, rule.last.as_deref()) else { continue };
            let chosen = &candidates[at];
            if rule.method == Method::RoundRobin {
                rule.is_changed |= rule.last.as_deref() != Some(chosen.id.as_str());
                rule.last = Some(chosen.id.clone());
            }
            return Ok(Some((rule.id.clone(), chosen.user.clone())));
        }
        Ok(None)
    }

    /// Stores what has changed.
    pub fn save(&self, now: Moment) -> Result<(), Fault> {
        for (at, seller) in self.all.iter().enumerate() {
            let mut fields = Record::new();
            if seller.open_leads != self.stored[at] {
                fields = fields.set("open_leads", seller.open_leads);
            }
            if self.given[at] {
                fields = fields.set("last_assigned_at", now.to_string());
            }
            if fields != Record::new() {
                records::update("sales.seller", &seller.id, fields)?;
            }
        }
        for rule in self.rules.iter().flatten().filter(|rule| rule.is_changed) {
            let last = Record::new().set("last_seller", rule.last.as_deref());
            records::update("sales.assignment_rule", &rule.id, last)?;
        }
        Ok(())
    }
}

fn load_rules() -> Result<Vec<Rule>, Fault> {
    let mut found = records::all("sales.assignment_rule", Some(&filter::eq("active", true)))?;
    found.sort_by_key(|rule| rule.integer("position"));
    let read = |record: &Record| {
        let sellers = record.value("sellers").and_then(Value::as_array).into_iter().flatten();
        Ok(Rule {
            id: record.id().to_owned(),
            conditions: condition::read(record.value("conditions"))?,
            method: Method::named(record.text("method")),
            sellers: sellers.filter_map(Value::as_str).map(str::to_owned).collect(),
            team: record.link("team").map(str::to_owned),
            last: record.text("last_seller").map(str::to_owned),
            is_changed: false,
        })
    };
    found.iter().map(read).collect()
}
