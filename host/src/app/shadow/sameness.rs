//! Whether two calls of a module decided the same, whatever words they did it in: another build names its functions
//! otherwise, and writes the same JSON with other spaces.

use serde_json::Value as Json;

use crate::app::ledger::KeptResult;
use crate::domain::plugin::{Fault, HookOutcome, HostCall, Output};

/// How a call ended, and what it wrote beside that.
pub type Decision<'a> = (&'a KeptResult, &'a [HostCall]);

/// Whether both come to the same. What a call wrote that failed is thrown away, so its code is all that counts.
pub fn is_same(then: Decision<'_>, now: Decision<'_>) -> bool {
    let have_written_the_same = || all(then.1, now.1, is_same_call);
    match (then.0, now.0) {
        (KeptResult::Failed { code: then, .. }, KeptResult::Failed { code: now, .. }) => then == now,
        (KeptResult::Answered { output: then }, KeptResult::Answered { output: now }) => {
            is_same_output(then, now) && have_written_the_same()
        }
        (KeptResult::Refused { fault: then }, KeptResult::Refused { fault: now }) => {
            is_same_fault(then, now) && have_written_the_same()
        }
        _ => false,
    }
}

fn is_same_output(then: &Output, now: &Output) -> bool {
    match (then, now) {
        (Output::Outcomes(then), Output::Outcomes(now)) => all(then, now, is_same_outcome),
        (Output::Verdicts(then), Output::Verdicts(now)) => all(then, now, |then, now| match (then, now) {
            (Err(then), Err(now)) => is_same_fault(then, now),
            _ => then == now,
        }),
        (Output::Computed(then), Output::Computed(now)) => all(then, now, |then, now| is_same_json(then, now)),
        (Output::Json(then), Output::Json(now)) => is_same_json(then, now),
        _ => then == now,
    }
}

fn is_same_outcome(then: &HookOutcome, now: &HookOutcome) -> bool {
    match (then, now) {
        (Ok(Some(then)), Ok(Some(now))) => is_same_json(then, now),
        (Err(then), Err(now)) => is_same_fault(then, now),
        _ => then == now,
    }
}

fn is_same_fault(then: &Fault, now: &Fault) -> bool {
    let are_same_details = match (&then.details, &now.details) {
        (Some(then), Some(now)) => is_same_json(then, now),
        (then, now) => then == now,
    };
    are_same_details && (&then.code, &then.message, then.retryable) == (&now.code, &now.message, now.retryable)
}

fn is_same_call(then: &HostCall, now: &HostCall) -> bool {
    let ((then, said_then), (now, said_now)) = (parted(then), parted(now));
    then == now && is_same_json(&said_then, &said_now)
}

/// A call without the JSON in it, and that.
fn parted(call: &HostCall) -> (HostCall, String) {
    let mut call = call.clone();
    let said = match &mut call {
        HostCall::Create { fields, .. } | HostCall::Update { fields, .. } => std::mem::take(fields),
        HostCall::Publish { data, .. } => std::mem::take(data),
        HostCall::Enqueue { payload, .. } => std::mem::take(payload),
        HostCall::Action { input, .. } => std::mem::take(input),
        _ => String::new(),
    };
    (call, said)
}

/// Whether two texts are the same JSON, or the same text where one is none.
fn is_same_json(then: &str, now: &str) -> bool {
    let read = |text: &str| serde_json::from_str::<Json>(text).ok();
    then == now || read(then).is_some_and(|then| Some(then) == read(now))
}

fn all<T>(then: &[T], now: &[T], is_same: impl Fn(&T, &T) -> bool) -> bool {
    then.len() == now.len() && then.iter().zip(now).all(|(then, now)| is_same(then, now))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failed(code: &str, frame: &str) -> KeptResult {
        let (code, message) = (code.to_owned(), format!("in {frame}"));
        KeptResult::Failed { code, message, trap: Some(frame.to_owned()), frames: vec![frame.to_owned()] }
    }

    fn answered(text: &str) -> KeptResult {
        KeptResult::Answered { output: Output::Outcomes(vec![Ok(Some(text.to_owned()))]) }
    }

    fn create(fields: &str) -> HostCall {
        HostCall::Create { object: "contact".to_owned(), fields: fields.to_owned() }
    }

    #[test]
    fn a_failure_is_its_code() {
        let writes = [create("{}")];
        let (one, other) = (failed("plugin_trap", "one"), failed("plugin_trap", "other"));
        assert!(is_same((&one, &writes), (&other, &[])));
        assert!(!is_same((&one, &[]), (&failed("cpu_limit", "one"), &[])));
        assert!(!is_same((&one, &[]), (&answered("{}"), &[])));
    }

    #[test]
    fn json_is_what_it_says() {
        let (one, other) = (answered(r#"{"a":1,"b":"x"}"#), answered(r#"{ "b": "x", "a": 1 }"#));
        assert!(is_same((&one, &[create(r#"{"n":1}"#)]), (&other, &[create(r#"{ "n": 1 }"#)])));
        assert!(!is_same((&one, &[create(r#"{"n":1}"#)]), (&other, &[create(r#"{"n":2}"#)])));
        assert!(!is_same((&one, &[]), (&one, &[create("{}")])));
        assert!(!is_same((&one, &[]), (&answered(r#"{"a":1}"#), &[])));
        // What is no JSON is the same when the text is.
        assert!(is_same((&answered("{"), &[]), (&answered("{"), &[])));
        assert!(!is_same((&answered("{"), &[]), (&answered("["), &[])));
    }

    #[test]
    fn words_of_a_refusal_count() {
        let fault = |message: &str, details: &str| {
            let fault = Fault { details: Some(details.to_owned()), ..Fault::new("no", message) };
            KeptResult::Refused { fault }
        };
        let then = fault("No.", r#"{"a":1}"#);
        assert!(is_same((&then, &[]), (&fault("No.", r#"{ "a": 1 }"#), &[])));
        assert!(!is_same((&then, &[]), (&fault("Never.", r#"{"a":1}"#), &[])));
    }
}
