//! What is asked of a list: in the parameters of a URL, or in a body.

use std::collections::HashSet;

use axum::http::Uri;
use serde_json::{Map, Value as Json};

use super::Problem;
use crate::app::ListRequest;

/// Reads `filter`, `filter[field][_op]`, `sort`, `limit`, `cursor`, `deleted`, `fields`, `expand` and `count`; a
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
            "fields" => request.fields = Some(value.into_owned()),
            "expand" => request.expand = value.into_owned(),
            "count" => request.count = Some(value.into_owned()),
            name => {
                let path = name.strip_prefix("filter[").and_then(|rest| rest.strip_suffix(']'));
                let path: Vec<String> = path.into_iter().flat_map(|rest| rest.split("][")).map(str::to_owned).collect();
                if path.len() < 2 {
                    return Err(unknown(name));
                }
                request.pairs.push((path, value.into_owned()));
            }
        }
    }
    Ok(request)
}

/// Reads `fields` and `expand`, for a single record.
pub fn shape(uri: &Uri) -> Result<(Option<String>, String), Problem> {
    let (mut fields, mut expand) = (None, String::new());
    for (name, value) in form_urlencoded::parse(uri.query().unwrap_or_default().as_bytes()) {
        match name.as_ref() {
            "fields" => fields = Some(value.into_owned()),
            "expand" => expand = value.into_owned(),
            name => return Err(unknown(name)),
        }
    }
    Ok((fields, expand))
}

/// Reads the same from the members of a body, where names may come as a list.
pub fn from_body(members: Map<String, Json>) -> Result<ListRequest, Problem> {
    let mut request = ListRequest::default();
    for (name, value) in members {
        if value.is_null() {
            continue;
        }
        let wrong = |form: &str| Problem::bad_request("invalid_parameter", format!("`{name}` has to be {form}"));
        match name.as_str() {
            "filter" => request.filter = Some(value),
            "limit" => request.limit = Some(value.as_u64().ok_or_else(|| wrong("a whole number"))?),
            "sort" => request.sort = names(&value).ok_or_else(|| wrong("text, or a list of texts"))?,
            "expand" => request.expand = names(&value).ok_or_else(|| wrong("text, or a list of texts"))?,
            "fields" => request.fields = Some(names(&value).ok_or_else(|| wrong("text, or a list of texts"))?),
            "text" | "cursor" | "count" => {
                let Json::String(text) = value else { return Err(wrong("text")) };
                match name.as_str() {
                    "text" => request.text = Some(text),
                    "cursor" => request.cursor = Some(text),
                    _ => request.count = Some(text),
                }
            }
            name => return Err(unknown(name)),
        }
    }
    Ok(request)
}

fn names(json: &Json) -> Option<String> {
    match json {
        Json::String(names) => Some(names.clone()),
        Json::Array(items) => items.iter().map(Json::as_str).collect::<Option<Vec<_>>>().map(|names| names.join(",")),
        _ => None,
    }
}

fn unknown(name: &str) -> Problem {
    Problem::bad_request("unknown_parameter", format!("there is no parameter `{name}`"))
}
