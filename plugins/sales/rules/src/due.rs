//! What falls due for the owner of a lead or a deal: each due is told once, and again when it is moved.

use guildhall_sdk::{Record, Value};

use crate::moment::Moment;

/// Something that falls due.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Due {
    /// What it is: the field that says when.
    pub kind: &'static str,
    pub at: Moment,
}

fn dues(moments: impl IntoIterator<Item = (&'static str, Option<Moment>)>) -> Vec<Due> {
    moments.into_iter().filter_map(|(kind, at)| Some(Due { kind, at: at? })).collect()
}

fn moment(record: &Record, field: &str) -> Option<Moment> {
    record.datetime(field)?.parse().ok()
}

/// What falls due of an open deal.
pub fn of_deal(deal: &Record, stage_due: Option<Moment>) -> Vec<Due> {
    let close_date = deal.date("close_date").and_then(|day| day.parse().ok()).map(Moment::midnight);
    dues([("close_date", close_date), ("next_step_at", moment(deal, "next_step_at")), ("stage_due_at", stage_due)])
}

/// What falls due of an open lead; nobody has to respond any more once it is worked on.
pub fn of_lead(lead: &Record, respond_by: Option<Moment>) -> Vec<Due> {
    let respond_by = respond_by.filter(|_| lead.text("status") == Some("new"));
    dues([("respond_by", respond_by), ("follow_up_at", moment(lead, "follow_up_at"))])
}

/// Whether the owner was told of it already.
fn is_told(due: &Due, record: &Record) -> bool {
    let told = record.value("reminded").and_then(|reminded| reminded.get(due.kind));
    told.and_then(Value::as_str) == Some(due.at.to_string().as_str())
}

/// When the owner is to be told of something next.
pub fn next(dues: &[Due], record: &Record) -> Option<Moment> {
    dues.iter().filter(|due| !is_told(due, record)).map(|due| due.at).min()
}

/// What the owner is to be told of now.
pub fn fallen<'a>(dues: &'a [Due], record: &'a Record, now: Moment) -> impl Iterator<Item = &'a Due> {
    dues.iter().filter(move |due| due.at <= now && !is_told(due, record))
}

/// What `reminded` says when the owner has been told of all of these.
pub fn told(dues: &[Due], record: &Record, now: Moment) -> Value {
    let mut reminded = record.value("reminded").and_then(Value::as_object).cloned().unwrap_or_default();
    for due in fallen(dues, record, now) {
        reminded.insert(due.kind.to_owned(), due.at.to_string().into());
    }
    Value::Object(reminded)
}

#[cfg(test)]
mod tests {
    use guildhall_sdk::json;
    use proptest::prelude::*;

    use super::*;
    use crate::day::Day;

    fn at(hour: i64) -> Moment {
        Moment::midnight(Day::of(2026, 1, 1)).plus_seconds(hour * 3600)
    }

    #[test]
    fn a_due_that_is_moved_is_told_again() {
        let deal = Record::new().set("close_date", "2026-01-01").set("next_step_at", at(30).to_string());
        let dues = of_deal(&deal, Some(at(10)));
        assert_eq!(next(&dues, &deal), Some(at(0)));
        let kinds: Vec<_> = fallen(&dues, &deal, at(12)).map(|due| due.kind).collect();
        assert_eq!(kinds, ["close_date", "stage_due_at"]);
        let deal = deal.clone().set("reminded", told(&dues, &deal, at(12)));
        assert_eq!((fallen(&dues, &deal, at(29)).count(), next(&dues, &deal)), (0, Some(at(30))));
        let moved = of_deal(&deal.clone().set("close_date", "2025-12-31"), Some(at(10)));
        assert_eq!(next(&moved, &deal), Some(at(-24)));
    }

    #[test]
    fn who_works_on_a_lead_has_responded() {
        let lead = Record::new().set("status", "new");
        assert_eq!(of_lead(&lead, Some(at(1))).len(), 1);
        assert_eq!(of_lead(&lead.set("status", "working"), Some(at(1))), []);
    }

    proptest! {
        #[test]
        fn everything_is_told_once(
            hours in prop::collection::vec(0_i64..100, 2),
            steps in prop::collection::vec(0_i64..60, 1..10),
        ) {
            let mut deal = Record::new().set("next_step_at", at(hours[0]).to_string()).set("reminded", json!({}));
            let dues = of_deal(&deal, Some(at(hours[1])));
            let (mut now, mut told_of) = (0, 0);
            for step in steps {
                now += step;
                told_of += fallen(&dues, &deal, at(now)).count();
                let reminded = told(&dues, &deal, at(now));
                deal = deal.set("reminded", reminded);
                prop_assert!(next(&dues, &deal).is_none_or(|next| next > at(now)));
            }
            prop_assert_eq!(told_of, hours.iter().filter(|hour| **hour <= now).count());
        }
    }
}
