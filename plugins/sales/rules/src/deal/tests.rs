//! Deals by examples, and by random walks through a pipeline.

use std::collections::BTreeMap;

use guildhall_sdk::{Change, Decimal, Fault, Money, Operation, Record, json};

use super::*;
use crate::day::Day;
use crate::moment::Moment;
use crate::working_hours::WorkingHours;

const SECOND_LINE: &str = "p2";

fn pipelines(sequential: bool) -> Pipelines {
    let pipeline = |id: &str, position: i64| {
        Record::new().set("id", id).set("position", position).set("active", true).set("sequential", sequential)
    };
    let stage = |id: &str, pipeline: &str, position: i64, probability: i64| {
        Record::new()
            .set("id", id)
            .set("pipeline", pipeline)
            .set("position", position)
            .set("probability", probability)
            .set("forecast_category", if probability >= 80 { "commit" } else { "pipeline" })
    };
    let stages = [
        stage("c", "p1", 30, 80).set("entry_criteria", json!(["amount"])).set("exit_criteria", json!(["check:signed"])),
        stage("a", "p1", 10, 20).set("max_days", 7),
        stage("b", "p1", 20, 40).set("exit_criteria", json!(["contact"])),
        stage("x", SECOND_LINE, 10, 50),
    ];
    let closed = pipeline("p3", 5).set("active", false);
    Pipelines::read(&[pipeline(SECOND_LINE, 20).set("currency", "EUR"), pipeline("p1", 10), closed], &stages).unwrap()
}

/// What a test has stored.
struct Desk {
    pipelines: Pipelines,
    lines: BTreeMap<String, Lines>,
    teams: BTreeMap<String, String>,
    hours: WorkingHours,
    now: Moment,
}

impl Desk {
    fn new() -> Self {
        Self {
            pipelines: pipelines(false),
            lines: BTreeMap::new(),
            teams: BTreeMap::from([("u1".to_owned(), "t1".to_owned())]),
            hours: WorkingHours::default(),
            now: Moment::midnight(Day::of(2026, 1, 1)),
        }
    }

    fn settle(&self, before: Option<&Record>, after: &Record) -> Result<Settled, Fault> {
        let change = Change {
            operation: if before.is_some() { Operation::Update } else { Operation::Create },
            object: "sales.deal".to_owned(),
            id: "d1".to_owned(),
            before: before.cloned(),
            after: Some(after.clone()),
        };
        let facts = Facts {
            now: self.now,
            pipelines: &self.pipelines,
            lines: &self.lines,
            teams: &self.teams,
            most: Decimal::from(1_000_000_000_000),
            needs_lost_reason: true,
            hours: &self.hours,
        };
        settle(&change, after, &facts)
    }

    /// The deal as it is stored after a change, and what the history was told.
    fn stored(&self, before: Option<&Record>, after: &Record) -> Result<(Record, Vec<HistoryLine>), Fault> {
        let settled = self.settle(before, after)?;
        Ok((merged(after, &settled.fields), settled.history))
    }

    fn code(&self, before: Option<&Record>, after: &Record) -> String {
        self.settle(before, after).unwrap_err().code().to_owned()
    }
}

/// The record with these fields set.
fn merged(record: &Record, fields: &Record) -> Record {
    let names = [
        "pipeline",
        "stage",
        "probability",
        "forecast_category",
        "weighted",
        "team",
        "stage_entered_at",
        "stage_due_at",
        "closed_at",
        "won_at",
        "lost_at",
        "cycle_seconds",
        "lost_reason",
        "lost_note",
        "next_due_at",
    ];
    let set = names.iter().filter_map(|name| Some((name, fields.value(name)?)));
    set.fold(record.clone(), |record, (name, value)| record.set(name, value.clone()))
}

fn money(amount: &str, currency: &str) -> Money {
    Money { amount: amount.parse().unwrap(), currency: currency.to_owned() }
}

fn deal() -> Record {
    Record::new()
        .set("id", "d1")
        .set("status", "open")
        .set("created_at", "2026-01-01T00:00:00.000000Z")
        .set("owner", "u1")
}

#[test]
fn a_new_deal_begins_at_the_first_stage_of_the_first_pipeline() {
    let (deal, history) = Desk::new().stored(None, &deal().set("amount", money("250.00", "USD"))).unwrap();
    assert_eq!((deal.link("pipeline"), deal.link("stage"), deal.text("team")), (Some("p1"), Some("a"), Some("t1")));
    assert_eq!((deal.integer("probability"), deal.text("forecast_category")), (Some(20), Some("pipeline")));
    assert_eq!(deal.decimal("weighted"), Some("50".parse().unwrap()));
    assert_eq!(deal.datetime("stage_due_at"), Some("2026-01-08T00:00:00.000000Z"));
    assert_eq!(deal.datetime("next_due_at"), deal.datetime("stage_due_at"));
    let line = &history[0];
    assert_eq!((history.len(), line.kind, line.from_stage.as_ref(), line.stay), (1, Kind::Entered, None, None));
}

#[test]
fn gates_ask_for_what_lies_between() {
    let desk = Desk::new();
    let (first, _) = desk.stored(None, &deal()).unwrap();
    let fault = desk.settle(Some(&first), &first.clone().set("stage", "c")).unwrap_err();
    assert_eq!((fault.code(), &fault.details()["missing"]), ("criteria_not_met", &json!(["amount", "contact"])));
    let ready = first.clone().set("contact", "c1").set("amount", money("1.00", "EUR"));
    let (third, history) = desk.stored(Some(&first), &ready.clone().set("stage", "c")).unwrap();
    assert_eq!((history[0].kind, third.integer("probability")), (Kind::Forward, Some(80)));
    assert_eq!(third.text("forecast_category"), Some("commit"));
    // To win it, the last gate has to open, too. The way back has none.
    assert_eq!(desk.code(Some(&third), &third.clone().set("status", "won")), "criteria_not_met");
    let (back, history) = desk.stored(Some(&third), &third.clone().set("stage", "a").set("contact", ())).unwrap();
    assert_eq!((history[0].kind, back.integer("probability")), (Kind::Backward, Some(20)));
    let (won, history) =
        desk.stored(Some(&third), &third.clone().set("status", "won").set("checks", json!(["signed"]))).unwrap();
    assert_eq!(
        (won.integer("probability"), won.text("forecast_category"), won.link("stage")),
        (Some(100), Some("closed"), Some("c"))
    );
    assert_eq!((history[0].kind, won.datetime("won_at")), (Kind::Won, won.datetime("closed_at")));
    assert!(won.datetime("next_due_at").is_none() && won.datetime("stage_due_at").is_none());
}

#[test]
fn where_stages_follow_each_other_none_is_skipped() {
    let desk = Desk { pipelines: pipelines(true), ..Desk::new() };
    let ready = deal().set("contact", "c1").set("amount", money("1.00", "EUR")).set("checks", json!(["signed"]));
    assert_eq!(desk.code(None, &ready.clone().set("stage", "b")), "stage_skipped");
    let (first, _) = desk.stored(None, &ready).unwrap();
    assert_eq!(desk.code(Some(&first), &first.clone().set("stage", "c")), "stage_skipped");
    assert_eq!(desk.code(Some(&first), &first.clone().set("status", "won")), "stage_skipped");
    let (second, _) = desk.stored(Some(&first), &first.clone().set("stage", "b")).unwrap();
    let (third, _) = desk.stored(Some(&second), &second.clone().set("stage", "c")).unwrap();
    assert!(desk.settle(Some(&third), &third.clone().set("stage", "a")).is_ok());
    assert!(desk.settle(Some(&third), &third.clone().set("status", "won")).is_ok());
}

#[test]
fn what_is_set_by_hand_stays_until_the_next_stage() {
    let desk = Desk::new();
    let (first, _) = desk.stored(None, &deal().set("probability", 55).set("forecast_category", "upside")).unwrap();
    assert_eq!((first.integer("probability"), first.text("forecast_category")), (Some(55), Some("upside")));
    let (same, history) = desk.stored(Some(&first), &first.clone().set("name", "New")).unwrap();
    assert_eq!((same.integer("probability"), history.len()), (Some(55), 0));
    let (next, _) = desk.stored(Some(&first), &first.clone().set("stage", "b")).unwrap();
    assert_eq!((next.integer("probability"), next.text("forecast_category")), (Some(40), Some("pipeline")));
    let (said, _) = desk.stored(Some(&first), &first.clone().set("stage", "b").set("probability", 41)).unwrap();
    assert_eq!(said.integer("probability"), Some(41));
    assert_eq!(desk.code(Some(&first), &first.clone().set("forecast_category", "closed")), "not_closed");
    for probability in [-1, 101] {
        assert_eq!(desk.code(Some(&first), &first.clone().set("probability", probability)), "probability_out_of_range");
    }
}

#[test]
fn amounts_and_dates_that_make_no_sense_are_refused() {
    let desk = Desk::new();
    for (field, value, code) in [
        ("amount", json!(money("-0.01", "EUR")), "negative_amount"),
        ("amount", json!(money("1000000000000.01", "EUR")), "amount_too_large"),
        ("close_date", json!("1899-12-31"), "date_out_of_range"),
        ("close_date", json!("9999-12-31"), "date_out_of_range"),
        ("next_step_at", json!("9999-12-31T00:00:00.000000Z"), "date_out_of_range"),
        ("checks", json!("signed"), "invalid_checks"),
        ("stage", json!("nowhere"), "unknown_stage"),
        ("pipeline", json!("p3"), "pipeline_inactive"),
    ] {
        assert_eq!(desk.code(None, &deal().set(field, value.clone())), code, "{field} {value}");
    }
    let dollars = deal().set("pipeline", SECOND_LINE).set("amount", money("1.00", "USD"));
    assert_eq!(desk.code(None, &dollars), "currency_mismatch");
    assert_eq!(desk.code(None, &deal().set("pipeline", SECOND_LINE).set("stage", "a")), "unknown_stage");
    assert_eq!(desk.code(None, &deal().set("status", "lost")), "lost_reason_required");
}

#[test]
fn a_deal_with_products_is_worth_their_sum() {
    let lines = BTreeMap::from([("d1".to_owned(), Lines { count: 2, total: money("30.00", "EUR") })]);
    let desk = Desk { lines, ..Desk::new() };
    let (first, _) = desk.stored(None, &deal().set("amount", money("30.00", "EUR"))).unwrap();
    for amount in [json!(money("31.00", "EUR")), json!(null)] {
        assert_eq!(desk.code(Some(&first), &first.clone().set("amount", amount)), "amount_from_lines");
    }
    assert!(desk.settle(Some(&first), &first.clone().set("name", "New")).is_ok());
}

#[test]
fn a_closed_deal_is_frozen_until_it_is_opened_again() {
    let mut desk = Desk::new();
    let (first, _) = desk.stored(None, &deal()).unwrap();
    let (lost, history) =
        desk.stored(Some(&first), &first.clone().set("status", "lost").set("lost_reason", "price")).unwrap();
    assert_eq!(
        (history[0].kind, history[0].from_stage.as_deref(), lost.integer("probability")),
        (Kind::Lost, Some("a"), Some(0))
    );
    assert_eq!((lost.text("forecast_category"), lost.datetime("won_at")), (Some("omitted"), None));
    for (field, value) in [
        ("amount", json!(money("1.00", "EUR"))),
        ("stage", json!("b")),
        ("owner", json!("u2")),
        ("status", json!("won")),
        ("close_date", json!("2026-05-01")),
    ] {
        assert_eq!(desk.code(Some(&lost), &lost.clone().set(field, value)), "deal_closed", "{field}");
    }
    assert!(desk.settle(Some(&lost), &lost.clone().set("note", "They may come back.").set("contact", "c2")).is_ok());
    desk.now = desk.now.plus_days(30);
    let (opened, history) = desk.stored(Some(&lost), &lost.clone().set("status", "open")).unwrap();
    assert_eq!((history[0].kind, history[0].stay, opened.integer("probability")), (Kind::Reopened, None, Some(20)));
    assert_eq!((opened.text("lost_reason"), opened.datetime("closed_at")), (None, None));
    assert_eq!(opened.datetime("stage_entered_at"), Some("2026-01-31T00:00:00.000000Z"));
}

#[test]
fn another_pipeline_is_entered_at_its_beginning() {
    let desk = Desk::new();
    let (first, _) = desk.stored(None, &deal()).unwrap();
    for change in [("pipeline", SECOND_LINE), ("stage", "x")] {
        let (moved, history) = desk.stored(Some(&first), &first.clone().set(change.0, change.1)).unwrap();
        assert_eq!((moved.link("pipeline"), moved.link("stage")), (Some(SECOND_LINE), Some("x")));
        assert_eq!((history[0].kind, history[0].from_stage.as_deref()), (Kind::Moved, Some("a")));
    }
}

#[test]
fn what_comes_in_closed_was_closed_on_the_day_that_it_says() {
    let desk = Desk::new();
    let past = deal().set("status", "won").set("close_date", "2025-06-30");
    let past = past.set("contact", "c1").set("amount", money("5.00", "EUR")).set("checks", json!(["signed"]));
    let (won, history) = desk.stored(None, &past).unwrap();
    assert_eq!((won.datetime("won_at"), won.integer("cycle_seconds")), (Some("2025-06-30T00:00:00.000000Z"), None));
    assert_eq!(history.iter().map(|line| line.kind).collect::<Vec<_>>(), [Kind::Entered, Kind::Won]);
    let (won, _) = desk.stored(None, &past.set("close_date", "2026-06-30")).unwrap();
    assert_eq!(won.datetime("won_at"), Some("2026-01-01T00:00:00.000000Z"));
}

mod walks;
