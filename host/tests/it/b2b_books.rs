//! The books of a contract under random commands of many at once: whatever was accepted, they agree to the last cent.

use futures_util::future::join_all;
use guildhall::domain::clock::Clock;
use rand::rngs::SmallRng;
use rand::{RngExt, SeedableRng};
use serde_json::{Value as Json, json};

use crate::b2b::{euros, path, start};
use crate::support::{Actor, On, Reply};

both!(random_commands_of_many_leave_books_that_agree);

const CLIENTS: u64 = 6;
const COMMANDS: usize = 20;

/// Whole euros of a field; none is nothing.
fn whole(record: &Json, field: &str) -> i64 {
    record[field]["amount"].as_str().map_or(0, |amount| amount.trim_end_matches(".00").parse().unwrap())
}

fn sum<'a>(records: impl IntoIterator<Item = &'a Json>) -> i64 {
    records.into_iter().map(|record| whole(record, "amount")).sum()
}

/// One command, right or wrong; none when there is nothing yet that it could be about.
async fn command(ann: &Actor, contract: &Json, milestone: &Json, random: &mut SmallRng) -> Option<Reply> {
    let amount = euros(&format!("{}.00", random.random_range(1..12)));
    // What matches are taken out of is mostly larger than they are.
    let more = euros(&format!("{}.00", random.random_range(5..40)));
    let create = async |object: &str, fields: Json| Some(ann.post(&format!("/api/v1/records/{object}"), &fields).await);
    let kind = random.random_range(0..20);
    let pick = |records: Vec<Json>, random: &mut SmallRng| {
        (!records.is_empty()).then(|| records[random.random_range(0..records.len())].clone())
    };
    match kind {
        0..2 => {
            let number = random.random_range(0..1_000_000).to_string();
            create("b2b.invoice", json!({"number": number, "contract": contract["id"], "amount": more})).await
        }
        2..8 => {
            let invoice = pick(ann.all("b2b.invoice", &[]).await, random)?;
            let line = pick(ann.all("b2b.plan_line", &[]).await, random)?;
            let fields = json!({"invoice": invoice["id"], "line": line["id"], "amount": amount});
            create("b2b.invoice_match", fields).await
        }
        8..9 => create("b2b.receipt", json!({"amount": more, "received_on": "2026-01-01"})).await,
        9..13 => {
            let invoice = pick(ann.all("b2b.invoice", &[]).await, random)?;
            let receipt = pick(ann.all("b2b.receipt", &[]).await, random)?;
            let fields = json!({"invoice": invoice["id"], "receipt": receipt["id"], "amount": amount});
            create("b2b.receipt_match", fields).await
        }
        13..15 => {
            let object = ["b2b.invoice_match", "b2b.receipt_match", "b2b.invoice", "b2b.receipt", "b2b.plan_line"]
                [random.random_range(0..5)];
            let record = path(object, &pick(ann.all(object, &[]).await, random)?);
            if object != "b2b.plan_line" && random.random_bool(0.5) {
                Some(ann.delete(&record).await)
            } else {
                // A plan that adds up can come into force again.
                let amount = if object == "b2b.plan_line" { euros("50.00") } else { amount };
                Some(ann.patch(&record, &json!({"amount": amount})).await)
            }
        }
        15..18 => {
            let status = ["active", "active", "active", "active", "amending"][random.random_range(0..5)];
            Some(ann.patch(&path("b2b.contract", contract), &json!({"status": status})).await)
        }
        18..19 => {
            let number = random.random_range(0..1_000_000).to_string();
            let status = if random.random_bool(0.2) { "signed" } else { "draft" };
            let fields = json!({"contract": contract["id"], "number": number, "amount": amount, "status": status});
            create("b2b.supplement", fields).await
        }
        _ => {
            let reached = if random.random_bool(0.5) { json!("2026-01-01") } else { json!(null) };
            Some(ann.patch(&path("b2b.milestone", milestone), &json!({"reached_on": reached})).await)
        }
    }
}

async fn random_commands_of_many_leave_books_that_agree(on: On) {
    let test = start(on, Clock::system()).await;
    let ann = &test.ann;
    let company = ann.create("company", json!({"name": "Customer"})).await;
    let project = ann.create("b2b.engagement", json!({"name": "Bridge", "company": company["id"]})).await;
    let milestone = ann.create("b2b.milestone", json!({"engagement": project["id"], "name": "Opened"})).await;
    let fields = json!({"number": "C", "company": company["id"], "total": euros("100.00")});
    let contract = ann.create("b2b.contract", fields).await;
    for trigger in [json!({"due_on": "2020-01-01"}), json!({"trigger": "milestone", "milestone": milestone["id"]})] {
        let mut line = json!({"contract": contract["id"], "amount": euros("50.00")});
        line.as_object_mut().unwrap().extend(trigger.as_object().unwrap().clone());
        ann.create("b2b.plan_line", line).await;
    }
    let here = path("b2b.contract", &contract);
    ann.patch(&here, &json!({"status": "active"})).await.assert(200);
    // Not everything is refused: something is invoiced and paid before all come at once.
    let fields = json!({"number": "first", "contract": contract["id"], "amount": euros("20.00")});
    let invoice = ann.create("b2b.invoice", fields).await;
    let line = &ann.all("b2b.plan_line", &[("filter[trigger][_eq]", "date")]).await[0];
    let fields = json!({"invoice": invoice["id"], "line": line["id"], "amount": euros("20.00")});
    ann.create("b2b.invoice_match", fields).await;
    let receipt = ann.create("b2b.receipt", json!({"amount": euros("9.00"), "received_on": "2026-01-01"})).await;
    let fields = json!({"invoice": invoice["id"], "receipt": receipt["id"], "amount": euros("9.00")});
    ann.create("b2b.receipt_match", fields).await;
    let clients = (0..CLIENTS).map(|seed| {
        let (contract, milestone) = (&contract, &milestone);
        async move {
            let mut random = SmallRng::seed_from_u64(seed);
            for _ in 0..COMMANDS {
                if let Some(reply) = command(ann, contract, milestone, &mut random).await {
                    // Refused by the module, gone meanwhile, or done: nothing else.
                    assert!([200, 201, 204, 404, 422].contains(&reply.status.as_u16()), "{}", reply.text);
                }
            }
        }
    });
    join_all(clients).await;

    let contract = ann.get(&here).await.assert(200).json();
    let lines = ann.all("b2b.plan_line", &[]).await;
    let on_lines = ann.all("b2b.invoice_match", &[]).await;
    let payments = ann.all("b2b.receipt_match", &[]).await;
    let of = |records: &[Json], link: &str, id: &Json| sum(records.iter().filter(|record| &record[link] == id));
    let signed = ann.all("b2b.supplement", &[("filter[status][_eq]", "signed")]).await;
    let agreed = whole(&contract, "total") + sum(&signed);
    assert_eq!((whole(&contract, "agreed"), whole(&contract, "planned")), (agreed, sum(&lines)));
    assert!(contract["status"] != "active" || agreed == sum(&lines), "{contract}");
    assert_eq!((whole(&contract, "invoiced"), whole(&contract, "received")), (sum(&on_lines), sum(&payments)));
    let reached = ann.get(&path("b2b.milestone", &milestone)).await.json()["reached_on"] != Json::Null;
    for line in &lines {
        let invoiced = of(&on_lines, "line", &line["id"]);
        assert!(invoiced <= whole(line, "amount") && invoiced == whole(line, "invoiced"), "{line}");
        assert!(invoiced == 0 || line["trigger"] == "date" || reached, "{line}");
    }
    for invoice in ann.all("b2b.invoice", &[]).await {
        let paid = of(&payments, "invoice", &invoice["id"]);
        assert!(paid <= whole(&invoice, "amount") && paid == whole(&invoice, "received"), "{invoice}");
        assert!(of(&on_lines, "invoice", &invoice["id"]) <= whole(&invoice, "amount"), "{invoice}");
    }
    for receipt in ann.all("b2b.receipt", &[]).await {
        let matched = of(&payments, "receipt", &receipt["id"]);
        assert!(matched <= whole(&receipt, "amount") && matched == whole(&receipt, "matched"), "{receipt}");
    }
    let versions = ann.all("b2b.contract_version", &[]).await;
    assert_eq!(contract["version_number"], versions.len());
    for version in &versions {
        assert_eq!(sum(version["plan"].as_array().unwrap()), whole(version, "agreed"), "{version}");
    }
}
