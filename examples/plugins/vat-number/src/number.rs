//! The form and the check digits of VAT numbers, country by country, without any call to the host.

use std::fmt;

/// Why a text is no VAT number.
#[derive(Debug, PartialEq)]
pub enum Invalid {
    /// There is no rule for a country with this prefix.
    Country(String),
    /// It has another length, or other letters and digits: this is what it looks like.
    Form(&'static str),
    /// A digit is wrong, or two changed places.
    CheckDigit,
}

impl Invalid {
    /// A word for programs.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Country(_) => "unknown_country",
            Self::Form(_) => "form",
            Self::CheckDigit => "check_digit",
        }
    }
}

impl fmt::Display for Invalid {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Country(prefix) => write!(formatter, "no rule is known for `{prefix}`"),
            Self::Form(example) => write!(formatter, "one of this country looks like {example}"),
            Self::CheckDigit => formatter.write_str("its check digits do not fit"),
        }
    }
}

/// The number in capitals, without what people put between the digits.
pub fn normalise(text: &str) -> Result<String, Invalid> {
    let compact: String = text.chars().filter(|c| !matches!(c, ' ' | '.' | '-' | '/' | '\u{a0}')).collect();
    let compact = compact.to_uppercase();
    let Some((country, own)) = compact.split_at_checked(2) else { return Err(Invalid::Country(compact)) };
    let (example, check): (_, fn(&str) -> Option<bool>) = match country {
        "AT" => ("ATU13585627", austria),
        "BE" => ("BE0428759497", belgium),
        "DE" => ("DE136695976", germany),
        "FR" => ("FR40303265045", france),
        "IT" => ("IT00743110157", italy),
        "NL" => ("NL004495445B01", netherlands),
        _ => return Err(Invalid::Country(country.to_owned())),
    };
    // Belgium's older numbers lack the leading zero.
    let own = if country == "BE" && own.len() == 9 { format!("0{own}") } else { own.to_owned() };
    match check(&own) {
        None => Err(Invalid::Form(example)),
        Some(false) => Err(Invalid::CheckDigit),
        Some(true) => Ok(format!("{country}{own}")),
    }
}

/// So many digits and nothing else.
fn digits<const N: usize>(text: &str) -> Option<[u32; N]> {
    let digits: Option<Vec<u32>> = text.chars().map(|c| c.to_digit(10)).collect();
    digits?.try_into().ok()
}

/// Digits as one number.
fn number(digits: &[u32]) -> u64 {
    digits.iter().fold(0, |number, digit| number * 10 + u64::from(*digit))
}

/// The sum of the digits, every second one from the end but one doubled and its digits added.
fn luhn(digits: &[u32]) -> u32 {
    let doubled = |digit: u32| digit * 2 / 10 + digit * 2 % 10;
    digits.iter().rev().enumerate().map(|(at, digit)| if at % 2 == 1 { doubled(*digit) } else { *digit }).sum()
}

/// `U` and eight digits, of which the last is a check digit.
fn austria(own: &str) -> Option<bool> {
    let digits: [u32; 8] = digits(own.strip_prefix('U')?)?;
    Some((luhn(&digits[..7]) + 4 + digits[7]).is_multiple_of(10))
}

/// Ten digits, of which the last two make the rest a multiple of 97.
fn belgium(own: &str) -> Option<bool> {
    let digits: [u32; 10] = digits(own).filter(|digits: &[u32; 10]| digits[0] <= 1)?;
    Some(97 - number(&digits[..8]) % 97 == number(&digits[8..]))
}

/// Nine digits, by ISO 7064 MOD 11,10.
fn germany(own: &str) -> Option<bool> {
    let digits: [u32; 9] = digits(own).filter(|digits: &[u32; 9]| digits[0] != 0)?;
    let product = digits[..8].iter().fold(10, |product, digit| match (digit + product) % 10 {
        0 => 20 % 11,
        sum => sum * 2 % 11,
    });
    Some((11 - product) % 10 == digits[8])
}

/// What letters count in a French key.
const KEYS: &str = "0123456789ABCDEFGHJKLMNPQRSTUVWXYZ";

/// Two letters or digits as a key, and the SIREN of nine digits.
fn france(own: &str) -> Option<bool> {
    let (key, siren) = own.split_at_checked(2)?;
    let siren: [u32; 9] = digits(siren)?;
    // Numbers of Monaco have no SIREN behind them.
    let is_siren = siren.starts_with(&[0, 0, 0]) || luhn(&siren).is_multiple_of(10);
    let siren = number(&siren);
    if let Some(key) = digits::<2>(key) {
        return Some(is_siren && (siren * 100 + 12) % 97 == number(&key));
    }
    let mut places = key.chars().map(|letter| KEYS.find(letter).and_then(|place| u64::try_from(place).ok()));
    let (first, second) = (places.next()??, places.next()??);
    let key = if first < 10 { first * 24 + second - 10 } else { first * 34 + second - 100 };
    Some(is_siren && (siren + 1 + key / 11) % 11 == key % 11)
}

/// Eleven digits: a number, the office that gave it out, and a check digit.
fn italy(own: &str) -> Option<bool> {
    let digits: [u32; 11] = digits(own)?;
    let office = number(&digits[7..10]);
    let is_office = matches!(office, 1..=100 | 120 | 121 | 888 | 999);
    Some(is_office && number(&digits[..7]) != 0 && luhn(&digits).is_multiple_of(10))
}

/// Nine places, `B`, and two digits: of companies with a check digit at the ninth place, of people in business by
/// themselves (since 2020) with the last two, by ISO 7064 MOD 97,10 over all of it.
fn netherlands(own: &str) -> Option<bool> {
    let (body, end) = own.split_once('B').filter(|(body, _)| body.len() == 9)?;
    let end: [u32; 2] = digits(end)?;
    let values: Option<Vec<u64>> = format!("NL{own}").chars().map(value).collect();
    let by_97 = values?.iter().fold(0, |rest, value| (rest * if *value < 10 { 10 } else { 100 } + value) % 97) == 1;
    let by_11 = digits::<9>(body).is_some_and(|digits| {
        let sum: u32 = (2..=9).rev().zip(digits).map(|(weight, digit)| weight * digit).sum();
        sum % 11 == digits[8] && number(&digits) != 0 && number(&end) != 0
    });
    Some(by_97 || by_11)
}

/// What a letter counts in the Dutch number.
fn value(letter: char) -> Option<u64> {
    match letter {
        '+' => Some(36),
        '*' => Some(37),
        _ => letter.to_digit(36).map(u64::from),
    }
}

#[cfg(test)]
mod tests;
