//! Deals by random walks through a pipeline, and by changes of every kind.

use guildhall_sdk::{Value, json};
use proptest::prelude::*;

use super::*;
use crate::exact;

/// What somebody may send as a new state of a deal, good or bad.
fn any_change() -> impl Strategy<Value = Vec<(&'static str, Value)>> {
    let field = prop_oneof![
        prop::sample::select(vec!["open", "won", "lost"]).prop_map(|status| ("status", json!(status))),
        prop::sample::select(vec!["a", "b", "c", "x", "nowhere"]).prop_map(|stage| ("stage", json!(stage))),
        prop::sample::select(vec!["p1", "p2", "p3", "gone"]).prop_map(|pipeline| ("pipeline", json!(pipeline))),
        (-1_000_i64..1_000_000).prop_map(|cents| {
            let amount = exact::divide(Decimal::from(cents), Decimal::from(100), 2);
            ("amount", json!({"amount": amount, "currency": "EUR"}))
        }),
        Just(("amount", Value::Null)),
        (-10_i64..120).prop_map(|probability| ("probability", json!(probability))),
        prop::sample::select(vec!["commit", "upside", "closed"]).prop_map(|one| ("forecast_category", json!(one))),
        prop::sample::select(vec!["2026-01-20", "1850-01-01", "2044-12-31"]).prop_map(|day| ("close_date", json!(day))),
        Just(("lost_reason", json!("price"))),
        Just(("contact", json!("c1"))),
        Just(("checks", json!(["signed"]))),
        Just(("owner", json!("u2"))),
    ];
    prop::collection::vec(field, 1..4)
}

proptest! {
    /// Of any walk, the history tells every second once, and the way that was taken.
    #[test]
    fn stays_add_up_to_the_time_of_the_deal(steps in prop::collection::vec((0_usize..3, 0_i64..1_000_000), 1..25)) {
        let mut desk = Desk::new();
        let begun = desk.now;
        let ready = deal().set("contact", "c1").set("amount", money("10.00", "EUR")).set("checks", json!(["signed"]));
        let (mut now, _) = desk.stored(None, &ready).unwrap();
        let (mut seconds, mut at) = (0, "a".to_owned());
        for (stage, wait) in steps {
            desk.now = desk.now.plus_seconds(wait);
            let to = ["a", "b", "c"][stage];
            let (after, history) = desk.stored(Some(&now), &now.clone().set("stage", to)).unwrap();
            prop_assert_eq!(history.len(), usize::from(at != to));
            for line in history {
                prop_assert_eq!(line.from_stage.as_deref(), Some(at.as_str()));
                prop_assert_eq!(line.to_stage.as_deref(), Some(to));
                seconds += line.stay.unwrap().0;
            }
            prop_assert_eq!(after.integer("probability"), Some([20, 40, 80][stage]));
            (now, at) = (after, to.to_owned());
        }
        let (won, history) = desk.stored(Some(&now), &now.clone().set("status", "won")).unwrap();
        seconds += history[0].stay.unwrap().0;
        prop_assert_eq!(seconds, desk.now.seconds_since(begun));
        prop_assert_eq!(won.integer("cycle_seconds"), Some(seconds));
    }

    /// Whatever is sent, one after the other: what is refused changes nothing, and what passes is whole.
    #[test]
    fn what_passes_is_whole(changes in prop::collection::vec((any_change(), 0_i64..500_000), 1..25)) {
        let mut desk = Desk::new();
        let (mut now, _) = desk.stored(None, &deal()).unwrap();
        let mut standing = (Some("a".to_owned()), "open".to_owned());
        for (change, wait) in changes {
            desk.now = desk.now.plus_seconds(wait);
            let sent = change.into_iter().fold(now.clone(), |deal, (field, value)| deal.set(field, value));
            let Ok((after, history)) = desk.stored(Some(&now), &sent) else { continue };
            let status = after.text("status").unwrap().to_owned();
            let probability = after.integer("probability").unwrap();
            match status.as_str() {
                "won" => prop_assert_eq!((probability, after.text("forecast_category")), (100, Some("closed"))),
                "lost" => prop_assert_eq!((probability, after.text("lost_reason")), (0, Some("price"))),
                _ => prop_assert!(after.text("forecast_category") != Some("closed") && (0..=100).contains(&probability)),
            }
            let worth = after.money("amount").map(|amount| weighted(amount.amount, probability).unwrap());
            prop_assert_eq!(after.decimal("weighted"), worth);
            prop_assert!(after.money("amount").is_none_or(|amount| !amount.amount.is_negative()));
            prop_assert_eq!(after.datetime("closed_at").is_some(), status != "open");
            prop_assert_eq!(after.datetime("won_at").is_some(), status == "won");
            prop_assert_eq!(after.datetime("lost_at").is_some(), status == "lost");
            let stands = (after.link("stage").map(str::to_owned), status);
            // The history tells of every step, of nothing else, and ends where the deal is.
            prop_assert_eq!(history.is_empty(), stands == standing);
            if let Some(last) = history.last() {
                prop_assert_eq!((last.to_stage.clone(), last.kind.status()), (stands.0.clone(), stands.1.as_str()));
            }
            if standing.1 != "open" && stands.1 == standing.1 {
                prop_assert_eq!((after.value("amount"), after.value("owner")), (now.value("amount"), now.value("owner")));
            }
            (now, standing) = (after, stands);
        }
    }
}
