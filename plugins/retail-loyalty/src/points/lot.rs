//! A lot: points that came together, and end together.

use crate::calendar::Date;

/// Where the points of a lot are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// They are not to be spent yet.
    Pending,
    /// Some are left.
    Active,
    /// None is left; the last ones were spent.
    Spent,
    /// The last ones were too old.
    Expired,
    /// The last ones went with the order that had brought them.
    Reversed,
}

impl State {
    /// As records have it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Active => "active",
            Self::Spent => "spent",
            Self::Expired => "expired",
            Self::Reversed => "reversed",
        }
    }

    /// As [`State::as_str`] has it.
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Pending, Self::Active, Self::Spent, Self::Expired, Self::Reversed]
            .into_iter()
            .find(|state| state.as_str() == text)
    }
}

/// Points that came together. The entry that brought them is the lot's own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lot {
    /// The entry that brought them.
    pub id: String,
    /// The order that brought them.
    pub order: Option<String>,
    /// How many they were.
    pub earned: i64,
    /// How many are left.
    pub remaining: i64,
    /// How many of them became too old.
    pub expired: i64,
    /// The last day on which they can be spent.
    pub expires_on: Option<Date>,
    /// The day from which on they can be spent.
    pub active_on: Option<Date>,
    /// Where they are.
    pub state: State,
}

impl Lot {
    /// Whether something of it can be spent on a day.
    pub fn is_usable(&self, today: Date) -> bool {
        self.state == State::Active && self.remaining > 0 && !self.is_over(today)
    }

    /// Whether its last day is past.
    pub fn is_over(&self, today: Date) -> bool {
        self.expires_on.is_some_and(|last| last < today)
    }

    /// Lots are spent in this order: the nearest end first, then the oldest; those without an end last.
    pub fn rank(&self) -> (bool, Option<Date>, &str) {
        (self.expires_on.is_none(), self.expires_on, &self.id)
    }
}
