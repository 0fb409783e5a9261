//! From an uploaded file to a plugin that tenants can have: audit, signature, compilation, link, first run, tables.

use std::sync::Arc;

use semver::Version;
use sha2::{Digest, Sha256};

use super::view::PluginView;
use crate::access::{Chore, HostPermit};
use crate::app::catalog::Plugin;
use crate::app::modules::settings::validator_of;
use crate::app::operators::Operator;
use crate::app::{App, AppError};
use crate::domain::object::Object;
use crate::domain::publisher::Signed;
use crate::plugin::{Artefact, Audited, CompileError, Found, Invalid, Showcase, audit, audit_again, unpack};
use crate::store::{NewPlugin, PluginRow};

/// What a file is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UploadKind {
    /// A component.
    Component,
    /// An OCI image layout as a tar.
    Package,
}

/// A plugin that somebody brings.
#[derive(Debug)]
pub struct PluginUpload {
    /// What it is.
    pub kind: UploadKind,
    /// The file.
    pub bytes: Vec<u8>,
    /// The signature that came beside it.
    pub signature: Option<String>,
    /// Whether it may be older than what is installed.
    pub allow_downgrade: bool,
}

/// A file, opened and looked at.
struct Opened {
    component: Arc<[u8]>,
    digest: [u8; 32],
    package: Option<[u8; 32]>,
    signatures: Vec<String>,
    showcase: Showcase,
    audited: Audited,
}

impl App {
    /// Installs a component without a word about signatures, for whoever is at the machine.
    pub async fn install_plugin(&self, component: &[u8]) -> Result<PluginView, AppError> {
        let bytes = component.to_vec();
        let upload = PluginUpload { kind: UploadKind::Component, bytes, signature: None, allow_downgrade: false };
        self.install(&Operator::default(), upload).await
    }

    /// Installs a plugin. The same file again changes nothing; another file of the same version is refused.
    pub async fn install(&self, operator: &Operator, upload: PluginUpload) -> Result<PluginView, AppError> {
        let permit = Self::operate_permit();
        let allow_downgrade = upload.allow_downgrade;
        let opened = blocking(move || open(upload)).await??;
        let Opened { component, digest, package, signatures, showcase, audited } = opened;
        operator.publishes(&audited.found.manifest.id)?;
        let signed = package.map_or(Signed::Component(digest), Signed::Package);
        let signature = self.check_signatures(&audited.found.manifest.id, signed, &signatures).await?;
        if self.store.revoked_components(permit).await?.contains(&digest.to_vec()) {
            return Err(AppError::Refused("this component was revoked on this host".to_owned()));
        }
        let installed = self.store.plugins(permit).await?;
        if let Some(row) = Self::place_of(&installed, &audited, digest, allow_downgrade)? {
            return self.plugin_view(row.clone(), Vec::new(), false).await;
        }
        let plugin = self.load(Arc::clone(&component), audited).await?;
        let manifest = &plugin.compiled.manifest;
        validator_of(manifest)?;
        if !self.can_seal() && plugin.objects.iter().any(|object| object.has_sealed_fields()) {
            return Err(AppError::Refused(crate::app::schema::NO_KEY.to_owned()));
        }
        self.engine.try_out(&plugin.compiled).await.map_err(of_compiler)?;
        let changes = self.prepare_tables(&manifest.id, &manifest.objects, &plugin.objects).await?;
        let new = NewPlugin {
            manifest,
            digest,
            component: &component,
            imports: &plugin.compiled.imports,
            package,
            signature,
            readme: &showcase.readme,
            screenshots: showcase.screenshots.iter().map(|it| (&*it.name, &*it.media_type, &*it.image)).collect(),
            at: self.clock.now(),
        };
        self.store.add_plugin(permit, &new).await?;
        // Somebody else may have installed another one of this version meanwhile: the first one counts.
        let is_it = |row: &PluginRow| row.manifest.id == manifest.id && row.manifest.version == manifest.version;
        let rows = self.store.plugins(permit).await?;
        let row = rows.into_iter().find(is_it).filter(|row| row.digest == digest).ok_or_else(|| taken(manifest))?;
        let by = operator.key.map(|key| key.to_string()).unwrap_or_default();
        tracing::info!(plugin = manifest.id, version = manifest.version, by, "a plugin was installed");
        self.plugin_view(row, changes, true).await
    }

    /// The row of the same plugin, when it is installed already; refuses one that cannot stand beside what is.
    fn place_of<'a>(
        installed: &'a [PluginRow],
        audited: &Audited,
        digest: [u8; 32],
        allow_downgrade: bool,
    ) -> Result<Option<&'a PluginRow>, AppError> {
        let manifest = &audited.found.manifest;
        let version = Version::parse(&manifest.version).ok();
        let mut newer = None;
        for row in installed {
            let other = &row.manifest;
            if other.id != manifest.id {
                if other.namespace == manifest.namespace {
                    let (namespace, id) = (&manifest.namespace, &other.id);
                    return Err(AppError::Refused(format!("the namespace `{namespace}` belongs to {id}")));
                }
            } else if other.version == manifest.version {
                return if row.digest == digest { Ok(Some(row)) } else { Err(taken(manifest)) };
            } else if Version::parse(&other.version).ok() > version {
                newer = Some(other);
            }
        }
        match newer {
            Some(newer) if !allow_downgrade => Err(AppError::Refused(format!(
                "{} {} is installed: say `allow_downgrade` to install the older {}",
                newer.id, newer.version, manifest.version
            ))),
            _ => Ok(None),
        }
    }

    /// Makes a plugin that is installed ready to run. Where this version of the host has compiled it before, what its
    /// audit found is kept with it; else it is looked at again.
    pub(in crate::app) async fn ready(&self, id: &str, version: &str) -> Result<Plugin, AppError> {
        let permit = HostPermit::new(Chore::Serve);
        let missing = || AppError::NotFound { what: "plugin".to_owned(), id: format!("{id} {version}") };
        let digest = self.store.component_digest(permit, id, version).await?.ok_or_else(missing)?;
        if let Some((artefact, found)) = self.compiler.kept(digest).await {
            return self.link(artefact, found).await;
        }
        let component: Arc<[u8]> = self.store.component(permit, id, version).await?.ok_or_else(missing)?.into();
        let bytes = Arc::clone(&component);
        let audited = blocking(move || audit_again(&bytes)).await?.map_err(of_invalid)?;
        self.load(component, audited).await
    }

    async fn load(&self, component: Arc<[u8]>, audited: Audited) -> Result<Plugin, AppError> {
        let artefact = self.compiler.artefact(&component, &audited).await.map_err(of_compiler)?;
        self.link(artefact, audited.found).await
    }

    /// Makes what was compiled ready to run: no part of it on a thread that serves.
    async fn link(&self, artefact: Artefact, found: Found) -> Result<Plugin, AppError> {
        let engine = Arc::clone(&self.engine);
        let compiled = blocking(move || engine.load(found, &artefact)).await?.map_err(of_invalid)?;
        let namespace = compiled.manifest.namespace.clone();
        let check = |(at, def): (usize, &crate::domain::object::ObjectDef)| {
            let wrong = |reason| AppError::InvalidPlugin(format!("the manifest: `objects[{at}]`: {reason}"));
            Object::check(def.clone(), Some(&namespace)).map(Arc::new).map_err(wrong)
        };
        let objects = compiled.manifest.objects.iter().enumerate().map(check).collect::<Result<_, _>>()?;
        Ok(Plugin { compiled, objects })
    }
}

fn open(upload: PluginUpload) -> Result<Opened, AppError> {
    let (bytes, package, config, mut signatures, showcase) = match upload.kind {
        UploadKind::Component => (upload.bytes, None, None, Vec::new(), Showcase::default()),
        UploadKind::Package => {
            let package = unpack(&upload.bytes).map_err(of_invalid)?;
            (package.component, Some(package.digest), package.config, package.signatures, package.showcase)
        }
    };
    signatures.extend(upload.signature);
    let audited = audit(&bytes).map_err(of_invalid)?;
    let said = serde_json::to_value(&audited.found.manifest).map_err(|error| AppError::Setup(error.to_string()))?;
    // Written out in full: what is left out means the same as what it is then.
    let config = config.map(serde_json::from_value::<crate::domain::plugin::Manifest>);
    let config = config.map(|read| read.ok().and_then(|manifest| serde_json::to_value(manifest).ok()));
    if config.is_some_and(|config| config != Some(said)) {
        let text = "the package says something else of the plugin than the component itself";
        return Err(AppError::InvalidPlugin(text.to_owned()));
    }
    let digest = Sha256::digest(&bytes).into();
    Ok(Opened { component: bytes.into(), digest, package, signatures, showcase, audited })
}

fn taken(manifest: &crate::domain::plugin::Manifest) -> AppError {
    AppError::Refused(format!(
        "{} {} is installed with another content; give the new one a new version",
        manifest.id, manifest.version
    ))
}

/// Does what takes a while on a thread that serves nobody.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, AppError> {
    tokio::task::spawn_blocking(work).await.map_err(|error| AppError::Setup(format!("a plugin: {error}")))
}

pub(super) fn of_invalid(invalid: Invalid) -> AppError {
    match invalid {
        Invalid::Component(reason) => AppError::InvalidPlugin(reason),
        Invalid::Api(reason) => AppError::IncompatiblePlugin(reason),
    }
}

pub(super) fn of_compiler(error: CompileError) -> AppError {
    match error {
        CompileError::Refused(invalid) => of_invalid(invalid),
        CompileError::Busy => AppError::Compiling,
        CompileError::Host(cause) => AppError::Setup(cause),
    }
}
