//! `guildhall plugin new|build`: a plugin of a folder anywhere, with no installation.

use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use guildhall_kit::{Built, Kind, Language, Manifest, NewPlugin, build, read_manifest};
use serde_json::json;

use crate::app::{AppError, Checked, check_manifest};
use crate::cli::output::Output;

#[derive(Debug, Args)]
pub struct NewCommand {
    /// Its name, such as `tidy-names`, or its whole id, `publisher.name`. The id never changes.
    name: String,
    /// Who makes it: the first part of its id.
    #[arg(long, default_value = "my-company")]
    publisher: String,
    /// What it is written in.
    #[arg(long, value_enum, default_value_t = Lang::Rust)]
    lang: Lang,
    /// For JavaScript and Python: the version of the SDK, or a folder with it; that of this program when not given.
    #[arg(long)]
    sdk: Option<String>,
    /// The extension point that it begins with.
    #[arg(long, value_parser = kinds(), default_value = Kind::BeforeWrite.name())]
    kind: String,
    /// The new folder; the name of the plugin when not given.
    #[arg(long)]
    folder: Option<PathBuf>,
    #[command(flatten)]
    output: Output,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Lang {
    Rust,
    Js,
    Python,
}

#[derive(Debug, Args)]
pub struct BuildCommand {
    /// The folder of the plugin.
    #[arg(default_value = ".")]
    folder: PathBuf,
    #[command(flatten)]
    output: Output,
}

fn kinds() -> clap::builder::PossibleValuesParser {
    Kind::ALL.map(Kind::name).into()
}

impl NewCommand {
    /// Runs the command.
    pub fn run(self) -> Result<(), AppError> {
        let Self { name, publisher, lang, sdk, kind, folder, output } = self;
        let id = if name.contains('.') { name } else { format!("{publisher}.{name}") };
        let kind = Kind::ALL.into_iter().find(|known| known.name() == kind).unwrap_or(Kind::BeforeWrite);
        let (language, first) = match lang {
            Lang::Rust => (Language::Rust, ""),
            Lang::Js => (Language::JavaScript, "npm install && "),
            Lang::Python => (Language::Python, "pip install -r requirements.txt && "),
        };
        let plugin = NewPlugin::new(&id, kind, language, sdk.as_deref()).map_err(|error| output.kit(&error))?;
        let folder = folder.unwrap_or_else(|| PathBuf::from(plugin.name()));
        plugin.write(&folder).map_err(|error| output.kit(&error))?;
        let text = format!(
            "{id} is in {0}\nnext: cd {0} && {first}guildhall plugin test\nwhat is in it: {0}/README.md",
            folder.display()
        );
        output.print(&json!({"id": id, "folder": folder, "kind": kind.name(), "language": language.name()}), &text)
    }
}

impl BuildCommand {
    /// Runs the command.
    pub fn run(self) -> Result<(), AppError> {
        let built = built(&self.folder, &self.output)?;
        let size = built.component.len();
        let json = json!({"id": built.id, "language": built.language.name(), "path": built.path, "size": size});
        let text = format!("{} ({} kB): {}", built.id, size.div_ceil(1000), built.path.display());
        self.output.print(&json, &text)
    }
}

/// Builds the plugin in a folder, when its manifest is sound.
pub fn built(folder: &Path, output: &Output) -> Result<Built, AppError> {
    sound(folder).and_then(|()| build(folder)).map_err(|error| output.kit(&error))
}

/// Refuses a manifest that no host would take, before anything is built: each thing that is wrong with its line.
pub fn sound(folder: &Path) -> guildhall_kit::Result<()> {
    let checked = surveyed(folder)?.1;
    let lines: Vec<String> = checked.problems.iter().map(ToString::to_string).collect();
    if checked.fits { Ok(()) } else { Err(guildhall_kit::Error::Manifest(lines.join("\n"))) }
}

/// The manifest of a folder, and what a host says of it.
pub fn surveyed(folder: &Path) -> guildhall_kit::Result<(Manifest, Checked)> {
    let manifest = read_manifest(folder)?;
    let mut checked = check_manifest(manifest.json());
    place(&manifest, folder, &mut checked);
    Ok((manifest, checked))
}

/// Says where what is wrong stands in the files of the folder.
pub fn place(manifest: &Manifest, folder: &Path, checked: &mut Checked) {
    for problem in &mut checked.problems {
        problem.place = problem.path.as_ref().map(|path| {
            let (file, line) = manifest.place_of(path);
            let file = folder.join(file);
            format!("{}:{line}", file.strip_prefix(".").unwrap_or(&file).display())
        });
    }
}
