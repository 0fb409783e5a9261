//! vCards 2.1, 3.0 and 4.0: one person each, as a row of a few columns.

use calcard::vcard::{VCard, VCardEntry, VCardProperty, VCardValue};
use calcard::{Entry, Parser};

use super::Content;
use super::rows::{fault, members};
use crate::domain::invalid::FieldError;

/// The first line of a card.
pub const BEGIN: &str = "BEGIN:VCARD";
const END: &str = "END:VCARD";

/// The length of the card at the start of a text, if it ends there; with
/// `is_last`, nothing comes behind the text.
pub fn end(text: &str, is_last: bool) -> Option<usize> {
    let mut at = 0;
    loop {
        let length = text[at..].find('\n').map(|end| end + 1);
        let line = length.map_or(&text[at..], |length| &text[at..at + length]);
        at += line.len();
        if (is_last || length.is_some()) && line.trim().eq_ignore_ascii_case(END) {
            return Some(at);
        }
        length?;
    }
}

/// Where the next card begins, inside the text of another.
pub fn next(text: &str) -> Option<usize> {
    let mut at = 0;
    while let Some(end) = text[at..].find('\n') {
        at += end + 1;
        if text.as_bytes()[at..].get(..BEGIN.len()).is_some_and(|line| line.eq_ignore_ascii_case(BEGIN.as_bytes())) {
            return Some(at);
        }
    }
    None
}

/// Reads a card.
pub fn read(text: &str) -> Result<Content, FieldError> {
    if !text.get(..BEGIN.len()).is_some_and(|line| line.eq_ignore_ascii_case(BEGIN)) {
        return Err(fault("no_card", "does not begin with BEGIN:VCARD"));
    }
    let Entry::VCard(card) = Parser::new(text).entry() else {
        return Err(fault("no_card", "is not a card that can be read"));
    };
    let first = |property: &VCardProperty| card.entries.iter().find(|entry| entry.name == *property);
    let text_of = |property| first(&property).map(joined).filter(|text| !text.trim().is_empty());
    let name = text_of(VCardProperty::Fn).or_else(|| first(&VCardProperty::N).map(full_name));
    let fields = [
        ("name", name),
        ("email", text_of(VCardProperty::Email)),
        ("phone", text_of(VCardProperty::Tel).map(|text| text.trim_start_matches("tel:").to_owned())),
        ("company", first(&VCardProperty::Org).map(|entry| parts(entry).into_iter().next().unwrap_or_default())),
        ("title", text_of(VCardProperty::Title)),
        ("url", text_of(VCardProperty::Url)),
        ("city", first(&VCardProperty::Adr).and_then(|entry| parts(entry).into_iter().nth(3))),
        ("birthday", first(&VCardProperty::Bday).map(|entry| birthday(&card, entry))),
        ("note", text_of(VCardProperty::Note)),
        ("external_id", text_of(VCardProperty::Uid)),
    ];
    let given = fields.into_iter().filter_map(|(name, text)| Some((name, text.filter(|text| !text.is_empty())?)));
    Ok(Content::Members(members(given.collect())))
}

/// All parts of a value: `ORG:Shop;Sales` has two.
fn parts(entry: &VCardEntry) -> Vec<String> {
    let mut all = Vec::new();
    for value in &entry.values {
        match value {
            VCardValue::Text(text) => all.push(text.clone()),
            VCardValue::Component(parts) => all.push(parts.join(" ")),
            _ => all.push(String::new()),
        }
    }
    // Cards of version 2.1 come with their parts still in one text.
    if all.len() == 1 && matches!(entry.name, VCardProperty::Adr | VCardProperty::Org | VCardProperty::N) {
        return all[0].split(';').map(str::to_owned).collect();
    }
    all
}

fn joined(entry: &VCardEntry) -> String {
    parts(entry).join(",").trim().to_owned()
}

/// `Family;Given;Middle;Prefix;Suffix` in the order in which it is read.
fn full_name(entry: &VCardEntry) -> String {
    let parts = parts(entry);
    let part = |at: usize| parts.get(at).map(|part| part.trim()).filter(|part| !part.is_empty());
    [3, 1, 2, 0, 4].into_iter().filter_map(part).collect::<Vec<_>>().join(" ")
}

/// A day as `1996-04-15`, or what is there when it is no whole day.
fn birthday(_: &VCard, entry: &VCardEntry) -> String {
    match entry.values.first() {
        Some(VCardValue::PartialDateTime(date)) => match (date.year, date.month, date.day) {
            (Some(year), Some(month), Some(day)) => format!("{year:04}-{month:02}-{day:02}"),
            // A birthday without its year is no date: better none than a wrong one.
            _ => String::new(),
        },
        _ => joined(entry),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn card(lines: &[&str]) -> String {
        let text = format!("BEGIN:VCARD\r\n{}\r\nEND:VCARD\r\n", lines.join("\r\n"));
        assert_eq!(end(&text, false), Some(text.len()));
        match read(&text) {
            Ok(Content::Members(members)) => serde_json::to_string(&members).unwrap(),
            other => format!("{other:?}"),
        }
    }

    #[test]
    fn the_three_versions() {
        assert_eq!(
            card(&[
                "VERSION:4.0",
                "FN:Ann Example",
                "EMAIL;TYPE=work:ann@x.com",
                "TEL;VALUE=uri;TYPE=cell:tel:+49-30-1234567",
                "ORG:Shop;Sales",
                "BDAY:19960415",
                "NOTE:Likes\\, tea\\nand more",
                "UID:urn:uuid:4fbe8971"
            ]),
            r#"{"name":"Ann Example","email":"ann@x.com","phone":"+49-30-1234567","company":"Shop","birthday":"1996-04-15","note":"Likes, tea\nand more","external_id":"urn:uuid:4fbe8971"}"#
        );
        assert_eq!(
            card(&[
                "VERSION:3.0",
                "N:Example;Ann;;Dr.;",
                "FN:Dr. Ann Example",
                "ADR;TYPE=WORK:;;Street 1;Bern;;3000;CH",
                "BDAY:1996-04-15"
            ]),
            r#"{"name":"Dr. Ann Example","city":"Bern","birthday":"1996-04-15"}"#
        );
        assert_eq!(
            card(&[
                "VERSION:2.1",
                "N;CHARSET=UTF-8;ENCODING=QUOTED-PRINTABLE:=E5=BC=A0;=E4=B8=89;;;",
                "TEL;CELL:+8613800000000"
            ]),
            r#"{"name":"三 张","phone":"+8613800000000"}"#
        );
    }

    #[test]
    fn cards_without_an_end() {
        assert_eq!(end("BEGIN:VCARD\nFN:Ann\n", true), None);
        assert_eq!(next("FN:Ann\nBEGIN:VCARD\n"), Some(7));
    }
}
