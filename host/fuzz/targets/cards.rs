//! vCards of any version: reading ends, gives text only, and does not depend on how the bytes are cut.
#![no_main]

use encoding_rs::UTF_8;
use guildhall_fuzz::domain::import::rows::{Next, Rows};
use guildhall_fuzz::domain::import::{Content, Format, Row};
use libfuzzer_sys::fuzz_target;

const MEMBERS: [&str; 10] =
    ["name", "email", "phone", "company", "title", "url", "city", "birthday", "note", "external_id"];

fuzz_target!(|input: (u8, &[u8])| {
    let (piece, bytes) = input;
    let whole = read(bytes, usize::MAX);
    assert_eq!(format!("{whole:?}"), format!("{:?}", read(bytes, usize::from(piece) + 1)));
    for row in whole {
        match row.content {
            Ok(Content::Members(members)) => {
                assert!(members.iter().all(|(name, value)| MEMBERS.contains(&name.as_str()) && value.is_string()));
            }
            Ok(Content::Cells(cells)) => panic!("a card of cells: {cells:?}"),
            Err(_) => {}
        }
    }
});

fn read(bytes: &[u8], piece: usize) -> Vec<Row> {
    let mut rows = Rows::new(UTF_8, Format::Vcard, ',');
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
    }
}
