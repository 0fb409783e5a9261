//! All that a host looks at when a plugin is installed, for who is still making it: everything that is wrong, not the
//! first of it, and with no installation.

use std::time::Duration;

use data_encoding::HEXLOWER;
use serde::Serialize;
use serde_json::Value as Json;
use sha2::{Digest, Sha256};

use super::install::{of_compiler, of_invalid};
use super::workshop::is_package;
use crate::app::AppError;
use crate::domain::field::Field;
use crate::domain::object::{Object, ObjectDef};
use crate::domain::plugin::{API, Manifest};
use crate::plugin::{
    Audited, CompileError, Compiled, Compiler, CompilerOptions, Invalid, PluginEngine, Problem, survey,
    survey_manifest, unpack,
};

/// CPU time of a compilation that a person waits for.
const PATIENCE: Duration = Duration::from_mins(5);

/// What was looked at, and what is wrong with it.
#[derive(Debug, Serialize)]
pub struct Checked {
    /// `publisher.name`, when the manifest can be read.
    pub id: Option<String>,
    /// Its version.
    pub version: Option<String>,
    /// SHA-256 of the component; of a manifest that is wrong, none was built.
    pub digest: Option<String>,
    /// Bytes of the component.
    pub size: Option<usize>,
    /// The API of this host.
    pub host_api: String,
    /// Whether this host would take it.
    pub fits: bool,
    /// What is wrong.
    pub problems: Vec<Finding>,
}

/// Something that is wrong.
#[derive(Debug, Serialize)]
pub struct Finding {
    /// A stable word for what was looked at: `package`, `file`, `size`, `shape`, `validation`, `manifest`, `api`,
    /// `import`, `hook`, `object`, `settings`, `compile`, `link`, `start`.
    pub name: &'static str,
    /// The part of the manifest that says it, when it is one: `hooks.scheduled[0].cron`.
    pub path: Option<String>,
    /// Where that stands, when it was read from the folder of a plugin: the file and its line.
    pub place: Option<String>,
    /// What is wrong.
    pub message: String,
}

impl Finding {
    fn new(name: &'static str, why: &dyn std::fmt::Display) -> Self {
        Self { name, path: None, place: None, message: why.to_string() }
    }

    fn of(name: &'static str, path: String, why: &dyn std::fmt::Display) -> Self {
        Self { path: Some(path), ..Self::new(name, why) }
    }
}

impl std::fmt::Display for Finding {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // Where it stands says more than what was looked at.
        write!(f, "{}: ", self.place.as_deref().unwrap_or(self.name))?;
        if let Some(path) = &self.path {
            write!(f, "{path}: ")?;
        }
        f.write_str(&self.message)
    }
}

impl From<&Problem> for Finding {
    fn from(problem: &Problem) -> Self {
        let name = if matches!(problem.why, Invalid::Api(_)) { "api" } else { problem.name };
        let message = problem.message.clone().unwrap_or_else(|| problem.why.to_string());
        Self { name, path: problem.path.clone(), place: None, message }
    }
}

/// All that can be said of a manifest before there is a component.
pub fn check_manifest(manifest: &Json) -> Checked {
    let problems = match survey_manifest(manifest.to_string().as_bytes()) {
        Ok(manifest) => said(&manifest),
        Err(problems) => problems.iter().map(Finding::from).collect(),
    };
    let text = |name: &str| manifest[name].as_str().map(str::to_owned);
    Checked { fits: problems.is_empty(), problems, ..Checked::of(text("id"), text("version")) }
}

impl Checked {
    fn of(id: Option<String>, version: Option<String>) -> Self {
        let host_api = format!("{}.{}", API.0, API.1);
        Self { id, version, digest: None, size: None, host_api, fits: false, problems: Vec::new() }
    }
}

/// Checks a component, or the one in a package.
pub async fn check_plugin(bytes: Vec<u8>) -> Result<Checked, AppError> {
    let mut checked = Checked::of(None, None);
    let component = if is_package(&bytes) {
        let opened = unpack(&bytes).map(|package| package.component);
        opened.map_err(|why| checked.problems.push(Finding::new("package", &why))).unwrap_or_default()
    } else {
        bytes
    };
    checked.digest = Some(format!("sha256:{}", HEXLOWER.encode(&Sha256::digest(&component))));
    checked.size = Some(component.len());
    if checked.problems.is_empty() {
        match survey(&component) {
            Ok(audited) => {
                checked.id = Some(audited.found.manifest.id.clone());
                checked.version = Some(audited.found.manifest.version.clone());
                checked.problems = said(&audited.found.manifest);
                if checked.problems.is_empty() {
                    checked.problems.extend(run(&component, audited).await?);
                }
            }
            Err(found) => checked.problems = found.iter().map(Finding::from).collect(),
        }
    }
    checked.fits = checked.problems.is_empty();
    Ok(checked)
}

/// What is wrong with its objects and settings.
fn said(manifest: &Manifest) -> Vec<Finding> {
    let object = |(at, def): (usize, &ObjectDef)| {
        let why = Object::check(def.clone(), Some(&manifest.namespace)).err()?;
        // The first field that is wrong by itself is where it stands.
        let field = def.fields.iter().position(|field| !field.retired && Field::check(field.clone()).is_err());
        let field = field.map(|field| format!(".fields[{field}]")).unwrap_or_default();
        Some(Finding::of("object", format!("objects[{at}]{field}"), &why))
    };
    let objects = manifest.objects.iter().enumerate().filter_map(object);
    let settings = manifest.config.schema.as_ref().and_then(|schema| jsonschema::validator_for(schema).err());
    let settings = settings.map(|error| {
        let inside = error.instance_path().to_string().replace('/', ".");
        Finding::of("settings", format!("config.schema{inside}"), &error)
    });
    objects.chain(settings).collect()
}

/// What is wrong once it is compiled, linked and brought to life.
async fn run(component: &[u8], audited: Audited) -> Result<Option<Finding>, AppError> {
    let engine = engine()?;
    let compiler = Compiler::new(&engine, CompilerOptions::default()).map_err(AppError::Setup)?;
    let artefact = match compiler.artefact(component, &audited).await {
        Ok(artefact) => artefact,
        Err(CompileError::Refused(why)) => return Ok(Some(Finding::new("compile", &why))),
        Err(error) => return Err(of_compiler(error)),
    };
    let compiled = match engine.load(audited.found, &artefact) {
        Ok(compiled) => compiled,
        Err(why) => return Ok(Some(Finding::new("link", &why))),
    };
    match engine.try_out(&compiled).await {
        Ok(()) => Ok(None),
        Err(CompileError::Refused(why)) => Ok(Some(Finding::new("start", &why))),
        Err(error) => Err(of_compiler(error)),
    }
}

fn engine() -> Result<PluginEngine, AppError> {
    PluginEngine::new().map_err(|error| AppError::Setup(format!("wasmtime: {error:#}")))
}

/// Makes a component ready to be called by an engine of one's own. Who waits for it has asked for it: where instructions
/// are counted, a large one takes longer than a host would give it.
pub async fn ready(engine: &PluginEngine, component: &[u8]) -> Result<Compiled, AppError> {
    let patient = CompilerOptions { time: Some(PATIENCE), ..CompilerOptions::default() };
    let compiler = Compiler::new(engine, patient).map_err(AppError::Setup)?;
    let audited = crate::plugin::audit(component).map_err(of_invalid)?;
    let artefact = compiler.artefact(component, &audited).await.map_err(of_compiler)?;
    engine.load(audited.found, &artefact).map_err(of_invalid)
}
