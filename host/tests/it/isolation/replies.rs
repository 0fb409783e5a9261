//! Two answers that have to be the same, apart from what makes every answer another one.

use serde_json::Value as Json;

use crate::support::Reply;

/// Headers that differ between any two answers.
const OF_EACH: &[&str] =
    &["date", "x-request-id", "content-length", "ratelimit", "ratelimit-policy", "location", "etag"];

/// How the answer about a thing of others differs from the answer about nothing; none when it does not.
pub fn difference(about: &str, (reply, thing): (&Reply, &str), (nothing, none): (&Reply, &str)) -> Option<String> {
    let headers = |reply: &Reply| {
        let all = reply.headers.iter().filter(|(name, _)| !OF_EACH.contains(&name.as_str()));
        all.map(|(name, value)| format!("{name}: {value:?}")).collect::<Vec<_>>()
    };
    let of = |reply: &Reply, value: &str| (reply.status, headers(reply), plain(&reply.text, value));
    let (one, other) = (of(reply, thing), of(nothing, none));
    (one != other).then(|| format!("{about}: {one:?} is not {other:?}"))
}

/// A text without what differs from answer to answer: ids, times, secrets, places of pages.
pub fn plain(text: &str, thing: &str) -> String {
    let text = match serde_json::from_str::<Json>(text) {
        Ok(mut json) => {
            leave_out(&mut json);
            json.to_string()
        }
        Err(_) => text.to_owned(),
    };
    let text = text.replace(thing, "THING");
    let (mut plain, mut rest) = (String::new(), text.as_str());
    while let Some(first) = rest.chars().next() {
        let length = if is_id(rest) {
            plain.push_str("ID");
            36
        } else if is_time(rest) {
            plain.push_str("TIME");
            27
        } else {
            plain.push(first);
            first.len_utf8()
        };
        rest = &rest[length..];
    }
    plain
}

/// Takes out secrets and places of pages: they are made of what was asked.
fn leave_out(json: &mut Json) {
    match json {
        Json::Object(members) => {
            for (name, value) in members {
                if ["next_cursor", "next", "key", "secret"].contains(&name.as_str()) && value.is_string() {
                    *value = Json::from("LEFT OUT");
                }
                leave_out(value);
            }
        }
        Json::Array(items) => items.iter_mut().for_each(leave_out),
        _ => {}
    }
}

fn is_id(text: &str) -> bool {
    text.get(..36).is_some_and(|text| {
        text.bytes().enumerate().all(|(at, byte)| match at {
            8 | 13 | 18 | 23 => byte == b'-',
            _ => byte.is_ascii_hexdigit(),
        })
    })
}

fn is_time(text: &str) -> bool {
    let shape = b"0000-00-00T00:00:00.000000Z";
    text.get(..27).is_some_and(|text| {
        text.bytes().zip(shape).all(|(byte, shape)| if *shape == b'0' { byte.is_ascii_digit() } else { byte == *shape })
    })
}
