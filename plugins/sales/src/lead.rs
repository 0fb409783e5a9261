//! Leads: each is scored, given to a seller, and counted, in the commit that changes it.

mod sellers;

use guildhall_sdk::{Change, Fault, Outcome, Record, clock, config, context};
use sales_rules::deal::look_at_amount;
use sales_rules::due;
use sales_rules::moment::Moment;
use sales_rules::score::Scoring;

use self::sellers::Sellers;
use crate::settings::Settings;
use crate::{differs, is_restored, outcome};

/// The statuses in which a lead is somebody's work.
pub const OPEN: [&str; 3] = ["new", "working", "qualified"];
/// What a lead keeps once it is converted.
const FROZEN: [&str; 7] = ["status", "owner", "deal", "source", "campaign", "origin", "budget"];
/// What the module itself writes alone.
const OWN: [&str; 2] = ["reminded", "next_due_at"];
/// The most that a date may be away, in days.
const MOST_DAYS: i64 = 20 * 366;

/// What the changes of one command are judged by.
struct Desk {
    settings: Settings,
    scoring: Scoring,
    now: Moment,
    user: Option<String>,
}

pub fn before_write(changes: &[Change]) -> Result<Vec<Outcome>, Fault> {
    if changes.iter().all(is_own) {
        return Ok(vec![Outcome::Accept; changes.len()]);
    }
    let settings: Settings = config::get()?;
    let actor = context::get()?.actor;
    let desk = Desk {
        scoring: Scoring::read(&settings.lead_scoring)?,
        settings,
        now: clock::now().parse().map_err(|_| Fault::internal("The host's clock is none."))?,
        user: (actor.kind == "user").then_some(actor.id),
    };
    let mut sellers = Sellers::load()?;
    let judged = changes.iter().map(|change| outcome(desk.judged(change, &mut sellers)));
    let outcomes = judged.collect::<Result<Vec<_>, _>>()?;
    if !outcomes.iter().any(|outcome| matches!(outcome, Outcome::Refuse(_))) {
        sellers.save(desk.now)?;
    }
    Ok(outcomes)
}

/// Whether nothing changes but what the module notes about its reminders.
fn is_own(change: &Change) -> bool {
    match (&change.before, &change.after) {
        (Some(before), Some(after)) => {
            let put_back =
                OWN.iter().fold(after.clone(), |record, field| record.set(field, before.value(field).cloned()));
            let stamps = ["version", "updated_at"]
                .iter()
                .fold(put_back, |record, field| record.set(field, before.value(field).cloned()));
            stamps == *before && differs(before, after, &OWN)
        }
        _ => false,
    }
}

/// Whose work a lead is: its owner, while it is open.
fn holder(lead: Option<&Record>) -> Option<&str> {
    lead.filter(|lead| is_open(lead))?.link("owner")
}

fn is_open(lead: &Record) -> bool {
    lead.text("status").is_some_and(|status| OPEN.contains(&status))
}

impl Desk {
    fn judged(&self, change: &Change, sellers: &mut Sellers) -> Result<Option<Record>, Fault> {
        let before = change.before.as_ref();
        let Some(after) = &change.after else {
            sellers.passes(holder(before), None);
            return Ok(None);
        };
        if before.is_none() && is_restored(after) {
            sellers.passes(None, holder(Some(after)));
            return Ok(None);
        }
        self.look_at(before, after)?;
        let mut fields = Record::new().set("score", self.scoring.of(after));
        let mut lead = after.clone();
        if self.is_to_assign(before, after) {
            if let Some((rule, user)) = sellers.choose(after)? {
                lead = lead.set("owner", user.as_str());
                fields = fields.set("owner", user).set("assigned_by", rule);
            }
        } else if before.is_some_and(|before| before.link("owner") != after.link("owner")) {
            fields = fields.set("assigned_by", ());
        }
        sellers.passes(holder(before), holder(Some(&lead)));
        let team = lead.link("owner").and_then(|owner| sellers.team(owner));
        fields = fields.set("team", team.map(str::to_owned));
        let is_given = before.and_then(|before| before.link("owner")) != lead.link("owner");
        let mut respond_by = after.datetime("respond_by").and_then(|at| at.parse().ok());
        if is_given {
            let hours = Some(self.settings.response_hours).filter(|hours| *hours > 0 && lead.link("owner").is_some());
            respond_by = hours.map(|hours| self.now.plus_seconds(hours * 3600));
            fields = fields.set("assigned_at", lead.link("owner").map(|_| self.now.to_string()));
            fields = fields.set("respond_by", respond_by.map(|at| at.to_string()));
        }
        if after.text("status") == Some("converted")
            && before.and_then(|before| before.text("status")) != Some("converted")
        {
            fields = fields.set("converted_at", self.now.to_string());
        }
        let dues = if is_open(after) { due::of_lead(after, respond_by) } else { Vec::new() };
        Ok(Some(fields.set("next_due_at", due::next(&dues, after).map(|at| at.to_string()))))
    }

    /// An open lead without an owner, or one that is new and nobody's but by its making.
    fn is_to_assign(&self, before: Option<&Record>, lead: &Record) -> bool {
        let owner = lead.link("owner");
        let is_free = match before {
            Some(before) => {
                owner.is_none() && (before.link("owner").is_some() || differs(before, lead, &["assignment", "status"]))
            }
            None => owner.is_none() || owner == self.user.as_deref(),
        };
        is_free && is_open(lead) && lead.text("assignment") != Some("manual")
    }

    fn look_at(&self, before: Option<&Record>, lead: &Record) -> Result<(), Fault> {
        let refuse =
            |code: &str, field: &str, message: String| Err(Fault::new(code, message).with_detail("field", field));
        let status = |lead: &Record| lead.text("status").unwrap_or("new").to_owned();
        let from = before.map(status).unwrap_or_default();
        if let Some(before) = before.filter(|_| from == "converted") {
            return match FROZEN.iter().find(|field| before.value(field) != lead.value(field)) {
                Some(field) => refuse(
                    "lead_converted",
                    field,
                    format!("The lead is converted: `{field}` does not change any more."),
                ),
                None => Ok(()),
            };
        }
        if status(lead) == "converted" && lead.link("contact").is_none() && lead.link("company").is_none() {
            let message = "A lead is converted into something: a contact or a company, and a deal if there is one.";
            return refuse("conversion_incomplete", "status", message.to_owned());
        }
        if status(lead) == "disqualified" && from != "disqualified" && lead.text("disqualified_reason").is_none() {
            let message = "A lead that is disqualified says why: `disqualified_reason`.";
            return refuse("reason_required", "disqualified_reason", message.to_owned());
        }
        let changes = |field: &str| before.is_none_or(|before| before.value(field) != lead.value(field));
        if let Some(budget) = lead.money("budget").filter(|_| changes("budget")) {
            look_at_amount("budget", &budget, self.settings.max_amount, None)?;
        }
        if changes("employees") && lead.integer("employees").is_some_and(|employees| employees < 0) {
            return refuse("negative_number", "employees", "`employees` is below zero.".to_owned());
        }
        let follow_up = lead.datetime("follow_up_at").and_then(|at| at.parse::<Moment>().ok());
        let is_far = |at: Moment| (at.day().number() - self.now.day().number()).abs() > MOST_DAYS;
        if changes("follow_up_at") && follow_up.is_some_and(is_far) {
            return refuse(
                "date_out_of_range",
                "follow_up_at",
                "`follow_up_at` is more than 20 years away.".to_owned(),
            );
        }
        Ok(())
    }
}
