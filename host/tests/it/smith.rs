//! Random WebAssembly, and what random bytes make of it: the host refuses it or installs it, and never falls over.
//!
//! `cargo xtask smith --modules 10000` makes so many of each kind.

use arbitrary::Unstructured;
use guildhall::plugin::{CompileError, Compiler, CompilerOptions, PluginEngine, audit};
use rand::rngs::StdRng;
use rand::{Rng, RngExt, SeedableRng};
use serde_json::json;
use wasm_smith::{Component, Config, Module};

use crate::artefacts::build::{HEAD, section, with_manifest};
use crate::support::plugin;

/// Of each kind, unless the environment says otherwise.
const COUNT: usize = 200;
/// Bytes of chance for each.
const CHANCE: usize = 4_096;
/// Mutated ones that are compiled, if they pass the audit: the rest is only audited.
const COMPILED: usize = 20;

fn count() -> usize {
    std::env::var("GUILDHALL_SMITH").map_or(COUNT, |text| text.parse().unwrap())
}

fn chance(rng: &mut StdRng) -> Vec<u8> {
    let mut bytes = vec![0; CHANCE];
    rng.fill_bytes(&mut bytes);
    bytes
}

/// What of WebAssembly hosts have had for long, and no imports.
fn config() -> Config {
    Config {
        max_imports: 0,
        exceptions_enabled: false,
        gc_enabled: false,
        reference_types_enabled: true,
        memory64_enabled: false,
        threads_enabled: false,
        shared_everything_threads_enabled: false,
        custom_page_sizes_enabled: false,
        wide_arithmetic_enabled: false,
        allow_start_export: false,
        max_memory32_bytes: 1 << 20,
        max_table_elements: 1_000,
        ..Config::default()
    }
}

/// A core module, instantiated.
fn of_module(module: &[u8]) -> Vec<u8> {
    let sections = [section(1, module), section(2, &[1, 0, 0, 0])].concat();
    with_manifest([&HEAD[..], &sections].concat(), &json!({}))
}

/// The way of an upload, without a database.
struct Line {
    engine: PluginEngine,
    compiler: Compiler,
}

impl Line {
    fn new() -> Self {
        let engine = PluginEngine::new().unwrap();
        let options = CompilerOptions { program: Some(env!("CARGO_BIN_EXE_guildhall").into()), ..Default::default() };
        let compiler = Compiler::new(&engine, options).unwrap();
        Self { engine, compiler }
    }

    /// Whether it came to life. That the host itself is at fault is the only wrong answer.
    async fn try_out(&self, bytes: &[u8]) -> bool {
        let Ok(audited) = audit(bytes) else { return false };
        let plugin = match self.compiler.artefact(bytes, &audited).await {
            Ok(artefact) => self.engine.load(audited.found, &artefact),
            Err(CompileError::Refused(_)) => return false,
            Err(other) => panic!("{other}"),
        };
        let Ok(plugin) = plugin else { return false };
        match self.engine.try_out(&plugin).await {
            Ok(()) => true,
            Err(CompileError::Refused(_)) => false,
            Err(other) => panic!("{other}"),
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn random_modules_are_installed_or_refused() {
    let line = Line::new();
    let mut rng = StdRng::seed_from_u64(1);
    let mut alive = 0;
    for _ in 0..count() {
        let chance = chance(&mut rng);
        let Ok(module) = Module::new(config(), &mut Unstructured::new(&chance)) else { continue };
        alive += usize::from(line.try_out(&of_module(&module.to_bytes())).await);
    }
    // Most of them are harmless: else this would test the audit alone.
    assert!(alive * 4 > count(), "{alive} of {}", count());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn random_components_are_installed_or_refused() {
    let line = Line::new();
    let mut rng = StdRng::seed_from_u64(2);
    let mut alive = 0;
    for _ in 0..count() {
        let chance = chance(&mut rng);
        let Ok(component) = Component::new(config(), &mut Unstructured::new(&chance)) else { continue };
        alive += usize::from(line.try_out(&with_manifest(component.to_bytes(), &json!({}))).await);
    }
    assert!(alive > 0, "none of {}", count());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn random_mutations_are_installed_or_refused() {
    let line = Line::new();
    let mut rng = StdRng::seed_from_u64(3);
    let whole = plugin("guildhall.retail-loyalty");
    let mut compiled = 0;
    for _ in 0..count() {
        let chance = chance(&mut rng);
        let mut bytes = match Module::new(config(), &mut Unstructured::new(&chance)) {
            Ok(module) if rng.random() => of_module(&module.to_bytes()),
            _ => whole.clone(),
        };
        for _ in 0..rng.random_range(1..8) {
            mutate(&mut bytes, &mut rng);
        }
        if compiled < COMPILED && audit(&bytes).is_ok() {
            line.try_out(&bytes).await;
            compiled += 1;
        }
    }
}

fn mutate(bytes: &mut Vec<u8>, rng: &mut StdRng) {
    let at = rng.random_range(0..bytes.len());
    match rng.random_range(0..5) {
        0 => bytes[at] ^= 1 << rng.random_range(0..8),
        1 => bytes[at] = rng.random(),
        2 => bytes.truncate(at + 1),
        3 => bytes.insert(at, rng.random()),
        _ => {
            // Something from elsewhere in it.
            let from = rng.random_range(0..bytes.len());
            let length = rng.random_range(0..64).min(bytes.len() - from).min(bytes.len() - at);
            bytes.copy_within(from..from + length, at);
        }
    }
}
