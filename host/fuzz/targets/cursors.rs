//! Cursors: what the host sealed opens for its list alone, and nothing else opens at all.
#![no_main]

use guildhall_fuzz::domain::clock::Timestamp;
use guildhall_fuzz::domain::cursor::{CursorKey, Place};
use guildhall_fuzz::domain::id::TenantId;
use guildhall_fuzz::domain::position::Position;
use guildhall_fuzz::domain::query::{parse_sort, read_place};
use guildhall_fuzz::world::object;
use libfuzzer_sys::fuzz_target;
use serde_json::Value as Json;
use uuid::Uuid;

fuzz_target!(|input: (i64, u16, u8, u8, &str)| {
    let (micros, cut, bit, chosen, text) = input;
    let mut lines = text.splitn(5, '\n');
    let [list, other, forged, sort, values] = [(); 5].map(|()| lines.next().unwrap_or_default());
    let key = CursorKey::new([5; 32]);
    let (ours, theirs) = (TenantId(Uuid::from_u128(1)), TenantId(Uuid::from_u128(2)));
    let values: Vec<Json> = match serde_json::from_str(values) {
        // Places hold what fields are sorted by: text and whole numbers, and never a float.
        Ok(Json::Array(values))
            if values.iter().all(|value| !value.is_f64() && !value.is_array() && !value.is_object()) =>
        {
            values
        }
        _ => vec![Json::from(values)],
    };
    let place = Place { moment: Timestamp::from_micros(micros), values };
    let sealed = key.seal(ours, list, &place);
    assert_eq!(key.open(ours, list, &sealed).as_ref(), Some(&place));

    // Not for others, not for another list, not under another key.
    assert_eq!(key.open(theirs, list, &sealed), None);
    assert_eq!(CursorKey::new([6; 32]).open(ours, list, &sealed), None);
    if other != list {
        assert_eq!(key.open(ours, other, &sealed), None);
    }
    assert_eq!(Position::open(&key, ours, &sealed), None);

    // Not with anything changed, cut off or put behind.
    let mut bytes = sealed.clone().into_bytes();
    let at = usize::from(cut) % bytes.len();
    bytes[at] ^= 1 << (bit % 7);
    if let Ok(changed) = String::from_utf8(bytes) {
        assert_eq!(key.open(ours, list, &changed), None, "{changed}");
    }
    assert_eq!(key.open(ours, list, &sealed[..at]), None);
    assert_eq!(key.open(ours, list, &format!("{sealed}{}", char::from(b'A' + bit % 26))), None);

    // Not made up: what opens is what the host itself would seal, to the letter. The fuzzer reads along
    // and hands back what was sealed for another place of this list, which rightly opens.
    if let Some(opened) = key.open(ours, list, forged) {
        assert_eq!(key.seal(ours, list, &opened), forged);
    }
    assert_eq!(key.open(theirs, list, forged), None);
    assert_eq!(CursorKey::new([6; 32]).open(ours, list, forged), None);
    assert_eq!(Position::open(&key, ours, forged), None);
    let object = object(chosen);
    if let Ok(sort) = parse_sort(object, sort.split(',')) {
        let read = read_place(object, &sort, &place.values);
        assert!(read.is_none_or(|values| values.len() == sort.len() + 1));
    }
});
