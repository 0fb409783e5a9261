//! Deals: each change is settled by the rules, and the history told of it in the same commit.

use std::collections::BTreeMap;

use guildhall_sdk::{Change, Fault, Outcome, Record, clock, config, records};
use sales_rules::deal::{FROZEN, Facts, HistoryLine, Kind, Lines, Pipelines, settle};
use sales_rules::moment::Moment;

use crate::settings::Settings;
use crate::{actor, differs, is_restored, line, order, outcome, page, setup};

/// What the rules look at, beside what a closed deal keeps. A change of anything else passes as it is.
const WATCHED: [&str; 2] = ["status", "lost_reason"];
/// What the products of a deal matter to.
const OF_LINES: [&str; 4] = ["amount", "pipeline", "stage", "status"];

/// What the changes of one command are settled by.
struct Desk {
    settings: Settings,
    now: Moment,
    actor: String,
    pipelines: Pipelines,
    lines: BTreeMap<String, Lines>,
    teams: BTreeMap<String, String>,
}

pub fn before_write(changes: &[Change]) -> Result<Vec<Outcome>, Fault> {
    if changes.iter().all(|change| to_settle(change).is_none()) {
        return Ok(vec![Outcome::Accept; changes.len()]);
    }
    let desk = Desk::of(changes)?;
    let judged = changes.iter().map(|change| match to_settle(change) {
        Some(after) => outcome(desk.settled(change, after)),
        None => Ok(Outcome::Accept),
    });
    judged.collect()
}

/// The deal after the change, when the rules have something to say about it.
fn to_settle(change: &Change) -> Option<&Record> {
    let after = change.after.as_ref()?;
    let is_watched = match &change.before {
        Some(before) => differs(before, after, &FROZEN) || differs(before, after, &WATCHED),
        None => !is_restored(after),
    };
    is_watched.then_some(after)
}

impl Desk {
    fn of(changes: &[Change]) -> Result<Self, Fault> {
        let settling = || changes.iter().filter_map(|change| Some((change, to_settle(change)?)));
        let with_lines = settling()
            .filter(|(change, after)| change.before.as_ref().is_none_or(|before| differs(before, after, &OF_LINES)));
        let lines = line::of_deals(with_lines.map(|(change, _)| change.id.as_str()).collect())?;
        let owners = settling().filter_map(|(_, deal)| deal.link("owner")).collect();
        Ok(Self {
            settings: config::get()?,
            now: clock::now().parse().map_err(|_| Fault::internal("The host's clock is none."))?,
            actor: actor()?,
            pipelines: setup::pipelines()?,
            lines,
            teams: teams(owners)?,
        })
    }

    fn settled(&self, change: &Change, after: &Record) -> Result<Option<Record>, Fault> {
        let facts = Facts {
            now: self.now,
            pipelines: &self.pipelines,
            lines: &self.lines,
            teams: &self.teams,
            most: self.settings.max_amount,
            needs_lost_reason: self.settings.needs_lost_reason,
            hours: &self.settings.working_hours,
        };
        let settled = settle(change, after, &facts)?;
        let happened = |kind| settled.history.iter().any(|line| line.kind == kind);
        let mut fields = settled.fields;
        if happened(Kind::Reopened) {
            order::let_go(after)?;
            fields = fields.set("order", ());
        }
        if happened(Kind::Won) {
            fields = fields.set("order", order::place(change, after, &self.settings, self.now)?);
        }
        for line in &settled.history {
            self.tell(change, after, &fields, line)?;
        }
        if !settled.history.is_empty() {
            // The history has it now; the next step has a reason of its own.
            fields = fields.set("change_reason", ());
        }
        Ok(Some(fields))
    }

    /// Adds a line to the history.
    fn tell(&self, change: &Change, deal: &Record, fields: &Record, line: &HistoryLine) -> Result<(), Fault> {
        let entry = Record::new()
            .set("deal", change.id.as_str())
            .set("pipeline", fields.link("pipeline").or(deal.link("pipeline")))
            .set("kind", line.kind.name())
            .set("from_stage", line.from_stage.as_deref())
            .set("to_stage", line.to_stage.as_deref())
            .set("from_status", line.from_status.as_deref())
            .set("to_status", line.kind.status())
            .set("at", self.now.to_string())
            .set("seconds", line.stay.map(|(seconds, _)| seconds))
            .set("business_seconds", line.stay.map(|(_, seconds)| seconds))
            .set("amount", deal.value("amount").cloned())
            .set("actor", self.actor.as_str())
            .set("reason", reason(deal, line.kind));
        records::create("sales.stage_event", entry)?;
        Ok(())
    }
}

/// Why it was done: what the deal was given as a reason since the last step, or else why it was lost.
fn reason(deal: &Record, kind: Kind) -> Option<&str> {
    deal.text("change_reason").or_else(|| deal.text("lost_reason").filter(|_| kind == Kind::Lost))
}

/// The teams of these users, as far as they are sellers with a team.
pub fn teams(users: Vec<&str>) -> Result<BTreeMap<String, String>, Fault> {
    let sellers = page::with_any("sales.seller", "user", users)?;
    let team = |seller: &Record| Some((seller.link("user")?.to_owned(), seller.link("team")?.to_owned()));
    Ok(sellers.iter().filter_map(team).collect())
}
