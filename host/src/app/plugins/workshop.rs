//! What is done with a plugin's file before it is installed anywhere: looked at, packed, signed.

use serde_json::Value as Json;
use sha2::{Digest, Sha256};

use super::install::of_invalid;
use super::view::Capabilities;
use crate::app::AppError;
use crate::domain::clock::Clock;
use crate::domain::id::Ids;
use crate::domain::plugin::{Capability, Manifest};
use crate::domain::publisher::{PublisherSecret, Signed};
use crate::plugin::{Function, Layout, Parts, Showcase, audit, package_parts, unpack};

/// What is known of a file.
#[derive(Clone, Debug)]
pub struct Inspected {
    /// `publisher.name`.
    pub id: String,
    /// Its version.
    pub version: String,
    /// What people read.
    pub name: String,
    /// SHA-256 of the component.
    pub digest: String,
    /// SHA-256 of the package's manifest, when it is one.
    pub package_digest: Option<String>,
    /// Bytes of the component.
    pub size: usize,
    /// What it can do.
    pub capabilities: Capabilities,
    /// What it exports.
    pub exports: Vec<String>,
    /// What it asks for, and why, in the names that a tenant grants.
    pub asks: Vec<Capability>,
    /// The API that it needs at least.
    pub api: String,
    /// What it says that it was built with: `language`, `sdk`, `api`.
    pub sdk: Option<Json>,
    /// Its largest functions, the largest first.
    pub largest: Vec<Function>,
    /// The first of them, in words.
    pub largest_function: Option<String>,
    /// The signatures in it, whatever they are worth.
    pub signatures: Vec<String>,
}

/// What a component says of itself.
pub fn manifest_of(component: &[u8]) -> Result<Manifest, AppError> {
    Ok(audit(component).map_err(of_invalid)?.found.manifest)
}

/// Looks at a component, or at a package: the audit, and nothing that would run it.
pub fn inspect(bytes: Vec<u8>) -> Result<Inspected, AppError> {
    let (component, package, signatures) = if is_package(&bytes) {
        let package = unpack(&bytes).map_err(of_invalid)?;
        (package.component, Some(package.digest), package.signatures)
    } else {
        (bytes, None, Vec::new())
    };
    let audited = audit(&component).map_err(of_invalid)?;
    let hex = |digest: [u8; 32]| format!("sha256:{}", data_encoding::HEXLOWER.encode(&digest));
    let largest_function = audited.largest_function();
    let asks = audited.found.manifest.capabilities();
    let capabilities = Capabilities::of(&audited.found.manifest, audited.found.imports);
    Ok(Inspected {
        id: audited.found.manifest.id,
        version: audited.found.manifest.version,
        name: audited.found.manifest.name,
        digest: hex(Sha256::digest(&component).into()),
        package_digest: package.map(hex),
        size: component.len(),
        capabilities,
        exports: audited.exports,
        asks,
        api: audited.found.manifest.api,
        sdk: audited.sdk,
        largest: audited.largest,
        largest_function,
        signatures,
    })
}

/// Whether a file is a package, and no component.
pub fn is_package(bytes: &[u8]) -> bool {
    bytes.get(257..).is_some_and(|rest| rest.starts_with(b"ustar"))
}

/// A new secret key of a publisher, and its public key.
pub fn new_publisher_secret() -> (String, String) {
    let secret = PublisherSecret::from_random(Ids::new(Clock::system()).secret());
    (secret.secret(), secret.public().to_string())
}

/// What people see of a plugin before they enable it, as files.
#[derive(Debug, Default)]
pub struct ShowcaseFiles {
    /// What they read, in Markdown.
    pub readme: Option<Vec<u8>>,
    /// Pictures of its views, by file name.
    pub screenshots: Vec<(String, Vec<u8>)>,
}

/// A component as a package, signed when there is a secret key.
pub fn pack(component: &[u8], files: ShowcaseFiles, secret: Option<&str>) -> Result<Vec<u8>, AppError> {
    let showcase = Showcase::of(files.readme, files.screenshots).map_err(of_invalid)?;
    let audited = audit(component).map_err(of_invalid)?;
    let manifest = serde_json::to_value(&audited.found.manifest).map_err(|error| AppError::Setup(error.to_string()))?;
    let mut layout = Layout::of(component, &manifest, &showcase);
    if let Some(secret) = secret {
        let signature = key(secret)?.sign(Signed::Package(layout.digest()));
        layout.sign(&signature.to_string());
    }
    layout.tar().map_err(|error| AppError::Setup(format!("a package: {error}")))
}

/// A package as a registry takes it.
pub fn parts(package: &[u8]) -> Result<Parts, AppError> {
    package_parts(package).map_err(of_invalid)
}

/// A signature over a component, for the file beside it.
pub fn sign(component: &[u8], secret: &str) -> Result<String, AppError> {
    audit(component).map_err(of_invalid)?;
    Ok(key(secret)?.sign(Signed::Component(Sha256::digest(component).into())).to_string())
}

fn key(secret: &str) -> Result<PublisherSecret, AppError> {
    let wrong = || AppError::Setup("the key is none: `guildhall plugin keygen` makes one".to_owned());
    PublisherSecret::parse(secret).ok_or_else(wrong)
}
