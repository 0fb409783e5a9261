//! Reads a plugin's `plugin.toml` strictly, and turns it into the JSON that travels inside the component.

mod word;

use std::path::Path;

use anyhow::{Context as _, Result, anyhow, bail};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// A plugin's manifest with all that it refers to.
pub struct Manifest {
    source: Source,
    json: Value,
}

impl Manifest {
    /// The plugin's id, `publisher.name`.
    pub fn id(&self) -> &str {
        &self.source.id
    }

    /// The least API that it needs, `1.0`.
    pub fn api(&self) -> &str {
        &self.source.api
    }

    /// The names of its hooks.
    pub fn hooks(&self) -> Vec<&'static str> {
        let Hooks { before_write } = &self.source.hooks;
        if before_write.is_empty() { Vec::new() } else { vec!["before-write"] }
    }

    /// The JSON of the section `guildhall:manifest`.
    pub fn json(&self) -> &Value {
        &self.json
    }
}

/// `plugin.toml`. What names files is replaced by their content in the JSON.
#[derive(Deserialize, Serialize)]
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
    permissions: Permissions,
    #[serde(default)]
    limits: Limits,
    #[serde(default, skip_serializing)]
    config: Config,
    #[serde(default, skip_serializing)]
    data: Data,
}

#[derive(Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Hooks {
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    before_write: Vec<BeforeWrite>,
}

#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct BeforeWrite {
    #[serde(deserialize_with = "word::object")]
    object: String,
    operations: Vec<Change>,
    #[serde(skip_serializing_if = "Option::is_none")]
    timeout_ms: Option<u32>,
    #[serde(default)]
    on_failure: OnFailure,
}

#[derive(Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
enum Change {
    Create,
    Update,
    Delete,
}

#[derive(Default, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
enum OnFailure {
    /// The command fails with the hook.
    #[default]
    Reject,
    /// The command goes on without the hook.
    Allow,
}

#[derive(Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct Permissions {
    #[serde(default)]
    records: Vec<Records>,
    #[serde(default)]
    reasons: Vec<Reason>,
}

#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct Records {
    #[serde(deserialize_with = "word::object")]
    object: String,
    ops: Vec<Access>,
    fields: Vec<String>,
}

#[derive(Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
enum Access {
    Read,
    Create,
    Update,
    Delete,
}

#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct Reason {
    permission: String,
    text: String,
}

#[derive(Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct Limits {
    #[serde(skip_serializing_if = "Option::is_none")]
    memory_mb: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cpu_ms: Option<u32>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Config {
    schema: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Data {
    objects: Option<String>,
}

/// Reads `plugin.toml` in a plugin's folder and the files that it names.
pub fn read(folder: &Path) -> Result<Manifest> {
    let path = folder.join("plugin.toml");
    let text = std::fs::read_to_string(&path).with_context(|| format!("reading {}", path.display()))?;
    let source: Source = toml::from_str(&text).map_err(|error| {
        let line = 1 + error.span().map_or(0, |span| text[..span.start].matches('\n').count());
        anyhow!("{}:{line}: {}", path.display(), error.message())
    })?;
    let config = match &source.config.schema {
        Some(schema) => read_json(&folder.join(schema))?,
        None => json!({ "type": "object", "additionalProperties": false }),
    };
    let objects = match &source.data.objects {
        Some(pattern) => read_objects(folder, pattern, &source.namespace)?,
        None => Vec::new(),
    };
    let mut json = serde_json::to_value(&source)?;
    json["config"] = json!({ "schema": config });
    json["objects"] = Value::Array(objects);
    Ok(Manifest { source, json })
}

/// The definitions of the plugin's objects, in the order of their files' names.
fn read_objects(folder: &Path, pattern: &str, namespace: &str) -> Result<Vec<Value>> {
    let Some(below) = pattern.strip_suffix("/*.json") else {
        bail!("{}: objects is `{pattern}`; it must be a folder and `/*.json`", folder.join("plugin.toml").display());
    };
    let home = folder.join(below);
    let entries = home.read_dir().with_context(|| format!("reading {}", home.display()))?;
    let mut files = entries.map(|entry| Ok(entry?.path())).collect::<Result<Vec<_>>>()?;
    files.retain(|file| file.extension().is_some_and(|extension| extension == "json"));
    files.sort();
    files.iter().map(|file| read_object(file, namespace)).collect()
}

fn read_object(file: &Path, namespace: &str) -> Result<Value> {
    let object = read_json(file)?;
    let name = object["name"].as_str().unwrap_or_default();
    match name.strip_prefix(namespace).and_then(|rest| rest.strip_prefix('.')) {
        Some(rest) if !rest.is_empty() => Ok(object),
        _ => bail!("{}: the object's name is `{name}`; it must begin with `{namespace}.`", file.display()),
    }
}

fn read_json(file: &Path) -> Result<Value> {
    let text = std::fs::read_to_string(file).with_context(|| format!("reading {}", file.display()))?;
    serde_json::from_str(&text).map_err(|error| anyhow!("{}:{}: {error}", file.display(), error.line()))
}

#[cfg(test)]
mod tests;
