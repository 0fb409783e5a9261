//! The parts of an OCI image layout, read and written.

use std::collections::BTreeMap;

use data_encoding::HEXLOWER;
use serde::{Deserialize, Serialize};
use serde_json::{Value as Json, json};
use sha2::{Digest, Sha256};

use super::{COMPONENT, CONFIG, README, SIGNATURE, Showcase};

const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
const INDEX: &str = "application/vnd.oci.image.index.v1+json";
/// The file name of a layer.
pub const TITLE: &str = "org.opencontainers.image.title";
/// What a package is.
const PLUGIN: &str = "application/vnd.guildhall.plugin.v1";
/// The configuration of what has none, and its two bytes.
const EMPTY: (&str, &[u8]) = ("application/vnd.oci.empty.v1+json", b"{}");

/// `index.json`. What a standard adds besides is nothing to us.
#[derive(Deserialize)]
pub struct Index {
    pub manifests: Vec<Descriptor>,
}

/// Names a blob.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Descriptor {
    pub media_type: String,
    pub digest: String,
    pub size: u64,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub annotations: BTreeMap<String, String>,
}

/// What a package, or a signature, is made of.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Manifest {
    pub artifact_type: Option<String>,
    pub config: Option<Descriptor>,
    #[serde(default)]
    pub layers: Vec<Descriptor>,
    pub subject: Option<Descriptor>,
}

/// A package that is being made.
#[derive(Clone, Debug, Default)]
pub struct Layout {
    blobs: BTreeMap<String, Vec<u8>>,
    manifests: Vec<Descriptor>,
}

impl Layout {
    /// A package of this component, whose manifest says that, with what people see of it.
    pub fn of(component: &[u8], manifest: &Json, showcase: &Showcase) -> Self {
        let mut layout = Self::default();
        let config = layout.blob(CONFIG, manifest.to_string().into_bytes());
        let mut layers = vec![layout.blob(COMPONENT, component.to_vec())];
        if !showcase.readme.is_empty() {
            layers.push(layout.titled(README, "README.md", showcase.readme.clone().into_bytes()));
        }
        for screenshot in &showcase.screenshots {
            layers.push(layout.titled(&screenshot.media_type, &screenshot.name, screenshot.image.clone()));
        }
        layout.manifest(&json!({"schemaVersion": 2, "mediaType": MANIFEST, "artifactType": PLUGIN,
            "config": config, "layers": layers}));
        layout
    }

    /// SHA-256 of the manifest: what is to be signed.
    pub fn digest(&self) -> [u8; 32] {
        let first = self.manifests.first().map(|manifest| &manifest.digest["sha256:".len()..]);
        let bytes = first.and_then(|hex| HEXLOWER.decode(hex.as_bytes()).ok()).and_then(|bytes| bytes.try_into().ok());
        bytes.unwrap_or_default()
    }

    /// Adds a signature over the package.
    pub fn sign(&mut self, signature: &str) {
        let layer = self.blob(SIGNATURE, signature.as_bytes().to_vec());
        let config = self.blob(EMPTY.0, EMPTY.1.to_vec());
        let subject = self.manifests.first().cloned();
        self.manifest(&json!({"schemaVersion": 2, "mediaType": MANIFEST, "artifactType": SIGNATURE,
            "config": config, "layers": [layer], "subject": subject}));
    }

    /// The whole as a tar, the same for the same package.
    pub fn tar(&self) -> std::io::Result<Vec<u8>> {
        let mut tar = tar::Builder::new(Vec::new());
        let index = json!({"schemaVersion": 2, "mediaType": INDEX, "manifests": self.manifests});
        let version = json!({"imageLayoutVersion": "1.0.0"});
        let heads = [("oci-layout", version), ("index.json", index)];
        let heads = heads.map(|(path, json)| (path.to_owned(), json.to_string().into_bytes()));
        let blobs = self.blobs.iter().map(|(name, bytes)| (format!("blobs/sha256/{name}"), bytes.clone()));
        for (path, bytes) in heads.into_iter().chain(blobs) {
            let mut header = tar::Header::new_ustar();
            header.set_size(bytes.len() as u64);
            header.set_mode(0o644);
            header.set_entry_type(tar::EntryType::Regular);
            tar.append_data(&mut header, path, bytes.as_slice())?;
        }
        tar.into_inner()
    }

    fn blob(&mut self, media_type: &str, bytes: Vec<u8>) -> Descriptor {
        let hex = HEXLOWER.encode(&Sha256::digest(&bytes));
        let digest = format!("sha256:{hex}");
        let size = bytes.len() as u64;
        self.blobs.insert(hex, bytes);
        Descriptor { media_type: media_type.to_owned(), digest, size, annotations: BTreeMap::new() }
    }

    fn titled(&mut self, media_type: &str, title: &str, bytes: Vec<u8>) -> Descriptor {
        let mut descriptor = self.blob(media_type, bytes);
        descriptor.annotations.insert(TITLE.to_owned(), title.to_owned());
        descriptor
    }

    fn manifest(&mut self, json: &Json) {
        let descriptor = self.blob(MANIFEST, json.to_string().into_bytes());
        self.manifests.push(descriptor);
    }
}
