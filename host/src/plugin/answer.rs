//! Whether what a plugin answers is an answer to what it was asked.

use std::borrow::Cow;
use std::collections::HashMap;

use serde::de::IgnoredAny;

use super::failure::Failure;
use crate::domain::plugin::{ExtensionPoint, Input, Manifest, Output};
use crate::domain::view_tree;

/// What an answer has to fit.
pub struct Asked {
    point: ExtensionPoint,
    /// How many things it is about.
    count: usize,
    /// The fields that are to be computed.
    fields: Vec<String>,
}

impl Asked {
    /// Of a call with this input.
    pub fn of(input: &Input) -> Self {
        let fields = if let Input::ComputedField { fields, .. } = input { fields.clone() } else { Vec::new() };
        Self { point: input.point(), count: input.size(), fields }
    }

    /// Whether there is one answer for each thing that was asked about, each of the form that it is to have, and none
    /// too large.
    pub fn check(&self, output: &Output, manifest: &Manifest, payload: usize) -> Result<(), Failure> {
        match output {
            Output::Outcomes(outcomes) => {
                self.counted(outcomes.len(), "outcomes")?;
                let mut amendments = outcomes.iter().flatten().flatten();
                if amendments.any(|text| members(text).is_none()) {
                    return wrong("an amendment is not a JSON object");
                }
            }
            Output::Verdicts(verdicts) => self.counted(verdicts.len(), "verdicts")?,
            Output::Computed(computed) => {
                self.counted(computed.len(), "results")?;
                for text in computed {
                    let Some(members) = members(text) else { return wrong("computed values are not a JSON object") };
                    if let Some(other) = members.keys().find(|name| !self.fields.iter().any(|field| field == *name)) {
                        return wrong(format!("`{other}` is no field that it computes"));
                    }
                }
            }
            Output::Response(response) | Output::Received(response, _) => {
                if !(200..600).contains(&response.status) {
                    return wrong(format!("{} is no status of an answer", response.status));
                }
                if response.body.len() > payload {
                    return Err(Failure::PayloadLimit);
                }
            }
            Output::Json(text) if self.point == ExtensionPoint::View => {
                if let Err(at) = view_tree::read(text, &|name| manifest.action(name).is_some()) {
                    return wrong(format!("the view at `{}` {}", at.path, at.message));
                }
            }
            Output::Json(text) if self.point == ExtensionPoint::Action => {
                if serde_json::from_str::<IgnoredAny>(text).is_err() {
                    return wrong("the result is not JSON");
                }
            }
            // What a job says of itself may be any text.
            Output::Json(_) | Output::Done => {}
        }
        Ok(())
    }

    fn counted(&self, count: usize, what: &str) -> Result<(), Failure> {
        if count == self.count { Ok(()) } else { wrong(format!("{count} {what} for {} asked about", self.count)) }
    }
}

fn wrong<T>(how: impl Into<String>) -> Result<T, Failure> {
    Err(Failure::BadAnswer(how.into()))
}

/// The members of a text that is a JSON object.
#[expect(clippy::zero_sized_map_values, reason = "whoever uses the answer looks at the values")]
fn members(text: &str) -> Option<HashMap<Cow<'_, str>, IgnoredAny>> {
    serde_json::from_str(text).ok()
}
