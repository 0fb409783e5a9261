//! Translations: what people read of an object and its fields, in other languages.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use super::field::FieldDef;
use super::language::{DEFAULT_LANGUAGE, Languages, is_same, is_tag};
use super::object::{Object, ObjectDef};

/// Translations of an object, by language.
pub type Translations = BTreeMap<String, Translation>;

/// The texts of an object in another language. What is left out stays as the definition says it.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Translation {
    /// What people read for one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
    /// What people read for many.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plural: Option<String>,
    /// What it is for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// The texts of its fields, by name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub fields: BTreeMap<String, FieldTranslation>,
}

/// The texts of a field in another language.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct FieldTranslation {
    /// What people read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
    /// What the field means.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// What people read for the other end of a link.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub inverse_label: Option<String>,
    /// What people read for the choices of a select, by value.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub options: BTreeMap<String, String>,
}

/// Translations as somebody sends them.
pub fn read(json: Json) -> Result<Translations, String> {
    serde_json::from_value(json).map_err(|error| format!("`translations`: {error}"))
}

/// Checks the translations of a definition: languages, names, and that no text is empty.
pub fn check(def: &ObjectDef) -> Result<(), String> {
    for (tag, translation) in &def.translations {
        if !is_tag(tag) {
            return Err(format!("`{tag}` is no language to translate into; `zh` and `pt-BR` are"));
        }
        if let Some(other) = def.translations.keys().find(|other| *other != tag && is_same(other, tag)) {
            return Err(format!("the translations `{other}` and `{tag}` are of one language"));
        }
        translation.check(&def.fields).map_err(|message| format!("translation `{tag}`: {message}"))?;
    }
    Ok(())
}

impl Translation {
    fn check(&self, fields: &[FieldDef]) -> Result<(), String> {
        let texts = [("label", &self.label), ("plural", &self.plural), ("description", &self.description)];
        if let Some(name) = empty(&texts) {
            return Err(format!("`{name}` is empty"));
        }
        for (name, translation) in &self.fields {
            let field = fields.iter().find(|field| field.name == *name);
            translation.check(field.ok_or_else(|| format!("there is no field `{name}`"))?)?;
        }
        Ok(())
    }
}

impl FieldTranslation {
    fn check(&self, field: &FieldDef) -> Result<(), String> {
        let name = &field.name;
        let texts =
            [("label", &self.label), ("description", &self.description), ("inverse_label", &self.inverse_label)];
        if let Some(text) = empty(&texts) {
            return Err(format!("`{text}` of the field `{name}` is empty"));
        }
        if self.inverse_label.is_some() && field.inverse.is_none() {
            return Err(format!("the field `{name}` has no inverse"));
        }
        for (value, label) in &self.options {
            if !field.options.iter().any(|choice| choice.value == *value) {
                return Err(format!("the field `{name}` has no option `{value}`"));
            }
            if label.trim().is_empty() {
                return Err(format!("the option `{value}` of the field `{name}` is empty"));
            }
        }
        Ok(())
    }

    /// Puts these texts in the place of the definition's own.
    pub fn apply(&self, def: &mut FieldDef) {
        replace(&mut def.label, self.label.as_ref());
        replace(&mut def.description, self.description.as_ref());
        def.inverse_label = self.inverse_label.clone().or(def.inverse_label.take());
        for choice in &mut def.options {
            replace(&mut choice.label, self.options.get(&choice.value));
        }
    }
}

impl Object {
    /// The language that somebody reads of it, and its texts in there; none when these are the definition's own.
    pub fn read_in(&self, languages: &Languages) -> (&str, Option<&Translation>) {
        let mut tags: Vec<&str> = self.translations.keys().map(String::as_str).collect();
        tags.push(DEFAULT_LANGUAGE);
        let language = languages.choose(&tags).unwrap_or(DEFAULT_LANGUAGE);
        (language, self.translations.get(language))
    }
}

/// Puts a translated text in the place of another, when there is one.
pub fn replace(text: &mut String, translated: Option<&String>) {
    if let Some(translated) = translated {
        text.clone_from(translated);
    }
}

/// The name of a text that is given and says nothing.
fn empty<'a>(texts: &[(&'a str, &Option<String>)]) -> Option<&'a str> {
    let is_empty = |text: &Option<String>| text.as_ref().is_some_and(|text| text.trim().is_empty());
    texts.iter().find(|(_, text)| is_empty(text)).map(|(name, _)| *name)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn def(translations: Json) -> ObjectDef {
        let options = json!([{"value": "a", "label": "A"}, {"value": "b", "label": "B"}]);
        let fields = json!([
            {"name": "kind", "label": "Kind", "type": "select", "options": options},
            {"name": "town", "label": "Town", "type": "link", "to": "town", "indexed": true, "inverse": "houses"},
            {"name": "old", "label": "Old", "type": "text", "retired": true},
        ]);
        let def = json!({"name": "house", "label": "House", "plural": "Houses", "fields": fields});
        let mut def: ObjectDef = serde_json::from_value(def).unwrap();
        def.translations = serde_json::from_value(translations).unwrap();
        def
    }

    #[test]
    fn a_wrong_translation_is_named_with_its_language() {
        for (translations, message) in [
            (json!({"ZH": {}}), "`ZH` is no language to translate into"),
            (json!({"zh_CN": {}}), "`zh_CN` is no language to translate into"),
            (json!({"pt-BR": {}, "pt-br": {}}), "of one language"),
            (json!({"zh": {"label": " "}}), "translation `zh`: `label` is empty"),
            (json!({"zh": {"fields": {"kin": {"label": "K"}}}}), "translation `zh`: there is no field `kin`"),
            (json!({"zh": {"fields": {"kind": {"label": ""}}}}), "translation `zh`: `label` of the field `kind`"),
            (json!({"zh": {"fields": {"kind": {"options": {"c": "C"}}}}}), "the field `kind` has no option `c`"),
            (json!({"zh": {"fields": {"kind": {"options": {"a": ""}}}}}), "option `a` of the field `kind` is empty"),
            (json!({"zh": {"fields": {"kind": {"inverse_label": "K"}}}}), "the field `kind` has no inverse"),
        ] {
            let told = Object::check(def(translations.clone()), None).unwrap_err();
            assert!(told.starts_with("object `house`: ") && told.contains(message), "{translations}: {told}");
        }
        let town = json!({"zh": {"fields": {"old": {"label": "旧"}, "town": {"inverse_label": "房屋"}}}});
        assert!(Object::check(def(town), None).is_ok());
    }

    #[test]
    fn what_is_left_out_stays() {
        let zh = json!({"zh": {"fields": {"kind": {"options": {"a": "甲"}}, "town": {"label": "城镇"}}}});
        let house = Object::check(def(zh), None).unwrap();
        let read = |wanted: &str| Languages { wanted: vec![wanted.to_owned()], unwanted: Vec::new() };
        let (chosen, none) = (read("zh-CN"), read("fr"));
        assert_eq!(house.read_in(&none).0, "en");
        let (language, translation) = house.read_in(&chosen);
        let fields = &translation.unwrap().fields;
        let mut kind = house.fields[0].def.clone();
        fields["kind"].apply(&mut kind);
        let labels: Vec<&str> = kind.options.iter().map(|choice| choice.label.as_str()).collect();
        assert_eq!((language, kind.label.as_str(), labels), ("zh", "Kind", vec!["甲", "B"]));
    }

    #[test]
    fn a_definition_without_translations_is_written_as_before() {
        let plain = serde_json::to_value(def(json!({}))).unwrap();
        assert!(plain.get("translations").is_none());
        let (plain, translated) = (def(json!({})), def(json!({"zh": {"label": "房屋"}})));
        let fingerprint = |def: ObjectDef| Object::check(def, None).unwrap().fingerprint;
        assert_eq!(fingerprint(plain), fingerprint(translated));
    }
}
