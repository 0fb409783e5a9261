//! Full-text search: the words of records and of questions, made the same way
//! for both engines.
//!
//! Letters are folded (case, accents). Latin and other alphabetic words are
//! found by their beginning. Chinese and Japanese have no spaces: their single
//! characters and pairs of neighbours are words. Telephone numbers are found by
//! their end, by their beginning, and by the beginning of their national part.

mod fold;
mod phone;
mod terms;

use std::collections::BTreeMap;

pub use terms::{Grade, Span, Term, terms};

use self::fold::{Piece, pieces};
use super::field::FieldType;
use super::object::Object;
use super::value::Value;

/// Changes when the rules here do, so that what was made by older ones is made anew.
const RULES: u32 = 1;
/// Most words of one record.
const MAX_WORDS: usize = 1_000;
/// Longest word, in characters; what comes behind is not looked at.
const MAX_WORD: usize = 40;
/// Longest question, in characters.
pub const MAX_TEXT: usize = 500;
/// Most words of a question.
pub const MAX_TERMS: usize = 10;
/// Most records that are looked at for a word before the best of them are taken.
pub const MAX_CANDIDATES: usize = 1_000;

/// The words of a record, and where the best of them stands: 0 in the first searchable field, 1 in others.
pub type Words = BTreeMap<String, i64>;

/// The searchable fields of an object, by their places.
pub fn searchable(object: &Object) -> Vec<usize> {
    let marked = object.fields.iter().enumerate().filter(|(_, field)| field.def.searchable);
    marked.map(|(place, _)| place).collect()
}

/// What the words of an object are made from; another text means that they have to be made anew.
pub fn made_from(object: &Object) -> String {
    let names: Vec<&str> = searchable(object).into_iter().map(|place| object.fields[place].name()).collect();
    if names.is_empty() { String::new() } else { format!("{RULES}:{}", names.join(",")) }
}

/// The words of a record with these values.
pub fn words(object: &Object, values: &[Value]) -> Words {
    words_in(object, values, |_| true)
}

/// Those of fields that are shown.
pub fn shown_words(object: &Object, values: &[Value]) -> Words {
    words_in(object, values, |place| !object.hidden.contains(&place))
}

fn words_in(object: &Object, values: &[Value], is_in: impl Fn(usize) -> bool) -> Words {
    let mut words = Words::new();
    for (nth, place) in searchable(object).into_iter().enumerate() {
        let Value::Text(text) = &values[place] else { continue };
        if !is_in(place) {
            continue;
        }
        let place_of_word = i64::from(nth > 0);
        let mut add = |word: String| {
            if words.len() < MAX_WORDS {
                words.entry(word).or_insert(place_of_word);
            }
        };
        if matches!(object.fields[place].kind, FieldType::Phone) {
            phone::words(text).into_iter().for_each(add);
            continue;
        }
        for piece in pieces(text) {
            match piece {
                Piece::Word(word) => add(word),
                Piece::Run(run) => {
                    for (at, character) in run.iter().enumerate() {
                        add(character.to_string());
                        if let Some(next) = run.get(at + 1) {
                            add([*character, *next].iter().collect());
                        }
                    }
                }
            }
        }
    }
    words
}
