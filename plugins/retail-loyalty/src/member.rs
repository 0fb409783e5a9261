//! The members whom a call touches: each is read once and written at most once.

use std::collections::BTreeMap;

use guildhall_sdk::{Fault, Query, Record, filter, log, records};

use crate::rule::{Claim, Posting};
use crate::settings::Settings;

const OBJECT: &str = "loyalty.member";

/// What a member has, as it is stored or as it has become.
#[derive(Clone, Copy, PartialEq)]
struct Balance {
    points: i64,
    lifetime_earned: i64,
}

struct Member {
    id: String,
    stored: Balance,
    current: Balance,
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
    pub fn of_contacts<'a>(contacts: impl Iterator<Item = &'a str>) -> Result<Self, Fault> {
        let mut members = Self::default();
        members.read("contact", contacts.collect())?;
        Ok(members)
    }

    /// Reads those of these members who are not known yet.
    pub fn add_missing<'a>(&mut self, ids: impl Iterator<Item = &'a str>) -> Result<(), Fault> {
        let missing = ids.filter(|id| !self.by_id.contains_key(*id)).collect();
        self.read("id", missing)
    }

    fn read(&mut self, field: &str, mut values: Vec<&str>) -> Result<(), Fault> {
        values.sort_unstable();
        values.dedup();
        for values in values.chunks(Query::MOST as usize) {
            let condition = match values {
                [value] => filter::eq(field, *value),
                values => filter::any_of(field, values.iter().copied()),
            };
            for member in records::query(OBJECT, Query::new().filter(condition).limit(Query::MOST))? {
                let stored = Balance {
                    points: member.integer("points").unwrap_or_default(),
                    lifetime_earned: member.integer("lifetime_earned").unwrap_or_default(),
                };
                self.insert(&member, stored, stored);
            }
        }
        Ok(())
    }

    fn insert(&mut self, member: &Record, stored: Balance, current: Balance) {
        let id = member.id().to_owned();
        let place = self.list.len();
        if let Some(contact) = member.link("contact") {
            self.by_contact.insert(contact.to_owned(), place);
        }
        self.by_id.insert(id.clone(), place);
        self.list.push(Member { id, stored, current });
    }

    /// The id of the member that a contact is, or becomes with this claim.
    pub fn of_contact(
        &mut self,
        contact: &str,
        claim: &Claim<'_>,
        settings: &Settings,
        at: &str,
    ) -> Result<Option<String>, Fault> {
        if let Some(place) = self.by_contact.get(contact) {
            return Ok(Some(self.list[*place].id.clone()));
        }
        if settings.auto_enrol {
            return self.enrol(contact, claim, at).map(Some);
        }
        log::debug(
            &format!("contact {contact} is no member, order {} earns nothing", claim.order),
            &[("contact", contact), ("order", claim.order)],
        );
        Ok(None)
    }

    /// Makes a contact a member. The record is stored with the points of the
    /// claim at once, so that posting them needs no second write.
    fn enrol(&mut self, contact: &str, claim: &Claim<'_>, at: &str) -> Result<String, Fault> {
        let fields = Record::new()
            .set("contact", contact)
            .set("points", claim.points)
            .set("lifetime_earned", claim.points)
            .set("enrolled_at", at);
        let member = records::create(OBJECT, fields)?;
        let stored = Balance { points: claim.points, lifetime_earned: claim.points };
        let nothing = Balance { points: 0, lifetime_earned: 0 };
        self.insert(&member, stored, nothing);
        Ok(member.id().to_owned())
    }

    /// Adds the points of a posting and returns the new balance; none when the
    /// member does not exist any more.
    pub fn post(&mut self, posting: &Posting) -> Result<Option<i64>, Fault> {
        let Some(place) = self.by_id.get(&posting.member) else {
            return Ok(None);
        };
        let member = &mut self.list[*place];
        let Balance { points, lifetime_earned } = member.current;
        let sums = points.checked_add(posting.points).zip(lifetime_earned.checked_add(posting.points));
        let Some((points, lifetime_earned)) = sums else {
            return Err(Fault::new("points_out_of_range", "The member would have too many points."));
        };
        member.current = Balance { points, lifetime_earned };
        Ok(Some(points))
    }

    /// Stores the members whose balance has changed.
    pub fn save(&self) -> Result<(), Fault> {
        for member in &self.list {
            if member.current != member.stored {
                let fields = Record::new()
                    .set("points", member.current.points)
                    .set("lifetime_earned", member.current.lifetime_earned);
                records::update(OBJECT, &member.id, fields)?;
            }
        }
        Ok(())
    }
}
