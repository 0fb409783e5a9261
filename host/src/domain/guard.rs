//! Cells that a spreadsheet would take for a formula get an apostrophe in
//! front when they go out, and lose it when they come in again.

/// Characters that begin a formula, or make a spreadsheet look behind them;
/// the full-width ones are folded to these by some.
const STARTS: &[char] = &[
    '=', '+', '-', '@', '\u{ff1d}', '\u{ff0b}', '\u{ff0d}', '\u{ff20}', '\u{2212}', '\u{fe62}', '\u{fe63}', '\u{fe66}',
    '\u{fe6b}',
];

/// Puts an apostrophe in front of what would be a formula.
pub fn guard(text: &str) -> std::borrow::Cow<'_, str> {
    if is_risky(text) { format!("'{text}").into() } else { text.into() }
}

/// Takes the apostrophe away that [`guard`] put there.
pub fn unguard(text: &str) -> &str {
    match text.strip_prefix('\'') {
        Some(rest) if is_risky(rest) => rest,
        _ => text,
    }
}

/// Whether a spreadsheet might calculate it. A guarded text counts as well, so
/// that taking one apostrophe away always leads back to what was there.
fn is_risky(text: &str) -> bool {
    let mut rest = text.chars().skip_while(|c| *c == '\'').peekable();
    if rest.peek().is_some_and(|first| matches!(first, '\t' | '\r' | '\n' | '|' | '%')) {
        return true;
    }
    let first = rest.find(|c| !is_skipped(*c));
    first.is_some_and(|first| STARTS.contains(&first))
}

/// What spreadsheets, or those who paste into them, drop in front of a formula:
/// white space, control characters, byte order marks, characters without width, quotes.
fn is_skipped(c: char) -> bool {
    c.is_whitespace()
        || c.is_control()
        || matches!(c, '"' | '\''
            | '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{180b}'..='\u{180f}'
            | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{3164}'
            | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e0fff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What must not reach a spreadsheet as it is.
    const FORMULAS: &[&str] = &[
        "=1+1",
        "+1+1",
        "-1+1",
        "@SUM(1)",
        "\t=1",
        "\r=1",
        "\n=1",
        "=cmd|' /C calc'!A0",
        "=HYPERLINK(\"http://x\")",
        "＝1+1",
        "＋1",
        "－1",
        "＠SUM(1)",
        " =1",
        "  +1",
        "\u{a0}=1",
        "\u{3000}=1",
        "\u{feff}=1",
        "\u{200b}=1",
        "\u{200c}+1",
        "\u{200d}-1",
        "\u{2060}@x",
        "\u{0}=1",
        "\u{1}=1",
        "\u{1f}=1",
        "\u{7f}=1",
        "\u{85}=1",
        "\u{b}=1",
        "\u{c}=1",
        " \t\u{feff}\u{200b}=1",
        "\"=1",
        "\"\"=1",
        "'=1",
        "''=1",
        "\t",
        "\rx",
        "\nx",
        "\u{2212}1",
        "-2+3+cmd|' /C notepad'!A0",
        "@IMPORTXML(\"http://x\")",
        "+cmd|'/C calc'!A0",
        "=DDE(\"cmd\";\"/C calc\";\"x\")",
        "|cmd",
        "%0A=1",
        "\u{202e}=1",
        "\u{ad}=1",
    ];

    #[test]
    fn cve_2026_55154_espocrm() {
        assert!(FORMULAS.len() >= 40);
        for text in FORMULAS {
            let guarded = guard(text);
            assert!(guarded.starts_with('\''), "{text:?}");
            assert_eq!(unguard(&guarded), *text, "{text:?}");
        }
    }

    #[test]
    fn cve_2021_25960_suitecrm() {
        for text in ["", "Ann", "a=b", "ann@x.com", "1-2", "O'Neil", "'tis", "'", "''", "Grüße", "公司", "(=1)", "5 %"]
        {
            assert_eq!(guard(text), text);
            assert_eq!(unguard(text), text);
        }
    }

    #[test]
    fn going_out_and_coming_in_is_the_same_for_every_text() {
        use rand::RngExt;
        let alphabet = ['\'', '=', ' ', '\u{feff}', 'a', '"', '\t', '-', '＝'];
        let mut rng = rand::rng();
        for _ in 0..20_000 {
            let length = rng.random_range(0..6);
            let text: String = (0..length).map(|_| alphabet[rng.random_range(0..alphabet.len())]).collect();
            assert_eq!(unguard(&guard(&text)), text);
        }
    }
}
