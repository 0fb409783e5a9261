//! The guide: four questions, and the modules that the answers to them speak for.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use serde::{Deserialize, Serialize};

use super::invalid::FieldError;

/// A text in English and Chinese.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Words {
    /// In English.
    pub en: String,
    /// In Chinese.
    pub zh: String,
}

/// A module that an answer speaks for, and why.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Advice {
    plugin: String,
    why: Words,
}

/// An answer that can be given.
#[derive(Clone, Debug, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct GuideOption {
    /// What stands for it in answers.
    pub value: String,
    /// What people read.
    pub label: Words,
    #[serde(skip_serializing)]
    #[schema(ignore)]
    modules: Vec<Advice>,
}

/// A question.
#[derive(Clone, Debug, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct GuideQuestion {
    /// Its name in answers.
    pub name: String,
    /// What people read.
    pub label: Words,
    /// The answers to choose one from.
    pub options: Vec<GuideOption>,
}

/// What one answer says for a module.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Reason {
    /// The question.
    pub question: String,
    /// The answer.
    pub answer: String,
    /// Why.
    pub text: Words,
}

/// Answers by question.
pub type Answers = BTreeMap<String, String>;

static QUESTIONS: LazyLock<Vec<GuideQuestion>> = LazyLock::new(|| {
    serde_json::from_str(include_str!("../../model/guide.json")).expect("the guide is read by a test")
});

/// The questions, in the order in which they are asked.
pub fn questions() -> &'static [GuideQuestion] {
    &QUESTIONS
}

/// What these answers speak for: plugins with their reasons, those with the most first. A question may be left out.
pub fn propose(answers: &Answers) -> Result<Vec<(String, Vec<Reason>)>, Vec<FieldError>> {
    let mut faults = Vec::new();
    for (name, answer) in answers {
        let path = format!("answers.{name}");
        match questions().iter().find(|question| question.name == *name) {
            None => faults.push(FieldError::new(path, "unknown_field", "is no question of the guide")),
            Some(question) if !question.options.iter().any(|option| option.value == *answer) => {
                let values: Vec<&str> = question.options.iter().map(|option| option.value.as_str()).collect();
                faults.push(FieldError::new(path, "unknown_option", format!("is one of {}", values.join(", "))));
            }
            Some(_) => {}
        }
    }
    if !faults.is_empty() {
        return Err(faults);
    }
    let mut proposal: Vec<(String, Vec<Reason>)> = Vec::new();
    for question in questions() {
        let given = answers.get(&question.name);
        let option = question.options.iter().find(|option| given == Some(&option.value));
        for advice in option.iter().flat_map(|option| &option.modules) {
            let reason = Reason {
                question: question.name.clone(),
                answer: given.cloned().unwrap_or_default(),
                text: advice.why.clone(),
            };
            match proposal.iter_mut().find(|(plugin, _)| *plugin == advice.plugin) {
                Some((_, reasons)) => reasons.push(reason),
                None => proposal.push((advice.plugin.clone(), vec![reason])),
            }
        }
    }
    proposal.sort_by_key(|(_, reasons)| std::cmp::Reverse(reasons.len()));
    Ok(proposal)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn proposed(answers: &[(&str, &str)]) -> Vec<String> {
        let answers = answers.iter().map(|(name, answer)| ((*name).to_owned(), (*answer).to_owned())).collect();
        propose(&answers).unwrap().into_iter().map(|(plugin, _)| plugin).collect()
    }

    #[test]
    fn the_guide_asks_four_questions_and_each_answer_speaks_for_something() {
        let names: Vec<&str> = questions().iter().map(|question| question.name.as_str()).collect();
        assert_eq!(names, ["industry", "company_size", "stage", "goal"]);
        assert_eq!(questions()[0].options.len(), 10);
        for question in questions() {
            for option in &question.options {
                assert!(!option.modules.is_empty(), "{} {}", question.name, option.value);
                let words = [&option.label].into_iter().chain(option.modules.iter().map(|advice| &advice.why));
                assert!(words.into_iter().all(|words| !words.en.is_empty() && !words.zh.is_empty()));
            }
        }
    }

    #[test]
    fn what_more_answers_speak_for_comes_first() {
        let brand = proposed(&[("goal", "brand")]);
        assert!(brand.iter().any(|plugin| plugin.starts_with("guildhall.social")), "{brand:?}");
        let service = proposed(&[("goal", "service")]);
        assert!(service.contains(&"guildhall.service".to_owned()), "{service:?}");
        assert!(!service.iter().any(|plugin| plugin.starts_with("guildhall.social")), "{service:?}");
        let both = proposed(&[("industry", "hotels"), ("goal", "service")]);
        assert_eq!(both[0], "guildhall.service", "{both:?}");
        assert!(proposed(&[]).is_empty());
    }

    #[test]
    fn what_is_no_answer_is_told() {
        let wrong = [("industry", "moon"), ("weather", "fine")];
        let answers = wrong.iter().map(|(name, answer)| ((*name).to_owned(), (*answer).to_owned())).collect();
        let codes: Vec<_> = propose(&answers).unwrap_err().into_iter().map(|fault| fault.code).collect();
        assert_eq!(codes, ["unknown_option", "unknown_field"]);
    }
}
