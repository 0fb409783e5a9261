//! The place of an event in the log of its tenant, and the text that stands for it.

use super::cursor::CursorKey;
use super::id::TenantId;

/// A place in the log. The log is ordered by transaction, then by number.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Position {
    /// The transaction; always 0 where there is one writer.
    pub tx: i64,
    /// The number within the database.
    pub seq: i64,
}

impl Position {
    /// Before every event.
    pub const START: Self = Self { tx: 0, seq: 0 };

    /// As callers see it: opaque, and good for as long as the log is there.
    pub fn seal(self, key: &CursorKey, tenant: TenantId) -> String {
        let mut place = [0; 16];
        place[..8].copy_from_slice(&self.tx.to_be_bytes());
        place[8..].copy_from_slice(&self.seq.to_be_bytes());
        key.seal_bytes(&scope(tenant), &place)
    }

    /// The place that a text of this tenant stands for; none for any other text.
    pub fn open(key: &CursorKey, tenant: TenantId, text: &str) -> Option<Self> {
        let place: [u8; 16] = key.open_bytes(&scope(tenant), text)?.try_into().ok()?;
        let number = |at: usize| place[at..at + 8].try_into().map(i64::from_be_bytes).ok();
        Some(Self { tx: number(0)?, seq: number(8)? })
    }
}

fn scope(tenant: TenantId) -> String {
    format!("position|{tenant}|")
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    #[test]
    fn only_the_tenants_own_texts_are_opened() {
        let key = CursorKey::new([7; 32]);
        let (own, other) = (TenantId(Uuid::from_u128(1)), TenantId(Uuid::from_u128(2)));
        let position = Position { tx: 812, seq: 44 };
        let text = position.seal(&key, own);
        assert_eq!(Position::open(&key, own, &text), Some(position));
        assert_eq!(Position::open(&key, other, &text), None);
        assert_eq!(Position::open(&CursorKey::new([8; 32]), own, &text), None);
        for forged in ["", "0", "MTIz", &text[1..], &text[..text.len() - 1], &format!("{text}A")] {
            assert_eq!(Position::open(&key, own, forged), None, "{forged}");
        }
    }
}
