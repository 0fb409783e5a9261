//! Loyalty points for retail: what an order earns is written together with the order.

mod entry;
mod member;
mod rule;
mod settings;

use guildhall_sdk::{BeforeWrite, Change, Fault, Outcome, clock, config, log, register};

use crate::entry::Ledger;
use crate::member::Members;
use crate::rule::Claim;
use crate::settings::Settings;

struct Loyalty;

impl BeforeWrite for Loyalty {
    fn before_write(changes: &[Change]) -> Result<Vec<Outcome>, Fault> {
        if !changes.iter().any(rule::concerns) {
            return Ok(changes.iter().map(|_| Outcome::Accept).collect());
        }
        let settings: Settings = config::get()?;
        let mut outcomes = Vec::with_capacity(changes.len());
        let mut claims = Vec::new();
        for change in changes {
            outcomes.push(match claim(change, &settings) {
                Ok(claim) => {
                    claims.extend(claim);
                    Outcome::Accept
                }
                Err(fault) => Outcome::Refuse(fault),
            });
        }
        settle(&claims, &settings)?;
        Ok(outcomes)
    }
}

register!(Loyalty: BeforeWrite);

/// What the changed order ought to carry; none when the change does not matter.
fn claim<'a>(change: &'a Change, settings: &Settings) -> Result<Option<Claim<'a>>, Fault> {
    if !rule::concerns(change) {
        return Ok(None);
    }
    if let Some(currency) = rule::foreign_currency(change, settings) {
        log::info(
            &format!("order {} in {currency} earns no points", change.id),
            &[("order", &change.id), ("currency", &currency)],
        );
    }
    rule::claim(change, settings).map(Some)
}

/// Brings the ledger and the balances in line with what the orders ought to carry.
fn settle(claims: &[Claim<'_>], settings: &Settings) -> Result<(), Fault> {
    let at = clock::now();
    let mut ledger = Ledger::of_orders(claims.iter().filter(|claim| !claim.is_new))?;
    let mut members = Members::of_contacts(claims.iter().filter_map(Claim::earner))?;
    members.add_missing(ledger.member_ids())?;
    for claim in claims {
        let member = match claim.earner() {
            Some(contact) => members.of_contact(contact, claim, settings, &at)?,
            None => None,
        };
        for posting in rule::postings(ledger.carried(claim.order), member.as_deref(), claim.points) {
            match members.post(&posting)? {
                Some(balance) => ledger.write(claim, &posting, balance, &at)?,
                None => log::warn(
                    &format!("member {} of order {} is gone", posting.member, claim.order),
                    &[("member", &posting.member), ("order", claim.order)],
                ),
            }
        }
    }
    members.save()
}
