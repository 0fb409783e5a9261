//! What a contract, its payment plan, its invoices and its payments come to, and what none of them may break.
//!
//! All amounts are minor units of the contract's currency. The rules have no tolerance.

mod types;

use std::collections::HashMap;

use crate::split::consumed;

pub use types::{
    Books, Invoice, InvoiceMatch, InvoiceSums, Line, LineStatus, LineSums, ReceiptMatch, Standing, Sums, Violation,
};

impl Books {
    /// Adds everything up, or says what is wrong.
    pub fn settle(&self) -> Result<Sums, Violation> {
        let agreed = self.agreed()?;
        let planned: i128 = self.lines.iter().map(|line| line.amount).sum();
        if matches!(self.standing, Standing::Active | Standing::Completed) && planned != agreed {
            return Err(Violation::PlanDoesNotAddUp { planned, agreed });
        }
        let invoices = places(self.invoices.iter().map(|invoice| invoice.id.as_str()));
        let lines = places(self.lines.iter().map(|line| line.id.as_str()));
        let mut invoiced = vec![0; self.lines.len()];
        let mut matched = vec![0; self.invoices.len()];
        // What each invoice has on each line.
        let mut on_lines = vec![Vec::new(); self.invoices.len()];
        for one in &self.invoice_matches {
            let (Some(&invoice), Some(&line)) = (invoices.get(one.invoice.as_str()), lines.get(one.line.as_str()))
            else {
                return Err(Violation::OtherContract);
            };
            positive(one.amount, "match")?;
            matched[invoice] += one.amount;
            invoiced[line] += one.amount;
            on_lines[invoice].push((line, one.amount));
        }
        let mut paid = vec![0; self.invoices.len()];
        for one in &self.receipt_matches {
            let invoice = *invoices.get(one.invoice.as_str()).ok_or(Violation::OtherContract)?;
            positive(one.amount, "match")?;
            paid[invoice] += one.amount;
        }
        self.check_invoices(&matched, &paid)?;
        self.check_lines(&invoiced)?;
        let (received, is_late) = self.received(&mut on_lines, &paid);
        let sums = Sums {
            agreed,
            planned,
            invoiced: invoiced.iter().sum(),
            received: paid.iter().sum(),
            lines: (0..self.lines.len()).map(|at| self.line(at, invoiced[at], received[at], is_late[at])).collect(),
            invoices: (0..self.invoices.len()).map(|at| self.invoice(at, matched[at], paid[at])).collect(),
        };
        self.check_completion(&sums)?;
        Ok(sums)
    }

    fn agreed(&self) -> Result<i128, Violation> {
        let agreed = self.total + self.supplements.iter().sum::<i128>();
        let is_wrong =
            |amount: i128, what: &'static str| if amount < 0 { Err(Violation::Amount(what)) } else { Ok(()) };
        is_wrong(self.total, "total")?;
        is_wrong(agreed, "agreed")?;
        self.lines.iter().try_for_each(|line| is_wrong(line.amount, "line"))?;
        self.invoices.iter().try_for_each(|invoice| positive(invoice.amount, "invoice"))?;
        Ok(agreed)
    }

    fn check_invoices(&self, matched: &[i128], paid: &[i128]) -> Result<(), Violation> {
        for (at, invoice) in self.invoices.iter().enumerate() {
            let (id, amount) = (|| invoice.id.clone(), invoice.amount);
            if invoice.is_void && (matched[at] > 0 || paid[at] > 0) {
                return Err(Violation::InvoiceVoid { invoice: id() });
            }
            if matched[at] > amount {
                return Err(Violation::InvoiceOverMatched { invoice: id(), amount, matched: matched[at] });
            }
            if paid[at] > amount {
                return Err(Violation::InvoiceOverPaid { invoice: id(), amount, received: paid[at] });
            }
        }
        Ok(())
    }

    fn check_lines(&self, invoiced: &[i128]) -> Result<(), Violation> {
        for (line, &invoiced) in self.lines.iter().zip(invoiced) {
            if invoiced == 0 {
                continue;
            }
            if self.standing == Standing::Draft {
                return Err(Violation::NotInForce);
            }
            if invoiced > line.amount {
                return Err(Violation::LineOverInvoiced { line: line.id.clone(), amount: line.amount, invoiced });
            }
            if !line.is_due {
                return Err(Violation::LineNotReady { line: line.id.clone() });
            }
        }
        Ok(())
    }

    fn check_completion(&self, sums: &Sums) -> Result<(), Violation> {
        let is_done = |line: &Line, sums: &LineSums| {
            line.amount == 0 || matches!(sums.status, LineStatus::Paid | LineStatus::WrittenOff)
        };
        let left = self.lines.iter().zip(&sums.lines).find(|(line, sums)| !is_done(line, sums));
        match left {
            Some((line, _)) if self.standing == Standing::Completed => Err(Violation::Unpaid { line: line.id.clone() }),
            _ => Ok(()),
        }
    }

    /// What of each line is paid: an invoice's payments go to its lines row by row, in the order of the plan. And
    /// whether a line waits for an invoice that is late.
    fn received(&self, on_lines: &mut [Vec<(usize, i128)>], paid: &[i128]) -> (Vec<i128>, Vec<bool>) {
        let mut received = vec![0; self.lines.len()];
        let mut is_late = vec![false; self.lines.len()];
        for (invoice, rows) in on_lines.iter_mut().enumerate() {
            rows.sort_unstable();
            let amounts: Vec<i128> = rows.iter().map(|(_, amount)| *amount).collect();
            for ((line, amount), covered) in rows.iter().zip(consumed(&amounts, paid[invoice])) {
                received[*line] += covered;
                is_late[*line] |= covered < *amount && self.invoices[invoice].is_late;
            }
        }
        (received, is_late)
    }

    fn line(&self, at: usize, invoiced: i128, received: i128, is_late: bool) -> LineSums {
        let line = &self.lines[at];
        let in_force = matches!(self.standing, Standing::Active | Standing::Completed);
        let status = if line.is_written_off {
            LineStatus::WrittenOff
        } else if invoiced == 0 {
            if in_force && line.is_due { LineStatus::ReadyToInvoice } else { LineStatus::NotReady }
        } else if received == line.amount {
            LineStatus::Paid
        } else if is_late {
            LineStatus::Overdue
        } else if received > 0 {
            LineStatus::PartiallyPaid
        } else {
            LineStatus::Invoiced
        };
        LineSums { invoiced, received, status }
    }

    fn invoice(&self, at: usize, matched: i128, received: i128) -> InvoiceSums {
        let invoice = &self.invoices[at];
        let status = if invoice.is_void {
            "void"
        } else if received == invoice.amount {
            "paid"
        } else if invoice.is_late {
            "overdue"
        } else if received > 0 {
            "partially_paid"
        } else {
            "open"
        };
        InvoiceSums { matched, received, status }
    }
}

fn positive(amount: i128, what: &'static str) -> Result<(), Violation> {
    if amount > 0 { Ok(()) } else { Err(Violation::Amount(what)) }
}

fn places<'a>(ids: impl Iterator<Item = &'a str>) -> HashMap<&'a str, usize> {
    ids.enumerate().map(|(place, id)| (id, place)).collect()
}

#[cfg(test)]
mod tests;
