//! Sample records to try the module with. Made again, they are left as they are.

use guildhall_sdk::{Fault, Query, Record, Value, filter, json, records};
use sales_rules::day::Period;

use crate::ask;

/// Leads: name, company, e-mail, country, source.
const LEADS: [[&str; 5]; 4] = [
    ["Mei Lin", "Harbour Logistics", "mei.lin@harbour.example", "CN", "event"],
    ["Jonas Berg", "Berg Windpark", "jonas@berg.example", "DE", "website"],
    ["Aisha Khan", "Khan Textiles", "aisha@khan.example", "PK", "referral"],
    ["Tom Reed", "Reed & Sons", "tom@reed.example", "GB", "advertisement"],
];
/// Deals: name, amount, currency, the month from now in which it closes.
const DEALS: [(&str, &str, &str, i64); 5] = [
    ("Harbour cranes", "480000.00", "CNY", 1),
    ("Windpark service", "95000.00", "EUR", 0),
    ("Loom renewal", "62000.00", "EUR", 2),
    ("Warehouse scanners", "18500.00", "GBP", 1),
    ("Night shift lighting", "7400.00", "EUR", 0),
];

pub fn make() -> Result<Value, Fault> {
    let today = ask::now()?.day();
    let (mut leads, mut deals) = (0, 0);
    for [name, company, email, country, source] in LEADS {
        let fields = Record::new()
            .set("name", name)
            .set("company_name", company)
            .set("email", email)
            .set("country", country)
            .set("source", source);
        leads += made("sales.lead", email, fields)?;
    }
    for (name, amount, currency, months) in DEALS {
        let closes = today.start_after(Period::Month, months + 1).plus_days(-1).to_string();
        let fields = Record::new()
            .set("name", name)
            .set("amount", json!({"amount": amount, "currency": currency}))
            .set("close_date", closes);
        deals += made("sales.deal", name, fields)?;
    }
    Ok(json!({"leads": leads, "deals": deals}))
}

/// Makes a record unless it is there.
fn made(object: &str, key: &str, fields: Record) -> Result<i64, Fault> {
    let key = format!("sample:{key}");
    let known = Query::new().filter(filter::eq("external_id", key.as_str())).limit(1);
    if !records::query(object, known)?.is_empty() {
        return Ok(0);
    }
    records::create(object, fields.set("external_id", key))?;
    Ok(1)
}
