//! Registered deals of partners: how they are decided, and which ones are in each other's way.

use std::collections::BTreeSet;

/// What the partner does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    Draft,
    Submitted,
    Withdrawn,
}

/// What is said to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decision {
    UnderReview,
    Approved,
    Rejected,
    /// To be changed and submitted again.
    Returned,
    Closed,
}

/// Where a registration stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    Draft,
    Submitted,
    UnderReview,
    Approved,
    Rejected,
    Returned,
    Expired,
    Withdrawn,
    Closed,
}

impl Step {
    /// The option of the field.
    pub fn of(text: Option<&str>) -> Self {
        match text {
            Some("submitted") => Self::Submitted,
            Some("withdrawn") => Self::Withdrawn,
            _ => Self::Draft,
        }
    }
}

impl Decision {
    /// The option of the field.
    pub fn of(text: Option<&str>) -> Option<Self> {
        match text? {
            "under_review" => Some(Self::UnderReview),
            "approved" => Some(Self::Approved),
            "rejected" => Some(Self::Rejected),
            "returned" => Some(Self::Returned),
            "closed" => Some(Self::Closed),
            _ => None,
        }
    }
}

impl Status {
    /// All of them.
    pub const ALL: [Self; 9] = [
        Self::Draft,
        Self::Submitted,
        Self::UnderReview,
        Self::Approved,
        Self::Rejected,
        Self::Returned,
        Self::Expired,
        Self::Withdrawn,
        Self::Closed,
    ];

    /// The option of the field; a draft when it is none.
    pub fn of(text: Option<&str>) -> Self {
        Self::ALL.into_iter().find(|status| Some(status.as_str()) == text).unwrap_or(Self::Draft)
    }

    /// The option of the field.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Draft => "draft",
            Self::Submitted => "submitted",
            Self::UnderReview => "under_review",
            Self::Approved => "approved",
            Self::Rejected => "rejected",
            Self::Returned => "returned",
            Self::Expired => "expired",
            Self::Withdrawn => "withdrawn",
            Self::Closed => "closed",
        }
    }

    /// Whether nothing can come after it.
    pub fn is_final(self) -> bool {
        matches!(self, Self::Rejected | Self::Expired | Self::Withdrawn | Self::Closed)
    }

    /// After the partner's step; none when it cannot be taken now.
    pub fn stepped(self, step: Step) -> Option<Self> {
        match (self, step) {
            (Self::Draft | Self::Returned, Step::Submitted) => Some(Self::Submitted),
            (Self::Draft | Self::Returned | Self::Submitted | Self::UnderReview | Self::Approved, Step::Withdrawn) => {
                Some(Self::Withdrawn)
            }
            _ => None,
        }
    }

    /// After a decision; none when there is nothing to decide so.
    pub fn decided(self, decision: Decision) -> Option<Self> {
        match (self, decision) {
            (Self::Submitted, Decision::UnderReview) => Some(Self::UnderReview),
            (Self::Submitted | Self::UnderReview, Decision::Approved) => Some(Self::Approved),
            (Self::Submitted | Self::UnderReview, Decision::Rejected) => Some(Self::Rejected),
            (Self::Submitted | Self::UnderReview, Decision::Returned) => Some(Self::Returned),
            (Self::Approved, Decision::Closed) => Some(Self::Closed),
            _ => None,
        }
    }
}

/// Whether two registrations for the same customer are about the same products. No product stands for all.
pub fn overlap(one: &BTreeSet<String>, other: &BTreeSet<String>) -> bool {
    one.is_empty() || other.is_empty() || !one.is_disjoint(other)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const STEPS: [Step; 3] = [Step::Draft, Step::Submitted, Step::Withdrawn];
    const DECISIONS: [Decision; 5] =
        [Decision::UnderReview, Decision::Approved, Decision::Rejected, Decision::Returned, Decision::Closed];

    #[test]
    fn a_registration_goes_its_way() {
        let submitted = Status::Draft.stepped(Step::Submitted).unwrap();
        let reviewed = submitted.decided(Decision::UnderReview).unwrap();
        let returned = reviewed.decided(Decision::Returned).unwrap();
        assert_eq!(returned.stepped(Step::Submitted), Some(Status::Submitted));
        assert_eq!(reviewed.decided(Decision::Approved), Some(Status::Approved));
        assert_eq!(Status::Approved.decided(Decision::Closed), Some(Status::Closed));
        // A draft is not approved, and what was approved is not rejected.
        assert_eq!(Status::Draft.decided(Decision::Approved), None);
        assert_eq!(Status::Approved.decided(Decision::Rejected), None);
        assert_eq!(Status::Approved.stepped(Step::Submitted), None);
    }

    #[test]
    fn nothing_else_leads_from_one_to_another() {
        let steps = |status: Status| STEPS.map(|step| status.stepped(step).map_or("", Status::as_str));
        let decisions = |status: Status| DECISIONS.map(|decision| status.decided(decision).map_or("", Status::as_str));
        let none = ["", "", "", "", ""];
        for (status, stepped, decided) in [
            (Status::Draft, ["", "submitted", "withdrawn"], none),
            (Status::Returned, ["", "submitted", "withdrawn"], none),
            (Status::Submitted, ["", "", "withdrawn"], ["under_review", "approved", "rejected", "returned", ""]),
            (Status::UnderReview, ["", "", "withdrawn"], ["", "approved", "rejected", "returned", ""]),
            (Status::Approved, ["", "", "withdrawn"], ["", "", "", "", "closed"]),
        ] {
            assert_eq!((steps(status), decisions(status)), (stepped, decided), "{status:?}");
        }
    }

    #[test]
    fn ends_are_ends() {
        for status in Status::ALL {
            assert_eq!(Status::of(Some(status.as_str())), status);
            let goes_on = STEPS.into_iter().filter_map(|step| status.stepped(step)).count()
                + DECISIONS.into_iter().filter_map(|decision| status.decided(decision)).count();
            assert_eq!(goes_on == 0, status.is_final(), "{status:?}");
        }
    }

    proptest! {
        #[test]
        fn overlapping_is_mutual(
            one in prop::collection::btree_set("[a-e]", 0..4), other in prop::collection::btree_set("[a-e]", 0..4),
        ) {
            prop_assert_eq!(overlap(&one, &other), overlap(&other, &one));
            prop_assert!(overlap(&one, &one));
            let shared = one.iter().any(|product| other.contains(product));
            prop_assert_eq!(overlap(&one, &other), shared || one.is_empty() || other.is_empty());
        }

        #[test]
        fn protection_is_only_reached_through_a_decision(moves in prop::collection::vec((any::<bool>(), 0_usize..15), 0..12)) {
            let mut status = Status::Draft;
            let mut approvals = 0;
            for (is_step, which) in moves {
                let next = if is_step { status.stepped(STEPS[which % 3]) } else { status.decided(DECISIONS[which % 5]) };
                approvals += u32::from(!is_step && next == Some(Status::Approved));
                status = next.unwrap_or(status);
            }
            prop_assert!(status != Status::Approved || approvals == 1);
        }
    }
}
