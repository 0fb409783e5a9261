//! Reads the CDNOW sample: one purchase per line, `master_id sample_id YYYYMMDD cds dollars`.

use std::path::PathBuf;

use anyhow::{Context as _, Result};

use crate::workspace;

/// The file's name, which is part of every natural key.
pub const FILE: &str = "CDNOW_sample.txt";

/// One purchase, as the API wants it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Purchase {
    /// Counted from 1; a customer can buy twice on one day, so only the line names a purchase.
    pub line: usize,
    pub customer: String,
    pub placed_at: String,
    pub quantity: u32,
    /// Dollars with two decimals.
    pub amount: String,
}

/// A customer and all purchases in the order of the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Customer {
    pub id: String,
    pub purchases: Vec<Purchase>,
}

/// Reads the copy in `examples/data`.
pub fn read() -> Result<Vec<Customer>> {
    let path: PathBuf = workspace::root().join("examples/data").join(FILE);
    let text = std::fs::read_to_string(&path).with_context(|| format!("reading {}", path.display()))?;
    parse(&text)
}

fn parse(text: &str) -> Result<Vec<Customer>> {
    let mut customers: Vec<Customer> = Vec::new();
    for (index, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        let number = index + 1;
        let purchase = purchase(number, line).with_context(|| {
            format!("{FILE}:{number}: expected `master_id sample_id YYYYMMDD cds dollars`, found `{}`", line.trim())
        })?;
        match customers.last_mut() {
            Some(customer) if customer.id == purchase.customer => customer.purchases.push(purchase),
            _ => customers.push(Customer { id: purchase.customer.clone(), purchases: vec![purchase] }),
        }
    }
    Ok(customers)
}

fn purchase(line: usize, text: &str) -> Option<Purchase> {
    let mut columns = text.split_whitespace();
    let customer = digits(columns.next()?)?;
    let _sample_id = digits(columns.next()?)?;
    let date = digits(columns.next()?).filter(|date| date.len() == 8)?;
    let quantity = columns.next()?.parse().ok()?;
    let amount = columns.next()?;
    let (dollars, cents) = amount.split_once('.')?;
    let whole = digits(dollars).is_some() && digits(cents).is_some_and(|cents| cents.len() == 2);
    (whole && columns.next().is_none()).then(|| Purchase {
        line,
        customer: customer.to_owned(),
        placed_at: format!("{}-{}-{}T00:00:00Z", &date[..4], &date[4..6], &date[6..]),
        quantity,
        amount: amount.to_owned(),
    })
}

fn digits(text: &str) -> Option<&str> {
    (!text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())).then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn purchases_are_gathered_by_customer() {
        let text =
            " 00004 0001 19970101  2   29.33\r\n 00004 0001 19970101  1   0.00\r\n 00018 0002 19970104  1   14.96\r\n";
        let customers = parse(text).unwrap();
        let sizes: Vec<_> = customers.iter().map(|customer| (customer.id.as_str(), customer.purchases.len())).collect();
        assert_eq!(sizes, [("00004", 2), ("00018", 1)]);
        let first = &customers[0].purchases[0];
        assert_eq!((first.line, first.quantity), (1, 2));
        assert_eq!((first.placed_at.as_str(), first.amount.as_str()), ("1997-01-01T00:00:00Z", "29.33"));
    }

    #[test]
    fn a_line_that_is_no_purchase_is_named() {
        for line in ["00004 0001 19970101 2", "00004 0001 1997 2 29.33", "00004 0001 19970101 x 29.33", "a b c d e"] {
            let error = parse(line).unwrap_err().to_string();
            assert!(error.contains("CDNOW_sample.txt:1"), "{error}");
        }
    }

    #[test]
    fn the_copy_is_whole() {
        let customers = read().unwrap();
        let purchases = || customers.iter().flat_map(|customer| &customer.purchases);
        let cents: u64 = purchases().map(|one| one.amount.replace('.', "").parse::<u64>().unwrap()).sum();
        assert_eq!((customers.len(), purchases().count(), cents), (2_357, 6_919, 24_409_194));
    }
}
