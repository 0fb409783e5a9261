//! Brings the ledger in line with what orders ought to carry.

use std::collections::BTreeMap;

use guildhall_sdk::{Decimal, Fault, log};

use crate::campaigns::Campaigns;
use crate::carried::{Carried, Part};
use crate::ledger::{About, Ledger};
use crate::member::Totals;
use crate::order::Claim;
use crate::points::account::Kind;
use crate::points::earn::whole;
use crate::points::{refund, tier};
use crate::standing;

/// What an order ought to carry for its earner, by the rules or by one campaign.
struct Ought {
    campaign: Option<String>,
    points: i64,
    qualifying: i64,
    /// Both, had nothing been paid back.
    gross: (i64, i64),
    multiplier: Decimal,
}

impl Ought {
    /// Nothing, any more or yet.
    fn nothing(campaign: Option<String>) -> Self {
        Self { campaign, points: 0, qualifying: 0, gross: (0, 0), multiplier: Decimal::from(1) }
    }
}

/// Settles some claims, each of another order. Answers by how many points the balances have changed.
pub fn settle(claims: &[Claim], ledger: &mut Ledger<'_>) -> Result<i64, Fault> {
    ledger.members.read_contacts(claims.iter().filter_map(|claim| claim.earner.as_deref()))?;
    let mut carried = carried(claims, ledger)?;
    let mut campaigns = Campaigns::read(ledger.settings, claims)?;
    let mut moved = 0;
    for claim in claims {
        let carried = carried.remove(&claim.order).unwrap_or_default();
        moved += settle_one(claim, carried, &mut campaigns, ledger)?;
    }
    campaigns.save()?;
    Ok(moved)
}

/// What the ledger says of the orders. Whose entries change, changes the member too: so members are read before their
/// entries, and a call that has seen old entries runs again. Of members who turn up only in entries, these are read again.
fn carried(claims: &[Claim], ledger: &mut Ledger<'_>) -> Result<BTreeMap<String, Carried>, Fault> {
    let known: Vec<&str> = claims.iter().filter(|claim| !claim.is_new).map(|claim| claim.order.as_str()).collect();
    if known.is_empty() {
        return Ok(BTreeMap::new());
    }
    let carried = Carried::of_orders(&known)?;
    if !ledger.members.read_ids(carried.values().flat_map(Carried::members))? {
        return Ok(carried);
    }
    let carried = Carried::of_orders(&known)?;
    ledger.members.read_ids(carried.values().flat_map(Carried::members))?;
    Ok(carried)
}

fn settle_one(
    claim: &Claim,
    carried: Carried,
    campaigns: &mut Campaigns,
    ledger: &mut Ledger<'_>,
) -> Result<i64, Fault> {
    let Carried { parts, refunded, lots, spent } = carried;
    let parts = of_living(parts, ledger);
    for (member, lot) in lots {
        if let Some(member) = ledger.members.resolve(&member) {
            ledger.know(&member, [lot]);
        }
    }
    let member = earner(claim, ledger)?;
    let refunded = refund_so_far(claim, refunded)?;
    let oughts = match &member {
        Some(member) => oughts(claim, member, &parts, refunded, campaigns, ledger)?,
        None => Vec::new(),
    };
    let mut moved = 0;
    let mut pending_refund = claim.refund;
    for part in &parts {
        let stays =
            member.as_deref() == Some(&part.member) && oughts.iter().any(|ought| ought.campaign == part.campaign);
        if !stays && (part.points != 0 || part.qualifying != 0) {
            let nothing = Ought::nothing(part.campaign.clone());
            moved += post(claim, &part.member, Some(part), &nothing, None, campaigns, ledger)?;
        }
    }
    for ought in &oughts {
        let Some(member) = member.as_deref() else { break };
        let part = parts.iter().find(|part| part.is_of(member, ought.campaign.as_deref()));
        moved += post(claim, member, part, ought, pending_refund.take(), campaigns, ledger)?;
    }
    if claim.is_off {
        for spent in spent {
            let Some(member) = ledger.members.resolve(&spent.member) else { continue };
            let about = About { order: Some(&claim.order), redemption: Some(&spent.operation), ..About::default() };
            ledger.give_back(&member, &[(spent.lot, spent.points)], &about)?;
            moved += spent.points;
        }
    }
    Ok(moved)
}

/// Parts of members who have become a part of another are that one's; those of members who are gone are nobody's.
fn of_living(parts: Vec<Part>, ledger: &Ledger<'_>) -> Vec<Part> {
    let mut living: Vec<Part> = Vec::new();
    for part in parts {
        let Some(member) = ledger.members.resolve(&part.member) else {
            log::warn(&format!("member {} is gone", part.member), &[("member", &part.member)]);
            continue;
        };
        match living.iter_mut().find(|other| other.is_of(&member, part.campaign.as_deref())) {
            Some(other) => {
                other.points += part.points;
                other.qualifying += part.qualifying;
                other.gross = (other.gross.0 + part.gross.0, other.gross.1 + part.gross.1);
            }
            None => living.push(Part { member, ..part }),
        }
    }
    living
}

/// The member who earns; a contact becomes one when the settings say so.
fn earner(claim: &Claim, ledger: &mut Ledger<'_>) -> Result<Option<String>, Fault> {
    let Some(contact) = &claim.earner else { return Ok(None) };
    if let Some(member) = ledger.members.of_contact(contact) {
        return Ok(Some(member));
    }
    if ledger.settings.auto_enrol {
        let at = ledger.at.clone();
        let soon = soon(claim, ledger)?;
        return ledger.members.enrol(contact, soon, &at).map(Some);
    }
    log::debug(
        &format!("contact {contact} is no member, order {} earns nothing", claim.order),
        &[("contact", contact), ("order", &claim.order)],
    );
    Ok(None)
}

/// What a new member is about to have after the claim: a guess that saves a second write when it comes true.
fn soon(claim: &Claim, ledger: &Ledger<'_>) -> Result<Totals, Fault> {
    let mut totals = Totals::default();
    standing::qualify(&mut totals, claim.qualifying, year(claim), ledger.settings);
    let points = whole(claim.points, multiplier(&totals, ledger)?)?;
    let pending = if ledger.settings.pending_for.is_some() { points } else { 0 };
    Ok(Totals { points, lifetime_earned: points, pending, purchases: 1, ..totals })
}

/// The calendar year of the order.
fn year(claim: &Claim) -> i64 {
    i64::from(claim.day.year())
}

/// What the tier makes of points: that which the order itself lifts the member to, or a higher one that is kept.
fn multiplier(totals: &Totals, ledger: &Ledger<'_>) -> Result<Decimal, Fault> {
    let tiers = &ledger.settings.tiers;
    if tiers.is_empty() {
        return Ok(Decimal::from(1));
    }
    let places = [tier::worth(tiers, standing::counting(totals, ledger)?), tier::place(tiers, totals.tier.as_deref())];
    let best = places.into_iter().flatten().max_by_key(|place| tiers[*place].from);
    Ok(best.map_or(Decimal::from(1), |place| tiers[place].multiplier))
}

/// What of the order's total is paid back by now: never more than the total.
fn refund_so_far(claim: &Claim, before: Option<Decimal>) -> Result<Decimal, Fault> {
    let before = before.unwrap_or(Decimal::ZERO);
    let Some(refund) = claim.refund else { return Ok(before) };
    let left = claim.total().checked_sub(before).unwrap_or(Decimal::ZERO);
    match before.checked_add(refund) {
        Some(sum) if sum <= claim.total() => Ok(sum),
        _ => Err(Fault::new("refund_exceeds_order", format!("Of the order, only {left} can still be paid back."))
            .with_detail("left", left)),
    }
}

/// What the order ought to carry for the member: the points by the rules, and those of campaigns.
fn oughts(
    claim: &Claim,
    member: &str,
    parts: &[Part],
    refunded: Decimal,
    campaigns: &Campaigns,
    ledger: &mut Ledger<'_>,
) -> Result<Vec<Ought>, Fault> {
    let Some(basket) = &claim.basket else { return Ok(Vec::new()) };
    let left = |points: i64| refund::left(points, refunded, basket.total).ok_or_else(crate::points::earn::too_many);
    if claim.refund.is_some() {
        let own = parts.iter().filter(|part| part.member == member);
        let mut oughts = own.map(|part| refunded_part(part, left)).collect::<Result<Vec<_>, _>>()?;
        if oughts.iter().all(|ought| ought.campaign.is_some()) {
            // The order carries nothing; what was paid back is noted, for what it may carry later.
            oughts.push(Ought::nothing(None));
        }
        return Ok(oughts);
    }
    let held = parts.iter().find(|part| part.is_of(member, None) && (part.points != 0 || part.qualifying != 0));
    let factor = if let Some(part) = held {
        part.multiplier.unwrap_or(Decimal::from(1))
    } else {
        let mut soon = ledger.totals(member)?.clone();
        standing::qualify(&mut soon, claim.qualifying, year(claim), ledger.settings);
        multiplier(&soon, ledger)?
    };
    let gross = (whole(claim.points, factor)?, claim.qualifying);
    let mut oughts =
        vec![Ought { campaign: None, points: left(gross.0)?, qualifying: left(gross.1)?, gross, multiplier: factor }];
    let is_known = held.is_some();
    let points = claim.points.checked_mul(factor).ok_or_else(crate::points::earn::too_many)?;
    for (campaign, worth) in campaigns.of(basket, points, parts, member, is_known, ledger.settings)? {
        let held = parts.iter().find(|part| part.is_of(member, Some(&campaign))).map_or(0, |part| part.points);
        let most = left(worth)?;
        let points = campaigns.allowed(&campaign, most, held);
        let gross = (if points == most { worth } else { points }, 0);
        oughts.push(Ought { points, gross, ..Ought::nothing(Some(campaign)) });
    }
    Ok(oughts)
}

/// A refund takes its share of what was earned, whatever the rules are by now.
fn refunded_part(part: &Part, left: impl Fn(i64) -> Result<i64, Fault>) -> Result<Ought, Fault> {
    let (points, qualifying) = (left(part.gross.0)?, left(part.gross.1)?);
    Ok(Ought { points, qualifying, gross: part.gross, ..Ought::nothing(part.campaign.clone()) })
}

/// Writes the difference between what a member holds of the order and what it ought to be.
fn post(
    claim: &Claim,
    member: &str,
    part: Option<&Part>,
    ought: &Ought,
    refund: Option<Decimal>,
    campaigns: &mut Campaigns,
    ledger: &mut Ledger<'_>,
) -> Result<i64, Fault> {
    let held = part.map_or(0, |part| part.points);
    let points = ought.points - held;
    let qualifying = ought.qualifying - part.map_or(0, |part| part.qualifying);
    let gross = part.map_or((0, 0), |part| part.gross);
    // A refund takes of what there is: it withholds nothing.
    let withheld = match claim.refund {
        Some(_) => (0, 0),
        None => (ought.gross.0 - gross.0 - points, ought.gross.1 - gross.1 - qualifying),
    };
    let kind = match () {
        () if claim.refund.is_some() => Kind::Refund,
        () if held == 0 => Kind::Earn,
        () if ought.points == 0 => Kind::Reverse,
        () => Kind::Adjust,
    };
    let mut about = About {
        order: Some(&claim.order),
        campaign: ought.campaign.as_deref(),
        qualifying,
        multiplier: (ought.multiplier != Decimal::from(1)).then_some(ought.multiplier),
        refunded: refund,
        withheld,
        ..About::default()
    };
    if points > 0 {
        about.days = (ledger.settings.first_day(claim.day)?, ledger.settings.last_day(claim.day)?);
        ledger.credit(member, kind, points, &about)?;
    } else if points < 0 {
        ledger.reverse(member, kind, -points, &about)?;
    } else if qualifying != 0 || refund.is_some() || withheld != (0, 0) {
        ledger.note(member, kind, &about)?;
    }
    if let Some(campaign) = &ought.campaign {
        campaigns.grant(campaign, points);
    }
    if ought.campaign.is_none() {
        let was_there = part.is_some_and(|part| part.points != 0 || part.qualifying != 0);
        let is_there = ought.points != 0 || ought.qualifying != 0;
        ledger.totals(member)?.purchases += i64::from(is_there) - i64::from(was_there);
    }
    if refund.is_some() {
        ledger.totals(member)?.refunds += 1;
    }
    if qualifying != 0 {
        let settings = ledger.settings;
        standing::qualify(ledger.totals(member)?, qualifying, year(claim), settings);
    }
    standing::reconsider(ledger, member, if qualifying < 0 { "refund" } else { "order" })?;
    Ok(points)
}
