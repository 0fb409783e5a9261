//! How an amount is split by weights, and how an advance is consumed.

/// Why an amount cannot be split.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SplitError {
    /// There is no weight above zero.
    NoWeight,
    /// A weight is below zero.
    NegativeWeight,
    /// The numbers are too large to be multiplied.
    OutOfRange,
}

/// Parts of an amount in proportion to weights, by largest remainder: each share is cut off towards zero, and what is
/// left goes, a unit each, to the largest remainders; of equal ones to the earlier row. The parts add up to the amount.
pub fn by_weights(total: i128, weights: &[i128]) -> Result<Vec<i128>, SplitError> {
    if weights.iter().any(|weight| *weight < 0) {
        return Err(SplitError::NegativeWeight);
    }
    let sum = weights.iter().try_fold(0_i128, |sum, weight| sum.checked_add(*weight)).ok_or(SplitError::OutOfRange)?;
    if sum == 0 {
        return Err(SplitError::NoWeight);
    }
    // The sign is set aside, so that a credit splits like the same debit.
    let size = total.checked_abs().ok_or(SplitError::OutOfRange)?;
    let mut shares = Vec::with_capacity(weights.len());
    let mut remainders = Vec::with_capacity(weights.len());
    for (row, weight) in weights.iter().enumerate() {
        let product = size.checked_mul(*weight).ok_or(SplitError::OutOfRange)?;
        shares.push(product / sum);
        remainders.push((product % sum, row));
    }
    let left = usize::try_from(size - shares.iter().sum::<i128>()).map_err(|_| SplitError::OutOfRange)?;
    remainders.sort_by_key(|(remainder, row)| (std::cmp::Reverse(*remainder), *row));
    for (_, row) in remainders.into_iter().take(left) {
        shares[row] += 1;
    }
    Ok(shares.into_iter().map(|share| share * total.signum()).collect())
}

/// What an amount covers of each row when it is consumed row by row. Nothing is taken beyond a row's own amount.
pub fn consumed(rows: &[i128], mut amount: i128) -> Vec<i128> {
    let take = |row: &i128| {
        let taken = amount.clamp(0, (*row).max(0));
        amount -= taken;
        taken
    };
    rows.iter().map(take).collect()
}

#[cfg(test)]
mod tests {
    use guildhall_sdk::Decimal;
    use proptest::prelude::*;
    use serde_json::Value;

    use super::*;
    use crate::number::units;

    const VECTORS: &str = include_str!("../tests/vectors/payment_schedule.json");

    fn at(value: &Value, scale: u32) -> i128 {
        units(value.as_str().unwrap().parse::<Decimal>().unwrap(), scale).unwrap()
    }

    fn all(value: &Value, scale: u32) -> Vec<i128> {
        value.as_array().unwrap().iter().map(|one| at(one, scale)).collect()
    }

    #[test]
    fn published_cases_come_out() {
        let vectors: Value = serde_json::from_str(VECTORS).unwrap();
        for case in vectors["cases"].as_array().unwrap() {
            let scale = u32::try_from(case["exponent"].as_u64().unwrap()).unwrap();
            let parts = by_weights(at(&case["total"], scale), &all(&case["weights"], 6)).unwrap();
            assert_eq!(parts, all(&case["expect_largest_remainder"], scale), "{}", case["id"]);
        }
    }

    #[test]
    fn an_advance_is_consumed_row_by_row() {
        let vectors: Value = serde_json::from_str(VECTORS).unwrap();
        let case = &vectors["advance"];
        let terms = all(&case["terms"], 2);
        let covered = consumed(&terms, at(&case["advance"], 2));
        let outstanding: Vec<i128> = terms.iter().zip(&covered).map(|(term, covered)| term - covered).collect();
        assert_eq!(outstanding, all(&case["expect_outstanding"], 2));
    }

    #[test]
    fn what_cannot_be_split_is_refused() {
        assert_eq!(by_weights(100, &[]), Err(SplitError::NoWeight));
        assert_eq!(by_weights(100, &[0, 0]), Err(SplitError::NoWeight));
        assert_eq!(by_weights(100, &[3, -1]), Err(SplitError::NegativeWeight));
        assert_eq!(by_weights(i128::MAX, &[2, 2]), Err(SplitError::OutOfRange));
        assert_eq!(by_weights(1, &[i128::MAX, 1]), Err(SplitError::OutOfRange));
    }

    proptest! {
        #[test]
        fn parts_add_up_and_stay_within_a_unit_of_their_share(
            total in -1_000_000_000_000_i128..1_000_000_000_000,
            weights in prop::collection::vec(0_i128..1_000_000_000, 1..40),
        ) {
            let sum: i128 = weights.iter().sum();
            prop_assume!(sum > 0);
            let parts = by_weights(total, &weights).unwrap();
            prop_assert_eq!(parts.iter().sum::<i128>(), total);
            for (part, weight) in parts.iter().zip(&weights) {
                prop_assert!((part * sum - total * weight).abs() < sum, "{part} of weight {weight}");
                prop_assert!(*weight > 0 || *part == 0);
            }
            // Of equal weights, the earlier row has no less.
            for earlier in 0..weights.len() {
                for later in earlier + 1..weights.len() {
                    if weights[earlier] == weights[later] {
                        prop_assert!(parts[earlier].abs() >= parts[later].abs());
                    }
                }
            }
        }

        #[test]
        fn consuming_takes_no_more_than_there_is(
            rows in prop::collection::vec(0_i128..1000, 0..20), amount in -10_i128..10_000,
        ) {
            let covered = consumed(&rows, amount);
            let sum: i128 = rows.iter().sum();
            prop_assert_eq!(covered.iter().sum::<i128>(), amount.clamp(0, sum));
            for at in 1..rows.len() {
                // A later row is covered only when all before it are covered whole.
                prop_assert!(covered[at] == 0 || covered[at - 1] == rows[at - 1]);
            }
        }
    }
}
