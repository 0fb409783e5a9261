//! Query parameters of a list.

use std::collections::HashSet;

use axum::http::Uri;
use serde_json::Value as Json;

use super::Problem;
use crate::app::ListRequest;

/// Reads `filter`, `filter[field][_op]`, `sort`, `limit`, `deleted` and `cursor`; a
/// parameter that is none of these is refused, so that a misspelt one is noticed.
pub fn parse(uri: &Uri) -> Result<ListRequest, Problem> {
    let mut request = ListRequest::default();
    let mut seen = HashSet::new();
    for (name, value) in form_urlencoded::parse(uri.query().unwrap_or_default().as_bytes()) {
        if !seen.insert(name.clone()) {
            return Err(Problem::bad_request("invalid_parameter", format!("`{name}` is given twice")));
        }
        match name.as_ref() {
            "filter" => {
                let filter: Json = serde_json::from_str(&value).map_err(|error| {
                    Problem::bad_request("malformed_json", format!("`filter` is not JSON: {error}"))
                })?;
                request.filter = Some(filter);
            }
            "sort" => request.sort = value.into_owned(),
            "limit" => {
                let limit = value
                    .parse()
                    .map_err(|_| Problem::bad_request("invalid_parameter", "`limit` has to be a whole number"))?;
                request.limit = Some(limit);
            }
            "deleted" => {
                request.deleted = value
                    .parse()
                    .map_err(|_| Problem::bad_request("invalid_parameter", "`deleted` is `true` or `false`"))?;
            }
            "cursor" => request.cursor = Some(value.into_owned()),
            name => {
                let pair = name.strip_prefix("filter[").and_then(|rest| rest.strip_suffix(']'));
                let pair = pair.and_then(|rest| rest.split_once("]["));
                let Some((field, operator)) = pair else {
                    return Err(Problem::bad_request("unknown_parameter", format!("there is no parameter `{name}`")));
                };
                request.pairs.push((field.to_owned(), operator.to_owned(), value.into_owned()));
            }
        }
    }
    Ok(request)
}
