//! Looking for text inside of texts, the same on both engines and in memory.
//!
//! Where case is ignored, it is that of the letters A to Z: the engines do not
//! agree about others. Full-text search folds all letters.

/// How a text is looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TextTest {
    /// Where.
    pub place: TextPlace,
    /// Whether `a` is `A`.
    pub ignores_case: bool,
}

/// Where in a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TextPlace {
    /// Anywhere.
    Inside,
    /// At its start.
    Start,
    /// At its end.
    End,
}

impl TextTest {
    /// The test of that operator, and whether it has to fail.
    pub fn find(operator: &str) -> Option<(Self, bool)> {
        let rest = operator.strip_prefix('_')?;
        let (rest, negated) = match rest.strip_prefix('n') {
            Some(rest) => (rest, true),
            None => (rest, false),
        };
        let (rest, ignores_case) = match rest.strip_prefix('i') {
            Some(rest) => (rest, true),
            None => (rest, false),
        };
        let place = match rest {
            "contains" => TextPlace::Inside,
            "starts_with" => TextPlace::Start,
            "ends_with" => TextPlace::End,
            _ => return None,
        };
        Some((Self { place, ignores_case }, negated))
    }

    /// Whether a text has it.
    pub fn holds(self, own: &str, text: &str) -> bool {
        let folded;
        let (own, text) = if self.ignores_case {
            folded = (own.to_ascii_lowercase(), text.to_ascii_lowercase());
            (folded.0.as_str(), folded.1.as_str())
        } else {
            (own, text)
        };
        match self.place {
            TextPlace::Inside => own.contains(text),
            TextPlace::Start => own.starts_with(text),
            TextPlace::End => own.ends_with(text),
        }
    }
}

/// The first text behind all texts that begin with this one; none when there is no such text.
pub fn after_prefix(prefix: &str) -> Option<String> {
    let mut rest = prefix.to_owned();
    while let Some(last) = rest.pop() {
        let next = match last {
            '\u{d7ff}' => Some('\u{e000}'),
            char::MAX => None,
            last => char::from_u32(u32::from(last) + 1),
        };
        if let Some(next) = next {
            rest.push(next);
            return Some(rest);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_begins_so_is_a_range() {
        assert_eq!(after_prefix("ab").unwrap(), "ac");
        assert_eq!(after_prefix("a\u{d7ff}").unwrap(), "a\u{e000}");
        assert_eq!(after_prefix("a\u{10ffff}").unwrap(), "b");
        assert_eq!(after_prefix("\u{10ffff}"), None);
        assert_eq!(after_prefix(""), None);
    }
}
