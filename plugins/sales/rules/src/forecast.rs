//! Forecasts: what the host has added up, put together by period, by whose it is, and by currency.

use std::collections::BTreeMap;

use guildhall_sdk::{Decimal, Fault, Money, Record, Value, json, minor_digits};

use crate::exact;

/// The categories of open deals, from the least certain to the most.
pub const CATEGORIES: [&str; 5] = ["omitted", "pipeline", "upside", "best_case", "commit"];

/// Deals of one kind together: how many, what they are worth, and what that is by their probability.
#[derive(Debug, Clone, PartialEq)]
pub struct Figure {
    pub deals: i64,
    pub amount: Decimal,
    pub weighted: Decimal,
}

/// What is expected in a period, of one seller, team or pipeline, in one currency.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Forecast {
    open: BTreeMap<String, Figure>,
    won: Option<Figure>,
}

/// A period, whose it is, and a currency.
pub type Key = (String, String, String);

/// Forecasts by their keys.
#[derive(Debug, Default)]
pub struct Forecasts(BTreeMap<Key, Forecast>);

fn too_large() -> Fault {
    Fault::new("out_of_range", "The amounts are too large to be added up.")
}

impl Figure {
    /// What the host is asked about deals; each row of its answer is a figure.
    pub fn question(condition: &Value, group_by: &[Value]) -> Value {
        json!({
            "filter": condition,
            "group_by": group_by,
            "measures": [
                {"fn": "count", "as": "deals"},
                {"fn": "sum", "field": "amount", "as": "amount"},
                {"fn": "sum", "field": "weighted", "as": "weighted"},
            ],
            "limit": 1000,
        })
    }

    /// From a row of the host's figures; deals without an amount count, and are worth nothing.
    pub fn read(row: &Record) -> (Self, Option<String>) {
        let amount: Option<Money> = row.money("amount");
        let weighted = row.decimal("weighted").unwrap_or(Decimal::ZERO);
        let deals = row.integer("deals").unwrap_or_default();
        let (amount, currency) = amount.map_or((Decimal::ZERO, None), |money| (money.amount, Some(money.currency)));
        (Self { deals, amount, weighted }, currency)
    }

    fn nothing() -> Self {
        Self { deals: 0, amount: Decimal::ZERO, weighted: Decimal::ZERO }
    }

    fn plus(&self, other: &Self) -> Option<Self> {
        Some(Self {
            deals: self.deals.checked_add(other.deals)?,
            amount: self.amount.checked_add(other.amount)?,
            weighted: self.weighted.checked_add(other.weighted)?,
        })
    }
}

impl Forecast {
    /// Adds deals: open ones of a category, or won ones.
    pub fn add(&mut self, category: Option<&str>, figure: &Figure) -> Result<(), Fault> {
        let place = match category {
            Some(category) => self.open.entry(category.to_owned()).or_insert_with(Figure::nothing),
            None => self.won.get_or_insert_with(Figure::nothing),
        };
        *place = place.plus(figure).ok_or_else(too_large)?;
        Ok(())
    }

    /// Everything that the other one has, too.
    pub fn absorb(&mut self, other: &Self) -> Result<(), Fault> {
        for (category, figure) in &other.open {
            self.add(Some(category), figure)?;
        }
        other.won.as_ref().map_or(Ok(()), |won| self.add(None, won))
    }

    /// All open deals together.
    pub fn open(&self) -> Result<Figure, Fault> {
        self.open.values().try_fold(Figure::nothing(), |sum, figure| sum.plus(figure)).ok_or_else(too_large)
    }

    /// Open deals of a category.
    pub fn of(&self, category: &str) -> Figure {
        self.open.get(category).cloned().unwrap_or_else(Figure::nothing)
    }

    /// What was won.
    pub fn won(&self) -> Figure {
        self.won.clone().unwrap_or_else(Figure::nothing)
    }

    /// What is expected in all: what was won, and of the rest its weighted amount.
    pub fn expected(&self) -> Result<Decimal, Fault> {
        self.won().amount.checked_add(self.open()?.weighted).ok_or_else(too_large)
    }

    /// As an answer has it. Amounts are exact: weighted ones have up to two digits more than the currency.
    pub fn to_json(&self, currency: &str) -> Result<Value, Fault> {
        let digits = minor_digits(currency);
        let written = |amount: Decimal| exact::shown(amount, digits);
        let (open, won) = (self.open()?, self.won());
        let categories: BTreeMap<String, Value> = CATEGORIES
            .iter()
            .map(|category| {
                let figure = self.of(category);
                ((*category).to_owned(), json!({"deals": figure.deals, "amount": written(figure.amount)}))
            })
            .collect();
        Ok(json!({
            "currency": currency,
            "open": {"deals": open.deals, "amount": written(open.amount), "weighted": written(open.weighted)},
            "categories": categories,
            "won": {"deals": won.deals, "amount": written(won.amount)},
            "expected": written(self.expected()?),
        }))
    }
}

impl Forecasts {
    /// Adds what the host has added up.
    pub fn add(&mut self, key: Key, category: Option<&str>, figure: &Figure) -> Result<(), Fault> {
        self.0.entry(key).or_default().add(category, figure)
    }

    /// Each forecast, in the order of periods.
    pub fn iter(&self) -> impl Iterator<Item = (&Key, &Forecast)> {
        self.0.iter()
    }

    /// All of them together, by currency.
    pub fn totals(&self) -> Result<BTreeMap<&str, Forecast>, Fault> {
        let mut totals: BTreeMap<&str, Forecast> = BTreeMap::new();
        for ((_, _, currency), forecast) in &self.0 {
            totals.entry(currency).or_default().absorb(forecast)?;
        }
        Ok(totals)
    }
}

#[cfg(test)]
mod tests;
