//! Patterns for the types of events: `contact.created`, `contact.*`, `*.deleted`.

use super::invalid::Unfit;

/// Longest pattern.
const MAX_LENGTH: usize = 100;
/// Most stars in one pattern: more say nothing further, and cost.
const MAX_STARS: usize = 3;
/// Most patterns of one filter.
pub const MAX_PATTERNS: usize = 50;

/// A pattern: `*` stands for any run of characters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TypePattern(String);

impl TypePattern {
    /// Reads a pattern.
    pub fn parse(text: &str) -> Result<Self, Unfit> {
        let is_known = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'_' | b'-' | b'.' | b'*');
        let stars = text.bytes().filter(|b| *b == b'*').count();
        if text.is_empty() || text.len() > MAX_LENGTH || stars > MAX_STARS || !text.bytes().all(is_known) {
            return Err(Unfit::wrong_type(&format!(
                "a type of event such as `contact.created` or `contact.*`, with at most {MAX_STARS} `*` and \
                 {MAX_LENGTH} characters"
            )));
        }
        Ok(Self(text.to_owned()))
    }

    /// The pattern as it was written.
    pub fn text(&self) -> &str {
        &self.0
    }

    /// Whether a type fits.
    pub fn matches(&self, event_type: &str) -> bool {
        fits(self.0.as_bytes(), event_type.as_bytes())
    }
}

fn fits(pattern: &[u8], text: &[u8]) -> bool {
    match pattern.split_first() {
        None => text.is_empty(),
        Some((b'*', rest)) => (0..=text.len()).any(|at| fits(rest, &text[at..])),
        Some((first, rest)) => text.split_first().is_some_and(|(head, tail)| head == first && fits(rest, tail)),
    }
}

/// Whether a module with this namespace and id may call an event so; when not, why.
///
/// At least three parts, so that none is taken for an event of a record of the host's own objects.
pub fn is_own_type(text: &str, namespace: &str, id: &str) -> Result<(), &'static str> {
    let is_part = |part: &str| {
        !part.is_empty()
            && part.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'_' | b'-'))
    };
    if text.len() > MAX_LENGTH || text.split('.').count() < 3 || !text.split('.').all(is_part) {
        return Err("has three parts or more, of lower case letters, digits, `_` and `-`, with dots between");
    }
    let begins = |with: &str| text.strip_prefix(with).is_some_and(|rest| rest.starts_with('.'));
    if begins(namespace) || begins(id) { Ok(()) } else { Err("begins with the namespace or the id of the plugin") }
}

/// Whether a type fits one of the patterns; no pattern at all lets everything in.
pub fn any_matches(patterns: &[TypePattern], event_type: &str) -> bool {
    patterns.is_empty() || patterns.iter().any(|pattern| pattern.matches(event_type))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_stands_for_any_run() {
        let is = |pattern: &str, text: &str| TypePattern::parse(pattern).unwrap().matches(text);
        assert!(is("contact.created", "contact.created") && !is("contact.created", "contact.deleted"));
        assert!(is("contact.*", "contact.deleted") && !is("contact.*", "contact_role.deleted"));
        assert!(is("*.created", "shop.item.created") && is("*", "a.b") && is("shop.*.created", "shop.item.created"));
        assert!(!is("created", "contact.created"));
    }

    #[test]
    fn a_module_names_its_events_after_itself() {
        let is_own = |text: &str| is_own_type(text, "valuation", "acme.real-estate").is_ok();
        for text in ["valuation.deal.done", "acme.real-estate.done", "valuation.a.b.c_d-9"] {
            assert!(is_own(text), "{text}");
        }
        let long = format!("valuation.a.{}", "b".repeat(100));
        for text in [
            "valuation.done",
            "contact.created",
            "other.deal.done",
            "valuations.a.b",
            "valuation..b",
            "valuation.A.b",
            "acme.real-estates.done",
            "valuation.a.b.",
            "",
            "valuation.a.*",
            long.as_str(),
        ] {
            assert!(!is_own(text), "{text}");
        }
    }

    #[test]
    fn what_is_no_type_is_refused() {
        for text in ["", "Contact.created", "contact created", "a.*.*.*.*", "contact/1", &"a".repeat(101)] {
            assert!(TypePattern::parse(text).is_err(), "{text}");
        }
        assert!(TypePattern::parse(&"a".repeat(100)).is_ok() && TypePattern::parse("*.*.*").is_ok());
    }
}
