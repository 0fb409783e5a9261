//! The vault: the operator's keys, and the data keys of tenants while they are in use.
//!
//! Each tenant has data keys of its own, wrapped by a key of the operator. What
//! is sealed names its data key, so that operator keys change without anything
//! being sealed anew.

mod file;

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use moka::future::Cache;
use uuid::Uuid;
use zeroize::Zeroizing;

use super::{App, AppError};
use crate::access::{Chore, HostPermit};
use crate::domain::id::{Ids, TenantId};
use crate::domain::seal::{DataKey, KeyRing, Spot, Unopened, key_of};
use crate::store::DataKeyRow;
pub(super) use file::key_file;

/// How long data keys stay in memory.
const IN_MEMORY: Duration = Duration::from_mins(1);

/// The operator's keys, and data keys in memory.
pub(super) struct Vault {
    file: Option<PathBuf>,
    ring: RwLock<Option<Arc<KeyRing>>>,
    tenants: Cache<TenantId, Arc<TenantKeys>>,
}

/// The data keys of one tenant that the operator's keys unwrap.
pub(super) struct TenantKeys {
    all: HashMap<Uuid, DataKey>,
    newest: Option<Uuid>,
    /// Whether there are some that no key of the operator here unwraps.
    lacks_some: bool,
}

/// Opens what was sealed for one tenant; reads its keys when they are needed for the first time.
pub(super) struct Opener<'a> {
    app: &'a App,
    tenant: TenantId,
    keys: Option<Arc<TenantKeys>>,
    /// Whether the keys were read for this very use.
    is_fresh: bool,
}

/// What became of wrapping all data keys anew.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rotated {
    /// The key of the operator that wraps them now.
    pub key: String,
    /// Data keys that it wraps since now.
    pub rewrapped: usize,
    /// Data keys that could not be unwrapped, because their operator key is not in the file.
    pub left: usize,
}

impl Vault {
    /// With the keys of this file; without one, nothing can be sealed.
    pub fn open(file: Option<PathBuf>) -> Result<Self, AppError> {
        let ring = file.as_deref().map(file::read).transpose()?;
        Ok(Self {
            file,
            ring: RwLock::new(ring.map(Arc::new)),
            tenants: Cache::builder().max_capacity(10_000).time_to_live(IN_MEMORY).build(),
        })
    }

    fn ring(&self) -> Option<Arc<KeyRing>> {
        self.ring.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The keys as the file has them now; those known before, if it cannot be read.
    fn read_again(&self) -> Option<Arc<KeyRing>> {
        let file = self.file.as_deref()?;
        match file::read(file) {
            Ok(ring) => {
                let ring = Arc::new(ring);
                *self.ring.write().unwrap_or_else(PoisonError::into_inner) = Some(Arc::clone(&ring));
                Some(ring)
            }
            Err(error) => {
                tracing::error!(%error, "the file of operator keys cannot be read; those known before stay in use");
                self.ring()
            }
        }
    }

    /// Unwraps a data key; a key of the operator that is not known yet may have come into the file.
    fn unwrap(&self, row: &DataKeyRow) -> Option<Zeroizing<[u8; 32]>> {
        let unwrap = |ring: &KeyRing| Some(ring.find(&row.operator_key)?.unwrap(row.tenant, row.id, &row.wrapped));
        let unwrapped = self.ring().and_then(|ring| unwrap(&ring));
        let unwrapped = unwrapped.or_else(|| self.read_again().and_then(|ring| unwrap(&ring)));
        let (tenant, key, operator_key) = (row.tenant, row.id, &row.operator_key);
        match unwrapped {
            Some(Ok(secret)) => Some(secret),
            Some(Err(error)) => {
                tracing::error!(%tenant, %key, operator_key, %error, "a data key does not open");
                None
            }
            None => {
                tracing::error!(%tenant, %key, operator_key, "the operator key of a data key is not in the file");
                None
            }
        }
    }

    fn unwrap_all(&self, rows: &[DataKeyRow]) -> TenantKeys {
        let mut keys = TenantKeys { all: HashMap::new(), newest: None, lacks_some: false };
        for row in rows {
            match self.unwrap(row) {
                Some(secret) => keys.newest = Some(keys.add(row.id, &secret)),
                None => keys.lacks_some = true,
            }
        }
        keys
    }
}

impl TenantKeys {
    fn add(&mut self, id: Uuid, secret: &[u8; 32]) -> Uuid {
        self.all.insert(id, DataKey::new(id, secret));
        id
    }

    /// Seals something for one spot.
    pub fn seal(&self, ids: &Ids, spot: &Spot, plain: &[u8]) -> Result<Vec<u8>, AppError> {
        let newest = self.newest.and_then(|id| self.all.get(&id)).ok_or(AppError::NoOperatorKey)?;
        Ok(newest.seal(spot, plain, ids.nonce()))
    }

    /// Opens what was sealed for that spot.
    pub fn open(&self, spot: &Spot, sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, Unopened> {
        let id = key_of(sealed).ok_or(Unopened::Broken)?;
        self.all.get(&id).ok_or(Unopened::UnknownKey)?.open(spot, sealed)
    }
}

impl<'a> Opener<'a> {
    /// For what was sealed for this tenant.
    pub fn new(app: &'a App, tenant: TenantId) -> Self {
        Self { app, tenant, keys: None, is_fresh: false }
    }

    /// Opens it. What does not open is told to the log, as `what`.
    pub async fn open(&mut self, spot: &Spot, sealed: &[u8], what: &str) -> Result<Zeroizing<Vec<u8>>, AppError> {
        let mut opened = self.keys(false).await?.open(spot, sealed);
        if opened == Err(Unopened::UnknownKey) && !self.is_fresh {
            // Another node may have made the key just now.
            opened = self.keys(true).await?.open(spot, sealed);
        }
        opened.map_err(|error| {
            let (tenant, key) = (self.tenant, key_of(sealed));
            tracing::error!(%tenant, ?key, what, %error, "something that is sealed does not open");
            AppError::Unopened
        })
    }

    async fn keys(&mut self, anew: bool) -> Result<&TenantKeys, AppError> {
        if anew {
            self.app.vault.tenants.invalidate(&self.tenant).await;
            self.is_fresh = true;
            self.keys = None;
        }
        match &mut self.keys {
            Some(keys) => Ok(keys),
            none => Ok(none.insert(self.app.tenant_keys(self.tenant).await?)),
        }
    }
}

impl App {
    /// Whether there is an operator's key, so that something can be sealed.
    pub(super) fn can_seal(&self) -> bool {
        self.vault.ring().is_some()
    }

    /// The data keys that a tenant has.
    async fn tenant_keys(&self, tenant: TenantId) -> Result<Arc<TenantKeys>, AppError> {
        if !self.can_seal() {
            return Err(AppError::NoOperatorKey);
        }
        let load = async {
            let rows = self.store.data_keys(HostPermit::new(Chore::Serve), tenant).await?;
            Ok(Arc::new(self.vault.unwrap_all(&rows)))
        };
        self.vault.tenants.try_get_with(tenant, load).await.map_err(super::catalog::of_many)
    }

    /// Data keys to seal with; the first use makes one.
    pub(super) async fn sealer(&self, tenant: TenantId) -> Result<Arc<TenantKeys>, AppError> {
        let keys = self.tenant_keys(tenant).await?;
        if keys.newest.is_some() {
            return Ok(keys);
        }
        // A key made beside ones that do not open would hide that the operator's keys are wrong.
        let row = self.first_key(tenant).filter(|_| !keys.lacks_some).ok_or(AppError::NoOperatorKey)?.0;
        self.store.add_data_key(HostPermit::new(Chore::Serve), &row, self.clock.now()).await?;
        self.vault.tenants.invalidate(&tenant).await;
        self.tenant_keys(tenant).await
    }

    /// A first data key for a tenant, as it is kept and ready to seal with; none without a key of the operator.
    pub(super) fn first_key(&self, tenant: TenantId) -> Option<(DataKeyRow, TenantKeys)> {
        let ring = self.vault.read_again()?;
        let (id, secret) = (self.ids.make(), Zeroizing::new(self.ids.secret()));
        let operator_key = ring.current().id().to_owned();
        let wrapped = ring.current().wrap(tenant, id, &secret, self.ids.nonce());
        let mut keys = TenantKeys { all: HashMap::new(), newest: None, lacks_some: false };
        keys.newest = Some(keys.add(id, &secret));
        Some((DataKeyRow { tenant, id, operator_key, wrapped }, keys))
    }

    /// Seals something for one spot.
    pub(super) async fn seal_bytes(&self, tenant: TenantId, spot: &Spot, plain: &[u8]) -> Result<Vec<u8>, AppError> {
        self.sealer(tenant).await?.seal(&self.ids, spot, plain)
    }

    /// Wraps all data keys with the operator's current key. The host may run meanwhile.
    pub async fn rotate_operator_key(&self) -> Result<Rotated, AppError> {
        let permit = HostPermit::new(Chore::Operate);
        let ring = self.vault.read_again().ok_or(AppError::NoOperatorKey)?;
        let current = ring.current();
        let mut rotated = Rotated { key: current.id().to_owned(), rewrapped: 0, left: 0 };
        for row in self.store.data_keys_not_of(permit, current.id()).await? {
            let Some(secret) = self.vault.unwrap(&row) else {
                rotated.left += 1;
                continue;
            };
            let wrapped = current.wrap(row.tenant, row.id, &secret, self.ids.nonce());
            let anew = DataKeyRow { operator_key: current.id().to_owned(), wrapped, ..row };
            self.store.rewrap_data_key(permit, &anew, &row.operator_key).await?;
            rotated.rewrapped += 1;
        }
        Ok(rotated)
    }
}
