//! Gates between stages: what has to be there before an engagement goes on.

use std::collections::BTreeSet;

/// A phase, in the order in which an engagement goes through them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Phase {
    Presale,
    Sale,
    Aftersale,
}

impl Phase {
    /// The option of the field.
    pub fn of(text: Option<&str>) -> Self {
        match text {
            Some("sale") => Self::Sale,
            Some("aftersale") => Self::Aftersale,
            _ => Self::Presale,
        }
    }

    /// The option of the field.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Presale => "presale",
            Self::Sale => "sale",
            Self::Aftersale => "aftersale",
        }
    }
}

/// A stage as its gates see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stage {
    pub id: String,
    pub phase: Phase,
    pub position: i64,
    pub entry_criteria: Vec<String>,
    pub exit_criteria: Vec<String>,
    pub required_documents: Vec<String>,
}

/// What an engagement has, by name.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Artifacts {
    pub criteria: BTreeSet<String>,
    pub documents: BTreeSet<String>,
}

/// Where a move leads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    Entered,
    Forward,
    Backward,
    Left,
}

impl Direction {
    /// The option of the field.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Entered => "entered",
            Self::Forward => "forward",
            Self::Backward => "backward",
            Self::Left => "left",
        }
    }

    /// Of a move from a stage, if there was one, to another.
    pub fn of(from: Option<&Stage>, to: Option<&Stage>) -> Self {
        match (from, to) {
            (None, _) => Self::Entered,
            (Some(_), None) => Self::Left,
            (Some(from), Some(to)) if to.place() < from.place() => Self::Backward,
            (Some(_), Some(_)) => Self::Forward,
        }
    }
}

/// What is missing at a gate.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Missing {
    pub exit_criteria: Vec<String>,
    pub documents: Vec<String>,
    pub entry_criteria: Vec<String>,
}

impl Missing {
    /// Whether the gate is open.
    pub fn is_empty(&self) -> bool {
        self.exit_criteria.is_empty() && self.documents.is_empty() && self.entry_criteria.is_empty()
    }

    /// Everything that is missing, by name.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        let all = self.exit_criteria.iter().chain(&self.documents).chain(&self.entry_criteria);
        all.map(String::as_str)
    }
}

impl Stage {
    /// Its place among all stages.
    pub fn place(&self) -> (Phase, i64) {
        (self.phase, self.position)
    }
}

/// The names of a list that is written one a line.
pub fn lines(text: Option<&str>) -> Vec<String> {
    let lines = text.unwrap_or_default().lines().map(str::trim).filter(|line| !line.is_empty());
    lines.map(str::to_owned).collect()
}

/// What is missing for a move. A step back asks for nothing of the gates.
pub fn missing(from: Option<&Stage>, to: &Stage, has: &Artifacts) -> Missing {
    if Direction::of(from, Some(to)) == Direction::Backward {
        return Missing::default();
    }
    let without = |wanted: &[String], there: &BTreeSet<String>| -> Vec<String> {
        wanted.iter().filter(|name| !there.contains(*name)).cloned().collect()
    };
    Missing {
        exit_criteria: from.map(|from| without(&from.exit_criteria, &has.criteria)).unwrap_or_default(),
        documents: from.map(|from| without(&from.required_documents, &has.documents)).unwrap_or_default(),
        entry_criteria: without(&to.entry_criteria, &has.criteria),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn names(names: &[&str]) -> Vec<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    fn stage(phase: Phase, position: i64, [entry, exit, documents]: [&[&str]; 3]) -> Stage {
        Stage {
            id: format!("{phase:?}{position}"),
            phase,
            position,
            entry_criteria: names(entry),
            exit_criteria: names(exit),
            required_documents: names(documents),
        }
    }

    fn has(criteria: &[&str], documents: &[&str]) -> Artifacts {
        Artifacts { criteria: names(criteria).into_iter().collect(), documents: names(documents).into_iter().collect() }
    }

    #[test]
    fn a_gate_asks_for_exit_documents_and_entry() {
        let offer = stage(Phase::Presale, 20, [&[], &["budget"], &["offer"]]);
        let sale = stage(Phase::Sale, 10, [&["order"], &[], &[]]);
        let all = missing(Some(&offer), &sale, &has(&[], &[]));
        assert_eq!(all.names().collect::<Vec<_>>(), ["budget", "offer", "order"]);
        // A document is no criterion, and the other way round.
        let crossed = missing(Some(&offer), &sale, &has(&["offer"], &["budget", "order"]));
        assert_eq!(crossed.names().count(), 3);
        assert!(missing(Some(&offer), &sale, &has(&["budget", "order"], &["offer"])).is_empty());
        // Who comes in from nowhere leaves nothing.
        assert_eq!(missing(None, &sale, &has(&[], &[])).names().collect::<Vec<_>>(), ["order"]);
    }

    #[test]
    fn a_step_back_needs_nothing() {
        let offer = stage(Phase::Presale, 20, [&["meeting"], &[], &[]]);
        let sale = stage(Phase::Sale, 10, [&[], &["signed"], &[]]);
        assert!(missing(Some(&sale), &offer, &has(&[], &[])).is_empty());
        assert_eq!(Direction::of(Some(&sale), Some(&offer)), Direction::Backward);
        assert_eq!(Direction::of(Some(&offer), Some(&sale)), Direction::Forward);
        assert_eq!(Direction::of(None, Some(&sale)), Direction::Entered);
        assert_eq!(Direction::of(Some(&sale), None), Direction::Left);
    }

    #[test]
    fn lists_are_written_one_a_line() {
        assert_eq!(lines(Some(" offer \n\n site survey\r\n")), ["offer", "site survey"]);
        assert_eq!(lines(None), Vec::<String>::new());
    }

    proptest! {
        #[test]
        fn a_gate_is_open_just_when_all_is_there(
            exit in prop::collection::btree_set("[a-d]", 0..4), documents in prop::collection::btree_set("[a-d]", 0..4),
            entry in prop::collection::btree_set("[a-d]", 0..4), criteria in prop::collection::btree_set("[a-d]", 0..5),
            there in prop::collection::btree_set("[a-d]", 0..5),
        ) {
            let mut from = stage(Phase::Presale, 1, [&[], &[], &[]]);
            let mut to = stage(Phase::Presale, 2, [&[], &[], &[]]);
            from.exit_criteria = exit.iter().cloned().collect();
            from.required_documents = documents.iter().cloned().collect();
            to.entry_criteria = entry.iter().cloned().collect();
            let has = Artifacts { criteria: criteria.clone(), documents: there.clone() };
            let is_open = exit.is_subset(&criteria) && entry.is_subset(&criteria) && documents.is_subset(&there);
            prop_assert_eq!(missing(Some(&from), &to, &has).is_empty(), is_open);
        }
    }
}
