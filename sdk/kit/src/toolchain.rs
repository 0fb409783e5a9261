//! The Rust compiler that builds plugins: rustup's, or the one that Debian packages.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::process::output;
use crate::{Error, Result};

/// The target that plugins are built for.
pub const TARGET: &str = "wasm32-unknown-unknown";

/// Set to `rustup` or `debian` to insist on one way.
const CHOICE: &str = "GUILDHALL_WASM";

/// What Debian's compiler and the source of its standard library come in.
pub const DEBIAN_PACKAGES: [&str; 3] = ["rustc-web", "cargo-web", "rust-web-src"];

/// Where they are installed.
const DEBIAN_CARGO: &str = "/usr/bin/cargo";
const DEBIAN_RUSTC: &str = "/usr/bin/rustc";

/// What cargo and rustup tell the programs that they start, and what must not reach another toolchain.
const FOREIGN_VARIABLES: [&str; 7] =
    ["CARGO", "LD_LIBRARY_PATH", "RUSTC", "RUSTC_WORKSPACE_WRAPPER", "RUSTC_WRAPPER", "RUSTDOC", "RUSTUP_TOOLCHAIN"];

/// How to get a compiler, when there is none.
const RUST: &str = "install Rust with https://rustup.rs";

/// A compiler that can build plugins.
#[derive(Clone, Debug)]
pub struct Toolchain(Kind);

#[derive(Clone, Debug)]
enum Kind {
    /// The toolchain in use.
    Own,
    /// Debian's, which builds the standard library for the target itself.
    Debian { linker: PathBuf },
}

/// Which of the two a person insists on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Choice {
    /// The one that can do it, rustup's first.
    Any,
    /// Rustup's.
    Rustup,
    /// Debian's.
    Debian,
}

impl Choice {
    /// What `GUILDHALL_WASM` says.
    pub fn from_environment() -> Result<Self> {
        match std::env::var(CHOICE).ok().as_deref() {
            None | Some("") => Ok(Self::Any),
            Some("rustup") => Ok(Self::Rustup),
            Some("debian") => Ok(Self::Debian),
            Some(other) => Err(Error::Missing(format!("{CHOICE} is `{other}`; it may be `rustup` or `debian`"))),
        }
    }
}

impl Toolchain {
    /// A toolchain for the plugin in a folder: the one in use there, else Debian's.
    pub fn find(folder: &Path) -> Result<Self> {
        match Choice::from_environment()? {
            Choice::Rustup => Self::own(folder),
            Choice::Debian => Self::debian(folder),
            Choice::Any => Self::own(folder).or_else(|reason| Self::debian(folder).map_err(|_| reason)),
        }
    }

    /// The toolchain in use in a folder, when it has the target.
    pub fn own(folder: &Path) -> Result<Self> {
        let mut rustc = own_rustc(folder);
        let library = output(rustc.args(["--print", "target-libdir", "--target", TARGET]), RUST, false)?;
        if holds_library(Path::new(library.trim())) {
            return Ok(Self(Kind::Own));
        }
        let text = format!("the Rust toolchain in use cannot build for {TARGET}: run `rustup target add {TARGET}`");
        Err(Error::Missing(text))
    }

    /// Debian's toolchain, when all of it is there.
    pub fn debian(folder: &Path) -> Result<Self> {
        let packages = DEBIAN_PACKAGES.join(" ");
        let library = |sysroot: PathBuf| sysroot.join("lib/rustlib/src/rust/library/std").exists();
        if !Path::new(DEBIAN_CARGO).exists() || !debian_sysroot().is_ok_and(library) {
            let text = format!("Debian's Rust for WebAssembly is not there: run `apt-get install {packages}`");
            return Err(Error::Missing(text));
        }
        Ok(Self(Kind::Debian { linker: linker(folder)? }))
    }

    /// Its cargo, working in a folder.
    pub fn cargo(&self, folder: &Path) -> Command {
        let mut command = match &self.0 {
            Kind::Own => Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into())),
            Kind::Debian { linker } => {
                let mut command = Command::new(DEBIAN_CARGO);
                for variable in FOREIGN_VARIABLES {
                    command.env_remove(variable);
                }
                command
                    .env("RUSTC", DEBIAN_RUSTC)
                    // The release compiler then accepts `-Z`.
                    .env("RUSTC_BOOTSTRAP", "1")
                    .env("CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER", linker);
                command
            }
        };
        command.current_dir(folder);
        command
    }

    /// `cargo build` for the target, into a folder of its own below `target_directory`, so that it neither waits for
    /// another build nor overwrites what the other toolchain built.
    pub fn build(&self, folder: &Path, target_directory: &Path) -> Command {
        let mut command = self.cargo(folder);
        command.args(["build", "--target", TARGET]);
        let own = match &self.0 {
            Kind::Own => "wasm",
            Kind::Debian { .. } => {
                command.args(["-Z", "build-std=std,panic_abort"]);
                "wasm-debian"
            }
        };
        command.arg("--target-dir").arg(target_directory.join(own));
        command
    }

    /// What it is, when that is not what one expects.
    pub fn remark(&self) -> Option<String> {
        match &self.0 {
            Kind::Own => None,
            Kind::Debian { linker } => Some(format!(
                "building plugins with {DEBIAN_CARGO}, the standard library included, linked by {}",
                linker.display()
            )),
        }
    }
}

/// The compiler that the cargo in use calls.
fn own_rustc(folder: &Path) -> Command {
    let mut command = Command::new(std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into()));
    command.current_dir(folder);
    command
}

fn debian_sysroot() -> Result<PathBuf> {
    let mut rustc = Command::new(DEBIAN_RUSTC);
    for variable in FOREIGN_VARIABLES {
        rustc.env_remove(variable);
    }
    Ok(PathBuf::from(output(rustc.args(["--print", "sysroot"]), RUST, false)?.trim()))
}

/// A linker for WebAssembly: Debian's compiler brings none, but that of any Rust toolchain, or LLVM's, will do.
fn linker(folder: &Path) -> Result<PathBuf> {
    let mut sysroots = vec![debian_sysroot()?];
    if let Ok(sysroot) = output(own_rustc(folder).args(["--print", "sysroot"]), RUST, false) {
        sysroots.push(PathBuf::from(sysroot.trim()));
    }
    let host_tools = format!("lib/rustlib/{}-unknown-linux-gnu/bin/rust-lld", std::env::consts::ARCH);
    let mut candidates: Vec<PathBuf> = sysroots.iter().map(|sysroot| sysroot.join(&host_tools)).collect();
    candidates.extend(["/usr/bin/rust-lld", "/usr/bin/wasm-ld"].map(PathBuf::from));
    let found = candidates.into_iter().find(|candidate| candidate.exists());
    found.ok_or_else(|| Error::Missing("no linker for WebAssembly is there: run `apt-get install lld`".to_owned()))
}

/// Whether the standard library is in a folder.
fn holds_library(folder: &Path) -> bool {
    let Ok(entries) = folder.read_dir() else {
        return false;
    };
    entries.flatten().any(|entry| entry.file_name().to_str().is_some_and(|name| name.starts_with("libstd-")))
}
