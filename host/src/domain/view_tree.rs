//! Views of modules: a tree of components from a closed set, checked before anybody sees it.
//!
//! Nothing in it is markup or script. What is not described here is refused,
//! with the path of the first thing that is wrong.

mod shape;

use serde_json::Value as Json;

use shape::{Shape, shape_of};

/// Largest view as text.
pub const MAX_BYTES: usize = 256 << 10;
/// Deepest nesting of components.
const MAX_DEPTH: usize = 8;
/// Most components.
const MAX_NODES: usize = 2_000;
/// Longest text of a cell, a label, a heading.
const MAX_TEXT: usize = 2_000;
/// Most items of one list: rows, cards, points.
const MAX_ITEMS: usize = 500;
/// Longest address.
const MAX_URL: usize = 2_000;

/// What is wrong with a view.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wrong {
    /// Where: `$.children[2].rows[0]`.
    pub path: String,
    /// What.
    pub message: String,
}

/// Reads and checks a view; `is_action` says which actions the module has.
pub fn read(text: &str, is_action: &dyn Fn(&str) -> bool) -> Result<Json, Wrong> {
    let whole = |message: String| Wrong { path: "$".to_owned(), message };
    if text.len() > MAX_BYTES {
        return Err(whole(format!("has more than {MAX_BYTES} bytes")));
    }
    let view: Json = serde_json::from_str(text).map_err(|_| whole("is not JSON".to_owned()))?;
    let mut check = Check { is_action, nodes: 0, path: "$".to_owned() };
    check.component(&view, 0)?;
    Ok(view)
}

/// The check of one view.
struct Check<'a> {
    is_action: &'a dyn Fn(&str) -> bool,
    nodes: usize,
    path: String,
}

impl Check<'_> {
    fn wrong<T>(&self, message: impl Into<String>) -> Result<T, Wrong> {
        Err(Wrong { path: self.path.clone(), message: message.into() })
    }

    /// Does something one step further in.
    fn at(&mut self, step: &str, check: impl FnOnce(&mut Self) -> Result<(), Wrong>) -> Result<(), Wrong> {
        let length = self.path.len();
        self.path.push_str(step);
        check(self)?;
        self.path.truncate(length);
        Ok(())
    }

    fn component(&mut self, json: &Json, depth: usize) -> Result<(), Wrong> {
        self.nodes += 1;
        if depth >= MAX_DEPTH {
            return self.wrong(format!("lies deeper than {MAX_DEPTH} components"));
        }
        if self.nodes > MAX_NODES {
            return self.wrong(format!("is one of more than {MAX_NODES} components"));
        }
        let Some(members) = json.as_object() else { return self.wrong("is no component: an object with a `type`") };
        let Some(kind) = members.get("type").and_then(Json::as_str) else { return self.wrong("has no `type`") };
        let Some(shape) = shape_of(kind) else {
            return self.wrong(format!("has the type {kind:?}, which there is not"));
        };
        self.members(members.iter().filter(|(name, _)| *name != "type"), shape, depth)
    }

    fn members<'j>(
        &mut self,
        members: impl Iterator<Item = (&'j String, &'j Json)>,
        shape: &'static [(&'static str, bool, Shape)],
        depth: usize,
    ) -> Result<(), Wrong> {
        let mut given = Vec::new();
        for (name, json) in members {
            let Some((known, _, member)) = shape.iter().find(|(known, ..)| known == name) else {
                return self.wrong(format!("has no member `{}`", name.chars().take(50).collect::<String>()));
            };
            given.push(*known);
            self.at(&format!(".{known}"), |check| check.shape(json, member, depth))?;
        }
        match shape.iter().find(|(name, is_required, _)| *is_required && !given.contains(name)) {
            Some((name, ..)) => self.wrong(format!("lacks `{name}`")),
            None => Ok(()),
        }
    }

    fn shape(&mut self, json: &Json, shape: &'static Shape, depth: usize) -> Result<(), Wrong> {
        match shape {
            Shape::Text => match json.as_str() {
                Some(text) if text.chars().count() > MAX_TEXT => {
                    self.wrong(format!("has more than {MAX_TEXT} characters"))
                }
                Some(_) => Ok(()),
                None => self.wrong("is no text"),
            },
            Shape::Name => match json.as_str() {
                Some(text) if crate::domain::field::is_name(text) => Ok(()),
                _ => self.wrong("is no name in lower snake case"),
            },
            Shape::Flag => {
                if json.is_boolean() {
                    Ok(())
                } else {
                    self.wrong("is neither true nor false")
                }
            }
            Shape::Number => {
                if json.is_number() {
                    Ok(())
                } else {
                    self.wrong("is no number")
                }
            }
            Shape::Scalar => match json {
                Json::String(_) => self.shape(json, &Shape::Text, depth),
                Json::Null | Json::Bool(_) | Json::Number(_) => Ok(()),
                _ => self.wrong("is no text, number, true, false or null"),
            },
            Shape::OneOf(words) => match json.as_str() {
                Some(text) if words.contains(&text) => Ok(()),
                _ => self.wrong(format!("is none of {}", words.join(", "))),
            },
            Shape::Url => match json.as_str() {
                Some(text) if is_safe_url(text) => Ok(()),
                _ => self.wrong("is no path of this host, and no https address"),
            },
            Shape::Action => match json.as_str() {
                Some(name) if (self.is_action)(name) => Ok(()),
                _ => self.wrong("is no action of the module"),
            },
            Shape::Values => {
                let Some(members) = json.as_object() else { return self.wrong("is no object") };
                if members.len() > MAX_ITEMS {
                    return self.wrong(format!("has more than {MAX_ITEMS} members"));
                }
                for (name, value) in members {
                    if name.chars().count() > MAX_TEXT {
                        return self.wrong("has a name that is too long");
                    }
                    let name: String = name.chars().take(50).collect();
                    self.at(&format!(".{name}"), |check| check.shape(value, &Shape::Scalar, depth))?;
                }
                Ok(())
            }
            Shape::Object(members) => match json.as_object() {
                Some(given) => self.members(given.iter(), members, depth),
                None => self.wrong("is no object"),
            },
            Shape::List(item) => self.list(json, |check, one| check.shape(one, item, depth)),
            Shape::Components => self.list(json, |check, one| check.component(one, depth + 1)),
        }
    }

    fn list(&mut self, json: &Json, mut each: impl FnMut(&mut Self, &Json) -> Result<(), Wrong>) -> Result<(), Wrong> {
        let Some(items) = json.as_array() else { return self.wrong("is no list") };
        if items.len() > MAX_ITEMS {
            return self.wrong(format!("has more than {MAX_ITEMS} items"));
        }
        for (at, one) in items.iter().enumerate() {
            self.at(&format!("[{at}]"), |check| each(check, one))?;
        }
        Ok(())
    }
}

/// A path of this host, or an https address without a name and password. What a browser would read otherwise than
/// it is written is neither.
fn is_safe_url(text: &str) -> bool {
    if text.len() > MAX_URL || text.chars().any(|c| c.is_control() || c.is_whitespace() || c == '\\') {
        return false;
    }
    if text.starts_with('/') {
        return !text.starts_with("//");
    }
    let Ok(url) = url::Url::parse(text) else { return false };
    text.starts_with("https://") && url.scheme() == "https" && url.username().is_empty() && url.password().is_none()
}

#[cfg(test)]
mod tests;
