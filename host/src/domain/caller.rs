//! Who is asking, as told by a credential.

use std::sync::Arc;

use uuid::Uuid;

use super::id::TenantId;

/// The subject of a request: a key of a tenant, or the member who has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    /// The tenant that the credential belongs to.
    pub tenant: TenantId,
    /// The API key.
    pub key: Uuid,
    /// The member whose key it is.
    pub member: Option<Uuid>,
    /// The company that the member belongs to, when it is another one than the tenant.
    pub company: Option<Uuid>,
    /// The roles that the caller acts in.
    pub roles: Arc<[Arc<str>]>,
    /// The teams that the caller belongs to.
    pub teams: Arc<[Uuid]>,
    /// Where the request came from, when it is known.
    pub origin: Option<Arc<Origin>>,
}

/// Where a request came from, for the audit trail.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Origin {
    /// The address of the other side: a proxy's, when there is one in between.
    pub peer: Option<String>,
    /// Id of the request, or `job:` and the id of the job.
    pub request: Option<String>,
}

impl Caller {
    /// How events and the audit trail name the caller.
    pub fn actor(&self) -> String {
        match self.member {
            Some(member) => format!("user:{member}"),
            None => format!("key:{}", self.key),
        }
    }

    /// What `$me` means: who records belong to.
    pub fn me(&self) -> Uuid {
        self.member.unwrap_or(self.key)
    }

    /// With whom something has to be shared for the caller to see it.
    pub fn subjects(&self) -> impl Iterator<Item = Uuid> {
        std::iter::once(self.me()).chain(self.teams.iter().copied()).chain(self.company)
    }
}
