//! Answers to commands: what became of each operation, and what a dry run would write.

use axum::http::StatusCode;
use axum::response::Response;
use serde::Serialize;
use serde_json::{Value as Json, json};

use std::sync::Arc;

use super::conditions::etag;
use super::{Problem, idempotency, preference};
use crate::app::{Answer, App, Command, Form, IdempotencyKey, Outcome, Report};
use crate::domain::caller::Caller;
use crate::domain::record::Record;

/// Runs a command and answers it.
pub async fn execute(
    app: &Arc<App>,
    caller: &Caller,
    command: Command,
    key: Option<IdempotencyKey>,
) -> Result<Response, Problem> {
    let is_dry = command.is_dry;
    let explains = is_dry && command.explains;
    let form = command.form;
    // A dry run keeps nothing, so that its key is free for the real thing.
    let key = key.filter(|_| !is_dry);
    let render = move |report: &Report| {
        let answer = if form == Form::One { single(report) } else { several(report) };
        if is_dry { dry(answer, report, explains) } else { answer }
    };
    Ok(idempotency::respond(app.execute(caller, &command, key, &render).await?))
}

/// The answer to a command of one operation.
pub fn single(report: &Report) -> Answer {
    // Refused operations of one are errors before any answer.
    let Some(Ok(outcome)) = report.outcomes.first() else {
        return Answer { status: 500, headers: Vec::new(), body: String::new() };
    };
    let status = status_of(outcome);
    if let Outcome::Called(result) = outcome {
        return Answer { status: status.as_u16(), headers: Vec::new(), body: json!({"result": result}).to_string() };
    }
    let Some(record) = outcome.record() else {
        return Answer { status: status.as_u16(), headers: Vec::new(), body: String::new() };
    };
    let mut headers = vec![("etag".to_owned(), etag(record.version))];
    if status == StatusCode::CREATED {
        headers.push(("location".to_owned(), format!("/api/v1/records/{}/{}", record.object.name, record.id)));
    }
    let body = match outcome {
        Outcome::Restored(record, missing) => json!({"record": record, "missing_links": missing}).to_string(),
        Outcome::Merged(record, report) => with_record(record, report),
        Outcome::Unmerged(record, report) => with_record(record, report),
        _ => text(record),
    };
    Answer { status: status.as_u16(), headers, body }
}

/// The answer to a command of several: one outcome for each, in order.
fn several(report: &Report) -> Answer {
    let mut body = String::with_capacity(report.outcomes.len() * 400);
    body.push_str(r#"{"outcomes":["#);
    for (at, outcome) in report.outcomes.iter().enumerate() {
        if at > 0 {
            body.push(',');
        }
        match outcome {
            Ok(outcome) => {
                let status = status_of(outcome).as_u16();
                let outcome = match (outcome, outcome.record()) {
                    (Outcome::Restored(record, missing), _) => {
                        json!({"status": status, "record": record, "missing_links": missing}).to_string()
                    }
                    (_, Some(record)) => format!(r#"{{"status":{status},"record":{}}}"#, text(record)),
                    (_, None) => format!(r#"{{"status":{status}}}"#),
                };
                body.push_str(&outcome);
            }
            Err(error) => {
                let problem = Problem::of(error);
                body.push_str(&json!({"status": problem.status(), "problem": problem}).to_string());
            }
        }
    }
    body.push_str("]}");
    Answer { status: StatusCode::OK.as_u16(), headers: Vec::new(), body }
}

/// The same answer, with everything that would be written beside it, and what modules did.
fn dry(answer: Answer, report: &Report, explains: bool) -> Answer {
    let result: Json = serde_json::from_str(&answer.body).unwrap_or(Json::Null);
    let changes: Vec<Json> = report
        .changes
        .iter()
        .map(|change| {
            json!({
                "operation": change.kind, "object": change.object, "id": change.id,
                "before": change.before, "after": change.after, "plugin": change.plugin,
            })
        })
        .collect();
    // 204 has no room for a body.
    let status = if answer.status == StatusCode::NO_CONTENT.as_u16() { StatusCode::OK.as_u16() } else { answer.status };
    let mut headers = answer.headers;
    // There will be nothing at that place.
    headers.retain(|(name, _)| name != "location");
    let applied = if explains { preference::EXPLAINED } else { "dry-run" };
    headers.push((preference::APPLIED.to_owned(), applied.to_owned()));
    let mut body = json!({"result": result, "changes": changes});
    if explains {
        body["plugins"] = json!(report.calls);
    }
    Answer { status, headers, body: body.to_string() }
}

fn status_of(outcome: &Outcome) -> StatusCode {
    match outcome {
        Outcome::Created(_) => StatusCode::CREATED,
        Outcome::Called(_)
        | Outcome::Updated(_)
        | Outcome::Restored(..)
        | Outcome::Merged(..)
        | Outcome::Unmerged(..) => StatusCode::OK,
        Outcome::Deleted => StatusCode::NO_CONTENT,
    }
}

/// A record, and what else there is to say.
fn with_record(record: &Record, report: &impl Serialize) -> String {
    let mut body = serde_json::to_value(report).unwrap_or_default();
    body["record"] = json!(record);
    body.to_string()
}

fn text(record: &Record) -> String {
    serde_json::to_string(record).unwrap_or_default()
}
