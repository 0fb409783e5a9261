//! Floor 2: use cases, the only place where a business action happens.
//!
//! Every way in (HTTP, the command line, a plugin's host call) lands here, so
//! that permissions, hooks, events and limits hold on all of them.

mod accounts;
mod blobs;
mod catalog;
mod command;
mod error;
mod exports;
mod guest;
mod hooks;
mod imports;
mod jobs;
mod lanes;
mod modules;
mod records;
mod staging;
mod unit_of_work;

use std::path::PathBuf;
use std::sync::Arc;

pub use accounts::MadeTenant;
pub use blobs::{Incoming, Outgoing};
pub use catalog::{Catalog, Module};
pub use command::{Command, Done, Outcome, Render};
pub use error::AppError;
pub use exports::{ExportFormat, ExportHeader, ExportRequest, ExportView};
pub use imports::{ImportView, Upload, delimiter_of, encoding_of, options_of};
pub use jobs::{JobPage, JobView, JobsRequest};
pub use modules::{ModuleView, PluginView};
pub use records::{ListRequest, Page};

pub use crate::access::Denied;
pub use crate::plugin::Failure;
pub use crate::store::{Answer, IdempotencyKey, StoreError};

use crate::access::{Access, Chore, HostPermit};
use crate::domain::clock::Clock;
use crate::domain::cursor::CursorKey;
use crate::domain::id::Ids;
use crate::plugin::PluginEngine;
use crate::store::Store;

/// Where the database is.
#[derive(Clone, Debug)]
pub enum Database {
    /// SQLite in this file.
    Sqlite(PathBuf),
    /// PostgreSQL at this URL.
    Postgres(String),
}

/// The application: everything that the ways in need.
pub struct App {
    store: Store,
    access: Access,
    engine: PluginEngine,
    clock: Clock,
    ids: Ids,
    cursors: CursorKey,
    keys: accounts::KeyCache,
    catalogs: catalog::Catalogs,
    lanes: lanes::Lanes,
    jobs: jobs::Jobs,
}

impl App {
    /// Opens the database, brings its tables up to date, and sets the rest up.
    pub async fn open(database: &Database, clock: Clock) -> Result<Arc<Self>, AppError> {
        let store = match database {
            Database::Sqlite(path) => Store::open_sqlite(path).await?,
            Database::Postgres(url) => Store::open_postgres(url).await?,
        };
        let ids = Ids::new(clock.clone());
        let secret = store.secret(HostPermit::new(Chore::Operate), ids.secret()).await?;
        let engine = PluginEngine::new().map_err(|error| AppError::Setup(format!("wasmtime: {error:#}")))?;
        let app = Self {
            jobs: jobs::Jobs::new(ids.make()),
            store,
            access: Access::default(),
            engine,
            ids,
            clock,
            cursors: CursorKey::new(secret),
            keys: accounts::key_cache(),
            catalogs: catalog::Catalogs::new()?,
            lanes: lanes::Lanes::default(),
        };
        app.prepare_core().await?;
        Ok(Arc::new(app))
    }

    /// Whether requests can be served.
    pub async fn is_ready(&self) -> bool {
        self.store.ping(HostPermit::new(Chore::Serve)).await.is_ok()
    }

    /// Throws away what has had its time: answers kept for retries, jobs, imports, files.
    pub async fn tidy_up(&self) -> Result<(), AppError> {
        let (permit, now) = (HostPermit::new(Chore::Operate), self.clock.now());
        self.store.forget_answers(permit, now).await?;
        self.store.forget_imports(permit, now).await?;
        self.store.forget_blobs(permit, now).await?;
        Ok(self.store.forget_jobs(permit, jobs::forgotten_before(now)).await?)
    }

    /// Makes ids.
    pub fn ids(&self) -> &Ids {
        &self.ids
    }
}
