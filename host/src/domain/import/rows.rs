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
    pub fn read(&mut self) -> Next {
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
            Format::Vcard => card::end(rest, self.has_ended).map(|end| (card::read(&rest[..end]), end)),
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
                let fault = fault("broken_quotes", "has a quote that is not closed or has text behind it");
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

#[cfg(test)]
mod tests {
    use encoding_rs::{GB18030, UTF_8, UTF_16LE};
    use rand::RngExt;

    use super::super::detect::{Hints, detect};
    use super::*;

    /// All rows of a file that comes in pieces of these lengths.
    fn read(
        bytes: &[u8],
        encoding: &'static Encoding,
        format: Format,
        mut piece: impl FnMut() -> usize,
    ) -> Vec<String> {
        let mut rows = Rows::new(encoding, format, ',');
        let mut all = Vec::new();
        let mut rest = bytes;
        loop {
            match rows.read() {
                Next::Row(row) => {
                    let content = row.content.map_err(|fault| fault.code);
                    all.push(format!("{} {content:?}", row.number));
                }
                Next::More => {
                    let (now, later) = rest.split_at(piece().clamp(1, rest.len().max(1)).min(rest.len()));
                    rest = later;
                    rows.push(now, rest.is_empty());
                }
                Next::End => return all,
            }
        }
    }

    /// The bounded run that stands for a fuzzer: whatever comes, reading ends,
    /// and how the bytes are cut makes no difference.
    #[test]
    fn any_bytes_in_any_pieces() {
        let words: [&[u8]; 16] = [
            b"a",
            b",",
            b";",
            b"\"",
            b"\"\"",
            b"\n",
            b"\r\n",
            b"\r",
            b"\0",
            "\u{e4}".as_bytes(),
            b"\xff",
            b"\xef\xbb\xbf",
            b"BEGIN:VCARD\n",
            b"END:VCARD\n",
            b"FN;ENCODING=QUOTED-PRINTABLE:=E5=\n",
            b"{\"a\":1}\n",
        ];
        let mut rng = rand::rng();
        for _ in 0..3_000 {
            let length = rng.random_range(0..40);
            let bytes: Vec<u8> = (0..length).flat_map(|_| words[rng.random_range(0..words.len())].to_vec()).collect();
            for format in [Format::Csv, Format::JsonLines, Format::Vcard] {
                let _ = detect(&bytes, true, format, &Hints::default());
                for encoding in [UTF_8, UTF_16LE, GB18030] {
                    let whole = read(&bytes, encoding, format, || usize::MAX);
                    let pieces = read(&bytes, encoding, format, || rng.random_range(1..6));
                    assert_eq!(whole, pieces, "{bytes:?} as {format:?} in {}", encoding.name());
                }
            }
        }
    }

    #[test]
    fn a_row_of_100_megabytes_is_never_held() {
        let mut rows = Rows::new(UTF_8, Format::Csv, ',');
        rows.push(b"a,b\n\"", false);
        let piece = vec![b'x'; 256 << 10];
        for at in 0..400 {
            while let Next::Row(row) = rows.read() {
                assert!(row.original.to_string().len() < 2 * EXCERPT);
            }
            rows.push(&piece, at == 399);
            assert!(rows.text.held() <= 4 * MAX_ROW, "{}", rows.text.held());
        }
    }

    #[test]
    fn a_long_row_costs_itself_only() {
        let long = "x".repeat(MAX_ROW * 3);
        for text in [format!("a,b\n\"{long}\nc,d\n"), format!("a,b\n{long}\nc,d\n")] {
            let rows = read(text.as_bytes(), UTF_8, Format::Csv, || 64 << 10);
            assert_eq!(rows.len(), 3, "{:?}", rows.iter().map(|row| &row[..30.min(row.len())]).collect::<Vec<_>>());
            assert!(rows[1].contains("row_too_long") && rows[2].contains("\"c\", \"d\""), "{}", rows[2]);
        }
    }
}
