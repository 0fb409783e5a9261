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
}

impl Direction {
    /// The option of the field.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Entered => "entered",
            Self::Forward => "forward",
            Self::Backward => "backward",
        }
    }

    /// Of a move from a stage, if there was one, to another.
    pub fn of(from: Option<&Stage>, to: &Stage) -> Self {
        match from {
            None => Self::Entered,
            Some(from) if to.place() < from.place() => Self::Backward,
            Some(_) => Self::Forward,
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
    pub fn place(&self) -> (Phase, i64, &str) {
        (self.phase, self.position, &self.id)
    }
}

/// The names of a list that is written one a line.
pub fn lines(text: Option<&str>) -> Vec<String> {
    let lines = text.unwrap_or_default().lines().map(str::trim).filter(|line| !line.is_empty());
    lines.map(str::to_owned).collect()
}

/// What is missing for a move. Stages that lie between are passed through: what they ask for is asked for whether or
/// not the engagement stops there. A step back asks for nothing.
pub fn missing(from: Option<&Stage>, to: &Stage, all: &[Stage], has: &Artifacts) -> Missing {
    let mut missing = Missing::default();
    if Direction::of(from, to) == Direction::Backward {
        return missing;
    }
    let is_between =
        |stage: &&Stage| from.is_some_and(|from| from.place() < stage.place()) && stage.place() < to.place();
    let mut between: Vec<&Stage> = all.iter().filter(is_between).collect();
    between.sort_by_key(|stage| stage.place());
    for left in from.into_iter().chain(between.iter().copied()) {
        note(&mut missing.exit_criteria, &left.exit_criteria, &has.criteria);
        note(&mut missing.documents, &left.required_documents, &has.documents);
    }
    for entered in between.into_iter().chain([to]) {
        note(&mut missing.entry_criteria, &entered.entry_criteria, &has.criteria);
    }
    missing
}

/// Adds what is wanted and not there, each name once.
fn note(missing: &mut Vec<String>, wanted: &[String], there: &BTreeSet<String>) {
    for name in wanted {
        if !there.contains(name) && !missing.contains(name) {
            missing.push(name.clone());
        }
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
        let all = missing(Some(&offer), &sale, &[], &has(&[], &[]));
        assert_eq!(all.names().collect::<Vec<_>>(), ["budget", "offer", "order"]);
        // A document is no criterion, and the other way round.
        let crossed = missing(Some(&offer), &sale, &[], &has(&["offer"], &["budget", "order"]));
        assert_eq!(crossed.names().count(), 3);
        assert!(missing(Some(&offer), &sale, &[], &has(&["budget", "order"], &["offer"])).is_empty());
        // Who comes in from nowhere leaves nothing.
        assert_eq!(missing(None, &sale, &[], &has(&[], &[])).names().collect::<Vec<_>>(), ["order"]);
    }

    #[test]
    fn a_step_back_needs_nothing() {
        let offer = stage(Phase::Presale, 20, [&["meeting"], &[], &[]]);
        let sale = stage(Phase::Sale, 10, [&[], &["signed"], &[]]);
        assert!(missing(Some(&sale), &offer, &[], &has(&[], &[])).is_empty());
        assert_eq!(Direction::of(Some(&sale), &offer), Direction::Backward);
        assert_eq!(Direction::of(Some(&offer), &sale), Direction::Forward);
        assert_eq!(Direction::of(None, &sale), Direction::Entered);
    }

    #[test]
    fn nothing_is_skipped_by_going_past_it() {
        let first = stage(Phase::Presale, 10, [&[], &["a"], &[]]);
        let second = stage(Phase::Presale, 20, [&["b"], &["a"], &["c"]]);
        let third = stage(Phase::Sale, 10, [&["d"], &["e"], &["f"]]);
        let last = stage(Phase::Aftersale, 5, [&["g"], &["h"], &["i"]]);
        // In whatever order they are stored.
        let all = [last.clone(), third.clone(), first.clone(), second.clone()];
        let names = |from: Option<&Stage>, to: &Stage| {
            let missing = missing(from, to, &all, &has(&[], &[]));
            missing.names().map(str::to_owned).collect::<Vec<_>>().concat()
        };
        assert_eq!(names(Some(&first), &second), "ab");
        assert_eq!(names(Some(&first), &last), "aecfbdg");
        assert_eq!((names(Some(&last), &first), names(None, &last)), (String::new(), "g".to_owned()));
    }

    #[test]
    fn lists_are_written_one_a_line() {
        assert_eq!(lines(Some(" offer \n\n site survey\r\n")), ["offer", "site survey"]);
        assert_eq!(lines(None), Vec::<String>::new());
    }

    proptest! {
        #[test]
        fn going_on_in_two_moves_asks_for_what_one_asks_for(
            asked in prop::collection::vec(prop::collection::btree_set("[a-f]", 0..3), 12),
            criteria in prop::collection::btree_set("[a-f]", 0..6), documents in prop::collection::btree_set("[a-f]", 0..6),
            halfway in 1_usize..3,
        ) {
            let all: Vec<Stage> = (0_i64..4)
                .map(|at| {
                    let mut made = stage(Phase::Sale, at, [&[], &[], &[]]);
                    let mut lists = asked.iter().skip(usize::try_from(at).unwrap() * 3).map(|one| one.iter().cloned().collect());
                    made.entry_criteria = lists.next().unwrap();
                    made.exit_criteria = lists.next().unwrap();
                    made.required_documents = lists.next().unwrap();
                    made
                })
                .collect();
            let has = Artifacts { criteria, documents };
            let is_open = |from: usize, to: usize| missing(Some(&all[from]), &all[to], &all, &has).is_empty();
            prop_assert_eq!(is_open(0, 3), is_open(0, halfway) && is_open(halfway, 3));
        }

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
            prop_assert_eq!(missing(Some(&from), &to, &[], &has).is_empty(), is_open);
        }
    }
}
