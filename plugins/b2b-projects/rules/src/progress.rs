//! How much of an engagement is done, in four ways, from a tally that changes with each task.

use guildhall_sdk::Decimal;

use crate::number::{decimal, over, rounded_to, units, whole};

/// By what the percentage goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    /// What somebody said.
    Manual,
    /// Tasks that are completed or cancelled, of all.
    Completion,
    /// The mean of the tasks' progress.
    Progress,
    /// The mean of the tasks' progress by their weights.
    Weight,
}

impl Method {
    /// The option of the field; manual when it is none.
    pub fn of(text: Option<&str>) -> Self {
        match text {
            Some("task_completion") => Self::Completion,
            Some("task_progress") => Self::Progress,
            Some("task_weight") => Self::Weight,
            _ => Self::Manual,
        }
    }
}

/// What a task adds to the tally.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Part {
    /// Completed or cancelled.
    pub is_done: bool,
    /// Hundredths of a percent.
    pub progress: i128,
    /// Hundredths.
    pub weight: i128,
}

/// Sums over the tasks of an engagement.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tally {
    pub tasks: i64,
    pub done: i64,
    /// Hundredths of percents.
    pub progress: i128,
    /// Hundredths.
    pub weight: i128,
    /// Ten thousandths: progress times weight.
    pub weighted: i128,
}

impl Tally {
    /// With a task more.
    pub fn add(&mut self, part: Part) {
        self.count(part, 1);
    }

    /// Without a task that it has.
    pub fn remove(&mut self, part: Part) {
        self.count(part, -1);
    }

    fn count(&mut self, part: Part, sign: i8) {
        self.tasks += i64::from(sign);
        self.done += i64::from(part.is_done) * i64::from(sign);
        self.progress += part.progress * i128::from(sign);
        self.weight += part.weight * i128::from(sign);
        self.weighted += part.progress * part.weight * i128::from(sign);
    }

    /// The percentage with two digits, halves to the even side; 0 as long as there is nothing to count.
    pub fn percent(&self, method: Method, manual: Decimal) -> Decimal {
        let share = |part: i128, of: i128| over(&whole(part), &whole(of)).and_then(|share| rounded_to(&share, 2));
        let percent = match method {
            Method::Manual => units(manual, 2).map(|percent| decimal(percent, 2)),
            Method::Completion => share(i128::from(self.done) * 100, i128::from(self.tasks)),
            Method::Progress => share(self.progress, i128::from(self.tasks) * 100),
            Method::Weight => share(self.weighted, self.weight * 100),
        };
        percent.unwrap_or(decimal(0, 2))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn part(is_done: bool, percent: i128, weight: i128) -> Part {
        Part { is_done, progress: percent * 100, weight: weight * 100 }
    }

    fn tally(parts: &[Part]) -> Tally {
        let mut tally = Tally::default();
        for part in parts {
            tally.add(*part);
        }
        tally
    }

    fn percents(tally: &Tally, manual: &str) -> Vec<String> {
        let methods = [Method::Manual, Method::Completion, Method::Progress, Method::Weight];
        methods.map(|method| tally.percent(method, manual.parse().unwrap()).to_string()).to_vec()
    }

    #[test]
    fn four_ways_count_differently() {
        // Two of three are done, one of them cancelled without progress.
        let tasks = tally(&[part(true, 100, 1), part(true, 0, 4), part(false, 50, 2)]);
        assert_eq!(percents(&tasks, "12.5"), ["12.50", "66.67", "50.00", "28.57"]);
        assert_eq!(percents(&Tally::default(), "0"), ["0.00"; 4]);
        // Weights that are all zero weigh nothing, and divide by nothing.
        assert_eq!(percents(&tally(&[part(true, 100, 0)]), "7"), ["7.00", "100.00", "100.00", "0.00"]);
    }

    #[test]
    fn a_method_is_an_option_of_the_field() {
        let named = [Some("task_completion"), Some("task_progress"), Some("task_weight"), Some("manual"), None];
        let methods = named.map(Method::of);
        let expected = [Method::Completion, Method::Progress, Method::Weight, Method::Manual, Method::Manual];
        assert_eq!(methods, expected);
    }

    fn any_part() -> impl Strategy<Value = Part> {
        (any::<bool>(), 0_i128..=10_000, 0_i128..100_000).prop_map(|(is_done, progress, weight)| Part {
            is_done,
            progress,
            weight,
        })
    }

    proptest! {
        #[test]
        fn what_comes_and_goes_leaves_what_stays(
            stays in prop::collection::vec(any_part(), 0..20), goes in prop::collection::vec(any_part(), 0..20),
        ) {
            let mut changed = tally(&[stays.clone(), goes.clone()].concat());
            for part in &goes {
                changed.remove(*part);
            }
            prop_assert_eq!(changed, tally(&stays));
        }

        #[test]
        fn a_percentage_is_between_0_and_100(parts in prop::collection::vec(any_part(), 0..20)) {
            let tally = tally(&parts);
            for method in [Method::Completion, Method::Progress, Method::Weight] {
                let percent = tally.percent(method, Decimal::ZERO);
                prop_assert!(percent >= Decimal::ZERO && percent <= Decimal::from(100));
            }
        }

        #[test]
        fn equal_weights_are_the_plain_mean(
            progress in prop::collection::vec(0_i128..=10_000, 1..20), weight in 1_i128..1000,
        ) {
            let parts: Vec<Part> =
                progress.into_iter().map(|progress| Part { is_done: false, progress, weight }).collect();
            let tally = tally(&parts);
            prop_assert_eq!(tally.percent(Method::Weight, Decimal::ZERO), tally.percent(Method::Progress, Decimal::ZERO));
        }
    }
}
