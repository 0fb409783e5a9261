//! Finds or installs a compiler for WebAssembly: rustup's, or the one that Debian packages.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, bail};

use crate::{packages, workspace};

/// The target that plugins are built for.
pub const TARGET: &str = "wasm32-unknown-unknown";

/// Set to `rustup` or `debian` to insist on one way.
const CHOICE: &str = "GUILDHALL_WASM";

/// What Debian's compiler and the source of its standard library come in.
const DEBIAN_PACKAGES: [&str; 3] = ["rustc-web", "cargo-web", "rust-web-src"];

/// Where they are installed.
const DEBIAN_CARGO: &str = "/usr/bin/cargo";
const DEBIAN_RUSTC: &str = "/usr/bin/rustc";

/// What cargo and rustup tell the programs that they start, and what must not reach another toolchain.
const FOREIGN_VARIABLES: [&str; 7] =
    ["CARGO", "LD_LIBRARY_PATH", "RUSTC", "RUSTC_WORKSPACE_WRAPPER", "RUSTC_WRAPPER", "RUSTDOC", "RUSTUP_TOOLCHAIN"];

/// A compiler that can build plugins.
pub struct WasmToolchain(Kind);

enum Kind {
    /// The toolchain that also builds the host.
    Own,
    /// Debian's, which builds the standard library for the target itself.
    Debian { linker: PathBuf },
}

impl WasmToolchain {
    /// `cargo build` for the target, into a folder of its own below `target_directory`, so that it neither waits for
    /// another build nor overwrites what the other toolchain built.
    pub fn build(&self, target_directory: &Path) -> Command {
        match &self.0 {
            Kind::Own => {
                let mut command = workspace::cargo();
                command.args(["build", "--target", TARGET]);
                command.arg("--target-dir").arg(self.output(target_directory));
                command
            }
            Kind::Debian { linker } => {
                let mut command = Command::new(DEBIAN_CARGO);
                command.current_dir(workspace::root());
                for variable in FOREIGN_VARIABLES {
                    command.env_remove(variable);
                }
                command
                    .env("RUSTC", DEBIAN_RUSTC)
                    // The release compiler then accepts `-Z`.
                    .env("RUSTC_BOOTSTRAP", "1")
                    .env("CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER", linker)
                    .args(["build", "-Z", "build-std=std,panic_abort", "--target", TARGET]);
                command.arg("--target-dir").arg(self.output(target_directory));
                command
            }
        }
    }

    /// The folder below `target_directory` that [`Self::build`] builds into.
    pub fn output(&self, target_directory: &Path) -> PathBuf {
        target_directory.join(match self.0 {
            Kind::Own => "wasm",
            Kind::Debian { .. } => "wasm-debian",
        })
    }
}

/// A toolchain for the target: the one in use if it has the target, else with what rustup adds, else Debian's.
pub fn ensure() -> Result<WasmToolchain> {
    match std::env::var(CHOICE).ok().as_deref() {
        None | Some("") => {}
        Some("rustup") => return own(),
        Some("debian") => return debian(),
        Some(other) => bail!("{CHOICE} is `{other}`; it may be `rustup` or `debian`"),
    }
    own().or_else(|reason| {
        println!("the Rust toolchain in use cannot build for {TARGET}: {reason:#}");
        println!("trying Debian's packages instead");
        debian().with_context(|| {
            format!("no compiler for {TARGET}; `rustup target add {TARGET}` would be the simplest remedy")
        })
    })
}

/// The toolchain in use, with the target added when it is missing.
fn own() -> Result<WasmToolchain> {
    if !own_has_target()? {
        println!("adding the target {TARGET} to the Rust toolchain in use");
        let mut rustup = Command::new("rustup");
        workspace::output(rustup.current_dir(workspace::root()).args(["target", "add", TARGET]))?;
        if !own_has_target()? {
            bail!("rustup added the target to another toolchain than the one in use");
        }
    }
    Ok(WasmToolchain(Kind::Own))
}

/// Whether the standard library for the target is installed.
fn own_has_target() -> Result<bool> {
    let folder = workspace::output(own_rustc().args(["--print", "target-libdir", "--target", TARGET]))?;
    Ok(holds_file(Path::new(folder.trim()), |name| name.starts_with("libstd-")))
}

/// The compiler that the cargo in use calls.
fn own_rustc() -> Command {
    let mut command = Command::new(std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into()));
    command.current_dir(workspace::root());
    command
}

/// Debian's toolchain, installed when it is missing.
fn debian() -> Result<WasmToolchain> {
    if !debian_is_installed() {
        if !Path::new("/usr/bin/apt-get").exists() {
            bail!("this machine has no apt-get");
        }
        packages::install(&DEBIAN_PACKAGES, "build plugins with Debian's Rust")?;
        if !debian_is_installed() {
            bail!("{} did not bring {DEBIAN_CARGO} and the source of the library", DEBIAN_PACKAGES.join(" "));
        }
    }
    let linker = linker()?;
    println!("building plugins with {DEBIAN_CARGO}, the standard library included, linked by {}", linker.display());
    Ok(WasmToolchain(Kind::Debian { linker }))
}

fn debian_is_installed() -> bool {
    Path::new(DEBIAN_CARGO).exists()
        && debian_sysroot().is_ok_and(|sysroot| sysroot.join("lib/rustlib/src/rust/library/std").exists())
}

fn debian_sysroot() -> Result<PathBuf> {
    let mut rustc = Command::new(DEBIAN_RUSTC);
    for variable in FOREIGN_VARIABLES {
        rustc.env_remove(variable);
    }
    Ok(PathBuf::from(workspace::output(rustc.args(["--print", "sysroot"]))?.trim()))
}

/// A linker for WebAssembly: Debian's compiler brings none, but that of any Rust toolchain, or LLVM's, will do.
fn linker() -> Result<PathBuf> {
    let mut sysroots = vec![debian_sysroot()?];
    if let Ok(sysroot) = workspace::output(own_rustc().args(["--print", "sysroot"])) {
        sysroots.push(PathBuf::from(sysroot.trim()));
    }
    let host_tools = format!("lib/rustlib/{}-unknown-linux-gnu/bin/rust-lld", std::env::consts::ARCH);
    let mut candidates: Vec<PathBuf> = sysroots.iter().map(|sysroot| sysroot.join(&host_tools)).collect();
    candidates.extend(["/usr/bin/rust-lld", "/usr/bin/wasm-ld"].map(PathBuf::from));
    if let Some(found) = candidates.iter().find(|candidate| candidate.exists()) {
        return Ok(found.clone());
    }
    packages::install(&["lld"], "link WebAssembly")?;
    let installed = PathBuf::from("/usr/bin/wasm-ld");
    if !installed.exists() {
        bail!("the package lld did not bring {}", installed.display());
    }
    Ok(installed)
}

/// Whether a folder holds a file whose name passes.
fn holds_file(folder: &Path, passes: impl Fn(&str) -> bool) -> bool {
    let Ok(entries) = folder.read_dir() else {
        return false;
    };
    entries.flatten().any(|entry| entry.file_name().to_str().is_some_and(&passes))
}
