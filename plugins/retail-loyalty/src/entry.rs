//! The ledger: entries of points, which are only ever added.

use std::collections::BTreeMap;

use guildhall_sdk::{Fault, Query, Record, filter, records};

use crate::rule::{Claim, Held, Posting};

const OBJECT: &str = "loyalty.entry";

/// How many orders one query asks about.
const ORDERS_PER_QUERY: usize = 100;

/// The points that orders carry.
#[derive(Default)]
pub struct Ledger {
    orders: BTreeMap<String, usize>,
    carried: Vec<Vec<Held>>,
}

impl Ledger {
    /// Reads what the ledger says about these orders.
    pub fn of_orders<'a>(claims: impl Iterator<Item = &'a Claim<'a>>) -> Result<Self, Fault> {
        let orders: Vec<&str> = claims.map(|claim| claim.order).collect();
        let mut ledger = Self::default();
        for orders in orders.chunks(ORDERS_PER_QUERY) {
            ledger.read(orders)?;
        }
        Ok(ledger)
    }

    /// Reads all entries of some orders, page by page.
    fn read(&mut self, orders: &[&str]) -> Result<(), Fault> {
        let mut last: Option<Record> = None;
        loop {
            let of_orders = filter::any_of("order", orders.iter().copied());
            let condition = match &last {
                Some(entry) => filter::and([of_orders, filter::gt("id", entry.id())]),
                None => of_orders,
            };
            let query = Query::new().filter(condition).sort(["id"]).limit(Query::MOST);
            let mut page = records::query(OBJECT, query)?;
            for entry in &page {
                if let (Some(order), Some(member)) = (entry.link("order"), entry.link("member")) {
                    self.add(order, member, entry.integer("points").unwrap_or_default());
                }
            }
            if page.len() < Query::MOST as usize {
                return Ok(());
            }
            last = page.pop();
        }
    }

    /// The points that an order carries.
    pub fn carried(&self, order: &str) -> &[Held] {
        match self.orders.get(order) {
            Some(place) => &self.carried[*place],
            None => &[],
        }
    }

    /// The members who hold points of these orders.
    pub fn member_ids(&self) -> impl Iterator<Item = &str> {
        self.carried.iter().flatten().map(|held| held.member.as_str())
    }

    /// Writes the entry of a posting that left the member with this balance.
    pub fn write(&mut self, claim: &Claim<'_>, posting: &Posting, balance: i64, at: &str) -> Result<(), Fault> {
        let entry = Record::new()
            .set("member", posting.member.as_str())
            .set("order", claim.order)
            .set("kind", posting.kind.as_str())
            .set("points", posting.points)
            .set("balance_after", balance)
            .set("occurred_at", at);
        records::create(OBJECT, entry)?;
        self.add(claim.order, &posting.member, posting.points);
        Ok(())
    }

    fn add(&mut self, order: &str, member: &str, points: i64) {
        let place = *self.orders.entry(order.to_owned()).or_insert_with(|| {
            self.carried.push(Vec::new());
            self.carried.len() - 1
        });
        let carried = &mut self.carried[place];
        match carried.iter_mut().find(|held| held.member == member) {
            Some(held) => held.points += points,
            None => carried.push(Held { member: member.to_owned(), points }),
        }
    }
}
