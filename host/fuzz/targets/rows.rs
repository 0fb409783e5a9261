//! Files of rows: reading ends, how the bytes are cut makes no difference, and what was
//! read can be written as CSV and read again.
#![no_main]

use encoding_rs::{Encoding, GB18030, UTF_8, UTF_16BE, UTF_16LE, WINDOWS_1252};
use guildhall_fuzz::domain::guard::{guard, unguard};
use guildhall_fuzz::domain::import::cell;
use guildhall_fuzz::domain::import::detect::{Hints, detect};
use guildhall_fuzz::domain::import::propose::propose;
use guildhall_fuzz::domain::import::rows::{Next, Rows};
use guildhall_fuzz::domain::import::{Content, Dates, Decimal, Format, Options, Row};
use guildhall_fuzz::world::{SCHEMA, object};
use libfuzzer_sys::fuzz_target;

const ENCODINGS: [&Encoding; 5] = [UTF_8, UTF_16LE, UTF_16BE, GB18030, WINDOWS_1252];

fuzz_target!(|input: (u8, u8, u8, &[u8])| {
    let (way, piece, chosen, bytes) = input;
    let format = if way & 1 == 0 { Format::Csv } else { Format::JsonLines };
    let encoding = ENCODINGS[usize::from(way >> 1) % ENCODINGS.len()];
    let delimiter = [',', ';', '\t', '|'][usize::from(way >> 4) % 4];
    let width = (way >> 6 > 0).then_some(usize::from(way >> 6));

    let whole = read(bytes, encoding, format, delimiter, width, usize::MAX);
    let pieces = read(bytes, encoding, format, delimiter, width, usize::from(piece) + 1);
    assert_eq!(format!("{whole:?}"), format!("{pieces:?}"));
    for (at, row) in whole.iter().enumerate() {
        assert_eq!(row.number, i64::try_from(at).unwrap_or(0) + 1);
        if let (Some(width), Ok(Content::Cells(cells))) = (width, &row.content) {
            assert_eq!(cells.len(), width);
        }
        if let Ok(Content::Cells(cells)) = &row.content {
            write_and_read(cells, delimiter);
            try_cells(cells, chosen);
        }
    }
    if let Ok(mut found) = detect(bytes, true, format, &Hints::default()) {
        let object = object(chosen);
        propose(&SCHEMA, object, &mut found.columns);
        let mut fields: Vec<_> = found.columns.iter().filter_map(|column| column.field.as_ref()).collect();
        assert!(fields.iter().all(|field| object.position(field).is_some()));
        let all = fields.len();
        fields.sort_unstable();
        fields.dedup();
        assert_eq!(fields.len(), all, "a field goes to one column");
    }
});

fn read(
    bytes: &[u8],
    encoding: &'static Encoding,
    format: Format,
    delimiter: char,
    width: Option<usize>,
    piece: usize,
) -> Vec<Row> {
    let mut rows = Rows::new(encoding, format, delimiter);
    rows.start(width);
    let (mut all, mut rest) = (Vec::new(), bytes);
    loop {
        match rows.read() {
            Next::Row(row) => all.push(row),
            Next::More => {
                let (now, later) = rest.split_at(piece.min(rest.len()));
                rest = later;
                rows.push(now, rest.is_empty());
            }
            Next::End => return all,
        }
        assert!(all.len() <= bytes.len() * 3, "more rows than letters");
    }
}

/// What stands in cells survives being written with quotes.
fn write_and_read(cells: &[String], delimiter: char) {
    let quoted = cells.iter().map(|cell| format!("\"{}\"", cell.replace('"', "\"\"")));
    let line = quoted.collect::<Vec<_>>().join(&delimiter.to_string()) + "\r\n";
    let mut rows = Rows::new(UTF_8, Format::Csv, delimiter);
    rows.push(line.as_bytes(), true);
    let Next::Row(row) = rows.read() else { panic!("{line:?} holds no row") };
    let Ok(Content::Cells(again)) = row.content else { panic!("{line:?} is read as {row:?}") };
    assert_eq!(again, cells);
}

/// Cells become values of every field, or faults of it; guarding them can be undone.
fn try_cells(cells: &[String], chosen: u8) {
    let options = Options {
        decimal: if chosen & 1 == 0 { Decimal::Point } else { Decimal::Comma },
        dates: [Dates::Ymd, Dates::Dmy, Dates::Mdy][usize::from(chosen) % 3],
        country_code: (chosen & 2 == 0).then(|| "+49".to_owned()),
        currency: (chosen & 4 == 0).then(|| "EUR".to_owned()),
        ..Options::default()
    };
    for text in cells.iter().take(20) {
        let guarded = guard(text);
        assert_eq!(unguard(&guarded), text);
        let shown = guarded.trim_start();
        assert!(!shown.starts_with(['=', '+', '-', '@']), "{guarded:?}");
        for field in &SCHEMA.object("every").expect("it is there").fields {
            let _ = field.kind.parse(&cell::value(field, text, &options));
        }
    }
}
