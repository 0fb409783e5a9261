//! Floor 1, sole owner of sqlx, rusqlite and sea-query: keeps everything.
//!
//! Records are read and written under a [`Permit`](crate::access::Permit),
//! which names the tenant: there is no way to ask without one. What the host
//! keeps for itself is reached under a `HostPermit`.

mod accounts;
mod aggregate;
mod api_keys;
mod archive;
mod audit;
mod blobs;
mod certificates;
mod commit;
mod counters;
mod custom;
mod data_keys;
mod db;
mod deliveries;
mod dialect;
mod erase;
mod erasure;
mod error;
mod events;
mod gather;
mod idempotency;
mod identities;
mod imports;
mod jobs;
mod kv;
mod links;
mod list;
mod merges;
mod module_events;
mod module_secrets;
mod modules;
mod operators;
mod own_schemas;
mod people;
mod plans;
mod plugin_access;
mod plugin_calls;
mod plugin_sweep;
mod plugin_usage;
mod plugins;
mod records;
mod registry;
mod schedules;
mod search;
mod sessions;
mod shares;
mod sign_ins;
mod sweep;
mod tables;
mod tenants;
mod usage;
mod webhooks;

use std::collections::HashMap;
use std::path::Path;
use std::sync::{Arc, OnceLock, PoisonError, RwLock};

pub use accounts::{CredentialRow, NewKey};
pub use aggregate::Cell;
pub use api_keys::KeyInfo;
pub use audit::AuditFilter;
pub use blobs::BlobRow;
pub use certificates::CertificateRow;
pub use commit::{Change, Conflict, Further, KeptAnswer, Read, Unit, Write};
pub use data_keys::DataKeyRow;
use db::Db;
pub use db::Listener;
pub use deliveries::{DeliveryRow, DueDelivery, NewDelivery, Outcome};
pub use erase::Emptied;
pub use erasure::{ErasureRow, EventValues};
pub use error::StoreError;
pub use events::Window;
pub use idempotency::{Answer, IdempotencyKey};
pub use identities::ProviderRow;
pub use imports::{ChangeRow, FaultRow, ImportRow};
pub use jobs::{JobFilter, JobRow, Lease, NewJob};
pub use kv::{KvChange, KvRow, KvStep};
pub use merges::{MergeNote, MergeRow};
pub use module_events::{ConsumerRow, SetAside, SetAsideRow};
pub use modules::ModuleRow;
pub use operators::{OperatorKeyInfo, OperatorRequest};
pub use people::{MemberRow, TeamRow};
pub use plans::PlanRow;
pub use plugin_access::{AccessFilter, AccessRow};
pub use plugin_calls::{CallFilter, FailureRow, LogRow};
pub use plugin_usage::UsageRow;
pub use plugins::{NewPlugin, PluginRow, PublisherKeyRow};
pub use schedules::ScheduleRow;
pub use search::Posting;
pub use sessions::{NewSession, SessionRow};
pub use shares::ShareRow;
pub use sign_ins::{FactorRow, LinkRow, SignInRow};
pub use sweep::{PastJob, PastMerge};
use tables::TableSql;
pub use tables::{TableChange, TableError};
pub use tenants::{TenantFilter, TenantRow};
pub use usage::Used;
pub use webhooks::WebhookRow;

use crate::access::HostPermit;
use crate::domain::id::TenantId;
use crate::domain::object::Object;

/// Everything that the host keeps.
pub struct Store {
    db: Db,
    texts: RwLock<HashMap<u64, Arc<TableSql>>>,
    committed: OnceLock<Box<dyn Fn(TenantId) + Send + Sync>>,
}

impl Store {
    /// Opens SQLite in this file.
    pub async fn open_sqlite(path: &Path) -> Result<Self, StoreError> {
        Db::open_sqlite(path).await.map(Self::new)
    }

    /// Connects to PostgreSQL at this URL.
    pub async fn open_postgres(url: &str) -> Result<Self, StoreError> {
        Db::open_postgres(url).await.map(Self::new)
    }

    fn new(db: Db) -> Self {
        Self { db, texts: RwLock::default(), committed: OnceLock::new() }
    }

    /// Calls this after every commit that added events. Set once; it must be quick.
    pub fn after_commits(&self, call: impl Fn(TenantId) + Send + Sync + 'static) {
        let _ = self.committed.set(Box::new(call));
    }

    /// Whether the database answers.
    pub async fn ping(&self, permit: HostPermit) -> Result<(), StoreError> {
        self.db.across(permit).ping().await.map_err(db::store_error)
    }

    /// The SQL texts of an object, made once.
    fn texts(&self, object: &Object) -> Arc<TableSql> {
        let known = self.texts.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(texts) = known.get(&object.fingerprint) {
            return Arc::clone(texts);
        }
        drop(known);
        let texts = Arc::new(TableSql::new(self.db.engine(), object));
        let mut known = self.texts.write().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(known.entry(object.fingerprint).or_insert(texts))
    }
}
