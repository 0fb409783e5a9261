//! Draws whose outcome nobody can choose: the seed is fixed and its hash told before the first ticket, and the seed
//! is told at the end, so that everybody can draw all tickets again.

use guildhall_sdk::{Fault, Value};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

pub const DRAW: &str = "loyalty.draw";
pub const TICKET: &str = "loyalty.draw_ticket";

/// Something to win.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Prize {
    pub name: String,
    /// How many there are.
    pub stock: i64,
    /// How likely it is, beside the others and the blank.
    pub weight: u64,
    /// How many are left.
    #[serde(default)]
    pub left: i64,
}

/// The prizes of a record.
pub fn prizes(value: Option<&Value>) -> Result<Vec<Prize>, Fault> {
    let value = value.cloned().unwrap_or_default();
    serde_json::from_value(value).map_err(|_| Fault::internal("The draw has no prizes."))
}

/// What a ticket wins: the place of the prize, or nothing. A prize that is gone is a blank.
pub fn draw(seed: &str, number: i64, blank_weight: u64, prizes: &mut [Prize]) -> Option<usize> {
    let sum = prizes.iter().map(|prize| u128::from(prize.weight)).sum::<u128>() + u128::from(blank_weight);
    let hash = Sha256::digest(format!("{seed}:{number}").as_bytes());
    let mut first = [0; 16];
    first.copy_from_slice(&hash[..16]);
    let mut place = u128::from_be_bytes(first).checked_rem(sum)?;
    for (at, prize) in prizes.iter_mut().enumerate() {
        if place < u128::from(prize.weight) {
            let is_there = prize.left > 0;
            prize.left -= i64::from(is_there);
            return is_there.then_some(at);
        }
        place -= u128::from(prize.weight);
    }
    None
}

/// What is told of a seed before it is.
pub fn commitment(seed: &str) -> String {
    hex(&Sha256::digest(seed.as_bytes()))
}

/// Bytes in hexadecimal.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn prize(name: &str, stock: i64, weight: u64) -> Prize {
        Prize { name: name.to_owned(), stock, weight, left: stock }
    }

    #[test]
    fn the_commitment_is_the_sha_256_of_the_seed() {
        let known = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(commitment("abc"), known);
    }

    #[test]
    fn a_prize_is_as_likely_as_its_weight() {
        let mut prizes = [prize("car", 1_000_000, 1), prize("cup", 1_000_000, 3)];
        let mut wins = [0, 0, 0];
        for number in 1..=40_000 {
            wins[draw("seed", number, 6, &mut prizes).unwrap_or(2)] += 1;
        }
        for (won, expected) in wins.into_iter().zip([4_000_i32, 12_000, 24_000]) {
            assert!((expected - won).abs() < 400, "{wins:?}");
        }
    }

    #[test]
    fn a_draw_without_any_weight_is_a_blank() {
        assert_eq!(draw("seed", 1, 0, &mut []), None);
    }

    proptest! {
        /// I12.
        #[test]
        fn no_more_is_won_than_there_is_and_everybody_can_draw_again(
            seed in "[0-9a-f]{64}", stocks in prop::collection::vec((1_i64..5, 1_u64..100), 1..5),
            blank in 0_u64..50, tickets in 1_i64..200,
        ) {
            let all: Vec<Prize> = stocks.iter().map(|(stock, weight)| prize("p", *stock, *weight)).collect();
            let drawn = || {
                let mut prizes = all.clone();
                let won: Vec<Option<usize>> = (1..=tickets).map(|number| draw(&seed, number, blank, &mut prizes)).collect();
                (won, prizes)
            };
            let (won, left) = drawn();
            prop_assert_eq!(&drawn().0, &won);
            for (place, prize) in left.iter().enumerate() {
                let wins = won.iter().filter(|won| **won == Some(place)).count();
                prop_assert_eq!(i64::try_from(wins).unwrap(), prize.stock - prize.left);
                prop_assert!(prize.left >= 0);
            }
        }
    }
}
