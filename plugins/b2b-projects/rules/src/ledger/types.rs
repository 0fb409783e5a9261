//! What books are made of, and what they come to.

/// Where a contract stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    Draft,
    Active,
    /// The plan may be changed, and nothing be invoiced.
    Amending,
    Completed,
    Terminated,
}

impl Standing {
    /// The option of the field.
    pub fn of(text: Option<&str>) -> Self {
        match text {
            Some("active") => Self::Active,
            Some("amending") => Self::Amending,
            Some("completed") => Self::Completed,
            Some("terminated") => Self::Terminated,
            _ => Self::Draft,
        }
    }

    /// Whether the plan may be changed.
    pub fn is_open(self) -> bool {
        matches!(self, Self::Draft | Self::Amending)
    }

    /// Whether a contract may go from one to the other.
    pub fn may_become(self, next: Self) -> bool {
        use Standing::{Active, Amending, Completed, Draft, Terminated};
        self == next
            || matches!(
                (self, next),
                (Draft | Amending, Active | Terminated) | (Active, Amending | Completed | Terminated)
            )
    }
}

/// A line of the payment plan, in the order of the plan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    pub id: String,
    pub amount: i128,
    /// Whether its day, its milestone or the end of the warranty has come.
    pub is_due: bool,
    pub is_written_off: bool,
}

/// An invoice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Invoice {
    pub id: String,
    pub amount: i128,
    pub is_void: bool,
    /// Whether the day is over on which it was to be paid.
    pub is_late: bool,
}

/// What of an invoice stands on a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InvoiceMatch {
    pub invoice: String,
    pub line: String,
    pub amount: i128,
}

/// What of a receipt pays an invoice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReceiptMatch {
    pub invoice: String,
    pub amount: i128,
}

/// Everything about the money of a contract.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Books {
    pub standing: Standing,
    pub total: i128,
    /// Amounts of the signed supplements.
    pub supplements: Vec<i128>,
    pub lines: Vec<Line>,
    pub invoices: Vec<Invoice>,
    pub invoice_matches: Vec<InvoiceMatch>,
    pub receipt_matches: Vec<ReceiptMatch>,
}

/// What the books may not be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Violation {
    /// Below zero, or zero where something has to be.
    Amount(&'static str),
    /// The lines of a contract in force add up to something else than was agreed.
    PlanDoesNotAddUp { planned: i128, agreed: i128 },
    /// More is invoiced on a line than it has.
    LineOverInvoiced { line: String, amount: i128, invoiced: i128 },
    /// An invoice is on lines for more than it has.
    InvoiceOverMatched { invoice: String, amount: i128, matched: i128 },
    /// An invoice is paid more than it has.
    InvoiceOverPaid { invoice: String, amount: i128, received: i128 },
    /// A line is invoiced before its trigger.
    LineNotReady { line: String },
    /// A void invoice has matches.
    InvoiceVoid { invoice: String },
    /// A match with an invoice or a line of another contract.
    OtherContract,
    /// Something is invoiced on a contract that never was in force.
    NotInForce,
    /// A contract is completed that has unpaid lines.
    Unpaid { line: String },
}

/// Where a line of the plan stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LineStatus {
    NotReady,
    ReadyToInvoice,
    Invoiced,
    PartiallyPaid,
    Paid,
    Overdue,
    WrittenOff,
}

impl LineStatus {
    /// The option of the field.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::NotReady => "not_ready",
            Self::ReadyToInvoice => "ready_to_invoice",
            Self::Invoiced => "invoiced",
            Self::PartiallyPaid => "partially_paid",
            Self::Paid => "paid",
            Self::Overdue => "overdue",
            Self::WrittenOff => "written_off",
        }
    }
}

/// What a line comes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LineSums {
    pub invoiced: i128,
    pub received: i128,
    pub status: LineStatus,
}

/// What an invoice comes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InvoiceSums {
    pub matched: i128,
    pub received: i128,
    /// The option of the field.
    pub status: &'static str,
}

/// What the books come to, lines and invoices in their order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sums {
    pub agreed: i128,
    pub planned: i128,
    pub invoiced: i128,
    pub received: i128,
    pub lines: Vec<LineSums>,
    pub invoices: Vec<InvoiceSums>,
}

impl Sums {
    /// How much of the contract is billed, as the option of the field.
    pub fn billing(&self) -> &'static str {
        match self.invoiced {
            _ if self.agreed == 0 => "not_billable",
            0 => "not_billed",
            invoiced if invoiced == self.agreed => "fully_billed",
            _ => "partially_billed",
        }
    }
}
