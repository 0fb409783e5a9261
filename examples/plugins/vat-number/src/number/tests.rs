//! VAT numbers that are in use or published as examples, and what each small mistake makes of them.

use super::*;

const VALID: [&str; 14] = [
    "ATU13585627",
    "ATU66664013",
    "BE0428759497",
    "BE0403019261",
    "DE136695976",
    "DE129273398",
    "FR40303265045",
    "FR23334175221",
    "FRK7399859412",
    "FR4Z123456782",
    "IT00743110157",
    "NL004495445B01",
    "NL123456789B13",
    "NL002455799B11",
];

#[test]
fn numbers_in_use_pass_in_every_form_that_people_write() {
    for number in VALID {
        assert_eq!(normalise(number).as_deref(), Ok(number));
        let spaced: String = number.to_lowercase().chars().flat_map(|letter| [letter, ' ']).collect();
        assert_eq!(normalise(&spaced).as_deref(), Ok(number), "{spaced}");
    }
    assert_eq!(normalise("BE 428.759.497").as_deref(), Ok("BE0428759497"));
}

#[test]
fn a_wrong_digit_or_two_that_changed_places_are_found() {
    for number in VALID.iter().filter(|number| !number.starts_with("NL")) {
        let last = number.len() - 1;
        let wrong = (number.as_bytes()[last] - b'0' + 1) % 10;
        let changed = format!("{}{wrong}", &number[..last]);
        assert_eq!(normalise(&changed), Err(Invalid::CheckDigit), "{changed}");
    }
    for number in ["NL004495454B01", "NL123456789B14", "NL000000000B00", "IT00743119997", "DE163695976"] {
        assert_eq!(normalise(number), Err(Invalid::CheckDigit), "{number}");
    }
}

#[test]
fn another_form_is_told_with_an_example() {
    for number in [
        "AT13585627",
        "ATU1358562",
        "BE2428759497",
        "BE42875949",
        "DE036695976",
        "DE13669597",
        "DE13669597X",
        "FR4030326504",
        "FRIO303265045",
        "FR4é303265045",
        "IT0074311015",
        "NL004495445C01",
        "NL04495445B01",
        "NL004495445B1",
    ] {
        assert!(matches!(normalise(number), Err(Invalid::Form(_))), "{number}: {:?}", normalise(number));
    }
    for (number, prefix) in [("PL8567346215", "PL"), ("", ""), ("D", "D"), ("123", "12")] {
        assert_eq!(normalise(number), Err(Invalid::Country(prefix.to_owned())));
    }
}
