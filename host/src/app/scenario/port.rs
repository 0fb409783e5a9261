//! Answers host calls as a scenario says: from its answers first, then from what it has stored.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use serde::Deserialize;
use serde_json::{Map, Value as Json, json};

use super::stored::Stored;
use super::told;
use crate::app::guest::Latitude;
use crate::domain::plugin::{ExtensionPoint, Fault, HostAnswer, HostCall, HttpResponse, Manifest, Output};
use crate::plugin::Port;

/// An answer that stands in the scenario.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Canned {
    /// What the host call has to have, such as `call = "get"`, `object = "contact"`.
    call: Map<String, Json>,
    /// What is answered.
    answer: Option<Json>,
    /// Or how it fails.
    fault: Option<CannedFault>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct CannedFault {
    code: String,
    #[serde(default)]
    message: String,
    #[serde(default)]
    retryable: bool,
    details: Option<Json>,
}

/// What a scenario has beside records and answers.
pub struct Given {
    /// What the plugin says of itself.
    pub manifest: Manifest,
    /// Where it is called.
    pub point: ExtensionPoint,
    /// Its settings.
    pub settings: Json,
    /// The time.
    pub now: String,
    /// Who and what the call is about.
    pub context: Json,
    /// Secrets that are set.
    pub secrets: Vec<String>,
}

/// Answers the host calls of one scenario.
pub struct ScenarioPort {
    given: Given,
    state: Mutex<State>,
}

/// What changes while the plugin runs.
pub struct State {
    /// Records.
    pub stored: Stored,
    /// Values under keys.
    pub kv: BTreeMap<String, Vec<u8>>,
    /// Answers that were not used yet.
    pub answers: Vec<Canned>,
    /// Host calls that the scenario does not say the answer of.
    pub unanswered: Vec<String>,
    /// Jobs so far.
    pub jobs: u32,
}

impl ScenarioPort {
    /// Answers from these.
    pub fn new(given: Given, state: State) -> Self {
        Self { given, state: Mutex::new(state) }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What the scenario should say more, and what it says for nothing.
    pub fn complaints(&self) -> Vec<String> {
        let state = self.state();
        let unused = state
            .answers
            .iter()
            .map(|canned| format!("an answer was never asked for: {}", Json::Object(canned.call.clone())));
        state.unanswered.iter().cloned().chain(unused).collect()
    }

    /// Why a host would not take what a hook sets, given the objects of what it was shown.
    pub fn refusals(&self, objects: &[String], output: &Output) -> Vec<String> {
        let amendments: Vec<Option<&String>> = match output {
            Output::Outcomes(outcomes) => outcomes.iter().map(|it| it.as_ref().ok().and_then(Option::as_ref)).collect(),
            Output::Computed(values) => values.iter().map(Some).collect(),
            _ => return Vec::new(),
        };
        let state = self.state();
        let refusal = |(object, amendment): (&String, Option<&String>)| {
            let fault = state.stored.refuses(&self.given.manifest, object, amendment?)?;
            Some(format!("a host does not take this: {}: {}", fault.code, fault.message))
        };
        objects.iter().zip(amendments).filter_map(refusal).collect()
    }

    fn stored(&self, call: &HostCall) -> Result<HostAnswer, Fault> {
        let Given { manifest, settings, now, context, secrets, .. } = &self.given;
        let mut state = self.state();
        let State { stored, kv, jobs, .. } = &mut *state;
        Ok(match call {
            HostCall::Log { .. } | HostCall::Publish { .. } => HostAnswer::Done,
            HostCall::Config => HostAnswer::Text(settings.to_string()),
            HostCall::Now => HostAnswer::Text(now.clone()),
            // The same ones in every run.
            HostCall::Random { length } => HostAnswer::Bytes((0..=u8::MAX).cycle().take(*length as usize).collect()),
            HostCall::Context => HostAnswer::Text(context.to_string()),
            HostCall::Get { object, id } => HostAnswer::MaybeText(stored.get(manifest, object, id)?),
            HostCall::Query { object, query } => HostAnswer::Texts(stored.query(manifest, object, query)?),
            HostCall::Create { object, fields } => HostAnswer::Text(stored.create(manifest, object, fields)?),
            HostCall::Update { object, id, fields } => HostAnswer::Text(stored.update(manifest, object, id, fields)?),
            HostCall::Delete { object, id } => {
                stored.delete(object, id)?;
                HostAnswer::Done
            }
            HostCall::KvGet { key } => HostAnswer::MaybeBytes(kv.get(key).cloned()),
            HostCall::KvSet { key, value } => {
                kv.insert(key.clone(), value.clone());
                HostAnswer::Done
            }
            HostCall::KvDelete { key } => {
                kv.remove(key);
                HostAnswer::Done
            }
            HostCall::KvKeys { prefix, after, limit } => {
                let is_asked = |key: &&String| key.starts_with(prefix) && *key > after;
                HostAnswer::Texts(kv.keys().filter(is_asked).take(*limit as usize).cloned().collect())
            }
            HostCall::Enqueue { .. } => {
                *jobs += 1;
                HostAnswer::Text(format!("01920000-0000-7000-8000-{jobs:012}"))
            }
            HostCall::SecretIsSet { name } => HostAnswer::Flag(secrets.contains(name)),
            HostCall::Aggregate { .. }
            | HostCall::Http(_)
            | HostCall::SecretSign { .. }
            | HostCall::SecretVerify { .. }
            | HostCall::Action { .. } => {
                let text = format!("the scenario has no answer: add one to `answers` for {}", told::call(call));
                state.unanswered.push(text.clone());
                return Err(Fault::new("no_answer", text));
            }
        })
    }
}

#[async_trait]
impl Port for ScenarioPort {
    async fn answer(&self, call: HostCall) -> Result<HostAnswer, Fault> {
        let Given { manifest, point, .. } = &self.given;
        Latitude::at(*point).gate(manifest, *point, &call)?;
        let canned = {
            let mut state = self.state();
            let seen = told::call(&call);
            let place = state.answers.iter().position(|canned| has(&seen, &Json::Object(canned.call.clone())));
            place.map(|place| state.answers.remove(place))
        };
        let Some(canned) = canned else { return self.stored(&call) };
        if let Some(CannedFault { code, message, retryable, details }) = canned.fault {
            return Err(Fault { code, message, retryable, details: details.map(|details| details.to_string()) });
        }
        answer_of(&call, canned.answer.unwrap_or(Json::Null)).map_err(|why| {
            let text = format!("the scenario's answer to {} is none: {why}", told::call(&call));
            self.state().unanswered.push(text.clone());
            Fault::new("no_answer", text)
        })
    }
}

/// Whether a value has all that is asked of it.
fn has(value: &Json, asked: &Json) -> bool {
    match (value, asked) {
        (Json::Object(members), Json::Object(asked)) => {
            asked.iter().all(|(name, asked)| members.get(name).is_some_and(|value| has(value, asked)))
        }
        _ => value == asked,
    }
}

/// What is written in a scenario as the answer to a call.
fn answer_of(call: &HostCall, written: Json) -> Result<HostAnswer, String> {
    let text = |value: &Json| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let bytes = |value: Json| match value {
        Json::Array(_) => serde_json::from_value(value).map_err(|_| "it is neither text nor bytes".to_owned()),
        value => Ok(text(&value).into_bytes()),
    };
    Ok(match call {
        HostCall::Log { .. }
        | HostCall::Delete { .. }
        | HostCall::KvSet { .. }
        | HostCall::KvDelete { .. }
        | HostCall::Publish { .. } => HostAnswer::Done,
        HostCall::Get { .. } => HostAnswer::MaybeText((!written.is_null()).then(|| text(&written))),
        HostCall::Query { .. } | HostCall::KvKeys { .. } => match written {
            Json::Array(items) => HostAnswer::Texts(items.iter().map(text).collect()),
            _ => return Err("it is no list".to_owned()),
        },
        HostCall::KvGet { .. } if written.is_null() => HostAnswer::MaybeBytes(None),
        HostCall::KvGet { .. } => HostAnswer::MaybeBytes(Some(bytes(written)?)),
        HostCall::SecretSign { .. } | HostCall::Random { .. } => HostAnswer::Bytes(bytes(written)?),
        HostCall::SecretIsSet { .. } | HostCall::SecretVerify { .. } => {
            HostAnswer::Flag(written.as_bool().ok_or("it is neither true nor false")?)
        }
        HostCall::Http(_) => {
            let status = written["status"].as_u64().and_then(|status| u16::try_from(status).ok());
            let headers = written["headers"].as_object().into_iter().flatten();
            let headers = headers.map(|(name, value)| (name.to_lowercase(), text(value))).collect();
            let body = bytes(written.get("body").cloned().unwrap_or_else(|| json!("")))?;
            HostAnswer::Http(HttpResponse { status: status.ok_or("it has no `status`")?, headers, body })
        }
        _ => HostAnswer::Text(text(&written)),
    })
}
