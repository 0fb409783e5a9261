//! The critical path by published cases and by properties.

use proptest::prelude::*;
use serde_json::Value;

use super::*;

const VECTORS: &str = include_str!("../../tests/vectors/critical_path.json");
const KINDS: [Kind; 4] = [Kind::FinishToStart, Kind::StartToStart, Kind::FinishToFinish, Kind::StartToFinish];

fn task(id: &str, duration: i64) -> Task {
    Task { id: id.to_owned(), duration, not_before: 0 }
}

fn link(predecessor: &str, successor: &str, kind: Kind, lag: i64) -> Dependency {
    Dependency { predecessor: predecessor.to_owned(), successor: successor.to_owned(), kind, lag }
}

fn texts(value: &Value) -> impl Iterator<Item = &str> {
    value.as_array().unwrap().iter().map(|one| one.as_str().unwrap())
}

#[test]
fn the_published_network_comes_out() {
    let vectors: Value = serde_json::from_str(VECTORS).unwrap();
    let named = vectors["tasks"].as_object().unwrap();
    let tasks: Vec<Task> = named.iter().map(|(id, one)| task(id, one["duration"].as_i64().unwrap())).collect();
    let ties = named
        .iter()
        .flat_map(|(id, one)| texts(&one["predecessors"]).map(move |before| link(before, id, Kind::FinishToStart, 0)));
    let found = schedule(&tasks, &ties.collect::<Vec<_>>()).unwrap();
    assert_eq!(found.duration, vectors["duration"].as_i64().unwrap());
    for (task, times) in tasks.iter().zip(&found.times) {
        let expected = &vectors["expected"][&task.id];
        let expected = ["ES", "EF", "LS", "LF", "slack"].map(|name| expected[name].as_i64().unwrap());
        let times = [times.early_start, times.early_finish, times.late_start, times.late_finish, times.slack];
        assert_eq!(times, expected, "{}", task.id);
    }
    let critical: Vec<&str> = found.critical.iter().map(|&at| tasks[at].id.as_str()).collect();
    assert_eq!(critical, texts(&vectors["critical_path"]).collect::<Vec<_>>());
}

#[test]
fn the_published_cycle_is_refused() {
    let vectors: Value = serde_json::from_str(VECTORS).unwrap();
    let named = vectors["cycle_case"]["tasks"].as_object().unwrap();
    let tasks: Vec<Task> = named.keys().map(|id| task(id, 1)).collect();
    let ties: Vec<Dependency> = named
        .iter()
        .flat_map(|(id, before)| texts(before).map(move |before| link(before, id, Kind::FinishToStart, 0)))
        .collect();
    let Err(NetworkError::Cycle(mut cycle)) = schedule(&tasks, &ties) else { panic!("no cycle") };
    cycle.sort();
    assert_eq!(cycle, ["X", "Y"]);
}

#[test]
fn each_kind_ties_its_own_ends() {
    let starts = |kind, lag| {
        let found = schedule(&[task("A", 5), task("B", 3)], &[link("A", "B", kind, lag)]).unwrap();
        (found.times[1].early_start, found.duration, found.times[0].slack)
    };
    assert_eq!(starts(Kind::FinishToStart, 0), (5, 8, 0));
    assert_eq!(starts(Kind::FinishToStart, 2), (7, 10, 0));
    assert_eq!(starts(Kind::FinishToStart, -2), (3, 6, 0));
    assert_eq!(starts(Kind::StartToStart, 1), (1, 5, 0));
    assert_eq!(starts(Kind::FinishToFinish, 0), (2, 5, 0));
    assert_eq!(starts(Kind::FinishToFinish, 1), (3, 6, 0));
    assert_eq!(starts(Kind::StartToFinish, 4), (1, 5, 0));
    // A lead longer than the project does not start before it.
    assert_eq!(starts(Kind::FinishToStart, -99), (0, 5, 0));
}

#[test]
fn a_cycle_is_named_without_what_hangs_on_it() {
    let tasks = [task("A", 1), task("B", 1), task("C", 1), task("D", 1)];
    let fs = |from, to| link(from, to, Kind::FinishToStart, 0);
    let ties = [fs("A", "B"), fs("B", "C"), fs("C", "B"), fs("C", "D")];
    let Err(NetworkError::Cycle(mut cycle)) = schedule(&tasks, &ties) else { panic!("no cycle") };
    cycle.sort();
    assert_eq!(cycle, ["B", "C"]);
    assert_eq!(schedule(&tasks, &[fs("A", "A")]), Err(NetworkError::Cycle(vec!["A".to_owned()])));
    // Whatever the kind: tasks that wait for each other are refused.
    let mixed = [link("A", "B", Kind::StartToStart, 0), link("B", "A", Kind::FinishToFinish, -9)];
    assert!(matches!(check(&tasks, &mixed), Err(NetworkError::Cycle(_))));
}

#[test]
fn wrong_networks_are_refused() {
    assert_eq!(schedule(&[task("A", 1), task("A", 1)], &[]), Err(NetworkError::Twice("A".to_owned())));
    let gone = [link("A", "Z", Kind::FinishToStart, 0)];
    assert_eq!(schedule(&[task("A", 1)], &gone), Err(NetworkError::Unknown("Z".to_owned())));
    assert_eq!(schedule(&[task("A", -1)], &[]), Err(NetworkError::OutOfRange("A".to_owned())));
    assert_eq!(schedule(&[task("A", i64::MAX)], &[]), Err(NetworkError::OutOfRange("A".to_owned())));
    let far = [link("A", "B", Kind::FinishToStart, i64::MIN)];
    assert_eq!(schedule(&[task("A", 1), task("B", 1)], &far), Err(NetworkError::OutOfRange("B".to_owned())));
    let many: Vec<Task> = (0..=MOST_TASKS).map(|at| task(&at.to_string(), 1)).collect();
    assert_eq!(schedule(&many, &[]), Err(NetworkError::TooLarge));
    let none = schedule(&[], &[]).unwrap();
    assert_eq!((none.duration, none.critical), (0, Vec::new()));
}

/// A network without cycles: links lead from a task to a later one.
fn network() -> impl Strategy<Value = (Vec<Task>, Vec<Dependency>)> {
    let tasks = prop::collection::vec((0_i64..9, 0_i64..6), 1..14);
    tasks.prop_flat_map(|tasks| {
        let count = tasks.len();
        let links = prop::collection::vec((0..count, 0..count, 0_usize..4, -4_i64..5), 0..30);
        (Just(tasks), links).prop_map(|(tasks, links)| {
            let tasks = tasks.into_iter().enumerate();
            let tasks =
                tasks.map(|(at, (duration, not_before))| Task { id: at.to_string(), duration, not_before }).collect();
            let links = links.into_iter().filter(|(from, to, ..)| from < to);
            let links = links.map(|(from, to, kind, lag)| link(&from.to_string(), &to.to_string(), KINDS[kind], lag));
            (tasks, links.collect())
        })
    })
}

/// Whether starts and finishes keep a dependency, by its definition.
fn is_kept(tie: &Dependency, start: &[i64], finish: &[i64]) -> bool {
    let (from, to): (usize, usize) = (tie.predecessor.parse().unwrap(), tie.successor.parse().unwrap());
    match tie.kind {
        Kind::FinishToStart => start[to] >= finish[from] + tie.lag,
        Kind::StartToStart => start[to] >= start[from] + tie.lag,
        Kind::FinishToFinish => finish[to] >= finish[from] + tie.lag,
        Kind::StartToFinish => finish[to] >= start[from] + tie.lag,
    }
}

proptest! {
    #[test]
    fn both_schedules_keep_every_dependency((tasks, ties) in network()) {
        let found = schedule(&tasks, &ties).unwrap();
        let column = |of: fn(&Times) -> i64| -> Vec<i64> { found.times.iter().map(of).collect() };
        let early = (column(|times| times.early_start), column(|times| times.early_finish));
        let late = (column(|times| times.late_start), column(|times| times.late_finish));
        for tie in &ties {
            prop_assert!(is_kept(tie, &early.0, &early.1) && is_kept(tie, &late.0, &late.1), "{tie:?}");
        }
        for (task, times) in tasks.iter().zip(&found.times) {
            prop_assert!(times.early_start >= task.not_before && times.late_finish <= found.duration);
            prop_assert_eq!(times.early_finish - times.early_start, task.duration);
            prop_assert_eq!(times.late_finish - times.late_start, task.duration);
            prop_assert!(0 <= times.free_slack && times.free_slack <= times.slack);
        }
        prop_assert!(!found.critical.is_empty());
    }

    #[test]
    fn no_task_can_start_earlier((tasks, ties) in network()) {
        // What relaxing every dependency until nothing moves comes to.
        let mut start: Vec<i64> = tasks.iter().map(|task| task.not_before).collect();
        loop {
            let finish: Vec<i64> = start.iter().zip(&tasks).map(|(start, task)| start + task.duration).collect();
            let Some(broken) = ties.iter().find(|tie| !is_kept(tie, &start, &finish)) else { break };
            start[broken.successor.parse::<usize>().unwrap()] += 1;
        }
        let found = schedule(&tasks, &ties).unwrap();
        prop_assert_eq!(found.times.iter().map(|times| times.early_start).collect::<Vec<_>>(), start);
    }

    #[test]
    fn slack_is_just_how_late_a_task_may_start((tasks, ties) in network(), place in any::<prop::sample::Index>()) {
        let found = schedule(&tasks, &ties).unwrap();
        let at = place.index(tasks.len());
        let delayed_to = |start: i64| {
            let mut tasks = tasks.clone();
            tasks[at].not_before = start;
            schedule(&tasks, &ties).unwrap().duration
        };
        prop_assert_eq!(delayed_to(found.times[at].late_start), found.duration);
        prop_assert_eq!(delayed_to(found.times[at].late_start + 1), found.duration + 1);
    }

    #[test]
    fn free_slack_moves_no_other_task((tasks, ties) in network(), place in any::<prop::sample::Index>()) {
        let found = schedule(&tasks, &ties).unwrap();
        let at = place.index(tasks.len());
        let mut delayed = tasks.clone();
        delayed[at].not_before = found.times[at].early_start + found.times[at].free_slack;
        let moved = schedule(&delayed, &ties).unwrap();
        for other in (0..tasks.len()).filter(|other| *other != at) {
            prop_assert_eq!(moved.times[other].early_start, found.times[other].early_start);
        }
    }

    #[test]
    fn a_link_back_is_a_cycle((tasks, mut ties) in network(), kind in 0_usize..4) {
        prop_assume!(!ties.is_empty());
        let (first, last) = (ties[0].predecessor.clone(), ties[0].successor.clone());
        ties.push(link(&last, &first, KINDS[kind], -100));
        let Err(NetworkError::Cycle(cycle)) = check(&tasks, &ties) else { panic!("no cycle") };
        // What is named is a cycle: each task waits for the one before it.
        for at in 0..cycle.len() {
            let (before, after) = (&cycle[at], &cycle[(at + 1) % cycle.len()]);
            prop_assert!(ties.iter().any(|tie| &tie.predecessor == before && &tie.successor == after));
        }
    }
}
