//! The hook that computes fields.

use std::marker::PhantomData;

use crate::bindings::computed_field::exports::guildhall::hooks::computed_field as wit;
use crate::bindings::imports::guildhall::core::types;
use crate::{Fault, Record, log};

/// A plugin that computes fields of its own objects, which nobody else sets.
pub trait ComputedField {
    /// Values of these fields for each record, in the same order. A field that is left out keeps its value.
    fn compute(object: &str, fields: &[String], records: &[Record]) -> Result<Vec<Record>, Fault>;
}

/// The export of a plugin's hook; [`crate::register!`] uses it.
#[doc(hidden)]
pub struct ComputedFieldExport<P>(PhantomData<P>);

impl<P: ComputedField> ComputedFieldExport<P> {
    /// Compiles only for a plugin that has it.
    pub fn check() {}
}

impl<P: ComputedField> wit::Guest for ComputedFieldExport<P> {
    fn compute(object: String, fields: Vec<String>, records: Vec<String>) -> Result<Vec<String>, types::Fault> {
        log::report_panics();
        let records = records.iter().map(|json| Record::from_json(json)).collect::<Result<Vec<_>, _>>()?;
        let computed = P::compute(&object, &fields, &records)?;
        Ok(computed.into_iter().map(Record::into_json).collect())
    }
}
