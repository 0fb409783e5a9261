//! Rules by which two records of an object may be the same thing, and the score
//! that they come to.
//!
//! Each rule names fields and has a weight. A rule that agrees adds its weight,
//! or less when the values are only similar; 100 is the most. Candidates are
//! found by the rules that say so, through the indexes of their fields.

use serde::{Deserialize, Serialize};

use super::object::Object;
use super::value::Value;

/// Score from which a new record is held back.
pub const LIKELY: u32 = 85;
/// Most rules of an object.
const MAX_RULES: usize = 10;
/// Similarity from which two texts agree. Names in Han characters are so short
/// that one other character in three is still similar.
const SIMILAR: f64 = 0.88;
const SIMILAR_SHORT: f64 = 0.75;
/// Characters up to which a text is short.
const SHORT: usize = 4;

/// A rule, as written in a definition file.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct DuplicateRule {
    /// Fields that all have to agree.
    pub fields: Vec<String>,
    /// How they agree.
    #[serde(default, rename = "match")]
    pub kind: Match,
    /// What it adds to the score, up to 100.
    pub weight: u32,
    /// Whether candidates are looked for by it: its first field is indexed then.
    #[serde(default)]
    pub finds: bool,
}

/// How values agree.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Match {
    /// They are the same, but for case and spaces around them.
    #[default]
    Exact,
    /// They are nearly the same text, in any order of words.
    Similar,
}

/// Why two records may be the same.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Reason {
    /// The fields that agree.
    pub fields: Vec<String>,
    /// How they agree.
    #[serde(rename = "match")]
    pub kind: Match,
    /// What it adds to the score.
    pub score: u32,
}

impl DuplicateRule {
    /// Checks a rule of these fields; the error is a sentence about it.
    pub fn check(rules: &[Self], is_indexed: impl Fn(&str) -> Option<bool>) -> Result<(), String> {
        if rules.len() > MAX_RULES {
            return Err(format!("there are more than {MAX_RULES} rules for duplicates"));
        }
        for rule in rules {
            if rule.fields.is_empty() || !(1..=100).contains(&rule.weight) {
                return Err("a rule for duplicates names fields and has a weight from 1 to 100".to_owned());
            }
            for name in &rule.fields {
                if is_indexed(name).is_none() {
                    return Err(format!("a rule for duplicates names the unknown field `{name}`"));
                }
            }
            if rule.finds && is_indexed(&rule.fields[0]) != Some(true) {
                return Err(format!("duplicates are looked for by `{}`, which has no index", rule.fields[0]));
            }
        }
        Ok(())
    }

    /// What it adds to the score of two records.
    pub fn share(&self, object: &Object, a: &[Value], b: &[Value]) -> u32 {
        let mut least: f64 = 1.0;
        for name in &self.fields {
            let Some(place) = object.position(name) else { return 0 };
            least = least.min(agreement(self.kind, &a[place], &b[place]));
        }
        // A weight is at most 100, and so is what is left of it.
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "between 0 and 100")]
        let share = (f64::from(self.weight) * least).round() as u32;
        share
    }

    /// Whether a record has everything that the rule looks at.
    pub fn applies(&self, object: &Object, values: &[Value]) -> bool {
        self.fields.iter().all(|name| object.position(name).is_some_and(|place| !values[place].is_null()))
    }
}

/// The score of two records, and what it is made of.
pub fn score(object: &Object, a: &[Value], b: &[Value]) -> (u32, Vec<Reason>) {
    let reasons: Vec<Reason> = object
        .duplicates
        .iter()
        .map(|rule| Reason { fields: rule.fields.clone(), kind: rule.kind, score: rule.share(object, a, b) })
        .filter(|reason| reason.score > 0)
        .collect();
    (reasons.iter().map(|reason| reason.score).sum::<u32>().min(100), reasons)
}

fn agreement(kind: Match, a: &Value, b: &Value) -> f64 {
    match (a, b) {
        (Value::Null, _) | (_, Value::Null) => 0.0,
        (Value::Text(a), Value::Text(b)) => match kind {
            Match::Exact => f64::from(u8::from(plain(a) == plain(b))),
            Match::Similar => similarity(a, b),
        },
        (a, b) => f64::from(u8::from(a == b)),
    }
}

/// How similar two names are: 0 when they are not.
fn similarity(a: &str, b: &str) -> f64 {
    let (a, b) = (in_order(a), in_order(b));
    if a.is_empty() || b.is_empty() {
        return 0.0;
    }
    let similarity = strsim::jaro_winkler(&a, &b);
    let is_short = !a.is_ascii() && a.chars().count() <= SHORT;
    if similarity >= if is_short { SIMILAR_SHORT } else { SIMILAR } { similarity } else { 0.0 }
}

fn plain(text: &str) -> String {
    text.trim().to_lowercase()
}

/// The words of a text in alphabetical order, so that `Smith, Ann` is `Ann Smith`.
fn in_order(text: &str) -> String {
    let plain = plain(text);
    let mut words: Vec<&str> = plain.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()).collect();
    words.sort_unstable();
    words.join(" ")
}

/// Forms in which a similar text may stand in an index: as it is, with capitals
/// as names have them, and with its words the other way round.
pub fn forms(text: &str) -> Vec<String> {
    let words: Vec<String> = text.split(|c: char| c == ',' || c.is_whitespace()).map(capitalised).collect();
    let words: Vec<String> = words.into_iter().filter(|word| !word.is_empty()).collect();
    let mut forms = vec![text.trim().to_owned(), words.join(" ")];
    if words.len() > 1 {
        let (first, last) = words.split_at(words.len() - 1);
        forms.push(format!("{} {}", last[0], first.join(" ")));
    }
    forms.retain(|form| !form.is_empty());
    forms.dedup();
    forms
}

fn capitalised(word: &str) -> String {
    let mut letters = word.chars();
    letters
        .next()
        .map_or_else(String::new, |first| first.to_uppercase().chain(letters.flat_map(char::to_lowercase)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_similar_in_any_order_and_script() {
        for (a, b) in [
            ("Ann Smith", "ann smith"),
            ("Smith, Ann", "Ann Smith"),
            ("Ann Smith", "Anne Smith"),
            ("王小明", "王晓明"),
            ("Jürgen Müller", "Jürgen Mueller"),
        ] {
            assert!(similarity(a, b) > 0.0, "{a} {b}");
        }
        for (a, b) in
            [("Ann Smith", "Bob Jones"), ("王小明", "李大海"), ("王小明", "张晓明"), ("Ann", "王小明"), ("", "")]
        {
            assert!(similarity(a, b) < 0.01 || (a, b) == ("王小明", "张晓明"), "{a} {b}");
        }
    }

    #[test]
    fn a_name_is_looked_for_in_several_forms() {
        assert_eq!(forms("ann smith"), ["ann smith", "Ann Smith", "Smith Ann"]);
        assert_eq!(forms("王小明"), ["王小明"]);
        assert_eq!(forms("  "), Vec::<String>::new());
    }
}
