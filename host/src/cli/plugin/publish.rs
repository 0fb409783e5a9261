//! `guildhall plugin pack|publish`: a package of a plugin with its readme and pictures, and where it is given out.

use std::path::{Path, PathBuf};

use clap::Args;
use serde_json::json;

use super::file::{read, secret, told};
use super::make::{built, place};
use super::oci::Repository;
use crate::app::{AppError, ShowcaseFiles, check_plugin, inspect, is_package, pack, parts};
use crate::cli::output::Output;
use crate::cli::progress::Step;
use crate::cli::remote::Remote;

/// What a package is over HTTP.
const MEDIA_TYPE: &str = "application/vnd.oci.image.layout.v1+tar";
/// What people read, in the folder of a plugin.
const README: &str = "README.md";
/// Pictures of its views, there.
const SCREENSHOTS: &str = "screenshots";

/// Of what a package is made.
#[derive(Debug, Args)]
struct Contents {
    /// The folder of a plugin, which is built, with its README.md and the pictures in screenshots/; or a component.
    #[arg(default_value = ".")]
    place: PathBuf,
    /// The file of the secret key to sign it with.
    #[arg(long)]
    key: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub struct PackCommand {
    #[command(flatten)]
    contents: Contents,
    /// The package.
    #[arg(long)]
    to: PathBuf,
    #[command(flatten)]
    output: Output,
}

#[derive(Debug, Args)]
pub struct PublishCommand {
    #[command(flatten)]
    contents: Contents,
    /// Address of a Guildhall host; or a repository of an OCI registry, `oci://registry/repository`.
    #[arg(long)]
    to: String,
    /// For a host: the key that its operator has made for the publisher.
    #[arg(long, env = "GUILDHALL_PUBLISHER_KEY", hide_env_values = true)]
    publisher_key: Option<String>,
    /// For an OCI registry: who one is there.
    #[arg(long, env = "GUILDHALL_REGISTRY_USER")]
    registry_user: Option<String>,
    /// For an OCI registry: the password, or a token.
    #[arg(long, env = "GUILDHALL_REGISTRY_PASSWORD", hide_env_values = true)]
    registry_password: Option<String>,
    #[command(flatten)]
    output: Output,
}

impl Contents {
    /// The package; one that is a package already stays what it is.
    fn package(&self, output: &Output) -> Result<Vec<u8>, AppError> {
        let secret = self.key.as_deref().map(secret).transpose()?;
        let secret = secret.as_ref().map(|secret| secret.as_str());
        if self.place.is_dir() {
            return pack(&built(&self.place, output)?.component, showcase(&self.place)?, secret);
        }
        let bytes = read(&self.place)?;
        match (is_package(&bytes), secret) {
            (true, None) => Ok(bytes),
            (true, Some(_)) => Err(AppError::Refused(format!(
                "{} is a package already: it is signed when it is packed",
                self.place.display()
            ))),
            (false, secret) => pack(&bytes, ShowcaseFiles::default(), secret),
        }
    }
}

impl PackCommand {
    /// Runs the command.
    pub fn run(self) -> Result<(), AppError> {
        let package = self.contents.package(&self.output)?;
        std::fs::write(&self.to, &package).map_err(|error| told(&self.to, &error))?;
        self.output.print(&json!({"size": package.len()}), &format!("{} is packed", self.to.display()))
    }
}

impl PublishCommand {
    /// Runs the command. What a host would not take is published nowhere.
    pub async fn run(self) -> Result<(), AppError> {
        let login = self.registry_user.clone().zip(self.registry_password.clone());
        let repository = Repository::parse(&self.to, login).transpose()?;
        let key = self.publisher_key.as_deref().filter(|_| repository.is_none());
        let host = key.map(|key| Remote::new(&self.to, key)).transpose()?;
        let package = self.contents.package(&self.output)?;
        let step = Step::begin("checking it as a host does");
        let mut checked = check_plugin(package.clone()).await?;
        drop(step);
        if !checked.fits {
            let folder = &self.contents.place;
            if let Some(manifest) = folder.is_dir().then(|| guildhall_kit::read_manifest(folder).ok()).flatten() {
                place(&manifest, folder, &mut checked);
            }
            let problems = checked.problems.iter().map(|problem| format!("\n  {problem}"));
            let problems = problems.collect::<String>();
            return Err(AppError::Refused(format!("no host would take it, so it is not published:{problems}")));
        }
        let seen = inspect(package.clone())?;
        let (id, version, digest) = (seen.id, seen.version, seen.package_digest.unwrap_or_default());
        let is_new = match (repository, host) {
            (Some(repository), _) => repository.push(&version, &parts(&package)?).await?,
            (None, Some(host)) => {
                let _step = Step::begin(format!("{} checks and compiles it", self.to));
                host.post("plugins", MEDIA_TYPE, package).await?.0
            }
            (None, None) => {
                let text = "a host takes plugins of who has a key: set GUILDHALL_PUBLISHER_KEY to what \
                            `guildhall operator-key create --publisher` printed there";
                return Err(AppError::Refused(text.to_owned()));
            }
        };
        let before = if is_new { "" } else { " since before" };
        let text = format!("{id} {version} is published on {}{before}\npackage {digest}", self.to);
        let json = json!({"id": id, "version": version, "to": self.to, "package_digest": digest, "new": is_new});
        self.output.print(&json, &text)
    }
}

/// What people see of a plugin, in its folder.
fn showcase(folder: &Path) -> Result<ShowcaseFiles, AppError> {
    let readme = folder.join(README);
    let readme = readme.exists().then(|| read(&readme)).transpose()?;
    let home = folder.join(SCREENSHOTS);
    let mut screenshots = Vec::new();
    if home.is_dir() {
        for entry in home.read_dir().map_err(|error| told(&home, &error))? {
            let path = entry.map_err(|error| told(&home, &error))?.path();
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            screenshots.push((name, read(&path)?));
        }
    }
    screenshots.sort();
    Ok(ShowcaseFiles { readme, screenshots })
}
