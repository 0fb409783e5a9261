//! Scenarios: calls of a plugin with what they find and what is expected of them, run in the sandbox without an
//! installation. Instructions are counted, so that what a call costs is the same on every machine.

mod input;
mod port;
mod stored;
mod told;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as Json, json};

use super::AppError;
use super::modules::settings::validator_of;
use super::plugins::{manifest_of, ready};
use crate::domain::clock::Timestamp;
use crate::domain::plugin::{ExtensionPoint, Input, Manifest, Output};
use crate::domain::tenant::PluginLimits;
use crate::domain::view_tree;
use crate::plugin::{Compiled, Limits, PluginEngine, Port, Queue, RecordingPort, Turn};
use port::{Canned, Given, ScenarioPort, State};
use stored::Stored;

/// The time of a scenario that says none.
const NOW: &str = "2026-01-01T00:00:00Z";
/// How many more instructions than expected are no difference, in percent.
const TOLERANCE: u32 = 5;
/// CPU time of a call: enough that a slow machine comes to the same end as a fast one.
const CPU: Duration = Duration::from_secs(20);
/// Most bytes of host calls that are compared.
const ROOM: usize = 16 << 20;

/// A scenario to run.
#[derive(Debug)]
pub struct Trial {
    /// What it is called.
    pub name: String,
    /// The scenario.
    pub scenario: Json,
    /// What is expected: what [`Tried::got`] was once.
    pub expected: Option<Json>,
}

/// What came of all scenarios.
#[derive(Debug, Serialize)]
pub struct TestReport {
    /// The plugin.
    pub plugin: String,
    /// Its version.
    pub version: String,
    /// Whether all came out as expected.
    pub passed: bool,
    /// Each scenario.
    pub scenarios: Vec<Tried>,
    /// Extension points of the plugin, with the number of scenarios that reach them.
    pub coverage: BTreeMap<&'static str, usize>,
}

/// What came of a scenario.
#[derive(Debug, Serialize)]
pub struct Tried {
    /// What it is called.
    pub name: String,
    /// What it shows.
    pub description: String,
    /// Where the plugin was called.
    pub point: Option<ExtensionPoint>,
    /// Whether it came out as expected.
    pub passed: bool,
    /// What did not.
    pub differences: Vec<String>,
    /// What is worth a look.
    pub remarks: Vec<String>,
    /// Whether what came out may be what is expected from now on: it ran, and had every answer.
    #[serde(skip)]
    pub can_be_blessed: bool,
    /// What came out: `result`, `calls` and `instructions`; nothing when it could not run.
    pub got: Option<Json>,
}

/// A scenario as it is written.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Scenario {
    #[serde(default)]
    description: String,
    point: String,
    #[serde(default)]
    input: Json,
    #[serde(default)]
    settings: Map<String, Json>,
    now: Option<String>,
    #[serde(default)]
    context: Map<String, Json>,
    #[serde(default)]
    records: BTreeMap<String, Vec<Map<String, Json>>>,
    #[serde(default)]
    kv: BTreeMap<String, Json>,
    #[serde(default)]
    secrets: Vec<String>,
    #[serde(default)]
    answers: Vec<Canned>,
    tolerance_percent: Option<u32>,
}

/// Runs scenarios of a plugin; `others` are components of plugins that it requires, whose objects are there, too.
pub async fn run_scenarios(component: &[u8], others: &[Vec<u8>], trials: Vec<Trial>) -> Result<TestReport, AppError> {
    let others = others.iter().map(|other| manifest_of(other)).collect::<Result<Vec<_>, _>>()?;
    let engine = PluginEngine::counting().map_err(|error| AppError::Setup(format!("wasmtime: {error:#}")))?;
    let compiled = ready(&engine, component).await?;
    let mut scenarios = Vec::new();
    for trial in trials {
        scenarios.push(tried(&engine, &compiled, &others, trial).await);
    }
    let exported = ExtensionPoint::ALL.into_iter().filter(|point| compiled.has(*point));
    let reached = |point| scenarios.iter().filter(|tried| tried.point == Some(point)).count();
    Ok(TestReport {
        plugin: compiled.manifest.id.clone(),
        version: compiled.manifest.version.clone(),
        passed: scenarios.iter().all(|tried| tried.passed),
        coverage: exported.map(|point| (point.name(), reached(point))).collect(),
        scenarios,
    })
}

async fn tried(engine: &PluginEngine, compiled: &Compiled, others: &[Manifest], trial: Trial) -> Tried {
    let Trial { name, scenario, expected } = trial;
    let mut tried = Tried {
        name,
        description: String::new(),
        point: None,
        passed: false,
        differences: Vec::new(),
        remarks: Vec::new(),
        can_be_blessed: false,
        got: None,
    };
    let read = serde_json::from_value::<Scenario>(scenario).map_err(|error| error.to_string());
    let read = read.and_then(|scenario| {
        tried.description.clone_from(&scenario.description);
        let input = input::read(&scenario.point, &scenario.input)?;
        tried.point = Some(input.point());
        if !compiled.has(input.point()) {
            return Err(format!("the plugin does not export `{}`", input.point().name()));
        }
        let tolerance = scenario.tolerance_percent.unwrap_or(TOLERANCE);
        let port = port_of(&compiled.manifest, others, input.point(), scenario)?;
        Ok((input, port, tolerance))
    });
    match read {
        Err(why) => tried.differences.push(format!("the scenario cannot be run: {why}")),
        Ok((input, port, tolerance)) => {
            let (got, refusals) = call(engine, compiled, input, Arc::clone(&port)).await;
            tried.differences.extend(refusals.into_iter().chain(port.complaints()));
            tried.can_be_blessed = tried.differences.is_empty();
            match expected {
                Some(expected) => compare(&expected, &got, tolerance, &mut tried),
                None => tried.differences.push("nothing is expected yet: look at it, then `--bless`".to_owned()),
            }
            tried.got = Some(got);
        }
    }
    tried.passed = tried.differences.is_empty();
    tried
}

fn port_of(
    manifest: &Manifest,
    others: &[Manifest],
    point: ExtensionPoint,
    scenario: Scenario,
) -> Result<Arc<ScenarioPort>, String> {
    let now = scenario.now.unwrap_or_else(|| NOW.to_owned());
    let at = Timestamp::parse(&now).ok_or("`now` is no time in RFC 3339")?;
    let settings = Json::Object(scenario.settings);
    let validator = validator_of(manifest).map_err(|error| error.to_string())?;
    if let Some(error) = validator.as_ref().and_then(|validator| validator.iter_errors(&settings).next()) {
        return Err(format!("`settings`: {error}"));
    }
    let mut context = json!({
        "tenant": "01930000-0000-7000-8000-000000000001",
        "plugin": manifest.id,
        "version": manifest.version,
        "extension_point": point.name(),
        "invocation": "01930000-0000-7000-8000-000000000002",
        "actor": {"kind": "user", "id": "01930000-0000-7000-8000-000000000003"},
        "timezone": "UTC",
        "dry_run": false,
    });
    for (name, value) in scenario.context {
        context[name] = value;
    }
    let kv = scenario.kv.into_iter().map(|(key, value)| {
        let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        (key, text.into_bytes())
    });
    let state = State {
        stored: Stored::new(manifest, others, &scenario.records, at)?,
        kv: kv.collect(),
        answers: scenario.answers,
        unanswered: Vec::new(),
        jobs: 0,
    };
    let secrets = scenario.secrets;
    let given = Given { manifest: manifest.clone(), point, settings, now, context, secrets };
    Ok(Arc::new(ScenarioPort::new(given, state)))
}

/// What comes of the call, and why a host would not take that.
async fn call(
    engine: &PluginEngine,
    compiled: &Compiled,
    input: Input,
    port: Arc<ScenarioPort>,
) -> (Json, Vec<String>) {
    let usual = Limits::of(&compiled.manifest, None, &input, &PluginLimits::default());
    let limits = Limits { cpu: CPU, wall: CPU, ..usual };
    let queue = Queue::default();
    let is_view = matches!(input, Input::View { .. });
    let objects = input.objects();
    let recording = Arc::new(RecordingPort::new(Arc::<ScenarioPort>::clone(&port), ROOM));
    let terms = Turn { limits: &limits, queue: &queue, is_inner: false };
    let ended = engine.call(compiled, terms, Arc::clone(&recording) as Arc<dyn Port>, input).await;
    let calls: Vec<Json> = recording.take().exchanges.iter().map(|exchange| told::call(&exchange.call)).collect();
    let refusals = match &ended.result {
        Ok(Output::Json(tree)) if is_view => {
            let wrong = view_tree::read(tree, &|name| compiled.manifest.action(name).is_some()).err();
            let told = wrong.map(|it| format!("a host does not draw this view: `{}` {}", it.path, it.message));
            told.into_iter().collect()
        }
        Ok(output) => port.refusals(&objects, output),
        Err(_) => Vec::new(),
    };
    let got = json!({"result": told::result(&ended.result), "calls": calls, "instructions": ended.spent.instructions});
    (got, refusals)
}

/// What is not as expected. What is not named is not expected.
fn compare(expected: &Json, got: &Json, tolerance: u32, tried: &mut Tried) {
    for part in ["result", "calls"] {
        if let Some(expected) = expected.get(part) {
            told::differences(part, expected, &got[part], &mut tried.differences);
        }
    }
    if let (Some(expected), Some(got)) = (expected["instructions"].as_u64(), got["instructions"].as_u64()) {
        let room = u128::from(expected) * u128::from(tolerance) / 100;
        let by = i128::from(got) - i128::from(expected);
        let text = format!("instructions: expected {expected}, got {got}; {tolerance} percent are allowed");
        if by > 0 && by.unsigned_abs() > room {
            tried.differences.push(text);
        } else if by.unsigned_abs() > room {
            tried.remarks.push(format!("{text}: better, `--bless` keeps it so"));
        }
    }
}
