//! Targets: whose they are, for which period, and how far they were met.

use guildhall_sdk::{Decimal, Fault, Record};

use crate::day::{Day, Period};
use crate::exact;

/// The key of a target, which nobody can set twice; a target that makes no sense is refused.
pub fn key(target: &Record) -> Result<String, Fault> {
    let wrong = |field: &str, message: String| Fault::new("invalid_target", message).with_detail("field", field);
    let period = target.text("period").unwrap_or("month");
    let day: Day = target.date("starts_on").and_then(|day| day.parse().ok()).unwrap_or(Day::from_number(0));
    let starts = Period::named(period).map(|period| day.start_of(period));
    if starts != Some(day) {
        return Err(wrong("starts_on", format!("`starts_on` is the first day of a {period}.")));
    }
    let scope = target.text("scope").unwrap_or("seller");
    let whose = match (scope, target.link("owner"), target.link("team")) {
        ("seller", Some(owner), None) => owner,
        ("team", None, Some(team)) => team,
        ("all", None, None) => "all",
        _ => {
            let message = "A target of a seller has an `owner`, one of a team a `team`, and one of everybody neither.";
            return Err(wrong("scope", message.to_owned()));
        }
    };
    let currency = target.money("amount").map(|amount| amount.currency).unwrap_or_default();
    Ok(format!("{period}/{day}/{scope}/{whose}/{currency}"))
}

/// Which part of a target was won, with four digits; `None` of a target of nothing.
pub fn attained(won: Decimal, target: Decimal) -> Option<Decimal> {
    exact::divide(won, target, 4)
}

#[cfg(test)]
mod tests {
    use guildhall_sdk::json;

    use super::*;

    #[test]
    fn a_target_is_somebodys_for_a_whole_period() {
        let target = Record::new()
            .set("period", "quarter")
            .set("starts_on", "2026-10-01")
            .set("scope", "seller")
            .set("owner", "u1")
            .set("amount", json!({"amount": "1000.00", "currency": "EUR"}));
        assert_eq!(key(&target).unwrap(), "quarter/2026-10-01/seller/u1/EUR");
        for wrong in [
            target.clone().set("starts_on", "2026-11-01"),
            target.clone().set("owner", ()),
            target.clone().set("team", "t1"),
            target.clone().set("scope", "all"),
        ] {
            assert_eq!(key(&wrong).unwrap_err().code(), "invalid_target", "{wrong:?}");
        }
        let whole = target.set("period", "month").set("starts_on", "2026-11-01");
        assert_eq!(key(&whole).unwrap(), "month/2026-11-01/seller/u1/EUR");
    }

    #[test]
    fn nothing_of_nothing_is_no_part() {
        let decimal = |text: &str| text.parse::<Decimal>().unwrap();
        assert_eq!(attained(decimal("750"), decimal("1000")).unwrap().to_string(), "0.7500");
        assert_eq!(attained(decimal("750"), Decimal::ZERO), None);
    }
}
