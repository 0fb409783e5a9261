//! `Accept-Language` (RFC 9110): which languages somebody reads.

use std::cmp::Reverse;

use axum::http::{HeaderMap, HeaderName, header};

use crate::domain::language::{Languages, is_range};

/// Most ranges that are looked at.
const MOST: usize = 50;
/// The quality of a range that names none, in thousandths.
const WHOLE: u16 = 1000;

/// What the headers ask for; nothing when they cannot be read.
pub fn languages(headers: &HeaderMap) -> Languages {
    let lines = headers.get_all(header::ACCEPT_LANGUAGE).iter().map(|line| line.to_str().ok());
    let lines: Option<Vec<&str>> = lines.collect();
    lines.and_then(|lines| parse(&lines.join(","))).unwrap_or_default()
}

/// The headers of an answer in this language.
pub fn spoken(language: String) -> [(HeaderName, String); 2] {
    [(header::CONTENT_LANGUAGE, language), (header::VARY, header::ACCEPT_LANGUAGE.to_string())]
}

fn parse(text: &str) -> Option<Languages> {
    let elements = text.split(',').map(str::trim).filter(|element| !element.is_empty());
    let mut ranges = elements.map(range).collect::<Option<Vec<(&str, u16)>>>()?;
    if ranges.len() > MOST {
        return None;
    }
    // Stable: of equals, the first is the better one.
    ranges.sort_by_key(|(_, quality)| Reverse(*quality));
    let unwanted = ranges.split_off(ranges.partition_point(|(_, quality)| *quality > 0));
    let names = |ranges: Vec<(&str, u16)>| ranges.into_iter().map(|(range, _)| range.to_owned()).collect();
    Some(Languages { wanted: names(ranges), unwanted: names(unwanted) })
}

/// A range and its quality in thousandths.
fn range(element: &str) -> Option<(&str, u16)> {
    let (range, quality) = match element.split_once(';') {
        None => (element, WHOLE),
        Some((range, parameter)) => (range.trim_end(), quality(parameter.trim_start())?),
    };
    is_range(range).then_some((range, quality))
}

/// `q=0.8`: from 0 to 1, with at most three digits.
fn quality(parameter: &str) -> Option<u16> {
    let number = parameter.strip_prefix(['q', 'Q'])?.strip_prefix('=')?;
    let (whole, digits) = number.split_once('.').unwrap_or((number, ""));
    if digits.len() > 3 || !digits.bytes().all(|digit| digit.is_ascii_digit()) {
        return None;
    }
    let thousandths = format!("{digits:0<3}").parse().ok()?;
    match (whole, thousandths) {
        ("0", thousandths) => Some(thousandths),
        ("1", 0) => Some(WHOLE),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    fn read(lines: &[&[u8]]) -> (String, String) {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(header::ACCEPT_LANGUAGE, HeaderValue::from_bytes(line).unwrap());
        }
        let languages = languages(&headers);
        (languages.wanted.join(" "), languages.unwanted.join(" "))
    }

    #[test]
    fn the_better_ones_come_first() {
        for (line, wanted, unwanted) in [
            ("zh-CN, zh;q=0.9, en;q=0.8", "zh-CN zh en", ""),
            ("en;q=0.8,zh ; q=0.9 , ,de", "de zh en", ""),
            ("a;q=0.5, b;Q=0.5, c;q=1.000, d;q=0.501", "c d a b", ""),
            ("*, zh;q=0.001, en;q=0, fr;q=0.000", "* zh", "en fr"),
            ("zh;q=1.", "zh", ""),
            ("", "", ""),
        ] {
            assert_eq!(read(&[line.as_bytes()]), (wanted.to_owned(), unwanted.to_owned()), "{line}");
        }
        assert_eq!(read(&[b"en;q=0.5", b"zh"]).0, "zh en");
        assert_eq!(read(&[]).0, "");
    }

    #[test]
    fn what_cannot_be_read_asks_for_nothing() {
        let many = vec!["zh"; MOST + 1].join(",");
        for line in [
            "zh;q=2",
            "zh;q=1.001",
            "zh;q=0.1234",
            "zh;q=-1",
            "zh;q=",
            "zh;q",
            "zh;v=1",
            "zh;q=.5",
            "zh;q=0.5;q=1",
            "zh_CN",
            "zh CN",
            "*-CN",
            ";q=1",
            "中文",
            "en, zh;q=x",
            "\u{e9}",
            many.as_str(),
        ] {
            assert_eq!(read(&[line.as_bytes()]), (String::new(), String::new()), "{line}");
        }
        assert_eq!(read(&[b"zh", b"\xff"]).0, "");
    }
}
