//! Quotes: their total is the sum of their lines, and what was sent does not change any more.

use std::collections::BTreeSet;

use guildhall_sdk::{Change, Fault, Operation, Outcome, Record, Value, clock, config, filter, records};
use sales_rules::day::Day;
use sales_rules::moment::Moment;

use crate::settings::Settings;
use crate::{differs, is_restored, line, outcome, page};

/// The fields of a line that a deal takes over with the quote.
const LINE: [&str; 5] = ["product", "description", "quantity", "unit_price", "discount"];

/// Lines of quotes: only a draft gets others.
pub fn before_write_lines(changes: &[Change]) -> Result<Vec<Outcome>, Fault> {
    let settings: Settings = config::get()?;
    let quote_of = |change: &Change| Some(change.after.as_ref().or(change.before.as_ref())?.link("quote")?.to_owned());
    let ids: BTreeSet<String> = changes.iter().filter_map(quote_of).collect();
    let quotes = page::with_any("sales.quote", "id", ids.iter().map(String::as_str).collect())?;
    let judge = |change: &Change| {
        let quote = quotes.iter().find(|quote| Some(quote.id()) == quote_of(change).as_deref());
        let is_gone = quote.is_none() && change.operation == Operation::Delete;
        if quote.is_none_or(|quote| quote.text("status") != Some("draft")) && !is_gone {
            return Err(Fault::new("quote_sent", "A quote that is no draft any more keeps its lines."));
        }
        let Some(line) = &change.after else { return Ok(None) };
        line::look_at_line(change.before.as_ref(), line, "quote", settings.max_amount).map(|()| None)
    };
    let outcomes = changes.iter().map(|change| outcome(judge(change))).collect::<Result<Vec<_>, _>>()?;
    if outcomes.iter().any(|outcome| matches!(outcome, Outcome::Refuse(_))) {
        return Ok(outcomes);
    }
    let lines = page::with_any("sales.quote_line", "quote", ids.iter().map(String::as_str).collect())?;
    let sums = line::sums("quote", &lines)?;
    for quote in &quotes {
        let total = sums.get(quote.id()).map(|lines| Value::from(lines.total.clone()));
        records::update("sales.quote", quote.id(), line::counted(quote).set("total", total))?;
    }
    Ok(outcomes)
}

pub fn before_write(changes: &[Change]) -> Result<Vec<Outcome>, Fault> {
    let now = clock::now();
    changes.iter().map(|change| outcome(judged(change, &now))).collect()
}

fn judged(change: &Change, now: &str) -> Result<Option<Record>, Fault> {
    let refuse = |code: &str, field: &str, message: &str| Err(Fault::new(code, message).with_detail("field", field));
    let (before, after) = match (&change.before, &change.after) {
        (Some(before), None) if !matches!(before.text("status"), Some("draft")) => {
            return refuse("quote_sent", "status", "A quote that was sent stays.");
        }
        (_, None) => return Ok(None),
        (None, Some(after)) if is_restored(after) => return Ok(None),
        (before, Some(after)) => (before.as_ref(), after),
    };
    let from = before.and_then(|before| before.text("status")).unwrap_or("draft");
    let to = after.text("status").unwrap_or("draft");
    let is_draft = from == "draft";
    if !is_draft && before.is_some_and(|before| differs(before, after, &["deal", "title", "valid_until"])) {
        return refuse("quote_sent", "status", "A quote that was sent does not change any more.");
    }
    if before.is_some_and(|before| before.link("deal") != after.link("deal")) {
        return refuse("quote_moved", "deal", "A quote stays with its deal.");
    }
    let at = Record::new();
    match (from, to) {
        _ if from == to => Ok(None),
        ("draft", "sent") => {
            look_at_validity(after, now)?;
            match after.money("total") {
                Some(_) => Ok(Some(at.set("sent_at", now))),
                None => refuse("quote_empty", "status", "A quote without a line is not sent."),
            }
        }
        ("draft" | "sent", "superseded") | ("sent", "rejected") => Ok(Some(at.set("decided_at", now))),
        ("sent", "accepted") => {
            look_at_validity(after, now)?;
            accept(&change.id, after)?;
            Ok(Some(at.set("decided_at", now)))
        }
        _ => refuse("quote_step", "status", "A quote goes from draft to sent, and from there to accepted or rejected."),
    }
}

/// Refuses a quote whose time is over.
fn look_at_validity(quote: &Record, now: &str) -> Result<(), Fault> {
    let today = now.parse().map_or(Day::from_number(0), Moment::day);
    match quote.date("valid_until").and_then(|day| day.parse::<Day>().ok()) {
        // The day itself is still good, wherever it is that day: half a day behind UTC at the most.
        Some(day) if day < today.plus_days(-1) => {
            Err(Fault::new("quote_expired", "The quote is not valid any more.").with_detail("field", "valid_until"))
        }
        _ => Ok(()),
    }
}

/// The deal becomes what was accepted; other quotes of it are superseded.
fn accept(id: &str, quote: &Record) -> Result<(), Fault> {
    let deal = quote.link("deal").unwrap_or_default();
    let stored = records::get("sales.deal", deal)?;
    if stored.is_none_or(|stored| stored.text("status") != Some("open")) {
        return Err(Fault::new("deal_closed", "The deal of the quote is not open.").with_detail("field", "deal"));
    }
    for other in records::all("sales.quote", Some(&filter::eq("deal", deal)))? {
        if other.id() != id && matches!(other.text("status"), Some("draft" | "sent")) {
            records::update("sales.quote", other.id(), Record::new().set("status", "superseded"))?;
        }
    }
    for line in records::all("sales.deal_line", Some(&filter::eq("deal", deal)))? {
        records::delete("sales.deal_line", line.id())?;
    }
    for line in records::all("sales.quote_line", Some(&filter::eq("quote", id)))? {
        let fields = LINE.iter().fold(Record::new().set("deal", deal), |fields, field| {
            fields.set(field, line.value(field).cloned().unwrap_or(Value::Null))
        });
        records::create("sales.deal_line", fields)?;
    }
    records::update("sales.deal", deal, Record::new().set("amount", quote.value("total").cloned()))?;
    Ok(())
}
