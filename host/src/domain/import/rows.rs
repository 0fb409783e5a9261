//! Rows out of the bytes of a file, as they come. Never holds more than one
//! row of the largest size and the bytes that were pushed last.

use encoding_rs::Encoding;
use serde_json::{Map, Value as Json};

use super::text::Text;
use super::{Content, Format, MAX_ROW, Row, card, csv};
use crate::domain::invalid::FieldError;

/// Letters of a row that cannot be read that are kept for its account.
const EXCERPT: usize = 500;

/// Reads rows.
pub struct Rows {
    text: Text,
    format: Format,
    delimiter: char,
    /// Cells of every row; none as long as any number will do.
    width: Option<usize>,
    has_ended: bool,
    /// Inside a row that is too long, of which the rest is passed over.
    skips: bool,
    number: i64,
}

/// What comes next.
#[derive(Debug)]
pub enum Next {
    /// A row.
    Row(Row),
    /// Nothing before more bytes are pushed.
    More,
    /// Nothing: the file has ended.
    End,
}

impl Rows {
    /// Reads a file of this form.
    pub fn new(encoding: &'static Encoding, format: Format, delimiter: char) -> Self {
        let text = Text::new(encoding);
        Self { text, format, delimiter, width: None, has_ended: false, skips: false, number: 0 }
    }

    /// Takes further bytes; with `is_last`, the end of the file.
    pub fn push(&mut self, bytes: &[u8], is_last: bool) {
        self.text.push(bytes, is_last);
        self.has_ended = is_last;
    }

    /// From here on every row has so many cells, and rows are counted from 1.
    pub fn start(&mut self, width: Option<usize>) {
        self.width = width;
        self.number = 0;
    }

    /// The next row.
    pub fn next(&mut self) -> Next {
        if self.skips && !self.skip() {
            return if self.has_ended { Next::End } else { Next::More };
        }
        self.skip_blank();
        let rest = self.text.rest();
        if rest.is_empty() {
            return if self.has_ended { Next::End } else { Next::More };
        }
        let found = match self.format {
            Format::Csv => self.csv(),
            Format::JsonLines => line(rest, self.has_ended).map(|end| (json(&rest[..end]), end)),
            Format::Vcard => card::end(rest).map(|end| (card::read(&rest[..end]), end)),
        };
        match found {
            Some((content, length)) if length <= MAX_ROW => Next::Row(self.row(content, length)),
            None if !self.has_ended && rest.len() <= MAX_ROW => Next::More,
            Some(_) => self.too_long(),
            None if rest.len() > MAX_ROW => self.too_long(),
            None => {
                let (length, fault) =
                    (rest.len(), fault("unclosed_card", "begins with BEGIN:VCARD and has no END:VCARD"));
                Next::Row(self.row(Err(fault), length))
            }
        }
    }

    /// A record of CSV. A quote without an end costs its own line only.
    fn csv(&self) -> Option<(Result<Content, FieldError>, usize)> {
        let rest = self.text.rest();
        match csv::record(rest, self.delimiter, self.has_ended) {
            csv::Parsed::Record(cells, length) if length <= MAX_ROW => Some((self.sized(cells), length)),
            csv::Parsed::Incomplete if rest.len() <= MAX_ROW => None,
            csv::Parsed::Broken | csv::Parsed::Incomplete | csv::Parsed::Record(..) => {
                let end = line(rest, self.has_ended)?;
                let fault = fault("broken_quotes", "has a quote that is not closed, or text behind a closed one");
                Some((Err(fault), end))
            }
        }
    }

    fn sized(&self, mut cells: Vec<String>) -> Result<Content, FieldError> {
        let Some(width) = self.width else { return Ok(Content::Cells(cells)) };
        while cells.len() > width && cells.last().is_some_and(String::is_empty) {
            cells.pop();
        }
        if cells.len() == width {
            return Ok(Content::Cells(cells));
        }
        Err(fault("wrong_cell_count", format!("has {} cells instead of {width}", cells.len())))
    }

    fn row(&mut self, mut content: Result<Content, FieldError>, length: usize) -> Row {
        let original = match &content {
            Ok(Content::Cells(cells)) => Json::from(cells.clone()),
            Ok(Content::Members(members)) => Json::Object(members.clone()),
            Err(_) => Json::from(excerpt(&self.text.rest()[..length])),
        };
        if self.text.consume(length) && content.is_ok() {
            content = Err(fault("invalid_encoding", "holds bytes that are not of the file's encoding"));
        }
        self.number += 1;
        Row { number: self.number, length, content, original }
    }

    /// The row is longer than it may be: it is refused now, and passed over as it comes in.
    fn too_long(&mut self) -> Next {
        self.skips = true;
        let fault = fault("row_too_long", format!("is longer than {MAX_ROW} bytes"));
        let original = Json::from(excerpt(self.text.rest()));
        self.number += 1;
        Next::Row(Row { number: self.number, length: MAX_ROW, content: Err(fault), original })
    }

    /// Passes over the rest of a row; false as long as its end is not there.
    fn skip(&mut self) -> bool {
        let rest = self.text.rest();
        let (end, kept) = match self.format {
            Format::Csv | Format::JsonLines => (line(rest, false), 0),
            // What follows is the next card; its first letters may be there already.
            Format::Vcard => (card::next(rest), card::BEGIN.len() + 2),
        };
        self.skips = end.is_none();
        let mut length =
            end.unwrap_or_else(|| if self.has_ended { rest.len() } else { rest.len().saturating_sub(kept) });
        while !rest.is_char_boundary(length) {
            length -= 1;
        }
        self.text.consume(length);
        !self.skips
    }

    fn skip_blank(&mut self) {
        let rest = self.text.rest();
        let blank = match self.format {
            Format::Csv => rest.len() - rest.trim_start_matches(['\n', '\r']).len(),
            Format::JsonLines | Format::Vcard => rest.len() - rest.trim_start().len(),
        };
        self.text.consume(blank);
    }
}

/// The length of the first line with its end.
fn line(text: &str, is_last: bool) -> Option<usize> {
    text.find('\n').map(|at| at + 1).or_else(|| is_last.then_some(text.len()))
}

fn json(line: &str) -> Result<Content, FieldError> {
    match serde_json::from_str::<Json>(line) {
        Ok(Json::Object(members)) => Ok(Content::Members(members)),
        Ok(_) => Err(fault("not_an_object", "is JSON, but not an object")),
        Err(error) => Err(fault("malformed_json", format!("is not JSON: {error}"))),
    }
}

/// Members of a card as they would stand in a row.
pub(super) fn members(pairs: Vec<(&str, String)>) -> Map<String, Json> {
    pairs.into_iter().map(|(name, text)| (name.to_owned(), Json::from(text))).collect()
}

pub(super) fn fault(code: &'static str, message: impl Into<String>) -> FieldError {
    FieldError::new("", code, message)
}

fn excerpt(text: &str) -> String {
    text.trim_end_matches(['\n', '\r']).chars().take(EXCERPT).collect()
}
