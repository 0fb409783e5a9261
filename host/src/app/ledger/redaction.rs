//! What is taken out of a call before it is kept.

use serde_json::Value as Json;

use super::kept::KeptCall;
use crate::app::unit_of_work::Work;
use crate::domain::plugin::{HostAnswer, HostCall, Input, Manifest, REDACTED};
use crate::domain::setting::{secret_paths, take};
use crate::plugin::Exchange;

/// Headers whose values are not kept.
const CREDENTIALS: [&str; 6] =
    ["authorization", "proxy-authorization", "cookie", "set-cookie", "x-api-key", "x-csrf-token"];
/// Shortest secret setting that is looked for: a shorter one would be found in all kinds of words.
const LEAST_SECRET: usize = 4;

/// Takes out what must not be kept: secret settings, credentials of requests, and what the caller for whom the call
/// was made does not see, of objects that the module itself brings and sees whole. Encrypted fields no module sees.
pub fn redact(call: &mut KeptCall, work: &Work, manifest: &Manifest) {
    let hides = |object: &str| -> Vec<String> {
        let Some(object) = work.catalog.schema.object(object).filter(|object| !object.hidden.is_empty()) else {
            return Vec::new();
        };
        object.hidden.iter().map(|&place| object.fields[place].name().to_owned()).collect()
    };
    let mut is_redacted = false;
    let mut values = Vec::new();
    let secrets = manifest.config.schema.as_ref().map(secret_paths).unwrap_or_default();
    for Exchange { call, answer } in &mut call.transcript {
        match (&*call, answer) {
            (HostCall::Config, Ok(HostAnswer::Text(text))) => {
                let Ok(mut settings) = serde_json::from_str::<Json>(text) else { continue };
                let taken: Vec<Json> = secrets.iter().filter_map(|path| take(&mut settings, path)).collect();
                if !taken.is_empty() {
                    is_redacted = true;
                    *text = settings.to_string();
                }
                values.extend(taken.iter().filter_map(Json::as_str).map(str::to_owned));
            }
            (
                HostCall::Get { object, .. }
                | HostCall::Query { object, .. }
                | HostCall::Create { object, .. }
                | HostCall::Update { object, .. },
                Ok(answer),
            ) => {
                let hidden = hides(object);
                match answer {
                    HostAnswer::Text(text) | HostAnswer::MaybeText(Some(text)) => {
                        is_redacted |= without(&hidden, text);
                    }
                    HostAnswer::Texts(texts) => {
                        for text in texts {
                            is_redacted |= without(&hidden, text);
                        }
                    }
                    _ => {}
                }
            }
            (HostCall::Http(_), Ok(HostAnswer::Http(response))) => {
                is_redacted |= without_credentials(&mut response.headers);
            }
            _ => {}
        }
        if let HostCall::Http(request) = call {
            is_redacted |= without_credentials(&mut request.headers);
        }
    }
    // A plugin may hand a secret setting on, in a header of its own making, say.
    for value in values.iter().filter(|value| value.len() >= LEAST_SECRET) {
        is_redacted |= without_value(&mut call.transcript, value);
    }
    match &mut call.input {
        Some(Input::BeforeWrite(changes) | Input::Validate(changes)) => {
            for change in changes {
                let hidden = hides(&change.object);
                for text in [&mut change.before, &mut change.after].into_iter().flatten() {
                    is_redacted |= without(&hidden, text);
                }
            }
        }
        Some(Input::ComputedField { object, records, .. }) => {
            let hidden = hides(object);
            for text in records {
                is_redacted |= without(&hidden, text);
            }
        }
        Some(Input::HttpRoute(request) | Input::ChannelReceive(request)) => {
            is_redacted |= without_credentials(&mut request.headers);
        }
        _ => {}
    }
    call.is_redacted |= is_redacted;
}

/// Takes the values of headers out that are credentials; whether there was one. A secret that the host puts in for the
/// plugin is there by its name alone, which stays.
fn without_credentials(headers: &mut [(String, String)]) -> bool {
    let mut is_redacted = false;
    for (name, value) in headers {
        if CREDENTIALS.contains(&name.to_ascii_lowercase().as_str()) && !value.contains("{{secret:") {
            REDACTED.clone_into(value);
            is_redacted = true;
        }
    }
    is_redacted
}

/// Takes a text out of everything that was said; whether it was there. Bodies are bytes: they are looked through, too.
fn without_value(transcript: &mut Vec<Exchange>, value: &str) -> bool {
    let mut is_redacted = false;
    for exchange in transcript.iter_mut() {
        let bodies = match exchange {
            Exchange { call: HostCall::Http(request), answer: Ok(HostAnswer::Http(response)) } => {
                vec![&mut request.body, &mut response.body]
            }
            Exchange { call: HostCall::Http(request), .. } => vec![&mut request.body],
            _ => Vec::new(),
        };
        for body in bodies {
            let text = String::from_utf8_lossy(body);
            if text.contains(value) {
                *body = text.replace(value, REDACTED).into_bytes();
                is_redacted = true;
            }
        }
    }
    let quoted = Json::from(value).to_string();
    let quoted = &quoted[1..quoted.len() - 1];
    // Texts of JSON stand in texts of JSON here and there.
    let twice = Json::from(quoted).to_string();
    let twice = &twice[1..twice.len() - 1];
    let Ok(text) = serde_json::to_string(transcript) else { return is_redacted };
    if text.contains(quoted) || text.contains(twice) {
        let clean = text.replace(twice, REDACTED).replace(quoted, REDACTED);
        if let Ok(clean) = serde_json::from_str(&clean) {
            *transcript = clean;
            is_redacted = true;
        }
    }
    is_redacted
}

/// Takes members out of a JSON object; whether there was one.
fn without(hidden: &[String], text: &mut String) -> bool {
    if hidden.is_empty() {
        return false;
    }
    let Ok(Json::Object(mut members)) = serde_json::from_str::<Json>(text) else { return false };
    let before = members.len();
    members.retain(|name, _| !hidden.contains(name));
    let has_changed = members.len() < before;
    if has_changed {
        *text = Json::Object(members).to_string();
    }
    has_changed
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::plugin::{HttpRequest, HttpResponse};

    #[test]
    fn a_secret_is_found_wherever_it_was_handed_on() {
        let secret = "k\"ey-4711";
        let request = HttpRequest {
            method: "POST".to_owned(),
            url: "https://elsewhere.test/".to_owned(),
            headers: vec![("x-token".to_owned(), format!("token {secret}"))],
            body: format!("token={secret}&a=1").into_bytes(),
            timeout_ms: 0,
        };
        let response = HttpResponse { status: 200, headers: Vec::new(), body: format!("hello {secret}").into_bytes() };
        let fields = Json::from(format!("note: {secret}"));
        let mut transcript = vec![
            Exchange { call: HostCall::Http(request), answer: Ok(HostAnswer::Http(response)) },
            Exchange {
                call: HostCall::Create { object: "contact".to_owned(), fields: format!(r#"{{"note":{fields}}}"#) },
                answer: Ok(HostAnswer::Done),
            },
        ];
        assert!(!without_value(&mut transcript, "another one"));
        assert!(without_value(&mut transcript, secret));
        let [Exchange { call: HostCall::Http(request), answer: Ok(HostAnswer::Http(response)) }, created] =
            &*transcript
        else {
            panic!("the exchanges are others: {transcript:?}");
        };
        assert_eq!(request.headers[0].1, "token [redacted]");
        assert_eq!(request.body, b"token=[redacted]&a=1");
        assert_eq!(response.body, b"hello [redacted]");
        assert!(matches!(&created.call, HostCall::Create { fields, .. } if fields == r#"{"note":"note: [redacted]"}"#));
    }
}
