//! Autonumbers: how they are written.

use super::FieldDef;

/// Most digits.
const MAX_DIGITS: usize = 18;
/// Longest text before and after the number.
const MAX_TEXT: usize = 20;

/// `T-{00000}`: text, the number with at least so many digits, text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NumberFormat {
    before: String,
    digits: usize,
    after: String,
}

impl NumberFormat {
    /// From the definition of a field; `{0}` when it names none.
    pub fn check(def: &FieldDef) -> Result<Self, String> {
        let text = def.format.as_deref().unwrap_or("{0}");
        let parts = text.split_once('{').and_then(|(before, rest)| {
            let (digits, after) = rest.split_once('}')?;
            Some((before, digits, after))
        });
        parts
            .filter(|(before, digits, after)| {
                let is_plain = |text: &str| text.len() <= MAX_TEXT && !text.contains(['{', '}', '\n', '\0']);
                let is_count = (1..=MAX_DIGITS).contains(&digits.len()) && digits.bytes().all(|digit| digit == b'0');
                is_count && is_plain(before) && is_plain(after)
            })
            .map(|(before, digits, after)| Self {
                before: before.to_owned(),
                digits: digits.len(),
                after: after.to_owned(),
            })
            .ok_or_else(|| format!("field `{}`: `format` is like `T-{{00000}}`", def.name))
    }

    /// A number as it is written.
    pub fn write(&self, number: i64) -> String {
        format!("{}{number:0width$}{}", self.before, self.after, width = self.digits)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(format: &str) -> Result<NumberFormat, String> {
        NumberFormat::check(&FieldDef { format: Some(format.to_owned()), ..FieldDef::default() })
    }

    #[test]
    fn numbers_are_padded_and_never_cut() {
        assert_eq!(check("T-{000}").unwrap().write(7), "T-007");
        assert_eq!(check("{0}/A").unwrap().write(1234), "1234/A");
        for wrong in ["", "T", "{}", "{1}", "{0", "0}", "{0}{0}", "{0000000000000000000}"] {
            assert!(check(wrong).is_err(), "{wrong}");
        }
    }
}
