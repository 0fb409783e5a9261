//! Division that decimal numbers need, exact.

use guildhall_sdk::Decimal;

/// The most digits behind the point that money may have here.
const DIGITS: usize = 9;

/// An amount as a whole number of billionths.
pub fn billionths(amount: Decimal) -> Option<i128> {
    let text = amount.to_string();
    let (whole, fraction) = text.split_once('.').unwrap_or((&text, ""));
    if fraction.len() > DIGITS && fraction[DIGITS..].bytes().any(|digit| digit != b'0') {
        return None;
    }
    let digits = &fraction[..fraction.len().min(DIGITS)];
    format!("{whole}{digits:0<DIGITS$}").parse().ok()
}

/// `whole × part ÷ total`, cut off towards zero; the whole when the part is all of it. The total is above zero.
pub fn share(whole: i64, part: Decimal, total: Decimal) -> Option<i64> {
    let (part, total) = (billionths(part)?, billionths(total)?);
    if total <= 0 || part >= total {
        return (part >= total).then_some(whole);
    }
    i64::try_from(i128::from(whole).checked_mul(part)? / total).ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn number(text: &str) -> Decimal {
        text.parse().unwrap()
    }

    #[test]
    fn amounts_become_whole_numbers() {
        assert_eq!(billionths(number("29.33")), Some(29_330_000_000));
        assert_eq!(billionths(number("-0.5")), Some(-500_000_000));
        assert_eq!(billionths(number("1.0000000000")), Some(1_000_000_000));
        assert_eq!(billionths(number("0.0000000001")), None);
    }

    proptest! {
        #[test]
        fn a_share_is_never_more_than_the_whole(whole in 0_i64..1 << 40, part in 0_i64..1 << 40, total in 1_i64..1 << 40) {
            let share = share(whole, Decimal::from(part), Decimal::from(total)).unwrap();
            prop_assert!(share <= whole);
            if part < total {
                prop_assert_eq!(i128::from(share), i128::from(whole) * i128::from(part) / i128::from(total));
            } else {
                prop_assert_eq!(share, whole);
            }
        }
    }
}
