//! A quote of what a deal is about.

use guildhall_sdk::{Fault, Record, Value, filter, json, records};

use crate::ask;

/// The fields of a deal line that a quote line takes over.
const LINE: [&str; 5] = ["product", "description", "quantity", "unit_price", "discount"];

/// Makes a draft with the products of the deal; of a deal without any, with its amount as the only line.
pub fn create(input: &Value) -> Result<Value, Fault> {
    let deal = ask::record("sales.deal", ask::required(input, "deal")?)?;
    if deal.text("status") != Some("open") {
        return Err(Fault::new("deal_closed", "Only an open deal gets a quote."));
    }
    let lines = lines(&deal)?;
    if lines.is_empty() {
        return Err(Fault::new("quote_empty", "The deal has neither products nor an amount."));
    }
    let fields = Record::new()
        .set("deal", deal.id())
        .set("title", ask::text(input, "title").or(deal.text("name")))
        .set("valid_until", ask::text(input, "valid_until"));
    let quote = records::create("sales.quote", fields)?;
    let count = lines.len();
    for line in lines {
        records::create("sales.quote_line", line.set("quote", quote.id()))?;
    }
    Ok(json!({"quote": quote.id(), "number": quote.text("number"), "lines": count}))
}

fn lines(deal: &Record) -> Result<Vec<Record>, Fault> {
    let lines = records::all("sales.deal_line", Some(&filter::eq("deal", deal.id())))?;
    if let Some(amount) = deal.money("amount").filter(|_| lines.is_empty()) {
        let line = Record::new().set("description", deal.text("name")).set("quantity", "1").set("unit_price", amount);
        return Ok(vec![line]);
    }
    let taken =
        |line: &Record| LINE.iter().fold(Record::new(), |taken, field| taken.set(field, line.value(field).cloned()));
    Ok(lines.iter().map(taken).collect())
}
