//! A package as a registry takes it: blobs, then manifests that name them.

use super::layout::{Index, Manifest};
use super::{Invalid, blob, entries, json, parse, unpack};

/// A part of a package.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// What it is.
    pub media_type: String,
    /// SHA-256 of it, `sha256:` and hexadecimal digits.
    pub digest: String,
    /// What is in it.
    pub bytes: Vec<u8>,
}

/// The parts of a package.
#[derive(Debug)]
pub struct Parts {
    /// What the manifests name, each once.
    pub blobs: Vec<Part>,
    /// The manifest of the plugin.
    pub plugin: Part,
    /// The manifests of the signatures over it.
    pub signatures: Vec<Part>,
}

/// Takes a package apart; one that no host would unpack is refused.
pub fn parts(tar: &[u8]) -> Result<Parts, Invalid> {
    let digest = format!("sha256:{}", data_encoding::HEXLOWER.encode(&unpack(tar)?.digest));
    let entries = entries(tar)?;
    let index: Index = json(&entries, "index.json")?;
    let part = |descriptor: &super::Descriptor| {
        let bytes = blob(&entries, descriptor)?.to_vec();
        Ok(Part { media_type: descriptor.media_type.clone(), digest: descriptor.digest.clone(), bytes })
    };
    let (mut blobs, mut plugin, mut signatures) = (Vec::<Part>::new(), None, Vec::new());
    for descriptor in &index.manifests {
        let found = part(descriptor)?;
        let manifest: Manifest = parse(&found.bytes, &found.digest)?;
        for named in manifest.config.iter().chain(&manifest.layers) {
            if !blobs.iter().any(|known| known.digest == named.digest) {
                blobs.push(part(named)?);
            }
        }
        if found.digest == digest { plugin = Some(found) } else { signatures.push(found) }
    }
    let Some(plugin) = plugin else { return super::wrong("it has no manifest") };
    Ok(Parts { blobs, plugin, signatures })
}
