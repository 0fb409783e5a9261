//! One record of CSV (RFC 4180) at the start of a text.
//!
//! A reader of our own, because it has to look back: a quote that is never
//! closed costs its own line, not the rest of the file.

/// What stands at the start of a text.
#[derive(Debug, PartialEq, Eq)]
pub enum Parsed {
    /// A record, and its length with the end of its line.
    Record(Vec<String>, usize),
    /// A record that breaks the rules of quoting.
    Broken,
    /// The beginning of a record.
    Incomplete,
}

/// Reads a record; with `is_last`, nothing comes behind the text.
pub fn record(text: &str, delimiter: char, is_last: bool) -> Parsed {
    let mut cells = Vec::new();
    let mut rest = text;
    loop {
        let (cell, behind) = match cell(rest, delimiter) {
            Ok(found) => found,
            Err(parsed) => return if is_last && parsed == Parsed::Incomplete { Parsed::Broken } else { parsed },
        };
        cells.push(cell);
        let Some(next) = behind.chars().next() else {
            return if is_last { Parsed::Record(cells, text.len()) } else { Parsed::Incomplete };
        };
        if next == delimiter {
            rest = &behind[delimiter.len_utf8()..];
            continue;
        }
        // A carriage return alone may be the first half of a line's end.
        if behind == "\r" && !is_last {
            return Parsed::Incomplete;
        }
        let end = if behind.starts_with("\r\n") { 2 } else { 1 };
        return Parsed::Record(cells, text.len() - behind.len() + end);
    }
}

/// One cell, and what follows it: a delimiter, the end of a line, or nothing.
fn cell(text: &str, delimiter: char) -> Result<(String, &str), Parsed> {
    let Some(mut rest) = text.strip_prefix('"') else {
        let end = text.find([delimiter, '\n', '\r']).unwrap_or(text.len());
        return Ok((text[..end].to_owned(), &text[end..]));
    };
    let mut cell = String::new();
    loop {
        let Some(at) = rest.find('"') else { return Err(Parsed::Incomplete) };
        cell.push_str(&rest[..at]);
        rest = &rest[at + 1..];
        match rest.chars().next() {
            Some('"') => {
                cell.push('"');
                rest = &rest[1..];
            }
            None | Some('\n' | '\r') => return Ok((cell, rest)),
            Some(next) if next == delimiter => return Ok((cell, rest)),
            Some(_) => return Err(Parsed::Broken),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cells(text: &str) -> Option<(Vec<String>, usize)> {
        match record(text, ',', true) {
            Parsed::Record(cells, length) => Some((cells, length)),
            _ => None,
        }
    }

    #[test]
    fn records_as_the_rfc_has_them() {
        let of = |cells: &[&str], length| Some((cells.iter().map(|cell| (*cell).to_owned()).collect(), length));
        assert_eq!(cells("a,b\nc"), of(&["a", "b"], 4));
        assert_eq!(cells("a,b\r\nc"), of(&["a", "b"], 5));
        assert_eq!(cells("a,b\rc"), of(&["a", "b"], 4));
        assert_eq!(cells("a,"), of(&["a", ""], 2));
        assert_eq!(cells("\"a,\"\"b\"\"\n\",c"), of(&["a,\"b\"\n", "c"], 12));
        assert_eq!(cells("5\" pipe,x"), of(&["5\" pipe", "x"], 9));
    }

    #[test]
    fn broken_quotes() {
        assert_eq!(record("\"a\"b,c\n", ',', false), Parsed::Broken);
        assert_eq!(record("\"a,b\nc,d\n", ',', false), Parsed::Incomplete);
        assert_eq!(record("\"a,b\nc,d\n", ',', true), Parsed::Broken);
        assert_eq!(record("a,b", ',', false), Parsed::Incomplete);
        assert_eq!(record("a,b\r", ',', false), Parsed::Incomplete);
    }
}
