//! Who is asking, as told by a credential.

use std::sync::Arc;

use uuid::Uuid;

use super::id::TenantId;

/// The subject of a request: one key of one tenant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    /// The tenant that the credential belongs to.
    pub tenant: TenantId,
    /// The API key.
    pub key: Uuid,
    /// The role that the key carries.
    pub role: Arc<str>,
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
        format!("key:{}", self.key)
    }
}
