//! What was won and what was lost, why, how fast, and how much that makes a day.

use std::collections::BTreeMap;

use guildhall_sdk::filter::{self, Filter};
use guildhall_sdk::{Decimal, Fault, Record, Value, json, minor_digits};
use sales_rules::forecast::Figure;
use sales_rules::moment::DAY;
use sales_rules::{exact, winning};

use crate::ask::{self, Periods};
use crate::figures;

/// Deals that were decided: how many, by currency what they were worth, and how long they took.
#[derive(Default)]
struct Decided {
    deals: i64,
    /// Those of which it is known how long they took.
    cycles: i64,
    seconds: i64,
    amounts: BTreeMap<String, Figure>,
}

/// What was won and lost by somebody, or in all.
#[derive(Default)]
struct Side {
    won: Decided,
    lost: Decided,
}

fn too_large() -> Fault {
    Fault::new("out_of_range", "The figures are too large to be added up.")
}

impl Decided {
    fn add(&mut self, row: &Record) -> Result<(), Fault> {
        let (figure, currency) = Figure::read(row);
        self.deals += figure.deals;
        self.cycles += row.integer("cycles").unwrap_or_default();
        let seconds = row.integer("seconds").unwrap_or_default();
        self.seconds = self.seconds.checked_add(seconds).ok_or_else(too_large)?;
        if let Some(currency) = currency {
            match self.amounts.get_mut(&currency) {
                Some(sum) => {
                    sum.deals += figure.deals;
                    sum.amount = sum.amount.checked_add(figure.amount).ok_or_else(too_large)?;
                }
                None => {
                    self.amounts.insert(currency, figure);
                }
            }
        }
        Ok(())
    }

    /// How many days a deal took from its start to its close.
    fn cycle_days(&self) -> Option<Decimal> {
        let days = Decimal::from(self.cycles).checked_mul(Decimal::from(DAY))?;
        exact::divide(Decimal::from(self.seconds), days, 2)
    }

    fn to_json(&self) -> Value {
        let amounts: Vec<Value> = self
            .amounts
            .iter()
            .map(|(currency, figure)| {
                let amount = exact::shown(figure.amount, minor_digits(currency));
                json!({"currency": currency, "deals": figure.deals, "amount": amount})
            })
            .collect();
        json!({"deals": self.deals, "amounts": amounts, "cycle_days": self.cycle_days()})
    }
}

pub fn run(input: &Value) -> Result<Value, Fault> {
    let periods = Periods::read(input)?;
    let by = ask::text(input, "by");
    let (mut all, mut sides) = (Side::default(), BTreeMap::<String, Side>::new());
    let mut reasons: BTreeMap<String, Decided> = BTreeMap::new();
    for first in periods.starts() {
        let period = Periods::one(periods.kind, first);
        let meant = first.to_string();
        let closed = closed_in(period, first, input);
        let groups =
            [json!("status"), figures::bucket("closed_at", periods.kind)].into_iter().chain(by.map(|by| json!(by)));
        let groups: Vec<Value> = groups.collect();
        for row in decided(&closed, &groups)?.iter().filter(|row| row.date("period") == Some(meant.as_str())) {
            all.of(row)?;
            if let Some(by) = by {
                sides.entry(row.text(by).unwrap_or_default().to_owned()).or_default().of(row)?;
            }
        }
        let lost = filter::and([closed, filter::eq("status", "lost")]);
        let groups = [json!("lost_reason"), figures::bucket("closed_at", periods.kind)];
        for row in decided(&lost, &groups)?.iter().filter(|row| row.date("period") == Some(meant.as_str())) {
            reasons.entry(row.text("lost_reason").unwrap_or("none").to_owned()).or_default().add(row)?;
        }
    }
    let mut answer = all.to_json();
    let mut reasons: Vec<_> = reasons.into_iter().collect();
    reasons.sort_by(|(one, a), (other, b)| (b.deals, one).cmp(&(a.deals, other)));
    let lost = all.lost.deals;
    answer["lost_reasons"] = reasons
        .iter()
        .map(|(reason, decided)| {
            let mut row = decided.to_json();
            row["reason"] = json!(reason);
            row["share"] = json!(exact::share(decided.deals, lost));
            row
        })
        .collect();
    answer["velocity"] = velocity(&all, input)?;
    if let Some(by) = by {
        let row = |(whose, side): (&String, &Side)| {
            let mut row = side.to_json();
            row[by] = if whose.is_empty() { Value::Null } else { json!(whose) };
            row
        };
        answer["rows"] = sides.iter().map(row).collect();
    }
    Ok(answer)
}

impl Side {
    fn of(&mut self, row: &Record) -> Result<(), Fault> {
        if row.text("status") == Some("won") { self.won.add(row) } else { self.lost.add(row) }
    }

    fn to_json(&self) -> Value {
        json!({
            "won": self.won.to_json(),
            "lost": self.lost.to_json(),
            "win_rate": winning::rate(self.won.deals, self.lost.deals),
        })
    }
}

fn closed_in(period: Periods, first: sales_rules::day::Day, input: &Value) -> Filter {
    let pipeline = ask::text(input, "pipeline").map(|pipeline| filter::eq("pipeline", pipeline));
    let closed = [filter::any_of("status", ["won", "lost"]), figures::around("closed_at", first, period.last_day())];
    filter::and(closed.into_iter().chain(pipeline))
}

fn decided(condition: &Filter, group_by: &[Value]) -> Result<Vec<Record>, Fault> {
    let question = json!({
        "filter": Value::from(condition.clone()),
        "group_by": group_by,
        "measures": [
            {"fn": "count", "as": "deals"},
            {"fn": "sum", "field": "amount", "as": "amount"},
            {"fn": "count", "field": "cycle_seconds", "as": "cycles"},
            {"fn": "sum", "field": "cycle_seconds", "as": "seconds"},
        ],
        "limit": 1000,
    });
    figures::rows("sales.deal", &question)
}

/// What is won a day by the open deals, when they go as those did that were decided.
fn velocity(all: &Side, input: &Value) -> Result<Value, Fault> {
    let (Some(rate), Some(days)) = (winning::rate(all.won.deals, all.lost.deals), all.won.cycle_days()) else {
        return Ok(json!([]));
    };
    let pipeline = ask::text(input, "pipeline").map(|pipeline| filter::eq("pipeline", pipeline));
    let open = filter::and([filter::eq("status", "open")].into_iter().chain(pipeline));
    let mut rows = Vec::new();
    for row in figures::deals(open, &[])? {
        let (figure, Some(currency)) = Figure::read(&row) else { continue };
        let Some(won) = all.won.amounts.get(&currency) else { continue };
        let digits = minor_digits(&currency);
        let average = exact::divide(won.amount, Decimal::from(won.deals), digits);
        let a_day = average.and_then(|average| winning::velocity(figure.deals, rate, average, days, digits));
        rows.push(json!({"currency": currency, "open_deals": figure.deals, "average": average, "a_day": a_day}));
    }
    Ok(json!(rows))
}
