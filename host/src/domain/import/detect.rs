//! What a file is made of, by its first part: encoding, delimiter, header, columns.

use chardetng::{EncodingDetector, Iso2022JpDetection, Utf8Detection};
use encoding_rs::{Encoding, GB18030, GBK, UTF_8, UTF_16BE, UTF_16LE};
use serde_json::Value as Json;

use super::rows::{Next, Rows, fault};
use super::{Column, Content, Format, MAX_COLUMNS, MAX_ROW};
use crate::domain::invalid::FieldError;

/// Rows that are looked at.
const ROWS: usize = 50;
/// Values of a column that are shown.
const SAMPLES: usize = 3;
/// Letters of a value that are shown.
const SAMPLE: usize = 80;
/// Delimiters that are tried, the likeliest first.
const DELIMITERS: [char; 4] = [',', ';', '\t', '|'];

/// What was found, or is to be taken for granted.
#[derive(Clone, Debug, Default)]
pub struct Hints {
    /// The encoding.
    pub encoding: Option<&'static Encoding>,
    /// The delimiter.
    pub delimiter: Option<char>,
    /// Whether the first row names the columns.
    pub header: Option<bool>,
}

/// The form of a file.
#[derive(Clone, Debug)]
pub struct Detected {
    /// The encoding.
    pub encoding: &'static Encoding,
    /// The delimiter, of CSV.
    pub delimiter: Option<char>,
    /// Whether the first row names the columns.
    pub header: bool,
    /// The columns, without fields yet.
    pub columns: Vec<Column>,
}

/// Looks at the first part of a file; `is_whole` when it is all of it.
pub fn detect(head: &[u8], is_whole: bool, format: Format, hints: &Hints) -> Result<Detected, FieldError> {
    let encoding = hints.encoding.unwrap_or_else(|| encoding_of(head));
    let read = |delimiter| rows(head, is_whole, encoding, format, delimiter);
    let (delimiter, contents) = match (format, hints.delimiter) {
        (Format::Csv, None) => {
            let tried = DELIMITERS.map(|delimiter| (delimiter, read(delimiter)));
            let best =
                tried.into_iter().enumerate().max_by_key(|(at, (_, contents))| (score(contents), usize::MAX - at));
            best.map_or((',', Vec::new()), |(_, found)| found)
        }
        (_, delimiter) => (delimiter.unwrap_or(','), read(delimiter.unwrap_or(','))),
    };
    let (header, columns) = match format {
        Format::Csv => columns_of_cells(&contents, hints.header)?,
        Format::JsonLines | Format::Vcard => (false, columns_of_members(&contents)),
    };
    if columns.len() > MAX_COLUMNS {
        return Err(fault("too_many_columns", format!("has more than {MAX_COLUMNS} columns")));
    }
    if contents.is_empty() || columns.is_empty() {
        return Err(fault("no_rows", "holds no row that can be read"));
    }
    Ok(Detected { encoding, delimiter: (format == Format::Csv).then_some(delimiter), header, columns })
}

/// The encoding of a text by its first bytes.
pub fn encoding_of(head: &[u8]) -> &'static Encoding {
    if let Some((encoding, _)) = Encoding::for_bom(head) {
        return encoding;
    }
    if head.starts_with(&[0x84, 0x31, 0x95, 0x33]) {
        return GB18030;
    }
    // Latin letters in UTF-16 have a zero in every other byte.
    let pairs = head.len() / 2;
    let zeros = |offset: usize| head.iter().skip(offset).step_by(2).filter(|byte| **byte == 0).count();
    if pairs >= 2 && zeros(1) * 10 > pairs * 3 && zeros(0) * 10 < pairs {
        return UTF_16LE;
    }
    if pairs >= 2 && zeros(0) * 10 > pairs * 3 && zeros(1) * 10 < pairs {
        return UTF_16BE;
    }
    if is_mostly_utf8(head) {
        return UTF_8;
    }
    let mut detector = EncodingDetector::new(Iso2022JpDetection::Deny);
    detector.feed(head, true);
    let guess = detector.guess(None, Utf8Detection::Allow);
    if guess == GBK { GB18030 } else { guess }
}

/// Whether what is not ASCII is nearly always UTF-8: some damage in the middle changes nothing.
fn is_mostly_utf8(head: &[u8]) -> bool {
    let (mut good, mut bad) = (0, 0);
    for chunk in head.utf8_chunks() {
        good += chunk.valid().chars().filter(|c| !c.is_ascii()).count();
        bad += usize::from(!chunk.invalid().is_empty());
    }
    // The last letter may be cut in two.
    let is_cut = head.utf8_chunks().last().is_some_and(|chunk| !chunk.invalid().is_empty());
    bad == 0 || (bad == 1 && is_cut && good > 0) || good > bad * 2
}

fn rows(head: &[u8], is_whole: bool, encoding: &'static Encoding, format: Format, delimiter: char) -> Vec<Content> {
    let mut rows = Rows::new(encoding, format, delimiter);
    rows.push(&head[..head.len().min(MAX_ROW)], is_whole);
    let mut contents = Vec::new();
    while contents.len() < ROWS
        && let Next::Row(row) = rows.read()
    {
        contents.extend(row.content.ok());
    }
    contents
}

/// How well rows fit together: many of the same width, and that more than one.
fn score(contents: &[Content]) -> usize {
    let widths: Vec<usize> = contents.iter().map(|content| cells_of(content).len()).collect();
    let first = widths.first().copied().unwrap_or(0);
    let same = widths.iter().filter(|width| **width == first).count();
    if first < 2 { same.min(1) } else { same * 1_000 / widths.len().max(1) * 100 + first.min(99) }
}

fn cells_of(content: &Content) -> &[String] {
    match content {
        Content::Cells(cells) => cells,
        Content::Members(_) => &[],
    }
}

fn columns_of_cells(contents: &[Content], header: Option<bool>) -> Result<(bool, Vec<Column>), FieldError> {
    let Some(first) = contents.first().map(cells_of) else { return Ok((true, Vec::new())) };
    let header = header.unwrap_or_else(|| !first.iter().any(|cell| looks_like_data(cell)));
    if first.len() > MAX_COLUMNS {
        return Err(fault("too_many_columns", format!("has more than {MAX_COLUMNS} columns")));
    }
    let columns = first.iter().enumerate().map(|(at, cell)| {
        let name = if header && !cell.trim().is_empty() { cell.trim().to_owned() } else { format!("{}", at + 1) };
        let values = contents.iter().skip(usize::from(header)).filter_map(|content| cells_of(content).get(at));
        Column { name: shown(&name), samples: samples(values.map(String::as_str)), field: None, match_by: None }
    });
    Ok((header, columns.collect()))
}

fn columns_of_members(contents: &[Content]) -> Vec<Column> {
    let mut columns: Vec<Column> = Vec::new();
    for content in contents {
        let Content::Members(members) = content else { continue };
        for (name, value) in members {
            let text = match value {
                Json::String(text) => text.clone(),
                other => other.to_string(),
            };
            let at = columns.iter().position(|column| column.name == *name).unwrap_or(columns.len());
            if at == columns.len() {
                if at > MAX_COLUMNS {
                    return columns;
                }
                let name = name.replace('\0', "\u{2400}");
                columns.push(Column { name, samples: Vec::new(), field: None, match_by: None });
            }
            if columns[at].samples.len() < SAMPLES {
                columns[at].samples.extend(samples([text.as_str()]));
            }
        }
    }
    columns
}

fn samples<'a>(values: impl IntoIterator<Item = &'a str>) -> Vec<String> {
    values.into_iter().map(str::trim).filter(|value| !value.is_empty()).take(SAMPLES).map(shown).collect()
}

fn shown(text: &str) -> String {
    text.chars().map(|c| if c == '\0' { '\u{2400}' } else { c }).take(SAMPLE).collect()
}

/// Whether a cell of the first row is a value, so that the row is no header.
fn looks_like_data(cell: &str) -> bool {
    let cell = cell.trim();
    cell.contains('@')
        || cell.starts_with("http://")
        || cell.starts_with("https://")
        || (cell.starts_with(|c: char| c.is_ascii_digit() || c == '+' || c == '-')
            && cell.chars().filter(char::is_ascii_digit).count() * 2 >= cell.chars().count())
}
