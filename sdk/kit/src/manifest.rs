//! Reads a plugin's `plugin.toml` strictly, and turns it into the JSON that travels inside the component.

mod parts;
mod place;
pub(crate) mod word;

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::{Error, Result};
use parts::{Action, Channel, Hooks, Permissions, Requirement, View};
use place::{Source as File, Step, line_in_json, line_in_toml, steps};

/// The file that a manifest begins in.
const TOML: &str = "plugin.toml";

/// A plugin's manifest with all that it refers to.
#[derive(Debug)]
pub struct Manifest {
    source: Source,
    /// The text of `plugin.toml`, for the lines of what is wrong with it.
    text: String,
    /// The files of the objects, of the settings' schema, and of the inputs of the actions that have one.
    objects: Vec<File>,
    settings: Option<File>,
    inputs: Vec<Option<File>>,
    json: Value,
}

impl Manifest {
    /// The plugin's id, `publisher.name`.
    pub fn id(&self) -> &str {
        &self.source.id
    }

    /// Its version.
    pub fn version(&self) -> &str {
        &self.source.version
    }

    /// Makes its version one of a row that comes before it.
    pub(crate) fn make_draft(&mut self, turn: u32) {
        let version = self.source.version.split('+').next().unwrap_or_default();
        // Identifiers of a pre-release go on with a dot: 1.0.0-beta, 1.0.0-beta.dev.3.
        let mark = if version.contains('-') { '.' } else { '-' };
        self.source.version = format!("{version}{mark}dev.{turn}");
        self.json["version"] = self.source.version.as_str().into();
    }

    /// The least API that it needs, `1.0`.
    pub fn api(&self) -> &str {
        &self.source.api
    }

    /// The extension points that it names.
    pub fn points(&self) -> Vec<&'static str> {
        let Hooks { before_write, validate, computed_field, on_events, scheduled, http_route } = &self.source.hooks;
        let named = [
            ("before-write", !before_write.is_empty()),
            ("validate", !validate.is_empty()),
            ("computed-field", !computed_field.is_empty()),
            ("on-events", on_events.is_some()),
            ("scheduled", !scheduled.is_empty()),
            ("http-route", !http_route.is_empty()),
            ("action", !self.source.actions.is_empty()),
            ("view", !self.source.views.is_empty()),
            ("channel", self.source.channel.is_some()),
        ];
        named.into_iter().filter(|(_, is_named)| *is_named).map(|(name, _)| name).collect()
    }

    /// The line that names an extension point.
    pub(crate) fn line_of(&self, point: &str) -> Option<usize> {
        let table = match point {
            "action" | "view" => format!("[[{point}s]]"),
            "channel" => "[channel]".to_owned(),
            hook => hook.to_owned(),
        };
        let names = |line: &str| {
            let rest = line.trim_start().trim_start_matches("[[hooks.").trim_start_matches("[hooks.");
            rest.strip_prefix(&table).is_some_and(|rest| !rest.starts_with(|next: char| next.is_alphanumeric()))
        };
        self.text.lines().position(names).map(|line| line + 1)
    }

    /// Where a part of it stands, such as `hooks.scheduled[0].cron`: the file in the plugin's folder, and the line. Of
    /// a part that is not there, as much of the way as there is.
    pub fn place_of(&self, path: &str) -> (PathBuf, usize) {
        let steps = steps(path);
        let key = |at: usize, name: &str| matches!(steps.get(at), Some(Step::Key(key)) if key == name);
        let item = match steps.get(1) {
            Some(Step::Item(item)) => Some(*item),
            _ => None,
        };
        let (file, inside) = if key(0, "objects") {
            (item.and_then(|item| self.objects.get(item)), 2)
        } else if key(0, "config") && key(1, "schema") {
            (self.settings.as_ref(), 2)
        } else if key(0, "actions") && key(2, "input") {
            (item.and_then(|item| self.inputs.get(item)?.as_ref()), 3)
        } else {
            (None, 0)
        };
        match file {
            Some(file) => (file.file.clone(), line_in_json(&file.text, &steps[inside..])),
            // The objects as a whole are those of a folder that is named there.
            None if key(0, "objects") => {
                (PathBuf::from(TOML), line_in_toml(&self.text, &[Step::Key("data".to_owned()), steps[0].clone()]))
            }
            None => (PathBuf::from(TOML), line_in_toml(&self.text, &steps)),
        }
    }

    /// Whether it asks to put work aside.
    pub fn queues_jobs(&self) -> bool {
        self.source.permissions.jobs
    }

    /// The JSON of the section `guildhall:manifest`.
    pub fn json(&self) -> &Value {
        &self.json
    }
}

/// `plugin.toml`. What names files is replaced by their content in the JSON.
#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct Source {
    #[serde(deserialize_with = "word::schema")]
    schema: u32,
    #[serde(deserialize_with = "word::id")]
    id: String,
    #[serde(deserialize_with = "word::namespace")]
    namespace: String,
    name: String,
    description: String,
    #[serde(deserialize_with = "word::version")]
    version: String,
    #[serde(deserialize_with = "word::api")]
    api: String,
    #[serde(default)]
    hooks: Hooks,
    #[serde(default)]
    actions: Vec<Action>,
    #[serde(default)]
    views: Vec<View>,
    #[serde(skip_serializing_if = "Option::is_none")]
    channel: Option<Channel>,
    #[serde(default)]
    requires: Vec<Requirement>,
    #[serde(default)]
    permissions: Permissions,
    #[serde(default)]
    limits: Limits,
    #[serde(default, skip_serializing)]
    config: Config,
    #[serde(default, skip_serializing)]
    data: Data,
}

#[derive(Debug, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct Limits {
    #[serde(skip_serializing_if = "Option::is_none")]
    memory_mb: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cpu_ms: Option<u32>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Config {
    schema: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Data {
    objects: Option<String>,
}

/// Reads `plugin.toml` in a plugin's folder and the files that it names.
pub fn read(folder: &Path) -> Result<Manifest> {
    let path = folder.join(TOML);
    let text = std::fs::read_to_string(&path).map_err(|error| Error::file(&path, &error))?;
    let source: Source = toml::from_str(&text).map_err(|error| {
        let line = 1 + error.span().map_or(0, |span| text[..span.start].matches('\n').count());
        Error::Manifest(format!("{}:{line}: {}", path.display(), error.message()))
    })?;
    let unwritten = |error| Error::Manifest(format!("{}: {error}", path.display()));
    let mut json = serde_json::to_value(&source).map_err(unwritten)?;
    let settings = source.config.schema.as_deref().map(|file| read_json(folder, file)).transpose()?;
    let (settings, schema) = settings.unzip();
    json["config"] = json!({
        "schema": schema.unwrap_or_else(|| json!({ "type": "object", "additionalProperties": false })),
    });
    let mut inputs = Vec::new();
    for (at, action) in source.actions.iter().enumerate() {
        let input = action.input.as_deref().map(|file| read_json(folder, file)).transpose()?;
        let (file, input) = input.unzip();
        if let Some(input) = input {
            json["actions"][at]["input"] = input;
        }
        inputs.push(file);
    }
    let objects = match &source.data.objects {
        Some(pattern) => read_objects(folder, pattern, &source.namespace)?,
        None => Vec::new(),
    };
    let (objects, definitions): (Vec<File>, Vec<Value>) = objects.into_iter().unzip();
    json["objects"] = Value::Array(definitions);
    Ok(Manifest { source, text, objects, settings, inputs, json })
}

/// TOML as the JSON that says the same; an error names the line.
pub fn toml_to_json(text: &str) -> Result<Value> {
    toml::from_str(text).map_err(|error| {
        let line = 1 + error.span().map_or(0, |span| text[..span.start].matches('\n').count());
        Error::Manifest(format!("line {line}: {}", error.message()))
    })
}

/// The definitions of the plugin's objects, in the order of their files' names.
fn read_objects(folder: &Path, pattern: &str, namespace: &str) -> Result<Vec<(File, Value)>> {
    let Some(below) = pattern.strip_suffix("/*.json") else {
        let path = folder.join(TOML);
        return Err(Error::Manifest(format!(
            "{}: objects is `{pattern}`; it must be a folder and `/*.json`",
            path.display()
        )));
    };
    let home = folder.join(below);
    let unread = |error: std::io::Error| Error::file(&home, &error);
    let entries = home.read_dir().map_err(unread)?;
    let mut names = entries.map(|entry| Ok(entry.map_err(unread)?.file_name())).collect::<Result<Vec<_>>>()?;
    names.retain(|name| Path::new(name).extension().is_some_and(|extension| extension == "json"));
    names.sort();
    names.iter().map(|name| read_object(folder, &Path::new(below).join(name), namespace)).collect()
}

fn read_object(folder: &Path, file: &Path, namespace: &str) -> Result<(File, Value)> {
    let (read, object) = read_json(folder, file)?;
    let name = object["name"].as_str().unwrap_or_default();
    match name.strip_prefix(namespace).and_then(|rest| rest.strip_prefix('.')) {
        Some(rest) if !rest.is_empty() => Ok((read, object)),
        _ => Err(Error::Manifest(format!(
            "{}:{}: the object's name is `{name}`; it must begin with `{namespace}.`",
            folder.join(file).display(),
            line_in_json(&read.text, &steps("name"))
        ))),
    }
}

fn read_json(folder: &Path, file: impl AsRef<Path>) -> Result<(File, Value)> {
    let (file, path) = (file.as_ref().to_owned(), folder.join(file));
    let text = std::fs::read_to_string(&path).map_err(|error| Error::file(&path, &error))?;
    let json = serde_json::from_str(&text)
        .map_err(|error| Error::Manifest(format!("{}:{}: {error}", path.display(), error.line())))?;
    Ok((File { file, text }, json))
}

#[cfg(test)]
mod tests;
