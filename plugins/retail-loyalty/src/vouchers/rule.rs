//! What a voucher takes off, in minor units.

use guildhall_sdk::Decimal;

use crate::points::exact::billionths;

/// What a voucher is worth.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Worth {
    /// So much money.
    Amount(i64),
    /// So many per cent of the total.
    Percent(Decimal),
}

/// What is taken off a total: never more than all of it. Halves go to the even neighbour.
pub fn discount(worth: Worth, total: i64) -> Option<i64> {
    match worth {
        Worth::Amount(amount) => Some(amount.min(total)),
        Worth::Percent(percent) => {
            let hundred = 100_000_000_000_i128;
            let product = i128::from(total).checked_mul(billionths(percent)?)?;
            let (whole, rest) = (product / hundred, product % hundred);
            let up = rest * 2 > hundred || (rest * 2 == hundred && whole % 2 == 1);
            i64::try_from(whole + i128::from(up)).ok().map(|off| off.min(total))
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_voucher_takes_off_what_it_says() {
        let percent = |text: &str| Worth::Percent(text.parse().unwrap());
        assert_eq!(discount(Worth::Amount(500), 2_000), Some(500));
        assert_eq!(discount(Worth::Amount(500), 300), Some(300));
        assert_eq!(discount(percent("10"), 1_999), Some(200));
        assert_eq!(discount(percent("50"), 101), Some(50));
        assert_eq!(discount(percent("50"), 103), Some(52));
        assert_eq!(discount(percent("12.5"), 1_000), Some(125));
        assert_eq!(discount(percent("100"), 1_000), Some(1_000));
    }

    proptest! {
        #[test]
        fn nothing_is_ever_payable_below_zero(total in 0_i64..1 << 50, amount in 0_i64..1 << 50, percent in 0_i64..=100) {
            for worth in [Worth::Amount(amount), Worth::Percent(percent.into())] {
                let off = discount(worth, total).unwrap();
                prop_assert!((0..=total).contains(&off));
            }
        }
    }
}
