//! Decimal numbers, exact: never a float.

mod text;

use std::cmp::Ordering;

pub use text::InvalidDecimal;

/// The most digits behind the point.
const MOST_DIGITS: u32 = 18;

/// A decimal number with at most 18 digits behind the point.
///
/// Arithmetic is exact; a result that does not fit is `None`.
///
/// ```
/// use guildhall_sdk::Decimal;
///
/// let price: Decimal = "29.33".parse()?;
/// let rate: Decimal = "1.5".parse()?;
/// let product = price.checked_mul(rate).unwrap();
/// assert_eq!(product.to_string(), "43.995");
/// assert_eq!(product.trunc(), Some(43));
/// # Ok::<(), guildhall_sdk::InvalidDecimal>(())
/// ```
#[derive(Debug, Clone, Copy)]
pub struct Decimal {
    /// The number without its point.
    units: i128,
    /// How many digits stand behind the point.
    scale: u32,
}

impl Decimal {
    /// Zero.
    pub const ZERO: Self = Self { units: 0, scale: 0 };

    /// Whether it is below zero.
    pub fn is_negative(self) -> bool {
        self.units < 0
    }

    /// The whole number that is left when the digits behind the point are cut
    /// off, towards zero; `None` when it is larger than an `i64`.
    pub fn trunc(self) -> Option<i64> {
        i64::try_from(self.units / power_of_ten(self.scale)).ok()
    }

    /// The sum.
    pub fn checked_add(self, other: Self) -> Option<Self> {
        let scale = self.scale.max(other.scale);
        let units = self.units_at(scale)?.checked_add(other.units_at(scale)?)?;
        Some(Self { units, scale })
    }

    /// The difference.
    pub fn checked_sub(self, other: Self) -> Option<Self> {
        let units = other.units.checked_neg()?;
        self.checked_add(Self { units, ..other })
    }

    /// The product.
    pub fn checked_mul(self, other: Self) -> Option<Self> {
        let units = self.units.checked_mul(other.units)?;
        let mut product = Self { units, scale: self.scale + other.scale };
        while product.scale > MOST_DIGITS {
            if product.units % 10 != 0 {
                return None;
            }
            product.units /= 10;
            product.scale -= 1;
        }
        Some(product)
    }

    /// The number without its point when it is written with more digits.
    fn units_at(self, scale: u32) -> Option<i128> {
        self.units.checked_mul(power_of_ten(scale - self.scale))
    }
}

/// 10 to a power of at most [`MOST_DIGITS`].
fn power_of_ten(exponent: u32) -> i128 {
    10_i128.pow(exponent)
}

impl From<i64> for Decimal {
    fn from(whole: i64) -> Self {
        Self { units: i128::from(whole), scale: 0 }
    }
}

impl Ord for Decimal {
    fn cmp(&self, other: &Self) -> Ordering {
        let whole = |number: &Self| number.units / power_of_ten(number.scale);
        let fraction =
            |number: &Self| number.units % power_of_ten(number.scale) * power_of_ten(MOST_DIGITS - number.scale);
        (whole(self), fraction(self)).cmp(&(whole(other), fraction(other)))
    }
}

impl PartialOrd for Decimal {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Decimal {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Decimal {}

#[cfg(test)]
mod tests;
