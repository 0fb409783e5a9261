//! Everything that a plugin can ask of the host, and what each of it needs.

use serde::{Deserialize, Serialize};

use crate::domain::permission::Action;

/// One call of a plugin to the host. Records and questions travel as JSON text.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(tag = "call", rename_all = "snake_case")]
pub enum HostCall {
    /// A line for the log.
    Log { level: String, message: String, fields: Vec<(String, String)> },
    /// The settings.
    Config,
    /// The time.
    Now,
    /// Random bytes.
    Random { length: u32 },
    /// Who and what the call is about.
    Context,
    /// The record with this id.
    Get { object: String, id: String },
    /// The records that a query finds.
    Query { object: String, query: String },
    /// Figures over records.
    Aggregate { object: String, question: String },
    /// A new record.
    Create { object: String, fields: String },
    /// A changed record.
    Update { object: String, id: String, fields: String },
    /// The end of a record.
    Delete { object: String, id: String },
    /// The value under a key.
    KvGet { key: String },
    /// Puts a value under a key.
    KvSet { key: String, value: Vec<u8> },
    /// Removes a key.
    KvDelete { key: String },
    /// Keys in order.
    KvKeys { prefix: String, after: String, limit: u32 },
    /// A request to another server.
    Http(HttpRequest),
    /// An event of the plugin's own.
    Publish { kind: String, subject: String, data: String },
    /// Work put aside.
    Enqueue { name: String, payload: String, delay_ms: u64 },
    /// Whether a secret is set.
    SecretIsSet { name: String },
    /// The keyed hash of data.
    SecretSign { name: String, algorithm: String, data: Vec<u8> },
    /// Whether data has this keyed hash.
    SecretVerify { name: String, algorithm: String, data: Vec<u8>, signature: Vec<u8> },
    /// An action of another module.
    Action { plugin: String, name: String, input: String },
}

/// What the host answers.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(tag = "answer", content = "value", rename_all = "snake_case")]
pub enum HostAnswer {
    /// It is done.
    Done,
    /// Yes or no.
    Flag(bool),
    /// A text, mostly JSON.
    Text(String),
    /// A text, or nothing.
    MaybeText(Option<String>),
    /// Several texts.
    Texts(Vec<String>),
    /// Bytes.
    Bytes(Vec<u8>),
    /// Bytes, or nothing.
    MaybeBytes(Option<Vec<u8>>),
    /// What another server answered.
    Http(HttpResponse),
}

/// What stands in a kept call in the place of a credential.
pub const REDACTED: &str = "[redacted]";

impl HostCall {
    /// Whether this kept call is that one, as far as can be told: a credential that was taken out may have been any.
    pub fn stands_for(&self, other: &Self) -> bool {
        let (Self::Http(kept), Self::Http(made)) = (self, other) else { return self == other };
        let is_same = |((kept_name, kept), (name, value)): (&(String, String), &(String, String))| {
            kept_name == name && (kept == value || kept == REDACTED)
        };
        kept.headers.len() == made.headers.len()
            && kept.headers.iter().zip(&made.headers).all(is_same)
            && HttpRequest { headers: Vec::new(), ..kept.clone() }
                == HttpRequest { headers: Vec::new(), ..made.clone() }
    }
}

/// A request to another server.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub struct HttpRequest {
    /// `GET`.
    pub method: String,
    /// Where to.
    pub url: String,
    /// Headers; `{{secret:NAME}}` stands for a secret.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
    /// Longest wait in milliseconds; 0 for the longest that there is.
    pub timeout_ms: u32,
}

/// The answer of another server.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub struct HttpResponse {
    /// The status.
    pub status: u16,
    /// Headers, names in lower case.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
}

/// What a host call needs of the plugin's grants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Need<'a> {
    /// Nothing that could be withheld.
    Nothing,
    /// An action on records of an object.
    Records { object: &'a str, action: Action },
    /// Keys and values.
    Kv,
    /// Requests to a host.
    Http { host: &'a str, method: &'a str },
    /// Events of a type.
    Event { kind: &'a str },
    /// Jobs.
    Jobs,
    /// A secret.
    Secret { name: &'a str },
    /// An action of another module.
    Action { plugin: &'a str, name: &'a str },
}

impl HostCall {
    /// What it needs: every call, named once.
    pub fn need(&self) -> Need<'_> {
        let records = |object, action| Need::Records { object, action };
        match self {
            Self::Log { .. } | Self::Config | Self::Now | Self::Random { .. } | Self::Context => Need::Nothing,
            Self::Get { object, .. } | Self::Query { object, .. } | Self::Aggregate { object, .. } => {
                records(object, Action::Read)
            }
            Self::Create { object, .. } => records(object, Action::Create),
            Self::Update { object, .. } => records(object, Action::Update),
            Self::Delete { object, .. } => records(object, Action::Delete),
            Self::KvGet { .. } | Self::KvSet { .. } | Self::KvDelete { .. } | Self::KvKeys { .. } => Need::Kv,
            Self::Http(request) => Need::Http { host: host_of(&request.url), method: &request.method },
            Self::Publish { kind, .. } => Need::Event { kind },
            Self::Enqueue { .. } => Need::Jobs,
            Self::SecretIsSet { name } | Self::SecretSign { name, .. } | Self::SecretVerify { name, .. } => {
                Need::Secret { name }
            }
            Self::Action { plugin, name, .. } => Need::Action { plugin, name },
        }
    }

    /// What it is called where calls are counted and traced.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Log { .. } => "log",
            Self::Config => "config",
            Self::Now => "now",
            Self::Random { .. } => "random",
            Self::Context => "context",
            Self::Get { .. } => "get",
            Self::Query { .. } => "query",
            Self::Aggregate { .. } => "aggregate",
            Self::Create { .. } => "create",
            Self::Update { .. } => "update",
            Self::Delete { .. } => "delete",
            Self::KvGet { .. } => "kv_get",
            Self::KvSet { .. } => "kv_set",
            Self::KvDelete { .. } => "kv_delete",
            Self::KvKeys { .. } => "kv_keys",
            Self::Http(_) => "http",
            Self::Publish { .. } => "publish",
            Self::Enqueue { .. } => "enqueue",
            Self::SecretIsSet { .. } => "secret_is_set",
            Self::SecretSign { .. } => "secret_sign",
            Self::SecretVerify { .. } => "secret_verify",
            Self::Action { .. } => "action",
        }
    }

    /// Whether it changes anything.
    pub const fn is_write(&self) -> bool {
        matches!(
            self,
            Self::Create { .. }
                | Self::Update { .. }
                | Self::Delete { .. }
                | Self::KvSet { .. }
                | Self::KvDelete { .. }
                | Self::Publish { .. }
                | Self::Enqueue { .. }
                | Self::Action { .. }
        )
    }

    /// Whether it is about records.
    pub const fn is_about_records(&self) -> bool {
        matches!(
            self,
            Self::Get { .. }
                | Self::Query { .. }
                | Self::Aggregate { .. }
                | Self::Create { .. }
                | Self::Update { .. }
                | Self::Delete { .. }
        )
    }
}

/// The host that a URL names, as far as it can be told; what it is worth, the sending checks.
fn host_of(url: &str) -> &str {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let authority = rest.split(['/', '?', '#', '\\']).next().unwrap_or_default();
    // A name and password in front are refused by the sending.
    let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    host.split(':').next().unwrap_or_default()
}

impl Need<'_> {
    /// What a plugin that is refused it is told.
    pub fn refusal(&self) -> String {
        match self {
            Self::Nothing => "the plugin may not do that".to_owned(),
            Self::Records { object, action } => format!("the plugin may not {action} `{object}`"),
            Self::Kv => "the plugin may not keep keys and values".to_owned(),
            Self::Http { host, method } => format!("the plugin may not send {method} to `{host}`"),
            Self::Event { kind } => format!("the plugin may not publish `{kind}`"),
            Self::Jobs => "the plugin may not queue jobs".to_owned(),
            Self::Secret { name } => format!("the plugin may not use the secret `{name}`"),
            Self::Action { plugin, name } => format!("the plugin may not call `{name}` of {plugin}"),
        }
    }
}
