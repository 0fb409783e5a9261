//! Who works with whom: teams, the tree they make, and who reports to whom.

use std::collections::{BTreeSet, HashMap};

use uuid::Uuid;

/// The teams and members of a tenant.
#[derive(Clone, Debug, Default)]
pub struct Org {
    below: HashMap<Uuid, Vec<Uuid>>,
    members: HashMap<Uuid, Vec<Uuid>>,
    reports: HashMap<Uuid, Vec<Uuid>>,
}

impl Org {
    /// From teams with those above them, who is in which, and who reports to whom.
    pub fn new(
        teams: impl IntoIterator<Item = (Uuid, Option<Uuid>)>,
        members: impl IntoIterator<Item = (Uuid, Uuid)>,
        managers: impl IntoIterator<Item = (Uuid, Uuid)>,
    ) -> Self {
        let mut org = Self::default();
        for (team, parent) in teams {
            if let Some(parent) = parent {
                org.below.entry(parent).or_default().push(team);
            }
        }
        for (team, member) in members {
            org.members.entry(team).or_default().push(member);
        }
        for (member, manager) in managers {
            org.reports.entry(manager).or_default().push(member);
        }
        org
    }

    /// Everybody whose records somebody sees with those of the own teams: members
    /// of these teams, and who reports to them; with `tree`, all the way down.
    pub fn colleagues(&self, me: Uuid, teams: &[Uuid], tree: bool) -> BTreeSet<Uuid> {
        let mut people = BTreeSet::from([me]);
        people.extend(spread(&self.reports, [me], tree));
        let all: BTreeSet<Uuid> = if tree { spread(&self.below, teams.iter().copied(), true) } else { BTreeSet::new() };
        for team in teams.iter().chain(&all) {
            people.extend(self.members.get(team).into_iter().flatten());
        }
        people
    }

    /// Whether a team would come to be below itself.
    pub fn would_ring(&self, team: Uuid, parent: Uuid) -> bool {
        team == parent || spread(&self.below, [team], true).contains(&parent)
    }

    /// Whether somebody would come to report to themselves.
    pub fn would_report_in_a_ring(&self, member: Uuid, manager: Uuid) -> bool {
        member == manager || spread(&self.reports, [member], true).contains(&manager)
    }
}

/// What is one step below, or with `tree` any number of steps.
fn spread(edges: &HashMap<Uuid, Vec<Uuid>>, from: impl IntoIterator<Item = Uuid>, tree: bool) -> BTreeSet<Uuid> {
    let mut found = BTreeSet::new();
    let mut left: Vec<Uuid> = from.into_iter().collect();
    while let Some(here) = left.pop() {
        for below in edges.get(&here).into_iter().flatten() {
            if found.insert(*below) && tree {
                left.push(*below);
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(number: u128) -> Uuid {
        Uuid::from_u128(number)
    }

    #[test]
    fn colleagues_are_those_of_the_team_or_of_the_tree() {
        // Teams 10 > 11 > 12; members 1 in 10, 2 in 11, 3 in 12; 4 reports to 2, 5 to 4.
        let teams = [(id(10), None), (id(11), Some(id(10))), (id(12), Some(id(11)))];
        let members = [(id(10), id(1)), (id(11), id(2)), (id(12), id(3))];
        let org = Org::new(teams, members, [(id(4), id(2)), (id(5), id(4))]);
        let seen = |me: u128, teams: &[u128], tree| -> Vec<u128> {
            let teams: Vec<Uuid> = teams.iter().map(|&team| id(team)).collect();
            org.colleagues(id(me), &teams, tree).into_iter().map(|one| one.as_u128()).collect()
        };
        assert_eq!(seen(1, &[10], false), [1]);
        assert_eq!(seen(1, &[10], true), [1, 2, 3]);
        assert_eq!(seen(2, &[11], false), [2, 4]);
        assert_eq!(seen(2, &[11], true), [2, 3, 4, 5]);
        assert_eq!(seen(9, &[], true), [9]);
    }

    #[test]
    fn rings_are_seen_before_they_are_made() {
        let org = Org::new([(id(10), None), (id(11), Some(id(10)))], [], [(id(2), id(1)), (id(3), id(2))]);
        assert!(org.would_ring(id(10), id(11)) && org.would_ring(id(10), id(10)));
        assert!(!org.would_ring(id(11), id(12)));
        assert!(org.would_report_in_a_ring(id(1), id(3)) && !org.would_report_in_a_ring(id(3), id(1)));
    }
}
