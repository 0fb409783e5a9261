//! Cells as values of fields: what people write in spreadsheets, in the form
//! that the API takes.

use serde_json::{Value as Json, json};

use super::{Dates, Decimal, Options};
use crate::domain::field::{Field, FieldType};
use crate::domain::guard::unguard;

/// Words for true and for false.
const YES: &[&str] = &["true", "yes", "y", "1", "on", "x", "wahr", "ja", "是", "真", "有"];
const NO: &[&str] = &["false", "no", "n", "0", "off", "falsch", "nein", "否", "假", "无"];

/// The value of a cell as the API takes it. What is in no known form is left
/// as it is, so that the field says what is wrong with it.
pub fn value(field: &Field, cell: &str, options: &Options) -> Json {
    let text = unguard(cell);
    let trimmed = text.trim();
    if trimmed.is_empty() {
        return Json::Null;
    }
    match field.kind.opened() {
        FieldType::Text(_) | FieldType::LongText => json!(text),
        FieldType::Integer => number(trimmed, options).parse::<i64>().map_or_else(|_| json!(trimmed), Json::from),
        FieldType::Decimal { .. } => json!(number(trimmed, options)),
        FieldType::Money => money(trimmed, options),
        FieldType::Boolean => {
            let word = trimmed.to_lowercase();
            let is = |words: &[&str]| words.contains(&word.as_str());
            if is(YES) {
                json!(true)
            } else if is(NO) {
                json!(false)
            } else {
                json!(trimmed)
            }
        }
        FieldType::Date => json!(day(trimmed, options.dates).unwrap_or_else(|| trimmed.to_owned())),
        FieldType::Datetime => json!(moment(trimmed, options.dates)),
        FieldType::Select(_) => {
            let label = |choice: &&crate::domain::field::Choice| {
                choice.value == trimmed || choice.label.to_lowercase() == trimmed.to_lowercase()
            };
            json!(field.def.options.iter().find(label).map_or(trimmed, |choice| &choice.value))
        }
        FieldType::Phone => json!(phone(trimmed, options)),
        FieldType::Json => serde_json::from_str(trimmed).unwrap_or_else(|_| json!(trimmed)),
        _ => json!(trimmed),
    }
}

/// A number without the marks between thousands, and with a point.
fn number(text: &str, options: &Options) -> String {
    let (mark, point) = match options.decimal {
        Decimal::Point => (',', '.'),
        Decimal::Comma => ('.', ','),
    };
    let is_mark = |c: char| c == mark || matches!(c, ' ' | '\u{a0}' | '\u{202f}' | '\'' | '\u{2019}');
    let (whole, places) = text.split_once(point).map_or((text, None), |(whole, places)| (whole, Some(places)));
    // Marks stand between groups of three, or it is no number of this form.
    let groups: Vec<&str> = whole.split(is_mark).collect();
    if groups.len() > 1 && (groups[0].is_empty() || groups[1..].iter().any(|group| group.len() != 3)) {
        return text.to_owned();
    }
    let whole = groups.concat();
    places.map_or_else(|| whole.clone(), |places| format!("{whole}.{places}"))
}

/// `29.33 USD`, `USD 29.33`, or an amount alone in the currency of the options.
fn money(text: &str, options: &Options) -> Json {
    let is_code = |part: &str| part.len() == 3 && part.bytes().all(|byte| byte.is_ascii_uppercase());
    let (amount, currency) = match (text.get(..3), text.len().checked_sub(3).and_then(|at| text.get(at..))) {
        (_, Some(code)) if is_code(code) => (&text[..text.len() - 3], Some(code)),
        (Some(code), _) if is_code(code) => (&text[3..], Some(code)),
        _ => (text, options.currency.as_deref()),
    };
    match currency {
        Some(currency) => json!({"amount": number(amount.trim(), options), "currency": currency}),
        None => json!(text),
    }
}

/// A day as `2026-11-21`.
fn day(text: &str, dates: Dates) -> Option<String> {
    let parts: Vec<&str> =
        text.split(['-', '/', '.', ' ', '年', '月', '日']).map(str::trim).filter(|part| !part.is_empty()).collect();
    let [a, b, c] = parts.as_slice() else { return None };
    let (year, month, day) = match dates {
        _ if a.len() == 4 => (a, b, c),
        Dates::Dmy => (c, b, a),
        Dates::Mdy => (c, a, b),
        Dates::Ymd => return None,
    };
    let number = |part: &str| part.parse::<u32>().ok().filter(|_| part.bytes().all(|byte| byte.is_ascii_digit()));
    let (year, month, day) = (number(year).filter(|_| year.len() == 4)?, number(month)?, number(day)?);
    Some(format!("{year:04}-{month:02}-{day:02}"))
}

/// A moment in RFC 3339; without an offset it is UTC.
fn moment(text: &str, dates: Dates) -> String {
    let at = text.find(['T', ' ']).filter(|at| text[at + 1..].starts_with(|c: char| c.is_ascii_digit()));
    let (date, time) = at.map_or((text, ""), |at| (&text[..at], &text[at + 1..]));
    let Some(date) = day(date, dates) else { return text.to_owned() };
    let colons = time.matches(':').count();
    match time {
        "" => date,
        _ if time.ends_with(['Z', 'z']) || time.contains('+') || time.contains('-') => format!("{date}T{time}"),
        _ if colons == 1 => format!("{date}T{time:0>5}:00Z"),
        _ => format!("{date}T{time:0>8}Z"),
    }
}

/// A phone number with its country code: `00` is `+`, and a leading zero of
/// the trunk goes when a country code is put in front.
fn phone(text: &str, options: &Options) -> String {
    if let Some(rest) = text.strip_prefix("00") {
        return format!("+{rest}");
    }
    match &options.country_code {
        Some(code) if !text.starts_with('+') => {
            let local = text.trim_start_matches('(');
            let local = local.strip_prefix('0').unwrap_or(local);
            format!("{code} {local}")
        }
        _ => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn field(kind: &str) -> Field {
        let def = json!({"name": "f", "label": "F", "type": kind, "precision": 10, "scale": 2, "to": "x",
            "options": [{"value": "won", "label": "Won"}]});
        Field::check(serde_json::from_value(def).unwrap()).unwrap()
    }

    #[test]
    fn what_people_write() {
        let german = Options { decimal: Decimal::Comma, dates: Dates::Dmy, ..Options::default() };
        let chinese =
            Options { country_code: Some("+86".to_owned()), currency: Some("CNY".to_owned()), ..Options::default() };
        for (kind, cell, options, expected) in [
            ("decimal", "1.234,50", &german, json!("1234.50")),
            ("decimal", "1,5", &chinese, json!("1,5")),
            ("decimal", "-5", &chinese, json!("-5")),
            ("integer", "1,234", &chinese, json!(1234)),
            ("integer", "12a", &chinese, json!("12a")),
            ("money", "29.33 USD", &chinese, json!({"amount": "29.33", "currency": "USD"})),
            ("money", "1,000", &chinese, json!({"amount": "1000", "currency": "CNY"})),
            ("boolean", "是", &chinese, json!(true)),
            ("date", "31.12.2026", &german, json!("2026-12-31")),
            ("date", "2026年1月2日", &chinese, json!("2026-01-02")),
            ("date", "12/31/2026", &chinese, json!("12/31/2026")),
            ("datetime", "2026-01-02 9:30", &chinese, json!("2026-01-02T09:30:00Z")),
            ("datetime", "2026-01-02T03:04:05.000006Z", &chinese, json!("2026-01-02T03:04:05.000006Z")),
            ("select", "WON", &chinese, json!("won")),
            ("phone", "138 0000 0000", &chinese, json!("+86 138 0000 0000")),
            ("phone", "(010) 1234567", &chinese, json!("+86 10) 1234567")),
            ("phone", "'+49 30 1234567", &chinese, json!("+49 30 1234567")),
            ("phone", "0049 30 1", &german, json!("+49 30 1")),
            ("text", " x ", &german, json!(" x ")),
            ("text", "   ", &german, json!(null)),
        ] {
            assert_eq!(value(&field(kind), cell, options), expected, "{kind} {cell}");
        }
    }
}
