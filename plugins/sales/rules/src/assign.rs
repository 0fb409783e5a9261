//! Who of several sellers is given the next lead.

use crate::moment::Moment;

/// A seller who may be chosen.
#[derive(Debug, Clone, PartialEq)]
pub struct Candidate {
    pub id: String,
    pub user: String,
    pub team: Option<String>,
    pub is_active: bool,
    pub open_leads: i64,
    pub most: Option<i64>,
    pub last_assigned: Option<Moment>,
}

impl Candidate {
    /// Whether there is room for one more.
    pub fn is_free(&self) -> bool {
        self.is_active && self.most.is_none_or(|most| self.open_leads < most)
    }
}

/// How a rule chooses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    /// The first who is free.
    Fixed,
    /// In turn.
    RoundRobin,
    /// Who has the fewest open leads; of equals who has waited longest.
    Load,
}

impl Method {
    /// By the name that rules have; in turn when there is none.
    pub fn named(name: Option<&str>) -> Self {
        match name {
            Some("fixed") => Self::Fixed,
            Some("load") => Self::Load,
            _ => Self::RoundRobin,
        }
    }

    /// The place of the one who is chosen, if anybody is free. `last` was chosen the last time.
    pub fn choose(self, candidates: &[Candidate], last: Option<&str>) -> Option<usize> {
        let mut free = (0..candidates.len()).filter(|at| candidates[*at].is_free());
        match self {
            Self::Fixed => free.next(),
            Self::Load => free.min_by_key(|at| (candidates[*at].open_leads, candidates[*at].last_assigned, *at)),
            Self::RoundRobin => {
                let after = last.and_then(|last| candidates.iter().position(|one| one.id == last));
                let first = after.map_or(0, |at| at + 1);
                free.min_by_key(|at| (*at < first, *at))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn candidate(number: usize, open_leads: i64, most: Option<i64>) -> Candidate {
        let name = format!("s{number}");
        Candidate { id: name.clone(), user: name, team: None, is_active: true, open_leads, most, last_assigned: None }
    }

    #[test]
    fn who_is_away_or_full_is_passed_over() {
        let mut sellers = vec![candidate(0, 3, Some(3)), candidate(1, 5, None), candidate(2, 4, None)];
        for (method, chosen) in [(Method::Fixed, 1), (Method::RoundRobin, 1), (Method::Load, 2)] {
            assert_eq!(method.choose(&sellers, Some("s2")), Some(chosen), "{method:?}");
        }
        sellers[1].is_active = false;
        assert_eq!(Method::Fixed.choose(&sellers, None), Some(2));
        sellers[2].most = Some(0);
        assert_eq!(Method::RoundRobin.choose(&sellers, Some("gone")), None);
    }

    proptest! {
        #[test]
        fn turns_are_fair(sellers in 1_usize..8, leads in 0_usize..60) {
            let mut all: Vec<Candidate> = (0..sellers).map(|number| candidate(number, 0, None)).collect();
            let mut last: Option<String> = None;
            for _ in 0..leads {
                let chosen = Method::RoundRobin.choose(&all, last.as_deref()).unwrap();
                all[chosen].open_leads += 1;
                last = Some(all[chosen].id.clone());
            }
            let counts = || all.iter().map(|one| one.open_leads);
            prop_assert!(counts().max().unwrap() - counts().min().unwrap() <= 1);
            prop_assert_eq!(usize::try_from(counts().sum::<i64>()).unwrap(), leads);
        }

        #[test]
        fn nobody_gets_more_than_fits(
            most in prop::collection::vec(0_i64..5, 1..6),
            leads in 0_usize..40,
            method in 0..3,
        ) {
            let method = [Method::Fixed, Method::RoundRobin, Method::Load][usize::try_from(method).unwrap()];
            let with_room = |(number, most): (usize, &i64)| candidate(number, 0, Some(*most));
            let mut all: Vec<Candidate> = most.iter().enumerate().map(with_room).collect();
            let mut given = 0;
            let mut last: Option<String> = None;
            for _ in 0..leads {
                if let Some(chosen) = method.choose(&all, last.as_deref()) {
                    all[chosen].open_leads += 1;
                    last = Some(all[chosen].id.clone());
                    given += 1;
                }
            }
            prop_assert!(all.iter().all(|one| one.open_leads <= one.most.unwrap()));
            let room: i64 = most.iter().sum();
            prop_assert_eq!(given, i64::try_from(leads).unwrap().min(room));
        }
    }
}
