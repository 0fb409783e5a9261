//! Sealing: values encrypted with a tenant's data key, which an operator's key wraps.

use aes_gcm::aead::{Aead, KeyInit, Payload};
use aes_gcm::{Aes256Gcm, Key};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use uuid::Uuid;
use zeroize::{Zeroize, Zeroizing};

use super::id::TenantId;

/// The first byte of everything that is sealed: how it is read.
const VERSION: u8 = 1;
/// Bytes of a nonce.
const NONCE: usize = 12;
/// Bytes in front of what was encrypted: version, key, nonce.
const FRONT: usize = 1 + 16 + NONCE;
/// Longest id of an operator's key.
const MAX_ID: usize = 64;

/// Where something sealed belongs. It opens nowhere else.
#[derive(Clone, Debug)]
pub struct Spot(Vec<u8>);

/// Why something does not open.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unopened {
    /// It was sealed with a key that is not here.
    #[error("it was sealed with a key that is not here")]
    UnknownKey,
    /// It was changed, or belongs somewhere else.
    #[error("it was changed, or it belongs somewhere else")]
    Broken,
}

/// A key of the operator.
pub struct OperatorKey {
    id: String,
    cipher: Aes256Gcm,
}

/// The keys of the operator: the first one wraps, all of them unwrap.
pub struct KeyRing(Vec<OperatorKey>);

/// A key that seals values of one tenant.
#[derive(Clone)]
pub struct DataKey {
    /// Its id, which stands in what it sealed.
    pub id: Uuid,
    cipher: Aes256Gcm,
}

impl Spot {
    fn of(what: &str, tenant: TenantId, parts: &[&[u8]]) -> Self {
        let mut bytes = Vec::new();
        // Lengths in front, so that no two spots are the same bytes.
        for part in [what.as_bytes(), tenant.0.as_bytes()].iter().chain(parts) {
            bytes.extend((part.len() as u64).to_be_bytes());
            bytes.extend(*part);
        }
        Self(bytes)
    }

    /// A field of a record.
    pub fn field(tenant: TenantId, object: &str, record: Uuid, field: &str) -> Self {
        Self::of("field", tenant, &[object.as_bytes(), record.as_bytes(), field.as_bytes()])
    }

    /// Something else that the host keeps: its kind, and the ids that name it.
    pub fn kept(tenant: TenantId, what: &str, ids: &[&[u8]]) -> Self {
        Self::of(what, tenant, ids)
    }

    /// A data key.
    fn data_key(tenant: TenantId, id: Uuid) -> Self {
        Self::of("data key", tenant, &[id.as_bytes()])
    }
}

impl KeyRing {
    /// Reads a file of keys: `id:base64` on each line. The error says what is wrong, and nothing of the keys.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut keys: Vec<OperatorKey> = Vec::new();
        for (at, line) in text.lines().enumerate() {
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let wrong = |what: &str| format!("line {}: {what}", at + 1);
            let (id, secret) = line.split_once(':').ok_or_else(|| wrong("is no `id:base64`"))?;
            let is_id = !id.is_empty()
                && id.len() <= MAX_ID
                && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.'));
            if !is_id {
                return Err(wrong("the id is 1 to 64 of letters, digits and `-_.`"));
            }
            if keys.iter().any(|key| key.id == id) {
                return Err(wrong("the id is there twice"));
            }
            let secret = STANDARD.decode(secret.trim()).map(Zeroizing::new);
            let secret = secret.map_err(|_| wrong("the key is no base64"))?;
            let cipher = Aes256Gcm::new_from_slice(&secret).map_err(|_| wrong("the key is not 32 bytes"))?;
            keys.push(OperatorKey { id: id.to_owned(), cipher });
        }
        if keys.is_empty() { Err("there is no key in it".to_owned()) } else { Ok(Self(keys)) }
    }

    /// A line of such a file, from random bytes.
    pub fn line(id: &str, mut random: [u8; 32]) -> Zeroizing<String> {
        let line = Zeroizing::new(format!("{id}:{}", STANDARD.encode(random)));
        random.zeroize();
        line
    }

    /// The key that wraps.
    pub fn current(&self) -> &OperatorKey {
        &self.0[0]
    }

    /// The key of that id.
    pub fn find(&self, id: &str) -> Option<&OperatorKey> {
        self.0.iter().find(|key| key.id == id)
    }
}

impl OperatorKey {
    /// Its id.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Wraps a data key.
    pub fn wrap(&self, tenant: TenantId, id: Uuid, secret: &[u8; 32], nonce: [u8; NONCE]) -> Vec<u8> {
        let mut wrapped = nonce.to_vec();
        wrapped.extend(encrypt(&self.cipher, nonce, secret, &Spot::data_key(tenant, id)));
        wrapped
    }

    /// Unwraps a data key.
    pub fn unwrap(&self, tenant: TenantId, id: Uuid, wrapped: &[u8]) -> Result<Zeroizing<[u8; 32]>, Unopened> {
        let (nonce, rest) = wrapped.split_first_chunk::<NONCE>().ok_or(Unopened::Broken)?;
        let secret = decrypt(&self.cipher, *nonce, rest, &Spot::data_key(tenant, id))?;
        let secret: [u8; 32] = secret.as_slice().try_into().map_err(|_| Unopened::Broken)?;
        Ok(Zeroizing::new(secret))
    }
}

impl DataKey {
    /// From its secret.
    pub fn new(id: Uuid, secret: &[u8; 32]) -> Self {
        Self { id, cipher: Aes256Gcm::new(&Key::<Aes256Gcm>::from(*secret)) }
    }

    /// Seals something for one spot.
    pub fn seal(&self, spot: &Spot, plain: &[u8], nonce: [u8; NONCE]) -> Vec<u8> {
        let mut sealed = Vec::with_capacity(FRONT + plain.len() + 16);
        sealed.push(VERSION);
        sealed.extend(self.id.as_bytes());
        sealed.extend(nonce);
        sealed.extend(encrypt(&self.cipher, nonce, plain, spot));
        sealed
    }

    /// Opens what this key sealed for that spot.
    pub fn open(&self, spot: &Spot, sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, Unopened> {
        if key_of(sealed) != Some(self.id) {
            return Err(Unopened::UnknownKey);
        }
        let (nonce, rest) = sealed[FRONT - NONCE..].split_first_chunk::<NONCE>().ok_or(Unopened::Broken)?;
        decrypt(&self.cipher, *nonce, rest, spot)
    }
}

/// The key that sealed something; none when it was not sealed so.
pub fn key_of(sealed: &[u8]) -> Option<Uuid> {
    if sealed.first() != Some(&VERSION) || sealed.len() < FRONT {
        return None;
    }
    Uuid::from_slice(&sealed[1..17]).ok()
}

fn encrypt(cipher: &Aes256Gcm, nonce: [u8; NONCE], plain: &[u8], spot: &Spot) -> Vec<u8> {
    let payload = Payload { msg: plain, aad: &spot.0 };
    cipher.encrypt(&nonce.into(), payload).expect("nothing that is sealed comes near the 64 GiB of one nonce")
}

fn decrypt(cipher: &Aes256Gcm, nonce: [u8; NONCE], sealed: &[u8], spot: &Spot) -> Result<Zeroizing<Vec<u8>>, Unopened> {
    let payload = Payload { msg: sealed, aad: &spot.0 };
    cipher.decrypt(&nonce.into(), payload).map(Zeroizing::new).map_err(|_| Unopened::Broken)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TENANT: TenantId = TenantId(Uuid::from_u128(1));
    const RECORD: Uuid = Uuid::from_u128(2);

    fn key() -> DataKey {
        DataKey::new(Uuid::from_u128(9), &[7; 32])
    }

    #[test]
    fn a_value_opens_where_it_belongs_and_nowhere_else() {
        let spot = Spot::field(TENANT, "contact", RECORD, "x_pin");
        let sealed = key().seal(&spot, b"1234", [3; 12]);
        assert_eq!(key().open(&spot, &sealed).unwrap().as_slice(), b"1234");
        for other in [
            Spot::field(TenantId(RECORD), "contact", RECORD, "x_pin"),
            Spot::field(TENANT, "company", RECORD, "x_pin"),
            Spot::field(TENANT, "contact", TENANT.0, "x_pin"),
            Spot::field(TENANT, "contact", RECORD, "x_pin2"),
        ] {
            assert_eq!(key().open(&other, &sealed), Err(Unopened::Broken));
        }
        let other_key = DataKey::new(Uuid::from_u128(8), &[7; 32]);
        assert_eq!(other_key.open(&spot, &sealed), Err(Unopened::UnknownKey));
        assert_eq!(DataKey::new(key().id, &[8; 32]).open(&spot, &sealed), Err(Unopened::Broken));
    }

    #[test]
    fn no_bit_can_be_changed_and_nothing_cut_off() {
        let spot = Spot::field(TENANT, "contact", RECORD, "x_pin");
        let sealed = key().seal(&spot, b"1234", [3; 12]);
        for at in 0..sealed.len() {
            let mut changed = sealed.clone();
            changed[at] ^= 1;
            assert!(key().open(&spot, &changed).is_err(), "{at}");
            assert!(key().open(&spot, &sealed[..at]).is_err(), "{at}");
        }
    }

    #[test]
    fn a_key_ring_says_what_is_wrong_with_it() {
        let line = KeyRing::line("k1", [1; 32]);
        let ring = KeyRing::parse(&format!("# keys\n{}\n\n{}\n", *line, *KeyRing::line("k2", [2; 32]))).unwrap();
        assert_eq!(ring.current().id(), "k1");
        let wrapped = ring.current().wrap(TENANT, RECORD, &[5; 32], [0; 12]);
        assert_eq!(*ring.current().unwrap(TENANT, RECORD, &wrapped).unwrap(), [5; 32]);
        assert!(ring.find("k2").unwrap().unwrap(TENANT, RECORD, &wrapped).is_err());
        assert!(ring.current().unwrap(TENANT, TENANT.0, &wrapped).is_err());
        for (text, reason) in [
            ("", "there is no key in it"),
            ("k1", "line 1: is no `id:base64`"),
            ("k 1:AAAA", "line 1: the id is 1 to 64 of letters, digits and `-_.`"),
            ("k1:???", "line 1: the key is no base64"),
            ("k1:AAAA", "line 1: the key is not 32 bytes"),
        ] {
            assert_eq!(KeyRing::parse(text).err().as_deref(), Some(reason));
        }
        assert!(KeyRing::parse(&format!("{}\n{}", *line, *line)).is_err_and(|text| text.contains("twice")));
    }
}
