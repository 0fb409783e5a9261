//! How often somebody may try to sign in: counted before a try, in the memory of each node.
//!
//! Nobody is locked out by others: who tries from elsewhere makes the owner wait at most on a device on which the
//! owner never signed in.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use sha2::{Digest, Sha256};

use super::AppError;
use crate::domain::clock::Timestamp;

/// Tries that cost no wait, for one account from one address, or on one device.
const FREE: u32 = 5;
/// The first wait; it doubles with each further try.
const FIRST_WAIT: Duration = Duration::from_secs(1);
/// The longest wait.
const LONGEST_WAIT: Duration = Duration::from_mins(15);
/// How long tries are remembered after the wait.
const MEMORY: Duration = Duration::from_hours(1);
/// Tries at once for one account from everywhere, and the time in which one comes back.
const ACCOUNT: (u32, Duration) = (20, Duration::from_mins(1));
/// The same for one address, whatever the account.
const ADDRESS: (u32, Duration) = (60, Duration::from_secs(2));
/// The same for the whole node.
const NODE: (u32, Duration) = (300, Duration::from_millis(100));
/// Names in memory after which those that count for nothing any more are dropped.
const MANY: usize = 10_000;

/// Names what is counted.
type Name = [u8; 32];

/// One try, by what it is counted.
#[derive(Clone, Debug)]
pub(super) struct Try {
    /// The account that was named, as [`account`](crate::domain::account_name::account) writes it.
    pub account: Name,
    /// Where it comes from.
    pub address: String,
    /// The device, when somebody signed in to this account on it before.
    pub device: Option<Vec<u8>>,
}

/// Tries that go wrong one after the other.
#[derive(Clone, Copy, Debug, Default)]
struct Row {
    tries: u32,
    next: i64,
}

#[derive(Debug, Default)]
struct State {
    rows: HashMap<Name, Row>,
    /// When each bucket would be full again.
    buckets: HashMap<Name, i64>,
    /// How many there were when they were looked through last.
    looked_at: usize,
}

/// What was tried lately.
#[derive(Debug, Default)]
pub(super) struct Throttle(Mutex<State>);

fn named(parts: &[&[u8]]) -> Name {
    let mut hasher = Sha256::new();
    for part in parts {
        hasher.update((part.len() as u64).to_be_bytes());
        hasher.update(part);
    }
    hasher.finalize().into()
}

fn micros(time: Duration) -> i64 {
    i64::try_from(time.as_micros()).unwrap_or(i64::MAX)
}

impl Try {
    /// What counts tries one after the other.
    fn row(&self) -> Name {
        match &self.device {
            Some(device) => named(&[b"device", &self.account, device]),
            None => named(&[b"from", &self.account, self.address.as_bytes()]),
        }
    }

    fn bucket(&self) -> Name {
        named(&[b"account", &self.account])
    }
}

impl Throttle {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts a try, or says that it comes too early.
    pub fn begin(&self, one: &Try, now: Timestamp) -> Result<(), AppError> {
        let mut state = self.lock();
        state.forget(now);
        let (now, wide) = (now.micros(), one.device.is_none());
        state.take_row(one.row(), now)?;
        // A device on which its owner signed in before does not wait for what strangers do.
        if wide {
            state.take(named(&[b"address", one.address.as_bytes()]), ADDRESS, now)?;
            state.take(one.bucket(), ACCOUNT, now)?;
            state.take(named(&[b"node"]), NODE, now)?;
        }
        Ok(())
    }

    /// The same for something of one name that only its owner can come to: the code of a second factor.
    pub fn begin_named(&self, what: &str, id: &[u8], now: Timestamp) -> Result<(), AppError> {
        let mut state = self.lock();
        state.forget(now);
        state.take_row(named(&[what.as_bytes(), id]), now.micros())
    }

    /// One request of an address that costs work, whatever comes of it.
    pub fn visit(&self, address: &str, now: Timestamp) -> Result<(), AppError> {
        let mut state = self.lock();
        state.forget(now);
        state.take(named(&[b"address", address.as_bytes()]), ADDRESS, now.micros())
    }

    /// Takes a try back that was right.
    pub fn was_right(&self, one: &Try) {
        let mut state = self.lock();
        state.rows.remove(&one.row());
        if one.device.is_none() {
            state.give_back(one.bucket(), ACCOUNT);
            state.give_back(named(&[b"address", one.address.as_bytes()]), ADDRESS);
        }
    }

    /// The same for something of one name.
    pub fn named_was_right(&self, what: &str, id: &[u8]) {
        self.lock().rows.remove(&named(&[what.as_bytes(), id]));
    }
}

impl State {
    /// A try of a row: a few are free, then each waits twice as long as the one before.
    fn take_row(&mut self, name: Name, now: i64) -> Result<(), AppError> {
        let row = self.rows.entry(name).or_default();
        if now < row.next {
            return Err(too_early(row.next - now));
        }
        if now - row.next > micros(MEMORY) {
            *row = Row::default();
        }
        row.tries = row.tries.saturating_add(1);
        let doubled = row.tries.checked_sub(FREE).map(|over| FIRST_WAIT.saturating_mul(1 << over.min(20)));
        row.next = now + doubled.map_or(0, |wait| micros(wait.min(LONGEST_WAIT)));
        Ok(())
    }

    /// A try of a bucket (the generic cell rate algorithm).
    fn take(&mut self, name: Name, (burst, each): (u32, Duration), now: i64) -> Result<(), AppError> {
        let full_at = self.buckets.entry(name).or_insert(now);
        let next = now.max(*full_at) + micros(each);
        let early = next - now - micros(each) * i64::from(burst);
        if early > 0 {
            return Err(too_early(early));
        }
        *full_at = next;
        Ok(())
    }

    fn give_back(&mut self, name: Name, (_, each): (u32, Duration)) {
        if let Some(full_at) = self.buckets.get_mut(&name) {
            *full_at -= micros(each);
        }
    }

    /// Drops what counts for nothing any more, when there is much.
    fn forget(&mut self, now: Timestamp) {
        if self.rows.len() + self.buckets.len() > MANY.max(2 * self.looked_at) {
            let now = now.micros();
            self.rows.retain(|_, row| now - row.next <= micros(MEMORY));
            self.buckets.retain(|_, full_at| *full_at > now);
            self.looked_at = self.rows.len() + self.buckets.len();
        }
    }
}

fn too_early(micros: i64) -> AppError {
    AppError::TooManyTries { wait: Duration::from_micros(u64::try_from(micros).unwrap_or(0)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_micros(seconds * 1_000_000)
    }

    fn from(address: &str, device: Option<&[u8]>) -> Try {
        Try { account: [1; 32], address: address.to_owned(), device: device.map(<[u8]>::to_vec) }
    }

    fn wait(result: Result<(), AppError>) -> u64 {
        match result {
            Ok(()) => 0,
            Err(AppError::TooManyTries { wait }) => wait.as_secs() + u64::from(wait.subsec_nanos() > 0),
            Err(other) => panic!("{other}"),
        }
    }

    #[test]
    fn waits_double_up_to_a_quarter_of_an_hour() {
        let throttle = Throttle::default();
        let one = from("a", None);
        let mut now = 0;
        let mut waits = Vec::new();
        for _ in 0..20 {
            let early = wait(throttle.begin(&one, at(now)));
            waits.push(early);
            if early > 0 {
                now += i64::try_from(early).unwrap();
                assert_eq!(wait(throttle.begin(&one, at(now))), 0);
            }
        }
        assert_eq!(waits[..9], [0, 0, 0, 0, 0, 1, 2, 4, 8]);
        assert_eq!(waits[15..], [900; 5]);
        throttle.was_right(&one);
        assert_eq!(wait(throttle.begin(&one, at(now))), 0);
    }

    #[test]
    fn a_known_device_does_not_wait_for_strangers() {
        let throttle = Throttle::default();
        let done = (0..500).filter(|number| throttle.begin(&from(&format!("{number}"), None), at(0)).is_ok()).count();
        assert_eq!(done, 20, "of one account, from many addresses");
        assert_eq!(wait(throttle.begin(&from("new", None), at(0))), 60);
        assert_eq!(wait(throttle.begin(&from("new", Some(b"device")), at(0))), 0);
        assert_eq!((0..10).filter(|_| throttle.begin(&from("x", Some(b"other")), at(0)).is_ok()).count(), 5);
    }

    #[test]
    fn an_address_and_the_node_have_bounds() {
        let throttle = Throttle::default();
        let of = |number: u8, address: &str| Try { account: [number; 32], address: address.to_owned(), device: None };
        assert_eq!((0..200).filter(|number| throttle.begin(&of(*number, "a"), at(0)).is_ok()).count(), 60);
        assert_eq!(wait(throttle.begin(&of(201, "a"), at(1))), 1);
        assert_eq!(wait(throttle.begin(&of(201, "a"), at(2))), 0);
        let throttle = Throttle::default();
        let done = (0..=255).flat_map(|number| [(number, "1"), (number, "2")]);
        let done =
            done.filter(|(number, side)| throttle.begin(&of(*number, &format!("{number}{side}")), at(0)).is_ok());
        assert_eq!(done.count(), 300);
    }
}
