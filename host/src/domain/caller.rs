//! Who is asking, as told by a credential.

use std::sync::Arc;

use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use super::id::TenantId;

/// What a request shows of who sends it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Credential {
    /// An API key, by its id.
    Key(Uuid),
    /// A session, by its id.
    Session(Uuid),
    /// None: work that a member asked for in a session goes on after it.
    Task,
}

/// The subject of a request: a key of a tenant, or a member with a key or a session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    /// The tenant that the credential belongs to.
    pub tenant: TenantId,
    /// What was shown.
    pub credential: Credential,
    /// The member whose key or session it is.
    pub member: Option<Uuid>,
    /// The company that the member belongs to, when it is another one than the tenant.
    pub company: Option<Uuid>,
    /// The roles that the caller acts in.
    pub roles: Arc<[Arc<str>]>,
    /// The teams that the caller belongs to.
    pub teams: Arc<[Uuid]>,
    /// The plugin, when a module acts as itself: nobody asked it to.
    pub module: Option<Arc<str>>,
    /// Where the request came from, when it is known.
    pub origin: Option<Arc<Origin>>,
}

/// Where a request came from, for the audit trail.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Origin {
    /// The address of the other side: a proxy's, when there is one in between.
    pub peer: Option<String>,
    /// Id of the request, or `job:` and the id of the job.
    pub request: Option<String>,
    /// What it is a part of.
    pub trace: Trace,
}

/// A trace of requests that cause each other, by W3C Trace Context.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Trace {
    /// Its id: 32 digits.
    pub id: String,
    /// Whether who began it keeps it.
    pub is_sampled: bool,
}

impl Trace {
    /// A trace that begins with what has this id.
    pub fn beginning(id: Uuid) -> Self {
        Self { id: id.simple().to_string(), is_sampled: false }
    }

    /// The `traceparent` of a request that is a part of it.
    pub fn parent(&self, span: Uuid) -> String {
        let span = span.as_u64_pair().1;
        format!("00-{}-{span:016x}-{:02x}", self.id, u8::from(self.is_sampled))
    }
}

impl Caller {
    /// A module that acts as itself. Its grants bound what it does, so its roles need not.
    pub fn of_module(tenant: TenantId, plugin: &str, origin: Option<Arc<Origin>>) -> Self {
        Self {
            tenant,
            credential: Credential::Task,
            member: None,
            company: None,
            roles: Arc::from([Arc::from("owner")]),
            teams: Arc::from([]),
            module: Some(Arc::from(plugin)),
            origin,
        }
    }

    /// How events and the audit trail name the caller.
    pub fn actor(&self) -> String {
        match (&self.module, self.member) {
            (Some(module), _) => format!("plugin:{module}"),
            (None, Some(member)) => format!("user:{member}"),
            (None, None) => format!("key:{}", self.asker()),
        }
    }

    /// What `$me` means: who records belong to.
    pub fn me(&self) -> Uuid {
        self.member.unwrap_or_else(|| self.asker())
    }

    /// What limits, kept answers and jobs are counted by: the key, or the member of a session,
    /// whose next session goes on where this one ended.
    pub fn asker(&self) -> Uuid {
        match self.credential {
            Credential::Key(id) => id,
            Credential::Session(_) | Credential::Task => match &self.module {
                Some(module) => id_of_module(module),
                None => self.member.unwrap_or_default(),
            },
        }
    }

    /// The API key, when it is one.
    pub fn key(&self) -> Option<Uuid> {
        match self.credential {
            Credential::Key(id) => Some(id),
            Credential::Session(_) | Credential::Task => None,
        }
    }

    /// The session, when it is one.
    pub fn session(&self) -> Option<Uuid> {
        match self.credential {
            Credential::Session(id) => Some(id),
            Credential::Key(_) | Credential::Task => None,
        }
    }

    /// With whom something has to be shared for the caller to see it.
    pub fn subjects(&self) -> impl Iterator<Item = Uuid> {
        std::iter::once(self.me()).chain(self.teams.iter().copied()).chain(self.company)
    }
}

/// The id by which what a module does as itself is counted and owned: the same on every node.
fn id_of_module(plugin: &str) -> Uuid {
    let digest = Sha256::digest(plugin);
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&digest[..16]);
    uuid::Builder::from_custom_bytes(bytes).into_uuid()
}
