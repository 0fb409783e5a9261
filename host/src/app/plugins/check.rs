//! All that a host looks at when a plugin is installed, for who is still making it: everything that is wrong, not the
//! first of it, and with no installation.

use std::time::Duration;

use data_encoding::HEXLOWER;
use serde::Serialize;
use sha2::{Digest, Sha256};

use super::install::{of_compiler, of_invalid};
use super::workshop::is_package;
use crate::app::AppError;
use crate::app::modules::settings::validator_of;
use crate::domain::object::Object;
use crate::domain::plugin::{API, Manifest};
use crate::plugin::{
    Audited, CompileError, Compiled, Compiler, CompilerOptions, Invalid, PluginEngine, survey, unpack,
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
    /// SHA-256 of the component.
    pub digest: String,
    /// Bytes of the component.
    pub size: usize,
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
    /// What is wrong.
    pub message: String,
}

/// Checks a component, or the one in a package.
pub async fn check_plugin(bytes: Vec<u8>) -> Result<Checked, AppError> {
    let mut problems = Vec::new();
    let component = if is_package(&bytes) {
        let opened = unpack(&bytes).map(|package| package.component);
        opened.map_err(|why| problems.push(finding("package", &why))).unwrap_or_default()
    } else {
        bytes
    };
    let mut checked = Checked {
        id: None,
        version: None,
        digest: format!("sha256:{}", HEXLOWER.encode(&Sha256::digest(&component))),
        size: component.len(),
        host_api: format!("{}.{}", API.0, API.1),
        fits: false,
        problems,
    };
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
            Err(found) => {
                let kind = |problem: &crate::plugin::Problem| match problem.why {
                    Invalid::Api(_) => "api",
                    Invalid::Component(_) => problem.name,
                };
                checked.problems = found.iter().map(|problem| finding(kind(problem), &problem.why)).collect();
            }
        }
    }
    checked.fits = checked.problems.is_empty();
    Ok(checked)
}

fn finding(name: &'static str, why: &dyn std::fmt::Display) -> Finding {
    Finding { name, message: why.to_string() }
}

/// What is wrong with its objects and settings.
fn said(manifest: &Manifest) -> Vec<Finding> {
    let object = |(at, def): (usize, &crate::domain::object::ObjectDef)| {
        let why = Object::check(def.clone(), Some(&manifest.namespace)).err()?;
        Some(finding("object", &format!("the manifest: `objects[{at}]`: {why}")))
    };
    let objects = manifest.objects.iter().enumerate().filter_map(object);
    let settings = validator_of(manifest).err().map(|why| finding("settings", &why));
    objects.chain(settings).collect()
}

/// What is wrong once it is compiled, linked and brought to life.
async fn run(component: &[u8], audited: Audited) -> Result<Option<Finding>, AppError> {
    let engine = engine()?;
    let compiler = Compiler::new(&engine, CompilerOptions::default()).map_err(AppError::Setup)?;
    let artefact = match compiler.artefact(component, &audited).await {
        Ok(artefact) => artefact,
        Err(CompileError::Refused(why)) => return Ok(Some(finding("compile", &why))),
        Err(error) => return Err(of_compiler(error)),
    };
    let compiled = match engine.load(audited.found, &artefact) {
        Ok(compiled) => compiled,
        Err(why) => return Ok(Some(finding("link", &why))),
    };
    match engine.try_out(&compiled).await {
        Ok(()) => Ok(None),
        Err(CompileError::Refused(why)) => Ok(Some(finding("start", &why))),
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
