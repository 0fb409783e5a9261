//! People who become members, and who bring others.

use guildhall_sdk::{Fault, Query, Record, Value, filter, json, records};

use super::input::Input;
use crate::ledger::Ledger;
use crate::member::Totals;
use crate::referrals::REFERRAL;
use crate::settings::Settings;

/// Makes a contact a member. One who is one already stays what he is.
pub fn enrol(input: &Input<'_>) -> Result<Value, Fault> {
    let settings = Settings::of_tenant()?;
    let mut ledger = Ledger::open(&settings);
    let contact = input.needed("contact")?;
    ledger.members.read_contacts(std::iter::once(contact))?;
    if let Some(member) = ledger.members.of_contact(contact) {
        return Ok(json!({"member": member, "new": false}));
    }
    let at = ledger.at.clone();
    let member = ledger.members.enrol(contact, Totals::default(), &at)?;
    Ok(json!({"member": member, "new": true}))
}

/// Notes that a member brings a friend, who is no customer yet.
pub fn refer(input: &Input<'_>) -> Result<Value, Fault> {
    let settings = Settings::of_tenant()?;
    let mut ledger = Ledger::open(&settings);
    let referrer = input.member(&mut ledger)?;
    let referee = input.needed("referee")?;
    ledger.members.read_contacts(std::iter::once(referee))?;
    if let Some(friend) = ledger.members.of_contact(referee) {
        if friend == referrer {
            return Err(Fault::new("self_referral", "Nobody brings himself."));
        }
        if ledger.totals(&friend)?.purchases > 0 {
            return Err(Fault::new("already_customer", "The friend is a customer already."));
        }
    }
    if records::query(REFERRAL, Query::new().filter(filter::eq("referee", referee)).limit(1))?.pop().is_some() {
        return Err(Fault::new("already_referred", "Somebody has brought this friend already."));
    }
    let referral = Record::new()
        .set("referrer", referrer.as_str())
        .set("referee", referee)
        .set("state", "invited")
        .set("occurred_at", ledger.at.as_str());
    let referral = records::create(REFERRAL, referral)?;
    Ok(json!({"referral": referral.id(), "referrer": referrer}))
}
