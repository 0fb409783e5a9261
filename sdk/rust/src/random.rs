//! Randomness of the host: a plugin has no other.

use crate::bindings::imports::guildhall::core::random;

/// So many random bytes, at most 4,096.
pub fn bytes(length: u32) -> Vec<u8> {
    random::bytes(length)
}
