//! What can go wrong in a use case. Knows nothing of status codes.

use uuid::Uuid;

use super::duplicates::Candidate;
use super::explain::ExplainedCall;
use crate::access::Denied;
use crate::domain::invalid::FieldError;
use crate::domain::plugin::Capability;
use crate::domain::tenant::Because;
use crate::plugin::Failure;
use crate::store::StoreError;

/// Why a use case did not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum AppError {
    /// There is no credential, or none that holds.
    #[error("the API key or session is missing, unknown or expired")]
    Unauthenticated,
    /// The tenant has no object of this name.
    #[error("there is no object `{0}`")]
    UnknownObject(String),
    /// There is no such thing, or the caller may not know of it.
    #[error("there is no {what} {id}")]
    NotFound {
        /// What kind of thing.
        what: String,
        /// Which.
        id: String,
    },
    /// The caller may not do this.
    #[error(transparent)]
    Denied(#[from] Denied),
    /// Fields or parameters are wrong.
    #[error("{} of the request is wrong", if .0.len() == 1 { "a part" } else { "more than one part" })]
    Invalid(Vec<FieldError>),
    /// The record is not at the version that the caller named.
    #[error("the record is at version {current}, not {given}")]
    Stale {
        /// Where it is.
        current: i64,
        /// Where the caller thought it was.
        given: i64,
    },
    /// A unique value is taken.
    #[error("another {object} has this {field}")]
    Duplicate {
        /// The object.
        object: String,
        /// The field.
        field: String,
        /// The record that has it.
        existing: Option<Uuid>,
    },
    /// Records that are likely the same are there already.
    #[error("there may be this {object} already")]
    PossibleDuplicate {
        /// The object.
        object: String,
        /// The records.
        candidates: Vec<Candidate>,
    },
    /// It was merged with another one.
    #[error("this {object} was merged into {into}")]
    Merged {
        /// The object.
        object: String,
        /// The record that it has become.
        into: Uuid,
    },
    /// One operation of several is refused; all of them are.
    #[error("operation {at}: {error}")]
    Operation {
        /// Which.
        at: usize,
        /// Why.
        error: Box<AppError>,
    },
    /// A dry run was refused, and this is what modules did in it.
    #[error("{error}")]
    Explained {
        /// Why.
        error: Box<AppError>,
        /// Their calls.
        calls: Vec<ExplainedCall>,
    },
    /// An operation of several was not reached before the answer was given.
    #[error("the request ended before this operation: send it again")]
    NotReached,
    /// Too many others changed the same records at the same time.
    #[error("others kept changing the same records; nothing was changed")]
    Contended,
    /// An idempotency key came back with another request.
    #[error("this idempotency key was used for another request")]
    KeyReused,
    /// A module said no, or failed.
    #[error("the module {plugin} refused the change: {failure}")]
    Hook {
        /// The plugin.
        plugin: String,
        /// What happened.
        failure: Failure,
    },
    /// Modules kept causing further changes.
    #[error("modules caused changes of changes more than {0} times")]
    Cascade(usize),
    /// Nobody has agreed to what a module asks for.
    #[error("{plugin} asks for what nobody has agreed to: name it in `consent`")]
    ConsentRequired {
        /// The plugin.
        plugin: String,
        /// What it asks for.
        asks: Vec<Capability>,
    },
    /// A plugin file cannot be used.
    #[error("the plugin cannot be used: {0}")]
    InvalidPlugin(String),
    /// A plugin was built for another host.
    #[error("the plugin cannot be used: {0}")]
    IncompatiblePlugin(String),
    /// A plugin is not signed as it has to be.
    #[error("the plugin cannot be used: {0}")]
    WrongSignature(&'static str),
    /// Plugins are being compiled, as many as may be at the same time.
    #[error("plugins are being compiled: try again")]
    Compiling,
    /// Something that exists stands against it.
    #[error("{0}")]
    Refused(String),
    /// The operator has stopped the version of a module, which goes on when there is another one.
    #[error("{plugin} rests: its version was revoked: {reason}")]
    ModuleRevoked {
        /// The plugin.
        plugin: String,
        /// Why.
        reason: String,
    },
    /// The caller's tenant rests.
    #[error("{}", match .0 {
        Because::Operator => "the tenant is suspended: ask the operator of this host",
        Because::Term => "the term of the tenant is over: ask the operator of this host",
    })]
    TenantSuspended(Because),
    /// The caller's tenant is deleted, and may still come back.
    #[error("the tenant is deleted: ask the operator of this host")]
    TenantDeleted,
    /// The tenant has as much of something as it may.
    #[error("the tenant may have {most} of `{limit}`, and has them")]
    LimitReached {
        /// The name of the limit.
        limit: &'static str,
        /// How many it allows.
        most: u32,
    },
    /// The caller has too many of something that goes on for long.
    #[error("there are {0} streams of this key already")]
    TooManyStreams(usize),
    /// The caller asks more than it may in a time.
    #[error("more than {rate} requests a second of one {of}")]
    TooManyRequests {
        /// `key` or `tenant`.
        of: &'static str,
        /// Requests a second.
        rate: u32,
        /// When it may ask again.
        wait: std::time::Duration,
    },
    /// Somebody tries to sign in too often.
    #[error("there were too many tries: wait a while")]
    TooManyTries {
        /// When the next try counts.
        wait: std::time::Duration,
    },
    /// Nobody signs in with this.
    #[error("the tenant, the e-mail address or the password is wrong")]
    SignInFailed,
    /// The password is right, and the code of the second factor is missing.
    #[error("the code of the second factor is needed: send it as `code`")]
    CodeRequired,
    /// The password is right, and the code of the second factor is not.
    #[error("the code of the second factor is wrong, or was used before")]
    WrongCode,
    /// Signing in with a provider came to nothing.
    #[error("signing in with the provider failed: {0}")]
    ProviderFailed(&'static str),
    /// A link to set a password with that does not hold.
    #[error("the link is not known here, was used, or has ended")]
    UnknownLink,
    /// Something that somebody does who has signed in, and no key.
    #[error("this needs a session: no API key does it")]
    SessionRequired,
    /// A write that carries a session's cookie and may come from a page of somebody else.
    #[error("a write with a session's cookie names itself with `X-Guildhall-Request`, and comes from this site")]
    CrossSite,
    /// What was sent broke off.
    #[error("the body ended early")]
    BrokenOff,
    /// What was sent is larger than this many bytes.
    #[error("the body is larger than {0} bytes")]
    TooLarge(i64),
    /// A media type that this place does not take.
    #[error("{0}")]
    MediaType(String),
    /// Something that is encrypted does not open; the log says what.
    #[error("a value that is encrypted cannot be opened; the request id names the entry in the host's log")]
    Unopened,
    /// There is no key of the operator that could seal, or that opens what is sealed.
    #[error("the operator's keys that this needs are not there")]
    NoOperatorKey,
    /// The database failed; details are for the log.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The host cannot be set up.
    #[error("the host cannot start: {0}")]
    Setup(String),
}

impl AppError {
    /// One wrong field or parameter.
    pub fn invalid(field: &str, code: &'static str, message: impl Into<String>) -> Self {
        Self::Invalid(vec![FieldError::new(field, code, message)])
    }

    /// Whether it says that the host cannot do its work now, whatever is asked.
    pub fn is_of_the_host(&self) -> bool {
        matches!(self, Self::Store(StoreError::Unavailable(_) | StoreError::Driver(_)) | Self::Setup(_))
            || matches!(self, Self::Denied(Denied::Policy(_)) | Self::Unauthenticated | Self::KeyReused)
            || matches!(self, Self::Unopened | Self::NoOperatorKey)
            || self.is_rest()
    }

    /// Whether it says that the tenant rests: what was begun for it goes on when it is served again.
    pub fn is_rest(&self) -> bool {
        matches!(self, Self::TenantSuspended(_) | Self::TenantDeleted)
    }

    /// What it says of the records that were to be written, if it is about them.
    pub fn refusal(&self) -> Option<FieldError> {
        let code = match self {
            Self::Hook { failure, .. } => failure.code(),
            Self::Cascade(_) => "cascade_limit",
            Self::Denied(Denied::Record { .. }) => "permission_denied",
            Self::Invalid(faults) => return faults.first().cloned(),
            _ => return None,
        };
        Some(FieldError::new("", code, self.to_string()))
    }

    /// A record that is not there.
    pub fn no_record(object: &str, id: &impl ToString) -> Self {
        Self::NotFound { what: object.to_owned(), id: id.to_string() }
    }
}
