//! Slots: indexed columns that every table has for fields that tenants add.

use super::field::{Field, FieldType};

/// For text, and what is kept as text.
pub const TEXT_SLOTS: &[&str] = &["x_s1", "x_s2", "x_s3", "x_s4"];
/// For numbers, and what is kept as one.
pub const NUMBER_SLOTS: &[&str] = &["x_n1", "x_n2", "x_n3", "x_n4"];
/// For values that no two records of a tenant share.
pub const UNIQUE_SLOTS: &[&str] = &["x_u1", "x_u2"];

/// All slots, in the order of the columns.
pub fn slots() -> impl Iterator<Item = &'static str> {
    TEXT_SLOTS.iter().chain(NUMBER_SLOTS).chain(UNIQUE_SLOTS).copied()
}

/// The slots that a field can take.
pub fn slots_for(field: &Field) -> &'static [&'static str] {
    match field {
        _ if field.def.unique => UNIQUE_SLOTS,
        _ if field.kind.is_whole() => NUMBER_SLOTS,
        _ => TEXT_SLOTS,
    }
}

impl FieldType {
    /// Whether values are kept as whole numbers among a tenant's own fields.
    pub fn is_whole(&self) -> bool {
        matches!(self, Self::Integer | Self::Decimal { .. } | Self::Boolean | Self::Datetime | Self::Money)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::field::FieldDef;

    #[test]
    fn a_slot_fits_the_type() {
        let slots = |kind: &str, unique: bool| {
            let def = FieldDef { name: "x_a".into(), kind: kind.into(), unique, ..FieldDef::default() };
            slots_for(&Field::check(def).unwrap())
        };
        assert_eq!(slots("text", false), TEXT_SLOTS);
        assert_eq!(slots("datetime", false), NUMBER_SLOTS);
        assert_eq!(slots("integer", true), UNIQUE_SLOTS);
    }
}
