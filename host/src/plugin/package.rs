//! A plugin as an OCI image layout in a tar: what registries give out, and what is carried to where none is reached.

mod layout;
mod parts;

use std::collections::{BTreeMap, HashSet};

use data_encoding::HEXLOWER;
use serde::de::DeserializeOwned;
use serde_json::Value as Json;
use sha2::{Digest, Sha256};

use super::Invalid;
pub use layout::Layout;
use layout::{Descriptor, Index, Manifest, TITLE};
pub use parts::{Part, Parts, parts};

/// Largest package.
pub const MAX_PACKAGE: usize = 28 << 20;
/// Most entries of one.
const ENTRIES: usize = 64;
/// Longest path of an entry.
const PATH: usize = 100;
/// What a component is as a layer.
const COMPONENT: &str = "application/wasm";
/// The manifest of a plugin as the configuration of its package; registries see it without the component.
const CONFIG: &str = "application/vnd.guildhall.plugin.manifest.v1+json";
/// What a signature is, as an artefact that refers to a package.
const SIGNATURE: &str = "application/vnd.guildhall.plugin.signature.v1";
/// Longest signature.
const MAX_SIGNATURE: usize = 1_000;
/// What people read before they enable a plugin, in Markdown.
const README: &str = "application/vnd.guildhall.plugin.readme.v1+markdown";
/// Longest of it, in bytes.
const MAX_README: usize = 256 << 10;
/// What pictures may be, and how such a file begins.
const IMAGES: [(&str, &[u8]); 2] = [("image/png", b"\x89PNG\r\n\x1a\n"), ("image/jpeg", b"\xff\xd8\xff")];
/// Most pictures of a plugin.
const SCREENSHOTS: usize = 8;
/// Largest of them, in bytes.
const MAX_SCREENSHOT: usize = 1 << 20;

/// What is in a package.
#[derive(Debug)]
pub struct Package {
    /// The component.
    pub component: Vec<u8>,
    /// SHA-256 of the package's manifest: what is signed, and pinned.
    pub digest: [u8; 32],
    /// The manifest of the plugin, where the package repeats it.
    pub config: Option<Json>,
    /// Signatures over it.
    pub signatures: Vec<String>,
    /// What people see of it before they enable it.
    pub showcase: Showcase,
}

/// What people see of a plugin before they enable it.
#[derive(Clone, Debug, Default)]
pub struct Showcase {
    /// What they read, in Markdown.
    pub readme: String,
    /// Pictures of its views.
    pub screenshots: Vec<Screenshot>,
}

/// A picture of a view.
#[derive(Clone, Debug)]
pub struct Screenshot {
    /// Its file name.
    pub name: String,
    /// What it is.
    pub media_type: String,
    /// The file.
    pub image: Vec<u8>,
}

impl Showcase {
    /// Of these files: a readme, and pictures by their names.
    pub fn of(readme: Option<Vec<u8>>, images: Vec<(String, Vec<u8>)>) -> Result<Self, Invalid> {
        let readme = readme.unwrap_or_default();
        if readme.len() > MAX_README {
            return wrong(&format!("its readme is larger than {MAX_README} bytes"));
        }
        let Ok(readme) = String::from_utf8(readme) else { return wrong("its readme is not UTF-8") };
        if images.len() > SCREENSHOTS {
            return wrong(&format!("it has more than {SCREENSHOTS} screenshots"));
        }
        let mut showcase = Self { readme, screenshots: Vec::new() };
        for (name, image) in images {
            let is_plain = |b: u8| b.is_ascii_alphanumeric() || b"-._".contains(&b);
            if name.is_empty() || name.len() > PATH || name.starts_with('.') || !name.bytes().all(is_plain) {
                return wrong(&format!("the screenshot `{}` has no plain file name", name.escape_default()));
            }
            if showcase.screenshots.iter().any(|other| other.name == name) {
                return wrong(&format!("it has the screenshot `{name}` twice"));
            }
            if image.len() > MAX_SCREENSHOT {
                return wrong(&format!("the screenshot `{name}` is larger than {MAX_SCREENSHOT} bytes"));
            }
            let Some((media_type, _)) = IMAGES.iter().find(|(_, start)| image.starts_with(start)) else {
                return wrong(&format!("the screenshot `{name}` is neither PNG nor JPEG"));
            };
            showcase.screenshots.push(Screenshot { name, media_type: (*media_type).to_owned(), image });
        }
        Ok(showcase)
    }
}

/// Reads a package. Nothing of it is written anywhere.
pub fn unpack(tar: &[u8]) -> Result<Package, Invalid> {
    if tar.len() > MAX_PACKAGE {
        return wrong(&format!("it is larger than {MAX_PACKAGE} bytes"));
    }
    let entries = entries(tar)?;
    let version: Json = json(&entries, "oci-layout")?;
    if version["imageLayoutVersion"] != "1.0.0" {
        return wrong("`oci-layout` does not say `imageLayoutVersion` 1.0.0");
    }
    let index: Index = json(&entries, "index.json")?;
    let mut plugin = None;
    let mut signatures = Vec::new();
    for descriptor in &index.manifests {
        let manifest: Manifest = parse(blob(&entries, descriptor)?, &descriptor.digest)?;
        if manifest.artifact_type.as_deref() == Some(SIGNATURE) {
            signatures.push(manifest);
        } else if plugin.replace((descriptor, manifest)).is_some() {
            return wrong("it has more than one manifest");
        }
    }
    let Some((descriptor, manifest)) = plugin else { return wrong("it has no manifest") };
    for other in manifest.config.iter().chain(&manifest.layers) {
        blob(&entries, other)?;
    }
    let mut components = manifest.layers.iter().filter(|layer| layer.media_type == COMPONENT);
    let component = match (components.next(), components.next()) {
        (Some(one), None) => blob(&entries, one)?.to_vec(),
        (None, _) => return wrong(&format!("it has no layer of `{COMPONENT}`")),
        _ => return wrong(&format!("it has more than one layer of `{COMPONENT}`")),
    };
    let config = manifest.config.as_ref().filter(|config| config.media_type == CONFIG);
    let config = config.map(|config| parse(blob(&entries, config)?, &config.digest)).transpose()?;
    let showcase = showcase(&entries, &manifest.layers)?;
    let mut texts = Vec::new();
    for signature in signatures {
        // One that is over something else says nothing of this.
        if signature.subject.as_ref().is_some_and(|subject| subject.digest == descriptor.digest) {
            for layer in &signature.layers {
                let text = blob(&entries, layer)?;
                let text = std::str::from_utf8(text).ok().filter(|text| text.len() <= MAX_SIGNATURE);
                texts.push(text.map_or_else(|| wrong("a signature of it is none"), |text| Ok(text.to_owned()))?);
            }
        }
    }
    Ok(Package { component, digest: digest(&descriptor.digest)?, config, signatures: texts, showcase })
}

/// The readme and the pictures among the layers.
fn showcase(entries: &BTreeMap<String, Vec<u8>>, layers: &[Descriptor]) -> Result<Showcase, Invalid> {
    let mut readmes = layers.iter().filter(|layer| layer.media_type == README);
    let readme = readmes.next().map(|layer| blob(entries, layer).map(<[u8]>::to_vec)).transpose()?;
    if readmes.next().is_some() {
        return wrong("it has more than one readme");
    }
    let images = layers.iter().filter(|layer| layer.media_type.starts_with("image/"));
    let images = images.map(|layer| {
        let name = layer.annotations.get(TITLE).cloned().unwrap_or_default();
        Ok((name, blob(entries, layer)?.to_vec()))
    });
    Showcase::of(readme, images.collect::<Result<_, _>>()?)
}

/// The files of a tar by their paths. Only those that an image layout has, and no entry that is no plain file.
fn entries(tar: &[u8]) -> Result<BTreeMap<String, Vec<u8>>, Invalid> {
    let mut files = BTreeMap::new();
    let mut seen = HashSet::new();
    let mut archive = tar::Archive::new(tar);
    let unreadable = |_| Invalid::Component("the package cannot be read: it is no tar, or ends early".to_owned());
    for (at, entry) in archive.entries().map_err(unreadable)?.enumerate() {
        if at >= ENTRIES {
            return wrong(&format!("it has more than {ENTRIES} entries"));
        }
        let mut entry = entry.map_err(unreadable)?;
        let path = String::from_utf8(entry.path_bytes().into_owned()).ok().filter(|path| path.len() <= PATH);
        let Some(path) = path else { return wrong("an entry has a path that no image layout has") };
        let kind = entry.header().entry_type();
        if !(kind.is_file() || kind.is_dir()) {
            return wrong(&format!("the entry `{}` is no plain file", path.escape_default()));
        }
        let path = path.trim_start_matches("./").trim_end_matches('/').to_owned();
        if !is_of_layout(&path, kind.is_dir()) {
            return wrong(&format!("an image layout has no entry `{}`", path.escape_default()));
        }
        if !seen.insert(path.clone()) {
            return wrong(&format!("it has the entry `{}` twice", path.escape_default()));
        }
        if kind.is_file() {
            let mut bytes = Vec::new();
            let size = std::io::Read::read_to_end(&mut entry, &mut bytes).map_err(unreadable)?;
            if size as u64 != entry.size() {
                return wrong("it ends early");
            }
            files.insert(path, bytes);
        }
    }
    Ok(files)
}

/// Whether an image layout has an entry there.
fn is_of_layout(path: &str, is_directory: bool) -> bool {
    if is_directory {
        return ["", ".", "blobs", "blobs/sha256"].contains(&path);
    }
    let is_digest = |name: &str| name.len() == 64 && name.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
    ["oci-layout", "index.json"].contains(&path) || path.strip_prefix("blobs/sha256/").is_some_and(is_digest)
}

/// What a descriptor names, when it is that.
fn blob<'a>(entries: &'a BTreeMap<String, Vec<u8>>, descriptor: &Descriptor) -> Result<&'a [u8], Invalid> {
    let named = digest(&descriptor.digest)?;
    let Some(bytes) = entries.get(&format!("blobs/sha256/{}", HEXLOWER.encode(&named))) else {
        return wrong(&format!("the blob `{}` is missing", descriptor.digest.escape_default()));
    };
    if bytes.len() as u64 != descriptor.size {
        return wrong(&format!("the blob `{}` is not as long as it is said to be", descriptor.digest));
    }
    if <[u8; 32]>::from(Sha256::digest(bytes)) != named {
        return wrong(&format!("the blob `{}` is not what its digest says", descriptor.digest));
    }
    Ok(bytes)
}

fn digest(text: &str) -> Result<[u8; 32], Invalid> {
    let hex = text.strip_prefix("sha256:").filter(|hex| hex.len() == 64);
    let bytes = hex.and_then(|hex| HEXLOWER.decode(hex.as_bytes()).ok()).and_then(|bytes| bytes.try_into().ok());
    bytes.map_or_else(|| wrong("a digest in it is not `sha256:` and 64 hexadecimal digits"), Ok)
}

fn json<T: DeserializeOwned>(entries: &BTreeMap<String, Vec<u8>>, path: &str) -> Result<T, Invalid> {
    let Some(bytes) = entries.get(path) else { return wrong(&format!("`{path}` is missing")) };
    parse(bytes, path)
}

fn parse<T: DeserializeOwned>(bytes: &[u8], what: &str) -> Result<T, Invalid> {
    serde_json::from_slice(bytes).or_else(|error| wrong(&format!("`{what}` cannot be read: {error}")))
}

fn wrong<T>(what: &str) -> Result<T, Invalid> {
    Err(Invalid::Component(format!("the package cannot be used: {what}")))
}

#[cfg(test)]
mod tests;
