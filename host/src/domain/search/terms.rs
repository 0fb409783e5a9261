//! The words of a question, and how well a record has them.

use super::fold::{Piece, pieces};
use super::phone::reversed;
use super::{MAX_TERMS, MAX_TEXT, Words};
use crate::domain::filter::after_prefix;
use crate::domain::invalid::FieldError;

/// Fewest digits by which a telephone number is found from its end.
const TAIL: usize = 4;

/// A stretch of words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Span {
    /// This word.
    Exact(String),
    /// Words that begin so; the word itself is better than longer ones.
    Prefix(String),
}

/// A word of a question: a record has it when one of its words is in one of these stretches.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Term {
    /// The stretches.
    pub spans: Vec<Span>,
}

/// How well a record has what was asked for; less is better.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Grade {
    /// Words of the question that are only the beginning of a word of the record.
    pub begun: i64,
    /// Words of the question that are not in the first searchable field.
    pub aside: i64,
}

impl Grade {
    /// Of a word of a record that is in this stretch.
    pub fn of(span: &Span, word: &str, place: i64) -> Self {
        let (Span::Exact(text) | Span::Prefix(text)) = span;
        Self { begun: i64::from(text != word), aside: place }
    }

    /// Of several words of a question.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        Self { begun: self.begun + other.begun, aside: self.aside + other.aside }
    }
}

impl Term {
    /// How well a record with these words has it; none when it does not.
    pub fn grade(&self, words: &Words) -> Option<Grade> {
        let grades = self.spans.iter().filter_map(|span| match span {
            Span::Exact(text) => words.get(text).map(|place| Grade::of(span, text, *place)),
            Span::Prefix(text) => words
                .range(text.clone()..)
                .take_while(|(word, _)| word.starts_with(text.as_str()))
                .map(|(word, place)| Grade::of(span, word, *place))
                .min(),
        });
        grades.min()
    }
}

impl Span {
    /// The first word, and the first one behind the longer words; none when there are none.
    pub fn bounds(&self) -> (&str, Option<String>) {
        match self {
            Self::Exact(text) => (text, None),
            Self::Prefix(text) => (text, after_prefix(text)),
        }
    }
}

/// Reads a question. No words at all are no question.
pub fn terms(text: &str) -> Result<Vec<Term>, FieldError> {
    if text.chars().nth(MAX_TEXT).is_some() {
        return Err(FieldError::new("text", "too_long", format!("is longer than {MAX_TEXT} characters")));
    }
    let mut terms = Vec::new();
    if let Some(number) = number(text) {
        terms.push(number);
    } else {
        for piece in pieces(text) {
            match piece {
                Piece::Word(word) => terms.push(Term { spans: spans(&word) }),
                Piece::Run(run) if run.len() == 1 => terms.push(exact(&run)),
                Piece::Run(run) => terms.extend(run.windows(2).map(exact)),
            }
        }
    }
    let mut seen: Vec<Term> = Vec::new();
    terms.retain(|term| {
        let is_new = !seen.contains(term);
        if is_new {
            seen.push(term.clone());
        }
        is_new
    });
    if terms.is_empty() {
        return Err(FieldError::new("text", "required", "has no letter and no digit to search for"));
    }
    if terms.len() > MAX_TERMS {
        return Err(FieldError::new("text", "out_of_range", format!("has more than {MAX_TERMS} words")));
    }
    Ok(terms)
}

fn exact(characters: &[char]) -> Term {
    Term { spans: vec![Span::Exact(characters.iter().collect())] }
}

/// A text of digits and of what people put between them is one telephone number.
fn number(text: &str) -> Option<Term> {
    let text = text.trim();
    let is_number = text.chars().all(|c| c.is_ascii_digit() || matches!(c, ' ' | '-' | '.' | '/' | '(' | ')' | '+'));
    let digits: String = text.chars().filter(char::is_ascii_digit).collect();
    if !is_number || digits.len() < TAIL {
        return None;
    }
    if text.starts_with('+') {
        return Some(Term { spans: vec![Span::Prefix(format!("+{digits}"))] });
    }
    Some(Term { spans: spans(&digits) })
}

fn spans(word: &str) -> Vec<Span> {
    let mut spans = vec![Span::Prefix(word.to_owned())];
    if word.len() > 1 && word.bytes().all(|byte| byte.is_ascii_digit()) {
        spans.push(Span::Prefix(format!("+{word}")));
        let national = word.trim_start_matches('0');
        if !national.is_empty() {
            spans.push(Span::Prefix(format!("={national}")));
        }
        if word.len() >= TAIL {
            spans.push(Span::Prefix(reversed(word)));
        }
    }
    spans
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(of: &[(&str, i64)]) -> Words {
        of.iter().map(|(word, place)| ((*word).to_owned(), *place)).collect()
    }

    #[test]
    fn records_are_graded() {
        let grade = |text: &str, own: &[(&str, i64)]| {
            let words = words(own);
            terms(text)
                .unwrap()
                .iter()
                .map(|term| term.grade(&words))
                .try_fold(Grade::default(), |all, one| one.map(|one| all.plus(one)))
        };
        let ann = [("ann", 0), ("annika", 0), ("bern", 1), ("~7654321039", 1), ("=301234567", 1)];
        assert_eq!(grade("Ann", &ann), Some(Grade { begun: 0, aside: 0 }));
        assert_eq!(grade("annik", &ann), Some(Grade { begun: 1, aside: 0 }));
        assert_eq!(grade("ann BERN", &ann), Some(Grade { begun: 0, aside: 1 }));
        assert_eq!(grade("bob", &ann), None);
        for number in ["4567", "1234567", "030 1234", "301"] {
            assert!(grade(number, &ann).is_some(), "{number}");
        }
        assert_eq!(grade("567", &ann), None);
        assert!(grade("王", &[("王", 0)]).is_some() && grade("王小", &[("王", 0), ("小", 0)]).is_none());
    }

    #[test]
    fn questions_are_bounded() {
        assert_eq!(terms(&"a ".repeat(300)).unwrap_err().code, "too_long");
        assert_eq!(terms("a b c d e f g h i j k").unwrap_err().code, "out_of_range");
        assert_eq!(terms("\" * -- \0").unwrap_err().code, "required");
    }
}
