//! Exchange rates: what a currency is worth in the base currency on a day.

use guildhall_sdk::{Decimal, Money, Record, minor_digits};

use crate::day::Day;
use crate::exact;

/// The rates that are known, and the currency that they lead to.
#[derive(Debug, Clone)]
pub struct Rates {
    base: String,
    rates: Vec<(String, Day, Decimal)>,
}

impl Rates {
    /// From records of `sales.rate`.
    pub fn read(base: &str, records: &[Record]) -> Self {
        let read = |record: &Record| {
            let (currency, day) = (record.text("currency")?.to_owned(), record.date("valid_from")?.parse().ok()?);
            Some((currency, day, record.decimal("rate")?))
        };
        Self { base: base.to_owned(), rates: records.iter().filter_map(read).collect() }
    }

    /// The rate of a currency that holds on a day: the latest that had begun.
    pub fn on(&self, currency: &str, day: Day) -> Option<Decimal> {
        if currency == self.base {
            return Some(Decimal::from(1));
        }
        let begun = self.rates.iter().filter(|(of, from, _)| of == currency && *from <= day);
        begun.max_by_key(|(_, from, _)| *from).map(|(_, _, rate)| *rate)
    }

    /// An amount in the base currency, rounded once, half to even; `None` without a rate, or when it does not fit.
    pub fn convert(&self, amount: Decimal, currency: &str, day: Day) -> Option<Money> {
        let product = amount.checked_mul(self.on(currency, day)?)?;
        let digits = minor_digits(&self.base);
        let amount = exact::written(exact::round(product, digits), digits)?;
        Some(Money { amount, currency: self.base.clone() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rates() -> Rates {
        let rate = |currency: &str, from: &str, rate: &str| {
            Record::new().set("currency", currency).set("valid_from", from).set("rate", rate)
        };
        Rates::read(
            "EUR",
            &[
                rate("USD", "2026-01-01", "0.92"),
                rate("USD", "2026-07-01", "0.95"),
                rate("JPY", "2026-01-01", "0.00625"),
            ],
        )
    }

    #[test]
    fn the_latest_rate_that_has_begun_holds() {
        let day = |text: &str| text.parse::<Day>().unwrap();
        let convert = |amount: &str, currency: &str, on: &str| {
            rates().convert(amount.parse().unwrap(), currency, day(on)).map(|money| money.to_string())
        };
        assert_eq!(convert("100.00", "USD", "2026-06-30").as_deref(), Some("92.00 EUR"));
        assert_eq!(convert("100.00", "USD", "2026-07-01").as_deref(), Some("95.00 EUR"));
        assert_eq!(convert("100.00", "USD", "2025-12-31"), None);
        assert_eq!(convert("100.00", "GBP", "2026-07-01"), None);
        assert_eq!(convert("100.125", "EUR", "2020-01-01").as_deref(), Some("100.12 EUR"));
        assert_eq!(convert("2", "JPY", "2026-07-01").as_deref(), Some("0.01 EUR"));
    }
}
