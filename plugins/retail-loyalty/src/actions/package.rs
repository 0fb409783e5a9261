//! Packages: services that are paid for in advance, and used one by one.

use guildhall_sdk::{Fault, Query, Record, Value, clock, filter, json, records};

use super::input::Input;
use crate::calendar::{Calendar, date};
use crate::ledger::Ledger;
use crate::settings::Settings;

const PACKAGE: &str = "loyalty.package";
const ENTRY: &str = "loyalty.package_entry";

/// A new package of a member.
pub fn sell(input: &Input<'_>) -> Result<Value, Fault> {
    let settings = Settings::of_tenant()?;
    let mut ledger = Ledger::open(&settings);
    let member = input.member(&mut ledger)?;
    let units = input.integer("units").unwrap_or_default();
    let mut record = Record::new()
        .set("member", member.as_str())
        .set("name", input.needed("name")?)
        .set("units_total", units)
        .set("units_left", units);
    if let Some(last) = input.date("valid_until")? {
        if last < ledger.today()? {
            let over = Fault::invalid("The package would be over already.");
            return Err(over.with_detail("field", "valid_until"));
        }
        record = record.set("valid_until", last.to_string());
    }
    if !input.0["price"].is_null() {
        record = record.set("price", input.money("price")?);
    }
    let package = records::create(PACKAGE, record)?;
    write(package.id(), "sell", units, units, input, None)?;
    Ok(json!({"package": package.id(), "units_left": units}))
}

fn write(
    package: &str,
    kind: &str,
    units: i64,
    left: i64,
    input: &Input<'_>,
    of_use: Option<&str>,
) -> Result<(), Fault> {
    let entry = Record::new()
        .set("package", package)
        .set("kind", kind)
        .set("units", units)
        .set("left_after", left)
        .set("operation", input.key())
        .set("use", Value::from(of_use))
        .set("reason", Value::from(input.text("reason")))
        .set("occurred_at", clock::now());
    records::create(ENTRY, entry).map(drop)
}

fn package(id: &str) -> Result<Record, Fault> {
    let unknown = || Fault::new("unknown_package", format!("There is no package {id}."));
    records::get(PACKAGE, id)?.ok_or_else(unknown)
}

/// Units are used: never more than are left, and not after the last day.
pub fn use_units(input: &Input<'_>) -> Result<Value, Fault> {
    let id = input.needed("package")?;
    let package = package(id)?;
    let units = input.integer("units").unwrap_or(1);
    let last = package.date("valid_until").map(date).transpose()?;
    let today = Calendar::of_tenant()?.day(&clock::now())?;
    if last.is_some_and(|last| last < today) {
        return Err(Fault::new("package_over", "The package is over."));
    }
    let left = package.integer("units_left").unwrap_or_default();
    if units > left {
        let message = format!("The package has {left} units left, which is less than {units}.");
        return Err(Fault::new("insufficient_units", message).with_detail("available", left));
    }
    records::update(PACKAGE, id, Record::new().set("units_left", left - units))?;
    write(id, "use", -units, left - units, input, Some(input.key()))?;
    Ok(json!({"package": id, "use": input.key(), "units": units, "units_left": left - units}))
}

/// Units that were used come back: never more than that use took.
pub fn give_back(input: &Input<'_>) -> Result<Value, Fault> {
    let key = input.needed("use")?;
    let entries = || records::query(ENTRY, Query::new().filter(filter::eq("use", key)).limit(Query::MOST));
    let unknown = || Fault::new("unknown_use", format!("No units were used as {key}."));
    let id = entries()?.first().and_then(|entry| entry.link("package")).ok_or_else(unknown)?.to_owned();
    // The package is read before its entries: whoever gives back meanwhile changes the package, and this runs again.
    let package = package(&id)?;
    let used = -entries()?.iter().filter_map(|entry| entry.integer("units")).sum::<i64>();
    let units = input.integer("units").unwrap_or(used);
    if units > used || units <= 0 {
        let message = format!("Of that use, {used} units can still be given back.");
        return Err(Fault::new("return_exceeds_use", message).with_detail("left", used));
    }
    let left = package.integer("units_left").unwrap_or_default() + units;
    records::update(PACKAGE, &id, Record::new().set("units_left", left))?;
    write(&id, "return", units, left, input, Some(key))?;
    Ok(json!({"package": id, "units": units, "units_left": left}))
}
