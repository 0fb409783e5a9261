//! The words of a telephone number.

/// Country codes of two digits (ITU-T E.164); 1 and 7 have one, all others three.
const TWO_DIGITS: &[&str] = &[
    "20", "27", "30", "31", "32", "33", "34", "36", "39", "40", "41", "43", "44", "45", "46", "47", "48", "49", "51",
    "52", "53", "54", "55", "56", "57", "58", "60", "61", "62", "63", "64", "65", "66", "81", "82", "84", "86", "90",
    "91", "92", "93", "94", "95", "98",
];

/// The number as it is, its national part, and its digits from the end.
pub fn words(number: &str) -> Vec<String> {
    let digits: String = number.chars().filter(char::is_ascii_digit).collect();
    if digits.is_empty() {
        return Vec::new();
    }
    let code = match digits.as_bytes()[0] {
        b'1' | b'7' => 1,
        _ if digits.get(..2).is_some_and(|two| TWO_DIGITS.contains(&two)) => 2,
        _ => 3,
    };
    let national = digits.get(code..).unwrap_or_default();
    vec![format!("+{digits}"), format!("={national}"), reversed(&digits)]
}

/// The word by which a number is found from its end.
pub fn reversed(digits: &str) -> String {
    std::iter::once('~').chain(digits.chars().rev()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_has_three_words() {
        assert_eq!(words("+49301234"), ["+49301234", "=301234", "~43210394"]);
        assert_eq!(words("+12125550100")[1], "=2125550100");
        assert_eq!(words("+35312345")[1], "=12345");
    }
}
