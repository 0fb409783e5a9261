//! The contacts of the benchmark: made by a rule, so that every run has the same ones.

use uuid::Uuid;

/// Cities that the contacts live in; a filter by city finds one in so many.
const CITIES: u64 = 100;
/// The time of the first contact, in milliseconds since 1970; each is a second after the one before.
const FIRST: u64 = 1_700_000_000_000;

/// One contact.
pub struct Contact {
    pub id: Uuid,
    pub created_at: i64,
    pub name: String,
    pub email: String,
    pub phone: String,
    pub city: String,
    pub external_id: String,
}

impl Contact {
    /// The contact of this number, in the series of this name.
    pub fn of(series: Uuid, number: u64) -> Self {
        let millis = FIRST + number * 1_000;
        let random = mixed(mixed(series.as_u64_pair().1) ^ number);
        let more = mixed(random);
        let mut bytes = [0; 10];
        bytes[..8].copy_from_slice(&random.to_be_bytes());
        bytes[8..].copy_from_slice(&more.to_be_bytes()[..2]);
        // Names in no order, so that sorting by them is work.
        let name = format!("{:06} Contact {number}", more % 1_000_000);
        Self {
            id: uuid::Builder::from_unix_timestamp_millis(millis, &bytes).into_uuid(),
            created_at: i64::try_from(millis * 1_000).unwrap_or(i64::MAX),
            name,
            email: format!("contact{number}@example.com"),
            phone: format!("+1 555 {number:07}"),
            city: format!("City {}", number % CITIES),
            external_id: format!("contact-{number}"),
        }
    }
}

/// Scatters a number (the finisher of splitmix64).
fn mixed(number: u64) -> u64 {
    let number = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let number = (number ^ (number >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let number = (number ^ (number >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    number ^ (number >> 31)
}
