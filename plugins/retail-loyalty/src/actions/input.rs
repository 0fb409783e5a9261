//! The input of actions: its form is checked by schemas, and its sense here.

use guildhall_sdk::{Fault, Money, Value};

use crate::calendar::{Date, date};
use crate::ledger::Ledger;

/// The input of one action.
pub struct Input<'a>(pub &'a Value);

impl<'a> Input<'a> {
    /// The key of the operation.
    pub fn key(&self) -> &'a str {
        self.text("key").unwrap_or_default()
    }

    pub fn text(&self, name: &str) -> Option<&'a str> {
        self.0[name].as_str()
    }

    /// A text that the schema has made sure of.
    pub fn needed(&self, name: &str) -> Result<&'a str, Fault> {
        self.text(name).ok_or_else(|| Fault::invalid(format!("`{name}` is missing.")).with_detail("field", name))
    }

    pub fn integer(&self, name: &str) -> Option<i64> {
        self.0[name].as_i64()
    }

    pub fn date(&self, name: &str) -> Result<Option<Date>, Fault> {
        self.text(name).map(date).transpose()
    }

    /// An amount of money above zero.
    pub fn money(&self, name: &str) -> Result<Money, Fault> {
        let wrong = || Fault::invalid(format!("`{name}` is no amount of money above zero.")).with_detail("field", name);
        let text = |member: &str| self.0[name][member].as_str().ok_or_else(wrong);
        let amount = text("amount")?.parse().map_err(|_| wrong())?;
        if amount <= guildhall_sdk::Decimal::ZERO {
            return Err(wrong());
        }
        Ok(Money { amount, currency: text("currency")?.to_owned() })
    }

    /// The member that is named, by `member` or by `contact`: read, and the one that it has become a part of.
    pub fn member(&self, ledger: &mut Ledger<'_>) -> Result<String, Fault> {
        self.member_named("member", ledger)
    }

    /// A member that is named, by this name or by `contact`.
    pub fn member_named(&self, name: &str, ledger: &mut Ledger<'_>) -> Result<String, Fault> {
        let unknown = |what: &str| Fault::new("unknown_member", format!("There is no member {what}."));
        if let Some(id) = self.text(name) {
            ledger.members.read_ids(std::iter::once(id))?;
            return ledger.members.resolve(id).ok_or_else(|| unknown(id));
        }
        let contact = self.needed("contact")?;
        ledger.members.read_contacts(std::iter::once(contact))?;
        ledger.members.of_contact(contact).ok_or_else(|| unknown(&format!("of contact {contact}")))
    }
}
