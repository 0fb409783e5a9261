//! Decimal numbers, rounded and divided: half goes to the even neighbour.

use guildhall_sdk::Decimal;

/// The most digits behind the point that a decimal has.
const MOST_DIGITS: u32 = 18;

/// The number, with at most so many digits behind the point.
pub fn round(number: Decimal, places: u32) -> Decimal {
    let (units, scale) = parts(number);
    if scale <= places {
        return number;
    }
    let rounded = quotient(units, 10_i128.pow(scale - places));
    rounded.and_then(|units| whole(units, places)).unwrap_or(number)
}

/// The quotient with so many digits behind the point; `None` for a division by zero, or a result that does not fit.
pub fn divide(number: Decimal, by: Decimal, places: u32) -> Option<Decimal> {
    let ((number, scale), (by, by_scale)) = (parts(number), parts(by));
    let number = number.checked_mul(10_i128.checked_pow(by_scale + places)?)?;
    let by = by.checked_mul(10_i128.checked_pow(scale)?)?;
    whole(quotient(number, by)?, places)
}

/// A part of a whole, with four digits behind the point; `None` when the whole is nothing.
pub fn share(part: i64, of: i64) -> Option<Decimal> {
    divide(Decimal::from(part), Decimal::from(of), 4)
}

/// The number with exactly so many digits behind the point, as money is written; `None` when it has more.
pub fn written(number: Decimal, places: u32) -> Option<Decimal> {
    let (units, scale) = parts(number);
    match scale.checked_sub(places) {
        Some(more) => {
            let factor = 10_i128.pow(more);
            (units % factor == 0).then(|| whole(units / factor, places)).flatten()
        }
        None => whole(units.checked_mul(10_i128.checked_pow(places - scale)?)?, places),
    }
}

/// The number as it is shown: with so many digits behind the point, and further ones only where they say something.
pub fn shown(number: Decimal, places: u32) -> Decimal {
    let (_, scale) = parts(number);
    (places..=scale.max(places)).find_map(|places| written(number, places)).unwrap_or(number)
}

/// The sum; `None` when it does not fit.
pub fn sum(numbers: impl IntoIterator<Item = Decimal>) -> Option<Decimal> {
    numbers.into_iter().try_fold(Decimal::ZERO, Decimal::checked_add)
}

/// The number without its point, and how many digits stand behind that.
fn parts(number: Decimal) -> (i128, u32) {
    let text = number.to_string();
    let scale = text.split_once('.').map_or(0, |(_, fraction)| fraction.len());
    let units = text.replace('.', "").parse().expect("a decimal is written with digits that an i128 holds");
    (units, u32::try_from(scale).unwrap_or(MOST_DIGITS))
}

/// A number of these units.
fn whole(units: i128, scale: u32) -> Option<Decimal> {
    let sign = if units < 0 { "-" } else { "" };
    let (one, width) = (10_u128.checked_pow(scale)?, scale as usize);
    let (before, behind) = (units.unsigned_abs() / one, units.unsigned_abs() % one);
    let text = if scale == 0 { format!("{sign}{before}") } else { format!("{sign}{before}.{behind:0width$}") };
    text.parse().ok()
}

/// The quotient as a whole number; half goes to the even neighbour.
fn quotient(number: i128, by: i128) -> Option<i128> {
    let (number, by) = if by < 0 { (number.checked_neg()?, by.checked_neg()?) } else { (number, by) };
    let (down, rest) = (number.checked_div_euclid(by)?, number.checked_rem_euclid(by)?);
    let twice = rest.checked_mul(2)?;
    let is_up = twice > by || (twice == by && down % 2 != 0);
    Some(if is_up { down + 1 } else { down })
}

#[cfg(test)]
mod tests;
