//! The members whom a call touches: each is read once and written at most once.

use std::collections::BTreeMap;

use guildhall_sdk::{Fault, Query, Record, Value, filter, records};

pub const OBJECT: &str = "loyalty.member";

/// What a member has, as it is stored or as it has become.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Totals {
    /// What the ledger adds up to.
    pub points: i64,
    pub lifetime_earned: i64,
    /// In lots that cannot be spent yet.
    pub pending: i64,
    /// Gone although they were spent already.
    pub owed: i64,
    pub spent: i64,
    pub expired: i64,
    /// Qualifying points of the window.
    pub qualifying: i64,
    /// Those of the calendar year before.
    pub qualifying_before: i64,
    /// The calendar year that they are of.
    pub qualifying_year: i64,
    pub tier: Option<String>,
    /// The last day of the tier.
    pub tier_until: Option<String>,
    /// How many orders carry something.
    pub purchases: i64,
    /// How many refunds there were: two at the same time cannot both be the first.
    pub refunds: i64,
}

impl Totals {
    fn of(member: &Record) -> Self {
        let number = |field| member.integer(field).unwrap_or_default();
        let text = |field| member.text(field).map(str::to_owned);
        Self {
            points: number("points"),
            lifetime_earned: number("lifetime_earned"),
            pending: number("pending"),
            owed: number("owed"),
            spent: number("spent"),
            expired: number("expired"),
            qualifying: number("qualifying"),
            qualifying_before: number("qualifying_before"),
            qualifying_year: number("qualifying_year"),
            tier: text("tier"),
            tier_until: text("tier_until"),
            purchases: number("purchases"),
            refunds: number("refunds"),
        }
    }

    /// The points that can be spent.
    pub fn active(&self) -> i64 {
        self.points - self.pending + self.owed
    }

    /// Sets those fields that are not what they were.
    fn changes_since(&self, before: &Self, mut record: Record) -> Record {
        for ((field, value), (_, old)) in self.fields().into_iter().zip(before.fields()) {
            if value != old {
                record = record.set(field, value);
            }
        }
        record
    }

    fn fields(&self) -> [(&'static str, Value); 13] {
        [
            ("points", self.points.into()),
            ("lifetime_earned", self.lifetime_earned.into()),
            ("pending", self.pending.into()),
            ("owed", self.owed.into()),
            ("spent", self.spent.into()),
            ("expired", self.expired.into()),
            ("qualifying", self.qualifying.into()),
            ("qualifying_before", self.qualifying_before.into()),
            ("qualifying_year", self.qualifying_year.into()),
            ("tier", self.tier.clone().into()),
            ("tier_until", self.tier_until.clone().into()),
            ("purchases", self.purchases.into()),
            ("refunds", self.refunds.into()),
        ]
    }
}

pub struct Member {
    pub id: String,
    pub totals: Totals,
    stored: Totals,
    /// The member that this one has become a part of.
    merged_into: Option<String>,
}

/// The members whom a call touches.
#[derive(Default)]
pub struct Members {
    list: Vec<Member>,
    by_id: BTreeMap<String, usize>,
    by_contact: BTreeMap<String, usize>,
}

impl Members {
    /// Reads the members that these contacts are.
    pub fn read_contacts<'a>(&mut self, contacts: impl Iterator<Item = &'a str>) -> Result<(), Fault> {
        let missing = contacts.filter(|contact| !self.by_contact.contains_key(*contact)).collect();
        self.read("contact", missing)
    }

    /// Reads those of these members who are not known yet, and whom they have become a part of. Says whether there
    /// were any.
    pub fn read_ids<'a>(&mut self, ids: impl Iterator<Item = &'a str>) -> Result<bool, Fault> {
        let missing: Vec<&str> = ids.filter(|id| !self.by_id.contains_key(*id)).collect();
        let is_any = !missing.is_empty();
        self.read("id", missing)?;
        Ok(is_any)
    }

    fn read(&mut self, field: &str, mut values: Vec<&str>) -> Result<(), Fault> {
        values.sort_unstable();
        values.dedup();
        let mut merged = Vec::new();
        for values in values.chunks(Query::MOST as usize) {
            let condition = match values {
                [value] => filter::eq(field, *value),
                values => filter::any_of(field, values.iter().copied()),
            };
            for record in records::query(OBJECT, Query::new().filter(condition).limit(Query::MOST))? {
                merged.extend(record.link("merged_into").map(str::to_owned));
                let totals = Totals::of(&record);
                self.insert(&record, totals.clone(), totals);
            }
        }
        if merged.is_empty() { Ok(()) } else { self.read_ids(merged.iter().map(String::as_str)).map(drop) }
    }

    fn insert(&mut self, record: &Record, stored: Totals, totals: Totals) {
        let id = record.id().to_owned();
        let place = self.list.len();
        if let Some(contact) = record.link("contact") {
            self.by_contact.insert(contact.to_owned(), place);
        }
        self.by_id.insert(id.clone(), place);
        self.list.push(Member { id, stored, totals, merged_into: record.link("merged_into").map(str::to_owned) });
    }

    /// The member that a contact is.
    pub fn of_contact(&self, contact: &str) -> Option<String> {
        let place = self.by_contact.get(contact)?;
        self.resolve(&self.list[*place].id)
    }

    /// The id of the member that one has become a part of, or its own; none when the member is gone.
    pub fn resolve(&self, id: &str) -> Option<String> {
        let mut member = &self.list[*self.by_id.get(id)?];
        while let Some(into) = &member.merged_into {
            member = &self.list[*self.by_id.get(into)?];
        }
        Some(member.id.clone())
    }

    /// Makes a contact a member. What the member is about to have is stored at once, so that it needs no second
    /// write when it comes true.
    pub fn enrol(&mut self, contact: &str, soon: Totals, at: &str) -> Result<String, Fault> {
        let fields = Record::new()
            .set("contact", contact)
            .set("points", soon.points)
            .set("lifetime_earned", soon.lifetime_earned)
            .set("enrolled_at", at);
        let fields = soon.changes_since(&Totals::default(), fields);
        let record = records::create(OBJECT, fields)?;
        self.insert(&record, soon, Totals::default());
        Ok(record.id().to_owned())
    }

    /// A member that was read.
    pub fn get(&mut self, id: &str) -> Option<&mut Member> {
        self.by_id.get(id).map(|place| &mut self.list[*place])
    }

    /// Says that one member has become a part of another.
    pub fn merge(&mut self, from: &str, into: &str) -> Result<(), Fault> {
        records::update(OBJECT, from, Record::new().set("merged_into", into))?;
        if let Some(member) = self.get(from) {
            member.merged_into = Some(into.to_owned());
        }
        Ok(())
    }

    /// Stores the members who have changed.
    pub fn save(&mut self) -> Result<(), Fault> {
        for member in &mut self.list {
            if member.totals != member.stored {
                let fields = member.totals.changes_since(&member.stored, Record::new());
                records::update(OBJECT, &member.id, fields)?;
                member.stored = member.totals.clone();
            }
        }
        Ok(())
    }
}
