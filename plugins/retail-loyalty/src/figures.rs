//! Figures for pages and other programs: read, and never written.

use guildhall_sdk::{Decimal, Fault, Query, Record, Value, filter, json, records};

use crate::calendar::{Calendar, Date};
use crate::carried::Carried;
use crate::insight::{Phase, favourites, interval, plain};
use crate::order::lines_of;
use crate::settings::Settings;

/// The newest orders of a customer that are looked at.
const ORDERS: u32 = 200;

/// Everything about a customer: the phase, the history, the member.
pub fn customer(contact: &str) -> Result<Value, Fault> {
    let unknown = || Fault::new("unknown_contact", format!("There is no contact {contact}."));
    let person = records::get("contact", contact)?.ok_or_else(unknown)?;
    let query = Query::new().filter(filter::eq("contact", contact)).sort(["-placed_at"]).limit(ORDERS);
    let orders = records::query("order", query)?;
    let statuses = orders.iter().filter_map(|order| order.text("status"));
    let phase = Phase::of_customer(statuses);
    let living: Vec<&Record> =
        orders.iter().filter(|order| !matches!(order.text("status"), Some("draft" | "cancelled"))).collect();
    let calendar = Calendar::of_tenant()?;
    let days: Result<Vec<Date>, Fault> =
        living.iter().filter_map(|order| order.datetime("placed_at")).map(|moment| calendar.day(moment)).collect();
    let mut days = days?;
    let ids: Vec<&str> = living.iter().map(|order| order.id()).collect();
    let preferences: Vec<Value> = favourites(&lines_of(&ids)?, 5)
        .into_iter()
        .map(|(category, amount)| json!({"category": category, "amount": plain(amount)}))
        .collect();
    let interval = interval(&mut days);
    Ok(json!({
        "contact": contact,
        "name": person.text("name"),
        "phase": phase.as_str(),
        "purchases": living.len(),
        "first_purchase": days.first().map(Date::to_string),
        "last_purchase": days.last().map(Date::to_string),
        "repurchase_interval_days": interval.map(|days| days.to_string()),
        "preferences": preferences,
        "member": member(contact)?,
    }))
}

/// The member that a contact is, or has become a part of.
fn member(contact: &str) -> Result<Option<Value>, Fault> {
    let found = |field: &str, value: &str| -> Result<Option<Record>, Fault> {
        Ok(records::query(crate::member::OBJECT, Query::new().filter(filter::eq(field, value)).limit(1))?.pop())
    };
    let Some(mut member) = found("contact", contact)? else { return Ok(None) };
    while let Some(into) = member.link("merged_into").map(str::to_owned) {
        member = found("id", &into)?.ok_or_else(|| Fault::internal("A member is gone."))?;
    }
    let number = |field| member.integer(field).unwrap_or_default();
    Ok(Some(json!({
        "id": member.id(),
        "points": number("points"),
        "active": number("points") - number("pending") + number("owed"),
        "pending": number("pending"),
        "owed": number("owed"),
        "spent": number("spent"),
        "expired": number("expired"),
        "lifetime_earned": number("lifetime_earned"),
        "qualifying": number("qualifying"),
        "tier": member.text("tier"),
        "tier_until": member.date("tier_until"),
        "enrolled_at": member.datetime("enrolled_at"),
    })))
}

/// An order: its phase, and what it carries.
pub fn order(id: &str) -> Result<Value, Fault> {
    let unknown = || Fault::new("unknown_order", format!("There is no order {id}."));
    let order = records::get("order", id)?.ok_or_else(unknown)?;
    let carried = Carried::of_orders(&[id])?.remove(id).unwrap_or_default();
    let points: i64 = carried.parts.iter().map(|part| part.points).sum();
    let spent: i64 = carried.spent.iter().map(|spent| spent.points).sum();
    Ok(json!({
        "order": id,
        "phase": Phase::of_order(order.text("status").unwrap_or_default()).as_str(),
        "status": order.text("status"),
        "total": order.value("total"),
        "points": points,
        "of_campaigns": carried.parts.iter().filter(|part| part.campaign.is_some()).map(|part| part.points).sum::<i64>(),
        "spent_on_it": spent,
        "refunded": plain(carried.refunded.unwrap_or(Decimal::ZERO)),
    }))
}

/// What a member's balance was at a moment: the ledger added up to there.
pub fn balance(member: &str, at: &str) -> Result<Value, Fault> {
    let condition = json!({"member": {"_eq": member}, "occurred_at": {"_lte": at}});
    let rows = rows(
        "loyalty.entry",
        &json!({
            "filter": condition,
            "group_by": ["kind"],
            "measures": [{"fn": "sum", "field": "points", "as": "points"}],
        }),
    )?;
    let sum = rows.iter().filter_map(|row| row["points"].as_i64()).sum::<i64>();
    Ok(json!({"member": member, "at": at, "points": sum, "by_kind": rows}))
}

/// What the shop owes: points, money on cards, units of packages.
pub fn liabilities(settings: &Settings) -> Result<Value, Fault> {
    let open = |class: &str| -> Result<Vec<Value>, Fault> {
        rows(
            "loyalty.card_entry",
            &json!({
                "filter": {"class": {"_eq": class}, "is_open": {"_eq": true}},
                "measures": [{"fn": "sum", "field": "remaining", "as": "amount"}],
            }),
        )
    };
    let points = rows(
        "loyalty.member",
        &json!({"measures": [
            {"fn": "sum", "field": "points", "as": "points"}, {"fn": "sum", "field": "pending", "as": "pending"},
            {"fn": "sum", "field": "owed", "as": "owed"}, {"fn": "sum", "field": "spent", "as": "spent"},
            {"fn": "sum", "field": "expired", "as": "expired"}, {"fn": "count", "as": "members"},
        ]}),
    )?;
    let points = points.into_iter().next().unwrap_or_default();
    let held = points["points"].as_i64().unwrap_or_default() + points["owed"].as_i64().unwrap_or_default();
    let worth = settings.point_value.and_then(|value| value.checked_mul(Decimal::from(held)));
    Ok(json!({
        "points": points,
        "worth": worth.map(|worth| worth.to_string()),
        "currency": settings.currency,
        "cards": {"top_up": open("top_up")?, "bonus": open("bonus")?, "refund": open("refund")?},
        "balances": rows("loyalty.card", &json!({"measures": [{"fn": "sum", "field": "balance", "as": "amount"}]}))?,
        "package_units": rows("loyalty.package", &json!({"measures": [{"fn": "sum", "field": "units_left", "as": "units"}]}))?,
    }))
}

/// What there is to give: campaigns, vouchers, draws, and what the shop owes.
pub fn resources(settings: &Settings) -> Result<Value, Fault> {
    let all = |object: &str, fields: &[&str]| -> Result<Vec<Value>, Fault> {
        let found = records::query(object, Query::new().sort(["-id"]).limit(100))?;
        Ok(found
            .iter()
            .map(|record| {
                fields
                    .iter()
                    .map(|field| ((*field).to_owned(), record.value(field).cloned().unwrap_or_default()))
                    .collect()
            })
            .collect())
    };
    Ok(json!({
        "campaigns": all("loyalty.campaign", &["id", "name", "active", "from", "until", "budget", "granted"])?,
        "vouchers": all("loyalty.voucher", &["id", "code", "active", "uses_limit", "uses_left", "until"])?,
        "draws": all("loyalty.draw", &["id", "name", "state", "tickets", "prizes"])?,
        "liabilities": liabilities(settings)?,
    }))
}

/// Orders by month: how many, and their total in each currency.
pub fn business() -> Result<Vec<Value>, Fault> {
    rows(
        "order",
        &json!({
            "filter": {"status": {"_nin": ["draft", "cancelled"]}, "placed_at": {"_gte": "$start_of(month,-11)"}},
            "group_by": [{"field": "placed_at", "bucket": "month", "as": "month"}],
            "measures": [{"fn": "count", "as": "orders"}, {"fn": "sum", "field": "total", "as": "total"}],
            "sort": ["month"],
        }),
    )
}

/// How customers develop: new members by month, tiers, and how many have bought again.
pub fn development() -> Result<Value, Fault> {
    let count = |least: i64| -> Result<i64, Fault> {
        let found = rows(
            "loyalty.member",
            &json!({
                "filter": {"purchases": {"_gte": least}}, "measures": [{"fn": "count", "as": "members"}],
            }),
        )?;
        Ok(found.first().and_then(|row| row["members"].as_i64()).unwrap_or_default())
    };
    let (once, again) = (count(1)?, count(2)?);
    Ok(json!({
        "new_members": rows("loyalty.member", &json!({
            "filter": {"enrolled_at": {"_gte": "$start_of(month,-11)"}},
            "group_by": [{"field": "enrolled_at", "bucket": "month", "as": "month"}],
            "measures": [{"fn": "count", "as": "members"}],
            "sort": ["month"],
        }))?,
        "tiers": rows("loyalty.member", &json!({
            "group_by": ["tier"], "measures": [{"fn": "count", "as": "members"}], "sort": ["-members"],
        }))?,
        "customers": once,
        "customers_who_bought_again": again,
        // In hundredths of a per cent, cut off.
        "repurchase_rate": if once == 0 { Value::Null } else { percent(again * 10_000 / once).into() },
    }))
}

/// Hundredths of a per cent, written out.
fn percent(hundredths: i64) -> String {
    format!("{}.{:02}", hundredths / 100, hundredths % 100)
}

/// Points that came and went, by month and kind.
pub fn movements() -> Result<Vec<Value>, Fault> {
    rows(
        "loyalty.entry",
        &json!({
            "filter": {"occurred_at": {"_gte": "$start_of(month,-11)"}},
            "group_by": [{"field": "occurred_at", "bucket": "month", "as": "month"}, "kind"],
            "measures": [{"fn": "sum", "field": "points", "as": "points"}],
            "sort": ["month"],
            "limit": 200,
        }),
    )
}

fn rows(object: &str, question: &Value) -> Result<Vec<Value>, Fault> {
    Ok(records::aggregate(object, question)?["data"].as_array().cloned().unwrap_or_default())
}

#[cfg(test)]
mod tests {
    #[test]
    fn rates_are_written_out() {
        assert_eq!([0, 5, 3333, 10_000].map(super::percent), ["0.00", "0.05", "33.33", "100.00"]);
    }
}
