//! Earned value: what was planned, earned and spent up to a day, all cumulative.

use num_rational::BigRational;
use num_traits::Zero;

use crate::calendar::Calendar;
use crate::day::Day;
use crate::number::{over, whole};

/// How much of a task counts as planned before its planned end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Planned {
    /// In proportion to the working days of the plan that are over.
    Linear,
    /// Nothing before the planned end.
    AtFinish,
}

/// A piece of work with its budget.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Work {
    /// Minor units.
    pub budget: i128,
    /// Hundredths of a percent.
    pub progress: i128,
    /// First and last day of the plan; work without a plan is never behind it.
    pub plan: Option<(Day, Day)>,
}

/// What the measures are made of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Figures {
    /// Budget at completion.
    pub bac: BigRational,
    /// Planned value.
    pub pv: BigRational,
    /// Earned value.
    pub ev: BigRational,
    /// Actual cost.
    pub ac: BigRational,
}

/// An estimate at completion, and what follows from it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Estimate {
    pub at_completion: BigRational,
    /// What is still to be spent.
    pub to_complete: BigRational,
    /// The budget less the estimate.
    pub variance: BigRational,
    /// At what cost performance the estimate is met from now on.
    pub performance: Option<BigRational>,
}

impl Figures {
    /// Of pieces of work and what was spent, up to a day, the day included.
    pub fn of(works: &[Work], spent: i128, on: Day, calendar: &Calendar, planned: Planned) -> Self {
        let mut figures = Self { bac: whole(0), pv: whole(0), ev: whole(0), ac: whole(spent) };
        for work in works {
            let budget = whole(work.budget);
            figures.ev += &budget * whole(work.progress) / whole(10_000);
            figures.pv += &budget * share(work.plan, on, calendar, planned);
            figures.bac += budget;
        }
        figures
    }

    /// Earned less spent.
    pub fn cost_variance(&self) -> BigRational {
        &self.ev - &self.ac
    }

    /// Earned less planned.
    pub fn schedule_variance(&self) -> BigRational {
        &self.ev - &self.pv
    }

    /// Earned per unit spent; none as long as nothing is spent.
    pub fn cost_performance(&self) -> Option<BigRational> {
        over(&self.ev, &self.ac)
    }

    /// Earned per unit planned; none as long as nothing is planned.
    pub fn schedule_performance(&self) -> Option<BigRational> {
        over(&self.ev, &self.pv)
    }

    /// The rest at the cost performance so far.
    pub fn typical(&self) -> Option<Estimate> {
        over(&self.bac, &self.cost_performance()?).map(|at| self.estimate(at))
    }

    /// The rest as budgeted.
    pub fn atypical(&self) -> Estimate {
        self.estimate(&self.ac + &self.bac - &self.ev)
    }

    /// The rest at the performance of cost and schedule together.
    pub fn combined(&self) -> Option<Estimate> {
        let performance = self.cost_performance()? * self.schedule_performance()?;
        over(&(&self.bac - &self.ev), &performance).map(|rest| self.estimate(&self.ac + rest))
    }

    /// At what cost performance the budget is kept from now on; none when it is used up to the last unit.
    pub fn to_complete_performance(&self) -> Option<BigRational> {
        over(&(&self.bac - &self.ev), &(&self.bac - &self.ac))
    }

    fn estimate(&self, at_completion: BigRational) -> Estimate {
        let to_complete = &at_completion - &self.ac;
        Estimate {
            variance: &self.bac - &at_completion,
            performance: over(&(&self.bac - &self.ev), &to_complete),
            to_complete,
            at_completion,
        }
    }
}

/// Which part of the plan is over, from 0 to 1.
fn share(plan: Option<(Day, Day)>, on: Day, calendar: &Calendar, planned: Planned) -> BigRational {
    let Some((first, last)) = plan else { return BigRational::zero() };
    if on >= last {
        return whole(1);
    }
    if planned == Planned::AtFinish || on < first {
        return BigRational::zero();
    }
    let days = |to: Day| whole(i128::from(calendar.worked(first, to)));
    over(&days(on), &days(last)).unwrap_or_default()
}

#[cfg(test)]
mod tests;
