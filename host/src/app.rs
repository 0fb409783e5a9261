//! Floor 2: use cases, the only place where a business action happens.
//!
//! Every way in (HTTP, the command line, a plugin's host call) lands here, so
//! that permissions, hooks, events and limits hold on all of them.

mod accounts;
mod actions;
mod aggregate;
mod archive;
mod attempt;
mod audit;
mod blobs;
mod calculate;
mod catalog;
mod certificates;
mod command;
mod consumers;
mod dead_letters;
mod delivery;
mod disclosure;
mod duplicates;
mod erase;
mod error;
mod events;
mod execution;
mod expand;
mod explain;
mod exports;
mod factors;
mod files;
mod guest;
mod guide;
mod hooks;
mod imports;
mod invitations;
mod invocation;
mod jobs;
mod keeping;
mod keys;
mod lanes;
mod ledger;
mod limits;
mod looking;
mod matching;
mod merge;
mod metering;
mod metrics;
mod module_calls;
mod module_jobs;
mod modules;
mod news;
mod numbers;
mod oidc;
mod operation;
mod operators;
mod passwords;
mod people;
mod persons;
mod plans;
mod plugins;
mod policies;
mod profile;
mod question;
mod reading;
mod recompute;
mod records;
mod replay;
mod returning;
mod roles;
mod routes;
mod runs;
mod scenario;
mod schedules;
mod schema;
mod sealing;
mod search;
mod sessions;
mod settle;
mod shadow;
mod shares;
mod sign_in;
mod staging;
mod standing;
mod stream;
mod taken;
mod teams;
mod tenants;
mod throttle;
mod unit_of_work;
mod unmerge;
mod usage;
mod vault;
mod views;
mod webhooks;

use std::num::NonZeroU32;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

pub use accounts::MadeTenant;
pub use actions::ActionCall;
pub use aggregate::AggregateRequest;
pub use archive::TenantExportView;
pub use audit::{AuditPage, AuditRequest};
pub use blobs::{Incoming, Outgoing};
pub use catalog::{Catalog, Module};
pub use certificates::{CertificatePage, CertificateView};
pub use command::{Command, Done, Form, MAX_OPERATIONS, PlannedChange, Render, Report};
pub use dead_letters::{DeadLetterView, DeadLetters};
pub use duplicates::{Candidate, Like};
pub use error::AppError;
pub use events::{EventPage, EventRequest, TimelinePage};
pub use explain::ExplainedCall;
pub use exports::{ExportFormat, ExportHeader, ExportRequest, ExportView};
pub use factors::{CodeInput, FactorView, PresentPassword, RecoveryCodes};
pub use files::{Content, FILE, NewContent};
pub use guide::{AcceptModulesInput, AcceptedModules, ProposalInput, ProposalView};
pub use imports::{ImportView, Upload, delimiter_of, encoding_of, options_of};
pub use invitations::{AcceptInput, InvitationInput, InvitationView};
pub use jobs::{JobPage, JobView, JobsRequest};
pub use keys::{KeyView, NewKeyInput};
pub use ledger::{AccessPage, AccessRequest, CallsRequest, FailurePage, LogPage, ModuleUsageView};
pub use limits::Allowance;
pub use matching::MatchingRequest;
pub use merge::{LinkOf, MAX_MERGED, Merge, MergeReport};
pub use modules::{Consent, ModuleInput, ModuleState, ModuleView, PendingVersion, RolledOut, Rollout, Wish};
pub use oidc::{ProviderInput, ProviderView, Returned, Started};
pub use operation::{MissingLink, Operation, Outcome};
pub use operators::{Asking, Operator};
pub use passwords::PasswordChange;
pub use people::{MeView, RenderView, UserInput, UserView};
pub use persons::{ErasureCount, ErasurePlan, PersonExport};
pub use plans::PlanView;
pub use plugins::{
    Capabilities, Checked, Finding, Inspected, Looker, MAX_UPLOAD, NewPublisherKey, PLUGIN_CACHE, Part, Parts,
    PluginSettings, PluginStatistics, PluginUpload, PluginVersionView, PluginVersions, PluginView, PublisherKeyView,
    ShowcaseFiles, Shown, Signatures, UploadKind, VersionStatistics, check_manifest, check_plugin, inspect, is_package,
    new_publisher_secret, pack, parts, sign,
};
pub use profile::{Profile, ProfileList};
pub use question::ListRequest;
pub use reading::read as read_members;
pub use records::Page;
pub use replay::{Rerun, replay};
pub use roles::RoleView;
pub use routes::Routed;
pub use scenario::{TestReport, Trial, Tried, run_scenarios};
pub use schema::{ObjectView, SchemaChanged, SchemaView};
pub use search::{Found, Hit};
pub use sessions::{SessionView, WHOLE as SESSION_LASTS};
pub use shadow::{ShadowInput, ShadowReport};
pub use shares::{ShareInput, ShareView};
pub use sign_in::{Arrival, SignInInput, SignedIn, SignedInView};
pub use stream::StreamItem;
pub use teams::{TeamInput, TeamView};
pub use tenants::{MadeTenantView, NewTenantInput, TenantInput, TenantPage, TenantView, TenantsRequest, Turn};
pub use unmerge::UnmergeReport;
pub use usage::UsageView;
pub use vault::Rotated;
pub use views::ViewRequest;
pub use webhooks::{DeliveryPage, DeliveryView, RenderReplay, RenderWebhook, Replayed, WebhookView};

pub use crate::access::Denied;
pub use crate::plugin::{Failure, Function};
pub use crate::store::{Answer, IdempotencyKey, OperatorKeyInfo, OperatorRequest, StoreError};

use crate::access::{Access, Chore, HostPermit};
use crate::domain::clock::Clock;
use crate::domain::cursor::CursorKey;
use crate::domain::id::Ids;
use crate::outbound::Outbound;
use crate::plugin::{Compiler, PluginEngine};
use crate::store::Store;

/// How long a deleted tenant can come back, unless the operator says otherwise.
const GRACE: Duration = Duration::from_hours(30 * 24);

/// How long answers to operators are kept for a retry.
const OPERATORS_KEPT: Duration = Duration::from_hours(7 * 24);

/// Where the database is.
#[derive(Clone, Debug)]
pub enum Database {
    /// SQLite in this file.
    Sqlite(PathBuf),
    /// PostgreSQL at this URL.
    Postgres(String),
}

/// What an operator can choose.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// Webhooks may go over http and to private addresses: for development and tests.
    pub allow_private_webhooks: bool,
    /// The file of the operator's keys. When none is named, one is made beside an `SQLite` database.
    pub key_file: Option<PathBuf>,
    /// Requests a second of one key; any number when none.
    pub key_rate: Option<NonZeroU32>,
    /// Requests a second of all keys of one tenant, unless it has a limit of its own; any number when none.
    pub tenant_rate: Option<NonZeroU32>,
    /// How long a deleted tenant can come back; 30 days when none.
    pub grace: Option<Duration>,
    /// What a guess at a password costs; what OWASP asks for when not given.
    pub password_cost: crate::domain::password::Cost,
    /// Under which origin browsers reach the host: `https://crm.example.com`.
    pub public_url: Option<String>,
    /// Proxies that are believed in who is behind them.
    pub trusted_proxies: Vec<std::net::IpAddr>,
    /// How plugins are compiled, kept and trusted.
    pub plugins: PluginSettings,
    /// Who says where names lead: for tests.
    pub names: Option<crate::outbound::Names>,
}

/// The application: everything that the ways in need.
pub struct App {
    store: Store,
    access: Access,
    engine: Arc<PluginEngine>,
    compiler: Compiler,
    signatures: Signatures,
    runs: runs::Runs,
    meters: metering::Meters,
    metrics: metrics::Metrics,
    ledger: ledger::Ledger,
    clock: Clock,
    ids: Ids,
    cursors: CursorKey,
    keys: accounts::KeyCache,
    sessions: sessions::SessionCache,
    sign_ins: sign_in::SignIns,
    providers: oidc::Discovered,
    trusted_proxies: Vec<std::net::IpAddr>,
    used_keys: accounts::UsedKeys,
    limits: limits::Limits,
    standings: standing::Standings,
    requests: usage::Requests,
    grace: Duration,
    catalogs: catalog::Catalogs,
    lanes: lanes::Lanes,
    news: Arc<news::News>,
    streams: stream::Streams,
    outbound: Arc<Outbound>,
    jobs: jobs::Jobs,
    vault: vault::Vault,
}

impl App {
    /// Opens the database, brings its tables up to date, and sets the rest up.
    pub async fn open(database: &Database, clock: Clock) -> Result<Arc<Self>, AppError> {
        Self::open_with(database, clock, Settings::default()).await
    }

    /// The same, with what the operator chose.
    pub async fn open_with(database: &Database, clock: Clock, settings: Settings) -> Result<Arc<Self>, AppError> {
        let store = match database {
            Database::Sqlite(path) => Store::open_sqlite(path).await?,
            Database::Postgres(url) => Store::open_postgres(url).await?,
        };
        let ids = Ids::new(clock.clone());
        let secret = store.secret(HostPermit::new(Chore::Operate), ids.secret()).await?;
        let key_file = vault::key_file(database, &settings, &store, &ids).await?;
        let public_url = settings.public_url.as_deref().map(sign_in::origin).transpose()?;
        let engine = PluginEngine::new().map_err(|error| AppError::Setup(format!("wasmtime: {error:#}")))?;
        let compiler = settings.plugins.compiler(database, &secret);
        let compiler = Compiler::new(&engine, compiler).map_err(AppError::Setup)?;
        let news = Arc::new(news::News::new(ids.make()));
        let told = Arc::clone(&news);
        store.after_commits(move |tenant| told.committed(tenant));
        let app = Self {
            jobs: jobs::Jobs::new(ids.make()),
            store,
            access: Access::new(clock.clone()),
            engine: Arc::new(engine),
            compiler,
            signatures: settings.plugins.signatures,
            runs: runs::Runs::default(),
            meters: metering::Meters::default(),
            metrics: metrics::Metrics::default(),
            ledger: ledger::Ledger::default(),
            cursors: CursorKey::new(secret),
            keys: accounts::key_cache(),
            sessions: sessions::session_cache(),
            sign_ins: sign_in::SignIns::new(settings.password_cost, &secret, public_url, &ids),
            providers: oidc::discovered(),
            trusted_proxies: settings.trusted_proxies.clone(),
            ids,
            clock,
            used_keys: accounts::UsedKeys::default(),
            limits: limits::Limits::new(&settings),
            standings: standing::standings(),
            requests: usage::Requests::default(),
            grace: settings.grace.unwrap_or(GRACE),
            catalogs: catalog::Catalogs::new()?,
            lanes: lanes::Lanes::default(),
            news,
            streams: stream::Streams::default(),
            outbound: Arc::new(Outbound::new(settings.allow_private_webhooks, settings.names.clone())),
            vault: vault::Vault::open(key_file)?,
        };
        app.prepare_core().await?;
        app.seal_webhook_secrets().await?;
        let app = Arc::new(app);
        ledger::Ledger::start(&app);
        Ok(app)
    }

    /// Whether requests can be served.
    pub async fn is_ready(&self) -> bool {
        self.store.ping(HostPermit::new(Chore::Serve)).await.is_ok()
    }

    /// Throws away what has had its time: answers kept for retries, deliveries
    /// that ended, jobs, imports, files, deleted tenants; and writes down which keys were used.
    pub async fn tidy_up(&self) -> Result<(), AppError> {
        let (permit, now) = (HostPermit::new(Chore::Operate), self.clock.now());
        self.limits.forget_full();
        self.note_used_keys().await?;
        self.store.forget_answers(permit, now).await?;
        self.store.forget_imports(permit, now).await?;
        self.store.forget_blobs(permit, now).await?;
        self.store.forget_operator_answers(permit, now.minus(OPERATORS_KEPT)).await?;
        self.store.forget_sessions(permit, now).await?;
        self.store.forget_jobs(permit, jobs::forgotten_before(now)).await?;
        self.forget_deliveries().await?;
        self.forget_calls().await?;
        self.erase_tenants().await
    }

    /// What cannot wait for that: terms that end, and requests and calls of modules that were counted.
    pub async fn keep_terms(&self) -> Result<(), AppError> {
        self.note_requests().await?;
        self.note_costs().await?;
        self.end_terms().await
    }

    /// Ends what goes on for long: streams, and the sending of webhooks.
    pub fn close(&self) {
        self.news.close();
    }

    /// The origin under which browsers reach the host, when the operator has named it.
    pub fn public_url(&self) -> Option<&str> {
        self.sign_ins.public_url.as_deref()
    }

    /// Proxies that are believed in who is behind them.
    pub fn trusted_proxies(&self) -> &[std::net::IpAddr] {
        &self.trusted_proxies
    }

    /// Makes ids.
    pub fn ids(&self) -> &Ids {
        &self.ids
    }
}
