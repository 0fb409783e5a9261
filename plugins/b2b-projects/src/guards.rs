//! Records that guard a set, such as the costs of an engagement. Who looks at the set has read the guard before it; who
//! adds to the set counts up its `revision`: of two at the same time, one runs again and sees the other.

use std::collections::{BTreeMap, BTreeSet};

use guildhall_sdk::{Change, Fault, Record, records};

use crate::store;

/// Counts up the revision of each record of an object that these changes name anew in a field.
pub fn named(object: &str, field: &str, changes: &[Change]) -> Result<(), Fault> {
    count_up(object, &store::by_id(object, &named_anew(field, changes))?)
}

/// Counts up the revision of records that were read.
pub fn count_up(object: &str, guards: &BTreeMap<String, Record>) -> Result<(), Fault> {
    for (id, guard) in guards {
        let revision = guard.integer("revision").unwrap_or_default() + 1;
        records::update(object, id, Record::new().set("revision", revision))?;
    }
    Ok(())
}

fn named_anew<'a>(field: &str, changes: &'a [Change]) -> BTreeSet<&'a str> {
    let link = |record: &'a Option<Record>| record.as_ref().and_then(|record| record.link(field));
    let comes_to = |change: &'a Change| link(&change.after).filter(|id| link(&change.before) != Some(*id));
    changes.iter().filter_map(comes_to).collect()
}

#[cfg(test)]
mod tests {
    use guildhall_sdk::Operation;

    use super::*;

    #[test]
    fn only_who_comes_to_a_set_counts() {
        let of = |engagement: Option<&str>| engagement.map(|id| Record::new().set("engagement", id));
        let change = |before: Option<&str>, after: Option<&str>| Change {
            operation: Operation::Update,
            object: "b2b.cost".to_owned(),
            id: "x".to_owned(),
            before: of(before),
            after: of(after),
        };
        let changes = [
            change(None, Some("new")),
            change(Some("old"), Some("other")),
            change(Some("same"), Some("same")),
            change(Some("gone"), None),
        ];
        assert_eq!(named_anew("engagement", &changes), BTreeSet::from(["new", "other"]));
    }
}
