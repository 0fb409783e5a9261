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
}

impl Caller {
    /// How events and the audit trail name the caller.
    pub fn actor(&self) -> String {
        format!("key:{}", self.key)
    }
}
