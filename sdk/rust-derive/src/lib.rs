//! `#[derive(Record)]` of the Guildhall SDK, which re-exports it: use it from there.

#![warn(missing_docs)]

mod attributes;
mod expand;
#[cfg(test)]
mod tests;

use proc_macro::TokenStream;

/// Reads a struct from a record and writes it into one: implements `TypedRecord`, where all of it is described.
#[proc_macro_derive(Record, attributes(record))]
pub fn record(input: TokenStream) -> TokenStream {
    expand::expand(input.into()).unwrap_or_else(|error| error.to_compile_error()).into()
}
