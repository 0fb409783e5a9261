//! What `#[record(...)]` says of a struct and of its fields.

use syn::{Attribute, LitStr, Result};

/// Longest name of an object or of a field.
const LONGEST: usize = 40;

/// The one text that `#[record(key = "...")]` may give, if it is there.
pub fn text(attributes: &[Attribute], key: &str, whose: &str) -> Result<Option<LitStr>> {
    let mut found: Option<LitStr> = None;
    for attribute in attributes.iter().filter(|attribute| attribute.path().is_ident("record")) {
        attribute.parse_nested_meta(|meta| {
            if !meta.path.is_ident(key) {
                return Err(meta.error(format!("{whose} takes `#[record({key} = \"...\")]` and nothing else")));
            }
            let value: LitStr = meta.value()?.parse()?;
            if found.replace(value).is_some() {
                return Err(meta.error(format!("`{key}` is given twice")));
            }
            Ok(())
        })?;
    }
    Ok(found)
}

/// Refuses what no object is called: `contact`, `loyalty.member`, `x.project`.
pub fn check_object(name: &LitStr) -> Result<()> {
    let text = name.value();
    let parts: Vec<&str> = text.split('.').collect();
    if parts.len() <= 2 && parts.iter().all(|part| is_name(part)) {
        return Ok(());
    }
    let message = format!("`{text}` is no name of an object; one looks like `contact` or `loyalty.member`");
    Err(syn::Error::new(name.span(), message))
}

/// Whether a field can be called so.
pub fn is_name(text: &str) -> bool {
    let letters = text.bytes().all(|letter| matches!(letter, b'a'..=b'z' | b'0'..=b'9' | b'_'));
    letters && text.len() <= LONGEST && text.starts_with(|first: char| first.is_ascii_lowercase())
}
