//! The time of the host.

use crate::bindings::imports::guildhall::core::clock;

/// When the call happens, in RFC 3339 in UTC: the same for the whole call.
pub fn now() -> String {
    clock::now()
}
