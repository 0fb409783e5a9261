//! Members who bring friends: both get points when the friend has earned some with an order.

use guildhall_sdk::{Fault, Query, Record, filter, json, records};

use crate::ledger::{About, Ledger};
use crate::night::Step;
use crate::points::account::Kind;

pub const REFERRAL: &str = "loyalty.referral";

/// How many referrals one job looks at.
const REFERRALS: u32 = 100;

/// Rewards those whose friend has become a customer, as far as the settings have points for it.
pub fn reward(ledger: &mut Ledger<'_>, after: Option<&str>) -> Result<Step, Fault> {
    let mut condition = vec![filter::eq("state", "invited")];
    condition.extend(after.map(|after| filter::gt("id", after)));
    let query = Query::new().filter(filter::and(condition)).sort(["id"]).limit(REFERRALS);
    let found = records::query(REFERRAL, query)?;
    ledger.members.read_contacts(found.iter().filter_map(|referral| referral.link("referee")))?;
    ledger.members.read_ids(found.iter().filter_map(|referral| referral.link("referrer")))?;
    for referral in &found {
        reward_one(ledger, referral)?;
    }
    match found.last() {
        Some(last) if found.len() == REFERRALS as usize => Ok(Step::More(json!({"after": last.id()}))),
        _ => Ok(Step::Done),
    }
}

fn reward_one(ledger: &mut Ledger<'_>, referral: &Record) -> Result<(), Fault> {
    let friend = referral.link("referee").and_then(|contact| ledger.members.of_contact(contact));
    let referrer = referral.link("referrer").and_then(|member| ledger.members.resolve(member));
    let (Some(friend), Some(referrer)) = (friend, referrer) else { return Ok(()) };
    if ledger.totals(&friend)?.purchases <= 0 {
        return Ok(());
    }
    let state = if friend == referrer { "void" } else { "rewarded" };
    let today = ledger.today()?;
    let last = ledger.settings.last_day(today)?;
    let rewards = [
        (&referrer, "referrer", ledger.settings.referrer_points),
        (&friend, "referee", ledger.settings.referee_points),
    ];
    for (member, side, points) in rewards.into_iter().filter(|(_, _, points)| state == "rewarded" && *points > 0) {
        let once = Some(format!("referral:{}:{side}", referral.id()));
        let about = About { once, reason: Some("referral"), days: (None, last), ..About::default() };
        ledger.credit(member, Kind::Bonus, points, &about)?;
    }
    let fields = Record::new().set("state", state).set("rewarded_at", ledger.at.as_str());
    records::update(REFERRAL, referral.id(), fields).map(drop)
}
