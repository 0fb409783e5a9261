//! Languages: their tags, and which of them somebody would rather read.

/// What the labels of definitions are written in, unless a translation says otherwise.
pub const DEFAULT_LANGUAGE: &str = "en";

/// Longest tag or range.
const LONGEST: usize = 60;

/// The languages that somebody reads.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Languages {
    /// Ranges of tags (RFC 4647), the one that they would rather have first.
    pub wanted: Vec<String>,
    /// Tags that they will not have.
    pub unwanted: Vec<String>,
}

impl Languages {
    /// The one of these tags that fits best; none when nothing does. A range fits the tag of its name, or else that
    /// of its beginning: `zh-Hans-CN` finds `zh-Hans`, then `zh`. The range `*` says nothing about which.
    pub fn choose<'a>(&self, tags: &[&'a str]) -> Option<&'a str> {
        self.wanted.iter().find_map(|range| {
            let mut names = std::iter::successors(Some(range.as_str()), |name| shorter(name));
            names.find_map(|name| tags.iter().copied().find(|tag| is_same(tag, name) && !self.refuses(tag)))
        })
    }

    fn refuses(&self, tag: &str) -> bool {
        self.unwanted.iter().any(|unwanted| is_same(unwanted, tag))
    }
}

/// Whether two tags are the same: their letters may be large or small.
pub fn is_same(one: &str, other: &str) -> bool {
    one.eq_ignore_ascii_case(other)
}

/// Whether a definition can name a language so: `zh`, `pt-BR`.
pub fn is_tag(text: &str) -> bool {
    let first = text.split('-').next().unwrap_or_default();
    is_range(text) && first.len() > 1 && first.bytes().all(|letter| letter.is_ascii_lowercase())
}

/// Whether somebody can ask for a language so: as a tag, or `*`.
pub fn is_range(text: &str) -> bool {
    let mut parts = text.split('-');
    let is_short = |part: &str| (1..=8).contains(&part.len());
    let is_first = |part: &str| is_short(part) && part.bytes().all(|letter| letter.is_ascii_alphabetic());
    let is_next = |part: &str| is_short(part) && part.bytes().all(|letter| letter.is_ascii_alphanumeric());
    text == "*" || text.len() <= LONGEST && parts.next().is_some_and(is_first) && parts.all(is_next)
}

/// A range without its last part, and without a single letter before that: it only introduces what follows.
fn shorter(range: &str) -> Option<&str> {
    let (rest, _) = range.rsplit_once('-')?;
    match rest.rsplit_once('-') {
        Some((before, letter)) if letter.len() == 1 => Some(before),
        _ => Some(rest),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_are_told_from_other_texts() {
        for tag in ["zh", "pt-BR", "zh-Hant-TW", "gsw", "es-419"] {
            assert!(is_tag(tag) && is_range(tag), "{tag}");
        }
        for text in ["", "*", "z", "ZH", "Zh", "zh_CN", "zh-", "-zh", "zh--CN", "zh CN", "中文", "zh-Traditional", "1a"]
        {
            assert!(!is_tag(text), "{text}");
        }
        assert!(is_range("*") && is_range("ZH-cn") && !is_range("zh_CN") && !is_range(&"zh-".repeat(30)));
    }

    #[test]
    fn the_first_that_fits_is_chosen() {
        let tags = ["de", "zh", "zh-Hant", "pt-BR", "en"];
        for (wanted, unwanted, chosen) in [
            ("zh", "", Some("zh")),
            ("zh-CN", "", Some("zh")),
            ("ZH-hant-tw", "", Some("zh-Hant")),
            ("zh-Hant-x-shop", "", Some("zh-Hant")),
            ("pt", "", None),
            ("fr de zh", "", Some("de")),
            ("en-GB zh", "", Some("en")),
            ("* zh", "", Some("zh")),
            ("*", "", None),
            ("zh-TW de", "zh", Some("de")),
            ("", "", None),
        ] {
            let words = |text: &str| text.split(' ').map(str::to_owned).collect();
            let languages = Languages { wanted: words(wanted), unwanted: words(unwanted) };
            assert_eq!(languages.choose(&tags), chosen, "{wanted}");
        }
    }
}
