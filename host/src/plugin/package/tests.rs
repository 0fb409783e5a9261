//! What is written is read, and every byte that is changed is noticed.

use serde_json::json;

use super::*;

fn layout() -> Layout {
    let mut layout = Layout::of(b"\0asm the component", &json!({"id": "acme.thing"}), &Showcase::default());
    layout.sign("a signature");
    layout
}

#[test]
fn a_package_is_read_as_it_was_written() {
    let layout = layout();
    let package = unpack(&layout.tar().unwrap()).unwrap();
    assert_eq!(package.component, b"\0asm the component");
    assert_eq!(package.digest, layout.digest());
    assert_eq!(package.config, Some(json!({"id": "acme.thing"})));
    assert_eq!(package.signatures, ["a signature"]);
    assert_eq!(layout.tar().unwrap(), self::layout().tar().unwrap());
}

#[test]
fn a_package_that_ends_early_is_refused() {
    let tar = layout().tar().unwrap();
    // The last thousand bytes and the filling before them say nothing.
    let used = tar.iter().rposition(|byte| *byte != 0).unwrap() + 1;
    for length in (0..used).step_by(7) {
        assert!(unpack(&tar[..length]).is_err(), "{length}");
    }
}
