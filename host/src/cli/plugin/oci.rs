//! Pushes a package to an OCI registry: all that it is made of first, the tag last, so that nothing half done is seen.

use std::time::Duration;

use oci_client::client::{Client, ClientConfig, ClientProtocol};
use oci_client::errors::{OciDistributionError, OciErrorCode};
use oci_client::secrets::RegistryAuth;
use oci_client::{Reference, RegistryOperation};
use reqwest::header::HeaderValue;

use crate::app::{AppError, Part, Parts};
use crate::cli::progress::Step;
use crate::cli::remote::{innermost, use_ring};

/// Longest wait for a connection, and between two bytes of an answer.
const PATIENCE: Duration = Duration::from_secs(30);

/// A repository of a registry.
pub struct Repository {
    client: Client,
    auth: RegistryAuth,
    registry: String,
    /// Its path there.
    path: String,
}

impl Repository {
    /// `oci://registry/repository`, or `oci+http://…` without TLS; none when the address is another one.
    pub fn parse(address: &str, login: Option<(String, String)>) -> Option<Result<Self, AppError>> {
        let (protocol, place) = match address.split_once("://")? {
            ("oci", place) => (ClientProtocol::Https, place),
            ("oci+http", place) => (ClientProtocol::Http, place),
            _ => return None,
        };
        let named = place.split_once('/').filter(|_| format!("{place}:1").parse::<Reference>().is_ok());
        let Some((registry, path)) = named else {
            let text = format!("`{address}` names no repository, as oci://registry.example.com/acme/tidy-names does");
            return Some(Err(AppError::Refused(text)));
        };
        use_ring();
        let config = ClientConfig {
            protocol,
            connect_timeout: Some(PATIENCE),
            read_timeout: Some(PATIENCE),
            ..ClientConfig::default()
        };
        let auth = login.map_or(RegistryAuth::Anonymous, |(user, password)| RegistryAuth::Basic(user, password));
        let (registry, path) = (registry.to_owned(), path.to_owned());
        Some(Ok(Self { client: Client::new(config), auth, registry, path }))
    }

    /// Pushes a package as this version; false when the very same was there before.
    pub async fn push(&self, version: &str, parts: &Parts) -> Result<bool, AppError> {
        // A tag may not have the `+` of build metadata.
        let tag =
            self.reference(|registry, repository| Reference::with_tag(registry, repository, version.replace('+', "_")));
        let failed = |error: OciDistributionError| self.told(&error);
        self.client.auth(&tag, &self.auth, RegistryOperation::Push).await.map_err(failed)?;
        match self.client.fetch_manifest_digest(&tag, &self.auth).await {
            Ok(digest) if digest == parts.plugin.digest => return Ok(false),
            Ok(_) => {
                return Err(AppError::Refused(format!(
                    "{tag} is published with another content: give the new one a new version"
                )));
            }
            Err(error) if is_missing(&error) => {}
            Err(error) => return Err(failed(error)),
        }
        for (at, blob) in parts.blobs.iter().enumerate() {
            let _step = Step::begin(format!("pushing part {} of {} to {tag}", at + 1, parts.blobs.len()));
            if !self.client.blob_exists(&tag, &blob.digest).await.map_err(failed)? {
                self.client.push_blob(&tag, blob.bytes.clone(), &blob.digest).await.map_err(failed)?;
            }
        }
        for manifest in std::iter::once(&parts.plugin).chain(&parts.signatures) {
            let digest = manifest.digest.clone();
            let by_digest = self.reference(|registry, repository| Reference::with_digest(registry, repository, digest));
            self.manifest(&by_digest, manifest).await?;
        }
        self.manifest(&tag, &parts.plugin).await?;
        Ok(true)
    }

    async fn manifest(&self, at: &Reference, manifest: &Part) -> Result<(), AppError> {
        let media_type = HeaderValue::from_str(&manifest.media_type);
        let media_type = media_type.map_err(|error| AppError::Setup(format!("a package: {error}")))?;
        let pushed = self.client.push_manifest_raw(at, manifest.bytes.clone(), media_type).await;
        pushed.map(drop).map_err(|error| self.told(&error))
    }

    fn reference(&self, make: impl FnOnce(String, String) -> Reference) -> Reference {
        make(self.registry.clone(), self.path.clone())
    }

    fn told(&self, error: &OciDistributionError) -> AppError {
        let registry = &self.registry;
        AppError::Refused(match error {
            OciDistributionError::AuthenticationFailure(_) | OciDistributionError::UnauthorizedError { .. } => format!(
                "{registry} does not take these credentials: set GUILDHALL_REGISTRY_USER and \
                 GUILDHALL_REGISTRY_PASSWORD to what it knows"
            ),
            OciDistributionError::RequestError(cause) => format!(
                "{registry} cannot be reached, or broke off: {}; no tag was set, run it again when it is back",
                innermost(cause)
            ),
            other => format!("{registry} refused the package: {}; no tag was set", other.to_string().escape_debug()),
        })
    }
}

/// Whether the registry says that there is no such manifest.
fn is_missing(error: &OciDistributionError) -> bool {
    match error {
        OciDistributionError::ImageManifestNotFoundError(_) => true,
        OciDistributionError::ServerError { code, .. } => *code == 404,
        OciDistributionError::RegistryError { envelope, .. } => {
            let unknown = [OciErrorCode::ManifestUnknown, OciErrorCode::NameUnknown, OciErrorCode::NotFound];
            envelope.errors.iter().any(|error| unknown.contains(&error.code))
        }
        _ => false,
    }
}
