//! What other programs read: the three centres of the business with customers, reports, and balances of any moment.

use guildhall_sdk::{Fault, RouteRequest, RouteResponse, Value, clock, json};

use crate::figures;
use crate::settings::Settings;

/// Answers a request.
pub fn handle(request: &RouteRequest) -> Result<RouteResponse, Fault> {
    let parts: Vec<&str> = request.path.trim_matches('/').split('/').collect();
    let answer = match parts.as_slice() {
        ["customer-centre", contact] => figures::customer(contact),
        ["order-centre", order] => figures::order(order),
        ["resource-centre"] => figures::resources(&Settings::of_tenant()?),
        ["balance", member] => figures::balance(member, &moment(&request.query)),
        ["liabilities"] => figures::liabilities(&Settings::of_tenant()?),
        ["reports", "business"] => figures::business().map(|months| json!({"months": months})),
        ["reports", "customers"] => figures::development(),
        ["reports", "finance"] => finance(),
        _ => return Ok(RouteResponse::status(404)),
    };
    match answer {
        Ok(answer) => Ok(RouteResponse::json(200, &answer)),
        Err(fault) if fault.code().starts_with("unknown_") => {
            Ok(RouteResponse::json(404, &json!({"code": fault.code(), "message": fault.message()})))
        }
        Err(fault) => Err(fault),
    }
}

fn finance() -> Result<Value, Fault> {
    Ok(json!({"movements": figures::movements()?, "liabilities": figures::liabilities(&Settings::of_tenant()?)?}))
}

/// The moment that is asked for with `at`, or now. Colons and signs of the offset may be escaped.
fn moment(query: &str) -> String {
    let at = query.split('&').find_map(|pair| pair.strip_prefix("at="));
    let unescape = |at: &str| at.replace("%3A", ":").replace("%3a", ":").replace("%2B", "+").replace("%2b", "+");
    at.map_or_else(clock::now, unescape)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_may_be_escaped() {
        assert_eq!(moment("a=b&at=2026-11-27T10%3A00%3A00%2B01:00"), "2026-11-27T10:00:00+01:00");
    }
}
