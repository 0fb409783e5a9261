//! The books by examples, and by random histories of changes.

use proptest::prelude::*;

use super::*;

fn line(id: &str, amount: i128, is_due: bool) -> Line {
    Line { id: id.to_owned(), amount, is_due, is_written_off: false }
}

fn invoice(id: &str, amount: i128) -> Invoice {
    Invoice { id: id.to_owned(), amount, is_void: false, is_late: false }
}

fn on(invoice: &str, line: &str, amount: i128) -> InvoiceMatch {
    InvoiceMatch { invoice: invoice.to_owned(), line: line.to_owned(), amount }
}

fn paid(invoice: &str, amount: i128) -> ReceiptMatch {
    ReceiptMatch { invoice: invoice.to_owned(), amount }
}

/// 100 in two lines, of which the first is due; an invoice of 100.
fn books() -> Books {
    Books {
        standing: Standing::Active,
        total: 100,
        supplements: Vec::new(),
        lines: vec![line("first", 70, true), line("second", 30, false)],
        invoices: vec![invoice("i", 100)],
        invoice_matches: Vec::new(),
        receipt_matches: Vec::new(),
    }
}

fn with(change: impl FnOnce(&mut Books)) -> Result<Sums, Violation> {
    let mut books = books();
    change(&mut books);
    books.settle()
}

fn statuses(sums: &Sums) -> Vec<&'static str> {
    sums.lines.iter().map(|line| line.status.as_str()).collect()
}

#[test]
fn a_plan_in_force_adds_up() {
    assert!(books().settle().is_ok());
    let wrong = Err(Violation::PlanDoesNotAddUp { planned: 99, agreed: 100 });
    assert_eq!(with(|books| books.lines[1].amount = 29), wrong);
    // While it is drafted or amended, it may be anything; and once terminated, nobody minds.
    for standing in [Standing::Draft, Standing::Amending, Standing::Terminated] {
        assert!(with(|books| (books.lines[1].amount, books.standing) = (29, standing)).is_ok());
    }
    assert_eq!(
        with(|books| books.supplements = vec![20, -5]),
        Err(Violation::PlanDoesNotAddUp { planned: 100, agreed: 115 })
    );
    let sums = with(|books| {
        books.supplements = vec![20, -5];
        books.lines.push(line("third", 15, false));
    });
    assert_eq!(sums.map(|sums| (sums.agreed, sums.planned)), Ok((115, 115)));
}

#[test]
fn no_line_is_invoiced_beyond_itself_or_before_its_trigger() {
    assert!(with(|books| books.invoice_matches = vec![on("i", "first", 70)]).is_ok());
    assert_eq!(
        with(|books| books.invoice_matches = vec![on("i", "first", 40), on("i", "first", 31)]),
        Err(Violation::LineOverInvoiced { line: "first".to_owned(), amount: 70, invoiced: 71 })
    );
    assert_eq!(
        with(|books| books.invoice_matches = vec![on("i", "second", 1)]),
        Err(Violation::LineNotReady { line: "second".to_owned() })
    );
    assert_eq!(
        with(|books| {
            books.standing = Standing::Draft;
            books.invoice_matches = vec![on("i", "first", 1)];
        }),
        Err(Violation::NotInForce)
    );
}

#[test]
fn no_invoice_is_matched_or_paid_beyond_itself() {
    let smaller = |change: fn(&mut Books)| {
        with(|books| {
            books.invoices[0].amount = 50;
            change(books);
        })
    };
    assert_eq!(
        smaller(|books| books.invoice_matches = vec![on("i", "first", 51)]),
        Err(Violation::InvoiceOverMatched { invoice: "i".to_owned(), amount: 50, matched: 51 })
    );
    assert_eq!(
        smaller(|books| books.receipt_matches = vec![paid("i", 50), paid("i", 1)]),
        Err(Violation::InvoiceOverPaid { invoice: "i".to_owned(), amount: 50, received: 51 })
    );
    assert_eq!(
        smaller(|books| {
            books.invoices[0].is_void = true;
            books.receipt_matches = vec![paid("i", 1)];
        }),
        Err(Violation::InvoiceVoid { invoice: "i".to_owned() })
    );
}

#[test]
fn wrong_amounts_and_foreign_matches_are_refused() {
    assert_eq!(with(|books| books.total = -1), Err(Violation::Amount("total")));
    assert_eq!(with(|books| books.supplements = vec![-101]), Err(Violation::Amount("agreed")));
    assert_eq!(with(|books| books.lines[0].amount = -70), Err(Violation::Amount("line")));
    assert_eq!(with(|books| books.invoices[0].amount = 0), Err(Violation::Amount("invoice")));
    assert_eq!(with(|books| books.invoice_matches = vec![on("i", "first", 0)]), Err(Violation::Amount("match")));
    assert_eq!(with(|books| books.receipt_matches = vec![paid("i", -1)]), Err(Violation::Amount("match")));
    assert_eq!(with(|books| books.invoice_matches = vec![on("i", "other", 1)]), Err(Violation::OtherContract));
    assert_eq!(with(|books| books.receipt_matches = vec![paid("other", 1)]), Err(Violation::OtherContract));
}

#[test]
fn payments_go_to_lines_row_by_row() {
    let after = |amount: i128| {
        with(|books| {
            books.lines[1].is_due = true;
            books.invoice_matches = vec![on("i", "second", 30), on("i", "first", 70)];
            books.receipt_matches = vec![paid("i", amount)];
        })
        .unwrap()
    };
    let received = |sums: &Sums| sums.lines.iter().map(|line| line.received).collect::<Vec<_>>();
    assert_eq!((received(&after(70)), statuses(&after(70))), (vec![70, 0], vec!["paid", "invoiced"]));
    assert_eq!((received(&after(80)), statuses(&after(80))), (vec![70, 10], vec!["paid", "partially_paid"]));
    assert_eq!((after(80).invoices[0].status, after(100).invoices[0].status), ("partially_paid", "paid"));
    assert_eq!((after(80).billing(), after(80).received), ("fully_billed", 80));
}

#[test]
fn statuses_follow_what_happened() {
    assert_eq!(statuses(&books().settle().unwrap()), ["ready_to_invoice", "not_ready"]);
    assert_eq!(statuses(&with(|books| books.standing = Standing::Amending).unwrap()), ["not_ready", "not_ready"]);
    let late = with(|books| {
        books.invoices[0].is_late = true;
        books.invoice_matches = vec![on("i", "first", 70)];
        books.lines[1].is_written_off = true;
    });
    let late = late.unwrap();
    assert_eq!((statuses(&late), late.invoices[0].status), (vec!["overdue", "written_off"], "overdue"));
    assert_eq!(late.billing(), "partially_billed");
    assert_eq!(books().settle().unwrap().billing(), "not_billed");
}

#[test]
fn a_contract_is_completed_when_every_line_is_paid_or_written_off() {
    let unpaid = with(|books| books.standing = Standing::Completed);
    assert_eq!(unpaid, Err(Violation::Unpaid { line: "first".to_owned() }));
    let done = with(|books| {
        books.standing = Standing::Completed;
        books.invoice_matches = vec![on("i", "first", 70)];
        books.receipt_matches = vec![paid("i", 70)];
        books.lines[1].is_written_off = true;
    });
    assert!(done.is_ok());
}

#[test]
fn a_contract_goes_its_way() {
    use Standing::{Active, Amending, Completed, Draft, Terminated};
    let all = [Draft, Active, Amending, Completed, Terminated];
    let next = |from: Standing| all.into_iter().filter(|to| from.may_become(*to)).collect::<Vec<_>>();
    assert_eq!(next(Draft), [Draft, Active, Terminated]);
    assert_eq!(next(Active), [Active, Amending, Completed, Terminated]);
    assert_eq!(next(Amending), [Active, Amending, Terminated]);
    assert_eq!((next(Completed), next(Terminated)), (vec![Completed], vec![Terminated]));
}

/// A change that somebody asks for, right or wrong.
#[derive(Debug, Clone)]
enum Change {
    Total(i128),
    Supplement(i128),
    AddLine(i128, bool),
    LineAmount(usize, i128),
    Due(usize, bool),
    WriteOff(usize),
    Invoice(i128),
    InvoiceAmount(usize, i128),
    Void(usize),
    Match(usize, usize, i128),
    Unmatch(usize),
    Pay(usize, i128),
    Unpay(usize),
    Standing(Standing),
}

fn change() -> impl Strategy<Value = Change> {
    let amount = -5_i128..60;
    let place = 0_usize..6;
    prop_oneof![
        amount.clone().prop_map(Change::Total),
        (-30_i128..30).prop_map(Change::Supplement),
        (amount.clone(), any::<bool>()).prop_map(|(amount, due)| Change::AddLine(amount, due)),
        (place.clone(), amount.clone()).prop_map(|(at, amount)| Change::LineAmount(at, amount)),
        (place.clone(), any::<bool>()).prop_map(|(at, due)| Change::Due(at, due)),
        place.clone().prop_map(Change::WriteOff),
        amount.clone().prop_map(Change::Invoice),
        (place.clone(), amount.clone()).prop_map(|(at, amount)| Change::InvoiceAmount(at, amount)),
        place.clone().prop_map(Change::Void),
        (place.clone(), place.clone(), amount.clone()).prop_map(|(i, l, amount)| Change::Match(i, l, amount)),
        (place.clone(), place.clone(), amount.clone()).prop_map(|(i, l, amount)| Change::Match(i, l, amount)),
        place.clone().prop_map(Change::Unmatch),
        (place.clone(), amount).prop_map(|(at, amount)| Change::Pay(at, amount)),
        place.prop_map(Change::Unpay),
        prop::sample::select(vec![Standing::Active, Standing::Amending, Standing::Completed, Standing::Terminated])
            .prop_map(Change::Standing),
    ]
}

impl Books {
    /// As it would be. What names something that is not there changes nothing.
    fn changed(&self, change: &Change) -> Self {
        let mut books = self.clone();
        match *change {
            Change::Total(total) => books.total = total,
            Change::Supplement(amount) => books.supplements.push(amount),
            Change::AddLine(amount, due) => books.lines.push(line(&format!("l{}", self.lines.len()), amount, due)),
            Change::LineAmount(at, amount) => books.lines.iter_mut().skip(at).take(1).for_each(|l| l.amount = amount),
            Change::Due(at, due) => books.lines.iter_mut().skip(at).take(1).for_each(|line| line.is_due = due),
            Change::WriteOff(at) => books.lines.iter_mut().skip(at).take(1).for_each(|line| line.is_written_off = true),
            Change::Invoice(amount) => books.invoices.push(invoice(&format!("i{}", self.invoices.len()), amount)),
            Change::InvoiceAmount(at, amount) => {
                books.invoices.iter_mut().skip(at).take(1).for_each(|invoice| invoice.amount = amount);
            }
            Change::Void(at) => books.invoices.iter_mut().skip(at).take(1).for_each(|invoice| invoice.is_void = true),
            Change::Match(at, row, amount) => {
                books.invoice_matches.push(on(&format!("i{at}"), &format!("l{row}"), amount));
            }
            Change::Unmatch(at) if at < books.invoice_matches.len() => drop(books.invoice_matches.remove(at)),
            Change::Pay(at, amount) => books.receipt_matches.push(paid(&format!("i{at}"), amount)),
            Change::Unpay(at) if at < books.receipt_matches.len() => drop(books.receipt_matches.remove(at)),
            Change::Standing(standing) if self.standing.may_become(standing) => books.standing = standing,
            Change::Unmatch(_) | Change::Unpay(_) | Change::Standing(_) => {}
        }
        books
    }

    /// The invariants, by their words and not by the code above.
    fn assert_holds(&self, sums: &Sums) {
        let of_line = |id: &str| {
            let matches = self.invoice_matches.iter().filter(|one| one.line == id);
            matches.map(|one| one.amount).sum::<i128>()
        };
        let paid = |id: &str| {
            let matches = self.receipt_matches.iter().filter(|one| one.invoice == id);
            matches.map(|one| one.amount).sum::<i128>()
        };
        let planned: i128 = self.lines.iter().map(|line| line.amount).sum();
        if matches!(self.standing, Standing::Active | Standing::Completed) {
            assert_eq!(planned, self.total + self.supplements.iter().sum::<i128>());
        }
        for (line, sums) in self.lines.iter().zip(&sums.lines) {
            assert!(of_line(&line.id) <= line.amount && sums.invoiced == of_line(&line.id));
            assert!(line.is_due || sums.invoiced == 0);
            assert!(line.is_due || matches!(sums.status, LineStatus::NotReady | LineStatus::WrittenOff));
            assert!(0 <= sums.received && sums.received <= sums.invoiced);
        }
        for (invoice, sums) in self.invoices.iter().zip(&sums.invoices) {
            assert!(paid(&invoice.id) <= invoice.amount && sums.received == paid(&invoice.id));
            assert!(sums.matched <= invoice.amount);
        }
        assert!(self.invoice_matches.iter().all(|one| one.amount > 0));
        assert!(self.receipt_matches.iter().all(|one| one.amount > 0));
        // No payment is lost or counted twice: what lines have is what invoices pass on.
        let passed_on: i128 = sums.invoices.iter().map(|invoice| invoice.received.min(invoice.matched)).sum();
        assert_eq!(sums.lines.iter().map(|line| line.received).sum::<i128>(), passed_on);
        assert_eq!(sums.invoiced, sums.lines.iter().map(|line| line.invoiced).sum::<i128>());
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn whatever_is_asked_for_the_invariants_hold(changes in prop::collection::vec(change(), 1..60)) {
        let mut books = Books {
            standing: Standing::Draft,
            total: 50,
            supplements: Vec::new(),
            lines: vec![line("l0", 30, true), line("l1", 20, false)],
            invoices: vec![invoice("i0", 40)],
            invoice_matches: Vec::new(),
            receipt_matches: Vec::new(),
        };
        for change in &changes {
            let changed = books.changed(change);
            // What is refused is not done.
            if let Ok(sums) = changed.settle() {
                changed.assert_holds(&sums);
                books = changed;
            }
        }
    }
}
