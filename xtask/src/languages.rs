//! `cargo xtask languages`: the SDKs of other languages, their tests, and the same plugin built in each language.

mod javascript;
mod python;

use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::{Context as _, Result};
use guildhall_kit::Language;

use crate::sources::Sources;
use crate::{plugins, wasm_target, workspace};

/// The examples, and where plugins are.
const EXAMPLES: &str = "examples/plugins";
const FIXTURES: &str = "host/tests/fixtures/languages";
/// Of the examples, those that are the same plugin in each language.
const TIDY: &str = "examples/plugins/tidy-names-*";
/// The plugins that are built, and what makes a component of each.
const PLUGINS: [(&str, &str, Componentize); 4] = [
    (EXAMPLES, "tidy-names-js", javascript::componentize),
    (EXAMPLES, "tidy-names-python", python::componentize),
    (FIXTURES, "trouble-js", javascript::componentize),
    (FIXTURES, "trouble-python", python::componentize),
];
/// The example in Rust, beside which the others stand.
const RUST: &str = "examples/plugins/tidy-names-rust";

/// Makes a component of the plugin in a folder, with what was installed in another, and says in which language it is.
type Componentize = fn(installed: &Path, plugin: &Path, to: &Path) -> Result<Language>;

/// Builds the plugins, and tests the SDKs.
pub fn run() -> Result<()> {
    println!("the SDKs pass their tests, and the plugins are in {}", test()?.display());
    Ok(())
}

/// Has the plugins built and the SDKs tested; says where the plugins are. When nothing has changed, nothing is done.
pub fn test() -> Result<PathBuf> {
    let work = Work::new()?;
    let built = work.build()?;
    work.once("tested", || {
        javascript::test(&work.folder, &work.tree())?;
        python::test(&work.folder, &work.tree())
    })?;
    Ok(built)
}

/// Has the plugins built; says in which folder. When nothing has changed, nothing is done.
pub fn ensure() -> Result<PathBuf> {
    Work::new()?.build()
}

/// A plugin that was built again, and how long that took.
pub struct Timed {
    pub language: Language,
    pub seconds: f64,
    pub component: PathBuf,
}

/// Builds the same plugin in each language once more, as after a change of its source.
pub fn timed() -> Result<Vec<Timed>> {
    let work = Work::new()?;
    let output = work.build()?;
    let rust = workspace::root().join(RUST);
    let toolchain = wasm_target::ensure()?;
    let source = rust.join("src/lib.rs");
    // Written again, it is a changed file for cargo.
    std::fs::write(&source, read(&source)?).with_context(|| format!("writing {}", source.display()))?;
    let began = Instant::now();
    plugins::build_into(&rust, &toolchain, &output)?;
    let seconds = began.elapsed().as_secs_f64();
    let named = |name: &str| output.join(format!("acme.{name}.wasm"));
    let mut all = vec![Timed { language: Language::Rust, seconds, component: named("tidy-names-rust") }];
    let draft = work.folder.join("component.wasm");
    for (home, name, componentize) in PLUGINS.iter().filter(|(home, ..)| *home == EXAMPLES) {
        let began = Instant::now();
        let language = componentize(&work.folder, &work.tree().join(home).join(name), &draft)?;
        all.push(Timed { language, seconds: began.elapsed().as_secs_f64(), component: named(name) });
    }
    Ok(all)
}

/// Where the work is done, below `target/`, and what it is done with.
struct Work {
    folder: PathBuf,
    sources: Sources,
}

impl Work {
    fn new() -> Result<Self> {
        let folder = workspace::target_directory()?.join("languages");
        std::fs::create_dir_all(&folder).with_context(|| format!("making {}", folder.display()))?;
        let of = ["wit", "sdk/js", "sdk/python", "sdk/rust", "sdk/rust-derive", TIDY, FIXTURES];
        Ok(Self { folder, sources: Sources::of(&of)? })
    }

    /// A copy of the sources, so that what packages and builds leave behind is not among them.
    fn tree(&self) -> PathBuf {
        self.folder.join("tree")
    }

    fn build(&self) -> Result<PathBuf> {
        let output = workspace::target_directory()?.join("plugins-languages");
        if !output.exists() {
            self.forget("built")?;
        }
        self.once("built", || {
            self.sources.copy_to(&self.tree())?;
            javascript::install(&self.folder, &self.tree())?;
            python::install(&self.folder, &self.tree())?;
            std::fs::create_dir_all(&output).with_context(|| format!("making {}", output.display()))?;
            let draft = self.folder.join("component.wasm");
            let toolchain = wasm_target::ensure()?;
            plugins::build_into(&workspace::root().join(RUST), &toolchain, &output)?;
            for (home, name, componentize) in PLUGINS {
                println!("building {name}");
                let folder = self.tree().join(home).join(name);
                let language = componentize(&self.folder, &folder, &draft)?;
                plugins::complete_into(&folder, read(&draft)?, language, &output)?;
            }
            Ok(())
        })?;
        Ok(output)
    }

    /// Does something, unless it was done with these sources already.
    fn once(&self, what: &str, run: impl FnOnce() -> Result<()>) -> Result<()> {
        let mark = self.folder.join(what);
        if std::fs::read_to_string(&mark).is_ok_and(|done| done == self.sources.digest()) {
            return Ok(());
        }
        run()?;
        std::fs::write(&mark, self.sources.digest()).with_context(|| format!("writing {}", mark.display()))
    }

    fn forget(&self, what: &str) -> Result<()> {
        let mark = self.folder.join(what);
        if mark.exists() {
            std::fs::remove_file(&mark).with_context(|| format!("removing {}", mark.display()))?;
        }
        Ok(())
    }
}

fn read(path: &Path) -> Result<Vec<u8>> {
    std::fs::read(path).with_context(|| format!("reading {}", path.display()))
}
