//! Ids: the only place that makes them.

use std::fmt;

use rand::Rng;
use uuid::Uuid;

use super::clock::Clock;

/// Names one tenant; comes from a credential, never from a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TenantId(pub Uuid);

impl fmt::Display for TenantId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Makes ids of version 7, which sort by the time they were made.
#[derive(Clone, Debug)]
pub struct Ids {
    clock: Clock,
}

impl Ids {
    /// Ids stamped by this clock.
    pub fn new(clock: Clock) -> Self {
        Self { clock }
    }

    /// A new id.
    pub fn make(&self) -> Uuid {
        let micros = self.clock.now().micros();
        let millis = micros / 1_000;
        let mut random = [0; 10];
        rand::rng().fill_bytes(&mut random);
        // The part of the millisecond comes next (RFC 9562, 6.2, method 3), so
        // that ids made one after the other sort so.
        let part = u16::try_from(micros.rem_euclid(1_000) * 4_096 / 1_000).unwrap_or(0);
        random[..2].copy_from_slice(&part.to_be_bytes());
        uuid::Builder::from_unix_timestamp_millis(u64::try_from(millis).unwrap_or(0), &random).into_uuid()
    }

    /// A number from 0 to 1, for waiting times.
    pub fn chance(&self) -> f64 {
        f64::from(rand::rng().next_u32()) / f64::from(u32::MAX)
    }

    /// Bytes that are not used twice: the nonce of something sealed.
    pub fn nonce(&self) -> [u8; 12] {
        let mut bytes = [0; 12];
        rand::rng().fill_bytes(&mut bytes);
        bytes
    }

    /// So many bytes that nobody can guess.
    pub fn bytes(&self, length: usize) -> Vec<u8> {
        let mut bytes = vec![0; length];
        rand::rng().fill_bytes(&mut bytes);
        bytes
    }

    /// Bytes that nobody can guess, for secrets.
    pub fn secret(&self) -> [u8; 32] {
        let mut bytes = [0; 32];
        rand::rng().fill_bytes(&mut bytes);
        bytes
    }
}
