//! A folder with a new plugin that builds at once.

mod kind;
mod sdk;

use std::path::Path;

use rust_embed::RustEmbed;

pub use kind::Kind;

use crate::build::Language;
use crate::manifest::word::is_id;
use crate::{Error, Result};

/// The files of new plugins: of each kind, of each language, and of each kind in each language.
#[derive(RustEmbed)]
#[folder = "templates"]
struct Templates;

/// What every manifest begins with.
const MANIFEST: &str = "plugin.toml";
/// Names of objects begin with the namespace, and columns have room for so much.
const LONGEST: usize = 40;

/// Files that have another name here than there, where cargo and git would take them for their own.
const NAMES: [(&str, &str); 2] = [("crate.toml", "Cargo.toml"), ("gitignore", ".gitignore")];

/// A plugin that is to be made.
pub struct NewPlugin {
    id: String,
    kind: Kind,
    language: Language,
    sdk: String,
}

impl NewPlugin {
    /// A plugin with this id, `publisher.name`, and one extension point to begin with.
    ///
    /// The SDK for Rust comes along. Those for JavaScript and Python are got by npm and pip: `sdk` is the version, or
    /// a folder with it.
    pub fn new(id: &str, kind: Kind, language: Language, sdk: Option<&str>) -> Result<Self> {
        if language == Language::Rust && sdk.is_some() {
            return Err(Error::Refused("the SDK for Rust comes along: no other one can be named".to_owned()));
        }
        let sdk = match sdk {
            Some(folder) if Path::new(folder).is_dir() => {
                let whole = Path::new(folder).canonicalize().map_err(|error| Error::file(Path::new(folder), &error))?;
                let scheme = if language == Language::Python { "" } else { "file:" };
                format!("{scheme}{}", whole.display())
            }
            version if language == Language::Python => {
                format!("guildhall-sdk=={}", version.unwrap_or(env!("CARGO_PKG_VERSION")))
            }
            Some(version) => version.to_owned(),
            None => concat!("^", env!("CARGO_PKG_VERSION")).to_owned(),
        };
        let name = id.split_once('.').map_or(id, |(_, name)| name);
        let is_name = name.len() <= LONGEST && !name.contains("--") && !name.ends_with('-');
        if is_id(id) && is_name {
            return Ok(Self { id: id.to_owned(), kind, language, sdk });
        }
        Err(Error::Refused(format!(
            "`{id}` is no id of a plugin: it is `publisher.name`, both of lower case letters, digits and single `-`, \
             beginning with a letter, the name of at most {LONGEST} characters, such as `acme.tidy-names`"
        )))
    }

    /// The second part of its id.
    pub fn name(&self) -> &str {
        self.id.split_once('.').map_or(&self.id, |(_, name)| name)
    }

    /// Writes it into a folder that is not there yet, or is empty.
    pub fn write(&self, folder: &Path) -> Result<()> {
        if folder.read_dir().is_ok_and(|mut entries| entries.next().is_some()) {
            let text = format!("{} is there and not empty: take another name or folder", folder.display());
            return Err(Error::Refused(text));
        }
        if folder.exists() && !folder.is_dir() {
            return Err(Error::Refused(format!("{} is no folder", folder.display())));
        }
        let parent = folder.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
        std::fs::create_dir_all(parent).map_err(|error| Error::file(parent, &error))?;
        // What is half done goes with this folder.
        let draft = tempfile::tempdir_in(parent).map_err(|error| Error::file(parent, &error))?;
        let whole = draft.path().join("plugin");
        self.fill(&whole)?;
        std::fs::rename(&whole, folder).map_err(|error| Error::file(folder, &error))
    }

    fn fill(&self, folder: &Path) -> Result<()> {
        let (kind, language) = (self.kind.name(), self.language.name());
        let homes = [format!("kinds/{kind}/"), format!("{language}/project/"), format!("{language}/kinds/{kind}/")];
        for path in Templates::iter() {
            let Some(own) = homes.iter().find_map(|home| path.strip_prefix(home.as_str())) else { continue };
            let text = if own == MANIFEST { template(MANIFEST) + &template(&path) } else { template(&path) };
            let to = NAMES.iter().find(|(name, _)| *name == own).map_or(own, |(_, to)| to);
            write(&folder.join(to), self.filled(&text).as_bytes())?;
        }
        if self.language == Language::Rust { sdk::write_to(&folder.join("vendor").join("guildhall")) } else { Ok(()) }
    }

    /// A template with what is this plugin's own.
    fn filled(&self, text: &str) -> String {
        let name = self.name();
        let title = name.replace('-', " ");
        let title = title.chars().take(1).flat_map(char::to_uppercase).chain(title.chars().skip(1));
        text.replace("{{id}}", &self.id)
            .replace("{{name}}", name)
            .replace("{{sdk}}", &self.sdk)
            .replace("{{namespace}}", &name.replace('-', "_"))
            .replace("{{title}}", &title.collect::<String>())
            .replace("{{description}}", self.kind.description())
    }
}

fn template(path: &str) -> String {
    let file = Templates::get(path).map(|file| file.data.into_owned()).unwrap_or_default();
    String::from_utf8_lossy(&file).into_owned()
}

/// Writes a file and the folders that it is in.
fn write(path: &Path, bytes: &[u8]) -> Result<()> {
    let folder = path.parent().map_or(Ok(()), std::fs::create_dir_all);
    folder.and_then(|()| std::fs::write(path, bytes)).map_err(|error| Error::file(path, &error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_has_its_files_and_a_manifest_that_is_read() {
        let home = tempfile::tempdir().unwrap();
        let own = [
            (Language::Rust, "Cargo.toml", "src/lib.rs"),
            (Language::JavaScript, "package.json", "src/index.ts"),
            (Language::Python, "pyproject.toml", "plugin.py"),
        ];
        for (kind, (language, project, source)) in Kind::ALL.into_iter().flat_map(|kind| own.map(|own| (kind, own))) {
            let folder = home.path().join(kind.name()).join(language.name());
            NewPlugin::new("acme.tidy-names", kind, language, None).unwrap().write(&folder).unwrap();
            let manifest = crate::read_manifest(&folder).unwrap();
            assert_eq!((manifest.id(), manifest.points()), ("acme.tidy-names", vec![kind.name()]));
            assert!(manifest.json()["name"] == "Tidy names" && manifest.json()["namespace"] == "tidy_names");
            assert_eq!(Language::of(&folder).unwrap(), language);
            let files = [source, "README.md", ".gitignore", "scenarios"];
            assert!(files.iter().all(|file| folder.join(file).exists()), "{}", folder.display());
            for file in ["README.md", project] {
                assert!(!std::fs::read_to_string(folder.join(file)).unwrap().contains("{{"), "{file}");
            }
        }
    }

    #[test]
    fn the_sdk_is_a_version_or_a_folder() {
        let home = tempfile::tempdir().unwrap();
        let made = |language, sdk: Option<&str>, file: &str| {
            let folder = home.path().join("plugin");
            let _ = std::fs::remove_dir_all(&folder);
            NewPlugin::new("acme.one", Kind::View, language, sdk).unwrap().write(&folder).unwrap();
            std::fs::read_to_string(folder.join(file)).unwrap()
        };
        let said = |sdk: Option<&str>| {
            let text = made(Language::JavaScript, sdk, "package.json");
            let package: serde_json::Value = serde_json::from_str(&text).unwrap();
            package["devDependencies"]["@guildhall/sdk"].as_str().unwrap().to_owned()
        };
        assert_eq!(said(None), format!("^{}", env!("CARGO_PKG_VERSION")));
        assert_eq!(said(Some("1.2.3")), "1.2.3");
        let folder = home.path().canonicalize().unwrap();
        assert_eq!(said(folder.to_str()), format!("file:{}", folder.display()));
        let wanted = |sdk: Option<&str>| made(Language::Python, sdk, "requirements.txt").trim().to_owned();
        assert_eq!(wanted(None), concat!("guildhall-sdk==", env!("CARGO_PKG_VERSION")));
        assert_eq!(wanted(Some("1.2.3")), "guildhall-sdk==1.2.3");
        assert_eq!(wanted(folder.to_str()), folder.display().to_string());
        assert!(NewPlugin::new("acme.one", Kind::View, Language::Rust, Some("1.2.3")).is_err());
    }

    #[test]
    fn what_is_there_is_not_written_over() {
        let home = tempfile::tempdir().unwrap();
        let plugin = NewPlugin::new("acme.one", Kind::Action, Language::Rust, None).unwrap();
        plugin.write(home.path()).unwrap();
        let error = plugin.write(home.path()).unwrap_err();
        assert!(error.to_string().contains("is there and not empty"), "{error}");
        assert_eq!(error.code(), "refused");
        let file = home.path().join("README.md");
        assert!(plugin.write(&file).unwrap_err().to_string().ends_with("is no folder"));
    }

    #[test]
    fn an_id_has_two_parts_that_become_names() {
        let new = |id| NewPlugin::new(id, Kind::View, Language::Rust, None);
        let long = format!("acme.{}", "a".repeat(41));
        for wrong in
            ["names", "acme.", "Acme.names", "acme.tidy names", "acme.a--b", "acme.a-", "acme.1a", "a.b.c", &long]
        {
            assert!(new(wrong).is_err(), "{wrong}");
        }
        assert_eq!(new("acme.tidy-names").unwrap().name(), "tidy-names");
    }
}
