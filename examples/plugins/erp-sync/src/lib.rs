//! Keeps companies the same here and in an ERP, whichever side they are changed on.

mod erp;
mod sync;

use guildhall_sdk::secrets::{self, Algorithm};
use guildhall_sdk::{Event, Fault, HttpRoute, OnEvents, RouteRequest, RouteResponse, Scheduled, kv, log, register};

use crate::erp::{Customer, Erp};

struct ErpSync;

/// Where the place in the ERP's changes is kept.
const CURSOR: &str = "cursor";

/// Pages of one pull: what is left comes with the next.
const PAGES: usize = 3;

/// Companies that were changed here go to the ERP. What this plugin wrote itself is not shown to it: no loop.
impl OnEvents for ErpSync {
    fn on_events(events: &[Event]) -> Result<(), Fault> {
        let erp = Erp::new()?;
        events.iter().filter_map(|event| event.data()["record"].as_str()).try_for_each(|id| sync::push(&erp, id))
    }
}

/// What has changed in the ERP since the last time comes here.
impl Scheduled for ErpSync {
    fn run_task(_name: &str, _due: &str) -> Result<(), Fault> {
        let erp = Erp::new()?;
        let mut cursor: Option<String> = kv::get_as(CURSOR)?;
        for _ in 0..PAGES {
            let page = erp.changes(cursor.as_deref())?;
            for customer in &page.data {
                match sync::take(&erp, customer) {
                    // It would be the same the next time, and nothing behind it would ever come.
                    Err(fault) if !fault.is_retryable() && fault.code() != "conflict" => {
                        let text = format!("customer {} cannot be taken over: {fault}", customer.id);
                        log::warn(&text, &[("customer", &customer.id)]);
                    }
                    taken => taken?,
                }
            }
            kv::set_as(CURSOR, &page.next)?;
            if !page.has_more {
                break;
            }
            cursor = Some(page.next);
        }
        Ok(())
    }
}

/// The ERP tells at once what has changed, signed with the key that both know.
impl HttpRoute for ErpSync {
    fn handle(request: &RouteRequest) -> Result<RouteResponse, Fault> {
        let signature = request.headers.iter().find(|(name, _)| name == "x-erp-signature");
        let signature = signature.and_then(|(_, value)| bytes(value)).unwrap_or_default();
        if !secrets::verify("ERP_SIGNING_KEY", Algorithm::HmacSha256, &request.body, &signature)? {
            return Err(Fault::new("invalid_signature", "The ERP has not signed this."));
        }
        let customer: Customer =
            erp::read(&request.body).map_err(|error| Fault::invalid(format!("This is no customer: {error}.")))?;
        sync::take(&Erp::new()?, &customer)?;
        Ok(RouteResponse::status(204))
    }
}

/// The bytes of a text in hexadecimal digits.
fn bytes(hex: &str) -> Option<Vec<u8>> {
    let pairs = hex.as_bytes().chunks(2).map(|pair| u8::from_str_radix(str::from_utf8(pair).ok()?, 16).ok());
    pairs.collect()
}

register!(ErpSync: OnEvents, Scheduled, HttpRoute);
