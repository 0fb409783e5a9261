//! The order that a deal becomes when it is won.

use guildhall_sdk::{Change, Fault, Record, Value, filter, records};
use sales_rules::moment::Moment;

use crate::settings::Settings;

/// The fields of a deal line that an order line takes over.
const LINE: [&str; 5] = ["product", "description", "quantity", "unit_price", "discount"];

/// Places the order of a deal that is won. A deal without an amount becomes none.
pub fn place(change: &Change, deal: &Record, settings: &Settings, now: Moment) -> Result<Option<String>, Fault> {
    let Some(total) = deal.money("amount").filter(|_| settings.order_on_win) else { return Ok(None) };
    // A deal may be won again, after the order of the first time was cancelled.
    let version = change.before.as_ref().and_then(|before| before.integer("version")).unwrap_or_default();
    let mut fields = Record::new()
        .set("placed_at", now.to_string())
        .set("total", total)
        .set("status", settings.order_status.as_str())
        .set("external_id", format!("sales.deal:{}/{version}", change.id));
    for field in ["contact", "company", "owner"] {
        fields = fields.set(field, deal.link(field));
    }
    let order = records::create("order", fields)?;
    for line in records::all("sales.deal_line", Some(&filter::eq("deal", change.id.as_str())))? {
        let fields = LINE.iter().fold(Record::new().set("order", order.id()), |fields, field| {
            fields.set(field, line.value(field).cloned().unwrap_or(Value::Null))
        });
        records::create("order_line", fields)?;
    }
    Ok(Some(order.id().to_owned()))
}

/// Refuses to open a deal again whose order stands.
pub fn let_go(deal: &Record) -> Result<(), Fault> {
    let Some(id) = deal.link("order") else { return Ok(()) };
    match records::get("order", id)? {
        Some(order) if !matches!(order.text("status"), Some("cancelled" | "draft")) => {
            let message = "The deal has an order that stands: cancel that first.";
            Err(Fault::new("order_stands", message).with_detail("order", id))
        }
        _ => Ok(()),
    }
}
