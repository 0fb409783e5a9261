//! Sales when two change a deal and its lines at once, and their sum stays the same meanwhile.

use futures_util::future::join;
use serde_json::{Value as Json, json};

use crate::sales::{SALES, euros, path, refused};
use crate::support::{Actor, On, Reply, TestApp};

both!(
    a_deal_is_worth_its_lines_whoever_sets_its_amount
    what_is_ordered_is_what_the_deal_has
    a_quote_is_worth_its_lines_whoever_takes_one_away
);

const ROUNDS: usize = 8;
const DEAL_LINES: &str = "/api/v1/records/sales.deal_line";

/// That it was done, or that the module refused it, with this code.
fn done_or(reply: Reply, code: &str) {
    if !reply.status.is_success() {
        refused(reply, code);
    }
}

fn line(of: &str, record: &Json, price: &str) -> Json {
    json!({of: record["id"], "unit_price": euros(price)})
}

/// The amounts of the lines of a record, the smallest first.
async fn amounts(ann: &Actor, object: &str, of: &str, id: &Json) -> Vec<String> {
    let filter = format!("filter[{of}][_eq]");
    let lines = ann.all(object, &[(filter.as_str(), id.as_str().unwrap())]).await;
    let mut amounts: Vec<String> = lines.iter().map(|line| line["amount"]["amount"].to_string()).collect();
    amounts.sort();
    amounts
}

async fn a_deal_is_worth_its_lines_whoever_sets_its_amount(on: On) {
    let TestApp { ann, .. } = TestApp::with_plugin(on, SALES).await;
    for _ in 0..ROUNDS {
        let deal = ann.create("sales.deal", json!({"name": "Roof", "amount": euros("5.00")})).await;
        let here = path("sales.deal", &deal);
        let (fields, other) = (line("deal", &deal, "5.00"), json!({"amount": euros("1.00")}));
        let (added, set) = join(ann.post(DEAL_LINES, &fields), ann.patch(&here, &other)).await;
        added.assert(201);
        done_or(set, "amount_from_lines");
        assert_eq!(ann.get(&here).await.json()["amount"], euros("5.00"));
    }
}

async fn what_is_ordered_is_what_the_deal_has(on: On) {
    let TestApp { ann, .. } = TestApp::with_plugin(on, SALES).await;
    for _ in 0..ROUNDS {
        let deal = ann.create("sales.deal", json!({"name": "Roof"})).await;
        ann.create("sales.deal_line", line("deal", &deal, "10.00")).await;
        let (here, free) = (path("sales.deal", &deal), line("deal", &deal, "0.00"));
        let won = json!({"status": "won", "close_date": "2026-12-01"});
        let (added, won) = join(ann.post(DEAL_LINES, &free), ann.patch(&here, &won)).await;
        done_or(added, "deal_closed");
        let won = won.assert(200).json();
        let ordered = amounts(&ann, "order_line", "order", &won["order"]).await;
        assert_eq!(ordered, amounts(&ann, "sales.deal_line", "deal", &deal["id"]).await);
    }
}

async fn a_quote_is_worth_its_lines_whoever_takes_one_away(on: On) {
    let TestApp { ann, .. } = TestApp::with_plugin(on, SALES).await;
    let deal = ann.create("sales.deal", json!({"name": "Roof"})).await;
    for _ in 0..ROUNDS {
        let quote = ann.create("sales.quote", json!({"deal": deal["id"]})).await;
        let first = ann.create("sales.quote_line", line("quote", &quote, "5.00")).await;
        let (goes, free) = (path("sales.quote_line", &first), line("quote", &quote, "0.00"));
        let (gone, added) = join(ann.delete(&goes), ann.post("/api/v1/records/sales.quote_line", &free)).await;
        gone.assert(204);
        added.assert(201);
        assert_eq!(ann.get(&path("sales.quote", &quote)).await.json()["total"], euros("0.00"));
    }
}
