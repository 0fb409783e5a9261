//! Query parameters of requests that are no lists of records.

use std::collections::HashMap;

use axum::http::{Method, Uri};

use super::Problem;

/// The writes that take parameters: the body of an upload is the file.
const WITH_PARAMETERS: &[&str] = &["/api/v1/imports", "/api/v1/plugins"];

/// Query parameters by name; one that is none of these is refused, so that a misspelt one is noticed.
pub fn parameters(uri: &Uri, known: &[&str]) -> Result<HashMap<String, String>, Problem> {
    let mut all = HashMap::new();
    for (name, value) in form_urlencoded::parse(uri.query().unwrap_or_default().as_bytes()) {
        if !known.contains(&name.as_ref()) {
            return Err(Problem::bad_request("unknown_parameter", format!("there is no parameter `{name}`")));
        }
        if all.insert(name.to_string(), value.into_owned()).is_some() {
            return Err(Problem::bad_request("invalid_parameter", format!("`{name}` is given twice")));
        }
    }
    Ok(all)
}

/// A page size as it was written.
pub fn limit(text: Option<String>) -> Result<Option<u64>, Problem> {
    let read = text.map(|text| text.parse()).transpose();
    read.map_err(|_| Problem::bad_request("invalid_parameter", "`limit` has to be a whole number"))
}

/// Refuses parameters of a write, so that nothing is written by who meant `?dry_run=true`.
pub fn none_for_writes(method: &Method, uri: &Uri) -> Result<(), Problem> {
    let is_read = [Method::GET, Method::HEAD, Method::OPTIONS].contains(method);
    if !is_read && !WITH_PARAMETERS.contains(&uri.path()) {
        parameters(uri, &[])?;
    }
    Ok(())
}
