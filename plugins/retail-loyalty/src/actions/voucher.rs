//! Vouchers: issued, held for somebody, used, and given up.

use guildhall_sdk::{Decimal, Fault, Money, Query, Record, Value, clock, filter, json, records};
use jiff::{SignedDuration, Timestamp};

use super::input::Input;
use crate::calendar::{Calendar, date};
use crate::cards::minor;
use crate::ledger::Ledger;
use crate::settings::Settings;
use crate::vouchers::rule::{Worth, discount};
use crate::vouchers::{State, USE, VOUCHER, give_up, release_overdue_of};

/// A new voucher.
pub fn issue(input: &Input<'_>) -> Result<Value, Fault> {
    let code = input.needed("code")?;
    if find(code)?.is_some() {
        return Err(Fault::new("code_taken", format!("There is a voucher {code} already.")));
    }
    let uses = input.integer("uses_limit").unwrap_or(1);
    let mut voucher =
        Record::new().set("code", code).set("active", true).set("uses_limit", uses).set("uses_left", uses);
    match (input.0["amount"].is_null(), input.text("percent")) {
        (false, None) => {
            let amount = input.money("amount")?;
            minor::of(&amount)?;
            voucher = voucher.set("amount", amount);
        }
        (true, Some(percent)) => {
            let percent: Option<Decimal> = percent.parse().ok();
            let is_part = |percent: &Decimal| *percent > Decimal::ZERO && *percent <= Decimal::from(100);
            let wrong = || Fault::invalid("`percent` is above 0 and at most 100.").with_detail("field", "percent");
            voucher = voucher.set("percent", percent.filter(is_part).ok_or_else(wrong)?);
        }
        _ => return Err(Fault::invalid("A voucher has either an `amount` or a `percent`.")),
    }
    if !input.0["min_total"].is_null() {
        voucher = voucher.set("min_total", input.money("min_total")?);
    }
    let (from, until) = (input.date("from")?, input.date("until")?);
    if from.zip(until).is_some_and(|(from, until)| until < from) {
        return Err(Fault::invalid("The last day is before the first.").with_detail("field", "until"));
    }
    for (name, day) in [("from", from), ("until", until)] {
        voucher = day.map_or(voucher.clone(), |day| voucher.set(name, day.to_string()));
    }
    if let Some(most) = input.integer("per_member") {
        voucher = voucher.set("per_member", most);
    }
    let voucher = records::create(VOUCHER, voucher)?;
    Ok(json!({"voucher": voucher.id(), "code": code}))
}

fn unknown(code: &str) -> Fault {
    Fault::new("unknown_voucher", format!("There is no voucher {code}."))
}

fn find(code: &str) -> Result<Option<Record>, Fault> {
    Ok(records::query(VOUCHER, Query::new().filter(filter::eq("code", code)).limit(1))?.pop())
}

/// Blocks a voucher, or lets it be used again. What is held already can still be used.
pub fn block(input: &Input<'_>) -> Result<Value, Fault> {
    let code = input.needed("code")?;
    let voucher = find(code)?.ok_or_else(|| unknown(code))?;
    let active = !input.0["blocked"].as_bool().unwrap_or(true);
    records::update(VOUCHER, voucher.id(), Record::new().set("active", active))?;
    Ok(json!({"voucher": voucher.id(), "active": active}))
}

/// Holds a voucher for a checkout. When nobody comes in time, it is free again.
pub fn reserve(input: &Input<'_>) -> Result<Value, Fault> {
    take(input, State::Reserved)
}

/// Uses a voucher: one that is held, or at once by its code.
pub fn redeem(input: &Input<'_>) -> Result<Value, Fault> {
    match input.text("reservation") {
        Some(reservation) => redeem_reserved(input, reservation),
        None => take(input, State::Redeemed),
    }
}

fn take(input: &Input<'_>, state: State) -> Result<Value, Fault> {
    let settings = Settings::of_tenant()?;
    let now = clock::now();
    let code = input.needed("code")?;
    let mut voucher = find(code)?.ok_or_else(|| unknown(code))?;
    let total = input.money("total")?;
    let off = taken_off(&voucher, &total, &now)?;
    if voucher.integer("uses_left").unwrap_or_default() <= 0 && release_overdue_of(voucher.id(), &now)? > 0 {
        voucher = find(code)?.ok_or_else(|| unknown(code))?;
    }
    let left = voucher.integer("uses_left").unwrap_or_default();
    if left <= 0 {
        return Err(Fault::new("voucher_used_up", format!("The voucher {code} is used up.")));
    }
    let member = member_of(input, &settings, &voucher)?;
    let moment: Timestamp = now.parse().map_err(|_| Fault::internal("The host has no time."))?;
    let until = moment.checked_add(SignedDuration::from_mins(settings.reservation_minutes));
    let until = until.map_err(|_| Fault::internal("Reservations last too long."))?.to_string();
    let mut one = Record::new()
        .set("voucher", voucher.id())
        .set("key", input.key())
        .set("state", state.as_str())
        .set("discount", minor::money(off, &total.currency))
        .set("occurred_at", now)
        .set("order", Value::from(input.text("order")))
        .set("member", Value::from(member.as_deref()));
    if state == State::Reserved {
        one = one.set("reserved_until", until.as_str());
    }
    records::create(USE, one)?;
    records::update(VOUCHER, voucher.id(), Record::new().set("uses_left", left - 1))?;
    let payable = minor::of(&total)? - off;
    let mut told = json!({
        "use": input.key(),
        "discount": minor::money(off, &total.currency),
        "payable": minor::money(payable, &total.currency),
    });
    if state == State::Reserved {
        told["reserved_until"] = until.into();
    }
    Ok(told)
}

/// What a voucher takes off a total, when it counts today and for so much.
fn taken_off(voucher: &Record, total: &Money, now: &str) -> Result<i64, Fault> {
    let units = minor::of(total)?;
    let same_currency = |money: &Money| {
        if money.currency == total.currency {
            return minor::of(money);
        }
        let message = format!("The voucher is in {}, not in {}.", money.currency, total.currency);
        Err(Fault::new("other_currency", message).with_detail("currency", money.currency.as_str()))
    };
    if voucher.boolean("active") == Some(false) {
        return Err(Fault::new("voucher_inactive", "The voucher is not active."));
    }
    counts_today(voucher, now)?;
    if let Some(least) = voucher.money("min_total")
        && units < same_currency(&least)?
    {
        let message = format!("The voucher counts from {least} on.");
        return Err(Fault::new("total_too_low", message).with_detail("least", Value::from(least)));
    }
    let worth = match voucher.money("amount") {
        Some(amount) => Worth::Amount(same_currency(&amount)?),
        None => Worth::Percent(voucher.decimal("percent").unwrap_or(Decimal::ZERO)),
    };
    discount(worth, units).ok_or_else(|| Fault::invalid("The total is too large.").with_detail("field", "total"))
}

fn counts_today(voucher: &Record, now: &str) -> Result<(), Fault> {
    let today = Calendar::of_tenant()?.day(now)?;
    let day = |field| voucher.date(field).map(date).transpose();
    if day("from")?.is_some_and(|from| today < from) {
        return Err(Fault::new("voucher_not_yet", "The voucher does not count yet."));
    }
    if day("until")?.is_some_and(|until| until < today) {
        return Err(Fault::new("voucher_over", "The voucher is over."));
    }
    Ok(())
}

/// The member who uses it: needed where each member may only use it so often.
fn member_of(input: &Input<'_>, settings: &Settings, voucher: &Record) -> Result<Option<String>, Fault> {
    let is_named = input.text("member").or(input.text("contact")).is_some();
    let most = voucher.integer("per_member");
    if !is_named {
        return match most {
            Some(_) => Err(Fault::new("member_needed", "The voucher is for members: say who uses it.")),
            None => Ok(None),
        };
    }
    let member = input.member(&mut Ledger::open(settings))?;
    if let Some(most) = most {
        let states = [State::Reserved, State::Redeemed].map(State::as_str);
        let of_member = filter::and([
            filter::eq("voucher", voucher.id()),
            filter::eq("member", member.as_str()),
            filter::any_of("state", states),
        ]);
        let uses = records::query(USE, Query::new().filter(of_member).limit(Query::MOST))?.len();
        if i64::try_from(uses).unwrap_or(i64::MAX) >= most {
            return Err(Fault::new("member_limit_reached", "The member has used the voucher often enough."));
        }
    }
    Ok(Some(member))
}

/// The use with a key.
fn use_of(key: &str) -> Result<Record, Fault> {
    let found = records::query(USE, Query::new().filter(filter::eq("key", key)).limit(1))?.pop();
    found.ok_or_else(|| Fault::new("unknown_use", format!("No voucher was reserved or used as {key}.")))
}

fn redeem_reserved(input: &Input<'_>, key: &str) -> Result<Value, Fault> {
    let settings = Settings::of_tenant()?;
    let now = clock::now();
    let one = use_of(key)?;
    let over = || Fault::new("reservation_over", "The voucher is not held any more.");
    match one.text("state") {
        Some("reserved") => {}
        Some("redeemed") => return Err(Fault::new("already_redeemed", "The voucher was used already.")),
        _ => return Err(over()),
    }
    if !settings.honour_reservations {
        if one.datetime("reserved_until").is_some_and(|until| is_before(until, &now)) {
            return Err(over());
        }
        let voucher = records::get(VOUCHER, one.link("voucher").unwrap_or_default())?;
        counts_today(&voucher.ok_or_else(over)?, &now)?;
    }
    let fields = Record::new().set("state", State::Redeemed.as_str());
    let fields = input.text("order").into_iter().fold(fields, |fields, order| fields.set("order", order));
    records::update(USE, one.id(), fields)?;
    Ok(json!({"use": key, "discount": one.value("discount")}))
}

fn is_before(one: &str, other: &str) -> bool {
    let moment = |text: &str| text.parse::<Timestamp>().ok();
    moment(one) < moment(other)
}

/// Gives a reservation up.
pub fn release(input: &Input<'_>) -> Result<Value, Fault> {
    change(input.needed("reservation")?, State::Reserved, State::Released)
}

/// Takes a use back, because the order was called off or paid back.
pub fn roll_back(input: &Input<'_>) -> Result<Value, Fault> {
    change(input.needed("use")?, State::Redeemed, State::RolledBack)
}

fn change(key: &str, from: State, to: State) -> Result<Value, Fault> {
    let one = use_of(key)?;
    if one.text("state") != Some(from.as_str()) {
        let state = one.text("state").unwrap_or_default();
        return Err(Fault::new("wrong_state", format!("The use is {state}, not {}.", from.as_str())));
    }
    give_up(one.link("voucher").unwrap_or_default(), &[&one], to)?;
    Ok(json!({"use": key, "state": to.as_str()}))
}
